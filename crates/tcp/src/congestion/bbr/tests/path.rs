//! The path: segments leave as rate and window allow, wait in the queue, are delivered at the bottleneck's rate, and each is
//! acknowledged by itself after the round trip.

use super::*;

pub(super) const MSS: u32 = 1000;

/// A segment on its way.
#[derive(Clone, Copy)]
struct Flying {
    sent: Instant,
    /// Its ACK comes then, or it is known as lost.
    due: Instant,
    lost: bool,
    prior_delivered: u32,
    prior_lost: u32,
    delivered_at: Instant,
    first_sent: Instant,
    in_flight: u32,
    app_limited: bool,
}

/// BBR and the path below it.
pub(super) struct Path {
    pub(super) bbr: Bbr,
    pub(super) now: Instant,
    /// Segments a second.
    pub(super) rate: u32,
    pub(super) rtt: Duration,
    /// Segments that wait at the most.
    pub(super) queue: u32,
    /// Each so manyth segment is lost; 0 is none.
    pub(super) lose_every: u32,
    /// The application writes so many segments a second; 0 is no bound.
    pub(super) app_rate: u32,
    pub(super) delivered: u32,
    pub(super) lost: u32,
    sent: u32,
    flying: VecDeque<Flying>,
    /// The bottleneck is busy until then.
    busy_until: Instant,
    next_send: Instant,
    last_delivered_at: Instant,
    first_sent: Instant,
    /// Phases, in order, as they began.
    pub(super) phases: Vec<State>,
}

impl Path {
    pub(super) fn new(rate: u32, rtt_ms: u64, queue: u32) -> Path {
        let start = Start { mss: MSS, seed: 7, ..Start::new(10) };
        Path {
            bbr: Bbr::new(&start),
            now: Instant::ZERO,
            rate,
            rtt: Duration::from_millis(rtt_ms),
            queue,
            lose_every: 0,
            app_rate: 0,
            delivered: 1,
            lost: 0,
            sent: 0,
            flying: VecDeque::new(),
            busy_until: Instant::ZERO,
            next_send: Instant::ZERO,
            last_delivered_at: Instant::ZERO,
            first_sent: Instant::ZERO,
            phases: alloc::vec![State::Startup],
        }
    }

    /// Bandwidth times delay, segments.
    pub(super) fn bdp(&self) -> u32 {
        (u128::from(self.rate) * self.rtt.as_micros() / 1_000_000) as u32
    }

    /// Bytes a second.
    pub(super) fn bytes_per_second(&self) -> u64 {
        u64::from(self.rate) * u64::from(MSS)
    }

    fn in_flight(&self) -> u32 {
        self.flying.len() as u32
    }

    /// Runs until `state` begins; panics if it does not within a minute.
    pub(super) fn run_to(&mut self, state: State) {
        let end = self.now + Duration::from_secs(60);
        while self.bbr.state != state {
            assert!(self.now < end, "no {state:?}: {:?}", self.phases);
            self.step();
        }
    }

    /// Runs until another phase than `state` begins.
    pub(super) fn run_out_of(&mut self, state: State) {
        while self.bbr.state == state {
            self.step();
        }
    }

    pub(super) fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.step();
        }
    }

    /// The next thing that happens.
    fn step(&mut self) {
        let room = self.in_flight() < self.bbr.cwnd;
        let send_at = if room { self.next_send.max(self.now) } else { Instant::MAX };
        match self.flying.front() {
            Some(flying) if flying.due <= send_at => {
                self.now = flying.due;
                self.arrive();
            }
            _ => {
                assert!(send_at < Instant::MAX, "a window of nothing");
                self.now = send_at;
                self.send();
            }
        }
        if *self.phases.last().unwrap() != self.bbr.state {
            self.phases.push(self.bbr.state);
        }
    }

    fn send(&mut self) {
        if self.flying.is_empty() {
            (self.first_sent, self.last_delivered_at) = (self.now, self.now);
        }
        self.sent += 1;
        let wait = self.busy_until.since(self.now);
        let waiting = (wait.as_micros() * u128::from(self.rate) / 1_000_000) as u32;
        let lost = waiting > self.queue || (self.lose_every > 0 && self.sent.is_multiple_of(self.lose_every));
        if !lost {
            self.busy_until = self.busy_until.max(self.now) + Duration::from_secs(1) / self.rate;
        }
        self.flying.push_back(Flying {
            sent: self.now,
            due: self.busy_until.max(self.now) + self.rtt,
            lost,
            prior_delivered: self.delivered,
            prior_lost: self.lost,
            delivered_at: self.last_delivered_at,
            first_sent: self.first_sent,
            in_flight: self.in_flight() + 1,
            app_limited: self.app_rate > 0,
        });
        let pace = Duration::from_nanos(u64::from(MSS) * 1_000_000_000 / self.bbr.pacing_rate);
        let app = if self.app_rate > 0 { Duration::from_secs(1) / self.app_rate } else { Duration::ZERO };
        self.next_send = self.now + pace.max(app);
        let in_flight = self.in_flight();
        let sample = SentSample::new(self.now, MSS, in_flight, MSS);
        self.bbr.on_sent(&SentSample { app_limited: self.app_rate > 0, srtt: Some(self.rtt), ..sample });
    }

    fn arrive(&mut self) {
        let flying = self.flying.pop_front().unwrap();
        let mut sample = AckSample {
            in_flight: self.in_flight(),
            cwnd_full: self.in_flight() + 1 >= self.bbr.cwnd,
            ..AckSample::new(self.now, 0, MSS)
        };
        if flying.lost {
            self.lost += 1;
            let worst = WorstLoss {
                in_flight: flying.in_flight,
                lost: self.lost - flying.prior_lost,
                delivered: self.delivered - flying.prior_delivered,
                segments: 1,
                app_limited: flying.app_limited,
            };
            sample.losses = Losses { ranges: 1, worst: Some(worst) };
            sample.recovery = Recovery::Recovery;
        } else {
            self.delivered += 1;
            self.last_delivered_at = self.now;
            self.first_sent = flying.sent;
            let interval = self.now.since(flying.delivered_at).max(flying.sent.since(flying.first_sent));
            sample.acked = 1;
            sample.delivered = 1;
            sample.rtt = Some(self.now.since(flying.sent));
            sample.recovery = if self.lost > flying.prior_lost { Recovery::Recovery } else { Recovery::Open };
            sample.rate = Some(RateSample {
                delivered: self.delivered - flying.prior_delivered,
                delivered_ce: 0,
                lost: self.lost - flying.prior_lost,
                in_flight: flying.in_flight,
                prior_delivered: flying.prior_delivered,
                total_delivered: self.delivered,
                interval,
                app_limited: flying.app_limited,
            });
        }
        self.bbr.on_ack(&sample);
    }
}
