//! One direction of a connection as a graph: which panels, and what stands in them.

use super::Show;
use super::axis::Quantity;
use super::layout::{Curve, Graph, Kind, Panel, Point, Shape, Sign, Tone, Track, panel, points, rate, within};
use super::packets::Direction;
use crate::words;
use limpid_event::Instant;
use std::time::Duration;

/// Lays out what `show` asks for; `None` if nothing of it is known.
pub(super) fn lay_out(direction: &Direction, show: Show) -> Option<Graph> {
    let (from, to) = direction.active?;
    // A graph of no width at all has nothing to say.
    let to = to.max(from + Duration::from_millis(1));
    let mut panels = Vec::new();
    if show.has(Show::Sequence) {
        panels.extend(sequence(direction));
    }
    if show.has(Show::Flight) {
        panels.extend(flight(direction));
    }
    if show.has(Show::Throughput) {
        panels.extend(throughput(direction, from, to));
    }
    if show.has(Show::Rtt) {
        panels.extend(round_trips(direction));
    }
    if panels.is_empty() {
        return None;
    }
    let (senders, remark) = (vec![describe(direction)], remark(direction));
    Some(Graph { senders, from, to, remark, panels, tracks: within(tracks(direction), to) })
}

fn curve(name: &'static str, tone: Tone, shape: Shape, points: Vec<Point>) -> Curve {
    Curve { name, sender: 0, tone, shape, points }
}

/// tcptrace's time-sequence graph: data between what is acknowledged and what is allowed.
fn sequence(direction: &Direction) -> Option<Panel> {
    let allowed = curve("window", Tone::Window, Shape::Limit, direction.allowed.clone());
    let acked = curve("acknowledged", Tone::Ack, Shape::Line, direction.acked.clone());
    let highest = direction.marks.iter().map(|mark| mark.high).fold(0.0, f64::max);
    // The marks decide how far the axis reaches; the window's line may leave it.
    let bound = curve("", Tone::Data, Shape::Line, vec![Point::new(Instant::ZERO, highest)]);
    let mut panel = panel("sequence numbers", Quantity::Sequence, vec![allowed, acked, bound])?;
    panel.curves.pop();
    panel.marks = direction.marks.clone();
    (!panel.marks.is_empty()).then_some(panel)
}

/// What is under way, and what bounds it.
fn flight(direction: &Direction) -> Option<Panel> {
    if !direction.carried_data() {
        // A SYN alone is no flight.
        return None;
    }
    let told = direction.told.as_ref();
    let in_flight = match told {
        Some(flow) if !flow.in_flight.is_empty() => {
            curve("in flight", Tone::Data, Shape::Area, points(&flow.in_flight))
        }
        _ => curve("in flight (not acknowledged)", Tone::Data, Shape::Area, direction.outstanding.clone()),
    };
    let mut curves = vec![in_flight];
    curves.push(curve("receiver's window", Tone::Window, Shape::Limit, direction.window.clone()));
    if let Some(flow) = told {
        curves.push(curve("ssthresh", Tone::Threshold, Shape::Limit, points(&flow.ssthresh)));
        curves.push(curve("cwnd", Tone::Congestion, Shape::Line, points(&flow.cwnd)));
    }
    panel("in flight", Quantity::Bytes, curves)
}

/// How fast data passed, and how fast new data was acknowledged.
fn throughput(direction: &Direction, from: Instant, to: Instant) -> Option<Panel> {
    if direction.sent.is_empty() {
        return None;
    }
    let rtt: Vec<(Instant, f64)> = direction.rtt.iter().map(|point| (point.at, point.value)).collect();
    let rate = |passed| points(&rate(passed, &rtt, from, to));
    let (goodput, sent) = (rate(&direction.delivered), rate(&direction.sent));
    let mut curves = vec![curve("goodput (acknowledged)", Tone::Ack, Shape::Area, goodput)];
    curves.push(curve("throughput (sent)", Tone::Data, Shape::Line, sent));
    if let Some(flow) = direction.told.as_ref().filter(|flow| !flow.pacing.is_empty()) {
        let pacing = flow.pacing.iter().map(|(at, rate)| Point::new(*at, rate * 8.0)).collect();
        curves.push(curve("pacing rate", Tone::Threshold, Shape::Limit, pacing));
    }
    panel("throughput", Quantity::Rate, curves)
}

fn round_trips(direction: &Direction) -> Option<Panel> {
    let mut curves = Vec::new();
    if let Some(flow) = direction.told.as_ref() {
        curves.push(curve("smoothed", Tone::Congestion, Shape::Line, points(&flow.srtt)));
    }
    // What the sender took for a round trip explains what it made of it.
    let told = direction.told.as_ref().filter(|flow| !flow.rtt.is_empty());
    let samples =
        told.map_or_else(|| direction.rtt.clone(), |flow| flow.rtt.iter().map(|s| sample(direction, *s)).collect());
    curves.push(curve("round trip", Tone::RoundTrip, Shape::Dots, samples));
    panel("round trip", Quantity::Time, curves)
}

