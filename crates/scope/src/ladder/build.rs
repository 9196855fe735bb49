//! Makes the [layout](super::layout) of ladders from a trace.
//!
//! Everything that happens becomes an item with its time; items in order become rows; what belongs to the same moment
//! shares one. States and timers then find their rows.

mod chosen;
mod ghosts;
mod notes;
mod rows;

use super::LadderOptions;
use super::bundle::{self, Bundles};
use super::fold::{Fold, folds};
use super::label;
use super::layout::*;
use crate::analysis::{Analysis, Connection, IcmpSeen, Segment};
use crate::trace::{Arrival, View};
use crate::words;
pub(crate) use chosen::{Chosen, chosen};
use limpid_event::{Instant, LinkFate};
use rows::{Item, Rows};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// The most ICMP errors that one ladder shows.
const MAX_ERRORS: usize = 20;

/// How many pairs of endpoints there are.
pub(super) fn pairs(analysis: &Analysis<'_>) -> usize {
    analysis.connections.iter().map(|c| c.pair + 1).max().unwrap_or(0)
}

/// A ladder for each pair of endpoints, or for those that [`chosen`] finds.
pub(super) fn ladders(analysis: &Analysis<'_>, options: &LadderOptions) -> Vec<Ladder> {
    let pairs = pairs(analysis);
    let chosen = chosen(analysis, options.max_ladders);
    let mut of_pair: BTreeMap<usize, Vec<&Connection>> = chosen.iter().map(|c| (c.pair, Vec::new())).collect();
    for connection in &analysis.connections {
        if let Some(list) = of_pair.get_mut(&connection.pair) {
            list.push(connection);
        }
    }
    let start = beginning(analysis);
    let build = |chosen: &Chosen| {
        let ladder = Builder::new(analysis, &of_pair[&chosen.pair], start, options).build(chosen.caption(pairs));
        Ladder { pair: chosen.pair, alike: chosen.alike, ..ladder }
    };
    chosen.iter().map(build).collect()
}

/// What times count from: the first packet, or what was told before it.
fn beginning(analysis: &Analysis<'_>) -> Instant {
    let packets = analysis.trace.packets.iter().map(|p| p.sent_at);
    let notes = analysis.connections.iter().flat_map(|c| &c.notes).map(|n| analysis.trace.notes[n.note].at);
    packets.chain(notes).min().unwrap_or_default()
}

/// Where an arrow's segment is: which of the pair's connections, and its index there.
type Place = (usize, usize);

pub(super) struct Builder<'a> {
    analysis: &'a Analysis<'a>,
    connections: &'a [&'a Connection],
    start: Instant,
    options: &'a LadderOptions,
    items: Vec<Item>,
    arrows: Vec<Arrow>,
    remarks: Vec<Remark>,
    /// The arrow of each segment that is drawn.
    drawn: HashMap<Place, usize>,
    /// From when until when segments are folded.
    folded: Vec<(Instant, Instant)>,
}

