//! Captures: reading and writing pcap and pcapng files.
//!
//! Formats: pcap (draft-ietf-opsawg-pcap) with micro- or nanosecond times in either byte order, and pcapng
//! (draft-ietf-opsawg-pcapng) with any number of sections and interfaces.
//!
//! [`Reader`] takes any [`std::io::Read`], pipes included, and decompresses gzip and zstd, which the first bytes tell. It
//! lends one packet at a time ([`PacketRef`]), out of a window over the input, without copying or allocating. A damaged
//! file gives every packet that stands before the damage, then one [`CaptureError`] that says where it is.
//!
//! # Bounds
//! A packet holds at most [`MAX_PACKET`] bytes and a pcapng block at most [`MAX_BLOCK`]; a section has at most
//! [`MAX_INTERFACES`] interfaces. What a file *claims* is never allocated before its bytes have been read; a compressed
//! one is decompressed as it is read, with a window of at most 128 MiB (zstd's own limit; usual are 2 to 8 MiB).

mod classic;
mod error;
mod input;
mod pcapng;
mod source;
mod write;

#[cfg(test)]
mod tests;

pub use error::CaptureError;
pub use write::{PcapWriter, PcapngWriter};

use input::Input;
use source::Source;
use std::io::Read;
use std::ops::Range;

/// The most bytes a packet of a capture may hold, as in libpcap.
pub const MAX_PACKET: u32 = 262_144;
/// The most bytes a pcapng block may hold, as in libpcap.
pub const MAX_BLOCK: u32 = 16 * 1024 * 1024;
/// The most interfaces that one pcapng section may describe.
pub const MAX_INTERFACES: usize = 65_536;

/// What a packet of a capture begins with (the LINKTYPE_ registry of pcap).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct LinkType(pub u16);

impl LinkType {
    /// BSD loopback: the address family in the capturing host's byte order.
    pub const NULL: LinkType = LinkType(0);
    /// Ethernet.
    pub const ETHERNET: LinkType = LinkType(1);
    /// PPP, its HDLC address and control field perhaps left out.
    pub const PPP: LinkType = LinkType(9);
    /// An IPv4 or IPv6 packet with nothing before it, as BSDs number it.
    pub const RAW_BSD: LinkType = LinkType(12);
    /// PPP in HDLC-like framing, or Cisco's HDLC.
    pub const PPP_HDLC: LinkType = LinkType(50);
    /// PPP over Ethernet: the PPPoE header comes first.
    pub const PPP_ETHER: LinkType = LinkType(51);
    /// An IPv4 or IPv6 packet with nothing before it.
    pub const RAW: LinkType = LinkType(101);
    /// Cisco's HDLC.
    pub const C_HDLC: LinkType = LinkType(104);
    /// OpenBSD loopback: the address family in network byte order.
    pub const LOOP: LinkType = LinkType(108);
    /// Linux "cooked" capture, version 1.
    pub const LINUX_SLL: LinkType = LinkType(113);
    /// An IPv4 packet with nothing before it.
    pub const IPV4: LinkType = LinkType(228);
    /// An IPv6 packet with nothing before it.
    pub const IPV6: LinkType = LinkType(229);
    /// Linux "cooked" capture, version 2.
    pub const LINUX_SLL2: LinkType = LinkType(276);
}

/// One packet of a capture.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CapturedPacket {
    /// Its place in the capture, from 1.
    pub number: u64,
    /// When it was captured: nanoseconds since 1970-01-01 00:00 UTC (saturating; the year 2262 is the last).
    pub time: i64,
    /// What `data` begins with.
    pub link_type: LinkType,
    /// How long the packet was on the link, in bytes; `data` may hold less of it.
    pub original_len: u32,
    /// The bytes captured.
    pub data: Vec<u8>,
    /// What the capture says about it (pcapng only); several comments are joined by newlines.
    pub comment: Option<String>,
    /// Which interface of its section (pcapng), else 0.
    pub interface: u32,
}

