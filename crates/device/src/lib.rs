//! Devices: where frames come from and go to. The only unsafe code of limpid is here, behind safe types.
#![deny(unsafe_op_in_unsafe_fn)]

mod device;

pub use device::{Caps, Device};
