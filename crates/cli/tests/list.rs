//! `limpid list` as its user meets it.

mod run;

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

/// A script that reads the rows has to know that there are not all of them.
#[test]
fn rows_that_are_too_many_are_told_of() {
    const MOST: u32 = 200_000;
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 101] {
        file.extend(word.to_le_bytes());
    }
    // A SYN of each client, a microsecond apart.
    for n in 0..MOST + 7 {
        for word in [1_700_000_000, n, 40, 40] {
            file.extend(word.to_le_bytes());
        }
        file.extend([0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0]);
        file.extend((0x0a01_0000 + n).to_be_bytes());
        file.extend([10, 0, 0, 2, 0x9c, 0x40, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0, 0]);
    }
    let (code, out, err) = run::with_input(&["list", "--json", "--sort", "first", "-"], &file);
    assert_eq!((code, out.lines().count()), (Some(0), MOST as usize), "{err}");
    assert!(err.contains("only 200000 connections are listed, 7 more are not"), "{err}");
    // As they end all of them come, for none is held.
    let (code, out, err) = run::with_input(&["list", "--json", "-"], &file);
    assert_eq!((code, out.lines().count()), (Some(0), MOST as usize + 7), "{err}");
}

#[test]
fn what_is_wrong_is_whole_where_the_screen_is_narrow() {
    let loss = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/captures/loss.pcap");
    let mut command = Command::new(env!("CARGO_BIN_EXE_limpid"));
    let output = command.arg("list").arg(loss).env("COLUMNS", "40").output().expect("it runs");
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(text.lines().all(|line| line.chars().count() <= 40), "{text}");
    assert!(text.contains("\n   losses (client) ×7\n"), "{text}");
}
