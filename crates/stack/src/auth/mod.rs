//! Who sent a segment: TCP-MD5 (RFC 2385) and TCP-AO (RFC 5925, 5926), as BGP speakers use them.
//!
//! | file | what |
//! |---|---|
//! | `key` | keys, and for which peers they are |
//! | `mac` | digests, MACs and traffic keys |
//! | `ao` | TCP-AO's state of a connection: which key is current, sequence numbers extended to 64 bits |
//! | `flow` | what a connection, or a listener, signs with and asks for |
//! | `check` | segments that come in; sockets' keys |
//!
//! What has no keys costs nothing: whether any socket or connection has one is one flag. A segment that is refused is dropped and counted, as on
//! Linux, and nothing is answered. Keys are never shown.

mod ao;
mod check;
mod flow;
mod key;
mod mac;
#[cfg(test)]
mod tests;

pub(crate) use check::Authentication;
pub(crate) use flow::FlowAuth;
pub(crate) use key::KeyRing;
pub use key::{AoAlgorithm, AoKey, AoKeyState, KeyError, MAX_AO_KEYS, MAX_KEY_LEN, MAX_MD5_KEYS, Secret};
