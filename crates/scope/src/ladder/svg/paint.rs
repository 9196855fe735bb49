//! Draws a ladder that is in its place.

use super::lanes::lanes;
use super::margin::{Entry, Note, notes};
use super::numbers::Numbers;
use super::place::{BAR, Columns, FOLD_OFF, Places, place};
use super::{MARGIN, SvgOptions, strokes};
use crate::ladder::layout::*;
use crate::picture::geometry::Quad;
use crate::picture::{Anchor, Ink, Mark, Path, Svg, Text, font};
use crate::trace::View;
use limpid_event::TcpState;

/// How far from the lifeline the number of an arrow stands that is drawn by its ends alone.
const NUMBER: f64 = 84.0;

/// Draws one ladder from `top` down; answers where it ends.
pub(super) fn ladder(svg: &mut Svg, ladder: &Ladder, options: &SvgOptions, width: f64, top: f64) -> f64 {
    let (lanes, counts) = lanes(ladder);
    let columns = Columns::of(ladder, width, counts);
    let mut y = top;
    if let Some(caption) = &ladder.caption {
        y += 16.0;
        svg.text(&Text::new((MARGIN, y), caption.as_str(), Ink::Text).bold().size(14.0));
        y += 8.0;
    }
    y = heads(svg, ladder, &columns, y);
    let places = place(ladder, &columns, options.spacing, y + 16.0);
    let margins = [Side::Left, Side::Right].map(|side| notes(ladder, side, &columns, &places.rows));
    let lowest = margins.iter().map(|(_, bottom)| bottom + 4.0).fold(places.bottom, f64::max);
    let mut painter = Painter { svg, ladder, columns, places: &places, options, top: y, bottom: lowest };
    painter.axis();
    painter.lifelines();
    painter.lanes(&lanes);
    painter.arrows();
    for (side, (notes, _)) in [Side::Left, Side::Right].into_iter().zip(&margins) {
        painter.margin(side, notes);
    }
    lowest + 8.0
}

/// Names and endpoints above the lifelines.
fn heads(svg: &mut Svg, ladder: &Ladder, columns: &Columns, top: f64) -> f64 {
    let room = columns.span() * 0.48 + columns.room[0].min(columns.room[1]);
    let mut y = top;
    for (side, head) in ladder.heads.iter().enumerate() {
        let x = columns.lifelines[side];
        let name = if head.endpoint.contains(&head.name) { "" } else { &head.name };
        let (first, second) =
            if name.is_empty() { (head.endpoint.as_str(), "") } else { (name, head.endpoint.as_str()) };
        let mut at = top + 15.0;
        let line = |text: &str, size, ink, at| {
            let text = font::ellipsis(text, room, size, size > 13.0);
            let text = Text::new((x, at), text, ink).size(size).anchor(Anchor::Middle);
            if size > 13.0 { text.bold() } else { text }
        };
        svg.text(&line(first, 14.0, Ink::Text, at));
        if !second.is_empty() {
            at += 15.0;
            svg.text(&line(second, 11.5, Ink::Muted, at));
        }
        let known = match head.view {
            View::Inside => "",
            View::Observed => "observed here",
            View::Estimated => "estimated",
        };
        if !known.is_empty() {
            at += 14.0;
            svg.text(&line(known, 11.0, Ink::Muted, at).italic());
        }
        y = y.max(at + 8.0);
    }
    y
}

pub(super) struct Painter<'a> {
    pub(super) svg: &'a mut Svg,
    pub(super) ladder: &'a Ladder,
    pub(super) columns: Columns,
    pub(super) places: &'a Places,
    pub(super) options: &'a SvgOptions,
    pub(super) top: f64,
    pub(super) bottom: f64,
}

