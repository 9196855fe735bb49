//! *What* is lost and what goes next: round-trip times, the retransmission timeout, and recovery. How *much* may be in
//! flight is the [congestion controller's](crate::congestion) business.

pub mod machine;
pub mod rto;
pub mod rtt;

pub use machine::{AckInput, AckVerdict, Phase, Recovery, Retransmission};
pub use rto::Rto;
pub use rtt::RttEstimator;
