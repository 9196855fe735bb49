//! A look at the devices before going to sleep.
//!
//! Who has answered a question may find the next one there already; asking the device costs less than a wait (`poll`), which finds the
//! same and leaves the asking to be done. Where such looks find nothing most are left out.

use limpid_event::Instant;
use std::time::Duration;

/// How many sleeps go without a look after one that found nothing.
const PATIENCE: u8 = 8;

/// Whether to look once more.
pub(super) struct Glance {
    /// Looks go on for so long after a wait began or something came (SO_BUSY_POLL's meaning); one look after that, if zero.
    span: Duration,
    /// Something came since a look found nothing,
    fresh: bool,
    /// at this time.
    since: Instant,
    /// A look is due: what comes next is what it found.
    looking: bool,
    left_out: u8,
}

impl Glance {
    pub(super) fn new(span: Duration) -> Glance {
        Glance { span, fresh: false, since: Instant::ZERO, looking: false, left_out: 0 }
    }

    /// A caller begins to wait, and drives.
    pub(super) fn wait_begins(&mut self, now: Instant) {
        if self.spins() {
            (self.fresh, self.since) = (true, now);
        }
    }

    /// It looks for some time, while others may want their turn.
    pub(super) fn spins(&self) -> bool {
        self.span > Duration::ZERO
    }

    /// Whoever drives has nothing left to do: whether to look at the devices before it sleeps.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        if !self.fresh {
            return false;
        }
        self.looking = self.spins() || self.left_out == 0;
        self.left_out = self.left_out.saturating_sub(1);
        self.fresh = self.looking && now < self.since + self.span;
        self.looking
    }

    /// So many frames came in a round.
    pub(super) fn came(&mut self, now: Instant, frames: usize) {
        if frames > 0 {
            (self.fresh, self.since) = (true, now);
        }
        if std::mem::take(&mut self.looking) {
            self.left_out = if frames > 0 { 0 } else { PATIENCE };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::ZERO;

    #[test]
    fn one_look_follows_what_came_and_what_a_look_found() {
        let mut glance = Glance::new(Duration::ZERO);
        assert!(!glance.is_due(NOW), "nothing came");
        glance.came(NOW, 1);
        for _ in 0..100 {
            assert!(glance.is_due(NOW));
            glance.came(NOW, 1);
        }
        assert!(glance.is_due(NOW));
        glance.came(NOW, 0);
        assert!(!glance.is_due(NOW), "it found nothing");
    }

    #[test]
    fn looks_that_find_nothing_are_left_out() {
        let mut glance = Glance::new(Duration::ZERO);
        let mut looks = 0;
        for _ in 0..900 {
            glance.came(NOW, 1);
            if glance.is_due(NOW) {
                looks += 1;
                glance.came(NOW, 0);
            }
            assert!(!glance.is_due(NOW));
        }
        assert_eq!(looks, 100);
    }

    #[test]
    fn busy_polling_begins_with_the_wait() {
        let (mut glance, later) = (Glance::new(Duration::from_micros(50)), NOW + Duration::from_millis(1));
        glance.came(NOW, 1);
        glance.wait_begins(later);
        assert!(glance.is_due(later + Duration::from_micros(49)));
        glance.came(later + Duration::from_micros(49), 0);
        assert!(glance.is_due(later + Duration::from_micros(50)), "the last look");
        glance.came(later + Duration::from_micros(51), 0);
        assert!(!glance.is_due(later + Duration::from_micros(52)));
        let mut glance = Glance::new(Duration::ZERO);
        glance.wait_begins(later);
        assert!(!glance.is_due(later), "one look follows only what came");
    }

    #[test]
    fn busy_polling_looks_for_its_time() {
        let mut glance = Glance::new(Duration::from_micros(50));
        for round in 0..20 {
            let came = NOW + Duration::from_millis(round);
            glance.came(came, 1);
            for after in [0, 10, 49] {
                assert!(glance.is_due(came + Duration::from_micros(after)));
                glance.came(came + Duration::from_micros(after + 1), 0);
            }
            // The last look begins when the time is over.
            assert!(glance.is_due(came + Duration::from_micros(50)));
            glance.came(came + Duration::from_micros(51), 0);
            assert!(!glance.is_due(came + Duration::from_micros(52)));
        }
    }
}
