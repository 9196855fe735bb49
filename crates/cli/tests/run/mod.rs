//! `limpid` run as its user runs it.
#![allow(dead_code, reason = "each test program uses some of it")]

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// The command, ready to run: no terminal, nothing on standard input, 100 columns.
pub(crate) fn limpid(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_limpid"));
    command.args(arguments).env("TZ", "UTC").env("COLUMNS", "100").stdin(Stdio::null());
    command
}

/// Exit code, standard output, standard error.
pub(crate) fn texts(output: Output) -> (Option<i32>, String, String) {
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

pub(crate) fn output(arguments: &[&str]) -> (Option<i32>, String, String) {
    texts(limpid(arguments).output().expect("limpid runs"))
}

/// Standard output of a run that is to succeed and to say nothing on standard error.
pub(crate) fn success(arguments: &[&str]) -> String {
    let (code, out, err) = output(arguments);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{arguments:?}");
    out
}

/// Runs with `input` on standard input.
pub(crate) fn with_input(arguments: &[&str], input: &[u8]) -> (Option<i32>, String, String) {
    let mut child = limpid(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("limpid runs");
    // It may stop reading early.
    let _ = child.stdin.take().expect("piped").write_all(input);
    texts(child.wait_with_output().expect("limpid ends"))
}

/// Runs with standard output closed at the other end.
pub(crate) fn with_nobody_reading(arguments: &[&str]) -> (Option<i32>, String) {
    let mut child = limpid(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("limpid runs");
    drop(child.stdout.take());
    let (code, _, err) = texts(child.wait_with_output().expect("limpid ends"));
    (code, err)
}

fn tests(part: &str, name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests").join(part).join(name);
    path.to_str().expect("a path in UTF-8").to_owned()
}

/// A capture of the article's.
pub(crate) fn article(name: &str) -> String {
    tests("article", name)
}

/// A capture of Linux's own TCP.
pub(crate) fn capture(name: &str) -> String {
    tests("captures", name)
}

/// A file of a test's own that goes away with it.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> Scratch {
        Scratch(std::env::temp_dir().join(format!("limpid-test-{}-{name}", std::process::id())))
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().expect("a path in UTF-8")
    }

    pub(crate) fn text(&self) -> String {
        std::fs::read_to_string(&self.0).expect("it was written")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Lines of a text as objects.
pub(crate) fn objects(text: &str) -> Vec<serde_json::Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("an object on each line")).collect()
}

/// Runs with inputs that are no whole captures: what each prints, in lines, and its one line of error.
pub(crate) fn report_of_bad_inputs(command: &str) -> String {
    let whole = std::fs::read(article("article-close.pcap")).expect("bytes");
    let inputs: [(&str, &[u8]); 5] = [
        ("nothing", &[]),
        ("a text", b"this is a text"),
        ("half a gzip header", &[0x1f, 0x8b, 8, 0, 0]),
        ("a capture without packets", &whole[..24]),
        ("a capture cut short by a byte", &whole[..whole.len() - 1]),
    ];
    let mut report = String::new();
    for (what, input) in inputs {
        let (code, out, err) = with_input(&[command, "-"], input);
        assert!(err.lines().count() <= 1, "{what}: {err}");
        let code = code.expect("a code");
        assert_eq!(code == 0, err.is_empty(), "{what}: {err}");
        report += &format!("{what}: {} lines, exit code {code}\n  {}\n", out.lines().count(), err.trim_end());
    }
    report
}
