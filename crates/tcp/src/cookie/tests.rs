use super::*;
use crate::testing::{Host, cx, segment};
use alloc::format;
use alloc::string::ToString;
use core::time::Duration;
use limpid_wire::notation::SegmentText;

/// A stand-in for a keyed hash.
fn mac(round: u8, counter: u32) -> u32 {
    let mixed = (u64::from(counter) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(u32::from(round) * 17 + 5);
    (mixed >> 32) as u32 ^ 0xdead_beef
}

fn host() -> Host {
    let mut host = Host::listening(Config::default());
    host.now = Instant::from_millis(17 * 60_000);
    host.params.ts_offset = 77;
    host
}

const SYN: &str = "S 5000:5000(0) win 64240 <mss 1460,sackOK,TS val 9 ecr 0,nop,wscale 9>";

/// Answers `syn`, lets `wait` pass, and takes the ACK that a client sends then.
fn round_trip(host: &mut Host, syn: &str, wait: Duration) -> Option<SynReceived> {
    let syn = segment(syn);
    let syn_ack = answer(cx!(host), &host.config, host.params, &syn, mac).segment;
    let ack = Segment {
        seq: syn.seq + 1,
        ack: syn_ack.seq + 1,
        flags: limpid_wire::TcpFlags::ACK,
        window: 100,
        options: limpid_wire::TcpOptions {
            timestamps: syn_ack.options.timestamps.map(|ts| Timestamps { val: 10, ecr: ts.val }),
            ..Default::default()
        },
        merged: 1,
        ..Segment::default()
    };
    host.now += wait;
    accept(cx!(host), &host.config, host.params, &ack, mac)
}

#[test]
fn what_the_syn_offered_comes_back() {
    let mut host = host();
    let embryo = round_trip(&mut host, SYN, Duration::from_millis(20)).expect("the cookie is good");
    assert_eq!(
        *embryo.negotiated(),
        Negotiated {
            peer_mss: 1460,
            snd_scale: WindowScale::new(9),
            scaling: true,
            timestamps: true,
            sack: true,
            signed: 0
        }
    );
    assert_eq!(host.counter(Counter::TcpExtSyncookiesRecv), 1);
}

#[test]
fn without_timestamps_only_the_mss_comes_back() {
    let mut host = host();
    let embryo = round_trip(&mut host, "S 5000:5000(0) win 64240 <mss 1400,sackOK>", Duration::ZERO).unwrap();
    assert_eq!(*embryo.negotiated(), Negotiated::plain(1300));
}

#[test]
fn the_answer_promises_only_what_the_cookie_can_carry() {
    let mut host = host();
    let syn = segment("S 5000:5000(0) win 64240 <mss 1400,sackOK,nop,wscale 9>");
    let syn_ack = answer(cx!(host), &host.config, host.params, &syn, mac).segment;
    let text = SegmentText::from_segment(&syn_ack).to_string();
    assert!(text.ends_with("<mss 1460>"), "{text}");
}

#[test]
fn it_is_good_for_this_minute_and_the_next() {
    for (seconds, good) in [(0, true), (60, true), (119, true), (120, false)] {
        let embryo = round_trip(&mut host(), SYN, Duration::from_secs(seconds));
        assert_eq!(embryo.is_some(), good, "after {seconds} s");
    }
}

#[test]
fn a_guess_is_no_cookie() {
    let mut host = host();
    for guess in 0..1000u32 {
        let text = format!(". 5001:5001(0) ack {} win 100", guess.wrapping_mul(4_294_967));
        assert!(accept(cx!(host), &host.config, host.params, &segment(&text), mac).is_none());
    }
    assert_eq!(host.counter(Counter::TcpExtSyncookiesFailed), 1000);
}

#[test]
fn the_connection_is_measured_by_the_echo() {
    let mut host = host();
    let syn = segment(SYN);
    let syn_ack = answer(cx!(host), &host.config, host.params, &syn, mac).segment;
    let echo = syn_ack.options.timestamps.unwrap().val;
    host.now += Duration::from_millis(30);
    let ack = segment(&format!(". 5001:5001(0) ack {} win 100 <nop,nop,TS val 10 ecr {echo}>", syn_ack.seq + 1));
    let embryo = accept(cx!(host), &host.config, host.params, &ack, mac).unwrap();
    let connection = embryo.establish(cx!(host), host.config.clone(), ack);
    let info = connection.info(host.now);
    // The low six bits carry options, so that the clock was up to 64 ms behind.
    assert!((30_000..=94_000).contains(&info.rtt), "{}", info.rtt);
    assert_eq!(info.snd_wnd, 100 << 9);
}

#[test]
fn a_tsval_with_options_is_never_of_the_future() {
    let negotiated = Negotiated {
        peer_mss: 1460,
        snd_scale: WindowScale::new(14),
        scaling: true,
        timestamps: true,
        sack: true,
        signed: 0,
    };
    for tsval in [0, 1, 30, 31, 63, 64, 1_000_000, u32::MAX] {
        let with = tsval_with(tsval, &negotiated, true);
        let behind = tsval.wrapping_sub(with);
        assert!(behind < 64, "{tsval}: {behind} behind");
        assert_eq!(options_of(with, &Config::default(), 1460), negotiated);
    }
}
