//! Connections that Fast Open began, on the passive side (RFC 7413 §4.2.2).

use crate::testing::{Host, Phase, cx, plain, segment};
use crate::{Config, EcnLevel, EcnPolicy, SynReceived};
use alloc::format;
use limpid_event::Counter;

/// The SYN brought four bytes and a good cookie.
fn child(config: Config, syn: &str) -> Host {
    let mut host = Host::listening(config);
    let syn = segment(syn);
    let config = host.config.clone();
    let request = SynReceived::new(cx!(host), &config, host.params, &syn);
    host.phase = Phase::Connection(request.fast_open(cx!(host), config, syn, None));
    host.drain();
    host
}

fn accurate() -> Host {
    let ecn = EcnPolicy { accept: EcnLevel::Accurate, offer: EcnLevel::None };
    let mut host = child(Config { ecn, ..plain() }, "SEWA 0:4(4) win 65535 <mss 1460>");
    let sent = host.sent();
    assert!(sent.len() == 1 && sent[0].starts_with("S.W 0:0(0) ack 5"), "{sent:?}");
    host.inject(".W 5:5(0) ack 1 win 65535");
    host.forget();
    host
}

/// RFC 9768 §3.2.2: marks are counted and told of, whoever made the connection.
#[test]
fn accurate_ecn_counts_marks() {
    let mut host = accurate();
    for nth in 0..2_u32 {
        let seq = 5 + nth * 4;
        host.inject(&format!("[ce] P.5 {seq}:{}(4) ack 1 win 65535", seq + 4));
    }
    let now = host.now;
    assert_eq!(host.connection().info(now).accecn.received_ce, 2);
    let told = segment(host.sent().last().unwrap().split("  (").next().unwrap()).flags.ace();
    assert_eq!(told, 7, "the initial 5, and two");
}

/// What the ACK of the SYN-ACK says in its ACE field is how that arrived, and no count.
#[test]
fn accurate_ecn_hears_of_marks() {
    let mut host = accurate();
    host.write(&[7; 2 * 1460]).unwrap();
    host.inject(".5 5:5(0) ack 1461 win 65535");
    assert_eq!(host.counter(Counter::TcpExtTCPDeliveredCE), 0);
    host.inject(".6 5:5(0) ack 2921 win 65535");
    assert_eq!(host.counter(Counter::TcpExtTCPDeliveredCE), 1);
}

/// Linux's `icsk_pending`: what the window holds back is no reason to forget that the SYN-ACK has not been answered.
#[test]
fn a_write_that_is_held_leaves_the_syn_ack_its_timer() {
    let cork = Config { cork: true, ..plain() };
    for (config, syn) in [(plain(), "S 0:4(4) win 0 <mss 1460>"), (cork, "S 0:4(4) win 65535 <mss 1460>")] {
        let mut host = child(config, syn);
        host.write(b"answer").unwrap();
        host.forget();
        host.pass_ms(7_100);
        let again = host.sent().iter().filter(|text| text.starts_with("S. 0:0(0) ack 5")).count();
        assert_eq!(again, 3, "after 1, 3 and 7 seconds: {syn}");
        host.forget();
        host.inject(". 5:5(0) ack 1 win 0");
        host.pass_ms(3_000);
        assert!(!host.sent().is_empty(), "the peer's window is asked after: {syn}");
    }
}
