//! The path holds everything for half a second: the timer runs out though nothing is lost, and that is found out (RFC 5682,
//! RFC 3522, RFC 4015).

use super::{Experiment, Picture, Run, Settings, transfer};
use crate::LabError;
use crate::experiment::{Ended, Scene};
use crate::link::{Glimpse, Plan, Verdict};
use limpid_event::{Event, TxReason, UndoReason};
use limpid_scope::trace::What;
use std::sync::Arc;
use std::time::Duration;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "spurious-rto",
    summary: "a timeout though nothing is lost, and how that is found out",
    look_for: &[
        "A path that stands still for a while, as radio links do: the timer runs out, and the first segment goes again.",
        "With timestamps the first ACK tells: it echoes what the original said, not the retransmission (Eifel).",
        "With F-RTO the ACKs tell: they are of data that was never sent again. Either way the window is what it was, and",
        "nothing more goes again. With neither everything is sent twice, and the window begins anew from one segment.",
    ],
    picture: Picture::Ladder,
    settings: &[],
    kernel: &[],
    run,
};

/// Ten full segments with timestamps: a first flight, by the initial window of RFC 6928; and ten more.
const BYTES: usize = 20 * 1400;

/// What leaves so long after the first data does not arrive before it is over.
const STANDSTILL: Duration = Duration::from_millis(600);

fn run(settings: &Settings) -> Result<Vec<Run>, LabError> {
    let timestamps = run_one(settings, true, false)?.run("timestamps tell");
    let frto = run_one(settings, false, true)?.run("F-RTO tells");
    let neither = run_one(settings, false, false)?.run("nothing tells");
    Ok(vec![timestamps, frto, neither])
}

fn run_one(settings: &Settings, timestamps: bool, frto: bool) -> Result<Ended, LabError> {
    let scene = Scene::with(settings, |config| {
        let tcp = Arc::make_mut(&mut config.tcp);
        // Neither SACK nor a probe is to tell first.
        (tcp.timestamps, tcp.frto, tcp.dsack, tcp.sack) = (timestamps, frto, false, frto);
        tcp.tail_loss_probe = false;
    })?;
    scene.plan_from_client(standstill());
    let mut ended = transfer(scene, BYTES)?;
    if settings.clean_link() {
        judge(&mut ended, timestamps, frto);
    }
    Ok(ended)
}

/// Holds all that leaves in a while from the first data on until that is over.
fn standstill() -> Plan {
    let mut until = None;
    Box::new(move |packet: &Glimpse<'_>| {
        if packet.has_data() {
            until.get_or_insert(packet.at + STANDSTILL);
        }
        match until {
            Some(until) if packet.at < until => Verdict::Hold(until.since(packet.at)),
            _ => Verdict::Pass,
        }
    })
}

/// What must have happened on a link that does nothing else.
fn judge(ended: &mut Ended, timestamps: bool, frto: bool) {
    let undone = ended.trace.notes.iter().find_map(|note| match &note.what {
        What::Event(Event::Undone { how }) => Some(*how),
        _ => None,
    });
    let wanted = match (timestamps, frto) {
        (true, _) => Some(UndoReason::Timestamps),
        (false, true) => Some(UndoReason::Frto),
        (false, false) => None,
    };
    ended.expect(undone == wanted, &format!("taken back: {undone:?}"));
    let again = ended.trace.packets.iter().filter(|packet| packet.why.is_some_and(TxReason::is_retransmission)).count();
    let few = again <= 2;
    ended.expect(few == wanted.is_some(), &format!("{again} segments were sent again"));
}
