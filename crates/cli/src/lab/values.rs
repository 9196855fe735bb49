//! Durations, probabilities and rates as people write them.

use std::time::Duration;

/// `10ms`, `1.5s`, `200us`, `2m`, `1h`; 0 needs no unit.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    /// A week: more than any experiment takes.
    const MOST: f64 = 7.0 * 24.0 * 3600.0;
    let units = [("us", 1e-6), ("µs", 1e-6), ("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("min", 60.0), ("h", 3600.0)];
    let (number, unit) = split(text).ok_or("no number: write 10ms, 1.5s or 200us")?;
    let factor = match units.iter().find(|(name, _)| *name == unit) {
        Some((_, factor)) => *factor,
        None if unit.is_empty() && number == 0.0 => 0.0,
        None if unit.is_empty() => return Err(format!("no unit: write {text}ms or {text}s")),
        None => return Err(format!("no such unit '{unit}': there are us, ms, s, m and h")),
    };
    let seconds = number * factor;
    if seconds > MOST { Err("more than a week".into()) } else { Ok(Duration::from_secs_f64(seconds)) }
}

/// A duration that is not zero.
pub(crate) fn deadline(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("no time at all: write 3s or 500ms".into()),
        time => Ok(time),
    }
}

/// `1%` or `0.01`.
pub(crate) fn probability(text: &str) -> Result<f64, String> {
    let p = match split(text) {
        Some((number, "%")) => number / 100.0,
        Some((number, "")) => number,
        _ => return Err("no probability: write 1% or 0.01".into()),
    };
    if p <= 1.0 { Ok(p) } else { Err("a probability is at most 1, which is 100%".into()) }
}

/// `10mbit`, `64kbit`, `1gbit`, or bits per second.
pub(crate) fn rate(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text).ok_or("no number: write 10mbit or 64kbit")?;
    let factor = match unit.to_ascii_lowercase().trim_end_matches("/s") {
        "" | "bit" => 1.0,
        "k" | "kbit" => 1e3,
        "m" | "mbit" => 1e6,
        "g" | "gbit" => 1e9,
        _ => return Err(format!("no such unit '{unit}': there are bit, kbit, mbit and gbit")),
    };
    let rate = number * factor;
    if (1.0..=1e12).contains(&rate) { Ok(rate as u64) } else { Err("a rate is 1 bit to 1000 gbit a second".into()) }
}

/// A number that is not negative, and what follows it.
fn split(text: &str) -> Option<(f64, &str)> {
    let at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..at].parse().ok()?;
    number.is_finite().then(|| (number, text[at..].trim_start()))
}

#[cfg(test)]
mod tests;
