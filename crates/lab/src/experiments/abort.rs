//! Three ways to end a connection with a reset (RFC 9293 §3.10.5; RFC 2525 §2.17; RFC 1122 §4.2.2.13).

use super::{Experiment, Picture, Run, Settings};
use crate::LabError;
use crate::experiment::{Ended, Role, Scene};
use limpid_event::Error;
use limpid_wire::TcpFlags;
use std::time::Duration;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "abort",
    summary: "three ways to a reset: asked for, data unread, data after close",
    look_for: &[
        "A reset is not answered and not acknowledged, and nobody stays in TIME-WAIT.",
        "The other side learns it from its next read or write: ECONNRESET.",
        "Closing with unread data resets: a FIN would tell the sender that all of it had been taken.",
        "Data for a program that is gone is answered with a reset, too.",
    ],
    picture: Picture::Ladder,
    settings: &[],
    kernel: &[Role::Server, Role::Client],
    run,
};

fn run(settings: &Settings) -> Result<Vec<Run>, LabError> {
    Ok(vec![asked_for(settings)?, unread(settings)?, after_close(settings)?])
}

fn asked_for(settings: &Settings) -> Result<Run, LabError> {
    let mut scene = Scene::new(settings)?;
    let to = scene.server_at(7000);
    let server = scene.server(move |app| async move {
        let (socket, _) = app.listen(to, 1)?.accept().await?;
        let outcome = socket.read(&mut [0; 16]).await;
        app.remark(words("read", &outcome));
        outcome
    });
    let client = scene.client(move |app| async move {
        let socket = app.connect(to).await?;
        app.sleep(Duration::from_millis(200)).await;
        app.remark("abort (close with SO_LINGER zero)");
        socket.abort();
        Ok::<_, Error>(())
    });
    let mut ended = scene.play(Duration::from_millis(500))?;
    ended.check.value("the client", client.take(), ());
    ended.check.error("the server's read", server.take(), Error::ConnectionReset);
    ended.expect_story(&["client S", "server S.", "client .", "client R."]);
    Ok(ended.run("the client aborts"))
}

fn unread(settings: &Settings) -> Result<Run, LabError> {
    let mut scene = Scene::new(settings)?;
    let to = scene.server_at(7000);
    let server = scene.server(move |app| async move {
        let (socket, _) = app.listen(to, 1)?.accept().await?;
        app.sleep(Duration::from_millis(300)).await;
        app.remark("close, with 6 bytes unread");
        socket.close();
        Ok::<_, Error>(())
    });
    let client = scene.client(move |app| async move {
        let socket = app.connect(to).await?;
        socket.write_all(b"hello\n").await?;
        let outcome = socket.read(&mut [0; 16]).await;
        app.remark(words("read", &outcome));
        outcome
    });
    let mut ended = scene.play(Duration::from_millis(500))?;
    ended.check.error("the client's read", client.take(), Error::ConnectionReset);
    ended.check.value("the server", server.take(), ());
    expect_one_reset(&mut ended, 1);
    Ok(ended.run("the server closes with data unread"))
}

fn after_close(settings: &Settings) -> Result<Run, LabError> {
    let mut scene = Scene::new(settings)?;
    let to = scene.server_at(7000);
    let server = scene.server(move |app| async move {
        let (socket, _) = app.listen(to, 1)?.accept().await?;
        app.sleep(Duration::from_millis(200)).await;
        app.remark("close: nobody reads any more");
        socket.close();
        Ok::<_, Error>(())
    });
    let client = scene.client(move |app| async move {
        let socket = app.connect(to).await?;
        socket.read(&mut [0; 16]).await?;
        app.remark("read returned 0, but writing goes on");
        socket.write_all(b"hello?\n").await?;
        app.sleep(Duration::from_millis(200)).await;
        let outcome = socket.write(b"anybody?\n").await;
        app.remark(words("write", &outcome));
        outcome
    });
    let mut ended = scene.play(Duration::from_millis(500))?;
    // The reset came when the socket had read the end of the stream: then it is EPIPE on Linux, not ECONNRESET.
    ended.check.error("the client's second write", client.take(), Error::BrokenPipe);
    ended.check.value("the server", server.take(), ());
    expect_one_reset(&mut ended, 1);
    Ok(ended.run("data comes after the server has closed"))
}

fn expect_one_reset(ended: &mut Ended, from: usize) {
    let resets = ended.story.count(|line, header, _| line.from == from && header.flags.contains(TcpFlags::RST));
    let all = ended.story.count_flags(TcpFlags::RST);
    ended.expect(resets == 1 && all == 1, &format!("{all} resets instead of one from the server"));
}

/// What a call gave, as an application would log it.
fn words(call: &str, outcome: &Result<usize, Error>) -> String {
    match outcome {
        Ok(n) => format!("{call} returned {n}"),
        Err(error) => format!("{call}: {error} ({})", error.errno()),
    }
}