impl CapturedPacket {
    /// A packet captured whole.
    pub fn whole(number: u64, time: i64, link_type: LinkType, data: Vec<u8>) -> CapturedPacket {
        let original_len = u32::try_from(data.len()).unwrap_or(u32::MAX);
        CapturedPacket { number, time, link_type, original_len, data, comment: None, interface: 0 }
    }

    /// Lends it.
    pub fn lend(&self) -> PacketRef<'_> {
        PacketRef {
            number: self.number,
            time: self.time,
            link_type: self.link_type,
            original_len: self.original_len,
            data: &self.data,
            comment: self.comment.as_deref(),
            interface: self.interface,
        }
    }
}

/// One packet of a capture, lent by its reader. The fields are those of [`CapturedPacket`].
// Number and time stand apart: side by side they would be loaded as one where they have just been written one by one, which
// makes the processor wait for each packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PacketRef<'a> {
    /// Its place in the capture, from 1.
    pub number: u64,
    /// What `data` begins with.
    pub link_type: LinkType,
    /// How long the packet was on the link, in bytes; `data` may hold less of it.
    pub original_len: u32,
    /// The bytes captured.
    pub data: &'a [u8],
    /// What the capture says about it (pcapng only); several comments are joined by newlines.
    pub comment: Option<&'a str>,
    /// When it was captured: nanoseconds since 1970-01-01 00:00 UTC (saturating; the year 2262 is the last).
    pub time: i64,
    /// Which interface of its section (pcapng), else 0.
    pub interface: u32,
}

impl PacketRef<'_> {
    /// A copy to keep.
    pub fn to_owned(&self) -> CapturedPacket {
        CapturedPacket {
            number: self.number,
            time: self.time,
            link_type: self.link_type,
            original_len: self.original_len,
            data: self.data.to_vec(),
            comment: self.comment.map(str::to_owned),
            interface: self.interface,
        }
    }
}

/// A packet that stands in the reader's window.
#[derive(Clone, Debug)]
struct Record {
    time: i64,
    link_type: LinkType,
    original_len: u32,
    data: Range<usize>,
    interface: u32,
    /// Whether the format holds a comment of it.
    has_comment: bool,
}

impl Record {
    /// Before the first packet.
    const BLANK: Record =
        Record { time: 0, link_type: LinkType::NULL, original_len: 0, data: 0..0, interface: 0, has_comment: false };
}

/// How fine the times of a capture are.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Resolution {
    /// Units of 10⁻ⁿ seconds.
    Decimal(u8),
    /// Units of 2⁻ⁿ seconds.
    Binary(u8),
}

impl Resolution {
    /// Microseconds, the usual one.
    pub const MICROS: Resolution = Resolution::Decimal(6);
    /// Nanoseconds.
    pub const NANOS: Resolution = Resolution::Decimal(9);

    /// A count of units in whole nanoseconds, cut off, saturating.
    #[inline]
    fn nanos(self, units: u64) -> i64 {
        match self {
            Resolution::MICROS if units < 1 << 52 => (units * 1000).cast_signed(),
            Resolution::NANOS if units < 1 << 63 => units.cast_signed(),
            _ => self.wide_nanos(units),
        }
    }

    fn wide_nanos(self, units: u64) -> i64 {
        let units = u128::from(units);
        let nanos = match self {
            Resolution::Decimal(n @ 0..=9) => units * 10u128.pow(9 - u32::from(n)),
            Resolution::Decimal(n) => units / 10u128.checked_pow(u32::from(n) - 9).unwrap_or(u128::MAX),
            Resolution::Binary(n) => (units * 1_000_000_000).checked_shr(u32::from(n)).unwrap_or(0),
        };
        i64::try_from(nanos).unwrap_or(i64::MAX)
    }
}

