//! Outcomes on disk as they come: what was interrupted goes on where it was, and several machines can share the work.
//!
//! A line for each run: who, cell, seed, span and pair of controllers name it, then its figures, all with tabs between. What is
//! no such line is skipped, such as one that was cut off.

use crate::play::{Outcome, Plan};
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

/// What was played before, and where to keep what is played now: nowhere, by default.
#[derive(Default)]
pub(crate) struct Journal {
    known: HashMap<String, Outcome>,
    file: Option<(PathBuf, Mutex<File>)>,
}

impl Journal {
    /// Reads what stands in a file, if there is one, and goes on in it.
    ///
    /// # Errors
    /// If it can't be read or written, in words.
    pub(crate) fn open(path: &Path) -> Result<Journal, String> {
        let words = |e: std::io::Error| format!("{}: {e}", path.display());
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(e) if e.kind() == ErrorKind::NotFound => String::new(),
            Err(e) => return Err(words(e)),
        };
        let mut file = OpenOptions::new().create(true).append(true).open(path).map_err(words)?;
        if !text.is_empty() && !text.ends_with('\n') {
            file.write_all(b"\n").map_err(words)?;
        }
        let known = text.lines().filter_map(read).collect();
        Ok(Journal { known, file: Some((path.to_owned(), Mutex::new(file))) })
    }

    /// What came of a run that was played before.
    pub(crate) fn find(&self, plan: &Plan) -> Option<&Outcome> {
        self.known.get(&name(plan))
    }

    /// Keeps what came of a run.
    ///
    /// # Errors
    /// If it can't be written, in words.
    pub(crate) fn keep(&self, plan: &Plan, outcome: &Outcome) -> Result<(), String> {
        let Some((path, file)) = &self.file else { return Ok(()) };
        let line = write(plan, outcome);
        let mut file = file.lock().expect("no thread panicked with it");
        file.write_all(line.as_bytes()).map_err(|e| format!("{}: {e}", path.display()))
    }
}

/// What tells a run from all others.
fn name(plan: &Plan) -> String {
    let Plan { cell, contender, span, seed, mixed, record: _, offloads } = plan;
    let pair = mixed.map_or_else(|| "-".to_owned(), |pair| pair.join("+"));
    let (warm_up, measured) = (span.warm_up.as_secs_f64(), span.measured.as_secs_f64());
    let offloads = if *offloads { "+offloads" } else { "" };
    format!("{}{offloads}\t{cell}\t{seed}\t{warm_up:.3}\t{measured:.3}\t{pair}", contender.name())
}

fn write(plan: &Plan, outcome: &Outcome) -> String {
    let optional = |figure: Option<u64>| figure.map_or_else(|| "-".into(), |n| n.to_string());
    let goodputs: Vec<String> = outcome.goodputs.iter().map(f64::to_string).collect();
    format!(
        "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{:.3}\n",
        name(plan),
        goodputs.join(","),
        outcome.packets,
        outcome.lost,
        outcome.queue_full,
        optional(outcome.again),
        optional(outcome.timeouts),
        outcome.took.as_secs_f64()
    )
}

fn read(line: &str) -> Option<(String, Outcome)> {
    /// Fields of a run's name.
    const NAME: usize = 6;
    let fields: Vec<&str> = line.split('\t').collect();
    let (name, [goodputs, packets, lost, queue_full, again, timeouts, took]) = fields.split_at_checked(NAME)? else {
        return None;
    };
    let optional = |text: &str| if text == "-" { Some(None) } else { text.parse().ok().map(Some) };
    let outcome = Outcome {
        goodputs: goodputs.split(',').map(|text| text.parse().ok()).collect::<Option<_>>()?,
        by_seed: Vec::new(),
        packets: packets.parse().ok()?,
        lost: lost.parse().ok()?,
        queue_full: queue_full.parse().ok()?,
        again: optional(again)?,
        timeouts: optional(timeouts)?,
        took: Duration::try_from_secs_f64(took.parse().ok()?).ok()?,
    };
    Some((name.join("\t"), outcome))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::Cell;
    use crate::play::{Contender, Span};

    fn plan() -> Plan {
        let span = Span { warm_up: Duration::from_millis(2_345), measured: Duration::from_secs(10) };
        let contender = Contender::Limpid("cubic");
        Plan { cell: Cell::middle(), contender, span, seed: 7, mixed: None, record: false, offloads: false }
    }

    fn outcome() -> Outcome {
        Outcome {
            goodputs: vec![1.5e6, 2.25e6],
            by_seed: Vec::new(),
            packets: 1_000,
            lost: 10,
            queue_full: 0,
            again: Some(11),
            timeouts: None,
            took: Duration::from_millis(1_250),
        }
    }

    #[test]
    fn a_run_is_read_as_it_was_written() {
        let line = write(&plan(), &outcome());
        assert_eq!(read(line.trim_end()), Some((name(&plan()), outcome())));
        assert_ne!(name(&plan()), name(&Plan { seed: 8, ..plan() }));
        assert_ne!(name(&plan()), name(&Plan { offloads: true, ..plan() }));
        assert_ne!(name(&plan()), name(&Plan { mixed: Some(["cubic", "reno"]), ..plan() }));
    }

    #[test]
    fn what_was_cut_off_is_played_again_and_the_next_line_stands_alone() {
        let dir = std::env::temp_dir().join(format!("limpid-grid-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a directory");
        let path = dir.join("journal");
        let line = write(&plan(), &outcome());
        let cut = write(&Plan { seed: 8, ..plan() }, &outcome());
        std::fs::write(&path, format!("{line}{}", &cut[..cut.len() - 12])).expect("written");
        let journal = Journal::open(&path).expect("a journal");
        assert_eq!(journal.find(&plan()), Some(&outcome()));
        assert_eq!(journal.find(&Plan { seed: 8, ..plan() }), None);
        journal.keep(&Plan { seed: 8, ..plan() }, &outcome()).expect("kept");
        drop(journal);
        let journal = Journal::open(&path).expect("a journal");
        assert_eq!(journal.find(&Plan { seed: 8, ..plan() }), Some(&outcome()));
        std::fs::remove_dir_all(&dir).expect("removed");
    }
}
