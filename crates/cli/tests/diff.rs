//! `limpid diff` as its user meets it.

mod run;

use run::{Scratch, article, capture, objects, output, success, with_input};

#[test]
fn two_ends_of_a_connection() {
    let (a, b) = (capture("options-stripped-a.pcap"), capture("options-stripped-b.pcap"));
    insta::assert_snapshot!(success(&["diff", &a, &b]));
    let all = objects(&success(&["diff", "--json", &a, &b]));
    assert_eq!(all.len(), 1, "{all:?}");
    // Either of them may come from a pipe.
    let bytes = std::fs::read(&a).expect("bytes");
    assert_eq!(with_input(&["diff", "-", &b], &bytes).1, success(&["diff", &a, &b]));
}

#[test]
fn a_good_run_and_a_bad_one() {
    let (a, b) = (capture("run-good.pcap"), capture("run-bad.pcap"));
    let text = success(&["diff", &a, &b]);
    assert_eq!(text, success(&["diff", "--as", "runs", &a, &b]));
    insta::assert_snapshot!(text);
}

/// Against itself nothing is lost, changed or late.
#[test]
fn a_capture_and_itself() {
    let file = capture("loss.pcap");
    let text = success(&["diff", "--as", "ends", &file, &file]);
    assert!(text.contains("Nothing that the client sent was lost"), "{text}");
    let plain = success(&["diff", &file, &file]);
    assert_eq!(plain, "A and B hold the same packets at the same times: nothing differs.\n");
}

#[test]
fn the_ladder_between() {
    let scratch = Scratch::new("between.txt");
    let (a, b) = (capture("options-stripped-a.pcap"), capture("options-stripped-b.pcap"));
    success(&["diff", &a, &b, "-o", scratch.path()]);
    let ladder = scratch.text();
    assert!(ladder.contains("SYN") && !ladder.contains('\x1b'), "{ladder}");
    let (code, out, err) = output(&["diff", &a, &b, "-o", "/no/such/directory/x.txt"]);
    assert_eq!((code, err.lines().count()), (Some(1), 1), "{out}{err}");
}

#[test]
fn what_cannot_be_compared() {
    let close = article("article-close.pcap");
    let bytes = std::fs::read(&close).expect("bytes");
    let cases: [(&[&str], &[u8]); 6] = [
        (&["diff", "-", "/no/such/file"], &bytes),
        (&["diff", "-", "-", "--nonsense"], &[]),
        (&["diff", "-"], &[]),
        (&["diff", "-", CLOSE, "port", "1"], &bytes),
        (&["diff", "-", CLOSE], b"a text"),
        (&["diff", "-", CLOSE, "--connection", "9"], &bytes),
    ];
    let mut report = String::new();
    for (arguments, input) in cases {
        let real: Vec<&str> = arguments.iter().map(|word| if *word == CLOSE { &close } else { *word }).collect();
        let (code, out, err) = with_input(&real, input);
        assert_eq!((out.as_str(), err.lines().count()), ("", 1), "{arguments:?}: {out}{err}");
        report += &format!("{}: exit code {}\n  {err}", arguments.join(" "), code.expect("a code"));
    }
    insta::assert_snapshot!(report.replace(&close, CLOSE));
}

/// Stands for the article's capture, so that its path is not in snapshots.
const CLOSE: &str = "CLOSE";

/// What stands before the damage is compared.
#[test]
fn a_damaged_capture() {
    let (a, b) = (capture("options-stripped-a.pcap"), capture("options-stripped-b.pcap"));
    let whole = std::fs::read(&a).expect("bytes");
    let (code, out, err) = with_input(&["diff", "-", &b], &whole[..whole.len() - 1]);
    assert_eq!((code, err.lines().count()), (Some(1), 1), "{err}");
    assert!(out.contains("A was taken at the client's end"), "{out}");
}

#[test]
fn a_reader_that_goes_away() {
    let (a, b) = (capture("run-good.pcap"), capture("run-bad.pcap"));
    assert_eq!(run::with_nobody_reading(&["diff", &a, &b]), (Some(0), String::new()));
}

/// What a filter hid is told of once, and not judged.
#[test]
fn a_filter_hides() {
    let (a, b) = (capture("two-ends-a.pcap"), capture("two-ends-b.pcap"));
    let text = success(&["diff", &a, &b, "src", "host", "10.9.0.1"]);
    assert!(text.starts_with("- A filter was given (src host 10.9.0.1): "), "{text}");
    assert!(!text.contains("sent nothing"), "{text}");
    assert!(!success(&["diff", &a, &b, "tcp"]).contains("A filter"), "nothing was hidden");
}
