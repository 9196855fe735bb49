//! For tests: traces written by hand, as short stories.

pub(crate) mod experiments;

use crate::trace::{Arrival, PacketId, Trace, View, What};
use limpid_event::{Event, FlowId, Instant, LinkFate, TcpState, Timer, TxReason};
use limpid_wire::tcp::{emit_header, header_len};
use limpid_wire::{Endpoint, IpAddr, IpHeader, IpProtocol, Segment, SeqNum, TcpFlags, TcpOptions};
use std::time::Duration;

/// The left and the right host.
pub(crate) const CLIENT: usize = 0;
pub(crate) const SERVER: usize = 1;

/// A segment to be sent, with relative numbers.
#[derive(Clone)]
pub(crate) struct Seg {
    from: usize,
    flags: TcpFlags,
    seq: u32,
    ack: u32,
    data: Vec<u8>,
    window: u16,
    sack: Vec<(u32, u32)>,
    why: Option<TxReason>,
}

/// A segment with packetdrill's letters for flags (`S.`), and relative numbers.
pub(crate) fn seg(from: usize, flags: &str, seq: u32, ack: u32) -> Seg {
    let flags = flags.chars().fold(TcpFlags::empty(), |flags, c| {
        flags
            | match c {
                'S' => TcpFlags::SYN,
                'F' => TcpFlags::FIN,
                'R' => TcpFlags::RST,
                'P' => TcpFlags::PSH,
                '.' => TcpFlags::ACK,
                other => panic!("no such flag: {other}"),
            }
    });
    let window = if flags.contains(TcpFlags::SYN) { 64240 } else { 502 };
    Seg { from, flags, seq, ack, data: Vec::new(), window, sack: Vec::new(), why: None }
}

impl Seg {
    pub(crate) fn data(mut self, data: &[u8]) -> Seg {
        self.data = data.to_vec();
        self
    }

    pub(crate) fn len(self, len: usize) -> Seg {
        self.data(&vec![0xa5; len])
    }

    pub(crate) fn win(mut self, window: u16) -> Seg {
        self.window = window;
        self
    }

    pub(crate) fn sack(mut self, left: u32, right: u32) -> Seg {
        self.sack.push((left, right));
        self
    }

    pub(crate) fn why(mut self, why: TxReason) -> Seg {
        self.why = Some(why);
        self
    }
}

/// A trace in the making.
pub(crate) struct Story {
    pub(crate) trace: Trace,
    pub(crate) ends: [Endpoint; 2],
    pub(crate) isn: [u32; 2],
    pub(crate) flow: FlowId,
    /// One way, in milliseconds.
    pub(crate) delay: u64,
    last: Option<PacketId>,
}

fn ms(ms: u64) -> Instant {
    Instant::from_nanos(ms.saturating_mul(1_000_000))
}

impl Story {
    pub(crate) fn new(views: [View; 2]) -> Story {
        Story::between(["10.0.0.103:55570", "10.0.0.199:6379"], views)
    }

    pub(crate) fn between(ends: [&str; 2], views: [View; 2]) -> Story {
        let ends = ends.map(|e| Endpoint::from(e.parse::<std::net::SocketAddr>().expect("an endpoint")));
        let mut trace = Trace::default();
        trace.add_host("client", vec![ends[0].addr], views[0]);
        trace.add_host("server", vec![ends[1].addr], views[1]);
        Story { trace, ends, isn: [3_841_401_858, 3_944_805_231], flow: FlowId(1), delay: 10, last: None }
    }

    fn bytes(&self, seg: &Seg) -> Vec<u8> {
        let peer = 1 - seg.from;
        let syn = seg.flags.contains(TcpFlags::SYN);
        let mut options = TcpOptions::default();
        if syn {
            (options.mss, options.window_scale, options.sack_permitted) = (Some(1460), Some(7), true);
        }
        let base = self.isn[peer];
        options.sack = (seg.sack.iter())
            .filter_map(|&(l, r)| {
                limpid_wire::tcp::SackBlock::new(SeqNum(base.wrapping_add(l)), SeqNum(base.wrapping_add(r)))
            })
            .collect();
        let segment = Segment {
            seq: SeqNum(self.isn[seg.from].wrapping_add(seg.seq)),
            ack: if seg.flags.contains(TcpFlags::ACK) { SeqNum(base.wrapping_add(seg.ack)) } else { SeqNum(0) },
            flags: seg.flags,
            window: seg.window,
            options,
            ..Segment::default()
        };
        let tcp_len = header_len(&segment);
        let ip = IpHeader::new(self.ends[seg.from].addr, self.ends[peer].addr, IpProtocol::TCP);
        let mut bytes = vec![0; ip.header_len() + tcp_len];
        let at = ip.emit(tcp_len + seg.data.len(), &mut bytes);
        emit_header(&segment, (self.ends[seg.from].port, self.ends[peer].port), &mut bytes[at..]);
        bytes.extend_from_slice(&seg.data);
        bytes
    }

