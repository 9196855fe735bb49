//! The collection, `tests/packetdrill/` in the project's root, and what the heads of its scripts say.
//!
//! A script's head is the comment lines that it begins with. Four of them mean something here:
//!
//! * `// differs: why` – on Linux it fails, and why we do otherwise. The run on Linux must then fail.
//! * `// limpid only: why` – on Linux it is not run.
//! * `// IPv4 only: why` – it is not played with IPv6.
//! * `// IPv4 sockets only: why` – nor with sockets of IPv6 that IPv4 is spoken on.

// Each test uses a part of it.
#![allow(dead_code)]

use limpid_drill::parse::{Definitions, parse};
use limpid_drill::run::Settings;
use limpid_drill::script::Script;
use limpid_drill::target::Network;
use limpid_drill::{Report, Verdict};
use std::fs;
use std::path::{Path, PathBuf};

/// A script of the collection.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Its path below the collection, as `close/active.pkt`.
    pub(crate) name: String,
    pub(crate) script: Script,
    /// Why Linux does otherwise.
    pub(crate) differs: Option<String>,
    /// Why it says nothing of Linux.
    pub(crate) limpid_only: Option<String>,
    /// Why it says nothing of IPv6.
    pub(crate) v4_only: Option<String>,
    /// Why it says nothing of sockets of IPv6, whatever is spoken on them.
    pub(crate) v4_sockets_only: Option<String>,
}

/// All scripts, in the order of their names.
pub(crate) fn collection() -> Vec<Entry> {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/packetdrill"));
    let mut paths = Vec::new();
    walk(&root, &mut paths);
    paths.sort();
    assert!(!paths.is_empty(), "no scripts in {}", root.display());
    paths.iter().map(|path| Entry::read(&root, path)).collect()
}

fn walk(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "pkt") {
            paths.push(path);
        }
    }
}

impl Entry {
    fn read(root: &Path, path: &Path) -> Entry {
        let name = path.strip_prefix(root).unwrap().display().to_string();
        let text = fs::read_to_string(path).unwrap();
        let script = parse(&text, &Definitions::default()).unwrap_or_else(|error| panic!("{name}:{error}"));
        let head = |word: &str| {
            let comments = text.lines().map_while(|line| line.trim().strip_prefix("//"));
            comments.filter_map(|line| line.trim().strip_prefix(word)).map(|why| why.trim().to_owned()).next()
        };
        let [differs, limpid_only] = ["differs:", "limpid only:"].map(head);
        let [v4_only, v4_sockets_only] = ["IPv4 only:", "IPv4 sockets only:"].map(head);
        assert!(
            [&differs, &limpid_only, &v4_only, &v4_sockets_only].iter().all(|why| why.as_deref() != Some("")),
            "{name}: no reason is given"
        );
        Entry { name, script, differs, limpid_only, v4_only, v4_sockets_only }
    }

    /// The folder it is in.
    pub(crate) fn folder(&self) -> &str {
        self.name.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// The network it is played in.
    pub(crate) fn network(&self, settings: &Settings) -> Network {
        Network::of(&self.script, settings).unwrap_or_else(|verdict| panic!("{}: {verdict}", self.name))
    }
}

/// What there is to say of a run that did not go as it should.
pub(crate) fn complaint(entry: &Entry, report: &Report) -> String {
    let mut text = format!("{}: {}", entry.name, report.verdict);
    if let Verdict::Fail(failure) = &report.verdict {
        for (what, line) in [("expected", &failure.expected), ("actual", &failure.actual)] {
            if let Some(line) = line {
                text.push_str(&format!("\n    {what}: {line}"));
            }
        }
    }
    text
}
