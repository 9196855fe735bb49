use super::*;
use crate::testing::{frame, super_segment};
use limpid_wire::TcpFlags;
use rustix::event::{PollFd, Timespec, poll};

fn is_readable(device: &Memory) -> bool {
    let fd = device.poll_fd().unwrap();
    let mut fds = [PollFd::new(&fd, device.poll_events(false))];
    poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap() == 1
}

fn take(device: &mut Memory, max: usize) -> Vec<Vec<u8>> {
    let (mut pool, mut frames) = (FramePool::new(), Vec::new());
    let count = device.recv_batch(&mut pool, &mut frames, max).unwrap();
    assert_eq!(count, frames.len());
    frames.iter().map(|f| f.contiguous().into_owned()).collect()
}

#[test]
fn frames_cross_in_order_both_ways() {
    let (mut left, mut right) = Memory::pair(MemoryConfig::default()).unwrap();
    assert!(!is_readable(&left) && !is_readable(&right));
    assert_eq!(left.send_batch(&[frame(b"one"), frame(b"two")]).unwrap(), 2);
    assert_eq!(right.send_batch(&[frame(b"three")]).unwrap(), 1);
    assert!(is_readable(&left) && is_readable(&right));
    assert_eq!(take(&mut right, 9), [b"one", b"two"]);
    assert_eq!(take(&mut left, 9), [b"three"]);
    assert!(!is_readable(&left) && !is_readable(&right));
}

#[test]
fn what_was_left_keeps_the_bell_ringing() {
    let (mut left, mut right) = Memory::pair(MemoryConfig::default()).unwrap();
    left.send_batch(&[frame(b"one"), frame(b"two")]).unwrap();
    assert_eq!(take(&mut right, 1), [b"one"]);
    assert!(is_readable(&right));
    assert_eq!(take(&mut right, 1), [b"two"]);
    assert!(!is_readable(&right));
}

#[test]
fn a_full_queue_takes_no_more_and_tells_of_room() {
    let (mut left, mut right) = Memory::pair(MemoryConfig { queue: 2, ..MemoryConfig::default() }).unwrap();
    let frames = [frame(b"one"), frame(b"two"), frame(b"three")];
    assert_eq!(left.send_batch(&frames).unwrap(), 2);
    assert_eq!(left.send_batch(&frames[2..]).unwrap(), 0);
    assert!(!is_readable(&left));
    assert_eq!(take(&mut right, 1), [b"one"]);
    assert!(is_readable(&left), "there is room");
    assert_eq!(left.send_batch(&frames[2..]).unwrap(), 1);
    assert_eq!(take(&mut right, 9), [&b"two"[..], b"three"]);
}

#[test]
fn a_pulled_cable_swallows() {
    let (mut left, right) = Memory::pair(MemoryConfig::default()).unwrap();
    drop(right);
    assert_eq!(left.send_batch(&vec![frame(b"x"); 5000]).unwrap(), 5000);
    assert!(take(&mut left, 9).is_empty());
}

#[test]
fn offloaded_frames_arrive_whole() {
    let (mut left, mut right) = Memory::pair(MemoryConfig { offload: true, ..MemoryConfig::default() }).unwrap();
    let whole = super_segment("10.0.0.1", "10.0.0.2", TcpFlags::ACK, 30_000);
    left.send_batch(std::slice::from_ref(&whole)).unwrap();
    let (mut pool, mut frames) = (FramePool::new(), Vec::new());
    right.recv_batch(&mut pool, &mut frames, 9).unwrap();
    assert_eq!((frames[0].gso_size, frames[0].checksum), (1000, RxChecksum::Verified));
    assert_eq!(frames[0].contiguous(), whole.to_vec());
}