/// An interface that a capture was taken from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Interface {
    /// What its packets begin with.
    pub link_type: LinkType,
    /// The most bytes captured of a packet; 0 for no limit.
    pub snaplen: u32,
    /// How fine its times are.
    pub resolution: Resolution,
    /// Its name, where the capture tells.
    pub name: Option<String>,
    /// What was captured, as a filter in tcpdump's language, where the capture tells (pcapng's `if_filter`).
    pub filter: Option<String>,
    /// Seconds to add to its times (pcapng's `if_tsoffset`).
    offset_seconds: i64,
}

/// What the capturing program says that it has counted (pcapng's interface statistics).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct Statistics {
    /// Packets received from the interfaces, before any filter.
    pub received: Option<u64>,
    /// Packets that interfaces or the operating system dropped: they are missing from the capture.
    pub dropped: Option<u64>,
}

impl Statistics {
    fn plus(self, other: Statistics) -> Statistics {
        let sum = |a: Option<u64>, b: Option<u64>| match (a, b) {
            (Some(a), Some(b)) => Some(a.saturating_add(b)),
            (a, b) => a.or(b),
        };
        Statistics { received: sum(self.received, other.received), dropped: sum(self.dropped, other.dropped) }
    }
}

/// Reads a capture packet by packet.
#[derive(Debug)]
pub struct Reader<R> {
    source: Source<R>,
    format: Format,
    /// The packet that stands in the source's window.
    current: Record,
    has_current: bool,
    packets: u64,
    /// After an error or the end there is nothing more.
    finished: bool,
}

#[derive(Debug)]
enum Format {
    Classic(classic::Classic),
    Pcapng(pcapng::Pcapng),
}

impl<R: Read> Reader<R> {
    /// Reads the file's header; what is compressed by gzip or zstd is decompressed.
    ///
    /// # Errors
    /// If it can't be read, is empty, or is no capture.
    pub fn new(input: R) -> Result<Reader<R>, CaptureError> {
        let mut source = Source::new(Input::new(input)?);
        let magic = match source.available(4)? {
            0 => return Err(CaptureError::Empty),
            4 => source.head::<4>(),
            _ => return Err(CaptureError::NotACapture { looks_like: None }),
        };
        let format = match magic {
            pcapng::SECTION_HEADER => Format::Pcapng(pcapng::Pcapng::open(&mut source)?),
            _ => match classic::Variant::from_magic(magic) {
                Some(variant) => Format::Classic(classic::Classic::open(variant, &mut source)?),
                None => {
                    let there = source.available(error::LOOK)?;
                    let start = source.need(there, "start of the file")?;
                    return Err(CaptureError::NotACapture { looks_like: error::looks_like(start) });
                }
            },
        };
        Ok(Reader { source, format, current: Record::BLANK, has_current: false, packets: 0, finished: false })
    }

