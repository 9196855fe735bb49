//! A link between two hosts: two one-way pipes, each with its own conditions and, if an experiment wants it, a plan.
//!
//! A pipe decides a packet's fate when it is sent, from the seed alone, and records it. In this order:
//! 1. the plan ([`Plan`]), which can lose, hold, copy or reject exactly the packet that an experiment is about;
//! 2. the queue: with a rate, packets wait for those before them; if there is no room ([`Conditions::queue`]) it is dropped, and a
//!    managed one ([`Aqm`]) marks or drops packets before;
//! 3. chance: loss (each packet for itself, or in [`Bursts`]), then corruption (one flipped bit), delay and jitter,
//!    reordering (this packet is held and others overtake it), duplication.

use crate::recorder::{Entry, Recorder};
use crate::rng::Rng;
use limpid_event::{Event, FlowId, Instant, LinkFate, TxReason};
use limpid_scope::trace::What;
use limpid_wire::Ecn;
use std::ops::RangeInclusive;
use std::time::Duration;

mod aqm;
mod flight;
mod glimpse;
mod loss;
pub mod plan;
mod queue;
mod reject;

pub use aqm::Aqm;
use flight::Flight;
pub use glimpse::{Glimpse, TcpGlimpse};
pub use loss::Bursts;
use loss::Losses;
pub use plan::{Plan, Verdict};
use queue::{Passage, Queue};
pub use reject::Unreachable;

/// What a pipe does to packets by chance and by nature. The default is perfect and takes no time.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Conditions {
    /// From end to end, one way.
    pub delay: Duration,
    /// Up to so much more, drawn for each packet; packets keep their order.
    pub jitter: Duration,
    /// Probability that a packet is lost.
    pub loss: f64,
    /// Losses in bursts, besides those.
    pub bursts: Option<Bursts>,
    /// Probability that a packet is held for up to [`reorder_by`](Self::reorder_by), so that later ones overtake it.
    pub reorder: f64,
    /// How long a reordered packet is held at most; each draws its own time.
    pub reorder_by: Duration,
    /// Probability that a second copy arrives.
    pub duplicate: f64,
    /// Probability that one bit is flipped.
    pub corrupt: f64,
    /// Bits per second; `None` is unlimited.
    pub rate: Option<u64>,
    /// Packets that may wait for the rate; more are dropped. The one that is leaving does not count.
    pub queue: usize,
    /// Bytes that may wait for the rate, if they are bounded, too.
    pub queue_bytes: Option<u64>,
    /// How the queue tells that it fills, before it is full.
    pub aqm: Option<Aqm>,
}

impl Default for Conditions {
    fn default() -> Conditions {
        Conditions {
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            loss: 0.0,
            bursts: None,
            reorder: 0.0,
            reorder_by: Duration::from_millis(5),
            duplicate: 0.0,
            corrupt: 0.0,
            rate: None,
            queue: 1000,
            queue_bytes: None,
            aqm: None,
        }
    }
}

impl Conditions {
    /// A perfect pipe that takes `delay`.
    pub fn delay(delay: Duration) -> Conditions {
        Conditions { delay, ..Conditions::default() }
    }
}

/// A packet that a host puts on a link.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// The frame: from the link header on for Ethernet, from the IP header on otherwise.
    pub bytes: Vec<u8>,
    /// The connection, if the host's engine told.
    pub flow: FlowId,
    /// Why, if the host's engine told.
    pub why: Option<TxReason>,
}

/// How often each fate befell packets of a pipe.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Handed to the pipe.
    pub sent: u64,
    /// Arrived intact, copies included.
    pub delivered: u64,
    /// Lost by chance or plan.
    pub lost: u64,
    /// Dropped at the queue, full or not.
    pub queue_full: u64,
    /// Marked CE at the queue.
    pub marked: u64,
    /// Arrived with a flipped bit.
    pub corrupted: u64,
    /// Copies made.
    pub duplicated: u64,
    /// Held while others overtook them.
    pub reordered: u64,
}

/// One direction of a link.
pub struct Pipe {
    /// Chance and nature. May be changed while packets are under way; those keep their fate.
    pub conditions: Conditions,
    plan: Option<Plan>,
    rng: Rng,
    recorder: Recorder,
    /// The hosts, as the recorder counts them: sender, receiver.
    hosts: (usize, usize),
    /// Length of the link header before the IP header.
    link_header: usize,
    losses: Losses,
    under_way: Flight,
    queue: Queue,
    /// When the latest packet that kept its order arrives.
    last_arrival: Instant,
    tally: Tally,
}

/// A packet under way.
struct Parcel {
    bytes: Vec<u8>,
    entry: Entry,
    corrupted: bool,
}

impl Pipe {
    fn new(mut rng: Rng, recorder: Recorder, hosts: (usize, usize), link_header: usize) -> Pipe {
        Pipe {
            losses: Losses::new(&mut rng),
            conditions: Conditions::default(),
            plan: None,
            rng,
            recorder,
            hosts,
            link_header,
            under_way: Flight::default(),
            queue: Queue::default(),
            last_arrival: Instant::ZERO,
            tally: Tally::default(),
        }
    }

