//! A graph without a medium: panels one below the other over one axis of time, each with curves, and tracks of marks.

use super::axis::{Axis, Quantity};
use super::gather::{Flow, Sample};
pub use super::sign::{Cause, Sign};
use crate::words;
use limpid_event::Instant;
use std::time::Duration;

/// Ticks of an axis that stands upright, at most.
const UPRIGHT_TICKS: usize = 4;
/// An axis reaches so far above the highest figure.
const HEADROOM: f64 = 1.02;

/// A graph of one sender or several.
#[derive(Clone, PartialEq, Debug)]
pub struct Graph {
    /// Who sent, a line each.
    pub senders: Vec<String>,
    /// When it begins.
    pub from: Instant,
    /// When it ends.
    pub to: Instant,
    /// What is to be known of it beside: where its times are from.
    pub remark: Option<String>,
    /// From top to bottom.
    pub panels: Vec<Panel>,
    /// Below them.
    pub tracks: Vec<Track>,
}

impl Graph {
    /// How long it is.
    pub fn span(&self) -> Duration {
        self.to.since(self.from)
    }
}

/// Curves and marks over one axis.
#[derive(Clone, PartialEq, Debug)]
pub struct Panel {
    /// What it shows, in a few words.
    pub title: &'static str,
    /// What is measured.
    pub quantity: Quantity,
    /// From 0 up.
    pub axis: Axis,
    /// In the order in which they are drawn: later ones cover earlier ones.
    pub curves: Vec<Curve>,
    /// Segments at their places, in the order of time; drawn over the curves.
    pub marks: Vec<Mark>,
}

impl Panel {
    /// The curves of which something is seen, the uppermost first: a limit far above everything else is beyond the axis.
    pub fn seen(&self) -> impl Iterator<Item = &Curve> {
        let is_seen = |curve: &&Curve| curve.points.iter().any(|point| point.value <= self.axis.top);
        self.curves.iter().rev().filter(is_seen)
    }
}

/// A figure over time.
#[derive(Clone, PartialEq, Debug)]
pub struct Curve {
    /// What it is.
    pub name: &'static str,
    /// Whose it is: index of [`Graph::senders`].
    pub sender: usize,
    /// What it is about, for colour.
    pub tone: Tone,
    /// How it is drawn.
    pub shape: Shape,
    /// In the order of time.
    pub points: Vec<Point>,
}

/// A figure and when it was so.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Point {
    /// When.
    pub at: Instant,
    /// How much.
    pub value: f64,
    /// The packet that tells so, as `tcpdump -#` counts, where it is one.
    pub segment: Option<u64>,
}

/// What a curve is about, for colour.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Tone {
    /// What was sent: in flight, throughput.
    Data,
    /// What was acknowledged.
    Ack,
    /// What the receiver allows.
    Window,
    /// What congestion control allows.
    Congestion,
    /// Its threshold, or the rate that it paces to.
    Threshold,
    /// Times there and back.
    RoundTrip,
}

/// A segment at its place: in a panel of sequence numbers.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Mark {
    /// When.
    pub at: Instant,
    /// Its first sequence number,
    pub low: f64,
    /// and the one after its last.
    pub high: f64,
    /// What it is.
    pub sign: Sign,
    /// Its number, as `tcpdump -#` counts.
    pub segment: u64,
}

/// How a curve is drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// Each figure holds until the next; what is below is filled.
    Area,
    /// Each figure holds until the next.
    Line,
    /// The same, in the background.
    Limit,
    /// Each figure is of its moment alone.
    Dots,
}

/// What happened, in a row of its own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Track {
    /// What.
    pub kind: Kind,
    /// To whom: index of [`Graph::senders`].
    pub sender: usize,
    /// When, from and to; both the same for what has no duration.
    pub spans: Vec<(Instant, Instant)>,
}

/// What a track shows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// The link lost a segment of it.
    Lost,
    /// The link marked a segment of it instead.
    Marked,
    /// It sent something again.
    Again,
    /// It repaired losses, with a reduced window.
    Recovery,
    /// Its retransmission timer ran out.
    Rto,
    /// It took a reduction back.
    Undone,
    /// Nothing passed, either way, for a good part of the time that is shown.
    Idle,
}

impl Kind {
    /// In a word or two.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Lost => "lost",
            Kind::Marked => "marked",
            Kind::Again => "again",
            Kind::Recovery => "recovery",
            Kind::Rto => "RTO",
            Kind::Undone => "undone",
            Kind::Idle => "idle",
        }
    }
}

