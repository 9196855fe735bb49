//! Threads that run jobs, and what becomes of a panic.

use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Once, mpsc};
use std::thread;

/// A worker's stack: expressions in scripts nest.
const STACK_SIZE: usize = 8 << 20;

/// Does `work` with each job and gives the results to `take`, in the order of the jobs, until it answers false. With `threads`
/// the jobs are shared among so many; without, they are done one after the other on this thread.
pub(super) fn run<J: Sync, R: Send>(
    jobs: &[J],
    threads: Option<NonZeroUsize>,
    work: impl Fn(&J) -> R + Sync,
    mut take: impl FnMut(R) -> bool,
) {
    let Some(threads) = threads.map(|threads| threads.get().min(jobs.len())) else {
        for job in jobs {
            if !take(work(job)) {
                return;
            }
        }
        return;
    };
    let next = AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    let (sender, results) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..threads {
            let (sender, next, stop, work) = (sender.clone(), &next, &stop, &work);
            let worker = move || {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(job) = jobs.get(index).filter(|_| !stop.load(Ordering::Relaxed)) else { return };
                    // Nobody listens any more: it was told to stop.
                    if sender.send((index, work(job))).is_err() {
                        return;
                    }
                }
            };
            thread::Builder::new().stack_size(STACK_SIZE).spawn_scoped(scope, worker).expect("the system has threads");
        }
        drop(sender);
        let mut early = BTreeMap::new();
        let mut due = 0;
        for (index, result) in results {
            early.insert(index, result);
            while let Some(result) = early.remove(&due) {
                due += 1;
                if !take(result) {
                    stop.store(true, Ordering::Relaxed);
                    return;
                }
            }
        }
    });
}

thread_local! {
    /// What this thread's last panic said.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
    /// This thread is in [`caught`].
    static CATCHES: RefCell<bool> = const { RefCell::new(false) };
}

/// Does something, and answers with what it said if it panicked.
pub(super) fn caught<R>(work: impl FnOnce() -> R) -> Result<R, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if CATCHES.with_borrow(|catches| *catches) {
                PANIC.set(Some(info.to_string().split_whitespace().collect::<Vec<_>>().join(" ")));
            } else {
                before(info);
            }
        }));
    });
    CATCHES.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    CATCHES.set(false);
    result.map_err(|payload| PANIC.take().unwrap_or_else(|| message(&*payload)))
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panicked".to_owned())
}

#[cfg(test)]
mod tests;
