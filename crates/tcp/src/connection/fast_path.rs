//! Header prediction: the segment that is exactly what comes next needs none of the checks (RFC 9293 §3.10.7.4 is
//! satisfied by it). What it does to the connection is the same as on the long way.

use super::Connection;
use super::halves::{RecvHalf, SendHalf};
use crate::Cx;
use limpid_event::{Counter, Observer, Timer};
use limpid_wire::{Segment, TcpFlags};

impl Connection {
    /// Handles the segment, or leaves it for the long way: then it is false and nothing has changed.
    #[inline]
    pub(super) fn fast_path<O: Observer>(&mut self, cx: &mut Cx<'_, O>, segment: &mut Segment) -> bool {
        if !self.is_predicted(segment) {
            return false;
        }
        let pure_ack = segment.payload.is_empty();
        if pure_ack && segment.ack == self.snd.una() {
            return false;
        }
        cx.count(if pure_ack { Counter::TcpExtTCPPureAcks } else { Counter::TcpExtTCPHPHits });
        self.last_heard = cx.now;
        self.ecn_arrived(cx, segment);
        self.keep_timestamp(cx.now, segment);
        if self.tells_nothing_to_the_sender(segment) {
            self.probes_out = 0;
            self.snd.wl1 = segment.seq;
        } else {
            self.process_ack(cx, segment);
        }
        if !pure_ack {
            // Both halves are open, so that taking the text can't end the connection.
            let _ = self.process_text(cx, segment);
        }
        true
    }

    /// Whether the ACK of a predicted segment finds nothing to do: nothing of ours is in flight, no window is awaited.
    #[inline]
    fn tells_nothing_to_the_sender(&self, segment: &Segment) -> bool {
        segment.ack == self.snd.una() && self.snd.records.is_empty() && !self.timers.runs(Timer::Persist)
    }

    /// Both halves open, the expected number, an acceptable ACK, the same window as last time, no option that asks for
    /// thought, nothing out of order, and room.
    #[inline]
    fn is_predicted(&self, segment: &Segment) -> bool {
        let timestamps_in_order = match (self.rcv.ts_recent, segment.options.timestamps) {
            (None, _) => true,
            (Some(recent), Some(timestamps)) => timestamps.val.wrapping_sub(recent.val()) as i32 >= 0,
            (Some(_), None) => false,
        };
        timestamps_in_order
            && segment.flags - TcpFlags::PSH == self.ecn.predicted_flags()
            && segment.seq == self.rcv_nxt()
            && segment.ack.after_eq(self.snd.una())
            && segment.ack.before_eq(self.snd.nxt())
            && u32::from(segment.window) << self.negotiated.snd_scale.shift() == self.snd.wnd
            && segment.options.sack.is_empty()
            && segment.options.acc_ecn.is_none()
            && segment.options.user_timeout.is_none()
            && !self.rcv.queue.has_holes()
            && segment.seq_end().before_eq(self.rcv.right_edge())
            && self.halves.syn_acked()
            && self.halves.send() == SendHalf::Open
            && self.halves.recv() == RecvHalf::Open
    }
}
