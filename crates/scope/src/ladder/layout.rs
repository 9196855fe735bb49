//! The layout of a ladder: what stands where, and what it means, without a thought of how it is drawn.
//!
//! A ladder has two lifelines and rows, one for each moment that matters, from top to bottom in time. Arrows leave at one
//! row and arrive at another, so that a renderer can slope them by their flight; the time between rows is given, and
//! which stretches are to be broken. Every output (terminal, SVG, HTML, PNG) reads this and nothing else.

use crate::trace::View;
use limpid_event::TcpState;
use std::time::Duration;

/// One picture: everything between two endpoints.
#[derive(Clone, PartialEq, Debug)]
pub struct Ladder {
    /// Which pair of endpoints it is of, in the order of their first packets.
    pub pair: usize,
    /// How many other pairs look the same, and are not drawn.
    pub alike: usize,
    /// Which connection this is of how many, where there are several.
    pub caption: Option<String>,
    /// Left and right.
    pub heads: [Head; 2],
    /// The moments, in order. Whatever names a row is an index here.
    pub rows: Vec<Row>,
    /// Segments and other packets.
    pub arrows: Vec<Arrow>,
    /// What the ends, their applications and the picture itself have to say.
    pub remarks: Vec<Remark>,
    /// The states of both ends where they change.
    pub states: Vec<StateMark>,
    /// Timers that ran out, and timers that were waited for.
    pub brackets: Vec<Bracket>,
}

/// Which lifeline.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Side {
    /// The one on the left.
    Left,
    /// The one on the right.
    Right,
}

impl Side {
    /// The other one.
    pub const fn other(self) -> Side {
        match self {
            Side::Left => Side::Right,
            Side::Right => Side::Left,
        }
    }

    /// 0 for left, 1 for right.
    pub const fn index(self) -> usize {
        self as usize
    }

    pub(crate) const fn of(index: usize) -> Side {
        if index == 0 { Side::Left } else { Side::Right }
    }
}

/// What stands above a lifeline.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Head {
    /// The host's name.
    pub name: String,
    /// Address and port.
    pub endpoint: String,
    /// How this side is known; estimates are drawn dashed.
    pub view: View,
}

/// A moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Row {
    /// Since the beginning of the trace.
    pub at: Duration,
    /// The time between the row above and this one.
    pub gap: Gap,
    /// The time is an estimate.
    pub estimated: bool,
    /// Nothing leaves here: packets only arrive, or something is remarked.
    pub is_arrival: bool,
}

/// How the time between two rows is to be shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Gap {
    /// As nothing: the rows follow each other.
    None,
    /// As a little room.
    Space,
    /// As a break that is labelled with its length: drawing it to scale would take too much room.
    Break(Duration),
}

/// A packet on its way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Arrow {
    /// The lifeline that it leaves, or would have left.
    pub from: Side,
    /// It was sent by somebody else who stands between, as a router: who.
    pub origin: Option<String>,
    /// The row where it leaves.
    pub departs: usize,
    /// The row where it ends; the same as `departs` if its flight takes no time that could be shown.
    pub arrives: usize,
    /// How it ends.
    pub end: Ending,
    /// Solid, dashed or ghost.
    pub line: Line,
    /// What it is about, for colour.
    pub tone: Tone,
    /// What it says.
    pub label: Label,
    /// The number of the segment that it sends again.
    pub again: Option<u64>,
    /// It is the first of several alike: the arrow of their last one, which has no number of its own.
    pub bundle: Option<usize>,
}

/// How an arrow ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ending {
    /// At the other lifeline.
    Arrives,
    /// Midway: why.
    Lost(String),
    /// At the other lifeline, but thrown away there: why.
    Dropped(String),
    /// Nobody knows.
    Unknown,
}

/// How an arrow's line is drawn.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Line {
    /// Sent for the first time.
    Solid,
    /// Sent again.
    Dashed,
    /// It did not happen.
    Ghost,
}

/// What an arrow or remark is about.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Tone {
    /// Opening: SYN.
    Opening,
    /// Data.
    Data,
    /// Acknowledgement alone, window updates.
    Ack,
    /// Closing: FIN.
    Closing,
    /// Reset, ICMP errors, failures.
    Trouble,
    /// Sent again.
    Again,
    /// Probes: zero window and keepalive.
    Probe,
    /// What did not happen.
    Ghost,
}

/// The words on an arrow.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Label {
    /// The packet's number, as `tcpdump -#` counts; none for a ghost.
    pub number: Option<u64>,
    /// Where it stands for several, and on the last of them: the number of the last one.
    pub last: Option<u64>,
    /// What it is: `SYN-ACK`; empty for the last of several, of which the first one tells.
    pub name: String,
    /// Its numbers, the most important first; a renderer may set the last ones below.
    pub fields: Vec<String>,
    /// What stands below: options, the cause of a retransmission, a glimpse of the data.
    pub details: Vec<String>,
}

impl Label {
    /// `7`, or `7–13` where it stands for several.
    pub fn numbers(&self) -> Option<String> {
        let number = self.number?;
        Some(self.last.map_or_else(|| number.to_string(), |last| format!("{number}–{last}")))
    }
}

/// Something said at a lifeline, or between both.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Remark {
    /// Where; `None` for between.
    pub side: Option<Side>,
    /// When.
    pub row: usize,
    /// Who says it.
    pub voice: Voice,
    /// What.
    pub text: String,
}

/// Who makes a remark.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Voice {
    /// The application.
    Application,
    /// The engine.
    Engine,
    /// Who compares: something differs from what it should be.
    Judge,
    /// The picture itself: what was folded, what is not shown.
    Fold,
}

/// An end enters a state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StateMark {
    /// Which end.
    pub side: Side,
    /// When.
    pub row: usize,
    /// Which state.
    pub state: TcpState,
    /// Told from inside; otherwise inferred from the packets.
    pub told: bool,
}

/// A timer, from where it was set to where it ran out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bracket {
    /// Whose.
    pub side: Side,
    /// The row where it was set.
    pub from: usize,
    /// The row where it ran out: below `from`.
    pub to: usize,
    /// Its name and length: `RTO 2 s`.
    pub text: String,
}
