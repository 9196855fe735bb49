//! Reading what was written, in every byte order; damaged files; hostile ones.

use super::*;
use proptest::prelude::*;
use std::io::{self, Cursor};

const SECOND: i64 = 1_000_000_000;

/// A reader that gives a byte at a time, as a slow pipe does.
struct Dribble<R>(R);

impl<R: Read> Read for Dribble<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let most = to.len().min(1);
        self.0.read(&mut to[..most])
    }
}

fn packet(number: u64, data: &[u8]) -> CapturedPacket {
    CapturedPacket::whole(number, number as i64 * SECOND + 123_456_789, LinkType::RAW, data.to_vec())
}

fn read(file: &[u8]) -> (Vec<CapturedPacket>, Option<CaptureError>) {
    let mut packets = Vec::new();
    match Reader::new(file) {
        Ok(reader) => {
            for packet in reader {
                match packet {
                    Ok(packet) => packets.push(packet),
                    Err(error) => return (packets, Some(error)),
                }
            }
            (packets, None)
        }
        Err(error) => (packets, Some(error)),
    }
}

fn pcap(packets: &[CapturedPacket]) -> Vec<u8> {
    let mut writer = PcapWriter::new(Vec::new(), LinkType::RAW).unwrap();
    packets.iter().for_each(|packet| writer.write(packet).unwrap());
    writer.into_inner()
}

fn pcapng(packets: &[CapturedPacket]) -> Vec<u8> {
    let mut writer = PcapngWriter::new(Vec::new()).unwrap();
    assert_eq!(writer.add_interface(LinkType::RAW, "left").unwrap(), 0);
    assert_eq!(writer.add_filtered_interface(LinkType::ETHERNET, "right", "tcp src port 80").unwrap(), 1);
    packets.iter().for_each(|packet| writer.write(packet).unwrap());
    writer.into_inner()
}

#[test]
fn what_is_written_is_read() {
    let mut packets = vec![packet(1, &[1, 2, 3]), packet(2, &[]), packet(3, &[9; 1000])];
    packets[1].original_len = 7;
    assert_eq!(read(&pcap(&packets)).0, packets);
    packets[0].comment = Some("why: new data".into());
    packets[2].interface = 1;
    packets[2].link_type = LinkType::ETHERNET;
    packets[2].comment = Some("zwei\nZeilen".into());
    let file = pcapng(&packets);
    assert_eq!(read(&file).0, packets);
    let mut slow = Reader::new(Dribble(Cursor::new(file))).unwrap();
    assert_eq!(slow.by_ref().map(Result::unwrap).collect::<Vec<_>>(), packets);
    let names: Vec<_> = slow.interfaces().iter().map(|i| i.name.as_deref()).collect();
    assert_eq!(names, [Some("left"), Some("right")]);
    let filters: Vec<_> = slow.interfaces().iter().map(|i| i.filter.as_deref()).collect();
    assert_eq!(filters, [None, Some("tcp src port 80")]);
    assert!(slow.interfaces().iter().all(|i| i.resolution == Resolution::NANOS));
}

