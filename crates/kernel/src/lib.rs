//! [`limpid_posix::Call`] carried out by this machine's Linux: what our own sockets are compared with.
//!
//! A [`Process`] has descriptors of its own and makes each call for real, on the thread that asks. A [`Caller`] makes calls
//! on threads of its own and can tell whether one is really blocked, so that whoever asks can go on.
//!
//! | where | what |
//! |---|---|
//! | `process` | descriptors, and which call is carried out where |
//! | `data`, `message` | `read`, `write` and their kin; `sendmsg`, `recvmsg`, control messages |
//! | `socket`, `option` | addresses, connections; options |
//! | `ready` | `poll`, `select`, `epoll` |
//! | `file` | files, pipes, `fcntl`, `ioctl`, `splice`, `sendfile` |
//! | `caller`, `interrupt` | threads that make calls, and how a call that would wait for ever is ended |
//! | [`realtime`] | to be on time |
//!
//! Calls hold the numbers of Linux on x86-64; on any other machine each is [`Unsupported`].
#![warn(missing_debug_implementations)]

mod caller;
mod data;
mod file;
mod interrupt;
mod message;
mod option;
mod process;
mod ready;
pub mod realtime;
mod socket;
#[cfg(test)]
mod testing;

pub use caller::{Caller, Ended, MAX_WAITING, State, Ticket};
pub use process::{MAX_LEN, Process, Unsupported};
