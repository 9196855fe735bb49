use super::*;
use crate::ladder::Charset;
use crate::trace::{Arrival, View, What};
use limpid_event::{
    CongestionReason, Event, FlowId, Instant, LinkFate, Opening, RecoveryReason, SegmentView, Timer, TxReason,
};
use limpid_wire::{Ecn, Endpoint, IpAddr, SeqNum, TcpFlags, TcpOptions};
use std::time::Duration;

const MSS: u32 = 1000;
const RTT: Duration = Duration::from_millis(50);

fn segment(seq: u32, ack: u32, len: u32) -> SegmentView {
    SegmentView {
        seq: SeqNum(seq),
        ack: SeqNum(ack),
        flags: TcpFlags::ACK,
        window: 1000,
        urgent: 0,
        options: TcpOptions::default().into(),
        ecn: Ecn::default(),
        len,
    }
}

/// A sender's made-up history.
struct Sender<'t> {
    trace: &'t mut Trace,
    flow: FlowId,
    seq: u32,
}

impl<'t> Sender<'t> {
    fn new(trace: &'t mut Trace, flow: u64) -> Sender<'t> {
        let (client, server) = (IpAddr::v4([10, 0, 0, 1]), IpAddr::v4([10, 0, 0, 2]));
        if trace.hosts.is_empty() {
            trace.add_host("client", vec![client], View::Inside);
            trace.add_host("server", vec![server], View::Inside);
        }
        let mut sender = Sender { trace, flow: FlowId(flow), seq: 1 };
        let (local, remote) = (Endpoint::new(client, 40_000 + flow as u16), Endpoint::new(server, 80));
        sender.tell(Instant::ZERO, Event::Opened { local, remote, opening: Opening::Active });
        sender
    }

    fn tell(&mut self, at: Instant, event: Event) {
        self.trace.note(at, 0, self.flow, What::Event(event));
    }

    /// A window of `cwnd` segments goes out at `at` and is acknowledged a round trip later.
    fn round(&mut self, at: Instant, cwnd: u32, ssthresh: u32, why: CongestionReason) {
        let cwnd_bytes = cwnd * MSS;
        self.tell(at, Event::Congestion { cwnd: cwnd_bytes, ssthresh, why });
        for n in 0..cwnd {
            let gone = at + RTT / 2 * n / cwnd;
            let segment = segment(self.seq + n * MSS, 1, MSS);
            self.tell(gone, Event::Sent { segment, why: TxReason::NewData, retransmission: 0 });
        }
        self.seq += cwnd_bytes;
        let back = at + RTT;
        self.tell(back, Event::Received { segment: segment(1, self.seq, 0) });
        let rtt = RTT + Duration::from_micros(100) * cwnd;
        self.tell(back, Event::RttSample { rtt, srtt: rtt, rto: rtt * 4 });
        self.tell(back, Event::Flight { in_flight: 0, cwnd: cwnd_bytes, pacing_rate: None });
    }

    fn lose(&mut self, at: Instant) {
        let id = self.trace.packet_sent(at, (0, 1), Vec::new(), self.flow, Some(TxReason::NewData));
        self.trace.packet_ended(id, Arrival::Lost { at: at + RTT / 2, fate: LinkFate::QueueFull });
        self.tell(at + RTT, Event::RecoveryBegan { why: RecoveryReason::Sack });
        let again = Event::Sent { segment: segment(1, 1, MSS), why: TxReason::FastRetransmit, retransmission: 1 };
        self.tell(at + RTT, again);
        self.tell(at + RTT * 2, Event::RecoveryEnded);
    }
}

/// The additive increase and multiplicative decrease of textbooks, and a timeout at its end.
fn sawtooth(sender: &mut Sender<'_>, low: u32, high: u32) {
    let (mut cwnd, mut at) = (low, Instant::ZERO + RTT);
    for _ in 0..100 {
        let why = if cwnd == low { CongestionReason::Loss } else { CongestionReason::CongestionAvoidance };
        sender.round(at, cwnd, low * MSS, why);
        if cwnd == high {
            sender.lose(at);
        }
        cwnd = if cwnd == high { low } else { cwnd + 1 };
        at += RTT;
    }
    sender.tell(at, Event::TimerFired { timer: Timer::Rto, nth: 1 });
    sender.round(at, 1, low * MSS, CongestionReason::Rto);
}

fn one() -> Trace {
    let mut trace = Trace::default();
    sawtooth(&mut Sender::new(&mut trace, 1), 20, 40);
    trace.finish(Instant::ZERO);
    trace
}

fn two() -> Trace {
    let mut trace = Trace::default();
    sawtooth(&mut Sender::new(&mut trace, 1), 20, 40);
    sawtooth(&mut Sender::new(&mut trace, 2), 8, 12);
    trace.finish(Instant::ZERO);
    trace
}

#[test]
fn one_sender() {
    insta::assert_snapshot!(render(&one(), &GraphOptions::default()));
}

#[test]
fn two_senders() {
    insta::assert_snapshot!(render(&two(), &GraphOptions { width: 100, ..GraphOptions::default() }));
}

#[test]
fn one_sender_in_ascii() {
    let text = render(&one(), &GraphOptions { width: 60, charset: Charset::Ascii, ..GraphOptions::default() });
    assert!(text.is_ascii());
    insta::assert_snapshot!(text);
}

#[test]
fn it_keeps_to_its_width_and_colours_change_no_sign() {
    for trace in [one(), two()] {
        for width in [0, 40, 61, 80, 133, 200, 10_000] {
            let options = GraphOptions { width, ..GraphOptions::default() };
            let plain = render(&trace, &options);
            let widest = plain.lines().map(|line| line.chars().count()).max();
            assert!(widest <= Some(width.clamp(40, 200)), "{widest:?} of {width}");
            let coloured = render(&trace, &GraphOptions { color: true, ..options });
            assert_ne!(coloured, plain);
            assert_eq!(without_sgr(&coloured), plain);
        }
    }
}

fn without_sgr(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + part.split_once('m').map_or("", |(_, rest)| rest))
}