/// A round trip that the sender measured, and the acknowledgement that came at that moment.
fn sample(direction: &Direction, (at, value): (Instant, f64)) -> Point {
    let after = direction.acked.partition_point(|ack| ack.at <= at);
    let ack = after.checked_sub(1).and_then(|index| direction.acked.get(index)).filter(|ack| ack.at == at);
    Point { at, value, segment: ack.and_then(|ack| ack.segment) }
}

/// What happened, below the panels: of what the packets tell, and the engine.
fn tracks(direction: &Direction) -> Vec<Track> {
    let marked = |fits: fn(Sign) -> bool| -> Vec<(Instant, Instant)> {
        direction.marks.iter().filter(|mark| fits(mark.sign)).map(|mark| (mark.at, mark.at)).collect()
    };
    let mut kinds = vec![
        (Kind::Idle, idle(direction)),
        (Kind::Lost, marked(|sign| sign == Sign::Lost)),
        (Kind::Again, marked(|sign| matches!(sign, Sign::Again { .. }))),
    ];
    if let Some(flow) = &direction.told {
        let moments = |of: &[Instant]| of.iter().map(|at| (*at, *at)).collect();
        kinds.push((Kind::Marked, moments(&flow.marked)));
        kinds.push((Kind::Recovery, flow.recovery.clone()));
        kinds.push((Kind::Rto, moments(&flow.rto)));
        kinds.push((Kind::Undone, moments(&flow.undone)));
    }
    let used = kinds.into_iter().filter(|(_, spans)| !spans.is_empty());
    used.map(|(kind, spans)| Track { kind, sender: 0, spans }).collect()
}

/// Where nothing passed for long, next to all of it: what looks steep on both sides was squeezed.
fn idle(direction: &Direction) -> Vec<(Instant, Instant)> {
    /// Shorter parts of the whole are seen as they are.
    const PART: u32 = 8;
    /// Who waits for an answer is not idle yet, so many round trips long.
    const ROUND_TRIPS: f64 = 3.0;
    let Some((begin, end)) = direction.active else { return Vec::new() };
    let marks = direction.marks.iter().map(|mark| mark.at);
    let acks = direction.acked.iter().chain(&direction.window).map(|point| point.at);
    let mut times: Vec<Instant> = marks.chain(acks).chain([begin, end]).collect();
    times.sort_unstable();
    let shortest = direction.rtt.iter().map(|point| point.value).fold(f64::INFINITY, f64::min);
    let waits = Duration::try_from_secs_f64(shortest * ROUND_TRIPS).unwrap_or_default();
    let least = (end.since(begin) / PART).max(Duration::from_millis(1)).max(waits);
    times.windows(2).filter(|pair| pair[1].since(pair[0]) > least).map(|pair| (pair[0], pair[1])).collect()
}

/// `client:49152 → server:7000: 52.1 MB in 10 s, 41.7 Mbit/s; 118 of 36,000 segments sent again`.
fn describe(direction: &Direction) -> String {
    let delivered: u64 = direction.delivered.iter().map(|(_, bytes)| bytes).sum();
    let first = direction.sent.first().map(|(at, _)| *at);
    let last = direction.delivered.last().map(|(at, _)| *at).max(direction.sent.last().map(|(at, _)| *at));
    let mut told = Vec::new();
    if let Some((first, last)) = first.zip(last) {
        let took = last.since(first);
        let mut data = Quantity::Bytes.show(delivered as f64);
        if took > Duration::ZERO && delivered > 0 {
            let rate = Quantity::Rate.show(delivered as f64 * 8.0 / took.as_secs_f64());
            data.push_str(&format!(" in {}, {rate}", words::duration(took)));
        }
        told.push(data);
    }
    if direction.again > 0 {
        let (again, all) = (words::number(direction.again), words::count(direction.segments, "segment"));
        told.push(format!("{again} of {all} sent again"));
    }
    let signs = ["SYN", "FIN"].into_iter().zip(direction.signs_again).filter(|(_, count)| *count > 0);
    told.extend(signs.map(|(name, count)| format!("{} sent again", words::count(count, name))));
    let ends = format!("{} → {}", direction.sender, direction.receiver);
    if told.is_empty() { ends } else { format!("{ends}: {}", told.join("; ")) }
}

fn remark(direction: &Direction) -> Option<String> {
    direction.at_receiver.then(|| {
        format!(
            "Seen at {}: times are those there, and round trips can't be measured in this direction.",
            direction.receiver
        )
    })
}
