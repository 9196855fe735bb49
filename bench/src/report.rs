//! The table that is printed, and the same for machines.

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

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// What a row is compared with, and what it is to reach.
#[derive(Clone, Copy)]
pub(crate) struct Peer {
    name: &'static str,
    aim: Option<f64>,
}

impl Peer {
    /// The newest smoltcp.
    pub(crate) const SMOLTCP: Peer = Peer::named("smoltcp");
    /// This machine's kernel.
    pub(crate) const LINUX: Peer = Peer::named("Linux");
    /// A loop that copies.
    pub(crate) const COPIES: Peer = Peer::named("two copies");
    /// limpid under other circumstances, which the row's name tells.
    pub(crate) const OURSELVES: Peer = Peer::named("limpid without");
    /// A bound that is given.
    pub(crate) const BOUND: Peer = Peer { name: "bound", aim: Some(1.0) };

    const fn named(name: &'static str) -> Peer {
        Peer { name, aim: None }
    }

    /// The ratio should be so much or more.
    pub(crate) const fn to_reach(self, ratio: f64) -> Peer {
        Peer { aim: Some(ratio), ..self }
    }
}

struct Row {
    what: String,
    unit: &'static str,
    peer: Peer,
    figure: Figure,
}

/// Rows, printed as they come.
pub(crate) struct Table {
    rows: Vec<Row>,
}

impl Table {
    pub(crate) fn new() -> Table {
        Table { rows: Vec::new() }
    }

    pub(crate) fn row(&mut self, what: &str, unit: &'static str, peer: Peer, figure: Figure) {
        eprintln!("measured: {what}");
        self.rows.push(Row { what: what.to_owned(), unit, peer, figure });
    }

    pub(crate) fn print(&self, json: bool) {
        if json { self.print_json() } else { self.print_text() }
    }

    fn print_text(&self) {
        println!("{:<58} {:>16} {:>16} {:<15} {:>8}", "", "limpid", "beside", "", "ratio");
        for Row { what, unit, peer, figure } in &self.rows {
            let [ours, theirs] = [figure.ours, figure.theirs].map(|v| format!("{} {unit}", number(v)));
            let ratio = figure.ratio();
            let verdict = match peer.aim {
                Some(aim) if ratio >= aim => format!("  reaches {aim}"),
                Some(aim) => format!("  below {aim}"),
                None if ratio < 1.0 => "  (behind)".to_owned(),
                None => String::new(),
            };
            println!("{what:<58} {ours:>16} {theirs:>16} {:<15} {ratio:>7.2}x{verdict}", peer.name);
        }
    }

    /// Rows as objects. All strings in it are plain ASCII without quotes.
    fn print_json(&self) {
        let rows: Vec<String> = self
            .rows
            .iter()
            .map(|Row { what, unit, peer, figure }| {
                let aim = peer.aim.map_or("null".to_owned(), |aim| aim.to_string());
                format!(
                    "{{\"what\":\"{what}\",\"unit\":\"{unit}\",\"limpid\":{},\"peer\":\"{}\",\"beside\":{},\"ratio\":{},\"to_reach\":{aim}}}",
                    figure.ours,
                    peer.name,
                    figure.theirs,
                    figure.ratio()
                )
            })
            .collect();
        println!("[\n{}\n]", rows.join(",\n"));
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
