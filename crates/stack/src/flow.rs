//! What the stack keeps of each phase of a connection, and how one phase follows another.
//!
//! | phase | where | holds |
//! |---|---|---|
//! | a SYN that waits for the application's answer | [`HeldSyn`] | the SYN |
//! | SYN-RECEIVED of a passive open | [`Embryo`] | at most 128 bytes of TCP |
//! | SYN-SENT, and all states with data | [`Flow`] | a [`Connection`], in the end what is left to read |
//! | TIME-WAIT, an orphan's FIN-WAIT-2 | [`Quiet`] | at most 64 bytes of TCP |
//!
//! A connection that nothing happens to is kept [packed](Resting) after a second ([`Stack::rest_some`]) and roused by the next thing
//! that concerns it; who merely asks about it sees it awake ([`Phase::awake`]).
//!
//! A phase has one entry in the demux table and one in the timing wheel; the next phase takes both over.

use crate::auth::FlowAuth;
use crate::demux::{FlowKey, FlowTable, Handle, Reuse};
use crate::icmp::error::IcmpNotice;
use crate::iface::{Header, Path, Turn, Way};
use crate::ip::config::IpConfig;
use crate::ip::output::Marks;
use crate::slab::Slab;
use crate::stack::{Stack, Wake};
use crate::wheel::TimerId;
use crate::{Readiness, SocketId};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::ops::Deref;
use limpid_event::{Counter, Error, Event, FlowId, Instant, Observer, TcpState};
use limpid_tcp::{Config, Connection, Next, Outcome, Remnant, Resting, SynReceived, SynSent, SynSentOutcome, TimeWait};
use limpid_wire::{Segment, SeqNum};

/// A connection that an application has, or will have.
pub(crate) struct Flow {
    pub(crate) phase: Phase,
    pub(crate) key: FlowKey,
    pub(crate) id: FlowId,
    pub(crate) owner: Owner,
    pub(crate) timer: TimerId,
    pub(crate) path: Way,
    /// The route table's generation when `path` was looked up.
    pub(crate) path_generation: u32,
    pub(crate) ip: SharedIp,
    pub(crate) marks: Marks,
    /// What comes with a smaller TTL is dropped.
    pub(crate) min_ttl: u8,
    /// It is in its interface's queue of those that may have something to send.
    pub(crate) queued: bool,
    pub(crate) hold: Hold,
    /// What it holds counts as so many bytes of the memory of all.
    pub(crate) charged: usize,
    /// What few flows have.
    pub(crate) rare: Option<Box<Rare>>,
    /// What it signs with, and asks of its peer.
    pub(crate) auth: Option<Box<FlowAuth>>,
}

impl Flow {
    /// Its opening is not complete: an ICMP error ends it.
    pub(crate) fn is_opening(&self) -> bool {
        match &self.phase {
            Phase::SynSent(_) => true,
            Phase::Connection(connection) => connection.is_opening(),
            Phase::Resting(_) | Phase::Over(_) | Phase::Between => false,
        }
    }
}

/// What few flows have.
#[derive(Default)]
pub(crate) struct Rare {
    /// The ICMP error that ended its opening, until it is taken.
    pub(crate) icmp: Option<IcmpNotice>,
    /// The headers of the peer's SYN, if its listener keeps them, until they are taken.
    pub(crate) saved_syn: Option<Box<[u8]>>,
}

/// Settings at the level of IP: a pointer, and none to the usual ones.
pub(crate) struct SharedIp(Option<Box<IpConfig>>);

impl From<IpConfig> for SharedIp {
    fn from(ip: IpConfig) -> SharedIp {
        SharedIp((ip != IpConfig::new()).then(|| Box::new(ip)))
    }
}

impl Deref for SharedIp {
    type Target = IpConfig;

    fn deref(&self) -> &IpConfig {
        const USUAL: &IpConfig = &IpConfig::new();
        self.0.as_deref().unwrap_or(USUAL)
    }
}

/// What a flow is.
pub(crate) enum Phase {
    SynSent(Box<SynSent>),
    Connection(Box<Connection>),
    /// The same while nothing happens, in little room.
    Resting(Resting),
    /// Gone from the wire; what an application may still read stays.
    Over(Over),
    /// On the way from one to another.
    Between,
}

