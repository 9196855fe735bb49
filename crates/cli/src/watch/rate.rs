//! Figures over the last moments: how fast, and how it went.

use std::collections::VecDeque;

/// The length of a slot, nanoseconds.
const SLOT: i64 = 250_000_000;
/// A rate is over so many slots: two seconds.
const SLOTS: usize = 8;

/// How much passed in the last two seconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rate {
    slots: [u64; SLOTS],
    /// The newest slot, counted from 1970.
    newest: i64,
    /// The slot of the first thing counted.
    first: Option<i64>,
}

impl Rate {
    /// `amount` passed at `time` (nanoseconds since 1970). What is older than the last two seconds is not counted.
    pub(crate) fn add(&mut self, time: i64, amount: u64) {
        let slot = time.div_euclid(SLOT);
        self.first.get_or_insert(slot);
        if slot > self.newest {
            let passed = usize::try_from(slot - self.newest).unwrap_or(SLOTS).min(SLOTS);
            for gone in 0..passed {
                self.slots[index(slot - gone as i64)] = 0;
            }
            self.newest = slot;
        }
        if slot > self.newest - SLOTS as i64 {
            self.slots[index(slot)] += amount;
        }
    }

    /// The amount a second, at `now`.
    pub(crate) fn per_second(&self, now: i64) -> u64 {
        let now = now.div_euclid(SLOT);
        let oldest = now - SLOTS as i64 + 1;
        let counted = (oldest..=now).filter(|slot| (self.newest - SLOTS as i64 + 1..=self.newest).contains(slot));
        let sum: u64 = counted.map(|slot| self.slots[index(slot)]).sum();
        // What began a moment ago is not spread over two seconds; a single packet is not blown up to a rate.
        let age = self.first.map_or(SLOTS as i64, |first| (now - first + 1).clamp(4, SLOTS as i64));
        sum * (1_000_000_000 / SLOT as u64) / age as u64
    }
}

fn index(slot: i64) -> usize {
    slot.rem_euclid(SLOTS as i64) as usize
}

/// The last values of something, the oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    values: VecDeque<u64>,
}

impl History {
    /// So many are kept.
    pub(crate) const LENGTH: usize = 60;

    pub(crate) fn push(&mut self, value: u64) {
        if self.values.len() == History::LENGTH {
            self.values.pop_front();
        }
        self.values.push_back(value);
    }

    /// The last `count`.
    pub(crate) fn last(&self, count: usize) -> impl Iterator<Item = u64> + '_ {
        self.values.iter().skip(self.values.len().saturating_sub(count)).copied()
    }
}

/// A figure for each second: the history of something that is counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct PerSecond {
    pub(crate) history: History,
    current: u64,
    second: Option<i64>,
}

impl PerSecond {
    /// `amount` more at `time`, nanoseconds since 1970.
    pub(crate) fn add(&mut self, time: i64, amount: u64) {
        self.pass(time);
        self.current += amount;
    }

    /// It is `time` now: seconds that are over go to the history.
    pub(crate) fn pass(&mut self, time: i64) {
        let second = time.div_euclid(1_000_000_000);
        let last = *self.second.get_or_insert(second);
        if second > last {
            self.history.push(std::mem::take(&mut self.current));
            for _ in 0..(second - last - 1).min(History::LENGTH as i64) {
                self.history.push(0);
            }
            self.second = Some(second);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000_000;

    #[test]
    fn a_steady_stream_has_its_rate_and_silence_none() {
        let mut rate = Rate::default();
        for packet in 0..1000 {
            rate.add(packet * 10_000_000, 125);
        }
        assert_eq!(rate.per_second(9_990_000_000), 12_500);
        assert_eq!(rate.per_second(10 * S + S / 2), 12_500 * 5 / 8, "half a second of silence (and a slot begun)");
        assert_eq!(rate.per_second(13 * S), 0);
        assert_eq!(rate.per_second(i64::MAX), 0);
    }

    #[test]
    fn what_has_just_begun_is_counted_over_a_second_at_least() {
        let mut rate = Rate::default();
        rate.add(100 * S, 1000);
        assert_eq!(rate.per_second(100 * S), 1000);
        assert_eq!(rate.per_second(101 * S + 999_999_999), 500);
    }

    #[test]
    fn times_that_go_back_are_no_trouble() {
        let mut rate = Rate::default();
        rate.add(100 * S, 1000);
        rate.add(1, 1000);
        rate.add(i64::MIN, 1000);
        assert_eq!(rate.per_second(100 * S), 1000);
    }

    #[test]
    fn seconds_without_anything_are_zeros() {
        let mut packets = PerSecond::default();
        packets.add(5 * S, 3);
        packets.add(5 * S + 1, 4);
        packets.add(8 * S, 1);
        assert_eq!(packets.history.last(60).collect::<Vec<_>>(), [7, 0, 0]);
        packets.pass(1_000_000 * S);
        assert_eq!(packets.history.last(60).sum::<u64>(), 0);
        assert_eq!(packets.history.last(9).count(), 9);
    }
}
