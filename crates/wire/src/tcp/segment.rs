//! Between the bytes of a TCP packet and a [`Segment`].

use core::ops::Range;

use super::header::{CHECKSUM_OFFSET, MIN_HEADER_LEN};
use super::{TcpHeader, TcpOptions};
use crate::bytes::put16;
use crate::checksum::Checksum;
use crate::ip::IpProtocol;
use crate::{Chunk, Chunks, Ecn, IpAddr, ParseError, Segment};

/// Parses the TCP packet that lies at `range` in `frame` into its ports (source, destination) and the segment, whose
/// payload is a slice of the frame. The checksum is not looked at: see [`crate::checksum::verify`].
///
/// # Errors
/// As [`TcpHeader::parse`]; malformed options are skipped as Linux does, not refused.
///
/// # Panics
/// If `range` reaches past the end of `frame`.
#[inline]
pub fn parse_segment(frame: Chunk, range: Range<usize>, ecn: Ecn) -> Result<(u16, u16, Segment), ParseError> {
    let bytes = &frame.as_slice()[range.clone()];
    let (header, data) = TcpHeader::parse(bytes)?;
    let options = TcpOptions::parse(&bytes[MIN_HEADER_LEN..data.start]);
    let payload = frame.into_slice(range.start + data.start..range.start + data.end).into();
    let segment = Segment {
        seq: header.seq,
        ack: header.ack,
        flags: header.flags,
        window: header.window,
        urgent: header.urgent,
        options,
        ecn,
        merged: 1,
        payload,
    };
    Ok((header.src_port, header.dst_port, segment))
}

/// Length of the header that [`emit_header`] writes for `segment`, in bytes: 20 to 60.
#[inline]
pub fn header_len(segment: &Segment) -> usize {
    MIN_HEADER_LEN + segment.options.encoded_len()
}

/// Writes `segment`'s header to the start of `out`, with `ports` (source, destination) and a checksum of zero, and
/// returns its length. [`put_checksum`] completes it.
///
/// # Panics
/// If `out` is shorter than [`header_len`]; 60 bytes always do.
#[inline]
pub fn emit_header(segment: &Segment, ports: (u16, u16), out: &mut [u8]) -> usize {
    let options_len = segment.options.emit(&mut out[MIN_HEADER_LEN..]);
    let header = TcpHeader {
        src_port: ports.0,
        dst_port: ports.1,
        seq: segment.seq,
        ack: segment.ack,
        header_len: (MIN_HEADER_LEN + options_len) as u8,
        flags: segment.flags,
        window: segment.window,
        checksum: 0,
        urgent: segment.urgent,
    };
    header.emit(out);
    MIN_HEADER_LEN + options_len
}

/// Computes the checksum over `header`, whose checksum field is zero, and `payload`, and writes it into the field. With
/// `partial`, only the pseudo header's sum is written and the device does the rest.
///
/// # Panics
/// If `header` is shorter than the fixed part.
#[inline]
pub fn put_checksum(src: IpAddr, dst: IpAddr, header: &mut [u8], payload: &Chunks, partial: bool) {
    let len = header.len() + payload.len();
    let mut sum = Checksum::pseudo_header(src, dst, IpProtocol::TCP, len);
    let checksum = if partial {
        sum.partial()
    } else {
        sum.add(header);
        payload.iter().for_each(|chunk| sum.add(chunk.as_slice()));
        sum.finish()
    };
    put16(header, CHECKSUM_OFFSET, checksum);
}

#[cfg(test)]
mod tests;
