//! What an ACK costs the scoreboard and loss detection, by how much is in flight: it should not matter.
//!
//! A path holds so many segments of its own pace. What arrives is acknowledged one by one; in the worse rows some are lost,
//! so that every ACK carries SACK blocks, RACK looks for losses, and what is lost goes again.

use crate::stopwatch::Stopwatch;
use limpid_event::Instant;
use limpid_tcp::recovery::Rack;
use limpid_tcp::send::{SentRecords, Shape, Snapshot};
use limpid_wire::SeqNum;
use limpid_wire::tcp::SackBlock;
use std::collections::VecDeque;
use std::hint::black_box;
use std::time::Duration;

const MSS: u32 = 1000;
const IN_FLIGHT: [usize; 4] = [10, 100, 1_000, 10_000];
/// ACKs of one measurement.
const ACKS: u64 = 400_000;
/// Between two segments.
const GAP_NANOS: u64 = 1_000;

/// What happens to segments on their way.
#[derive(Clone, Copy)]
enum Path {
    Clean,
    /// The first of all that are in flight is lost, once.
    LosesFirst,
    /// The first of so many is.
    Loses(u32),
    /// The same, and the peer tells of the oldest with every ACK.
    Repeats(u32),
}

const ROWS: [(&str, Path); 4] = [
    ("in order", Path::Clean),
    ("one hole", Path::LosesFirst),
    ("1 of 3 lost: three blocks", Path::Loses(3)),
    ("1 of 3 lost, the oldest told again", Path::Repeats(3)),
];

/// Measures all rows and prints them.
pub(crate) fn print(runs: usize) {
    print!("{:<42}", "an ACK costs, with so many in flight");
    IN_FLIGHT.iter().for_each(|n| print!(" {n:>9}"));
    println!("   worst/least");
    for (name, path) in ROWS {
        let nanos = IN_FLIGHT.map(|n| {
            let mut times: Vec<f64> = (0..runs).map(|_| Flow::new(n, path).nanos_per_ack()).collect();
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        });
        print!("{name:<42}");
        nanos.iter().for_each(|nanos| print!(" {nanos:>6.0} ns"));
        let (least, worst) =
            (nanos.iter().fold(f64::MAX, |a, b| a.min(*b)), nanos.iter().fold(0.0f64, |a, b| a.max(*b)));
        println!("   {:>10.2}x", worst / least);
    }
}

/// A sender, and a path with a receiver at its end.
struct Flow {
    path: Path,
    records: SentRecords,
    rack: Rack,
    now: Instant,
    /// On their way, in order: a segment's number.
    wire: VecDeque<u32>,
    next: u32,
    /// The first that has not arrived, and the newest that has.
    missing: u32,
    newest: u32,
    lost: VecDeque<u32>,
    blocks: Vec<SackBlock>,
}

impl Flow {
    fn new(in_flight: usize, path: Path) -> Flow {
        let mut flow = Flow {
            path,
            records: SentRecords::new(SeqNum(0)),
            rack: Rack::new(),
            now: Instant::from_millis(1),
            wire: VecDeque::new(),
            next: 0,
            missing: 0,
            newest: 0,
            lost: VecDeque::new(),
            blocks: Vec::new(),
        };
        (0..in_flight).for_each(|_| flow.send());
        flow
    }

    fn nanos_per_ack(&mut self) -> f64 {
        // Until the pattern of holes is what it will be.
        while self.next < 20_000 + 3 * self.wire.len() as u32 {
            self.step();
        }
        let stopwatch = Stopwatch::start();
        let mut acks = 0;
        while acks < ACKS {
            acks += u64::from(self.step());
        }
        stopwatch.elapsed().as_nanos() as f64 / acks as f64
    }

    /// One segment comes to the end of the path, and another one leaves. True if there was an ACK.
    fn step(&mut self) -> bool {
        self.now += Duration::from_nanos(GAP_NANOS);
        let Some(segment) = self.wire.pop_front() else { return false };
        let arrived = segment < self.newest || !self.is_lost(segment);
        if arrived {
            self.arrive(segment);
            self.tell_blocks();
            self.ack();
        } else {
            self.lost.push_back(segment);
        }
        self.send();
        arrived
    }

    fn is_lost(&self, segment: u32) -> bool {
        match self.path {
            Path::Clean => false,
            Path::LosesFirst => (segment as usize).is_multiple_of(self.wire.len().max(1)),
            Path::Loses(n) | Path::Repeats(n) => segment.is_multiple_of(n),
        }
    }

    fn arrive(&mut self, segment: u32) {
        self.newest = self.newest.max(segment);
        if self.lost.front() == Some(&segment) {
            self.lost.pop_front();
        } else if let Some(at) = self.lost.iter().take(64).position(|lost| *lost == segment) {
            self.lost.remove(at);
        }
        self.missing = self.lost.front().copied().unwrap_or(self.newest + 1);
    }

    /// The newest island first, as RFC 2018 has it.
    fn tell_blocks(&mut self) {
        self.blocks.clear();
        let mut right = self.newest + 1;
        for &lost in self.lost.iter().rev() {
            if self.blocks.len() == 3 {
                break;
            }
            self.blocks.extend(SackBlock::new(SeqNum((lost + 1) * MSS), SeqNum(right * MSS)));
            right = lost;
        }
        if let (Path::Repeats(_), Some(first), Some(second)) = (self.path, self.lost.front(), self.lost.get(1)) {
            self.blocks.truncate(2);
            self.blocks.extend(SackBlock::new(SeqNum((first + 1) * MSS), SeqNum(second * MSS)));
        }
    }

    fn ack(&mut self) {
        let (now, rack) = (self.now, &mut self.rack);
        let una = SeqNum(self.missing * MSS);
        let acked = self.records.on_ack_telling(una, &self.blocks, now, |record, _| {
            rack.on_delivered(record, now, None);
        });
        black_box(acked);
        rack.detect_on_ack(&mut self.records, now, Duration::ZERO);
    }

    fn send(&mut self) {
        let lost = self.records.next_lost().map(|record| (record.start(), record.end()));
        match lost {
            Some((start, end)) => {
                self.records.on_retransmit(start, end, self.now, Snapshot::default(), MSS as u16);
                self.wire.push_back(start.0 / MSS);
            }
            None => {
                self.records.on_sent(SeqNum((self.next + 1) * MSS), self.now, Snapshot::default(), Shape::SINGLE);
                self.wire.push_back(self.next);
                self.next += 1;
            }
        }
    }
}
