//! Two flows share a bottleneck: the one that comes later gets its part.

use super::flows::Bottleneck;
use super::{Experiment, Picture, Run, Settings};
use crate::LabError;
use limpid_tcp::Algorithm;
use std::time::Duration;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "two-flows",
    summary: "two flows share a link, evenly",
    look_for: &[
        "The first has the link for itself for two seconds. When the second comes, its losses take of both windows in",
        "proportion, and growth gives both the same: the windows approach each other (Chiu and Jain). CUBIC as well as BBR,",
        "whose probes take more from who has more.",
    ],
    picture: Picture::Graph,
    settings: &[],
    kernel: &[],
    run,
};

const BOTTLENECK: Bottleneck =
    Bottleneck { rate: 5_000_000, farther: Duration::from_millis(10), queue: 1, time: Duration::from_secs(30) };

fn run(settings: &Settings) -> Result<Vec<Run>, LabError> {
    let mut runs = Vec::new();
    for (algorithm, title) in [(Algorithm::Cubic, "CUBIC and CUBIC"), (Algorithm::Bbr, "BBR and BBR")] {
        let mut played = BOTTLENECK.play(settings, &[algorithm; 2], Duration::from_secs(2))?;
        let (fairness, share) = (played.fairness(), played.utilization());
        played.expect(fairness > 0.9, &format!("Jain's index was {fairness:.3}: {:?}", played.goodputs));
        // The last two seconds are the second flow's alone.
        played.expect(share.is_none_or(|share| share > 0.8), &format!("they used {share:.2?} of the link"));
        played.tell(Duration::from_secs(10));
        let rule = format!("Jain's index of fairness is {fairness:.3}: 1 is perfectly even, 0.5 if one had all.");
        played.ended.find(rule);
        runs.push(played.ended.run(title));
    }
    Ok(runs)
}