#[test]
fn writers_refuse_what_the_format_has_no_place_for() {
    let kind = |result: io::Result<()>| result.map_err(|e| e.kind());
    let mut classic = PcapWriter::new(Vec::new(), LinkType::RAW).unwrap();
    let other = CapturedPacket { link_type: LinkType::ETHERNET, ..packet(1, &[1]) };
    assert_eq!(kind(classic.write(&other)), Err(io::ErrorKind::InvalidInput));
    let early = CapturedPacket { time: -1, ..packet(1, &[1]) };
    assert_eq!(kind(classic.write(&early)), Err(io::ErrorKind::InvalidInput));
    let long = packet(1, &vec![0; MAX_PACKET as usize + 1]);
    assert_eq!(kind(classic.write(&long)), Err(io::ErrorKind::InvalidInput));
    assert_eq!(classic.into_inner().len(), 24, "nothing but the header");
    let mut ng = PcapngWriter::new(Vec::new()).unwrap();
    assert_eq!(kind(ng.write(&packet(1, &[1]))), Err(io::ErrorKind::InvalidInput));
    ng.add_interface(LinkType::RAW, "").unwrap();
    assert_eq!(kind(ng.write(&early)), Err(io::ErrorKind::InvalidInput));
    assert_eq!(kind(ng.write(&long)), Err(io::ErrorKind::InvalidInput));
    assert_eq!(kind(ng.write(&other)), Err(io::ErrorKind::InvalidInput));
    // A comment longer than its 16-bit length is cut at a character.
    let wordy = CapturedPacket { comment: Some("ü".repeat(40_000)), ..packet(1, &[1]) };
    ng.write(&wordy).unwrap();
    let comment = read(&ng.into_inner()).0[0].comment.clone().unwrap();
    assert_eq!(comment, "ü".repeat(32_767));
}

/// Cut anywhere, a file gives the packets that are whole, then says what is missing; at a record's end it just ends.
#[test]
fn files_cut_anywhere() {
    let packets = [packet(1, &[1; 5]), packet(2, &[2; 40]), packet(3, &[3])];
    for file in [pcap(&packets), pcapng(&packets)] {
        let ends = record_ends(&file);
        for len in 0..file.len() {
            let (whole, error) = read(&file[..len]);
            assert_eq!(whole, packets[..whole.len()], "cut at {len}");
            match error {
                None => assert!(ends.contains(&len), "cut at {len} went unnoticed"),
                Some(CaptureError::Empty) => assert_eq!(len, 0),
                Some(CaptureError::NotACapture { .. }) => assert!(len < 4),
                Some(CaptureError::Truncated { offset, need, have, .. }) => {
                    assert!(!ends.contains(&len), "cut at {len} is no damage");
                    assert_eq!(offset + have, len as u64, "cut at {len}");
                    assert!(have < need, "cut at {len}: {have} of {need}");
                    assert!(offset == 0 || ends.contains(&(offset as usize)), "cut at {len}: {offset}");
                }
                Some(other) => panic!("cut at {len}: {other}"),
            }
        }
        assert_eq!(read(&file).0.len(), 3);
    }
}

/// Where records (or blocks) of our own writers' files end.
fn record_ends(file: &[u8]) -> Vec<usize> {
    let u32_at = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize;
    let is_ng = file[..4] == pcapng::SECTION_HEADER;
    let mut ends = vec![if is_ng { u32_at(4) } else { 24 }];
    while ends[ends.len() - 1] < file.len() {
        let at = ends[ends.len() - 1];
        ends.push(at + if is_ng { u32_at(at + 4) } else { 16 + u32_at(at + 8) });
    }
    ends
}

/// Builds files in either byte order.
struct Build {
    big: bool,
    bytes: Vec<u8>,
}

impl Build {
    fn new(big: bool) -> Build {
        Build { big, bytes: Vec::new() }
    }

    fn u16(mut self, value: u16) -> Build {
        self.bytes.extend(if self.big { value.to_be_bytes() } else { value.to_le_bytes() });
        self
    }

    fn u32(mut self, value: u32) -> Build {
        self.bytes.extend(if self.big { value.to_be_bytes() } else { value.to_le_bytes() });
        self
    }

    fn raw(mut self, bytes: &[u8]) -> Build {
        self.bytes.extend(bytes);
        self
    }

    fn option(self, code: u16, value: &[u8]) -> Build {
        let padding = value.len().next_multiple_of(4) - value.len();
        self.u16(code).u16(value.len() as u16).raw(value).raw(&[0; 3][..padding])
    }

    fn block(self, kind: u32, body: Build) -> Build {
        let length = body.bytes.len() as u32 + 12;
        self.u32(kind).u32(length).raw(&body.bytes).u32(length)
    }

