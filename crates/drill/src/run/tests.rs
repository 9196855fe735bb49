//! Scripts on a target that does what the test tells it: the runner's own judgement, without any stack.

use super::testing::{told, *};
use limpid_posix::Errno;

/// A passive open in eight lines of script.
const OPEN: &str = "\
0   socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0  bind(3, ..., ...) = 0
+0  listen(3, 1) = 0
+0  < S 100:100(0) win 65535 <mss 1460>
+0  > S. 0:0(0) ack 101 <mss 1460>
+.1 < . 1:1(0) ack 1 win 257
+0  accept(3, ..., ...) = 4 (the connection)
";

/// What a target does for [`OPEN`].
fn opened(more: Vec<Does>) -> Vec<Does> {
    let mut does =
        vec![returns(7), returns(0), returns(0), sends(0, "S. 0:0(0) ack 101 win 65535 <mss 1460>"), accepts(9)];
    does.extend(more);
    does
}

fn play_open(script: &str, does: Vec<Does>) -> String {
    told(&play(&format!("{OPEN}{script}"), opened(does)).0)
}

#[test]
fn a_passive_open_passes() {
    let (report, puppet) = play(OPEN, opened(vec![]));
    assert_eq!(told(&report), "PASS");
    let came: Vec<String> = puppet.came.iter().map(ToString::to_string).collect();
    assert_eq!(came, ["S 100:100(0) win 65535 <mss 1460>", ". 101:101(0) ack 4294967281 win 257"]);
    assert_eq!(report.trace.packets.len(), 3);
}

#[test]
fn outbound_packets_that_are_not_as_the_script_says() {
    let expected = "+.1 > P. 1:1001(1000) ack 1";
    let told: Vec<String> = [
        "P. 1:1001(1000) ack 101 win 1",
        ". 1:1001(1000) ack 1 win 1",
        "FP. 1:1001(1000) ack 1 win 1",
        "P.E 1:1001(1000) ack 1 win 1",
        "P.U 1:1001(1000) ack 1 win 1",
        "P. 2:1002(1000) ack 1 win 1",
        "P. 1:1001(1000) ack 2 win 1",
        "R 1:1(0) win 0",
        "P. 1:1002(1001) ack 1 win 1",
        "P. 1:1001(1000) ack 1 win 1 <nop,nop,TS val 1 ecr 1>",
        "P. 1:1001(1000) ack 1 win 1 urg 5",
    ]
    .iter()
    .map(|text| format!("{text}\n{}", play_open(expected, vec![sends(200, text)])))
    .collect();
    insta::assert_snapshot!(told.join("\n\n"));
}

#[test]
fn fields_that_are_only_compared_if_they_are_written() {
    let sent = "[ect0] P. 1:101(100) ack 1 win 500";
    for (expected, passes) in [
        ("P. 1:101(100) ack 1", true),
        ("P. 1:101(100) ack 1 win 500", true),
        ("P. 1:101(100) ack 1 win 501", false),
        ("[ect0] P. 1:101(100) ack 1", true),
        ("[ect01] P. 1:101(100) ack 1", true),
        ("[ect1] P. 1:101(100) ack 1", false),
        ("[noecn] P. 1:101(100) ack 1", false),
        ("[tos 0x02] P. 1:101(100) ack 1", true),
        ("[tos 0x12] P. 1:101(100) ack 1", false),
        ("[ttl 64] P. 1:101(100) ack 1", true),
        ("[ttl 63] P. 1:101(100) ack 1", false),
    ] {
        let told = play_open(&format!("+.1 > {expected}"), vec![sends(200, sent)]);
        assert_eq!(told == "PASS", passes, "{expected}: {told}");
    }
}

