//! The path's MTU: probes and what becomes of them (RFC 4821), black holes, a second look at ICMP (RFC 5927 §7.2), and that no
//! segment is larger than the path.

use crate::testing::{Host, Phase, Random, cx, plain};
use crate::{Config, MtuProbing, Transmit};
use alloc::format;
use alloc::vec::Vec;
use core::time::Duration;
use limpid_event::{Counter, Instant, TxReason};
use limpid_wire::SeqNum;

const START: Instant = Instant::ZERO;

fn probing() -> Config {
    Config { mtu_probing: MtuProbing::Always, ..plain() }
}

/// A connection that we opened, with a window of `cwnd` segments and all acknowledged up to the number returned.
fn opened(config: Config, cwnd: u16) -> (Host, u32) {
    let mut host = Host::connecting(Config { initial_cwnd: cwnd, ..config });
    host.pass_ms(50);
    host.inject("S. 0:0(0) ack 1 win 65535 <mss 1460>");
    host.forget();
    (host, 1)
}

fn lens(host: &mut Host) -> Vec<usize> {
    host.outbox.drain(..).map(|t| t.segment.payload.len()).collect()
}

fn mss_and_cwnd(host: &mut Host) -> (u32, u32) {
    let info = host.connection().info(START);
    (info.snd_mss, info.snd_cwnd)
}

#[test]
fn who_connects_begins_with_the_base_mss() {
    let (mut host, _) = opened(probing(), 10);
    assert_eq!(mss_and_cwnd(&mut host), (1024, 10));
    host.write(&[0; 4096]).unwrap();
    // No timestamps were offered, so that nothing more than the base fits.
    assert_eq!(lens(&mut host), [1024; 4]);
    let mut host = Host::established(probing());
    assert_eq!(
        mss_and_cwnd(&mut host),
        (1460, 10),
        "who accepts keeps to the path until something changes, as on Linux"
    );
}

#[test]
fn a_probe_that_arrives_makes_larger_segments_and_a_smaller_window() {
    let (mut host, _) = opened(probing(), 12);
    host.write(&[0; 12_000]).unwrap();
    let sent = host.sent();
    // Half way from 1064 to 1500 bytes, less the headers; it counts twice.
    assert_eq!(sent[0], ". 1:1243(1242) ack 1 win 64240  (path MTU probe)", "{sent:?}");
    assert_eq!(mss_and_cwnd(&mut host), (1024, 11));
    host.inject(". 1:1(0) ack 1243 win 65535");
    let (mss, cwnd) = mss_and_cwnd(&mut host);
    // 12 segments, one of them acknowledged in slow start after the window was fitted: 11 · 1064 / 1282 + 1.
    assert_eq!((mss, cwnd), (1242, 10));
    assert_eq!(host.counter(Counter::TcpExtTCPMTUPSuccess), 1);
}

#[test]
fn a_probe_that_is_lost_costs_no_window() {
    for sack in [false, true] {
        let (mut host, _) = opened(Config { sack, ..probing() }, 12);
        if sack {
            host = Host::connecting(Config { initial_cwnd: 12, sack, ..probing() });
            host.pass_ms(50);
            host.inject("S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK>");
            host.forget();
        }
        // It sets the window, and is no duplicate later.
        host.inject(". 1:1(0) ack 1 win 65535");
        host.write(&[0; 12_000]).unwrap();
        host.forget();
        for n in 1..=3u32 {
            let block = if sack { format!(" <sack 1243:{}>", 1243 + n * 1024) } else { "".into() };
            host.inject(&format!(". 1:1(0) ack 1 win 65535{block}"));
        }
        let sent = host.sent();
        let again: Vec<_> = sent.iter().filter(|s| s.contains("smaller path MTU")).collect();
        assert_eq!(again.len(), 2, "{sack}: {sent:?}");
        assert!(again[0].contains("1:1025(1024)") && again[1].contains("1025:1243(218)"), "{again:?}");
        let info = host.connection().info(START);
        assert_eq!((info.snd_cwnd, info.snd_ssthresh, info.ca_state), (12, u32::MAX, 4), "SACK {sack}");
        assert_eq!(host.counter(Counter::TcpExtTCPMTUPFail), 1);
        assert_eq!(info.snd_mss, 1024);
    }
}

