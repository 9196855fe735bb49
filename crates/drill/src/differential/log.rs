//! What crosses a target's border.

use super::words;
use crate::script::Pos;
use crate::target::{Applied, CallId, Happening, Setting, Started, Target, TargetError};
use limpid_event::Instant;
use limpid_lab::Recorder;
use limpid_posix::{Call, Return};
use limpid_wire::notation::{OptionsText, SegmentText};
use limpid_wire::{IpPacket, IpProtocol, SeqNum, TcpFlags};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// Something that crossed a target's border.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// When, since the run began.
    pub at: Duration,
    /// The event that the runner was at.
    pub event: Option<Pos>,
    /// What.
    pub what: What,
}

/// What crossed a target's border, in words that are the same for every target that does the same.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// The script sent a packet.
    Injected(String),
    /// The target sent a packet.
    Sent(String),
    /// A call ended.
    Called(String),
}

impl fmt::Display for Step {
    /// `0.100 (line 7)  > . 1:1(0) ack 101`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Step { at, event, what } = self;
        let line = event.map_or(String::new(), |at| format!("line {}", at.line));
        write!(f, "{:>9.6}  {line:<8}  ", at.as_secs_f64())?;
        match what {
            What::Injected(text) => write!(f, "< {text}"),
            What::Sent(text) => write!(f, "> {text}"),
            What::Called(text) => f.write_str(text),
        }
    }
}

/// A target that writes down what crosses its border.
pub(super) struct Log<'a> {
    target: &'a mut dyn Target,
    steps: Vec<(Instant, Step)>,
    event: Option<Pos>,
    begin: Option<Instant>,
    waiting: BTreeMap<CallId, Call>,
    flows: Flows,
}

/// The connections by their ports (the target's first), with both initial sequence numbers where they were seen.
#[derive(Default)]
struct Flows(Vec<Flow>);

struct Flow {
    ports: (u16, u16),
    /// The target's.
    iss: Option<SeqNum>,
    /// The script's.
    irs: Option<SeqNum>,
}

impl<'a> Log<'a> {
    pub(super) fn new(target: &'a mut dyn Target) -> Log<'a> {
        let (waiting, flows) = (BTreeMap::new(), Flows::default());
        Log { target, steps: Vec::new(), event: None, begin: None, waiting, flows }
    }

    /// What was written down, in the order in which it happened.
    pub(super) fn into_steps(self) -> Vec<Step> {
        let mut steps = self.steps;
        // A packet is told when the runner asks for it, which may be later.
        steps.sort_by_key(|(at, _)| *at);
        steps.into_iter().map(|(_, step)| step).collect()
    }

    fn note(&mut self, at: Instant, what: What) {
        let begin = *self.begin.get_or_insert(at);
        self.steps.push((at, Step { at: at.since(begin), event: self.event, what }));
    }

    fn ended(&mut self, at: Instant, call: &Call, ended: &Return) {
        if let Some(text) = words::call(call, ended) {
            self.note(at, What::Called(text));
        }
    }
}

impl Target for Log<'_> {
    fn name(&self) -> &'static str {
        self.target.name()
    }

    fn observe(&mut self, recorder: &Recorder, host: usize) -> bool {
        self.target.observe(recorder, host)
    }

    fn reached(&mut self, event: Pos) {
        self.event = Some(event);
        self.target.reached(event);
    }

    fn now(&mut self) -> Instant {
        self.target.now()
    }

    fn wall_clock(&mut self, at: Instant) -> Duration {
        self.target.wall_clock(at)
    }

    fn wait(&mut self, until: Instant) -> Result<Happening, TargetError> {
        let happening = self.target.wait(until)?;
        match &happening {
            Happening::Sent(sent) => {
                let text = self.flows.text(&sent.packet, true);
                self.note(sent.at, What::Sent(text));
            }
            Happening::Ended(id, at, ended) => {
                if let Some(call) = self.waiting.remove(id) {
                    self.ended(*at, &call, ended);
                }
            }
            Happening::Reached => {}
        }
        Ok(happening)
    }

    fn inject(&mut self, packet: &[u8], gso_size: u16) -> Result<(), TargetError> {
        let (at, text) = (self.target.now(), self.flows.text(packet, false));
        self.note(at, What::Injected(text));
        self.target.inject(packet, gso_size)
    }

    fn call(&mut self, call: Call) -> Result<Started, TargetError> {
        let at = self.target.now();
        let started = self.target.call(call.clone())?;
        match &started {
            Started::Done(ended) => self.ended(at, &call, ended),
            Started::Waits(id) => {
                self.waiting.insert(*id, call);
            }
        }
        Ok(started)
    }

    fn set(&mut self, setting: &Setting) -> Result<Applied, TargetError> {
        self.target.set(setting)
    }

    fn counters(&mut self) -> Result<Vec<(String, u64)>, TargetError> {
        self.target.counters()
    }

    fn proc_file(&mut self, path: &str) -> Result<String, TargetError> {
        self.target.proc_file(path)
    }
}