#[test]
fn options_must_be_the_same_in_kind_order_and_bytes() {
    let syn = |options: &str, sent: &str| {
        let script = format!(
            "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 connect(3, ..., ...) = -1 EINPROGRESS\n+0 > S 0:0(0) <{options}>"
        );
        let does =
            vec![returns(7), fails(Errno::EINPROGRESS), sends(0, &format!("40000 > 8080 S 0:0(0) win 65535 <{sent}>"))];
        told(&play(&script, does).0)
    };
    assert_eq!(
        syn("mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 7", "mss 1460,sackOK,TS val 5 ecr 0,nop,wscale 7"),
        "PASS"
    );
    assert_eq!(syn("...", "mss 1460"), "PASS");
    let told = [
        syn("mss 1460", "mss 1440"),
        syn("mss 1460,nop,nop,sackOK", "mss 1460,nop,wscale 7"),
        syn("nop,nop,sackOK,mss 1460", "mss 1460,nop,nop,sackOK"),
        syn("mss 1460", "mss 1460,nop,nop,sackOK"),
        syn("mss 1460,nop,wscale 7", "mss 1460,nop,wscale 8"),
        syn("mss 1460,sackOK", "mss 1460,nop,nop,sackOK"),
    ];
    insta::assert_snapshot!(told.join("\n\n"));
}

#[test]
fn segments_are_merged_up_to_what_the_script_says() {
    let pieces = |flags: [&str; 3]| {
        let [a, b, c] = flags;
        vec![
            sends(200, &format!("{a} 1:1001(1000) ack 1 win 9")),
            sends(200, &format!("{b} 1001:2001(1000) ack 1 win 9")),
            sends(201, &format!("{c} 2001:2501(500) ack 1 win 9")),
        ]
    };
    let all = "+.1 > P. 1:2501(2500) ack 1";
    assert_eq!(play_open(all, pieces([".", ".", "P."])), "PASS");
    // Flags are the last one's, but CWR is the first one's.
    assert_eq!(play_open("+.1 > P.W 1:2501(2500) ack 1", pieces([".W", "P.", "P."])), "PASS");
    let two = "+.1 > . 1:2001(2000) ack 1\n+0 > P. 2001:2501(500) ack 1";
    assert_eq!(play_open(two, pieces(["P.", ".", "P."])), "PASS");
    let mut strict = String::from("--strict_segments\n");
    strict.push_str(OPEN);
    strict.push_str(all);
    let told = [
        play_open(all, pieces([".", ".", "."])),
        play_open(all, pieces([".", ".E", "P."])),
        play_open("+.1 > P. 1:1501(1500) ack 1", pieces([".", ".", "P."])),
        play_open("+.1 > P. 1:3001(3000) ack 1", pieces([".", ".", "P."])),
        play_open(all, vec![sends(200, ". 1:1001(1000) ack 1 win 9"), sends(200, ". 1101:2601(1500) ack 1 win 9")]),
        play_open(all, vec![sends(200, ". 1:1001(1000) ack 1 win 9"), sends(200, ". 1001:2501(1500) ack 1 win 8")]),
        told(&play(&strict, opened(pieces([".", ".", "P."]))).0),
    ];
    insta::assert_snapshot!(told.join("\n\n"));
}

#[test]
fn times() {
    let at = |time: &str, sent: u64| {
        play_open(&format!("{time} > P. 1:2(1) ack 1"), vec![sends(sent, "P. 1:2(1) ack 1 win 9")])
    };
    // The event before was at 0.1 s. 4 ms are granted, or an eighth of the time since then.
    for (time, sent) in [("0.2", 200), ("0.2", 188), ("0.2", 212), ("+.1", 212), ("+.01", 114), ("*", 3000), ("*", 200)]
    {
        assert_eq!(at(time, sent), "PASS", "{time} {sent}");
    }
    for (time, sent) in [("0.2~0.3", 200), ("0.2~0.3", 300), ("0.2~0.3", 310), ("+.1~+.2", 250), ("+.1~+.2", 190)] {
        assert_eq!(at(time, sent), "PASS", "{time} {sent}");
    }
    let told =
        [at("0.2", 187), at("0.2", 213), at("+.01", 115), at("0.2~0.3", 313), at("+.1~+.2", 180), at("+.1", 3000)];
    insta::assert_snapshot!(told.join("\n\n"));
}

