use super::*;

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
