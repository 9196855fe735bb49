//! `docs/conformance.md` is true to the code at least in this: every requirement of RFC 9293's appendix B has a row, and
//! every file and every test that a row names is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// What a complete modern TCP is made of.
const EVERY_RFC: [&str; 34] = [
    "1191", "2018", "2385", "2883", "3042", "3168", "3465", "3522", "4015", "4821", "5482", "5681", "5682", "5925",
    "5926", "5927", "6069", "6298", "6528", "6582", "6675", "6928", "7323", "7413", "7661", "8201", "8511", "8985",
    "9293", "9406", "9438", "9768", "9937", "5961",
];

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
    ["tcp", "stack", "wire", "lab"].iter().for_each(|name| sources(&root().join("crates").join(name), &mut code));
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

/// A search for an RFC's number finds who implements it, and what is said about it.
#[test]
fn every_rfc_is_found_by_its_number() {
    let Ok(table) = fs::read_to_string(root().join("docs/conformance.md")) else { return };
    let mut code = String::new();
    ["tcp", "stack", "wire"].iter().for_each(|name| sources(&root().join("crates").join(name).join("src"), &mut code));
    let is_row = |line: &&str| line.starts_with("| ") || line.starts_with("## ");
    for rfc in EVERY_RFC {
        assert!(code.contains(&format!("RFC {rfc}")), "no code names RFC {rfc}");
        let said = |line: &str| line.split(|c: char| !c.is_ascii_digit()).any(|number| number == rfc);
        assert!(table.lines().filter(is_row).any(said), "no row about RFC {rfc}");
    }
}
