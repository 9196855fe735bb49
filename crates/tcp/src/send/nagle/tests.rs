use super::*;

const MSS: u32 = 1000;
const ON: NagleMode = NagleMode::empty();

fn holds(nagle: &Nagle, mode: NagleMode, una: u32, nxt: u32) -> bool {
    nagle.holds(mode, SeqNum(una), SeqNum(nxt))
}

#[test]
fn a_small_segment_waits_while_another_small_one_is_in_flight() {
    let mut nagle = Nagle::new(SeqNum(0));
    assert!(!holds(&nagle, ON, 0, 0), "nothing is in flight");
    nagle.on_sent(10, MSS, SeqNum(10));
    assert!(holds(&nagle, ON, 0, 10));
    assert!(!holds(&nagle, ON, 10, 10), "acknowledged");
}

#[test]
fn whole_segments_in_flight_hold_nothing_back() {
    // Minshall's change: RFC 896 would wait here.
    let mut nagle = Nagle::new(SeqNum(0));
    nagle.on_sent(3 * MSS, MSS, SeqNum(3 * MSS));
    assert!(!holds(&nagle, ON, 0, 3 * MSS));
}

#[test]
fn a_super_segment_with_a_short_end_counts_as_small() {
    let mut nagle = Nagle::new(SeqNum(0));
    nagle.on_sent(3 * MSS + 1, MSS, SeqNum(3 * MSS + 1));
    assert!(holds(&nagle, ON, 0, 3 * MSS + 1));
}

#[test]
fn nothing_waits_when_it_is_off_but_under_a_cork() {
    let mut nagle = Nagle::new(SeqNum(0));
    nagle.on_sent(10, MSS, SeqNum(10));
    assert!(!holds(&nagle, NagleMode::OFF, 0, 10));
    assert!(!holds(&nagle, NagleMode::PUSH, 0, 10));
    assert!(holds(&nagle, NagleMode::OFF | NagleMode::CORK, 0, 10));
    assert!(holds(&nagle, NagleMode::CORK, 10, 10), "though nothing is in flight");
}

#[test]
fn an_old_small_segment_is_forgotten_when_numbers_wrap() {
    // snd_sml lies half a circle behind: it looks as if it came after SND.UNA, but not before SND.NXT.
    let mut nagle = Nagle::new(SeqNum(0));
    nagle.on_sent(10, MSS, SeqNum(10));
    let una = SeqNum(1 << 31) + 100;
    assert!(SeqNum(10).after(una));
    assert!(!nagle.holds(ON, una, una + MSS));
}
