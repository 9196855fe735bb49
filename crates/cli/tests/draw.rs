//! `limpid draw` and `limpid lab -o`, as a user has them: all pictures of all kinds, and what goes wrong.

use limpid_lab::experiment::{Picture, Settings};
use limpid_lab::experiments::ALL;
use limpid_scope::graph::{self, Graph};
use limpid_scope::ladder::svg::{self, Spacing, SvgOptions};
use limpid_scope::ladder::{LadderOptions, lay_out};
use limpid_scope::overview::{self, Overview};
use limpid_scope::picture::{Theme, png};
use limpid_scope::timeline::{self, Timeline};
use limpid_scope::trace::Trace;
use limpid_scope::verdict;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn limpid(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_limpid")).args(args).output().expect("limpid runs")
}

fn captures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests")
}

/// A directory of its own, which goes when the test ends well.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("limpid-draw-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a directory");
        Scratch(path)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    fn names(&self) -> Vec<String> {
        let files = std::fs::read_dir(&self.0).expect("it is there");
        let mut names: Vec<String> =
            files.map(|file| file.expect("a file").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}

fn succeeds(args: &[&str]) -> String {
    let output = limpid(args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// The error of a run that fails with this code.
fn fails(args: &[&str], code: i32) -> String {
    let output = limpid(args);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    let error = String::from_utf8(output.stderr).expect("text");
    assert_eq!(error.lines().count(), 1, "{error}");
    error
}

#[test]
fn every_experiment_can_be_read() {
    for experiment in ALL.iter().filter(|experiment| experiment.picture == Picture::Ladder) {
        for run in (experiment.run)(&Settings::default()).expect("it runs") {
            let ladders = lay_out(&run.trace, &LadderOptions::default());
            // As wide as a file, and as narrow as on a page.
            for (spacing, width) in [(Spacing::True, 1100.0), (Spacing::Even, 1100.0), (Spacing::True, 640.0)] {
                let options = SvgOptions { spacing, width, title: experiment.name.into(), ..SvgOptions::default() };
                let drawing = svg::draw(&ladders, &verdict::groups(&run.trace), &options);
                let faults = drawing.illegible();
                assert!(faults.is_empty(), "{} {}, {width} px: {faults:#?}", experiment.name, run.title);
                let document = drawing.document(Theme::Light);
                png::render(&document, 0.1).unwrap_or_else(|error| panic!("{}: {error}", experiment.name));
            }
        }
    }
}

/// What can't be read in state timelines, overview and graphs of a trace, as wide as a file and as narrow as on a page.
fn faults_over_time(trace: &Trace) -> Vec<String> {
    let ladders = lay_out(trace, &LadderOptions::default());
    let timelines: Vec<(Option<&str>, Timeline)> =
        ladders.iter().map(|ladder| (ladder.caption.as_deref(), Timeline::of(ladder))).collect();
    let timelines: Vec<(Option<&str>, &Timeline)> = timelines.iter().map(|(c, timeline)| (*c, timeline)).collect();
    let graphs: Vec<Graph> =
        graph::of_connections(trace, graph::Show::All, 16).into_iter().flatten().chain(graph::lay_out(trace)).collect();
    let mut faults = Vec::new();
    for width in [1100.0, 640.0] {
        let overview = overview::of_trace(trace);
        let graph = graph::svg::SvgOptions { width, ..graph::svg::SvgOptions::default() };
        for (what, found) in [
            ("states", timeline::draw_all(&timelines, "states", width).illegible()),
            ("overview", overview::draw(&overview, "overview", width).illegible()),
            ("graphs", graph::svg::illegible(&graphs, &graph)),
        ] {
            faults.extend(found.into_iter().map(|fault| format!("{what}, {width} px: {fault}")));
        }
    }
    faults
}

#[test]
fn every_experiment_can_be_read_over_time() {
    for experiment in ALL {
        for run in (experiment.run)(&Settings::default()).expect("it runs") {
            let faults = faults_over_time(&run.trace);
            assert!(faults.is_empty(), "{} {}: {faults:#?}", experiment.name, run.title);
        }
    }
}

/// What was captured when it arrived has left before, by an estimate; its line is of the capture all the same.
#[test]
fn what_the_pointer_shows_is_what_read_prints() {
    let scratch = Scratch::new("lines");
    // The last one is cut by a snap length, and too long for a ladder that draws each.
    let both: &[&str] = &["svg", "html"];
    for (name, formats) in [("article/article-close", both), ("captures/redis", both), ("captures/loss", &["html"])] {
        let file = captures().join(format!("{name}.pcap")).display().to_string();
        for format in formats {
            let out = scratch.file(&format!("lines.{format}"));
            succeeds(&["draw", &file, "-o", &out]);
            let drawn = std::fs::read_to_string(&out).expect("it was written");
            for line in succeeds(&["read", "-n", &file]).lines() {
                // From the part of a second on: the hour is the reader's.
                let line = line[8..].replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
                assert!(drawn.contains(&line), "{name}, {format}: {line}");
            }
        }
    }
}

#[test]
fn every_capture_is_drawn_in_every_format() {
    let scratch = Scratch::new("formats");
    for name in ["article/article-close", "article/article-syn-timeout", "captures/redis", "captures/iperf3"] {
        let file = captures().join(format!("{name}.pcap")).display().to_string();
        let stem = name.rsplit('/').next().expect("a name");
        for format in ["svg", "html", "txt", "mmd"] {
            for what in ["ladder", "states", "graph", "overview"] {
                if format == "mmd" && what != "ladder" {
                    continue;
                }
                let out = scratch.file(&format!("{stem}-{what}.{format}"));
                succeeds(&["draw", &file, "-c", "1", "--what", what, "-o", &out]);
                let text = std::fs::read_to_string(&out).expect("it was written");
                let begins = match format {
                    "svg" => "<svg xmlns",
                    "html" => "<!doctype html>",
                    "mmd" => "---\ntitle: ",
                    _ => "",
                };
                assert!(text.starts_with(begins) && text.len() > 100, "{out}");
            }
        }
    }
    let close = captures().join("article/article-close.pcap").display().to_string();
    let out = scratch.file("close.png");
    succeeds(&["draw", &close, "-o", &out, "--dark", "--width", "640"]);
    assert!(std::fs::read(out).expect("it was written").starts_with(b"\x89PNG"));
}

#[test]
fn connections_get_a_file_each_and_standard_input_is_read() {
    let scratch = Scratch::new("each");
    let iperf = captures().join("captures/iperf3.pcap").display().to_string();
    succeeds(&["draw", &iperf, "-o", &scratch.file("x.svg")]);
    assert_eq!(scratch.names(), ["x-1.svg", "x-2.svg"]);
    let error = fails(&["draw", &iperf, "-o", "-", "--format", "svg"], 2);
    assert!(error.contains("there are 2 pictures"), "{error}");
    let one = succeeds(&["draw", &iperf, "-c", "2", "--format", "svg", "-o", "-"]);
    succeeds(&["draw", &iperf, "-c", "2", "-o", &scratch.file("only.svg")]);
    assert_eq!(one, std::fs::read_to_string(scratch.file("only.svg")).expect("it was written"));
    // How far away a host is, all of its connections tell that are read: of standard input that is all.
    let one = std::fs::read_to_string(scratch.file("x-2.svg")).expect("it was written");
    let input = std::fs::File::open(&iperf).expect("it is there");
    let mut command = Command::new(env!("CARGO_BIN_EXE_limpid"));
    let piped =
        command.args(["draw", "-", "-c", "2", "--format", "svg", "-o", "-"]).stdin(input).output().expect("it runs");
    let piped = String::from_utf8(piped.stdout).expect("text");
    assert_eq!(piped.replace("standard input", "iperf3.pcap"), one);
}

#[test]
fn what_engines_told_is_drawn_of_their_captures() {
    let scratch = Scratch::new("told");
    let (pcap, direct, read) = (scratch.file("x.pcapng"), scratch.file("a.txt"), scratch.file("b.txt"));
    succeeds(&["lab", "half-close", "--pcap", &pcap, "-o", &direct]);
    succeeds(&["draw", &pcap, "-o", &read]);
    let body = |path: &str| {
        let text = std::fs::read_to_string(path).expect("it was written");
        let body = text.split_once("\n\n").expect("a title").1;
        // An experiment's applications say more than a TCP knows of them.
        let told = body.lines().map(|line| if line.contains('●') { "●" } else { line });
        told.collect::<Vec<_>>().join("\n")
    };
    assert_eq!(body(&direct), body(&read));
}

#[test]
fn damage_is_told_and_leaves_no_half_picture() {
    let scratch = Scratch::new("damage");
    let out = scratch.file("x.svg");
    let write = |name: &str, bytes: &[u8]| {
        let path = scratch.file(name);
        std::fs::write(&path, bytes).expect("it is written");
        path
    };
    let whole = std::fs::read(captures().join("article/article-close.pcap")).expect("it is there");
    fails(&["draw", &write("empty", b""), "-o", &out], 1);
    fails(&["draw", &write("garbage", &[0x5a; 4096]), "-o", &out], 1);
    fails(&["draw", &write("headers", &whole[..24]), "-o", &out], 1);
    assert_eq!(scratch.names(), ["empty", "garbage", "headers"]);
    // What stands before the damage is drawn.
    let error = fails(&["draw", &write("truncated", &whole[..300]), "-o", &out], 1);
    assert!(error.contains("truncated"), "{error}");
    let drawn = std::fs::read_to_string(&out).expect("it was written");
    assert!(drawn.ends_with("</svg>\n") && drawn.contains("the file is damaged"), "the picture says so");
    let close = captures().join("article/article-close.pcap").display().to_string();
    fails(&["draw", &close], 2);
    fails(&["draw", &close, "-o", &scratch.file("x.gif")], 2);
    fails(&["draw", &close, "-c", "9", "-o", &out], 1);
    fails(&["draw", &close, "-o", &scratch.file("none/x.svg")], 1);
}

/// SYN and reset of `count` connections, as a capture of raw IP.
fn refused(count: u32) -> Vec<u8> {
    let mut file = Vec::new();
    for field in [0xa1b2_c3d4u32, 0x0004_0002, 0, 0, 65_535, 101] {
        file.extend_from_slice(&field.to_le_bytes());
    }
    for n in 0..count {
        let client = [10, 0, (n >> 8) as u8, n as u8];
        let port = 1024 + (n % 60_000) as u16;
        for (from, to, ports, flags, seq, ack, micros) in [
            (client, [10, 9, 9, 9], [port, 443], 0x02u8, n, 0, n),
            ([10, 9, 9, 9], client, [443, port], 0x14, 0, n + 1, n + 400),
        ] {
            let mut packet = vec![0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0];
            packet.extend_from_slice(&from);
            packet.extend_from_slice(&to);
            ports.iter().for_each(|port: &u16| packet.extend_from_slice(&port.to_be_bytes()));
            packet.extend_from_slice(&u32::to_be_bytes(seq));
            packet.extend_from_slice(&u32::to_be_bytes(ack));
            packet.extend_from_slice(&[0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
            for field in [1_700_000_000 + micros / 1_000_000, micros % 1_000_000, 40, 40] {
                file.extend_from_slice(&field.to_le_bytes());
            }
            file.extend_from_slice(&packet);
        }
    }
    file
}

#[test]
fn ten_thousand_connections_fit_on_a_page() {
    let scratch = Scratch::new("many");
    let (pcap, out) = (scratch.file("many.pcap"), scratch.file("x.svg"));
    std::fs::write(&pcap, refused(10_000)).expect("it is written");
    succeeds(&["draw", &pcap, "-o", &out]);
    let text = std::fs::read_to_string(&out).expect("it was written");
    assert!(text.contains("10,000 connections") && text.len() < 300_000, "{} bytes", text.len());
    let error = fails(&["draw", &pcap, "--what", "ladder", "-o", &out], 2);
    assert!(error.contains("too many"), "{error}");
    succeeds(&["draw", &pcap, "-c", "9999", "-o", &out]);
    assert!(std::fs::read_to_string(&out).expect("it was written").contains("connection 9999 of 10000"));
}

#[test]
fn a_flood_is_drawn_together_and_fits_a_png() {
    let scratch = Scratch::new("flood");
    succeeds(&["lab", "syn-flood", "-o", &scratch.file("x.png")]);
    assert_eq!(scratch.names(), ["x-1.png", "x-2.png"]);
    let text = succeeds(&["lab", "syn-flood", "--format", "txt", "-o", "-"]);
    assert!(text.contains("2,002 connections"), "{text}");
}

#[test]
fn what_is_too_tall_is_cut_and_says_so() {
    let mut drawing = overview::draw(&Overview::of(&[], 0), "tall", 1100.0);
    drawing.height = 700_000.0;
    let cut = drawing.at_most(png::MAX_HEIGHT);
    assert!(cut.height <= png::MAX_HEIGHT);
    let document = cut.document(Theme::Light);
    assert!(document.contains("Cut off here: 31,962 of 700,000 pixels"), "{document}");
    assert!(png::render(&document, 2.0).is_ok(), "at a smaller scale");
}

#[test]
fn no_picture_takes_the_captures_place() {
    let scratch = Scratch::new("place");
    let capture = scratch.file("x-1.svg");
    std::fs::copy(captures().join("captures/iperf3.pcap"), &capture).expect("it is copied");
    for out in [capture.clone(), scratch.file("x.svg")] {
        let error = fails(&["draw", &capture, "-o", &out], 1);
        assert!(error.contains("x-1.svg: is the capture that is read"), "{error}");
    }
    assert_eq!(scratch.names(), ["x-1.svg"]);
}

#[test]
fn comparisons_are_drawn() {
    let scratch = Scratch::new("diff");
    let capture = |name: &str| captures().join(format!("captures/{name}.pcap")).display().to_string();
    let (a, b) = (capture("two-ends-a"), capture("two-ends-b"));
    for (format, begins) in [("svg", "<svg xmlns"), ("html", "<!DOCTYPE html>"), ("txt", " "), ("mmd", "---\ntitle: ")]
    {
        let out = scratch.file(&format!("ends.{format}"));
        succeeds(&["diff", &a, &b, "-o", &out]);
        let text = std::fs::read_to_string(&out).expect("it was written");
        assert!(text.trim_start_matches('\n').starts_with(begins) && text.contains("10.9.0.2:5001"), "{out}");
    }
    let (good, bad) = (capture("run-good"), capture("run-bad"));
    succeeds(&["diff", &good, &bad, "-o", &scratch.file("runs.svg")]);
    assert!(scratch.names().contains(&"runs-1.svg".to_owned()) && scratch.names().contains(&"runs-2.svg".to_owned()));
    assert!(succeeds(&["diff", &a, &b, "-o", "-"]).contains("SYN-SENT"));
    let error = fails(&["diff", &a, &b, "--what", "overview", "-o", &scratch.file("x.svg")], 2);
    assert!(error.contains("--what overview"), "{error}");
}

#[test]
fn graphs_are_as_wide_and_dark_as_asked() {
    let loss = captures().join("captures/loss.pcap").display().to_string();
    let graph = succeeds(&["draw", &loss, "--what", "graph", "--width", "700", "--dark", "--format", "svg", "-o", "-"]);
    assert!(graph.contains(r#"viewBox="0 0 700 "#), "its width");
    assert!(graph.contains("#14171a") && !graph.contains("#ffffff"), "dark paper, and no white");
    let page = succeeds(&["draw", &loss, "--what", "graph", "--format", "html", "-o", "-"]);
    assert!(page.contains(".graph .again{stroke:var(--again)}"), "a page has the styles of graphs");
}

#[test]
fn a_long_run_of_resets_is_one_line() {
    let iperf = captures().join("captures/iperf3.pcap").display().to_string();
    let ladder = succeeds(&["draw", &iperf, "-c", "2", "--format", "txt", "-o", "-"]);
    assert!(ladder.contains(" resets"), "{ladder}");
    assert!(ladder.matches("RST seq").count() < 20, "{ladder}");
}

/// What `draw` says of a capture on standard input.
fn piped(file: &std::path::Path, args: &[&str]) -> String {
    let input = std::fs::File::open(file).expect("it is there");
    let mut command = Command::new(env!("CARGO_BIN_EXE_limpid"));
    let output = command.arg("draw").arg("-").args(args).stdin(input).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn what_a_filter_hid_is_told_wherever_packets_come_from() {
    let redis = captures().join("captures/redis.pcap");
    let told = "the filter hid some of its packets";
    for args in
        [&["--format", "txt", "-o", "-", "tcp src port 6379"][..], &["--format", "svg", "-o", "-", "dst port 6379"]]
    {
        let name = redis.display().to_string();
        let from_file = succeeds(&[&["draw", &name][..], args].concat());
        assert!(from_file.contains(told), "{from_file}");
        assert_eq!(piped(&redis, args).replace("standard input", "redis.pcap"), from_file);
    }
    assert!(!piped(&redis, &["--format", "txt", "-o", "-", "tcp port 6379"]).contains(told));
}

#[test]
fn what_was_watched_through_a_filter_says_so() {
    let scratch = Scratch::new("watched");
    let redis = captures().join("captures/redis.pcap").display().to_string();
    let saved = scratch.file("half.pcapng");
    succeeds(&["watch", "-r", &redis, "--lines", "-w", &saved, "src port 6379"]);
    let drawn = succeeds(&["draw", &saved, "--format", "txt", "-o", "-"]);
    assert!(drawn.contains("a filter may have hidden some of its packets"), "{drawn}");
}

/// An overview does not judge what a filter hid, as a list does not.
#[test]
fn an_overview_does_not_judge_what_a_filter_hid() {
    let redis = captures().join("captures/redis.pcap");
    let name = redis.display().to_string();
    let args = ["--what", "overview", "--format", "txt", "-o", "-", "tcp[tcpflags] & tcp-syn != 0 and src port 6379"];
    let overview = succeeds(&[&["draw", &name][..], &args].concat());
    assert!(overview.contains("not judged"), "{overview}");
    assert!(!overview.contains("open"), "{overview}");
    assert_eq!(piped(&redis, &args).replace("standard input", "redis.pcap"), overview);
    let all = succeeds(&[&["draw", &name][..], &args[..5], &["tcp port 6379"]].concat());
    assert!(!all.contains("not judged"), "{all}");
}

#[test]
fn texts_are_as_wide_as_columns_says() {
    let redis = captures().join("captures/redis.pcap").display().to_string();
    let widest = |columns: &str, width: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_limpid"));
        let args = [&["draw", &redis, "--format", "txt", "-o", "-"][..], width].concat();
        let output = command.args(args).env("COLUMNS", columns).output().expect("it runs");
        let text = String::from_utf8(output.stdout).expect("text");
        text.lines().map(|line| line.chars().count()).max().expect("lines")
    };
    let (narrow, wide) = (widest("70", &[]), widest("130", &[]));
    assert!(narrow <= 70 && wide > 100 && wide <= 130, "{narrow} {wide}");
    assert_eq!(widest("130", &["--width", "70"]), narrow, "what is asked for goes before");
    assert_eq!(widest("nonsense", &[]), widest("100", &[]));
}

#[test]
fn long_transfers_have_ladders_too() {
    let ladder = succeeds(&["lab", "bbr", "--what", "ladder", "--format", "txt", "-o", "-"]);
    assert!(ladder.contains("SYN-ACK") && ladder.contains("segments, "), "{ladder}");
}