impl Painter<'_> {
    /// `by` pixels away from the lifeline of `side`, outwards.
    pub(super) fn beside(&self, side: Side, by: f64) -> f64 {
        match side {
            Side::Left => self.columns.lifelines[0] - by,
            Side::Right => self.columns.lifelines[1] + by,
        }
    }

    /// Both lifelines: bars in the colours of their states.
    fn lifelines(&mut self) {
        for side in [Side::Left, Side::Right] {
            let x = self.columns.lifelines[side.index()];
            let estimated = self.ladder.heads[side.index()].view == View::Estimated;
            let guess = if estimated { " guess" } else { "" };
            self.svg.group().class("lifeline").attr("data-side", side.index()).done();
            let class = format!("{}{guess}", Ink::Muted.stroke());
            self.svg.line((x, self.top), (x, self.bottom)).class(class).num("stroke-width", 1.2).done();
            let marks: Vec<StateMark> = self.ladder.states.iter().filter(|m| m.side == side).copied().collect();
            for (at, mark) in marks.iter().enumerate() {
                let y = |row: usize| self.places.rows[row][side.index()];
                let from = y(mark.row);
                let to = marks.get(at + 1).map_or(self.bottom, |next| y(next.row));
                self.state(x, mark, from, to);
            }
            for (y, _) in self.breaks() {
                self.gap((x, y), BAR);
            }
            self.svg.end();
        }
    }

    fn state(&mut self, x: f64, mark: &StateMark, from: f64, to: f64) {
        if mark.state == TcpState::Closed || to - from < 0.5 {
            return;
        }
        let ink = Ink::from(mark.state);
        state_bar(self.svg, ink, mark.told, (x - BAR, from), (2.0 * BAR, to - from));
    }

    /// All strokes first, then all words: no stroke runs through words.
    fn arrows(&mut self) {
        self.bundles();
        for (arrow, path) in self.ladder.arrows.iter().zip(&self.places.paths) {
            self.begin("segment", arrow);
            self.title(arrow);
            strokes::arrow(self.svg, arrow, path);
            self.svg.end();
        }
        // What is under way meanwhile passes behind the band of a fold.
        self.folds();
        // Lines that pass behind words fade there.
        let words = self.places.paths.iter().flat_map(|path| &path.words);
        words.clone().for_each(|text| self.svg.backdrop(text));
        for (arrow, path) in self.ladder.arrows.iter().zip(&self.places.paths) {
            let Some(at) = strokes::loss(arrow, path) else { continue };
            self.begin("sign", arrow);
            self.title(arrow);
            strokes::cross(self.svg, at);
            self.svg.end();
        }
        let words: Vec<Quad> = words.map(Text::quad).collect();
        let number = |arrow: &Arrow| arrow.label.number.or(arrow.label.last);
        let largest = self.ladder.arrows.iter().filter_map(number).max().unwrap_or(0);
        let mut numbers = [(); 2].map(|()| Numbers::new(largest, self.columns.span() / 2.0 - NUMBER));
        for (arrow, path) in self.ladder.arrows.iter().zip(&self.places.paths) {
            self.begin("words", arrow);
            self.title(arrow);
            path.words.iter().for_each(|text| self.svg.text(text));
            if let (true, Some(number), Ending::Arrives) = (path.is_cut, number(arrow), &arrow.end) {
                let way = if path.end.0 > path.from.0 { -1.0 } else { 1.0 };
                let anchor = if way < 0.0 { Anchor::End } else { Anchor::Start };
                let text = |off: f64| {
                    let at = (path.end.0 + way * (NUMBER + off), path.end.1 + 3.6);
                    Text::new(at, number.to_string(), Ink::Muted).size(10.5).anchor(anchor).halo()
                };
                let is_free = |off: f64| words.iter().all(|taken| text(off).quad().overlap(taken) <= 0.3);
                let off = numbers[arrow.from.index()].place(path.end.1, is_free);
                off.iter().for_each(|off| self.svg.text(&text(*off)));
            }
            self.svg.end();
        }
    }

    /// tcpdump's lines: what is shown when the pointer rests on an arrow.
    fn title(&mut self, arrow: &Arrow) {
        let numbers = [arrow.label.number, arrow.label.last].into_iter().flatten();
        let lines: Vec<&str> =
            numbers.filter_map(|number| self.options.lines.get(&number)).map(String::as_str).collect();
        if !lines.is_empty() {
            self.svg.title(&lines.join(" … "));
        }
    }

    fn begin(&mut self, class: &str, arrow: &Arrow) {
        let ghost = if arrow.line == Line::Ghost { " absent" } else { "" };
        let group = self.svg.group().class(format_args!("{class}{ghost}"));
        let group = match arrow.label.number.or(arrow.label.last) {
            Some(number) => group.attr("data-segment", number),
            None => group,
        };
        match arrow.label.last {
            Some(last) => group.attr("data-last", last).done(),
            None => group.done(),
        }
    }

    /// Bands between the first and the last of several that are alike.
    fn bundles(&mut self) {
        for (arrow, first) in self.ladder.arrows.iter().zip(&self.places.paths) {
            let Some(last) = arrow.bundle.and_then(|last| self.places.paths.get(last)) else { continue };
            if first.is_cut || last.is_cut {
                continue;
            }
            let band = Path::from(first.from).to(first.end).to(last.end).to(last.from).close();
            self.begin("bundle", arrow);
            self.svg.path(&band).class(format_args!("{} wash", Ink::from(arrow.tone).fill())).done();
            self.svg.end();
        }
    }

    /// Folds: bands across the ladder.
    fn folds(&mut self) {
        for texts in &self.places.folds {
            let tops = texts.iter().map(|text| text.quad().vertical());
            let (top, bottom) = tops.fold((f64::INFINITY, 0.0f64), |(t, b), (top, bottom)| (t.min(top), b.max(bottom)));
            if !top.is_finite() {
                continue;
            }
            let (left, right) = (self.columns.edge(Side::Left) + FOLD_OFF, self.columns.edge(Side::Right) - FOLD_OFF);
            let (top, height) = (top - 4.0, bottom - top + 8.0);
            self.svg.rect((left, top), (right - left, height)).num("rx", 5.0).fill(Ink::Panel).done();
            self.svg.mark(Mark::Cover(Quad::upright(left, top, right - left, height)));
            for y in [top, top + height] {
                let class = format!("{} guess", Ink::Rule.stroke());
                self.svg.line((left + 5.0, y), (right - 5.0, y)).class(class).num("stroke-width", 1.0).done();
            }
            texts.iter().for_each(|text| self.svg.text(text));
        }
    }

    fn margin(&mut self, side: Side, notes: &[Note]) {
        for note in notes {
            let y = note.y;
            let edge = self.beside(side, BAR + 1.0);
            let words = self.columns.notes[side.index()];
            let inwards = if side == Side::Left { 4.0 } else { -4.0 };
            if (note.wants - y).abs() > 3.0 && note.entry != Entry::Timer {
                let lead = Path::from((edge, note.wants)).to((words + 2.0 * inwards, y)).to((words + inwards, y));
                self.svg
                    .path(&lead)
                    .class(format_args!("{} faint", Ink::Muted.stroke()))
                    .num("stroke-width", 0.8)
                    .done();
            }
            match note.entry {
                Entry::State(_) => {
                    let tick = (self.columns.lifelines[side.index()] - BAR - 2.0, note.wants);
                    self.svg.line(tick, (tick.0 + 2.0 * BAR + 4.0, tick.1)).stroke(Ink::Paper, 1.6).done();
                }
                Entry::Said(voice) => sign(self.svg, voice, (words - inwards * 0.9, y)),
                Entry::Timer => {}
            }
            note.texts.iter().for_each(|text| self.svg.text(text));
        }
    }
}

