//! The reader sleeps, the window closes, probes ask whether it has opened (RFC 9293 §3.8.6.1).

use super::{Experiment, Picture, Run, Settings};
use crate::LabError;
use crate::experiment::{Role, Scene};
use crate::host::Options;
use limpid_event::Error;
use limpid_wire::TcpFlags;
use std::time::Duration;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "zero-window",
    summary: "a reader that sleeps closes the window; the sender probes it",
    look_for: &[
        "The window shrinks with every segment that nobody reads, down to 0. The sender has more, and must stop.",
        "Probes, at growing intervals, ask whether the window is still closed: a window update could get lost.",
        "When the reader wakes, a window update sets the rest going at once.",
    ],
    picture: Picture::Ladder,
    settings: &[],
    kernel: &[Role::Server, Role::Client],
    run,
};

/// What the client sends, several times the server's buffer.
const BYTES: usize = 30_000;
/// The server's receive buffer.
const BUFFER: usize = 4096;

fn run(settings: &Settings) -> Result<Vec<Run>, LabError> {
    let mut scene = Scene::new(settings)?;
    let to = scene.server_at(7000);
    let nap = scene.pause(Duration::from_secs(4), Duration::from_millis(1500));
    let server = scene.server(move |app| async move {
        let options = Options { recv_buffer: Some(BUFFER), ..Options::default() };
        let (socket, _) = app.listen_with(to, 1, options)?.accept().await?;
        app.sleep(nap).await;
        app.remark("the reader wakes");
        let all = socket.read_to_end().await?;
        Ok::<_, Error>(all == pattern())
    });
    let client = scene.client(move |app| async move {
        let socket = app.connect(to).await?;
        socket.write_all(&pattern()).await?;
        socket.close();
        Ok::<_, Error>(())
    });
    let mut ended = scene.play(Duration::from_secs(1))?;
    ended.check.value("the client", client.take(), ());
    ended.check.value("all bytes arrived in order", server.take(), true);
    let closed = ended.story.count(|line, header, _| {
        line.from == 1 && header.window == 0 && !header.flags.intersects(TcpFlags::SYN | TcpFlags::RST)
    });
    // The answer to a probe says zero again: the first zero, and one for each probe.
    ended.expect(closed >= 2, &format!("a zero window was told {closed} times, so it was never probed"));
    Ok(vec![ended.run("")])
}

fn pattern() -> Vec<u8> {
    (0..BYTES).map(|i| (i % 251) as u8).collect()
}
