//! Events as bytes, for files that keep them beside packets. `docs/truth.md` describes the encoding for people.
//!
//! An event is its tag and its fields in a fixed order. Numbers are LEB128 ([`put_number`]), names are the codes of
//! `codes`, which never change: a reader that meets a tag or a code it does not know answers `None`, and whoever frames
//! events with their lengths goes on with the next.

mod bytes;
mod codes;
mod segment;

pub use bytes::{Input, put_bytes, put_number};
pub use codes::Coded;

use crate::{Call, EcnEvent, Event, Opening};
use alloc::vec::Vec;
use bytes::{put_duration, put_endpoint};
use segment::{put_segment, segment};

/// The version of the encoding. Tags and codes that are new do not change it; a change in what is there does.
pub const VERSION: u8 = 1;

/// What controllers call their phases: names are not made of a file's bytes.
const PHASES: [&str; 7] = [
    "startup",
    "drain",
    "probe bandwidth: down",
    "probe bandwidth: cruise",
    "probe bandwidth: refill",
    "probe bandwidth: up",
    "probe round trip",
];

/// The tags. A number once given is never given again.
mod tag {
    pub(super) const OPENED: u8 = 1;
    pub(super) const STATE: u8 = 2;
    pub(super) const SENT: u8 = 3;
    pub(super) const RECEIVED: u8 = 4;
    pub(super) const DROPPED: u8 = 5;
    pub(super) const TIMER_SET: u8 = 6;
    pub(super) const TIMER_FIRED: u8 = 7;
    pub(super) const RTT_SAMPLE: u8 = 8;
    pub(super) const CONGESTION: u8 = 9;
    pub(super) const FLIGHT: u8 = 10;
    pub(super) const RECOVERY_BEGAN: u8 = 11;
    pub(super) const RECOVERY_ENDED: u8 = 12;
    pub(super) const UNDONE: u8 = 13;
    pub(super) const CONTROLLER_PHASE: u8 = 14;
    pub(super) const CALL: u8 = 15;
    pub(super) const ENDED: u8 = 16;
    pub(super) const SOFT_ERROR: u8 = 17;
    pub(super) const ECN: u8 = 18;
    pub(super) const PATH_MTU: u8 = 19;
    pub(super) const LINK: u8 = 20;
}

/// Appends an event.
pub fn encode(event: &Event, out: &mut Vec<u8>) {
    match event {
        Event::Opened { local, remote, opening } => {
            out.extend([tag::OPENED, opening.code()]);
            put_endpoint(out, *local);
            put_endpoint(out, *remote);
        }
        Event::State { from, to } => out.extend([tag::STATE, from.code(), to.code()]),
        Event::Sent { segment, why, retransmission } => {
            out.extend([tag::SENT, why.code()]);
            put_number(out, u64::from(*retransmission));
            put_segment(out, segment);
        }
        Event::Received { segment } => {
            out.push(tag::RECEIVED);
            put_segment(out, segment);
        }
        Event::Dropped { why } => out.extend([tag::DROPPED, why.code()]),
        Event::TimerSet { timer, after } => {
            out.extend([tag::TIMER_SET, timer.code()]);
            put_duration(out, *after);
        }
        Event::TimerFired { timer, nth } => {
            out.extend([tag::TIMER_FIRED, timer.code()]);
            put_number(out, u64::from(*nth));
        }
        Event::RttSample { rtt, srtt, rto } => {
            out.push(tag::RTT_SAMPLE);
            [rtt, srtt, rto].into_iter().for_each(|span| put_duration(out, *span));
        }
        Event::Congestion { cwnd, ssthresh, why } => {
            out.extend([tag::CONGESTION, why.code()]);
            put_number(out, u64::from(*cwnd));
            put_number(out, u64::from(*ssthresh));
        }
        Event::Flight { in_flight, cwnd, pacing_rate } => {
            out.push(tag::FLIGHT);
            put_number(out, u64::from(*in_flight));
            put_number(out, u64::from(*cwnd));
            out.push(u8::from(pacing_rate.is_some()));
            pacing_rate.iter().for_each(|rate| put_number(out, *rate));
        }
        Event::RecoveryBegan { why } => out.extend([tag::RECOVERY_BEGAN, why.code()]),
        Event::RecoveryEnded => out.push(tag::RECOVERY_ENDED),
        Event::Undone { how } => out.extend([tag::UNDONE, how.code()]),
        Event::ControllerPhase { phase } => {
            out.push(tag::CONTROLLER_PHASE);
            put_bytes(out, phase.as_bytes());
        }
        Event::Call(call) => encode_call(*call, out),
        Event::Ended { error } => {
            out.extend([tag::ENDED, u8::from(error.is_some())]);
            out.extend(error.iter().map(|error| error.code()));
        }
        Event::SoftError { error } => out.extend([tag::SOFT_ERROR, error.code()]),
        Event::Ecn(ecn) => encode_ecn(*ecn, out),
        Event::PathMtu { mtu, why } => {
            out.extend([tag::PATH_MTU, why.code()]);
            put_number(out, u64::from(*mtu));
        }
        Event::Link { fate } => out.extend([tag::LINK, fate.code()]),
    }
}

