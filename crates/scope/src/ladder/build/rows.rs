//! Moments become rows.

use crate::ladder::layout::*;
use limpid_event::{Instant, TcpState};
use std::collections::HashMap;
use std::time::Duration;

/// Where there is no flight to measure by, time shorter than this is not shown.
const SHORT: Duration = Duration::from_millis(1);
/// A gap longer than this many flights is broken.
const BREAK_FLIGHTS: u32 = 4;

/// Something that happens at a moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Item {
    at: Instant,
    /// Until when it lasts: a fold stands for a stretch of time.
    until: Instant,
    /// What comes first at the same instant.
    order: (u8, u64),
    what: What,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum What {
    /// An arrow leaves `side`; an instant one takes the whole row.
    Departs {
        arrow: usize,
        side: Side,
        instant: bool,
    },
    /// An arrow reaches `side`.
    Arrives {
        arrow: usize,
        side: Side,
    },
    Remark {
        remark: usize,
        side: Option<Side>,
    },
}

impl Item {
    pub(super) fn departs(at: Instant, number: u64, arrow: usize, side: Side, instant: bool) -> Item {
        Item { at, until: at, order: (4, number), what: What::Departs { arrow, side, instant } }
    }

    pub(super) fn arrives(at: Instant, number: u64, arrow: usize, side: Side) -> Item {
        Item { at, until: at, order: (0, number), what: What::Arrives { arrow, side } }
    }

    /// A fold takes the place of its first packet.
    pub(super) fn fold(at: Instant, until: Instant, number: u64, remark: usize) -> Item {
        Item { at, until, order: (4, number), what: What::Remark { remark, side: None } }
    }

    pub(super) fn remark(at: Instant, remark: usize, side: Option<Side>) -> Item {
        Item { at, until: at, order: (2, remark as u64), what: What::Remark { remark, side } }
    }

    /// A remark on what happened up to and in this moment.
    pub(super) fn verdict(at: Instant, remark: usize, side: Option<Side>) -> Item {
        Item { at, until: at, order: (6, remark as u64), what: What::Remark { remark, side } }
    }

    /// A ghost that stands for what should have come before `at`: above remarks about its absence.
    pub(super) fn absent(at: Instant, arrow: usize, side: Side) -> Item {
        Item { at, until: at, order: (1, 0), what: What::Departs { arrow, side, instant: true } }
    }

    /// What comes last at its moment.
    pub(super) fn after_all(at: Instant, arrow: usize, side: Side) -> Item {
        Item { at, until: at, order: (5, 0), what: What::Departs { arrow, side, instant: true } }
    }

    /// A ghost of what packet `number`, which leaves at `at`, made needless.
    pub(super) fn needless(at: Instant, number: u64, arrow: usize, side: Side) -> Item {
        Item { at, until: at, order: (4, number.saturating_sub(1)), what: What::Departs { arrow, side, instant: true } }
    }
}

/// A row in the making.
#[derive(Clone, Debug)]
struct Draft {
    at: Instant,
    until: Instant,
    departs: [Option<usize>; 2],
    arrives: [Option<usize>; 2],
    remark: Option<(usize, Option<Side>)>,
    /// Taken by an arrow without flight.
    instant: bool,
    states: [Option<(TcpState, bool)>; 2],
}

impl Draft {
    fn at(at: Instant) -> Draft {
        Draft { at, until: at, departs: [None; 2], arrives: [None; 2], remark: None, instant: false, states: [None; 2] }
    }

    fn has_no_arrow(&self) -> bool {
        self.departs == [None; 2] && self.arrives == [None; 2]
    }

    /// Puts `item` here if the row has room for it.
    fn takes(&mut self, item: &Item) -> bool {
        let same_time = self.at == item.at && self.remark.is_none() && !self.instant;
        let fits = match item.what {
            // Packets that leave both ends at once, and packets that reach both ends at once, share a row.
            What::Departs { side, instant: false, .. } => {
                self.arrives == [None; 2] && self.departs[side.index()].is_none() && !self.has_no_arrow()
            }
            What::Arrives { side, .. } => {
                self.departs == [None; 2] && self.arrives[side.index()].is_none() && !self.has_no_arrow()
            }
            _ => false,
        };
        if same_time && fits {
            self.put(item);
        }
        same_time && fits
    }

