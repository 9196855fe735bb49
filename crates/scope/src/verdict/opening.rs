//! How a connection opened, or why it did not (RFC 9293 §3.5, RFC 6298 §5, RFC 5461).

use super::schedule::{self, Schedule};
use super::{Kind, Known, Story, cited, full_queue, intervals, list_of, numbers, spaced, times};
use crate::analysis::{Connection, IcmpSeen, Segment, Trouble, opening};
use crate::words;
use limpid_event::{Error, Instant, TcpState, Timer, TxReason};
use limpid_wire::{Endpoint, TcpFlags};
use std::time::Duration;

pub(super) fn explain(story: &mut Story<'_>) {
    let connection = story.connection;
    time_wait_reuse(story);
    let syns: Vec<&Segment> = connection.sent_by(connection.opener).filter(|s| s.is_syn() && !s.copy).collect();
    if connection.segments.is_empty() {
        return nothing_sent(story);
    }
    if opening::is_unanswered(connection) {
        return unanswered(story, &syns);
    }
    if refused(story, &syns) || unreachable(story, &syns) {
        return;
    }
    if !full_queue::explain(story, &syns) {
        retries(story, &syns);
    }
    if opening::is_simultaneous(connection) {
        simultaneous(story);
    } else if let Some(handshake) = opening::handshake(connection) {
        three_way(story, handshake);
    } else if let Some(first) = connection.segments.iter().find(|s| !s.is(TcpFlags::RST))
        && !connection.segments.iter().any(|s| s.is(TcpFlags::SYN))
    {
        let sentence = "The recording begins in the middle of the connection: no SYN is in it. Sequence numbers count \
                        from each side's first packet."
            .into();
        story.say(Kind::MidStream, Known::Observed, &[first.number], sentence);
    }
}

/// The connect failed before a packet could leave.
fn nothing_sent(story: &mut Story<'_>) {
    if let Some((_, error)) = story.ended(story.connection.opener) {
        let sentence = format!("Not a packet was sent: the connect failed at once with {} ({error}).", error.errno());
        story.say(Kind::Unreachable, Known::Inside, &[], sentence);
    }
}

fn three_way(story: &mut Story<'_>, handshake: [usize; 3]) {
    let [syn, syn_ack, ack] = handshake.map(|index| story.segment(index));
    let opener = story.connection.opener;
    let first = story.connection.sent_by(opener).find(|s| s.is_syn() && !s.copy).unwrap_or(syn);
    let took = ack.sent_at.since(first.sent_at);
    // From one place the survey tells it, as it does in lists.
    let round_trip = match story.is_estimated() {
        true => story.connection.round_trip,
        false => syn_ack.arrival.time().map(|at| at.since(syn.sent_at)),
    };
    let how_long = match round_trip {
        _ if first.number != syn.number => format!("{} after its first SYN ({})", words::duration(took), first.number),
        // A program on a busy machine may be slow to hear of it.
        Some(rtt) if took > rtt + rtt / 4 || story.is_estimated() && words::duration(took) != words::duration(rtt) => {
            // From one place it is certain only where the answer follows so soon that the capture must be at its sender.
            let is_certain = !story.is_estimated() || took.saturating_sub(rtt) * 8 <= rtt;
            let beside = match rtt <= took {
                true if is_certain => ", of which the round trip took",
                true => ", the round trip being about",
                false => "; the round trip took",
            };
            format!("after {}{beside} {}", words::duration(took), words::duration(rtt))
        }
        _ => format!("after {}, one round trip", words::duration(took)),
    };
    // Between the ends neither part of it is the whole, and the picture's times are those of the capture.
    let seen = syn_ack.arrival.time().map(|at| (at.since(syn.sent_at), ack.sent_at.since(at)));
    let parts = match seen.filter(|(there, back)| story.is_estimated() && round_trip == Some(*there + *back)) {
        Some((there, back)) if words::duration(back) != words::duration(Duration::ZERO) => format!(
            ": as seen between the ends, {} to the server and back, and {} to the client and back",
            words::duration(there),
            words::duration(back)
        ),
        _ => String::new(),
    };
    // Its last packet may have been thrown away.
    let doubtful = if ack.dropped.is_some() { ", as far as it could tell" } else { "" };
    let who = match story.is_named_by_address(story.connection.ends[opener].host) {
        true => format!("{}, {}, opened it and", story.the_capital(opener), story.connection.ends[opener].endpoint),
        false => story.the_capital(opener),
    };
    let early = match syn.tcp.len {
        0 => String::new(),
        len if syn_ack.facts.ack > 1 => {
            format!(" The SYN's {} were taken with it (Fast Open, RFC 7413).", words::bytes(u64::from(len)))
        }
        len => format!(" The SYN's {} were not taken.", words::bytes(u64::from(len))),
    };
    let sentence = format!(
        "Packets {}, {} and {} are the three-way handshake: SYN, SYN-ACK, ACK. {who} was connected {how_long}{parts}{doubtful}.{early}",
        syn.number, syn_ack.number, ack.number,
    );
    story.say(Kind::Handshake, Known::Observed, &[syn.number, syn_ack.number, ack.number], sentence);
}

