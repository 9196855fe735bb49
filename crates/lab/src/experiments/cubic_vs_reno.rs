//! CUBIC beside Reno: alike where windows are small, ahead where they are large (RFC 9438 §4.3, §5).

use super::flows::Bottleneck;
use super::{Experiment, Picture, Run, Settings};
use crate::LabError;
use limpid_scope::figures;
use limpid_tcp::Algorithm;
use std::time::Duration;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "cubic-vs-reno",
    summary: "CUBIC and Reno on one link, near and far",
    look_for: &[
        "On a short path Reno regrows in a second what a loss took, and CUBIC is no faster than Reno would be: they share.",
        "On a long path Reno needs a round trip for each segment, CUBIC a few seconds for all, along its cubic curve: fast at",
        "first, flat around the window of the last loss, then faster again. What Reno leaves free, it takes.",
    ],
    picture: Picture::Graph,
    settings: &[],
    kernel: &[],
    run,
};

const NEAR: Bottleneck =
    Bottleneck { rate: 5_000_000, farther: Duration::ZERO, queue: 1, time: Duration::from_secs(20) };
const FAR: Bottleneck =
    Bottleneck { rate: 10_000_000, farther: Duration::from_millis(140), queue: 1, time: Duration::from_secs(40) };

fn run(settings: &Settings) -> Result<Vec<Run>, LabError> {
    let flows = [Algorithm::Cubic, Algorithm::Reno];
    let mut near = NEAR.play(settings, &flows, Duration::ZERO)?;
    let fairness = near.fairness();
    near.expect(fairness > 0.9, &format!("Jain's index was {fairness:.3}: {:?}", near.goodputs));
    let mut far = FAR.play(settings, &flows, Duration::ZERO)?;
    let goodputs = far.goodputs.clone();
    far.expect(goodputs.len() == 2 && goodputs[0] > goodputs[1], &format!("CUBIC was not ahead: {goodputs:?}"));
    for played in [&mut near, &mut far] {
        played.tell(Duration::from_secs(5));
        let sentence = compared(&played.goodputs, played.path);
        played.ended.find(sentence);
    }
    Ok(vec![near.ended.run("a short path: alike"), far.ended.run("a long path: CUBIC is ahead")])
}

/// How much CUBIC got beside Reno.
fn compared(goodputs: &[f64], path: Duration) -> String {
    let &[cubic, reno] = goodputs else { return "Not both flows got through.".into() };
    let (path, times) = (figures::duration(path), cubic / reno.max(1.0));
    match times {
        0.75..1.33 => format!("On a path of {path} they are alike: CUBIC got {times:.2} times as much as Reno."),
        1.33.. => format!("On a path of {path} CUBIC is ahead: it got {times:.1} times as much as Reno."),
        _ => format!("On a path of {path} Reno is ahead: CUBIC got {times:.2} times as much."),
    }
}
