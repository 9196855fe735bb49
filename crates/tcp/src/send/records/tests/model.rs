//! The scoreboard beside one that keeps every sequence number by itself.

use super::*;

/// One sequence number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Cell {
    sent_at: Instant,
    times: u32,
    sacked: bool,
    lost: bool,
    resent: bool,
}

#[derive(Default)]
struct Naive {
    una: SeqNum,
    cells: Vec<Cell>,
}

#[derive(Default, PartialEq, Debug)]
struct NaiveAcked {
    acked: u32,
    sacked: u32,
    delivered: u32,
    retransmitted: bool,
    oldest: Option<Duration>,
    newest: Option<Duration>,
    sack_oldest: Option<Duration>,
    sack_newest: Option<Duration>,
    newest_sent: Option<Instant>,
}

impl Naive {
    fn range(&self, start: SeqNum, end: SeqNum) -> core::ops::Range<usize> {
        let clamp = |seq: SeqNum| (seq.offset_from(self.una).max(0) as usize).min(self.cells.len());
        clamp(start)..clamp(end).max(clamp(start))
    }

    fn on_ack(&mut self, una: SeqNum, blocks: &[SackBlock], now: Instant) -> NaiveAcked {
        let mut result = NaiveAcked::default();
        for b in blocks {
            let nxt = self.una + self.cells.len() as u32;
            if !b.left().after(self.una.later(una)) || b.right().after(nxt) {
                continue;
            }
            for i in self.range(b.left(), b.right()) {
                let cell = &mut self.cells[i];
                if cell.sacked {
                    continue;
                }
                result.sacked += 1;
                result.delivered += 1;
                result.newest_sent = result.newest_sent.max(Some(cell.sent_at));
                if cell.times == 1 {
                    let rtt = Some(now.since(cell.sent_at));
                    result.sack_oldest = result.sack_oldest.max(rtt);
                    result.sack_newest = [result.sack_newest, rtt].into_iter().flatten().min();
                }
                *cell = Cell { sacked: true, lost: false, resent: cell.resent && !cell.lost, ..*cell };
            }
        }
        let n = una.offset_from(self.una).max(0) as usize;
        if n > self.cells.len() {
            return result;
        }
        for cell in self.cells.drain(..n) {
            result.acked += 1;
            result.retransmitted |= cell.times > 1;
            if cell.sacked {
                continue;
            }
            result.delivered += 1;
            result.newest_sent = result.newest_sent.max(Some(cell.sent_at));
            if cell.times == 1 {
                let rtt = Some(now.since(cell.sent_at));
                result.oldest = result.oldest.or(rtt);
                result.newest = rtt;
            }
        }
        self.una += n as u32;
        result
    }

    fn mark_lost(&mut self, range: core::ops::Range<usize>) {
        for cell in self.cells[range].iter_mut().filter(|c| !c.sacked) {
            cell.lost = true;
            cell.resent = false;
        }
    }

    /// RFC 6675's IsLost, number by number.
    fn mark_lost_by_sack(&mut self, threshold: u32) {
        for i in 0..self.cells.len() {
            let above = self.cells[i + 1..].iter().filter(|c| c.sacked).count() as u32;
            let cell = &mut self.cells[i];
            if !cell.sacked && !cell.lost && !cell.resent && above >= threshold {
                cell.lost = true;
            }
        }
    }

    /// What left before `reference`, and long ago.
    fn mark_lost_by_time(&mut self, reference: Instant, old: Instant) {
        for cell in &mut self.cells {
            let in_flight = !cell.sacked && (!cell.lost || cell.resent);
            if in_flight && cell.sent_at < reference && cell.sent_at <= old {
                (cell.lost, cell.resent) = (true, false);
            }
        }
    }

    fn in_flight(&self) -> u32 {
        let count = |f: fn(&Cell) -> bool| self.cells.iter().filter(|c| f(c)).count() as u32;
        count(|c| !c.sacked && !c.lost) + count(|c| c.resent)
    }
}

