//! The sending half's parts: what is queued, what was sent, and whether a small segment may go now.

mod flags;
pub mod nagle;
pub mod queue;
pub mod records;
pub mod sws;

pub use flags::WriteFlags;
pub use nagle::{Nagle, NagleMode};
pub use queue::{Mark, SendQueue};
pub use records::{Acked, Delivered, Record, SentRecords, Snapshot};
