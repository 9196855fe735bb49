use super::*;
use crate::testing::{Host, Phase, cx, plain};
use alloc::vec::Vec;

fn sent(offset: u64, ms: u64) -> [Notice; 2] {
    let at = Instant::from_millis(ms);
    [Stamps::SCHEDULED, Stamps::SENT].map(|what| Notice::Stamp { what, offset, at })
}

fn acked(offset: u64, ms: u64) -> Notice {
    Notice::Stamp { what: Stamps::ACKED, offset, at: Instant::from_millis(ms) }
}

fn all(watch: &mut Watch) -> Vec<Notice> {
    core::iter::from_fn(|| watch.take_notice()).collect()
}

fn mark(end: u32) -> Mark {
    Mark { stamps: Stamps::all(), end: SeqNum(end), offset: u64::from(end) - 1 }
}

/// What Linux 6.18 was seen to tell of 100 bytes that had to be sent twice.
#[test]
fn each_time_it_leaves_and_once_when_it_is_acknowledged() {
    let mut watch = Watch::default();
    watch.mark(mark(100), SeqNum(0));
    let at = |ms| Instant::from_millis(ms);
    assert!(watch.on_sent(SeqNum(0), SeqNum(100), at(1)));
    assert!(watch.on_sent(SeqNum(0), SeqNum(100), at(200)));
    assert!(!watch.on_sent(SeqNum(0), SeqNum(99), at(201)), "without its last byte");
    assert!(!watch.on_acked(SeqNum(99), at(300)));
    assert!(watch.on_acked(SeqNum(100), at(300)));
    assert!(!watch.on_acked(SeqNum(100), at(301)));
    let expected: Vec<Notice> = [sent(99, 1), sent(99, 200)].concat().into_iter().chain([acked(99, 300)]).collect();
    assert_eq!(all(&mut watch), expected);
}

/// Two writes in one buffer have one mark.
#[test]
fn a_later_write_takes_an_unsent_mark_along() {
    let mut watch = Watch::default();
    watch.mark(mark(10), SeqNum(0));
    watch.mark(mark(20), SeqNum(10));
    watch.mark(mark(30), SeqNum(10));
    let ends: Vec<u32> = watch.marks.iter().map(|mark| mark.end.0).collect();
    assert_eq!(ends, [10, 30]);
}

/// What MSG_ZEROCOPY tells: numbers of writes, joined while the last notice goes on.
#[test]
fn completed_writes_are_ranges() {
    let mut watch = Watch::default();
    let at = Instant::ZERO;
    watch.lend(SeqNum(10), SeqNum(0));
    assert!(watch.on_acked(SeqNum(10), at));
    // The next two wait unsent behind each other: they are complete together.
    watch.lend(SeqNum(20), SeqNum(10));
    watch.lend(SeqNum(30), SeqNum(10));
    assert!(!watch.on_acked(SeqNum(20), at));
    assert!(watch.on_acked(SeqNum(30), at));
    assert_eq!(all(&mut watch), [Notice::ZeroCopy { first: 0, last: 2 }]);
    watch.lend(SeqNum(40), SeqNum(30));
    assert!(watch.on_end(), "nothing is read from it any more");
    assert_eq!(all(&mut watch), [Notice::ZeroCopy { first: 3, last: 3 }]);
}

/// At the bounds: writes are not stamped, stamps are lost, ranges are not.
#[test]
fn at_the_bounds() {
    let mut watch = Watch::default();
    let at = Instant::ZERO;
    let many = 2 * MAX_MARKS as u32;
    for end in 1..=many {
        watch.mark(mark(end), SeqNum(end));
        watch.lend(SeqNum(end), SeqNum(end));
    }
    assert_eq!((watch.marks.len(), watch.lent.len()), (MAX_MARKS, MAX_MARKS));
    for _ in 0..100 {
        watch.on_sent(SeqNum(0), SeqNum(many), at);
    }
    assert_eq!(watch.notices.len(), MAX_NOTICES);
    watch.on_acked(SeqNum(many), at);
    assert_eq!(all(&mut watch).last(), Some(&Notice::ZeroCopy { first: 0, last: many - 1 }));
}

/// Through a connection: what is watched is told, sent again or not, and is still there when all is over.
#[test]
fn a_connection_tells() {
    let mut host = Host::established_after(plain(), 50);
    let begin = host.now;
    let Phase::Connection(connection) = &mut host.phase else { panic!("a connection") };
    connection.write(cx!(host), b"hello").unwrap();
    connection.watch_write(Stamps::SENT | Stamps::ACKED, true);
    assert!(!connection.readiness().contains(Readiness::NOTICE));
    host.drain();
    assert_eq!(host.woke, Readiness::NOTICE);
    assert!(host.connection().readiness().contains(Readiness::NOTICE));
    host.pass_ms(260);
    host.inject(". 1:1(0) ack 6 win 65535");
    assert!(host.woke.contains(Readiness::NOTICE));
    let Phase::Connection(connection) = &mut host.phase else { panic!("a connection") };
    connection.write(cx!(host), b"more").unwrap();
    connection.watch_write(Stamps::empty(), true);
    host.drain();
    host.inject("R. 1:1(0) ack 6 win 0");
    let remnant = host.remnant.as_mut().expect("what is left");
    assert!(remnant.readiness().contains(Readiness::NOTICE));
    let notices: Vec<Notice> = core::iter::from_fn(|| remnant.take_notice()).collect();
    let stamp = |what, ms| Notice::Stamp { what, offset: 4, at: begin + core::time::Duration::from_millis(ms) };
    let expected = [
        stamp(Stamps::SENT, 0),
        stamp(Stamps::SENT, 250),
        stamp(Stamps::ACKED, 260),
        Notice::ZeroCopy { first: 0, last: 1 },
    ];
    assert_eq!(notices, expected);
    assert!(!remnant.readiness().contains(Readiness::NOTICE));
}