    fn section(self, big: bool) -> Build {
        let body = Build::new(big).u32(0x1a2b_3c4d).u16(1).u16(0).raw(&[0xff; 8]);
        let mut next = Build { big, ..self };
        next = next.block(0x0a0d_0d0a, body);
        next
    }

    fn interface(self, link: u16, snaplen: u32, options: impl Fn(Build) -> Build) -> Build {
        let body = options(Build::new(self.big).u16(link).u16(0).u32(snaplen));
        self.block(1, body)
    }

    fn enhanced(self, interface: u32, units: u64, data: &[u8], options: impl Fn(Build) -> Build) -> Build {
        let padding = data.len().next_multiple_of(4) - data.len();
        let body = Build::new(self.big).u32(interface).u32((units >> 32) as u32).u32(units as u32);
        let body = body.u32(data.len() as u32).u32(data.len() as u32).raw(data).raw(&[0; 3][..padding]);
        let body = options(body);
        self.block(6, body)
    }
}

fn plain(build: Build) -> Build {
    build
}

#[test]
fn classic_files_of_every_kind() {
    for big in [false, true] {
        for (magic, nanos, patched) in
            [(0xa1b2_c3d4, 7_000, false), (0xa1b2_3c4d, 7, false), (0xa1b2_cd34, 7_000, true)]
        {
            let file = Build::new(big).u32(magic).u16(2).u16(4).raw(&[0; 8]).u32(4).u32(0x1000_0065);
            let file = file.u32(100).u32(7).u32(6).u32(60).raw(&[0; 8][..if patched { 8 } else { 0 }]);
            let (packets, error) = read(&file.raw(&[1, 2, 3, 4, 5, 6]).bytes);
            assert!(error.is_none());
            let expected = CapturedPacket {
                original_len: 60,
                // Beyond the snapshot length nothing is kept; the upper bits of the link type are the FCS's.
                ..CapturedPacket::whole(1, 100 * SECOND + nanos, LinkType::RAW, vec![1, 2, 3, 4])
            };
            assert_eq!(packets, [expected], "big: {big}, magic {magic:x}");
        }
    }
}

#[test]
fn pcapng_files_of_every_kind() {
    for big in [false, true] {
        let at_1970 = |b: Build| b.option(14, &if big { 1_000i64.to_be_bytes() } else { 1_000i64.to_le_bytes() });
        let file = Build::new(big)
            .section(big)
            .block(0x0bad, Build::new(big).raw(&[7; 40]))
            .interface(101, 0, plain)
            .interface(1, 3, |b| b.option(2, b"eth0").option(9, &[9]).option(0, &[]))
            .interface(101, 0, |b| b.option(9, &[0x80 | 10]))
            .interface(101, 0, |b| at_1970(b).option(9, &[0]))
            .interface(101, 0, |b| b.option(9, &[12]))
            .enhanced(0, 5_000_001, &[1], plain)
            .enhanced(1, 5_000_000_001, &[2, 2], |b| b.option(1, b"one").option(1, b"two").option(0, &[]))
            .enhanced(2, 5 * 1024 + 512, &[3; 3], plain)
            .enhanced(3, 4, &[4; 4], plain)
            .enhanced(4, 9_999_999, &[], plain)
            .block(3, Build::new(big).u32(5).raw(&[5; 8]))
            .block(2, Build::new(big).u16(1).u16(0).u32(0).u32(9).u32(1).u32(2).raw(&[6, 0, 0, 0]))
            // A section of the other byte order forgets the interfaces of the first.
            .section(!big)
            .interface(113, 0, plain)
            .enhanced(0, 1, &[8], plain);
        let (packets, error) = read(&file.bytes);
        assert!(error.is_none(), "{error:?}");
        let seen: Vec<_> = packets.iter().map(|p| (p.time, p.link_type.0, p.data.len(), p.interface)).collect();
        let expected = [
            (5 * SECOND + 1_000, 101, 1, 0),
            (5 * SECOND + 1, 1, 2, 1),
            (5 * SECOND + SECOND / 2, 101, 3, 2),
            (1_004 * SECOND, 101, 4, 3),
            (9_999, 101, 0, 4),
            (0, 101, 5, 0),
            (9, 1, 1, 1),
            (1_000, 113, 1, 0),
        ];
        assert_eq!(seen, expected, "big: {big}");
        assert_eq!(packets[1].comment.as_deref(), Some("one\ntwo"));
        assert_eq!(packets.iter().map(|p| p.number).collect::<Vec<_>>(), (1..=8).collect::<Vec<_>>());
    }
}

