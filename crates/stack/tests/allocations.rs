//! In steady state a segment is sent and received without asking the allocator for memory.

use limpid_event::{Error, Instant, Silent};
use limpid_stack::{
    IfaceId, InterfaceConfig, ListenConfig, Medium, RxChecksum, RxFrame, Secrets, Stack, StackConfig, TxBatch,
};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Counts what is asked for.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: everything is passed on to the system's allocator as it comes.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise is the one asked for here.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

struct Pair {
    hosts: [Stack<Silent>; 2],
    iface: IfaceId,
    now: Instant,
    batch: TxBatch,
    frames: u64,
}

impl Pair {
    fn new() -> Pair {
        let mut iface = IfaceId::LOOPBACK;
        let hosts = [1u8, 2].map(|n| {
            let mut host = Stack::new(StackConfig::default(), Secrets { seed: [n; 32] }, Silent);
            iface = host
                .add_interface(InterfaceConfig {
                    name: "link".into(),
                    medium: Medium::Ip,
                    mtu: 1500,
                    gso_max: 0,
                    tx_checksum_offload: false,
                })
                .unwrap();
            host.add_address(iface, format!("10.0.0.{n}/24").parse().unwrap()).unwrap();
            host
        });
        Pair { hosts, iface, now: Instant::from_millis(1), batch: TxBatch::with_capacity(64), frames: 0 }
    }

    /// Carries frames, as a device does: into frames of the receiver's pool.
    fn carry(&mut self) {
        loop {
            let before = self.frames;
            for from in [0, 1] {
                if self.hosts[from].poll_timeout().is_some_and(|at| at <= self.now) {
                    self.hosts[from].handle_timeout(self.now);
                }
                self.hosts[from].poll_transmit(self.now, self.iface, &mut self.batch);
                let count = self.batch.frames().len();
                self.frames += count as u64;
                let to = &mut self.hosts[1 - from];
                for sent in self.batch.drain(count) {
                    let mut frame = to.pool().alloc(sent.len());
                    let mut copied = frame.extend_from_slice(&sent.head);
                    copied += sent.payload.iter().map(|chunk| frame.extend_from_slice(chunk)).sum::<usize>();
                    assert_eq!(copied, sent.len());
                    let bytes = frame.freeze(to.pool());
                    let checksum = RxChecksum::Unverified;
                    to.handle_frame(self.now, self.iface, RxFrame { bytes, checksum, gso_size: 0 });
                }
            }
            if self.frames == before {
                return;
            }
        }
    }
}

#[test]
fn bulk_transfer_allocates_nothing() {
    let mut pair = Pair::new();
    let remote = "10.0.0.2:80".parse().unwrap();
    let listener = pair.hosts[1].listen(pair.now, ListenConfig::new(remote, 4)).unwrap();
    let client = pair.hosts[0].connect(pair.now, None, remote, None).unwrap();
    pair.carry();
    let (server, _) = pair.hosts[1].accept(pair.now, listener).unwrap();
    let data = vec![7; 20_000];
    let mut buf = vec![0; 20_000];
    let mut transfer = |pair: &mut Pair, bytes: usize| {
        let mut got = 0;
        while got < bytes {
            match pair.hosts[0].write(pair.now, client, &data) {
                Ok(_) | Err(Error::WouldBlock) => {}
                Err(error) => panic!("{error}"),
            }
            pair.carry();
            while let Ok(n) = pair.hosts[1].read(pair.now, server, &mut buf) {
                got += n;
            }
            pair.now += Duration::from_micros(100);
        }
    };
    transfer(&mut pair, 20_000_000);
    let (allocations, frames) = (ALLOCATIONS.load(Ordering::Relaxed), pair.frames);
    transfer(&mut pair, 20_000_000);
    let allocations = ALLOCATIONS.load(Ordering::Relaxed) - allocations;
    let frames = pair.frames - frames;
    assert!(frames > 13_000, "{frames}");
    assert_eq!(allocations, 0, "for {frames} frames");
}