    fn send(&mut self, at: u64, seg: &Seg) -> PacketId {
        let bytes = self.bytes(seg);
        let inside = self.trace.hosts[seg.from].view == View::Inside;
        let (flow, why) = if inside { (self.flow, seg.why) } else { (FlowId::NONE, None) };
        let id = self.trace.packet_sent(ms(at), (seg.from, 1 - seg.from), bytes, flow, why);
        self.last = Some(id);
        id
    }

    /// It arrives after the usual delay.
    pub(crate) fn sends(&mut self, at: u64, seg: Seg) -> &mut Story {
        let id = self.send(at, &seg);
        let arrival = ms(at.saturating_add(self.delay));
        let guess = self.trace.hosts.iter().any(|h| h.view == View::Estimated);
        self.trace.packet_ended(id, if guess { Arrival::Estimated(arrival) } else { Arrival::At(arrival) });
        self
    }

    /// The link loses it.
    pub(crate) fn loses(&mut self, at: u64, seg: Seg) -> &mut Story {
        let id = self.send(at, &seg);
        self.trace.packet_ended(id, Arrival::Lost { at: ms(at.saturating_add(self.delay / 2)), fate: LinkFate::Lost });
        self
    }

    /// It arrives at `arrives`.
    pub(crate) fn sends_until(&mut self, at: u64, arrives: u64, seg: Seg) -> &mut Story {
        let id = self.send(at, &seg);
        self.trace.packet_ended(id, Arrival::At(ms(arrives)));
        self
    }

    /// Nobody knows what became of it.
    pub(crate) fn sends_somewhere(&mut self, at: u64, seg: Seg) -> &mut Story {
        self.send(at, &seg);
        self
    }

    /// The link makes a copy of the last one, which arrives at `arrives`.
    pub(crate) fn copied(&mut self, arrives: u64) -> &mut Story {
        let original = self.last.expect("something was sent");
        let sent_at = self.trace.packets.last().expect("something was sent").sent_at;
        let copy = self.trace.packet_copied(sent_at, original);
        self.trace.packet_ended(copy, Arrival::At(ms(arrives)));
        self
    }

    /// A raw packet.
    pub(crate) fn packet(&mut self, at: u64, (from, to): (usize, usize), bytes: Vec<u8>) -> &mut Story {
        let id = self.trace.packet_sent(ms(at), (from, to), bytes, FlowId::NONE, None);
        self.trace.packet_ended(id, Arrival::At(ms(at + self.delay)));
        self
    }

    /// An ICMP error from `reporter` to the client about its SYN.
    pub(crate) fn icmp_about_syn(&mut self, at: u64, host: usize, reporter: IpAddr, code: u8) -> &mut Story {
        let quoted = self.bytes(&seg(CLIENT, "S", 0, 0));
        let (protocol, kind) = match reporter.is_v4() {
            true => (IpProtocol::ICMP, 3),
            false => (IpProtocol::ICMPV6, 1),
        };
        let mut icmp = vec![kind, code, 0, 0, 0, 0, 0, 0];
        icmp.extend_from_slice(&quoted);
        let ip = IpHeader::new(reporter, self.ends[CLIENT].addr, protocol);
        let mut bytes = vec![0; ip.header_len()];
        ip.emit(icmp.len(), &mut bytes);
        bytes.extend_from_slice(&icmp);
        self.packet(at, (host, CLIENT), bytes)
    }

    pub(crate) fn event(&mut self, at: u64, host: usize, event: Event) -> &mut Story {
        self.trace.note(ms(at), host, self.flow, What::Event(event));
        self
    }

    pub(crate) fn state(&mut self, at: u64, host: usize, from: TcpState, to: TcpState) -> &mut Story {
        self.event(at, host, Event::State { from, to })
    }

    /// A timer that is set at `at` and runs out at `fires`.
    pub(crate) fn timer(&mut self, at: u64, fires: u64, host: usize, timer: Timer) -> &mut Story {
        let after = Duration::from_millis(fires - at);
        self.event(at, host, Event::TimerSet { timer, after });
        self.event(fires, host, Event::TimerFired { timer, nth: 1 })
    }

    pub(crate) fn says(&mut self, at: u64, host: usize, text: &str) -> &mut Story {
        self.trace.note(ms(at), host, self.flow, What::App(text.into()));
        self
    }

    /// SYN, SYN-ACK, ACK from `at` on; done after three delays.
    pub(crate) fn handshake(&mut self, at: u64) -> &mut Story {
        let delay = self.delay;
        self.sends(at, seg(CLIENT, "S", 0, 0).why(TxReason::Syn));
        self.sends(at + delay, seg(SERVER, "S.", 0, 1).win(65160).why(TxReason::SynAck));
        self.sends(at + 2 * delay, seg(CLIENT, ".", 1, 1).why(TxReason::HandshakeAck))
    }

    pub(crate) fn end(&mut self, at: u64) -> Trace {
        let mut trace = std::mem::take(&mut self.trace);
        trace.finish(ms(at));
        trace
    }
}
