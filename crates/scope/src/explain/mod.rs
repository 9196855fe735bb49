//! A capture explained: what happened to each connection, worst first.
//!
//! [`Explainer`] surveys a capture in one pass and bounded memory. [`Explainer::finish`] answers the worst connections, each
//! with its [`Flow`], and a line for each [`Group`] of the others. A [`Picker`] finds their packets when the capture is read
//! again. [`verdicts`] tells of one connection in sentences; with what [`verdict::explain`](crate::verdict::explain) told of
//! its packets it can tell of single segments too, and [`reasons`] tells why they were sent, where an engine told. Figures
//! always come from the survey.

mod badness;
mod courses;
mod exchange;
mod groups;
mod limits;
mod picker;
mod places;
mod reasons;
mod tell;

#[cfg(test)]
mod tests;

pub use badness::Badness;
pub use exchange::{Exchanges, Pause};
pub use groups::Group;
pub use limits::Limits;
pub use picker::{MAX_CLOSE, Picker};
pub use places::packets_at_places;
pub use reasons::reasons;
pub use tell::{CloseLook, verdicts};

use crate::capture::PacketRef;
use crate::flows::{Ended, Flow, FlowNumber, Flows, FlowsOptions, Hidden, Totals};
use courses::{Course, Courses};
use groups::Groups;
use limpid_wire::Endpoint;
use places::Places;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::ops::Range;

/// Which connections are answered one by one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExplainOptions {
    /// The most connections that are answered one by one: the worst.
    pub worst: usize,
    /// If there are no more connections than this they are answered one by one, bad or not.
    pub few: usize,
    /// These, and no others.
    pub only: Option<Vec<u64>>,
    /// How connections are followed.
    pub flows: FlowsOptions,
}

impl Default for ExplainOptions {
    fn default() -> ExplainOptions {
        ExplainOptions { worst: 10, few: 10, only: None, flows: FlowsOptions::default() }
    }
}

/// A connection, and what its segments in their order tell beyond its figures.
#[derive(Clone, Debug)]
pub struct Explained {
    /// Its figures.
    pub flow: Flow,
    /// Questions and answers.
    pub exchanges: Exchanges,
    /// What held its data back.
    pub limits: Limits,
    /// How bad it is.
    pub badness: Badness,
    /// A connection of the capture that its server did answer.
    pub answered: Option<Answered>,
    /// A filter hid some of its packets: what is missing tells nothing.
    pub hidden: bool,
    /// It may have: the filter is one that the capture was taken with.
    pub perhaps_hidden: bool,
    /// Where its packets stand.
    places: Places,
}

/// What is known of a server from a connection that it answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Answered {
    /// The connection.
    pub flow: FlowNumber,
    /// It was to the very same port.
    pub same_port: bool,
    /// The TTL or hop limit of the server's packets there.
    pub ttl: u8,
}

/// The most servers that are remembered.
const MAX_SERVERS: usize = 1 << 16;

/// What a capture comes to.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The connections that are told of one by one, worst first.
    pub worst: Vec<Explained>,
    /// The others, in groups of those that are alike; the worst group first.
    pub groups: Vec<Group>,
    /// All together.
    pub totals: Totals,
    /// Time of the first packet and of the last, nanoseconds since 1970.
    pub span: Option<(i64, i64)>,
}

/// Surveys a capture.
#[derive(Debug)]
pub struct Explainer {
    flows: Flows,
    courses: Courses,
    worst: Worst,
    /// Servers that answered: each address and port, and each address with port 0.
    answered: HashMap<Endpoint, Answered>,
    span: Option<(i64, i64)>,
}

/// A connection in the heap: the least bad, and of those the last, is at the top.
#[derive(Debug)]
struct Ranked(Badness, Reverse<FlowNumber>, Box<(Flow, Course)>);

