//! `docs/conformance.md` is true to the code at least in this: every requirement of RFC 9293's appendix B has a row, and
//! every file and every test that a row names is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The text of all Rust files in a folder.
fn sources(folder: &Path, all: &mut String) {
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            sources(&entry, all);
        } else if entry.extension().is_some_and(|e| e == "rs") {
            all.push_str(&fs::read_to_string(&entry).expect("a source file"));
        }
    }
}

/// What stands between backquotes in a cell.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn the_table_is_whole_and_names_what_exists() {
    let path = root().join("docs/conformance.md");
    if !path.exists() {
        // A packaged crate comes without the workspace's documents.
        return;
    }
    let table = fs::read_to_string(path).expect("the table");
    let mut code = String::new();
    ["tcp", "stack", "wire"].iter().for_each(|name| sources(&root().join("crates").join(name), &mut code));
    let mut ids = BTreeSet::new();
    for row in table.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<_> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        ids.insert(cells[0].to_string());
        for file in cells.iter().flat_map(|cell| quoted(cell)).filter(|q| q.ends_with(".rs")) {
            assert!(root().join("crates").join(file).exists(), "{}: no file {file}", cells[0]);
        }
        for test in quoted(cells.last().expect("a cell")) {
            assert!(code.contains(&format!("fn {test}(")), "{}: no test {test}", cells[0]);
        }
    }
    for (kind, count) in [("MUST", 69), ("SHLD", 31), ("MAY", 18), ("REC", 1)] {
        for number in 1..=count {
            assert!(ids.contains(&format!("{kind}-{number}")), "no row for {kind}-{number}");
        }
    }
}
