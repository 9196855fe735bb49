//! The life of an entry.

use super::*;
use crate::Secrets;
use crate::keys::Keys;
use core::convert::identity;

const IFACE: IfaceId = IfaceId(1);
const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 9]);
const OTHER: MacAddr = MacAddr([2, 0, 0, 0, 0, 8]);

struct Bench {
    cache: Neighbours,
    wheel: Wheel<NeighbourId>,
    now: Instant,
}

fn addr(n: u32) -> IpAddr {
    IpAddr::v4((0x0a00_0000 + n).to_be_bytes())
}

impl Bench {
    fn new() -> Bench {
        let keys = Keys::new(&Secrets { seed: [1; 32] });
        Bench { cache: Neighbours::new(keys.demux), wheel: Wheel::new(), now: Instant::from_millis(1_000_000) }
    }

    fn lookup(&mut self, n: u32) -> Lookup {
        self.cache.lookup(self.now, &mut self.wheel, identity, IFACE, addr(n))
    }

    fn learn(&mut self, n: u32, mac: MacAddr, how: Learned) -> usize {
        self.cache.learn(self.now, &mut self.wheel, identity, (IFACE, addr(n), mac), how).len()
    }

    fn mac(&mut self, n: u32) -> Option<MacAddr> {
        match self.lookup(n) {
            Lookup::Known(mac) => Some(mac),
            _ => None,
        }
    }

    /// Lets the next timer run out, and tells what it brought and after how many milliseconds.
    fn next(&mut self) -> (u64, Due) {
        let at = self.wheel.next().expect("a timer runs");
        let id = self.wheel.pop(at).expect("it is due");
        let after = at.as_millis() - self.now.as_millis();
        self.now = at;
        (after, self.cache.handle_timeout(at, &mut self.wheel, id))
    }
}

#[test]
fn asks_three_times_and_gives_up() {
    let mut b = Bench::new();
    let Lookup::Wait(id, Some(question)) = b.lookup(1) else { panic!("unknown: must ask") };
    assert_eq!(question, Question { iface: IFACE, target: addr(1), to: None });
    assert!(b.cache.wait(id, TxFrame::stateless()).is_none());
    assert!(matches!(b.lookup(1), Lookup::Wait(_, None)));
    for _ in 0..2 {
        assert!(matches!(b.next(), (1000, Due::Ask(q)) if q == question));
    }
    let (1000, Due::Failed(frames)) = b.next() else { panic!("three questions are enough") };
    assert_eq!(frames.len(), 1);
    assert_eq!(b.cache.len(), 0);
    assert_eq!(b.wheel.next(), None);
}

#[test]
fn waiting_frames_are_bounded_and_released() {
    let mut b = Bench::new();
    let Lookup::Wait(id, _) = b.lookup(1) else { panic!() };
    for i in 0..MAX_WAITING + 3 {
        assert_eq!(b.cache.wait(id, TxFrame::stateless()).is_some(), i >= MAX_WAITING);
    }
    assert_eq!(b.learn(1, MAC, Learned::Answer), MAX_WAITING);
    assert_eq!(b.mac(1), Some(MAC));
}

#[test]
fn ages_and_is_asked_again_only_when_used() {
    let mut b = Bench::new();
    b.lookup(1);
    b.learn(1, MAC, Learned::Answer);
    assert!(matches!(b.next(), (30_000, Due::Nothing)));
    assert_eq!(b.mac(1), Some(MAC)); // stale, still good
    assert!(matches!(b.next(), (5_000, Due::Ask(q)) if q.to == Some(MAC)));
    assert_eq!(b.learn(1, OTHER, Learned::Answer), 0);
    assert_eq!(b.mac(1), Some(OTHER));
    assert!(matches!(b.next(), (30_000, Due::Nothing)));
    // Not used any more: forgotten.
    assert!(matches!(b.next(), (60_000, Due::Failed(frames)) if frames.is_empty()));
    assert_eq!(b.cache.len(), 0);
}

#[test]
fn a_dead_neighbour_is_probed_and_forgotten() {
    let mut b = Bench::new();
    b.lookup(1);
    b.learn(1, MAC, Learned::Answer);
    b.next();
    b.mac(1);
    for wait in [5_000, 1_000, 1_000] {
        assert!(matches!(b.next(), (w, Due::Ask(q)) if w == wait && q.to == Some(MAC)));
    }
    assert!(matches!(b.next(), (1_000, Due::Failed(_))));
}

#[test]
fn what_nobody_asked_for_makes_no_entry_and_waits_out_the_lock() {
    let mut b = Bench::new();
    b.learn(1, MAC, Learned::Unasked { overrides: true });
    b.learn(1, MAC, Learned::Answer);
    assert_eq!(b.cache.len(), 0);
    b.learn(1, MAC, Learned::Question);
    assert_eq!(b.mac(1), Some(MAC));
    b.learn(1, MacAddr::BROADCAST, Learned::Question);
    assert_eq!(b.mac(1), Some(MAC));
    b.lookup(2);
    b.learn(2, MAC, Learned::Answer);
    b.learn(2, OTHER, Learned::Unasked { overrides: true });
    assert_eq!(b.mac(2), Some(MAC), "confirmed just now");
    b.now += LOCKED;
    b.learn(2, OTHER, Learned::Unasked { overrides: false });
    assert_eq!(b.mac(2), Some(MAC), "does not override");
    b.learn(2, OTHER, Learned::Unasked { overrides: true });
    assert_eq!(b.mac(2), Some(OTHER));
}

#[test]
fn the_cache_is_bounded_and_keeps_who_is_confirmed() {
    let mut b = Bench::new();
    b.lookup(0);
    b.learn(0, MAC, Learned::Answer);
    for n in 1..3 * MAX_NEIGHBOURS as u32 {
        b.lookup(n);
        assert!(b.cache.len() <= MAX_NEIGHBOURS);
    }
    assert_eq!(b.mac(0), Some(MAC));
    let mut full = Bench::new();
    for n in 0..MAX_NEIGHBOURS as u32 {
        full.lookup(n);
        full.learn(n, MAC, Learned::Answer);
    }
    assert!(matches!(full.lookup(5000), Lookup::Full));
}
