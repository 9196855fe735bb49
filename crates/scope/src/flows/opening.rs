//! How a connection opens (RFC 9293 §3.5), what its SYNs offer, and what answers them.

use super::entry::{At, Entry, Read};
use super::figures::{MAX_SYNS, Sent, SynOptions};
use super::flow::{Ending, Handshake, Opening, Vantage, span};
use super::packet::Icmp;
use super::sighting::{Cause, End, Kind, Sighting};
use super::trouble::{IcmpTrouble, TroubleKind};
use limpid_wire::{TcpFlags, TcpOptions};

/// What senders set the TTL or hop limit to.
const FIRST_TTLS: [u8; 3] = [64, 128, 255];

impl Opening {
    /// True if the connection began within the capture.
    #[inline]
    pub(super) fn is_new(self) -> bool {
        self != Opening::MidStream
    }

    /// True while the handshake goes on.
    #[inline]
    fn is_under_way(self) -> bool {
        matches!(self, Opening::Unanswered | Opening::HalfOpen | Opening::Simultaneous)
    }
}

impl Entry {
    /// Follows the handshake.
    #[inline]
    pub(super) fn take_opening(&mut self, read: &Read<'_>, seen: &Sighting) {
        if read.is(TcpFlags::SYN) {
            return self.take_syn(read, seen);
        }
        if self.flow.opening.is_under_way() {
            self.take_answer(read);
            if self.shows_unseen_answer(read) {
                self.flow.opening = Opening::Handshake;
            }
        }
    }

    /// The handshake went on, though that is not in the capture: whoever had no answer could not send this.
    fn shows_unseen_answer(&self, read: &Read<'_>) -> bool {
        let goes_on = read.is(TcpFlags::ACK) && !read.is(TcpFlags::RST);
        let early = self.flow.ends[0].options.is_some_and(|offer| offer.data > 0);
        match (self.flow.opening, read.from) {
            (Opening::Unanswered, End::Client) => goes_on,
            // An ACK alone may be a challenge (RFC 5961 §4), data with a Fast Open an early answer.
            (Opening::HalfOpen, End::Server) => goes_on && !early && (read.tcp.len > 0 || read.ack > 1),
            _ => false,
        }
    }

    fn take_syn(&mut self, read: &Read<'_>, seen: &Sighting) {
        let (from, at) = (read.from, read.at);
        let stream = self.stream_mut(from);
        stream.syns = stream.syns.saturating_add(1);
        if seen.again.is_some_and(|again| again.cause == Cause::Copy) {
            return;
        }
        let figures = self.flow.end_mut(from);
        figures.syn_count += 1;
        if figures.syns.len() < MAX_SYNS {
            if figures.syns.capacity() == 0 {
                figures.syns.reserve_exact(1);
            }
            figures.syns.push(Sent { number: at.number, at: at.time });
        }
        // What a capture has cut off may have been there.
        if !read.tcp.cut {
            figures.options.get_or_insert_with(|| offered(read));
        }
        let crossed = read.kind == Kind::Syn && self.flow.end(from.peer()).syn_count > 0;
        match (self.flow.opening, read.kind) {
            (Opening::Unanswered, Kind::SynAck) => self.flow.opening = Opening::HalfOpen,
            (Opening::Unanswered, Kind::Syn) if crossed => self.flow.opening = Opening::Simultaneous,
            _ => {}
        }
        if self.flow.ends.iter().all(|end| end.options.is_some()) {
            self.agree();
        }
        if self.flow.vantage == Vantage::Unknown {
            self.flow.vantage = self.by_ttl();
        }
    }

    /// Options that need both ends' word (RFC 7323 §2.2).
    fn agree(&mut self) {
        let [Some(client), Some(server)] = self.flow.ends.each_ref().map(|end| end.options) else { return };
        let scales = match (client.window_scale, server.window_scale) {
            (Some(client), Some(server)) => [client, server],
            _ => [0, 0],
        };
        for (end, scale) in self.flow.ends.iter_mut().zip(scales) {
            end.window.scale = scale;
            end.window.scale_unknown = false;
        }
    }

