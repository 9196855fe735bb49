//! More clients than the accept queue holds (listen(2); Linux drops what does not fit, and lets retransmission try again).

use super::{Experiment, Picture, Run, Settings};
use crate::LabError;
use crate::experiment::{Role, Scene};
use crate::host::{App, Options};
use limpid_event::Error;
use limpid_wire::{Endpoint, TcpFlags};
use std::time::Duration;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "backlog-full",
    summary: "the accept queue is full: ACKs and SYNs are dropped, not refused",
    look_for: &[
        "listen(backlog 1) holds two connections that nobody has accepted: backlog + 1, as on Linux. 40001 takes a place.",
        "40002 and 40003 come together. One takes the last place; the other's final ACK is dropped: its client believes to",
        "be connected, the server still has it in SYN-RECEIVED, and sends its SYN-ACK again after 1 s.",
        "40004 comes later: its SYN is dropped, and comes again after 1 s, as if it had been lost.",
        "When the server accepts at last, everybody gets in. Nobody ever saw a refusal.",
    ],
    picture: Picture::Ladder,
    settings: &[],
    kernel: &[Role::Server, Role::Client],
    run,
};

/// The clients' ports, and when each connects, in milliseconds.
const CLIENTS: [(u16, u64); 4] = [(40_001, 0), (40_002, 100), (40_003, 100), (40_004, 300)];

fn run(settings: &Settings) -> Result<Vec<Run>, LabError> {
    let mut scene = Scene::new(settings)?;
    let to = scene.server_at(7000);
    let server = scene.server(move |app| async move {
        let listener = app.listen(to, 1)?;
        app.sleep(Duration::from_millis(2500)).await;
        app.remark("now it accepts");
        for _ in &CLIENTS {
            let (socket, _) = listener.accept().await?;
            socket.write_all(b"welcome\n").await?;
            socket.close();
        }
        Ok::<_, Error>(())
    });
    let clients = CLIENTS.map(|(port, after)| {
        let from = scene.client_at(port);
        scene.client(move |app| client(app, from, to, Duration::from_millis(after)))
    });
    let mut ended = scene.play(Duration::from_secs(1))?;
    ended.check.value("the server", server.take(), ());
    for ((port, _), client) in CLIENTS.iter().zip(clients) {
        ended.check.value(&format!("client {port}"), client.take(), b"welcome\n".to_vec());
    }
    let syns = |from, port| {
        ended.story.count(|line, header, _| {
            line.from == from
                && header.flags.contains(TcpFlags::SYN)
                && (header.src_port == port || header.dst_port == port)
        })
    };
    let (syn_acks, syns) = (syns(1, 40_002).max(syns(1, 40_003)), syns(0, 40_004));
    ended.expect(syn_acks >= 2, "no final ACK was dropped: every SYN-ACK was sent once");
    ended.expect(syns >= 2, "the last client's SYN was not dropped");
    Ok(vec![ended.run("")])
}

async fn client(app: App, from: Endpoint, to: Endpoint, after: Duration) -> Result<Vec<u8>, Error> {
    app.sleep(Duration::from_millis(20) + after).await;
    let socket = app.connect_from(Some(from), to, Options::default()).await?;
    app.remark(format!("{}: connected", from.port));
    socket.read_to_end().await
}
