//! Where something on the way swallows what a Fast Open brought about, Fast Open pauses for the whole host (RFC 7413 §7.3;
//! Linux's `tcp_fastopen_active_disable`).

use core::time::Duration;
use limpid_event::Instant;

/// The pause doubles so often at the most.
const MAX_DOUBLINGS: u32 = 6;

/// Whether Fast Open pauses.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BlackHole {
    since: Instant,
    times: u32,
}

impl BlackHole {
    /// It happened (again).
    pub(crate) fn found(&mut self, now: Instant) {
        self.since = now;
        self.times = self.times.saturating_add(1);
    }

    /// Data came through: the next pause is a short one.
    pub(crate) fn disproved(&mut self) {
        self.times = 0;
    }

    /// It was found, and nothing has shown since that it is gone.
    pub(crate) fn is_known(&self) -> bool {
        self.times > 0
    }

    /// Fast Open pauses now, with `timeout` as the first pause.
    pub(crate) fn pauses(&self, now: Instant, timeout: Duration) -> bool {
        if timeout.is_zero() || self.times == 0 {
            return false;
        }
        now < self.since + timeout.saturating_mul(1 << (self.times - 1).min(MAX_DOUBLINGS))
    }
}
