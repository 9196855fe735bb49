//! Reading pcapng files (draft-ietf-opsawg-pcapng §4: section header, interface description, enhanced, simple and
//! obsolete packet blocks; every other block is passed over).

use super::{
    CaptureError, CapturedPacket, Interface, LinkType, MAX_BLOCK, MAX_INTERFACES, MAX_PACKET, Order, Resolution, Source,
};
use std::io::Read;

/// The first four bytes of a section header block, the same in both byte orders.
pub(super) const SECTION_HEADER: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

const INTERFACE_DESCRIPTION: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

const OPT_END: u16 = 0;
const OPT_COMMENT: u16 = 1;
const OPT_IF_NAME: u16 = 2;
const OPT_IF_TSRESOL: u16 = 9;
const OPT_IF_TSOFFSET: u16 = 14;

/// Where a pcapng file is read.
#[derive(Debug)]
pub(super) struct Pcapng {
    order: Order,
    interfaces: Vec<Interface>,
    /// The current block's body, kept for its capacity.
    body: Vec<u8>,
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
    /// Reads the first section header, whose type (four bytes) has been taken already.
    pub(super) fn open<R: Read>(source: &mut Source<R>) -> Result<Pcapng, CaptureError> {
        let mut pcapng = Pcapng { order: Order::Little, interfaces: Vec::new(), body: Vec::new() };
        pcapng.section_header(source, 0)?;
        Ok(pcapng)
    }

    pub(super) fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    pub(super) fn next_packet<R: Read>(
        &mut self,
        source: &mut Source<R>,
    ) -> Result<Option<CapturedPacket>, CaptureError> {
        loop {
            let offset = source.offset();
            let Some(kind) = source.array::<4>("block", offset)? else { return Ok(None) };
            if kind == SECTION_HEADER {
                self.section_header(source, offset)?;
                continue;
            }
            let kind = self.order.u32(kind);
            let what = match kind {
                INTERFACE_DESCRIPTION => "interface description",
                OBSOLETE_PACKET | SIMPLE_PACKET | ENHANCED_PACKET => "packet",
                _ => "block",
            };
            let place = Place { what, offset };
            let length = self.block_length(source, place)?;
            if what == "block" {
                self.skip_body(source, place, length)?;
                continue;
            }
            self.read_body(source, place, length)?;
            match kind {
                INTERFACE_DESCRIPTION => self.interface_description(place)?,
                SIMPLE_PACKET => return self.simple_packet(place).map(Some),
                _ => return self.packet(place, kind).map(Some),
            }
        }
    }

    /// A section begins: its byte order is its own, and interfaces are counted anew.
    fn section_header<R: Read>(&mut self, source: &mut Source<R>, offset: u64) -> Result<(), CaptureError> {
        let place = Place { what: "section header", offset };
        let truncated = |have| CaptureError::Truncated { offset, what: place.what, need: 28, have };
        let length: [u8; 4] = source.array(place.what, offset)?.ok_or_else(|| truncated(4))?;
        let magic: [u8; 4] = source.array(place.what, offset)?.ok_or_else(|| truncated(8))?;
        self.order = match magic {
            [0x4d, 0x3c, 0x2b, 0x1a] => Order::Little,
            [0x1a, 0x2b, 0x3c, 0x4d] => Order::Big,
            _ => return Err(place.malformed("has no byte-order magic")),
        };
        let length = self.check_length(self.order.u32(length), 28, place)?;
        // The magic number counts as read.
        self.body.clear();
        self.read_rest(source, place, length, 12)?;
        let [a, b, c, d, ..] = self.body[..] else { return Err(place.malformed("is too short")) };
        let (major, minor) = (self.order.u16([a, b]), self.order.u16([c, d]));
        // 1.2 was written by mistake for 1.0 (the draft's §4.1).
        if major != 1 || !matches!(minor, 0 | 2) {
            return Err(CaptureError::Version { format: "pcapng", major, minor });
        }
        self.interfaces.clear();
        Ok(())
    }

    /// Reads a block's length, after its type.
    fn block_length<R: Read>(&self, source: &mut Source<R>, place: Place) -> Result<u32, CaptureError> {
        let truncated = CaptureError::Truncated { offset: place.offset, what: place.what, need: 12, have: 4 };
        let length: [u8; 4] = source.array(place.what, place.offset)?.ok_or(truncated)?;
        self.check_length(self.order.u32(length), 12, place)
    }

    fn check_length(&self, length: u32, least: u32, place: Place) -> Result<u32, CaptureError> {
        if length < least || !length.is_multiple_of(4) {
            return Err(place.malformed(format!("claims an impossible length of {length} bytes")));
        }
        Ok(length)
    }

