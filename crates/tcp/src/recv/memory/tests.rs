use super::*;

#[test]
fn segments_cost_what_they_cost_on_linux() {
    // Asked of Linux 6.18, by the windows that it offers.
    assert_eq!(truesize(0, 1460), 2304);
    assert_eq!(truesize(12, 1448), 2304);
    assert_eq!(truesize(0, 500), 1280);
    assert_eq!(truesize(0, 10), 832);
    assert_eq!(truesize(0, 152), 832);
    assert_eq!(truesize(0, 153), 1280);
    assert_eq!(truesize(0, 60_000), 61_440 + 256, "whole pages");
}

/// As many as Linux 6.18 puts into one: three of 40 bytes, two of 60, one of 100.
#[test]
fn small_segments_share_a_buffer() {
    for (len, shared) in [(40, 3), (60, 2), (100, 1)] {
        let mut charge = Charge::default();
        (0..shared).for_each(|_| charge.append(0, len));
        assert_eq!(charge.bytes(), 832, "{len}");
        charge.append(0, len);
        assert_eq!(charge.bytes(), 2 * 832, "{len}");
        charge.remove(len * (shared + 1) / 2, len * (shared + 1));
        assert_eq!(charge.bytes(), 832, "half of it is gone");
    }
    let mut charge = Charge::default();
    charge.append(0, 10);
    charge.remove(10, 10);
    assert_eq!(charge.bytes(), 0);
    charge.append(0, 10);
    assert_eq!(charge.bytes(), 832, "nothing is shared with what is gone");
}

#[test]
fn what_is_collapsed_costs_little_more_than_itself() {
    let mut charge = Charge::default();
    (0..100).for_each(|_| charge.add(0, 100));
    assert_eq!(charge.bytes(), 83_200);
    charge.collapse(10_000);
    assert_eq!(charge.bytes(), 3 * 4352);
}

#[test]
fn nothing_overflows() {
    let mut charge = Charge::default();
    for _ in 0..100_000 {
        charge.add(40, 65_535);
    }
    charge.append(40, 65_535);
    charge.collapse(u32::MAX);
    charge.remove(u32::MAX, u32::MAX);
    assert_eq!(charge.bytes(), 0);
}
