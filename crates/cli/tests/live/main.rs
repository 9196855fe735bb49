//! `limpid telnet`, `limpid listen` and `limpid watch` at terminals, with real programs in private networks.
//!
//! They need /dev/net/tun and the programs named in each test; without them a test says so and ends, unless
//! LIMPID_REQUIRE_TOOLS=1.

mod listen;
mod screen;
mod support;
mod telnet;
mod watch;
