//! All connections of a capture on one page: who, when, how long, how much, and how it ended.
//!
//! Few connections have a row each, in the order in which they began. Of many, those with the same client address and
//! the same service share a row (of still more, those with the same service), and the worst have rows of their own below.
//! [`Overview::of`] decides that ([`of_trace`], where there is a trace in place of a survey); [`draw`] makes a drawing of
//! it and [`text`] lines for a terminal.

mod draw;
mod from_trace;
mod text;

#[cfg(test)]
mod tests;

pub use draw::draw;
pub use from_trace::of_trace;
pub use text::text;

use crate::flows::{Ending, Flow, Opening};
use crate::picture::Ink;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// How many ways there are to end.
const FATES: usize = Fate::ALL.len();
/// So many connections have a row each.
const ROWS: usize = 60;
/// Of more, so many groups are shown.
const GROUPS: usize = 30;
/// And so many of the worst.
const WORST: usize = 15;
/// Of those that have the same to say, so many.
const ALIKE: u64 = 4;
/// Steps of the picture of how many were open at once.
const STEPS: usize = 160;
/// The most connections that are remembered; what comes after is counted.
pub const MAX_CONNECTIONS: usize = 200_000;

/// A connection, as far as an overview shows it.
#[derive(Clone, PartialEq, Debug)]
pub struct Connection {
    /// Its number, as `limpid list` has it.
    pub number: u64,
    /// Who opened it: address and port.
    pub client: limpid_wire::Endpoint,
    /// Whom it called.
    pub server: limpid_wire::Endpoint,
    /// Nanoseconds since 1970, first packet and last.
    pub span: (i64, i64),
    /// Bytes of payload that each end sent, each byte counted once: client, server.
    pub bytes: [u64; 2],
    /// How it ended.
    pub fate: Fate,
    /// What is worst about it, and how bad that is.
    pub trouble: Option<(u8, String)>,
}

/// How a connection ended, as far as an overview tells.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Fate {
    /// Both ends closed.
    Closed,
    /// It goes on, as far as was seen.
    Open,
    /// It is not told, since it would follow from what a filter hid.
    Unknown,
    /// It went on without an answer.
    Silent,
    /// A reset.
    Reset,
    /// It never came about.
    Failed,
}

impl Fate {
    /// All, the harmless ones first.
    pub const ALL: [Fate; 6] = [Fate::Closed, Fate::Open, Fate::Unknown, Fate::Silent, Fate::Reset, Fate::Failed];

    /// In a word or two.
    pub const fn text(self) -> &'static str {
        match self {
            Fate::Closed => "closed",
            Fate::Open => "open at the end",
            Fate::Unknown => "not judged",
            Fate::Silent => "fell silent",
            Fate::Reset => "reset",
            Fate::Failed => "never opened",
        }
    }

    /// Its colour.
    pub const fn ink(self) -> Ink {
        match self {
            Fate::Closed => Ink::Open,
            Fate::Open => Ink::Opening,
            Fate::Unknown => Ink::Muted,
            Fate::Silent => Ink::Closing,
            Fate::Reset => Ink::Trouble,
            Fate::Failed => Ink::Again,
        }
    }

    /// Its sign, so that no meaning hangs on the colour alone.
    pub const fn sign(self) -> char {
        match self {
            Fate::Closed => '■',
            Fate::Open => '→',
            Fate::Unknown => '~',
            Fate::Silent => '?',
            Fate::Reset => '✕',
            Fate::Failed => '○',
        }
    }

    const fn index(self) -> usize {
        self as usize
    }
}

impl Connection {
    /// A filter hid some of its packets, or may have: nothing is concluded from what is missing.
    pub fn hide(&mut self) {
        self.trouble = None;
        if matches!(self.fate, Fate::Failed | Fate::Silent | Fate::Open) {
            self.fate = Fate::Unknown;
        }
    }
}

impl From<&Flow> for Connection {
    fn from(flow: &Flow) -> Connection {
        let fate = match flow.ending {
            Ending::Closed | Ending::Closing => Fate::Closed,
            Ending::Reset => Fate::Reset,
            Ending::Failed => Fate::Failed,
            Ending::Silent => Fate::Silent,
            Ending::Open | Ending::HalfClosed if flow.opening == Opening::Unanswered => Fate::Failed,
            _ => Fate::Open,
        };
        Connection {
            number: flow.number.0,
            client: flow.ends[0].endpoint,
            server: flow.ends[1].endpoint,
            span: (flow.began, flow.last.max(flow.began)),
            bytes: [flow.ends[0].unique_bytes, flow.ends[1].unique_bytes],
            fate,
            trouble: flow.troubles.worst().map(|worst| (worst.kind.severity(), worst.kind.text().to_owned())),
        }
    }
}

