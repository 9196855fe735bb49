//! Segments overtake each other, and none is lost: how much is sent again for nothing (RFC 8985 §6, RFC 6675)?

use super::{Experiment, Picture, Run, Settings};
use crate::LabError;
use crate::experiment::{Ended, Scene};
use crate::link::{Conditions, End};
use limpid_event::{Error, Event, Timer, TxReason};
use limpid_scope::figures;
use limpid_scope::trace::What;
use std::time::Duration;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "rack-reordering",
    summary: "segments overtake each other: losses by time, and by number",
    look_for: &[
        "One segment in ten is held for up to a round trip, and what was sent after it arrives first. Nothing is lost.",
        "By number (RFC 6675): three segments that arrive ahead of another are taken for its loss, again and again. Each",
        "time it is sent for nothing and the window shrinks; D-SACK and timestamps take some of that back.",
        "By time (RACK): the first such mistake teaches that this path reorders. From then on what is late has a part of",
        "a round trip to arrive, and more where D-SACK complains: nearly all of it does, and the window stays.",
    ],
    picture: Picture::Graph,
    settings: &[],
    kernel: &[],
    run,
};

/// What the client sends.
const BYTES: usize = 10_000_000;

/// The path: 20 Mb/s, 10 ms farther than the settings say, one segment in ten held for up to a round trip.
const RATE: u64 = 20_000_000;
const FARTHER: Duration = Duration::from_millis(10);
const REORDERED: f64 = 0.1;

/// So many times as long as without reordering it may take.
const MOST_COST: f64 = 1.1;

fn run(settings: &Settings) -> Result<Vec<Run>, LabError> {
    let (_, straight) = run_one(settings, true, 0.0)?;
    let (mut by_number, number) = run_one(settings, false, REORDERED)?;
    let (mut by_time, time) = run_one(settings, true, REORDERED)?;
    if is_own_path(settings) {
        let fewer = time.again <= number.again && time.took <= number.took;
        by_time.expect(
            fewer,
            &format!("by time {}, by number {}", figures::duration(time.took), figures::duration(number.took)),
        );
        by_time.expect(time.timeouts == 0, &format!("the retransmission timer ran out {} times", time.timeouts));
        let cost = time.took.as_secs_f64() / straight.took.as_secs_f64();
        by_time.expect(cost < MOST_COST, &format!("it took {cost:.2} times as long as without reordering"));
    }
    let took = |seen: &Seen| figures::duration(seen.took);
    let again = |seen: &Seen| figures::count(seen.again as u64, "segment");
    by_number.find(format!(
        "{} went again, all for nothing. It took {}; without reordering it takes {}.",
        again(&number),
        took(&number),
        took(&straight)
    ));
    by_time.find(format!(
        "{} went again, and it took {}: {} of what it takes by number.",
        again(&time),
        took(&time),
        figures::share(time.took.as_secs_f64() / number.took.as_secs_f64().max(1e-9))
    ));
    Ok(vec![by_number.run("by number: three segments ahead are a loss"), by_time.run("by time: RACK")])
}

/// What an experiment is about happens on a path of its own, if the settings say nothing of reordering.
fn is_own_path(settings: &Settings) -> bool {
    settings.link.reorder == 0.0 && settings.clean_link()
}

fn run_one(settings: &Settings, rack: bool, reorder: f64) -> Result<(Ended, Seen), LabError> {
    let mut scene = Scene::with(settings, |config| {
        let tcp = std::sync::Arc::make_mut(&mut config.tcp);
        tcp.rack = rack;
        if !rack {
            // Three are enough for ever, as RFC 5681 has it; Linux learned of the degree long before RACK.
            tcp.max_reordering = tcp.reordering;
        }
    })?;
    // What the settings say of the link holds, and the experiment adds what they leave open.
    let (link, delay) = (settings.link, settings.link.delay + FARTHER);
    let own = if link.reorder > 0.0 { link } else { Conditions { reorder, reorder_by: 2 * delay, ..link } };
    scene.link().from(End::A).conditions = Conditions { rate: link.rate.or(Some(RATE)), delay, ..own };
    scene.link().from(End::B).conditions = Conditions { delay, ..link };
    let to = scene.server_at(7000);
    let server = scene.server(move |app| async move {
        let (socket, _) = app.listen(to, 1)?.accept().await?;
        Ok::<_, Error>(socket.read_to_end().await?.len())
    });
    let client = scene.client(move |app| async move {
        let socket = app.connect(to).await?;
        socket.write_all(&[7; BYTES]).await?;
        socket.close();
        Ok::<_, Error>(())
    });
    let mut ended = scene.play(Duration::from_secs(1))?;
    ended.check.value("the client", client.take(), ());
    ended.check.value("all bytes arrived", server.take(), BYTES);
    let seen = Seen::of(&ended);
    Ok((ended, seen))
}

/// What a run shows.
#[derive(Debug)]
struct Seen {
    /// Segments sent again, all for nothing.
    again: usize,
    timeouts: usize,
    /// From the first packet to the last.
    took: Duration,
}

impl Seen {
    fn of(ended: &Ended) -> Seen {
        let resent = |why: Option<TxReason>| why.is_some_and(TxReason::is_retransmission);
        let rto = |what: &What| matches!(what, What::Event(Event::TimerFired { timer: Timer::Rto, .. }));
        let times = ended.trace.packets.iter().map(|packet| packet.sent_at);
        Seen {
            again: ended.trace.packets.iter().filter(|packet| resent(packet.why)).count(),
            timeouts: ended.trace.notes.iter().filter(|note| rto(&note.what)).count(),
            took: times.clone().max().unwrap_or_default().since(times.min().unwrap_or_default()),
        }
    }
}
