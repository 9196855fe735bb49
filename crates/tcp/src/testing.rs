//! For tests: one end of one connection, in whatever phase it is, in virtual time, with a transcript of all that happens.

mod pair;

pub(crate) use pair::{Link, Pair, Random};

use crate::{
    Config, Connection, Next, OpenParams, Outcome, Readiness, Remnant, SharedMemory, SynReceived, SynReceivedOutcome,
    SynReceivedTimeout, SynSent, SynSentOutcome, TimeWait, TimeWaitOutcome, Transmit, WriteFlags, reset_for,
};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt::Write;
use core::time::Duration;
use limpid_event::{Counter, Counters, Error, Event, FlowId, Instant, Observer, SegmentView, TcpState, TxReason};
use limpid_wire::notation::SegmentText;
use limpid_wire::{FramePool, Segment, TcpFlags};

/// The phase an end is in.
pub(crate) enum Phase {
    Closed,
    Listen,
    SynSent(SynSent),
    SynReceived(SynReceived),
    Connection(Box<Connection>),
    TimeWait(TimeWait),
}

/// Writes events down, a line each.
#[derive(Default)]
pub(crate) struct Transcript {
    pub(crate) lines: Vec<String>,
    /// Only segments and what they cause, no timers and samples.
    pub(crate) brief: bool,
}

/// One end: what a stack would do for a single connection.
pub(crate) struct Host {
    pub(crate) now: Instant,
    pub(crate) config: Arc<Config>,
    pub(crate) params: OpenParams,
    pub(crate) phase: Phase,
    pub(crate) transcript: Transcript,
    pub(crate) counters: Counters,
    pub(crate) pool: FramePool,
    pub(crate) memory: SharedMemory,
    pub(crate) outbox: VecDeque<Transmit>,
    /// What is left to read after the connection went.
    pub(crate) remnant: Option<Remnant>,
    /// Why the connection ended, if it did.
    pub(crate) ended: Option<Option<Error>>,
    /// All that ever woke.
    pub(crate) woke: Readiness,
    /// There is room in the accept queue.
    pub(crate) accepts: bool,
}

macro_rules! cx {
    ($host:expr) => {
        &mut $crate::Cx {
            now: $host.now,
            flow: limpid_event::FlowId(1),
            observer: &mut $host.transcript,
            counters: &mut $host.counters,
            pool: &mut $host.pool,
            memory: $host.memory,
        }
    };
}

pub(crate) use cx;

impl Observer for Transcript {
    fn observe(&mut self, at: Instant, _flow: FlowId, event: &Event) {
        let text = match event {
            Event::Sent { segment, why, .. } => format!("> {}  ({why})", view(segment)),
            Event::Received { segment } => format!("< {}", view(segment)),
            Event::Dropped { why } => format!("  dropped: {why}"),
            Event::State { from, to } => format!("  {from} -> {to}"),
            Event::Ended { error: Some(error) } => format!("  ended: {}", error.errno()),
            Event::Ended { error: None } => "  ended".to_string(),
            _ if self.brief => return,
            Event::TimerFired { timer, nth } => format!("  timer: {timer}, {nth}"),
            Event::Call(call) => format!("  {call:?}"),
            Event::RecoveryBegan { why } => format!("  recovery begins: {why}"),
            Event::RecoveryEnded => "  recovery ends".to_string(),
            Event::Undone { how } => format!("  needless: {how}"),
            Event::Congestion { cwnd, why, .. } => format!("  cwnd {cwnd}: {why}"),
            Event::SoftError { error } => format!("  soft error: {}", error.errno()),
            _ => return,
        };
        self.lines.push(format!("{at} {text}"));
    }
}

fn view(segment: &SegmentView) -> String {
    let text = SegmentText::from_segment(&Segment {
        seq: segment.seq,
        ack: segment.ack,
        flags: segment.flags,
        window: segment.window,
        urgent: segment.urgent,
        options: segment.options.all().into_owned(),
        ..Segment::default()
    });
    SegmentText { len: segment.len, ..text }.to_string()
}

/// A segment from its text.
pub(crate) fn segment(text: &str) -> Segment {
    text.parse::<SegmentText>().unwrap_or_else(|error| panic!("{text}: {error}")).to_segment()
}

/// Settings without timestamps, SACK and scaling, so that texts stay short.
pub(crate) fn plain() -> Config {
    Config { timestamps: false, sack: false, window_scaling: false, ..Config::default() }
}

