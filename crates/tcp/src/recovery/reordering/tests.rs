use super::*;

const MAX: u32 = 300;

#[test]
fn the_degree_is_how_far_it_was_overtaken() {
    let mut reordering = Reordering::new(3);
    assert!(!reordering.on_late(SeqNum(5000), SeqNum(5000), 1000, MAX), "nothing overtook it");
    assert!(reordering.on_late(SeqNum(3000), SeqNum(5000), 1000, MAX));
    assert_eq!((reordering.degree(), reordering.seen()), (3, 1), "no more than was believed");
    assert!(reordering.on_late(SeqNum(1), SeqNum(5000), 1000, MAX));
    assert_eq!(reordering.degree(), 5, "parts of a segment count as one");
    assert!(reordering.on_late(SeqNum(0), SeqNum(1_000_000), 1000, MAX));
    assert_eq!((reordering.degree(), reordering.seen()), (300, 3));
}

#[test]
fn without_sack_too_many_duplicates_tell_of_it() {
    let mut reordering = Reordering::new(3);
    reordering.on_too_many_duplicates(7, MAX);
    assert_eq!((reordering.degree(), reordering.seen()), (7, 1));
    reordering.on_too_many_duplicates(400, MAX);
    assert_eq!(reordering.degree(), 300);
}

#[test]
fn a_timeout_with_much_sacked_takes_the_belief_back() {
    let mut reordering = Reordering::new(3);
    reordering.on_late(SeqNum(0), SeqNum(20_000), 1000, MAX);
    reordering.on_timeout(2, 3);
    assert_eq!(reordering.degree(), 20);
    reordering.on_timeout(3, 3);
    assert_eq!(reordering.degree(), 3);
}
