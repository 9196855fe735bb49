//! Paints a planned ladder.

use super::canvas::{Canvas, clip, width};
use super::glyphs::{Glyphs, Style};
use super::plan::{Columns, FOLD_SIGN, Path, Plan, STATE_WIDTH, STUB, Words, gap_text, time_text};
use crate::ladder::layout::*;
use crate::trace::View;
use crate::words;
use std::time::Duration;

/// Paints one ladder on a canvas of its own.
pub(super) fn paint(ladder: &Ladder, width: usize, glyphs: &Glyphs) -> Canvas {
    paint_and_place(ladder, width, glyphs).0
}

/// The same, and the lines that each arrow leaves and arrives at.
pub(super) fn paint_and_place(ladder: &Ladder, width: usize, glyphs: &Glyphs) -> (Canvas, Vec<[usize; 2]>) {
    let columns = Columns::of(ladder, width, glyphs);
    let mut canvas = Canvas::new(width);
    let mut painter = Painter { ladder, columns, glyphs, canvas: &mut canvas };
    painter.heads();
    let plan = Plan::of(ladder, &columns, glyphs, painter.canvas.height());
    while painter.canvas.height() <= plan.lines {
        painter.canvas.add_line();
    }
    painter.lifelines(&plan);
    painter.times(&plan);
    painter.brackets(&plan);
    painter.states(&plan);
    // Strokes first, words above them.
    for (arrow, path) in ladder.arrows.iter().zip(&plan.paths) {
        painter.strokes(arrow, path);
    }
    for ((arrow, path), words) in ladder.arrows.iter().zip(&plan.paths).zip(&plan.words) {
        painter.words(arrow, path, words);
    }
    for (remark, lines) in ladder.remarks.iter().zip(&plan.remarks) {
        painter.remark(remark, plan.row_line[remark.row], lines);
    }
    let places = plan.paths.iter().map(|path| [path.from, path.to]).collect();
    (canvas, places)
}

struct Painter<'a> {
    ladder: &'a Ladder,
    columns: Columns,
    glyphs: &'a Glyphs,
    canvas: &'a mut Canvas,
}

