//! The receiving half's parts: data in order and out of order, the window that we offer, and when to acknowledge.

pub mod assembler;
pub mod delayed_ack;
pub mod queue;
pub mod window;

pub use assembler::Assembler;
pub use delayed_ack::{AckDue, DelayedAck, ReceivedData};
pub use queue::{Inserted, RecvQueue};
pub use window::{RecvWindow, Space, UnscaledWindow, Window, WindowScale};
