//! A connection as the list shows it: figures of one moment, without text.

use super::trouble::Wrong;
use limpid_event::TcpState;
use limpid_scope::flows::FlowNumber;
use limpid_wire::Endpoint;
use std::cmp::Ordering;

/// How many round trips a row's little picture shows.
pub(crate) const RTTS: usize = 8;

/// A connection at one moment. Pairs are of the client and of the server.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Row {
    pub(crate) flow: FlowNumber,
    pub(crate) ends: [Endpoint; 2],
    pub(crate) states: [TcpState; 2],
    /// The newest round trip, nanoseconds.
    pub(crate) rtt: Option<u64>,
    /// The shortest and the longest one.
    pub(crate) rtt_range: Option<(u64, u64)>,
    /// The last ones, the oldest first; 0 for none.
    pub(crate) rtts: [u64; RTTS],
    /// Payload bits a second that each end sends.
    pub(crate) rates: [u64; 2],
    /// Segments that each end sent.
    pub(crate) segments: [u64; 2],
    /// Payload bytes that each end sent, without what it sent again.
    pub(crate) bytes: [u64; 2],
    /// Segments that each end sent again.
    pub(crate) again: [u64; 2],
    /// Bytes that each end has sent and the other has not acknowledged.
    pub(crate) in_flight: [u64; 2],
    /// The window that each end offers.
    pub(crate) windows: [u64; 2],
    /// When it was first and last heard of, nanoseconds since 1970.
    pub(crate) began: i64,
    pub(crate) last: i64,
    /// Nothing more is expected of it.
    pub(crate) is_over: bool,
    /// What is wrong, the worst.
    pub(crate) wrong: Option<Wrong>,
}

impl Row {
    /// The share of segments that were sent again, of both ends.
    pub(crate) fn share_again(&self) -> f64 {
        let sent: u64 = self.segments.iter().sum();
        self.again.iter().sum::<u64>() as f64 / sent.max(1) as f64
    }

    /// How long it has lasted at `now`, or lasted, nanoseconds.
    pub(crate) fn age(&self, now: i64) -> i64 {
        let until = if self.is_over { self.last } else { now.max(self.last) };
        until.saturating_sub(self.began).max(0)
    }

    /// How bad what is wrong is: 0 for nothing.
    pub(crate) fn severity(&self) -> u8 {
        self.wrong.map_or(0, |wrong| wrong.severity)
    }

    /// The text that is searched.
    pub(crate) fn text(&self, now: i64) -> String {
        let [client, server] = self.ends;
        let wrong = self.wrong.map(|wrong| wrong.text(now)).unwrap_or_default();
        format!("#{} {client} > {server} {} {} {wrong}", self.flow, self.states[0], self.states[1]).to_lowercase()
    }
}

/// What the list is sorted by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SortKey {
    /// The worst first, of those as bad the newest.
    Trouble,
    Client,
    Server,
    State,
    Rtt,
    /// What the client sends.
    Up,
    /// What the server sends.
    Down,
    Again,
    /// When it began.
    Age,
}

impl SortKey {
    const ALL: [SortKey; 9] = {
        use SortKey::*;
        [Trouble, Client, Server, State, Rtt, Up, Down, Again, Age]
    };

    /// The one `by` places further, round and round.
    pub(crate) fn step(self, by: isize) -> SortKey {
        let at = SortKey::ALL.iter().position(|key| *key == self).unwrap_or(0) as isize;
        SortKey::ALL[(at + by).rem_euclid(SortKey::ALL.len() as isize) as usize]
    }

    /// In words.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            SortKey::Trouble => "trouble",
            SortKey::Client => "client",
            SortKey::Server => "server",
            SortKey::State => "state",
            SortKey::Rtt => "round trip",
            SortKey::Up => "what the client sends",
            SortKey::Down => "what the server sends",
            SortKey::Again => "sent again",
            SortKey::Age => "age",
        }
    }

    /// Figures begin with the largest, names with the first.
    fn compare(self, a: &Row, b: &Row) -> Ordering {
        match self {
            SortKey::Trouble => b.severity().cmp(&a.severity()),
            SortKey::Client => a.ends[0].cmp(&b.ends[0]),
            SortKey::Server => (a.ends[1].addr, a.ends[1].port).cmp(&(b.ends[1].addr, b.ends[1].port)),
            SortKey::State => a.states.map(|s| s as u8).cmp(&b.states.map(|s| s as u8)),
            SortKey::Rtt => b.rtt.cmp(&a.rtt),
            SortKey::Up => b.rates[0].cmp(&a.rates[0]),
            SortKey::Down => b.rates[1].cmp(&a.rates[1]),
            SortKey::Again => b.share_again().total_cmp(&a.share_again()),
            SortKey::Age => a.began.cmp(&b.began),
        }
    }
}

/// Sorts by `key`, among equals the newest first.
pub(crate) fn sort(rows: &mut [Row], key: SortKey, reverse: bool) {
    rows.sort_unstable_by(|a, b| {
        let order = key.compare(a, b).then(b.flow.cmp(&a.flow));
        if reverse { order.reverse() } else { order }
    });
}

/// True if `row` has all words of a search in it.
pub(crate) fn matches(row: &Row, search: &str, now: i64) -> bool {
    if search.trim().is_empty() {
        return true;
    }
    let text = row.text(now);
    search.to_lowercase().split_whitespace().all(|word| text.contains(word))
}
