use super::*;

#[test]
fn segments_are_half_of_a_small_window_at_most() {
    let bound = |mss, window| bound_to_half_window(mss, window, 20);
    assert_eq!(bound(1460, 64_240), 1460);
    assert_eq!(bound(1460, 2000), 1000);
    assert_eq!(bound(1460, 536), 536, "a tiny one is not halved");
    assert_eq!(bound(1460, 10), 48);
    assert_eq!(bound_to_half_window(1460, 10, 32), 36, "beside timestamps");
    assert_eq!(bound(1460, 0), 1460, "no window is known yet");
    assert_eq!(bound(30, 10), 30);
}
