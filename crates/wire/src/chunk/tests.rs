use super::*;
use alloc::vec;
use proptest::prelude::*;

#[test]
fn a_frame_is_used_again_when_its_last_chunk_is_gone() {
    let mut pool = FramePool::new();
    let chunk = pool.copy(b"hello");
    let address = chunk.as_ptr();
    let part = chunk.slice(1..3);
    drop(chunk);
    assert_ne!(pool.copy(b"other").as_ptr(), address, "still in use");
    assert_eq!(&part[..], b"el");
    drop(part);
    let again = [pool.copy(b"1"), pool.copy(b"2")];
    assert!(again.iter().any(|c| c.as_ptr() == address));
}

#[test]
fn an_owner_goes_with_the_last_chunk_of_it() {
    struct Owner(#[expect(dead_code, reason = "only its drop is looked at")] Arc<()>);
    impl AsRef<[u8]> for Owner {
        fn as_ref(&self) -> &[u8] {
            b"somebody else's"
        }
    }
    let alive = Arc::new(());
    let mut chunk = Chunk::from_owner(Owner(alive.clone()));
    assert_eq!((chunk.len(), chunk.pinned(), chunk.is_wasteful()), (15, 15, false));
    let mut head = chunk.split_to(8);
    assert!(!chunk.join(&head) && head.join(&chunk));
    assert_eq!((&head[..], &chunk[..]), (&b"somebody else's"[..], &b" else's"[..]));
    drop(head);
    chunk.trim_front(6);
    assert!(chunk.is_wasteful());
    assert_eq!(Arc::strong_count(&alive), 2);
    drop(chunk);
    assert_eq!(Arc::strong_count(&alive), 1);
}

#[test]
fn a_shared_frame_is_never_written_again() {
    let mut pool = FramePool::new();
    let kept: Vec<Chunk> = (0..200u8).map(|i| pool.copy(&[i; 10])).collect();
    for i in 0..200u8 {
        drop(pool.copy(&[!i; 10]));
    }
    for (i, chunk) in kept.iter().enumerate() {
        assert_eq!(&chunk[..], &[i as u8; 10]);
    }
}

#[test]
fn a_frame_is_as_large_as_it_has_to_be() {
    let mut pool = FramePool::new();
    let sizes = [0, 1, 256, 257, 2048, 2049, 16_384, 16_385, 65_565, FramePool::MAX_FRAME, 1 << 20];
    let capacities = sizes.map(|n| pool.alloc(n).capacity());
    let max = FramePool::MAX_FRAME;
    assert_eq!(capacities, [256, 256, 256, 2048, 2048, 16_384, 16_384, max, max, max, 1 << 20]);
}

#[test]
fn a_short_packet_does_not_pin_the_frame_made_for_a_long_one() {
    let mut pool = FramePool::new();
    let mut frame = pool.alloc(65_000);
    let address = frame.as_slice().as_ptr();
    frame.spare()[..3].copy_from_slice(b"ack");
    frame.advance(3);
    let chunk = frame.freeze(&mut pool);
    assert_eq!((&chunk[..], chunk.pinned()), (&b"ack"[..], 256));
    assert_eq!(pool.alloc(65_000).as_slice().as_ptr(), address, "free again at once");
}

#[test]
fn a_full_frame_is_shared_where_it_is() {
    let mut pool = FramePool::new();
    let mut frame = pool.alloc(2048);
    assert_eq!(frame.extend_from_slice(&[7; 3000]), 2048);
    assert_eq!((frame.len(), frame.remaining(), frame.extend_from_slice(b"x")), (2048, 0, 0));
    frame.as_mut_slice()[0] = 8;
    let address = frame.as_slice().as_ptr();
    let chunk = frame.freeze(&mut pool);
    assert_eq!((chunk.as_ptr(), chunk[0], chunk[2047]), (address, 8, 7));
}

#[test]
#[should_panic(expected = "filled past its end")]
fn a_frame_can_not_be_filled_past_its_end() {
    FramePool::new().alloc(10).advance(257);
}

#[test]
fn the_pool_remembers_no_more_than_its_bound() {
    let limit = 1 << 20;
    let mut pool = FramePool::with_limit(limit);
    let chunks: Vec<Chunk> = (0..20_000).map(|_| pool.copy(&[1; 200])).collect();
    assert!(pool.remembered() <= limit, "{}", pool.remembered());
    drop(chunks);
    assert!(pool.remembered() > 0);
    pool.shrink();
    assert_eq!(pool.remembered(), 0);
}

#[test]
fn a_pool_without_memory_still_gives_frames() {
    let mut pool = FramePool::with_limit(0);
    let chunk = pool.copy(b"bytes");
    assert_eq!((&chunk[..], pool.remembered()), (&b"bytes"[..], 0));
}

#[test]
fn chunks_that_are_held_for_ever_do_not_clog_the_pool() {
    let mut pool = FramePool::with_limit(64 * 256); // 64 frames of the smallest class
    let _held: Vec<Chunk> = (0..64).map(|_| pool.copy(b"held")).collect();
    // The ring is full of frames in use. Short-lived frames push them out and are then used again.
    let mut addresses = Vec::new();
    for _ in 0..400 {
        addresses.push(pool.copy(b"short-lived").as_ptr());
    }
    addresses.dedup();
    assert!(addresses.len() < 100, "{} different frames", addresses.len());
    let last = addresses[addresses.len() - 1];
    assert_eq!(pool.copy(b"again").as_ptr(), last);
}

/// After a flood a few frames are used again and again: not all that there once were, each of which would have left the cache
/// before its turn comes.
#[test]
fn a_pool_that_was_large_does_not_go_through_all_of_its_frames() {
    let mut pool = FramePool::new();
    let flood: Vec<Chunk> = (0..200).map(|_| pool.copy(&[7; 16_000])).collect();
    drop(flood);
    let mut in_flight: Vec<Chunk> = Vec::new();
    let mut used = Vec::new();
    for round in 0..400 {
        let chunk = pool.copy(&[8; 16_000]);
        if round >= 200 {
            used.push(chunk.as_ptr());
        }
        in_flight.push(chunk);
        if in_flight.len() == 6 {
            in_flight.drain(..3);
        }
    }
    used.sort();
    used.dedup();
    assert!(used.len() <= 16, "{} frames for 6 in flight", used.len());
    assert_eq!(pool.remembered(), 200 * 16 * 1024, "nothing was allocated, nothing forgotten");
}

/// One size may take all of the memory, until another needs some.
#[test]
fn sizes_share_one_bound() {
    let limit = 1 << 20;
    let mut pool = FramePool::with_limit(limit);
    let large: Vec<Chunk> = (0..100).map(|_| pool.copy(&[1; 16 * 1024])).collect();
    assert_eq!(pool.remembered(), limit, "64 of them");
    let small = pool.copy(&[2; 100]);
    assert_eq!(
        pool.remembered(),
        limit - 16 * 1024 + 256,
        "one was forgotten, and it is the larger ones that take most"
    );
    drop((large, small));
    for _ in 0..63 {
        pool.copy(&[3; 16 * 1024]);
    }
    assert_eq!(pool.remembered(), limit - 16 * 1024 + 256);
}

#[test]
fn parts_that_continue_one_another_take_one_share() {
    let mut pool = FramePool::new();
    let whole: Chunks = pool.copy(&[7; 4000]).into();
    let mut list = Chunks::new();
    for at in 0..4 {
        for part in whole.parts(at * 1000..(at + 1) * 1000) {
            list.push_part(part).unwrap();
        }
    }
    assert_eq!((list.len(), list.iter().len()), (4000, 1));
    // The pool's, the whole's and the list's.
    assert_eq!(alloc::sync::Arc::strong_count(&list.iter().next().unwrap().frame), 3);
    drop(whole);
    assert_eq!(list.to_vec(), [7; 4000]);
}

#[test]
fn compact_copies_only_what_wastes_memory() {
    let mut pool = FramePool::new();
    let large = pool.copy(&[1; 2000]);
    let kept = pool.compact(large.slice(0..1500));
    assert_eq!(kept.pinned(), 2048);
    let small = pool.compact(large.slice(0..100));
    assert_eq!((small.pinned(), small.len()), (256, 100));
    let tiny = Chunk::from_vec(vec![1; 4]).slice(0..0);
    assert_eq!(pool.compact(tiny).pinned(), 4, "nothing smaller to copy to");
}

#[test]
fn a_list_joins_what_continues_in_the_same_frame() {
    let whole = Chunk::from_vec((0..100).collect());
    let mut list = Chunks::new();
    for i in 0..100 {
        list.push(whole.slice(i..i + 1)).unwrap();
    }
    assert_eq!((list.iter().len(), list.len()), (1, 100));
    assert_eq!(list.to_vec(), whole.as_slice());
}

#[test]
fn a_full_list_gives_the_chunk_back() {
    let mut list = Chunks::new();
    for i in 0..MAX_CHUNKS {
        list.push(Chunk::from_vec(vec![i as u8])).unwrap();
    }
    assert!(list.is_full());
    let back = list.push(Chunk::from_vec(vec![99])).unwrap_err();
    assert_eq!(&back[..], [99]);
    assert!(list.push(Chunk::from_vec(vec![])).is_ok(), "an empty one needs no room");
    let mut more = Chunks::from(vec![1]);
    assert!(!list.append(&mut more));
    assert_eq!((list.len(), more.len()), (MAX_CHUNKS, 1));
}

#[test]
fn sizes() {
    assert_eq!(size_of::<Chunk>(), 16);
    assert!(size_of::<Chunks>() <= 96);
    assert!(size_of::<FrameMut>() <= 16);
}

fn list_of(parts: &[Vec<u8>]) -> (Chunks, Vec<u8>) {
    let mut list = Chunks::new();
    for part in parts {
        list.push(Chunk::from_vec(part.clone())).unwrap();
    }
    (list, parts.concat())
}

proptest! {
    #[test]
    fn a_list_behaves_as_its_bytes(
        parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..9), 0..MAX_CHUNKS),
        a in 0..70usize,
        b in 0..70usize,
    ) {
        let (list, bytes) = list_of(&parts);
        prop_assert_eq!(list.to_vec(), &bytes[..]);
        prop_assert_eq!(list.len(), bytes.len());

        let mut front = list.clone();
        front.trim_front(a);
        prop_assert_eq!(front.to_vec(), &bytes[a.min(bytes.len())..]);
        prop_assert_eq!(front.len(), front.to_vec().len());

        let mut back = list.clone();
        back.truncate(a);
        prop_assert_eq!(back.to_vec(), &bytes[..a.min(bytes.len())]);
        prop_assert!(back.iter().all(|chunk| !chunk.is_empty()));

        let (low, high) = (a.min(b).min(bytes.len()), a.max(b).min(bytes.len()));
        prop_assert_eq!(list.slice(low..high).to_vec(), &bytes[low..high]);
        let parts = list.parts(low..high);
        prop_assert_eq!(parts.byte_len(), high - low);
        prop_assert!(parts.clone().all(|part| !part.as_slice().is_empty()));
        prop_assert_eq!(parts.flat_map(|part| part.as_slice().to_vec()).collect::<Vec<_>>(), &bytes[low..high]);

        let mut buf = vec![0; a];
        let n = list.copy_to(&mut buf);
        prop_assert_eq!(n, a.min(bytes.len()));
        prop_assert_eq!(&buf[..n], &bytes[..n]);

        // Equality is of bytes, not of cuts.
        prop_assert_eq!(&list, &Chunks::from(bytes.clone()));
        let mut ends = list.slice(0..low);
        let joined = ends.append(&mut list.slice(low..list.len()));
        prop_assert!(!joined || ends == list);
    }
}
