//! Reading pcapng files (draft-ietf-opsawg-pcapng §4: section header, interface description, enhanced, simple and
//! obsolete packet blocks, interface statistics; every other block is passed over).

use super::{
    CaptureError, Interface, LinkType, MAX_BLOCK, MAX_INTERFACES, MAX_PACKET, Order, Record, Resolution, Source,
    Statistics,
};
use std::io::Read;
use std::ops::Range;

/// The first four bytes of a section header block, the same in both byte orders.
pub(super) const SECTION_HEADER: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

const INTERFACE_DESCRIPTION: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const INTERFACE_STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;

const OPT_END: u16 = 0;
const OPT_COMMENT: u16 = 1;
const OPT_IF_NAME: u16 = 2;
const OPT_IF_TSRESOL: u16 = 9;
const OPT_IF_FILTER: u16 = 11;
const OPT_IF_TSOFFSET: u16 = 14;
const OPT_ISB_IFRECV: u16 = 4;
const OPT_ISB_IFDROP: u16 = 5;
const OPT_ISB_OSDROP: u16 = 7;

/// Where a pcapng file is read.
#[derive(Debug)]
pub(super) struct Pcapng {
    order: Order,
    interfaces: Vec<Interface>,
    /// How many sections have begun.
    sections: u64,
    /// What each interface of the section says of itself so far, and what those of earlier sections said.
    statistics: Vec<Statistics>,
    before: Statistics,
    /// What is said about the current packet, kept for its capacity.
    comment: String,
    /// Blocks that somebody wants.
    wanted: Option<Wanted>,
}

/// Blocks of one kind, kept until they are taken.
#[derive(Debug)]
struct Wanted {
    kind: u32,
    bodies: Vec<Vec<u8>>,
    bytes: usize,
}

/// What a block is called and where it begins, for errors.
#[derive(Clone, Copy)]
struct Place {
    what: &'static str,
    offset: u64,
}

impl Place {
    fn malformed(self, problem: impl Into<String>) -> CaptureError {
        CaptureError::Malformed { offset: self.offset, what: self.what, problem: problem.into() }
    }
}

impl Pcapng {
    /// Reads the first section header.
    pub(super) fn open<R: Read>(source: &mut Source<R>) -> Result<Pcapng, CaptureError> {
        let mut pcapng = Pcapng {
            order: Order::Little,
            interfaces: Vec::new(),
            sections: 0,
            statistics: Vec::new(),
            before: Statistics::default(),
            comment: String::new(),
            wanted: None,
        };
        pcapng.section_header(source)?;
        Ok(pcapng)
    }

    pub(super) fn sections(&self) -> u64 {
        self.sections
    }

    pub(super) fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    /// What all interfaces say of themselves so far.
    pub(super) fn statistics(&self) -> Statistics {
        self.statistics.iter().fold(self.before, |sum, one| sum.plus(*one))
    }

    /// What is said about the current packet.
    pub(super) fn comment(&self) -> &str {
        &self.comment
    }

    /// Keeps the blocks of `kind` that are met from here on.
    pub(super) fn want(&mut self, kind: u32) {
        self.wanted = Some(Wanted { kind, bodies: Vec::new(), bytes: 0 });
    }

    /// The bodies of those met since they were taken last.
    pub(super) fn take_wanted(&mut self) -> Vec<Vec<u8>> {
        let Some(wanted) = &mut self.wanted else { return Vec::new() };
        wanted.bytes = 0;
        std::mem::take(&mut wanted.bodies)
    }

    pub(super) fn next_record<R: Read>(&mut self, source: &mut Source<R>) -> Result<Option<Record>, CaptureError> {
        loop {
            match source.available(4)? {
                0 => return Ok(None),
                4 if source.head() == SECTION_HEADER => {
                    self.section_header(source)?;
                    continue;
                }
                _ => {}
            }
            let offset = source.offset();
            source.need(4, "block")?;
            let kind = self.order.u32(source.head());
            let what = match kind {
                INTERFACE_DESCRIPTION => "interface description",
                INTERFACE_STATISTICS => "interface statistics",
                OBSOLETE_PACKET | SIMPLE_PACKET | ENHANCED_PACKET => "packet",
                _ => "block",
            };
            let place = Place { what, offset };
            source.need(8, what)?;
            let [_, _, _, _, l0, l1, l2, l3] = source.head();
            let length = check_length(self.order.u32([l0, l1, l2, l3]), 12, place)?;
            if what == "block" && self.wants(kind, length) {
                let range = self.block(source, place, length, 8)?;
                self.keep(source.bytes(range));
                continue;
            }
            if what == "block" {
                self.skip_block(source, place, length)?;
                continue;
            }
            let range = self.block(source, place, length, 8)?;
            let body = source.bytes(range.clone());
            match kind {
                INTERFACE_DESCRIPTION => self.interface_description(place, body)?,
                INTERFACE_STATISTICS => self.interface_statistics(body),
                SIMPLE_PACKET => return self.simple_packet(place, body, range.start).map(Some),
                _ => return self.packet(place, kind, body, range.start).map(Some),
            }
        }
    }

