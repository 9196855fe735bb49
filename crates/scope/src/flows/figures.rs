//! What is counted and measured of each end of a connection.

use super::pack::{Pack, Packer, Unpacker, pack_fields, pack_in_place, pack_names};
use super::sighting::Cause;
use limpid_event::TcpState;
use limpid_wire::{Endpoint, SeqNum};
use std::time::Duration;

/// The most SYNs and SYN-ACKs of an end whose times are kept.
pub const MAX_SYNS: usize = 12;
/// The most changes of state of an end that are kept.
pub const MAX_STATE_CHANGES: usize = 12;
/// How many an end comes through that opens, closes and waits in TIME-WAIT.
const USUAL_STATE_CHANGES: usize = 6;

/// One end of a connection: what it sent, and what is known of it.
///
/// Times are nanoseconds since 1970. What is said of segments is as the vantage point saw them.
#[derive(Clone, PartialEq, Debug)]
pub struct EndFigures {
    /// Packets it sent.
    pub packets: u64,
    /// Bytes of those packets on the link.
    pub wire_bytes: u64,
    /// Packets with payload.
    pub data_packets: u64,
    /// Bytes of payload, repetitions included.
    pub data_bytes: u64,
    /// Bytes of payload, each counted once.
    pub unique_bytes: u64,
    /// Bytes sent and not acknowledged now.
    pub in_flight: u32,
    /// The most there ever were of them.
    pub max_in_flight: u32,
    /// When its first packet was seen; 0 before.
    pub first_at: i64,
    /// When its last packet was seen; 0 before.
    pub last_at: i64,
    /// When its first data was seen.
    pub first_data_at: Option<i64>,
    /// When its last data was seen; 0 before.
    pub last_data_at: i64,
    /// The window it offers.
    pub window: WindowFigures,
    /// How long acknowledgements of what it sent took.
    pub rtt: RttFigures,
    /// Segments with nothing but an acknowledgement.
    pub pure_acks: u64,
    /// Its duplicate ACKs.
    pub duplicate_acks: u64,
    /// Its ACKs with SACK blocks.
    pub sacks: u64,
    /// Its ACKs that tell of data that came twice (RFC 2883).
    pub dsacks: u64,
    /// Segments sent again (copies that the link made are not its doing: see [`Cause::Copy`]).
    pub retransmissions: u64,
    /// Payload bytes sent again.
    pub retransmitted_bytes: u64,
    /// Retransmissions by cause, in the order of [`Cause::ALL`].
    pub causes: [u32; Cause::COUNT],
    /// Retransmissions that turned out to be needless.
    pub needless: u64,
    /// Of the retransmissions: those whose original was never seen here, so lost before the vantage point.
    pub lost_before: u64,
    /// Segments that others had overtaken.
    pub overtaken: u64,
    /// Keepalives.
    pub keepalives: u64,
    /// Zero-window probes.
    pub window_probes: u64,
    /// The largest payload of a packet; larger than the MSS where the capturing host's card cuts segments.
    pub largest_payload: u32,
    /// Bytes of its stream that the other end acknowledged and that were never seen here.
    pub unseen_bytes: u64,
    /// Packets whose headers the capture cut.
    pub cut_packets: u64,
    /// Packets that a router marked: congestion experienced (RFC 3168).
    pub congestion_marks: u64,
    /// Its initial sequence number, if the SYN was seen.
    pub isn: Option<SeqNum>,
    /// What relative numbers count from: the ISN, else one before the first byte seen; `None` before anything is known.
    pub base: Option<SeqNum>,
    /// What its SYN offered.
    pub options: Option<SynOptions>,
    /// Its SYNs or SYN-ACKs: number and time, the first [`MAX_SYNS`].
    pub syns: Vec<Sent>,
    /// How many SYNs or SYN-ACKs it sent.
    pub syn_count: u32,
    /// TTL or hop limit of its first packet.
    pub ttl: u8,
    /// Its FIN.
    pub fin: Option<Fin>,
    /// Its state now.
    pub state: TcpState,
    /// Its state is inferred from what was seen elsewhere: it is not the end near the vantage point.
    pub inferred: bool,
    /// Its states and when it came into them, the first [`MAX_STATE_CHANGES`].
    pub states: Vec<StateChange>,
    /// Address and port.
    pub endpoint: Endpoint,
}

