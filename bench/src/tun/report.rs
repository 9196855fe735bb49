//! The table and the figures for machines.

use std::time::Duration;

/// What a figure is in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unit {
    /// More is better.
    BitsPerSecond,
    /// Less is better.
    Seconds,
}

impl Unit {
    fn text(self, value: f64) -> String {
        match self {
            Unit::BitsPerSecond => format!("{:.2} Gb/s", value / 1e9),
            Unit::Seconds => format!("{:.1} µs", value * 1e6),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Unit::BitsPerSecond => "bits_per_second",
            Unit::Seconds => "seconds",
        }
    }

    fn holds(self, ratio: f64, aim: f64) -> bool {
        match self {
            Unit::BitsPerSecond => ratio >= aim,
            Unit::Seconds => ratio <= aim,
        }
    }
}

/// One line: ours beside a peer's, of each round.
struct Row {
    what: String,
    peer: &'static str,
    unit: Unit,
    aim: f64,
    figures: Vec<(f64, f64)>,
    /// The same for each second of processor time.
    by_processor: Vec<(f64, f64)>,
}

/// All lines.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
}

impl Report {
    /// Adds a round's figures, ours and the peer's.
    pub(crate) fn note(
        &mut self,
        what: &str,
        peer: &'static str,
        unit: Unit,
        figures: (f64, f64),
        aim: f64,
        by_processor: Option<(f64, f64)>,
    ) {
        let known = self.rows.iter().position(|row| row.what == what && row.peer == peer);
        let at = known.unwrap_or_else(|| {
            let (figures, by_processor) = (Vec::new(), Vec::new());
            self.rows.push(Row { what: what.to_owned(), peer, unit, aim, figures, by_processor });
            self.rows.len() - 1
        });
        self.rows[at].figures.push(figures);
        self.rows[at].by_processor.extend(by_processor);
    }

    pub(crate) fn print(&self) {
        println!(
            "{:<58} {:>12}  {:<22} {:>12} {:>7} {:>7} {:>8}",
            "", "limpid", "beside", "", "ratio", "aim", "per CPU"
        );
        for row in &self.rows {
            let Row { what, peer, unit, aim, figures, by_processor } = row;
            let ratio = ratio(figures);
            let aim_text = match aim.is_finite() {
                true => format!("{aim:.2}"),
                false => "-".into(),
            };
            let per_cpu =
                if by_processor.is_empty() { String::new() } else { format!("{:.2}", self::ratio(by_processor)) };
            let short = if aim.is_finite() && !unit.holds(ratio, *aim) { "  (short)" } else { "" };
            println!(
                "{what:<58} {:>12}  {peer:<22} {:>12} {ratio:>7.2} {aim_text:>7} {per_cpu:>8}{short}",
                unit.text(median(figures.iter().map(|pair| pair.0))),
                unit.text(median(figures.iter().map(|pair| pair.1))),
            );
        }
    }

    /// An array of objects. All strings in it are plain, without quotes.
    pub(crate) fn json(&self) -> String {
        let rows: Vec<String> = self.rows.iter().map(Row::json).collect();
        format!("[\n{}\n]\n", rows.join(",\n"))
    }
}

impl Row {
    fn json(&self) -> String {
        let Row { what, peer, unit, aim, figures, by_processor } = self;
        let list = |pick: fn(&(f64, f64)) -> f64| {
            let all: Vec<String> = figures.iter().map(|pair| format!("{:e}", pick(pair))).collect();
            all.join(",")
        };
        let (aim, holds) = match aim.is_finite() {
            true => (aim.to_string(), unit.holds(ratio(figures), *aim).to_string()),
            false => ("null".into(), "null".into()),
        };
        let per_cpu = if by_processor.is_empty() { "null".into() } else { format!("{:.4}", self::ratio(by_processor)) };
        format!(
            "{{\"what\":\"{what}\",\"beside\":\"{peer}\",\"unit\":\"{}\",\"limpid\":[{}],\"peer\":[{}],\"ratio\":{:.4},\"aim\":{aim},\
             \"holds\":{holds},\"ratio_per_processor_second\":{per_cpu}}}",
            unit.name(),
            list(|pair| pair.0),
            list(|pair| pair.1),
            ratio(figures)
        )
    }
}

/// The median of the rounds' ratios.
fn ratio(figures: &[(f64, f64)]) -> f64 {
    median(figures.iter().map(|(ours, theirs)| ours / theirs))
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 0 => (values[middle - 1] + values[middle]) / 2.0,
        _ => values[middle],
    }
}

/// The time that this share of them does not exceed, seconds.
pub(crate) fn quantile(times: &[Duration], share: f64) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort();
    let at = ((sorted.len() as f64 * share).ceil() as usize).clamp(1, sorted.len().max(1)) - 1;
    sorted.get(at).map_or(f64::NAN, Duration::as_secs_f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_and_medians() {
        let times: Vec<Duration> = (1..=100).rev().map(Duration::from_secs).collect();
        assert_eq!((quantile(&times, 0.5), quantile(&times, 0.99), quantile(&times, 1.0)), (50.0, 99.0, 100.0));
        assert!(quantile(&[], 0.5).is_nan());
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0].into_iter()), 2.5);
    }

    #[test]
    fn less_is_better_of_times_and_more_of_rates() {
        assert!(Unit::Seconds.holds(1.1, 1.2) && !Unit::Seconds.holds(1.3, 1.2));
        assert!(Unit::BitsPerSecond.holds(1.3, 1.2) && !Unit::BitsPerSecond.holds(1.1, 1.2));
    }
}
