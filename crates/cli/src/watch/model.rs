//! What the screen shows, apart from how: the survey, and where the person is in it.

use super::ladder::LadderView;
use super::row::{Row, SortKey, matches, sort};
use super::survey::Survey;
use limpid_scope::filter::may_part_connections;
use limpid_scope::flows::FlowNumber;
use limpid_scope::ladder::Charset;

/// What is watched, in words.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Subject {
    /// An interface, a file.
    pub(crate) source: String,
    /// The filter; empty for none.
    pub(crate) filter: String,
    /// Packets come from an interface.
    pub(crate) is_live: bool,
}

impl Subject {
    /// True if the filter may hide some packets of a connection that is shown.
    pub(crate) fn may_hide(&self) -> bool {
        may_part_connections(&self.filter)
    }
}

/// How things are shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Look {
    pub(crate) charset: Charset,
    pub(crate) color: bool,
}

impl Look {
    /// `utf8`, or its stand-in in ASCII.
    pub(crate) fn sign(self, utf8: &'static str, ascii: &'static str) -> &'static str {
        if self.charset == Charset::Utf8 { utf8 } else { ascii }
    }
}

/// The list of connections.
#[derive(Debug)]
pub(crate) struct List {
    /// Every connection, at the moment that is shown.
    all: Vec<Row>,
    /// What is listed of them, in order.
    pub(crate) rows: Vec<Row>,
    /// All that there are: open, over, and in trouble.
    pub(crate) counts: Counts,
    /// The connection that is chosen.
    pub(crate) chosen: Option<FlowNumber>,
    /// The first row shown.
    pub(crate) top: usize,
    pub(crate) sort: SortKey,
    pub(crate) reverse: bool,
    /// Only what has these words in it.
    pub(crate) search: String,
    /// The search is being typed.
    pub(crate) is_typing: bool,
    /// Only what is in trouble.
    pub(crate) only_trouble: bool,
}

/// How many connections there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) open: usize,
    pub(crate) over: usize,
    pub(crate) trouble: usize,
}

/// From this severity on a connection counts as being in trouble.
pub(crate) const TROUBLE: u8 = 4;

/// A moment that is looked at for longer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pause {
    /// When, at the source.
    pub(crate) at: i64,
    /// Packets counted until then.
    pub(crate) packets: u64,
}

/// Everything.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) subject: Subject,
    pub(crate) look: Look,
    pub(crate) survey: Survey,
    pub(crate) list: List,
    pub(crate) ladder: Option<LadderView>,
    pub(crate) shows_help: bool,
    pub(crate) pause: Option<Pause>,
    /// Something to tell, until the next key.
    pub(crate) notice: Option<String>,
    /// The source has ended; with the reason if it failed.
    pub(crate) ended: Option<Option<String>>,
    /// Packets dropped by the kernel, and here.
    pub(crate) dropped: (u64, u64),
    /// What time it is where packets come from: nanoseconds since 1970.
    pub(crate) now: i64,
    /// Rows that fit the list when it was drawn last.
    pub(crate) page: usize,
}

impl Model {
    pub(crate) fn new(subject: Subject, look: Look) -> Model {
        let list = List {
            all: Vec::new(),
            rows: Vec::new(),
            counts: Counts::default(),
            chosen: None,
            top: 0,
            sort: SortKey::Trouble,
            reverse: false,
            search: String::new(),
            is_typing: false,
            only_trouble: false,
        };
        Model {
            subject,
            look,
            survey: Survey::new(),
            list,
            ladder: None,
            shows_help: false,
            pause: None,
            notice: None,
            ended: None,
            dropped: (0, 0),
            now: 0,
            page: 10,
        }
    }

    /// It is `clock` at the source, if that has a clock of its own; else its newest packet tells.
    pub(crate) fn pass(&mut self, clock: Option<i64>) {
        let newest = self.survey.span.map_or(0, |(_, last)| last);
        self.now = clock.unwrap_or(newest).max(newest);
        self.survey.pass(self.now);
    }

    /// The moment that is shown.
    pub(crate) fn shown_at(&self) -> i64 {
        self.pause.map_or(self.now, |pause| pause.at)
    }

    /// Brings the list up to date, unless it is paused.
    pub(crate) fn refresh(&mut self) {
        if self.pause.is_none() {
            self.list.all = self.survey.rows(self.now);
            self.rearrange();
        }
    }

    /// Sorts and searches again.
    pub(crate) fn rearrange(&mut self) {
        self.list.arrange(self.pause.map_or(self.now, |pause| pause.at));
    }

    /// The row that is chosen, and its place.
    pub(crate) fn chosen(&self) -> Option<(usize, &Row)> {
        self.list.chosen_row()
    }
}

impl List {
    fn arrange(&mut self, now: i64) {
        let place = self.chosen_row().map_or(0, |(at, _)| at);
        let count = |wanted: &dyn Fn(&Row) -> bool| self.all.iter().filter(|row| wanted(row)).count();
        let is_trouble = |row: &Row| row.severity() >= TROUBLE;
        let over = count(&|row| row.is_over);
        self.counts = Counts { open: self.all.len() - over, over, trouble: count(&is_trouble) };
        let wanted = |row: &&Row| (!self.only_trouble || is_trouble(row)) && matches(row, &self.search, now);
        let mut rows: Vec<Row> = self.all.iter().filter(wanted).copied().collect();
        sort(&mut rows, self.sort, self.reverse);
        self.rows = rows;
        // Whoever is no longer there is followed by the one in its place.
        if self.chosen_row().is_none() {
            self.chosen = self.rows.get(place.min(self.rows.len().saturating_sub(1))).map(|row| row.flow);
        }
    }

    pub(crate) fn chosen_row(&self) -> Option<(usize, &Row)> {
        let chosen = self.chosen?;
        self.rows.iter().enumerate().find(|(_, row)| row.flow == chosen)
    }

    /// Chooses the row `by` places further down.
    pub(crate) fn step(&mut self, by: isize) {
        let at = self.chosen_row().map_or(0, |(at, _)| at);
        let to = at.saturating_add_signed(by).min(self.rows.len().saturating_sub(1));
        self.chosen = self.rows.get(to).map(|row| row.flow);
    }
}
