//! The scoring itself, and a few worlds, so that labels do not get worse unnoticed.

use crate::capture::{Capture, PLACES};
use crate::kind::{Kind, Labels};
use crate::score::Score;
use crate::tools;
use crate::worlds::{OPTIONS, PATHS, Trial, World};
use limpid_scope::trace::Trace;

#[test]
fn precision_and_recall() {
    let labels = |kinds: &[&[Kind]]| kinds.iter().map(|k| k.iter().copied().collect()).collect::<Vec<Labels>>();
    let said = labels(&[&[Kind::Rto], &[Kind::Rto], &[], &[Kind::Fast]]);
    let truth = labels(&[&[Kind::Rto], &[Kind::Fast], &[Kind::Rto], &[Kind::Fast]]);
    let score = Score::of(Kind::Rto, &said, &truth, |_| true);
    assert_eq!(score, Score { right: 1, wrong: 1, missed: 1 });
    assert_eq!((score.precision(), score.recall(), score.f1()), (Some(0.5), Some(0.5), Some(0.5)));
    assert_eq!(Score::of(Kind::Copy, &said, &truth, |_| true).precision(), None);
}

/// Every trial once, on the path in the middle.
fn few() -> Vec<Trace> {
    let world = |(at, trial)| World { trial, options: OPTIONS[at % 4], path: PATHS[1], seed: 1 };
    Trial::ALL.into_iter().enumerate().map(world).map(|world| world.play().expect("it can be played")).collect()
}

#[test]
fn captures_hold_what_was_sent() {
    let world = World { trial: Trial::Copies, options: OPTIONS[0], path: PATHS[1], seed: 1 };
    let trace = world.play().expect("it can be played");
    for (place, vantage) in PLACES {
        let capture = Capture::of(std::slice::from_ref(&trace), vantage);
        assert_eq!(capture.packets.len(), capture.truth.len());
        assert!(capture.packets.is_sorted_by_key(|packet| packet.time), "{place}");
        for packet in &capture.packets {
            let header: u32 = packet.data[..20].chunks(2).map(|w| u32::from(w[0]) << 8 | u32::from(w[1])).sum();
            assert_eq!(header % 0xffff, 0, "the IP header's checksum");
        }
    }
}

/// The least F1 of each kind over all places, in percent: a little below what is measured, so that a step back is seen.
const LEAST: [(Kind, f64); 12] = [
    (Kind::Again, 98.0),
    (Kind::Syn, 98.0),
    (Kind::Timer, 72.0),
    (Kind::Rto, 52.0),
    (Kind::Probe, 94.0),
    (Kind::Fast, 89.0),
    (Kind::Needless, 95.0),
    (Kind::Copy, 95.0),
    (Kind::Overtaken, 97.0),
    (Kind::DuplicateAck, 94.0),
    (Kind::KeepAlive, 97.0),
    (Kind::WindowProbe, 97.0),
];

#[test]
fn labels_are_as_good_as_they_were() {
    let traces = few();
    let mut short = Vec::new();
    for (kind, least) in LEAST {
        let mut sum = Score::default();
        for (_, vantage) in PLACES {
            let capture = Capture::of(&traces, vantage);
            sum = sum.plus(Score::of(kind, &tools::limpid(&capture.packets), &capture.truth, |_| true));
        }
        let f1 = sum.f1().unwrap_or(0.0) * 100.0;
        if f1 < least {
            short.push(format!("{}: F1 is {f1:.1} %, {sum:?}", kind.name()));
        }
    }
    assert!(short.is_empty(), "{short:#?}");
}