#[test]
fn figures_are_those_of_the_events() {
    let graph = lay_out(&one()).expect("a sender");
    // 100 rounds of the sawtooth, and one segment after the timeout; what was sent again was counted once.
    let rounds: u32 = (0..100).map(|n| 20 + n % 21).sum();
    let delivered = f64::from((rounds + 1) * MSS);
    assert!(graph.senders[0].contains(&format!("{:.2} MB in 5.05 s", delivered / 1e6)), "{}", graph.senders[0]);
    assert!(graph.senders[0].contains("4 lost, 4 sent again, 1 RTO"), "{}", graph.senders[0]);
    let cwnd = graph.panels[0].curves.iter().find(|curve| curve.name == "cwnd").expect("a window");
    let highest = cwnd.points.iter().map(|point| point.value).fold(0.0, f64::max);
    assert_eq!(highest, 40_000.0);
    let in_flight = graph.panels[0].curves.iter().find(|curve| curve.name == "in flight").expect("a flight");
    assert!(in_flight.points.iter().all(|point| point.value <= 41_000.0));
}

#[test]
fn who_only_answers_is_not_drawn_and_of_many_the_busiest_are() {
    let mut trace = Trace::default();
    for flow in 1..=9 {
        let rounds = if flow == 9 { 1 } else { 30 + flow };
        let mut sender = Sender::new(&mut trace, flow);
        for n in 0..rounds {
            sender.round(Instant::ZERO + RTT * n as u32, 10, u32::MAX, CongestionReason::SlowStart);
        }
    }
    trace.finish(Instant::ZERO);
    let senders = lay_out(&trace).expect("senders").senders;
    assert_eq!(senders.len(), MAX_FLOWS);
    assert!(senders.iter().all(|s| !s.contains(":40009") && !s.contains(":40001")), "{senders:?}");
}

#[test]
fn what_tells_nothing_has_no_graph() {
    assert_eq!(render(&Trace::default(), &GraphOptions::default()), "");
    let mut trace = Trace::default();
    Sender::new(&mut trace, 1);
    assert_eq!(lay_out(&trace), None);
}

