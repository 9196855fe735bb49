//! `limpid lab` as a program: what it prints where, and how it exits.

use std::process::{Command, Output};
use std::time::{Duration, Instant};

fn lab(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_limpid")).arg("lab").args(args).output().expect("limpid runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The one line of an error, and the exit code.
fn error(args: &[&str]) -> (String, Option<i32>) {
    let output = lab(args);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(text.lines().count(), 1, "{text}");
    (text.trim_end().into(), output.status.code())
}

#[test]
fn without_a_name_it_lists() {
    let output = lab(&[]);
    assert!(output.status.success());
    assert!(stdout(&output).contains("\n  handshake "));
}

#[test]
fn what_is_wrong_is_said_in_one_line() {
    for (args, text) in [
        (&["handshak"][..], "limpid: handshak: no such experiment; did you mean 'handshake'?"),
        (&["xyzzy"], "limpid: xyzzy: no such experiment; 'limpid lab' lists them"),
        (
            &["handshake", "--deadline", "3s"],
            "limpid: --deadline: handshake has no such setting; it is one of connect-timeout",
        ),
        (
            &["unreachable", "--peer", "kernel", "--role", "server"],
            "limpid: --role: unreachable can't have Linux as the server; it can have it as the client",
        ),
        (&["handshake", "--role", "client"], "limpid: --role: is the part that Linux plays; add --peer kernel"),
    ] {
        assert_eq!(error(args), (text.into(), Some(2)));
    }
    let (text, code) = error(&["handshake", "--pcap", "/no/such/directory/file"]);
    assert_eq!((text.starts_with("limpid: /no/such/directory/file: "), code), (true, Some(1)), "{text}");
}

#[test]
fn half_a_minute_of_tcp_takes_less_than_a_second() {
    let started = Instant::now();
    let output = lab(&["connect-timeout", "--syn-retries", "4"]);
    assert!(output.status.success(), "{output:?}");
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    let text = stdout(&output);
    assert_eq!(text.matches("Flags [S], ").count(), 5, "{text}");
    assert!(text.contains("ETIMEDOUT"), "{text}");
}

#[test]
fn the_same_seed_prints_the_same() {
    let args = |seed| ["half-close", "--loss", "10%", "--seed", seed, "--lines-only"];
    assert_eq!(lab(&args("7")).stdout, lab(&args("7")).stdout);
    assert_ne!(lab(&args("7")).stdout, lab(&args("8")).stdout);
}

#[test]
fn a_pcapng_says_why_each_packet_was_sent() {
    let directory = std::env::temp_dir().join(format!("limpid-lab-test-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let file = directory.join("handshake.pcapng");
    let output = lab(&["handshake", "--lines-only", "--pcap", file.to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    let bytes = std::fs::read(&file).unwrap();
    let read =
        Command::new(env!("CARGO_BIN_EXE_limpid")).args(["read", "-n"]).arg(&file).env("TZ", "").output().unwrap();
    std::fs::remove_dir_all(&directory).unwrap();
    assert_eq!(stdout(&read), stdout(&output), "the same lines");
    let has = |text: &str| bytes.windows(text.len()).any(|w| w == text.as_bytes());
    assert!(has("client: open") && has("server: answer to SYN"));
}

#[test]
fn a_long_transfer_has_its_packets_in_a_capture() {
    let directory = std::env::temp_dir().join(format!("limpid-lab-long-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let file = directory.join("bbr.pcapng");
    let output = lab(&["bbr", "--pcap", file.to_str().unwrap()]);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let list = Command::new(env!("CARGO_BIN_EXE_limpid")).args(["list", "--json"]).arg(&file).output().unwrap();
    std::fs::remove_dir_all(&directory).unwrap();
    // The packets of the capture, and what the words say of the run.
    let (rows, words) = (stdout(&list), stdout(&output));
    assert_eq!(rows.lines().count(), 1, "one connection: {rows}");
    let sent =
        words.split("The client sent ").nth(1).and_then(|rest| rest.split(" B in ").next()).expect("how much was sent");
    let sent = format!("\"client_bytes\":{},", sent.replace(',', ""));
    assert!(rows.contains(&sent), "{sent} in {rows}");
}

#[test]
fn ascii_means_ascii() {
    let output = lab(&["handshake", "--ascii"]);
    assert!(output.status.success() && output.stdout.is_ascii());
}
