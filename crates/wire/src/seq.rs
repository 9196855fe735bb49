//! TCP sequence numbers: 32-bit arithmetic modulo 2^32 (RFC 9293 §3.4).

use core::fmt;
use core::ops::{Add, AddAssign, Sub};

/// A TCP sequence number.
///
/// The numbers form a circle, so there is deliberately no `Ord`: `a < b` has no meaning, [`before`](Self::before) and
/// [`after`](Self::after) do, for numbers less than 2^31 apart.
///
/// ```
/// use limpid_wire::SeqNum;
/// let last = SeqNum(u32::MAX);
/// assert!(last.before(last + 1));
/// assert_eq!((last + 2) - last, 2);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SeqNum(pub u32);

impl SeqNum {
    /// True if `self` comes strictly before `other` on the circle.
    pub const fn before(self, other: SeqNum) -> bool {
        (self.0.wrapping_sub(other.0) as i32) < 0
    }

    /// True if `self` comes strictly after `other` on the circle.
    pub const fn after(self, other: SeqNum) -> bool {
        other.before(self)
    }

    /// True if `self` equals `other` or comes before it.
    pub const fn before_eq(self, other: SeqNum) -> bool {
        !self.after(other)
    }

    /// True if `self` equals `other` or comes after it.
    pub const fn after_eq(self, other: SeqNum) -> bool {
        !self.before(other)
    }

    /// True if `self` lies in `low..high` (half open, modulo 2^32). Empty when `low == high`.
    pub const fn within(self, low: SeqNum, high: SeqNum) -> bool {
        self.0.wrapping_sub(low.0) < high.0.wrapping_sub(low.0)
    }

    /// The later of two numbers.
    pub const fn later(self, other: SeqNum) -> SeqNum {
        if self.before(other) { other } else { self }
    }

    /// The earlier of two numbers.
    pub const fn earlier(self, other: SeqNum) -> SeqNum {
        if self.after(other) { other } else { self }
    }

    /// Signed distance from `other` to `self`: negative if `self` is before `other`.
    pub const fn offset_from(self, other: SeqNum) -> i32 {
        self.0.wrapping_sub(other.0) as i32
    }
}

impl Add<u32> for SeqNum {
    type Output = SeqNum;
    fn add(self, n: u32) -> SeqNum {
        SeqNum(self.0.wrapping_add(n))
    }
}

impl AddAssign<u32> for SeqNum {
    fn add_assign(&mut self, n: u32) {
        *self = *self + n;
    }
}

impl Sub<u32> for SeqNum {
    type Output = SeqNum;
    fn sub(self, n: u32) -> SeqNum {
        SeqNum(self.0.wrapping_sub(n))
    }
}

/// How many numbers lie from `other` up to `self`, modulo 2^32.
impl Sub<SeqNum> for SeqNum {
    type Output = u32;
    fn sub(self, other: SeqNum) -> u32 {
        self.0.wrapping_sub(other.0)
    }
}

impl fmt::Debug for SeqNum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for SeqNum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests;