fn simultaneous(story: &mut Story<'_>) {
    let syns: Vec<&Segment> =
        (0..2).filter_map(|end| story.connection.sent_by(end).find(|s| s.is_syn() && !s.copy)).collect();
    let sentence = format!(
        "SYNs {} and {} crossed: both ends opened at once, and each answered the other's SYN with a SYN-ACK. It became \
         one connection, not two.",
        syns[0].number, syns[1].number
    );
    story.say(Kind::SimultaneousOpen, Known::Observed, &numbers(&syns), sentence);
}

/// Why a SYN may go unanswered, if nothing else is known of the host.
pub(crate) const UNANSWERED: &str = "A firewall drops the SYNs (filtered), the host is down, or the answers get lost.";

/// What that excludes.
pub(crate) fn nothing_came_back(server: Endpoint) -> String {
    format!("Nothing came back from {server}, neither a reset nor an ICMP error: it was not refused.")
}

/// SYNs to which nothing at all came back.
fn unanswered(story: &mut Story<'_>, syns: &[&Segment]) {
    let Some((first, again)) = syns.split_first() else { return };
    let waits = intervals(syns);
    let lost = syns.iter().all(|s| s.arrival.is_lost());
    let fate = match syns.len() {
        _ if !lost => "nobody answered",
        1 => "it was lost on the way",
        2 => "both were lost on the way",
        _ => "every one was lost on the way",
    };
    let sentence = match again.len() {
        0 => format!("SYN {} was sent once, and {fate}.", first.number),
        1 => format!("SYN {} was sent again as {}, {} later; {fate}.", first.number, again[0].number, list_of(&waits)),
        n => format!(
            "SYN {} was sent again {} ({}), with {} between them; {fate}.",
            first.number,
            times(n),
            cited(&numbers(again)),
            list_of(&waits),
        ),
    };
    story.say(Kind::OpeningRetries, Known::Observed, &numbers(syns), sentence);
    schedule(story, syns, &waits);
    connect_failed(story, syns, &waits);
    let came_back = story.connection.segments.iter().any(|s| s.from != story.connection.opener);
    if !lost && !came_back && story.connection.errors.is_empty() && !story.is_inside(story.connection.opener) {
        let server = story.connection.ends[Connection::peer(story.connection.opener)].endpoint;
        let sentence = format!("{} {}", nothing_came_back(server), UNANSWERED);
        story.say(Kind::OpeningRetries, Known::Inferred, &numbers(syns), sentence);
    }
}

