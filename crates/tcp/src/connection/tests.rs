//! A connection's life, in virtual time.

mod adversary;
mod challenge;
mod closing;
mod ecn;
mod event_processing;
mod fast_open;
mod hostile;
mod keepalive;
mod lifecycle;
mod lossy;
mod opening;
mod path_mtu;
mod paws;
mod receiving;
mod segmentation;
mod sending;
mod sizes;
mod window;
