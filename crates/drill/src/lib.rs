//! packetdrill's scripts: parsed whole, run against our stack in virtual time or against this machine's Linux in real time.
//!
//! ```text
//! text ── parse ──► Script ── Runner ──► Report        Runner ◄──► dyn Target: ours (virtual time) or the kernel (TUN)
//! ```
//!
//! | where | what |
//! |---|---|
//! | [`script`] | a script as a value; its printer |
//! | [`parse`] | text to [`Script`]; errors have line and column |
//! | [`eval`] | the snippets `%{ … }%` |
//! | [`target`] | what a script is played on: [`Target`] |
//! | [`run`] | the runner: times, system calls, packets, commands, assertions |
//! | [`report`] | how a run ended |
//! | [`differential`] | a script on both targets, and where they part |
//!
//! Neither the runner nor the stack knows any script.
#![forbid(unsafe_code)]
#![warn(missing_debug_implementations)]

pub mod differential;
pub mod eval;
pub mod parse;
pub mod report;
pub mod run;
pub mod script;
pub mod target;

pub use parse::ParseError;
pub use report::{Report, Verdict};
pub use script::Script;
pub use target::Target;
