//! Connections as a table: a line each, as wide as the screen.

use super::{End, Ending, Flow, Opening, ResetCause, TroubleKind};
use crate::words;
use limpid_wire::Endpoint;
use std::cmp::Reverse;
use std::fmt::Write as _;
use std::io;
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
    /// Why it is not told how it ended and what is wrong, where that would follow from what is missing.
    pub unjudged: Option<&'static str>,
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
            unjudged: (flow.is_one_way() && flow.opening.is_open()).then_some("one direction only"),
        }
    }

    /// A filter hid some of its packets.
    pub fn hide(&mut self) {
        self.unjudged = Some("not judged: filter");
        (self.worst, self.more_troubles) = (None, 0);
    }

    fn has_trouble(&self) -> bool {
        self.unjudged.is_some() || self.worst.is_some()
    }

    /// True if its end was seen, whatever else is missing.
    pub fn shows_ending(&self) -> bool {
        matches!(self.ending, Ending::Closed | Ending::Reset) || self.opening == Opening::Refused
    }

    /// How it ended, in a few words.
    pub fn ending_text(&self) -> String {
        let mut text = String::new();
        self.push_ending(&mut text);
        text
    }

    fn push_ending(&self, to: &mut String) {
        match (self.ending, self.ended_by) {
            _ if self.unjudged.is_some() && !self.shows_ending() => to.push('?'),
            (Ending::Failed, _) => to.push_str(self.opening.text()),
            (Ending::Closed | Ending::HalfClosed | Ending::Closing | Ending::Reset, Some(end)) => {
                to.push_str(end.text());
                to.push(' ');
                to.push_str(self.ending.text());
            }
            _ => to.push_str(self.ending.text()),
        }
    }

    /// What is wrong, in a few words; empty if nothing is.
    pub fn trouble_text(&self) -> String {
        let mut text = String::new();
        self.push_trouble(&mut text);
        text
    }

    fn push_trouble(&self, to: &mut String) {
        if let Some(why) = self.unjudged {
            return to.push_str(why);
        }
        let Some((kind, end, count)) = self.worst else { return };
        to.extend([kind.text(), " (", end.text(), ")"]);
        if count > 1 {
            to.push_str(" ×");
            words::push_number(to, count);
        }
        if self.more_troubles > 0 {
            to.push_str(", +");
            words::push_digits(to, self.more_troubles as u64);
        }
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
    /// Appends a row's cell; the time is that of the capture's first packet.
    push: fn(&Row, i64, &mut String),
}

const COLUMNS: [Column; 11] = [
    Column { title: "#", right: true, worth: 9, push: |row, _, to| words::push_digits(to, row.number) },
    Column { title: "client", right: false, worth: 8, push: |row, _, to| push_endpoint(row.client, to) },
    Column { title: "server", right: false, worth: 9, push: |row, _, to| push_endpoint(row.server, to) },
    Column { title: "began", right: true, worth: 2, push: push_began },
    Column { title: "lasted", right: true, worth: 5, push: |row, _, to| words::push_rough(to, row.lasted) },
    Column { title: "bytes →", right: true, worth: 6, push: |row, _, to| words::push_number(to, row.bytes[0]) },
    Column { title: "bytes ←", right: true, worth: 6, push: |row, _, to| words::push_number(to, row.bytes[1]) },
    Column { title: "packets", right: true, worth: 1, push: push_packets },
    Column { title: "RTT", right: true, worth: 4, push: push_round_trip },
    Column { title: "again", right: true, worth: 3, push: push_again },
    Column { title: "how it ended", right: false, worth: 9, push: |row, _, to| row.push_ending(to) },
];

const TROUBLE: &str = "what is wrong";
/// So much room is left for what is wrong, before columns go.
const TROUBLE_WIDTH: usize = 28;
/// What is wrong stands on a line of its own, so far in, where there is less room than it needs and less than this.
const TROUBLE_LEAST: usize = 20;
const INDENT: &str = "   ";