#[test]
fn statistics_are_summed_over_interfaces_and_sections() {
    for big in [false, true] {
        let word = |n: u64| if big { n.to_be_bytes() } else { n.to_le_bytes() };
        let counts = |interface: u32, received: u64, dropped: u64| {
            let body = Build::new(big).u32(interface).raw(&[0; 8]);
            body.option(4, &word(received)).option(5, &word(dropped)).option(7, &word(1)).option(0, &[])
        };
        let file = Build::new(big)
            .section(big)
            .interface(101, 0, plain)
            .interface(101, 0, plain)
            .block(5, counts(0, 10, 2))
            .block(5, counts(1, 20, 0))
            .block(5, counts(0, 30, 4))
            .block(5, counts(9, 1_000, 1_000))
            .block(5, Build::new(big).u32(0))
            .section(big)
            .interface(101, 0, plain)
            .block(5, counts(0, 100, 6));
        let mut reader = Reader::new(&file.bytes[..]).unwrap();
        assert_eq!(reader.statistics(), Statistics::default());
        assert!(reader.next_ref().unwrap().is_none());
        assert_eq!(reader.statistics(), Statistics { received: Some(150), dropped: Some(5 + 1 + 7) }, "big: {big}");
    }
}

/// What is wrong with a file, and what to do, in one line each.
#[test]
fn errors_say_what_and_where() {
    let ng = || Build::new(false).section(false);
    let header = || Build::new(false).u32(0xa1b2_c3d4).u16(2).u16(4).raw(&[0; 8]).u32(0).u32(101);
    let enhanced = |interface: u32, captured: u32| {
        Build::new(false).u32(interface).u32(0).u32(0).u32(captured).u32(captured).raw(&[0; 4])
    };
    let files = [
        vec![],
        b"a".to_vec(),
        b"GET / HTTP/1.1".to_vec(),
        vec![0x1f, 0x8b, 8, 0],
        vec![0x28, 0xb5, 0x2f, 0xfd],
        vec![1, 2, 3, 4, 5],
        header().bytes[..20].to_vec(),
        Build::new(true).u32(0xa1b2_c3d4).u16(2).u16(3).raw(&[0; 16]).bytes,
        header().u32(0).u32(0).u32(10).u32(10).raw(&[0; 3]).bytes,
        header().u32(0).u32(0).u32(u32::MAX).u32(10).bytes,
        ng().bytes[..20].to_vec(),
        Build::new(false).u32(0x0a0d_0d0a).u32(28).raw(&[0; 20]).bytes,
        Build::new(false).block(0x0a0d_0d0a, Build::new(false).u32(0x1a2b_3c4d).u16(9).u16(9).raw(&[0; 8])).bytes,
        ng().u32(6).u32(11).bytes,
        ng().u32(6).u32(30).bytes,
        ng().u32(6).u32(u32::MAX - 3).bytes,
        ng().u32(99).u32(u32::MAX - 3).bytes,
        ng().block(6, enhanced(0, 4)).bytes,
        ng().interface(101, 0, plain).block(6, enhanced(0, 400)).bytes,
        ng().interface(101, 0, plain).block(6, Build::new(false)).bytes,
        ng().interface(101, 0, plain).block(3, Build::new(false).u32(100)).bytes,
        ng().block(1, Build::new(false)).bytes,
        ng().u32(99).u32(12).u32(16).bytes,
    ];
    let report: String = files
        .iter()
        .map(|file| {
            let error = read(file).1.expect("an error");
            format!("{error}; {}\n", error.hint())
        })
        .collect();
    insta::assert_snapshot!(report);
}

