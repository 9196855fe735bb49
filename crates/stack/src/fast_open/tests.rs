//! Cookies.

use super::{BlackHole, FastOpenKey, FastOpenKeys};
use core::time::Duration;
use limpid_event::Instant;
use limpid_wire::IpAddr;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

/// As Linux 6.18 made them of the same key, which its sysctl calls a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4.
#[test]
fn cookies_are_linuxs() {
    let mut key = [0; 16];
    for (at, byte) in [0xa1, 0xb2, 0xc3, 0xd4].into_iter().enumerate() {
        key[4 * at..4 * at + 4].fill(byte);
    }
    let cookie = FastOpenKey(key).cookie(ip("192.0.2.1"), ip("192.168.0.1"));
    assert_eq!(cookie.as_slice(), [0x30, 0x21, 0xb9, 0xd8, 0x89, 0x01, 0x7e, 0xeb]);
    let keys = FastOpenKeys { primary: FastOpenKey(key), backup: None };
    assert!(!alloc::format!("{keys:?}").contains("161"));
}

#[test]
fn the_pause_doubles_six_times() {
    let (mut hole, first) = (BlackHole::default(), Duration::from_secs(10));
    let at = |seconds| Instant::ZERO + Duration::from_secs(seconds);
    assert!(!hole.pauses(at(0), first));
    hole.found(at(0));
    assert!(hole.pauses(at(9), first) && !hole.pauses(at(10), first));
    (0..9).for_each(|_| hole.found(at(0)));
    assert!(hole.pauses(at(639), first) && !hole.pauses(at(640), first));
    assert!(!hole.pauses(at(0), Duration::ZERO));
    hole.disproved();
    assert!(!hole.pauses(at(0), first));
}
