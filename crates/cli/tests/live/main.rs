//! `limpid telnet` and `limpid listen` against real programs in private networks.
//!
//! They need /dev/net/tun and the programs named in each test; without them a test says so and ends, unless
//! LIMPID_REQUIRE_TOOLS=1.

mod listen;
mod support;
mod telnet;