impl Host {
    pub(crate) fn new(config: Config) -> Host {
        Host {
            now: Instant::ZERO,
            config: Arc::new(config),
            params: OpenParams::default(),
            phase: Phase::Closed,
            transcript: Transcript::default(),
            counters: Counters::default(),
            pool: FramePool::new(),
            memory: SharedMemory::UNLIMITED,
            outbox: VecDeque::new(),
            remnant: None,
            ended: None,
            woke: Readiness::empty(),
            accepts: true,
        }
    }

    /// Listens.
    pub(crate) fn listening(config: Config) -> Host {
        Host { phase: Phase::Listen, ..Host::new(config) }
    }

    /// One whose SYN has left, with number 0.
    pub(crate) fn connecting(config: Config) -> Host {
        let mut host = Host::new(config);
        host.connect();
        host
    }

    /// A connection that the peer opened, at `1:1`, with the handshake's segments gone from transcript and outbox.
    pub(crate) fn established(config: Config) -> Host {
        Host::established_after(config, 0)
    }

    /// The same with a round trip of so many milliseconds.
    pub(crate) fn established_after(config: Config, rtt: u64) -> Host {
        let mut host = Host::listening(config);
        host.inject("S 0:0(0) win 65535 <mss 1460>");
        host.pass_ms(rtt);
        host.inject(". 1:1(0) ack 1 win 65535");
        assert_eq!(host.state(), TcpState::Established);
        host.forget();
        host
    }

    /// Forgets what happened so far.
    pub(crate) fn forget(&mut self) {
        self.transcript.lines.clear();
        self.outbox.clear();
        self.woke = Readiness::empty();
    }

    /// Forgets the transcript, but sends what is to be sent.
    pub(crate) fn forget_story(&mut self) {
        self.transcript.lines.clear();
    }

    pub(crate) fn connect(&mut self) {
        let syn_sent = SynSent::new(cx!(self), self.config.clone(), self.params);
        self.phase = Phase::SynSent(syn_sent);
        self.drain();
    }

    pub(crate) fn connection(&mut self) -> &mut Connection {
        match &mut self.phase {
            Phase::Connection(connection) => connection,
            _ => panic!("there is no connection"),
        }
    }

    pub(crate) fn state(&self) -> TcpState {
        match &self.phase {
            Phase::Closed => TcpState::Closed,
            Phase::Listen => TcpState::Listen,
            Phase::SynSent(_) => TcpState::SynSent,
            Phase::SynReceived(_) => TcpState::SynReceived,
            Phase::Connection(connection) => connection.state(),
            Phase::TimeWait(time_wait) => time_wait.state(),
        }
    }

    pub(crate) fn counter(&self, counter: Counter) -> u64 {
        self.counters.value(counter)
    }

    /// The segment that this text is arrives.
    pub(crate) fn inject(&mut self, text: &str) {
        self.receive(segment(text));
    }

    /// A segment arrives; what follows from it is in the outbox.
    pub(crate) fn receive(&mut self, mut segment: Segment) {
        match core::mem::replace(&mut self.phase, Phase::Closed) {
            Phase::Closed => self.refuse(&segment),
            Phase::Listen => self.receive_listening(segment),
            Phase::SynSent(syn_sent) => self.receive_syn_sent(syn_sent, segment),
            Phase::SynReceived(embryo) => self.receive_syn_received(embryo, segment),
            Phase::Connection(mut connection) => {
                let outcome = connection.handle_segment(cx!(self), &mut segment);
                self.phase = Phase::Connection(connection);
                self.settle(outcome);
            }
            Phase::TimeWait(time_wait) => self.receive_time_wait(time_wait, segment),
        }
    }

    fn refuse(&mut self, segment: &Segment) {
        if let Some(reset) = reset_for(segment, TxReason::ResetNoConnection) {
            cx!(self).sent(&reset, 0);
            self.outbox.push_back(reset);
        }
    }

    fn receive_listening(&mut self, segment: Segment) {
        self.phase = Phase::Listen;
        let kind = segment.flags & (TcpFlags::SYN | TcpFlags::ACK | TcpFlags::RST | TcpFlags::FIN);
        if kind.contains(TcpFlags::ACK) && !kind.contains(TcpFlags::RST) {
            return self.refuse(&segment);
        }
        if kind == TcpFlags::SYN {
            let mut embryo = SynReceived::new(cx!(self), &self.config, self.params, &segment);
            let syn_ack = embryo.syn_ack(cx!(self), &self.config);
            self.outbox.push_back(syn_ack);
            self.phase = Phase::SynReceived(embryo);
        }
    }

