//! Where the names of states stand: in their bars, or beside them where there is no room.

use super::draw::{Axis, BAR};
use super::{Span, Timeline};
use crate::picture::{Ink, Path, Svg, Text, font};
use limpid_event::TcpState;

const SIZE: f64 = 10.5;
/// From line to line of names that stand outside.
pub(super) const ROW: f64 = 14.0;
/// Lines of names outside a bar, at most.
const ROWS: usize = 3;
/// From the name of one state to the next.
const APART: f64 = 8.0;
/// How far the last state is drawn beyond the last moment.
const BEYOND: f64 = 24.0;

/// The names of one end's states, placed.
pub(super) struct Names<'t> {
    spans: Vec<(&'t Span, Place)>,
    /// How many lines stand outside.
    pub(super) rows: usize,
}

#[derive(Clone, Copy)]
enum Place {
    /// It begins here, in the bar.
    Inside(f64),
    /// It begins here, so many lines away.
    Outside(f64, usize),
}

impl<'t> Names<'t> {
    /// Those of end `side`; nothing stands further right than `edge`.
    pub(super) fn of(timeline: &'t Timeline, side: usize, axis: &Axis, edge: f64) -> Names<'t> {
        let spans = &timeline.spans[side];
        let mut free = [f64::NEG_INFINITY; ROWS];
        let mut placed = Vec::with_capacity(spans.len());
        for (index, span) in spans.iter().enumerate() {
            let (from, to) = extent(spans, index, axis);
            let wide = font::width(span.state.name(), SIZE, true);
            let inside = (span.state != TcpState::Closed).then(|| room(axis, (from, to), wide + 10.0)).flatten();
            let place = inside.map_or_else(
                || {
                    let x = |row: usize| from.min(edge - wide).max(free[row] + APART);
                    // As near as its neighbours let it.
                    let row = (0..ROWS).find(|row| x(*row) <= from).or((0..ROWS).find(|row| x(*row) + wide <= edge));
                    let row = row.unwrap_or(ROWS - 1);
                    let x = x(row);
                    free[row] = x + wide;
                    Place::Outside(x, row)
                },
                |x| Place::Inside(x + 6.0),
            );
            placed.push((span, place));
        }
        let rows = |(_, place): &(&Span, Place)| match place {
            Place::Inside(_) => 0,
            Place::Outside(_, row) => row + 1,
        };
        let rows = placed.iter().map(rows).max().unwrap_or(0);
        Names { spans: placed, rows }
    }

    /// Draws bars and names, the bars at `y`, names outside of them above or below.
    pub(super) fn draw(&self, svg: &mut Svg, axis: &Axis, y: f64, above: bool) {
        let spans: Vec<&Span> = self.spans.iter().map(|(span, _)| *span).collect();
        for index in 0..spans.len() {
            bar(svg, spans[index], extent(&spans, index, axis), y);
        }
        for (index, (span, place)) in self.spans.iter().enumerate() {
            let ink = Ink::from(span.state);
            let name = span.state.name();
            match *place {
                Place::Inside(x) => {
                    let ink = if span.told { Ink::Paper } else { ink };
                    svg.text(&Text::new((x, y + BAR / 2.0 + 4.0), name, ink).bold().size(SIZE));
                }
                Place::Outside(x, row) => {
                    let far = ROW * row as f64;
                    let is_closed = span.state == TcpState::Closed;
                    let near = if is_closed { BAR / 2.0 + 2.0 } else { BAR + 1.0 };
                    let (base, near) = match above {
                        true => (y - 16.0 - far, y + BAR - near),
                        false => (y + BAR + 20.0 + far, y + near),
                    };
                    let from = extent(&spans, index, axis).0;
                    let lead =
                        Path::from((from + 2.0, near)).to((x + 2.0, if above { base + 4.0 } else { base - 10.0 }));
                    svg.path(&lead).class(format!("{} faint", Ink::Muted.stroke())).num("stroke-width", 0.8).done();
                    let ink = if is_closed { Ink::Muted } else { ink };
                    svg.text(&Text::new((x, base), name, ink).bold().size(SIZE));
                }
            }
        }
    }
}

/// From where to where a state is drawn; the last one goes on for a little.
fn extent<S: std::borrow::Borrow<Span>>(spans: &[S], index: usize, axis: &Axis) -> (f64, f64) {
    let span = spans[index].borrow();
    let beyond = if index + 1 == spans.len() { BEYOND } else { 0.0 };
    (axis.x(span.from), axis.x(span.to) + beyond)
}

/// The first place in a bar where a name of this width is not cut through.
fn room(axis: &Axis, (from, to): (f64, f64), wide: f64) -> Option<f64> {
    let cuts = axis.cuts.iter().map(|(x, _)| *x).filter(|x| from < *x && *x < to);
    let ends = cuts.clone().map(|x| x - 5.0).chain([to]);
    let begins = [from].into_iter().chain(cuts.map(|x| x + 3.0));
    begins.zip(ends).find(|(begin, end)| end - begin >= wide).map(|(begin, _)| begin)
}

fn bar(svg: &mut Svg, span: &Span, (from, to): (f64, f64), y: f64) {
    let ink = Ink::from(span.state);
    if span.state == TcpState::Closed {
        let (middle, class) = (y + BAR / 2.0, format!("{} guess", Ink::Rule.stroke()));
        svg.line((from, middle), (to, middle)).class(class).num("stroke-width", 1.2).done();
    } else if to - from > 0.5 {
        let fill = if span.told { ink.fill().to_owned() } else { format!("{} wash", ink.fill()) };
        svg.rect((from, y), (to - from - 1.0, BAR)).num("rx", 2.0).class(fill).done();
        if !span.told {
            let class = format!("{} guess", ink.stroke());
            svg.rect((from, y), (to - from - 1.0, BAR)).num("rx", 2.0).attr("fill", "none").class(class).done();
        }
    }
}
