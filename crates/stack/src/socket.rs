//! Sockets by name.

/// A socket of an application. Outlives the phases of its connection; a stale one is recognised by its generation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct SocketId {
    /// The shard that holds it.
    pub shard: u16,
    /// Its place there.
    pub index: u32,
    /// How often the place was used before.
    pub generation: u32,
}

/// Which halves to close.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shutdown {
    /// The receiving half.
    Read,
    /// The sending half.
    Write,
    /// Both.
    Both,
}
