//! Sockets by name, and what newly happened to them ([`table`]).

mod table;

pub(crate) use table::{Kind, SocketTable};

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

/// How often each direction of a socket newly became ready, or more so: what an edge-triggered user compares. The
/// counters wrap.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Wakes {
    /// Data came, the end of the stream, a connection to accept, an error.
    pub read: u32,
    /// Room was made, the connection was established, an error.
    pub write: u32,
}
