//! Connections as a table: a line each, as wide as the screen.

use super::{End, Ending, Flow, Opening, ResetCause, TroubleKind};
use crate::words;
use limpid_wire::Endpoint;
use std::cmp::Reverse;
use std::time::Duration;
use unicode_width::UnicodeWidthStr;

/// What a list says of a connection: little, so that many can be held.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    /// Its number.
    pub number: u64,
    /// Who opened it.
    pub client: Endpoint,
    /// Whom it called.
    pub server: Endpoint,
    /// Time of its first packet: nanoseconds since 1970.
    pub began: i64,
    /// From its first packet to its last.
    pub lasted: Duration,
    /// Number of its first packet.
    pub first_packet: u64,
    /// Packets that client and server sent.
    pub packets: [u64; 2],
    /// Payload that client and server sent, each byte once.
    pub bytes: [u64; 2],
    /// What client and server sent again.
    pub retransmissions: [u64; 2],
    /// The round trip between the ends, as far as it is known; else that of the longer side of the vantage point.
    pub round_trip: Option<Duration>,
    /// How it opened.
    pub opening: Opening,
    /// How it ended.
    pub ending: Ending,
    /// Who closed or reset it.
    pub ended_by: Option<End>,
    /// Why it was reset.
    pub reset: Option<ResetCause>,
    /// What is worst about it: what, whose, how often.
    pub worst: Option<(TroubleKind, End, u64)>,
    /// How many other troubles there are.
    pub more_troubles: usize,
}

/// By what a list is sorted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Order {
    /// The first packet.
    First,
    /// Payload, the most first.
    Bytes,
    /// Packets, the most first.
    Packets,
    /// How long, the longest first.
    Duration,
    /// The round trip, the longest first.
    RoundTrip,
    /// Retransmissions, the most first.
    Retransmissions,
    /// What is wrong, the worst first.
    Worst,
}

impl Row {
    /// What a list says of `flow`.
    pub fn of(flow: &Flow) -> Row {
        let [client, server] = &flow.ends;
        let worst = flow.troubles.worst();
        let side = || client.rtt.min().max(server.rtt.min());
        Row {
            number: flow.number.0,
            client: client.endpoint,
            server: server.endpoint,
            began: flow.began,
            lasted: flow.duration(),
            first_packet: flow.first_packet,
            packets: [client.packets, server.packets],
            bytes: [client.unique_bytes, server.unique_bytes],
            retransmissions: [client.retransmissions, server.retransmissions],
            round_trip: flow.round_trip().or_else(side),
            opening: flow.opening,
            ending: flow.ending,
            ended_by: flow.reset.filter(|_| flow.ending == Ending::Reset).map(|reset| reset.by).or(flow.closer),
            reset: flow.reset.map(|reset| reset.cause),
            worst: worst.map(|trouble| (trouble.kind, trouble.end, trouble.count)),
            more_troubles: flow.troubles.len().saturating_sub(1),
        }
    }

    /// How it ended, in a few words.
    pub fn ending_text(&self) -> String {
        let by = |verb: &str| match self.ended_by {
            Some(end) => format!("{} {verb}", end.text()),
            None => verb.to_owned(),
        };
        match self.ending {
            Ending::Failed => self.opening.text().to_owned(),
            Ending::Closed | Ending::HalfClosed | Ending::Closing | Ending::Reset => by(self.ending.text()),
            _ => self.ending.text().to_owned(),
        }
    }

    /// What is wrong, in a few words; empty if nothing is.
    pub fn trouble_text(&self) -> String {
        let Some((kind, end, count)) = self.worst else { return String::new() };
        let times = if count > 1 { format!(" ×{}", words::number(count)) } else { String::new() };
        let more = if self.more_troubles > 0 { format!(", +{}", self.more_troubles) } else { String::new() };
        format!("{} ({}){times}{more}", kind.text(), end.text())
    }

    /// How bad it is: that of [`TroubleKind::severity`].
    pub fn severity(&self) -> u8 {
        self.worst.map_or(0, |(kind, ..)| kind.severity())
    }

    /// Its place in a list: the least comes first.
    pub fn rank(&self, order: Order) -> (Reverse<u128>, u64) {
        let key = match order {
            Order::First => 0,
            Order::Bytes => u128::from(self.bytes[0]) + u128::from(self.bytes[1]),
            Order::Packets => u128::from(self.packets[0]) + u128::from(self.packets[1]),
            Order::Duration => self.lasted.as_nanos(),
            Order::RoundTrip => self.round_trip.unwrap_or_default().as_nanos(),
            Order::Retransmissions => u128::from(self.retransmissions[0]) + u128::from(self.retransmissions[1]),
            Order::Worst => match self.worst {
                Some((kind, _, count)) => ((u128::from(kind.severity()) + 1) << 64) | u128::from(count),
                None => 0,
            },
        };
        (Reverse(key), self.number)
    }
}

/// The screen that a list is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Screen {
    /// Columns of characters.
    pub width: usize,
    /// It shows colours.
    pub color: bool,
}

