//! Nobody listens: a reset (RFC 9293 §3.5.2, §3.10.7.1).

use super::{Experiment, Picture, Run, Settings};
use crate::LabError;
use crate::experiment::{Role, Scene};
use limpid_event::Error;
use std::time::Duration;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "refused",
    summary: "nobody listens: RST answers SYN, and connect gets ECONNREFUSED",
    look_for: &[
        "The reset comes after one round trip: a refusal is quick, a host that is silent takes half a minute.",
        "The reset acknowledges the SYN (ISN + 1): that proves to the client that it is an answer to this very SYN.",
    ],
    picture: Picture::Ladder,
    settings: &[],
    kernel: &[Role::Server, Role::Client],
    run,
};

fn run(settings: &Settings) -> Result<Vec<Run>, LabError> {
    let mut scene = Scene::new(settings)?;
    let to = scene.server_at(6380);
    let client = scene.client(move |app| async move {
        let outcome = app.connect(to).await;
        if let Err(error) = &outcome {
            app.remark(format!("connect: {error} ({})", error.errno()));
        }
        outcome.map(drop)
    });
    let mut ended = scene.play(Duration::from_millis(100))?;
    ended.check.error("connect", client.take(), Error::ConnectionRefused);
    ended.expect_story(&["client S", "server R."]);
    Ok(vec![ended.run("")])
}
