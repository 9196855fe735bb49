//! The first place where two runs part.

use super::course::{Course, Ending, Point};
use std::time::Duration;

/// Where two runs part first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parting {
    /// When, in each: since its first packet.
    pub at: [Duration; 2],
    /// The packet of each that shows it, where there is one.
    pub numbers: [Option<u64>; 2],
    /// What happens there.
    pub why: Why,
}

/// What happens where two runs part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Why {
    /// One was connected, the other never.
    Opening {
        /// The run that came about: 0 the first.
        opened: usize,
    },
    /// The options of the SYNs (0) or of the SYN-ACKs (1) differ.
    Options {
        /// Whose.
        from: usize,
    },
    /// What one said differs in length.
    Size {
        /// Who spoke: 0 the client.
        from: usize,
        /// Which turn of the exchange, from 1.
        turn: usize,
        /// Bytes in each run.
        bytes: [u64; 2],
    },
    /// One has fallen behind.
    Late {
        /// Which run: 0 the first.
        run: usize,
        /// Whose stream: 0 the client's.
        from: usize,
        /// At which byte of it.
        position: i64,
        /// By how much it fell behind there.
        by: Duration,
        /// Something was sent again just before.
        loss: bool,
        /// A window was closed just before.
        zero_window: bool,
        /// It is the first data of a turn: whoever speaks thought longer.
        turn: bool,
    },
    /// They end otherwise.
    Ending,
}

/// A run is late only if it falls behind by so much from one place to the next.
const LEAST_STEP: Duration = Duration::from_millis(20);

pub(super) fn find(courses: &[Course; 2]) -> Option<Parting> {
    let [a, b] = courses;
    if let Some(opened) = came_about(a, b) {
        return Some(Parting { at: [Duration::ZERO; 2], numbers: [None; 2], why: Why::Opening { opened } });
    }
    let late = late(a, b);
    let size = size(a, b);
    let sooner = |x: &Parting, y: &Parting| x.at[0].min(x.at[1]) <= y.at[0].min(y.at[1]);
    let within = match (late, size) {
        (Some(late), Some(size)) => Some(if sooner(&late, &size) { late } else { size }),
        (late, size) => late.or(size),
    };
    within.or_else(|| {
        let differ = std::mem::discriminant(&a.ending) != std::mem::discriminant(&b.ending) || a.ending != b.ending;
        let known = a.ending != Ending::Open && b.ending != Ending::Open;
        (differ && known).then_some(Parting { at: [a.lasted, b.lasted], numbers: [None; 2], why: Why::Ending })
    })
}

fn came_about(a: &Course, b: &Course) -> Option<usize> {
    let opened = |course: &Course| course.opened.is_some() || !course.points.is_empty();
    match (opened(a), opened(b)) {
        (true, false) => Some(0),
        (false, true) => Some(1),
        _ => None,
    }
}

/// The first turn whose length differs, unless it is the last of either.
fn size(a: &Course, b: &Course) -> Option<Parting> {
    let both = a.turns.iter().zip(&b.turns).enumerate();
    let differs = both.into_iter().find(|(_, (x, y))| x.from != y.from || x.bytes != y.bytes);
    let (turn, (x, y)) = differs?;
    let bytes = [x.bytes, if x.from == y.from { y.bytes } else { 0 }];
    let why = Why::Size { from: x.from, turn: turn + 1, bytes };
    Some(Parting { at: [x.at, y.at], numbers: [Some(x.first), Some(y.first)], why })
}

/// The first step from one place to the next that took one run much longer than the other.
fn late(a: &Course, b: &Course) -> Option<Parting> {
    let slower = match (a.rtt, b.rtt) {
        (Some((_, a)), Some((_, b))) => a.abs_diff(b),
        _ => Duration::ZERO,
    };
    let nanos = |span: Duration| i128::try_from(span.as_nanos()).unwrap_or(i128::MAX);
    let mut lag = match (a.opened, b.opened) {
        (Some(a), Some(b)) => nanos(b) - nanos(a),
        _ => 0,
    };
    let mut spoke: Option<usize> = None;
    for (x, y) in places(a, b) {
        let now = nanos(y.at) - nanos(x.at);
        let step = now - lag;
        let lossy = if step > 0 { y.after_loss } else { x.after_loss };
        // Round trips that differ from the start make every flight a little later: that is told as a figure.
        let least = LEAST_STEP.max(if lossy { slower } else { slower * 3 / 2 });
        if step.unsigned_abs() > least.as_nanos() {
            let (run, point) = if step > 0 { (1, y) } else { (0, x) };
            let why = Why::Late {
                run,
                from: point.from,
                position: point.position,
                by: Duration::from_nanos(u64::try_from(step.unsigned_abs()).unwrap_or(u64::MAX)),
                loss: point.after_loss,
                zero_window: point.after_zero_window,
                turn: spoke != Some(point.from),
            };
            return Some(Parting { at: [x.at, y.at], numbers: [Some(x.number), Some(y.number)], why });
        }
        lag = now;
        spoke = Some(x.from);
    }
    None
}

/// Places that both runs reached: for each point of the first, the point of the second that reaches at least as far.
fn places<'c>(a: &'c Course, b: &'c Course) -> impl Iterator<Item = (&'c Point, &'c Point)> {
    let of = |course: &'c Course, from: usize| course.points.iter().filter(move |p| p.from == from);
    let mut theirs = [of(b, 0).peekable(), of(b, 1).peekable()];
    a.points.iter().filter_map(move |x| {
        let stream = &mut theirs[x.from];
        while stream.peek().is_some_and(|y| y.position < x.position) {
            stream.next();
        }
        stream.peek().map(|y| (x, *y))
    })
}
