//! In steady state neither sending nor receiving asks the allocator for anything: not for a segment, nor for an ACK.

use allocation_counter::measure;
use limpid_event::Instant;
use limpid_tcp::WriteFlags;
use limpid_tcp::recv::RecvQueue;
use limpid_tcp::send::{Append, SendQueue, SentRecords, Shape, Snapshot};
use limpid_wire::{FramePool, SeqNum};

const MSS: usize = 1448;
const APPEND: Append = Append {
    goal: 44 * MSS as u32,
    capacity: 256 * 1024,
    sent: 0,
    notsent_lowat: u32::MAX,
    max_window: 1 << 20,
    flags: WriteFlags::empty(),
    goes_on: false,
};

/// One sender and one receiver without a network: segments arrive at once, ACKs after a window.
struct Transfer {
    pool: FramePool,
    send: SendQueue,
    records: SentRecords,
    recv: RecvQueue,
    now: u64,
    total: u64,
}

impl Transfer {
    fn new() -> Transfer {
        let start = SeqNum(u32::MAX - 100_000);
        Transfer {
            pool: FramePool::new(),
            send: SendQueue::new(start),
            records: SentRecords::new(start),
            recv: RecvQueue::new(start),
            now: 0,
            total: 0,
        }
    }

    /// The application writes, a window of segments leaves, the other application reads, one ACK comes back. With
    /// `reorder` every eighth segment comes after the others.
    fn round(&mut self, write: &[u8], buf: &mut [u8], burst: usize, reorder: bool) {
        while self.send.write(&mut self.pool, write, &APPEND).bytes > 0 {}
        let mut late = [None, None, None, None];
        for i in 0..32 {
            self.now += 1;
            let seq = self.records.snd_nxt();
            let payload = self.send.slice(&mut self.pool, seq, burst);
            if payload.is_empty() {
                break;
            }
            let len = payload.len() as u32;
            self.send.pieces.take(len);
            self.records.on_sent(seq + len, Instant::from_millis(self.now), Snapshot::default(), Shape::SINGLE);
            if reorder && i % 8 == 0 {
                late[i / 8] = Some((seq, payload));
                continue;
            }
            self.arrive(seq, payload);
        }
        for (seq, payload) in late.into_iter().flatten() {
            self.arrive(seq, payload);
        }
        loop {
            let n = self.recv.read(&mut self.pool, buf);
            self.total += n as u64;
            if n == 0 {
                break;
            }
        }
        let ack = self.recv.rcv_nxt();
        let acked = self.records.on_ack(ack, &[], Instant::from_millis(self.now + 5));
        assert!(acked.acked > 0);
        self.send.ack_to(&mut self.pool, ack);
    }

    fn arrive(&mut self, seq: SeqNum, payload: limpid_wire::Chunks) {
        // The device's copy, with a header before the payload.
        let mut frame = self.pool.alloc(54 + payload.len());
        frame.advance(54);
        for chunk in &payload {
            assert_eq!(frame.extend_from_slice(chunk), chunk.len());
        }
        let frame = frame.freeze(&mut self.pool);
        let payload = frame.slice(54..frame.len()).into();
        let edge = self.recv.rcv_nxt() + (1 << 20);
        let _ = self.recv.insert(&mut self.pool, seq, payload, false, edge, 1 << 20);
    }

    fn run(&mut self, rounds: usize, write: &[u8], burst: usize) -> (u64, u64) {
        let mut buf = vec![0; 100_000];
        let total = self.total;
        let allocated = measure(|| (0..rounds).for_each(|_| self.round(write, &mut buf, burst, false)));
        (allocated.count_total, self.total - total)
    }
}

#[test]
fn bulk_data_allocates_nothing() {
    for (write, burst) in [(60_000, MSS), (60_000, 40 * MSS), (700, MSS), (5000, MSS)] {
        let (mut transfer, write) = (Transfer::new(), vec![7; write]);
        transfer.run(1000, &write, burst);
        let (allocations, bytes) = transfer.run(1000, &write, burst);
        assert!(bytes > 30_000_000, "{bytes}");
        assert_eq!(allocations, 0, "writes of {}, segments of {burst}", write.len());
    }
}

#[test]
fn small_messages_allocate_nothing() {
    let (mut transfer, mut buf) = (Transfer::new(), [0; 1000]);
    let mut message = |transfer: &mut Transfer| {
        transfer.now += 1;
        let seq = transfer.records.snd_nxt();
        assert_eq!(transfer.send.write(&mut transfer.pool, b"a request of a few bytes", &APPEND).bytes, 24);
        let payload = transfer.send.slice(&mut transfer.pool, seq, MSS);
        transfer.send.pieces.take(24);
        transfer.records.on_sent(seq + 24, Instant::from_millis(transfer.now), Snapshot::default(), Shape::SINGLE);
        transfer.arrive(seq, payload);
        assert_eq!(transfer.recv.read(&mut transfer.pool, &mut buf), 24);
        transfer.records.on_ack(seq + 24, &[], Instant::from_millis(transfer.now));
        transfer.send.ack_to(&mut transfer.pool, seq + 24);
    };
    (0..100).for_each(|_| message(&mut transfer));
    let allocated = measure(|| (0..10_000).for_each(|_| message(&mut transfer)));
    assert_eq!(allocated.count_total, 0);
}

#[test]
fn reordering_allocates_a_few_times_a_window_at_most() {
    let (mut transfer, write) = (Transfer::new(), vec![7; 60_000]);
    let mut buf = vec![0; 100_000];
    (0..100).for_each(|_| transfer.round(&write, &mut buf, MSS, true));
    let count = measure(|| (0..1000).for_each(|_| transfer.round(&write, &mut buf, MSS, true))).count_total;
    assert!(count <= 12 * 1000, "the assembler comes and goes with the holes: {count} in 32,000 segments");
}
