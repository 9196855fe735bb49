//! Reading the captured part of a packet, which may end anywhere.

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

/// The Internet checksum's sum (RFC 1071) over `parts`, folded to 16 bits; each part but the last has an even length.
pub(super) fn sum(parts: &[&[u8]]) -> u16 {
    let mut sum = 0u64;
    for part in parts {
        let mut words = part.chunks_exact(2);
        for word in &mut words {
            sum += u64::from(u16::from_be_bytes([word[0], word[1]]));
        }
        if let [last] = words.remainder() {
            sum += u64::from(*last) << 8;
        }
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// What a checksum field should have held, from what it holds and the sum over all with it (RFC 1624).
pub(super) fn should_be(field: u16, sum: u16) -> u16 {
    let mut shouldbe = u32::from(field) + u32::from(!sum);
    while shouldbe > 0xffff {
        shouldbe = (shouldbe & 0xffff) + (shouldbe >> 16);
    }
    shouldbe as u16
}
