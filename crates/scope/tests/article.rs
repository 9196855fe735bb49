//! The founding article's two traces, letter for letter from their captures.

use limpid_scope::capture::Reader;
use limpid_scope::dump::{Options, Printer, TimeFormat};
use std::fs;
use std::path::PathBuf;

fn article(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/article").join(name)
}

fn print(name: &str, options: Options) -> String {
    let file = fs::File::open(article(name)).expect("the capture is part of the project");
    let mut printer = Printer::new(options);
    Reader::new(file).expect("a capture").map(|packet| printer.print(&packet.expect("undamaged")) + "\n").collect()
}

#[test]
fn opening_and_closing() {
    let options = Options { numeric: true, absolute_seq: true, time: TimeFormat::None, ..Options::default() };
    let expected = fs::read_to_string(article("article-close.txt")).expect("text");
    assert_eq!(print("article-close.pcap", options), expected);
}

#[test]
fn connect_timeout() {
    let options = Options { numeric: true, ..Options::default() };
    let expected = fs::read_to_string(article("article-syn-timeout.txt")).expect("text");
    assert_eq!(print("article-syn-timeout.pcap", options), expected);
}
