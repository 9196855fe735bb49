//! A long queue, and who fills it: who waits for losses waits in it as well.

use super::flows::Bottleneck;
use super::{Experiment, Picture, Run, Settings};
use crate::LabError;
use limpid_scope::figures;
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
    let mut medians: Vec<(Duration, f64)> = Vec::new();
    for (algorithm, title) in [(Algorithm::Cubic, "CUBIC fills the queue"), (Algorithm::Bbr, "BBR leaves it short")] {
        let mut played = BOTTLENECK.play(settings, &[algorithm], Duration::ZERO)?;
        let rtt = played.median_rtt(Duration::from_secs(5));
        let as_told = if algorithm == Algorithm::Cubic { rtt > path * 4 } else { rtt < path * 2 };
        played.expect(
            as_told,
            &format!("the median round trip was {} on a path of {}", figures::duration(rtt), figures::duration(path)),
        );
        let share = played.utilization();
        played.expect(share.is_none_or(|share| share > 0.85), &format!("it used {share:.2?} of the link"));
        played.tell(Duration::from_secs(5));
        medians.push((rtt, played.goodputs[0]));
        if let [(cubic, most), (bbr, least)] = medians[..] {
            played.ended.find(compared(cubic, most, bbr, least));
        }
        runs.push(played.ended.run(title));
    }
    Ok(runs)
}

/// Both beside each other: round trips, and bits a second.
fn compared(cubic: Duration, most: f64, bbr: Duration, least: f64) -> String {
    let times = cubic.as_secs_f64() / bbr.as_secs_f64().max(1e-9);
    let gain = most / least.max(1.0);
    format!("CUBIC's round trips were {times:.1} times as long as BBR's, for {gain:.2} times its throughput.")
}
