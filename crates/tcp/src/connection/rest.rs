//! Connections at rest: established, with nothing under way, nothing to be read or sent and nothing to be told. A server may have a
//! million of them, so they are kept [packed](crate::pack), in a sixth of the room, until something happens.
//!
//! Nothing is forgotten: whoever wakes up goes on as if it had never rested.

use super::halves::Halves;
use super::rcv::Rcv;
use super::snd::Snd;
use super::stats::Stats;
use super::{App, Connection, Due};
use crate::clock::AnswerLimit;
use crate::ecn::EcnState;
use crate::negotiate::Negotiated;
use crate::pack::{Pack, Packer, Unpacker};
use crate::syn_sent::OpenParams;
use crate::timer::Timers;
use crate::{Config, Readiness};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;
use limpid_event::{Instant, TcpState, Timer};
use limpid_wire::tcp::UserTimeout;

/// A connection at rest.
pub struct Resting {
    config: Arc<Config>,
    packed: Box<[u8]>,
}

impl fmt::Debug for Resting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resting").field("bytes", &self.packed.len()).finish_non_exhaustive()
    }
}

impl Connection {
    /// Whether it can be [put to rest](Self::rest): nothing was heard or sent for so long, and there is nothing about it that could
    /// not be packed. BBR and controllers of one's own, AccECN's counters, searches for an MTU and watched writes stay awake.
    pub fn can_rest(&self, now: Instant, after: Duration) -> bool {
        let quiet = now.since(self.last_heard) >= after && now.since(self.snd.last_tx) >= after;
        quiet && self.state() == TcpState::Established && self.is_at_rest()
    }

    fn is_at_rest(&self) -> bool {
        let App { gone, read_shut, wants_room, error, soft_error } = self.app;
        let told = !gone && !read_shut && !wants_room && error.is_none() && soft_error.is_none();
        let Due { reset, syn_ack, ack, duplicate_acks, probe, urgent_told, reflect, user_timeout } = self.due;
        let due = reset.is_some() || syn_ack.is_some() || ack.is_some() || duplicate_acks > 0 || probe.is_some();
        let said = !due && !urgent_told && !reflect && !user_timeout;
        let waits = self.timers.only_runs(Timer::KeepAlive) && self.woke.is_empty() && !self.just_established;
        told && said
            && waits
            && self.snd.is_at_rest()
            && self.rcv.is_at_rest()
            && self.ecn.accurate.is_none()
            && self.fast_open.is_none()
    }

    /// The same in little room. To be asked only where it [can be](Self::can_rest).
    pub fn rest(&self) -> Resting {
        debug_assert!(self.is_at_rest(), "something would be lost");
        let mut packer = Packer::default();
        self.pack(&mut packer);
        Resting { config: self.config.clone(), packed: packer.finish() }
    }

    fn pack(&self, to: &mut Packer) {
        let Connection {
            config: _,
            app: _,
            due: _,
            woke: _,
            just_established: _,
            fast_open: _,
            params,
            negotiated,
            halves,
            timers,
            limit,
            probes_out,
            last_heard,
            snd,
            rcv,
            ecn,
            stats,
            peer_user_timeout,
        } = self;
        // Times first that others are near to.
        last_heard.pack(to);
        timers.deadline(Timer::KeepAlive).pack(to);
        params.pack(to);
        snd.pack(to);
        rcv.pack(to);
        negotiated.pack(to);
        halves.pack(to);
        limit.pack(to);
        probes_out.pack(to);
        ecn.pack(to);
        stats.pack(to);
        peer_user_timeout.map(|timeout| timeout.0).pack(to);
    }
}

impl Resting {
    /// The connection, awake.
    pub fn wake(&self) -> Box<Connection> {
        let from = &mut Unpacker::new(&self.packed);
        let last_heard = Instant::unpack(from);
        let keepalive: Option<Instant> = Pack::unpack(from);
        let mut timers = Timers::new();
        if let Some(at) = keepalive {
            timers.postpone(Timer::KeepAlive, at);
        }
        Box::new(Connection {
            last_heard,
            timers,
            params: OpenParams::unpack(from),
            snd: Snd::unpack(from),
            rcv: Rcv::unpack(from),
            negotiated: Negotiated::unpack(from),
            halves: Halves::unpack(from),
            limit: AnswerLimit::unpack(from),
            probes_out: u8::unpack(from),
            ecn: EcnState::unpack(from),
            stats: Stats::unpack(from),
            peer_user_timeout: Option::<u16>::unpack(from).map(UserTimeout),
            config: self.config.clone(),
            app: App::default(),
            due: Due::default(),
            woke: Readiness::empty(),
            just_established: false,
            fast_open: None,
        })
    }

    /// The settings in force.
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// Bytes that it takes beside itself.
    pub fn memory(&self) -> usize {
        self.packed.len()
    }
}