fn encode_call(call: Call, out: &mut Vec<u8>) {
    out.push(tag::CALL);
    let (which, bytes) = match call {
        Call::Connect => (0, None),
        Call::Accept => (1, None),
        Call::Write(bytes) => (2, Some(bytes)),
        Call::Read(bytes) => (3, Some(bytes)),
        Call::ShutdownWrite => (4, None),
        Call::ShutdownRead => (5, None),
        Call::Close => (6, None),
        Call::Abort => (7, None),
    };
    out.push(which);
    bytes.into_iter().for_each(|bytes| put_number(out, bytes as u64));
}

fn encode_ecn(event: EcnEvent, out: &mut Vec<u8>) {
    out.push(tag::ECN);
    match event {
        EcnEvent::Agreed { accurate } => out.extend([0, u8::from(accurate)]),
        EcnEvent::MarkReceived { packets } => {
            out.push(1);
            put_number(out, u64::from(packets));
        }
        EcnEvent::EchoBegins => out.push(2),
        EcnEvent::EchoEnds => out.push(3),
        EcnEvent::Reported { segments } => {
            out.push(4);
            put_number(out, u64::from(segments));
        }
        EcnEvent::Answered => out.push(5),
    }
}

/// The event that `bytes` hold, all of them; `None` if they hold none, or one of a version that knows more.
pub fn decode(bytes: &[u8]) -> Option<Event> {
    let mut input = Input::new(bytes);
    let event = event(&mut input)?;
    input.is_empty().then_some(event)
}

fn event(input: &mut Input<'_>) -> Option<Event> {
    Some(match input.byte()? {
        tag::OPENED => {
            let opening = Opening::read(input)?;
            Event::Opened { local: input.endpoint()?, remote: input.endpoint()?, opening }
        }
        tag::STATE => Event::State { from: Coded::read(input)?, to: Coded::read(input)? },
        tag::SENT => {
            let (why, retransmission) = (Coded::read(input)?, input.fits()?);
            Event::Sent { segment: segment(input)?, why, retransmission }
        }
        tag::RECEIVED => Event::Received { segment: segment(input)? },
        tag::DROPPED => Event::Dropped { why: Coded::read(input)? },
        tag::TIMER_SET => Event::TimerSet { timer: Coded::read(input)?, after: input.duration()? },
        tag::TIMER_FIRED => Event::TimerFired { timer: Coded::read(input)?, nth: input.fits()? },
        tag::RTT_SAMPLE => Event::RttSample { rtt: input.duration()?, srtt: input.duration()?, rto: input.duration()? },
        tag::CONGESTION => {
            let why = Coded::read(input)?;
            Event::Congestion { cwnd: input.fits()?, ssthresh: input.fits()?, why }
        }
        tag::FLIGHT => {
            let (in_flight, cwnd) = (input.fits()?, input.fits()?);
            let pacing_rate = if input.flag()? { Some(input.number()?) } else { None };
            Event::Flight { in_flight, cwnd, pacing_rate }
        }
        tag::RECOVERY_BEGAN => Event::RecoveryBegan { why: Coded::read(input)? },
        tag::RECOVERY_ENDED => Event::RecoveryEnded,
        tag::UNDONE => Event::Undone { how: Coded::read(input)? },
        tag::CONTROLLER_PHASE => {
            let name = input.bytes()?;
            Event::ControllerPhase { phase: PHASES.into_iter().find(|phase| phase.as_bytes() == name)? }
        }
        tag::CALL => Event::Call(call(input)?),
        tag::ENDED => Event::Ended { error: if input.flag()? { Some(Coded::read(input)?) } else { None } },
        tag::SOFT_ERROR => Event::SoftError { error: Coded::read(input)? },
        tag::ECN => Event::Ecn(ecn(input)?),
        tag::PATH_MTU => {
            let why = Coded::read(input)?;
            Event::PathMtu { mtu: input.fits()?, why }
        }
        tag::LINK => Event::Link { fate: Coded::read(input)? },
        _ => return None,
    })
}

fn call(input: &mut Input<'_>) -> Option<Call> {
    Some(match input.byte()? {
        0 => Call::Connect,
        1 => Call::Accept,
        2 => Call::Write(input.fits()?),
        3 => Call::Read(input.fits()?),
        4 => Call::ShutdownWrite,
        5 => Call::ShutdownRead,
        6 => Call::Close,
        7 => Call::Abort,
        _ => return None,
    })
}

fn ecn(input: &mut Input<'_>) -> Option<EcnEvent> {
    Some(match input.byte()? {
        0 => EcnEvent::Agreed { accurate: input.flag()? },
        1 => EcnEvent::MarkReceived { packets: input.fits()? },
        2 => EcnEvent::EchoBegins,
        3 => EcnEvent::EchoEnds,
        4 => EcnEvent::Reported { segments: input.fits()? },
        5 => EcnEvent::Answered,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