impl Phase {
    /// Itself, a connection at rest as it is when awake: for those who only look. The copy lies in `room`.
    pub(crate) fn awake<'a>(&'a self, room: &'a mut Option<Phase>) -> &'a Phase {
        match self {
            Phase::Resting(resting) => room.insert(Phase::Connection(resting.wake())),
            other => other,
        }
    }
}

/// What is left of a connection for its socket.
pub(crate) enum Over {
    Remnant(Box<Remnant>),
    /// The open failed, for this reason if it is not taken yet.
    Failed(Option<Error>),
}

/// Who has a flow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Owner {
    /// The socket in this place.
    Socket(u32),
    /// Nobody yet: it waits in a listener's accept queue.
    AcceptQueue,
    /// Nobody any more.
    Orphan,
}

/// How a flow holds its local port against listeners that come later.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hold {
    /// Not at all: its local address is none of ours.
    No,
    /// Beside those that have the same of SO_REUSEADDR and SO_REUSEPORT.
    Beside(Reuse),
}

/// An embryonic connection.
pub(crate) struct Embryo {
    pub(crate) syn: SynReceived,
    pub(crate) key: FlowKey,
    pub(crate) id: FlowId,
    pub(crate) listener: SocketId,
    pub(crate) timer: TimerId,
    /// The SYN's headers, if the listener keeps them.
    pub(crate) saved_syn: Option<Box<[u8]>>,
    pub(crate) auth: Option<Box<FlowAuth>>,
}

/// A SYN that waits for the application's answer.
pub(crate) struct HeldSyn {
    pub(crate) syn: Segment,
    pub(crate) header: Header,
    /// The initial sequence number of the answer must be after this, if it reopens what was in TIME-WAIT.
    pub(crate) isn_above: Option<SeqNum>,
    pub(crate) key: FlowKey,
    pub(crate) id: FlowId,
    pub(crate) listener: SocketId,
    pub(crate) timer: TimerId,
}

/// A connection that only waits.
pub(crate) struct Quiet {
    pub(crate) time_wait: TimeWait,
    pub(crate) key: FlowKey,
    pub(crate) id: FlowId,
    pub(crate) timer: TimerId,
    pub(crate) config: Arc<Config>,
    pub(crate) hold: Hold,
    pub(crate) auth: Option<Box<FlowAuth>>,
    /// TOS or traffic class, and mark, of its ACKs.
    pub(crate) class: u8,
    pub(crate) mark: u32,
}

impl<O: Observer> Stack<O> {
    /// A name for a new connection.
    pub(crate) fn next_flow_id(&mut self) -> FlowId {
        self.last_flow += 1;
        FlowId(u64::from(self.config.shard) << 48 | self.last_flow)
    }

    /// The connection of a socket, awake.
    pub(crate) fn stream(&mut self, socket: SocketId) -> Result<u32, Error> {
        let index = self.sockets.stream(socket)?;
        self.rouse(index);
        Ok(index)
    }

    /// Something concerns a flow: it rests no longer.
    #[inline]
    pub(crate) fn rouse(&mut self, index: u32) {
        let flow = &mut self.flows[index];
        if let Phase::Resting(resting) = &flow.phase {
            flow.phase = Phase::Connection(resting.wake());
            self.awake.push_back(Turn { index, flow: flow.id });
            if flow.timer == TimerId::NONE {
                flow.timer = self.wheel.insert(Wake::Flow(index));
            }
        }
    }

    /// Looks at a few flows that are awake, those first that were not looked at for longest, and lets those rest that have been idle for
    /// long enough. So nobody needs a timer for it, and it never takes long.
    pub(crate) fn rest_some(&mut self, now: Instant, some: usize) {
        for _ in 0..some.min(self.awake.len()) {
            let Some(turn) = self.awake.pop_front() else { return };
            let Some(flow) = self.flows.get_mut(turn.index).filter(|flow| flow.id == turn.flow) else { continue };
            match &flow.phase {
                Phase::Connection(connection)
                    if !flow.queued
                        && matches!(flow.owner, Owner::Socket(_))
                        && connection.can_rest(now, self.config.rest_after) =>
                {
                    if connection.poll_timeout().is_none() {
                        self.wheel.remove(core::mem::replace(&mut flow.timer, TimerId::NONE));
                    }
                    flow.phase = Phase::Resting(connection.rest());
                }
                Phase::Over(_) => {}
                _ => self.awake.push_back(turn),
            }
        }
    }

