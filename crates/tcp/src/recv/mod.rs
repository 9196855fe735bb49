//! The receiving half's parts: data in order and out of order, what it costs, the window that we offer, and when to
//! acknowledge.

pub mod assembler;
pub mod autotune;
pub mod delayed_ack;
pub mod memory;
pub mod queue;
pub mod rtt;
pub mod window;

pub use assembler::Assembler;
pub use autotune::RightSizing;
pub use delayed_ack::{AckDue, DelayedAck, ReceivedData};
pub use memory::Charge;
pub use queue::{Inserted, RecvQueue};
pub use rtt::RecvRtt;
pub use window::{RecvWindow, Space, Taken, UnscaledWindow, Window, WindowScale};