#[test]
fn after_an_error_there_is_nothing() {
    let file = pcap(&[packet(1, &[1; 5])]);
    let mut reader = Reader::new(&file[..file.len() - 1]).unwrap();
    assert!(matches!(reader.next_packet(), Err(CaptureError::Truncated { .. })));
    assert!(matches!(reader.next_packet(), Ok(None)));
}

#[test]
fn an_input_that_fails_is_told_apart() {
    struct Fails;
    impl Read for Fails {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("no such luck"))
        }
    }
    let file = pcap(&[packet(1, &[1; 5])]);
    let mut reader = Reader::new(file.as_slice().chain(Fails)).unwrap();
    assert_eq!(reader.next_packet().unwrap().unwrap().data, [1; 5]);
    match reader.next_packet() {
        Err(CaptureError::Io { offset, source }) => {
            assert_eq!((offset, source.to_string()), (file.len() as u64, "no such luck".into()));
        }
        other => panic!("{other:?}"),
    }
}

proptest! {
    /// Hostile files end, and what they claim is not believed.
    #[test]
    fn hostile_files_end(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        is_ng: bool,
        tail in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let packets = [packet(1, &[1; 5]), packet(2, &[2; 40]), packet(3, &[3])];
        let mut file = if is_ng { pcapng(&packets) } else { pcap(&packets) };
        file.extend(tail);
        for (at, value) in changes {
            let at = at.index(file.len());
            file[at] = value;
        }
        let (packets, _) = read(&file);
        // A record takes at least 16 bytes, so this bounds the loop.
        prop_assert!(packets.len() <= file.len() / 16 + 1);
        prop_assert!(packets.iter().map(|p| p.data.len()).sum::<usize>() <= file.len());
    }

    /// Times of any resolution neither panic nor run backwards.
    #[test]
    fn times_are_monotonic(n in 0u8..128, a: u64, b: u64) {
        for resolution in [Resolution::Decimal(n), Resolution::Binary(n)] {
            let (low, high) = (a.min(b), a.max(b));
            prop_assert!(resolution.nanos(low) <= resolution.nanos(high));
        }
    }
}

/// As dumpcap writes it with `-f`.
#[test]
fn the_filter_of_a_real_capture_is_told() {
    let file = include_bytes!("../../../../tests/pcapng/captured-with-filter.pcapng");
    let mut reader = Reader::new(&file[..]).expect("a capture");
    assert!(reader.next_packet().expect("undamaged").is_some());
    let filters: Vec<Option<&str>> = reader.interfaces().iter().map(|interface| interface.filter.as_deref()).collect();
    assert_eq!(filters, [Some("tcp dst port 7777")]);
    assert!(crate::filter::may_part_connections("tcp dst port 7777"));
}

/// A few printable bytes are there by chance now and then.
#[test]
fn garbage_does_not_look_like_text() {
    let looks = |file: &[u8]| match Reader::new(file) {
        Err(CaptureError::NotACapture { looks_like }) => looks_like,
        other => panic!("{other:?}"),
    };
    let text = "Was hier steht, ist für Menschen: 1 packet captured\n";
    assert_eq!(looks(text.as_bytes()), Some("it looks like text"));
    assert_eq!(looks(&text.as_bytes()[..24]), Some("it looks like text"));
    assert_eq!(looks(b"Ab3~\x01\xf3\x80\0\0\0\0\0"), None);
    assert_eq!(looks(b"Ab3~"), None);
}