    /// The client's acknowledgement of the SYN-ACK.
    fn take_answer(&mut self, read: &Read<'_>) {
        let answers = read.is(TcpFlags::ACK) && read.ack >= 1;
        if !answers || read.from != End::Client || self.flow.opening == Opening::Unanswered {
            return;
        }
        let simultaneous = self.flow.opening == Opening::Simultaneous;
        let [client, server] = &self.flow.ends;
        let early_data = client.options.is_some_and(|offer| offer.data > 0) && self.streams[0].una > 1;
        let first_answer = server.syns.first();
        // Of several SYNs the one before the answer was answered; of several SYN-ACKs the last.
        let syn = client.syns.iter().rev().find(|syn| first_answer.is_some_and(|answer| syn.number < answer.number));
        if let (Some(syn), Some(first), Some(last)) = (syn, first_answer, server.syns.last()) {
            let (to_server, to_client) = (span(syn.at, first.at), span(last.at, read.at.time));
            let (syn, syn_ack, ack) = (syn.number, last.number, read.at.number);
            self.flow.handshake = Some(Handshake { syn, syn_ack, ack, to_server, to_client });
            self.flow.vantage = match () {
                () if to_server >= to_client * 4 => Vantage::Client,
                () if to_client >= to_server * 4 => Vantage::Server,
                () => Some(self.by_ttl()).filter(|by| *by != Vantage::Unknown).unwrap_or(Vantage::Between),
            };
            self.note_refused_options(read.at);
        }
        self.flow.opening = match () {
            () if simultaneous => Opening::Simultaneous,
            () if early_data => Opening::FastOpen,
            () => Opening::Handshake,
        };
    }

    /// A packet that has passed no router still has its first TTL.
    fn by_ttl(&self) -> Vantage {
        let fresh = self.flow.ends.each_ref().map(|end| (end.packets > 0).then(|| FIRST_TTLS.contains(&end.ttl)));
        match fresh {
            [Some(true), Some(false)] => Vantage::Client,
            [Some(false), Some(true)] => Vantage::Server,
            [Some(true), None] => Vantage::Client,
            _ => Vantage::Unknown,
        }
    }

    /// What the client asked for, and the server did not grant.
    fn note_refused_options(&mut self, at: At) {
        let [Some(client), Some(server)] = self.flow.ends.each_ref().map(|end| end.options) else { return };
        let refused = [
            client.window_scale.is_some() && server.window_scale.is_none(),
            client.sack && !server.sack,
            client.timestamps && !server.timestamps,
        ];
        for _ in refused.iter().filter(|refused| **refused) {
            self.trouble(TroubleKind::OptionRefused, End::Client, at);
        }
    }

    /// An ICMP error about a segment of `to`.
    pub(super) fn take_icmp(&mut self, icmp: &Icmp, at: At, to: End) -> IcmpTrouble {
        let trouble = IcmpTrouble::of(icmp.v6, icmp.kind, icmp.code, icmp.mtu);
        self.flow.last = at.time;
        self.flow.last_packet = at.number;
        let under_way = self.flow.opening == Opening::Unanswered && self.flow.ending == Ending::Open;
        match trouble {
            IcmpTrouble::TooBig { mtu } => {
                self.stream_mut(to).too_big_at = Some(at.time);
                let known = self.flow.path_mtu;
                let smaller = mtu > 0 && (known == 0 || mtu < known);
                self.flow.path_mtu = if smaller { mtu } else { known };
                self.trouble(TroubleKind::TooBig, to, at);
            }
            _ if under_way && trouble.is_unreachable() => {
                self.flow.opening = Opening::Unreachable;
                self.flow.ending = Ending::Failed;
                self.flow.refusal = Some((Sent { number: at.number, at: at.time }, trouble));
                self.trouble(TroubleKind::Unreachable, to, at);
            }
            _ => self.trouble(TroubleKind::IcmpError, to, at),
        }
        trouble
    }
}

/// What a SYN or SYN-ACK offers.
fn offered(read: &Read<'_>) -> SynOptions {
    let options = TcpOptions::parse(read.tcp.options);
    let ecn_bits = (read.is(TcpFlags::ECE), read.is(TcpFlags::CWR));
    let ecn = match read.kind {
        Kind::SynAck => ecn_bits == (true, false) || read.tcp.flags.intersects(TcpFlags::AE),
        _ => ecn_bits == (true, true),
    };
    SynOptions {
        mss: options.mss,
        window_scale: options.window_scale,
        sack: options.sack_permitted,
        timestamps: options.timestamps.is_some(),
        ecn,
        fast_open: options.fast_open.is_some(),
        data: read.tcp.len,
    }
}
