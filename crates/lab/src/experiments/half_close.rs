//! One direction is closed, the other goes on.

use super::{Experiment, Picture, Run, Settings};
use crate::LabError;
use crate::experiment::{Role, Scene};
use limpid_event::Error;
use limpid_stack::Shutdown;
use std::time::Duration;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "half-close",
    summary: "one side has finished sending and still receives",
    look_for: &[
        "After the client's FIN the server reads 0: the end of the client's stream, not of the connection.",
        "The server, in CLOSE-WAIT, sends on for as long as it likes; the client, in FIN-WAIT-2, acknowledges it.",
        "Only the server's own FIN ends the other direction.",
    ],
    picture: Picture::Ladder,
    settings: &[],
    kernel: &[Role::Server, Role::Client],
    run,
};

const REQUEST: &[u8] = b"pear\napple\nfig\n";

fn run(settings: &Settings) -> Result<Vec<Run>, LabError> {
    let mut scene = Scene::new(settings)?;
    let to = scene.server_at(7000);
    let server = scene.server(move |app| async move {
        let (socket, _) = app.listen(to, 1)?.accept().await?;
        let request = socket.read_to_end().await?;
        app.remark("read returned 0: that was the whole request");
        let mut lines: Vec<&[u8]> = request.split_inclusive(|b| *b == b'\n').collect();
        lines.sort_unstable();
        for line in &lines {
            app.sleep(Duration::from_millis(100)).await;
            socket.write_all(line).await?;
        }
        socket.close();
        Ok::<_, Error>(lines.len())
    });
    let client = scene.client(move |app| async move {
        let socket = app.connect(to).await?;
        socket.write_all(REQUEST).await?;
        socket.shutdown(Shutdown::Write)?;
        app.remark("shutdown(write): nothing more to say");
        let answer = socket.read_to_end().await?;
        app.remark("read returned 0: that was the whole answer");
        socket.close();
        Ok::<_, Error>(answer)
    });
    let mut ended = scene.play(Duration::from_secs(1))?;
    ended.check.value("the client's answer", client.take(), b"apple\nfig\npear\n".to_vec());
    ended.check.value("the server's lines", server.take(), 3);
    let after_fin = {
        let mut fin_seen = false;
        ended.story.count(|line, header, len| {
            let after = fin_seen && line.from == 1 && len > 0;
            fin_seen |= line.from == 0 && header.flags.contains(limpid_wire::TcpFlags::FIN);
            after
        })
    };
    ended.expect(after_fin == 3, "the server did not send its three lines after the client's FIN");
    Ok(vec![ended.run("")])
}