    fn wants(&self, kind: u32, length: u32) -> bool {
        let room = |wanted: &Wanted| wanted.bytes + length as usize <= MAX_BLOCK as usize;
        self.wanted.as_ref().is_some_and(|wanted| wanted.kind == kind && room(wanted))
    }

    fn keep(&mut self, body: &[u8]) {
        if let Some(wanted) = &mut self.wanted {
            wanted.bytes += body.len() + 12;
            wanted.bodies.push(body.to_vec());
        }
    }

    /// A section begins: its byte order is its own, and interfaces are counted anew.
    fn section_header<R: Read>(&mut self, source: &mut Source<R>) -> Result<(), CaptureError> {
        let place = Place { what: "section header", offset: source.offset() };
        source.need(28, place.what)?;
        let [_, _, _, _, l0, l1, l2, l3, magic @ ..] = source.head::<12>();
        self.order = match magic {
            [0x4d, 0x3c, 0x2b, 0x1a] => Order::Little,
            [0x1a, 0x2b, 0x3c, 0x4d] => Order::Big,
            _ => return Err(place.malformed("has no byte-order magic")),
        };
        let length = check_length(self.order.u32([l0, l1, l2, l3]), 28, place)?;
        let range = self.block(source, place, length, 12)?;
        let [a, b, c, d, ..] = source.bytes(range)[..] else { return Err(place.malformed("is too short")) };
        let (major, minor) = (self.order.u16([a, b]), self.order.u16([c, d]));
        // 1.2 was written by mistake for 1.0 (the draft's §4.1).
        if major != 1 || !matches!(minor, 0 | 2) {
            return Err(CaptureError::Version { format: "pcapng", major, minor });
        }
        self.before = self.statistics();
        self.statistics.clear();
        self.interfaces.clear();
        self.sections += 1;
        Ok(())
    }

    /// Takes a block of `length` bytes; answers where in the window its body is, which begins after `header` bytes.
    fn block<R: Read>(
        &self,
        source: &mut Source<R>,
        place: Place,
        length: u32,
        header: usize,
    ) -> Result<Range<usize>, CaptureError> {
        if length > MAX_BLOCK {
            return Err(place.malformed(format!("claims {length} bytes, more than the {MAX_BLOCK} a block may hold")));
        }
        let block = source.need(length as usize, place.what)?;
        let trailer = block.last_chunk().map_or(0, |trailer| self.order.u32(*trailer));
        check_trailer(place, length, trailer)?;
        let start = source.position();
        source.take(length as usize);
        Ok(start + header..start + length as usize - 4)
    }

    /// Passes over a block of no interest, however long.
    fn skip_block<R: Read>(&self, source: &mut Source<R>, place: Place, length: u32) -> Result<(), CaptureError> {
        let skipped = source.skip(u64::from(length) - 4)?;
        let have = skipped + source.available(4)? as u64;
        if have < u64::from(length) {
            let need = u64::from(length);
            return Err(CaptureError::Truncated { offset: place.offset, what: place.what, need, have });
        }
        let trailer = self.order.u32(source.head());
        source.take(4);
        check_trailer(place, length, trailer)
    }

    fn interface_description(&mut self, place: Place, body: &[u8]) -> Result<(), CaptureError> {
        let &[l0, l1, _, _, s0, s1, s2, s3, ref options @ ..] = body else {
            return Err(place.malformed("is too short"));
        };
        if self.interfaces.len() >= MAX_INTERFACES {
            return Err(place.malformed(format!("is one more than the {MAX_INTERFACES} a section may have")));
        }
        let mut interface = Interface {
            link_type: LinkType(self.order.u16([l0, l1])),
            snaplen: self.order.u32([s0, s1, s2, s3]),
            resolution: Resolution::MICROS,
            name: None,
            filter: None,
            offset_seconds: 0,
        };
        for (code, value) in Options::new(self.order, options) {
            match (code, value) {
                (OPT_IF_NAME, name) => interface.name = Some(text(name)),
                // As text; as a program it says nothing to people.
                (OPT_IF_FILTER, [0, filter @ ..]) if !filter.is_empty() => interface.filter = Some(text(filter)),
                (OPT_IF_TSRESOL, &[n]) if n & 0x80 == 0 => interface.resolution = Resolution::Decimal(n),
                (OPT_IF_TSRESOL, &[n]) => interface.resolution = Resolution::Binary(n & 0x7f),
                (OPT_IF_TSOFFSET, value) => {
                    if let Ok(seconds) = value.try_into() {
                        interface.offset_seconds = self.order.u64(seconds).cast_signed();
                    }
                }
                _ => {}
            }
        }
        self.interfaces.push(interface);
        self.statistics.push(Statistics::default());
        Ok(())
    }

