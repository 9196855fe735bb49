//! Scripts of the collection on this machine's Linux, in real time: true of it, too, or with the reason why not.
//!
//! A few by default: of each folder the shortest, if it is short. All of them with LIMPID_DRILL_FULL=1, which is what
//! `cargo xtask drill --full` sets. One after the other, with a tolerance of 20 ms and up to three tries, because the machine
//! may be busy. Where private networks are closed they are skipped, which says so; LIMPID_REQUIRE_TOOLS=1 makes that a failure.

mod common;

use common::{Entry, collection, complaint};
use limpid_device::namespace::NamespaceError;
use limpid_drill::differential::KERNEL_TOLERANCE;
use limpid_drill::run::{Settings, run};
use limpid_drill::target::kernel::KernelTarget;
use limpid_drill::{Report, Verdict};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Tries of one script.
const TRIES: usize = 3;
/// The longest that a script of the quick selection takes.
const QUICK: Duration = Duration::from_millis(800);

fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| value == "1")
}

/// Of each folder the shortest that is short.
fn quick(scripts: Vec<Entry>) -> Vec<Entry> {
    let mut folders = BTreeMap::<String, Entry>::new();
    for entry in scripts.into_iter().filter(|entry| entry.script.duration() <= QUICK && entry.differs.is_none()) {
        let folder = entry.folder().to_owned();
        if folders.get(&folder).is_none_or(|shortest| entry.script.duration() < shortest.script.duration()) {
            folders.insert(folder, entry);
        }
    }
    folders.into_values().collect()
}

fn once(entry: &Entry) -> Result<Report, NamespaceError> {
    let settings = Settings::default().with_default(&entry.script, KERNEL_TOLERANCE);
    let mut target = KernelTarget::new(&entry.network(&settings))?;
    Ok(run(&entry.script, &settings, &mut target))
}

/// What is wrong, if anything is.
fn check(entry: &Entry) -> Result<Option<String>, NamespaceError> {
    let mut complaints = Vec::new();
    for _ in 0..TRIES {
        let report = once(entry)?;
        match (&report.verdict, &entry.differs) {
            (Verdict::Fail(_), Some(_)) | (Verdict::Pass, None) => return Ok(None),
            // What a machine's kernel was built without is not the script's fault.
            (Verdict::Unsupported { .. }, _) => {
                println!("{}", complaint(entry, &report));
                return Ok(None);
            }
            (_, Some(why)) => complaints.push(format!("{}: should differ ({why})", complaint(entry, &report))),
            (_, None) => complaints.push(complaint(entry, &report)),
        }
    }
    Ok(complaints.pop())
}

/// On a thread of its own, which is in one private network after the other.
fn failures(scripts: Vec<Entry>) -> Result<Vec<String>, NamespaceError> {
    let run = move || scripts.iter().filter_map(|entry| check(entry).transpose()).collect();
    std::thread::spawn(run).join().expect("a run that does not panic")
}

#[test]
fn scripts_are_true_of_linux() {
    let scripts: Vec<Entry> = collection().into_iter().filter(|entry| entry.limpid_only.is_none()).collect();
    let scripts = if is_set("LIMPID_DRILL_FULL") { scripts } else { quick(scripts) };
    let (count, begin) = (scripts.len(), Instant::now());
    match failures(scripts) {
        Ok(failures) => {
            println!("{count} scripts in {:.1?}", begin.elapsed());
            assert!(failures.is_empty(), "{} of {count} failed:\n{}", failures.len(), failures.join("\n"));
        }
        Err(error) if !is_set("LIMPID_REQUIRE_TOOLS") => println!("skipped: {error}"),
        Err(error) => panic!("{error}"),
    }
}
