use super::*;
use crate::capture::Reader;
use crate::trace::Arrival;
use crate::verdict;
use std::fs::File;
use std::path::PathBuf;

fn capture(name: &str) -> Side {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/captures").join(name);
    let reader = Reader::new(File::open(path).expect("the capture is part of the project")).expect("a capture");
    let (side, error) = Side::read(reader);
    assert!(error.is_none(), "{name}: {error:?}");
    side
}

fn told(a: &str, b: &str) -> String {
    let mut text = String::new();
    match compare(&capture(a), &capture(b), None) {
        Diff::Ends(all) => {
            for ends in all {
                text.extend(ends.findings.iter().map(|finding| format!("{finding}\n")));
                text.push('\n');
                text.extend(verdict::explain(&ends.trace).iter().map(|verdict| format!("{verdict}\n")));
            }
        }
        Diff::Runs(all) => {
            for runs in all {
                text.extend(runs.findings.iter().map(|finding| format!("{finding}\n")));
            }
        }
    }
    text
}

#[test]
fn two_ends_with_loss_between() {
    insta::assert_snapshot!(told("two-ends-a.pcap", "two-ends-b.pcap"));
}

/// The order in which they are given does not matter but for the names.
#[test]
fn the_ends_are_found_in_either_order() {
    let (Diff::Ends(there), Diff::Ends(back)) = (
        compare(&capture("two-ends-a.pcap"), &capture("two-ends-b.pcap"), None),
        compare(&capture("two-ends-b.pcap"), &capture("two-ends-a.pcap"), None),
    ) else {
        panic!("two ends");
    };
    assert_eq!((there[0].client_side, back[0].client_side), (0, 1));
    assert_eq!(there[0].trace.packets, back[0].trace.packets);
    assert_eq!(there[0].clock, back[0].clock);
}

#[test]
fn two_ends_with_offload() {
    insta::assert_snapshot!(told("two-ends-offload-a.pcap", "two-ends-offload-b.pcap"));
}

#[test]
fn two_ends_with_a_nat_between() {
    insta::assert_snapshot!(told("two-ends-nat-a.pcap", "two-ends-nat-b.pcap"));
}

#[test]
fn options_that_a_middlebox_takes_out() {
    insta::assert_snapshot!(told("options-stripped-a.pcap", "options-stripped-b.pcap"));
}

#[test]
fn a_good_run_and_a_bad_one() {
    insta::assert_snapshot!(told("run-good.pcap", "run-bad.pcap"));
}

#[test]
fn a_run_and_itself_do_not_part() {
    let side = capture("run-good.pcap");
    let Diff::Runs(runs) = compare(&side, &side, Some(Relation::Runs)) else { panic!("runs") };
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0].parting, None);
}

#[test]
fn an_answered_connect_and_one_that_is_not() {
    insta::assert_snapshot!(told("refused.pcap", "filtered-linear.pcap"));
}

#[test]
fn what_has_nothing_in_common() {
    let none = Side::default();
    assert!(matches!(compare(&none, &none, None), Diff::Runs(runs) if runs.is_empty()));
    let other = capture("refused.pcap");
    assert!(
        matches!(compare(&other, &capture("redis.pcap"), Some(Relation::Ends)), Diff::Ends(ends) if ends.is_empty())
    );
}

/// A capture may drop packets: what was acknowledged, and sent but once, was not lost between.
#[test]
fn what_a_capture_missed_is_not_called_lost() {
    let read = |name: &str, dropped: &[u64]| {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/captures").join(name);
        let reader = Reader::new(File::open(path).expect("the capture is part of the project")).expect("a capture");
        let kept = reader.filter(|packet| packet.as_ref().is_ok_and(|packet| !dropped.contains(&packet.number)));
        Side::read(kept).0
    };
    let findings = |dropped: &[u64]| {
        let diff = compare(&read("two-ends-a.pcap", &[]), &read("two-ends-b.pcap", dropped), None);
        let Diff::Ends(ends) = diff else { panic!("two ends") };
        ends.into_iter().next().expect("a connection")
    };
    let whole = findings(&[]);
    // Of what arrived whole and once.
    let numbers = |number: u64| whole.numbers[number as usize - 1];
    let [_, Some(dropped)] = numbers(6) else { panic!("{:?}", numbers(6)) };
    let holed = findings(&[dropped]);
    assert_eq!(holed.ways[0].lost, whole.ways[0].lost);
    assert_eq!((holed.ways[0].missed.len(), holed.ways[1].missed.len()), (1, 0));
    let told: Vec<&str> =
        holed.findings.iter().filter(|f| f.topic == Topic::Missed).map(|f| f.sentence.as_str()).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("1 packet of the client is not in B, and yet the server acknowledged it"), "{told:?}");
    assert!(read("two-ends-b.pcap", &[]).is_same(&read("two-ends-b.pcap", &[])));
    assert!(!read("two-ends-b.pcap", &[]).is_same(&read("two-ends-b.pcap", &[dropped])));
}

