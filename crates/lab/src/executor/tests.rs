use super::{Executor, Livelock};
use crate::rng::Rng;
use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

#[test]
fn a_task_runs_only_when_woken() {
    let mut executor = Executor::fifo();
    let waker: Rc<RefCell<Option<Waker>>> = Rc::default();
    let slot = waker.clone();
    let handle = executor.spawn("waits", async move {
        let mut polls = 0;
        poll_fn(|cx| {
            polls += 1;
            if polls == 1 {
                *slot.borrow_mut() = Some(cx.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(polls)
        })
        .await
    });
    assert_eq!(executor.run_ready(), Ok(1));
    assert_eq!(executor.run_ready(), Ok(0));
    assert_eq!(executor.unfinished(), ["waits"]);
    waker.borrow_mut().take().unwrap().wake();
    assert_eq!(executor.run_ready(), Ok(1));
    assert_eq!(handle.take(), Some(2));
    assert!(executor.unfinished().is_empty());
}

#[test]
fn tasks_spawn_and_await_tasks() {
    let mut executor = Executor::fifo();
    let spawner = executor.spawner();
    let outer = executor.spawn("outer", async move {
        let inner = spawner.spawn("inner", async { 20 });
        inner.await + 1
    });
    executor.run_ready().unwrap();
    assert_eq!(outer.take(), Some(21));
}

#[test]
fn a_task_that_wakes_itself_for_ever_is_named() {
    let mut executor = Executor::fifo();
    executor.spawn(
        "restless",
        poll_fn::<(), _>(|cx| {
            cx.waker().wake_by_ref();
            Poll::Pending
        }),
    );
    assert_eq!(executor.run_ready(), Err(Livelock { task: "restless".into() }));
}

/// The order in which ten tasks run for the first time.
fn order(mut executor: Executor) -> Vec<usize> {
    let log: Rc<RefCell<Vec<usize>>> = Rc::default();
    for i in 0..10 {
        let log = log.clone();
        executor.spawn("task", async move { log.borrow_mut().push(i) });
    }
    executor.run_ready().unwrap();
    Rc::try_unwrap(log).unwrap().into_inner()
}

#[test]
fn the_order_is_that_of_waking_or_of_the_seed() {
    let straight: Vec<usize> = (0..10).collect();
    assert_eq!(order(Executor::fifo()), straight);
    let drawn = order(Executor::shuffled(Rng::new(1)));
    assert_eq!(drawn, order(Executor::shuffled(Rng::new(1))));
    assert_ne!(drawn, order(Executor::shuffled(Rng::new(2))));
    let mut sorted = drawn;
    sorted.sort_unstable();
    assert_eq!(sorted, straight);
}

#[test]
fn nobody_waits_for_a_daemon() {
    let mut executor = Executor::fifo();
    executor.spawn_daemon("daemon", std::future::pending::<()>());
    assert!(executor.unfinished().is_empty());
    executor.run_ready().unwrap();
    assert!(executor.unfinished().is_empty());
}
