//! Counts right and wrong labels.

use crate::kind::{Kind, Labels};

/// How one tool did with one kind.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Score {
    /// Said, and true.
    pub(crate) right: u64,
    /// Said, and not true.
    pub(crate) wrong: u64,
    /// True, and not said.
    pub(crate) missed: u64,
}

impl Score {
    /// Of those packets that count, by their index.
    pub(crate) fn of(kind: Kind, said: &[Labels], truth: &[Labels], counts: impl Fn(usize) -> bool) -> Score {
        let mut score = Score::default();
        for (index, (said, truth)) in said.iter().zip(truth).enumerate() {
            if truth.hides(kind) || !counts(index) {
                continue;
            }
            match (said.has(kind), truth.has(kind)) {
                (true, true) => score.right += 1,
                (true, false) => score.wrong += 1,
                (false, true) => score.missed += 1,
                (false, false) => {}
            }
        }
        score
    }

    /// Of what it said, the share that is true; `None` if it said nothing.
    pub(crate) fn precision(self) -> Option<f64> {
        share(self.right, self.right + self.wrong)
    }

    /// Of what is true, the share that it said; `None` if there was nothing.
    pub(crate) fn recall(self) -> Option<f64> {
        share(self.right, self.right + self.missed)
    }

    /// The harmonic mean of both.
    pub(crate) fn f1(self) -> Option<f64> {
        share(2 * self.right, 2 * self.right + self.wrong + self.missed)
    }

    pub(crate) fn plus(self, other: Score) -> Score {
        Score { right: self.right + other.right, wrong: self.wrong + other.wrong, missed: self.missed + other.missed }
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
