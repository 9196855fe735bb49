//! Durations, probabilities and rates as people write them.

use limpid_lab::link::Bursts;
use std::ops::RangeInclusive;
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

/// `1%,5`: the share of packets that are lost, and how many in a row on average.
pub(crate) fn bursts(text: &str) -> Result<Bursts, String> {
    let (share, length) = text.split_once(',').ok_or("write the share lost and how many in a row, as 1%,5")?;
    let share = probability(share)?;
    let length: f64 = length.trim().parse().map_err(|_| format!("no number of packets: '{length}'"))?;
    match length {
        _ if share > 0.9 => Err("at most 90% can be lost in bursts".into()),
        1.0..=1e6 => Ok(Bursts::of(share, length)),
        _ => Err("a burst is 1 to 1000000 packets long".into()),
    }
}

/// `3` or `7-9`, counted from 1.
pub(crate) fn numbers(text: &str) -> Result<RangeInclusive<u64>, String> {
    let number = |text: &str| text.trim().parse::<u64>().map_err(|_| format!("no number: '{text}'; write 3 or 7-9"));
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (number(first)?, number(last)?),
        None => (number(text)?, number(text)?),
    };
    match first {
        0 => Err("segments count from 1".into()),
        _ if first > last => Err(format!("{last} comes before {first}")),
        _ => Ok(first..=last),
    }
}

/// How much a queue holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Queue {
    /// So many packets.
    Packets(usize),
    /// So many bytes.
    Bytes(u64),
}

/// `100` packets, or `64kB`.
pub(crate) fn queue(text: &str) -> Result<Queue, String> {
    let (number, unit) = split(text).ok_or("no number: write 100 (packets) or 64kB")?;
    let factor = match unit.to_ascii_lowercase().as_str() {
        "" if number.fract() == 0.0 && number <= 1e9 => return Ok(Queue::Packets(number as usize)),
        "" => return Err("a queue holds up to 1000000000 packets, whole ones".into()),
        "b" => 1.0,
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        _ => return Err(format!("no such unit '{unit}': there are B, kB, MB and GB, or none for packets")),
    };
    let bytes = number * factor;
    if bytes <= 1e12 { Ok(Queue::Bytes(bytes as u64)) } else { Err("a queue holds up to 1000 GB".into()) }
}

/// A number that is not negative, and what follows it.
fn split(text: &str) -> Option<(f64, &str)> {
    let at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..at].parse().ok()?;
    number.is_finite().then(|| (number, text[at..].trim_start()))
}

#[cfg(test)]
mod tests;