    /// Sets the plan, in place of the one before.
    pub fn plan(&mut self, plan: Plan) {
        self.plan = Some(plan);
    }

    /// Loses these segments with data, whatever chance says: they are counted from 1, those sent again included.
    pub fn lose(&mut self, numbers: impl IntoIterator<Item = RangeInclusive<u64>>) {
        self.losses.list(numbers);
    }

    /// What happened so far.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Takes a packet. If the plan rejects it, what kind of error its sender is to be told is returned, with the bytes.
    fn send(&mut self, now: Instant, mut packet: Outgoing) -> Option<(Unreachable, Vec<u8>)> {
        self.tally.sent += 1;
        let ip = packet.bytes.get(self.link_header..).unwrap_or_default();
        let verdict = match &mut self.plan {
            Some(plan) => plan(&Glimpse::new(now, ip)),
            None => Verdict::Pass,
        };
        let entry = self.recorder.sent(now, self.hosts, ip, packet.flow, packet.why);
        let (held, copy) = match verdict {
            Verdict::Pass => (Duration::ZERO, None),
            Verdict::Hold(by) => (by, None),
            Verdict::Copy(by) => (Duration::ZERO, Some(by)),
            Verdict::Lose => {
                self.drop((entry, packet.flow), now + self.conditions.delay / 2, LinkFate::Lost);
                return None;
            }
            Verdict::Reject(kind) => {
                self.drop((entry, packet.flow), now + self.conditions.delay / 2, LinkFate::Lost);
                return Some((kind, packet.bytes));
            }
        };
        let departs = self.pass_queue(now, &mut packet, entry)?;
        let ip = packet.bytes.get(self.link_header..).unwrap_or_default();
        if self.losses.take(&self.conditions, ip) {
            self.drop((entry, packet.flow), departs + self.conditions.delay / 2, LinkFate::Lost);
            return None;
        }
        self.carry(departs, packet, entry, held, copy);
        None
    }

    /// When the packet has left the queue, which may mark it; `None` if it was dropped there.
    fn pass_queue(&mut self, now: Instant, packet: &mut Outgoing, entry: Entry) -> Option<Instant> {
        let ip = packet.bytes.get_mut(self.link_header..).unwrap_or_default();
        let capable = !matches!(aqm::field(ip), None | Some(Ecn::NotEct));
        match self.queue.enter(now, ip.len() + self.link_header, capable, &self.conditions) {
            Passage::Leaves(at) => Some(at),
            Passage::Marked(at) => {
                aqm::mark(ip);
                self.tally.marked += 1;
                let fate = Event::Link { fate: LinkFate::Marked };
                self.recorder.note(now, self.hosts.0, packet.flow, What::Event(fate));
                Some(at)
            }
            Passage::Full => {
                self.drop((entry, packet.flow), now, LinkFate::QueueFull);
                None
            }
            Passage::Early => {
                self.drop((entry, packet.flow), now, LinkFate::DroppedEarly);
                None
            }
        }
    }

    /// Puts a packet that is not lost on its way, with a copy after it if chance or plan want one.
    fn carry(&mut self, departs: Instant, packet: Outgoing, entry: Entry, held: Duration, copy: Option<Duration>) {
        let (arrives, in_order) = self.arrival(departs, held);
        let copy = copy.or_else(|| self.rng.chance(self.conditions.duplicate).then_some(Duration::ZERO));
        if let Some(later) = copy {
            self.tally.duplicated += 1;
            let second = self.recorder.copied(departs, entry);
            let fate = Event::Link { fate: LinkFate::Duplicated };
            self.recorder.note(departs, self.hosts.0, packet.flow, What::Event(fate));
            let parcel = Parcel { bytes: packet.bytes.clone(), entry: second, corrupted: false };
            self.under_way.insert(arrives + later, parcel);
        }
        let mut bytes = packet.bytes;
        let corrupted = self.rng.chance(self.conditions.corrupt) && self.flip_a_bit(&mut bytes);
        let parcel = Parcel { bytes, entry, corrupted };
        if in_order { self.under_way.push(arrives, parcel) } else { self.under_way.insert(arrives, parcel) }
    }

    /// When a packet that leaves at `departs` arrives, and whether it keeps its order, as those do that are not held.
    fn arrival(&mut self, departs: Instant, held: Duration) -> (Instant, bool) {
        let Conditions { delay, jitter, reorder, reorder_by, .. } = self.conditions;
        let mut up_to = |most: Duration| Duration::from_nanos(self.rng.below(most.as_nanos() as u64 + 1));
        let (jitter, hold) = (up_to(jitter), up_to(reorder_by));
        let overtaken = if self.rng.chance(reorder) { hold } else { Duration::ZERO };
        let arrives = departs + delay + jitter;
        if held + overtaken > Duration::ZERO {
            self.tally.reordered += 1;
            return (arrives + held + overtaken, false);
        }
        self.last_arrival = self.last_arrival.max(arrives);
        (self.last_arrival, true)
    }

