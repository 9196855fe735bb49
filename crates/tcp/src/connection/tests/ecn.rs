//! Marks: who is told of them, and what follows (RFC 3168 §6.1, RFC 9768 §3).

use crate::testing::{Host, plain, segment};
use crate::{AccEcnFailure, Config, EcnLevel, EcnPolicy};
use alloc::format;
use limpid_event::Counter;

fn with(level: EcnLevel) -> Config {
    Config { ecn: EcnPolicy { accept: level, offer: level }, initial_cwnd: 10, ..plain() }
}

fn classic() -> Host {
    let mut host = Host::listening(with(EcnLevel::Classic));
    host.inject("SEW 0:0(0) win 65535 <mss 1460>");
    host.expect(&["S.E 0:0(0) ack 1 win 64240 <mss 1460>  (answer to SYN)"]);
    host.inject(". 1:1(0) ack 1 win 65535");
    host.forget();
    host
}

fn accurate() -> Host {
    accurate_with(0)
}

fn accurate_with(max_burst: u32) -> Host {
    let mut host = Host::new(with(EcnLevel::Accurate));
    host.params.max_burst = max_burst;
    host.connect();
    host.expect(&["SEWA 0:0(0) win 64240 <mss 1460>  (open)"]);
    host.inject("SW. 0:0(0) ack 1 win 65535 <mss 1460>");
    host.expect(&["[ect0] .W 1:1(0) ack 1 win 64240  (handshake complete)"]);
    host.forget();
    host
}

#[test]
fn only_new_data_is_ect() {
    let mut host = classic();
    host.write(b"data").unwrap();
    host.expect(&["[ect0] P. 1:5(4) ack 1 win 64240  (new data)"]);
    host.pass_ms(3_000);
    let again = host.sent();
    assert!(!again.is_empty() && again.iter().all(|text| text.starts_with("P. 1:5(4)")), "{again:?}");
    host.inject("[ect0] P. 1:5(4) ack 5 win 65535");
    host.expect(&[". 5:5(0) ack 5 win 64236  (quick ACK)"]);
}

#[test]
fn a_mark_is_echoed_until_cwr_comes() {
    let mut host = classic();
    host.inject("[ce] P. 1:5(4) ack 1 win 65535");
    host.inject("[ect0] P. 5:9(4) ack 1 win 65535");
    host.inject("[ect0] PW. 9:13(4) ack 1 win 65535");
    host.expect(&[
        ".E 1:1(0) ack 5 win 64236  (quick ACK)",
        ".E 1:1(0) ack 9 win 64232  (quick ACK)",
        ". 1:1(0) ack 13 win 64228  (quick ACK)",
    ]);
    let info = host.connection().info(limpid_event::Instant::ZERO);
    assert_eq!((info.ecn, info.ecn_seen, info.accecn.received_ce, info.accecn.received_e0_bytes), (true, true, 1, 8));
}

/// RFC 3168 §6.1.2: once for each window, and each time CWR goes with the next new data.
#[test]
fn each_reduction_is_told_of_once() {
    let mut host = classic();
    let mut told = 0;
    let mut acked = 1;
    for _ in 0..4 {
        host.write(&[7; 2 * 1460]).unwrap();
        let sent = host.sent();
        told += sent.iter().filter(|text| text.contains(".W ")).count();
        host.forget();
        acked += 2 * 1460;
        host.inject(&format!("E. 1:1(0) ack {acked} win 65535"));
    }
    assert_eq!(told, 3, "after the first echo, in each flight");
    let now = host.now;
    assert_eq!(host.connection().info(now).delivered_ce, 8);
    assert_eq!(host.counter(Counter::TcpExtTCPDeliveredCE), 8);
}

/// A peer that echoes for ever gets a small window, and no less than that.
#[test]
fn an_echo_storm_leaves_a_window() {
    let mut host = classic();
    for nth in 0..200_u32 {
        host.write(&[7; 1460]).unwrap();
        host.inject(&format!("E. 1:1(0) ack {} win 65535", 1 + (nth + 1) * 1460));
        host.forget();
    }
    let now = host.now;
    let info = host.connection().info(now);
    assert!(info.snd_cwnd >= 1 && info.snd_ssthresh >= 2, "{info:?}");
    assert_eq!(host.connection().unacknowledged(), 0);
}

/// RFC 9768 §3.2.2: the fields of all segments count, retransmissions and bare ACKs too.
#[test]
fn every_segment_of_an_accurate_connection_counts() {
    let mut host = accurate();
    for (nth, ace) in (0..9_u32).zip([6, 7, 0, 1, 2, 3, 4, 5, 6]) {
        let seq = 1 + nth * 4;
        host.inject(&format!("[ce] P.5 {seq}:{}(4) ack 1 win 65535", seq + 4));
        let sent = host.sent();
        let text = format!("[ect0] .{ace} 1:1(0) ack {} win 65535", seq + 4);
        let expected = segment(&text).flags;
        assert!(
            sent.last().is_some_and(|last| segment(last.split("  (").next().unwrap()).flags == expected),
            "{sent:?}"
        );
        host.forget();
    }
}

