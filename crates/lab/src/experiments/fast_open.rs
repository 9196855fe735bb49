//! Fast Open (RFC 7413): a cookie first, then a round trip less.

use super::{Experiment, Picture, Run, Settings};
use crate::LabError;
use crate::experiment::Scene;
use crate::host::{App, Options};
use limpid_event::Error;
use limpid_scope::figures;
use limpid_stack::FastOpenFlags;
use limpid_wire::{Endpoint, TcpFlags};
use std::time::Duration;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "fast-open",
    summary: "data with the SYN: the second request is answered a round trip sooner",
    look_for: &[
        "The first SYN asks for a cookie, and the SYN-ACK brings one: a secret that says nothing but where the client is.",
        "Nothing is won yet. The request leaves with the handshake's last ACK, and the answer is there after two round trips.",
        "The second SYN carries cookie and request. The server's program has the request before the handshake is complete,",
        "and its answer leaves right behind the SYN-ACK: one round trip.",
        "The server pays with a connection for a SYN alone, so it bounds how many there may be (TCP_FASTOPEN's queue).",
    ],
    picture: Picture::Ladder,
    settings: &[],
    kernel: &[],
    run,
};

const REQUEST: &[u8] = b"GET /\n";
const ANSWER: &[u8] = b"hello\n";

fn run(settings: &Settings) -> Result<Vec<Run>, LabError> {
    let mut scene = Scene::with(settings, |config| config.fast_open.flags |= FastOpenFlags::SERVER)?;
    let to = scene.server_at(80);
    let options = Options { fast_open: true, ..Options::default() };
    let server = scene.server(move |app| async move {
        let listener = app.listen_with(to, 4, options)?;
        for _ in 0..2 {
            let (socket, _) = listener.accept().await?;
            let mut request = [0; REQUEST.len()];
            socket.read_full(&mut request).await?;
            socket.write_all(ANSWER).await?;
            socket.close();
        }
        Ok::<_, Error>(())
    });
    let client = scene.client(move |app| async move {
        let first = ask(&app, to, options).await?;
        app.sleep(Duration::from_millis(500)).await;
        let second = ask(&app, to, options).await?;
        app.remark(format!("the second took {} ms less", first.saturating_sub(second).as_millis()));
        Ok::<_, Error>((first, second))
    });
    let mut ended = scene.play(Duration::from_secs(1))?;
    ended.check.value("the server", server.take(), ());
    let took = client.take();
    let clean = settings.clean_link();
    if let Some(Ok((first, second))) = took {
        let (slow, quick) = (figures::duration(first), figures::duration(second));
        let saved = figures::duration(first.saturating_sub(second));
        ended.find(format!(
            "The first answer took {slow}, the second {quick}: {saved} less, for the data came with the SYN."
        ));
        // Whatever is lost, the second is not slower for its data; on a clean link it saves half of its time.
        ended.expect(!clean || second < first * 2 / 3, "the second request saved no round trip");
    } else {
        ended.check.that(false, format!("the client ended with {took:?}"));
    }
    let with_data = ended
        .story
        .count(|line, header, len| line.from == 0 && header.flags.contains(TcpFlags::SYN) && len == REQUEST.len());
    ended.expect(!clean || with_data == 1, "no SYN carried the request");
    Ok(vec![ended.run("")])
}

/// A request and its answer on a connection of their own; how long that took.
async fn ask(app: &App, to: Endpoint, options: Options) -> Result<Duration, Error> {
    let began = app.now();
    let socket = app.connect_from(None, to, options).await?;
    socket.write_all(REQUEST).await?;
    let answer = socket.read_to_end().await?;
    let took = app.now().since(began);
    if answer != ANSWER {
        return Err(Error::ConnectionAborted);
    }
    app.remark(format!("answered after {} ms", took.as_millis()));
    Ok(took)
}
