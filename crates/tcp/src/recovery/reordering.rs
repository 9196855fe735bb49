//! How far the path reorders, measured (RFC 4653's idea, as Linux's `tp->reordering`).
//!
//! Something that was never sent again and yet arrives after what was sent later was overtaken. How far, in segments, is how
//! many duplicate ACKs may come without a loss; and that it happens at all makes [RACK](super::rack) wait.

#[cfg(test)]
mod tests;

use crate::pack::packed;
use limpid_wire::SeqNum;

/// The degree, and how often it was seen.
#[derive(Clone, Debug)]
pub struct Reordering {
    /// Segments that may overtake one that is not lost (`tcpi_reordering`).
    degree: u32,
    /// How often reordering was seen (`tcpi_reord_seen`).
    seen: u32,
}

impl Reordering {
    /// A path of which nothing is known is believed to reorder by `degree` segments (`tcp_reordering`; RFC 5681 §3.2's three).
    pub fn new(degree: u32) -> Reordering {
        Reordering { degree, seen: 0 }
    }

    /// An earlier connection has seen this degree; 0 says nothing.
    pub fn on_known(&mut self, degree: u16) {
        if degree > 0 {
            self.degree = degree.into();
        }
    }

    /// Segments that may overtake one that is not lost: the threshold of duplicate ACKs.
    pub fn degree(&self) -> u32 {
        self.degree
    }

    /// How often reordering was seen.
    pub fn seen(&self) -> u32 {
        self.seen
    }

    /// What begins at `low` arrived late, and `highest` is the end of what arrived before it. False if nothing overtook it.
    /// The degree is `max` at most (`tcp_max_reordering`).
    pub fn on_late(&mut self, low: SeqNum, highest: SeqNum, mss: u32, max: u32) -> bool {
        if !low.before(highest) {
            return false;
        }
        let distance = (highest - low).div_ceil(mss.max(1));
        if distance > self.degree {
            self.degree = distance.min(max);
        }
        self.seen = self.seen.saturating_add(1);
        true
    }

    /// Without SACK: there were more duplicate ACKs than segments that could have caused them, so `out` were overtaken.
    pub fn on_too_many_duplicates(&mut self, out: u32, max: u32) {
        self.degree = out.min(max);
        self.seen = self.seen.saturating_add(1);
    }

    /// The timer ran out although `sacked` segments after the first had arrived: the degree was believed to be larger than it is.
    /// Not less than `usual`.
    pub fn on_timeout(&mut self, sacked: u32, usual: u32) {
        if sacked >= usual {
            self.degree = self.degree.min(usual);
        }
    }
}

packed!(struct Reordering { degree, seen });
