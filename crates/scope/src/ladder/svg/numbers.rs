//! Where the numbers of arrows stand that are drawn by their ends alone.

/// Numbers closer to each other than this would lie on top of each other.
const HEIGHT: f64 = 11.0;
/// How wide a digit is, about.
const DIGIT: f64 = 8.0;

/// The numbers at one lifeline: columns, of which each number takes the nearest that is free at its height.
#[derive(Debug)]
pub(super) struct Numbers {
    /// How wide a column is.
    width: f64,
    /// How far down the last number of each column stands.
    last: Vec<f64>,
}

impl Numbers {
    /// Numbers up to `largest` in `room` pixels.
    pub(super) fn new(largest: u64, room: f64) -> Numbers {
        let width = DIGIT * (largest.max(1).ilog10() + 2) as f64;
        Numbers { width, last: vec![f64::NEG_INFINITY; (room / width).max(1.0) as usize] }
    }

    /// How far off a number at `y` stands, where nothing else is in its way as `is_free` says; `None` if there is no room.
    pub(super) fn place(&mut self, y: f64, is_free: impl Fn(f64) -> bool) -> Option<f64> {
        let mut columns = self.last.iter_mut().enumerate();
        let free = |column: usize, last: f64| (y - last).abs() >= HEIGHT && is_free(self.width * column as f64);
        let (column, last) = columns.find(|(column, last)| free(*column, **last))?;
        *last = y;
        Some(self.width * column as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_side_by_side_as_far_as_there_is_room() {
        let mut numbers = Numbers::new(999, 100.0);
        let places: Vec<_> = (0..5).map(|n| numbers.place(f64::from(n) * 3.0, |_| true)).collect();
        // The fifth is below the first by more than its height.
        assert_eq!(places, [Some(0.0), Some(32.0), Some(64.0), None, Some(0.0)]);
        assert_eq!(Numbers::new(0, 1.0).place(7.0, |_| true), Some(0.0), "one always has a place");
    }

    #[test]
    fn numbers_keep_off_what_stands_there() {
        let mut numbers = Numbers::new(999, 100.0);
        assert_eq!(numbers.place(0.0, |off| off > 0.0), Some(32.0));
        assert_eq!(numbers.place(3.0, |_| true), Some(0.0), "what was left free is still free");
        assert_eq!(numbers.place(50.0, |_| false), None);
    }
}
