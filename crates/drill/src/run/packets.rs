//! Packets of a script: what it sends, and what it expects.

use super::compare::{self, Actual};
use super::icmp::{self, QuotedSegment};
use super::time::Due;
use super::wire::{self, Body, Seen, Tcp};
use super::{Runner, Stop};
use crate::report::Failure;
use crate::script::{Direction, Event, Icmp, Packet, PacketBody, Quoted};
use limpid_wire::TcpFlags;
use limpid_wire::notation::SegmentText;
use std::time::Duration;

/// Why a packet is not what the script says, and the packet if there is one.
struct Differs {
    what: String,
    actual: Option<Actual>,
}

impl From<String> for Differs {
    fn from(what: String) -> Differs {
        Differs { what, actual: None }
    }
}

impl Runner<'_> {
    pub(super) fn packet(&mut self, event: &Event, packet: &Packet, due: &Due) -> Result<(), Stop> {
        match (&packet.body, packet.direction) {
            (PacketBody::Tcp(text), Direction::Inbound) => self.send_segment(event, text, due),
            (PacketBody::Tcp(text), Direction::Outbound) => self.expect_segment(event, text, due),
            (PacketBody::Icmp(icmp), Direction::Inbound) => self.send_icmp(event, icmp, due),
            (PacketBody::Icmp(icmp), Direction::Outbound) => self.expect_icmp(event, icmp, due),
            (PacketBody::Other { protocol, .. }, _) => {
                Err(Stop::unsupported(event.at, format!("packets of {protocol}")))
            }
        }
    }

    fn send_segment(&mut self, event: &Event, text: &SegmentText, due: &Due) -> Result<(), Stop> {
        let index = self.sockets.for_inbound(text);
        self.wait_for(event, due, "inbound packet")?;
        let socket = self.sockets.get(index);
        socket.sends(text);
        let mut live = socket.to_live(text);
        if let Some((_, ecr)) = compare::timestamp(&text.options).filter(|_| text.flags.contains(TcpFlags::ACK)) {
            let Some(ecr) = socket.timestamps.live(ecr, self.options.ts_ecr_scaled) else {
                let why = format!(
                    "unable to infer live TS ecr for script TS ecr {ecr};  no matching or preceding outbound TS val"
                );
                return Err(Stop::fail(event.at, format!("error handling packet: {why}")));
            };
            compare::set_timestamp(&mut live.options, None, Some(ecr));
        }
        let ports = (socket.remote_port, socket.local_port);
        let gso_size = if live.len > u32::from(self.options.gso_size) { self.options.gso_size } else { 0 };
        let packet = wire::segment(&live, ports, &self.options.network).map_err(|why| Stop::invalid(event.at, why))?;
        self.inject(&packet, gso_size, event.at)
    }

    fn send_icmp(&mut self, event: &Event, message: &Icmp, due: &Due) -> Result<(), Stop> {
        let index = self.sockets.for_icmp().map_err(|why| Stop::fail(event.at, packet_error(why)))?;
        self.wait_for(event, due, "inbound packet")?;
        let socket = self.sockets.get(index);
        let seq = match message.quoted {
            Some(Quoted::Tcp { seq, .. }) => socket.quoted(seq),
            _ => 0,
        };
        let quoted = QuotedSegment { ports: (socket.local_port, socket.remote_port), seq };
        let packet = icmp::build(message, quoted, &self.options.network, event.at)?;
        self.inject(&packet, 0, event.at)
    }

    /// The next ICMP message must be of this type and code; nothing else of it is compared.
    fn expect_icmp(&mut self, event: &Event, message: &Icmp, due: &Due) -> Result<(), Stop> {
        let network = self.options.network.clone();
        let expected = icmp::kind_and_code(message, network.local.is_v4(), event.at)?;
        let until = self.epoch.live(due.deadline(&self.options));
        let (actual, seen) = loop {
            let is_icmp = |seen: &Seen| matches!(seen.body, Body::Icmp(..)) && seen.ip.dst == network.remote;
            let found = self.sent.iter().position(is_icmp).and_then(|nth| self.sent.remove(nth));
            match found {
                Some(Seen { body: Body::Icmp(kind, code), at, bytes, .. }) => break ((kind, code), (at, bytes)),
                _ if self.step(until, event.at)? => {}
                _ => return Err(Stop::fail(event.at, packet_error("Timed out waiting for packet"))),
            }
        };
        let happened = self.epoch.script(seen.0);
        let compared = compare::field("icmp_type", expected.0.into(), actual.0.into())
            .and_then(|()| compare::field("icmp_code", expected.1.into(), actual.1.into()))
            .and_then(|()| due.check(happened, "outbound packet", &self.options));
        compared.map_err(|why| {
            self.culprit = Some(seen);
            Stop::fail(event.at, packet_error(&why))
        })
    }

    fn expect_segment(&mut self, event: &Event, text: &SegmentText, due: &Due) -> Result<(), Stop> {
        wire::options(text).map_err(|why| Stop::invalid(event.at, why))?;
        let index = self.sockets.for_outbound(text).map_err(|why| Stop::fail(event.at, packet_error(why)))?;
        let Err(Differs { what, actual }) = self.meet(event, text, due, index)? else { return Ok(()) };
        if self.options.non_fatal_packets && actual.is_some() {
            self.remarks.push(format!("{}: warning handling packet: {what}", event.at.line));
            return Ok(());
        }
        if let Some(actual) = &actual {
            self.culprit = Some(actual.first.clone());
        }
        let shown = actual.map(|actual| actual.show(self.epoch.script(actual.at)));
        Err(Stop::Fail(Box::new(Failure {
            at: event.at,
            what: packet_error(&what),
            expected: Some(compare::show(text, due.at)),
            actual: shown,
            packet: None,
        })))
    }

    /// Takes the next segments of a socket, merged up to the length that the script states, and compares.
    fn meet(
        &mut self,
        event: &Event,
        text: &SegmentText,
        due: &Due,
        index: usize,
    ) -> Result<Result<(), Differs>, Stop> {
        let deadline = due.deadline(&self.options);
        let mut merged: Option<Actual> = None;
        let mut last_len = 0;
        loop {
            let Some(next) = self.next_segment(event, text, index, deadline)? else {
                return Ok(Err(Differs { what: "Timed out waiting for packet".to_owned(), actual: merged }));
            };
            let len = next.tcp.text.len;
            match &mut merged {
                None => {
                    if let Err(what) = compare::check_first(text, &next.tcp) {
                        return Ok(Err(Differs { what, actual: Some(next) }));
                    }
                    merged = Some(next);
                }
                Some(before) => {
                    let missing = text.len - before.tcp.text.len;
                    if let Err(what) = compare::check_follows(before, last_len, &next, missing) {
                        return Ok(Err(Differs { what, actual: Some(next) }));
                    }
                    before.append(next);
                }
            }
            last_len = len;
            let so_far = merged.as_ref().map_or(0, |merged| merged.tcp.text.len);
            if so_far >= text.len || self.options.strict_segments {
                break;
            }
        }
        let Some(mut actual) = merged else { return Ok(Ok(())) };
        if actual.tcp.text.len != text.len {
            let (expected, sent) = (text.len, actual.tcp.text.len);
            let what = format!("live packet payload: expected {expected} bytes vs actual {sent} bytes");
            return Ok(Err(Differs { what, actual: Some(actual) }));
        }
        let happened = self.epoch.script(actual.at);
        let socket = self.sockets.get(index);
        let compared = compare::check(text, &mut actual, &mut socket.timestamps, &mut socket.flow_label, &self.options)
            .and_then(|()| due.check(happened, "outbound packet", &self.options));
        Ok(compared.map_err(|what| Differs { what, actual: Some(actual) }))
    }

    /// The next segment of a socket, with the script's numbers; `None` if none comes up to the deadline.
    fn next_segment(
        &mut self,
        event: &Event,
        text: &SegmentText,
        index: usize,
        deadline: Duration,
    ) -> Result<Option<Actual>, Stop> {
        let network = self.options.network.clone();
        let until = self.epoch.live(deadline);
        let mut looked_at = 0;
        loop {
            while looked_at < self.sent.len() {
                let seen = &self.sent[looked_at];
                let ours = seen.ip.src == network.local && seen.ip.dst == network.remote;
                let socket = self.sockets.get(index);
                match &seen.body {
                    Body::Tcp(tcp) if ours && socket.owns(tcp.ports, &tcp.text, text) => {
                        socket.saw(tcp.ports.0, &tcp.text, text);
                        let tcp = Tcp { text: socket.to_script(&tcp.text), ..tcp.clone() };
                        let seen: Option<Seen> = self.sent.remove(looked_at);
                        return Ok(seen.map(|seen| Actual::new(seen, tcp)));
                    }
                    _ => looked_at += 1,
                }
            }
            if !self.step(until, event.at)? {
                return Ok(None);
            }
        }
    }
}

fn packet_error(why: &str) -> String {
    format!("error handling packet: {why}")
}
