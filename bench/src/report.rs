//! The table that is printed.

/// One measurement of both sides.
#[derive(Clone, Copy)]
pub(crate) struct Figure {
    pub(crate) ours: f64,
    pub(crate) theirs: f64,
    pub(crate) lower_is_better: bool,
}

impl Figure {
    /// Runs both sides in turn, `runs` times, and takes the medians.
    pub(crate) fn interleaved(runs: usize, mut ours: impl FnMut() -> f64, mut theirs: impl FnMut() -> f64) -> Figure {
        let (mut a, mut b) = (Vec::new(), Vec::new());
        for _ in 0..runs {
            a.push(ours());
            b.push(theirs());
        }
        Figure { ours: median(a), theirs: median(b), lower_is_better: false }
    }

    /// How many times better limpid is; below 1 it is behind.
    fn ratio(self) -> f64 {
        if self.lower_is_better { self.theirs / self.ours } else { self.ours / self.theirs }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Rows, printed as they come.
pub(crate) struct Table {
    rows: Vec<(String, &'static str, Figure)>,
}

impl Table {
    pub(crate) fn new() -> Table {
        Table { rows: Vec::new() }
    }

    pub(crate) fn row(&mut self, what: &str, unit: &'static str, figure: Figure) {
        eprintln!("measured: {what}");
        self.rows.push((what.to_owned(), unit, figure));
    }

    pub(crate) fn print(&self) {
        println!("{:<42} {:>16} {:>16} {:>8}", "", "limpid", "smoltcp", "ratio");
        for (what, unit, figure) in &self.rows {
            let [ours, theirs] = [figure.ours, figure.theirs].map(|v| format!("{} {unit}", number(v)));
            let behind = if figure.ratio() < 1.0 { "  (behind)" } else { "" };
            println!("{what:<42} {ours:>16} {theirs:>16} {:>7.2}x{behind}", figure.ratio());
        }
    }
}

/// Three digits that count, thousands apart.
fn number(v: f64) -> String {
    if v < 100.0 {
        return format!("{v:.1}");
    }
    let digits = format!("{v:.0}");
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(c);
    }
    out
}