    fn receive_syn_sent(&mut self, syn_sent: SynSent, segment: Segment) {
        let (outcome, reset) = syn_sent.handle_segment(cx!(self), segment);
        self.outbox.extend(reset);
        self.after_syn_sent(outcome);
    }

    fn after_syn_sent(&mut self, outcome: SynSentOutcome) {
        match outcome {
            SynSentOutcome::Waiting(syn_sent) => self.phase = Phase::SynSent(syn_sent),
            SynSentOutcome::Connection(connection) => self.phase = Phase::Connection(connection),
            SynSentOutcome::Failed(error) => self.ended = Some(Some(error)),
        }
        self.drain();
    }

    fn receive_syn_received(&mut self, mut embryo: SynReceived, segment: Segment) {
        match embryo.handle_segment(cx!(self), &self.config, &segment) {
            SynReceivedOutcome::Stay(answer) => {
                self.outbox.extend(answer);
                self.phase = Phase::SynReceived(embryo);
            }
            SynReceivedOutcome::Complete if self.accepts => {
                let connection = embryo.establish(cx!(self), self.config.clone(), segment);
                self.woke |= connection.readiness();
                self.phase = Phase::Connection(connection);
                self.drain();
            }
            SynReceivedOutcome::Complete => self.phase = Phase::SynReceived(embryo),
            SynReceivedOutcome::Reset(answer) => {
                self.outbox.extend(answer);
                self.phase = Phase::Listen;
            }
        }
    }

    fn receive_time_wait(&mut self, mut time_wait: TimeWait, segment: Segment) {
        match time_wait.handle_segment(cx!(self), &self.config, &segment, true) {
            TimeWaitOutcome::Stay(answer) => {
                self.outbox.extend(answer);
                self.phase = Phase::TimeWait(time_wait);
            }
            TimeWaitOutcome::Over(answer) => self.outbox.extend(answer),
            TimeWaitOutcome::Reopen { isn_above } => {
                self.params.isn = isn_above + 1;
                self.receive_listening(segment);
            }
        }
    }

    /// Does what a stack does after an outcome.
    pub(crate) fn settle(&mut self, outcome: Outcome) {
        self.woke |= outcome.woke;
        self.drain();
        match outcome.next {
            Next::Continue | Next::Established => {}
            Next::TimeWait => {
                let Phase::Connection(connection) = core::mem::replace(&mut self.phase, Phase::Closed) else {
                    panic!("only a connection has this outcome");
                };
                let (time_wait, remnant) = connection.into_time_wait(cx!(self));
                self.phase = Phase::TimeWait(time_wait);
                self.remnant = Some(remnant);
            }
            Next::Ended(error) => {
                self.ended = Some(error);
                let phase = core::mem::replace(&mut self.phase, Phase::Closed);
                if let Phase::Connection(connection) = phase {
                    self.remnant = Some(connection.into_remnant(self.now));
                }
            }
        }
    }

    /// Takes what is to be sent.
    pub(crate) fn drain(&mut self) {
        loop {
            let transmit = match &mut self.phase {
                Phase::SynSent(syn_sent) => syn_sent.poll_transmit(cx!(self)),
                Phase::Connection(connection) => {
                    let done = connection.finish_sending(self.now);
                    let before = done.then(|| (connection.poll_timeout(), connection.info(self.now)));
                    let transmit = connection.poll_transmit(cx!(self));
                    let after = done.then(|| (connection.poll_timeout(), connection.info(self.now)));
                    assert_eq!(before, after, "asking changed something");
                    assert!(!done || transmit.is_none(), "it was said to be done, and sends {transmit:?}");
                    transmit
                }
                _ => None,
            };
            let Some(transmit) = transmit else { break };
            self.outbox.push_back(transmit);
            assert!(self.outbox.len() < 100_000, "it sends for ever");
        }
        if let Phase::Connection(connection) = &mut self.phase {
            self.woke |= connection.take_woke(self.now, self.memory);
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Closed | Phase::Listen => None,
            Phase::SynSent(syn_sent) => syn_sent.poll_timeout().map(|(at, _)| at),
            Phase::SynReceived(embryo) => embryo.poll_timeout().map(|(at, _)| at),
            Phase::Connection(connection) => connection.poll_timeout().map(|(at, _)| at),
            Phase::TimeWait(time_wait) => Some(time_wait.poll_timeout().0),
        }
    }

