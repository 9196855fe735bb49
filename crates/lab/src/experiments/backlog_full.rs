//! More clients than the accept queue holds (listen(2); Linux drops what does not fit, and lets retransmission try again).

use super::{Experiment, Run, Settings};
use crate::LabError;
use crate::experiment::{Role, Scene};
use crate::host::{App, Options};
use limpid_event::Error;
use limpid_wire::Endpoint;
use std::time::Duration;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "backlog-full",
    summary: "the accept queue is full: ACKs and SYNs are dropped, not refused",
    look_for: &[
        "listen(backlog 0) holds one connection that nobody has accepted: backlog + 1, as on Linux.",
        "40001 and 40002 come together. One takes the place; the other's final ACK is dropped: its client believes to be",
        "connected, the server still has it in SYN-RECEIVED and sends its SYN-ACK again.",
        "40003 comes later: its SYN is dropped, and comes again after 1 s, as if it had been lost.",
        "When the server accepts at last, everybody gets in. Nobody ever saw a refusal.",
    ],
    settings: &[],
    kernel: &[Role::Server, Role::Client],
    run,
};

fn run(settings: &Settings) -> Result<Vec<Run>, LabError> {
    let mut scene = Scene::new(settings)?;
    let to = scene.server_at(7000);
    let server = scene.server(move |app| async move {
        let listener = app.listen(to, 0)?;
        app.sleep(Duration::from_millis(2500)).await;
        app.remark("now it accepts");
        let mut served = 0;
        for _ in 0..3 {
            let (socket, _) = listener.accept().await?;
            served += socket.read_to_end().await?.len();
            socket.write_all(b"welcome\n").await?;
            socket.close();
        }
        Ok::<_, Error>(served)
    });
    let clients: Vec<_> = [(40_001, 0), (40_002, 0), (40_003, 300)]
        .map(|(port, after)| {
            let from = scene.client_at(port);
            scene.client(move |app| client(app, from, to, Duration::from_millis(after)))
        })
        .into();
    let mut ended = scene.play(Duration::from_secs(1))?;
    ended.check.value("the bytes that the server read", server.take(), 3 * 3);
    for (n, client) in (1..).zip(clients) {
        ended.check.value(&format!("client 4000{n}"), client.take(), b"welcome\n".to_vec());
    }
    let syns = ended.story.count(|line, header, _| {
        line.from == 0 && header.flags.contains(limpid_wire::TcpFlags::SYN) && header.src_port == 40_003
    });
    ended.expect(syns >= 2, "the third client's SYN was not dropped");
    Ok(vec![ended.run("")])
}

async fn client(app: App, from: Endpoint, to: Endpoint, after: Duration) -> Result<Vec<u8>, Error> {
    app.sleep(Duration::from_millis(20) + after).await;
    let socket = app.connect_from(Some(from), to, Options::default()).await?;
    app.remark(format!("{}: connected", from.port));
    socket.write_all(b"hi\n").await?;
    socket.shutdown(limpid_stack::Shutdown::Write)?;
    socket.read_to_end().await
}
