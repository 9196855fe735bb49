//! The AccECN option as the engine takes and writes it (RFC 9768 §3.2.3).

use super::option::kind;
use crate::Ecn;
use crate::bytes::be24;

/// The most counters that the option holds.
const MAX_COUNTERS: usize = 3;

/// An AccECN option: as many of its three 24-bit byte counters as it has, in the order of its kind.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct AccEcnOption {
    ect1_first: bool,
    len: u8,
    counters: [[u8; 3]; MAX_COUNTERS],
}

impl AccEcnOption {
    /// Kind 172: ECT(0), CE, ECT(1). Counters of the end may be missing; of each the low 24 bits go.
    ///
    /// # Panics
    /// If there are more than three counters.
    pub fn order_0(counters: &[u32]) -> AccEcnOption {
        AccEcnOption::new(false, counters)
    }

    /// Kind 174: ECT(1), CE, ECT(0), as [`order_0`](Self::order_0).
    ///
    /// # Panics
    /// If there are more than three counters.
    pub fn order_1(counters: &[u32]) -> AccEcnOption {
        AccEcnOption::new(true, counters)
    }

    fn new(ect1_first: bool, counters: &[u32]) -> AccEcnOption {
        let mut option = AccEcnOption { ect1_first, len: counters.len() as u8, counters: [[0; 3]; MAX_COUNTERS] };
        for (bytes, value) in option.counters[..counters.len()].iter_mut().zip(counters) {
            bytes.copy_from_slice(&value.to_be_bytes()[1..]);
        }
        option
    }

    /// What can be read of an option of this kind whose data is `data`: whole counters from the beginning, three at most
    /// (RFC 9768 §3.2.3.1's forward compatibility). `None` if it is another kind.
    pub(super) fn read(option_kind: u8, data: &[u8]) -> Option<AccEcnOption> {
        if !matches!(option_kind, kind::ACC_ECN0 | kind::ACC_ECN1) {
            return None;
        }
        let whole = &data.as_chunks::<3>().0[..(data.len() / 3).min(MAX_COUNTERS)];
        let mut counters = [[0; 3]; MAX_COUNTERS];
        counters[..whole.len()].copy_from_slice(whole);
        Some(AccEcnOption { ect1_first: option_kind == kind::ACC_ECN1, len: whole.len() as u8, counters })
    }

    /// How many counters there are.
    pub fn len(&self) -> usize {
        self.len.into()
    }

    /// True if there is no counter.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The counters that are there, in their order, each with what it counts.
    pub fn counters(&self) -> impl Iterator<Item = (Ecn, u32)> + '_ {
        let order = if self.ect1_first { [Ecn::Ect1, Ecn::Ce, Ecn::Ect0] } else { [Ecn::Ect0, Ecn::Ce, Ecn::Ect1] };
        order.into_iter().zip(self.counters[..self.len()].iter().map(|c| be24(c, 0)))
    }

    /// The same with no more than `len` counters.
    #[must_use]
    pub fn truncated(mut self, len: usize) -> AccEcnOption {
        let len = len.min(self.len());
        self.len = len as u8;
        self.counters[len..].fill([0; 3]);
        self
    }

    /// Its bytes, without padding: into `out`, and how many there are.
    pub(super) fn bytes(&self) -> ([u8; 2 + 3 * MAX_COUNTERS], usize) {
        let mut out = [0; 2 + 3 * MAX_COUNTERS];
        let len = 2 + 3 * self.len();
        out[0] = if self.ect1_first { kind::ACC_ECN1 } else { kind::ACC_ECN0 };
        out[1] = len as u8;
        out[2..].copy_from_slice(self.counters.as_flattened());
        (out, len)
    }
}