fn schedule(story: &mut Story<'_>, syns: &[&Segment], waits: &[Duration]) {
    let sentence = match schedule::fit(waits) {
        Schedule::TooShort => return,
        Schedule::Exponential { first } => format!(
            "The intervals double each time: exponential backoff from {} (RFC 6298), the classic schedule.",
            words::duration(schedule::rounded(first))
        ),
        Schedule::LinearThenExponential { first, linear } => format!(
            "The first {} intervals are equal, {}, and the others double: Linux's newer schedule, {} \
             (tcp_syn_linear_timeouts), then exponential backoff.",
            linear + 1,
            words::duration(schedule::rounded(first)),
            words::count(linear as u64, "linear timeout"),
        ),
        Schedule::Linear { first } => {
            format!("The intervals are equal so far, {}: linear timeouts.", words::duration(schedule::rounded(first)))
        }
        Schedule::Irregular => "The intervals fit no schedule that is known.".into(),
    };
    let sentence = match settings(story, syns.len() - 1, schedule::fit(waits)) {
        Some(settings) => format!("{sentence} {settings}"),
        None => sentence,
    };
    // Two points lie on many lines.
    let known = if waits.len() >= 3 { Known::Observed } else { Known::Inferred };
    story.say(Kind::SynSchedule, known, &numbers(syns), sentence);
}

/// With which settings Linux does so, where no engine tells and the first wait is Linux's.
fn settings(story: &Story<'_>, retries: usize, fit: Schedule) -> Option<String> {
    let is_second = |first: Duration| schedule::is_near(first, Duration::from_secs(1));
    if story.is_inside(story.connection.opener) {
        return None;
    }
    match fit {
        Schedule::Exponential { first } if is_second(first) => Some(format!(
            "Linux before 6.5, or with tcp_syn_linear_timeouts 0, does so; {retries} retries are net.ipv4.tcp_syn_retries \
             {retries} (or TCP_SYNCNT), if they were all.",
        )),
        Schedule::LinearThenExponential { first, linear } if is_second(first) => Some(format!(
            "{retries} retries are net.ipv4.tcp_syn_linear_timeouts {linear} and tcp_syn_retries {}, if they were all.",
            retries - linear
        )),
        Schedule::Linear { first } if is_second(first) => {
            Some("Linux from 6.5 on begins so (net.ipv4.tcp_syn_linear_timeouts).".into())
        }
        _ => None,
    }
}

fn connect_failed(story: &mut Story<'_>, syns: &[&Segment], waits: &[Duration]) {
    let opener = story.connection.opener;
    let (first, last) = (syns[0], syns[syns.len() - 1]);
    let retries = match syns.len() - 1 {
        0 => "without a retry".into(),
        1 => "after 1 retry".to_owned(),
        n => format!("after {n} retries"),
    };
    if let Some((at, error)) = story.ended(opener) {
        let after = words::duration(at.since(first.sent_at));
        let mut sentence = format!("The connect failed {retries}: the application got {} after {after}", error.errno());

        let deadline = story.fired(opener, Timer::ConnectDeadline);
        let last_wait = at.since(last.sent_at);
        sentence.push_str(&match (error, deadline) {
            (Error::TimedOut, true) => ", the application's own deadline.".into(),
            (Error::TimedOut, false) => format!(", when the last wait of {} was over.", words::duration(last_wait)),
            _ => ".".to_owned(),
        });
        return story.say(Kind::ConnectTimeout, Known::Inside, &numbers(syns), sentence);
    }
    let Some(wait) = waits.last() else { return };
    let whole = last.sent_at.since(first.sent_at) + *wait * 2;
    let sentence = format!(
        "If {} was the last retry, the connect fails with ETIMEDOUT about {} after {}, when one more interval is over; \
         the recording ends before.",
        last.number,
        words::duration(schedule::rounded(whole)),
        first.number,
    );
    story.say(Kind::ConnectTimeout, Known::Inferred, &numbers(syns), sentence);
}

/// A reset answered the SYN.
fn refused(story: &mut Story<'_>, syns: &[&Segment]) -> bool {
    let connection = story.connection;
    let (opener, peer) = (connection.opener, Connection::peer(connection.opener));
    let Some(first) = syns.first() else { return false };
    let Some(reset) = connection.sent_by(peer).find(|s| !s.copy).filter(|s| s.is(TcpFlags::RST)) else { return false };
    let port = connection.ends[peer].endpoint.port;
    let why = match reset.why {
        Some(TxReason::ResetRefused) => format!("its listener on port {port} refuses"),
        _ if story.is_named_by_address(connection.ends[peer].host) => {
            format!("nothing listens on port {port}, or a firewall refuses")
        }
        _ => format!("nothing listens on port {port}"),
    };
    let told = application_heard(story, opener, first.sent_at);
    let sentence = format!(
        "{} answered SYN {} with a reset ({}): {why}.{told}",
        story.the_capital(peer),
        first.number,
        reset.number
    );
    let known = if told.is_empty() { Known::Observed } else { Known::Inside };
    story.say(Kind::Refused, known, &[first.number, reset.number], sentence);
    true
}

