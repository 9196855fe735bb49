//! The parts together over a bad link, without a connection around them: whatever is lost, reordered or doubled, every byte
//! arrives, in order, and the sender never waits for nothing.

use limpid_event::Instant;
use limpid_tcp::congestion::{AckSample, CongestionControl, Controller, LossSample, Reno};
use limpid_tcp::recovery::{AckInput, DetectInput, Recovery, RttEstimator, Window};
use limpid_tcp::recv::RecvQueue;
use limpid_tcp::send::{Append, SendQueue, SentRecords, Shape, Snapshot};
use limpid_tcp::{Config, WriteFlags};
use limpid_wire::tcp::SackBlock;
use limpid_wire::{Chunks, FramePool, SeqNum};
use std::collections::BTreeMap;

const MSS: u32 = 1000;
const CAPACITY: usize = 64 * 1024;
const APPEND: Append = Append {
    goal: 44 * MSS,
    capacity: CAPACITY,
    sent: 0,
    notsent_lowat: u32::MAX,
    max_window: 1 << 20,
    flags: WriteFlags::empty(),
    goes_on: false,
};

/// A small generator: what is wanted is variety, not secrecy (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

enum Packet {
    Data(SeqNum, Chunks),
    Ack(SeqNum, Vec<SackBlock>),
}

#[derive(Clone, Copy, Debug)]
struct Plan {
    seed: u64,
    sack: bool,
    loss_percent: u64,
    reorder_percent: u64,
    bytes: u32,
}

struct World {
    plan: Plan,
    random: Random,
    now: u64,
    /// What is on its way, by the time it arrives (and a serial number).
    link: BTreeMap<(u64, u64), Packet>,
    serial: u64,
    pool: FramePool,
    send: SendQueue,
    records: SentRecords,
    recovery: Recovery,
    congestion: CongestionControl,
    rtt: RttEstimator,
    backoff: u32,
    rto_at: Option<u64>,
    recv: RecvQueue,
    written: u32,
    received: u32,
    sent: u64,
}

fn byte_at(i: u32) -> u8 {
    (i ^ (i >> 8)) as u8
}

impl World {
    fn new(plan: Plan) -> World {
        let mut random = Random(plan.seed);
        let start = SeqNum(u32::MAX - random.below(100_000) as u32);
        World {
            plan,
            random,
            now: 0,
            link: BTreeMap::new(),
            serial: 0,
            pool: FramePool::new(),
            send: SendQueue::new(start),
            records: SentRecords::new(start),
            recovery: Recovery::new(),
            congestion: CongestionControl::Reno(Reno::new(10)),
            rtt: RttEstimator::new(),
            backoff: 0,
            rto_at: None,
            recv: RecvQueue::new(start),
            written: 0,
            received: 0,
            sent: 0,
        }
    }

    fn instant(&self) -> Instant {
        Instant::from_millis(self.now)
    }

    fn launch(&mut self, make: impl Fn() -> Packet) {
        let copies = if self.random.below(100) < 2 { 2 } else { 1 };
        for _ in 0..copies {
            if self.random.below(100) < self.plan.loss_percent {
                continue;
            }
            let late = if self.random.below(100) < self.plan.reorder_percent { self.random.below(60) } else { 0 };
            self.serial += 1;
            self.link.insert((self.now + 20 + late, self.serial), make());
        }
    }

    fn write(&mut self) {
        while self.written < self.plan.bytes && self.send.len() < CAPACITY {
            let n = (self.random.below(5000) as u32 + 1).min(self.plan.bytes - self.written);
            let bytes: Vec<u8> = (self.written..self.written + n).map(byte_at).collect();
            let taken = self.send.write(&mut self.pool, &bytes, &APPEND).bytes as u32;
            self.written += taken;
            if taken < n {
                break;
            }
        }
    }

    fn transmit(&mut self) {
        let max = 1 + self.random.below(4) as u32;
        loop {
            let cwnd = self.recovery.window(&self.congestion);
            let window = Window { cwnd, sack: self.plan.sack, mss: MSS, max, rack: false };
            let (start, len, again) = match self.recovery.next(&mut self.records, window) {
                Some(next) => (next.start, next.end - next.start, true),
                None => {
                    let pipe = self.recovery.pipe(&self.records);
                    let unsent = self.send.end() - self.records.snd_nxt();
                    let len = unsent.min(cwnd.saturating_sub(pipe).min(max) * MSS);
                    if len == 0 && self.recovery.sends_new_first() {
                        self.recovery.new_was_sent(self.records.snd_nxt());
                        continue;
                    }
                    if len == 0 {
                        return;
                    }
                    (self.records.snd_nxt(), len, false)
                }
            };
            let payload = self.send.slice(&mut self.pool, start, len as usize);
            assert!(!payload.is_empty(), "{:?}: what is outstanding is still held", self.plan);
            let (end, now) = (start + payload.len() as u32, self.instant());
            if again {
                self.recovery.on_retransmit(&mut self.records, start, end, now, Snapshot::default(), MSS as u16);
            } else {
                let len = payload.len() as u32;
                self.send.pieces.take(len);
                let segment = if len > MSS { MSS as u16 } else { 0 };
                let out = self.records.segments_out();
                self.records.on_sent(end, now, Snapshot::default(), Shape { segment, ..Shape::SINGLE });
                self.recovery.on_sent(self.records.segments_out() - out);
            }
            self.sent += payload.len() as u64;
            self.launch_segments(start, payload);
            self.rto_at.get_or_insert(self.now + self.rtt.backed_off(self.backoff).as_millis() as u64);
        }
    }

