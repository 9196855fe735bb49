//! An overview as a drawing.

use super::text::summary;
use super::{FATES, Fate, Overview, Row};
use crate::picture::{Anchor, Drawing, Ink, Path, Svg, Text, font};
use crate::words;
use std::time::Duration;

const MARGIN: f64 = 20.0;
const LINE: f64 = 19.0;
const BAR: f64 = 9.0;
const SIZE: f64 = 11.5;
/// The height of the picture of how many were open at once.
const DENSITY: f64 = 90.0;

/// Where the columns of a table are.
struct Columns {
    number: f64,
    who: f64,
    bar: (f64, f64),
    took: f64,
    bytes: f64,
    note: f64,
    room: [f64; 2],
}

/// Draws it, `width` pixels wide.
pub fn draw(overview: &Overview, title: &str, width: f64) -> Drawing {
    let width = width.clamp(700.0, 4000.0);
    let mut svg = Svg::new();
    let mut y = MARGIN + 18.0;
    let name = font::ellipsis(title, width - 2.0 * MARGIN, 19.0, true);
    svg.text(&Text::new((MARGIN, y), name, Ink::Text).bold().size(19.0));
    for line in font::wrap(&summary(overview), width - 2.0 * MARGIN, 13.0, false) {
        y += 20.0;
        svg.text(&Text::new((MARGIN, y), line, Ink::Muted).size(13.0));
    }
    y += 16.0;
    let columns = columns(overview, width);
    if !overview.density.is_empty() {
        y = density(&mut svg, overview, &columns, y);
    }
    if !overview.rows.is_empty() {
        y = axis(&mut svg, overview, &columns, y);
        y = rows(&mut svg, &overview.rows, overview.length, &columns, y);
    }
    if overview.rows_left_out > 0 {
        y += LINE;
        let text = format!("{} not shown", words::count(overview.rows_left_out, "more group"));
        svg.text(&Text::new((columns.who, y), text, Ink::Muted).size(SIZE).italic());
    }
    if !overview.worst.is_empty() {
        y += 34.0;
        svg.text(&Text::new((MARGIN, y), "The worst", Ink::Text).bold().size(14.0));
        y = rows(&mut svg, &overview.worst, overview.length, &columns, y + 6.0);
    }
    y = legend(&mut svg, overview, y + 24.0, width);
    Drawing { svg, width, height: y + MARGIN, title: title.to_owned() }
}

fn took(row: &Row) -> String {
    words::rough(Duration::from_nanos(row.span.1.saturating_sub(row.span.0)))
}

fn columns(overview: &Overview, width: f64) -> Columns {
    let all = || overview.rows.iter().chain(&overview.worst);
    let widest = |of: &dyn Fn(&Row) -> String| all().map(|row| font::width(&of(row), SIZE, false)).fold(0.0, f64::max);
    let number = widest(&|row| row.number.map(|n| n.to_string()).unwrap_or_default());
    let who = widest(&|row| row.who.clone()).min(width * 0.34);
    let (took, bytes) = (widest(&took).max(30.0), widest(&|row| words::bytes(row.bytes)).max(30.0));
    let note = widest(&|row| row.note.clone()).min(width * 0.24);
    let who_at = MARGIN + number + 10.0;
    let note_at = width - MARGIN - note;
    let bytes_at = note_at - 16.0;
    let took_at = bytes_at - bytes - 16.0;
    let bar = (who_at + who + 16.0, (took_at - took - 14.0).max(who_at + who + 60.0));
    Columns {
        number: MARGIN + number,
        who: who_at,
        bar,
        took: took_at,
        bytes: bytes_at,
        note: note_at,
        room: [who, note],
    }
}

