//! How the data fared: figures, losses and their repair (RFC 6298, RFC 5681), reordering, copies, zero windows (RFC 9293
//! §3.8.6.1) and keepalives (§3.8.4).

use super::{Kind, Known, Story, cited};
use crate::analysis::{Again, Cause, Connection, Kind as Purpose, Segment};
use crate::trace::Arrival;
use crate::words;
use limpid_event::Instant;
use limpid_wire::TcpFlags;
use std::collections::BTreeMap;

pub(super) fn explain(story: &mut Story<'_>) {
    figures(story);
    losses(story);
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
    let sent = |end: usize| {
        let new = |s: &&Segment| s.tcp.len > 0 && s.facts.again.is_none() && !s.copy && !is_probe(s);
        connection.sent_by(end).filter(new).fold((0u64, 0u64), |(n, sum), s| (n + 1, sum + u64::from(s.tcp.len)))
    };
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
            let (name, rest) = text.split_at(story.the(opener).len());
            let name = super::capital(name);
            format!("{name} sent{rest}, {}.", part(peer))
        }
    };
    let with_data =
        || connection.segments.iter().filter(|s| s.tcp.len > 0 && !s.copy && !is_probe(s)).map(|s| s.number);
    let packets: Vec<u64> = with_data().min().into_iter().chain(with_data().max()).collect();
    story.say(Kind::Data, Known::Observed, &packets, sentence);
}

fn is_probe(segment: &Segment) -> bool {
    matches!(segment.facts.kind, Purpose::KeepAlive | Purpose::WindowProbe)
}

/// What was sent again, and why.
fn losses(story: &mut Story<'_>) {
    let mut by_original: BTreeMap<usize, Vec<(&Segment, Again)>> = BTreeMap::new();
    for segment in &story.connection.segments {
        if let Some(again) = segment.facts.again.filter(|_| !segment.is(TcpFlags::SYN)) {
            by_original.entry(again.original).or_default().push((segment, again));
        }
    }
    for (original, repeats) in by_original {
        let original = story.segment(original);
        let arrived = matches!(original.arrival, Arrival::At(_)) && original.dropped.is_none();
        if arrived { needless(story, original, &repeats) } else { repaired(story, original, &repeats) }
    }
}

/// `5 (1,000 B, seq 1001:2001)`.
fn described(segment: &Segment) -> String {
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
    let fate = match (original.dropped, certain) {
        (Some(why), _) => format!("was thrown away ({why})"),
        (None, true) => "was lost".into(),
        (None, false) => "was probably lost".into(),
    };
    let duplicates = duplicate_acks(story.connection, original, repeats[0].0.sent_at);
    let how: Vec<String> = repeats
        .iter()
        .map(|(segment, again)| {
            let too = if segment.arrival.is_lost() { ", lost too" } else { "" };
            let cause = match again.cause {
                Cause::Rto => format!("the RTO ran out after {}", words::duration(again.after)),
                Cause::Fast if !duplicates.is_empty() => format!(
                    "fast retransmit after {}, {} later",
                    words::count(duplicates.len() as u64, "duplicate ACK"),
                    words::duration(again.after)
                ),
                Cause::Unknown => format!("{} later", words::duration(again.after)),
                cause => format!("{}, {} later", cause.text(), words::duration(again.after)),
            };
            format!("{} ({cause}{too})", segment.number)
        })
        .collect();
    let sentence = format!("{} {fate}, and sent again as {}.", described(original), words::list(&how));
    let mut packets = vec![original.number];
    packets.extend(duplicates);
    packets.extend(repeats.iter().map(|(segment, _)| segment.number));
    let known = match (certain, original.why.is_some()) {
        (true, true) => Known::Inside,
        (true, false) => Known::Observed,
        (false, _) => Known::Inferred,
    };
    story.say(Kind::Loss, known, &packets, sentence);
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

/// Something had arrived, and was sent again all the same.
fn needless(story: &mut Story<'_>, original: &Segment, repeats: &[(&Segment, Again)]) {
    if story.is_full(Kind::Spurious) {
        return story.say(Kind::Spurious, Known::Observed, &[original.number], String::new());
    }
    let end = original.facts.seq + i64::from(original.tcp.seq_len());
    let sent_again = repeats[0].0;
    let answers = story.connection.sent_by(Connection::peer(original.from));
    let lost_ack =
        answers.filter(|s| s.sent_at < sent_again.sent_at && s.facts.ack >= end).find(|s| s.arrival.is_lost());
    let numbers: Vec<u64> = repeats.iter().map(|(segment, _)| segment.number).collect();
    let mut packets = vec![original.number];
    let reason = match lost_ack {
        Some(ack) => {
            packets.push(ack.number);
            format!("but its ACK ({}) was lost", ack.number)
        }
        None => format!("but {} after it had no ACK", words::duration(repeats[0].1.after)),
    };
    packets.extend(&numbers);
    let sentence = format!("{} had arrived, {reason}: {} repeated it.", described(original), cited(&numbers));
    let known = story.seen();
    story.say(Kind::Spurious, known, &packets, sentence);
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
        for (fast, slow) in overtaken {
            let sentence = format!("Packet {fast} overtook {slow} on the way: it was sent later and arrived earlier.");
            story.say(Kind::Reordering, Known::Observed, &[slow, fast], sentence);
        }
    }
}

