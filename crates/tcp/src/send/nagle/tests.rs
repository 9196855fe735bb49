use super::*;

const MSS: u32 = 1000;

#[test]
fn a_small_segment_waits_while_another_small_one_is_in_flight() {
    let mut nagle = Nagle::new(SeqNum(0));
    let allowed = |n: &Nagle, len, una, nxt| n.allowed(NagleMode::On, len, MSS, false, SeqNum(una), SeqNum(nxt));
    assert_eq!(allowed(&nagle, 10, 0, 0), 10, "nothing is in flight");
    nagle.on_sent(10, MSS, SeqNum(10));
    assert_eq!(allowed(&nagle, 10, 0, 10), 0);
    assert_eq!(allowed(&nagle, 2500, 0, 10), 2000, "whole segments may go");
    assert_eq!(allowed(&nagle, 10, 10, 10), 10, "acknowledged");
}

#[test]
fn whole_segments_in_flight_hold_nothing_back() {
    // Minshall's change: RFC 896 would wait here.
    let mut nagle = Nagle::new(SeqNum(0));
    nagle.on_sent(3 * MSS, MSS, SeqNum(3 * MSS));
    assert_eq!(nagle.allowed(NagleMode::On, 10, MSS, false, SeqNum(0), SeqNum(3 * MSS)), 10);
}

#[test]
fn a_super_segment_with_a_short_end_counts_as_small() {
    let mut nagle = Nagle::new(SeqNum(0));
    nagle.on_sent(3 * MSS + 1, MSS, SeqNum(3 * MSS + 1));
    assert_eq!(nagle.allowed(NagleMode::On, 10, MSS, false, SeqNum(0), SeqNum(3 * MSS + 1)), 0);
}

#[test]
fn nothing_waits_when_it_is_off_or_the_last() {
    let mut nagle = Nagle::new(SeqNum(0));
    nagle.on_sent(10, MSS, SeqNum(10));
    assert_eq!(nagle.allowed(NagleMode::Off, 10, MSS, false, SeqNum(0), SeqNum(10)), 10);
    assert_eq!(nagle.allowed(NagleMode::On, 10, MSS, true, SeqNum(0), SeqNum(10)), 10);
    assert_eq!(nagle.allowed(NagleMode::Cork, 10, MSS, true, SeqNum(0), SeqNum(10)), 10);
}

#[test]
fn a_cork_holds_what_is_not_whole() {
    let nagle = Nagle::new(SeqNum(0));
    assert_eq!(nagle.allowed(NagleMode::Cork, 999, MSS, false, SeqNum(0), SeqNum(0)), 0);
    assert_eq!(nagle.allowed(NagleMode::Cork, 1999, MSS, false, SeqNum(0), SeqNum(0)), 1000);
}

#[test]
fn an_old_small_segment_is_forgotten_when_numbers_wrap() {
    // snd_sml lies half a circle behind: it looks as if it came after SND.UNA, but not before SND.NXT.
    let mut nagle = Nagle::new(SeqNum(0));
    nagle.on_sent(10, MSS, SeqNum(10));
    let una = SeqNum(1 << 31) + 100;
    assert!(SeqNum(10).after(una));
    assert_eq!(nagle.allowed(NagleMode::On, 10, MSS, false, una, una + MSS), 10);
}