/// Round times along the bars.
fn axis(svg: &mut Svg, overview: &Overview, columns: &Columns, top: f64) -> f64 {
    let (from, to) = columns.bar;
    let seconds = overview.length as f64 / 1e9;
    let steps = ((to - from) / 80.0).clamp(2.0, 10.0);
    let raw = (seconds / steps).max(1e-9);
    let power = 10f64.powf(raw.log10().floor());
    let step =
        [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|step| *step >= raw * 0.999).unwrap_or(raw);
    let mut n = 0.0;
    while n * step <= seconds * 1.000_001 {
        let x = from + (to - from) * (n * step / seconds);
        svg.line((x, top + 14.0), (x, top + 18.0)).stroke(Ink::Rule, 1.0).done();
        let text = words::duration(Duration::from_secs_f64(n * step));
        svg.text(&Text::new((x, top + 10.0), text, Ink::Muted).size(10.0).anchor(Anchor::Middle));
        n += 1.0;
    }
    svg.line((from, top + 18.0), (to, top + 18.0)).stroke(Ink::Rule, 1.0).done();
    top + 22.0
}

fn rows(svg: &mut Svg, rows: &[Row], length: u64, columns: &Columns, top: f64) -> f64 {
    let mut y = top;
    for (index, row) in rows.iter().enumerate() {
        let group = svg.group().class("row");
        match row.number {
            Some(number) => group.attr("data-connection", number).done(),
            None => group.done(),
        }
        if index % 2 == 1 {
            let right = columns.note + columns.room[1];
            svg.rect((MARGIN - 4.0, y), (right - MARGIN + 8.0, LINE)).fill(Ink::Panel).done();
        }
        let base = y + LINE / 2.0 + 4.0;
        let number = row.number.map(|n| n.to_string()).unwrap_or_default();
        svg.text(&Text::new((columns.number, base), number, Ink::Muted).size(SIZE).anchor(Anchor::End));
        let who = font::ellipsis(&row.who, columns.room[0], SIZE, false);
        svg.text(&Text::new((columns.who, base), who, Ink::Text).size(SIZE));
        bar(svg, row, length, columns.bar, y + LINE / 2.0);
        svg.text(&Text::new((columns.took, base), took(row), Ink::Muted).size(SIZE).anchor(Anchor::End));
        svg.text(&Text::new((columns.bytes, base), words::bytes(row.bytes), Ink::Muted).size(SIZE).anchor(Anchor::End));
        let note = font::ellipsis(&row.note, columns.room[1], SIZE, false);
        svg.text(&Text::new((columns.note, base), note, Ink::Text).size(SIZE));
        svg.end();
        y += LINE;
    }
    y
}

/// A bar from the first packet to the last; of a group how many were under way over time, up to its own most.
fn bar(svg: &mut Svg, row: &Row, length: u64, (from, to): (f64, f64), y: f64) {
    if !row.density.is_empty() {
        let high = LINE - 3.0;
        return stacked(svg, &row.density, (from, to), (y + high / 2.0, high));
    }
    let x = |at: u64| from + (to - from) * (at as f64 / length.max(1) as f64);
    let (left, right) = (x(row.span.0), x(row.span.1).max(x(row.span.0) + 2.0));
    let count: u64 = row.fates.iter().sum::<u64>().max(1);
    let mut at = left;
    for fate in Fate::ALL.into_iter().filter(|fate| row.fates[fate.index()] > 0) {
        let wide = (right - left) * row.fates[fate.index()] as f64 / count as f64;
        svg.rect((at, y - BAR / 2.0), (wide, BAR)).fill(fate.ink()).done();
        at += wide;
    }
    if let Some(fate) = Fate::ALL.into_iter().find(|fate| count == 1 && row.fates[fate.index()] == 1) {
        sign(svg, fate, (right, y));
    }
}