fn copies(story: &mut Story<'_>) {
    let copies: Vec<u64> = story.connection.segments.iter().filter(|s| s.copy).map(|s| s.number).collect();
    if !copies.is_empty() {
        let verb = if copies.len() == 1 { "is a copy" } else { "are copies" };
        let noun = if copies.len() == 1 { "Packet" } else { "Packets" };
        let sentence = format!("{noun} {} {verb} that the link made: no TCP sent it.", cited(&copies));
        story.say(Kind::Duplicate, Known::Observed, &copies, sentence);
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
    let probes: Vec<u64> = story.connection.sent_by(peer).filter(within).filter(probing).map(|s| s.number).collect();
    // Opened by the same burst that closed it: nobody had to wait.
    if probes.is_empty() && opened.is_some_and(|o| o.sent_at == since.sent_at) {
        return;
    }
    let probed = match probes.len() {
        0 => String::new(),
        1 => format!(" {} asked once ({}) whether there was room again.", story.the_capital(peer), probes[0]),
        n => format!(" {} asked {n} times ({}) whether there was room again.", story.the_capital(peer), cited(&probes)),
    };
    let outcome = match opened {
        Some(opened) => format!(
            " After {} it opened to {} ({}).",
            words::duration(opened.sent_at.since(since.sent_at)),
            words::bytes(opened.facts.window),
            opened.number
        ),
        None => " It never opened again.".into(),
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
    let answered = probes
        .iter()
        .enumerate()
        .filter(|(nth, probe)| heard_after(probe, probes.get(nth + 1).map(|next| next.sent_at)))
        .count();
    let numbers: Vec<u64> = probes.iter().map(|s| s.number).collect();
    let outcome = match (answered, probes.len()) {
        (0, 1) => "it was not answered".into(),
        (0, _) => "none was answered".to_owned(),
        (a, n) if a == n => "each was answered: the peer lives".into(),
        (1, n) => format!("1 of {n} was answered, the others not"),
        (a, n) => format!("{a} of {n} were answered, the others not"),
    };
    let every = match probes.len() {
        1 => String::new(),
        _ => {
            let before = probes[probes.len() - 2];
            format!(", {} apart", words::duration(last.sent_at.since(before.sent_at)))
        }
    };
    let sentence = format!(
        "{} probed the idle connection with {} ({}){every}: {outcome}.",
        story.the_capital(end),
        words::count(probes.len() as u64, "keepalive"),
        cited(&numbers),
    );
    let known = if last.why.is_some() { Known::Inside } else { Known::Inferred };
    story.say(Kind::KeepAlive, known, &numbers, sentence);
}
