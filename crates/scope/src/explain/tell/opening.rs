//! How it opened, as the survey saw it.

use super::{Teller, seen, the, the_capital};
use crate::flows::{End, Opening, TroubleKind};
use crate::verdict::{Kind, Known, UNANSWERED, nothing_came_back};
use crate::words;

pub(super) fn tell(teller: &mut Teller<'_>) {
    half_open(teller);
    one_way(teller);
    missing_syn(teller);
    if !teller.is_close {
        by_figures(teller);
    }
    silence(teller);
    refused(teller);
    refused_by_another(teller);
    reuse(teller);
}

/// SYN-ACKs that nobody acknowledged.
fn half_open(teller: &mut Teller<'_>) {
    if teller.flow.opening != Opening::HalfOpen {
        return;
    }
    let syn_acks: Vec<u64> = teller.end(End::Server).syns.iter().map(|syn| syn.number).collect();
    let sentence = format!(
        "The server answered with {}{}, and the client never acknowledged: the connection stayed half-open. A spoofed \
         address (SYN flood), a scan, or a way back that loses everything.",
        words::plural(syn_acks.len() as u64, "SYN-ACK", "SYN-ACKs"),
        seen(&syn_acks),
    );
    teller.say(Kind::OpeningRetries, Known::Inferred, &syn_acks, sentence);
}

/// A capture, or a filter, that has one direction only.
fn one_way(teller: &mut Teller<'_>) {
    let flow = teller.flow;
    let silent = End::BOTH.into_iter().find(|end| flow.end(*end).packets == 0);
    let Some(silent) = silent.filter(|_| flow.opening == Opening::Handshake) else { return };
    let sentence = format!(
        "Only what {} sent is in this recording; that it goes on shows that {} answered. What is missing is not judged.",
        the(silent.peer()),
        the(silent)
    );
    teller.say(Kind::MidStream, Known::Inferred, &[flow.first_packet, flow.last_packet], sentence);
}

/// One SYN of the two is not in the recording.
fn missing_syn(teller: &mut Teller<'_>) {
    let flow = teller.flow;
    let is_missing = |end: &End| flow.end(*end).syn_count == 0 && flow.end(*end).packets > 0;
    let Some(end) = End::BOTH.into_iter().find(is_missing) else { return };
    if flow.end(end.peer()).syn_count == 0 || !flow.opening.is_open() {
        return;
    }
    let (what, whose) = if end == End::Client { ("SYN", "client") } else { ("SYN-ACK", "server") };
    let scale = match flow.ends.iter().any(|end| end.window.scale_unknown) {
        true => "; windows may be larger than they look",
        false => "",
    };
    let sentence = format!(
        "The {whose}'s {what} is not in this recording: what follows shows that there was one. How long the handshake took and \
         what the {whose} offered is not known{scale}."
    );
    teller.say(Kind::MidStream, Known::Inferred, &[flow.first_packet], sentence);
}

fn by_figures(teller: &mut Teller<'_>) {
    let flow = teller.flow;
    match (flow.opening, flow.handshake) {
        (Opening::MidStream, _) => {
            let scale = match flow.ends.iter().any(|end| end.window.scale_unknown) {
                true => " Windows may be larger than they look: the SYNs that tell their scale are missing.",
                false => "",
            };
            let sentence = format!("The recording begins in the middle of the connection: no SYN is in it.{scale}");
            teller.say(Kind::MidStream, Known::Observed, &[flow.first_packet], sentence);
        }
        (_, Some(shake)) => {
            let sentence = format!(
                "The client opened it: packets {}, {} and {} are the three-way handshake, and its round trip took {}.",
                shake.syn,
                shake.syn_ack,
                shake.ack,
                words::duration(flow.handshake_round_trip().unwrap_or_default()),
            );
            teller.say(Kind::Handshake, Known::Observed, &[shake.syn, shake.syn_ack, shake.ack], sentence);
        }
        _ => {}
    }
    for end in End::BOTH {
        let Some(trouble) = teller.trouble(TroubleKind::OpeningRetried, end) else { continue };
        let what = if end == End::Client { "SYN" } else { "SYN-ACK" };
        let sentence = format!(
            "{}'s {what} was sent again {}{}.",
            the_capital(end),
            words::plural(trouble.count, "time", "times"),
            seen(trouble.packets())
        );
        teller.say(Kind::OpeningRetries, Known::Observed, trouble.packets(), sentence);
    }
}

