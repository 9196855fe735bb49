//! A connection's life, in virtual time.

mod event_processing;
mod lifecycle;
mod lossy;
