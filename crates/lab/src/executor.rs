//! A deterministic, single-threaded executor for the lab's applications.
//!
//! A task runs only when it was woken. Ready tasks run in the order in which they were woken, or, to find races between
//! applications, in an order drawn from a seed. Nothing depends on addresses, threads or the machine: the same program
//! with the same seed runs the same way.

use crate::rng::Rng;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Polls in one call of [`Executor::run_ready`] after which it gives up: some task must be waking itself for ever.
pub const MAX_POLLS: usize = 1_000_000;

/// Runs tasks.
pub struct Executor {
    tasks: BTreeMap<TaskId, Task>,
    ready: Arc<ReadyQueue>,
    spawner: Spawner,
    shuffle: Option<Rng>,
}

/// A task's number, in order of spawning.
type TaskId = u64;

struct Task {
    name: String,
    future: Pin<Box<dyn Future<Output = ()>>>,
    waker: Waker,
    daemon: bool,
}

/// Some task kept waking itself without end.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("task '{task}' never comes to rest")]
pub struct Livelock {
    /// The task that was polled last.
    pub task: String,
}

impl Executor {
    /// An executor that runs ready tasks in the order in which they were woken.
    pub fn fifo() -> Executor {
        Executor {
            tasks: BTreeMap::new(),
            ready: Arc::default(),
            spawner: Spawner { fresh: Rc::default(), next: Rc::default() },
            shuffle: None,
        }
    }

    /// An executor that draws the next ready task at random.
    pub fn shuffled(rng: Rng) -> Executor {
        Executor { shuffle: Some(rng), ..Executor::fifo() }
    }

    /// A handle that spawns tasks, also from within tasks.
    pub fn spawner(&self) -> Spawner {
        self.spawner.clone()
    }

    /// Starts a task. It runs at the next [`run_ready`](Self::run_ready).
    pub fn spawn<T: 'static>(&self, name: &str, future: impl Future<Output = T> + 'static) -> JoinHandle<T> {
        self.spawner.spawn(name, future)
    }

    /// Starts a task that need not end: [`unfinished`](Self::unfinished) leaves it out.
    pub fn spawn_daemon<T: 'static>(&self, name: &str, future: impl Future<Output = T> + 'static) -> JoinHandle<T> {
        self.spawner.start(name, true, future)
    }

    /// Runs until every task waits. Returns how many polls that took.
    pub fn run_ready(&mut self) -> Result<usize, Livelock> {
        let mut polls = 0;
        loop {
            self.adopt();
            let Some(id) = self.ready.take(self.shuffle.as_mut()) else { return Ok(polls) };
            let Some(task) = self.tasks.get_mut(&id) else { continue };
            if polls == MAX_POLLS {
                return Err(Livelock { task: task.name.clone() });
            }
            polls += 1;
            if task.future.as_mut().poll(&mut Context::from_waker(&task.waker)).is_ready() {
                self.tasks.remove(&id);
            }
        }
    }

    /// Names of the tasks that have not ended and should, in order of spawning.
    pub fn unfinished(&self) -> Vec<String> {
        let fresh = self.spawner.fresh.borrow();
        let known = self.tasks.values().filter(|t| !t.daemon).map(|t| &t.name);
        known.chain(fresh.iter().filter(|f| !f.daemon).map(|f| &f.name)).cloned().collect()
    }

    /// True if all tasks have ended that should.
    pub fn is_finished(&self) -> bool {
        self.tasks.values().all(|task| task.daemon) && self.spawner.fresh.borrow().iter().all(|fresh| fresh.daemon)
    }

    /// Takes over what was spawned since.
    fn adopt(&mut self) {
        let fresh = std::mem::take(&mut *self.spawner.fresh.borrow_mut());
        for Fresh { id, name, future, daemon } in fresh {
            let waker = Arc::new(TaskWaker { id, ready: self.ready.clone() });
            self.tasks.insert(id, Task { name, future, waker: Waker::from(waker.clone()), daemon });
            waker.wake();
        }
    }
}

/// A task that the executor has not seen yet.
struct Fresh {
    id: TaskId,
    name: String,
    future: Pin<Box<dyn Future<Output = ()>>>,
    daemon: bool,
}

/// Starts tasks.
#[derive(Clone)]
pub struct Spawner {
    fresh: Rc<RefCell<Vec<Fresh>>>,
    next: Rc<Cell<TaskId>>,
}

impl Spawner {
    /// Starts a task.
    pub fn spawn<T: 'static>(&self, name: &str, future: impl Future<Output = T> + 'static) -> JoinHandle<T> {
        self.start(name, false, future)
    }

    fn start<T: 'static>(&self, name: &str, daemon: bool, future: impl Future<Output = T> + 'static) -> JoinHandle<T> {
        let join = Rc::new(RefCell::new(Join { output: None, waiter: None }));
        let id = self.next.replace(self.next.get() + 1);
        let told = join.clone();
        let future = async move {
            let output = future.await;
            let waiter = {
                let mut join = told.borrow_mut();
                join.output = Some(output);
                join.waiter.take()
            };
            waiter.into_iter().for_each(Waker::wake);
        };
        self.fresh.borrow_mut().push(Fresh { id, name: name.into(), future: Box::pin(future), daemon });
        JoinHandle { join }
    }
}

struct Join<T> {
    output: Option<T>,
    waiter: Option<Waker>,
}

/// Where a task's output appears. Awaiting it yields the output, once; dropping it lets the task run on.
pub struct JoinHandle<T> {
    join: Rc<RefCell<Join<T>>>,
}

impl<T> JoinHandle<T> {
    /// The output, if the task has ended and nobody took it before.
    pub fn take(&self) -> Option<T> {
        self.join.borrow_mut().output.take()
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let mut join = self.join.borrow_mut();
        match join.output.take() {
            Some(output) => Poll::Ready(output),
            None => {
                join.waiter = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// Tasks that were woken, each at most once.
#[derive(Default)]
struct ReadyQueue {
    ids: Mutex<VecDeque<TaskId>>,
}

impl ReadyQueue {
    fn push(&self, id: TaskId) {
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        if !ids.contains(&id) {
            ids.push_back(id);
        }
    }

    fn take(&self, shuffle: Option<&mut Rng>) -> Option<TaskId> {
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        match shuffle {
            Some(rng) if ids.len() > 1 => {
                let nth = rng.below(ids.len() as u64) as usize;
                ids.remove(nth)
            }
            _ => ids.pop_front(),
        }
    }
}

/// Wakers must be `Send`, though nothing here ever leaves its thread: hence the `Arc` and the lock.
struct TaskWaker {
    id: TaskId,
    ready: Arc<ReadyQueue>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.ready.push(self.id);
    }
}

#[cfg(test)]
mod tests;
