//! A connection's life, in virtual time.

mod adversary;
mod closing;
mod event_processing;
mod hostile;
mod lifecycle;
mod lossy;
mod opening;
mod receiving;
mod segmentation;
mod sending;
mod sizes;
