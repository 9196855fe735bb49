//! Two ends and a link between them that may delay, lose, duplicate and reorder.

use super::Host;
use alloc::collections::BTreeMap;
use core::time::Duration;
use limpid_event::Instant;
use limpid_wire::Segment;

/// A small generator of numbers: xorshift64*.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        random.next();
        random
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 11) % bound
    }

    pub(crate) fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }
}

/// How the link treats segments.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    pub(crate) delay: Duration,
    /// Added at random: more than the spacing of segments reorders them.
    pub(crate) jitter: Duration,
    /// Percent.
    pub(crate) loss: u64,
    /// Percent.
    pub(crate) duplication: u64,
}

impl Default for Link {
    fn default() -> Link {
        Link { delay: Duration::from_millis(10), jitter: Duration::ZERO, loss: 0, duplication: 0 }
    }
}

/// Two ends, `0` and `1`.
pub(crate) struct Pair {
    pub(crate) now: Instant,
    pub(crate) hosts: [Host; 2],
    pub(crate) link: Link,
    pub(crate) random: Random,
    /// By time of arrival, and then in order of departure.
    in_flight: BTreeMap<(Instant, u64), (usize, Segment)>,
    departures: u64,
    /// Says of the `nth` segment that leaves (from 0) whether it is lost.
    pub(crate) plan: Option<fn(u64) -> bool>,
}

impl Pair {
    /// `0` will connect, `1` listens.
    pub(crate) fn new(hosts: [Host; 2], link: Link, seed: u64) -> Pair {
        Pair {
            now: Instant::ZERO,
            hosts,
            link,
            random: Random::new(seed),
            in_flight: BTreeMap::new(),
            departures: 0,
            plan: None,
        }
    }

    /// Puts what both ends have to send on the link.
    pub(crate) fn send_all(&mut self) {
        for from in 0..2 {
            while let Some(transmit) = self.hosts[from].outbox.pop_front() {
                self.depart(1 - from, transmit.segment);
            }
        }
    }

    fn depart(&mut self, to: usize, segment: Segment) {
        let planned = self.plan.is_some_and(|lost| lost(self.departures));
        let copies = 1 + u64::from(self.random.percent(self.link.duplication));
        for _ in 0..copies {
            self.departures += 1;
            if planned || self.random.percent(self.link.loss) {
                continue;
            }
            let jitter = self.link.jitter.as_nanos() as u64;
            let delay = self.link.delay + Duration::from_nanos(if jitter > 0 { self.random.below(jitter) } else { 0 });
            self.in_flight.insert((self.now + delay, self.departures), (to, segment.clone()));
        }
    }

    /// When something happens next.
    fn next_event(&self) -> Option<Instant> {
        let arrival = self.in_flight.keys().next().map(|(at, _)| *at);
        let timers = self.hosts.iter().filter_map(Host::poll_timeout);
        timers.chain(arrival).min()
    }

    /// Goes on to the next event and handles it. False if nothing will ever happen any more.
    pub(crate) fn step(&mut self) -> bool {
        self.step_within(Duration::MAX)
    }

    /// The same, but goes no farther than `tick`, so that applications can act in between.
    pub(crate) fn step_within(&mut self, tick: Duration) -> bool {
        self.send_all();
        let Some(at) = self.next_event() else { return false };
        self.now = self.now.max(at.min(self.now + tick));
        for host in &mut self.hosts {
            host.now = self.now;
        }
        while let Some(entry) = self.in_flight.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let (to, segment) = entry.remove();
            self.hosts[to].receive(segment);
        }
        for host in &mut self.hosts {
            if host.poll_timeout().is_some_and(|at| at <= self.now) {
                host.handle_timeout();
            }
        }
        self.send_all();
        true
    }

    /// Goes on for so long.
    pub(crate) fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        self.send_all();
        while self.next_event().is_some_and(|at| at <= end) {
            self.step();
        }
        self.now = end;
        for host in &mut self.hosts {
            host.now = end;
        }
    }
}
