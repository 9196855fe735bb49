//! The real tcpdump beside ours.

use super::packets::Packet;
use limpid_scope::capture::{CapturedPacket, LinkType, PcapWriter};
use limpid_scope::dump::{Names, Options, Printer, TimeFormat, Zone};
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The version whose text is ours.
const VERSION: &str = "4.99.3";

/// Whether tcpdump of our version is here. Where it is not, the reason is printed; with `LIMPID_REQUIRE_TOOLS=1` that
/// is a failure.
pub(crate) fn tcpdump_is_here() -> bool {
    static MISSING: OnceLock<Option<String>> = OnceLock::new();
    let missing = MISSING.get_or_init(|| match Command::new("tcpdump").arg("--version").output() {
        Err(error) => Some(format!("tcpdump can't be run: {error}")),
        Ok(output) => {
            let text = [output.stdout, output.stderr].concat();
            let text = String::from_utf8_lossy(&text).into_owned();
            let first = text.lines().next().unwrap_or_default().to_owned();
            (!first.ends_with(VERSION)).then(|| format!("tcpdump is not {VERSION}: {first}"))
        }
    });
    match missing {
        None => true,
        Some(why) => {
            assert!(std::env::var("LIMPID_REQUIRE_TOOLS").as_deref() != Ok("1"), "{why}");
            eprintln!("skipped: {why}");
            false
        }
    }
}

/// How to be in a network namespace, where tcpdump finds no name server to ask: as root, or with a user namespace too
/// (not as its root: tcpdump would want to be somebody else then). `None` where neither is possible.
fn offline() -> Option<&'static [&'static str]> {
    static WAY: OnceLock<Option<&'static [&'static str]>> = OnceLock::new();
    *WAY.get_or_init(|| {
        let ways: [&[&str]; 2] = [&["--net"], &["--user", "--net"]];
        let works = |way: &&&[&str]| {
            Command::new("unshare").args(**way).arg("true").output().is_ok_and(|output| output.status.success())
        };
        let way = ways.iter().find(works).copied();
        if way.is_none() {
            assert!(std::env::var("LIMPID_REQUIRE_TOOLS").as_deref() != Ok("1"), "unshare can't be used");
            eprintln!("skipped: names can't be compared without unshare: tcpdump would ask the network for them");
        }
        way
    })
}

/// What tcpdump prints for a capture.
pub(crate) fn tcpdump(capture: Vec<u8>, flags: &str) -> String {
    let mut command = match offline() {
        Some(way) if !flags.contains("-n") => {
            let mut command = Command::new("unshare");
            command.args(way).arg("tcpdump");
            command
        }
        _ => Command::new("tcpdump"),
    };
    let mut child = command
        .args(["-r", "-"])
        .args(flags.split_whitespace())
        .env("TZ", "UTC")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("tcpdump runs");
    let mut input = child.stdin.take().expect("piped");
    let feeder = std::thread::spawn(move || {
        // tcpdump stops reading where it finds the capture damaged.
        let _ = input.write_all(&capture);
    });
    let output = child.wait_with_output().expect("tcpdump ends");
    feeder.join().expect("feeder");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Our options for tcpdump's flags.
pub(crate) fn options(flags: &str) -> Options {
    let mut options = Options { names: Names::of_this_machine(), zone: Zone::Utc, ..Options::default() };
    let mut times = 0;
    for flag in flags.split_whitespace() {
        if flag == "--nano" {
            options.nanos = true;
            continue;
        }
        for letter in flag.chars().skip(1) {
            match letter {
                'n' => options.numeric = true,
                'N' => options.no_domain = true,
                'S' => options.absolute_seq = true,
                't' => times += 1,
                'v' => options.verbose += 1,
                'e' => options.link = true,
                'q' => options.quiet = true,
                '#' => options.number = true,
                'K' => options.no_checksums = true,
                other => panic!("no flag -{other}"),
            }
        }
    }
    options.time = TimeFormat::from_count(times).expect("at most -ttttt");
    options
}

/// Compares the texts for all packets and all sets of flags, packet by packet.
pub(crate) fn compare(name: &str, link_type: LinkType, packets: &[Packet], all_flags: &[&str]) {
    if !tcpdump_is_here() {
        return;
    }
    let mut problems = Vec::new();
    for flags in all_flags {
        if !flags.contains("-n") && offline().is_none() {
            continue;
        }
        let flags = format!("{flags} -#");
        let mut printer = Printer::new(options(&flags));
        let mut writer = PcapWriter::new(Vec::new(), link_type).expect("a header");
        let mut ours = Vec::new();
        for (number, packet) in (1..).zip(packets) {
            let packet = CapturedPacket {
                original_len: packet.original_len,
                ..CapturedPacket::whole(number, packet.time, link_type, packet.data.clone())
            };
            writer.write(&packet).expect("a packet");
            ours.push(printer.print(&packet));
        }
        let theirs = split(&tcpdump(writer.into_inner(), &flags));
        assert_eq!(theirs.len(), ours.len(), "{name} {flags}: packets printed");
        for ((ours, theirs), packet) in ours.iter().zip(&theirs).zip(packets) {
            if !same(ours, theirs) {
                let bytes: String = packet.data.iter().map(|b| format!("{b:02x}")).collect();
                let len = packet.original_len;
                problems.push(format!("{flags}\n  tcpdump: {theirs:?}\n  limpid:  {ours:?}\n  {bytes} of {len}"));
            }
        }
    }
    let count = problems.len();
    problems.truncate(15);
    assert!(problems.is_empty(), "{name}: {count} packets differ\n{}", problems.join("\n"));
}

/// tcpdump's text a packet, by the numbers of `-#`.
fn split(text: &str) -> Vec<String> {
    let mut packets: Vec<String> = Vec::new();
    for line in text.lines() {
        let number = format!("{:5}  ", packets.len() + 1);
        if line.starts_with(&number) {
            packets.push(line.to_owned());
        } else if let Some(packet) = packets.last_mut() {
            packet.push('\n');
            packet.push_str(line);
        }
    }
    packets
}

/// Equal, or equal up to `length N` of a TCP segment, after which tcpdump may decode the payload.
fn same(ours: &str, theirs: &str) -> bool {
    if ours == theirs {
        return true;
    }
    let ends_in_length = ours.contains("Flags [")
        && ours.rsplit_once(", length ").is_some_and(|(_, n)| n.bytes().all(|b| b.is_ascii_digit()));
    ends_in_length && theirs.strip_prefix(ours).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
}
