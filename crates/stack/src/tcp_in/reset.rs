//! Resets for segments that no connection wants (RFC 9293 §3.5.2, §3.10.7.1). A reset is never answered with one.

use crate::demux::FlowKey;
use crate::iface::Header;
use crate::stack::Stack;
use limpid_event::{FlowId, Instant, Observer, TxReason};
use limpid_tcp::{Transmit, reset_for};
use limpid_wire::Segment;

impl<O: Observer> Stack<O> {
    /// Answers a segment of no connection with a reset.
    pub(crate) fn reset_stranger(
        &mut self,
        now: Instant,
        key: &FlowKey,
        segment: &Segment,
        header: Header,
        why: TxReason,
    ) {
        self.reset_flow(now, (key, FlowId::NONE), segment, header, why);
    }

    /// Answers a segment of a flow that the stack itself gave up.
    pub(crate) fn reset_flow(
        &mut self,
        now: Instant,
        (key, id): (&FlowKey, FlowId),
        segment: &Segment,
        header: Header,
        why: TxReason,
    ) {
        let Some(mut reset): Option<Transmit> = reset_for(segment, why) else { return };
        // Who is asked to prove who it is gets an answer that proves who we are (RFC 2385 §4.1, RFC 5925 §7.4).
        if self.auth.in_use
            && let Some(listener) = self.listener_of(key, true)
            && let Some(mut auth) = self.auth_for(listener, key.remote.addr)
        {
            auth.sign(key, &mut reset.segment);
        }
        self.env.cx(now, id).sent(&reset, 0);
        let marks = self.answer_marks(key, header.class);
        self.send_segment(now, (key, id), (marks, None), reset);
    }
}
