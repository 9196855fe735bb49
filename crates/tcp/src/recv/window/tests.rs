use super::*;
use alloc::vec::Vec;
use proptest::prelude::*;

const MSS: u32 = 1460;

/// Room for so much data, of so much; half of the memory is data.
fn space(free: u32, full: u32) -> Space {
    Space { buffer: 2 * full, used: 2 * (full - free), mss: MSS }
}

fn unscaled(window: &mut RecvWindow, rcv_nxt: u32, free: u32, full: u32) -> u32 {
    window.advertise(SeqNum(rcv_nxt), space(free, full)).unscale(window.scale()).bytes()
}

/// One that has offered `initial`, and may offer all that a large buffer has.
fn wide(initial: u32, scale: WindowScale) -> RecvWindow {
    let mut window = RecvWindow::new(SeqNum(0), initial, scale, u32::MAX, 1460, space(1 << 30, 1 << 30));
    window.threshold = u32::MAX;
    window
}

fn taken(len: u32) -> Taken {
    Taken { len, truesize: crate::recv::memory::truesize(0, len) }
}

#[test]
fn scales() {
    assert_eq!(WindowScale::new(15), WindowScale::MAX);
    assert_eq!(WindowScale::new(255).shift(), 14);
    // What Linux chooses for its buffers: 6 MiB gives 7.
    let shift = |bytes| WindowScale::for_buffer(bytes).shift();
    let shifts = [0, 65_535, 65_536, 131_072, 6_291_456, 1 << 30, usize::MAX].map(shift);
    assert_eq!(shifts, [0, 0, 1, 2, 7, 14, 14]);
    assert_eq!(WindowScale::MAX.max_window().bytes(), 1_073_725_440);
}

#[test]
fn a_field_means_nothing_without_its_scale() {
    let scale = WindowScale::new(7);
    assert_eq!(Window(502).unscale(scale).bytes(), 64_256);
    assert_eq!(UnscaledWindow::new(64_256 + 127).scale(scale), Window(502), "rounded down");
    assert_eq!(UnscaledWindow::new(1 << 29).scale(WindowScale::NONE), Window(65_535));
    assert_eq!(UnscaledWindow::new(u32::MAX), WindowScale::MAX.max_window());
}

#[test]
fn the_right_edge_never_moves_left() {
    let mut w = wide(64_240, WindowScale::NONE);
    assert_eq!(w.right_edge(), SeqNum(64_240));
    // The buffer shrank, and nothing is free any more: what was offered stays so.
    assert_eq!(unscaled(&mut w, 10_000, 0, 65_535), 54_240);
    assert_eq!(unscaled(&mut w, 64_240, 0, 65_535), 0);
    assert_eq!(w.right_edge(), SeqNum(64_240));
}

#[test]
fn without_scaling_it_is_whole_segments() {
    let mut w = wide(10 * MSS, WindowScale::NONE);
    assert_eq!(unscaled(&mut w, 10 * MSS, 40_000, 60_000), 27 * MSS);
    // Nearly the same room: the offer stays as it is, without division.
    assert_eq!(unscaled(&mut w, 10 * MSS, 27 * MSS + 1000, 60_000), 27 * MSS);
}

#[test]
fn with_scaling_it_is_never_scaled_away() {
    let scale = WindowScale::new(10);
    let mut w = wide(0, scale);
    assert_eq!(unscaled(&mut w, 0, 700_001, 1 << 20), 700_416, "rounded up to 1024");
}

#[test]
fn slivers_are_not_offered() {
    // RFC 9293 §3.8.6.2.2: a full buffer is read byte by byte.
    let full = 64 * 1024;
    let mut w = wide(0, WindowScale::NONE);
    for free in 0..full / 16 {
        assert_eq!(unscaled(&mut w, 0, free, full), 0, "{free}");
    }
    assert!(unscaled(&mut w, 0, full / 16, full) >= 2 * MSS);
}

#[test]
fn a_buffer_smaller_than_a_segment_is_offered_whole() {
    let mut w = wide(0, WindowScale::NONE);
    assert_eq!(unscaled(&mut w, 0, 500, 500), 500);
    assert_eq!(unscaled(&mut w, 500, 400, 500), 0, "and not in parts");
    assert_eq!(unscaled(&mut w, 500, 0, 0), 0);
}

#[test]
fn the_clamp_holds() {
    let mut w = wide(0, WindowScale::new(7));
    w.set_clamp(10_000);
    assert_eq!(unscaled(&mut w, 0, 1 << 20, 1 << 20), 10_112, "rounded up to 128");
    w.set_clamp(1);
    assert_eq!(w.clamp(), MIN_CLAMP);
}

