//! Writing captures: classic pcap with nanosecond times, and pcapng with comments. Both in little-endian order.

use super::{CapturedPacket, LinkType, MAX_BLOCK, MAX_PACKET};
use std::io::{self, Write};

/// Writes a classic pcap file: one link type, nanosecond times from 1970 to 2106.
///
/// Nothing is buffered here: give it a [`std::io::BufWriter`] where that matters.
#[derive(Debug)]
pub struct PcapWriter<W: Write> {
    output: W,
    link_type: LinkType,
}

impl<W: Write> PcapWriter<W> {
    /// Writes the file's header.
    ///
    /// # Errors
    /// If writing fails.
    pub fn new(mut output: W, link_type: LinkType) -> io::Result<PcapWriter<W>> {
        let mut header = Vec::with_capacity(24);
        header.extend(0xa1b2_3c4d_u32.to_le_bytes());
        header.extend(2u16.to_le_bytes());
        header.extend(4u16.to_le_bytes());
        header.extend([0; 8]);
        header.extend(MAX_PACKET.to_le_bytes());
        header.extend(u32::from(link_type.0).to_le_bytes());
        output.write_all(&header)?;
        Ok(PcapWriter { output, link_type })
    }

    /// Appends a packet. Its number, comment and interface are not kept: the format has no place for them.
    ///
    /// # Errors
    /// If writing fails; [`io::ErrorKind::InvalidInput`] for a packet of another link type, longer than
    /// [`MAX_PACKET`], or of a time that the format can't hold.
    pub fn write(&mut self, packet: &CapturedPacket) -> io::Result<()> {
        if packet.link_type != self.link_type {
            return Err(invalid("a pcap file holds packets of one link type"));
        }
        let captured = captured_len(packet)?;
        let seconds = u32::try_from(packet.time.div_euclid(1_000_000_000))
            .map_err(|_| invalid("a pcap file holds times from 1970 to 2106"))?;
        let nanos = packet.time.rem_euclid(1_000_000_000) as u32;
        let mut record = Vec::with_capacity(16 + packet.data.len());
        for word in [seconds, nanos, captured, packet.original_len] {
            record.extend(word.to_le_bytes());
        }
        record.extend(&packet.data);
        self.output.write_all(&record)
    }

    /// Gives the output back.
    pub fn into_inner(self) -> W {
        self.output
    }
}

/// Writes a pcapng file of one section: several interfaces, nanosecond times, a comment for each packet.
///
/// Nothing is buffered here: give it a [`std::io::BufWriter`] where that matters.
#[derive(Debug)]
pub struct PcapngWriter<W: Write> {
    output: W,
    interfaces: Vec<LinkType>,
}

impl<W: Write> PcapngWriter<W> {
    /// Writes the section's header.
    ///
    /// # Errors
    /// If writing fails.
    pub fn new(mut output: W) -> io::Result<PcapngWriter<W>> {
        let mut body = Vec::new();
        body.extend(0x1a2b_3c4d_u32.to_le_bytes());
        body.extend(1u16.to_le_bytes());
        body.extend(0u16.to_le_bytes());
        // The section's length is not known beforehand.
        body.extend(u64::MAX.to_le_bytes());
        push_option(&mut body, 4, concat!("limpid ", env!("CARGO_PKG_VERSION")));
        end_options(&mut body);
        output.write_all(&block(0x0a0d_0d0a, &body))?;
        Ok(PcapngWriter { output, interfaces: Vec::new() })
    }

    /// Describes an interface; answers the number that its packets carry in [`CapturedPacket::interface`].
    ///
    /// tcpdump and whatever else stands on libpcap refuses files whose interfaces differ in link type, and (1.10 does)
    /// files with more than one interface of [`LinkType::RAW`], whose number in files is not its number in memory: with
    /// several interfaces use [`LinkType::ETHERNET`].
    ///
    /// # Errors
    /// If writing fails.
    pub fn add_interface(&mut self, link_type: LinkType, name: &str) -> io::Result<u32> {
        self.add_filtered_interface(link_type, name, "")
    }

