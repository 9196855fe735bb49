//! What must keep off each other in a ladder, and how rows move apart until it does.

use super::fit::fit;
use super::measure::sounds_at;
use super::place::{FOLD_OFF, Placer, Places, room};
use super::strokes;
use crate::ladder::layout::*;
use crate::picture::geometry::Quad;
use std::collections::HashMap;

/// Arrows whose ends are nearer to each other than this part of their beginnings have their words where they begin.
const CONVERGE: f64 = 0.7;
/// Half the size of the sign of a loss, with a little room.
const SIGN: f64 = 7.0;

/// Something that must not be covered.
struct Box {
    /// The index of its arrow; a fold has one of its own.
    of: usize,
    /// What is moved if it has to make room.
    row: (usize, Option<Side>),
    quad: Quad,
    /// It is no words but the sign of a loss.
    is_sign: bool,
}

impl Placer<'_> {
    /// Moves rows apart whose words overlap; false if none do.
    pub(super) fn move_apart(&mut self, places: &Places) -> bool {
        let boxes = self.boxes(places);
        let mut by_row: HashMap<(usize, Option<Side>), f64> = HashMap::new();
        let mut narrow: Vec<usize> = Vec::new();
        let mut converging: Vec<usize> = Vec::new();
        for (at, one) in boxes.iter().enumerate() {
            let bottom = one.quad.vertical().1;
            let near = boxes[at + 1..].iter().take_while(|other| other.quad.vertical().0 < bottom);
            for other in near.filter(|other| other.of != one.of && !(one.is_sign && other.is_sign)) {
                let overlap = one.quad.overlap(&other.quad);
                if overlap <= 0.3 {
                    continue;
                }
                if self.converge(places, one.of, other.of) {
                    converging.extend([one.of, other.of]);
                } else if one.row.0 == other.row.0 {
                    narrow.extend([one.of, other.of]);
                } else {
                    let by = by_row.entry(one.row.max(other.row)).or_default();
                    *by = by.max(overlap + 0.7);
                }
            }
        }
        for ((row, side), by) in &by_row {
            let sides = side.map_or(0..2, |side| side.index()..side.index() + 1);
            sides.for_each(|side| self.extra[*row][side] += by);
        }
        let mut changed = !by_row.is_empty();
        for index in converging {
            changed |= !std::mem::replace(&mut self.beside[index], true);
        }
        for index in narrow {
            // What leaves both ends at once has half of the room each.
            if self.crossing.get(index) == Some(&false) {
                (self.crossing[index], self.beside[index]) = (true, true);
                let arrow = &self.ladder.arrows[index];
                self.words[index] = fit(arrow, room(arrow, true, self.columns), true);
                changed = true;
            }
        }
        changed
    }

    /// What must keep off each other, from top to bottom: words, the signs of losses, and the bands of folds.
    fn boxes(&self, places: &Places) -> Vec<Box> {
        let mut boxes: Vec<Box> = Vec::new();
        for (of, (path, arrow)) in places.paths.iter().zip(&self.ladder.arrows).enumerate() {
            let row = (arrow.departs, Some(sounds_at(arrow)));
            boxes.extend(path.words.iter().map(|text| Box { of, row, quad: text.quad(), is_sign: false }));
            let sign = |(x, y)| Quad::upright(x - SIGN, y - SIGN, 2.0 * SIGN, 2.0 * SIGN);
            let sign = strokes::loss(arrow, path).map(sign);
            // What is thrown away is so where it arrives.
            let row = match arrow.end {
                Ending::Dropped(_) if arrow.departs < arrow.arrives => (arrow.arrives, Some(arrow.from.other())),
                _ => row,
            };
            boxes.extend(sign.map(|quad| Box { of, row, quad, is_sign: true }));
        }
        let between = self.ladder.remarks.iter().filter(|remark| remark.side.is_none());
        for (at, (texts, remark)) in places.folds.iter().zip(between).enumerate() {
            // A fold's band lies across, and keeps a little room around its words.
            let wide = |quad: Quad| {
                let (top, bottom) = quad.vertical();
                let left = self.columns.edge(Side::Left) + FOLD_OFF;
                Quad::upright(left, top - 5.0, self.columns.span() - 2.0 * FOLD_OFF, bottom - top + 10.0)
            };
            let of = usize::MAX - at;
            let row = (remark.row, None);
            boxes.extend(texts.iter().map(|text| Box { of, row, quad: wide(text.quad()), is_sign: false }));
        }
        boxes.sort_by(|a, b| a.quad.vertical().0.total_cmp(&b.quad.vertical().0));
        boxes
    }

    /// Two arrows of one side run towards each other: where they begin their words need the least room. False if they stand
    /// there already.
    fn converge(&self, places: &Places, one: usize, other: usize) -> bool {
        let Some((a, b)) = places.paths.get(one).zip(places.paths.get(other)) else { return false };
        let [one, other] = [one, other].map(|index| (&self.ladder.arrows[index], self.beside[index]));
        one.0.from == other.0.from
            && !(one.1 && other.1)
            && (a.to.1 - b.to.1).abs() < CONVERGE * (a.from.1 - b.from.1).abs()
    }
}
