//! The fixed part of the TCP header (RFC 9293 §3.1; the AE bit: RFC 9768 §3.1).

use super::TcpFlags;
use crate::bytes::{at_least, be16, be32, fixed, put16, put32};
use crate::ip::Parsed;
use crate::{ParseError, SeqNum};

/// Length of the header without options, in bytes.
pub const MIN_HEADER_LEN: usize = 20;
/// The longest header, options included, in bytes.
pub const MAX_HEADER_LEN: usize = 60;
/// Offset of the checksum field in the header.
pub const CHECKSUM_OFFSET: usize = 16;

const WHAT: &str = "TCP";

/// A TCP header without its options.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TcpHeader {
    /// The sender's port.
    pub src_port: u16,
    /// The receiver's port.
    pub dst_port: u16,
    /// Sequence number.
    pub seq: SeqNum,
    /// Acknowledgement number as it stands, whether or not ACK is set.
    pub ack: SeqNum,
    /// Length of header and options as stated, in bytes: 0 to 60, a multiple of 4.
    pub header_len: u8,
    /// The control bits; the three reserved ones are left out.
    pub flags: TcpFlags,
    /// The window, unscaled.
    pub window: u16,
    /// The checksum as it stands.
    pub checksum: u16,
    /// The urgent pointer as it stands, whether or not URG is set.
    pub urgent: u16,
}

impl TcpHeader {
    /// Parses a segment: the header, and where the data lies in `bytes`, which is all of the segment. The options are
    /// `bytes[20..header_len]`. The checksum is not looked at: see [`crate::checksum::verify`].
    ///
    /// # Errors
    /// As [`parse_fixed`](Self::parse_fixed), and if the stated header length is below 20 or more than is there.
    #[inline]
    pub fn parse(bytes: &[u8]) -> Parsed<TcpHeader> {
        let header = TcpHeader::parse_fixed(bytes)?;
        let header_len = usize::from(header.header_len);
        if header_len < MIN_HEADER_LEN {
            return Err(ParseError::BadField { what: WHAT, field: "header length", value: header_len as u32 });
        }
        at_least(bytes, header_len, WHAT)?;
        Ok((header, header_len..bytes.len()))
    }

    /// Parses the first 20 bytes, whatever header length they state: what is left to show of a bad segment.
    ///
    /// # Errors
    /// If fewer than 20 bytes are there.
    #[inline]
    pub fn parse_fixed(bytes: &[u8]) -> Result<TcpHeader, ParseError> {
        let h: &[u8; MIN_HEADER_LEN] = fixed(bytes, WHAT)?;
        Ok(TcpHeader {
            src_port: be16(h, 0),
            dst_port: be16(h, 2),
            seq: SeqNum(be32(h, 4)),
            ack: SeqNum(be32(h, 8)),
            header_len: (h[12] >> 4) * 4,
            flags: TcpFlags::from_bits_truncate(be16(h, 12)),
            window: be16(h, 14),
            checksum: be16(h, CHECKSUM_OFFSET),
            urgent: be16(h, 18),
        })
    }

    /// Writes the fixed part to the start of `out`, `header_len` and `checksum` as they are in `self`, and returns its
    /// length.
    ///
    /// # Panics
    /// If `out` is shorter than [`MIN_HEADER_LEN`].
    #[inline]
    pub fn emit(&self, out: &mut [u8]) -> usize {
        let h = &mut out[..MIN_HEADER_LEN];
        put16(h, 0, self.src_port);
        put16(h, 2, self.dst_port);
        put32(h, 4, self.seq.0);
        put32(h, 8, self.ack.0);
        put16(h, 12, u16::from(self.header_len / 4) << 12 | self.flags.bits());
        put16(h, 14, self.window);
        put16(h, CHECKSUM_OFFSET, self.checksum);
        put16(h, 18, self.urgent);
        MIN_HEADER_LEN
    }
}
