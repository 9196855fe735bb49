//! A peer that is gone without a word (RFC 9293 §3.8.4).

use super::{Experiment, Picture, Run, Settings};
use crate::LabError;
use crate::experiment::{Role, Scene};
use crate::host::Options;
use crate::link::plan;
use limpid_event::{Error, Instant};
use limpid_tcp::KeepAlive;
use std::time::Duration;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "keepalive-dead-peer",
    summary: "a peer loses its power without a word; only probes find out",
    look_for: &[
        "An idle connection sends nothing. Without keepalive the client would wait for ever.",
        "While the peer lives, each probe (one byte before what is expected next) is answered with an ACK.",
        "Once it is dead the probes go unanswered; after the last one the client's read fails with ETIMEDOUT.",
    ],
    picture: Picture::Ladder,
    settings: &[],
    kernel: &[Role::Client],
    run,
};

fn run(settings: &Settings) -> Result<Vec<Run>, LabError> {
    let mut scene = Scene::new(settings)?;
    let to = scene.server_at(7000);
    // Linux counts in whole seconds.
    let keepalive = KeepAlive {
        idle: scene.pause(Duration::from_secs(10), Duration::from_secs(1)),
        interval: scene.pause(Duration::from_secs(5), Duration::from_secs(1)),
        count: 3,
    };
    // After the first probe, before the next.
    let death = Instant::ZERO + keepalive.idle + keepalive.idle / 2;
    scene.plan_from_client(plan::lose_from(death));
    scene.plan_from_server(plan::lose_from(death));
    scene.server_daemon(move |app| async move {
        let (socket, _) = app.listen(to, 1)?.accept().await?;
        app.sleep(death.since(app.now())).await;
        app.remark("the power fails");
        // Not even a close: the program stops where it is.
        std::future::pending::<()>().await;
        drop(socket);
        Ok::<_, Error>(())
    });
    let client = scene.client(move |app| async move {
        let options = Options { keepalive: Some(keepalive), ..Options::default() };
        let socket = app.connect_from(None, to, options).await?;
        let outcome = socket.read(&mut [0; 16]).await;
        if let Err(error) = outcome {
            app.remark(format!("read: {error} ({})", error.errno()));
        }
        outcome
    });
    let mut ended = scene.play(Duration::ZERO)?;
    ended.check.error("the client's read", client.take(), Error::TimedOut);
    let lost = ended.story.count(|line, header, _| line.lost && !header.flags.contains(limpid_wire::TcpFlags::RST));
    ended.expect(
        lost == usize::from(keepalive.count),
        &format!("{lost} probes went unanswered instead of {}", keepalive.count),
    );
    Ok(vec![ended.run("")])
}
