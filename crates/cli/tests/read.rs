//! `limpid read` as its user meets it: output, errors, exit codes.

mod run;

use run::{article, limpid, success, texts, with_input};
use std::io::Write;
use std::process::Stdio;

#[test]
fn the_article_letter_for_letter() {
    let expected = |name| std::fs::read_to_string(article(name)).expect("text");
    let close = article("article-close.pcap");
    assert_eq!(success(&["read", "-n", "-t", "-S", &close]), expected("article-close.txt"));
    let timeout = article("article-syn-timeout.pcap");
    assert_eq!(success(&["read", "-n", &timeout]), expected("article-syn-timeout.txt"));
}

#[test]
fn flags_combine_as_in_tcpdump() {
    let file = article("article-close.pcap");
    let plain = success(&["read", "-n", "-t", "-S", &file]);
    assert_eq!(success(&["read", "-ntSr", &file]), plain);
    assert_eq!(success(&["read", "-nnt", "-Sr", &file]), plain);
    let three: String = plain.lines().take(3).map(|line| format!("{line}\n")).collect();
    assert_eq!(success(&["read", "-ntS", "-c3", &file]), three);
    let numbered = success(&["read", "-#nttttq", &file]);
    assert!(numbered.starts_with("    1  1970-01-01 00:16:40.000000 IP "), "{numbered}");
    assert!(numbered.lines().all(|line| line.ends_with(": tcp 0")), "{numbered}");
    assert_eq!(with_input(&["read", "-ntS", "-"], &std::fs::read(&file).expect("bytes")).1, plain);
    assert_eq!(with_input(&["read", "-ntSl", "-"], &std::fs::read(&file).expect("bytes")).1, plain);
}

#[test]
fn times_are_local() {
    let file = article("article-syn-timeout.pcap");
    let local = limpid(&["read", "-n", "-c1", &file]).env("TZ", "XXX-5:30").output().expect("limpid runs");
    let (_, out, _) = texts(local);
    assert!(out.starts_with("13:12:21.201942 IP 10.0.0.199.56424 > "), "{out}");
}

#[test]
fn errors_are_one_line_that_says_what_to_do() {
    let whole = std::fs::read(article("article-close.pcap")).expect("bytes");
    let cases: [(&[&str], &[u8]); 12] = [
        (&["read", "/no/such/file"], &[]),
        (&["read", "/"], &[]),
        (&["read", "-"], &[]),
        (&["read", "-"], b"this is a text"),
        (&["read", "-"], &[0x1f, 0x8b, 8, 0, 0]),
        (&["read", "-n", "-"], &whole[..whole.len() - 1]),
        (&["read"], &[]),
        (&["read", "-Z", "x"], &[]),
        (&["read", "-tttttt", "-"], &whole),
        (&["read", "-c", "0", "-"], &whole),
        (&["read", "-r", "-", "-F", "/no/such/filter"], &whole),
        (&["reed", "x"], &[]),
    ];
    let mut report = String::new();
    for (arguments, input) in cases {
        let (code, out, err) = with_input(arguments, input);
        assert_eq!(err.lines().count(), 1, "{arguments:?}: {err}");
        let lines = out.lines().count();
        report += &format!("{arguments:?}: {lines} lines, then exit code {}\n  {err}", code.expect("a code"));
    }
    insta::assert_snapshot!(report);
}

#[test]
fn filters_choose_packets() {
    let file = article("article-close.pcap");
    let lines = |filter: &str| success(&["read", "-n", &file, filter]).lines().count();
    let all = success(&["read", "-n", &file]).lines().count();
    let (syns, others) = (lines("tcp[tcpflags] & tcp-syn != 0"), lines("tcp[tcpflags] & tcp-syn = 0"));
    assert_eq!((syns, syns + others), (2, all));
    assert_eq!(lines("not tcp"), 0);
    // Words on the command line are one expression, with -r as well.
    assert_eq!(
        success(&["read", "-n", "-r", &file, "src", "host", "10.0.0.199"]).lines().count(),
        lines("src 10.0.0.199")
    );
    assert!(lines("src 10.0.0.199") > 0);
}

#[test]
fn what_is_wrong_with_a_filter_is_shown_in_it() {
    let file = article("article-close.pcap");
    let (code, out, err) = texts(limpid(&["read", &file, "tcp", "prot", "80"]).output().expect("limpid runs"));
    assert_eq!((code, out.as_str()), (Some(2), ""));
    let expected = "\
limpid: filter: what 'prot' is has to be said; write 'tcp port prot'
  tcp prot 80
      ^^^^
";
    assert_eq!(err, expected);
}

#[test]
fn libpcap_helps_where_it_is() {
    let file = article("article-close.pcap");
    let run = |switch: &str| {
        let run = limpid(&["read", "-n", &file, "not", "mpls"]).env("LIMPID_LIBPCAP", switch).output();
        texts(run.expect("limpid runs"))
    };
    let (code, _, err) = run("off");
    assert_eq!(code, Some(2));
    assert!(err.starts_with("limpid: filter: 'mpls' is not supported; docs/filters.md lists what there is"), "{err}");
    let (code, out, err) = run("on");
    match code {
        Some(0) => assert_eq!(out, success(&["read", "-n", &file])),
        // No libpcap on this machine.
        _ => assert!(err.contains("docs/filters.md"), "{err}"),
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    // More than a pipe holds.
    let mut file = std::fs::read(article("article-close.pcap")).expect("bytes");
    let records = file[24..].to_vec();
    file.extend(std::iter::repeat_n(records, 3000).flatten());
    let mut child = limpid(&["read", "-n", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("limpid runs");
    drop(child.stdout.take());
    let _ = child.stdin.take().expect("piped").write_all(&file);
    let (code, _, err) = texts(child.wait_with_output().expect("limpid ends"));
    assert_eq!((code, err.as_str()), (Some(0), ""));
}

#[test]
fn help_says_where_it_differs() {
    let help = success(&["read", "--help"]);
    for needed in ["length N", "/etc/services", "/etc/hosts", "4.99.3", "-ttttt", "standard input", "docs/filters.md"] {
        assert!(help.contains(needed), "{needed} is missing in:\n{help}");
    }
    assert!(success(&["--version"]).starts_with("limpid "));
}