impl PartialEq for Ranked {
    fn eq(&self, other: &Ranked) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ranked {}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Ranked) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Ranked) -> std::cmp::Ordering {
        (other.0.points(), other.1).cmp(&(self.0.points(), self.1))
    }
}

/// The worst so far, and the groups of the rest.
#[derive(Debug)]
struct Worst {
    heap: BinaryHeap<Ranked>,
    /// How bad the worst were when they ended, and their numbers: the least bad at the top. Later hardly anything changes.
    likely: BinaryHeap<Reverse<(Badness, Reverse<FlowNumber>)>>,
    most: usize,
    few: usize,
    only: Option<HashSet<u64>>,
    seen: usize,
    groups: Groups,
    hidden: Hidden,
}

impl Worst {
    /// True if a connection that ends now will be among the worst, as it looks.
    fn is_likely(&mut self, flow: &Flow, exchanges: &Exchanges) -> bool {
        if let Some(only) = &self.only {
            return only.contains(&flow.number.0);
        }
        if self.most == usize::MAX {
            return true;
        }
        let rank = (Badness::of(flow, exchanges), Reverse(flow.number));
        if self.likely.len() >= self.most {
            if self.likely.peek().is_none_or(|Reverse(least)| rank < *least) {
                return false;
            }
            self.likely.pop();
        }
        self.likely.push(Reverse(rank));
        true
    }

    /// Takes a connection and its course. Gives back its memory where it is not kept.
    fn take(&mut self, courses: &mut Courses, ended: Ended) -> Option<Ended> {
        self.seen += 1;
        let flow = ended.flow();
        let (place, of) = (ended.place(), flow.number.0);
        let is_hidden = self.hidden.has(flow);
        let none = Exchanges::default();
        let exchanges = courses.look(place, of).map_or(&none, |course| &course.exchanges);
        let badness = if is_hidden { Badness::UNKNOWN } else { Badness::of(flow, exchanges) };
        if let Some(only) = &self.only {
            if !only.contains(&of) {
                return Some(ended);
            }
            self.push(badness, ended.into_flow(), courses.take(place, of));
            return None;
        }
        // Nearly all are less bad than those that are kept, and need not be moved.
        let full = self.heap.len() >= self.most;
        let is_less = |least: &Ranked| (least.0.points(), least.1) > (badness.points(), Reverse(flow.number));
        if full && self.heap.peek().is_none_or(is_less) {
            self.groups.take(flow, badness, is_hidden);
            return Some(ended);
        }
        self.push(badness, ended.into_flow(), courses.take(place, of));
        while self.heap.len() > self.most {
            self.drop_one(courses);
        }
        None
    }

    fn push(&mut self, badness: Badness, flow: Flow, course: Course) {
        self.heap.push(Ranked(badness, Reverse(flow.number), Box::new((flow, course))));
    }

    fn drop_one(&mut self, courses: &mut Courses) {
        if let Some(Ranked(badness, _, both)) = self.heap.pop() {
            let (flow, course) = *both;
            courses.give_back(course);
            self.groups.take(&flow, badness, self.hidden.has(&flow));
        }
    }

    /// The worst, worst first. Of many connections those that are in order are not told of one by one.
    fn finish(mut self, courses: &mut Courses) -> (Vec<Explained>, Vec<Group>) {
        if self.only.is_none() && self.seen > self.few {
            while self.heap.peek().is_some_and(|ranked| ranked.0.is_ordinary()) {
                self.drop_one(courses);
            }
        }
        let hidden = self.hidden;
        let explained = |Ranked(badness, _, both): Ranked| {
            let (flow, Course { exchanges, limits, places, .. }) = *both;
            let is_hidden = hidden.has(&flow);
            Explained {
                flow,
                exchanges,
                limits,
                badness,
                answered: None,
                hidden: is_hidden,
                perhaps_hidden: false,
                places,
            }
        };
        // What a heap sorts into ascending order begins with the worst: it ranks the least bad highest.
        (self.heap.into_sorted_vec().into_iter().map(explained).collect(), self.groups.finish())
    }
}

