//! BBR finds what a path carries, and keeps its queue short (draft-ietf-ccwg-bbr).

use super::flows::Bottleneck;
use super::{Experiment, Picture, Run, Settings};
use crate::LabError;
use limpid_scope::figures;
use limpid_tcp::Algorithm;
use std::time::Duration;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "bbr",
    summary: "BBR: a model of the path instead of losses",
    look_for: &[
        "Startup doubles the rate each round trip, until it does not grow any more; drain takes back the queue that made.",
        "Then it sends at the rate that the path delivers, and probes for more every few seconds: the round trip rises for",
        "a moment and falls again. Every five seconds it sends little for 200 ms, to see the path's own round trip.",
    ],
    picture: Picture::Graph,
    settings: &[],
    kernel: &[],
    run,
};

const BOTTLENECK: Bottleneck =
    Bottleneck { rate: 5_000_000, farther: Duration::from_millis(10), queue: 4, time: Duration::from_secs(13) };

fn run(settings: &Settings) -> Result<Vec<Run>, LabError> {
    let mut played = BOTTLENECK.play(settings, &[Algorithm::Bbr], Duration::ZERO)?;
    let phases = played.phases();
    let begins = phases.starts_with(&["drain"]);
    played.expect(begins, "startup was not followed by drain");
    for phase in ["probe bandwidth: cruise", "probe bandwidth: refill", "probe bandwidth: up", "probe round trip"] {
        played.expect(phases.contains(&phase), &format!("no phase was {phase}"));
    }
    let share = played.utilization();
    played.expect(share.is_none_or(|share| share > 0.85), &format!("it used {share:.2?} of the link"));
    let rtt = played.median_rtt(Duration::from_secs(2));
    let path = played.path;
    played.expect(
        rtt < path * 3 / 2,
        &format!("the median round trip was {} on a path of {}", figures::duration(rtt), figures::duration(path)),
    );
    played.tell(Duration::from_secs(2));
    let phases = |name: &str| phases.iter().filter(|phase| **phase == name).count();
    let (up, rounds) = (phases("probe bandwidth: up"), phases("probe round trip"));
    let counted = |n: usize, what: &str| figures::count(n as u64, what);
    played.ended.find(format!(
        "After startup and drain it probed for bandwidth {} and for the round trip {}.",
        counted(up, "time"),
        counted(rounds, "time")
    ));
    Ok(vec![played.ended.run("")])
}
