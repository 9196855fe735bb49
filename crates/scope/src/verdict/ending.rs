//! How a connection ended (RFC 9293 §3.6, RFC 1122 §4.2.2.13).

use super::{Kind, Known, Story, cited, reset, time_wait};
use crate::analysis::{Connection, Segment, closing};
use crate::trace::View;
use crate::words;
use limpid_event::{Error, Instant, TcpState, Timer, TxReason};
use limpid_wire::TcpFlags;
use std::time::Duration;

/// How long Linux delays an ACK at least, once data has come (`TCP_ATO_MIN`); before that it is one tick of its clock.
const DELAYED_ACK: Duration = Duration::from_millis(40);
/// The longest tick of Linux's clock (`HZ` 100).
const LONGEST_TICK: Duration = Duration::from_millis(10);

pub(super) fn explain(story: &mut Story<'_>) {
    match closing::both_fins(story.connection) {
        Some(_) if closing::is_simultaneous(story.connection) => simultaneous(story),
        Some((first, second)) => in_turn(story, first, second),
        None => one_sided(story),
    }
    time_wait::explain(story);
    gave_up(story);
    reset::explain(story);
}

fn simultaneous(story: &mut Story<'_>) {
    let Some((first, second)) = closing::both_fins(story.connection) else { return };
    let (first, second) = (story.segment(first).number, story.segment(second).number);
    let sentence = format!(
        "FINs {first} and {second} crossed: both ends closed at once, neither knowing of the other. Each goes through \
         CLOSING, and each waits in TIME-WAIT."
    );
    story.say(Kind::SimultaneousClose, Known::Observed, &[first, second], sentence);
}

/// One end closed, then the other.
fn in_turn(story: &mut Story<'_>, first: usize, second: usize) {
    let (fin, other) = (story.segment(first), story.segment(second));
    let ack = closing::ack_of_fin(story.connection, first).map(|index| story.segment(index));
    let last = closing::ack_of_fin(story.connection, second).map(|index| story.segment(index));
    let mut packets = vec![fin.number, other.number];
    packets.extend(last.map(|s| s.number));
    let sentence = format!(
        "{} closed first (FIN {}); {} closed {} later (FIN {}).",
        story.the_capital(fin.from),
        fin.number,
        story.the(other.from),
        words::duration(story.seen_between(fin, other)),
        other.number,
    );
    story.say(Kind::Close, Known::Observed, &packets, sentence);
    match (closing::merged_ack(story.connection), ack) {
        (Some(_), _) => merged(story, fin, other),
        (None, Some(ack)) => apart(story, fin, ack, other),
        (None, None) => {}
    }
    half_closed(story, fin, Some(other));
}

/// The article's close: three segments instead of four.
fn merged(story: &mut Story<'_>, fin: &Segment, rider: &Segment) {
    let closer = rider.from;
    // From one vantage point alone, half of this time may be flight.
    let estimated = story.is_estimated();
    let soon = taken_at(story, fin).map(|taken| rider.sent_at.since(taken));
    let how_soon = match soon {
        Some(soon) if soon.is_zero() && !estimated => "as soon as the FIN had arrived".to_owned(),
        Some(soon) if !estimated => format!("{} after the FIN had arrived", words::duration(soon)),
        _ => {
            // At the closer's own end nothing is estimated.
            let is_near = story.connection.ends[closer].view != View::Estimated;
            let flight = if is_near { "had come" } else { "was sent, flight there and back included" };
            format!("{} after the FIN {flight}", words::duration(story.seen_between(fin, rider)))
        }
    };
    let delayed = soon.and_then(|soon| before_delayed_ack(story, fin, rider, soon)).unwrap_or_default();
    let known = if delayed.is_empty() { Known::Observed } else { story.seen() };
    let sentence = format!(
        "No ACK of FIN {} was sent alone: it rode on {}'s own FIN ({}). {} closed {how_soon}{delayed}: three segments \
         close the connection, not four.",
        fin.number,
        story.the(closer),
        rider.number,
        story.the_capital(closer),
    );
    story.say(Kind::MergedAck, known, &[fin.number, rider.number], sentence);
}

/// When a delayed ACK of `fin` would have come, if that was later than `rider`, which left `soon` after `fin` had arrived.
fn before_delayed_ack(story: &Story<'_>, fin: &Segment, rider: &Segment, soon: Duration) -> Option<String> {
    let end = rider.from;
    let arrived = taken_at(story, fin)?;
    let told = story.set(end, Timer::DelayedAck).filter(|(at, _)| *at >= arrived && *at <= rider.sent_at).last();
    if let Some((_, after)) = told {
        return Some(format!(", before its delayed ACK ({}) was due", words::duration(after)));
    }
    let data_came =
        story.connection.sent_by(fin.from).any(|s| s.tcp.len > 0 && s.taken_at().is_some_and(|at| at <= rider.sent_at));
    match data_came {
        true if soon < DELAYED_ACK => Some(", before a delayed ACK was due (40 ms on Linux)".into()),
        // Nothing was received yet: the time-out of delayed ACKs still stands at 0.
        false if soon < LONGEST_TICK => {
            Some(", before a delayed ACK was due (on Linux one clock tick, as long as no data has come)".into())
        }
        _ => None,
    }
}