struct Column {
    title: &'static str,
    right: bool,
    /// What goes first where the screen is narrow has the lowest.
    worth: u8,
    text: fn(&Row, i64) -> String,
}

const COLUMNS: [Column; 11] = [
    Column { title: "#", right: true, worth: 9, text: |row, _| row.number.to_string() },
    Column { title: "client", right: false, worth: 9, text: |row, _| endpoint(row.client) },
    Column { title: "server", right: false, worth: 9, text: |row, _| endpoint(row.server) },
    Column { title: "began", right: true, worth: 2, text: began },
    Column { title: "lasted", right: true, worth: 5, text: |row, _| words::rough(row.lasted) },
    Column { title: "bytes →", right: true, worth: 6, text: |row, _| words::number(row.bytes[0]) },
    Column { title: "bytes ←", right: true, worth: 6, text: |row, _| words::number(row.bytes[1]) },
    Column { title: "packets", right: true, worth: 1, text: |row, _| words::number(row.packets[0] + row.packets[1]) },
    Column { title: "RTT", right: true, worth: 4, text: |row, _| row.round_trip.map(words::rough).unwrap_or_default() },
    Column { title: "again", right: true, worth: 3, text: again },
    Column { title: "how it ended", right: false, worth: 7, text: |row, _| row.ending_text() },
];

const TROUBLE: &str = "what is wrong";
/// So much room is left for what is wrong, before columns go.
const TROUBLE_WIDTH: usize = 28;

fn began(row: &Row, first: i64) -> String {
    let nanos = row.began.saturating_sub(first).max(0);
    format!("+{}", words::duration(Duration::from_nanos(nanos.unsigned_abs())))
}

fn again(row: &Row, _: i64) -> String {
    match row.retransmissions[0] + row.retransmissions[1] {
        0 => String::new(),
        n => words::number(n),
    }
}

fn endpoint(endpoint: Endpoint) -> String {
    let address = endpoint.addr;
    if address.is_v4() { format!("{address}:{}", endpoint.port) } else { format!("[{address}]:{}", endpoint.port) }
}

/// The rows as a table with a line of titles, each line ended; `first` is the time of the capture's first packet.
pub fn table(rows: &[Row], first: i64, screen: Screen) -> String {
    let shown = columns(rows, first, screen.width);
    let mut out = String::new();
    let titles = shown.iter().map(|(column, width)| pad(column.title, *width, column.right)).collect::<Vec<_>>();
    let mut line = titles.join("  ");
    if rows.iter().any(|row| row.worst.is_some()) {
        line = line + "  " + TROUBLE;
    }
    cut(&mut line, screen.width);
    out.push_str(&paint(line.trim_end(), "1", screen.color));
    out.push('\n');
    for row in rows {
        let cells = shown.iter().map(|(column, width)| pad(&(column.text)(row, first), *width, column.right));
        let mut line = cells.collect::<Vec<_>>().join("  ");
        let trouble = row.trouble_text();
        let room = screen.width.saturating_sub(line.width() + 2);
        let mut trouble = if trouble.is_empty() { trouble } else { format!("  {trouble}") };
        cut(&mut trouble, room + 2);
        cut(&mut line, screen.width);
        out.push_str(if trouble.is_empty() { line.trim_end() } else { &line });
        let color = match row.severity() {
            7.. => "31",
            4.. => "33",
            _ => "2",
        };
        out.push_str(&paint(&trouble, color, screen.color && !trouble.is_empty()));
        out.push('\n');
    }
    out
}

/// The columns that there is room for, and how wide they are.
fn columns(rows: &[Row], first: i64, width: usize) -> Vec<(&'static Column, usize)> {
    let wide = |column: &Column| {
        let cells = rows.iter().map(|row| (column.text)(row, first).width());
        cells.max().unwrap_or(0).max(column.title.width())
    };
    let empty = |column: &Column| column.worth < 9 && rows.iter().all(|row| (column.text)(row, first).is_empty());
    let mut shown: Vec<(&Column, usize)> =
        COLUMNS.iter().filter(|column| !empty(column)).map(|column| (column, wide(column))).collect();
    let troubles = rows.iter().map(|row| row.trouble_text().width()).max().unwrap_or(0);
    let troubles = troubles.min(TROUBLE_WIDTH.min(width / 4));
    let needed = |shown: &[(&Column, usize)]| shown.iter().map(|(_, width)| width + 2).sum::<usize>() + troubles;
    while needed(&shown) > width
        && let Some(least) = (0..shown.len()).filter(|n| shown[*n].0.worth < 9).min_by_key(|n| shown[*n].0.worth)
    {
        shown.remove(least);
    }
    shown
}

fn pad(text: &str, width: usize, right: bool) -> String {
    let fill = " ".repeat(width.saturating_sub(text.width()));
    if right { fill + text } else { text.to_owned() + &fill }
}

/// Cuts a line off where the screen ends.
fn cut(line: &mut String, width: usize) {
    while line.width() > width && line.pop().is_some() {}
}

fn paint(text: &str, code: &str, color: bool) -> String {
    if color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}
