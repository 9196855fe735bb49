//! A process: its descriptors, the calls that wait, and what drives them.

use crate::{Call, Errno, Return};
use alloc::vec::Vec;
use core::fmt;
use limpid_event::{Instant, Observer, Silent};
use limpid_stack::{IfaceId, RxFrame, Stack, TxBatch};

/// A program's view of a [`Stack`]: descriptors and system calls.
pub struct Process<O: Observer = Silent> {
    stack: Stack<O>,
    done: Vec<(TaskId, Return)>,
}

/// A call that waits; never used again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TaskId(u64);

/// How far a call came.
#[derive(Clone, PartialEq, Eq, Debug)]
#[must_use]
pub enum Progress {
    /// It ended.
    Done(Return),
    /// It waits; [`Process::poll_done`] tells when it ends.
    Waits(TaskId),
}

impl<O: Observer> Process<O> {
    /// A process without descriptors on a stack. Numbers start at 3, the lowest that is free is taken.
    pub fn new(stack: Stack<O>) -> Process<O> {
        Process { stack, done: Vec::new() }
    }

    /// The stack, to set it up or to look at it.
    pub fn stack(&mut self) -> &mut Stack<O> {
        &mut self.stack
    }

    /// Makes a system call.
    pub fn call(&mut self, _now: Instant, _call: Call) -> Progress {
        Progress::Done(Return::error(Errno::ENOSYS))
    }

    /// A call that waited and has ended, if there is one.
    pub fn poll_done(&mut self, _now: Instant) -> Option<(TaskId, Return)> {
        self.done.pop()
    }

    /// A frame arrived.
    ///
    /// # Panics
    /// If there is no such interface.
    pub fn handle_frame(&mut self, now: Instant, iface: IfaceId, frame: RxFrame) {
        self.stack.handle_frame(now, iface, frame);
    }

    /// The time of [`poll_timeout`](Self::poll_timeout) has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.stack.handle_timeout(now);
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due next: the stack's timers, and the timeouts of calls that wait.
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        self.stack.poll_timeout()
    }

    /// Takes what is to be sent on an interface. After each call and each frame, before the next: then segments are cut
    /// where a kernel cuts them.
    pub fn poll_transmit(&mut self, now: Instant, iface: IfaceId, batch: &mut TxBatch) {
        self.stack.poll_transmit(now, iface, batch);
    }
}

impl<O: Observer> fmt::Debug for Process<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process").field("stack", &self.stack).finish_non_exhaustive()
    }
}
