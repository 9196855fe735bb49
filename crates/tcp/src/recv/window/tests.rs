use super::*;
use proptest::prelude::*;

const MSS: u32 = 1460;

fn space(free: u32, full: u32) -> Space {
    Space { free, full, mss: MSS }
}

fn unscaled(window: &mut RecvWindow, rcv_nxt: u32, free: u32, full: u32) -> u32 {
    window.advertise(SeqNum(rcv_nxt), space(free, full)).unscale(window.scale()).bytes()
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
fn a_syn_offers_whole_segments() {
    assert_eq!(RecvWindow::initial(65_536, 1460), 64_240, "as Linux");
    assert_eq!(RecvWindow::initial(1000, 1460), 1000);
    assert_eq!(RecvWindow::initial(65_536, 65_495), 65_495);
    assert_eq!(RecvWindow::initial(0, 0), 0);
}

#[test]
fn the_right_edge_never_moves_left() {
    let mut w = RecvWindow::new(SeqNum(0), 64_240, WindowScale::NONE, 65_535);
    assert_eq!(w.right_edge(), SeqNum(64_240));
    // The buffer shrank, and nothing is free any more: what was offered stays so.
    assert_eq!(unscaled(&mut w, 10_000, 0, 65_535), 54_240);
    assert_eq!(unscaled(&mut w, 64_240, 0, 65_535), 0);
    assert_eq!(w.right_edge(), SeqNum(64_240));
}

#[test]
fn without_scaling_it_is_whole_segments() {
    let mut w = RecvWindow::new(SeqNum(0), 10 * MSS, WindowScale::NONE, 65_535);
    assert_eq!(unscaled(&mut w, 10 * MSS, 40_000, 60_000), 27 * MSS);
    // Nearly the same room: the offer stays as it is, without division.
    assert_eq!(unscaled(&mut w, 10 * MSS, 27 * MSS + 1000, 60_000), 27 * MSS);
}

#[test]
fn with_scaling_it_is_never_scaled_away() {
    let scale = WindowScale::new(10);
    let mut w = RecvWindow::new(SeqNum(0), 0, scale, 1 << 20);
    assert_eq!(unscaled(&mut w, 0, 700_001, 1 << 20), 700_416, "rounded up to 1024");
}

#[test]
fn slivers_are_not_offered() {
    // RFC 9293 §3.8.6.2.2: a full buffer is read byte by byte.
    let full = 64 * 1024;
    let mut w = RecvWindow::new(SeqNum(0), 0, WindowScale::NONE, 65_535);
    for free in 0..full / 16 {
        assert_eq!(unscaled(&mut w, 0, free, full), 0, "{free}");
    }
    assert!(unscaled(&mut w, 0, full / 16, full) >= 2 * MSS);
}

#[test]
fn a_buffer_smaller_than_a_segment_is_offered_whole() {
    let mut w = RecvWindow::new(SeqNum(0), 0, WindowScale::NONE, 65_535);
    assert_eq!(unscaled(&mut w, 0, 500, 500), 500);
    assert_eq!(unscaled(&mut w, 500, 400, 500), 0, "and not in parts");
    assert_eq!(unscaled(&mut w, 500, 0, 0), 0);
}

#[test]
fn the_clamp_holds() {
    let mut w = RecvWindow::new(SeqNum(0), 0, WindowScale::new(7), 10_000);
    assert_eq!(unscaled(&mut w, 0, 1 << 20, 1 << 20), 10_112, "rounded up to 128");
}

#[test]
fn a_reader_that_makes_room_is_told_about() {
    let full = 64 * 1024;
    let mut w = RecvWindow::new(SeqNum(0), 64_240, WindowScale::NONE, 65_535);
    assert_eq!(unscaled(&mut w, 64_240, 0, full), 0);
    let due = |free| w.update_due(SeqNum(64_240), space(free, full));
    assert!(!due(0) && !due(4095), "not for a sliver");
    assert!(due(4096));
    // Where much of the window is left, nobody waits.
    let w = RecvWindow::new(SeqNum(0), 64_240, WindowScale::NONE, 65_535);
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
        let mut w = RecvWindow::new(nxt, 20_000.min(full), scale, u32::MAX);
        for (received, free, mss) in steps {
            // The peer sends no more than it may.
            nxt += received.min(w.current(nxt).bytes());
            let before = w.right_edge();
            let free = free.min(full);
            let space = Space { free, full, mss };
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
