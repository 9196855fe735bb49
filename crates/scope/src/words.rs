//! Numbers, times and names in words, as people say them.

use limpid_event::Error;
use std::time::Duration;

/// A time span with at most three significant digits: `250 µs`, `10 ms`, `1.03 s`, `2 min 5 s`, `2 h 11 min`.
pub fn duration(span: Duration) -> String {
    let mut text = String::new();
    push_duration(&mut text, span);
    text
}

/// Appends what [`duration`] says.
pub(crate) fn push_duration(to: &mut String, span: Duration) {
    match u64::try_from(span.as_nanos()) {
        Ok(0) => to.push_str("0 s"),
        Ok(nanos @ 1..120_000_000_000) => push_short(to, nanos),
        _ => {
            let ((large, large_unit), (small, small_unit)) =
                long(span.as_secs() + u64::from(span.subsec_millis() >= 500));
            push_with(to, large, large_unit);
            if small > 0 {
                to.push(' ');
                push_with(to, small, small_unit);
            }
        }
    }
}

/// A time span in few letters: `40 ms`, `1.8 s`, `2 h`.
pub(crate) fn rough(span: Duration) -> String {
    let mut text = String::new();
    push_rough(&mut text, span);
    text
}

/// Appends what [`rough`] says.
pub(crate) fn push_rough(to: &mut String, span: Duration) {
    match u64::try_from(span.as_nanos()) {
        Ok(0) => to.push_str("0 s"),
        Ok(nanos @ 1..120_000_000_000) => {
            let mut step = 1;
            while nanos >= 100 * step {
                step *= 10;
            }
            // What is rounded up may be two minutes.
            let rounded = (nanos + step / 2) / step * step;
            match rounded {
                120_000_000_000.. => push_rough(to, Duration::from_nanos(rounded)),
                _ => push_short(to, rounded),
            }
        }
        // Of two units, the larger.
        _ => {
            let ((large, unit), _) = long(span.as_secs() + u64::from(span.subsec_millis() >= 500));
            push_with(to, large, unit);
        }
    }
}

/// Less than two minutes: three significant digits, trailing zeros left out.
fn push_short(to: &mut String, nanos: u64) {
    let (unit, name) = match nanos {
        0..1_000 => (1, "ns"),
        1_000..999_500 => (1_000, "µs"),
        999_500..999_500_000 => (1_000_000, "ms"),
        _ => (1_000_000_000, "s"),
    };
    let step = match nanos / unit {
        100.. => unit,
        10.. => unit / 10,
        _ => unit / 100,
    };
    let step = step.max(1);
    let rounded = (nanos + step / 2) / step * step;
    push_digits(to, rounded / unit);
    let hundredths = rounded % unit * 100 / unit;
    if hundredths > 0 {
        to.push('.');
        push_digits(to, hundredths / 10);
        if !hundredths.is_multiple_of(10) {
            push_digits(to, hundredths % 10);
        }
    }
    to.push(' ');
    to.push_str(name);
}

/// Seconds as a number of a large unit and a number of the next smaller one.
fn long(seconds: u64) -> ((u64, &'static str), (u64, &'static str)) {
    match seconds {
        0..7_200 => ((seconds / 60, "min"), (seconds % 60, "s")),
        7_200..172_800 => ((seconds / 3_600, "h"), (seconds % 3_600 / 60, "min")),
        _ => ((seconds / 86_400, "d"), (seconds % 86_400 / 3_600, "h")),
    }
}

fn push_with(to: &mut String, n: u64, unit: &str) {
    push_digits(to, n);
    to.push(' ');
    to.push_str(unit);
}

/// Appends a number: tables have many, and the formatter takes its time for each.
pub(crate) fn push_digits(to: &mut String, n: u64) {
    push_grouped(to, n, "");
}

/// All groups of three digits, one after the other.
const THREE_DIGITS: &str = {
    const DIGITS: [u8; 3_000] = {
        let (mut digits, mut n) = ([b'0'; 3_000], 0);
        while n < 1_000 {
            digits[3 * n] += (n / 100) as u8;
            digits[3 * n + 1] += (n / 10 % 10) as u8;
            digits[3 * n + 2] += (n % 10) as u8;
            n += 1;
        }
        digits
    };
    match str::from_utf8(&DIGITS) {
        Ok(digits) => digits,
        Err(_) => unreachable!(),
    }
};

