//! Boxes that may be turned, and whether they overlap.

/// A point, in pixels from the upper left.
pub type Point = (f64, f64);

/// The box of a text: a rectangle that may be turned.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Quad {
    /// Its corners, in order around it.
    pub corners: [Point; 4],
}

impl Quad {
    /// An upright box.
    pub fn upright(x: f64, y: f64, width: f64, height: f64) -> Quad {
        Quad { corners: [(x, y), (x + width, y), (x + width, y + height), (x, y + height)] }
    }

    /// The same box, turned by `degrees` (clockwise, as in SVG) around `(x, y)`.
    #[must_use]
    pub fn turned(self, degrees: f64, (x, y): Point) -> Quad {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let turn = |(px, py): Point| {
            let (dx, dy) = (px - x, py - y);
            (x + dx * cos - dy * sin, y + dx * sin + dy * cos)
        };
        Quad { corners: self.corners.map(turn) }
    }

    /// The same box, moved down by `by`.
    #[must_use]
    pub fn lowered(self, by: f64) -> Quad {
        Quad { corners: self.corners.map(|(x, y)| (x, y + by)) }
    }

    /// The same box, smaller by `by` at each edge; at most to its middle.
    #[must_use]
    pub fn shrunk(self, by: f64) -> Quad {
        let [a, b, c, d] = self.corners;
        let part =
            |from: Point, to: Point| by / (to.0 - from.0).hypot(to.1 - from.1).max(2.0 * by).max(f64::MIN_POSITIVE);
        let (wide, high) = (part(a, b), part(b, c));
        let inner = |corner: Point, across: Point, down: Point| {
            let along = |axis: fn(Point) -> f64| {
                axis(corner) + (axis(across) - axis(corner)) * wide + (axis(down) - axis(corner)) * high
            };
            (along(|p| p.0), along(|p| p.1))
        };
        Quad { corners: [inner(a, b, d), inner(b, a, c), inner(c, d, b), inner(d, c, a)] }
    }

    /// Whether the line between two points runs through the box.
    pub fn is_crossed(&self, from: Point, to: Point) -> bool {
        let normal = (from.1 - to.1, to.0 - from.0);
        [self.axis(0), self.axis(1), normal].into_iter().all(|axis| {
            let (low, high) = self.along(axis);
            let [a, b] = [from, to].map(|point| point.0 * axis.0 + point.1 * axis.1);
            a.max(b) > low && a.min(b) < high
        })
    }

    /// Whether all of `other` is in the box.
    pub fn contains(&self, other: &Quad) -> bool {
        other.corners.iter().all(|corner| self.has(*corner))
    }

    fn has(&self, point: Point) -> bool {
        let within = |axis: Point| {
            let (low, high) = self.along(axis);
            let at = point.0 * axis.0 + point.1 * axis.1;
            at >= low - 0.01 && at <= high + 0.01
        };
        within(self.axis(0)) && within(self.axis(1))
    }

    /// From top to bottom.
    pub fn vertical(&self) -> (f64, f64) {
        let ys = self.corners.map(|(_, y)| y);
        (ys.into_iter().fold(f64::INFINITY, f64::min), ys.into_iter().fold(f64::NEG_INFINITY, f64::max))
    }

    /// From left to right.
    pub fn horizontal(&self) -> (f64, f64) {
        let xs = self.corners.map(|(x, _)| x);
        (xs.into_iter().fold(f64::INFINITY, f64::min), xs.into_iter().fold(f64::NEG_INFINITY, f64::max))
    }

    /// By how much the boxes overlap at least, in pixels; 0 if they don't.
    pub fn overlap(&self, other: &Quad) -> f64 {
        // Two convex shapes are apart if an edge of one of them separates them.
        let axes = [self, other].into_iter().flat_map(|quad| [quad.axis(0), quad.axis(1)]);
        axes.map(|axis| {
            let (a, b) = (self.along(axis), other.along(axis));
            (a.1.min(b.1) - a.0.max(b.0)).max(0.0)
        })
        .fold(f64::INFINITY, f64::min)
    }

    fn axis(&self, edge: usize) -> Point {
        let (from, to) = (self.corners[edge], self.corners[edge + 1]);
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = dx.hypot(dy).max(f64::MIN_POSITIVE);
        (dx / length, dy / length)
    }

    fn along(&self, axis: Point) -> (f64, f64) {
        let at = self.corners.map(|(x, y)| x * axis.0 + y * axis.1);
        (at.into_iter().fold(f64::INFINITY, f64::min), at.into_iter().fold(f64::NEG_INFINITY, f64::max))
    }
}
