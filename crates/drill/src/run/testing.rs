//! A target that does what a test tells it, to see what the runner makes of it.

use super::{Settings, run};
use crate::report::{Report, Verdict};
use crate::target::{Applied, CallId, Happening, Network, Sent, Setting, Started, Target, TargetError};
use limpid_event::{FlowId, Instant};
use limpid_posix::{Call, Errno, Output, Return, Sockaddr};
use limpid_wire::Endpoint;
use limpid_wire::ip::{IpHeader, IpProtocol};
use limpid_wire::notation::SegmentText;
use limpid_wire::tcp::{TcpHeader, emit_header, put_checksum};
use std::collections::VecDeque;
use std::time::Duration;

/// Where the target's time begins: not at the script's.
const BEGIN: Instant = Instant::from_nanos(5_000_250_000);

/// Our initial sequence number and the first timestamp, as no script has them.
pub(super) const ISN: u32 = 0xffff_fff0;
pub(super) const FIRST_TS: u32 = 700_000;

/// Changes the bytes of a packet.
pub(super) type Spoil = fn(&mut Vec<u8>);

/// What a puppet does: its answer to the next call, or something that it does by itself at a time since the script's start.
#[derive(Clone, Debug)]
pub(super) enum Does {
    /// The next call ends with this.
    Returns(Return),
    /// The next call waits, and ends with this so long after the script's start.
    Waits(Duration, Return),
    /// A segment leaves, in the script's numbers: they are shifted by [`ISN`] and the peer's, and timestamps by [`FIRST_TS`].
    Sends(Duration, String),
    /// The same, with a change in its bytes.
    SendsSpoilt(Duration, String, Spoil),
}

/// A target that does what a test tells it.
#[derive(Debug)]
pub(super) struct Puppet {
    network: Network,
    now: Instant,
    answers: VecDeque<Does>,
    /// What is going to happen.
    ahead: Vec<(Instant, Happening)>,
    /// Every segment that came, with its numbers as on the wire.
    pub(super) came: Vec<SegmentText>,
    /// Ports of the peer and ours, as they were on the segment that came last.
    ports: (u16, u16),
    peer_isn: u32,
    pub(super) calls: Vec<Call>,
    segments: Vec<(Duration, String, Option<Spoil>)>,
    last_call: u64,
}

impl Puppet {
    pub(super) fn new(network: &Network, does: Vec<Does>) -> Puppet {
        let mut puppet = Puppet {
            network: network.clone(),
            now: BEGIN,
            answers: VecDeque::new(),
            ahead: Vec::new(),
            came: Vec::new(),
            ports: (8080, 40_000),
            peer_isn: 0,
            calls: Vec::new(),
            segments: Vec::new(),
            last_call: 0,
        };
        for does in does {
            match does {
                Does::Sends(at, text) => puppet.segments.push((at, text, None)),
                Does::SendsSpoilt(at, text, spoil) => puppet.segments.push((at, text, Some(spoil))),
                answer => puppet.answers.push_back(answer),
            }
        }
        puppet.segments.sort_by_key(|(at, ..)| *at);
        puppet.segments.reverse();
        puppet
    }

    /// The packet of a segment in the script's numbers.
    fn packet(&self, text: &str) -> Vec<u8> {
        let text: SegmentText = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
        let syn = text.flags.contains(limpid_wire::TcpFlags::SYN);
        let ack = text.flags.contains(limpid_wire::TcpFlags::ACK);
        let mut live = text.clone().shifted(ISN, if syn { 0 } else { self.peer_isn });
        if !ack {
            live.ack = text.ack;
        }
        let mut segment = live.to_segment();
        if let Some(timestamps) = &mut segment.options.timestamps {
            timestamps.val = timestamps.val.wrapping_add(FIRST_TS);
        }
        let (remote, local) = self.ports;
        let (local, remote) = text.ports.unwrap_or((local, remote));
        let mut header = [0; 60];
        let len = emit_header(&segment, (local, remote), &mut header);
        put_checksum(self.network.local, self.network.remote, &mut header[..len], &segment.payload, false);
        let ip = IpHeader {
            ecn: segment.ecn,
            dscp: text.ip.tos.unwrap_or_default() >> 2,
            ttl: text.ip.ttl.unwrap_or(64),
            flow_label: text.ip.flow_label.unwrap_or_default(),
            ..IpHeader::new(self.network.local, self.network.remote, IpProtocol::TCP)
        };
        let mut bytes = vec![0; ip.header_len()];
        ip.emit(len + text.len as usize, &mut bytes);
        bytes.extend(&header[..len]);
        bytes.resize(bytes.len() + text.len as usize, 0);
        bytes
    }