impl Painter<'_> {
    /// Names, endpoints and how each side is known, above the lifelines.
    fn heads(&mut self) {
        let heads = &self.ladder.heads;
        if let Some(caption) = &self.ladder.caption {
            let y = self.canvas.add_line();
            self.canvas.text(0, y, caption, Style::Bold);
        }
        // A host that has no name but its address needs no line for it.
        let named = |head: &Head| if head.endpoint.contains(&head.name) { String::new() } else { head.name.clone() };
        let names = [named(&heads[0]), named(&heads[1])];
        let style = if names.iter().all(String::is_empty) {
            Style::Bold
        } else {
            self.centred([&names[0], &names[1]], Style::Bold);
            Style::Plain
        };
        self.centred([&heads[0].endpoint, &heads[1].endpoint], style);
        if heads.iter().any(|head| head.view != View::Inside) {
            let known = |view| match view {
                View::Inside => "(known from inside)",
                View::Observed => "(observed)",
                View::Estimated => "(estimated)",
            };
            self.centred([known(heads[0].view), known(heads[1].view)], Style::Dim);
        }
    }

    /// Writes two texts above their lifelines, on two lines if they don't fit beside each other.
    fn centred(&mut self, texts: [&str; 2], style: Style) {
        let texts = texts.map(|text| self.glyphs.translate(text).into_owned());
        let texts = [clip(&texts[0], self.columns.width), clip(&texts[1], self.columns.width)];
        let start = |side: usize| {
            let centred = self.columns.lifelines[side].saturating_sub(width(texts[side]) / 2);
            centred.min(self.columns.width.saturating_sub(width(texts[side])))
        };
        let starts = [start(0), start(1)];
        let y = self.canvas.add_line();
        self.canvas.text(starts[0], y, texts[0], style);
        let y = if starts[0] + width(texts[0]) + 2 > starts[1] { self.canvas.add_line() } else { y };
        self.canvas.text(starts[1], y, texts[1], style);
    }

    fn lifelines(&mut self, plan: &Plan) {
        let top = plan.gap_line.first().copied().flatten().or(plan.row_line.first().copied()).unwrap_or(0);
        for side in [Side::Left, Side::Right] {
            let x = self.columns.lifelines[side.index()];
            let estimated = self.ladder.heads[side.index()].view == View::Estimated;
            let line = if estimated { self.glyphs.estimated } else { self.glyphs.lifeline };
            for y in top..=plan.lines {
                self.canvas.put(x, y, line, Style::Plain);
            }
            let broken = self.ladder.rows.iter().zip(&plan.gap_line);
            for (_, y) in broken.filter(|(row, _)| matches!(row.gap, Gap::Break(_))) {
                self.canvas.put(x, y.unwrap_or(0), self.glyphs.gap, Style::Dim);
            }
        }
    }

    fn times(&mut self, plan: &Plan) {
        let mut shown: Option<Duration> = None;
        let mut above: Option<Duration> = None;
        for (row, (&y, gap)) in self.ladder.rows.iter().zip(plan.row_line.iter().zip(&plan.gap_line)) {
            let since_above = above.map_or(Duration::ZERO, |above| row.at.saturating_sub(above));
            above = Some(row.at);
            if let (Gap::Break(span), &Some(y)) = (row.gap, gap) {
                let end = self.columns.delta_end.unwrap_or(self.columns.time);
                self.canvas.text_before(end, y, &gap_text(span, self.glyphs), Style::Dim);
            }
            let about = if row.estimated { "~" } else { "" };
            let delta = format!("{about}+{}", self.glyphs.translate(&words::duration(since_above)));
            let has_delta = !since_above.is_zero() && row.gap == Gap::None;
            if let (Gap::Space, &Some(y), None) = (row.gap, gap, self.columns.delta_end) {
                // Where there is no room for a column of its own, it stands between.
                self.canvas.text_before(self.columns.time, y, &delta, Style::Dim);
            }
            match self.columns.delta_end {
                Some(end) if has_delta => self.canvas.text_before(end, y, &delta, Style::Dim),
                // Among times of six digits a span would be hard to tell apart.
                None if has_delta && row.is_arrival && !self.columns.micros => {
                    self.canvas.text_before(self.columns.time, y, &delta, Style::Dim);
                    continue;
                }
                _ => {}
            }
            if shown != Some(row.at) {
                let text = time_text(row, self.columns.micros);
                self.canvas.text_before(self.columns.time, y, &text, Style::Plain);
                shown = Some(row.at);
            }
        }
    }

    /// Timers, beside the lifelines. Of two at once on the same side, the first is drawn.
    fn brackets(&mut self, plan: &Plan) {
        let mut busy_until = [0; 2];
        for bracket in &self.ladder.brackets {
            let side = bracket.side.index();
            let (from, to) = (plan.row_line[bracket.from], plan.row_line[bracket.to]);
            if from < busy_until[side] {
                continue;
            }
            let [top, between, joint, bottom] = self.glyphs.brackets[side];
            let x = self.beside(bracket.side);
            let top = if busy_until[side] == from && from > 0 { joint } else { top };
            self.canvas.put(x, from, top, Style::Timer);
            (from + 1..to).for_each(|y| self.canvas.put(x, y, between, Style::Timer));
            self.canvas.put(x, to, bottom, Style::Timer);
            busy_until[side] = to;
            self.bracket_text(bracket, plan, from, to);
        }
    }

    /// The text stands in the gap above its end, else on the last line that is free.
    fn bracket_text(&mut self, bracket: &Bracket, plan: &Plan, from: usize, to: usize) {
        let taken = |y: &usize| {
            let states = self.ladder.states.iter().filter(|s| s.side == bracket.side);
            states.map(|s| plan.row_line[s.row]).any(|line| line == *y)
        };
        let gap = plan.gap_line[bracket.to].filter(|y| *y > from);
        if let Some(y) = gap.or_else(|| (from + 1..=to).rev().find(|y| !taken(y))) {
            self.beside_text(bracket.side, y, &bracket.text, Style::Timer);
        }
    }

    fn states(&mut self, plan: &Plan) {
        for mark in &self.ladder.states {
            let style = if mark.told { Style::State } else { Style::Plain };
            self.beside_text(mark.side, plan.row_line[mark.row], mark.state.name(), style);
        }
    }

    /// The column of brackets, one away from the lifeline.
    fn beside(&self, side: Side) -> usize {
        match side {
            Side::Left => self.columns.lifelines[0] - 2,
            Side::Right => self.columns.lifelines[1] + 2,
        }
    }

    fn beside_text(&mut self, side: Side, y: usize, text: &str, style: Style) {
        let text = self.glyphs.translate(text);
        let has_brackets = self.ladder.brackets.iter().any(|b| b.side == side);
        // The longest name touches the column of brackets, all others keep a blank from it.
        let distance = match has_brackets {
            true if width(&text) < STATE_WIDTH => 3,
            true => 2,
            false => 1,
        };
        match side {
            Side::Left => self.canvas.text_before(self.columns.lifelines[0] - distance, y, &text, style),
            Side::Right => {
                self.canvas.text(self.columns.lifelines[1] + 1 + distance, y, &text, style);
            }
        }
    }

    fn style(arrow: &Arrow) -> Style {
        Style::Tone(arrow.tone)
    }

    /// Draws a piece of a stroke; where strokes cross, the crossing shows.
    fn stroke(&mut self, x: usize, y: usize, c: char, style: Style) {
        let there = self.canvas.char_at(x, y);
        let slanted = |c| c == self.glyphs.down_left || c == self.glyphs.down_right;
        let crosses = self.glyphs.is_stroke(there) && there != c && (slanted(there) || slanted(c));
        self.canvas.put(x, y, if crosses { self.glyphs.crossing } else { c }, style);
    }

    /// The line of an arrow and what it ends in.
    fn strokes(&mut self, arrow: &Arrow, path: &Path) {
        let style = Painter::style(arrow);
        let room = self.columns.room();
        let at = |painter: &Self, distance: usize| painter.columns.from(arrow.from, distance);
        if let Some(origin) = &arrow.origin {
            return self.stroke_from_between(arrow, path, &self.glyphs.translate(origin));
        }
        if arrow.line != Line::Ghost {
            let joint = if arrow.from == Side::Left { self.glyphs.leave_right } else { self.glyphs.leave_left };
            self.canvas.put(at(self, 0), path.from, joint, style);
        }
        let level_end = match (&arrow.end, path.is_level()) {
            (Ending::Lost(_) | Ending::Unknown, _) => return self.broken_off(arrow, path, style),
            (_, true) => room,
            (_, false) => path.slope_at(path.from),
        };
        for distance in 1..level_end {
            let x = at(self, distance);
            self.stroke(x, path.from, self.glyphs.line(arrow.line, distance), style);
        }
        if path.is_cut {
            self.cut(arrow, path, style);
        } else if !path.is_level() {
            let slant = if arrow.from == Side::Left { self.glyphs.down_right } else { self.glyphs.down_left };
            for y in path.from..=path.to {
                self.stroke(at(self, path.slope_at(y)), y, slant, style);
            }
            for distance in path.slope_at(path.to) + 1..room {
                let x = at(self, distance);
                self.stroke(x, path.to, self.glyphs.line(arrow.line, distance), style);
            }
        }
        self.head(arrow, path, style);
    }

    /// The end of an arrow of which the middle is not drawn: it says which one it is.
    fn cut(&mut self, arrow: &Arrow, path: &Path, style: Style) {
        let room = self.columns.room();
        let slant = if arrow.from == Side::Left { self.glyphs.down_right } else { self.glyphs.down_left };
        let bend = path.slope_at(path.from);
        self.stroke(self.columns.from(arrow.from, bend), path.from, slant, style);
        let number = arrow.label.number.or(arrow.label.last).map(|n| n.to_string()).unwrap_or_default();
        let start = (room - STUB).saturating_sub(width(&number).saturating_sub(2));
        self.stroke(self.columns.from(arrow.from, start), path.to, slant, style);
        for distance in start + 1..room {
            let x = self.columns.from(arrow.from, distance);
            self.stroke(x, path.to, self.glyphs.line(arrow.line, distance), style);
        }
        self.at_sender(arrow.from, path.to, start + 2, &format!(" {number} "), style);
    }

    /// An arrow that somebody between the two lifelines sent.
    fn stroke_from_between(&mut self, arrow: &Arrow, path: &Path, origin: &str) {
        let style = Painter::style(arrow);
        let start = width(origin) + 4;
        for distance in start..self.columns.room() {
            let x = self.columns.from(arrow.from, distance);
            self.stroke(x, path.from, self.glyphs.line(arrow.line, distance), style);
        }
        self.at_sender(arrow.from, path.from, 3, origin, style);
        self.head(arrow, path, style);
    }

    fn head(&mut self, arrow: &Arrow, path: &Path, style: Style) {
        let x = self.columns.from(arrow.from, self.columns.room());
        let head = match (arrow.from, arrow.line, &arrow.end) {
            (.., Ending::Dropped(_)) => {
                self.canvas.put(x, path.to, self.glyphs.cross, Style::Tone(Tone::Trouble));
                return;
            }
            (Side::Left, Line::Ghost, _) => self.glyphs.ghost_right,
            (Side::Right, Line::Ghost, _) => self.glyphs.ghost_left,
            (Side::Left, ..) => self.glyphs.head_right,
            (Side::Right, ..) => self.glyphs.head_left,
        };
        self.canvas.put(x, path.to, head, style);
    }

    /// An arrow that ends midway.
    fn broken_off(&mut self, arrow: &Arrow, path: &Path, style: Style) {
        let why = match &arrow.end {
            Ending::Lost(why) => self.glyphs.translate(why).into_owned(),
            _ => String::new(),
        };
        let end = self.columns.room() - 2 - width(&why);
        for distance in 1..end {
            let x = self.columns.from(arrow.from, distance);
            self.stroke(x, path.from, self.glyphs.line(arrow.line, distance), style);
        }
        let x = self.columns.from(arrow.from, end);
        let trouble = Style::Tone(Tone::Trouble);
        match (&arrow.end, arrow.from) {
            (Ending::Unknown, _) => self.canvas.put(x, path.from, '?', style),
            (_, Side::Left) => {
                self.canvas.put(x, path.from, self.glyphs.cross, trouble);
                self.canvas.text(x + 2, path.from, &why, trouble);
            }
            (_, Side::Right) => {
                self.canvas.put(x, path.from, self.glyphs.cross, trouble);
                self.canvas.text_before(x.saturating_sub(1), path.from, &why, trouble);
            }
        }
    }

    fn words(&mut self, arrow: &Arrow, path: &Path, words: &Words) {
        let style = Painter::style(arrow);
        if arrow.line == Line::Ghost {
            let x = self.columns.lifelines[0] + 1 + (self.columns.room().saturating_sub(width(&words.label) + 2)) / 2;
            self.canvas.text(x, path.from, &format!(" {} ", words.label), style);
        } else {
            if words.label.is_empty() {
                return self.below(arrow, path, words);
            }
            let label_style = if arrow.tone == Tone::Ack { Style::Plain } else { style };
            let distance = arrow.origin.as_ref().map_or(2, |origin| width(origin) + 5);
            self.at_sender(arrow.from, path.from, distance, &format!(" {} ", words.label), label_style);
        }
        if let Ending::Dropped(why) = &arrow.end {
            let why = self.glyphs.translate(why);
            self.at_sender(arrow.from.other(), path.to + 1, 2, &why, Style::Tone(Tone::Trouble));
        }
        self.below(arrow, path, words);
    }

    fn below(&mut self, arrow: &Arrow, path: &Path, words: &Words) {
        for (line, text) in words.below.iter().enumerate() {
            self.at_sender(arrow.from, path.from + 1 + line, 3, text, Style::Dim);
        }
    }

    /// Writes text that begins `distance` columns from the lifeline of `side` (on the right: ends there).
    fn at_sender(&mut self, side: Side, y: usize, distance: usize, text: &str, style: Style) {
        let x = self.columns.from(side, distance);
        match side {
            Side::Left => {
                self.canvas.text(x, y, text, style);
            }
            Side::Right => self.canvas.text_before(x + 1, y, text, style),
        }
    }

    fn remark(&mut self, remark: &Remark, y: usize, lines: &[String]) {
        let (sign, style) = match remark.voice {
            Voice::Application => (self.glyphs.dot, Style::App),
            Voice::Engine => (self.glyphs.ring, Style::Plain),
            Voice::Judge => (self.glyphs.differs, Style::Tone(Tone::Trouble)),
            Voice::Fold => (' ', Style::Dim),
        };
        for (line, text) in lines.iter().enumerate() {
            let y = y + line;
            match remark.side {
                Some(side) => {
                    if line == 0 {
                        self.canvas.put(self.columns.from(side, 1), y, sign, style);
                    }
                    self.at_sender(side, y, 3, text, style);
                }
                None => {
                    let sign = self.glyphs.translate(FOLD_SIGN);
                    let x = self.columns.lifelines[0] + 3;
                    if line == 0 {
                        self.canvas.text(x, y, &sign, style);
                    }
                    self.canvas.text(x + width(&sign), y, text, style);
                }
            }
        }
    }
}