    /// Flips one bit where a checksum covers it, if there is any. Link headers and ARP have only the link's own check
    /// sequence, which is beneath what is simulated here, and the first 8 bytes of an IPv6 header have nothing at all: what
    /// is corrupted there is not caught by TCP, so it is left alone.
    fn flip_a_bit(&mut self, bytes: &mut [u8]) -> bool {
        let uncovered = match bytes.get(self.link_header).map(|b| b >> 4) {
            Some(4) => self.link_header,
            Some(6) => self.link_header + 8,
            _ => return false,
        };
        let Some(covered) = bytes.get_mut(uncovered..).filter(|b| !b.is_empty()) else { return false };
        let bit = self.rng.below(covered.len() as u64 * 8);
        covered[(bit / 8) as usize] ^= 1 << (bit % 8);
        true
    }

    fn drop(&mut self, (entry, flow): (Entry, FlowId), at: Instant, fate: LinkFate) {
        match fate {
            LinkFate::QueueFull | LinkFate::DroppedEarly => self.tally.queue_full += 1,
            _ => self.tally.lost += 1,
        }
        self.recorder.lost_of((self.hosts.0, flow), entry, at, fate);
    }

    /// The next packet that has arrived by `now`. In real time it arrives when it is handed over, which may be later than
    /// planned.
    fn arrive(&mut self, now: Instant) -> Option<Vec<u8>> {
        let parcel = self.under_way.pop(now)?;
        if parcel.corrupted {
            self.tally.corrupted += 1;
            self.recorder.lost(parcel.entry, now, LinkFate::Corrupted);
        } else {
            self.tally.delivered += 1;
            self.recorder.arrived(parcel.entry, now);
        }
        Some(parcel.bytes)
    }

    /// When the next packet arrives.
    pub fn next_arrival(&self) -> Option<Instant> {
        self.under_way.next()
    }
}

/// One end of a link: which of its two.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// The first.
    A,
    /// The second.
    B,
}

impl End {
    /// The other one.
    pub fn other(self) -> End {
        match self {
            End::A => End::B,
            End::B => End::A,
        }
    }
}

/// Two pipes between two hosts, and perhaps a router on the way that rejects packets.
pub struct Link {
    a_to_b: Pipe,
    b_to_a: Pipe,
    /// The router's address and its index at the recorder, for rejects.
    router: Option<(limpid_wire::IpAddr, usize)>,
}

impl Link {
    /// A perfect link between hosts `a` and `b`, as the recorder counts them. Frames have `link_header` bytes before their
    /// IP header.
    pub fn new(rng: &mut Rng, recorder: &Recorder, (a, b): (usize, usize), link_header: usize) -> Link {
        Link {
            a_to_b: Pipe::new(rng.fork(), recorder.clone(), (a, b), link_header),
            b_to_a: Pipe::new(rng.fork(), recorder.clone(), (b, a), link_header),
            router: None,
        }
    }

    /// The pipe whose sender is at `end`.
    pub fn from(&mut self, end: End) -> &mut Pipe {
        match end {
            End::A => &mut self.a_to_b,
            End::B => &mut self.b_to_a,
        }
    }

    /// Sets the conditions of both pipes.
    pub fn conditions(&mut self, conditions: Conditions) {
        self.a_to_b.conditions = conditions;
        self.b_to_a.conditions = conditions;
    }

    /// Names the router that answers rejected packets: its address, and its index at the recorder.
    pub fn router(&mut self, address: limpid_wire::IpAddr, host: usize) {
        self.router = Some((address, host));
    }

    /// The host at `end` sends.
    pub fn send(&mut self, now: Instant, end: End, packet: Outgoing) {
        let pipe = self.from(end);
        let Some((kind, bytes)) = pipe.send(now, packet) else { return };
        let (sender, half_way) = (pipe.hosts.0, now + pipe.conditions.delay / 2);
        let link_header = pipe.link_header;
        let Some((address, router)) = self.router else { return };
        let Some(ip) = bytes.get(link_header..) else { return };
        let Some(error) = reject::icmp_error(kind, address, ip) else { return };
        let back = self.from(end.other());
        let entry = back.recorder.sent(half_way, (router, sender), &error, FlowId::NONE, None);
        let arrives = half_way + back.conditions.delay / 2;
        // The error comes in on the sender's own link: its link header is the rejected frame's, turned round.
        let mut frame = bytes[..link_header].to_vec();
        if link_header >= 12 {
            frame[..12].rotate_left(6);
        }
        frame.extend_from_slice(&error);
        back.under_way.insert(arrives, Parcel { bytes: frame, entry, corrupted: false });
    }

    /// The next packet that has arrived at `end` by `now`.
    pub fn arrive(&mut self, now: Instant, end: End) -> Option<Vec<u8>> {
        self.from(end.other()).arrive(now)
    }

    /// When the next packet arrives at either end.
    pub fn next_arrival(&self) -> Option<Instant> {
        [self.a_to_b.next_arrival(), self.b_to_a.next_arrival()].into_iter().flatten().min()
    }

    /// True if no packet is under way.
    pub fn is_idle(&self) -> bool {
        self.next_arrival().is_none()
    }
}

#[cfg(test)]
mod tests;
