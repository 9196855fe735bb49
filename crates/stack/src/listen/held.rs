//! The application's say before the SYN-ACK: a listener with `defer_syn_ack` shows each SYN with its original destination,
//! and answers it, or not, when the application says so: a proxy that first reaches its upstream, for example.
//!
//! A held SYN takes a place in the SYN queue. It is forgotten after [`HOLD_LIMIT`], by which time its sender has given up;
//! until then the sender's repetitions change nothing.

use crate::demux::{FlowKey, Handle};
use crate::flow::HeldSyn;
use crate::iface::Header;
use crate::listen::syn::opened;
use crate::stack::{Stack, Wake};
use crate::{Readiness, SocketId};
use core::time::Duration;
use limpid_event::{Counter, DropReason, Error, FlowId, Instant, Observer, Opening, SegmentView, TxReason};
use limpid_wire::{Endpoint, Segment, SeqNum, TcpFlags};

/// How long a SYN waits for the application: the time in which a sender repeats it six times (1 + 2 + … + 64 s).
pub const HOLD_LIMIT: Duration = Duration::from_secs(127);

/// Names a held SYN.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SynId {
    index: u32,
    flow: FlowId,
}

/// A SYN that waits for the application's answer.
#[derive(Clone, Debug)]
pub struct IncomingSyn {
    /// Its name, for [`Stack::answer`] and [`Stack::refuse`].
    pub id: SynId,
    /// The listener that holds it.
    pub listener: SocketId,
    /// The connection's name in events.
    pub flow: FlowId,
    /// Where it was sent to: with a transparent listener any address and port.
    pub local: Endpoint,
    /// Who sent it.
    pub remote: Endpoint,
    /// The SYN itself.
    pub segment: SegmentView,
}

/// How a SYN is turned away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// With a reset: the peer's connect fails at once.
    Reset,
    /// Without a word: the peer tries until it gives up.
    Silent,
}

impl<O: Observer> Stack<O> {
    /// The next SYN that waits for the application: call until `None`, like the other `poll_*`. Its listener's readiness
    /// is reported too, so that a driver knows when to look.
    pub fn poll_syn(&mut self) -> Option<IncomingSyn> {
        while let Some(id) = self.held_reports.pop_front() {
            let Some(held) = self.held.get(id.index).filter(|h| h.id == id.flow) else { continue };
            return Some(IncomingSyn {
                id,
                listener: held.listener,
                flow: held.id,
                local: held.key.local,
                remote: held.key.remote,
                segment: SegmentView::from(&held.syn),
            });
        }
        None
    }

    /// Answers a SYN with a SYN-ACK; the connection comes through [`Stack::accept`].
    ///
    /// # Errors
    /// [`Error::NoSuchSocket`] if it is not held any more: its sender reset it, its listener is closed, or it waited for
    /// too long.
    pub fn answer(&mut self, now: Instant, syn: SynId) -> Result<(), Error> {
        let held = self.take_held(syn)?;
        self.answer_syn(now, held.listener, (held.key, held.id), &held.syn, held.isn_above);
        Ok(())
    }

    /// Turns a SYN away.
    ///
    /// # Errors
    /// As [`Stack::answer`].
    pub fn refuse(&mut self, now: Instant, syn: SynId, how: Refusal) -> Result<(), Error> {
        let held = self.take_held(syn)?;
        self.drop_segment(now, held.id, &held.syn, DropReason::NoConnection);
        if how == Refusal::Reset {
            self.reset_flow(now, (&held.key, held.id), &held.syn, held.header, TxReason::ResetRefused);
        }
        Ok(())
    }

    /// A SYN arrived at a listener whose application wants to see it first.
    pub(super) fn hold_syn(
        &mut self,
        now: Instant,
        listener: SocketId,
        (key, header): (FlowKey, Header),
        syn: Segment,
        isn_above: Option<SeqNum>,
    ) {
        let id = self.next_flow_id();
        self.env.cx(now, id).emit(|| opened(&key, Opening::Passive));
        if let Some(l) = self.sockets.listener_mut(listener) {
            l.syn_queue += 1;
        }
        let index = self.held.next_index();
        let timer = self.wheel.insert(Wake::Held(index));
        self.wheel.set(timer, Some(now + HOLD_LIMIT));
        self.held.insert(HeldSyn { syn, header, isn_above, key, id, listener, timer });
        self.table.insert(&key, Handle::Held(index));
        // An application that never asks must not make us remember what is long gone.
        if self.held_reports.len() > 2 * self.held.len() {
            self.held_reports.retain(|syn| self.held.get(syn.index).is_some_and(|h| h.id == syn.flow));
        }
        self.held_reports.push_back(SynId { index, flow: id });
        self.sockets.wake(listener.index, Readiness::READABLE);
    }

    /// A segment for a held SYN: the SYN again changes nothing, and a reset takes it back.
    pub(crate) fn handle_at_held(&mut self, now: Instant, index: u32, segment: &Segment) {
        let held = &self.held[index];
        let (id, seq) = (held.id, held.syn.seq);
        let withdrawn = segment.flags.contains(TcpFlags::RST) && segment.seq == seq + 1;
        let stale = self.sockets.listener(held.listener).is_none();
        self.drop_segment(now, id, segment, DropReason::Duplicate);
        if withdrawn || stale {
            self.remove_held(index);
        }
    }

    fn take_held(&mut self, syn: SynId) -> Result<HeldSyn, Error> {
        self.held.get(syn.index).filter(|h| h.id == syn.flow).ok_or(Error::NoSuchSocket)?;
        let held = self.remove_held(syn.index);
        if self.sockets.listener(held.listener).is_none() {
            return Err(Error::NoSuchSocket);
        }
        Ok(held)
    }

    /// A SYN has waited for too long.
    pub(crate) fn held_timeout(&mut self, now: Instant, index: u32) {
        let held = self.remove_held(index);
        self.env.counters.bump(Counter::TcpExtListenDrops);
        self.drop_segment(now, held.id, &held.syn, DropReason::NoConnection);
    }

    pub(crate) fn remove_held(&mut self, index: u32) -> HeldSyn {
        let held = self.held.remove(index);
        self.table.remove(&held.key, Handle::Held(index));
        self.wheel.remove(held.timer);
        if let Some(listener) = self.sockets.listener_mut(held.listener) {
            listener.syn_queue -= 1;
        }
        held
    }
}