impl<'a> Builder<'a> {
    fn new(
        analysis: &'a Analysis<'a>,
        connections: &'a [&'a Connection],
        start: Instant,
        options: &'a LadderOptions,
    ) -> Builder<'a> {
        Builder {
            analysis,
            connections,
            start,
            options,
            items: Vec::new(),
            arrows: Vec::new(),
            remarks: Vec::new(),
            drawn: HashMap::new(),
            folded: Vec::new(),
        }
    }

    fn build(mut self, caption: Option<String>) -> Ladder {
        self.packets();
        self.notes();
        self.ghosts();
        let mut rows = Rows::from_items(&mut self.items, &self.arrows);
        self.states(&mut rows);
        rows.settle(&mut self.arrows, &mut self.remarks);
        let brackets = self.brackets(&rows);
        let flight = self.typical_flight();
        let estimated = self.heads().map(|head| head.view == View::Estimated);
        Ladder {
            pair: 0,
            alike: 0,
            caption,
            heads: self.heads(),
            rows: rows.finish(self.start, flight, estimated, &self.arrows),
            states: rows.states(),
            arrows: self.arrows,
            remarks: self.remarks,
            brackets,
        }
    }

    fn heads(&self) -> [Head; 2] {
        let first = self.connections[0];
        [0, 1].map(|end| {
            let end = &first.ends[end];
            let host = self.analysis.trace.hosts.get(end.host);
            Head {
                name: host.map_or_else(String::new, |h| words::tame(&h.name)),
                endpoint: end.endpoint.to_string(),
                view: end.view,
            }
        })
    }

    /// All segments of the pair, folded, and the ICMP errors about them.
    fn packets(&mut self) {
        let connections = self.connections;
        let places: Vec<Place> = (connections.iter().enumerate())
            .flat_map(|(at, c)| (0..c.segments.len()).map(move |segment| (at, segment)))
            .collect();
        let segments: Vec<(&Connection, &Segment)> =
            places.iter().map(|&(at, index)| (connections[at], &connections[at].segments[index])).collect();
        let bundles = Bundles::of(self.analysis.trace, connections, self.options);
        let mut at = 0;
        for Fold { range, from, until, first, text } in folds(&segments, self.options, &bundles) {
            self.segments(&bundles, &places[at..range.start], &segments[at..range.start]);
            self.items.push(Item::fold(from, until, first, self.remarks.len()));
            self.folded.push((from, until));
            self.remarks.push(Remark { side: None, row: 0, voice: Voice::Fold, text });
            at = range.end;
        }
        self.segments(&bundles, &places[at..], &segments[at..]);
        let errors = connections.iter().flat_map(|c| &c.errors);
        errors.take(MAX_ERRORS).for_each(|error| self.icmp(error));
    }

    /// Segments that are not folded away, each by itself or in a bundle.
    fn segments(&mut self, bundles: &Bundles<'_>, places: &[Place], segments: &[(&Connection, &Segment)]) {
        let mut at = 0;
        while at < places.len() {
            let first = self.arrows.len();
            self.segment(places[at]);
            let run = bundles.leading(&segments[at..]);
            if run > 0 {
                let last = self.arrows.len();
                self.segment(places[at + run - 1]);
                let labels = [first, last].map(|arrow| std::mem::take(&mut self.arrows[arrow].label));
                let [one, other] = labels;
                let (one, other) = bundle::labels(&segments[at..at + run], self.options.absolute, one, other);
                (self.arrows[first].label, self.arrows[first].bundle) = (one, Some(last));
                self.arrows[last].label = other;
            }
            at += run.max(1);
        }
    }

    fn segment(&mut self, place: Place) {
        let connection = self.connections[place.0];
        let segment = &connection.segments[place.1];
        let arrow = Arrow {
            from: Side::of(segment.from),
            origin: None,
            departs: 0,
            arrives: 0,
            end: match (segment.dropped, segment.arrival) {
                (Some(why), _) => Ending::Dropped(why.text().to_owned()),
                (None, arrival) => ending(arrival),
            },
            line: if segment.facts.again.is_some() || segment.copy { Line::Dashed } else { Line::Solid },
            tone: label::tone(segment),
            label: label::label(self.analysis.trace, connection, segment, self.options),
            again: segment.facts.again.and_then(|again| again.original),
            bundle: None,
        };
        self.drawn.insert(place, self.arrows.len());
        self.arrow(segment.sent_at, segment.arrival, segment.number, arrow);
    }

    fn icmp(&mut self, seen: &IcmpSeen) {
        let to = Side::of(seen.to);
        let arrow = Arrow {
            from: to.other(),
            origin: seen.from.is_none().then(|| seen.error.reporter.to_string()),
            departs: 0,
            arrives: 0,
            end: ending(seen.arrival),
            line: Line::Solid,
            tone: Tone::Trouble,
            label: label::icmp_label(seen),
            again: None,
            bundle: None,
        };
        self.arrow(seen.sent_at, seen.arrival, seen.number, arrow);
    }

    /// Adds an arrow and the moments of its departure and arrival.
    fn arrow(&mut self, sent_at: Instant, arrival: Arrival, number: u64, arrow: Arrow) {
        let side = arrow.from;
        let index = self.arrows.len();
        // A router's packet comes from nowhere on this picture: it has an arrival only.
        let from_between = arrow.origin.is_some();
        let arrived =
            arrival.time().filter(|at| *at > sent_at && matches!(arrow.end, Ending::Arrives | Ending::Dropped(_)));
        self.arrows.push(arrow);
        match arrived {
            Some(at) if from_between => self.items.push(Item::absent(at, index, side)),
            Some(at) => {
                self.items.push(Item::departs(sent_at, number, index, side, false));
                self.items.push(Item::arrives(at, number, index, side.other()));
            }
            None => self.items.push(Item::departs(sent_at, number, index, side, true)),
        }
    }

    fn remark(&mut self, at: Instant, side: Option<Side>, voice: Voice, text: String) {
        self.items.push(Item::remark(at, self.remarks.len(), side));
        self.remarks.push(Remark { side, row: 0, voice, text });
    }

    /// What time in flight is usual here: the scale of the picture.
    fn typical_flight(&self) -> Option<Duration> {
        let segments = self.drawn.keys().map(|&(at, index)| &self.connections[at].segments[index]);
        let mut flights: Vec<Duration> =
            segments.filter_map(|s| Some(s.arrival.time()?.since(s.sent_at))).filter(|d| !d.is_zero()).collect();
        flights.sort_unstable();
        flights.get(flights.len() / 2).copied()
    }
}

fn ending(arrival: Arrival) -> Ending {
    match arrival {
        Arrival::At(_) | Arrival::Estimated(_) => Ending::Arrives,
        Arrival::Unknown => Ending::Unknown,
        Arrival::Lost { fate, .. } => Ending::Lost(
            match fate {
                LinkFate::QueueFull => "queue full",
                LinkFate::DroppedEarly => "dropped early",
                LinkFate::Corrupted => "corrupted",
                _ => "lost",
            }
            .into(),
        ),
    }
}
