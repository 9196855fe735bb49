//! Two connections, joined by nothing but function calls: in steady state a transfer asks the allocator for nothing, and an
//! idle connection holds nothing but itself.

use allocation_counter::measure;
use limpid_event::{Counters, FlowId, Instant, Silent};
use limpid_tcp::{
    Config, Connection, Cx, OpenParams, SharedMemory, SynReceived, SynReceivedOutcome, SynSent, SynSentOutcome,
    Transmit,
};
use limpid_wire::{FramePool, SeqNum};
use std::sync::Arc;
use std::time::Duration;

/// What both ends need from the world.
struct World {
    now: Instant,
    counters: Counters,
    pool: FramePool,
    observer: Silent,
}

impl World {
    fn new() -> World {
        World { now: Instant::ZERO, counters: Counters::default(), pool: FramePool::new(), observer: Silent }
    }

    fn cx(&mut self) -> Cx<'_, Silent> {
        Cx {
            now: self.now,
            flow: FlowId(1),
            observer: &mut self.observer,
            counters: &mut self.counters,
            pool: &mut self.pool,
            memory: SharedMemory::UNLIMITED,
        }
    }

    /// The device's copy: the payload arrives in another frame.
    fn carry(&mut self, transmit: Transmit) -> limpid_wire::Segment {
        let mut segment = transmit.segment;
        segment.merged = match transmit.gso_size {
            0 => 1,
            size => segment.payload.len().div_ceil(usize::from(size)) as u16,
        };
        if !segment.payload.is_empty() {
            let mut frame = self.pool.alloc(segment.payload.len());
            segment.payload.iter().for_each(|chunk| {
                assert_eq!(frame.extend_from_slice(chunk), chunk.len());
            });
            segment.payload = frame.freeze(&mut self.pool).into();
        }
        segment
    }
}

/// A client and a server that have shaken hands.
fn open(world: &mut World, config: &Arc<Config>, params: OpenParams) -> [Box<Connection>; 2] {
    let mut syn_sent = SynSent::new(&mut world.cx(), config.clone(), params);
    let syn = syn_sent.poll_transmit(&mut world.cx()).expect("a SYN").segment;
    let server_params = OpenParams { isn: SeqNum(7_000), ..params };
    let mut embryo = SynReceived::new(&mut world.cx(), config, server_params, &syn);
    let syn_ack = embryo.syn_ack(&mut world.cx(), config).segment;
    world.now += Duration::from_millis(1);
    let (SynSentOutcome::Connection(mut client), None) = syn_sent.handle_segment(&mut world.cx(), syn_ack) else {
        panic!("the SYN-ACK is good");
    };
    let ack = client.poll_transmit(&mut world.cx()).expect("the last ACK").segment;
    let outcome = embryo.handle_segment(&mut world.cx(), config, &ack);
    assert!(matches!(outcome, SynReceivedOutcome::Complete));
    let server = embryo.establish(&mut world.cx(), config.clone(), ack);
    [client, server]
}

/// Passes segments to and fro until both are silent; the server reads all it gets. Returns how much that was.
fn exchange(world: &mut World, ends: &mut [Box<Connection>; 2], buf: &mut [u8]) -> usize {
    let mut total = 0;
    loop {
        let mut silent = true;
        for from in 0..2 {
            while let Some(transmit) = ends[from].poll_transmit(&mut world.cx()) {
                silent = false;
                let mut segment = world.carry(transmit);
                let _ = ends[1 - from].handle_segment(&mut world.cx(), &mut segment);
            }
        }
        while let Ok(n) = ends[1].read(&mut world.cx(), buf) {
            total += n;
        }
        if silent {
            return total;
        }
    }
}

fn rounds(world: &mut World, ends: &mut [Box<Connection>; 2], count: usize, write: &[u8], buf: &mut [u8]) -> usize {
    let mut total = 0;
    for _ in 0..count {
        world.now += Duration::from_micros(100);
        while ends[0].write(&mut world.cx(), write).is_ok_and(|n| n == write.len()) {}
        total += exchange(world, ends, buf);
        for end in ends.iter_mut() {
            if end.poll_timeout().is_some_and(|(at, _)| at <= world.now) {
                let _ = end.handle_timeout(&mut world.cx());
            }
        }
    }
    total
}

#[test]
fn a_transfer_allocates_nothing_in_steady_state() {
    for max_burst in [0, 64 * 1024] {
        let mut world = World::new();
        // Over a path without end or delay buffers that grow never stop.
        let (recv_buffer, send_buffer) = (131_072, 131_072);
        let fixed = Config { recv_buffer_fixed: true, send_buffer_fixed: true, ..Config::default() };
        let config = Arc::new(Config { recv_buffer, send_buffer, ..fixed });
        let mut ends = open(&mut world, &config, OpenParams { max_burst, ..OpenParams::default() });
        let (write, mut buf) = (vec![7; 16_000], vec![0; 100_000]);
        rounds(&mut world, &mut ends, 200, &write, &mut buf);
        let mut bytes = 0;
        let allocated = measure(|| bytes = rounds(&mut world, &mut ends, 500, &write, &mut buf));
        assert!(bytes > 20_000_000, "{bytes}");
        assert_eq!(allocated.count_total, 0, "super-segments up to {max_burst}");
    }
}

#[test]
fn an_idle_connection_is_one_allocation() {
    let mut world = World::new();
    let config = Arc::new(Config::default());
    let (write, mut buf) = (vec![7; 1_000], vec![0; 10_000]);
    let mut ends = open(&mut world, &config, OpenParams::default());
    rounds(&mut world, &mut ends, 1, &write, &mut buf);
    drop(ends);
    let mut fresh = None;
    let allocated = measure(|| fresh = Some(open(&mut world, &config, OpenParams::default())));
    let idle = usize::try_from(allocated.bytes_current).expect("they take memory");
    assert_eq!(idle, 2 * size_of::<Connection>(), "nothing beside the connections themselves");
    drop(fresh);
}
