//! Paths of lines, and numbers in few digits.

use super::geometry::Point;
use std::fmt::{Display, Write as _};

/// A path: moves and lines.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Path(String);

impl Path {
    /// What `d` holds.
    pub(super) fn commands(&self) -> &str {
        &self.0
    }

    /// Begins at a point.
    pub fn from((x, y): Point) -> Path {
        Path(format!("M{} {}", Num(x), Num(y)))
    }

    /// Begins anew at a point.
    #[must_use]
    pub fn jump(mut self, (x, y): Point) -> Path {
        let _ = write!(self.0, "M{} {}", Num(x), Num(y));
        self
    }

    /// An upright rectangle of its own, from its upper left corner.
    #[must_use]
    pub fn bar(mut self, (x, y): Point, (width, height): (f64, f64)) -> Path {
        let _ = write!(self.0, "M{} {}h{}v{}h{}Z", Num(x), Num(y), Num(width), Num(height), Num(-width));
        self
    }

    /// A straight line to a point.
    #[must_use]
    pub fn to(mut self, (x, y): Point) -> Path {
        let _ = write!(self.0, "L{} {}", Num(x), Num(y));
        self
    }

    /// A bent line to `to` that is drawn towards `by`.
    #[must_use]
    pub fn bent(mut self, by: Point, to: Point) -> Path {
        let _ = write!(self.0, "Q{} {} {} {}", Num(by.0), Num(by.1), Num(to.0), Num(to.1));
        self
    }

    /// Back to where it began.
    #[must_use]
    pub fn close(mut self) -> Path {
        self.0.push('Z');
        self
    }
}

/// A number in few digits: a hundredth of a pixel is seen by nobody.
pub(super) struct Num(pub(super) f64);

impl Display for Num {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let value = if self.0.is_finite() { self.0 } else { 0.0 };
        let text = format!("{value:.1}");
        let text = text.strip_suffix(".0").unwrap_or(&text);
        f.write_str(if text == "-0" { "0" } else { text })
    }
}
