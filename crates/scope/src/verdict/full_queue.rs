//! A listener without room: on Linux, and with us, the SYN or the final ACK is thrown away without a word, and
//! retransmission tries again (listen(2), `tcp_abort_on_overflow`).

use super::{Kind, Known, Story, cited, intervals, numbers, spaced, times};
use crate::analysis::{Connection, Segment};
use crate::trace::View;
use crate::words;
use limpid_event::{DropReason, Instant, TcpState};
use limpid_wire::TcpFlags;

/// Tells what a listener threw away for want of room. True if that explains the retries of the opening.
pub(super) fn explain(story: &mut Story<'_>, syns: &[&Segment]) -> bool {
    let syns_refused = refused_syns(story, syns);
    let acks_refused = refused_acks(story);
    if !syns_refused.is_empty() {
        tell_syns(story, syns, &syns_refused);
    }
    if !acks_refused.is_empty() {
        tell_acks(story, &acks_refused);
    }
    !syns_refused.is_empty() || !acks_refused.is_empty()
}

fn is_queue(why: Option<DropReason>) -> bool {
    matches!(why, Some(DropReason::AcceptQueueFull | DropReason::SynQueueFull))
}

/// The engine's own word, or what follows from silence.
fn known(story: &Story<'_>, refused: &[&Segment]) -> Known {
    let told = refused.iter().any(|s| is_queue(s.dropped));
    if told && story.is_inside(Connection::peer(story.connection.opener)) { Known::Inside } else { Known::Inferred }
}

fn queue(refused: &[&Segment]) -> &'static str {
    match refused.iter().find_map(|s| s.dropped) {
        Some(DropReason::SynQueueFull) => "SYN queue",
        _ => "accept queue",
    }
}

/// SYNs that a listener did not answer although they came: all it does is wait for the next.
fn refused_syns<'a>(story: &Story<'a>, syns: &[&'a Segment]) -> Vec<&'a Segment> {
    let peer = Connection::peer(story.connection.opener);
    let observed = story.connection.ends[peer].view == View::Observed;
    let answered_between =
        |from: Instant, until: Instant| story.connection.sent_by(peer).any(|s| s.sent_at >= from && s.sent_at <= until);
    let passed_over = |(nth, syn): (usize, &&'a Segment)| {
        let next = syns.get(nth + 1).map(|next| next.sent_at);
        let silence = syn.arrival.time().zip(next).is_some_and(|(from, until)| !answered_between(from, until));
        (is_queue(syn.dropped) || observed && silence).then_some(*syn)
    };
    // Somebody who never answers is no listener.
    let answers = story.connection.sent_by(peer).any(Segment::is_syn_ack);
    syns.iter().enumerate().filter_map(passed_over).filter(|s| answers || s.dropped.is_some()).collect()
}

fn tell_syns(story: &mut Story<'_>, syns: &[&Segment], refused: &[&Segment]) {
    let (opener, peer) = (story.connection.opener, Connection::peer(story.connection.opener));
    let packets = match refused {
        [one] => format!("SYN {} was thrown away", one.number),
        _ => format!("SYNs {} were thrown away", cited(&numbers(refused))),
    };
    let taken = syns.iter().find(|s| s.taken_at().is_some() && !refused.iter().any(|r| r.number == s.number));
    let outcome = match taken {
        Some(taken) => format!(" SYN {} found room.", taken.number),
        None => " None found room.".into(),
    };
    let again = match &intervals(syns)[..] {
        [] => String::new(),
        [one] => format!(": it tried again after {}", words::duration(*one)),
        waits => format!(": it tried again {}, {}", times(waits.len()), spaced(waits)),
    };
    let sentence = format!(
        "{}'s {} was full: {packets} without a word. To {} that looks like a loss{again}.{outcome}",
        story.the_capital(peer),
        queue(refused),
        story.the(opener),
    );
    let mut cites = numbers(refused);
    cites.extend(taken.map(|s| s.number));
    story.say(Kind::BacklogFull, known(story, refused), &cites, sentence);
}

/// Final ACKs of the handshake that a listener threw away: its engine says so, or its SYN-ACK came again all the same.
fn refused_acks<'a>(story: &Story<'a>) -> Vec<&'a Segment> {
    let connection = story.connection;
    let (opener, peer) = (connection.opener, Connection::peer(connection.opener));
    let observed = connection.ends[peer].view == View::Observed;
    let again: Vec<Instant> = connection
        .sent_by(peer)
        .filter(|s| s.is_syn_ack() && s.facts.again.is_some() && !s.copy)
        .map(|s| s.sent_at)
        .collect();
    let confirms = |s: &&Segment| s.is(TcpFlags::ACK) && !s.flags_any(TcpFlags::SYN | TcpFlags::RST);
    let in_vain = |s: &&Segment| {
        let known = is_queue(s.dropped);
        known || observed && s.arrival.time().is_some_and(|at| again.iter().any(|sent| *sent > at))
    };
    connection.sent_by(opener).filter(confirms).filter(in_vain).collect()
}

fn tell_acks(story: &mut Story<'_>, refused: &[&Segment]) {
    let connection = story.connection;
    let (opener, peer) = (connection.opener, Connection::peer(connection.opener));
    let first = refused[0];
    let syn_acks: Vec<&Segment> = connection.sent_by(peer).filter(|s| s.is_syn_ack() && !s.copy).collect();
    let repeats = syn_acks.iter().filter(|s| s.sent_at > first.sent_at).count();
    let again = match repeats {
        0 => String::new(),
        n => format!(
            " and sent its SYN-ACK again {} ({}), {}",
            times(n),
            cited(&numbers(&syn_acks[syn_acks.len() - n..])),
            spaced(&intervals(&syn_acks)),
        ),
    };
    let established = connection.ends[peer].states.iter().find(|change| change.to == TcpState::Established);
    let room = established.and_then(|change| {
        let acks = connection.sent_by(opener).filter(|s| s.is(TcpFlags::ACK) && !is_queue(s.dropped));
        acks.rev().find(|s| s.number > first.number && s.taken_at().is_some_and(|at| at <= change.at))
    });
    let mut cites = numbers(refused);
    let later = refused[1..].iter().map(|s| s.number).collect::<Vec<_>>();
    let later = if later.is_empty() { String::new() } else { format!(", and {} like it", cited(&later)) };
    let outcome = room.map_or_else(String::new, |ack| {
        cites.push(ack.number);
        format!(", until there was room ({})", ack.number)
    });
    let sentence = format!(
        "{}'s accept queue was full: the final ACK of the handshake ({}) was thrown away without a word{later}. {} \
         believed to be connected; {} stayed in SYN-RECEIVED{again}{outcome}.",
        story.the_capital(peer),
        first.number,
        story.the_capital(opener),
        story.the(peer),
    );
    story.say(Kind::BacklogFull, known(story, refused), &cites, sentence);
}