/// When the receiver of `fin` took it: when it entered CLOSE-WAIT, since data before it may have been missing.
fn taken_at(story: &Story<'_>, fin: &Segment) -> Option<Instant> {
    let states = &story.connection.ends[Connection::peer(fin.from)].states;
    let entered = states.iter().find(|change| change.to == TcpState::CloseWait).map(|change| change.at);
    entered.or_else(|| fin.taken_at())
}

/// The FIN was acknowledged before the other FIN left: by an ACK of its own, or by data.
fn apart(story: &mut Story<'_>, fin: &Segment, ack: &Segment, other: &Segment) {
    let waited = taken_at(story, fin).map_or(Duration::ZERO, |at| ack.sent_at.since(at));
    let why = match ack.why {
        Some(TxReason::DelayedAck) => format!("a delayed ACK, {} after the FIN had arrived", words::duration(waited)),
        _ if !waited.is_zero() && !story.is_estimated() => {
            format!("{} after the FIN had arrived", words::duration(waited))
        }
        _ => "at once".into(),
    };
    let later = match other.sent_at.since(ack.sent_at) {
        Duration::ZERO => "at once".into(),
        span => format!("{} later", words::duration(span)),
    };
    let (how, count) = match ack.tcp.len {
        0 => (format!("on its own ({}, {why})", ack.number), ": four segments close the connection, not three"),
        _ => (format!("by data ({}) that was still to be sent", ack.number), ""),
    };
    let sentence = format!(
        "FIN {} was acknowledged {how}, and {}'s FIN ({}) followed {later}{count}.",
        fin.number,
        story.the(other.from),
        other.number,
    );
    let known = if ack.why.is_some() { Known::Inside } else { Known::Observed };
    story.say(Kind::SeparateAck, known, &[fin.number, ack.number, other.number], sentence);
}

/// What the other end still sent after `fin` had reached it.
fn half_closed(story: &mut Story<'_>, fin: &Segment, other: Option<&Segment>) {
    let sender = Connection::peer(fin.from);
    let arrived = taken_at(story, fin).unwrap_or(fin.sent_at);
    let later = |s: &&Segment| s.sent_at >= arrived && s.tcp.len > 0 && s.facts.again.is_none() && !s.copy;
    let data: Vec<&Segment> = story.connection.sent_by(sender).filter(later).collect();
    let bytes: u64 = data.iter().map(|s| u64::from(s.tcp.len)).sum();
    let numbers: Vec<u64> = data.iter().map(|s| s.number).collect();
    let meanwhile = match bytes {
        0 if other.is_some() => return,
        0 => "sent nothing more".into(),
        _ => format!("sent another {} ({})", words::bytes(bytes), cited(&numbers)),
    };
    let length = match other {
        Some(other) => format!("for {}", words::duration(story.seen_between(fin, other))),
        None => "to the end of the recording".into(),
    };
    let sentence = format!(
        "The connection was half-closed {length}: {} had finished (FIN {}) and could still receive, and {} {meanwhile}.",
        story.the(fin.from),
        fin.number,
        story.the(sender),
    );
    let mut packets = vec![fin.number];
    packets.extend(numbers);
    packets.extend(other.map(|s| s.number));
    story.say(Kind::HalfClose, Known::Observed, &packets, sentence);
}

/// Only one end closed, or none.
fn one_sided(story: &mut Story<'_>) {
    let fin = (0..2).find_map(|end| closing::first_fin(story.connection, end)).map(|index| story.segment(index));
    let was_reset = story.connection.segments.iter().any(|s| s.is(TcpFlags::RST));
    if let Some(fin) = fin.filter(|_| !was_reset) {
        half_closed(story, fin, None);
    }
}

/// An established connection that timed out.
fn gave_up(story: &mut Story<'_>) {
    for end in 0..2 {
        let established = story.connection.ends[end].states.iter().any(|c| c.to == TcpState::Established);
        let silence =
            |error: &Error| matches!(error, Error::TimedOut | Error::HostUnreachable | Error::NetworkUnreachable);
        let ended = story.ended(end).filter(|(_, error)| established && silence(error));
        let Some((at, error)) = ended else { continue };
        let peer = Connection::peer(end);
        let heard = story.connection.sent_by(peer).filter_map(|s| Some((s.taken_at()?, s.number)));
        let heard = heard.filter(|(taken, _)| *taken <= at).max();
        let silence = heard.map(|(taken, number)| {
            let span = words::duration(at.since(taken));
            format!(", {span} after {} was last heard ({number})", story.the(peer))
        });
        let packets: Vec<u64> = heard.iter().map(|(_, number)| *number).collect();
        let sentence = format!(
            "{} gave the connection up{}: its application got {}.",
            story.the_capital(end),
            silence.unwrap_or_default(),
            error.errno()
        );
        story.say(Kind::TimedOut, Known::Inside, &packets, sentence);
    }
}