impl EndFigures {
    pub(super) fn new(endpoint: Endpoint) -> EndFigures {
        EndFigures {
            packets: 0,
            wire_bytes: 0,
            data_packets: 0,
            data_bytes: 0,
            unique_bytes: 0,
            in_flight: 0,
            max_in_flight: 0,
            first_at: 0,
            last_at: 0,
            first_data_at: None,
            last_data_at: 0,
            window: WindowFigures { scale_unknown: true, ..WindowFigures::default() },
            rtt: RttFigures::default(),
            pure_acks: 0,
            duplicate_acks: 0,
            sacks: 0,
            dsacks: 0,
            retransmissions: 0,
            retransmitted_bytes: 0,
            causes: [0; Cause::COUNT],
            needless: 0,
            lost_before: 0,
            overtaken: 0,
            keepalives: 0,
            window_probes: 0,
            largest_payload: 0,
            unseen_bytes: 0,
            cut_packets: 0,
            congestion_marks: 0,
            isn: None,
            base: None,
            options: None,
            syns: Vec::new(),
            syn_count: 0,
            ttl: 0,
            fin: None,
            state: TcpState::Closed,
            inferred: false,
            states: Vec::new(),
            endpoint,
        }
    }

    /// Becomes new in the memory of its lists.
    pub(super) fn renew(&mut self, endpoint: Endpoint) {
        let (mut syns, mut states) = (std::mem::take(&mut self.syns), std::mem::take(&mut self.states));
        syns.clear();
        states.clear();
        *self = EndFigures { syns, states, ..EndFigures::new(endpoint) };
    }

    /// Retransmissions of this cause.
    pub const fn caused_by(&self, cause: Cause) -> u32 {
        self.causes[cause as usize]
    }

    /// Payload in bits per second from its first data to its last, repetitions included; `None` where that is no time.
    pub fn throughput_bps(&self) -> Option<f64> {
        self.rate(self.data_bytes)
    }

    /// The same without repetitions: what reached the reader.
    pub fn goodput_bps(&self) -> Option<f64> {
        self.rate(self.unique_bytes)
    }

    fn rate(&self, bytes: u64) -> Option<f64> {
        let nanos = self.last_data_at.saturating_sub(self.first_data_at?);
        (nanos > 0).then(|| bytes as f64 * 8e9 / nanos as f64)
    }

    pub(super) fn enter(&mut self, state: TcpState, at: i64, number: u64) {
        if self.state == state && !self.states.is_empty() {
            return;
        }
        self.state = state;
        if self.states.capacity() == 0 {
            self.states.reserve_exact(USUAL_STATE_CHANGES);
        }
        if self.states.len() < MAX_STATE_CHANGES {
            self.states.push(StateChange { at, number, to: state });
        }
    }
}

/// A packet and its time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sent {
    /// Its number in the capture.
    pub number: u64,
    /// When it was seen: nanoseconds since 1970.
    pub at: i64,
}

/// An end enters a state (RFC 9293 §3.3.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StateChange {
    /// When the vantage point saw what led there: nanoseconds since 1970.
    pub at: i64,
    /// The packet that led there.
    pub number: u64,
    /// The state.
    pub to: TcpState,
}

/// What a SYN or SYN-ACK offers.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct SynOptions {
    /// Maximum segment size, bytes (RFC 9293 §3.7.1).
    pub mss: Option<u16>,
    /// Window scale, a shift of 0 to 14 (RFC 7323 §2).
    pub window_scale: Option<u8>,
    /// SACK permitted (RFC 2018).
    pub sack: bool,
    /// Timestamps (RFC 7323 §3).
    pub timestamps: bool,
    /// ECN: the SYN asks for it, the SYN-ACK grants it (RFC 3168 §6.1.1, RFC 9768).
    pub ecn: bool,
    /// Fast Open: a cookie, or the request for one (RFC 7413).
    pub fast_open: bool,
    /// Bytes of data that the SYN brought.
    pub data: u32,
}

/// A FIN.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fin {
    /// Number of the packet that brought it first.
    pub number: u64,
    /// When that was seen: nanoseconds since 1970.
    pub at: i64,
    /// Its relative sequence number.
    pub seq: i64,
    /// The packet that acknowledged it first.
    pub acked: Option<Sent>,
    /// That packet was the other end's FIN: no ACK of its own was needed.
    pub acked_by_fin: bool,
}

