//! Reading classic pcap files (draft-ietf-opsawg-pcap §4, §5).

use super::{CaptureError, Interface, LinkType, MAX_PACKET, Order, Record, Resolution, Source};
use std::io::Read;

/// What the magic number tells.
#[derive(Clone, Copy, Debug)]
pub(super) struct Variant {
    order: Order,
    resolution: Resolution,
    /// Kuznetzov's patched format has eight more bytes in each record's header.
    patched: bool,
}

impl Variant {
    pub(super) fn from_magic(magic: [u8; 4]) -> Option<Variant> {
        [Order::Little, Order::Big].into_iter().find_map(|order| {
            let (resolution, patched) = match order.u32(magic) {
                0xa1b2_c3d4 => (Resolution::MICROS, false),
                0xa1b2_3c4d => (Resolution::NANOS, false),
                0xa1b2_cd34 => (Resolution::MICROS, true),
                _ => return None,
            };
            Some(Variant { order, resolution, patched })
        })
    }
}

/// A classic pcap file after its header.
#[derive(Debug)]
pub(super) struct Classic {
    variant: Variant,
    interface: Interface,
    /// Bytes of the newest packet with its header.
    pub(super) length: usize,
}

impl Classic {
    /// Reads the file's header.
    pub(super) fn open<R: Read>(variant: Variant, source: &mut Source<R>) -> Result<Classic, CaptureError> {
        source.need(24, "file header")?;
        let header: [u8; 24] = source.head();
        source.take(24);
        let [.., a, b, c, d, _, _, _, _, _, _, _, _, s0, s1, s2, s3, l0, l1, l2, l3] = header;
        let (major, minor) = (variant.order.u16([a, b]), variant.order.u16([c, d]));
        // Older ones (2.3 and before) had the two lengths of a record the other way about.
        if (major, minor) != (2, 4) {
            return Err(CaptureError::Version { format: "pcap", major, minor });
        }
        // The upper bits tell of a frame check sequence.
        let link_type = LinkType((variant.order.u32([l0, l1, l2, l3]) & 0xffff) as u16);
        let snaplen = match variant.order.u32([s0, s1, s2, s3]) {
            0 => MAX_PACKET,
            n => n,
        };
        let resolution = variant.resolution;
        let interface = Interface { link_type, snaplen, resolution, name: None, filter: None, offset_seconds: 0 };
        Ok(Classic { variant, interface, length: 0 })
    }

    pub(super) fn interface(&self) -> &Interface {
        &self.interface
    }

    /// Goes on to the next packet; false at the end.
    #[inline]
    pub(super) fn next_record<R: Read>(
        &mut self,
        source: &mut Source<R>,
        record: &mut Record,
    ) -> Result<bool, CaptureError> {
        // Nearly always the whole packet stands in the window.
        let header = match source.ahead::<16>() {
            Some(header) => header,
            None if source.available(16)? == 0 => return Ok(false),
            None => {
                source.need(16, "packet header")?;
                source.head()
            }
        };
        let [s0, s1, s2, s3, f0, f1, f2, f3, c0, c1, c2, c3, o0, o1, o2, o3] = header;
        let words = [[s0, s1, s2, s3], [f0, f1, f2, f3], [c0, c1, c2, c3], [o0, o1, o2, o3]];
        let [seconds, fraction, captured, original_len] = match self.variant.order {
            Order::Little => words.map(u32::from_le_bytes),
            Order::Big => words.map(u32::from_be_bytes),
        };
        if captured > MAX_PACKET {
            return Err(too_long(captured, source.offset()));
        }
        let header_len = if self.variant.patched { 24 } else { 16 };
        let length = header_len + captured as usize;
        if source.ready() < length {
            source.need(length, "packet")?;
        }
        let start = source.position() + header_len;
        source.take(length);
        self.length = length;
        // More than the snapshot length is not kept, as libpcap has it.
        let kept = captured.min(self.interface.snaplen) as usize;
        let fraction = self.variant.resolution.nanos(fraction.into());
        record.time = i64::from(seconds) * 1_000_000_000 + fraction;
        record.link_type = self.interface.link_type;
        record.original_len = original_len;
        record.data = start..start + kept;
        Ok(true)
    }
}

#[cold]
fn too_long(captured: u32, offset: u64) -> CaptureError {
    let problem = format!("claims {captured} bytes, more than the {MAX_PACKET} a packet may hold");
    CaptureError::Malformed { offset, what: "packet", problem }
}
