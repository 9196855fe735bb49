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
    /// An IPv6 option that this host does not know and may not skip. The two high bits of `kind` say what to do about
    /// the packet (RFC 8200 §4.2): 01 drop it, 10 drop it and send an ICMPv6 parameter problem, 11 send that only if the
    /// destination was not multicast.
    #[error("{what}: unknown option {kind} must not be skipped")]
    UnknownOption {
        /// The header.
        what: &'static str,
        /// The option's kind.
        kind: u8,
        /// Offset of the option from the start of the packet: what the parameter problem points at.
        pointer: u32,
    },
    /// A v4-mapped IPv6 address, which never may stand on the wire.
    #[error("IPv6: the {field} address is v4-mapped")]
    MappedAddress {
        /// Which address.
        field: &'static str,
    },
}
