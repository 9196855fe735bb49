//! In steady state the pool gives frames without asking the allocator.

use allocation_counter::measure;
use limpid_wire::{Chunks, FramePool};
use std::collections::VecDeque;

/// Packets of changing sizes come in, are cut to their payload, wait in a queue for a while, and go.
fn traffic(pool: &mut FramePool, queue: &mut VecDeque<Chunks>, packets: usize) {
    for i in 0..packets {
        let len = [60, 1514, 300, 9014, 65_000][i % 5];
        let mut frame = pool.alloc(65_565);
        frame.spare()[..len].fill(i as u8);
        frame.advance(len);
        let packet = frame.freeze(pool);
        let mut payload = Chunks::from(packet.slice(54..len));
        payload.trim_front(2);
        queue.push_back(payload);
        if queue.len() > 32 {
            queue.pop_front();
        }
    }
}

#[test]
fn nothing_is_allocated_in_steady_state() {
    let (mut pool, mut queue) = (FramePool::new(), VecDeque::with_capacity(64));
    traffic(&mut pool, &mut queue, 1000);
    let allocated = measure(|| traffic(&mut pool, &mut queue, 100_000));
    assert_eq!(allocated.count_total, 0);
    assert!(measure(|| drop(FramePool::new().alloc(1))).count_total > 0, "the counter counts");
}
