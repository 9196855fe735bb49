use super::*;
use alloc::vec::Vec;

/// Pieces of these lengths, pushed where there is a `true`.
fn pieces(lengths: &[(u32, bool)]) -> Pieces {
    let mut pieces = Pieces::new(SeqNum(u32::MAX - 10));
    for &(len, push) in lengths {
        pieces.open();
        pieces.extend(len);
        pieces.last_mut().unwrap().push = push;
    }
    pieces
}

fn lengths(pieces: &Pieces) -> Vec<(u32, bool)> {
    let mut start = pieces.start;
    pieces.list.iter().map(|p| (p.end - core::mem::replace(&mut start, p.end), p.push)).collect()
}

#[test]
fn the_last_takes_more_until_it_is_long_enough_or_a_record_ends() {
    let mut p = pieces(&[(10, false), (20, true)]);
    assert_eq!((p.room(100), p.room(20), p.room(5)), (80, 0, 0));
    p.extend(30);
    assert_eq!((p.room(100), p.len(), p.count()), (50, 60, 2));
    p.last_mut().unwrap().record_end = true;
    assert_eq!(p.room(100), 0);
    assert_eq!(Pieces::new(SeqNum(1)).room(100), 0);
}

#[test]
fn what_is_cut_off_leaves_the_marks_to_the_rest() {
    let mut p = pieces(&[(10, true), (20, true)]);
    let cut = p.take(4);
    assert_eq!((cut.push, p.first_len()), (false, Some(6)));
    assert!(p.take(6).push);
    assert_eq!(lengths(&p), [(20, true)]);
    assert!(p.take(50).push, "no more than there is");
    assert!(p.is_empty());
    assert_eq!((p.take(1).push, p.len()), (false, 0));
}

#[test]
fn the_first_grows_from_the_second() {
    let mut p = pieces(&[(10, true), (20, false), (30, true)]);
    p.grow_first(5);
    assert_eq!(lengths(&p), [(15, true), (15, false), (30, true)]);
    p.grow_first(100);
    assert_eq!(lengths(&p), [(30, true), (30, true)], "from the second alone, and it stays pushed");
    p.list[0].record_end = true;
    p.grow_first(100);
    assert_eq!(p.count(), 2, "not across the end of a record");
    p.take(30);
    p.grow_first(100);
    assert_eq!(lengths(&p), [(30, true)]);
}