    /// The same of an interface of which only packets were taken that a filter let through, in libpcap's language.
    ///
    /// # Errors
    /// If writing fails.
    pub fn add_filtered_interface(&mut self, link_type: LinkType, name: &str, filter: &str) -> io::Result<u32> {
        let mut body = Vec::new();
        body.extend(link_type.0.to_le_bytes());
        body.extend([0; 2]);
        body.extend(MAX_PACKET.to_le_bytes());
        push_option(&mut body, 2, name);
        push_option_bytes(&mut body, 9, &[9]);
        if !filter.is_empty() {
            // 0: what follows is text.
            push_option_bytes(&mut body, 11, &[&[0], filter.as_bytes()].concat());
        }
        end_options(&mut body);
        self.output.write_all(&block(1, &body))?;
        self.interfaces.push(link_type);
        Ok(self.interfaces.len() as u32 - 1)
    }

    /// Appends a packet with its comment.
    ///
    /// # Errors
    /// If writing fails; [`io::ErrorKind::InvalidInput`] for a packet of an interface that has not been added or
    /// whose link type is another, longer than [`MAX_PACKET`], or of a time before 1970.
    pub fn write(&mut self, packet: &CapturedPacket) -> io::Result<()> {
        if self.interfaces.get(packet.interface as usize) != Some(&packet.link_type) {
            return Err(invalid("the packet's interface has not been added with its link type"));
        }
        let captured = captured_len(packet)?;
        let nanos = u64::try_from(packet.time).map_err(|_| invalid("a pcapng file holds times from 1970 on"))?;
        let mut body = Vec::with_capacity(32 + packet.data.len());
        for word in [packet.interface, (nanos >> 32) as u32, nanos as u32, captured, packet.original_len] {
            body.extend(word.to_le_bytes());
        }
        body.extend(&packet.data);
        pad(&mut body);
        if let Some(comment) = &packet.comment {
            push_option(&mut body, 1, comment);
            end_options(&mut body);
        }
        self.output.write_all(&block(6, &body))
    }

    /// Flushes the output.
    ///
    /// # Errors
    /// If that fails.
    pub fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }

    /// Appends a block of another kind, padded with zeros. Kinds with the top bit set are for everybody's own use
    /// (draft-ietf-opsawg-pcapng §11.1); readers that do not know them pass over them.
    ///
    /// # Errors
    /// If writing fails; [`io::ErrorKind::InvalidInput`] if it is longer than [`MAX_BLOCK`].
    pub fn write_block(&mut self, kind: u32, mut body: Vec<u8>) -> io::Result<()> {
        pad(&mut body);
        if body.len() + 12 > MAX_BLOCK as usize {
            return Err(invalid("the block is longer than readers take"));
        }
        self.output.write_all(&block(kind, &body))
    }

    /// Gives the output back.
    pub fn into_inner(self) -> W {
        self.output
    }
}

fn captured_len(packet: &CapturedPacket) -> io::Result<u32> {
    u32::try_from(packet.data.len())
        .ok()
        .filter(|&len| len <= MAX_PACKET)
        .ok_or_else(|| invalid("the packet is longer than a capture holds"))
}

fn invalid(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let length = (body.len() + 12) as u32;
    [&kind.to_le_bytes(), &length.to_le_bytes(), body, &length.to_le_bytes()].concat()
}

fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}

/// Appends a text option, cut at the last character that fits its 16-bit length.
fn push_option(body: &mut Vec<u8>, code: u16, value: &str) {
    let mut end = value.len().min(usize::from(u16::MAX));
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    push_option_bytes(body, code, &value.as_bytes()[..end]);
}

fn push_option_bytes(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    body.extend(code.to_le_bytes());
    body.extend((value.len() as u16).to_le_bytes());
    body.extend(value);
    pad(body);
}

fn end_options(body: &mut Vec<u8>) {
    body.extend([0; 4]);
}
