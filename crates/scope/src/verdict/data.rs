//! How the data fared: figures, losses and their repair (RFC 6298, RFC 5681), reordering, copies, zero windows (RFC 9293
//! §3.8.6.1) and keepalives (§3.8.4).

use super::schedule::{Schedule, fit, rounded};
use super::{Kind, Known, MAX_CITED, Story, alike, cited, intervals, list_of, needless, numbers, times};
use crate::analysis::{Connection, IcmpSeen, Segment};
use crate::flows::{Again, Cause, Kind as Purpose};
use crate::trace::Arrival;
use crate::words;
use limpid_event::Instant;
use limpid_wire::TcpFlags;
use std::collections::BTreeMap;
use std::time::Duration;

pub(super) fn explain(story: &mut Story<'_>) {
    figures(story);
    soft_errors(story);
    losses(story);
    needless::found_out(story);
    reordering(story);
    copies(story);
    for end in 0..2 {
        zero_windows(story, end);
        keepalives(story, end);
    }
}

/// How much went which way.
fn figures(story: &mut Story<'_>) {
    let connection = story.connection;
    let established =
        |end: usize| connection.ends[end].states.iter().any(|change| change.to == limpid_event::TcpState::Established);
    if !established(0) && !established(1) {
        return;
    }
    let (opener, peer) = (connection.opener, Connection::peer(connection.opener));
    let sent = |end: usize| new_data(connection, end);
    let part = |end: usize| {
        let (count, bytes) = sent(end);
        let name = story.the(end);
        match count {
            0 => format!("{name} no data"),
            _ => format!("{name} {} in {}", words::bytes(bytes), words::count(count, "segment")),
        }
    };
    let sentence = match (sent(opener).0, sent(peer).0) {
        (0, 0) => "Not a byte of data was sent, either way.".into(),
        (0, _) => format!("{} sent no data, {}.", story.the_capital(opener), part(peer)),
        _ => {
            let text = part(opener);
            let rest = text.strip_prefix(&story.the(opener)).unwrap_or_default();
            format!("{} sent{rest}, {}.", story.the_capital(opener), part(peer))
        }
    };
    let with_data =
        || connection.segments.iter().filter(|s| s.tcp.len > 0 && !s.copy && !s.is_probe()).map(|s| s.number);
    let packets: Vec<u64> = with_data().min().into_iter().chain(with_data().max()).collect();
    story.say(Kind::Data, Known::Observed, &packets, sentence);
}

/// How many segments brought new bytes of `end`'s stream, and how many bytes. A probe of a nearly closed window may, too.
fn new_data(connection: &Connection, end: usize) -> (u64, u64) {
    let data = connection.sent_by(end).filter(|s| s.tcp.len > 0 && !s.copy && s.facts.kind != Purpose::KeepAlive);
    let mut sum = (0, 0);
    let mut newest: Option<i64> = None;
    for segment in data {
        let (start, until) = (segment.facts.seq, segment.facts.seq + i64::from(segment.tcp.len));
        let new = until - newest.map_or(start, |newest| newest.max(start));
        if let Ok(new @ 1..) = u64::try_from(new) {
            sum = (sum.0 + 1, sum.1 + new);
        }
        newest = Some(newest.map_or(until, |newest| newest.max(until)));
    }
    sum
}

/// ICMP errors that an established connection noted, and no more (RFC 5461 §4.1, RFC 5927 §5.2).
fn soft_errors(story: &mut Story<'_>) {
    let opened = story.connection.segments.iter().filter(|s| s.is_syn_ack()).map(|s| s.sent_at).min();
    let since = |e: &&IcmpSeen| e.error.trouble.is_unreachable() && opened.is_some_and(|at| e.sent_at >= at);
    let errors: Vec<&IcmpSeen> = story.connection.errors.iter().filter(since).collect();
    let Some(first) = errors.first() else { return };
    if story.ended(first.to).is_some() {
        return;
    }
    let seen: Vec<u64> = errors.iter().map(|e| e.number).collect();
    let (noun, verb) = if seen.len() == 1 { ("error", "was") } else { ("errors", "were") };
    let sentence = format!(
        "ICMP {noun} {} ({}) {verb} noted and ended nothing: {} was connected, and anybody can forge such a message.{}",
        cited(&seen),
        first.error.trouble.text(),
        story.the(first.to),
        if is_not_backed_off(story.connection, first.to) {
            " What they did: the retransmission timer is not backed off while they come (RFC 6069)."
        } else {
            ""
        },
    );
    let known = if story.is_inside(first.to) { Known::Inside } else { Known::Observed };
    story.say(Kind::SoftError, known, &seen, sentence);
}