/// An ICMP error answered the SYN.
fn unreachable(story: &mut Story<'_>, syns: &[&Segment]) -> bool {
    let connection = story.connection;
    let opener = connection.opener;
    let Some(first) = syns.first() else { return false };
    let came_back = connection.sent_by(Connection::peer(opener)).next().is_some();
    let hard = |e: &&IcmpSeen| e.to == opener && e.error.trouble.is_unreachable();
    let Some(seen) = connection.errors.iter().find(hard).filter(|_| !came_back) else { return false };
    let told = application_heard(story, opener, first.sent_at);
    let kind = if seen.error.trouble == Trouble::PortUnreachable { Kind::Refused } else { Kind::Unreachable };
    let sentence = format!(
        "{} answered SYN {} with ICMP {} ({}), and that ends a connect.{told}",
        seen.error.reporter,
        first.number,
        seen.error.trouble.text(),
        seen.number
    );
    let known = if told.is_empty() { Known::Observed } else { Known::Inside };
    story.say(kind, known, &[first.number, seen.number], sentence);
    true
}

/// What the application at `end` was told, as a sentence; empty if that is not known.
fn application_heard(story: &Story<'_>, end: usize, since: Instant) -> String {
    match story.ended(end) {
        Some((at, error)) => {
            format!(" The application got {} after {}.", error.errno(), words::duration(at.since(since)))
        }
        None => String::new(),
    }
}

/// SYNs and SYN-ACKs that were sent more than once before the connection came about.
fn retries(story: &mut Story<'_>, syns: &[&Segment]) {
    let peer = Connection::peer(story.connection.opener);
    let syn_acks: Vec<&Segment> =
        story.connection.sent_by(peer).filter(|s| s.is_syn_ack() && !s.copy && s.facts.ack == 1).collect();
    for (name, list) in [("SYN", syns), ("SYN-ACK", &syn_acks[..])] {
        if list.len() < 2 || opening::is_simultaneous(story.connection) {
            continue;
        }
        let (first, again) = (list[0], &list[1..]);
        let lost = list.iter().filter(|s| s.arrival.is_lost()).count();
        let why = match lost {
            0 => "",
            1 => " One was lost on the way.",
            _ => " Some were lost on the way.",
        };
        let sentence = format!(
            "{name} {} was sent again {} ({}), {}.{why}",
            first.number,
            times(again.len()),
            cited(&numbers(again)),
            spaced(&intervals(list)),
        );
        story.say(Kind::OpeningRetries, Known::Observed, &numbers(list), sentence);
    }
}

/// The connection before, on the same endpoints, was in TIME-WAIT at the end that this SYN came to.
fn time_wait_reuse(story: &mut Story<'_>) {
    let connection = story.connection;
    let Some(syn) = connection.segments.iter().find(|s| s.is_syn()) else { return };
    let receiver = Connection::peer(syn.from);
    let Some(before) = connection.before.map(|index| &story.analysis.connections[index]) else { return };
    let last = before.ends[receiver].states.iter().rfind(|change| change.at <= syn.sent_at);
    let Some(waiting) = last.filter(|change| change.to == TcpState::TimeWait) else { return };
    let arrived = syn.taken_at().unwrap_or(syn.sent_at);
    let sentence = format!(
        "SYN {} found {} in TIME-WAIT, where the connection before had left it {} earlier, and opened the same pair of \
         ports anew.",
        syn.number,
        story.the(receiver),
        words::duration(arrived.since(waiting.at)),
    );
    let known = if waiting.told { Known::Inside } else { Known::Inferred };
    story.say(Kind::TimeWaitReuse, known, &[syn.number], sentence);
}