fn push_began(row: &Row, first: i64, to: &mut String) {
    let nanos = row.began.saturating_sub(first).max(0);
    to.push('+');
    words::push_duration(to, Duration::from_nanos(nanos.unsigned_abs()));
}

fn push_packets(row: &Row, _: i64, to: &mut String) {
    words::push_number(to, row.packets[0].saturating_add(row.packets[1]));
}

fn push_round_trip(row: &Row, _: i64, to: &mut String) {
    if let Some(round_trip) = row.round_trip {
        words::push_rough(to, round_trip);
    }
}

fn push_again(row: &Row, _: i64, to: &mut String) {
    match row.retransmissions[0].saturating_add(row.retransmissions[1]) {
        0 => {}
        n => words::push_number(to, n),
    }
}

fn push_endpoint(endpoint: Endpoint, to: &mut String) {
    match endpoint.addr.as_v4() {
        Some(octets) => {
            for (at, octet) in octets.into_iter().enumerate() {
                if at > 0 {
                    to.push('.');
                }
                words::push_digits(to, octet.into());
            }
        }
        // Writing to a string can't fail.
        None => drop(write!(to, "[{}]", endpoint.addr)),
    }
    to.push(':');
    words::push_digits(to, endpoint.port.into());
}

/// Every cell of a table, made once: a list may have 200,000 lines.
struct Cells {
    text: String,
    /// How many bytes each cell has, and how many columns of the screen it takes: line after line.
    sizes: Vec<(u8, u8)>,
    /// How many columns of the screen the widest cell takes, for each column of the table.
    widths: [usize; COLUMNS.len()],
}

impl Cells {
    fn of(rows: &[Row], first: i64) -> Cells {
        let mut cells =
            Cells { text: String::new(), sizes: Vec::with_capacity(rows.len() * COLUMNS.len()), widths: [0; _] };
        for row in rows {
            for (column, widest) in COLUMNS.iter().zip(&mut cells.widths) {
                let start = cells.text.len();
                (column.push)(row, first, &mut cells.text);
                let width = width_of(&cells.text[start..]);
                *widest = (*widest).max(width);
                // The longest are two addresses of 39 characters, and numbers: far from 255.
                let len = u8::try_from(cells.text.len() - start).unwrap_or(u8::MAX);
                cells.sizes.push((len, u8::try_from(width).unwrap_or(u8::MAX)));
            }
        }
        cells
    }

    /// The cells of each line, with their widths.
    fn lines(&self) -> impl Iterator<Item = [(&str, usize); COLUMNS.len()]> {
        let mut rest = self.text.as_str();
        self.sizes.chunks_exact(COLUMNS.len()).map(move |sizes| {
            let mut line = [("", 0); COLUMNS.len()];
            for (cell, (len, width)) in line.iter_mut().zip(sizes) {
                let (text, behind) = rest.split_at(usize::from(*len));
                (*cell, rest) = ((text, usize::from(*width)), behind);
            }
            line
        })
    }
}

/// The rows as a table with a line of titles, each line ended; `first` is the time of the capture's first packet.
pub fn table(rows: &[Row], first: i64, screen: Screen) -> String {
    let mut out = Vec::new();
    // Writing to memory can't fail.
    drop(write_table(rows, first, screen, &mut out));
    String::from_utf8(out).unwrap_or_default()
}