/// True if `end` sent the same again by its timer, and did not wait longer the second time.
fn is_not_backed_off(connection: &Connection, end: usize) -> bool {
    let repeats = connection.sent_by(end).filter_map(|s| s.facts.again);
    let by_timer: Vec<Again> = repeats.filter(|again| again.cause == Cause::Rto).collect();
    let pairs = by_timer.windows(2).filter(|pair| pair[0].original.is_some() && pair[0].original == pair[1].original);
    pairs.into_iter().any(|pair| pair[1].after < pair[0].after * 3 / 2)
}

/// What was sent again, and why.
fn losses(story: &mut Story<'_>) {
    let mut by_original: BTreeMap<u64, Vec<(&Segment, Again)>> = BTreeMap::new();
    for segment in &story.connection.segments {
        let again = segment.facts.again.filter(|_| !segment.is(TcpFlags::SYN));
        if let Some((again, original)) = again.and_then(|again| Some((again, again.original?))) {
            by_original.entry(original).or_default().push((segment, again));
        }
    }
    for (original, repeats) in by_original {
        let Some(original) = story.connection.numbered(original) else { continue };
        let arrived = match original.arrival {
            _ if original.dropped.is_some() => false,
            Arrival::At(_) => true,
            Arrival::Lost { .. } => false,
            Arrival::Estimated(_) | Arrival::Unknown => repeats.first().is_some_and(|(again, _)| again.facts.needless),
        };
        if arrived { needless::explain(story, original, &repeats) } else { repaired(story, original, &repeats) }
    }
}

/// `5 (1,000 B, seq 1001:2001)`.
pub(super) fn described(segment: &Segment) -> String {
    let (start, len) = (segment.facts.seq, i64::from(segment.tcp.len));
    match (segment.tcp.len, segment.is(TcpFlags::FIN)) {
        (0, true) => format!("FIN {}", segment.number),
        (0, false) => format!("Packet {}", segment.number),
        (n, _) => format!("Packet {} ({}, seq {start}:{})", segment.number, words::bytes(u64::from(n)), start + len),
    }
}

/// Something was lost, and sent again until it arrived.
fn repaired(story: &mut Story<'_>, original: &Segment, repeats: &[(&Segment, Again)]) {
    if story.is_full(Kind::Loss) {
        return story.say(Kind::Loss, Known::Observed, &[original.number], String::new());
    }
    let certain = original.arrival.is_lost() || original.dropped.is_some();
    let shut = shut_window(story.connection, original, repeats[0].0.sent_at).filter(|_| !certain);
    let fate = match (original.dropped, shut) {
        (Some(why), _) => format!("was thrown away ({why})"),
        (None, Some(shut)) => {
            let receiver = story.the(Connection::peer(original.from));
            format!("was not taken, since {receiver}'s window was closed ({})", shut.number)
        }
        (None, None) if certain => "was lost".into(),
        (None, None) => "was probably lost".into(),
    };
    let duplicates = duplicate_acks(story.connection, original, repeats[0].0.sent_at);
    let how: Vec<String> = repeats
        .iter()
        .map(|(segment, again)| {
            let too = if segment.arrival.is_lost() { ", lost too" } else { "" };
            let cause = match again.cause {
                Cause::Rto => format!("the RTO ran out after {}", words::duration(again.after)),
                Cause::AfterRto => {
                    format!("on an ACK in the recovery that the RTO began, {} later", words::duration(again.after))
                }
                Cause::Fast => fast(duplicates.len() as u64, again),
                Cause::Unknown => format!("{} later", words::duration(again.after)),
                cause => format!("{}, {} later", cause.text(), words::duration(again.after)),
            };
            format!("{} ({cause}{too})", segment.number)
        })
        .collect();
    let mut packets = vec![original.number];
    packets.extend(shut.map(|shut| shut.number));
    packets.extend(duplicates);
    packets.extend(repeats.iter().map(|(segment, _)| segment.number));
    let acknowledged = acknowledged(story.connection, original).map_or_else(String::new, |(ack, at)| {
        packets.push(ack.number);
        format!(" It was acknowledged ({}) {} after it was first sent.", ack.number, words::duration(at))
    });
    let sentence = format!("{} {fate}, and sent again as {}.{acknowledged}", described(original), words::list(&how));
    let known = match (certain, original.why.is_some()) {
        (true, true) => Known::Inside,
        (true, false) => Known::Observed,
        (false, _) => Known::Inferred,
    };
    story.say(Kind::Loss, known, &packets, sentence);
}

/// `fast retransmit after 20 ms: 7 duplicate ACKs had told of the loss, three are enough`.
fn fast(duplicates: u64, again: &Again) -> String {
    let after = words::duration(again.after);
    let told = match duplicates {
        0 => return format!("fast retransmit after {after}"),
        n => format!("{} had told of the loss", words::count(n, "duplicate ACK")),
    };
    let enough = if duplicates > 3 { ", three are enough" } else { "" };
    format!("fast retransmit after {after}: {told}{enough}")
}

