//! *What* is lost and what goes next: round-trip times, the retransmission timeout, and recovery. How *much* may be in
//! flight is the [congestion controller's](crate::congestion) business.
//!
//! | file | what | RFC |
//! |---|---|---|
//! | `rtt`, `rto` | round-trip times and the retransmission timeout | 6298 |
//! | `machine` | the state machine: Open, Disorder, CWR, Recovery, Loss | 5681 §3.2, 6582, 6675 §5 |
//! | `detection`, `rack`, `tlp`, `reordering` | what is lost, by time; probes; how far the path reorders | 8985 |
//! | `new_reno` | duplicate ACKs counted without SACK | 5681 §3.2, 6582, 3042 |
//! | `prr` | the window while a reduction runs | 9937 |
//! | `frto` | whether a timeout was needless | 5682 |
//! | `resend` | what goes again, and when; the timeout | 6298 §5.4, 6582 |
//! | `undo` | needless recoveries are taken back | 3522, 4015, 2883 §5 |

pub mod detection;
mod frto;
pub mod machine;
pub mod new_reno;
pub mod prr;
pub mod rack;
pub mod reordering;
mod resend;
pub mod rto;
pub mod rtt;
pub mod tlp;
pub mod undo;

pub use detection::DetectInput;
pub use machine::{AckInput, AckVerdict, Phase, Recovery, Undoing, Undone};
pub use new_reno::NewReno;
pub use prr::Prr;
pub use rack::Rack;
pub use reordering::Reordering;
pub use resend::{Retransmission, Window};
pub use rto::Rto;
pub use rtt::RttEstimator;
pub use tlp::Tlp;
pub use undo::{Echo, Undo};
