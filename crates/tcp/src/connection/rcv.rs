//! What receiving remembers: the receive sequence variables (RFC 9293 §3.3.1), the queue, the window, and the ACKs due.

use super::Birth;
use crate::Config;
use crate::clock::TsRecent;
use crate::negotiate::advertised_mss;
use crate::recv::{DelayedAck, RecvQueue, RecvWindow, Space};
use limpid_event::Instant;
use limpid_wire::SeqNum;

/// See the module.
pub(super) struct Rcv {
    /// RCV.NXT, what is unread, and what came out of order.
    pub(super) queue: RecvQueue,
    /// RCV.WND and the window scale.
    pub(super) window: RecvWindow,
    /// When to acknowledge.
    pub(super) ack: DelayedAck,
    /// TS.Recent; `None` if timestamps were not negotiated.
    pub(super) ts_recent: Option<TsRecent>,
    /// The end of the newest urgent data.
    pub(super) urgent_end: Option<SeqNum>,
    /// The window field of our SYN.
    pub(super) syn_window: u16,
    /// Data bytes received in order in all (`tcpi_bytes_received`).
    pub(super) bytes: u64,
    /// When data came last.
    pub(super) last_data: Instant,
}

impl Rcv {
    pub(super) fn new(birth: &Birth) -> Rcv {
        let rcv_nxt = birth.irs + 1;
        let offered = birth.window.window;
        let adv_mss = advertised_mss(&birth.config, &birth.params);
        Rcv {
            queue: RecvQueue::new(rcv_nxt),
            window: RecvWindow::new(rcv_nxt, offered, birth.window.scale, offered),
            ack: DelayedAck::new(adv_mss, birth.negotiated.peer_mss, offered),
            ts_recent: birth.ts_recent,
            urgent_end: None,
            syn_window: birth.window.syn_field(),
            bytes: 0,
            last_data: birth.syn_sent_at,
        }
    }

    /// RCV.NXT when we acknowledged last (RFC 7323's Last.ACK.sent).
    pub(super) fn last_ack(&self) -> SeqNum {
        self.window.rcv_wup()
    }

    /// The first number outside the window that we offered.
    pub(super) fn right_edge(&self) -> SeqNum {
        self.window.right_edge()
    }

    /// Room in the buffer, half of which is offered as window and half kept for what frames cost beyond their data, as on
    /// Linux.
    pub(super) fn space(&self, config: &Config) -> Space {
        let half = config.recv_buffer / 2;
        let bytes = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Space { free: bytes(self.queue.free(half)), full: bytes(half), mss: self.ack.rcv_mss() }
    }
}