/// A row.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    /// The connection's number; none for a group.
    pub number: Option<u64>,
    /// Who, and whom.
    pub who: String,
    /// First packet and last, in nanoseconds since the overview began.
    pub span: (u64, u64),
    /// How many connections it stands for, by [`Fate::ALL`].
    pub fates: [u64; FATES],
    /// Bytes of payload.
    pub bytes: u64,
    /// How it ended, or what is worst about it.
    pub note: String,
    /// Of a group: how many were under way at each of equal steps of the overview's time, by [`Fate::ALL`].
    pub density: Vec<[u64; FATES]>,
}

/// The layout of an overview, without a medium.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Overview {
    /// How long all of it took, in nanoseconds.
    pub length: u64,
    /// How many connections there are.
    pub count: u64,
    /// How many of them ended in which way, by [`Fate::ALL`].
    pub fates: [u64; FATES],
    /// Bytes of payload of all.
    pub bytes: u64,
    /// How many were under way at some time in each of equal steps, by [`Fate::ALL`]; empty where each has its row.
    pub density: Vec<[u64; FATES]>,
    /// Connections, or groups of them.
    pub rows: Vec<Row>,
    /// How many groups have no row.
    pub rows_left_out: u64,
    /// The worst of many.
    pub worst: Vec<Row>,
}

impl Overview {
    /// How long each step of [`density`](Overview::density) takes.
    pub fn step(&self) -> Duration {
        Duration::from_nanos(self.length / self.density.len().max(1) as u64)
    }

    /// Lays out `connections`; `more` is how many there were beyond them.
    pub fn of(connections: &[Connection], more: u64) -> Overview {
        let began = connections.iter().map(|c| c.span.0).min().unwrap_or(0);
        let ended = connections.iter().map(|c| c.span.1).max().unwrap_or(0);
        let length = ended.abs_diff(began).max(1);
        let mut overview = Overview { length, count: connections.len() as u64 + more, ..Overview::default() };
        for connection in connections {
            overview.fates[connection.fate.index()] += 1;
            overview.bytes = overview.bytes.saturating_add(connection.bytes[0].saturating_add(connection.bytes[1]));
        }
        if connections.len() <= ROWS {
            let mut order: Vec<&Connection> = connections.iter().collect();
            order.sort_by_key(|c| (c.span.0, c.number));
            overview.rows = order.into_iter().map(|c| row(c, began)).collect();
            return overview;
        }
        overview.density = density(connections.iter(), began, length);
        let mut groups = groups(connections, began, false);
        if groups.len() > GROUPS {
            groups = self::groups(connections, began, true);
        }
        overview.rows_left_out = groups.len().saturating_sub(GROUPS) as u64;
        groups.truncate(GROUPS);
        overview.rows = (groups.into_iter())
            .map(|(row, of)| Row { density: density(of.into_iter(), began, length), ..row })
            .collect();
        let mut worst: Vec<&Connection> =
            connections.iter().filter(|c| c.trouble.is_some() || c.fate >= Fate::Silent).collect();
        let severity = |c: &Connection| c.trouble.as_ref().map_or(0, |(severity, _)| *severity);
        worst.sort_by_key(|c| (std::cmp::Reverse(severity(c)), std::cmp::Reverse(c.fate), c.number));
        overview.worst = a_few_of_each(worst.into_iter().map(|c| row(c, began)));
        overview
    }
}

fn row(connection: &Connection, began: i64) -> Row {
    let mut fates = [0; FATES];
    fates[connection.fate.index()] = 1;
    let note = match &connection.trouble {
        Some((_, trouble)) if trouble != connection.fate.text() => format!("{}; {trouble}", connection.fate.text()),
        _ => connection.fate.text().to_owned(),
    };
    Row {
        number: Some(connection.number),
        who: format!("{} → {}", connection.client, connection.server),
        span: (connection.span.0.abs_diff(began), connection.span.1.abs_diff(began)),
        fates,
        bytes: connection.bytes[0].saturating_add(connection.bytes[1]),
        note,
        density: Vec::new(),
    }
}