    /// An interface's counts; newer ones replace what it said before. What can't be read is left out.
    fn interface_statistics(&mut self, body: &[u8]) {
        let &[i0, i1, i2, i3, _, _, _, _, _, _, _, _, ref options @ ..] = body else { return };
        let number = self.order.u32([i0, i1, i2, i3]) as usize;
        let mut said = Statistics::default();
        for (code, value) in Options::new(self.order, options) {
            let Ok(count) = value.try_into().map(|count| self.order.u64(count)) else { continue };
            match code {
                OPT_ISB_IFRECV => said.received = Some(count),
                OPT_ISB_IFDROP | OPT_ISB_OSDROP => {
                    said.dropped = Some(said.dropped.unwrap_or(0).saturating_add(count));
                }
                _ => {}
            }
        }
        if let Some(statistics) = self.statistics.get_mut(number) {
            *statistics = said;
        }
    }

    /// An enhanced packet block, or an obsolete packet block, which differs in its first word. Its body begins at
    /// `start` in the window.
    fn packet(&mut self, place: Place, kind: u32, body: &[u8], start: usize) -> Result<Record, CaptureError> {
        let Some((header, rest)) = body.split_first_chunk::<20>() else {
            return Err(place.malformed("is too short"));
        };
        let word = |i: usize| [header[i], header[i + 1], header[i + 2], header[i + 3]];
        let interface = match kind {
            OBSOLETE_PACKET => u32::from(self.order.u16([header[0], header[1]])),
            _ => self.order.u32(word(0)),
        };
        let units = u64::from(self.order.u32(word(4))) << 32 | u64::from(self.order.u32(word(8)));
        let (captured, original_len) = (self.order.u32(word(12)), self.order.u32(word(16)));
        let described = self.interface(place, interface)?;
        let offset = described.offset_seconds.saturating_mul(1_000_000_000);
        let time = described.resolution.nanos(units).saturating_add(offset);
        let link_type = described.link_type;
        check_captured(place, captured, rest.len())?;
        let padded = captured.next_multiple_of(4) as usize;
        let has_comment = self.comments(rest.get(padded..).unwrap_or_default());
        let start = start + header.len();
        Ok(Record { time, link_type, original_len, data: start..start + captured as usize, interface, has_comment })
    }

    /// Keeps the comments among a packet's options; false if there are none.
    fn comments(&mut self, options: &[u8]) -> bool {
        let mut has_comment = false;
        for (code, value) in Options::new(self.order, options) {
            if code == OPT_COMMENT {
                if has_comment {
                    self.comment.push('\n');
                } else {
                    self.comment.clear();
                }
                self.comment.push_str(&String::from_utf8_lossy(value));
                has_comment = true;
            }
        }
        has_comment
    }

    /// A simple packet block: of the first interface, with no time.
    fn simple_packet(&self, place: Place, body: &[u8], start: usize) -> Result<Record, CaptureError> {
        let Some((&original_len, rest)) = body.split_first_chunk::<4>() else {
            return Err(place.malformed("is too short"));
        };
        let original_len = self.order.u32(original_len);
        let described = self.interface(place, 0)?;
        let captured = match described.snaplen {
            0 => original_len,
            snaplen => original_len.min(snaplen),
        };
        check_captured(place, captured, rest.len())?;
        let (link_type, start) = (described.link_type, start + 4);
        let data = start..start + captured as usize;
        Ok(Record { time: 0, link_type, original_len, data, interface: 0, has_comment: false })
    }

    fn interface(&self, place: Place, number: u32) -> Result<&Interface, CaptureError> {
        self.interfaces
            .get(number as usize)
            .ok_or_else(|| place.malformed(format!("names interface {number}, which its section has not described")))
    }
}

fn check_length(length: u32, least: u32, place: Place) -> Result<u32, CaptureError> {
    if length < least || !length.is_multiple_of(4) {
        return Err(place.malformed(format!("claims an impossible length of {length} bytes")));
    }
    Ok(length)
}

fn check_trailer(place: Place, length: u32, trailer: u32) -> Result<(), CaptureError> {
    if length != trailer {
        return Err(place.malformed(format!("has {length} bytes by its start and {trailer} by its end")));
    }
    Ok(())
}

fn check_captured(place: Place, captured: u32, room: usize) -> Result<(), CaptureError> {
    if captured as usize > room {
        return Err(place.malformed(format!("claims {captured} captured bytes and has room for {room}")));
    }
    if captured > MAX_PACKET {
        return Err(place.malformed(format!("claims {captured} bytes, more than the {MAX_PACKET} a packet may hold")));
    }
    Ok(())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The options at the end of a block. A damaged list just ends: options are optional.
struct Options<'a> {
    order: Order,
    rest: &'a [u8],
}

impl<'a> Options<'a> {
    fn new(order: Order, rest: &'a [u8]) -> Options<'a> {
        Options { order, rest }
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let &[c0, c1, l0, l1, ref rest @ ..] = self.rest else { return None };
        let (code, length) = (self.order.u16([c0, c1]), usize::from(self.order.u16([l0, l1])));
        if code == OPT_END {
            return None;
        }
        let value = rest.get(..length)?;
        self.rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((code, value))
    }
}
