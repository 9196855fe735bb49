use super::*;

const RTO_MIN: Duration = Duration::from_millis(200);

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[test]
fn the_probe_waits_for_two_round_trips_and_the_peers_delay() {
    let wait = |srtt, single, rto| probe_timeout(srtt, single, RTO_MIN, rto);
    assert_eq!(wait(Some(ms(100)), false, None), ms(202));
    assert_eq!(wait(Some(ms(100)), true, None), ms(400), "a single segment's ACK may be delayed");
    assert_eq!(wait(Some(Duration::from_micros(30)), false, None), ms(3), "a clock of milliseconds");
    assert_eq!(wait(None, false, None), ms(1000));
    assert_eq!(wait(Some(ms(100)), false, Some(ms(150))), ms(150), "the timeout would be earlier");
    assert_eq!(wait(Some(ms(100)), false, Some(ms(0))), ms(202), "it should have been");
    assert_eq!(reordering_timeout(Duration::from_micros(2_500)), ms(5));
}

fn out(retransmitted: bool) -> Tlp {
    let mut tlp = Tlp::default();
    assert!(!tlp.is_out());
    tlp.on_sent(SeqNum(1000), retransmitted);
    assert_eq!((tlp.is_out(), tlp.is_retransmission_out()), (true, retransmitted));
    tlp
}

/// What an ACK tells, and whether the probe is still out.
fn told(mut tlp: Tlp, ack: u32, input: ProbeAck) -> (ProbeVerdict, bool) {
    let verdict = tlp.on_ack(SeqNum(ack), input);
    (verdict, tlp.is_out())
}

#[test]
fn new_data_ends_its_episode_when_it_is_acknowledged() {
    assert_eq!(told(out(false), 999, ProbeAck::default()), (ProbeVerdict::Open, true));
    assert_eq!(told(out(false), 1000, ProbeAck { news: true, ..ProbeAck::default() }), (ProbeVerdict::NoLoss, false));
}

/// RFC 8985 §7.4.2.
#[test]
fn a_retransmission_that_nobody_had_twice_repaired_a_loss() {
    let news = ProbeAck { news: true, ..ProbeAck::default() };
    assert_eq!(told(out(true), 999, news), (ProbeVerdict::Open, true), "not all of it");
    assert_eq!(told(out(true), 1000, news), (ProbeVerdict::Open, true), "the other one may have an answer, too");
    assert_eq!(
        told(out(true), 1001, news),
        (ProbeVerdict::Repaired, false),
        "it has none: what follows is acknowledged"
    );
    let duplicate = ProbeAck { news: true, duplicate_probe: true, ..ProbeAck::default() };
    assert_eq!(told(out(true), 1001, duplicate), (ProbeVerdict::NoLoss, false));
    assert_eq!(told(out(true), 1000, ProbeAck::default()), (ProbeVerdict::NoLoss, false), "both have an answer");
    assert_eq!(told(out(true), 1000, ProbeAck { sacked: true, ..ProbeAck::default() }), (ProbeVerdict::Open, true));
    assert!(out(true).is_probe_end(SeqNum(1000)) && !out(true).is_probe_end(SeqNum(999)));
    let mut over = out(true);
    over.end();
    assert_eq!(told(over, 1001, news), (ProbeVerdict::Open, false));
}
