//! How much went which way, and what was sent again, and why.

use super::{Teller, seen, the, the_capital};
use crate::explain::limits::Limit;
use crate::flows::{Cause, End, EndFigures, TroubleKind, Vantage};
use crate::verdict::{self, Kind, Known};
use crate::words;
use std::time::Duration;

pub(super) fn tell(teller: &mut Teller<'_>) {
    figures(teller);
    let said = [Kind::Spurious, Kind::Reordering, Kind::Duplicate].map(|kind| teller.has_said(kind));
    for end in End::BOTH {
        repeated(teller, end);
        for (tell, _) in [needless, overtaken, copies].into_iter().zip(said).filter(|(_, said)| !said) {
            tell(teller, end);
        }
    }
}

fn figures(teller: &mut Teller<'_>) {
    let [client, server] = &teller.flow.ends;
    if client.packets == 0 || server.packets == 0 || !teller.flow.opening.is_open() {
        return;
    }
    let part = |end: End| {
        let figures = teller.end(end);
        if figures.data_packets == 0 {
            return " sent no data".to_owned();
        }
        let segments = words::count(figures.data_packets, "segment");
        // Near the sender its last segment leaves long before it arrives.
        let busy: Duration =
            [Limit::Window, Limit::Path, Limit::Loss].map(|limit| teller.limits.of(end, limit)).iter().sum();
        let near =
            matches!((teller.flow.vantage, end), (Vantage::Client, End::Client) | (Vantage::Server, End::Server));
        let rate = match near && !busy.is_zero() {
            true => Some(figures.unique_bytes as f64 * 8.0 / busy.as_secs_f64()),
            false => figures.goodput_bps(),
        };
        let rate = match rate {
            Some(rate) if figures.unique_bytes >= 20_000 => format!(" at {}", words::rate(rate)),
            _ => String::new(),
        };
        let repeated = if figures.data_bytes > figures.unique_bytes { " (repetitions included)" } else { "" };
        format!(" sent {} in {segments}{repeated}{rate}", words::bytes(figures.unique_bytes))
    };
    let sentence = match client.data_packets + server.data_packets {
        0 => "Not a byte of data was sent, either way.".into(),
        _ => {
            let (client, server) = (part(End::Client), part(End::Server));
            format!("{}{client}, {}{server}.", the_capital(End::Client), the(End::Server))
        }
    };
    teller.say(Kind::Data, Known::Observed, &[], sentence);
}

/// `5 by duplicate ACKs or SACK, 2 by the RTO`.
fn causes(figures: &EndFigures) -> Vec<String> {
    let phrase = |cause| match (cause, figures.caused_by(cause)) {
        (Cause::NoAnswer, _) => "as nobody answered",
        (Cause::Rto, _) => "by the retransmission timer (RTO)",
        (Cause::AfterRto, _) => "in the recovery that it began, on ACKs",
        (Cause::Fast, _) => "by duplicate ACKs or SACK (fast retransmit)",
        (Cause::PartialAck, _) => "in the same recovery (partial ACKs)",
        (Cause::Rack, _) => "by RACK",
        (Cause::Probe, 1) => "as a tail loss probe",
        (Cause::Probe, _) => "as tail loss probes",
        (Cause::PathMtu, 1) => "as a router had found it too big",
        (Cause::PathMtu, _) => "as a router had found them too big",
        (Cause::Copy, _) => "as copies",
        (Cause::Unknown, _) => "for a cause that the packets don't tell",
    };
    let told = Cause::ALL.into_iter().filter(|cause| !matches!(cause, Cause::Copy | Cause::NoAnswer));
    let some = told.filter(|cause| figures.caused_by(*cause) > 0);
    some.map(|cause| format!("{} {}", words::number(figures.caused_by(cause).into()), phrase(cause))).collect()
}

