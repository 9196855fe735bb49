//! A segment of data is lost: others behind it tell of it, or nobody does (RFC 5681 §3.2, RFC 6298 §5).

use super::{Experiment, Picture, Run, Settings};
use crate::LabError;
use crate::experiment::{Ended, Role, Scene};
use crate::link::{Plan, Verdict, plan};
use limpid_event::Error;
use std::time::Duration;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "lost-segment",
    summary: "a lost segment: fast retransmit, or waiting for a timer",
    look_for: &[
        "In the middle: each segment that arrives behind the hole is acknowledged at once, with a SACK block that says",
        "what is there. The third such ACK is enough: fast retransmit, about one round trip after the loss.",
        "At the end: nothing arrives behind the hole, so nothing can tell. The sender waits: a probe or the RTO,",
        "which is never below 200 ms, must send it again.",
    ],
    picture: Picture::Ladder,
    settings: &[],
    kernel: &[Role::Server, Role::Client],
    run,
};

/// Ten full segments with timestamps: a first flight, by the initial window of RFC 6928.
const BYTES: usize = 10 * 1400;

fn run(settings: &Settings) -> Result<Vec<Run>, LabError> {
    let middle = run_one(settings, plan::lose_nth_data(3))?;
    let middle = middle.run("in the middle of a flight: fast retransmit");
    // The last of the flight: what it carries ends at BYTES.
    let mut sent = 0;
    let last: Plan = Box::new(move |packet| {
        let before = sent;
        sent += packet.tcp.map_or(0, |tcp| tcp.len);
        if before < BYTES && sent >= BYTES { Verdict::Lose } else { Verdict::Pass }
    });
    let end = run_one(settings, last)?;
    Ok(vec![middle, end.run("the last one: nobody can tell")])
}

fn run_one(settings: &Settings, plan: Plan) -> Result<Ended, LabError> {
    let mut scene = Scene::new(settings)?;
    scene.plan_from_client(plan);
    let to = scene.server_at(7000);
    let server = scene.server(move |app| async move {
        let (socket, _) = app.listen(to, 1)?.accept().await?;
        let all = socket.read_to_end().await?;
        Ok::<_, Error>(all == pattern())
    });
    let client = scene.client(move |app| async move {
        let socket = app.connect(to).await?;
        socket.write_all(&pattern()).await?;
        app.sleep(Duration::from_secs(1)).await;
        socket.close();
        Ok::<_, Error>(())
    });
    let mut ended = scene.play(Duration::from_secs(1))?;
    ended.check.value("the client", client.take(), ());
    ended.check.value("all bytes arrived in order", server.take(), true);
    let bytes: usize = {
        let mut bytes = 0;
        ended.story.count(|line, _, len| {
            bytes += if line.from == 0 { len } else { 0 };
            false
        });
        bytes
    };
    ended.expect(bytes > BYTES, "nothing was sent again");
    Ok(ended)
}

fn pattern() -> Vec<u8> {
    (0..BYTES).map(|i| (i % 251) as u8).collect()
}
