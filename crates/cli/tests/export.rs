//! `limpid export` as its user meets it: counts are those of `limpid read` and `limpid list`.

mod run;

use run::{Scratch, article, capture, objects, output, report_of_bad_inputs, success, with_input};

const CAPTURES: [&str; 4] = ["loss.pcap", "redis.pcap", "port-reuse.pcap", "path-mtu.pcap"];

fn lines(arguments: &[&str]) -> usize {
    success(arguments).lines().count()
}

#[test]
fn a_row_for_each_segment() {
    for name in CAPTURES {
        let file = capture(name);
        // ICMP errors about a connection have a row; what is in the captures besides has none.
        let packets = lines(&["read", "-n", &file, "tcp or icmp"]);
        let csv = success(&["export", "--format", "csv", &file]);
        assert_eq!(csv.lines().count(), packets + 1, "{name}");
        assert_eq!(objects(&success(&["export", &file])).len(), packets, "{name}");
        let columns = csv.lines().next().unwrap_or_default().split(',').count();
        assert!(columns > 20 && csv.starts_with("packet,time_ns,connection,"), "{name}");
    }
}

#[test]
fn a_row_for_each_connection() {
    for name in CAPTURES {
        let file = capture(name);
        let listed = objects(&success(&["list", "--json", &file]));
        let rows = objects(&success(&["export", "--what", "connections", &file]));
        assert_eq!(rows.len(), listed.len(), "{name}");
        assert_eq!(lines(&["export", "--what", "connections", "--format", "csv", &file]), rows.len() + 1, "{name}");
    }
}

/// Of what a filter hid a part the row says so, and no other row does.
#[test]
fn what_a_filter_hid_is_told() {
    let file = article("article-close.pcap");
    for (filter, hidden) in [("tcp", None), ("src host 10.0.0.103", Some("filter"))] {
        for command in
            [&["export", "--what", "connections"][..], &["list", "--json"], &["list", "--json", "--sort", "bytes"]]
        {
            let rows = objects(&success(&[command, &[&file, filter]].concat()));
            assert_eq!((rows.len(), rows[0]["hidden"].as_str()), (1, hidden), "{command:?} {filter}");
        }
    }
}

/// The name of the output says the format.
#[test]
fn into_files() {
    let file = capture("refused.pcap");
    for (name, format) in [("x.csv", "csv"), ("x.jsonl", "jsonl"), ("x.ndjson", "jsonl")] {
        let scratch = Scratch::new(name);
        assert_eq!(success(&["export", &file, "-o", scratch.path()]), "");
        assert_eq!(scratch.text(), success(&["export", "--format", format, &file]), "{name}");
    }
    let (code, _, err) = output(&["export", &file, "-o", "/no/such/directory/x.csv"]);
    assert_eq!((code, err.lines().count()), (Some(1), 1), "{err}");
}

