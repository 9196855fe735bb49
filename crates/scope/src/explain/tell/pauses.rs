//! Where the time went: stalls and whose fault they were, what held the sender back, who thought long.

use super::data::is_small;
use super::{Teller, seen, the, the_capital};
use crate::explain::limits::Limit;
use crate::flows::{End, Fault, Stall, TroubleKind, Vantage};
use crate::verdict::{Kind, Known};
use crate::words;
use std::time::Duration;

/// The most stalls that are told of one by one.
const MAX_STALLS: usize = 3;
/// Less payload than this tells nothing about what held it back.
const LEAST_TRANSFER: u64 = 50_000;
/// An answer that takes longer is told of.
const LONG_THOUGHT: Duration = Duration::from_millis(200);

pub(super) fn tell(teller: &mut Teller<'_>) {
    stalls(teller);
    zero_windows(teller);
    full_windows(teller);
    limits(teller);
    exchange(teller);
}

fn stalls(teller: &mut Teller<'_>) {
    // What the server thought about longest is told of with its answers.
    let thought = teller.exchanges.longest().map(|pause| pause.to);
    let told = |stall: &&Stall| stall.fault != Fault::Application || Some(stall.to) != thought;
    let mut worst: Vec<&Stall> = teller.flow.stalls.iter().filter(told).collect();
    let count = worst.len();
    worst.sort_by_key(|stall| std::cmp::Reverse(stall.lasted));
    worst.truncate(MAX_STALLS);
    worst.sort_by_key(|stall| stall.at);
    let told: Vec<(Fault, Vec<u64>, String)> = worst
        .iter()
        .map(|stall| {
            let why = match stall.fault {
                Fault::Application => format!("{}'s application had nothing to send", the(stall.end)),
                Fault::Window => {
                    format!("{}'s window was closed or full: its application did not read", the(stall.end))
                }
                Fault::Loss => {
                    format!("what {} sent was not acknowledged in time, and waited for a timer", the(stall.end))
                }
                Fault::Network => {
                    format!("{}'s data was under way, and its acknowledgement took that long", the(stall.end))
                }
            };
            let lasted = words::duration(stall.lasted);
            let sentence = format!("For {lasted} nothing moved, from {} to {}: {why}.", stall.from, stall.to);
            (stall.fault, vec![stall.from, stall.to], sentence)
        })
        .collect();
    for (fault, packets, sentence) in told {
        // Who has nothing to say is no trouble.
        let kind = if fault == Fault::Application { Kind::Exchange } else { Kind::Stall };
        teller.say(kind, Known::Inferred, &packets, sentence);
    }
    if count > MAX_STALLS {
        let total = |fault: Fault| teller.flow.stalled[fault as usize];
        let parts: Vec<String> = [
            (Fault::Window, "by a closed window"),
            (Fault::Loss, "by waiting for a timer after a loss"),
            (Fault::Network, "by the network"),
            (Fault::Application, "as an application had nothing to send"),
        ]
        .into_iter()
        .filter(|(fault, _)| !total(*fault).is_zero())
        .map(|(fault, how)| format!("{} {how}", words::duration(total(fault))))
        .collect();
        let sentence = format!(
            "It stood still {} times: {}, of {} in all.",
            words::number(teller.flow.stall_count),
            words::list(&parts),
            words::duration(teller.flow.duration())
        );
        teller.say(Kind::Stall, Known::Inferred, &[], sentence);
    }
}

fn zero_windows(teller: &mut Teller<'_>) {
    for end in End::BOTH {
        let window = teller.end(end).window;
        if window.zero_count == 0 || teller.has_said(Kind::ZeroWindow) {
            continue;
        }
        let packets = teller.trouble(TroubleKind::ZeroWindow, end).map(|t| t.packets().to_vec()).unwrap_or_default();
        let probes = match teller.end(end.peer()).window_probes {
            0 => String::new(),
            n => format!(
                " {} asked {} whether there was room.",
                the_capital(end.peer()),
                words::plural(n, "time", "times")
            ),
        };
        let open = if window.zero_since.is_some() { " It is closed still." } else { "" };
        let sentence = format!(
            "{} closed its window {}{}, for {} in all: its application read too slowly.{probes}{open}",
            the_capital(end),
            words::plural(window.zero_count, "time", "times"),
            seen(&packets),
            words::duration(window.zero_time),
        );
        teller.say(Kind::ZeroWindow, Known::Observed, &packets, sentence);
    }
}

