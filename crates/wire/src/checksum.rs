//! The Internet checksum (RFC 1071; RFC 9293 §3.1 and RFC 8200 §8.1 for the pseudo headers).
//!
//! Sums are taken in the machine's byte order over 32-bit words in several lanes, which compilers turn into vector code; the ones' complement sum does not depend on the byte order, so one swap at the end is all it costs (RFC 1071 §2 (B)).

use crate::bytes::{be16, put16};
use crate::ip::IpProtocol;
use crate::{Chunks, IpAddr, ParseError};

/// A ones' complement sum in the making, over any number of slices of any lengths.
///
/// ```
/// use limpid_wire::checksum::Checksum;
/// let whole = Checksum::of(&[1, 2, 3, 4, 5]);
/// let mut parts = Checksum::new();
/// parts.add(&[1, 2, 3]);
/// parts.add(&[4, 5]);
/// assert_eq!(whole.finish(), parts.finish());
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Checksum {
    /// The sum of 16-bit words in the machine's byte order, carries not folded in yet.
    sum: u64,
    /// An odd number of bytes has gone in: the next byte is the second of its word.
    odd: bool,
}

impl Checksum {
    /// The sum of nothing.
    pub const fn new() -> Checksum {
        Checksum { sum: 0, odd: false }
    }

    /// The sum of `bytes`.
    #[inline]
    pub fn of(bytes: &[u8]) -> Checksum {
        let mut sum = Checksum::new();
        sum.add(bytes);
        sum
    }

    /// The sum of the pseudo header that TCP, UDP and ICMPv6 put before themselves (RFC 9293 §3.1, RFC 8200 §8.1).
    /// `len` is the length of transport header and data.
    #[inline]
    pub fn pseudo_header(src: IpAddr, dst: IpAddr, protocol: IpProtocol, len: usize) -> Checksum {
        let mut sum = Checksum::new();
        match (src.as_v4(), dst.as_v4()) {
            (Some(src), Some(dst)) => {
                sum.add_u32(u32::from_be_bytes(src));
                sum.add_u32(u32::from_be_bytes(dst));
            }
            _ => {
                sum.add(&src.octets());
                sum.add(&dst.octets());
            }
        }
        sum.add_u32(u32::from(protocol.0));
        sum.add_u32(len as u32);
        sum
    }

    /// Adds `bytes`, as if they followed what was added before.
    #[inline]
    pub fn add(&mut self, bytes: &[u8]) {
        let mut part = sum_words(bytes);
        if self.odd {
            // Every byte stands at the other place of its word (RFC 1071 §2 (B)).
            part = u64::from(fold(part).swap_bytes());
        }
        self.merge(part);
        self.odd ^= bytes.len() % 2 == 1;
    }

    /// Adds a 16-bit word in network order. Only between slices whose lengths so far are even.
    pub fn add_u16(&mut self, word: u16) {
        debug_assert!(!self.odd, "a word at an odd place");
        self.merge(u64::from(word.to_be()));
    }

    /// Adds two 16-bit words. Only between slices whose lengths so far are even.
    #[inline]
    pub fn add_u32(&mut self, words: u32) {
        debug_assert!(!self.odd, "a word at an odd place");
        self.merge(u64::from(words.to_be()));
    }

    /// Adds another sum, computed apart, as if its bytes followed.
    pub fn add_sum(&mut self, other: Checksum) {
        let part = fold(other.sum);
        self.merge(u64::from(if self.odd { part.swap_bytes() } else { part }));
        self.odd ^= other.odd;
    }

    #[inline]
    fn merge(&mut self, part: u64) {
        let (sum, carry) = self.sum.overflowing_add(part);
        self.sum = sum + u64::from(carry);
    }

    /// The folded sum, not complemented: what the checksum field holds when the rest is left to a device.
    #[inline]
    pub fn partial(self) -> u16 {
        u16::from_be(fold(self.sum))
    }

    /// The checksum: the complement of the folded sum.
    #[inline]
    pub fn finish(self) -> u16 {
        !self.partial()
    }

    /// True if what was summed, checksum field included, is intact.
    #[inline]
    pub fn is_valid(self) -> bool {
        self.partial() == 0xffff
    }
}

/// True if the checksum in a transport packet (header and data in `bytes`) fits its pseudo header.
#[inline]
pub fn verify(src: IpAddr, dst: IpAddr, protocol: IpProtocol, bytes: &[u8]) -> bool {
    let mut sum = Checksum::pseudo_header(src, dst, protocol, bytes.len());
    sum.add(bytes);
    sum.is_valid()
}