/// What must hold always.
pub(super) fn check(records: &SentRecords) {
    let mut at = records.una;
    let [mut out, mut sacked, mut lost, mut resent] = [Amount::default(); 4];
    let mut judged = 0;
    for record in records.iter() {
        assert_eq!(record.start, at, "no gaps");
        assert!(record.start.before(record.end), "none is empty");
        assert!(!record.is_sacked() || !record.is_lost());
        out.add(record);
        let parts =
            [(record.is_sacked(), &mut sacked), (record.is_lost(), &mut lost), (record.is_resent(), &mut resent)];
        parts.into_iter().filter(|(part, _)| *part).for_each(|(_, amount)| amount.add(record));
        judged += if record.is_sacked() && at.before(records.judged) { record.segments() } else { 0 };
        at = record.end;
    }
    assert_eq!(at, records.nxt);
    let totals = (records.out, records.sacked, records.lost, records.resent_out);
    assert_eq!((out, sacked, lost, resent), totals);
    assert_eq!(judged, records.sacked_judged);
    assert_eq!(records.iter().count(), records.count());
    let in_flight = records.iter().filter(|r| r.is_in_flight()).count();
    let by_time: Vec<Instant> = records.in_order_of_time().map(|r| r.sent_at).collect();
    assert!(records.in_order_of_time().all(Record::is_in_flight));
    assert_eq!(by_time.len(), in_flight, "all that is in flight is in the order of time");
    assert!(by_time.is_sorted());
    assert!(records.waiting.len() <= 2 * records.count() + 40, "the heap is bounded: {}", records.waiting.len());
}

#[derive(Clone, Debug)]
enum Op {
    Send(u32),
    Wait(u64),
    Ack { una: u32, blocks: Vec<(u32, u32)> },
    MarkLost(u32, u32),
    MarkBySack,
    MarkByTime { reference: u64, patience: u64 },
    Timeout,
    Unmark,
    Retransmit(u32),
    Probe(u32, u32),
}

fn op() -> impl Strategy<Value = Op> {
    let at = || 0..400u32;
    prop_oneof![
        6 => (1..80u32).prop_map(Op::Send),
        4 => (1..9u64).prop_map(Op::Wait),
        4 => (0..60u32, proptest::collection::vec((at(), 1..60u32), 0..4))
            .prop_map(|(una, blocks)| Op::Ack { una, blocks }),
        3 => proptest::collection::vec((at(), 1..60u32), 1..4).prop_map(|blocks| Op::Ack { una: 0, blocks }),
        1 => (at(), 1..100u32).prop_map(|(start, len)| Op::MarkLost(start, len)),
        3 => Just(Op::MarkBySack),
        3 => (0..20u64, 0..20u64).prop_map(|(reference, patience)| Op::MarkByTime { reference, patience }),
        1 => Just(Op::Timeout),
        1 => Just(Op::Unmark),
        4 => (1..50u32).prop_map(Op::Retransmit),
        1 => (at(), 1..50u32).prop_map(|(start, len)| Op::Probe(start, len)),
    ]
}

struct Pair {
    records: SentRecords,
    naive: Naive,
    now: Instant,
    /// The newest that has arrived: it only ever moves on.
    reference: Instant,
}

impl Pair {
    fn step(&mut self, op: Op) {
        let una = self.naive.una;
        match op {
            Op::Send(len) => {
                let shape = Shape { segment: 1, ..Shape::SINGLE };
                self.records.on_sent(self.records.snd_nxt() + len, self.now, Snapshot::default(), shape);
                let sent_at = self.newest_sent_at();
                let cell = Cell { sent_at, times: 1, sacked: false, lost: false, resent: false };
                self.naive.cells.extend((0..len).map(|_| cell));
            }
            Op::Wait(n) => self.now += millis(n),
            Op::Ack { una: n, blocks } => self.ack(una + n, &blocks),
            Op::MarkLost(start, len) => {
                self.records.mark_lost(una + start, una + start + len);
                let range = self.naive.range(una + start, una + start + len);
                self.naive.mark_lost(range);
            }
            Op::MarkBySack => {
                self.records.mark_lost_by_sack(20);
                self.naive.mark_lost_by_sack(20);
            }
            Op::MarkByTime { reference, patience } => {
                self.reference = self.reference.max(self.now - millis(reference));
                // The number says that of what left at the same time nothing did before.
                let reference = (self.reference, una - (1 << 20));
                self.records.mark_lost_by_time(reference, self.now, millis(patience));
                self.naive.mark_lost_by_time(self.reference, self.now - millis(patience));
            }
            Op::Timeout => self.timeout(),
            Op::Unmark => {
                self.records.unmark_lost();
                self.naive.cells.iter_mut().for_each(|c| c.lost = false);
            }
            Op::Retransmit(max) => {
                let lost = self.records.next_lost().map(|r| (r.start(), r.end()));
                let expected = self.naive.cells.iter().position(|c| c.lost && !c.resent);
                assert_eq!(lost.map(|(start, _)| start), expected.map(|i| una + i as u32));
                if let Some((start, end)) = lost {
                    self.retransmit(start, end.earlier(start + max));
                }
            }
            Op::Probe(start, len) => self.retransmit(una + start, una + start + len),
        }
    }