impl Flows {
    /// A packet in the script's notation; `out` says that the target sent it.
    fn text(&mut self, packet: &[u8], out: bool) -> String {
        let Ok(ip) = IpPacket::parse(packet) else { return format!("{} bytes", packet.len()) };
        let body = packet.get(ip.payload.clone()).unwrap_or_default();
        let ecn = if ip.ecn == limpid_wire::Ecn::NotEct { String::new() } else { format!("[{}] ", words::ecn(ip.ecn)) };
        match ip.protocol {
            IpProtocol::TCP => match self.segment(body, out) {
                Some(text) => format!("{ecn}{text}"),
                None => format!("broken TCP, {} bytes", body.len()),
            },
            IpProtocol::ICMP | IpProtocol::ICMPV6 => match body {
                [kind, code, ..] => format!("{ecn}icmp type_{kind} code_{code}"),
                _ => "broken icmp".to_owned(),
            },
            other => format!("{ecn}protocol {}, {} bytes", other.0, body.len()),
        }
    }

    fn segment(&mut self, bytes: &[u8], out: bool) -> Option<String> {
        let ports = bytes.first_chunk::<4>()?;
        let (src, dst) = (u16::from_be_bytes([ports[0], ports[1]]), u16::from_be_bytes([ports[2], ports[3]]));
        let text = SegmentText::from_packet(bytes).ok()?;
        let index = self.flow(if out { (src, dst) } else { (dst, src) });
        let flow = &mut self.0[index];
        if text.flags.contains(TcpFlags::SYN) {
            *(if out { &mut flow.iss } else { &mut flow.irs }) = Some(text.seq);
        }
        let (own, peer) = if out { (flow.iss, flow.irs) } else { (flow.irs, flow.iss) };
        let back = |isn: Option<SeqNum>| isn.map_or(0, |isn| 0_u32.wrapping_sub(isn.0));
        // A number that acknowledges nothing is 0, and stays.
        let peer = if text.ack == Some(SeqNum(0)) { None } else { peer };
        let text = text.shifted(back(own), back(peer));
        let number = if index > 0 { format!("#{} ", index + 1) } else { String::new() };
        Some(format!("{number}{}", without_own_values(&text)))
    }

    fn flow(&mut self, ports: (u16, u16)) -> usize {
        let known = self.0.iter().position(|flow| flow.ports == ports);
        known.unwrap_or_else(|| {
            self.0.push(Flow { ports, iss: None, irs: None });
            self.0.len() - 1
        })
    }
}

/// Timestamp values and Fast Open cookies are each target's own.
pub(super) fn without_own_values(text: &SegmentText) -> String {
    let whole = text.to_string();
    if !matches!(text.options, OptionsText::List(_)) {
        return whole;
    }
    let whole = words::blank_behind(&whole, "TS val ", |c| c.is_ascii_digit());
    let whole = words::blank_behind(&whole, " ecr ", |c| c.is_ascii_digit());
    let whole = words::blank_behind(&whole, "FO ", |c| c.is_ascii_hexdigit());
    words::blank_behind(&whole, "FOEXP ", |c| c.is_ascii_hexdigit())
}
