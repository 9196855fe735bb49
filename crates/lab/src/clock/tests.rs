use super::Clock;
use crate::executor::Executor;
use limpid_event::Instant;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// Runs everything on a virtual clock until nothing is left to wait for.
fn run(executor: &mut Executor, clock: &Clock) {
    loop {
        executor.run_ready().unwrap();
        let Some(next) = clock.next_timer() else { return };
        clock.step_to(next);
        clock.fire_timers();
    }
}

#[test]
fn sleepers_wake_in_order_of_deadline_then_of_arrival() {
    let (clock, mut executor) = (Clock::virtual_time(), Executor::fifo());
    let log = Rc::new(RefCell::new(Vec::new()));
    for (name, millis) in [("late", 20), ("early", 5), ("same, first", 10), ("same, second", 10)] {
        let (clock, log) = (clock.clone(), log.clone());
        executor.spawn(name, async move {
            clock.sleep(Duration::from_millis(millis)).await;
            log.borrow_mut().push((name, clock.now().as_millis()));
        });
    }
    run(&mut executor, &clock);
    assert_eq!(*log.borrow(), [("early", 5), ("same, first", 10), ("same, second", 10), ("late", 20)]);
}

#[test]
fn a_timeout_cuts_a_future_short_and_leaves_no_timer_behind() {
    let (clock, mut executor) = (Clock::virtual_time(), Executor::fifo());
    let handle = executor.spawn("timeout", {
        let clock = clock.clone();
        async move {
            let slow = clock.timeout(Duration::from_secs(1), clock.sleep(Duration::from_secs(9))).await;
            let quick = clock.timeout(Duration::from_secs(9), async { 7 }).await;
            (slow, quick, clock.now())
        }
    });
    run(&mut executor, &clock);
    assert_eq!(handle.take(), Some((None, Some(7), Instant::from_millis(1000))));
    assert_eq!(clock.next_timer(), None);
}

#[test]
fn time_never_runs_backwards() {
    let clock = Clock::virtual_time();
    clock.step_to(Instant::from_millis(7));
    clock.step_to(Instant::from_millis(3));
    assert_eq!(clock.now(), Instant::from_millis(7));
}

#[test]
fn a_real_clock_ignores_where_it_is_told_to_go() {
    let clock = Clock::real_time();
    clock.step_to(Instant::from_millis(3_600_000));
    assert!(clock.is_real() && clock.now() < Instant::from_millis(60_000));
}
