use super::*;
use crate::capture::{CapturedPacket, LinkType, PcapWriter, Reader};
use crate::flows::{Hidden, TroubleKind};
use crate::trace::Trace;
use crate::verdict::{self, Known, Verdict};
use crate::words;
use std::fs::{self, File};
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::time::Duration;

fn tests() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests")
}

fn packets(path: &Path) -> Vec<CapturedPacket> {
    let file = File::open(path).expect("the capture is part of the project");
    Reader::new(file).expect("a capture").map(|packet| packet.expect("undamaged")).collect()
}

fn explanation(packets: &[CapturedPacket], options: &ExplainOptions) -> Explanation {
    let mut explainer = Explainer::new(options);
    packets.iter().for_each(|packet| explainer.handle_packet(&packet.lend()));
    explainer.finish()
}

/// As the command does it.
fn all_verdicts(packets: &[CapturedPacket]) -> Vec<(Explained, Vec<Verdict>)> {
    let explanation = explanation(packets, &ExplainOptions::default());
    let picker = Picker::new(&explanation.worst);
    let trace = Trace::from_capture(packets.iter().filter(|packet| picker.wants(&packet.lend())).cloned());
    let single: CloseLook = verdict::explain(&trace).into_iter().collect();
    explanation
        .worst
        .into_iter()
        .map(|explained| {
            let told = verdicts(&explained, &single);
            (explained, told)
        })
        .collect()
}

fn told(packets: &[CapturedPacket]) -> String {
    let mut text = String::new();
    for (explained, verdicts) in all_verdicts(packets) {
        let flow = &explained.flow;
        let [client, server] = flow.ends.each_ref().map(|end| end.endpoint);
        text += &format!("#{} {client} > {server}: {} points\n", flow.number, explained.badness.points());
        text.extend(verdicts.iter().map(|verdict| format!("{:?} {:?}\n  {verdict}\n", verdict.kind, verdict.packets)));
    }
    text
}

/// The handshake's round trip is the one that lists show, and from FIN to FIN it takes what lies between the two packets: no
/// estimate is called observed.
#[test]
fn a_fact_is_told_in_one_way() {
    let mut checked = [0, 0];
    for name in
        ["article/article-close.pcap", "captures/two-ends-a.pcap", "captures/two-ends-b.pcap", "captures/redis.pcap"]
    {
        let packets = packets(&tests().join(name));
        let time = |number: u64| packets.iter().find(|packet| packet.number == number).expect("cited").time;
        for (explained, verdicts) in all_verdicts(&packets) {
            let flow = &explained.flow;
            for verdict in verdicts.iter().filter(|verdict| verdict.kind == verdict::Kind::Handshake) {
                let round_trip = words::duration(flow.handshake_round_trip().expect("it is whole"));
                assert!(
                    verdict.sentence.contains(&format!(" {round_trip}")),
                    "{name}: {round_trip}: {}",
                    verdict.sentence
                );
                checked[0] += 1;
            }
            for verdict in verdicts.iter().filter(|verdict| verdict.kind == verdict::Kind::Close) {
                let (first, second) = (verdict.packets[0], verdict.packets[1]);
                let between = words::duration(Duration::from_nanos(time(second).abs_diff(time(first))));
                assert!(
                    verdict.sentence.contains(&format!("{between} later")),
                    "{name}: {between}: {}",
                    verdict.sentence
                );
                checked[1] += 1;
            }
        }
    }
    assert!(checked[0] >= 4 && checked[1] >= 4, "{checked:?}");
}

/// Half a handshake is called that.
#[test]
fn a_syn_that_is_missing_is_told() {
    let all = packets(&tests().join("article/article-close.pcap"));
    for (missing, what) in [(1, "The client's SYN is not in"), (2, "The server's SYN-ACK is not in")] {
        let part: Vec<CapturedPacket> = all.iter().filter(|packet| packet.number != missing).cloned().collect();
        let sentences: Vec<String> =
            all_verdicts(&part).iter().flat_map(|(_, told)| told).map(Verdict::to_string).collect();
        let count =
            sentences.iter().filter(|sentence| sentence.starts_with(what) && sentence.contains("[inferred]")).count();
        assert_eq!(count, 1, "{sentences:#?}");
    }
    let sentences = told(&all);
    assert!(!sentences.contains("is not in this recording"), "{sentences}");
}

