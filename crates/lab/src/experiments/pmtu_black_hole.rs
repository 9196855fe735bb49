//! A router drops what is too large for the next link and says nothing: a black hole (RFC 2923 §2.1), and the way out (RFC 4821).

use super::{Experiment, Picture, Run, Settings};
use crate::LabError;
use crate::experiment::{Ended, Scene};
use crate::host::App;
use crate::link::Verdict;
use limpid_event::{Error, Event, PathMtuReason};
use limpid_scope::trace::{Trace, What};
use limpid_tcp::MtuProbing;
use std::sync::Arc;
use std::time::Duration;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "pmtu-black-hole",
    summary: "packets of full size vanish without a word: probing finds what fits",
    look_for: &[
        "The handshake goes through: its segments are small. Full segments vanish, and no ICMP message says why.",
        "With tcp_mtu_probing=1: after as long as three retransmissions take, the sender doubts the path, not the peer.",
        "It goes on with 1024 bytes, which get through. Then larger segments probe for the path's MTU: one that arrives",
        "makes all larger, one that is lost only says that so much does not fit.",
        "Without: the same segment is sent again and again, until the user timeout ends it.",
    ],
    picture: Picture::Ladder,
    settings: &[],
    kernel: &[],
    run,
};

const BYTES: usize = 120_000;

/// What the narrow link carries of a segment's data; a little less than its MTU of 1300 bytes, whatever the headers.
const FITS: usize = 1220;

/// How long the client waits for an acknowledgement.
const PATIENCE: Duration = Duration::from_secs(10);

fn run(settings: &Settings) -> Result<Vec<Run>, LabError> {
    let probing = run_one(settings, MtuProbing::AfterBlackHole)?.run("with probing");
    let stubborn = run_one(settings, MtuProbing::Off)?.run("without");
    Ok(vec![probing, stubborn])
}

fn run_one(settings: &Settings, probing: MtuProbing) -> Result<Ended, LabError> {
    let mut scene = Scene::with(settings, |config| {
        let tcp = Arc::make_mut(&mut config.tcp);
        (tcp.mtu_probing, tcp.user_timeout) = (probing, Some(PATIENCE));
    })?;
    scene.plan_from_client(Box::new(move |packet| {
        let len = packet.tcp.map_or(0, |tcp| tcp.len);
        if len > FITS { Verdict::Lose } else { Verdict::Pass }
    }));
    let to = scene.server_at(7000);
    // Where nothing gets through it waits for ever.
    let serve = move |app: App| async move {
        let (socket, _) = app.listen(to, 1)?.accept().await?;
        let mut got = 0;
        while got < BYTES {
            match socket.read(&mut [0; 4096]).await? {
                0 => break,
                n => got += n,
            }
        }
        Ok::<_, Error>(got)
    };
    let server = if probing == MtuProbing::Off { scene.server_daemon(serve) } else { scene.server(serve) };
    let client = scene.client(move |app| async move {
        let socket = app.connect(to).await?;
        socket.write_all(&vec![7; BYTES]).await?;
        socket.close();
        Ok::<_, Error>(())
    });
    let mut ended = scene.play(Duration::from_secs(1))?;
    let (doubted, arrived, lost) = (
        learned(&ended.trace, PathMtuReason::BlackHole),
        learned(&ended.trace, PathMtuReason::ProbeArrived),
        learned(&ended.trace, PathMtuReason::ProbeLost),
    );
    if probing == MtuProbing::Off {
        ended.check.error("the client", client.take(), Error::TimedOut);
        ended.expect(doubted + arrived + lost == 0, "the path was doubted although that is switched off");
        return Ok(ended);
    }
    ended.check.value("the client", client.take(), ());
    ended.check.value("all bytes arrived", server.take(), BYTES);
    if settings.clean_link() {
        ended.expect(doubted > 0, "the black hole was not found");
        ended.expect(arrived + lost > 0, "nothing probed for the path's MTU");
    }
    Ok(ended)
}

fn learned(trace: &Trace, reason: PathMtuReason) -> usize {
    let is_it = |what: &What| matches!(what, What::Event(Event::PathMtu { why, .. }) if *why == reason);
    trace.notes.iter().filter(|note| is_it(&note.what)).count()
}