/// The windows that an end offered, but for those of SYNs, which are not scaled.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct WindowFigures {
    /// By how much its window field is to be shifted; 0 where a SYN is missing that would tell.
    pub scale: u8,
    /// A SYN that would tell the scale was not seen: windows may be many times larger than they look.
    pub scale_unknown: bool,
    /// The smallest window, bytes; meaningless before `updates` counts one.
    pub min: u64,
    /// The largest, bytes.
    pub max: u64,
    /// The newest, bytes.
    pub last: u64,
    /// How many windows were seen.
    pub updates: u64,
    /// How often it closed.
    pub zero_count: u64,
    /// For how long it was closed in all.
    pub zero_time: Duration,
    /// Since when it has been closed, if it is: nanoseconds since 1970.
    pub zero_since: Option<i64>,
    /// How often the other end's data filled it to the last byte.
    pub full_count: u64,
}

/// Round trips between the vantage point and the other end, of what an end sent.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct RttFigures {
    /// How many samples.
    pub samples: u64,
    min: u64,
    max: u64,
    last: u64,
    sum: u64,
    smoothed: u64,
    variation: u64,
}

impl RttFigures {
    /// The shortest.
    pub fn min(&self) -> Option<Duration> {
        self.known(self.min)
    }

    /// The longest.
    pub fn max(&self) -> Option<Duration> {
        self.known(self.max)
    }

    /// The newest.
    pub fn last(&self) -> Option<Duration> {
        self.known(self.last)
    }

    /// The mean.
    pub fn average(&self) -> Option<Duration> {
        self.known(self.sum / self.samples.max(1))
    }

    /// Smoothed as RFC 6298 §2 has it.
    pub fn smoothed(&self) -> Option<Duration> {
        self.known(self.smoothed)
    }

    /// The mean deviation of RFC 6298 §2.
    pub fn variation(&self) -> Option<Duration> {
        self.known(self.variation)
    }

    fn known(&self, nanos: u64) -> Option<Duration> {
        (self.samples > 0).then_some(Duration::from_nanos(nanos))
    }

    #[inline]
    pub(super) fn sample(&mut self, nanos: u64) {
        if self.samples == 0 {
            (self.min, self.smoothed, self.variation) = (nanos, nanos, nanos / 2);
        } else {
            self.variation = self.variation - self.variation / 4 + self.smoothed.abs_diff(nanos) / 4;
            self.smoothed = self.smoothed - self.smoothed / 8 + nanos / 8;
        }
        self.samples += 1;
        self.min = self.min.min(nanos);
        self.max = self.max.max(nanos);
        self.last = nanos;
        self.sum = self.sum.saturating_add(nanos);
    }
}

pack_in_place!(EndFigures {
    value: packets wire_bytes data_packets data_bytes unique_bytes max_in_flight first_data_at window rtt pure_acks
        largest_payload isn base options syn_count ttl fin state inferred;
    time: first_at last_at last_data_at;
    rare: in_flight duplicate_acks sacks dsacks retransmissions retransmitted_bytes causes needless lost_before overtaken
        keepalives window_probes unseen_bytes cut_packets congestion_marks;
    list: syns states;
    left: endpoint;
});
pack_fields!(Sent { value: number; time: at; });
pack_fields!(StateChange { value: number to; time: at; });
pack_fields!(Fin { value: number seq acked acked_by_fin; time: at; });
pack_fields!(WindowFigures {
    value: scale scale_unknown min max last updates;
    rare: zero_count zero_time zero_since full_count;
});
pack_fields!(RttFigures { value: samples min max last sum smoothed variation; });
pack_names!(TcpState: Closed Listen SynSent SynReceived Established FinWait1 FinWait2 CloseWait Closing LastAck TimeWait);

impl Pack for SynOptions {
    /// All in one word; the lowest bit of each part says that it is there.
    fn pack(&self, to: &mut Packer) {
        let flags = [self.sack, self.timestamps, self.ecn, self.fast_open];
        let flags = flags.into_iter().fold(0, |bits, flag| bits << 1 | u64::from(flag));
        let mss = self.mss.map_or(0, |mss| u64::from(mss) << 1 | 1);
        let scale = self.window_scale.map_or(0, |scale| u64::from(scale) << 1 | 1);
        to.word(u64::from(self.data) << 32 | flags << 28 | scale << 18 | mss);
    }
    fn unpack(from: &mut Unpacker) -> SynOptions {
        let word = from.word();
        let flag = |at: u32| word >> (28 + at) & 1 != 0;
        SynOptions {
            mss: (word & 1 != 0).then_some((word >> 1) as u16),
            window_scale: (word >> 18 & 1 != 0).then_some((word >> 19) as u8),
            sack: flag(3),
            timestamps: flag(2),
            ecn: flag(1),
            fast_open: flag(0),
            data: (word >> 32) as u32,
        }
    }
}