    /// Reads the body of a block that has to be held, after its type and length.
    fn read_body<R: Read>(&mut self, source: &mut Source<R>, place: Place, length: u32) -> Result<(), CaptureError> {
        self.body.clear();
        self.read_rest(source, place, length, 8)
    }

    /// Reads what is left of a block after `taken` bytes, and checks and drops the length at its end.
    fn read_rest<R: Read>(
        &mut self,
        source: &mut Source<R>,
        place: Place,
        length: u32,
        taken: u32,
    ) -> Result<(), CaptureError> {
        if length > MAX_BLOCK {
            return Err(place.malformed(format!("claims {length} bytes, more than the {MAX_BLOCK} a block may hold")));
        }
        let got = source.take(u64::from(length - taken), &mut self.body)?;
        let have = got + u64::from(taken);
        if have < u64::from(length) {
            let need = u64::from(length);
            return Err(CaptureError::Truncated { offset: place.offset, what: place.what, need, have });
        }
        let Some((body, trailer)) = self.body.split_last_chunk::<4>() else {
            return Err(place.malformed("is too short"));
        };
        let (trailer, end) = (self.order.u32(*trailer), body.len());
        self.check_trailer(place, length, trailer)?;
        self.body.truncate(end);
        Ok(())
    }

    /// Passes over the body of a block of no interest, however long.
    fn skip_body<R: Read>(&self, source: &mut Source<R>, place: Place, length: u32) -> Result<(), CaptureError> {
        let have = 8 + source.skip(u64::from(length - 12))?;
        let need = u64::from(length);
        let truncated = CaptureError::Truncated { offset: place.offset, what: place.what, need, have };
        let trailer: [u8; 4] = source.array(place.what, place.offset)?.ok_or(truncated)?;
        self.check_trailer(place, length, self.order.u32(trailer))
    }

    fn check_trailer(&self, place: Place, length: u32, trailer: u32) -> Result<(), CaptureError> {
        if length != trailer {
            return Err(place.malformed(format!("has {length} bytes by its start and {trailer} by its end")));
        }
        Ok(())
    }

    fn interface_description(&mut self, place: Place) -> Result<(), CaptureError> {
        let [l0, l1, _, _, s0, s1, s2, s3, ref options @ ..] = self.body[..] else {
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
            offset_seconds: 0,
        };
        for (code, value) in Options::new(self.order, options) {
            match (code, value) {
                (OPT_IF_NAME, name) => interface.name = Some(text(name)),
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
        Ok(())
    }

    /// An enhanced packet block, or an obsolete packet block, which differs in its first word.
    fn packet(&self, place: Place, kind: u32) -> Result<CapturedPacket, CaptureError> {
        let Some((header, rest)) = self.body.split_first_chunk::<20>() else {
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
        let Some((data, after)) = rest.split_at_checked(captured as usize) else {
            return Err(place.malformed(format!("claims {captured} captured bytes and has room for {}", rest.len())));
        };
        check_captured(place, captured)?;
        let padding = captured.next_multiple_of(4) - captured;
        let mut comments = Vec::new();
        for (code, value) in Options::new(self.order, after.get(padding as usize..).unwrap_or_default()) {
            if code == OPT_COMMENT {
                comments.push(text(value));
            }
        }
        let offset = described.offset_seconds.saturating_mul(1_000_000_000);
        Ok(CapturedPacket {
            number: 0,
            time: described.resolution.nanos(units).saturating_add(offset),
            link_type: described.link_type,
            original_len,
            data: data.to_vec(),
            comment: (!comments.is_empty()).then(|| comments.join("\n")),
            interface,
        })
    }

    /// A simple packet block: of the first interface, with no time.
    fn simple_packet(&self, place: Place) -> Result<CapturedPacket, CaptureError> {
        let Some((&original_len, rest)) = self.body.split_first_chunk::<4>() else {
            return Err(place.malformed("is too short"));
        };
        let original_len = self.order.u32(original_len);
        let described = self.interface(place, 0)?;
        let captured = match described.snaplen {
            0 => original_len,
            snaplen => original_len.min(snaplen),
        };
        let Some(data) = rest.get(..captured as usize) else {
            return Err(place.malformed(format!("claims {captured} captured bytes and has room for {}", rest.len())));
        };
        check_captured(place, captured)?;
        Ok(CapturedPacket {
            number: 0,
            time: 0,
            link_type: described.link_type,
            original_len,
            data: data.to_vec(),
            comment: None,
            interface: 0,
        })
    }

    fn interface(&self, place: Place, number: u32) -> Result<&Interface, CaptureError> {
        self.interfaces
            .get(number as usize)
            .ok_or_else(|| place.malformed(format!("names interface {number}, which its section has not described")))
    }
}

fn check_captured(place: Place, captured: u32) -> Result<(), CaptureError> {
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
