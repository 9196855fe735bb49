//! What the path and the options cost: round trips, packets too big, congestion marks, SYN options, and the capture itself.

use super::{Teller, seen, the, the_capital};
use crate::flows::{End, Fault, IcmpTrouble, RttFigures, TroubleKind, Vantage};
use crate::verdict::{Kind, Known};
use crate::words;
use std::time::Duration;

pub(super) fn tell(teller: &mut Teller<'_>) {
    round_trips(teller);
    for end in End::BOTH {
        packet_size(teller, end);
        icmp(teller, end);
        congestion(teller, end);
    }
    options(teller);
    capture(teller);
}

/// A queue is told of if it makes round trips so many times as long, and so much longer.
const BLOAT_FACTOR: u32 = 3;
const BLOAT_LEAST: Duration = Duration::from_millis(30);
/// That much more than the least may be the receiver's: it delays ACKs, or sends them with what it has to say itself.
const ACK_WAIT: Duration = Duration::from_millis(10);

fn round_trips(teller: &mut Teller<'_>) {
    let samples = |end: End| -> &RttFigures { &teller.end(end).rtt };
    // At one end the way there and back is nothing: the other direction's samples are the round trips.
    let longer = |a: End, b: End| if samples(a).average() >= samples(b).average() { a } else { b };
    let end = match teller.flow.vantage {
        Vantage::Client => End::Client,
        Vantage::Server => End::Server,
        _ => longer(End::Client, End::Server),
    };
    let rtt = samples(end);
    let (Some(least), Some(mean), Some(most)) = (rtt.min(), rtt.average(), rtt.max()) else { return };
    if rtt.samples < 3 {
        return;
    }
    if End::BOTH.into_iter().all(|end| teller.has_told(end)) {
        return at_senders(teller, end, [least, mean, most]);
    }
    let (queue, peak) = (mean.saturating_sub(least), most.saturating_sub(least));
    let is_bloated = mean > least * BLOAT_FACTOR && queue > BLOAT_LEAST && rtt.samples >= 20
        // A queue that grows still lets ACKs through all the time.
        && teller.flow.stalled[Fault::Network as usize].is_zero();
    let bloat = match is_bloated {
        true => format!(
            " They grow while data is in flight: a queue of up to {} stands on the path (bufferbloat).",
            words::duration(peak)
        ),
        false => String::new(),
    };
    let whose = match teller.flow.vantage {
        Vantage::Client | Vantage::Server => String::new(),
        _ => format!(" between here and {}", the(end.peer())),
    };
    let whole = match (teller.flow.vantage, teller.flow.round_trip()) {
        (Vantage::Client | Vantage::Server, _) | (_, None) => String::new(),
        (_, Some(whole)) if whole < least + least / 10 => String::new(),
        (_, Some(whole)) => format!(" The whole way, from end to end and back, takes {}.", words::duration(whole)),
    };
    let waits = match most >= least + ACK_WAIT && !is_bloated {
        true => format!(", in which {} may have waited with its ACKs", the(end.peer())),
        false => String::new(),
    };
    let sentence = format!(
        "Round trips{whose} took {} at least, {} on average and {} at most ({}{waits}).{whole}{bloat}",
        words::duration(least),
        words::duration(mean),
        words::duration(most),
        words::count(rtt.samples, "sample"),
    );
    let known = if is_bloated { Known::Inferred } else { Known::Observed };
    teller.say(Kind::RoundTrips, known, &[], sentence);
}

/// Engines that both told wrote each packet when it left: there is no one place that round trips are measured from.
fn at_senders(teller: &mut Teller<'_>, end: End, [least, mean, most]: [Duration; 3]) {
    let sentence = format!(
        "What {} sent was acknowledged {} later at least, {} on average and {} at most ({}): one way and the other end's time, for \
         each packet is in the capture as it left its sender.",
        the(end),
        words::duration(least),
        words::duration(mean),
        words::duration(most),
        words::count(teller.end(end).rtt.samples, "sample"),
    );
    teller.say(Kind::RoundTrips, Known::Observed, &[], sentence);
}

fn packet_size(teller: &mut Teller<'_>, end: End) {
    if let Some(trouble) = teller.trouble(TroubleKind::BlackHole, end) {
        let sentence = format!(
            "{}'s large segments never arrive, and small ones do{}: the path is narrower than the MSS, and the ICMP messages \
             that would say so are dropped (a path MTU black hole). Clamp the MSS, let ICMP through, or set \
             net.ipv4.tcp_mtu_probing.",
            the_capital(end),
            seen(trouble.packets())
        );
        return teller.say(Kind::PathMtu, Known::Inferred, trouble.packets(), sentence);
    }
    if let Some(trouble) = teller.trouble(TroubleKind::TooBig, end) {
        let mtu = match teller.flow.path_mtu {
            0 => String::new(),
            mtu => format!(" of {mtu} B"),
        };
        let sentence = format!(
            "A router found {}'s packets too big for a link{mtu} and said so{}: path MTU discovery at work.",
            the(end),
            seen(trouble.packets())
        );
        teller.say(Kind::PathMtu, Known::Observed, trouble.packets(), sentence);
    }
}

