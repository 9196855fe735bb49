//! Results as JUnit's XML: a suite for each folder.

use super::play::Kind;
use super::tally::{Counts, Entry, Tally};
use crate::error::{CliError, plain};
use std::fmt::Write as _;
use std::fs::File;
use std::path::{Path, PathBuf};

/// The file, opened before a run.
pub(super) fn create(path: &Path) -> Result<(PathBuf, File), CliError> {
    let file = File::create(path)
        .map_err(|error| CliError::run(path.display(), plain(&error)).hint("give a file that can be written"))?;
    Ok((path.to_owned(), file))
}

/// The report.
pub(super) fn text(tally: &Tally) -> String {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(xml, "<testsuites {}>", attributes(&tally.counts(), tally.elapsed.as_secs_f64()));
    for (folder, entries) in tally.folders() {
        let counts = Counts::of(entries.iter().copied());
        let seconds = entries.iter().map(|entry| entry.elapsed.as_secs_f64()).sum();
        let _ = writeln!(xml, "  <testsuite name=\"{}\" {}>", escaped(folder), attributes(&counts, seconds));
        entries.into_iter().for_each(|entry| case(&mut xml, folder, entry));
        xml.push_str("  </testsuite>\n");
    }
    xml + "</testsuites>\n"
}

fn attributes(counts: &Counts, seconds: f64) -> String {
    let errors = counts.get(Kind::Invalid) + counts.get(Kind::Broken);
    let (failures, skipped) = (counts.get(Kind::Fail), counts.get(Kind::Unsupported));
    let total = counts.total();
    format!("tests=\"{total}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\" time=\"{seconds:.6}\"")
}

fn case(xml: &mut String, folder: &str, entry: &Entry) {
    let name = entry.name.strip_prefix(folder).unwrap_or(&entry.name).trim_start_matches('/');
    let _ = write!(
        xml,
        "    <testcase name=\"{}\" classname=\"{}\" time=\"{:.6}\"",
        escaped(name),
        escaped(folder),
        entry.elapsed.as_secs_f64()
    );
    let element = match entry.kind {
        Kind::Pass => {
            xml.push_str("/>\n");
            return;
        }
        Kind::Fail => "failure",
        Kind::Unsupported => "skipped",
        Kind::Invalid | Kind::Broken => "error",
    };
    let why = entry.why.as_deref().unwrap_or_default();
    let _ = write!(xml, "><{element} message=\"{}\"", escaped(why));
    let end = if entry.details.is_empty() { "/>" } else { &format!(">{}</{element}>", escaped(&entry.details)) };
    let _ = writeln!(xml, "{end}</testcase>");
}

/// Text inside XML; characters that XML can't carry become U+FFFD.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\r' => escaped.push(' '),
            '\t' | '\n' => escaped.push(c),
            c if c < ' ' && c != '\n' && c != '\t' || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}
