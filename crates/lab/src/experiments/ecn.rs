//! A bottleneck that says by marks that it fills, instead of by losses (RFC 3168, RFC 9768).

use super::{Experiment, Picture, Run, Settings, transfer};
use crate::LabError;
use crate::experiment::{Ended, Scene, Story, story::Kind};
use crate::link::{Aqm, Conditions, End};
use limpid_event::{EcnEvent, Event, LinkFate, TxReason};
use limpid_scope::figures;
use limpid_scope::trace::{Trace, What};
use limpid_tcp::{EcnLevel, EcnPolicy};
use limpid_wire::TcpFlags;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "ecn",
    summary: "a queue that marks packets instead of dropping them (ECN)",
    look_for: &[
        "Without ECN the queue can say only by losses that it fills: segments are lost and sent again.",
        "With ECN it marks them, and all arrive. Classic: the receiver says ECE on each ACK until CWR comes; the sender",
        "reduces its window once a round trip, as for a loss, and says CWR. Nothing is sent again.",
        "Accurate: the ACKs count the marks, in the three bits that ECE and CWR were, and in bytes in an option. How many",
        "there were is known, not only that there were some.",
    ],
    picture: Picture::Graph,
    settings: &[],
    kernel: &[],
    run,
};

/// What the client sends.
const BYTES: usize = 1_000_000;

/// The bottleneck, if the settings have none of their own.
const RATE: u64 = 10_000_000;
const QUEUE: usize = 60;

/// From so many waiting packets on it speaks: about a bandwidth-delay product, so that half a window still fills the link.
const THRESHOLD: usize = 20;

fn run(settings: &Settings) -> Result<Vec<Run>, LabError> {
    let levels = [
        (EcnLevel::None, "without ECN: the queue drops"),
        (EcnLevel::Classic, "classic ECN: the queue marks, ECE and CWR answer"),
        (EcnLevel::Accurate, "accurate ECN: the queue marks, and ACKs count the marks"),
    ];
    levels.into_iter().map(|(level, title)| Ok(run_one(settings, level)?.run(title))).collect()
}

fn run_one(settings: &Settings, level: EcnLevel) -> Result<Ended, LabError> {
    let scene = Scene::with(settings, |config| {
        std::sync::Arc::make_mut(&mut config.tcp).ecn = EcnPolicy { accept: level, offer: level };
    })?;
    let own_bottleneck = settings.link.rate.is_none();
    // What the settings say holds, and the experiment adds what they leave open.
    let (link, usual) = (settings.link, Conditions::default());
    let aqm = link.aqm.or(Some(Aqm::Threshold(THRESHOLD)));
    let queue = if link.queue == usual.queue && link.queue_bytes.is_none() { QUEUE } else { link.queue };
    scene.link().from(End::A).conditions = Conditions { rate: link.rate.or(Some(RATE)), queue, aqm, ..link };
    let mut ended = transfer(scene, BYTES)?;
    let seen = Seen::of(&ended.trace, &ended.story);
    ended.find(seen.sentence(level));
    if own_bottleneck {
        judge(&mut ended, level);
    }
    Ok(ended)
}

/// An ACK of more than seven packets leaves one turn of its field in doubt (RFC 9768 §3.2.2.5.2).
const TURN: usize = 8;

/// What must have happened on a link that does nothing else.
fn judge(ended: &mut Ended, level: EcnLevel) {
    let seen = Seen::of(&ended.trace, &ended.story);
    if level == EcnLevel::None {
        ended.expect(seen.again > 0, "nothing was lost, so that there was nothing to avoid");
        ended.expect(seen.marked == 0, "what is not ECN-capable was marked");
        return;
    }
    ended.expect(seen.again == 0, &format!("{} segments were sent again although the queue marks", seen.again));
    ended.expect(seen.marked > 0 && seen.arrived == seen.marked, "marks did not arrive as they were made");
    let answered = seen.answers > 0 && seen.answers <= seen.marked;
    ended.expect(answered, &format!("{} marks were answered {} times", seen.marked, seen.answers));
    if level == EcnLevel::Accurate {
        let told = seen.reported.abs_diff(seen.marked) <= TURN;
        ended.expect(told, &format!("{} marks were made, and {} were counted", seen.marked, seen.reported));
    }
    let wants_cwr = level == EcnLevel::Classic;
    ended.expect(!wants_cwr || seen.cwr > 0, "no segment said CWR");
}

/// What a run shows of ECN.
#[derive(Default)]
struct Seen {
    /// Data segments sent again.
    again: usize,
    /// Marks that the queue made,
    marked: usize,
    /// that arrived,
    arrived: usize,
    /// and that the sender heard of.
    reported: usize,
    /// Reductions of the window that followed.
    answers: usize,
    /// Segments of the client that said CWR.
    cwr: usize,
}

impl Seen {
    /// What happened, in figures.
    fn sentence(&self, level: EcnLevel) -> String {
        let count = |n: usize, what| figures::count(n as u64, what);
        let again = count(self.again, "segment");
        if level == EcnLevel::None {
            return format!("The queue marked nothing, and {again} had to be sent again.");
        }
        let (marks, answers) = (count(self.marked, "packet"), count(self.answers, "time"));
        let told = match level {
            EcnLevel::Accurate => format!("the ACKs told of {} of them", figures::number(self.reported as u64)),
            _ => format!("{} said CWR", count(self.cwr, "segment")),
        };
        format!("The queue marked {marks}; {told}; the window was reduced {answers}; {again} had to be sent again.")
    }

    fn of(trace: &Trace, story: &Story) -> Seen {
        let mut seen = Seen::default();
        for note in &trace.notes {
            match &note.what {
                What::Event(Event::Link { fate: LinkFate::Marked }) => seen.marked += 1,
                What::Event(Event::Ecn(EcnEvent::MarkReceived { packets })) => seen.arrived += usize::from(*packets),
                What::Event(Event::Ecn(EcnEvent::Reported { segments })) => seen.reported += *segments as usize,
                What::Event(Event::RecoveryBegan { why: limpid_event::RecoveryReason::Ecn }) => seen.answers += 1,
                _ => {}
            }
        }
        let resent = |why: Option<TxReason>| why.is_some_and(TxReason::is_retransmission);
        seen.again = trace.packets.iter().filter(|packet| resent(packet.why)).count();
        seen.cwr = story.0.iter().filter(|line| line.from == 0 && says_cwr(&line.kind)).count();
        seen
    }
}

fn says_cwr(kind: &Kind) -> bool {
    matches!(kind, Kind::Tcp { header, .. } if header.flags & (TcpFlags::CWR | TcpFlags::SYN) == TcpFlags::CWR)
}