/// The lower of the two places of a row.
pub(super) fn low(row: [f64; 2]) -> f64 {
    row[0].max(row[1])
}

/// A stretch of a lifeline in a state: full if it was told, hollow and dashed if it was inferred.
pub(super) fn state_bar(svg: &mut Svg, ink: Ink, told: bool, at: (f64, f64), size: (f64, f64)) {
    if told {
        svg.rect(at, size).fill(ink).done();
        return;
    }
    svg.rect(at, size).fill(Ink::Paper).done();
    svg.rect(at, size).class(format_args!("{} wash", ink.fill())).done();
    let inner = ((at.0 + 0.5, at.1), (size.0 - 1.0, size.1));
    svg.rect(inner.0, inner.1)
        .class(format_args!("{} guess", ink.stroke()))
        .attr("fill", "none")
        .num("stroke-width", 1.1)
        .done();
}

/// Who speaks: the application a full dot, the TCP a ring, who compares a diamond.
pub(super) fn sign(svg: &mut Svg, voice: Voice, (x, y): (f64, f64)) {
    match voice {
        Voice::Application => svg.circle((x, y), 3.0).fill(Ink::App).done(),
        Voice::Engine | Voice::Fold => {
            let classes = format!("{} {}", Ink::Paper.fill(), Ink::Muted.stroke());
            svg.circle((x, y), 2.7).class(classes).num("stroke-width", 1.2).done();
        }
        Voice::Judge => {
            let diamond = Path::from((x, y - 4.0)).to((x + 4.0, y)).to((x, y + 4.0)).to((x - 4.0, y)).close();
            svg.path(&diamond).fill(Ink::Trouble).done();
        }
    }
}
