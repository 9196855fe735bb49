//! Counts the instructions of the hot paths by callgrind, and tells what changed since they were last written down.
//!
//! Counts are the same on a busy machine, but not with another compiler: then the comparison says so. What is counted is the
//! difference between a run and one twice as long, so that start-up is not in it.

use crate::{cargo, is_installed, run};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the counts are kept.
const KEPT: &str = "crates/stack/benches/hot_paths.counts";
/// Segments and connections of the shorter run.
const SEGMENTS: u64 = 8_000;
const CONNECTIONS: u64 = 200;
/// A path whose count changes by more than so many percent is told of, with the functions that did it.
const TOLD: f64 = 2.0;
/// Functions that are kept, and that are told for a path.
const FUNCTIONS_KEPT: usize = 80;
const FUNCTIONS_TOLD: usize = 5;

/// The functions of `benches/hot_paths.rs` that are paths, with what one of each is.
const PATHS: [(&str, u64, &str); 7] = [
    ("write", SEGMENTS, "write a segment's data"),
    ("send", SEGMENTS, "send a segment"),
    ("receive", SEGMENTS, "receive a segment in order"),
    ("read", SEGMENTS, "read its data"),
    ("send_ack", SEGMENTS / 2, "send an ACK"),
    ("receive_ack", SEGMENTS / 2, "receive an ACK"),
    ("connect_and_close", CONNECTIONS, "connect and close, both ends"),
];

/// Instructions by path (one of each) and by function (the whole difference of both runs).
#[derive(Default)]
struct Counts {
    compiler: String,
    paths: BTreeMap<String, u64>,
    functions: BTreeMap<String, u64>,
}

/// Counts, compares and prints; with `update`, writes the counts down.
pub(crate) fn count(update: bool) -> bool {
    if !is_installed("valgrind") {
        println!("skipped: valgrind, which counts instructions, is not installed (`cargo xtask setup` installs it)");
        return std::env::var_os("LIMPID_REQUIRE_TOOLS").is_none();
    }
    let now = match measure() {
        Ok(counts) => counts,
        Err(error) => {
            eprintln!("counting instructions: {error}");
            return false;
        }
    };
    let before = std::fs::read_to_string(KEPT).map(|text| Counts::parse(&text)).unwrap_or_default();
    print!("{}", compare(&before, &now));
    if !update {
        return true;
    }
    let written = std::fs::write(KEPT, now.to_text());
    if let Err(error) = &written {
        eprintln!("{KEPT}: {error}");
    }
    written.is_ok()
}

fn measure() -> Result<Counts, String> {
    let build = ["build", "--release", "--quiet", "--package", "limpid-stack", "--bench", "hot_paths"];
    let output = cargo(&build).arg("--message-format=json").output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(format!("the paths can't be built\n{}", String::from_utf8_lossy(&output.stderr)));
    }
    let program = executable(&String::from_utf8_lossy(&output.stdout)).ok_or("cargo names no program that it built")?;
    let short = callgrind(&program, SEGMENTS, CONNECTIONS)?;
    let long = callgrind(&program, 2 * SEGMENTS, 2 * CONNECTIONS)?;
    let compiler = Command::new("rustc").arg("--version").output().map_err(|error| error.to_string())?;
    let compiler = String::from_utf8_lossy(&compiler.stdout).trim().to_owned();
    let grown = |which: fn(&Profile) -> &BTreeMap<String, u64>, name: &str| {
        let of = |profile| which(profile).get(name).copied().unwrap_or(0);
        of(&long).saturating_sub(of(&short))
    };
    let mut counts = Counts { compiler, ..Counts::default() };
    for (path, times, _) in PATHS {
        let total = grown(|profile| &profile.inclusive, &format!("hot_paths::{path}"));
        if total == 0 {
            return Err(format!("callgrind saw nothing of {path}"));
        }
        counts.paths.insert(path.to_owned(), total / times);
    }
    let mut functions: Vec<(String, u64)> =
        long.own.keys().map(|name| (name.clone(), grown(|profile| &profile.own, name))).collect();
    functions.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts.functions = functions.into_iter().take(FUNCTIONS_KEPT).collect();
    Ok(counts)
}

/// The program that cargo's messages name.
fn executable(messages: &str) -> Option<PathBuf> {
    let at = messages.rfind("\"executable\":\"")? + "\"executable\":\"".len();
    let path = &messages[at..];
    Some(PathBuf::from(&path[..path.find('"')?]))
}

/// Instructions by function: its own, and with all that it calls.
struct Profile {
    own: BTreeMap<String, u64>,
    inclusive: BTreeMap<String, u64>,
}

