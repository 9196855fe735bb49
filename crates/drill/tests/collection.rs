//! Every script of the collection on our stack, in virtual time.

mod common;

use common::{Entry, collection, complaint};
use limpid_drill::Verdict;
use limpid_drill::run::{Settings, run};
use limpid_drill::target::{OurTarget, Segments};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// For the stack's secrets: no script depends on it.
const SEED: u64 = 1;

/// What went wrong with each script that did not pass, by name.
fn failures(scripts: &[Entry], settings: &Settings, segments: Segments) -> BTreeMap<String, String> {
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    let worker = || {
        while let Some(entry) = scripts.get(next.fetch_add(1, Ordering::Relaxed)) {
            let mut target = OurTarget::over(&entry.network(settings), SEED, segments).unwrap();
            let report = run(&entry.script, settings, &mut target);
            if report.verdict != Verdict::Pass {
                failures.lock().unwrap().insert(entry.name.clone(), complaint(entry, &report));
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(worker))));
    failures.into_inner().unwrap()
}

fn check(scripts: &[Entry], settings: &Settings, segments: Segments) {
    let begin = Instant::now();
    let failures: Vec<String> = failures(scripts, settings, segments).into_values().collect();
    println!("{} scripts in {:.2?}", scripts.len(), begin.elapsed());
    assert!(failures.is_empty(), "{} of {} failed:\n{}", failures.len(), scripts.len(), failures.join("\n"));
}

/// The scripts that do not choose a version themselves.
fn of_any_version() -> Vec<Entry> {
    let chooses = |entry: &Entry| entry.script.options.iter().any(|option| option.name == "ip_version");
    collection().into_iter().filter(|entry| !chooses(entry)).collect()
}

fn with(options: &[(&str, &str)]) -> Settings {
    let option = |(name, value): &(&str, &str)| ((*name).to_owned(), Some((*value).to_owned()));
    Settings { options: options.iter().map(option).collect(), ..Settings::default() }
}

#[test]
fn every_script_passes_on_our_stack() {
    check(&collection(), &Settings::default(), Segments::Own);
}

/// Who cuts super-segments is nothing that a script could see.
#[test]
fn every_script_passes_behind_a_device_that_cuts_super_segments() {
    check(&collection(), &Settings::default(), Segments::Cut);
}

#[test]
fn every_script_passes_with_sockets_for_both_versions() {
    let scripts: Vec<Entry> = of_any_version().into_iter().filter(|entry| entry.v4_sockets_only.is_none()).collect();
    check(&scripts, &with(&[("ip_version", "ipv4-mapped-ipv6")]), Segments::Own);
}

#[test]
fn every_script_passes_with_ipv6() {
    let of_v4 = |entry: &Entry| entry.v4_only.is_some() || entry.v4_sockets_only.is_some();
    let scripts: Vec<Entry> = of_any_version().into_iter().filter(|entry| !of_v4(entry)).collect();
    // The MSS is then that of IPv4 with 1500.
    check(&scripts, &with(&[("ip_version", "ipv6"), ("mtu", "1520")]), Segments::Own);
}
