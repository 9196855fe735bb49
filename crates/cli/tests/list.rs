//! `limpid list` as its user meets it.

use std::path::PathBuf;
use std::process::{Command, Stdio};

fn list(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_limpid"))
        .arg("list")
        .args(arguments)
        .env("COLUMNS", "120")
        .stdin(Stdio::null())
        .output()
        .expect("limpid runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn article(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/article").join(name);
    path.to_str().expect("a path in UTF-8").to_owned()
}

/// A line, its words one space apart.
fn words(text: &str, line: usize) -> String {
    text.lines().nth(line).unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn one_that_closed() {
    let (code, out, err) = list(&[&article("article-close.pcap")]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert_eq!(words(&out, 1), "1 10.0.0.103:55570 10.0.0.199:6379 +0 s 7.2 s 0 0 6 4 ms client closed");
    assert!(!out.contains("wrong"), "{out}");
}

#[test]
fn one_that_nobody_answered() {
    let (code, out, err) = list(&[&article("article-syn-timeout.pcap"), "--sort", "worst"]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let row = "1 10.0.0.199:56424 10.0.0.103:23 +0 s 16 s 0 0 4 no answer no answer (client) ×5, +1";
    assert_eq!(words(&out, 1), row);
}

#[test]
fn objects_for_scripts() {
    let (code, out, _) = list(&["--json", &article("article-syn-timeout.pcap")]);
    assert_eq!(code, Some(0));
    let object: serde_json::Value = serde_json::from_str(&out).expect("one object");
    assert_eq!(object["client_retransmissions"], 4);
    assert!(object["troubles"].as_str().is_some_and(|troubles| troubles.contains("no answer (client)")), "{object}");
    assert_eq!(object["client_port"], 56424);
}

#[test]
fn what_is_no_capture_is_said_in_a_line() {
    let (code, out, err) = list(&["/dev/null"]);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert_eq!(err.lines().count(), 1, "{err}");
}
