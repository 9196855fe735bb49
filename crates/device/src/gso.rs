//! Software segmentation at a device's edge: a super-segment becomes wire segments.
//!
//! Each wire segment gets its sequence number, length and checksums (RFC 9293 §3.1, RFC 791, RFC 8200); FIN and PSH stay
//! with the last, CWR with the first (RFC 3168 §6.1.2); an IPv4 identification counts on (RFC 6864 asks no more of atomic
//! packets). This is what network cards call TCP segmentation offload.

use arrayvec::ArrayVec;
use limpid_stack::{MAX_HEAD, Medium, TxChecksum, TxFrame};
use limpid_wire::{Checksum, IpProtocol, Parts};

/// Largest super-segment's payload, bytes: with any headers it still is an IP packet of at most 65,535 bytes.
pub const GSO_MAX: u32 = 65_535 - MAX_HEAD as u32;

const FIN_PSH: u16 = 0x09;
const CWR: u16 = 0x80;

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
    let sums = layout.filter(|_| is_super).map(|layout| layout.fixed_sums(&frame.head));
    Cut { frame, layout, sums: sums.unwrap_or_default(), size, begin: 0, done: false, head: frame.head.clone() }
}

/// The wire segments of a frame, one after the other; see [`cut`]. As an iterator it gives frames of their own, and
/// [`next_piece`](Self::next_piece) lends what they are made of.
#[derive(Clone, Debug)]
pub struct Cut<'a> {
    frame: &'a TxFrame,
    layout: Option<Layout>,
    /// Of a super-segment's headers, as far as they are the same in each piece.
    sums: Sums,
    size: usize,
    /// Payload bytes that were given out.
    begin: usize,
    done: bool,
    /// The headers, written once and changed for each segment.
    head: ArrayVec<u8, MAX_HEAD>,
}

/// A wire segment, lent: its headers, and where its payload lies.
#[derive(Clone, Debug)]
pub struct Piece<'a> {
    /// Link, IP and transport headers.
    pub head: &'a [u8],
    /// What follows.
    pub payload: Parts<'a>,
    /// The checksum's state: complete, unless this is no TCP packet.
    pub checksum: TxChecksum,
    /// As [`TxFrame::gso_size`]: 0, unless this is no TCP packet.
    pub gso_size: u16,
}

impl Cut<'_> {
    /// The next wire segment.
    #[inline]
    pub fn next_piece(&mut self) -> Option<Piece<'_>> {
        if self.done {
            return None;
        }
        let Cut { frame, size, begin, .. } = *self;
        let end = frame.payload.len().min(begin + size);
        self.begin = end;
        self.done = end == frame.payload.len();
        let payload = frame.payload.parts(begin..end);
        let Some(layout) = self.layout else {
            // Not cut: whatever it is, it is left to the device as it was.
            return Some(Piece { head: &self.head, payload, checksum: frame.checksum, gso_size: frame.gso_size });
        };
        if begin > 0 || !self.done {
            let nth = Nth { number: begin / size, begin, last: self.done };
            layout.place(&mut self.head, (&frame.head, self.sums), nth, payload.clone());
        } else if frame.checksum != TxChecksum::Complete {
            layout.complete_checksum(&mut self.head, payload.clone());
        }
        Some(Piece { head: &self.head, payload, checksum: TxChecksum::Complete, gso_size: 0 })
    }
}

impl Iterator for Cut<'_> {
    type Item = TxFrame;

    fn next(&mut self) -> Option<TxFrame> {
        let TxFrame { flow, why, mark, priority, .. } = *self.frame;
        let piece = self.next_piece()?;
        let mut frame = TxFrame {
            checksum: piece.checksum,
            gso_size: piece.gso_size,
            flow,
            why,
            mark,
            priority,
            ..TxFrame::stateless()
        };
        frame.head.try_extend_from_slice(piece.head).expect("as much room as the frame had");
        for part in piece.payload {
            frame.payload.push_part(part).expect("no more chunks than the whole has");
        }
        Some(frame)
    }
}

/// Whether the frame is a TCP packet with CWR, which belongs to its first segment alone.
pub(crate) fn says_cwr(frame: &TxFrame, medium: Medium) -> bool {
    Layout::of(frame, medium).is_some_and(|layout| u16::from(frame.head[layout.tcp + 13]) & CWR != 0)
}