    fn put(&mut self, item: &Item) {
        match item.what {
            What::Departs { arrow, side, instant } => {
                self.departs[side.index()] = Some(arrow);
                self.instant |= instant;
            }
            What::Arrives { arrow, side } => self.arrives[side.index()] = Some(arrow),
            What::Remark { remark, side } => self.remark = Some((remark, side)),
        }
        self.until = item.until;
    }
}

/// A fold stands for a stretch of time, and its band lies across: what was under way as it began may arrive above it.
fn let_arrive(items: &mut [Item]) {
    let mut departed: HashMap<usize, Instant> = HashMap::new();
    let mut flights: Vec<(Instant, Instant)> = Vec::new();
    for item in &*items {
        if let What::Departs { arrow, instant: false, .. } = item.what {
            departed.insert(arrow, item.at);
        }
    }
    for item in &*items {
        if let What::Arrives { arrow, .. } = item.what {
            flights.extend(departed.get(&arrow).map(|at| (*at, item.at)));
        }
    }
    for fold in items.iter_mut().filter(|item| matches!(item.what, What::Remark { side: None, .. })) {
        let under_way = flights.iter().filter(|(from, to)| *from <= fold.at && *to > fold.at && *to <= fold.until);
        fold.at = under_way.map(|(_, to)| *to).max().unwrap_or(fold.at);
    }
}

/// The rows of a ladder in the making.
pub(super) struct Rows {
    drafts: Vec<Draft>,
}

impl Rows {
    /// Brings `items` into order and gives each its row. Ladder-wide indices of rows are settled only by
    /// [`settle`](Self::settle), since states may need rows of their own.
    pub(super) fn from_items(items: &mut [Item], arrows: &[Arrow]) -> Rows {
        let_arrive(items);
        items.sort_by_key(|item| (item.at, item.order));
        let mut drafts: Vec<Draft> = Vec::with_capacity(arrows.len() * 2);
        for item in &*items {
            let taken = drafts.last_mut().is_some_and(|last| last.takes(item));
            if !taken {
                let mut draft = Draft::at(item.at);
                draft.put(item);
                drafts.push(draft);
            }
        }
        Rows { drafts }
    }

    /// Puts a state at the row where `side` enters it at `at`; makes a row if there is none.
    pub(super) fn enter(&mut self, at: Instant, side: Side, state: TcpState, told: bool, arrows: &[Arrow]) {
        use TcpState::*;
        let from = self.drafts.partition_point(|d| d.at < at);
        let to = self.drafts.partition_point(|d| d.at <= at);
        let at_departure = matches!(state, SynSent | FinWait1 | LastAck);
        let index = side.index();
        // The flag that brings a state about, where there is one.
        let cause = match state {
            SynSent | SynReceived => "SYN",
            FinWait1 | LastAck | CloseWait | Closing | TimeWait => "FIN",
            _ => "",
        };
        let is_ghost = |d: &Draft| d.departs.iter().flatten().any(|arrow| arrows[*arrow].line == Line::Ghost);
        let fits = |arrow: usize| arrows[arrow].label.name.contains(cause);
        let rank = |d: &Draft| match (d.departs[index], d.arrives[index]) {
            _ if d.states[index].is_some() || is_ghost(d) => None,
            (Some(arrow), _) if at_departure && fits(arrow) => Some(0),
            (_, Some(arrow)) if !at_departure && fits(arrow) => Some(0),
            (_, Some(_)) if !at_departure => Some(1),
            (Some(_), _) if state == Closed => Some(2),
            _ if matches!(d.remark, Some((_, Some(s))) if s == side) => Some(3),
            (Some(_), _) => Some(4),
            (_, Some(_)) => Some(5),
            _ if d.instant => Some(if at_departure { 5 } else { 1 }),
            _ if from == 0 && matches!(state, Listen | Closed | Established) => Some(6),
            _ => None,
        };
        // States come in order: one can't stand above the one before it.
        let last = self.drafts[..to].iter().rposition(|d| d.states[index].is_some());
        let above = last.map_or(from, |r| r.max(from));
        let best = (above..to).filter_map(|r| Some((rank(&self.drafts[r])?, r))).min();
        // In real time an engine takes a packet a little after it was seen, and tells of one a little before.
        let near = || match at_departure {
            true => (to..self.drafts.len())
                .take_while(|r| self.drafts[*r].at.since(at) <= SHORT)
                .find(|r| rank(&self.drafts[*r]) == Some(0)),
            false => (0..from)
                .rev()
                .take_while(|r| last.is_none_or(|last| *r > last) && at.since(self.drafts[*r].at) <= SHORT)
                .find(|r| matches!(rank(&self.drafts[*r]), Some(0 | 1))),
        };
        let best = best.or_else(|| near().map(|row| (0, row)));
        match best {
            Some((_, row)) => self.drafts[row].states[index] = Some((state, told)),
            None => {
                let mut draft = Draft::at(at);
                draft.states[index] = Some((state, told));
                self.drafts.insert(to, draft);
            }
        }
    }

