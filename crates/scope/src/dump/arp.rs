//! ARP (RFC 826), reverse ARP (RFC 903) and inverse ARP (RFC 2390).

use super::bytes::{Bytes, Cut};
use super::line::{Line, Printed, put};
use limpid_wire::{IpAddr, MacAddr};

/// Where the four addresses of an ARP packet are.
struct Layout {
    hardware_len: usize,
    protocol: u16,
    protocol_len: usize,
}

impl Layout {
    const HEADER: usize = 8;

    fn sender_hardware(&self) -> usize {
        Self::HEADER
    }

    fn sender_protocol(&self) -> usize {
        Self::HEADER + self.hardware_len
    }

    fn target_hardware(&self) -> usize {
        self.sender_protocol() + self.protocol_len
    }

    fn target_protocol(&self) -> usize {
        self.target_hardware() + self.hardware_len
    }

    fn total(&self) -> usize {
        self.target_protocol() + self.protocol_len
    }
}

impl Line<'_> {
    /// An ARP packet of `length` bytes on the link.
    pub(super) fn arp(&mut self, packet: &[u8], length: usize) -> Printed {
        self.protocol = "arp";
        packet.need(Layout::HEADER)?;
        let (hardware, operation) = (packet.u16(0)?, packet.u16(6)?);
        let layout = Layout {
            protocol: packet.u16(2)?,
            hardware_len: usize::from(packet.u8(4)?),
            protocol_len: usize::from(packet.u8(5)?),
        };
        packet.need(layout.total())?;
        if !self.options.link {
            self.out.push_str("ARP, ");
        }
        let usual = layout.protocol_len == 4 && layout.protocol == 0x0800 && layout.hardware_len != 0;
        if !usual || self.verbose() {
            self.arp_kinds(hardware, &layout);
            if !self.verbose() {
                put!(self, ", length {length}");
                return Ok(());
            }
            self.out.push_str(", ");
        }
        self.arp_operation(operation);
        self.arp_addresses(operation, packet, &layout)?;
        if !matches!(operation, 1..=4 | 8 | 9) {
            self.data(packet);
            return Ok(());
        }
        put!(self, ", length {length}");
        Ok(())
    }

    fn arp_kinds(&mut self, hardware: u16, layout: &Layout) {
        match hardware {
            1 => self.out.push_str("Ethernet"),
            6 => self.out.push_str("TokenRing"),
            7 => self.out.push_str("ArcNet"),
            15 => self.out.push_str("FrameRelay"),
            23 => self.out.push_str("Strip"),
            24 => self.out.push_str("IEEE 1394"),
            32 => self.out.push_str("InfiniBand"),
            _ => put!(self, "Unknown Hardware ({hardware})"),
        }
        put!(self, " (len {}), ", layout.hardware_len);
        match super::protocols::ethertype_name(layout.protocol) {
            Some(name) => self.out.push_str(name),
            None => put!(self, "Unknown Protocol (0x{:04x})", layout.protocol),
        }
        put!(self, " (len {})", layout.protocol_len);
    }

    fn arp_operation(&mut self, operation: u16) {
        match operation {
            1 => self.out.push_str("Request"),
            2 => self.out.push_str("Reply"),
            3 => self.out.push_str("Reverse Request"),
            4 => self.out.push_str("Reverse Reply"),
            8 => self.out.push_str("Inverse Request"),
            9 => self.out.push_str("Inverse Reply"),
            10 => self.out.push_str("NACK Reply"),
            _ => put!(self, "Unknown ({operation})"),
        }
        self.out.push(' ');
    }

    fn arp_addresses(&mut self, operation: u16, packet: &[u8], layout: &Layout) -> Printed {
        match operation {
            1 => {
                self.out.push_str("who-has ");
                self.arp_protocol(packet, layout.target_protocol(), layout)?;
                let target = packet.tail(layout.target_hardware());
                if target.iter().take(layout.hardware_len).any(|&b| b != 0) {
                    self.out.push_str(" (");
                    self.arp_hardware(packet, layout.target_hardware(), layout)?;
                    self.out.push(')');
                }
                self.out.push_str(" tell ");
                self.arp_protocol(packet, layout.sender_protocol(), layout)
            }
            2 => {
                self.arp_protocol(packet, layout.sender_protocol(), layout)?;
                self.out.push_str(" is-at ");
                self.arp_hardware(packet, layout.sender_hardware(), layout)
            }
            3 | 8 => {
                self.out.push_str("who-is ");
                self.arp_hardware(packet, layout.target_hardware(), layout)?;
                self.out.push_str(" tell ");
                self.arp_hardware(packet, layout.sender_hardware(), layout)
            }
            4 => {
                self.arp_hardware(packet, layout.target_hardware(), layout)?;
                self.out.push_str(" at ");
                self.arp_protocol(packet, layout.target_protocol(), layout)
            }
            9 => {
                self.arp_hardware(packet, layout.sender_hardware(), layout)?;
                self.out.push_str(" at ");
                self.arp_protocol(packet, layout.sender_protocol(), layout)
            }
            _ => Ok(()),
        }
    }

    fn arp_protocol(&mut self, packet: &[u8], at: usize, layout: &Layout) -> Result<(), Cut> {
        if layout.protocol != 0x0800 {
            self.out.push_str("<wrong proto type>");
        } else if layout.protocol_len != 4 {
            self.out.push_str("<wrong len>");
        } else {
            self.host(IpAddr::v4(packet.array(at)?));
        }
        Ok(())
    }

    fn arp_hardware(&mut self, packet: &[u8], at: usize, layout: &Layout) -> Result<(), Cut> {
        match layout.hardware_len {
            0 => self.out.push_str("<empty>"),
            6 => self.mac(MacAddr(packet.array(at)?)),
            length => {
                for i in 0..length {
                    if i > 0 {
                        self.out.push(':');
                    }
                    put!(self, "{:02x}", packet.u8(at + i)?);
                }
            }
        }
        Ok(())
    }
}