    /// Does what an input has brought about.
    pub(crate) fn apply(&mut self, now: Instant, index: u32, outcome: Outcome) {
        match outcome.next {
            Next::Continue | Next::Established => {
                if outcome.next == Next::Established {
                    self.fast_opening_ended(now, index, None);
                }
                self.look_at_fast_open(now, index);
                self.go_on(now, index);
                self.wake_owner(index, outcome.woke);
            }
            Next::TimeWait => {
                self.learn_path(now, index);
                self.look_back_at_fast_open(now, index, None);
                self.enter_time_wait(now, index, outcome.woke);
            }
            Next::Ended(error) => {
                if error.is_none() {
                    self.learn_path(now, index);
                }
                self.look_back_at_fast_open(now, index, error);
                self.end_connection(now, index, outcome.woke);
            }
        }
    }

    /// A connection that tried Fast Open may have something to tell of it.
    #[inline]
    fn look_at_fast_open(&mut self, now: Instant, index: u32) {
        let flow = &mut self.flows[index];
        if let Phase::Connection(connection) = &mut flow.phase
            && let Some(news) = connection.take_fast_open_news()
        {
            let iface = flow.path.iface;
            self.judge_fast_open(now, iface, news);
        }
    }

    /// A connection that closes has something to tell of its peer.
    fn learn_path(&mut self, now: Instant, index: u32) {
        let flow = &self.flows[index];
        if let Phase::Connection(connection) = &flow.phase
            && connection.has_closed()
            && self.config.save_metrics
        {
            let pair = (flow.key.local.addr, flow.key.remote.addr);
            self.metrics.learn_path(now, pair, &connection.path_lesson(), self.config.save_ssthresh);
        }
    }

    /// The same when it ends.
    fn look_back_at_fast_open(&mut self, now: Instant, index: u32, error: Option<Error>) {
        self.fast_opening_ended(now, index, error);
        let flow = &mut self.flows[index];
        if let Phase::Connection(connection) = &mut flow.phase
            && let Some(news) = connection.last_fast_open_news()
        {
            let iface = flow.path.iface;
            self.judge_fast_open(now, iface, news);
        }
    }

    /// The same for SYN-SENT.
    pub(crate) fn apply_syn_sent(&mut self, now: Instant, index: u32, outcome: SynSentOutcome) {
        let flow = &mut self.flows[index];
        match outcome {
            SynSentOutcome::Waiting(syn_sent) => flow.phase = Phase::SynSent(Box::new(syn_sent)),
            SynSentOutcome::Connection(mut connection) => {
                let (ready, answer) = (connection.readiness(), connection.take_fast_open_answer());
                flow.phase = Phase::Connection(connection);
                self.wake_owner(index, ready);
                if let Some(answer) = answer {
                    self.learn_fast_open(now, index, &answer);
                }
            }
            SynSentOutcome::Failed(error) => return self.fail_open(index, Some(error)),
        }
        self.schedule(index);
    }

    /// An open came to nothing.
    pub(crate) fn fail_open(&mut self, index: u32, error: Option<Error>) {
        self.flows[index].phase = Phase::Over(Over::Failed(error));
        let handle = Handle::Flow(index);
        self.leave_wire(index, handle);
        self.wake_owner(index, ended(error.is_some()));
        self.drop_orphan(index);
    }

    /// Something happened after which a flow may have something to send, or not: only if it may it is asked.
    pub(crate) fn go_on(&mut self, now: Instant, index: u32) {
        if !self.flows[index].queued && self.finish_sending(now, index) {
            self.settle(now, index);
        } else {
            self.schedule(index);
        }
    }

    /// Sees to it that a flow is asked for what it has to send, and that its timer wakes it.
    pub(crate) fn schedule(&mut self, index: u32) {
        let flow = &mut self.flows[index];
        if !flow.queued && !matches!(flow.phase, Phase::Over(_)) {
            flow.queued = true;
            let turn = Turn { index, flow: flow.id };
            self.net.iface_mut(flow.path.iface).ready.push_back(turn);
        }
        self.settle_memory(index);
        self.set_timer(index);
    }

    /// Sets the wheel to a flow's next deadline.
    pub(crate) fn set_timer(&mut self, index: u32) {
        let flow = &self.flows[index];
        let deadline = match &flow.phase {
            Phase::SynSent(syn_sent) => syn_sent.poll_timeout(),
            Phase::Connection(connection) => connection.poll_timeout(),
            Phase::Resting(_) | Phase::Over(_) | Phase::Between => return,
        };
        self.wheel.set(flow.timer, deadline.map(|(at, _)| at));
    }

