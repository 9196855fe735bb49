//! One loss in a large window: the window comes down in step with what arrives (RFC 9937).

use super::{Experiment, Picture, Run, Settings, transfer};
use crate::LabError;
use crate::experiment::{Ended, Scene};
use crate::link::{Conditions, End};
use limpid_event::{CongestionReason, Event, TxReason};
use limpid_scope::figures;
use limpid_scope::trace::What;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "prr",
    summary: "one loss in a large window: proportional rate reduction",
    look_for: &[
        "The window is to shrink to seven tenths. If it did so at once, nothing could leave until that much had arrived,",
        "and then segments would go in a burst. Instead of ten segments that arrive seven are answered by new ones:",
        "in the graph the window slopes down over the round trip of the recovery, and sending never pauses.",
    ],
    picture: Picture::Graph,
    settings: &[],
    kernel: &[],
    run,
};

/// Slow start makes the window large enough by the segment that is lost.
const BYTES: usize = 1000 * 1400;
const LOST: u64 = 300;

/// Bits per second.
const RATE: u64 = 20_000_000;

fn run(settings: &Settings) -> Result<Vec<Run>, LabError> {
    let scene = Scene::new(settings)?;
    // What the settings say of the link comes on top of what this is about.
    scene.link().from(End::A).conditions = Conditions { rate: settings.link.rate.or(Some(RATE)), ..settings.link };
    scene.link().from(End::A).lose([LOST..=LOST]);
    let mut ended = transfer(scene, BYTES)?;
    tell(&mut ended);
    if settings.clean_link() {
        judge(&mut ended);
    }
    Ok(vec![ended.run("one segment of a large flight is lost")])
}

/// How the window came down.
fn tell(ended: &mut Ended) {
    let reduced = ended.trace.notes.iter().filter_map(|note| match &note.what {
        What::Event(Event::Congestion { cwnd, why: CongestionReason::Prr, .. }) => Some((note.at, *cwnd)),
        _ => None,
    });
    let reduced: Vec<_> = reduced.collect();
    let (Some(first), Some(last)) = (reduced.first().copied(), reduced.last().copied()) else {
        return ended.find("The window was not reduced in steps: nothing was repaired by fast recovery.");
    };
    let sent = |note: &limpid_scope::trace::Note| match &note.what {
        What::Event(Event::Sent { segment, .. }) => segment.len > 0 && note.at >= first.0 && note.at <= last.0,
        _ => false,
    };
    let departures: Vec<_> = ended.trace.notes.iter().filter(|note| sent(note)).map(|note| note.at).collect();
    let pause = departures.windows(2).map(|pair| pair[1].since(pair[0])).max().unwrap_or_default();
    ended.find(format!(
        "The window came down from {} to {} in {} over {}; meanwhile {} left, at most {} apart.",
        figures::bytes(f64::from(first.1)),
        figures::bytes(f64::from(last.1)),
        figures::count(reduced.len() as u64, "step"),
        figures::duration(last.0.since(first.0)),
        figures::count(departures.len() as u64, "segment"),
        figures::duration(pause),
    ));
}

/// What must have happened on a link that does nothing else.
fn judge(ended: &mut Ended) {
    let windows = ended.trace.notes.iter().filter_map(|note| match &note.what {
        What::Event(Event::Congestion { cwnd, ssthresh, why }) => Some((*cwnd, *ssthresh, *why)),
        _ => None,
    });
    let windows: Vec<_> = windows.collect();
    let reducing = windows.iter().filter(|(_, _, why)| *why == CongestionReason::Prr).count();
    let last = windows.iter().rev().find(|(_, _, why)| *why == CongestionReason::Prr);
    let by_timer = ended.trace.packets.iter().any(|packet| packet.why == Some(TxReason::RtoRetransmit));
    ended.expect(reducing >= 10, &format!("the window came down in {reducing} steps"));
    let near = last.is_some_and(|(cwnd, ssthresh, _)| cwnd.abs_diff(*ssthresh) <= 2 * 1460);
    ended.expect(near, "it did not end at its threshold");
    ended.expect(!by_timer, "the timer ran out");
}
