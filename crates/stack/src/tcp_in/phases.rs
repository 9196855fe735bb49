//! What each phase makes of a segment, an ICMP error and its timer.

use crate::SocketId;
use crate::auth::FlowAuth;
use crate::demux::FlowKey;
use crate::flow::{Owner, Phase};
use crate::iface::Header;
use crate::ip::output::Marks;
use crate::stack::Stack;
use alloc::boxed::Box;
use limpid_event::{Counter, DropReason, Error, Event, FlowId, Instant, Observer, Timer, TxReason};
use limpid_tcp::{FastOpenNews, SynReceivedOutcome, SynReceivedTimeout, TimeWaitOutcome, Transmit};
use limpid_wire::Segment;

impl<O: Observer> Stack<O> {
    /// A segment for SYN-SENT or a connection.
    #[inline]
    pub(super) fn handle_at_flow(&mut self, now: Instant, index: u32, mut segment: Segment) {
        self.rouse(index);
        let flow = &mut self.flows[index];
        let mut cx = self.env.cx(now, flow.id);
        if let Phase::Connection(connection) = &mut flow.phase {
            let outcome = connection.handle_segment(&mut cx, &mut segment);
            return self.apply(now, index, outcome);
        }
        let (key, id, marks, iface) = (flow.key, flow.id, flow.marks, flow.ip.iface);
        match core::mem::replace(&mut flow.phase, Phase::Between) {
            Phase::SynSent(syn_sent) => {
                let (outcome, reset) = syn_sent.handle_segment(&mut cx, segment);
                if let Some(mut reset) = reset {
                    if let Some(auth) = &mut self.flows[index].auth {
                        auth.sign(&key, &mut reset.segment);
                    }
                    self.send_segment(now, (&key, id), (marks, iface), reset);
                }
                self.apply_syn_sent(now, index, outcome);
            }
            other => {
                debug_assert!(false, "a flow that is over is in the demux table");
                self.flows[index].phase = other;
            }
        }
    }

    /// An ICMP error about a segment in flight.
    pub(crate) fn flow_unreachable(&mut self, now: Instant, index: u32, error: Error) {
        let flow = &mut self.flows[index];
        let mut cx = self.env.cx(now, flow.id);
        if let Phase::Connection(connection) = &mut flow.phase {
            let outcome = connection.handle_icmp(&mut cx, error);
            return self.apply(now, index, outcome);
        }
        match core::mem::replace(&mut flow.phase, Phase::Between) {
            Phase::SynSent(syn_sent) => {
                let outcome = syn_sent.handle_icmp(&mut cx, error);
                self.apply_syn_sent(now, index, outcome);
            }
            other => self.flows[index].phase = other,
        }
    }

    /// The timer of SYN-SENT or a connection.
    pub(crate) fn flow_timeout(&mut self, now: Instant, index: u32) {
        let (most, too_many) = (self.most_of_an_orphan(), self.orphans > self.config.max_orphans);
        self.rouse(index);
        let flow = &mut self.flows[index];
        let id = flow.id;
        let mut cx = self.env.cx(now, flow.id);
        if let Phase::Connection(connection) = &mut flow.phase {
            let asks_again = matches!(connection.poll_timeout(), Some((_, Timer::Rto | Timer::Persist)));
            if flow.owner == Owner::Orphan && asks_again && (too_many || connection.send_memory() > most) {
                cx.count(Counter::TcpExtTCPAbortOnMemory);
                let outcome = connection.abort(&mut cx);
                return self.apply(now, index, outcome);
            }
            let outcome = connection.handle_timeout(&mut cx);
            if let Some(mtu) = connection.take_believed_mtu() {
                self.learn_mtu(now, index, mtu);
            }
            return self.apply(now, index, outcome);
        }
        match core::mem::replace(&mut flow.phase, Phase::Between) {
            Phase::SynSent(syn_sent) => {
                if syn_sent.suspects_black_hole(now) {
                    cx.count(Counter::TcpExtTCPFastOpenActiveFail);
                    let iface = self.flows[index].path.iface;
                    self.judge_fast_open(now, iface, FastOpenNews::BlackHole);
                }
                let mut cx = self.env.cx(now, id);
                let outcome = syn_sent.handle_timeout(&mut cx);
                self.apply_syn_sent(now, index, outcome);
            }
            other => self.flows[index].phase = other,
        }
    }