/// Writes the [`table`], a line at a time.
///
/// # Errors
/// If `out` has one.
pub fn write_table(rows: &[Row], first: i64, screen: Screen, out: &mut impl io::Write) -> io::Result<()> {
    let cells = Cells::of(rows, first);
    let (shown, widest) = columns(rows, &cells, screen.width);
    let taken = shown.iter().map(|(_, width)| width + 2).sum::<usize>().saturating_sub(2);
    let is_below = screen.width.saturating_sub(taken + 2) < widest.min(TROUBLE_LEAST);
    let mut line = String::new();
    for (at, (column, width)) in shown.iter().enumerate() {
        let title = COLUMNS[*column].title;
        push_cell(&mut line, at, (title, title.width()), *width, COLUMNS[*column].right);
    }
    if widest > 0 && !is_below {
        line = line + "  " + TROUBLE;
    }
    cut(&mut line, screen.width);
    writeln!(out, "{}", paint(line.trim_end(), "1", screen.color))?;
    let mut trouble = String::new();
    for (row, line_of_cells) in rows.iter().zip(cells.lines()) {
        line.clear();
        for (at, (column, width)) in shown.iter().enumerate() {
            push_cell(&mut line, at, line_of_cells[*column], *width, COLUMNS[*column].right);
        }
        if taken > screen.width {
            cut(&mut line, screen.width);
        }
        trouble.clear();
        if row.has_trouble() {
            trouble.push_str(if is_below { INDENT } else { "  " });
            row.push_trouble(&mut trouble);
            cut(&mut trouble, screen.width.saturating_sub(if is_below { 0 } else { taken }));
        }
        if is_below && !trouble.is_empty() {
            line.truncate(line.trim_end().len());
            line.push('\n');
        }
        if trouble.trim_start().is_empty() {
            line.truncate(line.trim_end().len());
        } else {
            let color = match row.severity() {
                7.. => "31",
                4.. => "33",
                _ => "2",
            };
            line.push_str(&paint(&trouble, color, screen.color));
        }
        line.push('\n');
        out.write_all(line.as_bytes())?;
    }
    Ok(())
}

/// The columns that there is room for, and how wide they are; and how much room what is wrong would take.
fn columns(rows: &[Row], cells: &Cells, width: usize) -> (Vec<(usize, usize)>, usize) {
    let is_empty = |column: &usize| COLUMNS[*column].worth < 9 && cells.widths[*column] == 0;
    let wide = |column: usize| (column, cells.widths[column].max(COLUMNS[column].title.width()));
    let mut shown: Vec<(usize, usize)> = (0..COLUMNS.len()).filter(|column| !is_empty(column)).map(wide).collect();
    let mut text = String::new();
    let troubles = rows.iter().filter(|row| row.has_trouble()).map(|row| {
        text.clear();
        row.push_trouble(&mut text);
        width_of(&text)
    });
    let widest = troubles.max().unwrap_or(0);
    let troubles = widest.min(TROUBLE_WIDTH.min(width / 4));
    let needed = |shown: &[(usize, usize)]| shown.iter().map(|(_, width)| width + 2).sum::<usize>();
    let worth = |shown: &[(usize, usize)], n: usize| COLUMNS[shown[n].0].worth;
    while let Some(least) = (0..shown.len()).filter(|n| worth(&shown, *n) < 9).min_by_key(|n| worth(&shown, *n)) {
        // What is wrong is cut before it takes the place of who it is about.
        let troubles = if worth(&shown, least) < 8 { troubles } else { 0 };
        if needed(&shown) + troubles <= width {
            break;
        }
        shown.remove(least);
    }
    (shown, widest)
}

/// Appends a cell, two blanks after the one before it.
fn push_cell(line: &mut String, at: usize, (text, has): (&str, usize), width: usize, right: bool) {
    let between = if at > 0 { 2 } else { 0 };
    let fill = width.saturating_sub(has);
    push_blanks(line, if right { between + fill } else { between });
    line.push_str(text);
    push_blanks(line, if right { 0 } else { fill });
}

fn push_blanks(line: &mut String, mut count: usize) {
    const BLANKS: &str = "                                ";
    while count > 0 {
        let step = count.min(BLANKS.len());
        line.push_str(&BLANKS[..step]);
        count -= step;
    }
}

/// How many columns of the screen a text takes.
fn width_of(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.width() }
}

/// Cuts a line off where the screen ends.
fn cut(line: &mut String, width: usize) {
    while width_of(line) > width && line.pop().is_some() {}
}

fn paint(text: &str, code: &str, color: bool) -> String {
    if color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}
