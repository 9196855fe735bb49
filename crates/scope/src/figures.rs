//! Figures in words, as verdicts, graphs and experiments write them.

use crate::graph::axis::Quantity;

pub use crate::words::{count, duration, number};

/// Bits a second: `4.62 Mbit/s`.
pub fn rate(bits_per_second: f64) -> String {
    Quantity::Rate.show(bits_per_second)
}

/// Bytes: `1.46 kB`.
pub fn bytes(bytes: f64) -> String {
    Quantity::Bytes.show(bytes)
}

/// A share in percent: `93 %`.
pub fn share(part: f64) -> String {
    format!("{:.0} %", part * 100.0)
}
