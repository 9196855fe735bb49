//! A long queue, and who fills it: who waits for losses waits in it as well.

use super::flows::Bottleneck;
use super::{Experiment, Picture, Run, Settings};
use crate::LabError;
use limpid_tcp::Algorithm;
use std::time::Duration;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "bufferbloat",
    summary: "a queue that is much too long: CUBIC fills it, BBR does not",
    look_for: &[
        "The queue holds eight times what the path does. CUBIC goes on until it is full: the round trip grows manyfold, for",
        "everybody who shares the link. Nothing else is gained, the link was full long before.",
        "BBR stops where the rate does not grow any more: as much gets through, and the round trip stays near the path's own.",
    ],
    picture: Picture::Graph,
    settings: &[],
    kernel: &[],
    run,
};

const BOTTLENECK: Bottleneck =
    Bottleneck { rate: 4_000_000, farther: Duration::from_millis(10), queue: 8, time: Duration::from_secs(15) };

fn run(settings: &Settings) -> Result<Vec<Run>, LabError> {
    let path = 2 * (settings.link.delay + BOTTLENECK.farther);
    let mut runs = Vec::new();
    for (algorithm, title) in [(Algorithm::Cubic, "CUBIC fills the queue"), (Algorithm::Bbr, "BBR leaves it short")] {
        let mut played = BOTTLENECK.play(settings, &[algorithm], Duration::ZERO)?;
        let rtt = played.median_rtt(Duration::from_secs(5));
        let as_told = if algorithm == Algorithm::Cubic { rtt > path * 4 } else { rtt < path * 2 };
        played.expect(as_told, &format!("the median round trip was {rtt:?} on a path of {path:?}"));
        let share = played.utilization();
        played.expect(share.is_none_or(|share| share > 0.85), &format!("it used {share:.2?} of the link"));
        runs.push(played.ended.run(title));
    }
    Ok(runs)
}
