//! Reading the captured part of a packet, which may end anywhere.

use limpid_wire::checksum::Checksum;

/// The captured bytes end before what was to be read. tcpdump says ` [|protocol]` then.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Cut;

/// Numbers and addresses out of captured bytes, network byte order.
pub(super) trait Bytes {
    /// The bytes from `at` on; none if they are beyond the end.
    fn tail(&self, at: usize) -> &[u8];
    /// Exactly `N` bytes from `at`.
    fn array<const N: usize>(&self, at: usize) -> Result<[u8; N], Cut>;

    /// The byte at `at`.
    fn u8(&self, at: usize) -> Result<u8, Cut> {
        self.array::<1>(at).map(|[b]| b)
    }

    /// Two bytes at `at`.
    fn u16(&self, at: usize) -> Result<u16, Cut> {
        self.array(at).map(u16::from_be_bytes)
    }

    /// Four bytes at `at`.
    fn u32(&self, at: usize) -> Result<u32, Cut> {
        self.array(at).map(u32::from_be_bytes)
    }

    /// An error unless `count` bytes are there.
    fn need(&self, count: usize) -> Result<(), Cut>;
}

impl Bytes for [u8] {
    fn tail(&self, at: usize) -> &[u8] {
        self.get(at..).unwrap_or_default()
    }

    fn array<const N: usize>(&self, at: usize) -> Result<[u8; N], Cut> {
        self.tail(at).first_chunk().copied().ok_or(Cut)
    }

    fn need(&self, count: usize) -> Result<(), Cut> {
        if self.len() < count { Err(Cut) } else { Ok(()) }
    }
}

/// What a checksum field should have held, from what it holds and the sum over all with it (RFC 1624); `None` if it is
/// right.
pub(super) fn should_be(field: u16, sum: Checksum) -> Option<u16> {
    (!sum.is_valid()).then(|| {
        let (right, carry) = field.overflowing_add(sum.finish());
        right + u16::from(carry)
    })
}
