use super::*;

fn icmp(text: &str) -> crate::script::Icmp {
    match packet(text).body {
        PacketBody::Icmp(icmp) => icmp,
        other => panic!("{other:?}"),
    }
}

fn other(text: &str) -> (String, String) {
    match packet(text).body {
        PacketBody::Other { protocol, text } => (protocol, text),
        other => panic!("{other:?}"),
    }
}

#[test]
fn tcp_with_all_there_is() {
    for text in [
        "+0 < S 0:0(0) win 65535 <mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 7>",
        "+0 > S. 4294967295:4294967295(0) ack 4294967295 <...>",
        "+0 < [ect0] P. 1:1001(1000) ack 1 win 257",
        "+0 > [ect01] . 1:1(0) ack 1",
        "+0 > [noecn,tos 0x0a,flowlabel 0xfffff,ttl 255] . 1:1(0) ack 1",
        "+0 < 8080 > 1234 FP. 1:1(0) ack 1 win 257 urg 5",
        "+0 > - 0:0(0)",
        "+0 > FSRP.UEWA 0:0(0)",
        "+0 < . 1:1(0) ack 1 win 257 <nop,nop,sack 1:2 3:4 5:6>",
        "+0 < S 0:0(0) win 1 <FO,nop,nop,FOEXP 0123,eol>",
        "+0 < S 0:0(0) win 1 <FO 0123456789abcdef,md5 00112233445566778899aabbccddeeff>",
        "+0 > . 1:1(0) ack 1 <ECN e0b 1 ceb 2 e1b 3,nop>",
        "+0 > . 1:1(0) ack 1 <ECN e1b 1 ceb 2>",
    ] {
        assert_eq!(printed(text), text);
    }
}

#[test]
fn tcp_in_other_spellings() {
    for (text, canonical) in [
        ("+0 <(ce)P.5 1 : 1 ( 0 )ack 1 win 5<mss 1 , nop>", "+0 < [ce] P.EA 1:1(0) ack 1 win 5 <mss 1,nop>"),
        ("+0 > .7 1:1(0)\n ack 1 // more\n <nop,\n nop>", "+0 > .EWA 1:1(0) ack 1 <nop,nop>"),
        ("+0 > S.0 0:0(0) ack 1 win 5\n<...>", "+0 > S. 0:0(0) ack 1 win 5 <...>"),
    ] {
        assert_eq!(printed(text), canonical);
    }
}

#[test]
fn a_segment_ends_where_the_next_event_starts() {
    for next in ["+0 `a`", "0.2 > . 1:1(0)", "* > . 1:1(0)", ".5 close(3) = 0", "`cleanup`"] {
        let script = script(&format!("0 > . 1:1(0) ack 1\n{next}"));
        assert_eq!(script.events[0].to_string(), "0 > . 1:1(0) ack 1", "{next}");
        assert_eq!(script.events[0].last_line, 1);
    }
}

#[test]
fn icmp_messages() {
    for text in [
        "+0 < icmp unreachable frag_needed mtu 1200 [1:1461(1460)]",
        "+0 < icmp packet_too_big mtu 1280 [1:1(0)]",
        "+0 < [ect0,ttl 5] icmp type_3 code_4 [4294967295:9(10)]",
        "+0 < icmp unreachable port_unreachable [udp (1000)]",
        "+0 < icmp unreachable [raw (4)]",
        "+0 < icmp echo_request id 5",
        "+0 > icmp echo_reply",
    ] {
        assert_eq!(printed(text), text);
    }
    let message = icmp("< icmp unreachable frag_needed mtu 1200 [1:1461(1460)]");
    assert_eq!((message.kind.as_str(), message.code.as_deref()), ("unreachable", Some("frag_needed")));
    assert_eq!((message.mtu, message.quoted), (Some(1200), Some(Quoted::Tcp { seq: 1, len: 1460 })));
    assert_eq!(icmp("< icmp unreachable mtu 5").code, None);
    assert_eq!(icmp("< icmp unreachable\n0.5 `a`").code, None);
}

#[test]
fn other_protocols_are_kept_as_text() {
    let gre = "ipv4 192.0.2.1 > 192.0.2.2: gre flags [key present], sum 0, off 0, key=1, seq 0: 80 > 81 udp (5)";
    for (text, protocol, kept) in [
        ("> udp (1000)", "udp", "udp (1000)"),
        ("> [noecn] 5 > 6 udp (10)", "udp", "[noecn] 5 > 6 udp (10)"),
        (&format!("< {gre}"), "ipv4", gre),
        ("> mpls (label 0, tc 0, ttl 0):\n  udp (5)", "mpls", "mpls (label 0, tc 0, ttl 0): udp (5)"),
        ("> sctp: INIT[flgs=0,\n 5]", "sctp", "sctp: INIT[flgs=0, 5]"),
        ("> S 0:0(0)\n  <mss 1460,mp_capable v1 flags[flag_h]\n nokey>", "mp", ""),
        ("> S 0:0(0)! win 5\n <mss 1>", "tcp", "S 0:0(0)! win 5 <mss 1>"),
        ("< ...(0) ack 1 win 5", "tcp", "...(0) ack 1 win 5"),
        ("> . 1:1(0) ack 1 <TS val ... ecr 1>", "tcp", ". 1:1(0) ack 1 <TS val ... ecr 1>"),
        ("> S 0:0(0) / udp(9899 > 9899)", "tcp", "S 0:0(0) / udp(9899 > 9899)"),
        ("> [dscp AF11, ecn ect0] . 1:1(0)", "dscp", "[dscp AF11, ecn ect0] . 1:1(0)"),
    ] {
        let found = other(text);
        assert_eq!(found.0, protocol);
        if !kept.is_empty() {
            assert_eq!(found.1, kept);
        }
        let again = format!("{text}\n0.5 close(3) = 0\n`cleanup`");
        assert_eq!(other(&again), found);
    }
}

#[test]
fn directions() {
    assert_eq!(packet("> . 1:1(0)").direction, Direction::Outbound);
    assert_eq!(packet("<. 1:1(0) win 1").direction, Direction::Inbound);
}
