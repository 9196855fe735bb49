use super::*;
use proptest::prelude::*;

const MSS: u32 = 1000;

#[test]
fn all_that_fits_goes() {
    assert_eq!(sendable(10, 10, MSS, 60_000), 10);
    assert_eq!(sendable(5000, 60_000, MSS, 60_000), 5000);
}

#[test]
fn a_window_cuts_to_whole_segments() {
    assert_eq!(sendable(5000, 3500, MSS, 60_000), 3000);
}

#[test]
fn a_sliver_of_window_is_left_alone() {
    assert_eq!(sendable(5000, 999, MSS, 60_000), 0);
    assert_eq!(sendable(5000, 0, MSS, 0), 0);
}

#[test]
fn half_of_a_tiny_buffer_is_taken() {
    assert_eq!(sendable(5000, 300, MSS, 600), 300);
    assert_eq!(sendable(5000, 299, MSS, 600), 0);
}

#[test]
fn segments_are_half_of_a_small_window_at_most() {
    assert_eq!(bound_to_half_window(1460, 64_240), 1460);
    assert_eq!(bound_to_half_window(1460, 2000), 1000);
    assert_eq!(bound_to_half_window(1460, 536), 536, "a tiny one is not halved");
    assert_eq!(bound_to_half_window(1460, 10), MIN_MSS);
    assert_eq!(bound_to_half_window(1460, 0), 1460, "no window is known yet");
}

proptest! {
    #[test]
    fn never_more_than_there_is_or_the_window_lets(
        queued in any::<u32>(), usable in any::<u32>(), mss in 1..=65_535u32, max in any::<u32>(),
    ) {
        let n = sendable(queued, usable, mss, max);
        prop_assert!(n <= queued && n <= usable);
        // What does not take all is made of whole segments, or is at least half a window.
        prop_assert!(n == queued || n.is_multiple_of(mss) || n >= max / 2);
        // Nothing waits that has a whole segment and room for it.
        prop_assert!(n > 0 || queued == 0 || usable < mss);
    }
}