    /// A connection has nothing left but to wait.
    fn enter_time_wait(&mut self, now: Instant, index: u32, woke: Readiness) {
        self.send_last_words(now, index);
        let flow = &mut self.flows[index];
        let (key, id, timer, hold) = (flow.key, flow.id, flow.timer, flow.hold);
        let Marks { class, mark, .. } = flow.marks;
        let Phase::Connection(connection) = core::mem::replace(&mut flow.phase, Phase::Between) else {
            return self.flows[index].phase = Phase::Over(Over::Failed(None));
        };
        let config = connection.config().clone();
        let (time_wait, remnant) = connection.into_time_wait(&mut self.env.cx(now, id));
        flow.phase = Phase::Over(Over::Remnant(Box::new(remnant)));
        if self.quiet.len() >= self.config.max_time_wait {
            self.env.counters.bump(Counter::TcpExtTCPTimeWaitOverflow);
            let mut cx = self.env.cx(now, id);
            cx.emit(|| Event::State { from: time_wait.state(), to: TcpState::Closed });
            cx.emit(|| Event::Ended { error: None });
            self.leave_wire(index, Handle::Flow(index));
        } else {
            self.open_flows -= 1;
            let auth = self.flows[index].auth.take();
            let (until, _) = time_wait.poll_timeout();
            let quiet = self.quiet.insert(Quiet { time_wait, key, id, timer, config, hold, auth, class, mark });
            self.table.replace(&key, Handle::Flow(index), Handle::TimeWait(quiet));
            self.wheel.rename(timer, Wake::TimeWait(quiet));
            self.wheel.set(timer, Some(until));
        }
        self.settle_memory(index);
        self.wake_owner(index, woke);
        self.drop_orphan(index);
    }

    /// A connection is over.
    pub(crate) fn end_connection(&mut self, now: Instant, index: u32, woke: Readiness) {
        self.send_last_words(now, index);
        let flow = &mut self.flows[index];
        flow.phase = match core::mem::replace(&mut flow.phase, Phase::Between) {
            Phase::Connection(connection) => Phase::Over(Over::Remnant(Box::new(connection.into_remnant(now)))),
            other => other,
        };
        self.leave_wire(index, Handle::Flow(index));
        self.settle_memory(index);
        self.wake_owner(index, woke);
        self.drop_orphan(index);
    }

    /// Sends a reset or ACK that a connection still owes before it goes.
    fn send_last_words(&mut self, now: Instant, index: u32) {
        loop {
            let flow = &mut self.flows[index];
            let Phase::Connection(connection) = &mut flow.phase else { return };
            let (key, id, ip) = (flow.key, flow.id, *flow.ip);
            let Some(mut transmit) = connection.poll_transmit(&mut self.env.cx(now, id)) else { return };
            if let Some(auth) = &mut flow.auth {
                auth.sign(&key, &mut transmit.segment);
            }
            let marks = self.stateless_marks(&key, &ip);
            self.send_segment(now, (&key, id), (marks, ip.iface), transmit);
        }
    }

    /// Takes a flow out of demux, wheel and ports.
    fn leave_wire(&mut self, index: u32, handle: Handle) {
        let flow = &self.flows[index];
        let (key, timer, hold) = (flow.key, flow.timer, flow.hold);
        self.open_flows -= 1;
        self.table.remove(&key, handle);
        self.wheel.remove(timer);
        self.release(&key, hold);
    }

    /// Lets go of a local port.
    pub(crate) fn release(&mut self, key: &FlowKey, hold: Hold) {
        match hold {
            Hold::No => {}
            Hold::Beside(reuse) => self.binds.release(key.local, reuse),
        }
    }

    /// The application is gone.
    pub(crate) fn orphan(&mut self, index: u32) {
        self.flows[index].owner = Owner::Orphan;
        self.orphans += 1;
    }

    /// Forgets a flow that is off the wire and has no owner.
    pub(crate) fn drop_orphan(&mut self, index: u32) {
        let flow = &self.flows[index];
        if flow.owner == Owner::Orphan && matches!(flow.phase, Phase::Over(_)) {
            let flow = self.flows.remove(index);
            self.env.ledger.charge(&mut self.env.counters, flow.charged, 0);
            self.orphans -= 1;
        }
    }