fn ends_without(dropped: [std::ops::RangeInclusive<u64>; 2]) -> ends::Ends {
    let [a, b] = [("two-ends-a.pcap", &dropped[0]), ("two-ends-b.pcap", &dropped[1])].map(|(name, dropped)| {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/captures").join(name);
        let reader = Reader::new(File::open(path).expect("the capture is part of the project")).expect("a capture");
        Side::read(reader.filter(|packet| packet.as_ref().is_ok_and(|packet| !dropped.contains(&packet.number)))).0
    });
    let Diff::Ends(all) = compare(&a, &b, Some(Relation::Ends)) else { panic!("two ends") };
    all.into_iter().next().expect("a connection")
}

/// A capture that lacks packets of its own end lacks others, too: of those nothing is known.
#[test]
fn nothing_is_lost_before_a_capture_with_a_hole() {
    #[expect(clippy::reversed_empty_ranges, reason = "nothing")]
    for hole in [[50..=80, 1..=0], [5..=200, 1..=0]] {
        let ends = ends_without(hole);
        assert_eq!(ends.ways[1].lost, []);
        assert!(ends.ways[1].unknown.len() + ends.ways[1].missed.len() > 10);
    }
}

/// The last sending of what was acknowledged arrived.
#[test]
fn the_last_sending_is_missed_not_lost() {
    #[expect(clippy::reversed_empty_ranges, reason = "nothing")]
    let ends = ends_without([1..=0, 30..=80]);
    assert_eq!(ends.ways[0].lost.len(), 3, "{:?}", ends.ways[0]);
}

/// What left while the other capture was over arrived, if it was acknowledged: that is no unknown fate.
#[test]
fn what_was_acknowledged_arrived_whoever_watched() {
    #[expect(clippy::reversed_empty_ranges, reason = "nothing")]
    let ends = ends_without([1..=0, 60..=100_000]);
    let has_data = |number: &&u64| ends.trace.packets[**number as usize - 1].bytes.len() > 60;
    let unknown = ends.ways[0].unknown.iter().filter(has_data).count();
    let estimated = ends.trace.packets.iter().filter(|packet| matches!(packet.arrival, Arrival::Estimated(_))).count();
    assert!(unknown < 5 && estimated > 10, "{unknown} unknown, {estimated} known by their acknowledgement");
}

/// A filter that parts one connection says nothing about another.
#[test]
fn a_filter_concerns_the_connections_that_it_parted() {
    let packet = |name: &str| {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/captures").join(name);
        let mut reader = Reader::new(File::open(path).expect("the capture is part of the project")).expect("a capture");
        reader.next_packet().expect("undamaged").expect("not empty")
    };
    for (name, is_filtered) in [("redis.pcap", false), ("two-ends-a.pcap", true)] {
        let mut a = capture("two-ends-a.pcap");
        a.hidden.note(&packet(name).lend());
        let Diff::Ends(all) = compare(&a, &capture("two-ends-b.pcap"), Some(Relation::Ends)) else {
            panic!("two ends")
        };
        assert_eq!(all[0].filtered, is_filtered, "{name}");
        let Diff::Runs(all) = compare(&a, &capture("two-ends-b.pcap"), Some(Relation::Runs)) else {
            panic!("two runs")
        };
        assert_eq!(all[0].filtered, is_filtered, "{name}");
    }
}
