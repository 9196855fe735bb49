//! TIME-WAIT: who waits, how long, what it was good for, and what cut it short (RFC 9293 §3.3.2, §3.6.1, RFC 1337).

use super::{Kind, Known, Story};
use crate::analysis::{Connection, Segment, StateChange, closing};
use crate::words;
use limpid_event::{Instant, TcpState, Timer};
use limpid_wire::TcpFlags;

pub(super) fn explain(story: &mut Story<'_>) {
    for end in 0..2 {
        if let Some((entered, left)) = stay(story.connection, end) {
            served(story, end, entered, left);
            waits(story, end, entered, left);
        }
    }
}

/// When `end` entered TIME-WAIT, and when it left, if it did.
fn stay(connection: &Connection, end: usize) -> Option<(StateChange, Option<Instant>)> {
    let states = &connection.ends[end].states;
    let at = states.iter().position(|change| change.to == TcpState::TimeWait)?;
    let left = states[at + 1..].iter().find(|change| change.to == TcpState::Closed);
    Some((states[at], left.map(|change| change.at)))
}

/// True if `reset` found its receiver in TIME-WAIT and ended that (RFC 1337).
pub(super) fn is_ended_by(connection: &Connection, reset: &Segment) -> bool {
    let left = stay(connection, Connection::peer(reset.from)).and_then(|(_, left)| left);
    left.is_some() && reset.arrival.time() == left
}

/// What reached `end` in TIME-WAIT, and was answered.
fn served(story: &mut Story<'_>, end: usize, entered: StateChange, left: Option<Instant>) {
    let connection = story.connection;
    let peer = Connection::peer(end);
    let within = |at: Instant| at > entered.at && left.is_none_or(|left| at <= left);
    let answers = connection.sent_by(end).filter(|s| s.tcp.is_pure_ack() && within(s.sent_at));
    for answer in answers {
        let arrived = |s: &&Segment| s.arrival.time().is_some_and(|at| within(at) && at <= answer.sent_at);
        let late = connection.sent_by(peer).filter(arrived).max_by_key(|s| s.arrival.time());
        let Some(late) = late else { continue };
        let reset = connection.sent_by(peer).find(|s| s.is(TcpFlags::RST) && s.sent_at >= answer.sent_at);
        let reset = reset.filter(|reset| is_ended_by(connection, reset));
        let mut packets = vec![late.number, answer.number];
        let what = match (late.is(TcpFlags::FIN), late.copy) {
            (true, false) => format!("the FIN that came again ({})", late.number),
            (_, true) => format!("a late copy ({})", late.number),
            (false, false) => format!("a late segment ({})", late.number),
        };
        let effect = match reset {
            Some(reset) => {
                packets.push(reset.number);
                format!(
                    ". {} knew nothing of the connection any more and reset it ({}), which ended TIME-WAIT after {}, \
                     before its time: RFC 1337 calls that assassination.",
                    story.the_capital(peer),
                    reset.number,
                    words::duration(left.unwrap_or(entered.at).since(entered.at)),
                )
            }
            None if story.set(end, Timer::TimeWait).any(|(at, _)| within(at)) => {
                ", and its wait began anew: this is what TIME-WAIT is for.".into()
            }
            None => ": this is what TIME-WAIT is for.".into(),
        };
        let sentence = format!("{} answered {what} from TIME-WAIT ({}){effect}", story.the_capital(end), answer.number);
        let known = if entered.told { Known::Inside } else { Known::Inferred };
        story.say(Kind::TimeWaitServed, known, &packets, sentence);
    }
}

/// How long `end` waits.
fn waits(story: &mut Story<'_>, end: usize, entered: StateChange, left: Option<Instant>) {
    let fins = closing::both_fins(story.connection);
    let numbers = |(a, b): (usize, usize)| vec![story.segment(a).number, story.segment(b).number];
    let packets = fins.map_or_else(Vec::new, numbers);
    let first = fins.map(|(first, _)| story.segment(first).from);
    let why = match first {
        Some(first) if first == end && !closing::is_simultaneous(story.connection) => ", which closed first,",
        _ => "",
    };
    let set = story.set(end, Timer::TimeWait).last();
    let (length, told) = match (left, set) {
        (Some(left), Some((at, after))) if story.fired(end, Timer::TimeWait) && at > entered.at => {
            let (span, after) = (words::duration(left.since(entered.at)), words::duration(after));
            (format!("was in TIME-WAIT for {span}: its {after} (2MSL) had begun anew"), true)
        }
        (Some(left), _) => {
            let whole = if story.fired(end, Timer::TimeWait) { " (2MSL)" } else { "" };
            (format!("was in TIME-WAIT for {}{whole}", words::duration(left.since(entered.at))), true)
        }
        (None, Some((_, after))) => (format!("stays in TIME-WAIT for {} (2MSL)", words::duration(after)), true),
        (None, None) => ("is left in TIME-WAIT; on Linux that lasts 60 s".into(), false),
    };
    let known = if told && entered.told { Known::Inside } else { Known::Inferred };
    story.say(Kind::TimeWait, known, &packets, format!("{}{why} {length}.", story.the_capital(end)));
}