fn repeated(teller: &mut Teller<'_>, end: End) {
    let figures = teller.end(end);
    let causes = causes(figures);
    if causes.is_empty() || figures.data_packets == 0 || teller.has_told(end) {
        return;
    }
    let (losses, timeouts) = (teller.trouble(TroubleKind::Losses, end), teller.trouble(TroubleKind::Timeouts, end));
    let mut packets: Vec<u64> = [losses, timeouts].into_iter().flatten().flat_map(|t| t.packets().to_vec()).collect();
    packets.sort_unstable();
    let again: u64 = Cause::ALL
        .iter()
        .filter(|c| !matches!(c, Cause::Copy | Cause::NoAnswer))
        .map(|c| u64::from(figures.caused_by(*c)))
        .sum();
    // What was never captured need not have been lost.
    let missed = teller.trouble(TroubleKind::CaptureMissed, end).is_some();
    let unseen = match figures.lost_before {
        0 => String::new(),
        _ if missed => String::new(),
        1 if again == 1 => " Its original was never seen here: it was lost before this point of the path.".into(),
        n if n == again => {
            " Their originals were never seen here: they were lost before this point of the path.".into()
        }
        n => format!(" The originals of {} were lost before this point of the path.", words::number(n)),
    };
    let each = if causes.len() == 1 && again == 1 {
        causes[0].trim_start_matches("1 ").to_owned()
    } else {
        words::list(&causes)
    };
    let sentence = format!(
        "Of {}'s {} {} ({}) {} sent again{}: {each}.{unseen}",
        the(end),
        words::count(figures.data_packets, "data segment"),
        words::number(again),
        words::percent(again, figures.data_packets),
        if again == 1 { "was" } else { "were" },
        match again.saturating_sub(packets.len() as u64) {
            0 => seen(&packets),
            _ if packets.is_empty() => String::new(),
            more => format!(" ({} and {} more)", verdict::cited(&packets).replace(" and ", ", "), words::number(more)),
        },
    );
    teller.say(Kind::Loss, Known::Inferred, &packets, sentence);
}

/// Round trips are not called long below four times this: a system takes as long to answer.
const NOTICED: Duration = Duration::from_millis(5);

fn needless(teller: &mut Teller<'_>, end: End) {
    let figures = teller.end(end);
    if figures.needless == 0 {
        return;
    }
    let dsacks = teller.end(end.peer()).dsacks;
    let (how, known) = match dsacks {
        0 => {
            let how = "the acknowledgements came too soon for the second sending, or echo the first one's timestamp";
            (how.to_owned(), Known::Inferred)
        }
        _ if dsacks < figures.needless => {
            let how = format!("{} said so itself of {} (D-SACK)", the(end.peer()), words::number(dsacks));
            (how + ", and of the others what came back tells", Known::Inferred)
        }
        _ => (format!("{} said so itself (D-SACK, {})", the(end.peer()), words::count(dsacks, "ACK")), Known::Observed),
    };
    let packets = teller.trouble(TroubleKind::Needless, end).map(|t| t.packets().to_vec()).unwrap_or_default();
    let late = match figures.rtt.max().filter(|most| *most > figures.rtt.min().unwrap_or(*most).max(NOTICED) * 4) {
        Some(most) => format!(" The path took up to {} for a while.", words::duration(most)),
        None => String::new(),
    };
    let sentence = format!(
        "{} of {}'s retransmissions {} needless{}, what was first sent had arrived: {how}.{late}",
        words::number(figures.needless),
        the(end),
        if figures.needless == 1 { "was" } else { "were" },
        seen(&packets),
    );
    teller.say(Kind::Spurious, known, &packets, sentence);
}

fn overtaken(teller: &mut Teller<'_>, end: End) {
    let figures = teller.end(end);
    if figures.overtaken == 0 {
        return;
    }
    let packets = teller.trouble(TroubleKind::Reordered, end).map(|t| t.packets().to_vec()).unwrap_or_default();
    let sentence = format!(
        "{} of {} ({}) came out of order but {} not lost{}: sent before what overtook {}, as timestamps, identifications or \
         times show.",
        words::count(figures.overtaken, "segment"),
        the(end),
        words::percent(figures.overtaken, figures.data_packets),
        if figures.overtaken == 1 { "was" } else { "were" },
        seen(&packets),
        if figures.overtaken == 1 { "it" } else { "them" },
    );
    teller.say(Kind::Reordering, Known::Inferred, &packets, sentence);
}

fn copies(teller: &mut Teller<'_>, end: End) {
    let Some(trouble) = teller.trouble(TroubleKind::Copies, end) else { return };
    let sentence = format!(
        "{} of {} {} in the capture twice{}: a port mirror, several interfaces, or a path that doubles packets. {} had not \
         sent them twice.",
        words::count(trouble.count, "packet"),
        the(end),
        if trouble.count == 1 { "is" } else { "are" },
        seen(trouble.packets()),
        the_capital(end),
    );
    teller.say(Kind::Duplicate, Known::Inferred, trouble.packets(), sentence);
}

/// What is as good as nothing beside `whole`.
pub(super) fn is_small(part: Duration, whole: Duration) -> bool {
    part * 100 < whole
}