/// What first acknowledged `original`, and how long after its first sending that had come back.
fn acknowledged<'a>(connection: &'a Connection, original: &Segment) -> Option<(&'a Segment, Duration)> {
    let end = original.facts.seq + i64::from(original.tcp.seq_len());
    let acks = connection.sent_by(Connection::peer(original.from)).filter(|s| s.is(TcpFlags::ACK));
    let came = acks.filter(|s| s.facts.ack >= end).filter_map(|s| Some((s, s.taken_at()?)));
    came.min_by_key(|(_, at)| *at).map(|(ack, at)| (ack, at.since(original.sent_at)))
}

/// What told the sender of `original`, by the time it sent it again, that its receiver had no room for it.
fn shut_window<'a>(connection: &'a Connection, original: &Segment, before: Instant) -> Option<&'a Segment> {
    let mut told = connection.sent_by(Connection::peer(original.from)).filter(|s| {
        s.is(TcpFlags::ACK)
            && !s.flags_any(TcpFlags::SYN | TcpFlags::RST)
            && s.facts.ack == original.facts.seq
            && s.sent_at >= original.sent_at
            && s.arrival.time().is_some_and(|at| at <= before)
    });
    told.find(|s| s.tcp.window == 0)
}

/// The duplicate ACKs for `original` that its sender had received by `before`.
fn duplicate_acks(connection: &Connection, original: &Segment, before: Instant) -> Vec<u64> {
    let hints = connection.sent_by(Connection::peer(original.from)).filter(|s| {
        s.facts.kind == Purpose::DuplicateAck
            && s.facts.ack == original.facts.seq
            && s.arrival.time().is_some_and(|at| at <= before)
    });
    hints.map(|s| s.number).collect()
}

/// Packets that were overtaken.
fn reordering(story: &mut Story<'_>) {
    for end in 0..2 {
        let mut newest: Option<(&Segment, Instant)> = None;
        let mut overtaken: Vec<(u64, u64)> = Vec::new();
        for segment in story.connection.sent_by(end).filter(|s| !s.copy) {
            let Arrival::At(at) = segment.arrival else { continue };
            match newest {
                // Sent later, and there earlier: the one before it was overtaken.
                Some((before, was)) if at < was => overtaken.push((segment.number, before.number)),
                _ => newest = Some((segment, at)),
            }
        }
        if let [(fast, slow)] = overtaken[..] {
            let sentence = format!("Packet {fast} overtook {slow} on the way: it was sent later and arrived earlier.");
            story.say(Kind::Reordering, Known::Observed, &[slow, fast], sentence);
        } else if !overtaken.is_empty() {
            let sentence = format!(
                "{} packets of {} overtook others on the way: they were sent later and arrived earlier ({}).",
                words::number(overtaken.len() as u64),
                story.the(end),
                pairs(&overtaken),
            );
            let packets: Vec<u64> = overtaken.iter().take(MAX_CITED).flat_map(|(fast, slow)| [*slow, *fast]).collect();
            story.say(Kind::Reordering, Known::Observed, &packets, sentence);
        }
    }
}

/// `6 before 5, 9 before 7 and 12 more`: what overtook what.
fn pairs(overtaken: &[(u64, u64)]) -> String {
    const SHOWN: usize = 3;
    let mut pairs: Vec<String> =
        overtaken.iter().take(SHOWN).map(|(fast, slow)| format!("{fast} before {slow}")).collect();
    if overtaken.len() > SHOWN {
        pairs.push(format!("{} more", words::number((overtaken.len() - SHOWN) as u64)));
    }
    words::list(&pairs)
}

fn copies(story: &mut Story<'_>) {
    let packets = &story.analysis.trace.packets;
    let copies = || story.connection.segments.iter().filter(|s| s.copy);
    let is_told = copies().all(|s| packets[s.packet].copy);
    let copies: Vec<u64> = copies().map(|s| s.number).collect();
    if !copies.is_empty() {
        let (noun, verb, them) =
            if copies.len() == 1 { ("Packet", "is a copy", "it") } else { ("Packets", "are copies", "them") };
        let known = if is_told { Known::Observed } else { Known::Inferred };
        let sentence = format!("{noun} {} {verb} that the link made: no TCP sent {them}.", cited(&copies));
        story.say(Kind::Duplicate, known, &copies, sentence);
    }
}

/// Stretches in which `end` had no room.
fn zero_windows(story: &mut Story<'_>, end: usize) {
    let connection = story.connection;
    let peer = Connection::peer(end);
    let mut closed: Option<&Segment> = None;
    let acks = |s: &&Segment| s.is(TcpFlags::ACK) && !s.flags_any(TcpFlags::SYN | TcpFlags::RST);
    for segment in connection.sent_by(end).filter(acks) {
        match (closed, segment.tcp.window) {
            (None, 0) => closed = Some(segment),
            (Some(since), 1..) => {
                closed = None;
                zero_window(story, (end, peer), since, Some(segment));
            }
            _ => {}
        }
    }
    if let Some(since) = closed {
        zero_window(story, (end, peer), since, None);
    }
}

