//! Listeners: SYN queue and accept queue (RFC 9293 §3.10.1, §3.10.7.2; both bounded as on Linux), SYN cookies
//! ([`syn`], RFC 4987), and the application's say before the SYN-ACK ([`held`]).
//!
//! The accept queue holds one connection more than the backlog. While it is full, SYNs and final ACKs are dropped, not
//! reset: the peer sends again, and by then there may be room; meanwhile the embryonic connection and its SYN-ACK timer
//! live on. The SYN queue has the same bound, and `max_syn_backlog`; beyond it the answer to a SYN is a cookie, or none.

mod held;
mod syn;

pub use held::{HOLD_LIMIT, IncomingSyn, Refusal, SynId};
pub(crate) use syn::{by_route, mss_of, opened};

use crate::ListenConfig;
use crate::demux::Bind;
use crate::fast_open::Pending;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use limpid_event::Instant;
use limpid_tcp::Config;

/// A listening socket.
pub(crate) struct Listener {
    pub(crate) config: ListenConfig,
    /// Settings of its connections.
    pub(crate) tcp: Arc<Config>,
    pub(crate) bind: Bind,
    /// Embryonic connections and held SYNs.
    pub(crate) syn_queue: usize,
    pub(crate) accept_queue: VecDeque<u32>,
    /// When a cookie was sent last: an ACK that nobody knows is looked at as a cookie only for two minutes after.
    pub(crate) last_cookie: Option<Instant>,
    /// What Fast Open has begun and not completed, if it ever did.
    pub(crate) fast_open: Option<Box<Pending>>,
}

impl Listener {
    /// The bound on the accept queue.
    pub(crate) fn accept_bound(&self) -> usize {
        self.config.backlog.saturating_add(1)
    }

    /// The bound on the SYN queue.
    pub(crate) fn syn_bound(&self, max_syn_backlog: usize) -> usize {
        self.accept_bound().min(max_syn_backlog.max(1))
    }

    pub(crate) fn is_full(&self) -> bool {
        self.accept_queue.len() >= self.accept_bound()
    }
}
