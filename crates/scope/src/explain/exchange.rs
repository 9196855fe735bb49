//! Questions and answers: who spoke when, and how long the other took to answer.

use crate::flows::{End, Kind, Place, Sighting};
use std::time::Duration;

/// How the two ends took turns. A question is what the client sends until the server speaks, the answer what the server
/// sends until the client does.
#[derive(Clone, Debug, Default)]
pub struct Exchanges {
    /// Answers that have begun.
    pub answers: u64,
    /// The longest that the server took to begin an answer.
    pub server: Option<Pause>,
    /// The longest that it took but for that one.
    pub server_next: Duration,
    /// All that it took together.
    pub server_sum: Duration,
    /// The longest that the client took to ask again.
    pub client: Option<Pause>,
    turn: Option<Turn>,
}

/// A pause between two turns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pause {
    /// Which answer it was before, from 1.
    pub nth: u64,
    /// The last packet of the turn before, and the first of the one after.
    pub from: u64,
    /// The first packet of the turn after.
    pub to: u64,
    /// How long, as seen here.
    pub lasted: Duration,
    /// Bytes of the turn before.
    pub asked: u64,
    /// The turn before was acknowledged by a packet without data, and so long before the pause was over: its receiver's
    /// TCP had it all that time.
    pub acked: Option<(u64, Duration)>,
}

#[derive(Clone, Copy, Debug)]
struct Turn {
    of: End,
    bytes: u64,
    /// The newest data of it: its number and time, and where it ends.
    last: (u64, i64),
    end: i64,
    acked: Option<(u64, i64)>,
}

impl Exchanges {
    #[inline]
    pub(super) fn take(&mut self, seen: &Sighting) {
        let new_data = seen.len > 0 && seen.kind == Kind::Data && seen.again.is_none() && seen.place != Place::Outside;
        if !new_data {
            if let Some(turn) = &mut self.turn
                && turn.acked.is_none()
                && seen.from != turn.of
                && seen.ack >= turn.end
            {
                turn.acked = Some((seen.number, seen.time));
            }
            return;
        }
        let end = seen.seq + i64::from(seen.len);
        match &mut self.turn {
            Some(turn) if turn.of == seen.from => {
                turn.bytes += u64::from(seen.len);
                (turn.last, turn.end, turn.acked) = ((seen.number, seen.time), end, None);
            }
            turn => {
                let before = turn.replace(Turn {
                    of: seen.from,
                    bytes: u64::from(seen.len),
                    last: (seen.number, seen.time),
                    end,
                    acked: None,
                });
                if let Some(before) = before {
                    self.pause(&before, seen);
                }
            }
        }
    }

    #[cold]
    fn pause(&mut self, before: &Turn, seen: &Sighting) {
        let since = |at: i64| Duration::from_nanos(u64::try_from(seen.time.saturating_sub(at)).unwrap_or(0));
        self.answers += u64::from(seen.from == End::Server);
        let pause = Pause {
            nth: self.answers,
            from: before.last.0,
            to: seen.number,
            lasted: since(before.last.1),
            asked: before.bytes,
            acked: before.acked.map(|(number, at)| (number, since(at))),
        };
        let longest = match seen.from {
            End::Server => {
                self.server_sum += pause.lasted;
                let longest = self.server.map_or(Duration::ZERO, |longest| longest.lasted);
                self.server_next = self.server_next.max(pause.lasted.min(longest));
                &mut self.server
            }
            End::Client => &mut self.client,
        };
        if longest.is_none_or(|longest| longest.lasted < pause.lasted) {
            *longest = Some(pause);
        }
    }

    /// The longest that the server took to answer.
    pub fn longest(&self) -> Option<&Pause> {
        self.server.as_ref()
    }
}
