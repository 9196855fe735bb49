//! Axes: round numbers that people can read off.

/// An axis from 0 to `top` with a tick at each multiple of `step`, all in the quantity's own unit.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Axis {
    /// Where it ends.
    pub top: f64,
    /// From tick to tick.
    pub step: f64,
}

/// What is measured, which decides the unit that its figures are shown in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Quantity {
    /// Bytes.
    Bytes,
    /// Relative sequence numbers: bytes, too.
    Sequence,
    /// Bits a second.
    Rate,
    /// Seconds.
    Time,
}

impl Axis {
    /// The axis that reaches `most` and has at most `ticks` steps.
    pub fn reaching(most: f64, ticks: usize) -> Axis {
        // Nothing to show still has an axis.
        let most = if most.is_finite() && most > 0.0 { most } else { 1.0 };
        let step = round_up(most / ticks.max(1) as f64);
        Axis { top: (most / step).ceil() * step, step }
    }

    /// The same in steps of whole units: of bytes there are no halves.
    pub fn reaching_in_wholes(most: f64, ticks: usize) -> Axis {
        let axis = Axis::reaching(most.max(1.0), ticks);
        let step = axis.step.max(1.0);
        Axis { top: (axis.top / step).ceil() * step, step }
    }

    /// The axis whose steps are round, and that ends exactly at `end`.
    pub fn ending_at(end: f64, ticks: usize) -> Axis {
        Axis { top: end, ..Axis::reaching(end, ticks) }
    }

    /// The ticks, from 0 on.
    pub fn ticks(self) -> impl Iterator<Item = f64> {
        // A little beyond the end: sums of steps are not exact.
        let count = (self.top / self.step * (1.0 + 1e-9)).floor() as u64;
        (0..=count).map(move |n| n as f64 * self.step)
    }
}

/// The next number of 1, 2 or 5 times a power of ten.
fn round_up(value: f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= value * (1.0 - 1e-9));
    factor.unwrap_or(10.0) * power
}

impl Quantity {
    /// The unit in which an axis up to `top` is read, and how much one of it is.
    pub fn unit(self, top: f64) -> (&'static str, f64) {
        let units: &[(&str, f64)] = match self {
            Quantity::Bytes | Quantity::Sequence => &[("GB", 1e9), ("MB", 1e6), ("kB", 1e3), ("B", 1.0)],
            Quantity::Rate => &[("Gbit/s", 1e9), ("Mbit/s", 1e6), ("kbit/s", 1e3), ("bit/s", 1.0)],
            Quantity::Time => &[("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)],
        };
        // At least two of it.
        let fits = units.iter().find(|(_, one)| top >= 2.0 * one);
        *fits.or(units.last()).expect("there is a unit")
    }

    /// A figure in three digits, with its unit.
    pub fn show(self, value: f64) -> String {
        let (name, one) = self.unit(value * 2.0);
        format!("{} {name}", three_digits(value / one))
    }
}

/// `12.3`, `1.23`, `123`, `1234`; zeros at the end are left out.
pub(super) fn three_digits(value: f64) -> String {
    let text = match value {
        100.0.. => return format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
