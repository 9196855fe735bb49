//! The round trip as the receiver sees it: how long after an ACK the data comes that it let go.
//!
//! With timestamps the echo tells (RFC 7323 §4); without them a window's worth of data takes a round trip at most. Linux
//! uses it where it has nothing to send and so no round trip of its own.

#[cfg(test)]
mod tests;

use crate::pack::packed;
use core::time::Duration;
use limpid_event::Instant;
use limpid_wire::SeqNum;

/// See the module.
#[derive(Clone, Copy, Debug)]
pub struct RecvRtt {
    /// Eight times the estimate, µs; 0 while there is none.
    eighths_us: u32,
    /// When a window was offered that ends at `window_end`; [`Instant::MAX`] before the first.
    since: Instant,
    window_end: SeqNum,
    /// The echo that was looked at last: each counts once.
    last_ecr: u32,
}

impl RecvRtt {
    /// Nothing is known.
    pub const fn new() -> RecvRtt {
        RecvRtt { eighths_us: 0, since: Instant::MAX, window_end: SeqNum(0), last_ecr: 0 }
    }

    /// The estimate; zero while there is none.
    pub fn estimate(&self) -> Duration {
        Duration::from_micros(u64::from(self.eighths_us / 8))
    }

    /// Data in order came, and `window` is offered from `rcv_nxt` on.
    pub fn on_data(&mut self, now: Instant, rcv_nxt: SeqNum, window: u32) {
        if self.since < Instant::MAX {
            if rcv_nxt.before(self.window_end) {
                return;
            }
            let sample = now.since(self.since).as_micros().max(1);
            // It is an upper bound: only a smaller one says something.
            let eighths = u32::try_from(sample * 8).unwrap_or(u32::MAX);
            if self.eighths_us == 0 || eighths < self.eighths_us {
                self.eighths_us = eighths;
            }
        }
        self.window_end = rcv_nxt + window;
        self.since = now;
    }

    /// An echo came, with a full segment if `elapsed` is there: the time since we sent what it echoes. `drained` says that the
    /// reader has read all, so that it did not slow the peer down.
    pub fn on_echo(&mut self, ecr: u32, elapsed: Option<Duration>, drained: bool) {
        if ecr == self.last_ecr {
            return;
        }
        self.last_ecr = ecr;
        let Some(elapsed) = elapsed else { return };
        let sample = u32::try_from(elapsed.as_micros()).unwrap_or(u32::MAX);
        if sample == 0 {
            return;
        }
        let eighths = sample.saturating_mul(8);
        if self.eighths_us == 0 || eighths < self.eighths_us {
            self.eighths_us = eighths;
        } else if drained {
            self.eighths_us = (self.eighths_us - self.eighths_us / 8).saturating_add(sample);
        }
    }
}

impl Default for RecvRtt {
    fn default() -> RecvRtt {
        RecvRtt::new()
    }
}

packed!(struct RecvRtt { eighths_us, since, window_end, last_ecr });
