//! *What* is lost and what goes next: round-trip times, the retransmission timeout, and recovery. How *much* may be in
//! flight is the [congestion controller's](crate::congestion) business.

pub mod new_reno;
pub mod rto;
pub mod rtt;

pub use new_reno::{AckInput, AckVerdict, NewReno, Phase, Retransmission};
pub use rto::Rto;
pub use rtt::RttEstimator;