    /// Now, or a little later if in this instant something higher left before.
    fn newest_sent_at(&self) -> Instant {
        let newest = self.records.in_order_of_time().last().map_or(self.now, |record| record.sent_at);
        assert!(newest.since(self.now) < millis(1));
        newest.max(self.now)
    }

    fn retransmit(&mut self, start: SeqNum, end: SeqNum) {
        let range = self.naive.range(start, end);
        let times = self.records.on_retransmit(start, end, self.now, Snapshot::default(), 1);
        if let Some(cell) = self.naive.cells[range.clone()].first().filter(|c| !c.sacked) {
            assert_eq!(times, cell.times);
        }
        let sent_at = self.newest_sent_at();
        for cell in self.naive.cells[range].iter_mut().filter(|c| !c.sacked) {
            *cell = Cell { sent_at, times: cell.times + 1, resent: true, ..*cell };
        }
    }

    fn ack(&mut self, una: SeqNum, blocks: &[(u32, u32)]) {
        let blocks: Vec<SackBlock> = blocks
            .iter()
            .map(|&(at, len)| SackBlock::new(self.naive.una + at, self.naive.una + at + len).unwrap())
            .collect();
        // Of what came twice other tests tell.
        let duplicate = usize::from(super::super::sack::dsack(una, &blocks).is_some());
        let blocks = &blocks[duplicate..];
        if super::super::sack::dsack(una, blocks).is_some() {
            return;
        }
        let acked = self.records.on_ack(una, blocks, self.now);
        let expected = self.naive.on_ack(una, blocks, self.now);
        assert_eq!((acked.acked, acked.sacked), (expected.acked, expected.sacked));
        assert_eq!(acked.delivered, expected.delivered);
        assert_eq!(acked.retransmitted, expected.retransmitted, "Karn is never forgotten");
        assert_eq!(acked.cumulative, expected.oldest.zip(expected.newest));
        assert_eq!(acked.selective, expected.sack_oldest.zip(expected.sack_newest));
        assert_eq!(acked.newest.map(|n| n.sent_at), expected.newest_sent);
    }

    fn timeout(&mut self) {
        let reneged = self.records.mark_all_lost();
        assert_eq!(reneged, self.naive.cells.first().is_some_and(|c| c.sacked));
        for cell in &mut self.naive.cells {
            cell.sacked &= !reneged;
        }
        self.naive.mark_lost(0..self.naive.cells.len());
    }

    fn check(&mut self) {
        check(&self.records);
        let naive = &self.naive;
        assert_eq!(self.records.outstanding(), naive.cells.len() as u32);
        assert_eq!(self.records.in_flight(), naive.in_flight());
        for (i, cell) in naive.cells.iter().enumerate() {
            let record = self.records.get(naive.una + i as u32).expect("every outstanding number is found");
            let fate = (record.is_sacked(), record.is_lost(), record.is_resent());
            assert_eq!(fate, (cell.sacked, cell.lost, cell.resent), "at {i}");
            if !cell.sacked {
                assert_eq!((record.sent_at(), record.retransmissions() + 1), (cell.sent_at, cell.times));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn it_behaves_as_one_that_keeps_every_number(
        start in prop_oneof![any::<u32>(), (u32::MAX - 300)..=u32::MAX],
        ops in proptest::collection::vec(op(), 1..60),
    ) {
        let start = SeqNum(start);
        let naive = Naive { una: start, cells: vec![] };
        let mut pair = Pair { records: SentRecords::new(start), naive, now: ms(1000), reference: ms(0) };
        for op in ops {
            pair.step(op);
            pair.check();
        }
    }
}
