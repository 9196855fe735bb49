//! A graph without a medium: panels one below the other over one axis of time, each with curves, and tracks of marks.

use super::axis::{Axis, Quantity};
use super::gather::{Flow, Point};
use crate::words;
use limpid_event::Instant;
use std::time::Duration;

/// Ticks of an axis that stands upright, at most.
const UPRIGHT_TICKS: usize = 4;

/// A graph of one sender or several.
#[derive(Clone, PartialEq, Debug)]
pub struct Graph {
    /// Who sent, a line each.
    pub senders: Vec<String>,
    /// When it begins.
    pub from: Instant,
    /// When it ends.
    pub to: Instant,
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

/// Curves over one axis.
#[derive(Clone, PartialEq, Debug)]
pub struct Panel {
    /// What is measured.
    pub quantity: Quantity,
    /// From 0 up.
    pub axis: Axis,
    /// In the order in which they are drawn: later ones cover earlier ones.
    pub curves: Vec<Curve>,
}

/// A figure over time.
#[derive(Clone, PartialEq, Debug)]
pub struct Curve {
    /// What it is.
    pub name: &'static str,
    /// Whose it is: index of [`Graph::senders`].
    pub sender: usize,
    /// How it is drawn.
    pub shape: Shape,
    /// In the order of time.
    pub points: Vec<(Instant, f64)>,
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
        panels: Vec::new(),
        tracks: tracks(flows),
    };
    let window: Vec<Curve> = if let [flow] = flows { one_window(flow) } else { windows(flows) };
    let through = |(sender, flow)| Curve {
        name: "acknowledged",
        sender,
        shape: if flows.len() == 1 { Shape::Area } else { Shape::Line },
        points: throughput(flow, begins, to),
    };
    let mut rates: Vec<Curve> = flows.iter().enumerate().map(through).collect();
    if let [flow] = flows
        && !flow.pacing.is_empty()
    {
        let points = flow.pacing.iter().map(|(at, rate)| (*at, rate * 8.0)).collect();
        rates.push(Curve { name: "pacing rate", sender: 0, shape: Shape::Limit, points });
    }
    let round_trip = |(sender, flow): (usize, &Flow)| Curve {
        name: "round trip",
        sender,
        shape: Shape::Dots,
        points: flow.rtt.clone(),
    };
    let round_trips: Vec<Curve> = flows.iter().enumerate().map(round_trip).collect();
    for (quantity, curves) in [(Quantity::Bytes, window), (Quantity::Rate, rates), (Quantity::Time, round_trips)] {
        graph.panels.extend(panel(quantity, curves));
    }
    Some(graph)
}

fn last_moment(flow: &Flow) -> Option<Instant> {
    let acked = flow.acked.last().map(|(at, _)| *at);
    flow.active.map(|(_, last)| last).max(acked)
}

/// A panel whose axis reaches its highest figure; none without figures.
fn panel(quantity: Quantity, curves: Vec<Curve>) -> Option<Panel> {
    let highest = |shape: fn(Shape) -> bool| {
        let curves = curves.iter().filter(|curve| shape(curve.shape));
        curves.flat_map(|curve| &curve.points).map(|(_, value)| *value).fold(0.0, f64::max)
    };
    let measured = highest(|shape| shape != Shape::Limit);
    if curves.iter().all(|curve| curve.points.is_empty()) {
        return None;
    }
    // A limit far above all that was reached is cut off.
    let limit = highest(|shape| shape == Shape::Limit);
    let top = if limit <= 1.5 * measured { limit.max(measured) } else { measured };
    Some(Panel { quantity, axis: Axis::reaching(top, UPRIGHT_TICKS), curves })
}

fn one_window(flow: &Flow) -> Vec<Curve> {
    let curve = |name, shape, points: &[Point]| Curve { name, sender: 0, shape, points: points.to_vec() };
    vec![
        curve("in flight", Shape::Area, &flow.in_flight),
        curve("ssthresh", Shape::Limit, &flow.ssthresh),
        curve("cwnd", Shape::Line, &flow.cwnd),
    ]
}

fn windows(flows: &[Flow]) -> Vec<Curve> {
    let cwnd =
        |(sender, flow): (usize, &Flow)| Curve { name: "cwnd", sender, shape: Shape::Line, points: flow.cwnd.clone() };
    flows.iter().enumerate().map(cwnd).collect()
}

/// Bits a second that were acknowledged, averaged over two round trips at least, which evens out their bursts.
fn throughput(flow: &Flow, from: Instant, to: Instant) -> Vec<Point> {
    /// As many figures as a wide terminal has columns.
    const MOST: u32 = 100;
    let mut rtts: Vec<f64> = flow.rtt.iter().map(|(_, rtt)| *rtt).collect();
    rtts.sort_by(f64::total_cmp);
    let usual = rtts.get(rtts.len() / 2).copied().unwrap_or(0.0);
    let width = (to.since(from) / MOST).max(seconds(2.0 * usual)).max(Duration::from_micros(1));
    let bins = (to.since(from).as_nanos() / width.as_nanos()) as usize + 1;
    let mut bytes = vec![0u64; bins];
    for (at, acked) in &flow.acked {
        let bin = (at.since(from).as_nanos() / width.as_nanos()) as usize;
        bytes[bin.min(bins - 1)] += acked;
    }
    let last = to.since(from) - width * (bins as u32 - 1);
    let at = |bin: usize| from + width * bin as u32;
    let mut points: Vec<Point> =
        (bytes.iter().enumerate()).map(|(bin, bytes)| (at(bin), *bytes as f64 * 8.0 / width.as_secs_f64())).collect();
    // What is left over at the end is too short to be an average of anything.
    if bins > 1 && last < width {
        points.pop();
    }
    points
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

/// `client:49152 → server:7000: 52.1 MB in 10 s, 41.7 Mbit/s; 120 lost, 118 sent again, 2 RTOs`.
fn describe(flow: &Flow) -> String {
    let end = |name: &str, endpoint: Option<limpid_wire::Endpoint>| match (name, endpoint) {
        ("", Some(endpoint)) => endpoint.to_string(),
        (name, Some(endpoint)) => format!("{name}:{}", endpoint.port),
        (name, None) => name.to_owned(),
    };
    let mut text = format!("{} → {}: ", end(&flow.host, flow.local), end(&flow.peer, flow.remote));
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
