//! What the list shows, from packets: the survey of connections, their rates, and the packets that are kept.

use super::keep::{self, Keep};
use super::rate::{PerSecond, Rate};
use super::row::{RTTS, Row};
use super::trouble::{Wrong, now_wrong};
use limpid_event::TcpState;
use limpid_scope::capture::PacketRef;
use limpid_scope::flows::{Cause, End, Flow, FlowNumber, Flows, FlowsOptions, Kind, Sighting};
use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// The most connections that are listed after they ended; the oldest leave first.
pub(crate) const MAX_ENDED: usize = 2000;
/// The most connections followed at once.
pub(crate) const MAX_OPEN: usize = 20_000;
/// Of round trips one is shown for each span of this length, nanoseconds.
const RTT_SLOT: i64 = 100_000_000;

/// What goes on now in a connection, beside what the survey holds of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Live {
    /// Payload bytes that each end sends.
    rates: [Rate; 2],
    /// Round trips of what each end sent.
    rtts: [Rtts; 2],
    /// What each end sends again and again.
    pub(super) repeats: [Option<Repeats>; 2],
    /// Packets of it, kept or not.
    pub(crate) packets: u64,
}

/// The last round trips, nanoseconds, the oldest first.
#[derive(Clone, Copy, Debug, Default)]
struct Rtts {
    last: [u64; RTTS],
    slot: i64,
}

impl Rtts {
    fn add(&mut self, time: i64, rtt: Duration) {
        let nanos = u64::try_from(rtt.as_nanos()).unwrap_or(u64::MAX).max(1);
        if time.div_euclid(RTT_SLOT) != self.slot {
            self.slot = time.div_euclid(RTT_SLOT);
            self.last.rotate_left(1);
            self.last[RTTS - 1] = nanos;
        } else {
            // What stands out is what one looks for.
            self.last[RTTS - 1] = self.last[RTTS - 1].max(nanos);
        }
    }
}

/// Data that is sent again and again, and not acknowledged. Times are nanoseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(super) struct Repeats {
    /// When it was sent first.
    pub(super) first: i64,
    /// When it was sent last.
    pub(super) last: i64,
    /// How long it took until it was sent that time.
    pub(super) gap: i64,
    /// How often it was sent.
    pub(super) sent: u32,
}

impl Live {
    fn see(&mut self, seen: &Sighting) {
        let (from, peer) = (seen.from.index(), seen.from.peer().index());
        self.packets += 1;
        if seen.len > 0 {
            self.rates[from].add(seen.time, u64::from(seen.len));
        }
        if let Some(rtt) = seen.rtt {
            self.rtts[peer].add(seen.time, rtt);
        }
        if seen.newly_acked > 0 || seen.kind == Kind::Reset {
            self.repeats[peer] = None;
        }
        let Some(again) = seen.again.filter(|again| again.cause != Cause::Copy) else { return };
        if matches!(seen.kind, Kind::Data | Kind::Fin) {
            let gap = i64::try_from(again.after.as_nanos()).unwrap_or(i64::MAX);
            let repeats = self.repeats[from].get_or_insert(Repeats {
                first: seen.time.saturating_sub(gap),
                last: 0,
                gap: 0,
                sent: 1,
            });
            (repeats.last, repeats.gap, repeats.sent) = (seen.time, gap, again.nth.saturating_add(1).max(repeats.sent));
        }
    }
}

/// Everything that is known from the packets so far.
#[derive(Debug)]
pub(crate) struct Survey {
    flows: Flows,
    live: HashMap<FlowNumber, Live>,
    ended: VecDeque<Flow>,
    pub(crate) keep: Keep,
    /// Packets, of TCP or not.
    pub(crate) packets: u64,
    /// Of these, such as belong to a connection.
    pub(crate) segments: u64,
    /// Connections seen.
    pub(crate) connections: u64,
    /// When the first and the last packet came, nanoseconds since 1970.
    pub(crate) span: Option<(i64, i64)>,
    packet_rate: Rate,
    byte_rate: Rate,
    per_second: PerSecond,
}

impl Survey {
    pub(crate) fn new() -> Survey {
        Survey {
            flows: Flows::new(FlowsOptions { max_open: MAX_OPEN, ..FlowsOptions::default() }),
            live: HashMap::new(),
            ended: VecDeque::new(),
            keep: Keep::new(keep::MAX_BYTES),
            packets: 0,
            segments: 0,
            connections: 0,
            span: None,
            packet_rate: Rate::default(),
            byte_rate: Rate::default(),
            per_second: PerSecond::default(),
        }
    }

    /// Takes a packet in.
    pub(crate) fn handle_packet(&mut self, packet: &PacketRef<'_>) {
        self.packets += 1;
        let (first, last) = self.span.unwrap_or((packet.time, packet.time));
        self.span = Some((first.min(packet.time), last.max(packet.time)));
        self.packet_rate.add(packet.time, 1);
        self.byte_rate.add(packet.time, u64::from(packet.original_len));
        self.per_second.add(packet.time, 1);
        let Some(seen) = self.flows.handle_packet(packet) else { return };
        self.segments += 1;
        self.connections += u64::from(seen.opens);
        self.live.entry(seen.flow).or_default().see(&seen);
        self.keep.push(seen.flow.0, packet);
    }