/// Windows that were filled to the last byte, and did not close.
fn full_windows(teller: &mut Teller<'_>) {
    for end in End::BOTH {
        let Some(trouble) = teller.trouble(TroubleKind::WindowFull, end).filter(|_| !teller.has_said(Kind::ZeroWindow))
        else {
            continue;
        };
        let sentence = format!(
            "{} filled {}'s window to the last byte {}{}, and had to wait for room.",
            the_capital(end.peer()),
            the(end),
            words::plural(trouble.count, "time", "times"),
            seen(trouble.packets()),
        );
        teller.say(Kind::Limits, Known::Observed, trouble.packets(), sentence);
    }
}

/// What held the larger direction back, where the capture was taken near its sender.
fn limits(teller: &mut Teller<'_>) {
    let sender = match teller.flow.vantage {
        Vantage::Client => End::Client,
        Vantage::Server => End::Server,
        _ => return,
    };
    let figures = teller.end(sender);
    // A window whose scale is unknown may be larger than it looks.
    if figures.unique_bytes < LEAST_TRANSFER || teller.end(sender.peer()).window.scale_unknown {
        return;
    }
    let share = |limit: Limit| teller.limits.of(sender, limit);
    let all = [Limit::Window, Limit::Path, Limit::Loss, Limit::Application];
    let whole: Duration = all.iter().map(|limit| share(*limit)).sum();
    if whole.is_zero() {
        return;
    }
    let receiver = sender.peer();
    let parts: Vec<String> = all
        .into_iter()
        .filter(|limit| !is_small(share(*limit), whole))
        .map(|limit| {
            let part = u64::try_from(share(limit).as_nanos()).unwrap_or(u64::MAX);
            let percent = words::percent(part, u64::try_from(whole.as_nanos()).unwrap_or(u64::MAX));
            match limit {
                Limit::Window => format!("{}'s window ({percent} of the time)", the(receiver)),
                Limit::Path => format!("the congestion window or the path ({percent} of the time)"),
                Limit::Loss => format!("the repair of losses ({percent} of the time)"),
                Limit::Application => format!("its own application, which sent nothing ({percent} of the time)"),
            }
        })
        .collect();
    let cap = match teller.flow.round_trip().filter(|rtt| !rtt.is_zero()) {
        Some(rtt) if share(Limit::Window) * 2 > whole => {
            let window = teller.end(receiver).window.max;
            let rate = window as f64 * 8.0 / rtt.as_secs_f64();
            format!(
                " {} at {} a round trip allow at most {}.",
                words::bytes(window),
                words::duration(rtt),
                words::rate(rate)
            )
        }
        _ => String::new(),
    };
    let mut parts = parts;
    // Of the time is said once.
    parts.iter_mut().skip(1).for_each(|part| *part = part.replace(" of the time", ""));
    let sentence = format!("{}'s data was held back by {}.{cap}", the_capital(sender), words::list(&parts));
    teller.say(Kind::Limits, Known::Inferred, &[], sentence);
}

/// Questions and answers.
fn exchange(teller: &mut Teller<'_>) {
    let exchanges = teller.exchanges;
    let Some(longest) = exchanges.longest() else { return };
    // Of what was seen, the network's part between here and the server.
    let there = teller.flow.handshake.map_or(Duration::ZERO, |handshake| handshake.to_server);
    let thought = longest.lasted.saturating_sub(there);
    if thought < LONG_THOUGHT || thought < there * 2 {
        return;
    }
    let others = match exchanges.answers {
        0 | 1 => String::new(),
        2 => format!(" The other took {}.", words::duration(exchanges.server_next)),
        n => format!(
            " The other {} took {} at most.",
            words::count(n - 1, "answer"),
            words::duration(exchanges.server_next)
        ),
    };
    let (evidence, known) = match longest.acked.filter(|(_, before)| *before > thought / 2) {
        Some((number, _)) => (
            format!(": its TCP had acknowledged the request ({number}), so the time was the application's"),
            Known::Inferred,
        ),
        None => (", the network's part taken off".into(), Known::Inferred),
    };
    let which = if exchanges.answers > 1 { format!("request {}", longest.nth) } else { "the request".into() };
    let sentence = format!(
        "The server took {} to answer {which} ({}, up to {}; the answer begins with {}){evidence}.{others}",
        words::duration(thought),
        words::bytes(longest.asked),
        longest.from,
        longest.to,
    );
    let mut packets = vec![longest.from];
    packets.extend(longest.acked.map(|(number, _)| number));
    packets.push(longest.to);
    teller.say(Kind::Exchange, known, &packets, sentence);
}