/// RFC 9768 §3.2.2.5.1: a change is told of at once, even if a bare ACK brings it while another ACK waits.
#[test]
fn a_change_does_not_wait_with_an_ack() {
    let mut host = accurate();
    let mut seq = 1;
    for _ in 0..40 {
        host.inject(&format!("[ect0] .5 {seq}:{}(1460) ack 1 win 65535", seq + 1460));
        seq += 1460;
        let _ = host.read(2_000);
        host.pass_ms(10);
    }
    host.forget();
    host.inject(&format!("[ect0] P.5 {seq}:{}(10) ack 1 win 65535", seq + 10));
    host.expect(&[]);
    host.inject(&format!("[ce] .5 {}:{}(0) ack 1 win 65534", seq + 10, seq + 10));
    let sent = host.sent();
    assert!(sent.len() == 1 && sent[0].ends_with("(ACK at once: ECN)"), "{sent:?}");
}

/// RFC 9768 §3.2.2.5: a field that jumps says no more than that up to seven packets were marked.
#[test]
fn a_field_that_jumps_does_little_harm() {
    let mut host = accurate();
    let mut acked = 1;
    for nth in 0..100_u32 {
        host.write(&[7; 1460]).unwrap();
        host.forget();
        acked += 1460;
        host.inject(&format!(".{} 1:1(0) ack {acked} win 65535", nth * 5 % 8));
    }
    let now = host.now;
    let info = host.connection().info(now);
    assert!(info.delivered_ce <= 700 && info.snd_cwnd >= 1, "{info:?}");
}

/// RFC 9768 §3.2.2.3, table 4: nothing is ECT where somebody changes the field.
#[test]
fn a_path_that_changes_the_field_gets_no_ect() {
    let mut host = Host::listening(with(EcnLevel::Accurate));
    host.inject("SEWA 0:0(0) win 65535 <mss 1460>");
    host.inject("A. 1:1(0) ack 1 win 65535");
    host.forget();
    host.write(b"data").unwrap();
    host.expect(&["P.EA 1:5(4) ack 1 win 64240  (new data)"]);
    let now = host.now;
    assert_eq!(host.connection().info(now).accecn.fail_mode, AccEcnFailure::ACE_RECEIVE);
}

/// Whoever cuts super-segments leaves CWR on the first alone: none is made while the counter has that bit.
#[test]
fn no_super_segment_while_the_counter_has_cwr() {
    let mut host = accurate_with(4 * 1460);
    let longest = |host: &mut Host| {
        host.write(&[7; 4 * 1460]).unwrap();
        let longest = host.sent().iter().map(|text| segment(text.split("  (").next().unwrap()).payload.len()).max();
        host.forget();
        longest.unwrap()
    };
    assert!(longest(&mut host) > 1460);
    host.inject("[ce] P.5 1:5(4) ack 5841 win 65535");
    host.forget();
    assert_eq!(longest(&mut host), 1460, "the field is 6");
}

/// RFC 3168 §6.1.2: the window is reduced for a loss that a probe repaired, and for one that the reordering timer finds; CWR
/// tells of both.
#[test]
fn what_probes_and_timers_find_is_told_of() {
    let established = || {
        let mut host = Host::listening(Config { sack: true, ..with(EcnLevel::Classic) });
        host.inject("SEW 0:0(0) win 65535 <mss 1460,nop,nop,sackOK>");
        host.pass_ms(100);
        host.inject(". 1:1(0) ack 1 win 65535");
        host.configure(|config| config.no_delay = true);
        host.forget();
        host
    };
    let next_is_marked = |host: &mut Host| {
        host.forget();
        host.write(b"next").unwrap();
        let sent = host.sent();
        assert_eq!(sent.len(), 1);
        sent[0].starts_with("[ect0] P.W ")
    };
    let mut host = established();
    host.write(&[7; 1460]).unwrap();
    host.pass_ms(300);
    assert_eq!(host.counter(Counter::TcpExtTCPLossProbes), 1);
    host.inject(". 1:1(0) ack 1461 win 65535");
    host.write(&[7; 1460]).unwrap();
    host.pass_ms(100);
    host.inject(". 1:1(0) ack 2921 win 65535");
    assert_eq!(host.counter(Counter::TcpExtTCPLossProbeRecovery), 1);
    assert!(next_is_marked(&mut host), "a probe repaired a loss");

    let mut host = established();
    for _ in 0..3 {
        host.write(&[7; 1460]).unwrap();
    }
    host.pass_ms(100);
    host.inject(". 1:1(0) ack 1 win 65535 <nop,nop,sack 1461:2921>");
    host.pass_ms(30);
    assert_eq!(host.counter(Counter::TcpExtTCPSackRecovery), 1);
    host.inject(". 1:1(0) ack 4381 win 65535");
    assert!(next_is_marked(&mut host), "the reordering timer found a loss");
}