/// What answered the SYN instead of a SYN-ACK, unless its packets have told.
fn refused(teller: &mut Teller<'_>) {
    let flow = teller.flow;
    let syn = flow.ends[0].syns.last().map_or(flow.first_packet, |syn| syn.number);
    if teller.has_said(Kind::Refused) || teller.has_said(Kind::Unreachable) {
        return;
    }
    match (flow.opening, flow.reset, flow.refusal) {
        (Opening::Refused, Some(reset), _) => {
            let sentence = format!(
                "A reset ({}) answered SYN {syn}: nothing listens on port {}, or a firewall refuses.",
                reset.sent.number,
                teller.end(End::Server).endpoint.port
            );
            teller.say(Kind::Refused, Known::Observed, &[syn, reset.sent.number], sentence);
        }
        (Opening::Unreachable, _, Some((sent, trouble))) => {
            let sentence =
                format!("ICMP {} ({}) answered SYN {syn}, and that ends a connect.", trouble.text(), sent.number);
            teller.say(Kind::Unreachable, Known::Observed, &[syn, sent.number], sentence);
        }
        _ => {}
    }
}

/// What it means that nothing at all came back.
fn silence(teller: &mut Teller<'_>) {
    if teller.flow.opening != Opening::Unanswered || teller.flow.ends[1].packets > 0 {
        return;
    }
    let syns: Vec<u64> = teller.end(End::Client).syns.iter().map(|syn| syn.number).collect();
    let server = teller.end(End::Server).endpoint;
    let why = match teller.answered {
        Some(other) if other.same_port => format!(
            "The host is up and listens, since it answered connection #{}: its queue of connections is full (the application \
             does not accept fast enough), or a firewall drops these.",
            other.flow
        ),
        Some(other) => format!(
            "The host is up, since it answered connection #{}: a firewall drops SYNs to port {} (filtered).",
            other.flow, server.port
        ),
        None => UNANSWERED.into(),
    };
    let sentence = format!("{} {why}", nothing_came_back(server));
    teller.say(Kind::OpeningRetries, Known::Inferred, &syns, sentence);
}

/// A reset in the name of a host whose own packets have another TTL.
fn refused_by_another(teller: &mut Teller<'_>) {
    let Some(reset) = teller.flow.reset.filter(|_| teller.flow.opening == Opening::Refused) else { return };
    let Some(other) = teller.answered else { return };
    let ttl = teller.end(End::Server).ttl;
    if ttl != other.ttl {
        let sentence = format!(
            "That reset has TTL {ttl}, and what the host itself sent in connection #{} came with {}: a firewall refused in its \
             name.",
            other.flow, other.ttl
        );
        teller.say(Kind::Refused, Known::Inferred, &[reset.sent.number], sentence);
    }
}

fn reuse(teller: &mut Teller<'_>) {
    let reused = End::BOTH.into_iter().find_map(|end| Some((end, teller.trouble(TroubleKind::PortReused, end)?)));
    if let Some((end, trouble)) = reused {
        let sentence = format!(
            "{} opened it{} on a pair of ports whose connection before had not ended, as far as was seen.",
            the_capital(end),
            seen(trouble.packets())
        );
        teller.say(Kind::PortReuse, Known::Observed, trouble.packets(), sentence);
    } else if let Some(before) = teller.flow.before
        && !teller.has_said(Kind::TimeWaitReuse)
    {
        let sentence = format!(
            "The same pair of ports was used before, by connection #{before}, and {} took it again.",
            the(End::Client)
        );
        teller.say(Kind::PortReuse, Known::Observed, &[teller.flow.first_packet], sentence);
    }
}