/// Puts the histories of `flows` into one graph.
pub(super) fn lay_out(flows: &[Flow]) -> Option<Graph> {
    let begins = flows.iter().filter_map(|flow| flow.active).map(|(first, _)| first).min()?;
    let ends = flows.iter().filter_map(last_moment).max()?;
    // A graph of no width at all has nothing to say.
    let to = ends.max(begins + Duration::from_millis(1));
    let mut graph = Graph {
        senders: flows.iter().map(describe).collect(),
        from: begins,
        to,
        remark: None,
        panels: Vec::new(),
        tracks: within(tracks(flows), to),
    };
    let window: Vec<Curve> = if let [flow] = flows { one_window(flow) } else { windows(flows) };
    let through = |(sender, flow)| Curve {
        name: "acknowledged",
        sender,
        tone: Tone::Ack,
        shape: if flows.len() == 1 { Shape::Area } else { Shape::Line },
        points: points(&throughput(flow, begins, to)),
    };
    let mut rates: Vec<Curve> = flows.iter().enumerate().map(through).collect();
    if let [flow] = flows
        && !flow.pacing.is_empty()
    {
        let points = flow.pacing.iter().map(|(at, rate)| Point::new(*at, rate * 8.0)).collect();
        let tone = Tone::Threshold;
        rates.push(Curve { name: "pacing rate", sender: 0, tone, shape: Shape::Limit, points });
    }
    let round_trip = |(sender, flow): (usize, &Flow)| Curve {
        name: "round trip",
        sender,
        tone: Tone::RoundTrip,
        shape: Shape::Dots,
        points: points(&flow.rtt),
    };
    let round_trips: Vec<Curve> = flows.iter().enumerate().map(round_trip).collect();
    graph.panels.extend(panel("window", Quantity::Bytes, window));
    graph.panels.extend(panel("throughput", Quantity::Rate, rates));
    graph.panels.extend(panel("round trip", Quantity::Time, round_trips));
    Some(graph)
}

fn last_moment(flow: &Flow) -> Option<Instant> {
    let acked = flow.acked.last().map(|(at, _)| *at);
    flow.active.map(|(_, last)| last).max(acked)
}

/// A panel whose axis reaches its highest figure; none without figures.
pub(super) fn panel(title: &'static str, quantity: Quantity, curves: Vec<Curve>) -> Option<Panel> {
    let figures = curves.iter().filter(|curve| curve.shape != Shape::Limit).flat_map(|curve| &curve.points);
    let measured = figures.map(|point| point.value).fold(0.0, f64::max);
    if curves.iter().all(|curve| curve.points.is_empty()) {
        return None;
    }
    // Of a limit what is far above all that was reached is cut off.
    let limits = curves.iter().filter(|curve| curve.shape == Shape::Limit).flat_map(|curve| &curve.points);
    let near = limits.map(|point| point.value).filter(|value| *value <= 1.5 * measured);
    let top = near.fold(measured, f64::max);
    // The highest panel has room for more.
    let ticks = if quantity == Quantity::Sequence { 2 * UPRIGHT_TICKS } else { UPRIGHT_TICKS };
    let mut axis = match quantity {
        Quantity::Bytes | Quantity::Sequence => Axis::reaching_in_wholes(top, ticks),
        Quantity::Rate | Quantity::Time => Axis::reaching(top, ticks),
    };
    // What lies on the upper edge is hard to see.
    if axis.top < top * HEADROOM {
        axis.top += axis.step;
    }
    Some(Panel { title, quantity, axis, curves, marks: Vec::new() })
}

fn one_window(flow: &Flow) -> Vec<Curve> {
    let curve = |name, tone, shape, samples: &[Sample]| Curve { name, sender: 0, tone, shape, points: points(samples) };
    vec![
        curve("in flight", Tone::Data, Shape::Area, &flow.in_flight),
        curve("ssthresh", Tone::Threshold, Shape::Limit, &flow.ssthresh),
        curve("cwnd", Tone::Congestion, Shape::Line, &flow.cwnd),
    ]
}

fn windows(flows: &[Flow]) -> Vec<Curve> {
    let cwnd = |(sender, flow): (usize, &Flow)| {
        let points = points(&flow.cwnd);
        Curve { name: "cwnd", sender, tone: Tone::Congestion, shape: Shape::Line, points }
    };
    flows.iter().enumerate().map(cwnd).collect()
}

impl Point {
    /// A figure that is no packet's.
    pub const fn new(at: Instant, value: f64) -> Point {
        Point { at, value, segment: None }
    }
}

pub(super) fn points(samples: &[Sample]) -> Vec<Point> {
    samples.iter().map(|(at, value)| Point::new(*at, *value)).collect()
}

/// Bits a second that were acknowledged.
fn throughput(flow: &Flow, from: Instant, to: Instant) -> Vec<Sample> {
    rate(&flow.acked, &flow.rtt, from, to)
}

