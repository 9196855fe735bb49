//! Software segmentation at a device's edge: a super-segment becomes wire segments.
//!
//! Each wire segment gets its sequence number, length and checksums (RFC 9293 §3.1, RFC 791, RFC 8200); FIN and PSH stay
//! with the last, CWR with the first (RFC 3168 §6.1.2); an IPv4 identification counts on (RFC 6864 asks no more of atomic
//! packets). This is what network cards call TCP segmentation offload.

use arrayvec::ArrayVec;
use limpid_stack::{Medium, TxChecksum, TxFrame};
use limpid_wire::{Checksum, Chunks, IpAddr, IpProtocol};

/// Largest super-segment's payload, bytes: with any headers it still is an IP packet of at most 65,535 bytes.
pub const GSO_MAX: u32 = 65_535 - limpid_stack::MAX_HEAD as u32;

const FIN_PSH: u8 = 0x09;
const CWR: u8 = 0x80;

/// Bytes before the IP header.
pub(crate) const fn link_header_len(medium: Medium) -> usize {
    match medium {
        Medium::Ip => 0,
        Medium::Ethernet(_) => 14,
    }
}

/// The frames as they stand on the wire for `frame`: cut if it is a super-segment, checksums complete.
///
/// A frame that is neither, or that is not TCP, comes out as it is.
pub fn cut(frame: &TxFrame, medium: Medium) -> Cut<'_> {
    let layout = Layout::of(frame, medium);
    let size = usize::from(frame.gso_size);
    let is_super = layout.is_some() && size > 0 && frame.payload.len() > size;
    let size = if is_super { size } else { frame.payload.len().max(1) };
    Cut { frame, layout, size, begin: 0, chunk: 0, skip: 0, done: false }
}

/// Iterator over the wire segments of a frame; see [`cut`].
#[derive(Clone, Debug)]
pub struct Cut<'a> {
    frame: &'a TxFrame,
    layout: Option<Layout>,
    size: usize,
    /// Payload bytes that were given out.
    begin: usize,
    /// The chunk in which the next segment begins, and how much of it was given out.
    chunk: usize,
    skip: usize,
    done: bool,
}

impl Cut<'_> {
    /// The payload of the next segment. Only the chunks that it touches are looked at.
    fn next_payload(&mut self) -> Chunks {
        let mut payload = Chunks::new();
        for chunk in self.frame.payload.iter().skip(self.chunk) {
            let end = chunk.len().min(self.skip + self.size - payload.len());
            // As many chunks as the whole has are in one list already.
            let pushed = payload.push(chunk.slice(self.skip..end));
            debug_assert!(pushed.is_ok(), "no more chunks than the whole");
            let more = end == chunk.len();
            (self.chunk, self.skip) = if more { (self.chunk + 1, 0) } else { (self.chunk, end) };
            if !more || payload.len() == self.size {
                break;
            }
        }
        payload
    }
}

impl Iterator for Cut<'_> {
    type Item = TxFrame;

    fn next(&mut self) -> Option<TxFrame> {
        if self.done {
            return None;
        }
        let begin = self.begin;
        let payload = self.next_payload();
        self.begin += payload.len();
        self.done = self.begin >= self.frame.payload.len();
        let TxFrame { head, payload: _, checksum, gso_size: _, flow, why, mark, priority } = self.frame;
        let mut piece = TxFrame {
            head: ArrayVec::new(),
            payload,
            checksum: *checksum,
            gso_size: 0,
            flow: *flow,
            why: *why,
            mark: *mark,
            priority: *priority,
        };
        piece.head.try_extend_from_slice(head).expect("as much room as the frame had");
        let whole = begin == 0 && self.done;
        let Some(layout) = self.layout else {
            // Not cut: whatever it is, it is left to the device as it was.
            piece.gso_size = self.frame.gso_size;
            return Some(piece);
        };
        if whole && *checksum == TxChecksum::Complete {
            return Some(piece);
        }
        if !whole {
            let nth = begin / self.size;
            layout.place(&mut piece, nth, begin as u32, self.done);
        }
        layout.complete_checksum(&mut piece);
        Some(piece)
    }
}