#[test]
fn a_script_that_makes_no_sense() {
    let told = [
        told(&play("0 > S 0:0(0)", vec![]).0),
        told(&play("0 frobnicate(3) = 0", vec![]).0),
        told(&play("0 socket(AF_FROB, SOCK_STREAM, IPPROTO_TCP) = 3", vec![]).0),
        told(&play("0 socket(..., SOCK_STREAM) = 3", vec![]).0),
        told(
            &play("0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 < S 0:0(0) win 5 <mss 1460,nop>", vec![returns(7)])
                .0,
        ),
        told(&play("--frob=1\n0 close(3) = 0", vec![]).0),
    ];
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn results_of_calls() {
    let told = [
        play_open("+0 write(4, ..., 1000) = 1000", vec![fails(Errno::EAGAIN)]),
        play_open("+0 write(4, ..., 1000) = 1000", vec![returns(999)]),
        play_open("+0 write(4, ..., 1000) = -1 EPIPE (Broken pipe)", vec![fails(Errno::ECONNRESET)]),
        play_open("+0 write(4, ..., 1000) = -1 EPIPE (Broken pipe)", vec![returns(1000)]),
        play_open("+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 5", vec![fails(Errno::EMFILE)]),
        play_open("+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 4", vec![returns(10)]),
        play_open("+0 write(4, ..., 1000) = -1", vec![fails(Errno::ECONNRESET)]),
    ];
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn what_is_not_there_is_told_before_anything_runs() {
    let told: Vec<String> = [
        "+0 write(4, ..., 1000) = 999\n+0 frobnicate(4) = 0",
        "+0 write(4, ..., 1000) = 999\n+0 setsockopt(4, SOL_FROB, 1, [1], 4) = 0",
        "+0 write(4, ..., 1000) = -1 EFROB",
        "+0 write(4, ..., 1000) = 999\n+0 `reboot`",
        "+0 write(4, ..., 1000) = 999\n+0 < udp (100)",
        "+0 write(4, ..., 1000) = 999\n+0 < icmp frobnicated [1:2(1)]",
    ]
    .iter()
    .map(|script| play_open(script, vec![returns(1000)]))
    .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn an_option_that_the_target_does_not_have_is_no_failure_unless_the_script_expects_that() {
    let set = |result: &str| {
        play_open(
            &format!("+0 setsockopt(4, SOL_TCP, TCP_NODELAY, [1], 4) = {result}"),
            vec![fails(Errno::ENOPROTOOPT)],
        )
    };
    assert_eq!(set("-1 ENOPROTOOPT"), "PASS");
    assert_eq!(
        set("0"),
        "UNSUPPORTED 8:4: socket option 1 of level 6: Expected result 0 but got -1 with errno 92 (Protocol not available)"
    );
}

#[test]
fn calls_that_block() {
    let waits = |until: u64, value: i64| Does::Waits(ms(until), limpid_posix::Return::ok(value));
    // It begins at 0.1 s and should end at 0.3.
    let read = "+0...0.2 read(4, ..., 1000) = 100\n+.2 < P. 1:101(100) ack 1 win 257\n+0 > . 1:1(0) ack 101";
    let ack = || sends(300, ". 1:1(0) ack 101 win 9");
    assert_eq!(play_open(read, vec![waits(300, 100), ack()]), "PASS");
    assert_eq!(play_open(&format!("{read}\n+0 read(4, ..., 1) = 1"), vec![waits(300, 100), ack(), returns(1)]), "PASS");
    // A call that is not written as blocking holds up the script.
    assert_eq!(
        play_open(
            "+0 poll([{fd=4, events=POLLIN, revents=0}], 1, 100) = 0\n+0 close(4) = 0",
            vec![
                Does::Waits(
                    ms(200),
                    limpid_posix::Return { value: Ok(0), output: limpid_posix::Output::Polled(vec![]) }
                ),
                returns(0)
            ]
        ),
        "PASS"
    );
    let told = [
        play_open(read, vec![waits(200, 100), ack()]),
        play_open(read, vec![waits(500, 100), ack()]),
        play_open(read, vec![waits(300, 50), ack()]),
        play_open(read, vec![returns(100), ack()]),
        play_open(read, vec![waits(30_000, 100), ack()]),
        play_open("+0 read(4, ..., 1000) = 100", vec![waits(200_000, 100)]),
        play_open("+0...0.2 read(4, ..., 1) = 1\n+0...0.2 read(4, ..., 1) = 1", vec![waits(9_000, 1)]),
        play_open("+0...0.2 read(4, ..., 1) = 1\n+0 read(4, ..., 1) = 1", vec![waits(300, 1), returns(1)]),
    ];
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn what_nobody_asked_for_does_no_harm_until_something_is_expected() {
    let stray = || vec![sends(150, ". 1:1(0) ack 1 win 9"), returns(0)];
    assert_eq!(play_open("+.1 close(4) = 0", stray()), "PASS");
    let mut does = stray();
    does.push(sends(300, "F. 1:1(0) ack 1 win 9"));
    insta::assert_snapshot!(play_open("+.1 close(4) = 0\n+.1 > F. 1:1(0) ack 1", does));
}

#[test]
fn what_is_spoilt_fails() {
    let spoilt = |spoil| {
        let does = vec![Does::SendsSpoilt(ms(200), "P. 1:11(10) ack 1 win 9".to_owned(), spoil)];
        play_open("+.1 > P. 1:11(10) ack 1", does)
    };
    let told = [
        spoilt(|bytes| bytes[10] ^= 1),
        spoilt(|bytes| bytes[36] ^= 1),
        // Another byte of the payload, and the checksum that fits it.
        spoilt(|bytes| {
            bytes[40] = 1;
            let sum = u16::from_be_bytes([bytes[36], bytes[37]]);
            let sum = sum.checked_sub(0x100).unwrap_or(sum.wrapping_sub(0x101));
            bytes[36..38].copy_from_slice(&sum.to_be_bytes());
        }),
    ];
    insta::assert_snapshot!(told.join("\n\n"));
}

#[test]
fn snippets_see_what_the_socket_tells_at_their_time() {
    let info = |cwnd: u32| {
        let mut bytes = vec![0; 104];
        bytes[0] = 1;
        bytes[80..84].copy_from_slice(&cwnd.to_ne_bytes());
        gives(0, limpid_posix::Output::Bytes(bytes))
    };
    // Asked are TCP_INFO, TCP_CC_INFO and SO_MEMINFO.
    let told_of = |cwnd| [info(cwnd), fails(Errno::ENOPROTOOPT), gives(0, limpid_posix::Output::Bytes(vec![0; 36]))];
    let run = |script: &str, cwnds: &[u32]| {
        let does = cwnds.iter().flat_map(|cwnd| told_of(*cwnd)).collect();
        let (report, _) = play(&format!("{OPEN}{script}"), opened(does));
        format!("{}\nprinted: {:?}", told(&report), report.printed)
    };
    let told = [
        run("+0 %{ assert tcpi_state == TCP_ESTABLISHED and tcpi_snd_cwnd == 10; print(tcpi_snd_cwnd) }%", &[10]),
        run(
            "+0 %{ before = tcpi_snd_cwnd\nprint(before) }%\n+1 %{ assert tcpi_snd_cwnd == before + 1, tcpi_snd_cwnd }%",
            &[10, 11],
        ),
        run(
            "+0 %{ before = tcpi_snd_cwnd\nprint(before) }%\n+1 %{ assert tcpi_snd_cwnd == before + 1, tcpi_snd_cwnd }%",
            &[10, 12],
        ),
        run("+0 %{ assert tcpi_frobs == 1 }%", &[10]),
        run("+0 %{ print(1 // 0) }%", &[10]),
        run("+0 %{ for x in y: pass }%", &[]),
        run("+0 %{ assert tcpi_bytes_acked == 1 }%", &[10]),
    ];
    insta::assert_snapshot!(told.join("\n"));
}
