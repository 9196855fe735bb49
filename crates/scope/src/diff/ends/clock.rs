//! How far apart the clocks of two captures are, and how fast they part.
//!
//! A packet's arrival by one clock less its departure by the other is its delay and the clocks' offset. One way the offset
//! adds, the other way it subtracts; if the quickest packets of both ways took the same time, half the difference of the two
//! minima is the offset. That assumption can't be tested from captures, so the result is an estimate. The drift shows as the
//! slope of the line under all points of a way, upwards one way and downwards the other (Moon, Skelly, Towsley: the line
//! that lies under all points and nearest to them is an edge of their lower convex hull).

/// A packet that both captures saw: when it left by the clock of its sender's capture, in nanoseconds; and its arrival by
/// the other clock, less that.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Transit {
    pub(super) at: i64,
    pub(super) took: i64,
}

/// What to add to times of the server's capture to have them by the client's clock.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Clock {
    /// Nanoseconds by which the server's clock is ahead at `at`.
    pub ahead: i64,
    /// When, by the client's clock: nanoseconds since 1970.
    pub at: i64,
    /// By how much it gains, in parts per million; 0 where nothing shows any.
    pub drift_ppm: f64,
}

/// Below this nothing is said of drift: clocks of computers are good to some tens of parts per million.
const LEAST_DRIFT_PPM: f64 = 2.0;
/// Above this it is no drift.
const MOST_DRIFT_PPM: f64 = 2_000.0;
/// A slope needs so many points each way, and so much time, in nanoseconds.
const LEAST_POINTS: usize = 16;
const LEAST_SPAN: i64 = 5_000_000_000;

impl Clock {
    /// By which the server's clock is ahead at `time` of the client's clock, in nanoseconds.
    pub(super) fn ahead_at(self, time: i64) -> i64 {
        self.ahead + (self.drift_ppm * (time.saturating_sub(self.at)) as f64 / 1e6) as i64
    }

    /// A time of the server's clock by the client's.
    pub(super) fn to_client(self, time: i64) -> i64 {
        // The drift is slow enough for the server's time to stand for the client's in it.
        time.saturating_sub(self.ahead_at(time.saturating_sub(self.ahead)))
    }

    /// From transits towards the server and towards the client; `None` unless there are both.
    pub(super) fn estimate(out: &[Transit], back: &[Transit]) -> Option<Clock> {
        let at = middle(out, back)?;
        let drift_ppm = drift(out, back).unwrap_or(0.0);
        let slope = drift_ppm / 1e6;
        let level = |points: &[Transit], slope: f64| {
            points.iter().map(|p| p.took.saturating_sub((slope * p.at.saturating_sub(at) as f64) as i64)).min()
        };
        let (out, back) = (level(out, slope)?, level(back, -slope)?);
        Some(Clock { ahead: out.saturating_sub(back) / 2, at, drift_ppm })
    }
}

fn middle(out: &[Transit], back: &[Transit]) -> Option<i64> {
    let first = out.first()?.at.min(back.first()?.at);
    let last = out.last()?.at.max(back.last()?.at);
    Some(first.midpoint(last))
}

/// In parts per million, if both ways show it alike.
fn drift(out: &[Transit], back: &[Transit]) -> Option<f64> {
    let (there, here) = (envelope(out)?, envelope(back)?);
    let drift = (there.slope - here.slope) / 2.0;
    let ppm = drift * 1e6;
    // Each way alone must show it, to within a quarter: jitter has a slope too, but not the same one mirrored.
    let agree = (there.slope + here.slope).abs() <= drift.abs() / 2.0;
    // What the clocks part by must stand out of how the points scatter.
    let parted = drift.abs() * there.span.min(here.span) as f64;
    let clear = parted > 2.0 * there.scatter.max(here.scatter) as f64;
    (agree && clear && (LEAST_DRIFT_PPM..MOST_DRIFT_PPM).contains(&ppm.abs())).then_some(ppm)
}

struct Envelope {
    slope: f64,
    span: i64,
    /// How far above the line a quarter of the points lies at most.
    scatter: i64,
}

/// The line under all points, nearest to them.
fn envelope(points: &[Transit]) -> Option<Envelope> {
    let (first, last) = (points.first()?.at, points.last()?.at);
    let span = last.saturating_sub(first);
    if points.len() < LEAST_POINTS || span < LEAST_SPAN {
        return None;
    }
    let hull = lower_hull(points);
    let mean =
        first.saturating_add(points.iter().map(|p| p.at.saturating_sub(first) / points.len() as i64).sum::<i64>());
    let edge = hull.windows(2).find(|edge| edge[0].at <= mean && mean <= edge[1].at)?;
    let slope = edge[1].took.saturating_sub(edge[0].took) as f64 / edge[1].at.saturating_sub(edge[0].at).max(1) as f64;
    let above = |p: &Transit| {
        p.took.saturating_sub(edge[0].took).saturating_sub((slope * p.at.saturating_sub(edge[0].at) as f64) as i64)
    };
    let mut heights: Vec<i64> = points.iter().map(above).collect();
    heights.sort_unstable();
    Some(Envelope { slope, span, scatter: heights[heights.len() / 4].max(0) })
}

/// Of points in the order of time.
fn lower_hull(points: &[Transit]) -> Vec<Transit> {
    let mut hull: Vec<Transit> = Vec::new();
    for &point in points {
        while let [.., a, b] = hull[..]
            && turns_down(a, b, point)
        {
            hull.pop();
        }
        hull.push(point);
    }
    hull
}

/// True if `b` lies on or above the line from `a` to `c`.
fn turns_down(a: Transit, b: Transit, c: Transit) -> bool {
    let product =
        |p: Transit, q: Transit| (i128::from(p.at) - i128::from(a.at)) * (i128::from(q.took) - i128::from(a.took));
    product(b, c) - product(c, b) <= 0
}

#[cfg(test)]
mod tests;
