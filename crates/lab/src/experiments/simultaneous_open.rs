//! Two SYNs cross (RFC 9293 §3.5, figure 7).

use super::{Experiment, Picture, Run, Settings};
use crate::LabError;
use crate::experiment::{Role, Scene};
use crate::host::{App, Options};
use limpid_event::Error;
use limpid_wire::Endpoint;
use std::time::Duration;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "simultaneous-open",
    summary: "two SYNs cross and make one connection",
    look_for: &[
        "Nobody listens. Each side's SYN meets a socket that is itself connecting, from the very port it is sent to.",
        "Both go from SYN-SENT to SYN-RECEIVED, answer with a SYN-ACK, and are then established.",
        "Four segments open it instead of three, and there is no client and no server.",
    ],
    picture: Picture::Ladder,
    settings: &[],
    kernel: &[Role::Server, Role::Client],
    run,
};

fn run(settings: &Settings) -> Result<Vec<Run>, LabError> {
    let mut scene = Scene::new(settings)?;
    let (left, right) = (scene.client_at(5000), scene.server_at(5000));
    let one = scene.client(move |app| peer(app, left, right, b"from the left"));
    let other = scene.server(move |app| peer(app, right, left, b"from the right"));
    let mut ended = scene.play(Duration::from_secs(1))?;
    ended.check.value("the left side", one.take(), b"from the right".to_vec());
    ended.check.value("the right side", other.take(), b"from the left".to_vec());
    let opening: Vec<String> =
        ended.story.words().iter().take(4).map(|line| line.trim_start_matches("Linux ").to_owned()).collect();
    let mut sorted = opening.clone();
    sorted.sort_unstable();
    let crossed = sorted == ["client S", "client S.", "server S", "server S."];
    ended.expect(crossed, &format!("the SYNs did not cross: {}", opening.join(", ")));
    Ok(vec![ended.run("")])
}

async fn peer(app: App, here: Endpoint, there: Endpoint, words: &'static [u8]) -> Result<Vec<u8>, Error> {
    // Both at the same moment, and not before the other's program has started.
    app.sleep(Duration::from_millis(50)).await;
    let socket = app.connect_from(Some(here), there, Options::default()).await?;
    app.remark("connected");
    socket.write_all(words).await?;
    app.sleep(Duration::from_millis(200)).await;
    socket.shutdown(limpid_stack::Shutdown::Write)?;
    socket.read_to_end().await
}
