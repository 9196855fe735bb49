//! Whoever sends by a queue: the device's rules are kept, and nobody is kept from it.

use super::super::{Bell, Relay};
use super::*;
use limpid_device::Caps;
use limpid_stack::{InterfaceConfig, Secrets, Stack, StackConfig};
use limpid_wire::{Chunk, Endpoint, IpAddr};
use std::sync::{Arc, Mutex};

/// The marks of frames that other shards send; a shard's own have none.
const FIRST: u32 = 1_000;

/// What a device has taken, and how much it takes yet.
#[derive(Default)]
struct Log {
    taken: Vec<TxFrame>,
    room: usize,
    refused: Option<Vec<u8>>,
    /// Another shard that has more to send whenever some was taken.
    tireless: Option<Relay>,
}

struct Script(Arc<Mutex<Log>>);

impl Device for Script {
    fn caps(&self) -> Caps {
        Caps { medium: Medium::Ip, mtu: 1500, tx_checksum: false, rx_checksum: false, gso_max: 0 }
    }

    fn recv_batch(&mut self, _: &mut FramePool, _: &mut Vec<RxFrame>, _: usize) -> io::Result<usize> {
        Ok(0)
    }

    fn send_batch(&mut self, frames: &[TxFrame]) -> io::Result<usize> {
        let mut log = self.0.lock().unwrap();
        if let (Some(refused), Some(first)) = (log.refused.take(), frames.first()) {
            assert_eq!(first.to_vec(), refused, "what was refused comes first");
        }
        let count = frames.len().min(log.room);
        log.room -= count;
        log.taken.extend_from_slice(&frames[..count]);
        log.refused = frames.get(count).map(TxFrame::to_vec);
        assert!(log.taken.len() < 100_000, "it does not end");
        if let Some(relay) = &mut log.tireless {
            relay.send_batch(&vec![theirs(FIRST); count]).unwrap();
        }
        Ok(count)
    }

    fn poll_fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

fn theirs(number: u32) -> TxFrame {
    let mut frame = TxFrame::stateless();
    frame.payload = Chunk::from_vec(number.to_be_bytes().to_vec()).into();
    frame.mark = number;
    frame
}

fn own(log: &Log) -> usize {
    log.taken.iter().filter(|frame| frame.mark < FIRST).count()
}

struct Setup {
    log: Arc<Mutex<Log>>,
    link: Link,
    stack: Engine,
    relay: Relay,
}

impl Setup {
    fn new() -> Setup {
        let log = Arc::new(Mutex::new(Log::default()));
        let device = Script(log.clone());
        let caps = device.caps();
        let mut stack: Engine = Stack::new(StackConfig::default(), Secrets { seed: [7; 32] }, None);
        let interface = InterfaceConfig {
            name: "script".into(),
            medium: caps.medium,
            mtu: caps.mtu,
            gso_max: 0,
            tx_checksum_offload: false,
        };
        let iface = stack.add_interface(interface).unwrap();
        stack.add_address(iface, "10.0.0.1/24".parse().unwrap()).unwrap();
        let mut link = Link::new(iface, Box::new(device), true);
        let bells = [(); 2].map(|()| Arc::new(Bell::new().unwrap()));
        let (relay, relayed) = Relay::new(caps, &bells[0], &bells[1]);
        link.relay(relayed);
        Setup { log, link, stack, relay }
    }

    /// Has the stack send so many SYNs.
    fn connect(&mut self, count: usize) {
        for _ in 0..count {
            let remote = Endpoint { addr: IpAddr::v4([10, 0, 0, 2]), port: 80 };
            self.stack.connect(Instant::ZERO, None, remote, None).unwrap();
        }
    }

    fn relay(&mut self, numbers: std::ops::Range<u32>) {
        let frames: Vec<TxFrame> = numbers.map(theirs).collect();
        assert_eq!(self.relay.send_batch(&frames).unwrap(), frames.len());
    }

    fn send(&mut self, room: usize) {
        self.log.lock().unwrap().room = room;
        self.link.send(&mut self.stack, Instant::ZERO).unwrap();
    }
}

#[test]
fn what_was_refused_is_offered_again_before_anything_else() {
    let mut setup = Setup::new();
    setup.connect(10);
    setup.send(3);
    assert!(setup.link.is_blocked());
    setup.relay(FIRST..FIRST + 10);
    // The own ones first, then some of the others', and more of our own meanwhile.
    setup.send(12);
    assert!(setup.link.is_blocked());
    setup.connect(10);
    setup.send(2);
    setup.send(1_000);
    assert!(!setup.link.is_blocked() && setup.link.is_empty() && !setup.link.has_more());
    let log = setup.log.lock().unwrap();
    assert_eq!((own(&log), log.taken.len()), (20, 30));
    let marks: Vec<u32> = log.taken.iter().map(|frame| frame.mark).filter(|mark| *mark >= FIRST).collect();
    assert_eq!(marks, (FIRST..FIRST + 10).collect::<Vec<_>>());
}

#[test]
fn a_shard_sends_however_much_another_has_to_send() {
    let mut setup = Setup::new();
    setup.relay(FIRST..FIRST + 200);
    setup.connect(10);
    let Setup { log, mut link, mut stack, relay } = setup;
    log.lock().unwrap().room = usize::MAX;
    log.lock().unwrap().tireless = Some(relay);
    link.send(&mut stack, Instant::ZERO).unwrap();
    assert_eq!(own(&log.lock().unwrap()), 10);
    assert!(link.has_more() && !link.is_blocked());
}

#[test]
fn turns_are_taken_also_at_a_device_with_little_room() {
    let mut setup = Setup::new();
    setup.connect(300);
    setup.relay(FIRST..FIRST + 250);
    // Never more than a batch at a time.
    for _ in 0..5 {
        setup.send(BATCH);
    }
    let log = setup.log.lock().unwrap();
    let (own, all) = (own(&log), log.taken.len());
    assert!(own >= 2 * BATCH && all - own >= 2 * BATCH, "{own} of {all}");
}

#[test]
fn what_another_shard_sends_for_us_waits_until_the_device_has_it() {
    let Setup { log, mut link, mut stack, relay } = Setup::new();
    let mut relaying = Link::relaying(link.iface, relay);
    assert_eq!(relaying.device.send_batch(&[theirs(FIRST)]).unwrap(), 1);
    assert!(!relaying.is_empty(), "it lies in the queue");
    link.send(&mut stack, Instant::ZERO).unwrap();
    assert!(link.is_blocked() && !relaying.is_empty(), "the device has no room");
    log.lock().unwrap().room = 10;
    link.send(&mut stack, Instant::ZERO).unwrap();
    assert!(link.is_empty() && relaying.is_empty());
    assert_eq!(log.lock().unwrap().taken.len(), 1);
}
