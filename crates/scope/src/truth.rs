//! The truth beside the packets: a pcapng file that holds a whole [`Trace`].
//!
//! Each packet has a comment for people (who sent it, why, what became of it), and before it stands a block of our own
//! with the same for programs; blocks between packets hold what engines and applications told. Programs that do not know
//! the blocks pass over them: their kind is one of those for everybody's own use (draft-ietf-opsawg-pcapng §11.1), for a
//! Custom Block wants an IANA number of the writer's. `docs/truth.md` describes every byte.
//!
//! [`write()`] appends a trace to a file; [`Collector::read`] makes traces of a file's packets and blocks again.
//!
//! # Bounds
//! What is kept is bounded ([`MAX_PACKETS`], [`MAX_NOTES`], [`MAX_RUNS`], [`MAX_HOSTS`]); what comes after is left out and
//! counted. A block that is damaged, of a later version, or speaks of what is not there is left out, too.

mod collect;
mod record;
mod write;

#[cfg(test)]
mod tests;

pub use collect::{Collector, Found};
pub use write::{comment, write};

#[cfg(doc)]
use crate::trace::Trace;

/// The kind of our blocks: "lmpd", with the top bit set.
pub const BLOCK_KIND: u32 = 0x8000_0000 | u32::from_be_bytes(*b"lmpd");

/// The most packets kept of a file.
pub const MAX_PACKETS: usize = 200_000;
/// The most bytes of packets and comments that are kept of a file.
pub const MAX_BYTES: usize = 1 << 29;
/// The most events and remarks kept of a file.
pub const MAX_NOTES: usize = 1_000_000;
/// How much is kept of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Most {
    /// Packets.
    pub packets: usize,
    /// Bytes of packets and comments: none is begun beyond.
    pub bytes: usize,
    /// Events and remarks.
    pub notes: usize,
}

impl Default for Most {
    /// [`MAX_PACKETS`], [`MAX_BYTES`], [`MAX_NOTES`].
    fn default() -> Most {
        Most { packets: MAX_PACKETS, bytes: MAX_BYTES, notes: MAX_NOTES }
    }
}

/// The most runs kept of a file.
pub const MAX_RUNS: usize = 256;
/// The most hosts that a run may have.
pub const MAX_HOSTS: usize = 4096;
/// The most bytes of notes in a block.
const NOTES_IN_A_BLOCK: usize = 64 * 1024;
