//! Whether to look for a second packet behind the first: a look that finds none is work that a question and answer at a time would pay
//! for each.

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Appetite {
    /// Packets came one at a time of late: so many more first ones before there is a look again.
    left_out: u8,
}

impl Appetite {
    /// How many looks are left out.
    const PATIENCE: u8 = 8;

    /// Whether there would be a look behind the next packet.
    pub(crate) fn is_keen(self) -> bool {
        self.left_out == 0
    }

    /// The first of a batch is there. Whether to look for another.
    pub(crate) fn goes_on(&mut self) -> bool {
        let look = self.is_keen();
        self.left_out = self.left_out.saturating_sub(1);
        look
    }

    /// A look was had, and there were so many in all.
    pub(crate) fn had(&mut self, packets: usize) {
        if packets == 1 {
            self.left_out = Appetite::PATIENCE;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_packet_is_looked_for_now_and_then() {
        let mut appetite = Appetite::default();
        let mut looks = 0;
        for _ in 0..90 {
            if appetite.goes_on() {
                looks += 1;
                appetite.had(1);
            }
        }
        assert_eq!(looks, 10, "one at a time");
        let mut appetite = Appetite::default();
        for _ in 0..90 {
            assert!(appetite.goes_on(), "many at a time");
            appetite.had(2);
        }
    }
}