/// By whatever name: the capture is as it was.
#[test]
fn an_ending_of_no_format_is_refused() {
    let file = article("article-close.pcap");
    let (code, out, err) = output(&["export", &file, "-o", "/tmp/limpid-test.foo"]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(
        err.starts_with("limpid: /tmp/limpid-test.foo: its ending is of no format") && err.contains("--format"),
        "{err}"
    );
}

#[test]
fn the_capture_that_is_read_is_not_written_to() {
    let whole = std::fs::read(article("article-close.pcap")).expect("bytes");
    let (own, other) = (Scratch::new("own.pcap"), Scratch::new("other-name.csv"));
    std::fs::write(own.path(), &whole).expect("written");
    std::os::unix::fs::symlink(own.path(), other.path()).expect("a link");
    let (file, link) = (own.path(), other.path());
    for arguments in [
        &["export", file, "-o", file][..],
        &["export", file, "-o", link],
        &["watch", "--lines", "-r", file, "-w", link],
        &["draw", link, "--format", "svg", "-o", file],
        &["diff", &article("article-close.pcap"), file, "--format", "txt", "-o", link],
    ] {
        let (code, out, err) = output(arguments);
        assert_eq!((code, out.as_str()), (Some(1), ""), "{arguments:?}");
        assert!(err.ends_with("is the capture that is read; write to another file\n"), "{err}");
        assert!(std::fs::read(file).expect("it is there") == whole, "{arguments:?}");
    }
    let reading =
        run::limpid(&["export", "-", "-o", file]).stdin(std::fs::File::open(file).expect("it opens")).output();
    assert_eq!(run::texts(reading.expect("limpid runs")).0, Some(1));
    assert!(std::fs::read(file).expect("it is there") == whole);
}

#[test]
fn filters_choose_rows() {
    let file = article("article-close.pcap");
    assert_eq!(lines(&["export", &file, "tcp[tcpflags] & tcp-fin != 0"]), 2);
    assert_eq!(lines(&["export", &file, "port", "1"]), 0);
}

/// `--columns` tells of every column that there is.
#[test]
fn columns_are_told() {
    let told = success(&["export", "--columns"]);
    let file = article("article-close.pcap");
    for what in ["segments", "connections"] {
        let csv = success(&["export", "--format", "csv", "--what", what, &file]);
        for column in csv.lines().next().expect("a header").split(',') {
            assert!(told.lines().any(|line| line.split_whitespace().next() == Some(column)), "{column}");
        }
    }
}

#[test]
fn what_is_no_whole_capture() {
    insta::assert_snapshot!(report_of_bad_inputs("export"));
}

#[test]
fn flags_that_are_not_there_and_a_reader_that_goes_away() {
    let (code, out, err) = output(&["export", "--nonsense", "x"]);
    assert_eq!((code, out.as_str(), err.lines().count()), (Some(2), "", 1), "{err}");
    let whole = std::fs::read(capture("loss.pcap")).expect("bytes");
    assert_eq!(with_input(&["export", "-c"], &whole).0, Some(2));
    assert_eq!(run::with_nobody_reading(&["export", &capture("iperf3.pcap")]), (Some(0), String::new()));
}

#[cfg(not(feature = "parquet"))]
#[test]
fn parquet_is_a_choice() {
    let (code, out, err) = output(&["export", &article("article-close.pcap"), "--format", "parquet"]);
    assert_eq!((code, out.as_str(), err.lines().count()), (Some(1), "", 1), "{err}");
    assert!(err.contains("--features parquet"), "{err}");
}

#[cfg(feature = "parquet")]
mod parquet {
    use super::*;
    use ::parquet::file::reader::{FileReader, SerializedFileReader};

    #[test]
    fn a_reader_that_goes_away_is_no_error() {
        let arguments = ["export", "--format", "parquet", &capture("iperf3.pcap")];
        assert_eq!(run::with_nobody_reading(&arguments), (Some(0), String::new()));
    }

    /// As many rows as JSON has, and the columns that are told of, in their order.
    #[test]
    fn holds_what_the_others_hold() {
        let file = capture("loss.pcap");
        for what in ["segments", "connections"] {
            let scratch = Scratch::new(&format!("{what}.parquet"));
            success(&["export", &file, "--what", what, "-o", scratch.path()]);
            let reader = SerializedFileReader::new(std::fs::File::open(scratch.path()).expect("it is there"));
            let reader = reader.expect("it is Parquet");
            let rows = reader.metadata().file_metadata().num_rows();
            assert_eq!(usize::try_from(rows), Ok(lines(&["export", "--what", what, &file])));
            let header = success(&["export", "--format", "csv", "--what", what, &file]);
            let schema = reader.metadata().file_metadata().schema_descr();
            let names: Vec<String> = schema.columns().iter().map(|column| column.name().to_owned()).collect();
            assert_eq!(names.join(","), header.lines().next().expect("a header"));
        }
    }
}

/// One schema, whichever command writes it.
#[test]
fn read_list_and_watch_write_the_same_objects() {
    for name in CAPTURES {
        let file = capture(name);
        let segments = success(&["export", &file]);
        assert_eq!(success(&["read", "--json", &file]), segments, "{name}");
        // What was dropped is said on standard error.
        assert_eq!(output(&["watch", "--json", "segments", "-s", "0", "-r", &file]).1, segments, "{name}");
        let connections = success(&["export", "--what", "connections", &file]);
        assert_eq!(output(&["watch", "--json", "connections", "-s", "0", "-r", &file]).1, connections, "{name}");
        let sorted = |text: &str| {
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!(sorted(&success(&["list", "--json", &file])), sorted(&connections), "{name}");
    }
}