/// The windows that Linux 6.18 offers with `tcp_rmem` "4096 131072 6291456" to one who sends full segments that nobody reads.
#[test]
fn it_opens_as_segments_turn_out_to_be_worth_their_memory() {
    let mut used = 0;
    let at = |used, mss| Space { buffer: 131_072, used, mss };
    let mut w = RecvWindow::new(SeqNum(1), 64_240, WindowScale::new(7), u32::MAX, 1460, at(0, 536));
    let mut fields = Vec::new();
    for nth in 1..=20 {
        used += taken(1460).truesize;
        if nth == 1 {
            w.on_segment_size(taken(1460), at(used, 536));
        }
        w.grow(taken(1460), 1460, 6_291_456, at(used, 1460));
        fields.push(w.advertise(SeqNum(1 + nth * 1460), at(used, 1460)).0);
    }
    assert_eq!(fields[..10], [525, 548, 571, 594, 592, 581, 570, 559, 548, 537]);
    assert_eq!(fields[10..], [526, 515, 504, 493, 482, 471, 460, 449, 438, 427]);
}

#[test]
fn what_costs_more_than_it_brings_opens_it_little() {
    let at = |used| Space { buffer: 131_072, used, mss: 536 };
    let mut w = RecvWindow::new(SeqNum(1), 20_000, WindowScale::new(7), u32::MAX, 1460, at(0));
    assert!(w.grow(taken(1460), 1460, 6_291_456, at(2304)));
    assert_eq!(w.threshold(), 20_000 + 2920, "two segments");
    assert!(w.grow(taken(300), 1460, 6_291_456, at(2304)));
    assert_eq!(w.threshold(), 20_000 + 2920 + 1072, "two of the peer's");
    assert!(!w.grow(taken(10), 1460, 131_072, at(2304)), "it is more than such segments are worth");
    w.on_overcommit(1460);
    assert_eq!(w.threshold(), 2920);
}

/// Linux 6.18 with SO_RCVBUF 5000, and with 50,000 bytes.
#[test]
fn one_segment_is_kept_back() {
    let space = |buffer| Space { buffer, used: 0, mss: 536 };
    let w = RecvWindow::new(SeqNum(1), 4380, WindowScale::NONE, u32::MAX, 1460, space(10_000));
    assert_eq!((w.clamp(), w.threshold()), (3540, 3540));
    let w = RecvWindow::new(SeqNum(1), 1000, WindowScale::NONE, u32::MAX, 1460, space(2304));
    assert_eq!((w.clamp(), w.threshold()), (1152, 1000));
}

#[test]
fn a_reader_that_makes_room_is_told_about() {
    let full = 64 * 1024;
    let mut w = wide(64_240, WindowScale::NONE);
    assert_eq!(unscaled(&mut w, 64_240, 0, full), 0);
    let due = |free| w.update_due(SeqNum(64_240), space(free, full));
    assert!(!due(0) && !due(4095), "not for a sliver");
    assert!(due(4096));
    // Where much of the window is left, nobody waits.
    let w = wide(64_240, WindowScale::NONE);
    assert!(!w.update_due(SeqNum(0), space(full, full)));
    // Where little is left, it has to double.
    assert!(w.update_due(SeqNum(50_000), space(full, full)));
    assert!(!w.update_due(SeqNum(50_000), space(20_000, full)));
}

proptest! {
    #[test]
    fn it_never_takes_back_and_never_offers_much_more_than_there_is(
        start in any::<u32>(),
        shift in 0..=14u8,
        full in 0..2_000_000u32,
        steps in proptest::collection::vec((0..100_000u32, 0..2_000_000u32, 1..10_000u32), 1..50),
    ) {
        let scale = WindowScale::new(shift);
        let mut nxt = SeqNum(start);
        let mut w = RecvWindow::new(nxt, 20_000.min(full), scale, u32::MAX, 1460, space(full, full));
        w.threshold = u32::MAX;
        for (received, free, mss) in steps {
            // The peer sends no more than it may.
            nxt += received.min(w.current(nxt).bytes());
            let before = w.right_edge();
            let free = free.min(full);
            let space = Space { mss, ..space(free, full) };
            let (current, due) = (w.current(nxt).bytes(), w.update_due(nxt, space));
            let field = w.advertise(nxt, space);
            let offered = field.unscale(scale).bytes();
            prop_assert!(w.right_edge().after_eq(before));
            // The one who reads the field sees the same edge, or (a part of a unit) a little less.
            prop_assert!((nxt + offered).before_eq(w.right_edge()));
            prop_assert!(w.right_edge() - (nxt + offered) < 1 << shift || offered == scale.max_window().bytes());
            prop_assert!(offered < free + (1 << shift) || (nxt + offered).before_eq(before + (1 << shift)));
            prop_assert!(!due || w.current(nxt).bytes() >= 2 * current);
        }
    }
}
