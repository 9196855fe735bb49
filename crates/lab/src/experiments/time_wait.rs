//! Why the side that closes first waits (RFC 9293 §3.6.1, RFC 6191, RFC 1337).

use super::{Experiment, Picture, Run, Settings};
use crate::LabError;
use crate::experiment::{Role, Scene};
use crate::host::{App, Options};
use crate::link::{Verdict, plan};
use limpid_event::Error;
use limpid_wire::{Endpoint, TcpFlags};
use std::time::Duration;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "time-wait",
    summary: "the side that closed first waits: what for, and what ends it",
    look_for: &[
        "The server closes first here, so TIME-WAIT is the server's. After 60 s (2MSL, as Linux has it) it is over.",
        "If the last ACK is lost the FIN comes again, and TIME-WAIT is there to acknowledge it again.",
        "A late segment is answered with an ACK. That ACK meets a closed port, whose reset ends TIME-WAIT early:",
        "this is the assassination of RFC 1337.",
        "A new SYN of the same client port, with a later timestamp, reopens the pair at once.",
    ],
    picture: Picture::Ladder,
    settings: &[],
    kernel: &[Role::Server, Role::Client],
    run,
};

/// The client's port, the same each time.
const PORT: u16 = 40_000;

fn run(settings: &Settings) -> Result<Vec<Run>, LabError> {
    Ok(vec![last_ack_lost(settings)?, late_segment(settings)?, reopened(settings)?])
}

fn last_ack_lost(settings: &Settings) -> Result<Run, LabError> {
    let mut scene = Scene::new(settings)?;
    let (from, to) = (scene.client_at(PORT), scene.server_at(7000));
    let server = scene.server(move |app| serve(app, to, 1));
    let client = scene.client(move |app| call(app, from, to));
    // The first segment that the server sends after the client's FIN.
    let mut fin_sent = false;
    scene.plan_from_server(Box::new(move |packet| {
        let lose = fin_sent && !packet.has_any(TcpFlags::FIN) && !packet.has_data();
        fin_sent |= packet.has_any(TcpFlags::FIN);
        if lose {
            fin_sent = false;
        }
        if lose { Verdict::Lose } else { Verdict::Pass }
    }));
    let mut ended = scene.play_to_the_end()?;
    ended.check.value("the server", server.take(), 1);
    ended.check.value("the client", client.take(), ());
    let fins = ended.story.count(|line, header, _| line.from == 0 && header.flags.contains(TcpFlags::FIN));
    ended.expect(fins == 2, &format!("the client sent its FIN {fins} times instead of twice"));
    Ok(ended.run("the last ACK is lost, and TIME-WAIT answers the FIN that comes again"))
}

fn late_segment(settings: &Settings) -> Result<Run, LabError> {
    let mut scene = Scene::new(settings)?;
    let (from, to) = (scene.client_at(PORT), scene.server_at(7000));
    let server = scene.server(move |app| serve(app, to, 1));
    let client = scene.client(move |app| call(app, from, to));
    let late = Duration::from_millis(600);
    scene.plan_from_client(plan::nth(1, |packet| packet.has_data(), Verdict::Copy(late)));
    let mut ended = scene.play_to_the_end()?;
    ended.check.value("the server", server.take(), 1);
    ended.check.value("the client", client.take(), ());
    let words = ended.story.words();
    let last: Vec<&str> = words.iter().rev().take(2).rev().map(|line| line.trim_start_matches("Linux ")).collect();
    let told = last.join(", ");
    ended.expect(
        told == "server ., client R",
        &format!("the late segment led to '{told}' instead of an ACK and a reset"),
    );
    Ok(ended.run("a late copy of the client's data arrives, and its answer ends TIME-WAIT"))
}

fn reopened(settings: &Settings) -> Result<Run, LabError> {
    let mut scene = Scene::new(settings)?;
    let (from, to) = (scene.client_at(PORT), scene.server_at(7000));
    let server = scene.server(move |app| serve(app, to, 2));
    let client = scene.client(move |app| async move {
        call(app.clone(), from, to).await?;
        app.sleep(Duration::from_millis(500)).await;
        app.remark("the same port again");
        loop {
            match call(app.clone(), from, to).await {
                // If the last ACK was lost, our own FIN is still under way: the port is not free yet.
                Err(Error::AddressNotAvailable | Error::AddressInUse) => app.sleep(Duration::from_millis(500)).await,
                outcome => return outcome,
            }
        }
    });
    let mut ended = scene.play(Duration::from_secs(1))?;
    ended.check.value("the server", server.take(), 2);
    ended.check.value("the client", client.take(), ());
    let syns = ended.story.count(|line, header, _| line.from == 0 && header.flags.contains(TcpFlags::SYN));
    ended.expect(syns == 2, &format!("{syns} SYNs instead of two: one for each connection"));
    Ok(ended.run("a new SYN reopens it"))
}

/// Serves so many clients: a greeting for a greeting, and closes first.
async fn serve(app: App, at: Endpoint, clients: usize) -> Result<usize, Error> {
    let listener = app.listen(at, 1)?;
    for _ in 0..clients {
        let (socket, _) = listener.accept().await?;
        socket.read_full(&mut [0; 3]).await?;
        socket.close();
    }
    Ok(clients)
}

/// Says its greeting, and closes when the server has.
async fn call(app: App, from: Endpoint, to: Endpoint) -> Result<(), Error> {
    let socket = app.connect_from(Some(from), to, Options::default()).await?;
    socket.write_all(b"hi\n").await?;
    socket.read_to_end().await?;
    app.sleep(Duration::from_millis(100)).await;
    socket.close();
    Ok(())
}
