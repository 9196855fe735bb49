use super::*;
use crate::send::{Shape, Snapshot};
use limpid_event::Instant;
use limpid_wire::SeqNum;

fn records(segments: u32) -> SentRecords {
    let mut records = SentRecords::new(SeqNum(0));
    for i in 1..=segments {
        records.on_sent(SeqNum(i * 1000), Instant::ZERO, Snapshot::default(), Shape::SINGLE);
    }
    records
}

#[test]
fn duplicates_count_up_to_what_can_have_arrived() {
    let (mut reno, records) = (NewReno::default(), records(4));
    assert_eq!(reno.add(2, &records), (2, false));
    assert_eq!(reno.add(2, &records), (1, true), "one at least is missing");
    assert_eq!(reno.sacked(), 3);
    assert_eq!(reno.add(u32::MAX, &records), (0, true));
}

#[test]
fn what_is_lost_has_not_arrived() {
    let (mut reno, mut records) = (NewReno::default(), records(4));
    records.mark_lost(SeqNum(0), SeqNum(2000));
    assert_eq!(reno.add(4, &records), (2, true));
}

#[test]
fn an_ack_takes_the_hole_and_what_lay_behind() {
    let (mut reno, records) = (NewReno::default(), records(8));
    reno.add(4, &records);
    assert_eq!(reno.remove(3, &records), (1, false), "the hole; two others had been counted");
    assert_eq!(reno.sacked(), 2);
    assert_eq!(reno.remove(5, &records), (3, false));
    assert_eq!(reno.sacked(), 0);
}

#[test]
fn nothing_is_outstanding_then_nothing_has_arrived() {
    let (mut reno, records) = (NewReno::default(), records(0));
    assert_eq!(reno.add(1, &records), (0, true));
    assert_eq!(reno.sacked(), 0);
}
