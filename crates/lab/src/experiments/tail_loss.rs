//! The last segment of a flight is lost, and no other one behind it tells of that: a probe does (RFC 8985 §7).

use super::{Experiment, Picture, Run, Settings};
use crate::LabError;
use crate::experiment::{Ended, Scene};
use crate::link::Verdict;
use limpid_event::{Error, Event, Timer, TxReason};
use limpid_scope::trace::{Trace, What};
use std::time::Duration;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "tail-loss",
    summary: "the last segments are lost: a tail loss probe, or the timeout",
    look_for: &[
        "With probes: two round trips after the last segment, and 2 ms, it goes again. The answer's SACK shows the holes",
        "before it, and RACK has them sent again: nothing waits for the RTO, and the window shrinks to 0.7, not to one segment.",
        "Without probes (tcp_early_retrans=0): silence until the RTO, 200 ms at least beyond the round trip; then all",
        "that is outstanding counts as lost, and the window is one segment.",
    ],
    picture: Picture::Ladder,
    settings: &[],
    kernel: &[],
    run,
};

/// Ten full segments: a first flight, by the initial window of RFC 6928.
const BYTES: usize = 10 * 1400;

/// What is lost of it: the segments from this byte on.
const LOST_FROM: usize = 7 * 1400;

fn run(settings: &Settings) -> Result<Vec<Run>, LabError> {
    let probed = run_one(settings, true)?.run("with tail loss probes");
    let timed_out = run_one(settings, false)?.run("without: the timeout");
    Ok(vec![probed, timed_out])
}

fn run_one(settings: &Settings, probes: bool) -> Result<Ended, LabError> {
    let mut scene = Scene::with(settings, |config| {
        std::sync::Arc::make_mut(&mut config.tcp).tail_loss_probe = probes;
    })?;
    let mut sent = 0;
    scene.plan_from_client(Box::new(move |packet| {
        let before = sent;
        sent += packet.tcp.map_or(0, |tcp| tcp.len);
        if sent > before && (LOST_FROM..BYTES).contains(&before) { Verdict::Lose } else { Verdict::Pass }
    }));
    let to = scene.server_at(7000);
    let server = scene.server(move |app| async move {
        let (socket, _) = app.listen(to, 1)?.accept().await?;
        let mut got = 0;
        while got < BYTES {
            got += socket.read(&mut [0; 4096]).await?;
        }
        Ok::<_, Error>(got)
    });
    let client = scene.client(move |app| async move {
        let socket = app.connect(to).await?;
        socket.write_all(&[7; BYTES]).await?;
        app.sleep(Duration::from_secs(2)).await;
        socket.close();
        Ok::<_, Error>(())
    });
    let mut ended = scene.play(Duration::from_secs(1))?;
    ended.check.value("the client", client.take(), ());
    ended.check.value("all bytes arrived", server.take(), BYTES);
    if settings.clean_link() {
        judge(&mut ended, probes);
    }
    Ok(ended)
}

fn judge(ended: &mut Ended, probes: bool) {
    let sent = |why| ended.trace.packets.iter().filter(|packet| packet.why == Some(why)).count();
    let (probed, by_rack, by_rto) =
        (sent(TxReason::TailLossProbe), sent(TxReason::RackRetransmit), sent(TxReason::RtoRetransmit));
    let timeouts = fired(&ended.trace, Timer::Rto);
    if probes {
        ended.expect(probed == 1, &format!("{probed} probes were sent"));
        ended.expect(by_rack > 0 && by_rto == 0, &format!("{by_rack} segments went again by RACK, {by_rto} by RTO"));
        ended.expect(timeouts == 0, "the retransmission timer ran out");
    } else {
        ended.expect(probed == 0, "a probe was sent although probes are off");
        ended.expect(timeouts > 0 && by_rto > 0, "nothing waited for the retransmission timer");
    }
}

fn fired(trace: &Trace, timer: Timer) -> usize {
    let is_it = |what: &What| matches!(what, What::Event(Event::TimerFired { timer: t, .. }) if *t == timer);
    trace.notes.iter().filter(|note| is_it(&note.what)).count()
}
