//! Time beside a ladder: its axes, and where it is broken.

use super::measure::busy;
use super::paint::{Painter, low};
use super::place::BREAK;
use crate::ladder::layout::{Gap, Side};
use crate::ladder::terminal::{needs_micros, time_text};
use crate::picture::{Anchor, Ink, Path, Text};
use crate::words;

impl Painter<'_> {
    /// Where time is broken, and for how long.
    pub(super) fn breaks(&self) -> Vec<(f64, String)> {
        let rows = self.ladder.rows.iter().enumerate();
        let broken = rows.filter_map(|(at, row)| match row.gap {
            Gap::Break(span) if at > 0 => {
                let (above, y) = (low(self.places.rows[at - 1]), low(self.places.rows[at]));
                Some(((y - BREAK / 2.0).max((above + y) / 2.0), words::duration(span)))
            }
            _ => None,
        });
        broken.collect()
    }

    /// Times beside both lifelines, as many as there is room for, and breaks.
    pub(super) fn axis(&mut self) {
        let breaks = self.breaks();
        let head = self.top + 3.0;
        for side in [Side::Left, Side::Right] {
            let out = if side == Side::Left { -1.0 } else { 1.0 };
            let anchor = if side == Side::Left { Anchor::End } else { Anchor::Start };
            let x = self.columns.axes[side.index()];
            let words =
                move |y: f64, text: String| Text::new((x + out * 8.0, y), text, Ink::Muted).size(10.5).anchor(anchor);
            self.svg.group().class("axis").done();
            self.svg.text(&words(head, "time, s".into()).italic());
            self.svg.line((x, self.top + 8.0), (x, self.bottom)).stroke(Ink::Rule, 1.0).done();
            for (y, text) in self.times(side, &breaks) {
                self.svg.text(&words(y + 3.7, text));
                self.svg.line((x, y), (x + out * 4.0, y)).stroke(Ink::Rule, 1.0).done();
            }
            for (y, span) in &breaks {
                self.svg.text(&words(y + 3.6, format!("⋮ {span}")).italic());
                self.gap((x, *y), 1.0);
            }
            self.svg.end();
        }
    }

    /// The times of what happens at `side`.
    fn times(&self, side: Side, breaks: &[(f64, String)]) -> Vec<(f64, String)> {
        let micros = needs_micros(self.ladder);
        let busy = busy(self.ladder);
        let mut free = self.top + 8.0;
        let mut times: Vec<(f64, String)> = Vec::new();
        for ((row, ys), busy) in self.ladder.rows.iter().zip(&self.places.rows).zip(busy) {
            let y = ys[side.index()];
            let text = time_text(row, micros);
            let near_break = breaks.iter().any(|(at, _)| (y - at).abs() < 12.0);
            let known = times.last().is_some_and(|(_, last)| *last == text);
            if (busy[side.index()] || busy == [false; 2]) && y - 6.0 >= free && !near_break && !known {
                free = y + 6.0;
                times.push((y, text));
            }
        }
        times
    }

    /// Two slanted strokes across a line that is interrupted.
    pub(super) fn gap(&mut self, (x, y): (f64, f64), half: f64) {
        let (l, r) = (x - half - 3.5, x + half + 3.5);
        let hole = Path::from((l, y + 0.5)).to((r, y - 4.5)).to((r, y + 0.5)).to((l, y + 5.5)).close();
        self.svg.path(&hole).fill(Ink::Paper).done();
        let edges = Path::from((l, y + 0.5)).to((r, y - 4.5)).jump((l, y + 5.5)).to((r, y + 0.5));
        self.svg.path(&edges).stroke(Ink::Muted, 1.0).done();
    }
}