impl Explainer {
    /// Before the first packet.
    pub fn new(options: &ExplainOptions) -> Explainer {
        let worst = Worst {
            heap: BinaryHeap::new(),
            likely: BinaryHeap::new(),
            most: options.worst,
            few: options.few.min(options.worst),
            only: options.only.as_ref().map(|only| only.iter().copied().collect()),
            seen: 0,
            groups: Groups::default(),
            hidden: Hidden::default(),
        };
        Explainer {
            flows: Flows::new(options.flows.clone()),
            courses: Courses::new(),
            worst,
            answered: HashMap::new(),
            span: None,
        }
    }

    /// Takes the next packet.
    pub fn handle_packet(&mut self, packet: &PacketRef<'_>) {
        self.handle_packet_at(packet, None);
    }

    /// Takes the next packet, of which [`Reader::place`](crate::capture::Reader::place) said where it stands: then
    /// [`packets_at_places`] finds those of the worst connections again.
    pub fn handle_packet_at(&mut self, packet: &PacketRef<'_>, stands: Option<Range<u64>>) {
        let (first, last) = self.span.unwrap_or((packet.time, packet.time));
        self.span = Some((first.min(packet.time), last.max(packet.time)));
        let is_told = self.flows.follow(packet).is_some();
        // Those that ended first: the packet's connection may have taken the place of one of them.
        while let Some(ended) = self.flows.poll_ended_in_place() {
            remember(&mut self.answered, ended.flow());
            if let Some(ended) = self.worst.take(&mut self.courses, ended) {
                self.flows.recycle(ended);
            }
        }
        if is_told {
            let (place, sighting) = self.flows.newest();
            let (course, room) = self.courses.of(place, sighting.flow.0);
            course.exchanges.take(sighting);
            course.limits.take(sighting);
            course.places.note(packet.number, stands, room);
            // Once: what comes late does not end it again.
            if !course.is_over
                && let Some(flow) = self.flows.newest_over()
                && !std::mem::replace(&mut course.is_over, true)
                && !self.worst.is_likely(flow, &course.exchanges)
            {
                self.courses.forget(place);
            }
        }
    }

    /// The end of the capture.
    pub fn finish(self) -> Explanation {
        self.finish_beside(&Hidden::default())
    }

    /// The end of what a filter let through of a capture: beside it there was what is `hidden`.
    pub fn finish_beside(self, hidden: &Hidden) -> Explanation {
        let Explainer { flows, mut courses, mut worst, mut answered, span } = self;
        let totals = flows.totals();
        worst.hidden = hidden.clone();
        flows.finish_in_place(|ended| {
            remember(&mut answered, ended.flow());
            worst.take(&mut courses, ended)
        });
        let (mut worst, groups) = worst.finish(&mut courses);
        for explained in &mut worst {
            let server = explained.flow.ends[1].endpoint;
            explained.perhaps_hidden = explained.hidden && hidden.is_all();
            let host = Endpoint::new(server.addr, 0);
            let other = answered.get(&server).or_else(|| answered.get(&host)).copied();
            explained.answered = other.filter(|other| other.flow != explained.flow.number);
        }
        Explanation { worst, groups, totals, span }
    }
}

/// Notes that a server answered.
fn remember(answered: &mut HashMap<Endpoint, Answered>, flow: &Flow) {
    if !flow.opening.is_open() || flow.ends[1].packets == 0 || answered.len() + 2 > MAX_SERVERS {
        return;
    }
    let (server, ttl) = (flow.ends[1].endpoint, flow.ends[1].ttl);
    answered.entry(server).or_insert(Answered { flow: flow.number, same_port: true, ttl });
    let host = Endpoint::new(server.addr, 0);
    answered.entry(host).or_insert(Answered { flow: flow.number, same_port: false, ttl });
}
