use super::*;

const fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

#[test]
fn persist_takes_the_place_of_rto() {
    let mut timers = Timers::new();
    timers.postpone(Timer::Rto, at(200));
    timers.postpone(Timer::Persist, at(300));
    assert!(!timers.runs(Timer::Rto));
    assert_eq!(timers.earliest(), Some((at(300), Timer::Persist)));
    timers.stop(Timer::Rto);
    assert!(timers.runs(Timer::Persist), "stopping what does not run stops nothing else");
}

#[test]
fn the_earliest_has_its_reason_and_ties_have_an_order() {
    let mut timers = Timers::new();
    assert_eq!(timers.earliest(), None);
    timers.postpone(Timer::KeepAlive, at(10));
    timers.postpone(Timer::DelayedAck, at(40));
    assert_eq!(timers.earliest(), Some((at(10), Timer::KeepAlive)));
    timers.postpone(Timer::UserTimeout, at(10));
    assert_eq!(timers.earliest(), Some((at(10), Timer::UserTimeout)));
}

#[test]
fn what_is_due_is_taken_in_order_and_once() {
    let mut timers = Timers::new();
    timers.postpone(Timer::DelayedAck, at(20));
    timers.postpone(Timer::Rto, at(30));
    assert_eq!(timers.take_due(at(19)), None);
    assert_eq!(timers.take_due(at(30)), Some(Timer::Rto));
    assert_eq!(timers.take_due(at(30)), Some(Timer::DelayedAck));
    assert_eq!(timers.take_due(at(30)), None);
    assert_eq!(timers.earliest(), None);
}
