//! The sending half's parts: what is queued, what was sent, and whether a small segment may go now.

pub mod buffer;
mod flags;
mod mtu_search;
pub mod nagle;
mod pieces;
pub mod queue;
pub mod records;
pub mod sws;

pub use flags::WriteFlags;
pub use mtu_search::{MtuSearch, Probe};
pub use nagle::{Nagle, NagleMode};
pub use pieces::{Piece, Pieces};
pub use queue::{Append, OVERHEAD, SendQueue, Taken};
pub use records::{Acked, Delivered, Losses, Record, SentRecords, Shape, Snapshot, WorstLoss};
pub(crate) use records::{more, passed};