/// Where the headers of a TCP packet stand in a frame.
#[derive(Clone, Copy, Debug)]
struct Layout {
    ip: usize,
    tcp: usize,
    v4: bool,
}

/// Which piece of a frame.
#[derive(Clone, Copy, Debug)]
struct Nth {
    number: usize,
    /// Payload bytes before it.
    begin: usize,
    last: bool,
}

/// Sums of headers without what differs from piece to piece: lengths, identification, sequence number, flags, the sums themselves.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    /// IPv4's.
    ip: Checksum,
    /// TCP's, with the pseudo header.
    tcp: Checksum,
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

    fn fixed_sums(self, head: &[u8]) -> Sums {
        let Layout { ip, tcp, v4 } = self;
        let mut sums = Sums::default();
        if v4 {
            sums.ip.add(&head[ip..ip + 2]);
            sums.ip.add(&head[ip + 6..ip + 10]);
            sums.ip.add(&head[ip + 12..ip + usize::from(head[ip] & 15) * 4]);
        }
        sums.tcp = pseudo_header(&head[ip..], 0);
        sums.tcp.add(&head[tcp..tcp + 4]);
        sums.tcp.add(&head[tcp + 8..tcp + 12]);
        sums.tcp.add(&head[tcp + 14..tcp + 16]);
        sums.tcp.add(&head[tcp + 18..]);
        sums
    }

    /// Makes the headers, which were `whole` or those of a piece before, those of the `nth` piece. Nothing that was just written is read again
    /// as a part of something larger: a processor would have to wait for it.
    fn place(self, head: &mut [u8], (whole, sums): (&[u8], Sums), nth: Nth, payload: Parts<'_>) {
        let Layout { ip, tcp, v4 } = self;
        let length = head.len() - ip + payload.byte_len();
        let word = |at: usize| u16::from_be_bytes([whole[at], whole[at + 1]]);
        if v4 {
            let id = word(ip + 4).wrapping_add(nth.number as u16);
            let mut sum = sums.ip;
            sum.add_u32((length as u32) << 16 | u32::from(id));
            put16(head, ip + 2, length as u16);
            put16(head, ip + 4, id);
            put16(head, ip + 10, sum.finish());
        } else {
            put16(head, ip + 4, (length - 40) as u16);
        }
        let seq = (u32::from(word(tcp + 4)) << 16 | u32::from(word(tcp + 6))).wrapping_add(nth.begin as u32);
        let mut flags = word(tcp + 12);
        if !nth.last {
            flags &= !FIN_PSH;
        }
        if nth.begin > 0 {
            flags &= !CWR;
        }
        let mut sum = sums.tcp;
        sum.add_u32(seq);
        sum.add_u16(flags);
        sum.add_u16((length - (tcp - ip)) as u16);
        payload.for_each(|part| sum.add(part.as_slice()));
        head[tcp + 4..tcp + 8].copy_from_slice(&seq.to_be_bytes());
        put16(head, tcp + 12, flags);
        put16(head, tcp + 16, sum.finish());
    }

    fn complete_checksum(self, head: &mut [u8], payload: Parts<'_>) {
        let Layout { ip, tcp, .. } = self;
        let mut sum = pseudo_header(&head[ip..], head.len() - tcp + payload.byte_len());
        put16(head, tcp + 16, 0);
        sum.add(&head[tcp..]);
        payload.for_each(|part| sum.add(part.as_slice()));
        put16(head, tcp + 16, sum.finish());
    }
}

/// The sum of the pseudo header of TCP behind an IP header (RFC 9293 §3.1, RFC 8200 §8.1; a source route, which limpid never sends, is not
/// looked for), for `length` bytes of TCP.
#[inline]
pub(crate) fn pseudo_header(ip: &[u8], length: usize) -> Checksum {
    let mut sum = Checksum::of(if ip[0] >> 4 == 4 { &ip[12..20] } else { &ip[8..40] });
    sum.add_u16(IpProtocol::TCP.0.into());
    sum.add_u32(length as u32);
    sum
}

pub(crate) fn put16(bytes: &mut [u8], at: usize, value: u16) {
    bytes[at..at + 2].copy_from_slice(&value.to_be_bytes());
}

#[cfg(test)]
mod tests;