fn callgrind(program: &Path, segments: u64, connections: u64) -> Result<Profile, String> {
    let file = std::env::temp_dir().join(format!("limpid-hot-paths-{}", std::process::id()));
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args(["--quiet", "--tool=callgrind"])
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(program)
        .args([segments.to_string(), connections.to_string()]);
    if !run(&mut valgrind) {
        return Err("valgrind failed".to_owned());
    }
    let annotate = |inclusive: &str| {
        let output = Command::new("callgrind_annotate")
            .args(["--show-percs=no", "--threshold=100", "--auto=no", inclusive])
            .arg(&file)
            .output()
            .map_err(|error| format!("callgrind_annotate: {error}"))?;
        Ok::<_, String>(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    // With what it calls, a function of which parts stand in several files is named for each: the largest counts all.
    let profile = Profile {
        own: by_function(&annotate("--inclusive=no")?, |sum, count| sum + count),
        inclusive: by_function(&annotate("--inclusive=yes")?, u64::max),
    };
    let _ = std::fs::remove_file(&file);
    Ok(profile)
}

/// Joins the lines `1,234  file:function [object]` of each function.
fn by_function(text: &str, join: fn(u64, u64) -> u64) -> BTreeMap<String, u64> {
    let mut functions = BTreeMap::new();
    for line in text.lines() {
        let Some((count, place)) = line.trim().split_once("  ") else { continue };
        let Ok(count) = count.replace(',', "").parse::<u64>() else { continue };
        let place = place.split(" [").next().unwrap_or(place);
        // The file's name ends in the first colon that stands alone.
        let single = place.match_indices(':').find(|(at, _)| {
            let around = [at.checked_sub(1), Some(at + 1)];
            around.into_iter().flatten().all(|at| place.as_bytes().get(at) != Some(&b':'))
        });
        let Some((at, _)) = single else { continue };
        let entry = functions.entry(place[at + 1..].to_owned()).or_insert(0);
        *entry = join(*entry, count);
    }
    functions
}

impl Counts {
    /// Reads lines `path NAME COUNT`, `function COUNT NAME` and the compiler's; what is something else is left out.
    fn parse(text: &str) -> Counts {
        let mut counts = Counts::default();
        for line in text.lines() {
            let mut words = line.splitn(3, ' ');
            match (words.next(), words.next(), words.next()) {
                (Some("compiler"), Some(name), Some(rest)) => counts.compiler = format!("{name} {rest}"),
                (Some(kind @ ("path" | "function")), Some(count), Some(name)) => {
                    let Ok(count) = count.parse() else { continue };
                    let map = if kind == "path" { &mut counts.paths } else { &mut counts.functions };
                    map.insert(name.to_owned(), count);
                }
                _ => {}
            }
        }
        counts
    }

    fn to_text(&self) -> String {
        let mut text = String::from("# Instructions on the hot paths, written by `cargo xtask count --update`.\n");
        let _ = writeln!(text, "compiler {}", self.compiler);
        for (name, count) in &self.paths {
            let _ = writeln!(text, "path {count} {name}");
        }
        for (name, count) in &self.functions {
            let _ = writeln!(text, "function {count} {name}");
        }
        text
    }
}

/// The table, and below it the functions that made paths grow or shrink.
fn compare(before: &Counts, now: &Counts) -> String {
    let mut text = String::new();
    if before.compiler != now.compiler && !before.compiler.is_empty() {
        let _ = writeln!(
            text,
            "counted with {} before and {} now: that alone changes counts",
            before.compiler, now.compiler
        );
    }
    let mut changed = false;
    for (path, _, what) in PATHS {
        let count = now.paths.get(path).copied().unwrap_or(0);
        let Some(&was) = before.paths.get(path) else {
            let _ = writeln!(text, "{what:<30} {count:>7} instructions");
            continue;
        };
        let percent = (count as f64 / was as f64 - 1.0) * 100.0;
        let told = percent.abs() > TOLD;
        changed |= told;
        let mark = if told { "  CHANGED" } else { "" };
        let _ = writeln!(text, "{what:<30} {count:>7} instructions, {was:>7} before, {percent:+.1} %{mark}");
    }
    if changed {
        let change = |name: &String| {
            let of = |counts: &Counts| counts.functions.get(name).copied().unwrap_or(0) as i64;
            of(now) - of(before)
        };
        let mut functions: Vec<(i64, &String)> =
            now.functions.keys().chain(before.functions.keys()).map(|name| (change(name), name)).collect();
        functions.sort_by_key(|(change, name)| (std::cmp::Reverse(change.abs()), *name));
        functions.dedup();
        let _ = writeln!(text, "by function, in {SEGMENTS} segments and {CONNECTIONS} connections:");
        for (change, name) in functions.into_iter().filter(|(change, _)| *change != 0).take(FUNCTIONS_TOLD) {
            let _ = writeln!(text, "{change:>+12}  {name}");
        }
        let _ = writeln!(text, "if that is meant: `cargo xtask count --update` writes it down");
    }
    text
}

#[cfg(test)]
mod tests;