/// How it ended: a shape for each way.
fn sign(svg: &mut Svg, fate: Fate, (x, y): (f64, f64)) {
    let ink = fate.ink();
    match fate {
        Fate::Closed => {}
        Fate::Open => {
            let head = Path::from((x, y - 6.5)).to((x + 8.0, y)).to((x, y + 6.5)).close();
            svg.path(&head).fill(ink).done();
        }
        Fate::Unknown => {
            let dash = Path::from((x + 2.0, y)).to((x + 9.0, y));
            svg.path(&dash).stroke(ink, 2.2).done();
        }
        Fate::Silent => {
            for n in 0..3 {
                svg.circle((x + 4.0 + 4.5 * f64::from(n), y), 1.4).fill(ink).done();
            }
        }
        Fate::Reset => {
            let x = x + 5.0;
            let cross =
                Path::from((x - 4.0, y - 4.5)).to((x + 4.0, y + 4.5)).jump((x - 4.0, y + 4.5)).to((x + 4.0, y - 4.5));
            svg.path(&cross).stroke(ink, 2.2).done();
        }
        Fate::Failed => {
            let class = format!("{} {}", Ink::Paper.fill(), ink.stroke());
            svg.circle((x + 4.0, y), 3.6).class(class).num("stroke-width", 1.6).done();
        }
    }
}

/// How many were under way at once, over time.
fn density(svg: &mut Svg, overview: &Overview, columns: &Columns, top: f64) -> f64 {
    let (from, to) = columns.bar;
    let bottom = top + DENSITY;
    let most = most(&overview.density);
    stacked(svg, &overview.density, (from, to), (bottom, DENSITY));
    svg.line((from, bottom), (to, bottom)).stroke(Ink::Rule, 1.0).done();
    let label = |y: f64, text: String| Text::new((from - 10.0, y), text, Ink::Muted).size(SIZE).anchor(Anchor::End);
    svg.text(&label(top + 10.0, format!("{} open", words::number(most))));
    svg.text(&label(bottom, "0".into()));
    bottom + 14.0
}

/// The most in a step.
fn most(density: &[[u64; FATES]]) -> u64 {
    density.iter().map(|step| step.iter().sum::<u64>()).max().unwrap_or(0).max(1)
}

/// How many there were over time, on each other by how they ended: a path for each way, from `bottom` up to `height`.
fn stacked(svg: &mut Svg, density: &[[u64; FATES]], (from, to): (f64, f64), (bottom, height): (f64, f64)) {
    let (most, wide) = (most(density) as f64, (to - from) / density.len().max(1) as f64);
    for (at, fate) in Fate::ALL.into_iter().enumerate() {
        let mut path = Path::default();
        for (index, step) in density.iter().enumerate().filter(|(_, step)| step[at] > 0) {
            let up = |count: u64| bottom - height * count as f64 / most;
            let below: u64 = step[..at].iter().sum();
            let (low, high) = (up(below), up(below + step[at]));
            path = path.bar((from + wide * index as f64, high), (wide + 0.1, low - high));
        }
        if path != Path::default() {
            svg.path(&path).fill(fate.ink()).done();
        }
    }
}

fn legend(svg: &mut Svg, overview: &Overview, mut top: f64, width: f64) -> f64 {
    let mut x = MARGIN;
    for (fate, _) in Fate::ALL.into_iter().zip(overview.fates).filter(|(_, n)| *n > 0) {
        svg.rect((x, top - BAR / 2.0), (22.0, BAR)).fill(fate.ink()).done();
        sign(svg, fate, (x + 22.0, top));
        svg.text(&Text::new((x + 42.0, top + 4.0), fate.text(), Ink::Muted).size(11.0));
        x += 42.0 + font::width(fate.text(), 11.0, false) + 22.0;
    }
    if overview.rows.iter().any(|row| !row.density.is_empty()) {
        let step = words::rough(overview.step());
        let text = format!("Over time: how many were open in each step of {step}; each row up to its own most.");
        if x + font::width(&text, 11.0, false) > width - MARGIN {
            (x, top) = (MARGIN, top + 18.0);
        }
        svg.text(&Text::new((x, top + 4.0), text, Ink::Muted).size(11.0).italic());
    }
    top + 6.0
}