fn icmp(teller: &mut Teller<'_>, end: End) {
    if let Some(trouble) = teller.trouble(TroubleKind::IcmpError, end)
        && !teller.has_said(Kind::SoftError)
        && !teller.has_said(Kind::Unreachable)
    {
        let sentence = format!(
            "{} about {}'s segments came{}.",
            words::count(trouble.count, "ICMP error"),
            the(end),
            seen(trouble.packets())
        );
        teller.say(Kind::SoftError, Known::Observed, trouble.packets(), sentence);
    }
    if let Some((sent, trouble)) = teller.flow.refusal
        && end == End::Client
        && trouble == IcmpTrouble::Prohibited
    {
        let sentence = format!(
            "ICMP \"prohibited\" ({}) is a firewall that rejects by rule: the host may well be up and listen.",
            sent.number
        );
        teller.say(Kind::Unreachable, Known::Inferred, &[sent.number], sentence);
    }
}

fn congestion(teller: &mut Teller<'_>, end: End) {
    let marks = teller.end(end).congestion_marks;
    if marks > 0 {
        let sentence = format!(
            "Routers marked congestion on {} of {} (ECN) instead of dropping them.",
            words::count(marks, "packet"),
            the(end)
        );
        teller.say(Kind::Congestion, Known::Observed, &[], sentence);
    }
}

fn options(teller: &mut Teller<'_>) {
    let [Some(client), Some(server)] = teller.flow.ends.each_ref().map(|end| end.options) else { return };
    let both = |of: fn(&crate::flows::SynOptions) -> bool| (of(&client), of(&server));
    let mut costs: Vec<String> = Vec::new();
    let mut lone = |name: &str, (asked, given): (bool, bool), cost: &str| match (asked, given) {
        (true, false) => costs.push(format!("the client offers {name}, the server does not: {cost}")),
        (false, false) if name != "timestamps" => costs.push(format!("neither end offers {name}: {cost}")),
        (false, true) => costs.push(format!(
            "the server answers with {name} though the client did not offer it (a box between took it out?)"
        )),
        _ => {}
    };
    lone("SACK", both(|o| o.sack), "several losses in a window are repaired one round trip each");
    lone("window scale", both(|o| o.window_scale.is_some()), "no window can be larger than 65,535 B");
    lone("timestamps", both(|o| o.timestamps), "retransmissions can't be told from originals");
    let stacks = [client, server].iter().filter(|o| o.mss.is_some_and(|mss| mss < 536)).count();
    if stacks > 0 {
        costs.push("an MSS below 536 makes segments tiny".into());
    }
    if costs.is_empty() || !teller.flow.opening.is_open() {
        return;
    }
    let syns: Vec<u64> = teller.flow.ends.iter().filter_map(|end| Some(end.syns.first()?.number)).collect();
    let sentence = format!("Options: {}.", costs.join("; "));
    teller.say(Kind::Options, Known::Observed, &syns, sentence);
}

/// What the capture lacks.
fn capture(teller: &mut Teller<'_>) {
    for end in End::BOTH {
        let figures = teller.end(end);
        let (missed, unseen) = (teller.trouble(TroubleKind::CaptureMissed, end), figures.unseen_bytes);
        if let Some(trouble) = missed {
            let how_much = if unseen > 0 { format!("{} of", words::bytes(unseen)) } else { "Data of".into() };
            let sentence = format!(
                "{how_much} {} {} acknowledged and never captured{}: the capture dropped packets, or not all of them come \
                 this way. Figures of this connection are lower bounds.",
                the(end),
                if unseen > 0 { "were" } else { "was" },
                seen(trouble.packets())
            );
            teller.say(Kind::Capture, Known::Observed, trouble.packets(), sentence);
        }
        if figures.cut_packets > 0 {
            let sentence = format!(
                "{} of {} {}: the snapshot length is too short (tcpdump -s).",
                words::count(figures.cut_packets, "packet"),
                the(end),
                if figures.cut_packets == 1 { "is cut within its headers" } else { "are cut within their headers" },
            );
            teller.say(Kind::Capture, Known::Observed, &[], sentence);
        }
    }
}
