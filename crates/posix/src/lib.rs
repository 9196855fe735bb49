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
//! | `call`, `dispatch` | calls and what they return; which is carried out where |
//! | `process` | what drives it all |
//! | `descriptor`, `file` | numbers, and the open files that they name |
//! | `work`, `task` | calls that may wait, and those that do |
//! | `socket` | TCP sockets: open, read, write, close |
//! | `pipe`, `memory`, `splice` | pipes, files in memory, what goes from one to the other unseen |
//! | `poll`, `epoll` | what can be done without waiting, and who wants to know |
//! | `option` | socket options, control messages |
//! | `control` | fcntl, ioctl |
//!
//! A server and a client on one host, which talk over its loopback interface. `accept` waits, until somebody connects:
//!
//! ```
//! use limpid_event::{Instant, Silent};
//! use limpid_posix::{Call, Output, Process, Progress, Sockaddr, abi};
//! use limpid_stack::{Secrets, Stack, StackConfig};
//!
//! let mut host = Process::new(Stack::new(StackConfig::default(), Secrets { seed: [42; 32] }, Silent));
//! let now = Instant::ZERO;
//! let address = Sockaddr::of("127.0.0.1:7".parse()?);
//! let mut ended = |call| match host.call(now, call) {
//!     Progress::Done(it) => it.value.unwrap() as i32,
//!     Progress::Waits(_) => panic!("it should not wait"),
//! };
//! let socket = Call::Socket { domain: abi::AF_INET, kind: abi::SOCK_STREAM, protocol: 0 };
//! let (listener, client) = (ended(socket.clone()), ended(socket));
//! ended(Call::Bind { fd: listener, address: address.clone() });
//! ended(Call::Listen { fd: listener, backlog: 8 });
//!
//! let Progress::Waits(accept) = host.call(now, Call::Accept4 { fd: listener, flags: 0 }) else { panic!() };
//! let Progress::Done(connected) = host.call(now, Call::Connect { fd: client, address }) else { panic!() };
//! assert_eq!(connected.value, Ok(0));
//! let (task, accepted) = host.poll_done(now).unwrap();
//! assert_eq!(task, accept);
//! let server = accepted.value? as i32;
//!
//! let _ = host.call(now, Call::Write { fd: client, bytes: b"hello".to_vec() });
//! let Progress::Done(read) = host.call(now, Call::Read { fd: server, len: 100 }) else { panic!() };
//! assert_eq!(read.output, Output::Bytes(b"hello".to_vec()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! An option, a flag or a call that is not there is an error, never accepted and ignored.
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_debug_implementations)]

extern crate alloc;

pub mod abi;
mod call;
mod control;
mod descriptor;
mod dispatch;
mod epoll;
mod errno;
mod file;
mod memory;
mod option;
mod pipe;
mod poll;
mod process;
mod socket;
mod splice;
mod task;
mod work;

pub use abi::Sockaddr;
pub use call::{Call, Control, EpollEvent, Message, Output, PollFd, Return, Selected};
pub use descriptor::{Allot, MAX_DESCRIPTORS};
pub use errno::Errno;
pub use memory::{MAX_FILE_BYTES, MAX_FILES};
pub use process::{Process, Progress};
pub use task::{MAX_TASKS, TaskId};
