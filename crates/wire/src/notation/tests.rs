use alloc::string::{String, ToString};
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::tcp::{AccEcnOption, FastOpenCookie, SackBlock, Timestamps, UserTimeout, emit_header};

fn parse(text: &str) -> SegmentText {
    text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn bytes(text: &str) -> Vec<u8> {
    match parse(text).options {
        OptionsText::List(list) => list.as_bytes().to_vec(),
        OptionsText::Any => panic!("{text}"),
    }
}

#[test]
fn these_are_printed_as_written() {
    for text in [
        "S 0:0(0) win 65535 <mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7>",
        "S. 0:0(0) ack 1 win 65535 <mss 1460,nop,nop,sackOK,nop,wscale 14>",
        ". 1:1461(1460) ack 1",
        "FP. 4294967290:4(10) ack 4294967295 win 0",
        ". 1:1(0) ack 1 win 257 <nop,nop,sack 3001:4001 1:2 4294967295:5>",
        "FSRP.UEWA 0:0(0) ack 0 win 0 urg 65535",
        "R 1:1(0) win 0 <...>",
        "- 5:5(0)",
        "[ect0] P. 1:2(1) ack 1",
        "[noecn,tos 0x0a,flowlabel 0xfffff,ttl 255] 65535 > 0 P. 1:2(1) ack 1",
        "[ect01] . 1:1(0) ack 1",
        "S 0:10(10) win 5 <FO>",
        "S 0:0(0) win 5 <FO 0123456789abcdef,nop,nop>",
        "S 0:0(0) win 5 <FOEXP,FOEXP 0123,eol>",
        "S 0:0(0) win 5 <md5 00112233445566778899aabbccddeeff>",
        ". 1:1(0) ack 1 <ECN>",
        ". 1:1(0) ack 1 <ECN e0b 1 ceb 16777215 e1b 0,nop>",
        ". 1:1(0) ack 1 <ECN e1b 1 ceb 2>",
        ". 1:1(0) ack 1 <uto 30,opt 29 0102ab,opt 30,opt 100 00,raw 02ff>",
        ". 1:1(0) ack 1 <nop,eol,eol,raw 01>",
    ] {
        assert_eq!(parse(text).to_string(), text);
    }
}

#[test]
fn these_mean_the_same() {
    for (text, canonical) in [
        ("  S.   0 : 0 ( 0 )  ack 1 win 5 < mss 1460 , nop >", "S. 0:0(0) ack 1 win 5 <mss 1460,nop>"),
        ("(ce) 80>8080 .P 1:1(0)", "[ce] 80 > 8080 P. 1:1(0)"),
        ("P.5 1:1(0) ack 1", "P.EA 1:1(0) ack 1"),
        (".0 1:1(0) ack 1", ". 1:1(0) ack 1"),
        ("7 1:1(0)", "EWA 1:1(0)"),
        ("[ ttl 5 , tos 0x3 ] - 1:1(0)", "[tos 0x03,ttl 5] - 1:1(0)"),
        ("S 0:0(0) <FO AB>", "S 0:0(0) <FO ab>"),
        ("S 0:0(0) <uto 32768>", "S 0:0(0) <uto 32820>"),
        ("S 0:0(0) <opt 2 05b4,opt 5>", "S 0:0(0) <mss 1460,opt 5>"),
        ("S 0:0(0) <md5 0011,md5>", "S 0:0(0) <opt 19 0011,opt 19>"),
        ("S 0:0(0) <raw 010302>", "S 0:0(0) <nop,opt 3>"),
    ] {
        assert_eq!(parse(text).to_string(), canonical);
    }
}

#[test]
fn errors_say_where_and_what() {
    let errors: Vec<String> = [
        "",
        "X 0:0(0)",
        "SS 0:0(0)",
        "E1 0:0(0)",
        "S",
        "S 0",
        "S 0:",
        "S 0:0",
        "S 0:0(0",
        "S 0:1(0)",
        "S 4294967296:0(0)",
        "S 0:9999999(9999999)",
        "S 0:0(0) ack",
        "S 0:0(0) ack -1",
        "S 0:0(0) win 65536",
        "S 0:0(0) urg",
        "S 0:0(0) win 1 ack 1",
        "S 0:0(0) <",
        "S 0:0(0) <>",
        "S 0:0(0) <mss>",
        "S 0:0(0) <mss 1,>",
        "S 0:0(0) <mss 1 nop>",
        "S 0:0(0) <... ",
        "S 0:0(0) <ts val 1>",
        "S 0:0(0) <TS 1>",
        "S 0:0(0) <TS val 1 2>",
        "S 0:0(0) <sack 1>",
        "S 0:0(0) <sack 1:2 1:2 1:2 1:2 1:2>",
        "S 0:0(0) <md5 0>",
        "S 0:0(0) <md5 0011223344556677889900112233445566>",
        "S 0:0(0) <FO 0>",
        "S 0:0(0) <FO zz>",
        "S 0:0(0) <raw>",
        "S 0:0(0) <opt 1>",
        "S 0:0(0) <wscale 256>",
        "S 0:0(0) <ECN e0b 1 e1b 1>",
        "S 0:0(0) <ECN e0b 16777216>",
        "S 0:0(0) <uto 1966021>",
        "S 0:0(0) <sack 1:2 1:2 1:2 1:2,TS val 1 ecr 1>",
        "[ect2] S 0:0(0)",
        "[ect0,ce] S 0:0(0)",
        "[ect0 S 0:0(0)",
        "(tos 3) S 0:0(0)",
        "[flowlabel 0x100000] S 0:0(0)",
        "[ttl] S 0:0(0)",
        "80 > S 0:0(0)",
        "80 > 65536 S 0:0(0)",
        "ÄÖ 0:0(0)",
        "S 0:0(0) <é>",
    ]
    .iter()
    .map(|text| alloc::format!("{text}\n    {}", text.parse::<SegmentText>().unwrap_err()))
    .collect();
    insta::assert_snapshot!(errors.join("\n"));
}

#[test]
fn a_prefix_leaves_the_rest() {
    let (segment, rest) = SegmentText::parse_prefix("S 0:0(0) win 5 <mss 1> // a comment").unwrap();
    assert_eq!((segment.window, rest), (Some(5), " // a comment"));
}

#[test]
fn options_are_their_bytes() {
    assert_eq!(bytes("S 0:0(0) <mss 1460,sackOK,nop,wscale 7>"), [2, 4, 5, 0xb4, 4, 2, 1, 3, 3, 7]);
    assert_eq!(bytes("S 0:0(0) <FOEXP abcd>"), [254, 6, 0xf9, 0x89, 0xab, 0xcd]);
    assert_eq!(bytes("S 0:0(0) <ECN e1b 1 ceb 2 e0b 65536>"), [174, 11, 0, 0, 1, 0, 0, 2, 1, 0, 0]);
    let list = OptionList::from_bytes(&[3, 3, 7]).unwrap();
    assert_eq!(list.padded()[..], [3, 3, 7, 0]);
    assert_eq!(OptionList::from_bytes(&[1; 41]), None);
}

#[test]
fn to_the_engines_segment_and_back() {
    let text = "[ect0] P. 1:6(5) ack 9 win 7 <nop,nop,TS val 1 ecr 2,nop,nop,sack 20:30 40:50>";
    let segment = parse(text).to_segment();
    assert_eq!(segment.seq_end(), SeqNum(6));
    assert_eq!((segment.ecn, segment.merged), (Ecn::Ect0, 1));
    assert_eq!(segment.options.timestamps, Some(Timestamps { val: 1, ecr: 2 }));
    assert_eq!(segment.options.sack[1], SackBlock::new(SeqNum(40), SeqNum(50)).unwrap());
    assert_eq!(segment.payload.iter().map(|c| c.as_slice()).collect::<Vec<_>>(), [[0; 5]]);
    assert_eq!(SegmentText::from_segment(&segment).to_string(), text);
    assert_eq!(alloc::format!("{segment:?}"), text);
    assert_eq!(parse("[ect01] . 1:1(0) <...>").to_segment().options, TcpOptions::default());
    assert_eq!(parse("[tos 0x3] . 1:1(0)").to_segment().ecn, Ecn::Ce);
}

#[test]
fn numbers_shift_around_the_circle() {
    let text = parse("P. 1:6(5) ack 9 <nop,nop,sack 20:30 40:50>");
    let shifted = text.clone().shifted(u32::MAX, 0u32.wrapping_sub(30));
    assert_eq!(shifted.to_string(), "P. 0:5(5) ack 4294967275 <nop,nop,sack 4294967286:0 10:20>");
    assert_eq!(shifted.shifted(1, 30), text);
    let hostile = parse("P. 1:6(5) <raw 0510,sack 1:2>");
    assert_eq!(hostile.clone().shifted(0, 1).options, hostile.options);
}

#[test]
fn ect01_matches_either() {
    let matched = |text: EcnText| [Ecn::NotEct, Ecn::Ect1, Ecn::Ect0, Ecn::Ce].map(|ecn| text.matches(ecn));
    assert_eq!(matched(EcnText::AnyEct), [false, true, true, false]);
    assert_eq!(matched(EcnText::Exactly(Ecn::Ce)), [false, false, false, true]);
}

fn ecn() -> impl Strategy<Value = EcnText> {
    prop::sample::select(IP_WORDS.map(|(_, ecn)| ecn).to_vec())
}

prop_compose! {
    fn any_text()(
        (ecn, tos, flow_label, ttl) in (prop::option::of(ecn()), any::<Option<u8>>(), prop::option::of(0..1u32 << 20), any::<Option<u8>>()),
        (ports, flags) in (any::<Option<(u16, u16)>>(), 0..512u16),
        (seq, len, ack) in (any::<u32>(), 0..=MAX_LEN, any::<Option<u32>>()),
        (window, urgent) in any::<(Option<u16>, Option<u16>)>(),
        options in prop::option::of(prop::collection::vec(prop_oneof![0..35u8, any::<u8>()], 0..=40)),
    ) -> SegmentText {
        SegmentText {
            ip: IpInfo { ecn, tos, flow_label, ttl },
            ports,
            flags: TcpFlags::from_bits_truncate(flags),
            seq: SeqNum(seq),
            len,
            ack: ack.map(SeqNum),
            window,
            urgent,
            options: options.map_or(OptionsText::Any, |o| OptionsText::List(OptionList::from_bytes(&o).unwrap())),
        }
    }
}

prop_compose! {
    fn any_segment()(
        (seq, ack, flags) in (any::<u32>(), any::<u32>(), 0..512u16),
        (window, urgent, ecn) in (any::<u16>(), any::<u16>(), 0..4u8),
        (mss, window_scale, sack_permitted) in (prop::option::of(1..=u16::MAX), prop::option::of(0..=14u8), any::<bool>()),
        timestamps in prop::option::of(any::<(u32, u32)>()),
        (user_timeout, cookie) in (any::<Option<u16>>(), prop::option::of(any::<[u8; 8]>())),
        sack in prop::option::of((any::<u32>(), 1..1u32 << 30)),
        acc_ecn in prop::option::of((any::<bool>(), prop::collection::vec(0..1u32 << 24, 0..=2))),
        len in 0..100usize,
    ) -> Segment {
        let flags = TcpFlags::from_bits_truncate(flags);
        Segment {
            seq: SeqNum(seq),
            ack: if flags.contains(TcpFlags::ACK) { SeqNum(ack) } else { SeqNum(0) },
            flags,
            window,
            urgent: if flags.contains(TcpFlags::URG) { urgent } else { 0 },
            options: TcpOptions {
                mss,
                window_scale,
                sack_permitted,
                timestamps: timestamps.map(|(val, ecr)| Timestamps { val, ecr }),
                user_timeout: user_timeout.map(UserTimeout).filter(|_| cookie.is_none()),
                fast_open: cookie.map(|c| FastOpenCookie::new(&c).unwrap()),
                acc_ecn: acc_ecn.filter(|_| cookie.is_none()).map(|(first, n)| if first { AccEcnOption::order_1(&n) } else { AccEcnOption::order_0(&n) }),
                sack: sack.and_then(|(l, n)| SackBlock::new(SeqNum(l), SeqNum(l) + n)).into_iter().take(usize::from(cookie.is_none() && mss.is_none())).collect(),
                auth: None,
            },
            ecn: Ecn::from_bits(ecn),
            merged: 1,
            payload: alloc::vec![0; len].into(),
        }
    }
}

proptest! {
    #[test]
    fn what_is_printed_is_parsed(text in any_text()) {
        prop_assert_eq!(text.to_string().parse::<SegmentText>(), Ok(text));
    }

    #[test]
    fn segments_survive_the_text(segment in any_segment()) {
        let text = alloc::format!("{segment:?}");
        let back = parse(&text).to_segment();
        prop_assert_eq!(alloc::format!("{back:?}"), text);
        prop_assert_eq!(&back.options, &segment.options);
        prop_assert_eq!((back.seq, back.ack, back.flags, back.window), (segment.seq, segment.ack, segment.flags, segment.window));
        prop_assert_eq!((back.urgent, back.ecn, back.payload), (segment.urgent, segment.ecn, segment.payload));
    }

    #[test]
    fn packets_and_segments_have_one_text(segment in any_segment()) {
        let mut packet = [0; 60];
        let len = emit_header(&segment, (1, 2), &mut packet);
        let mut from_packet = SegmentText::from_packet(&packet[..len]).unwrap();
        let from_segment = SegmentText::from_segment(&segment);
        from_packet.ip = from_segment.ip;
        from_packet.len = from_segment.len;
        prop_assert_eq!(from_packet, from_segment);
    }

    #[test]
    fn hostile_text(text in "\\PC{0,40}") {
        let _ = text.parse::<SegmentText>();
    }

    #[test]
    fn text_of_the_right_pieces_in_any_order(
        pieces in prop::collection::vec(prop::sample::select(&[
            "S", ".", "-", "5", " ", "0:0(0)", "1:", "ack", "win", "urg", "99999", "<", ">", ",", "mss", "sack", "1:2", "TS", "val", "ecr",
            "FO", "FOEXP", "abcd", "ECN", "e1b", "ceb", "e0b", "opt", "raw", "...", "[", "]", "tos", "0x", "ttl", "ect0", "é", "uto", "md5",
        ][..]), 0..24)
    ) {
        let text: String = ["S. 0:0(0) <", "", "[", "S 1:1(0) ack 1 win 1 <nop,"].into_iter().map(|start| start.to_string() + &pieces.join(" ") + "\n").collect();
        for line in text.lines() {
            if let Ok(segment) = line.parse::<SegmentText>() {
                prop_assert_eq!(parse(&segment.to_string()), segment);
            }
        }
    }

    #[test]
    fn shifting_there_and_back(text in any_text(), seq: u32, ack: u32) {
        let back = text.clone().shifted(seq, ack).shifted(seq.wrapping_neg(), ack.wrapping_neg());
        prop_assert_eq!(back, text);
    }
}