fn push_grouped(to: &mut String, n: u64, separator: &str) {
    let (before, last) = (n / 1_000, (n % 1_000) as usize);
    let group = &THREE_DIGITS[3 * last..3 * last + 3];
    if before == 0 {
        return to.push_str(&group[usize::from(last < 100) + usize::from(last < 10)..]);
    }
    push_grouped(to, before, separator);
    to.push_str(separator);
    to.push_str(group);
}

/// A number with its thousands set apart: `60,000`.
pub fn number(n: u64) -> String {
    let mut text = String::new();
    push_number(&mut text, n);
    text
}

/// Appends what [`number`] says.
pub(crate) fn push_number(to: &mut String, n: u64) {
    push_grouped(to, n, ",");
}

/// So many bytes: `60,000 B`.
pub(crate) fn bytes(n: u64) -> String {
    format!("{} B", number(n))
}

/// A rate in bits: `850 kbit/s`, `1.2 Mbit/s`.
pub(crate) fn rate(bits_per_second: f64) -> String {
    let (value, unit) = match bits_per_second {
        r if !r.is_finite() || r < 0.0 => return "an unknown rate".into(),
        r if r < 1e3 => (r, "bit/s"),
        r if r < 1e6 => (r / 1e3, "kbit/s"),
        r if r < 1e9 => (r / 1e6, "Mbit/s"),
        r => (r / 1e9, "Gbit/s"),
    };
    match value {
        v if v < 10.0 => format!("{} {unit}", format!("{v:.1}").trim_end_matches(".0")),
        v => format!("{v:.0} {unit}"),
    }
}

/// So many things: `1 segment`, `42 segments`.
pub fn count(n: u64, thing: &str) -> String {
    match n {
        1 => format!("1 {thing}"),
        _ => format!("{} {thing}s", number(n)),
    }
}

/// So many things whose plural is irregular: `1 copy`, `2 copies`.
pub fn plural(n: u64, one: &str, many: &str) -> String {
    match n {
        1 => format!("1 {one}"),
        _ => format!("{} {many}", number(n)),
    }
}

/// A share: `50 %`, `2.5 %`, `0.03 %`; what is less but not nothing, `under 0.01 %`.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 || part == 0 {
        return "0 %".into();
    }
    let hundredths = (u128::from(part) * 10_000 + u128::from(whole) / 2) / u128::from(whole);
    let tenths = (hundredths + 5) / 10;
    let text = match hundredths {
        0 => return "under 0.01 %".into(),
        1..100 => format!("0.{hundredths:02}"),
        _ if tenths < 100 => format!("{}.{}", tenths / 10, tenths % 10),
        _ => format!("{}", (hundredths + 50) / 100),
    };
    format!("{} %", text.strip_suffix(".0").unwrap_or(&text))
}

/// A list in words: `1`, `1 and 2`, `1, 2 and 3`.
pub(crate) fn list<T: ToString>(items: &[T]) -> String {
    match items {
        [] => String::new(),
        [one] => one.to_string(),
        [rest @ .., last] => {
            let rest: Vec<String> = rest.iter().map(T::to_string).collect();
            format!("{} and {}", rest.join(", "), last.to_string())
        }
    }
}

/// What hosts are called by what they do: such a name takes an article. Others are proper names.
const ROLES: [&str; 10] =
    ["client", "server", "host", "peer", "router", "gateway", "proxy", "sender", "receiver", "reader"];

/// A host's name in the middle of a sentence: `the client`, `the Linux server`; but `Linux`, `limpid`, `10.0.0.1`.
pub(crate) fn with_article(name: &str) -> String {
    let last = name.rsplit(' ').next().unwrap_or(name);
    if ROLES.contains(&last) { format!("the {name}") } else { name.to_owned() }
}

/// The error that an application's words name: `ETIMEDOUT` in "read: connection timed out (ETIMEDOUT)".
pub(crate) fn errno(text: &str) -> Option<Error> {
    const FATAL: [Error; 9] = [
        Error::ConnectionRefused,
        Error::ConnectionReset,
        Error::ConnectionAborted,
        Error::TimedOut,
        Error::HostUnreachable,
        Error::NetworkUnreachable,
        Error::ProtocolUnreachable,
        Error::Prohibited,
        Error::BrokenPipe,
    ];
    let mut names = text.split(|c: char| !c.is_ascii_alphanumeric());
    names.find_map(|word| FATAL.into_iter().find(|error| error.errno() == word))
}

/// Text that can't harm a terminal or a line: control characters become `·`.
pub(crate) fn tame(text: &str) -> String {
    let hostile = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    text.chars().map(|c| if hostile(c) { '·' } else { c }).collect()
}

#[cfg(test)]
mod tests;