#[test]
fn no_probe_without_window_data_or_calm() {
    let quiet = |config: Config, cwnd: u16, write: usize| {
        let (mut host, _) = opened(config, cwnd);
        host.write(&alloc::vec![0; write]).unwrap();
        host.outbox.iter().all(|t| t.why != TxReason::MtuProbe)
    };
    assert!(!quiet(probing(), 11, 12_000));
    assert!(quiet(probing(), 10, 12_000), "a window of eleven segments is needed");
    assert!(quiet(probing(), 12, 1242 + 4 * 1024 - 1), "four segments behind it");
    assert!(!quiet(probing(), 12, 1242 + 4 * 1024));
    assert!(quiet(Config { mtu_probing: MtuProbing::AfterBlackHole, ..probing() }, 12, 12_000));
    assert!(quiet(Config { probe_threshold: 437, ..probing() }, 12, 12_000), "nothing worth finding out");
}

#[test]
fn the_search_ends_near_the_path_and_begins_anew_after_the_interval() {
    let (mut host, mut acked) = opened(probing(), 40);
    let path = 1400;
    let mut probes = Vec::new();
    for _ in 0..40 {
        host.write(&[0; 40_000]).unwrap();
        host.pass_ms(10);
        while !host.outbox.is_empty() {
            let lost = host.outbox.iter().position(|t| t.segment.payload.len() + 40 > path);
            probes.extend(host.outbox.iter().filter(|t| t.why == TxReason::MtuProbe).map(|t| t.segment.payload.len()));
            let end = |t: &Transmit| t.segment.seq_end().0;
            let top = host.outbox.iter().map(end).max().unwrap();
            let hole = lost.map(|at| host.outbox[at].segment.seq.0);
            host.outbox.clear();
            match hole {
                Some(hole) => {
                    host.inject(&format!(". 1:1(0) ack {hole} win 65535"));
                    for _ in 0..3 {
                        host.inject(&format!(". 1:1(0) ack {hole} win 65535"));
                    }
                    acked = acked.max(top);
                }
                None => {
                    acked = acked.max(top);
                    host.inject(&format!(". 1:1(0) ack {acked} win 65535"));
                }
            }
        }
    }
    let (mss, _) = mss_and_cwnd(&mut host);
    assert!((1360 - 7..=1360).contains(&mss), "{mss} after {probes:?}");
    assert!(probes.len() <= 7, "{probes:?}");
    let before = probes.len();
    host.pass(Duration::from_secs(601));
    host.forget();
    for _ in 0..2 {
        host.write(&[0; 40_000]).unwrap();
        host.pass_ms(10);
        let end = host.outbox.iter().map(|t| t.segment.seq_end().0).max().unwrap();
        probes.extend(host.outbox.iter().filter(|t| t.why == TxReason::MtuProbe).map(|t| t.segment.payload.len()));
        host.outbox.clear();
        host.inject(&format!(". 1:1(0) ack {end} win 65535"));
    }
    assert!(probes.len() > before, "it searches again");
}

/// Linux's `tcp_mtu_probing`: after as long as three retransmissions take, the base MSS; then half of it each time.
#[test]
fn a_black_hole_is_left_by_smaller_and_smaller_segments() {
    let mut host = Host::established_after(Config { mtu_probing: MtuProbing::AfterBlackHole, ..plain() }, 50);
    host.write(&[0; 1460]).unwrap();
    host.outbox.clear();
    let mut sizes = Vec::new();
    for _ in 0..10 {
        let at = host.poll_timeout().unwrap();
        host.pass(at.since(host.now));
        sizes.extend(lens(&mut host));
    }
    assert_eq!(sizes, [1460, 1460, 1460, 1024, 512, 256, 128, 64, 48, 48]);
    let mut host = Host::established_after(plain(), 50);
    host.write(&[0; 1460]).unwrap();
    host.outbox.clear();
    host.pass_ms(60_000);
    assert!(lens(&mut host).iter().all(|&len| len == 1460), "only if it is switched on");
}

