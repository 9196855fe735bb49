//! How many ICMP errors leave (RFC 1812 §4.3.2.8, RFC 4443 §2.4 (f)): token buckets, one for all and one for each group of
//! destinations that a keyed hash puts together.
//!
//! The limit for all is Linux's (1000 a second, 50 at once). It is not drained one by one from a known number, which would
//! let an attacker count on it (SAD DNS, CVE-2020-25705): the buckets of destinations run out long before.

use crate::keys::Key;
use alloc::boxed::Box;
use limpid_event::Instant;
use limpid_wire::IpAddr;

/// Buckets for destinations.
const BUCKETS: usize = 256;

#[derive(Clone, Copy)]
struct Bucket {
    tokens: u32,
    /// Until when tokens were added, in nanoseconds.
    filled: u64,
}

impl Bucket {
    /// Whether it yields a token, where one is added every `interval` ns and there are never more than `burst`.
    fn is_ready(&mut self, now: u64, interval: u64, burst: u32) -> bool {
        let earned = now.saturating_sub(self.filled) / interval;
        if earned > 0 {
            self.tokens = (u64::from(self.tokens) + earned).min(u64::from(burst)) as u32;
            self.filled += earned * interval;
        }
        self.tokens > 0
    }
}

/// The limit on ICMP errors.
pub(crate) struct IcmpLimit {
    key: Key,
    all: Bucket,
    destinations: Box<[Bucket; BUCKETS]>,
}

impl IcmpLimit {
    const ALL: (u64, u32) = (1_000_000, 50);
    /// One a second, six at once: Linux's `icmp_ratelimit`.
    const DESTINATION: (u64, u32) = (1_000_000_000, 6);

    pub(crate) fn new(key: Key) -> IcmpLimit {
        let full = |(_, burst)| Bucket { tokens: burst, filled: 0 };
        IcmpLimit { key, all: full(Self::ALL), destinations: Box::new([full(Self::DESTINATION); BUCKETS]) }
    }

    /// Whether an error may leave for `dst`; if so it counts.
    pub(crate) fn allow(&mut self, now: Instant, dst: IpAddr) -> bool {
        let now = now.as_nanos();
        let bucket = &mut self.destinations[self.key.hash13(&dst.octets()) as usize % BUCKETS];
        let allowed = bucket.is_ready(now, Self::DESTINATION.0, Self::DESTINATION.1)
            && self.all.is_ready(now, Self::ALL.0, Self::ALL.1);
        if allowed {
            bucket.tokens -= 1;
            self.all.tokens -= 1;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Secrets;
    use crate::keys::Keys;

    #[test]
    fn six_at_once_then_one_a_second() {
        let mut limit = IcmpLimit::new(Keys::new(&Secrets { seed: [0; 32] }).icmp);
        let dst = IpAddr::v4([10, 0, 0, 1]);
        let mut allowed = |ms| (0..20).filter(|_| limit.allow(Instant::from_millis(ms), dst)).count();
        assert_eq!(allowed(5), 6);
        assert_eq!(allowed(900), 0);
        assert_eq!(allowed(1_000), 1);
        assert_eq!(allowed(3_500), 2);
        assert_eq!(allowed(1_000_000), 6);
    }

    #[test]
    fn fifty_at_once_to_everybody() {
        let mut limit = IcmpLimit::new(Keys::new(&Secrets { seed: [0; 32] }).icmp);
        let mut allowed = |ms, from: u32| {
            (from..from + 200).filter(|n| limit.allow(Instant::from_millis(ms), IpAddr::v4(n.to_be_bytes()))).count()
        };
        assert_eq!(allowed(1, 0), 50);
        assert!(allowed(11, 1000) <= 11);
    }
}
