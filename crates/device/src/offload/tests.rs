use super::*;
use crate::memory::{Memory, MemoryConfig};
use crate::testing::super_segment;
use limpid_stack::RxChecksum;
use limpid_wire::TcpFlags;

fn pair(queue: usize) -> (Offload<Memory>, Memory) {
    let (left, right) = Memory::pair(MemoryConfig { queue, ..MemoryConfig::default() }).unwrap();
    (Offload::new(left), right)
}

#[test]
fn a_device_that_takes_few_gets_each_piece_once() {
    let (mut left, mut right) = pair(2);
    assert_eq!((left.caps().gso_max, left.caps().tx_checksum), (GSO_MAX, true));

    let mut frames: Vec<TxFrame> = (0..3).map(|_| super_segment("10.0.0.1", "10.0.0.2", TcpFlags::ACK, 2500)).collect();
    let (mut pool, mut got) = (FramePool::new(), Vec::new());
    for _ in 0..20 {
        let taken = left.send_batch(&frames).unwrap();
        frames.drain(..taken);
        right.recv_batch(&mut pool, &mut got, 16).unwrap();
    }
    assert!(frames.is_empty());
    // Headers of 40 bytes.
    assert_eq!(got.iter().map(RxFrame::len).collect::<Vec<_>>(), [1040, 1040, 540].repeat(3));
    assert!(got.iter().all(|frame| frame.gso_size == 0));
}

#[test]
fn what_one_cuts_the_other_merges() {
    let (mut left, right) = pair(1024);
    let mut right = Offload::new(right);
    let whole = super_segment("10.0.0.1", "10.0.0.2", TcpFlags::ACK | TcpFlags::PSH, 30_500);
    assert_eq!(left.send_batch(&[whole.clone(), whole.clone()]).unwrap(), 2);
    let (mut pool, mut got) = (FramePool::new(), Vec::new());
    assert_eq!(right.recv_batch(&mut pool, &mut got, 1024).unwrap(), 2, "all of each");
    for frame in got {
        assert_eq!((frame.gso_size, frame.checksum), (1000, RxChecksum::Verified));
        assert!(frame.payload == whole.payload);
    }
}