    fn next(&mut self, until: Instant) -> Option<(Instant, Happening)> {
        let due = self.ahead.iter().enumerate().min_by_key(|(_, (at, _))| *at).map(|(nth, (at, _))| (*at, nth));
        // Before there is a peer, nothing can be sent to it.
        let has_peer = !self.came.is_empty() || self.calls.iter().any(|call| matches!(call, Call::Connect { .. }));
        let segment = self.segments.last().filter(|_| has_peer).map(|(at, ..)| BEGIN + *at);
        match (due, segment) {
            (Some((at, nth)), segment) if at <= until && segment.is_none_or(|segment| at <= segment) => {
                Some(self.ahead.remove(nth))
            }
            (_, Some(at)) if at <= until => {
                let (_, text, spoil) = self.segments.pop()?;
                let mut packet = self.packet(&text);
                if let Some(spoil) = spoil {
                    spoil(&mut packet);
                }
                Some((at, Happening::Sent(Sent { at, packet, flow: FlowId::NONE, why: None })))
            }
            _ => None,
        }
    }
}

impl Target for Puppet {
    fn name(&self) -> &'static str {
        "puppet"
    }

    fn now(&mut self) -> Instant {
        self.now
    }

    fn wait(&mut self, until: Instant) -> Result<Happening, TargetError> {
        match self.next(until) {
            Some((at, happening)) => {
                self.now = self.now.max(at);
                Ok(happening)
            }
            None => {
                self.now = self.now.max(until);
                Ok(Happening::Reached)
            }
        }
    }

    fn inject(&mut self, packet: &[u8], _gso_size: u16) -> Result<(), TargetError> {
        let ip = limpid_wire::IpPacket::parse(packet).unwrap();
        if ip.protocol == IpProtocol::TCP {
            let bytes = &packet[ip.payload];
            assert!(limpid_wire::checksum::verify(ip.src, ip.dst, ip.protocol, bytes), "bad checksum");
            let (header, _) = TcpHeader::parse(bytes).unwrap();
            self.ports = (header.src_port, header.dst_port);
            let text = SegmentText::from_packet(bytes).unwrap();
            if text.flags.contains(limpid_wire::TcpFlags::SYN) {
                self.peer_isn = text.seq.0;
            }
            self.came.push(text);
        }
        Ok(())
    }

    fn call(&mut self, call: Call) -> Result<Started, TargetError> {
        self.calls.push(call);
        match self.answers.pop_front() {
            Some(Does::Returns(gave)) => Ok(Started::Done(gave)),
            Some(Does::Waits(until, gave)) => {
                self.last_call += 1;
                let id = CallId(self.last_call);
                let at = BEGIN + until;
                self.ahead.push((at, Happening::Ended(id, at, gave)));
                Ok(Started::Waits(id))
            }
            other => panic!("a call that the test does not expect: {:?}, {other:?}", self.calls.last()),
        }
    }

    fn set(&mut self, setting: &Setting) -> Result<Applied, TargetError> {
        Err(TargetError::Unsupported(format!("{setting:?}")))
    }

    fn counters(&mut self) -> Result<Vec<(String, u64)>, TargetError> {
        Ok(Vec::new())
    }

    fn proc_file(&mut self, path: &str) -> Result<String, TargetError> {
        Err(TargetError::Unsupported(path.to_owned()))
    }
}

pub(super) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(super) fn returns(value: i64) -> Does {
    Does::Returns(Return::ok(value))
}

pub(super) fn fails(errno: Errno) -> Does {
    Does::Returns(Return::error(errno))
}

pub(super) fn gives(value: i64, output: Output) -> Does {
    Does::Returns(Return { value: Ok(value), output })
}

pub(super) fn sends(at: u64, text: &str) -> Does {
    Does::Sends(ms(at), text.to_owned())
}

/// `accept()` gives this descriptor, for the peer of the first connection.
pub(super) fn accepts(fd: i64) -> Does {
    gives(fd, Output::Address(Sockaddr::of(Endpoint::new("192.0.2.1".parse().unwrap(), 50_000))))
}

/// Plays a script on a puppet.
pub(super) fn play(script: &str, does: Vec<Does>) -> (Report, Puppet) {
    play_with(script, &Settings::default(), does)
}

pub(super) fn play_with(script: &str, settings: &Settings, does: Vec<Does>) -> (Report, Puppet) {
    let script = crate::parse::parse(script, &Default::default()).unwrap_or_else(|e| panic!("{e}"));
    let default = || Network::of(&Default::default(), &Settings::default());
    let network = Network::of(&script, settings).or_else(|_| default()).unwrap_or_else(|verdict| panic!("{verdict:?}"));
    let mut puppet = Puppet::new(&network, does);
    let report = run(&script, settings, &mut puppet);
    (report, puppet)
}

/// How a run ended, as people read it.
pub(super) fn told(report: &Report) -> String {
    match &report.verdict {
        Verdict::Pass => "PASS".to_owned(),
        Verdict::Fail(failure) => {
            let mut text = format!("{}: {}", failure.at.line, failure.what);
            for (name, line) in [("script", &failure.expected), ("actual", &failure.actual)] {
                text.extend(line.iter().map(|line| format!("\n{name} packet: {line}")));
            }
            text.extend(
                failure.packet.iter().map(|packet| format!("\npacket {packet} of {}", report.trace.packets.len())),
            );
            text
        }
        Verdict::Unsupported { at, what } => format!("UNSUPPORTED {}:{}: {what}", at.line, at.column),
        Verdict::Invalid { at, what } => format!("INVALID {}:{}: {what}", at.line, at.column),
        Verdict::Broken(what) => format!("BROKEN {what}"),
    }
}