/// The same of a packet in two parts: its header and perhaps some data, and chunks of data.
#[inline]
pub fn verify_parts(src: IpAddr, dst: IpAddr, protocol: IpProtocol, head: &[u8], rest: &Chunks) -> bool {
    let mut sum = Checksum::pseudo_header(src, dst, protocol, head.len() + rest.len());
    sum.add(head);
    rest.iter().for_each(|chunk| sum.add(chunk));
    sum.is_valid()
}

/// Completes a partial checksum in software: sums `frame` from `start` to its end, where the field at `start + offset`
/// holds the pseudo header's sum, and writes the checksum into the field.
///
/// # Errors
/// If the field does not lie in the frame; the frame is then unchanged.
pub fn complete_partial(frame: &mut [u8], start: u16, offset: u16) -> Result<(), ParseError> {
    let (start, field) = (usize::from(start), usize::from(start) + usize::from(offset));
    if field + 2 > frame.len() {
        return Err(ParseError::Truncated { what: "partial checksum", need: field + 2, have: frame.len() });
    }
    let checksum = Checksum::of(&frame[start..]).finish();
    put16(frame, field, checksum);
    debug_assert_eq!(be16(frame, field), checksum);
    Ok(())
}

/// Folds a wide sum into 16 bits, adding the carries back in.
#[inline]
fn fold(sum: u64) -> u16 {
    let sum = (sum >> 32) + (sum & 0xffff_ffff);
    let sum = (sum >> 32) + (sum & 0xffff_ffff);
    let sum = (sum >> 16) + (sum & 0xffff);
    let sum = (sum >> 16) + (sum & 0xffff);
    sum as u16
}

/// Sums `bytes` as 32-bit words of the machine's order, zero-padded at the end. Cannot overflow below 16 GiB.
#[inline]
fn sum_words(bytes: &[u8]) -> u64 {
    let (pieces, rest) = bytes.split_at(bytes.len() - bytes.len() % PIECE);
    let (blocks, tail) = rest.split_at(rest.len() - rest.len() % BLOCK);
    let mut sum = sum_tail(tail);
    // A header is shorter than a block.
    if !blocks.is_empty() {
        sum += sum_blocks(blocks);
    }
    for piece in pieces.chunks_exact(PIECE) {
        sum += sum_blocks(piece);
    }
    sum
}

/// As many 32-bit lanes as four SSE2 registers hold.
const LANES: usize = 16;

/// Bytes that fill all lanes once.
const BLOCK: usize = 4 * LANES;

/// The most bytes for which the lanes of [`sum_blocks`] can't overflow: each takes up to 2¹⁶ words.
const PIECE: usize = BLOCK << 16;

/// The sum of whole blocks, at most [`PIECE`] bytes.
///
/// Each lane sums words modulo 2³², and their upper halves apart; from both follows the sum of the lower halves, and so
/// the whole. That takes fewer instructions than to widen each word to 64 bits.
#[inline]
fn sum_blocks(bytes: &[u8]) -> u64 {
    let (mut words, mut uppers) = ([0u32; LANES], [0u32; LANES]);
    for block in bytes.as_chunks::<BLOCK>().0 {
        let (block, _) = block.as_chunks::<4>();
        for ((sum, upper), word) in words.iter_mut().zip(&mut uppers).zip(block) {
            let word = u32::from_ne_bytes(*word);
            *sum = sum.wrapping_add(word);
            *upper += word >> 16;
        }
    }
    let mut sum = 0;
    for (words, upper) in words.into_iter().zip(uppers) {
        let lower = words.wrapping_sub(upper << 16);
        sum += (u64::from(upper) << 16) + u64::from(lower);
    }
    sum
}

/// The sum of fewer bytes than a block, zero-padded at the end.
#[inline]
fn sum_tail(bytes: &[u8]) -> u64 {
    let (words, last) = bytes.as_chunks::<4>();
    let mut sum = words.iter().map(|word| u64::from(u32::from_ne_bytes(*word))).sum();
    if !last.is_empty() {
        let mut word = [0; 4];
        word[..last.len()].copy_from_slice(last);
        sum += u64::from(u32::from_ne_bytes(word));
    }
    sum
}

#[cfg(test)]
mod tests;