/// Bits a second of what passed, averaged over two round trips at least, which evens out their bursts; of a short transfer
/// over a tenth of it.
pub(super) fn rate(passed: &[(Instant, u64)], rtt: &[Sample], from: Instant, to: Instant) -> Vec<Sample> {
    /// As many figures as a wide terminal has columns.
    const MOST: u32 = 100;
    const FEWEST: u32 = 10;
    let mut rtts: Vec<f64> = rtt.iter().map(|(_, rtt)| *rtt).collect();
    rtts.sort_by(f64::total_cmp);
    let usual = rtts.get(rtts.len() / 2).copied().unwrap_or(0.0);
    let most = (to.since(from) / FEWEST).max(Duration::from_micros(1));
    let width = (to.since(from) / MOST).max(seconds(2.0 * usual)).clamp(Duration::from_micros(1), most);
    // The parts are equal: what is left over at the end would be too short to be an average of anything.
    let bins = (to.since(from).as_nanos() / width.as_nanos()).max(1) as usize;
    let width = to.since(from).as_secs_f64() / bins as f64;
    let mut bytes = vec![0u64; bins];
    for (at, passed) in passed {
        let bin = (at.since(from).as_secs_f64() / width) as usize;
        bytes[bin.min(bins - 1)] += passed;
    }
    let at = |bin: usize| from + seconds(width * bin as f64);
    (bytes.iter().enumerate()).map(|(bin, bytes)| (at(bin), *bytes as f64 * 8.0 / width)).collect()
}

/// A span that is made of a figure; absurd ones are cut off.
fn seconds(figure: f64) -> Duration {
    Duration::try_from_secs_f64(figure).unwrap_or_default().min(Duration::from_secs(1 << 32))
}

/// What happened. Of several senders only what tells them apart.
fn tracks(flows: &[Flow]) -> Vec<Track> {
    let mut tracks = Vec::new();
    let moments = |of: &[Instant]| of.iter().map(|at| (*at, *at)).collect::<Vec<_>>();
    for (sender, flow) in flows.iter().enumerate() {
        let kinds = [
            (Kind::Lost, moments(&flow.lost)),
            (Kind::Marked, moments(&flow.marked)),
            (Kind::Again, moments(&flow.again)),
            (Kind::Recovery, flow.recovery.clone()),
            (Kind::Rto, moments(&flow.rto)),
            (Kind::Undone, moments(&flow.undone)),
        ];
        let told = |kind| flows.len() == 1 || !matches!(kind, Kind::Again | Kind::Recovery);
        let used = kinds.into_iter().filter(|(kind, spans)| told(*kind) && !spans.is_empty());
        tracks.extend(used.map(|(kind, spans)| Track { kind, sender, spans }));
    }
    tracks
}

/// Tracks of a graph that ends at `to`.
pub(super) fn within(mut tracks: Vec<Track>, to: Instant) -> Vec<Track> {
    for (begin, end) in tracks.iter_mut().flat_map(|track| &mut track.spans) {
        (*begin, *end) = ((*begin).min(to), (*end).min(to));
    }
    tracks
}

/// `client:49152 → server:7000: 52.1 MB in 10 s, 41.7 Mbit/s; 120 lost, 118 sent again, 2 RTOs`.
fn describe(flow: &Flow) -> String {
    let end = |name: &str, endpoint: Option<limpid_wire::Endpoint>| match (name, endpoint) {
        ("", Some(endpoint)) => endpoint.to_string(),
        (name, Some(endpoint)) => format!("{name}:{}", endpoint.port),
        (name, None) => name.to_owned(),
    };
    let label = flow.label.as_ref().map(|label| format!("{label}, ")).unwrap_or_default();
    let mut text = format!("{label}{} → {}: ", end(&flow.host, flow.local), end(&flow.peer, flow.remote));
    let delivered = flow.delivered();
    let took = flow.active.map(|(first, _)| first).zip(last_moment(flow)).map(|(from, to)| to.since(from));
    let took = took.unwrap_or_default();
    text.push_str(&Quantity::Bytes.show(delivered as f64));
    if took > Duration::ZERO {
        let rate = Quantity::Rate.show(delivered as f64 * 8.0 / took.as_secs_f64());
        text.push_str(&format!(" in {}, {rate}", words::duration(took)));
    }
    let troubles = [
        (flow.lost.len(), "lost"),
        (flow.marked.len(), "marked"),
        (flow.again.len(), "sent again"),
        (flow.rto.len(), if flow.rto.len() == 1 { "RTO" } else { "RTOs" }),
        (flow.undone.len(), "undone"),
    ];
    let troubles: Vec<String> = (troubles.into_iter())
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", words::number(count as u64)))
        .collect();
    if !troubles.is_empty() {
        text.push_str(&format!("; {}", troubles.join(", ")));
    }
    text
}