#[test]
fn the_article_close() {
    insta::assert_snapshot!(told(&packets(&tests().join("article/article-close.pcap"))));
}

#[test]
fn the_article_syn_timeout() {
    insta::assert_snapshot!(told(&packets(&tests().join("article/article-syn-timeout.pcap"))));
}

/// Packets of another recording, or of a clock that was set: as far apart as times can be.
#[test]
fn times_at_the_ends_of_what_can_be_told_do_no_harm() {
    let mut packets = packets(&tests().join("captures/redis.pcap"));
    let times = [i64::MIN, i64::MAX, i64::MIN + 1, 0, i64::MAX - 1];
    packets.iter_mut().zip(times.into_iter().cycle()).for_each(|(packet, time)| packet.time = time);
    assert!(!told(&packets).is_empty());
}

/// What a filter hid is not judged: neither that nobody answered, nor that nobody closed.
#[test]
fn what_a_filter_hid_is_not_judged() {
    let all = packets(&tests().join("captures/redis.pcap"));
    let told = |is_shown: &dyn Fn(&CapturedPacket) -> bool| {
        let (mut explainer, mut hidden) = (Explainer::new(&ExplainOptions::default()), Hidden::default());
        for packet in &all {
            match is_shown(packet) {
                true => explainer.handle_packet(&packet.lend()),
                false => hidden.note(&packet.lend()),
            }
        }
        let explanation = explainer.finish_beside(&hidden);
        let verdicts = explanation.worst.iter().flat_map(|e| verdicts(e, &CloseLook::default()));
        verdicts.map(|verdict| verdict.to_string()).collect::<Vec<_>>()
    };
    let hides = "The filter hid packets of this connection: what is missing is not judged. It let through";
    assert_eq!(
        told(&|p| p.number == 1),
        [format!("{hides} 1 packet of the client, and nothing of the server. [observed]")]
    );
    let from_client = told(&|p| [1, 3, 4, 7, 8, 10, 13, 16, 19].contains(&p.number));
    assert_eq!(
        from_client,
        [format!("{hides} 9 packets of the client with 66 B of data, and nothing of the server. [observed]")]
    );
    // All of a connection, or nothing: it is judged as ever.
    assert!(!told(&|_| true).iter().any(|verdict| verdict.contains("filter")));
}

