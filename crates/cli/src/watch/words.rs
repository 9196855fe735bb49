//! Figures in few columns.

use std::time::Duration;

/// A duration: `85 us`, `1.2 ms`, `3.2 s`, `4 min`, `2 h`, `3 d`; at most six columns.
pub(crate) fn short(nanos: i64) -> String {
    let nanos = nanos.max(0);
    let tenths = |unit: i64, name: &str| match nanos / unit {
        0..10 => format!("{}.{} {name}", nanos / unit, nanos % unit * 10 / unit),
        whole => format!("{whole} {name}"),
    };
    match nanos {
        0..1_000_000 => format!("{} µs", nanos / 1000),
        1_000_000..1_000_000_000 => tenths(1_000_000, "ms"),
        1_000_000_000..120_000_000_000 => tenths(1_000_000_000, "s"),
        120_000_000_000..7_200_000_000_000 => format!("{} min", nanos / 60_000_000_000),
        7_200_000_000_000..172_800_000_000_000 => format!("{} h", nanos / 3_600_000_000_000),
        _ => format!("{} d", nanos / 86_400_000_000_000),
    }
}

/// The same of a [`Duration`].
pub(crate) fn span(duration: Duration) -> String {
    short(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
}

/// An amount with a decimal prefix: `0`, `950`, `12.3k`, `1.20M`, `98.1M`, `2.5G`; at most five columns.
pub(crate) fn amount(n: u64) -> String {
    if n < 1000 {
        return n.to_string();
    }
    let mut unit = 1000;
    let mut name = 'k';
    for larger in ['M', 'G', 'T', 'P', 'E'] {
        if n / unit < 1000 {
            break;
        }
        unit *= 1000;
        name = larger;
    }
    match n / unit {
        0..10 => format!("{}.{:02}{name}", n / unit, n % unit / (unit / 100)),
        10..100 => format!("{}.{}{name}", n / unit, n % unit / (unit / 10)),
        whole => format!("{whole}{name}"),
    }
}

/// `1st`, `2nd`, `3rd`, `11th`.
pub(crate) fn ordinal(n: u64) -> String {
    let end = match (n % 10, n % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{n}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_fit_six_columns() {
        let cases = [0, 85_400, 999_999, 1_250_000, 42_000_000, 3_249_000_000, 119_900_000_000, 250_000_000_000];
        let texts: Vec<_> = cases.iter().map(|n| short(*n)).collect();
        assert_eq!(texts, ["0 µs", "85 µs", "999 µs", "1.2 ms", "42 ms", "3.2 s", "119 s", "4 min"]);
        for n in (0..63).map(|bit| 1i64 << bit).filter(|n| *n < 86_400_000_000_000 * 1000) {
            assert!(short(n).chars().count() <= 7, "{}", short(n));
        }
        assert_eq!(short(-5), "0 µs");
    }

    #[test]
    fn amounts_fit_five_columns() {
        let cases = [0, 999, 1000, 12_345, 999_999, 1_200_000, u64::MAX];
        let texts: Vec<_> = cases.iter().map(|n| amount(*n)).collect();
        assert_eq!(texts, ["0", "999", "1.00k", "12.3k", "999k", "1.20M", "18.4E"]);
    }

    #[test]
    fn ordinals() {
        let texts: Vec<_> = [1, 2, 3, 4, 11, 12, 13, 21, 111].iter().map(|n| ordinal(*n)).collect();
        assert_eq!(texts, ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "111th"]);
    }
}