    /// Takes connections that ended out of the survey. To be called now and then.
    pub(crate) fn settle(&mut self) {
        while let Some(flow) = self.flows.poll_ended() {
            self.ended.push_back(flow);
            if self.ended.len() > MAX_ENDED
                && let Some(oldest) = self.ended.pop_front()
            {
                self.live.remove(&oldest.number);
                self.keep.forget(oldest.number.0);
            }
        }
    }

    /// It is `now`: seconds without packets count, too.
    pub(crate) fn pass(&mut self, now: i64) {
        if self.span.is_some() {
            self.per_second.pass(now);
        }
    }

    /// Takes those that ended off the list.
    pub(crate) fn clear_ended(&mut self) {
        let over: Vec<FlowNumber> = self.ended.drain(..).map(|flow| flow.number).collect();
        for number in over {
            self.live.remove(&number);
            self.keep.forget(number.0);
        }
    }

    /// Packets and bits a second, at `now`.
    pub(crate) fn rates(&self, now: i64) -> (u64, u64) {
        (self.packet_rate.per_second(now), self.byte_rate.per_second(now).saturating_mul(8))
    }

    /// Packets of each of the last seconds, `count` at most.
    pub(crate) fn packets_per_second(&self, count: usize) -> Vec<u64> {
        self.per_second.history.last(count).collect()
    }

    /// All connections that are listed, in no order.
    pub(crate) fn rows(&self, now: i64) -> Vec<Row> {
        let ended = self.ended.iter().map(|flow| (Cow::Borrowed(flow), true));
        let all = self.flows.open().map(|flow| (flow, false)).chain(ended);
        all.map(|(flow, over)| row(&flow, self.live.get(&flow.number), over, now)).collect()
    }

    /// One connection, if it is listed.
    pub(crate) fn row(&self, number: FlowNumber, now: i64) -> Option<Row> {
        let ended = || self.ended.iter().find(|flow| flow.number == number);
        let (flow, over) = match self.flows.flow(number) {
            Some(flow) => (flow, false),
            None => (Cow::Borrowed(ended()?), true),
        };
        Some(row(&flow, self.live.get(&number), over, now))
    }

    /// How many packets a connection has had.
    pub(crate) fn packets_of(&self, number: FlowNumber) -> u64 {
        self.live.get(&number).map_or(0, |live| live.packets)
    }
}

fn row(flow: &Flow, live: Option<&Live>, over: bool, now: i64) -> Row {
    // A connect that was refused is over as well; one that nobody answers may go on.
    let both_closed = flow.ends.iter().all(|end| end.state == TcpState::Closed);
    let is_over = over || flow.ending.is_over() || both_closed;
    let nanos = |d: Duration| u64::try_from(d.as_nanos()).unwrap_or(u64::MAX);
    let [client, server] = &flow.ends;
    // Round trips are measured to both sides of the vantage point: the far side is what one wants to know.
    let far = match (client.rtt.min(), server.rtt.min()) {
        (Some(a), Some(b)) => usize::from(b > a),
        (None, Some(_)) => 1,
        _ => 0,
    };
    let rtt = &flow.ends[far].rtt;
    let handshake = flow.handshake_round_trip().map(nanos);
    Row {
        flow: flow.number,
        ends: [client.endpoint, server.endpoint],
        states: [client.state, server.state],
        rtt: rtt.smoothed().map(nanos).or(handshake),
        rtt_range: rtt.min().zip(rtt.max()).map(|(min, max)| (nanos(min), nanos(max))),
        rtts: live.map(|live| live.rtts[far].last).unwrap_or_default(),
        rates: [0, 1].map(|end| live.map_or(0, |live| live.rates[end].per_second(now).saturating_mul(8))),
        segments: [client.packets, server.packets],
        bytes: [client.unique_bytes, server.unique_bytes],
        again: [client.retransmissions, server.retransmissions],
        in_flight: [client.in_flight.into(), server.in_flight.into()],
        windows: [client.window.last, server.window.last],
        began: flow.began,
        last: flow.last,
        is_over,
        wrong: wrong(flow, live.filter(|_| !is_over), now),
    }
}

/// What goes on, if that is as bad as the worst that has happened.
fn wrong(flow: &Flow, live: Option<&Live>, now: i64) -> Option<Wrong> {
    let happened = flow.troubles.worst().filter(|t| t.kind.severity() > 0).map(|t| {
        let end = flow.end(t.end);
        Wrong::happened(t, end.retransmissions, end.packets)
    });
    let now_wrong = live.and_then(|live| now_wrong(flow, live, now));
    match (now_wrong, happened) {
        (Some(now), Some(past)) if now.severity < past.severity => Some(past),
        (now, past) => now.or(past),
    }
}

/// The end at `index`: 0 for the client.
pub(super) fn end_at(index: usize) -> End {
    End::BOTH[index.min(1)]
}
