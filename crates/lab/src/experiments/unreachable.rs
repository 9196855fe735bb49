//! A router says that it cannot deliver: at once the end of a connect, but only news to a connection (RFC 1122 §4.2.3.9,
//! RFC 5461; Linux ends a connect on any unreachable).

use super::{Experiment, Picture, Run, Settings};
use crate::LabError;
use crate::experiment::{Role, Scene};
use crate::link::{Unreachable, Verdict};
use limpid_event::{Error, Instant};
use std::time::Duration;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "unreachable",
    summary: "ICMP host unreachable: fatal while connecting, harmless afterwards",
    look_for: &[
        "While connecting: one ICMP message, and connect fails at once with EHOSTUNREACH.",
        "Once established: the same message changes nothing. The data is sent again until the way is open again.",
        "Anybody can forge an ICMP message. Were it obeyed, it would be a cheap way to cut connections.",
    ],
    picture: Picture::Ladder,
    settings: &[],
    kernel: &[Role::Client],
    run,
};

fn run(settings: &Settings) -> Result<Vec<Run>, LabError> {
    Ok(vec![while_connecting(settings)?, once_established(settings)?])
}

fn while_connecting(settings: &Settings) -> Result<Run, LabError> {
    let mut scene = Scene::new(settings)?;
    scene.add_router();
    scene.plan_from_client(crate::link::plan::reject_all(Unreachable::Host));
    let to = scene.server_at(7000);
    let client = scene.client(move |app| async move {
        let outcome = app.connect(to).await;
        if let Err(error) = &outcome {
            app.remark(format!("connect: {error} ({})", error.errno()));
        }
        outcome.map(drop)
    });
    let mut ended = scene.play(Duration::from_millis(100))?;
    ended.check.error("connect", client.take(), Error::HostUnreachable);
    ended.expect_story(&["client S lost", "router ICMP"]);
    Ok(ended.run("while connecting: the end"))
}

fn once_established(settings: &Settings) -> Result<Run, LabError> {
    let mut scene = Scene::new(settings)?;
    scene.add_router();
    // From 300 ms to 900 ms the router has lost its way.
    let (lost, found) = (Instant::from_millis(300), Instant::from_millis(900));
    scene.plan_from_client(Box::new(move |packet| {
        if (lost..found).contains(&packet.at) { Verdict::Reject(Unreachable::Host) } else { Verdict::Pass }
    }));
    let to = scene.server_at(7000);
    let server = scene.server(move |app| async move {
        let (socket, _) = app.listen(to, 1)?.accept().await?;
        socket.read_to_end().await
    });
    let client = scene.client(move |app| async move {
        let socket = app.connect(to).await?;
        app.sleep(Duration::from_millis(400)).await;
        socket.write_all(b"still there?\n").await?;
        app.remark("wrote while the way is broken");
        app.sleep(Duration::from_millis(1500)).await;
        socket.close();
        Ok::<_, Error>(())
    });
    let mut ended = scene.play(Duration::from_secs(1))?;
    ended.check.value("the client", client.take(), ());
    ended.check.value("what the server read", server.take(), b"still there?\n".to_vec());
    let rejected = ended.story.0.iter().filter(|line| line.who == "router").count();
    ended.expect(rejected >= 1, "the router rejected nothing");
    Ok(ended.run("once established: it goes on"))
}
