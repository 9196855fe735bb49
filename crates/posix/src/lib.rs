//! POSIX sockets, as Linux means them, over a [`Stack`](limpid_stack::Stack): sans I/O like the stack itself.
//!
//! A [`Process`] has descriptors. A [`Call`] is a system call with its arguments as owned values; it either ends at once with
//! a [`Return`], or waits as a suspended task, which [`Process::poll_done`] ends later. Numbers, flags and structures are
//! those of Linux on x86-64 ([`abi`]), so that a program's own calls can be handed over as they are.
//!
//! | where | what |
//! |---|---|
//! | `abi` | constants by their names, `sockaddr`, control messages |
//! | `errno` | [`Errno`] |
//! | `call` | calls and what they return |
//! | `process` | descriptors, tasks, what drives them |
//!
//! An option, a flag or a call that is not there is an error, never accepted and ignored.
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_debug_implementations)]

extern crate alloc;

pub mod abi;
mod call;
mod errno;
mod process;

pub use abi::Sockaddr;
pub use call::{Call, Control, EpollEvent, Message, Output, PollFd, Return, Selected};
pub use errno::Errno;
pub use process::{Process, Progress, TaskId};
