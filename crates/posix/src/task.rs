//! Calls that wait: suspended tasks, found through the files that they wait for, and by their deadlines.

use crate::file::FileId;
use crate::work::Work;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;
use limpid_event::Instant;

/// The bound on calls that wait at the same time; one more fails with ENOMEM, as a thread could not be had for it.
pub const MAX_TASKS: usize = 65_536;

/// A call that waits; never used again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TaskId(u64);

/// A call that waits.
#[derive(Debug)]
pub(crate) struct Task {
    /// The call, and how far it came.
    pub(crate) work: Work,
    /// The files that it waits for. It holds a reference to each.
    pub(crate) files: Vec<FileId>,
    /// When it ends with what it has.
    pub(crate) deadline: Option<Instant>,
    /// It stands in the queue of those to be tried again.
    queued: bool,
}

/// All calls that wait.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    last: u64,
    tasks: BTreeMap<TaskId, Task>,
    deadlines: BTreeSet<(Instant, TaskId)>,
    /// Those to be tried again, in the order in which they were woken, each once.
    runnable: VecDeque<TaskId>,
}

impl Tasks {
    pub(crate) fn is_full(&self) -> bool {
        self.tasks.len() >= MAX_TASKS
    }

    /// A new task.
    pub(crate) fn insert(&mut self, work: Work, files: Vec<FileId>, deadline: Option<Instant>) -> TaskId {
        self.last += 1;
        let id = TaskId(self.last);
        self.deadlines.extend(deadline.map(|at| (at, id)));
        self.tasks.insert(id, Task { work, files, deadline, queued: false });
        id
    }

    /// Takes a task out: it has ended, or is about to be tried and is [put back](Self::put_back) if it still waits.
    pub(crate) fn take(&mut self, id: TaskId) -> Option<Task> {
        let task = self.tasks.remove(&id)?;
        if let Some(at) = task.deadline {
            self.deadlines.remove(&(at, id));
        }
        Some(task)
    }

    /// It still waits.
    pub(crate) fn put_back(&mut self, id: TaskId, task: Task) {
        self.deadlines.extend(task.deadline.map(|at| (at, id)));
        self.tasks.insert(id, Task { queued: false, ..task });
    }

    /// A task is to be tried again.
    pub(crate) fn wake(&mut self, id: TaskId) {
        if let Some(task) = self.tasks.get_mut(&id)
            && !core::mem::replace(&mut task.queued, true)
        {
            self.runnable.push_back(id);
        }
    }

    /// The tasks whose deadline has come are to be tried again.
    pub(crate) fn wake_overdue(&mut self, now: Instant) {
        let due: Vec<TaskId> = self.deadlines.iter().take_while(|(at, _)| *at <= now).map(|(_, id)| *id).collect();
        due.into_iter().for_each(|id| self.wake(id));
    }

    /// The next task to be tried again.
    pub(crate) fn next_runnable(&mut self) -> Option<TaskId> {
        self.runnable.pop_front()
    }

    /// The next deadline.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    pub(crate) fn len(&self) -> usize {
        self.tasks.len()
    }
}