    /// Tells arrows and remarks their rows.
    pub(super) fn settle(&self, arrows: &mut [Arrow], remarks: &mut [Remark]) {
        for (row, draft) in self.drafts.iter().enumerate() {
            for &arrow in draft.departs.iter().flatten() {
                arrows[arrow].departs = row;
                arrows[arrow].arrives = arrows[arrow].arrives.max(row);
            }
            for &arrow in draft.arrives.iter().flatten() {
                arrows[arrow].arrives = row;
            }
            if let Some((remark, _)) = draft.remark {
                remarks[remark].row = row;
            }
        }
    }

    /// The first row at `at`, or the last before it.
    pub(super) fn first_at(&self, at: Instant) -> Option<usize> {
        let row = self.drafts.partition_point(|d| d.at < at);
        if self.drafts.get(row).is_some_and(|d| d.at == at) { Some(row) } else { row.checked_sub(1) }
    }

    /// The last row at or before `at`.
    pub(super) fn at_or_before(&self, at: Instant) -> Option<usize> {
        self.drafts.partition_point(|d| d.at <= at).checked_sub(1)
    }

    /// The first row at or after `at`.
    pub(super) fn at_or_after(&self, at: Instant) -> Option<usize> {
        let row = self.drafts.partition_point(|d| d.at < at);
        (row < self.drafts.len()).then_some(row)
    }

    /// The states that were entered.
    pub(super) fn states(&self) -> Vec<StateMark> {
        let marks = self.drafts.iter().enumerate().flat_map(|(row, draft)| {
            [Side::Left, Side::Right]
                .map(|side| draft.states[side.index()].map(|(state, told)| StateMark { side, row, state, told }))
        });
        marks.flatten().collect()
    }

    /// The finished rows; `flight` is the picture's scale, `estimated` which sides' times are guesses.
    pub(super) fn finish(
        &self,
        start: Instant,
        flight: Option<Duration>,
        estimated: [bool; 2],
        arrows: &[Arrow],
    ) -> Vec<Row> {
        let unit = flight.unwrap_or(SHORT);
        let mut before: Option<Instant> = None;
        let row = |draft: &Draft| {
            let passed = before.map_or(Duration::ZERO, |before| draft.at.since(before));
            before = Some(before.map_or(draft.until, |b| b.max(draft.until)));
            let is_real = |arrow: &usize| arrows[*arrow].line != Line::Ghost;
            let departs = draft.departs.map(|arrow| arrow.filter(is_real));
            let on = |side: Side| departs[side.index()].is_some() || draft.arrives[side.index()].is_some();
            let guessed = |side: Side| on(side) && estimated[side.index()];
            let sure = |side: Side| on(side) && !estimated[side.index()];
            let both = [Side::Left, Side::Right];
            Row {
                at: draft.at.since(start),
                gap: match passed {
                    passed if passed > (unit * BREAK_FLIGHTS).max(SHORT) => Gap::Break(passed),
                    passed if passed > unit + unit / 2 && passed > SHORT => Gap::Space,
                    _ => Gap::None,
                },
                estimated: both.into_iter().any(guessed) && !both.into_iter().any(sure),
                is_arrival: departs == [None; 2] && draft.remark.is_none(),
            }
        };
        self.drafts.iter().map(row).collect()
    }
}
