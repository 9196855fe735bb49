//! What programs see of their sockets, in virtual time: two processes and a wire. What Linux says to the same calls is
//! compared in `crates/kernel/tests/differential`.
#![allow(unreachable_pub, reason = "the parts of one test")]

mod blocking;
mod closing;
mod hostile;
mod limits;
mod readiness;
mod urgent;
mod world;
