//! How it ended, as the survey saw it.

use super::{Teller, seen, the, the_capital};
use crate::flows::{End, Ending, Opening, TroubleKind};
use crate::verdict::{Kind, Known};
use crate::words;
use std::time::Duration;

pub(super) fn tell(teller: &mut Teller<'_>) {
    if !teller.is_close {
        closing(teller);
    }
    reset(teller);
    gave_up(teller);
    keepalives(teller);
}

fn closing(teller: &mut Teller<'_>) {
    let flow = teller.flow;
    let Some(closer) = flow.closer else { return };
    let (own, other) = (flow.ends[closer.index()].fin, flow.ends[closer.peer().index()].fin);
    let Some(first) = own else { return };
    let Some(second) = other else {
        let until = match flow.ending {
            Ending::Reset => "when the connection was reset.",
            _ => "when the recording ended: it is half-closed.",
        };
        let sentence = format!(
            "{} closed (FIN {}), and {} had not {until}",
            the_capital(closer),
            first.number,
            the(closer.peer())
        );
        return teller.say(Kind::HalfClose, Known::Observed, &[first.number], sentence);
    };
    if flow.closed_at_once {
        let sentence = format!("FINs {} and {} crossed: both ends closed at once.", first.number, second.number);
        return teller.say(Kind::SimultaneousClose, Known::Observed, &[first.number, second.number], sentence);
    }
    let length = flow.half_close().unwrap_or(Duration::ZERO);
    let rode = if first.acked_by_fin { "; the ACK of the first rode on the second" } else { "" };
    let sentence = format!(
        "{} closed first (FIN {}); {} closed {} later (FIN {}){rode}.",
        the_capital(closer),
        first.number,
        the(closer.peer()),
        words::duration(length),
        second.number,
    );
    teller.say(Kind::Close, Known::Observed, &[first.number, second.number], sentence);
    if flow.ending == Ending::Closed {
        let sentence = format!("{} is left in TIME-WAIT; on Linux that lasts 60 s.", the_capital(closer));
        teller.say(Kind::TimeWait, Known::Inferred, &[first.number, second.number], sentence);
    }
}

fn reset(teller: &mut Teller<'_>) {
    // One that came when all was over changed nothing.
    let Some(reset) = teller.flow.reset.filter(|_| teller.flow.ending == Ending::Reset) else { return };
    if teller.flow.opening == Opening::Refused || teller.has_said(Kind::Refused) || teller.has_said(Kind::Reset) {
        return;
    }
    let (by, peer) = (the_capital(reset.by), the(reset.by.peer()));
    let answers = reset.answers.map_or_else(String::new, |number| format!(", right after {peer}'s {number}"));
    let why = reset.cause.explained();
    let sentence = format!("{by} reset the connection ({}){answers}: {why}.", reset.sent.number);
    let mut packets: Vec<u64> = reset.answers.into_iter().collect();
    packets.push(reset.sent.number);
    teller.say(Kind::Reset, Known::Inferred, &packets, sentence);
}

fn gave_up(teller: &mut Teller<'_>) {
    for end in End::BOTH {
        let Some(trouble) = teller.trouble(TroubleKind::GaveUp, end) else { continue };
        if teller.has_said(Kind::TimedOut) {
            continue;
        }
        let sentence = format!(
            "What {} sent last was repeated{} and never acknowledged: {} had fallen silent. Its application will see \
             ETIMEDOUT when its system gives up (on Linux after tcp_retries2 = 15 repetitions, about 15 minutes).",
            the(end),
            seen(trouble.packets()),
            the(end.peer()),
        );
        teller.say(Kind::TimedOut, Known::Inferred, trouble.packets(), sentence);
    }
}

fn keepalives(teller: &mut Teller<'_>) {
    for end in End::BOTH {
        let count = teller.end(end).keepalives;
        if count > 0 && !teller.has_said(Kind::KeepAlive) {
            let sentence =
                format!("{} probed the idle connection with {}.", the_capital(end), words::count(count, "keepalive"));
            teller.say(Kind::KeepAlive, Known::Inferred, &[], sentence);
        }
    }
}
