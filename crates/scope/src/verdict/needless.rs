//! What was sent again although it had arrived, or was still under way; and whether the sender found that out (RFC 3522,
//! RFC 5682, RFC 2883 §5, RFC 4015).

use super::data::described;
use super::{Kind, Known, MAX_CITED, Story, cited};
use crate::analysis::{Connection, Segment};
use crate::flows::{Again, Cause};
use crate::trace::Arrival;
use crate::words;
use limpid_event::{Event, Instant, UndoReason};

/// Of one segment and its repetitions.
pub(super) fn explain(story: &mut Story<'_>, original: &Segment, repeats: &[(&Segment, Again)]) {
    if story.is_full(Kind::Spurious) {
        return story.say(Kind::Spurious, Known::Observed, &[original.number], String::new());
    }
    let end = original.facts.seq + i64::from(original.tcp.seq_len());
    let (sent_again, again) = repeats[0];
    let answers = story.connection.sent_by(Connection::peer(original.from));
    let lost_ack =
        answers.filter(|s| s.sent_at < sent_again.sent_at && s.facts.ack >= end).find(|s| s.arrival.is_lost());
    let numbers: Vec<u64> = repeats.iter().map(|(segment, _)| segment.number).collect();
    let mut packets = vec![original.number];
    packets.extend(lost_ack.map(|ack| ack.number));
    packets.extend(&numbers);
    let cause = match again.cause {
        Cause::Unknown => String::new(),
        cause => format!(" ({})", cause.text()),
    };
    let (what, repeated, after) = (described(original), cited(&numbers), words::duration(again.after));
    let is_seen = matches!(original.arrival, Arrival::At(_));
    let late = original.arrival.time().filter(|at| *at > sent_again.sent_at);
    let sentence = match (lost_ack, late) {
        (Some(ack), _) => {
            format!("{what} had arrived, but its ACK ({}) was lost: {repeated} repeated it{cause}.", ack.number)
        }
        (None, _) if !is_seen => format!(
            "{what} was not lost: {repeated} repeated it after {after}{cause}, and what came back shows that it had \
             arrived. {}.",
            verdict(again.cause),
        ),
        (None, Some(at)) => format!(
            "{what} was not lost: it was still under way when {repeated} repeated it after {after}{cause}, and arrived {} \
             after it was sent. {}.",
            words::duration(at.since(original.sent_at)),
            verdict(again.cause),
        ),
        (None, None) => {
            format!("{what} had arrived, but {after} later no ACK had come back: {repeated} repeated it{cause}.")
        }
    };
    let known = story.seen();
    story.say(Kind::Spurious, known, &packets, sentence);
}

fn verdict(cause: Cause) -> &'static str {
    match cause {
        Cause::Rto | Cause::NoAnswer => "The timeout was needless",
        Cause::Probe => "The probe was needless",
        _ => "That was needless",
    }
}

/// What senders say themselves: that they found a recovery needless.
pub(super) fn found_out(story: &mut Story<'_>) {
    for end in 0..2 {
        let undone = story.connection.events(story.analysis.trace, end).filter_map(|(at, event)| match event {
            Event::Undone { how } => Some((at, *how)),
            _ => None,
        });
        // Each way of finding out is told once.
        let mut ways: Vec<(UndoReason, Vec<Instant>)> = Vec::new();
        for (at, how) in undone {
            match ways.iter_mut().find(|(way, _)| *way == how) {
                Some((_, times)) => times.push(at),
                None => ways.push((how, vec![at])),
            }
        }
        for (how, times) in ways {
            let packets: Vec<u64> = times.iter().take(MAX_CITED).flat_map(|at| around(story, end, *at)).collect();
            let (often, each) = match times.len() {
                1 => (String::new(), "It took"),
                2 => (" twice".into(), "Both times it took"),
                n => (format!(" {} times", words::number(n as u64)), "Each time it took"),
            };
            let sentence = format!(
                "{} found out{often} that it had sent again for nothing: {}. {each} back what it had cut its window by.",
                story.the_capital(end),
                told_by(how)
            );
            story.say(Kind::Undone, Known::Inside, &packets, sentence);
        }
    }
}

/// What was sent again for nothing, as found out at `at`, and the ACK that told so.
fn around(story: &Story<'_>, end: usize, at: Instant) -> Vec<u64> {
    let mut repeats = story.connection.sent_by(end).filter(|s| s.sent_at <= at && s.facts.again.is_some());
    let mut acks = story.connection.sent_by(Connection::peer(end)).filter(|s| s.taken_at() == Some(at));
    let mut packets: Vec<u64> = repeats.next_back().map(|s| s.number).into_iter().collect();
    packets.extend(acks.next_back().map(|s| s.number));
    packets
}

fn told_by(how: UndoReason) -> &'static str {
    match how {
        UndoReason::Timestamps => "the first ACK echoed a timestamp from before the retransmission (Eifel)",
        UndoReason::Dsack => "D-SACK told of every retransmission that it had come twice",
        UndoReason::Frto => "ACKs came of data that had been sent once only (F-RTO)",
        other => other.text(),
    }
}
