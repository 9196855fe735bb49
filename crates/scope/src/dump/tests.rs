//! What the comparison with the real tcpdump (tests/oracle) can't show.

use super::*;
use crate::capture::{CapturedPacket, LinkType};
use proptest::prelude::*;

/// A TCP segment with ACK in an IPv4 packet, from `port` to port 9.
fn segment(port: u16, seq: u8) -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0, 41, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    packet.extend(port.to_be_bytes());
    packet.extend([0, 9, 0, 0, 0, seq, 0, 0, 0, 50, 0x50, 0x10, 1, 0, 0, 0, 0, 0, b'x']);
    packet
}

fn print(printer: &mut Printer, link_type: LinkType, data: Vec<u8>) -> String {
    printer.print(&CapturedPacket::whole(1, 0, link_type, data))
}

fn numeric() -> Options {
    Options { numeric: true, time: TimeFormat::None, ..Options::default() }
}

#[test]
fn conversations_have_a_bound() {
    let mut printer = Printer::new(numeric());
    assert_eq!(printer.conversations.most, MAX_CONVERSATIONS);
    printer.conversations.most = 2;
    let mut seq_of = |port, seq| {
        let line = print(&mut printer, LinkType::RAW, segment(port, seq));
        line.split(", ").find_map(|part| part.strip_prefix("seq ").map(str::to_owned)).unwrap()
    };
    assert_eq!(seq_of(1000, 7), "7:8", "the first of a connection is absolute");
    assert_eq!(seq_of(1001, 7), "7:8");
    assert_eq!(seq_of(1000, 9), "2:3");
    assert_eq!(seq_of(1002, 7), "7:8", "the table is full: the one longest silent goes");
    assert_eq!(seq_of(1000, 10), "3:4");
    assert_eq!(seq_of(1001, 9), "9:10", "it is forgotten");
    assert_eq!(seq_of(1001, 11), "2:3");
}

#[test]
fn nesting_has_a_bound() {
    let mut packet = segment(1000, 1);
    for _ in 0..200 {
        let total = (packet.len() as u16 + 20).to_be_bytes();
        let header = [0x45, 0, total[0], total[1], 0, 0, 0, 0, 64, 4, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
        packet = [&header[..], &packet].concat();
    }
    let line = print(&mut Printer::new(numeric()), LinkType::RAW, packet);
    assert!(line.ends_with(": [nested too deep]"), "{line}");
    assert_eq!(line.matches("IP ").count() as u32, line::MAX_NESTING + 1);
}

#[test]
fn times_are_local() {
    // The eastern United States change to summer time on 2024-03-10 at 07:00 UTC.
    let change = 1_710_054_000;
    let zone = Zone::Rules(tz::TimeZone::from_posix_tz("EST5EDT,M3.2.0,M11.1.0").unwrap());
    let mut printer = Printer::new(Options { time: TimeFormat::Date, zone, ..numeric() });
    let mut at = |seconds: i64| {
        let packet = CapturedPacket::whole(1, seconds * 1_000_000_000, LinkType::RAW, segment(1000, 1));
        printer.print(&packet).split(" IP ").next().unwrap().to_owned()
    };
    assert_eq!(at(change - 1), "2024-03-10 01:59:59.000000");
    assert_eq!(at(change), "2024-03-10 03:00:00.000000");
    assert_eq!(at(-1), "1969-12-31 18:59:59.000000");
}

#[test]
fn names_come_from_files() {
    let services = "# comment\nhttp 80/tcp www\nwww 80/tcp\nfoo 9/udp # no\nbar 9/tcp\nbroken\nx y/tcp\nsctp 9/sctp\n";
    let hosts = "10.0.0.1 first.example.org second\n10.0.0.1 third\n::1 six\nnonsense here\n10.0.0.3\n";
    let names = Names::parse(services, hosts, [(3, "eth0".to_owned())].into());
    let options = Options { time: TimeFormat::None, names, ..Options::default() };
    let line = print(&mut Printer::new(options.clone()), LinkType::RAW, segment(80, 1));
    assert!(line.starts_with("IP first.example.org.http > 10.0.0.2.bar: "), "{line}");
    let short = Options { no_domain: true, ..options.clone() };
    let line = print(&mut Printer::new(short), LinkType::RAW, segment(80, 1));
    assert!(line.starts_with("IP first.http > 10.0.0.2.bar: "), "{line}");
    let cooked = |interface: u8| {
        let mut frame = vec![8, 0, 0, 0, 0, 0, 0, interface, 0, 1, 4, 6, 2, 0, 0, 0, 0, 1, 0, 0];
        frame.extend(segment(80, 1));
        print(&mut Printer::new(Options { numeric: true, ..options.clone() }), LinkType::LINUX_SLL2, frame)
    };
    assert!(cooked(3).starts_with("eth0  Out IP 10.0.0.1.80 > "), "{}", cooked(3));
    assert!(cooked(4).starts_with("?     Out IP 10.0.0.1.80 > "), "{}", cooked(4));
}

#[test]
fn what_is_not_known_is_a_short_line() {
    let mut printer = Printer::new(numeric());
    let lines = [
        print(&mut printer, LinkType(147), vec![1, 2, 3]),
        print(&mut printer, LinkType::ETHERNET, [&[0; 12][..], &[0, 3, 0x42, 0x42, 3]].concat()),
        print(&mut printer, LinkType::RAW, {
            let mut sctp = segment(1000, 1);
            sctp[9] = 132;
            sctp
        }),
    ];
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_printer_appends() {
    let mut text = b"-> ".to_vec();
    let packet = CapturedPacket::whole(7, 0, LinkType::RAW, segment(1000, 1));
    Printer::new(Options { number: true, ..numeric() }).append(&packet.lend(), &mut text);
    let expected = "->     7  IP 10.0.0.1.1000 > 10.0.0.2.9: Flags [.], seq 1:2, ack 50, win 256, length 1";
    assert_eq!(String::from_utf8(text).unwrap(), expected);
}

proptest! {
    /// Whatever the bytes, there is a text and no panic.
    #[test]
    fn any_bytes_print(
        link in prop::sample::select(vec![0u16, 1, 9, 12, 50, 51, 101, 104, 108, 113, 147, 228, 229, 276]),
        head in prop::sample::select(vec![
            vec![], vec![0x45], vec![0x60], vec![2, 0, 0, 0, 0x45], vec![0x45, 0, 1, 0, 0, 0, 0, 0, 64, 6],
            vec![0x4f, 0, 0, 80, 0, 0, 0, 0, 64, 1], vec![0x60, 0, 0, 0, 0, 90, 58, 64], vec![0x60, 0, 0, 0, 0, 90, 0, 64],
            vec![0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1],
        ]),
        tail in proptest::collection::vec(any::<u8>(), 0..200),
        original_len: u16,
        verbose in 0u8..3,
        flags: [bool; 5],
    ) {
        let [numeric, link_header, quiet, number, nanos] = flags;
        let options = Options { numeric, link: link_header, quiet, number, nanos, verbose, ..Options::default() };
        let mut packet = CapturedPacket::whole(1, 0, LinkType(link), [head, tail].concat());
        packet.original_len = packet.original_len.max(u32::from(original_len));
        let text = Printer::new(options).print(&packet);
        prop_assert!(!text.is_empty());
        prop_assert!(text.chars().all(|c| c == '\n' || c == '\t' || (' '..='~').contains(&c)), "{text:?}");
    }
}