#[test]
fn a_claim_against_what_arrived_waits_for_the_timer() {
    let mut host = Host::established_after(Config { path_mtu_second_look: true, ..plain() }, 50);
    let believes = |host: &mut Host, seq: u32, mtu| {
        let Phase::Connection(connection) = &mut host.phase else { panic!() };
        connection.believes_mtu(cx!(host), SeqNum(seq), mtu)
    };
    host.write(&[0; 1460]).unwrap();
    assert!(believes(&mut host, 1, 1200), "nothing as large has arrived yet");
    host.inject(". 1:1(0) ack 1461 win 65535");
    host.write(&[0; 1460]).unwrap();
    assert!(!believes(&mut host, 1461, 1200));
    host.inject(". 1:1(0) ack 2921 win 65535");
    assert_eq!(host.connection().take_believed_mtu(), None);
    host.pass_ms(2000);
    assert_eq!(host.connection().take_believed_mtu(), None, "it was acknowledged");
    host.write(&[0; 1460]).unwrap();
    host.pass_ms(1000);
    assert_eq!(host.connection().take_believed_mtu(), None, "and the timer of another says nothing of it");
    host.inject(". 1:1(0) ack 4381 win 65535");
    host.write(&[0; 1460]).unwrap();
    assert!(!believes(&mut host, 4381, 1200));
    host.pass_ms(1000);
    assert_eq!(host.connection().take_believed_mtu(), Some(1200));
    assert_eq!(host.connection().take_believed_mtu(), None, "once");
}

/// Whatever becomes of the path, of probes and of what waits for the device: nothing that leaves is larger than the path's MSS,
/// a segment of a super-segment neither.
#[test]
fn nothing_is_larger_than_the_path() {
    for seed in 1..=200 {
        let mut random = Random::new(seed);
        let probing = [MtuProbing::Off, MtuProbing::AfterBlackHole, MtuProbing::Always][random.below(3) as usize];
        let timestamps = random.percent(50);
        let config = Config { mtu_probing: probing, timestamps, sack: random.percent(50), initial_cwnd: 30, ..plain() };
        let mut host = Host::connecting(config);
        host.params.max_burst = [0, 65_536][random.below(2) as usize];
        host.connect();
        host.pass_ms(20);
        host.inject("S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK,TS val 1 ecr 0>");
        let (mut mss, mut acked) = (1460u16, 1);
        for _ in 0..200 {
            match random.below(6) {
                0 | 1 => drop(host.write(&alloc::vec![0; 1 + random.below(20_000) as usize])),
                2 => host.pass_ms(random.below(400)),
                3 => {
                    mss = 88 + random.below(1373) as u16;
                    let (lost, burst) = (random.percent(50), [0, 65_536][random.below(2) as usize]);
                    let Phase::Connection(connection) = &mut host.phase else { break };
                    match lost {
                        true => connection.handle_too_big(cx!(host), mss),
                        false => connection.handle_path(cx!(host), mss, burst),
                    }
                    host.outbox.clear();
                    host.drain();
                }
                _ => {
                    acked = host.outbox.iter().map(|t| t.segment.seq_end().0).max().unwrap_or(acked).max(acked);
                    host.outbox.clear();
                    host.inject(&format!(". 1:1(0) ack {acked} win 65535"));
                }
            }
            for t in &host.outbox {
                let segment = if t.gso_size > 0 { usize::from(t.gso_size) } else { t.segment.payload.len() };
                let options = limpid_wire::tcp::header_len(&t.segment) - 20;
                assert!(segment + options <= usize::from(mss), "seed {seed}: {segment} + {options} > {mss}: {}", t.why);
            }
        }
    }
}

/// What was cut and waits for the device is cut anew where the path takes less by now.
#[test]
fn what_waits_for_the_device_is_cut_anew() {
    let mut host = Host::established(Config { initial_cwnd: 10, ..plain() });
    let Phase::Connection(connection) = &mut host.phase else { panic!() };
    connection.write_with(cx!(host), &[0; 8 * 1460], crate::WriteFlags::empty()).unwrap();
    let first = connection.poll_transmit(cx!(host)).expect("there is room in the window");
    assert_eq!(first.segment.payload.len(), 1460);
    connection.handle_path(cx!(host), 1000, 0);
    host.drain();
    let lens = lens(&mut host);
    assert!(lens.len() > 1 && lens.iter().all(|len| *len <= 1000), "{lens:?}");
}

#[test]
fn there_is_one_probe_at_a_time() {
    let (mut host, _) = opened(probing(), 60);
    for _ in 0..3 {
        // There is data, window and calm for more of them.
        host.write(&[0; 12_000]).unwrap();
        assert_eq!(host.outbox.iter().filter(|t| t.why == TxReason::MtuProbe).count(), 1);
    }
}
