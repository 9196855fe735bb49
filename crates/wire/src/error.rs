//! Why bytes could not be understood.

/// Why a packet or header was refused. Every variant names the protocol and what is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// Fewer bytes than the header (or the length it states) needs.
    #[error("{what}: truncated, {have} of {need} bytes")]
    Truncated {
        /// The header.
        what: &'static str,
        /// Bytes needed.
        need: usize,
        /// Bytes there.
        have: usize,
    },
    /// A version, length or reserved field has a value that the RFC forbids.
    #[error("{what}: bad {field} ({value})")]
    BadField {
        /// The header.
        what: &'static str,
        /// The field.
        field: &'static str,
        /// Its value.
        value: u32,
    },
    /// The checksum is wrong.
    #[error("{what}: bad checksum")]
    Checksum {
        /// The header.
        what: &'static str,
    },
    /// An option or extension header is malformed.
    #[error("{what}: malformed option {kind}")]
    Option {
        /// The header.
        what: &'static str,
        /// The option's kind.
        kind: u8,
    },
}