    /// Where a 4-tuple's connection is, in whatever phase.
    #[inline]
    pub(crate) fn find(&self, key: &FlowKey) -> Option<Handle> {
        let Stack { table, flows, embryos, held, quiet, .. } = self;
        Places { table, flows, embryos, held, quiet }.find(key)
    }

    /// Tells a socket that something newly happened.
    pub(crate) fn wake_owner(&mut self, index: u32, woke: Readiness) {
        if let Owner::Socket(socket) = self.flows[index].owner {
            self.sockets.wake(socket, woke);
        }
    }

    /// Forgets an embryonic connection.
    pub(crate) fn remove_embryo(&mut self, index: u32) -> Embryo {
        let embryo = self.embryos.remove(index);
        self.table.remove(&embryo.key, Handle::Embryo(index));
        self.wheel.remove(embryo.timer);
        if let Some(listener) = self.sockets.listener_mut(embryo.listener) {
            listener.syn_queue -= 1;
        }
        embryo
    }

    /// Forgets a connection in TIME-WAIT.
    pub(crate) fn remove_quiet(&mut self, index: u32) {
        let quiet = self.quiet.remove(index);
        self.table.remove(&quiet.key, Handle::TimeWait(index));
        self.wheel.remove(quiet.timer);
        self.release(&quiet.key, quiet.hold);
    }

    /// Enters a connection in all tables.
    pub(crate) fn insert_flow(&mut self, now: Instant, flow: NewFlow) -> u32 {
        self.rest_some(now, RESTS_BY_OPENING);
        let NewFlow { phase, key, id, owner, hold, path, ip, auth } = flow;
        let marks = self.marks(&key, &ip);
        let min_ttl = ip.of_version(key.remote.addr.is_v4()).min_ttl;
        let path_generation = self.net.routes.generation;
        let index = self.flows.next_index();
        let timer = self.wheel.insert(Wake::Flow(index));
        let queued = false;
        self.flows.insert(Flow {
            charged: 0,
            rare: None,
            auth,
            phase,
            key,
            id,
            owner,
            timer,
            path: path.way,
            path_generation,
            ip: ip.into(),
            marks,
            min_ttl,
            queued,
            hold,
        });
        self.open_flows += 1;
        self.awake.push_back(Turn { index, flow: id });
        self.table.insert(&key, Handle::Flow(index));
        match hold {
            Hold::No => {}
            Hold::Beside(reuse) => self.binds.hold(key.local, reuse),
        }
        index
    }
}

/// Where phases are found.
pub(crate) struct Places<'a> {
    pub(crate) table: &'a FlowTable,
    pub(crate) flows: &'a Slab<Flow>,
    pub(crate) embryos: &'a Slab<Embryo>,
    pub(crate) held: &'a Slab<HeldSyn>,
    pub(crate) quiet: &'a Slab<Quiet>,
}

impl Places<'_> {
    #[inline]
    pub(crate) fn find(&self, key: &FlowKey) -> Option<Handle> {
        self.table.find(key, |handle| {
            let its = match handle {
                Handle::Flow(index) => self.flows.get(index).map(|flow| &flow.key),
                Handle::Embryo(index) => self.embryos.get(index).map(|embryo| &embryo.key),
                Handle::Held(index) => self.held.get(index).map(|held| &held.key),
                Handle::TimeWait(index) => self.quiet.get(index).map(|quiet| &quiet.key),
            };
            its == Some(key)
        })
    }
}

/// So many flows are looked at for each that is opened, so that the queue of those that are awake does not grow by those that are gone,
const RESTS_BY_OPENING: usize = 2;

/// and so many in each call for timers.
pub(crate) const RESTS_BY_TIME: usize = 4;

/// What [`Stack::insert_flow`] needs.
pub(crate) struct NewFlow {
    pub(crate) phase: Phase,
    pub(crate) key: FlowKey,
    pub(crate) id: FlowId,
    pub(crate) owner: Owner,
    pub(crate) hold: Hold,
    pub(crate) path: Path,
    pub(crate) ip: IpConfig,
    pub(crate) auth: Option<Box<FlowAuth>>,
}

/// The readiness of what is over: nothing blocks.
pub(crate) fn ended(error: bool) -> Readiness {
    let over = Readiness::READABLE | Readiness::WRITABLE | Readiness::READ_CLOSED | Readiness::CLOSED;
    if error { over | Readiness::ERROR } else { over }
}