/// The first rows, but of those that have the same to say only [`ALIKE`]: the last one says how many more there are.
fn a_few_of_each(rows: impl Iterator<Item = Row>) -> Vec<Row> {
    let (mut few, mut known): (Vec<Row>, HashMap<String, (u64, usize)>) = Default::default();
    for row in rows {
        // What there is to say is a set of fixed texts: there are not many.
        let full = few.len() == WORST;
        match known.get_mut(&row.note) {
            Some((count, last)) => {
                *count += 1;
                if *count <= ALIKE && !full {
                    *last = few.len();
                    few.push(row);
                }
            }
            None if !full => {
                known.insert(row.note.clone(), (1, few.len()));
                few.push(row);
            }
            None => {}
        }
    }
    for (count, last) in known.into_values() {
        let shown = few.iter().filter(|row| row.note == few[last].note).count() as u64;
        if count > shown {
            few[last].note.push_str(&format!(" (and {} more)", crate::words::number(count - shown)));
        }
    }
    few
}

/// Connections from the same address (or any, for `all_clients`) to the same service, the most first.
fn groups(connections: &[Connection], began: i64, all_clients: bool) -> Vec<(Row, Vec<&Connection>)> {
    type Client = Option<limpid_wire::IpAddr>;
    let mut groups: HashMap<(Client, limpid_wire::Endpoint), (Row, Vec<&Connection>)> = HashMap::new();
    let mut clients: HashMap<limpid_wire::Endpoint, HashSet<limpid_wire::IpAddr>> = HashMap::new();
    for connection in connections {
        let client = (!all_clients).then_some(connection.client.addr);
        if all_clients {
            clients.entry(connection.server).or_default().insert(connection.client.addr);
        }
        let (group, of) = groups.entry((client, connection.server)).or_insert_with(|| {
            let row = Row {
                number: None,
                who: format!("{} → {}", connection.client.addr, connection.server),
                span: (u64::MAX, 0),
                fates: [0; FATES],
                bytes: 0,
                note: String::new(),
                density: Vec::new(),
            };
            (row, Vec::new())
        });
        of.push(connection);
        group.span.0 = group.span.0.min(connection.span.0.abs_diff(began));
        group.span.1 = group.span.1.max(connection.span.1.abs_diff(began));
        group.fates[connection.fate.index()] += 1;
        group.bytes = group.bytes.saturating_add(connection.bytes[0].saturating_add(connection.bytes[1]));
    }
    for ((client, server), (group, _)) in &mut groups {
        if client.is_none() {
            let from = clients.get(server).map_or(0, HashSet::len) as u64;
            group.who = format!("{} → {server}", crate::words::count(from, "client"));
        }
    }
    let mut groups: Vec<(Row, Vec<&Connection>)> = groups.into_values().collect();
    for (group, of) in &mut groups {
        group.note = crate::words::number(of.len() as u64);
        // Being open still is no harm.
        let bad: Vec<String> = (Fate::ALL[2..].iter().zip(&group.fates[2..]))
            .filter(|(_, n)| **n > 0)
            .map(|(fate, n)| format!("{} {}", crate::words::number(*n), fate.text()))
            .collect();
        match bad.is_empty() {
            true if group.fates[0] == of.len() as u64 => group.note.push_str(", all closed"),
            true => group.note.push_str(&format!(", {} closed", crate::words::number(group.fates[0]))),
            false => group.note.push_str(&format!(": {}", bad.join(", "))),
        }
    }
    groups.sort_by(|(a, _), (b, _)| {
        let size = |row: &Row| row.fates.iter().sum::<u64>();
        size(b).cmp(&size(a)).then(b.bytes.cmp(&a.bytes)).then(a.who.cmp(&b.who))
    });
    groups
}

/// How many connections are under way in each step of time.
fn density<'c>(connections: impl Iterator<Item = &'c Connection>, began: i64, length: u64) -> Vec<[u64; FATES]> {
    let mut changes = vec![[0i64; FATES]; STEPS + 1];
    let step =
        |at: i64| ((u128::from(at.abs_diff(began)) * STEPS as u128 / (u128::from(length) + 1)) as usize).min(STEPS - 1);
    for connection in connections {
        let fate = connection.fate.index();
        changes[step(connection.span.0)][fate] += 1;
        changes[step(connection.span.1) + 1][fate] -= 1;
    }
    let mut open = [0i64; FATES];
    changes.truncate(STEPS);
    let mut add = |change: [i64; FATES]| {
        open.iter_mut().zip(change).for_each(|(open, change)| *open += change);
        open.map(|n| u64::try_from(n).unwrap_or(0))
    };
    changes.into_iter().map(&mut add).collect()
}
