//! A packet's text in the making: the helpers that all protocols share.

use super::Options;
use super::bytes::{Bytes, Cut};
use super::relative::Conversations;
use super::text::Text;
use limpid_wire::{IpAddr, MacAddr};
use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The most packets within packets (IP in IP, packets quoted by ICMP errors) that are printed.
pub(super) const MAX_NESTING: u32 = 32;

/// The text of one packet so far, and what decides how it goes on.
///
/// The methods named for protocols are spread over this folder's files. They take the captured bytes from the protocol's
/// header on, and the length that the packet had on the link from there.
pub(super) struct Line<'a> {
    pub(super) out: Text,
    pub(super) options: &'a Options,
    pub(super) conversations: &'a mut Conversations,
    /// Whose bytes are being read: named where they end too soon.
    pub(super) protocol: &'static str,
    /// How many IP headers deep.
    pub(super) nesting: u32,
}

/// Appends formatted text to a [`Line`].
macro_rules! put {
    ($line:expr, $($arg:tt)*) => {
        // Writing to a Text can't fail.
        { let _ = std::fmt::Write::write_fmt(&mut $line.out, format_args!($($arg)*)); }
    };
}
pub(super) use put;

/// A protocol printed all it could, or met the end of the captured bytes.
pub(super) type Printed = Result<(), Cut>;

impl<'a> Line<'a> {
    pub(super) fn new(out: Text, options: &'a Options, conversations: &'a mut Conversations) -> Line<'a> {
        Line { out, options, conversations, protocol: "", nesting: 0 }
    }

    /// ` [|protocol]`: the captured bytes end here.
    pub(super) fn truncated(&mut self) {
        put!(self, " [|{}]", self.protocol);
    }

    /// ` (invalid)`: the bytes are there but can't be right.
    pub(super) fn invalid(&mut self) {
        self.out.push_str(" (invalid)");
    }

    /// True with `-v`.
    pub(super) fn verbose(&self) -> bool {
        self.options.verbose > 0
    }

    /// An address by name or number.
    pub(super) fn host(&mut self, address: IpAddr) {
        if !self.options.numeric
            && let Some(name) = self.options.names.host(address)
        {
            let end = if self.options.no_domain { name.find('.') } else { None };
            self.out.push_str(&name[..end.unwrap_or(name.len())]);
            return;
        }
        match address.as_v4() {
            Some(octets) => self.out.dotted(octets),
            None => self.v6(address.octets()),
        }
    }

    /// An IPv6 address as a number, v4-mapped ones too.
    fn v6(&mut self, octets: [u8; 16]) {
        let address = Ipv6Addr::from(octets);
        match (octets[..12] == [0; 12], u32::from_be_bytes([octets[12], octets[13], octets[14], octets[15]])) {
            // inet_ntop writes the deprecated v4-compatible form with dots.
            (true, low) if low > 0xffff => put!(self, "::{}", Ipv4Addr::from(low)),
            _ => put!(self, "{address}"),
        }
    }

    /// An IPv6 address out of a packet. A v4-mapped one keeps its IPv6 text.
    pub(super) fn host6(&mut self, octets: [u8; 16]) {
        let address = IpAddr::v6(octets);
        if address.is_v4() {
            self.v6(octets);
        } else {
            self.host(address);
        }
    }

    /// A TCP port by name or number.
    pub(super) fn tcp_port(&mut self, port: u16) {
        let name = if self.options.numeric { None } else { self.options.names.tcp(port) };
        match name {
            Some(name) => self.out.push_str(name),
            None => self.out.decimal(port.into()),
        }
    }

    /// A UDP port by name or number.
    pub(super) fn udp_port(&mut self, port: u16) {
        let name = if self.options.numeric { None } else { self.options.names.udp(port) };
        match name {
            Some(name) => self.out.push_str(name),
            None => self.out.decimal(port.into()),
        }
    }

    /// A MAC address; without `-n` with its maker, or as `Broadcast`.
    pub(super) fn mac(&mut self, address: MacAddr) {
        if self.options.numeric {
            put!(self, "{address}");
        } else if address == MacAddr::BROADCAST {
            self.out.push_str("Broadcast");
        } else {
            put!(self, "{address} (oui {})", super::ether::maker(address));
        }
    }

    /// Bytes as pairs of hexadecimal digits, nothing between them.
    pub(super) fn hex(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.out.hex(byte);
        }
    }

    /// The hexadecimal and text dump that tcpdump appends to a payload it can't decode; not with `-q`.
    pub(super) fn payload(&mut self, bytes: &[u8]) {
        if !self.options.quiet {
            self.data(bytes);
        }
    }

    /// Bytes in hexadecimal and as text, in rows of 16.
    pub(super) fn data(&mut self, bytes: &[u8]) {
        for (i, row) in bytes.chunks(16).enumerate() {
            put!(self, "\n\t0x{:04x}:  ", i * 16);
            let start = self.out.len();
            for word in row.chunks(2) {
                self.hex(word);
                self.out.push(' ');
            }
            let width = self.out.len() - start;
            put!(self, "{:1$}", "", 41usize.saturating_sub(width));
            for &byte in row {
                self.out.push(if byte.is_ascii_graphic() { char::from(byte) } else { '.' });
            }
        }
    }

    /// Hexadecimal only, each row after `indent`.
    pub(super) fn hex_rows(&mut self, bytes: &[u8], indent: &str) {
        for (i, row) in bytes.chunks(16).enumerate() {
            put!(self, "{indent}0x{:04x}: ", i * 16);
            for word in row.chunks(2) {
                self.out.push(' ');
                self.hex(word);
            }
        }
    }

    /// The names of set bits, joined.
    pub(super) fn bits(&mut self, value: u32, names: &[(u32, &str)], between: &str) {
        let mut set = names.iter().filter(|(bit, _)| value & bit != 0).map(|(_, name)| *name);
        match set.next() {
            None => self.out.push_str("none"),
            Some(first) => {
                self.out.push_str(first);
                for name in set {
                    let _ = write!(self.out, "{between}{name}");
                }
            }
        }
    }
}

/// The first six bytes at `at` as a MAC address.
pub(super) fn mac_at(bytes: &[u8], at: usize) -> Result<MacAddr, Cut> {
    bytes.array(at).map(MacAddr)
}
