//! What held a sender back, as shares of the time: its application, the other's window, a loss, or the path.

use crate::flows::{End, Kind, Sighting};
use std::time::Duration;

/// What a sender waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Limit {
    /// Everything was acknowledged: its application had nothing to send.
    Application,
    /// What was in flight filled the receiver's window.
    Window,
    /// Something was being sent again.
    Loss,
    /// Acknowledgements were under way and the window had room: its congestion window, the path's rate.
    Path,
}

/// How many there are.
const COUNT: usize = 4;

/// The time of the larger direction, by what held it back. It means something only where the capture was taken near the
/// sender.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    ends: [Sender; 2],
}

#[derive(Clone, Debug, Default)]
struct Sender {
    /// Nanoseconds.
    shares: [u64; COUNT],
    in_flight: u64,
    window: Option<u64>,
    largest: u64,
    /// Up to where it had sent when it repeated something last: a loss until that is acknowledged.
    recovering: i64,
    sent: i64,
    last: Option<i64>,
    began: bool,
}

impl Limits {
    #[inline]
    pub(super) fn take(&mut self, seen: &Sighting) {
        let (own, peer) = (seen.from.index(), seen.from.peer().index());
        if seen.len > 0 && seen.kind == Kind::Data {
            let sender = &mut self.ends[own];
            sender.pass(seen.time);
            sender.began = true;
            sender.in_flight = u64::from(seen.in_flight);
            sender.largest = sender.largest.max(u64::from(seen.len));
            if seen.again.is_some() {
                sender.recovering = sender.sent;
            }
            sender.sent = sender.sent.max(seen.seq + i64::from(seen.len));
        }
        let sender = &mut self.ends[peer];
        if sender.began {
            sender.pass(seen.time);
            sender.in_flight = sender.in_flight.saturating_sub(u64::from(seen.newly_acked));
            if seen.ack >= sender.recovering {
                sender.recovering = 0;
            }
        }
        if !matches!(seen.kind, Kind::Syn | Kind::SynAck | Kind::Reset | Kind::Icmp(_)) {
            sender.window = Some(seen.window);
        }
    }

    /// How long the data of `end` waited for what; nothing before its first data.
    pub fn of(&self, end: End, limit: Limit) -> Duration {
        Duration::from_nanos(self.ends[end.index()].shares[limit as usize])
    }
}

impl Sender {
    /// Counts the time since the packet before.
    #[inline]
    fn pass(&mut self, time: i64) {
        let last = self.last.replace(time);
        if !self.began {
            return;
        }
        let span = last.map_or(0, |last| u64::try_from(time.saturating_sub(last)).unwrap_or(0));
        let limit = match () {
            () if self.recovering > 0 => Limit::Loss,
            () if self.in_flight == 0 && self.window == Some(0) => Limit::Window,
            () if self.in_flight == 0 => Limit::Application,
            () if self.window.is_some_and(|window| self.in_flight + self.largest > window) => Limit::Window,
            () => Limit::Path,
        };
        let share = &mut self.shares[limit as usize];
        *share = share.saturating_add(span);
    }
}
