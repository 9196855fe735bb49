//! Reading and writing big-endian fields at fixed places, after the length has been checked once.

use crate::ParseError;

/// The first `N` bytes of `bytes`, or what is missing.
#[inline]
pub(crate) fn fixed<'a, const N: usize>(bytes: &'a [u8], what: &'static str) -> Result<&'a [u8; N], ParseError> {
    bytes.first_chunk().ok_or(ParseError::Truncated { what, need: N, have: bytes.len() })
}

/// Refuses `bytes` unless at least `need` of them are there.
#[inline]
pub(crate) fn at_least(bytes: &[u8], need: usize, what: &'static str) -> Result<(), ParseError> {
    if bytes.len() < need {
        return Err(ParseError::Truncated { what, need, have: bytes.len() });
    }
    Ok(())
}

/// `N` bytes at `at`. The caller has checked the length.
#[inline]
pub(crate) fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}

/// The big-endian 16-bit field at `at`. The caller has checked the length.
#[inline]
pub(crate) fn be16(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

/// The big-endian 24-bit field at `at`. The caller has checked the length.
pub(crate) fn be24(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([0, bytes[at], bytes[at + 1], bytes[at + 2]])
}

/// The big-endian 32-bit field at `at`. The caller has checked the length.
#[inline]
pub(crate) fn be32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(array(bytes, at))
}

/// Writes `value` big-endian at `at`.
#[inline]
pub(crate) fn put16(out: &mut [u8], at: usize, value: u16) {
    out[at..at + 2].copy_from_slice(&value.to_be_bytes());
}

/// Writes `value` big-endian at `at`.
#[inline]
pub(crate) fn put32(out: &mut [u8], at: usize, value: u32) {
    out[at..at + 4].copy_from_slice(&value.to_be_bytes());
}