    /// A segment for an embryonic connection.
    pub(super) fn handle_at_embryo(&mut self, now: Instant, index: u32, segment: Segment, header: Header) {
        let embryo = &mut self.embryos[index];
        let (key, id, listener) = (embryo.key, embryo.id, embryo.listener);
        let Some(l) = self.sockets.listener(listener) else {
            // The listener was closed: what it had begun belongs to nobody now.
            self.remove_embryo(index);
            self.drop_segment(now, id, &segment, DropReason::NoConnection);
            return self.reset_flow(now, (&key, id), &segment, header, TxReason::ResetNoConnection);
        };
        let (config, full) = (l.tcp.clone(), l.is_full());
        let mut cx = self.env.cx(now, id);
        match embryo.syn.handle_segment(&mut cx, &config, &segment) {
            SynReceivedOutcome::Stay(answer) => {
                let deadline = embryo.syn.poll_timeout().map(|(at, _)| at);
                self.wheel.set(embryo.timer, deadline);
                if let Some(mut answer) = answer {
                    sign(&mut self.embryos[index].auth, &key, &mut answer);
                    self.send_for_listener(now, listener, (&key, id), answer);
                }
            }
            SynReceivedOutcome::Reset(answer) => {
                let mut auth = self.remove_embryo(index).auth;
                if let Some(mut answer) = answer {
                    sign(&mut auth, &key, &mut answer);
                    self.send_for_listener(now, listener, (&key, id), answer);
                }
            }
            SynReceivedOutcome::Complete if full => {
                self.refuse_final_ack(now, id);
                if self.config.abort_on_overflow {
                    self.remove_embryo(index);
                    self.reset_flow(now, (&key, id), &segment, header, TxReason::ResetRefused);
                }
            }
            SynReceivedOutcome::Complete => {
                let embryo = self.remove_embryo(index);
                self.establish(
                    now,
                    listener,
                    (key, id),
                    (embryo.syn, config, segment),
                    (embryo.saved_syn, embryo.auth),
                );
            }
        }
    }

    /// Sends a segment of a connection that a listener has begun, with the listener's settings.
    pub(crate) fn send_for_listener(
        &mut self,
        now: Instant,
        listener: SocketId,
        (key, id): (&FlowKey, FlowId),
        transmit: Transmit,
    ) {
        let ip = *self.sockets.ip(listener);
        let marks = self.stateless_marks(key, &ip);
        self.send_segment(now, (key, id), (marks, ip.iface), transmit);
    }

    /// The SYN-ACK's timer.
    pub(crate) fn embryo_timeout(&mut self, now: Instant, index: u32) {
        let embryo = &mut self.embryos[index];
        let (key, id, listener) = (embryo.key, embryo.id, embryo.listener);
        let Some(l) = self.sockets.listener(listener) else {
            self.env.cx(now, id).emit(|| Event::Ended { error: None });
            self.remove_embryo(index);
            return;
        };
        let config = l.tcp.clone();
        let mut cx = self.env.cx(now, id);
        let outcome = embryo.syn.handle_timeout(&mut cx, &config);
        let again = (outcome == SynReceivedTimeout::Send).then(|| embryo.syn.syn_ack(&mut cx, &config));
        let deadline = embryo.syn.poll_timeout().map(|(at, _)| at);
        self.wheel.set(embryo.timer, deadline);
        match again {
            Some(mut syn_ack) => {
                sign(&mut self.embryos[index].auth, &key, &mut syn_ack);
                self.send_for_listener(now, listener, (&key, id), syn_ack);
            }
            None if outcome == SynReceivedTimeout::GiveUp => {
                self.remove_embryo(index);
            }
            None => {}
        }
    }

    /// A segment for TIME-WAIT.
    pub(super) fn handle_at_time_wait(&mut self, now: Instant, index: u32, segment: Segment, header: Header) {
        let quiet = &mut self.quiet[index];
        let (key, id, class, mark) = (quiet.key, quiet.id, quiet.class, quiet.mark);
        let listener = self.binds.listener(key.local, self.net.addresses.is_ours(key.local.addr), || 0);
        let mut cx = self.env.cx(now, id);
        match quiet.time_wait.handle_segment(&mut cx, &quiet.config, &segment, listener.is_some()) {
            TimeWaitOutcome::Stay(answer) => {
                let (until, _) = quiet.time_wait.poll_timeout();
                self.wheel.set(quiet.timer, Some(until));
                if let Some(mut answer) = answer {
                    sign(&mut self.quiet[index].auth, &key, &mut answer);
                    let marks = Marks { mark, ..self.answer_marks(&key, class) };
                    self.send_segment(now, (&key, id), (marks, None), answer);
                }
            }
            TimeWaitOutcome::Over(answer) => {
                let mut auth = self.quiet[index].auth.take();
                self.remove_quiet(index);
                if let Some(mut answer) = answer {
                    sign(&mut auth, &key, &mut answer);
                    let marks = Marks { mark, ..self.answer_marks(&key, class) };
                    self.send_segment(now, (&key, id), (marks, None), answer);
                }
            }
            TimeWaitOutcome::Reopen { isn_above } => {
                self.remove_quiet(index);
                // It said so only because there is one.
                if let Some(listener) = listener {
                    let listener = self.sockets.name(listener);
                    self.handle_at_listener(now, listener, key, segment, header, Some(isn_above));
                }
            }
        }
    }

    /// TIME-WAIT is over.
    pub(crate) fn time_wait_timeout(&mut self, now: Instant, index: u32) {
        let quiet = &mut self.quiet[index];
        if quiet.time_wait.handle_timeout(&mut self.env.cx(now, quiet.id)) {
            self.remove_quiet(index);
        } else {
            let (until, _) = quiet.time_wait.poll_timeout();
            self.wheel.set(quiet.timer, Some(until));
        }
    }
}

/// Signs what leaves, if its connection has keys.
fn sign(auth: &mut Option<Box<FlowAuth>>, key: &FlowKey, transmit: &mut Transmit) {
    if let Some(auth) = auth {
        auth.sign(key, &mut transmit.segment);
    }
}
