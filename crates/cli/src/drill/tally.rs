//! Counts, and the table by folder.

use super::play::{Done, Kind};
use super::{On, failure};
use crate::error::CliError;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// What a run of many scripts came to.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// What is kept of each script, in order.
    pub(crate) all: Vec<Entry>,
    /// How long it took, in real time.
    pub(crate) elapsed: Duration,
}

/// What is kept of a script.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) folder: String,
    pub(crate) name: String,
    pub(crate) script: String,
    pub(crate) kind: Kind,
    /// In one line, if it did not pass.
    pub(crate) why: Option<String>,
    /// What the script says and what happened.
    pub(crate) details: String,
    pub(crate) elapsed: Duration,
}

/// How many ended how.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Counts([usize; Kind::ALL.len()]);

impl Counts {
    pub(crate) fn of<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Counts {
        let mut counts = Counts::default();
        entries.into_iter().for_each(|entry| counts.0[entry.kind as usize] += 1);
        counts
    }

    pub(crate) fn get(&self, kind: Kind) -> usize {
        self.0[kind as usize]
    }

    pub(crate) fn total(&self) -> usize {
        self.0.iter().sum()
    }

    /// Neither passed nor unsupported.
    pub(crate) fn failures(&self) -> usize {
        self.total() - self.get(Kind::Pass) - self.get(Kind::Unsupported)
    }

    /// `118 pass, 1 fail`: what there is, and always what passed.
    fn words(&self) -> String {
        let there = Kind::ALL.into_iter().filter(|kind| self.get(*kind) > 0 || *kind == Kind::Pass);
        there.map(|kind| format!("{} {}", self.get(kind), kind.name())).collect::<Vec<_>>().join(", ")
    }
}

impl Tally {
    pub(crate) fn add(&mut self, done: &Done) {
        let mode = done.job.mode.map(|mode| format!(" [{}]", mode.name())).unwrap_or_default();
        self.all.push(Entry {
            folder: done.job.script.folder.clone(),
            name: format!("{}{mode}", done.job.script.name),
            script: done.job.script.name.clone(),
            kind: done.kind(),
            why: (done.kind() != Kind::Pass).then(|| failure::headline(done).trim_end().to_owned()),
            details: failure::details(done),
            elapsed: done.elapsed,
        });
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts::of(&self.all)
    }

    /// What has ended so far, for the progress bar.
    pub(crate) fn so_far(&self) -> String {
        self.counts().words()
    }

    /// The folders, each with what is kept of its scripts.
    pub(crate) fn folders(&self) -> BTreeMap<&str, Vec<&Entry>> {
        let mut folders: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
        self.all.iter().for_each(|entry| folders.entry(&entry.folder).or_default().push(entry));
        folders
    }

    /// A line for each folder, and one for all.
    pub(crate) fn table(&self) -> String {
        let total = self.counts();
        // What never happens has no column, but for the first two.
        let columns: Vec<Kind> = Kind::ALL
            .into_iter()
            .filter(|kind| matches!(kind, Kind::Pass | Kind::Fail) || total.get(*kind) > 0)
            .collect();
        let folders = self.folders();
        let first = folders.keys().map(|folder| folder.chars().count()).chain(["all".len()]).max().unwrap_or(0);
        let mut text = format!("{:first$}", "");
        for kind in &columns {
            let _ = write!(text, "  {:>5}", kind.name());
        }
        text.push('\n');
        let mut row = |name: &str, counts: &Counts| {
            let _ = write!(text, "{name:first$}");
            for kind in &columns {
                let width = kind.name().len().max(5);
                let _ = write!(text, "  {:>width$}", counts.get(*kind));
            }
            text.push('\n');
        };
        for (folder, entries) in &folders {
            row(folder, &Counts::of(entries.iter().copied()));
        }
        if folders.len() > 1 {
            row("all", &total);
        }
        let _ = writeln!(text, "\n{} scripts in {}: {}", total.total(), seconds(self.elapsed), total.words());
        text
    }

    /// How to go on from what did not pass.
    pub(crate) fn advice(&self, on: On, shown_unsupported: bool) -> String {
        let mut text = String::new();
        let failed = self.all.iter().find(|entry| entry.kind == Kind::Fail).filter(|_| on != On::Both);
        if let Some(Entry { script, .. }) = failed {
            if on == On::Limpid {
                let _ = writeln!(text, "Is the script right? limpid drill --against kernel {script}");
            }
            let _ = writeln!(text, "Where do we part?    limpid drill --differential {script}");
        }
        if self.counts().get(Kind::Unsupported) > 0 && !shown_unsupported {
            text.push_str("What is unsupported? --show-unsupported\n");
        }
        text
    }

    /// How the command ends.
    pub(crate) fn verdict(&self, strict: bool) -> Result<(), CliError> {
        let counts = self.counts();
        let all = counts.total();
        let scripts = |n: usize| if all == 1 { "the script".to_owned() } else { format!("{n} of {all} scripts") };
        if counts.failures() > 0 {
            let verb = if counts.failures() == 1 { "does" } else { "do" };
            return Err(CliError::run("drill", format!("{} {verb} not pass", scripts(counts.failures()))));
        }
        let unsupported = counts.get(Kind::Unsupported);
        if strict && unsupported > 0 {
            let verb = if unsupported == 1 { "is" } else { "are" };
            return Err(CliError::run("drill", format!("{} {verb} unsupported, with --strict", scripts(unsupported))));
        }
        Ok(())
    }
}

/// `1.24 s`.
fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}
