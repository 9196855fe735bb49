//! Which packets are lost by chance: each for itself, in bursts, or by their numbers.
//!
//! Segments with data and all others have chances of their own. So the n-th segment of data of a pipe has the same fate
//! whoever sends it and however often anything was acknowledged: two stacks under the same seed meet the same losses.

use super::{Conditions, TcpGlimpse};
use crate::rng::Rng;
use std::ops::RangeInclusive;

/// Losses in bursts, by the model of Gilbert and Elliott: the pipe is good or bad, and each packet may change that.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Bursts {
    /// Probability that a packet makes a good pipe bad.
    pub begin: f64,
    /// Probability that a packet makes a bad pipe good.
    pub end: f64,
    /// Probability that a packet is lost while the pipe is bad.
    pub loss: f64,
    /// Probability that a packet is lost while the pipe is good.
    pub loss_between: f64,
}

impl Bursts {
    /// Bursts of `length` packets on average (at least one), all of which are lost, so that `share` of all packets (less
    /// than one) are: the simple model of Gilbert.
    pub fn of(share: f64, length: f64) -> Bursts {
        let end = 1.0 / length.max(1.0);
        let share = share.clamp(0.0, 0.99);
        Bursts { begin: (end * share / (1.0 - share)).min(1.0), end, loss: 1.0, loss_between: 0.0 }
    }

    /// The part of all packets that is lost in the long run.
    pub fn share(&self) -> f64 {
        let bad = if self.begin + self.end > 0.0 { self.begin / (self.begin + self.end) } else { 0.0 };
        bad * self.loss + (1.0 - bad) * self.loss_between
    }
}

/// Losses of one pipe.
pub(super) struct Losses {
    data: Series,
    others: Series,
    /// Segments with data that are lost whatever chance says, by their numbers.
    listed: Vec<RangeInclusive<u64>>,
}

/// What befalls packets of one kind.
struct Series {
    chance: Rng,
    bad: bool,
    /// How many there were.
    count: u64,
}

impl Losses {
    pub(super) fn new(rng: &mut Rng) -> Losses {
        let mut series = || Series { chance: rng.fork(), bad: false, count: 0 };
        Losses { data: series(), others: series(), listed: Vec::new() }
    }

    /// Loses these segments with data, counted from 1.
    pub(super) fn list(&mut self, numbers: impl IntoIterator<Item = RangeInclusive<u64>>) {
        self.listed.extend(numbers);
    }

    /// Whether the next packet, whose bytes begin with the IP header, is lost.
    pub(super) fn take(&mut self, conditions: &Conditions, ip: &[u8]) -> bool {
        if conditions.loss <= 0.0 && conditions.bursts.is_none() && self.listed.is_empty() {
            return false;
        }
        if TcpGlimpse::new(ip).is_some_and(|tcp| tcp.len > 0) {
            let lost = self.data.next(conditions);
            lost || self.listed.iter().any(|numbers| numbers.contains(&self.data.count))
        } else {
            self.others.next(conditions)
        }
    }
}

impl Series {
    fn next(&mut self, conditions: &Conditions) -> bool {
        self.count += 1;
        let alone = self.chance.chance(conditions.loss);
        let Some(bursts) = conditions.bursts else { return alone };
        let turns = self.chance.chance(if self.bad { bursts.end } else { bursts.begin });
        self.bad ^= turns;
        self.chance.chance(if self.bad { bursts.loss } else { bursts.loss_between }) || alone
    }
}
