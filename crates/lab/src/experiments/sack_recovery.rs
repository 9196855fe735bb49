//! Three segments of one flight are lost: with SACK all go again in one round trip, without one in each (RFC 6675, RFC 8985,
//! RFC 6582).

use super::{Experiment, Picture, Run, Settings, transfer};
use crate::LabError;
use crate::experiment::{Ended, Scene};
use crate::link::{Conditions, End};
use limpid_event::TxReason;
use std::sync::Arc;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "sack-recovery",
    summary: "three losses in a flight: with SACK, and without",
    look_for: &[
        "With SACK each ACK says what has arrived, so that every hole is known: all three go again in one round trip.",
        "Without, duplicate ACKs say only that something is missing. The first lost segment goes again; the ACK that it",
        "brings stops at the next hole, which goes again, and so on: one hole a round trip (NewReno).",
        "Neither waits for the retransmission timer.",
    ],
    picture: Picture::Ladder,
    settings: &[],
    kernel: &[],
    run,
};

/// Ten full segments with timestamps: a first flight, by the initial window of RFC 6928; and ten more.
const BYTES: usize = 20 * 1400;

/// Bits per second.
const RATE: u64 = 20_000_000;

fn run(settings: &Settings) -> Result<Vec<Run>, LabError> {
    let with = run_one(settings, true)?.run("with SACK: all holes at once");
    let without = run_one(settings, false)?.run("without SACK: a hole in each round trip");
    Ok(vec![with, without])
}

fn run_one(settings: &Settings, sack: bool) -> Result<Ended, LabError> {
    let scene = Scene::with(settings, |config| Arc::make_mut(&mut config.tcp).sack = sack)?;
    // Packets leave one after another, as they do. What the settings say of the link comes on top.
    scene.link().from(End::A).conditions = Conditions { rate: settings.link.rate.or(Some(RATE)), ..settings.link };
    scene.link().from(End::A).lose([2..=2, 4..=4, 6..=6]);
    let mut ended = transfer(scene, BYTES)?;
    if settings.clean_link() {
        judge(&mut ended, sack);
    }
    Ok(ended)
}

/// What must have happened on a link that does nothing else.
fn judge(ended: &mut Ended, sack: bool) {
    let again = |why: TxReason| ended.trace.packets.iter().filter(|packet| packet.why == Some(why)).count();
    let by_sack = again(TxReason::RackRetransmit) + again(TxReason::FastRetransmit);
    let partial = again(TxReason::PartialAckRetransmit);
    let by_timer = again(TxReason::RtoRetransmit);
    let wanted = if sack { (3, 0, 0) } else { (1, 2, 0) };
    ended.expect(
        (by_sack, partial, by_timer) == wanted,
        &format!("{by_sack} fast retransmissions, {partial} after partial ACKs, {by_timer} by the timer"),
    );
}
