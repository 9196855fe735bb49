//! Figures in words, as verdicts, graphs and experiments write them.

use crate::graph::axis::Quantity;
use crate::words;
use std::time::Duration;

/// A time span with at most three significant digits: `250 µs`, `10 ms`, `1.03 s`, `2 min 5 s`.
pub fn duration(span: Duration) -> String {
    words::duration(span)
}

/// Bits a second: `4.62 Mbit/s`.
pub fn rate(bits_per_second: f64) -> String {
    Quantity::Rate.show(bits_per_second)
}

/// Bytes: `1.46 kB`.
pub fn bytes(bytes: f64) -> String {
    Quantity::Bytes.show(bytes)
}

/// A number with its thousands set apart: `60,000`.
pub fn number(n: u64) -> String {
    words::number(n)
}

/// So many things: `1 segment`, `42 segments`.
pub fn count(n: u64, thing: &str) -> String {
    words::count(n, thing)
}

/// A share in percent: `93 %`.
pub fn share(part: f64) -> String {
    format!("{:.0} %", part * 100.0)
}