    /// A super-segment is lost in parts.
    fn launch_segments(&mut self, start: SeqNum, payload: Chunks) {
        for at in (0..payload.len()).step_by(MSS as usize) {
            let part = payload.slice(at..payload.len().min(at + MSS as usize));
            self.launch(|| Packet::Data(start + at as u32, part.clone()));
        }
    }

    fn receive(&mut self, seq: SeqNum, payload: Chunks) {
        let edge = self.recv.rcv_nxt() + 60_000;
        let _ = self.recv.insert(&mut self.pool, seq, payload, false, edge, CAPACITY);
        let mut buf = [0; 4096];
        loop {
            let n = self.recv.read(&mut self.pool, &mut buf);
            if n == 0 {
                break;
            }
            let expected = (self.received..).map(byte_at);
            assert!(buf[..n].iter().copied().zip(expected).all(|(a, b)| a == b), "{:?}", self.plan);
            self.received += n as u32;
        }
        let (ack, mut blocks) = (self.recv.rcv_nxt(), Vec::new());
        if self.plan.sack {
            blocks.extend(self.recv.take_duplicate());
            blocks.extend(self.recv.sack_blocks(3));
        }
        self.launch(|| Packet::Ack(ack, blocks.clone()));
    }

    fn acknowledge(&mut self, ack: SeqNum, blocks: &[SackBlock]) {
        let duplicate = ack == self.records.snd_una() && !self.records.is_empty();
        let prior = self.recovery.pipe(&self.records);
        let lost = self.records.lost_so_far();
        let acked = self.records.on_ack(ack, blocks, self.instant());
        if let Some(rtt) = acked.rtt() {
            self.rtt.on_sample(self.instant(), rtt, self.records.snd_una(), self.records.snd_nxt());
            self.backoff = 0;
        }
        let loss = LossSample::new(self.instant(), prior, MSS);
        let may_send_new = self.send.end().after(self.records.snd_nxt());
        let duplicate = duplicate && acked.dsack.is_none();
        // No clock runs here for RACK: losses are found by number.
        let detect = DetectInput::new(&Config { rack: false, ..Config::default() });
        let input = AckInput {
            detect,
            acked: &acked,
            duplicate,
            sack: self.plan.sack,
            ece: false,
            mtu_probe: false,
            echo: None,
            may_send_new,
            loss,
        };
        let verdict = self.recovery.on_ack(&mut self.records, &mut self.congestion, &input);
        let lost = self.records.lost_so_far().saturating_sub(lost);
        self.recovery.reduce(&self.records, &self.congestion, verdict.delivered, lost, acked.acked > 0);
        let mut sample = AckSample::new(self.instant(), acked.acked_segments, MSS);
        sample.cwnd_limited = true;
        sample.in_recovery = self.recovery.is_reducing();
        self.congestion.on_ack(&sample);
        if acked.acked > 0 {
            self.send.ack_to(&mut self.pool, ack);
            self.rto_at = Some(self.now + self.rtt.backed_off(self.backoff).as_millis() as u64);
        }
        if self.records.is_empty() {
            self.rto_at = None;
        }
    }

    fn timeout(&mut self) {
        let loss = LossSample::new(self.instant(), self.records.segments_in_flight(), MSS);
        self.recovery.on_rto(&mut self.records, &mut self.congestion, loss, self.backoff > 0, true, 3);
        self.backoff += 1;
        self.rto_at = None;
    }

    fn run(&mut self) {
        let mut steps = 0;
        while self.received < self.plan.bytes || !self.records.is_empty() {
            steps += 1;
            assert!(steps < 400_000, "{:?}: no end", self.plan);
            self.write();
            self.transmit();
            let arrival = self.link.keys().next().map(|key| key.0);
            assert!(self.rto_at.is_some() || self.records.is_empty(), "{:?}: a timer watches", self.plan);
            let next = [arrival, self.rto_at].into_iter().flatten().min();
            self.now = next.unwrap_or_else(|| panic!("{:?}: stuck", self.plan)).max(self.now);
            if arrival.is_some_and(|at| at <= self.now) {
                match self.link.pop_first().expect("something arrives").1 {
                    Packet::Data(seq, payload) => self.receive(seq, payload),
                    Packet::Ack(ack, blocks) => self.acknowledge(ack, &blocks),
                }
            } else {
                self.timeout();
            }
        }
        assert_eq!(self.send.pinned(), 0, "{:?}: all is freed", self.plan);
        assert_eq!((self.records.count(), self.records.in_flight()), (0, 0));
    }
}

fn plans(seeds: u64) -> impl Iterator<Item = Plan> {
    (0..seeds).map(|seed| Plan {
        seed,
        sack: seed % 2 == 0,
        loss_percent: [0, 1, 5, 20, 40][(seed / 2 % 5) as usize],
        reorder_percent: [0, 5, 30][(seed / 10 % 3) as usize],
        bytes: [1, 999, 20_000, 100_000][(seed / 30 % 4) as usize],
    })
}

#[test]
fn every_byte_arrives() {
    plans(2400).for_each(|plan| World::new(plan).run());
}

#[test]
fn a_clean_link_sees_every_byte_once() {
    for sack in [false, true] {
        let plan = Plan { seed: 7, sack, loss_percent: 0, reorder_percent: 0, bytes: 1_000_000 };
        let mut world = World::new(plan);
        world.run();
        assert_eq!(world.sent, 1_000_000);
    }
}

#[test]
fn light_loss_is_repaired_without_much_waste() {
    for sack in [false, true] {
        let plan = Plan { seed: 11, sack, loss_percent: 1, reorder_percent: 0, bytes: 2_000_000 };
        let mut world = World::new(plan);
        world.run();
        let wasted = world.sent - 2_000_000;
        assert!((1..100_000).contains(&wasted), "sack {sack}: {wasted} bytes were sent again");
    }
}