#[test]
fn absurd_figures_are_drawn_without_harm() {
    let mut trace = Trace::default();
    let mut sender = Sender::new(&mut trace, 1);
    let sent = Event::Sent { segment: segment(1, 1, u32::MAX), why: TxReason::NewData, retransmission: 0 };
    sender.tell(Instant::MAX, sent);
    sender.tell(Instant::ZERO, Event::Received { segment: segment(1, 0x8000_0000, 0) });
    sender.tell(Instant::MAX, Event::Flight { in_flight: u32::MAX, cwnd: u32::MAX, pacing_rate: Some(u64::MAX) });
    let rtt = Duration::MAX;
    sender.tell(Instant::MAX, Event::RttSample { rtt, srtt: rtt, rto: rtt });
    trace.finish(Instant::MAX);
    assert!(!render(&trace, &GraphOptions::default()).is_empty());
}

#[test]
fn axes_end_at_round_numbers() {
    use super::axis::Axis;
    for (most, top, step) in [(7.3, 8.0, 2.0), (100.0, 100.0, 50.0), (0.013, 0.015, 0.005), (0.0, 1.0, 0.5)] {
        let axis = Axis::reaching(most, 4);
        assert!((axis.top - top).abs() < 1e-9 && (axis.step - step).abs() < 1e-9, "{most}: {axis:?}");
    }
    assert_eq!(Axis::reaching(f64::NAN, 4).ticks().count(), 3);
}

#[test]
fn axes_of_bytes_have_no_halves() {
    use super::axis::Axis;
    for (most, top, step) in [(0.0, 1.0, 1.0), (1.0, 1.0, 1.0), (2.0, 2.0, 1.0), (7.0, 8.0, 2.0), (100.0, 100.0, 50.0)]
    {
        let axis = Axis::reaching_in_wholes(most, 4);
        assert_eq!((axis.top, axis.step), (top, step), "{most}");
    }
    assert_eq!(Axis::reaching_in_wholes(f64::NAN, 4).top, 1.0);
}

#[test]
fn a_legend_names_what_is_seen() {
    use super::layout::{Curve, Point, Shape, Tone, panel};
    let curve = |name, value| {
        let points = vec![Point::new(Instant::ZERO, value)];
        Curve {
            name,
            sender: 0,
            tone: Tone::Data,
            shape: if name == "far" { Shape::Limit } else { Shape::Line },
            points,
        }
    };
    let panel = panel("window", super::axis::Quantity::Bytes, vec![curve("near", 10.0), curve("far", 65_536.0)]);
    let panel = panel.expect("there are figures");
    assert_eq!(panel.seen().map(|curve| curve.name).collect::<Vec<_>>(), ["near"]);
}

#[test]
fn every_sign_has_a_name_of_its_own() {
    use super::layout::{Cause, Sign};
    let causes = [Cause::Timeout, Cause::AfterTimeout, Cause::Fast, Cause::Probe, Cause::Unknown];
    let again = causes.into_iter().flat_map(|cause| [false, true].map(|needless| Sign::Again { cause, needless }));
    let others =
        [Sign::Data { pushed: false }, Sign::Data { pushed: true }, Sign::Sack, Sign::DuplicateSack, Sign::Lost];
    let names: Vec<&str> = again.chain(others).map(Sign::name).collect();
    let different: std::collections::HashSet<&&str> = names.iter().collect();
    assert_eq!(different.len(), names.len(), "{names:?}");
}

/// What stands on the upper edge of a panel is hard to see, and what is above it is not seen at all.
#[test]
fn figures_stay_below_the_upper_edge() {
    use super::axis::Quantity;
    use super::layout::{Curve, Point, Shape, Tone, panel};
    for most in [20.0, 7.0, 14_480.0, 1e6] {
        let points = vec![Point::new(limpid_event::Instant::ZERO, most)];
        let curve = Curve { name: "", sender: 0, tone: Tone::Data, shape: Shape::Line, points };
        let axis = panel("", Quantity::Bytes, vec![curve]).expect("a panel").axis;
        assert!(axis.top > most && axis.top < 1.6 * most, "{most}: {axis:?}");
    }
}
