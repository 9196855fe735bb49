//! The wheel against a sorted map.

use super::*;
use alloc::collections::BTreeMap;
use alloc::vec;
use proptest::prelude::*;

const fn at(nanos: u64) -> Instant {
    Instant::from_nanos(nanos)
}

/// What the wheel should do, done naively.
#[derive(Default)]
struct Model {
    timers: BTreeMap<(u64, u64), usize>,
    set: BTreeMap<usize, (u64, u64)>,
    orders: u64,
}

impl Model {
    fn set(&mut self, timer: usize, deadline: Option<u64>) {
        let same = self.set.get(&timer).map(|k| k.0) == deadline;
        if same {
            return;
        }
        if let Some(old) = self.set.remove(&timer) {
            self.timers.remove(&old);
        }
        if let Some(deadline) = deadline {
            let key = (deadline, self.orders);
            self.timers.insert(key, timer);
            self.set.insert(timer, key);
        }
        self.orders += 1;
    }

    fn next(&self) -> Option<u64> {
        self.timers.keys().next().map(|k| k.0)
    }

    fn pop(&mut self, now: u64) -> Option<usize> {
        let (&key, &timer) = self.timers.iter().next()?;
        if key.0 > now {
            return None;
        }
        self.timers.remove(&key);
        self.set.remove(&timer);
        Some(timer)
    }
}

#[derive(Clone, Debug)]
enum Step {
    Set(usize, u64),
    Stop(usize),
    Replace(usize),
    Advance(u64),
    AdvanceToNext,
}

/// Spans from nanoseconds to days, so that all levels are visited.
fn span() -> impl Strategy<Value = u64> {
    (0u32..50, any::<u64>()).prop_map(|(bits, x)| x & ((1 << bits) - 1))
}

fn steps(timers: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..timers, span()).prop_map(|(t, d)| Step::Set(t, d)),
        2 => (0..timers).prop_map(Step::Stop),
        1 => (0..timers).prop_map(Step::Replace),
        2 => span().prop_map(Step::Advance),
        2 => Just(Step::AdvanceToNext),
    ];
    proptest::collection::vec(step, 1..200)
}

fn run(timers: usize, steps: Vec<Step>) {
    let mut wheel = Wheel::new();
    let mut model = Model::default();
    let mut ids: Vec<TimerId> = (0..timers).map(|t| wheel.insert(t)).collect();
    let mut now = 0u64;
    for step in steps {
        match step {
            Step::Set(t, d) => {
                // Deadlines in the past happen too.
                let deadline = now.saturating_add(d).saturating_sub(1000);
                wheel.set(ids[t], Some(at(deadline)));
                model.set(t, Some(deadline));
            }
            Step::Stop(t) => {
                wheel.set(ids[t], None);
                model.set(t, None);
            }
            Step::Replace(t) => {
                wheel.remove(ids[t]);
                ids[t] = wheel.insert(t);
                model.set(t, None);
            }
            Step::Advance(d) => now = now.saturating_add(d),
            Step::AdvanceToNext => now = now.max(model.next().unwrap_or(now)),
        }
        assert_eq!(wheel.next().map(Instant::as_nanos), model.next());
        loop {
            let popped = wheel.pop(at(now));
            assert_eq!(popped, model.pop(now));
            if popped.is_none() {
                break;
            }
        }
        assert_eq!(wheel.next().map(Instant::as_nanos), model.next());
    }
}

proptest! {
    #[test]
    fn fires_exactly_and_in_order(steps in steps(12)) {
        run(12, steps);
    }
}

#[test]
fn never_early_within_a_tick() {
    let mut wheel = Wheel::new();
    let a = wheel.insert('a');
    let b = wheel.insert('b');
    wheel.set(a, Some(at(1023)));
    wheel.set(b, Some(at(1000)));
    assert_eq!(wheel.pop(at(999)), None);
    assert_eq!(wheel.pop(at(1000)), Some('b'));
    assert_eq!(wheel.pop(at(1022)), None);
    assert_eq!(wheel.next(), Some(at(1023)));
    assert_eq!(wheel.pop(at(1023)), Some('a'));
    assert_eq!(wheel.next(), None);
}

#[test]
fn equal_deadlines_fire_in_the_order_they_were_set() {
    let mut wheel = Wheel::new();
    let ids: Vec<_> = (0..5).map(|i| wheel.insert(i)).collect();
    for i in [3, 1, 4, 0, 2] {
        wheel.set(ids[i], Some(at(77_000_000)));
    }
    let fired: Vec<_> = core::iter::from_fn(|| wheel.pop(at(77_000_000))).collect();
    assert_eq!(fired, vec![3, 1, 4, 0, 2]);
}

#[test]
fn a_timer_stopped_while_due_does_not_fire() {
    let mut wheel = Wheel::new();
    let a = wheel.insert('a');
    let b = wheel.insert('b');
    let c = wheel.insert('c');
    for t in [a, b, c] {
        wheel.set(t, Some(at(5000)));
    }
    assert_eq!(wheel.pop(at(9000)), Some('a'));
    wheel.set(b, None);
    wheel.set(c, Some(at(20_000)));
    assert_eq!(wheel.pop(at(9000)), None);
    assert_eq!(wheel.pop(at(20_000)), Some('c'));
}

#[test]
fn many_timers_in_a_slot_give_a_bound_and_then_progress() {
    let mut wheel = Wheel::new();
    let ids: Vec<_> = (0..1000u64).map(|i| wheel.insert(i)).collect();
    for (i, id) in ids.iter().enumerate() {
        wheel.set(*id, Some(at(60_000_000_000 + i as u64)));
    }
    wheel.set(ids[0], None);
    let bound = wheel.next().unwrap();
    assert!(bound <= at(60_000_000_001));
    let mut wakes = 0;
    let mut fired = 0;
    while let Some(next) = wheel.next() {
        wakes += 1;
        while let Some(i) = wheel.pop(next) {
            assert_eq!(at(60_000_000_000 + i), next);
            fired += 1;
        }
    }
    assert_eq!(fired, 999);
    assert!(wakes <= 999 + LEVELS, "{wakes}");
}

#[test]
fn postponing_does_not_move_the_timer() {
    let mut wheel = Wheel::new();
    let t = wheel.insert(());
    wheel.set(t, Some(at(200_000_000)));
    let place = wheel.nodes[0].place;
    for i in 1..1000 {
        wheel.set(t, Some(at(200_000_000 + i * 1_000_000)));
        assert!(wheel.nodes[0].place == place);
    }
    assert_eq!(wheel.pop(at(1_198_999_999)), None);
    assert_eq!(wheel.pop(at(1_199_000_000)), Some(()));
}

#[test]
fn the_end_of_time_is_reached() {
    let mut wheel = Wheel::new();
    let t = wheel.insert(());
    wheel.set(t, Some(at(u64::MAX - 1)));
    assert_eq!(wheel.next(), Some(at(u64::MAX - 1)));
    assert_eq!(wheel.pop(at(u64::MAX - 2)), None);
    assert_eq!(wheel.pop(at(u64::MAX - 1)), Some(()));
}
