//! The article's connection: opened, idle while a person looks at a prompt, closed. Six segments.

use super::{Experiment, Picture, Run, Settings};
use crate::LabError;
use crate::experiment::{Role, Scene};
use crate::host::Options;
use limpid_event::Error;
use std::time::Duration;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "handshake",
    summary: "a connection opens and closes without a byte of data: six segments",
    look_for: &[
        "Three segments open it: SYN, SYN-ACK, ACK. SYN takes one sequence number, so each side acknowledges ISN + 1.",
        "Three segments close it, not four: the ACK of the client's FIN rides on the server's own FIN,",
        "because the server closes at once, before its delayed ACK is due (a clock tick later, as no data has come).",
        "The client closed first, so it is the client that stays in TIME-WAIT.",
    ],
    picture: Picture::Ladder,
    settings: &[],
    kernel: &[Role::Server, Role::Client],
    run,
};

fn run(settings: &Settings) -> Result<Vec<Run>, LabError> {
    let mut scene = Scene::new(settings)?;
    let (from, to) = (scene.client_at(55570), scene.server_at(6379));
    // As long as the person at the article's telnet prompt took; whom a kernel keeps waiting takes less.
    let idle = scene.pause(Duration::from_millis(7214), Duration::from_millis(700));
    let server = scene.server(move |app| async move {
        let listener = app.listen(to, 1)?;
        let (socket, _) = listener.accept().await?;
        let n = socket.read(&mut [0; 16]).await?;
        app.remark("read returned 0: the client has finished");
        socket.close();
        Ok::<_, Error>(n)
    });
    let client = scene.client(move |app| async move {
        let socket = app.connect_from(Some(from), to, Options::default()).await?;
        app.sleep(idle).await;
        app.remark("quit");
        socket.close();
        Ok::<_, Error>(())
    });
    let mut ended = scene.play(Duration::from_secs(1))?;
    ended.check.value("the client", client.take(), ());
    ended.check.value("the server's read", server.take(), 0);
    ended.expect_story(&["client S", "server S.", "client .", "client F.", "server F.", "client ."]);
    Ok(vec![ended.run("")])
}
