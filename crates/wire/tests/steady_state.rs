//! In steady state the pool gives frames without asking the allocator.

use limpid_wire::{Chunks, FramePool};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::VecDeque;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator unchanged; counting touches a thread-local cell that allocates
// nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|n| n.set(n.get() + 1));
        // SAFETY: the caller keeps the contract of `alloc`, and so does this call.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: `ptr` came from `System.alloc` above with this layout.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(work: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.with(Cell::get);
    work();
    ALLOCATIONS.with(Cell::get) - before
}

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
    let count = allocations(|| traffic(&mut pool, &mut queue, 100_000));
    assert_eq!(count, 0);
    assert!(allocations(|| drop(FramePool::new().alloc(1))) > 0, "the counter counts");
}