fn zero_window(story: &mut Story<'_>, (end, peer): (usize, usize), since: &Segment, opened: Option<&Segment>) {
    let within = |s: &&Segment| s.sent_at >= since.sent_at && opened.is_none_or(|o| s.sent_at <= o.sent_at);
    let probing = |s: &&Segment| s.facts.kind == Purpose::WindowProbe;
    let asked: Vec<&Segment> = story.connection.sent_by(peer).filter(within).filter(probing).collect();
    let probes = numbers(&asked);
    // Opened by the same burst that closed it: nobody had to wait.
    if probes.is_empty() && opened.is_some_and(|o| o.sent_at == since.sent_at) {
        return;
    }
    let noticed = since.arrival.time().unwrap_or(since.sent_at);
    let probed = match probes.len() {
        0 => String::new(),
        n => format!(
            " {} asked {} ({}) whether there was room again, {}.",
            story.the_capital(peer),
            times(n),
            cited(&probes),
            waits(&asked, noticed)
        ),
    };
    let outcome = match opened {
        Some(opened) => format!(
            " After {} {} opened it again, to {} ({}).",
            words::duration(opened.sent_at.since(since.sent_at)),
            story.the(end),
            words::bytes(opened.facts.window),
            opened.number
        ),
        None => " It was still closed at the end.".into(),
    };
    let sentence = format!(
        "{} closed its window ({}): its reader had left no room.{probed}{outcome}",
        story.the_capital(end),
        since.number
    );
    let mut packets = vec![since.number];
    packets.extend(probes);
    packets.extend(opened.map(|s| s.number));
    story.say(Kind::ZeroWindow, Known::Observed, &packets, sentence);
}

/// How long the prober waited before each of its probes.
fn waits(probes: &[&Segment], noticed: Instant) -> String {
    let first = probes.first().map_or(Duration::ZERO, |s| s.sent_at.since(noticed));
    let mut spans = vec![first];
    spans.extend(intervals(probes));
    match fit(&spans) {
        Schedule::Exponential { .. } => format!("and waited about twice as long each time: {}", list_of(&spans)),
        _ => format!("after {}", list_of(&spans)),
    }
}

/// Probes of an idle connection by `end`.
fn keepalives(story: &mut Story<'_>, end: usize) {
    let connection = story.connection;
    let probes: Vec<&Segment> = connection.sent_by(end).filter(|s| s.facts.kind == Purpose::KeepAlive).collect();
    let Some(last) = probes.last() else { return };
    let heard_after = |probe: &Segment, until: Option<Instant>| {
        connection
            .sent_by(Connection::peer(end))
            .any(|s| s.sent_at >= probe.sent_at && until.is_none_or(|u| s.sent_at < u) && !s.arrival.is_lost())
    };
    let is_answered = |(nth, probe): (usize, &&Segment)| heard_after(probe, probes.get(nth + 1).map(|p| p.sent_at));
    let answers: Vec<bool> = probes.iter().enumerate().map(is_answered).collect();
    let of = |answered: bool| -> Vec<&Segment> {
        probes.iter().zip(&answers).filter(|(_, a)| **a == answered).map(|(probe, _)| *probe).collect()
    };
    let every = |list: &[&Segment]| match list.len() {
        0 | 1 => String::new(),
        _ => match &intervals(list)[..] {
            waits if alike(waits) => format!(", {} apart", words::duration(rounded(waits[0]))),
            waits => format!(", at intervals of {}", list_of(waits)),
        },
    };
    let count = words::count(probes.len() as u64, "keepalive");
    let all = || format!("{count} ({}){}", cited(&numbers(&probes)), every(&probes));
    let was = |n: usize| if n == 1 { "was" } else { "were" };
    let outcome = match (&of(true)[..], &of(false)[..]) {
        ([_], []) => format!("{}: it was answered, so the peer lives", all()),
        (_, []) => format!("{}: each was answered, so the peer lives", all()),
        ([], [_]) => format!("{}: it was not answered", all()),
        ([], _) => format!("{}: none was answered", all()),
        (heard, silent) => format!(
            "{count}: {} {} answered; {}{}, {} not",
            cited(&numbers(heard)),
            was(heard.len()),
            cited(&numbers(silent)),
            every(silent),
            was(silent.len()),
        ),
    };
    let sentence = format!("{} probed the idle connection with {outcome}.", story.the_capital(end));
    let known = if last.why.is_some() { Known::Inside } else { Known::Inferred };
    story.say(Kind::KeepAlive, known, &numbers(&probes), sentence);
}