    /// The deadline has come.
    pub(crate) fn handle_timeout(&mut self) {
        match core::mem::replace(&mut self.phase, Phase::Closed) {
            phase @ (Phase::Closed | Phase::Listen) => self.phase = phase,
            Phase::SynSent(syn_sent) => {
                let outcome = syn_sent.handle_timeout(cx!(self));
                self.after_syn_sent(outcome);
            }
            Phase::SynReceived(mut embryo) => match embryo.handle_timeout(cx!(self), &self.config) {
                SynReceivedTimeout::Send => {
                    let syn_ack = embryo.syn_ack(cx!(self), &self.config);
                    self.outbox.push_back(syn_ack);
                    self.phase = Phase::SynReceived(embryo);
                }
                SynReceivedTimeout::Wait => self.phase = Phase::SynReceived(embryo),
                SynReceivedTimeout::GiveUp => self.phase = Phase::Listen,
            },
            Phase::Connection(mut connection) => {
                let outcome = connection.handle_timeout(cx!(self));
                self.phase = Phase::Connection(connection);
                self.settle(outcome);
            }
            Phase::TimeWait(mut time_wait) => {
                if !time_wait.handle_timeout(cx!(self)) {
                    self.phase = Phase::TimeWait(time_wait);
                }
            }
        }
    }

    /// Time passes, with the timers that run out in it.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        let mut at_once = 0;
        while let Some(at) = self.poll_timeout().filter(|&at| at <= end) {
            at_once = if at > self.now { 0 } else { at_once + 1 };
            assert!(at_once < 100, "its timer is due for ever");
            self.now = self.now.max(at);
            self.handle_timeout();
        }
        self.now = end;
    }

    /// Time passes, in milliseconds.
    pub(crate) fn pass_ms(&mut self, millis: u64) {
        self.pass(Duration::from_millis(millis));
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        self.write_with(bytes, WriteFlags::empty())
    }

    pub(crate) fn write_with(&mut self, bytes: &[u8], flags: WriteFlags) -> Result<usize, Error> {
        let Phase::Connection(connection) = &mut self.phase else { return Err(Error::NotConnected) };
        let result = connection.write_with(cx!(self), bytes, flags);
        self.drain();
        result
    }

    /// Changes settings of the connection.
    pub(crate) fn configure(&mut self, change: impl FnOnce(&mut Config)) {
        let mut config = self.connection().config().clone();
        change(Arc::make_mut(&mut config));
        let Phase::Connection(connection) = &mut self.phase else { panic!("there is no connection") };
        let outcome = connection.configure(cx!(self), config);
        self.settle(outcome);
    }

    pub(crate) fn read(&mut self, max: usize) -> Result<Vec<u8>, Error> {
        let mut buf = vec![0; max];
        let n = match (&mut self.phase, &mut self.remnant) {
            (Phase::Connection(connection), _) => connection.read(cx!(self), &mut buf)?,
            (_, Some(remnant)) => remnant.read(&mut self.pool, &mut buf)?,
            _ => return Err(Error::NotConnected),
        };
        self.drain();
        buf.truncate(n);
        Ok(buf)
    }

    pub(crate) fn shutdown_write(&mut self) {
        let Phase::Connection(connection) = &mut self.phase else { panic!("there is no connection") };
        let outcome = connection.shutdown_write(cx!(self)).expect("the connection is alive");
        self.settle(outcome);
    }

    pub(crate) fn close(&mut self) {
        match core::mem::replace(&mut self.phase, Phase::Closed) {
            Phase::Connection(mut connection) => {
                let outcome = connection.close(cx!(self));
                self.phase = Phase::Connection(connection);
                self.settle(outcome);
            }
            Phase::SynSent(syn_sent) => syn_sent.abort(cx!(self)),
            phase => self.phase = phase,
        }
    }

    pub(crate) fn abort(&mut self) {
        let Phase::Connection(connection) = &mut self.phase else { panic!("there is no connection") };
        let outcome = connection.abort(cx!(self));
        self.settle(outcome);
    }

    /// The texts of what was sent since the last call, with reasons.
    pub(crate) fn sent(&mut self) -> Vec<String> {
        let line = |t: Transmit| format!("{}  ({})", SegmentText::from_segment(&t.segment), t.why);
        self.outbox.drain(..).map(line).collect()
    }

    /// Checks that exactly these left since the last look, in notation with the reason in parentheses.
    #[track_caller]
    pub(crate) fn expect(&mut self, texts: &[&str]) {
        let sent = self.sent();
        assert_eq!(sent, texts, "sent (left) is not what was expected (right)");
    }

    /// All that happened since the last call.
    pub(crate) fn story(&mut self) -> String {
        let mut story = String::new();
        for line in self.transcript.lines.drain(..) {
            writeln!(story, "{line}").expect("a string takes all");
        }
        story
    }
}
