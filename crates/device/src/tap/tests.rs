use super::*;
use crate::Offload;
use crate::memory::{Memory, MemoryConfig};
use crate::testing::{frame, super_segment};
use limpid_wire::TcpFlags;
use std::sync::{Arc, Mutex};

/// Time, direction, length.
type Entry = (u64, &'static str, usize);

/// Writes down what it is shown.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<Entry>>>);

impl Tap for Log {
    fn sent(&mut self, at: Instant, frame: &TxFrame) {
        self.0.lock().unwrap().push((at.as_nanos(), "sent", frame.len()));
    }

    fn received(&mut self, at: Instant, frame: &RxFrame) {
        self.0.lock().unwrap().push((at.as_nanos(), "received", frame.len()));
    }
}

fn ticking() -> impl FnMut() -> Instant + Send {
    let mut now = 0;
    move || {
        now += 1;
        Instant::from_nanos(now)
    }
}

#[test]
fn shows_what_the_device_took_and_gave() {
    let (left, mut right) = Memory::pair(MemoryConfig { queue: 2, ..MemoryConfig::default() }).unwrap();
    let log = Log::default();
    let mut left = Tapped::new(left, log.clone(), ticking());
    assert_eq!(left.send_batch(&[frame(b"1"), frame(b"22"), frame(b"333")]).unwrap(), 2);
    right.send_batch(&[frame(b"4444")]).unwrap();
    let (mut pool, mut frames) = (FramePool::new(), Vec::new());
    left.recv_batch(&mut pool, &mut frames, 9).unwrap();
    left.recv_batch(&mut pool, &mut frames, 9).unwrap();
    assert_eq!(*log.0.lock().unwrap(), [(1, "sent", 1), (1, "sent", 2), (2, "received", 4)]);
}

#[test]
fn shows_a_super_segment_as_it_stands_on_the_wire() {
    let (left, _right) = Memory::pair(MemoryConfig::default()).unwrap();
    let log = Log::default();
    let mut left = Tapped::new(Offload::new(left), log.clone(), ticking());
    left.send_batch(&[super_segment("10.0.0.1", "10.0.0.2", TcpFlags::ACK, 2500)]).unwrap();
    assert_eq!(*log.0.lock().unwrap(), [(1, "sent", 1040), (1, "sent", 1040), (1, "sent", 540)]);
}
