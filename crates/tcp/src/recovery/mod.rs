//! *What* is lost and what goes next: round-trip times, the retransmission timeout, and recovery. How *much* may be in
//! flight is the [congestion controller's](crate::congestion) business.

pub mod machine;
pub mod rack;
pub mod reordering;
pub mod rto;
pub mod rtt;
pub mod tlp;

pub use machine::{AckInput, AckVerdict, Phase, Recovery, Retransmission};
pub use rack::Rack;
pub use reordering::Reordering;
pub use rto::Rto;
pub use rtt::RttEstimator;
pub use tlp::Tlp;
