//! Captures that come through pipes: read once, and passed on as they come.

mod run;

use run::{capture, limpid, success, with_input};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;

/// A pipe by a file's name, as a shell's `<(zcat x)` is, is not to be had twice.
#[test]
fn a_pipe_with_a_name_is_read_once() {
    let file = capture("loss.pcap");
    let whole = std::fs::read(&file).expect("bytes");
    for arguments in [&["explain"][..], &["draw", "--format", "txt", "-o", "-"]] {
        let by = |name: &'static str| with_input(&[arguments, &[name]].concat(), &whole);
        let (code, out, err) = by("/dev/stdin");
        assert_eq!((code, err.as_str()), (Some(0), ""), "{arguments:?}");
        assert_eq!(out.replace("stdin", "standard input"), by("-").1, "{arguments:?}");
        assert!(out.lines().count() > 5, "{out}");
    }
}

/// While the pipe stays open: what came through it is there, and as pcapng too.
#[test]
fn what_came_is_passed_on_at_once() {
    let file = capture("loss.pcap");
    let whole = std::fs::read(&file).expect("bytes");
    let lines = success(&["read", "-n", &file]);
    let mut watch = limpid(&["watch", "-r", "-", "-w", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("limpid runs");
    let packets = watch.stdout.take().expect("piped");
    let mut read =
        limpid(&["read", "-l", "-n", "-"]).stdin(packets).stdout(Stdio::piped()).spawn().expect("limpid runs");
    let mut input = watch.stdin.take().expect("piped");
    input.write_all(&whole).expect("it reads");
    let mut shown = BufReader::new(read.stdout.take().expect("piped"));
    for expected in lines.lines() {
        let mut line = String::new();
        shown.read_line(&mut line).expect("a line");
        assert_eq!(line.trim_end_matches('\n'), expected);
    }
    drop(input);
    let mut rest = String::new();
    shown.read_to_string(&mut rest).expect("text");
    assert_eq!(rest, "");
    assert!(watch.wait().expect("it ends").success() && read.wait().expect("it ends").success());
}

/// Nothing has come yet: a signal ends it all the same.
#[test]
fn a_silent_pipe_can_be_left() {
    let mut watch = limpid(&["watch", "--lines", "-r", "-"]).stdin(Stdio::piped()).spawn().expect("limpid runs");
    let pid = rustix::process::Pid::from_child(&watch);
    for _ in 0..100 {
        // It may not have begun to run yet. SIGINT is ignored by what a script has put into the background.
        std::thread::sleep(std::time::Duration::from_millis(50));
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        if watch.try_wait().expect("it can be asked").is_some() {
            return;
        }
    }
    let _ = watch.kill();
    panic!("it went on");
}
