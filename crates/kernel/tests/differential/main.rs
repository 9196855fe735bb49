//! The same calls on our sockets and on Linux's: results, errnos, data and readiness must be the same. Each touches its own
//! loopback interface only, and nobody needs to be root.
#![allow(unreachable_pub, reason = "the parts of one test")]

mod both;
mod edges;
mod life;
mod opening;
mod streams;