    /// Lends the next packet; `None` at the end of the capture.
    ///
    /// # Errors
    /// If the input can't be read or is damaged. That is said once; afterwards the capture counts as ended.
    pub fn next_ref(&mut self) -> Result<Option<PacketRef<'_>>, CaptureError> {
        self.advance()?;
        Ok(self.current())
    }

    /// Goes on to the next packet; false at the end of the capture. [`Reader::current`] lends it.
    ///
    /// # Errors
    /// As [`Reader::next_ref`].
    #[inline]
    pub fn advance(&mut self) -> Result<bool, CaptureError> {
        self.has_current = false;
        if self.finished {
            return Ok(false);
        }
        let next = match &mut self.format {
            // In place: to move a record that has just been written makes the processor wait for it.
            Format::Classic(classic) => classic.next_record(&mut self.source, &mut self.current),
            Format::Pcapng(pcapng) => {
                let next = pcapng.next_record(&mut self.source);
                next.map(|record| record.map(|record| self.current = record).is_some())
            }
        };
        self.has_current = matches!(next, Ok(true));
        self.finished = !self.has_current;
        self.packets += u64::from(self.has_current);
        next
    }

    /// Keeps the bodies of pcapng blocks of `kind` that are met from here on, until [`Reader::take_blocks`] takes them: at
    /// most [`MAX_BLOCK`] bytes, those after that are passed over.
    pub fn keep_blocks(&mut self, kind: u32) {
        if let Format::Pcapng(pcapng) = &mut self.format {
            pcapng.want(kind);
        }
    }

    /// The blocks kept since they were taken last: after [`Reader::advance`], those that stand before the current packet.
    pub fn take_blocks(&mut self) -> Vec<Vec<u8>> {
        match &mut self.format {
            Format::Pcapng(pcapng) => pcapng.take_wanted(),
            Format::Classic(_) => Vec::new(),
        }
    }

    /// Lends the packet that [`Reader::advance`] went on to.
    #[inline]
    pub fn current(&self) -> Option<PacketRef<'_>> {
        let record = self.has_current.then_some(&self.current)?;
        // What stays the same is not read from beside what has just been written: both would be loaded as one, which makes
        // the processor wait.
        let (comment, interface) = match &self.format {
            Format::Pcapng(pcapng) => (record.has_comment.then(|| pcapng.comment()), record.interface),
            Format::Classic(_) => (None, 0),
        };
        Some(PacketRef {
            number: self.packets,
            time: record.time,
            link_type: record.link_type,
            original_len: record.original_len,
            data: self.source.bytes(record.data.clone()),
            comment,
            interface,
        })
    }

    /// Where the packet that [`Reader::advance`] went on to stands in the file, with its header. Only in plain pcap files:
    /// those of pcapng mean nothing without the blocks before them, and compressed ones have no places.
    #[inline]
    pub fn place(&self) -> Option<Range<u64>> {
        match &self.format {
            Format::Classic(classic) if self.has_current && self.source.is_plain() => {
                let end = self.source.offset();
                Some(end - classic.length as u64..end)
            }
            _ => None,
        }
    }

    /// The next packet, copied; `None` at the end of the capture.
    ///
    /// # Errors
    /// As [`Reader::next_ref`].
    pub fn next_packet(&mut self) -> Result<Option<CapturedPacket>, CaptureError> {
        Ok(self.next_ref()?.map(|packet| packet.to_owned()))
    }

    /// The interfaces known so far, by number; of the current section (pcapng).
    pub fn interfaces(&self) -> &[Interface] {
        match &self.format {
            Format::Classic(classic) => std::slice::from_ref(classic.interface()),
            Format::Pcapng(pcapng) => pcapng.interfaces(),
        }
    }

    /// How many sections have begun, as far as it has been read: each counts its interfaces anew.
    pub fn sections(&self) -> u64 {
        match &self.format {
            Format::Classic(_) => 1,
            Format::Pcapng(pcapng) => pcapng.sections(),
        }
    }

    /// What the capture says that was received and dropped, as far as it has been read; all sections together.
    pub fn statistics(&self) -> Statistics {
        match &self.format {
            Format::Classic(_) => Statistics::default(),
            Format::Pcapng(pcapng) => pcapng.statistics(),
        }
    }

    /// How much of the input has been read, in bytes as they are stored: of a compressed file's own length.
    pub fn bytes_read(&self) -> u64 {
        self.source.stored_offset()
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<CapturedPacket, CaptureError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_packet().transpose()
    }
}

/// Numbers in the byte order of a file or section.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Order {
    Little,
    Big,
}

impl Order {
    fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Order::Little => u16::from_le_bytes(bytes),
            Order::Big => u16::from_be_bytes(bytes),
        }
    }

    fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Order::Little => u32::from_le_bytes(bytes),
            Order::Big => u32::from_be_bytes(bytes),
        }
    }

    fn u64(self, bytes: [u8; 8]) -> u64 {
        match self {
            Order::Little => u64::from_le_bytes(bytes),
            Order::Big => u64::from_be_bytes(bytes),
        }
    }
}