/// Whether the frame is a TCP packet with CWR, which belongs to its first segment alone.
pub(crate) fn says_cwr(frame: &TxFrame, medium: Medium) -> bool {
    Layout::of(frame, medium).is_some_and(|layout| frame.head[layout.tcp + 13] & CWR != 0)
}

/// Where the headers of a TCP packet stand in a frame.
#[derive(Clone, Copy, Debug)]
struct Layout {
    ip: usize,
    tcp: usize,
    v4: bool,
}

impl Layout {
    /// `None` if this is no TCP packet with its headers in `head`, whole.
    fn of(frame: &TxFrame, medium: Medium) -> Option<Layout> {
        let ip = link_header_len(medium);
        let first = *frame.head.get(ip)?;
        let (v4, header_len, protocol) = match first >> 4 {
            4 => (true, usize::from(first & 15) * 4, *frame.head.get(ip + 9)?),
            6 => (false, 40, *frame.head.get(ip + 6)?),
            _ => return None,
        };
        // With IPv6 extension headers only the checksum's mark tells where TCP begins.
        let tcp = match frame.checksum {
            TxChecksum::Partial { start, offset: 16 } => usize::from(start),
            _ if protocol == IpProtocol::TCP.0 => ip + header_len,
            _ => return None,
        };
        (tcp >= ip + header_len && frame.head.len() >= tcp + 20).then_some(Layout { ip, tcp, v4 })
    }

    /// Makes the headers those of the `nth` piece, which begins `offset` bytes into the payload.
    fn place(self, piece: &mut TxFrame, nth: usize, offset: u32, last: bool) {
        let Layout { ip, tcp, v4 } = self;
        let length = piece.head.len() - ip + piece.payload.len();
        let head = &mut piece.head;
        if v4 {
            put16(head, ip + 2, length as u16);
            let id = u16::from_be_bytes([head[ip + 4], head[ip + 5]]);
            put16(head, ip + 4, id.wrapping_add(nth as u16));
            put16(head, ip + 10, 0);
            let sum = Checksum::of(&head[ip..ip + usize::from(head[ip] & 15) * 4]).finish();
            put16(head, ip + 10, sum);
        } else {
            put16(head, ip + 4, (length - 40) as u16);
        }
        let seq = u32::from_be_bytes([head[tcp + 4], head[tcp + 5], head[tcp + 6], head[tcp + 7]]);
        head[tcp + 4..tcp + 8].copy_from_slice(&seq.wrapping_add(offset).to_be_bytes());
        if !last {
            head[tcp + 13] &= !FIN_PSH;
        }
        if nth > 0 {
            head[tcp + 13] &= !CWR;
        }
    }

    fn complete_checksum(self, piece: &mut TxFrame) {
        let Layout { ip, tcp, v4 } = self;
        let head = &mut piece.head;
        let length = head.len() - tcp + piece.payload.len();
        let (source, destination) = addresses(&head[ip..], v4);
        let mut sum = Checksum::pseudo_header(source, destination, IpProtocol::TCP, length);
        put16(head, tcp + 16, 0);
        sum.add(&head[tcp..]);
        piece.payload.iter().for_each(|chunk| sum.add(chunk));
        put16(head, tcp + 16, sum.finish());
        piece.checksum = TxChecksum::Complete;
    }
}

/// Source and destination of an IP header (a source route, which limpid never sends, is not looked for).
pub(crate) fn addresses(header: &[u8], v4: bool) -> (IpAddr, IpAddr) {
    let v4_at = |at: usize| IpAddr::v4([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let v6_at = |at: usize| IpAddr::v6(*header[at..].first_chunk().expect("40 bytes were checked"));
    if v4 { (v4_at(12), v4_at(16)) } else { (v6_at(8), v6_at(24)) }
}

pub(crate) fn put16(bytes: &mut [u8], at: usize, value: u16) {
    bytes[at..at + 2].copy_from_slice(&value.to_be_bytes());
}

#[cfg(test)]
mod tests;