/// What Linux did in namespaces, each capture a story of its own: see `tests/captures/make.py`.
#[test]
fn every_capture_is_explained() {
    let mut names: Vec<PathBuf> = fs::read_dir(tests().join("captures"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    names.retain(|path| path.extension().is_some_and(|extension| extension == "pcap"));
    names.sort();
    assert!(names.len() > 30, "{names:?}");
    for path in names {
        let name = path.file_stem().and_then(|stem| stem.to_str()).expect("a name").to_owned();
        let packets = packets(&path);
        for (explained, verdicts) in all_verdicts(&packets) {
            assert!(!verdicts.is_empty(), "{name}: nothing about {}", explained.flow.number);
            for verdict in &verdicts {
                let exists = |number: &u64| packets.iter().any(|packet| packet.number == *number);
                assert!(verdict.packets.iter().all(exists), "{name}: {verdict} {:?}", verdict.packets);
                assert!(!verdict.sentence.contains("  "), "{name}: {verdict}");
                assert_ne!(verdict.known, Known::Inside, "{name}: {verdict}");
            }
        }
        insta::assert_snapshot!(name, told(&packets));
    }
}

/// What each story is about is told.
#[test]
fn the_point_is_made() {
    let cases = [
        ("refused", "nothing listens on port 81"),
        ("rejected-icmp", "ICMP prohibited"),
        ("rejected-reset", "a firewall refused in its name"),
        ("filtered-linear", "tcp_syn_linear_timeouts 2 and tcp_syn_retries 2"),
        ("filtered-doubling", "exponential backoff from 1 s"),
        ("backlog-full", "its queue of connections is full"),
        ("loss", "by duplicate ACKs or SACK (fast retransmit)"),
        ("loss-server", "lost before this point of the path"),
        ("reorder", "came out of order but were not lost"),
        ("spurious", "D-SACK"),
        ("tail-loss", "and waited for a timer"),
        ("zero-window", "The server closed its window"),
        ("small-window", "held back by the server's window"),
        ("slow-sender", "the server's application had nothing to send"),
        ("slow-server", "The server took 1.2 s to answer request 3"),
        ("linger0", "its application aborted"),
        ("unread", "closed with data unread"),
        ("late-data", "data came after its application had closed"),
        ("half-close", "half-closed for"),
        ("killed-server", "never acknowledged"),
        ("keepalive", "keepalives"),
        ("black-hole", "path MTU black hole"),
        ("path-mtu", "path MTU discovery at work"),
        ("options-stripped-a", "the client offers window scale, the server does not"),
        ("options-stripped-b", "neither end offers SACK"),
        ("port-reuse", "opened the same pair of ports anew"),
        ("mid-stream", "begins in the middle of the connection"),
        ("bufferbloat", "bufferbloat"),
        ("redis", "The server took 700 ms to answer request 3"),
    ];
    for (name, point) in cases {
        let told = told(&packets(&tests().join("captures").join(name).with_extension("pcap")));
        assert!(told.contains(point), "{name} does not say {point:?}:\n{told}");
    }
}

/// A capture of `count` connections that open and close, interleaved, and of each tenth nothing but its SYN.
fn many(count: u32) -> Vec<CapturedPacket> {
    let close = packets(&tests().join("article/article-close.pcap"));
    let mut all = Vec::new();
    for n in 0..count {
        let kept = if n % 10 == 3 { 1 } else { close.len() };
        for packet in &close[..kept] {
            let mut packet = packet.clone();
            packet.time += i64::from(n) * 1_000_000;
            // Another client each: the last two bytes of its address.
            for at in [26, 30] {
                let is_client = packet.data[at..at + 4] == [10, 0, 0, 103];
                if is_client {
                    packet.data[at + 1..at + 4].copy_from_slice(&(n + 256).to_be_bytes()[1..]);
                }
            }
            all.push(packet);
        }
    }
    all.sort_by_key(|packet| packet.time);
    (1..).zip(&mut all).for_each(|(number, packet)| packet.number = number);
    all
}

#[test]
fn the_worst_of_many_are_told_and_the_rest_counted() {
    let packets = many(1_000);
    let explanation = explanation(&packets, &ExplainOptions::default());
    assert_eq!(explanation.totals.flows, 1_000);
    assert_eq!(explanation.worst.len(), 10);
    let unanswered = |explained: &Explained| explained.flow.troubles.iter().any(|t| t.kind == TroubleKind::Unanswered);
    assert!(explanation.worst.iter().all(unanswered));
    let numbers: Vec<u64> = explanation.worst.iter().map(|explained| explained.flow.number.0).collect();
    assert!(numbers.is_sorted(), "of those as bad the first come first: {numbers:?}");
    let counts: Vec<(Option<TroubleKind>, u64)> = explanation.groups.iter().map(|g| (g.trouble, g.count)).collect();
    assert_eq!(counts, [(Some(TroubleKind::Unanswered), 90), (None, 900)]);
    insta::assert_snapshot!(explanation.groups.iter().map(|group| format!("{group}\n")).collect::<String>());
}

#[test]
fn one_connection_of_many_can_be_asked_for() {
    let packets = many(50);
    let options = ExplainOptions { only: Some(vec![7]), ..ExplainOptions::default() };
    let explanation = explanation(&packets, &options);
    let numbers: Vec<u64> = explanation.worst.iter().map(|explained| explained.flow.number.0).collect();
    assert_eq!(numbers, [7]);
    assert!(explanation.groups.is_empty());
}

#[test]
fn nothing_comes_of_nothing() {
    let explanation = explanation(&[], &ExplainOptions::default());
    assert!(explanation.worst.is_empty() && explanation.groups.is_empty());
    assert_eq!(explanation.span, None);
}

/// Whatever a file holds, it is told of without a panic.
#[test]
fn mutated_captures_are_explained() {
    for name in ["spurious", "zero-window", "rejected-icmp", "mid-stream", "port-reuse"] {
        let original = packets(&tests().join("captures").join(name).with_extension("pcap"));
        for seed in 0..40u64 {
            let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
            let mut next = |below: usize| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                (state % below as u64) as usize
            };
            let mut packets = original.clone();
            for _ in 0..packets.len().min(20) {
                let at = next(packets.len());
                let len = packets[at].data.len().max(1);
                match next(4) {
                    0 if packets.len() > 1 => drop(packets.remove(at)),
                    1 => packets[at].data.truncate(next(len)),
                    2 => packets[at].time = i64::from(next(1 << 30) as u32) - (1 << 29),
                    _ => {
                        let byte = next(len);
                        if let Some(byte) = packets[at].data.get_mut(byte) {
                            *byte = next(256) as u8;
                        }
                    }
                }
            }
            told(&packets);
        }
    }
}

/// A packet of connection `port`, of so many bytes of payload.
fn packet_of(port: u16, number: u64, len: usize) -> CapturedPacket {
    let mut bytes = vec![0x45, 0];
    bytes.extend((40 + len as u16).to_be_bytes());
    bytes.extend([0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    bytes.extend(port.to_be_bytes());
    bytes.extend([0, 80]);
    bytes.extend((number as u32 * 2_000).to_be_bytes());
    bytes.extend([0, 0, 0, 1, 0x50, 0x10, 0xff, 0xff, 0, 0, 0, 0]);
    bytes.resize(40 + len, b'x');
    CapturedPacket::whole(number, 1_700_000_000_000_000_000 + number as i64 * 1_000, LinkType::RAW, bytes)
}

/// Of a plain file the packets that are wanted are read at their places, the same that a second reading finds; where places
/// can't be known, or are not worth it, the file has to be read again.
#[test]
fn packets_are_found_at_their_places() {
    let written: Vec<CapturedPacket> = (1..=400)
        .map(|number| if number % 50 == 7 { packet_of(2, number, 10) } else { packet_of(1, number, 1_400) })
        .collect();
    let mut writer = PcapWriter::new(Vec::new(), LinkType::RAW).expect("a vector takes it");
    written.iter().for_each(|packet| writer.write(packet).expect("a vector takes it"));
    let file = writer.into_inner();
    let surveyed = |only: &[u64], has_places: bool| {
        let options = ExplainOptions { only: Some(only.to_vec()), ..ExplainOptions::default() };
        let mut explainer = Explainer::new(&options);
        let mut reader = Reader::new(&file[..]).expect("a capture");
        while reader.advance().expect("undamaged") {
            let packet = reader.current().expect("it was gone on to");
            explainer.handle_packet_at(&packet, reader.place().filter(|_| has_places));
        }
        explainer.finish().worst
    };
    let small = surveyed(&[2], true);
    let found = packets_at_places(&small, &mut Cursor::new(&file)).expect("it is read").expect("they have places");
    let picker = Picker::new(&small);
    let again: Vec<CapturedPacket> = written.iter().filter(|packet| picker.wants(&packet.lend())).cloned().collect();
    assert_eq!((found.len(), &found), (8, &again));
    // The file has become shorter meanwhile.
    assert!(packets_at_places(&small, &mut Cursor::new(&file[..100_000])).is_err());
    for connections in [surveyed(&[2], false), surveyed(&[1], true), surveyed(&[1, 2], true)] {
        let found = packets_at_places(&connections, &mut Cursor::new(&file)).expect("it is read");
        assert_eq!(found, None);
    }
}
