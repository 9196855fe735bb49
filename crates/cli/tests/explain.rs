//! `limpid explain` as its user meets it.

mod run;

use run::{Scratch, article, capture, limpid, objects, output, report_of_bad_inputs, success, texts, with_input};

/// A text, its words one space apart.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn says(text: &str, sentences: &[&str]) {
    let text = words(text);
    for sentence in sentences {
        assert!(text.contains(sentence), "{sentence:?} is missing in: {text}");
    }
}

#[test]
fn the_articles_close() {
    let text = success(&["explain", &article("article-close.pcap")]);
    says(
        &text,
        &[
            "three-way handshake: SYN, SYN-ACK, ACK. The client, 10.0.0.103:55570, opened it and was connected after 4 ms, \
             one round trip: as seen between the ends, 2 ms to the server and back, and 2 ms to the client and back. \
             [observed]",
            "Not a byte of data was sent, either way. [observed]",
            "The client closed first (FIN 4); the server closed 2 ms later (FIN 5). [observed]",
            "No ACK of FIN 4 was sent alone: it rode on the server's own FIN (5).",
            "three segments close the connection, not four. [inferred]",
        ],
    );
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn the_articles_timeout() {
    let text = success(&["explain", &article("article-syn-timeout.pcap")]);
    says(
        &text,
        &[
            "SYN 1 was sent again 4 times (2–5), with 1.03, 2.08, 4.08 and 8.32 s between them; nobody answered. [observed]",
            "The intervals double each time: exponential backoff from 1 s (RFC 6298)",
            "the connect fails with ETIMEDOUT about 32 s after 1",
            "it was not refused. A firewall drops the SYNs (filtered), the host is down, or the answers get lost. [inferred]",
        ],
    );
    insta::assert_snapshot!(text);
}

#[test]
fn objects_for_scripts() {
    let all = objects(&success(&["explain", "--json", &article("article-syn-timeout.pcap")]));
    let [timeout] = all.as_slice() else { panic!("one connection: {all:?}") };
    assert_eq!(timeout["client"], "10.0.0.199:56424");
    assert_eq!(timeout["opening"], "no answer");
    assert_eq!(timeout["from_client"]["packets"], 5);
    let kinds: Vec<_> = timeout["verdicts"].as_array().expect("a list").iter().map(|v| v["kind"].clone()).collect();
    assert_eq!(kinds[0], "opening-retries");
    let knowns = timeout["verdicts"].as_array().expect("a list").iter().map(|v| v["known"].as_str());
    assert!(knowns.flatten().all(|known| ["observed", "inferred"].contains(&known)), "{timeout}");
}

/// However it comes in, the same is said of it.
#[test]
fn compressed_and_from_a_pipe() {
    use std::process::{Command, Stdio};
    let file = capture("refused.pcap");
    let plain = success(&["explain", &file]);
    let bytes = std::fs::read(&file).expect("bytes");
    assert_eq!(with_input(&["explain", "-"], &bytes), (Some(0), plain.clone(), String::new()));
    for (tool, name) in [("gzip", "x.pcap.gz"), ("zstd", "x.pcap.zst")] {
        let packed = Command::new(tool).args(["-c", &file]).stderr(Stdio::null()).output();
        let Ok(packed) = packed else {
            assert!(std::env::var_os("LIMPID_REQUIRE_TOOLS").is_none(), "{tool} is missing");
            eprintln!("skipped: no {tool}");
            continue;
        };
        let scratch = Scratch::new(name);
        std::fs::write(scratch.path(), &packed.stdout).expect("it is written");
        assert_eq!(success(&["explain", scratch.path()]), plain, "{tool}");
        assert_eq!(with_input(&["explain", "-"], &packed.stdout).1, plain, "{tool}");
    }
}

#[test]
fn one_connection_of_several() {
    let file = capture("port-reuse.pcap");
    let all = success(&["explain", "--all", &file]);
    let headings: Vec<&str> = all.lines().filter(|line| line.starts_with('#')).collect();
    assert!(headings.len() > 1, "{all}");
    let one = success(&["explain", "--connection", "2", &file]);
    let heading: Vec<&str> = one.lines().filter(|line| line.starts_with('#')).collect();
    assert!(heading.len() == 1 && heading[0].starts_with("#2  "), "{one}");
    assert_eq!(success(&["explain", "-c", "2", &file]), one);
    let two = success(&["explain", "-c", "2,1", &file]);
    assert_eq!(two.lines().filter(|line| line.starts_with('#')).count(), 2, "{two}");
    let (code, out, err) = output(&["explain", "--connection", "1000000", &file]);
    assert_eq!((code, out.as_str(), err.lines().count()), (Some(1), "", 1), "{err}");
    assert!(err.starts_with("limpid: connection 1000000: there are "), "{err}");
    assert!(err.contains("'limpid list FILE' lists them"), "{err}");
}

#[test]
fn filters_choose_what_is_explained() {
    let file = article("article-close.pcap");
    assert_eq!(success(&["explain", &file, "tcp", "port", "6379"]), success(&["explain", &file]));
    assert_eq!(
        success(&["explain", &file, "port", "1"]),
        "Nothing to explain: none of its 6 packets matches the filter.\n"
    );
    let (code, out, err) = output(&["explain", &file, "tcp", "prot", "80"]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert_eq!(
        err,
        "limpid: filter: what 'prot' is has to be said; write 'tcp port prot'\n  tcp prot 80\n      ^^^^\n"
    );
}

/// Of a connection whose one direction is missing neither a list nor a heading says how it ended.
#[test]
fn one_direction_is_not_judged() {
    let bytes = std::fs::read(article("article-close.pcap")).unwrap();
    let (header, mut rest) = bytes.split_at(24);
    let mut kept = header.to_vec();
    for number in 1..=5 {
        let length = u32::from_le_bytes(*rest[8..].first_chunk().unwrap()) as usize;
        let (packet, next) = rest.split_at(16 + length);
        if [1, 3, 4].contains(&number) {
            kept.extend_from_slice(packet);
        }
        rest = next;
    }
    let scratch = Scratch::new("one-direction");
    std::fs::write(scratch.path(), kept).unwrap();
    let text = success(&["explain", scratch.path()]);
    assert!(text.lines().next().is_some_and(|heading| heading.ends_with(", not judged")), "{text}");
    let list = success(&["list", scratch.path()]);
    assert!(words(&list).ends_with(" ? one direction only"), "{list}");
}

/// Of SYN, SYN-ACK and FINs alone nobody can tell what acknowledged them: no FIN is the handshake's ACK, and no ACK rode on one.
#[test]
fn a_filter_that_leaves_only_the_ends_of_a_connection() {
    let whole = success(&["explain", &capture("two-ends-a.pcap")]);
    assert!(whole.contains("three-way handshake"), "{whole}");
    let ends = success(&["explain", &capture("two-ends-a.pcap"), "tcp[13]&7!=0"]);
    assert!(!ends.contains("three-way handshake") && !ends.contains("rode on"), "{ends}");
    // The same where nothing tells of the filter.
    let scratch = Scratch::new("ends-alone");
    let bytes = std::fs::read(capture("two-ends-a.pcap")).unwrap();
    let (header, mut rest) = bytes.split_at(24);
    let mut kept = header.to_vec();
    while rest.len() >= 16 {
        let length = u32::from_le_bytes(*rest[8..].first_chunk().unwrap()) as usize;
        let (packet, next) = rest.split_at(16 + length);
        let ip = packet.len() - length; // Raw IP.
        if packet[ip + usize::from(packet[ip] & 15) * 4 + 13] & 7 != 0 {
            kept.extend_from_slice(packet);
        }
        rest = next;
    }
    std::fs::write(scratch.path(), kept).unwrap();
    let alone = success(&["explain", scratch.path()]);
    assert!(!alone.contains("three-way handshake") && !alone.contains("rode on"), "{alone}");
}

#[test]
fn what_is_no_whole_capture() {
    insta::assert_snapshot!(report_of_bad_inputs("explain"));
}

#[test]
fn flags_that_are_not_there_and_a_reader_that_goes_away() {
    let (code, out, err) = output(&["explain", "--nonsense", "x"]);
    assert_eq!((code, out.as_str(), err.lines().count()), (Some(2), "", 1), "{err}");
    assert_eq!(run::with_nobody_reading(&["explain", &capture("loss.pcap")]), (Some(0), String::new()));
}

/// What is no terminal gets no colours in any case.
#[test]
fn plain_text_for_pipes() {
    let file = article("article-close.pcap");
    for no_color in ["", "1"] {
        let run = limpid(&["explain", "--ascii", &file]).env("NO_COLOR", no_color).output().expect("limpid runs");
        let (code, out, _) = texts(run);
        assert_eq!(code, Some(0));
        assert!(out.is_ascii() && !out.contains('\x1b'), "{out}");
    }
}

/// A capture that limpid wrote tells why each segment was sent; runs of one experiment are connections of their own.
#[test]
fn known_from_inside() {
    let scratch = Scratch::new("inside.pcapng");
    for (experiment, sentences) in [
        (
            "lost-segment",
            &["was lost, and sent again as 23 (RACK, 20 ms later)", "The client told why it sent each segment"][..],
        ),
        ("tail-loss", &["tail loss probe", "The client told why it sent each segment"]),
        ("spurious-rto", &["The client told why it sent each segment"]),
    ] {
        success(&["lab", experiment, "--pcap", scratch.path()]);
        let text = success(&["explain", "--all", scratch.path()]);
        says(&text, sentences);
        says(&text, &["[known from inside]"]);
        // Every packet of a run was told of.
        let listed = objects(&success(&["list", "--json", scratch.path()]));
        let explained = objects(&success(&["explain", "--all", "--json", scratch.path()]));
        assert_eq!(listed.len(), explained.len(), "{experiment}");
        // Each run repeats at most what its engine says it repeated: nothing is guessed across runs.
        assert!(!words(&text).contains("probed the idle connection"), "{experiment}: {text}");
    }
}
