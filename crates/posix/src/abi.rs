//! Linux's numbers (x86-64) by their names, and its structures as bytes.
//!
//! ```
//! use limpid_posix::abi;
//! assert_eq!(abi::named("TCP_NODELAY"), Some(i64::from(abi::TCP_NODELAY)));
//! ```

mod constants;
mod sockaddr;

pub use constants::*;
pub use sockaddr::Sockaddr;

/// Every constant that is known here, with its value.
pub fn names() -> impl Iterator<Item = (&'static str, i64)> {
    constants::TABLE.iter().copied()
}

/// The value of the constant with this name, if it is known here.
pub fn named(name: &str) -> Option<i64> {
    constants::TABLE.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
}
