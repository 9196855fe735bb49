//! Queues that say early that they fill: by a mark where a packet is ECN-capable, else by dropping it (RFC 3168 §5).

use limpid_event::Instant;
use limpid_wire::Ecn;
use std::time::Duration;

/// How a queue is managed.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Aqm {
    /// A packet that finds so many waiting hears of it at once.
    Threshold(usize),
    /// CoDel (RFC 8289): when packets have waited for longer than `target` all through an `interval`, one hears of it, and then
    /// more and more often.
    CoDel {
        /// 5 ms by the RFC.
        target: Duration,
        /// 100 ms by the RFC: about the longest usual round trip.
        interval: Duration,
    },
}

impl Aqm {
    /// CoDel with the RFC's constants.
    pub const CODEL: Aqm = Aqm::CoDel { target: Duration::from_millis(5), interval: Duration::from_millis(100) };
}

/// A packet as the queue's manager sees it.
pub(super) struct Waiting {
    /// When it leaves the queue,
    pub(super) leaves: Instant,
    /// and how long it has waited then.
    pub(super) sojourn: Duration,
    /// Packets before it, without the one that is leaving.
    pub(super) packets: usize,
    /// There is no more than one packet's worth of bytes: nothing to complain of.
    pub(super) nearly_empty: bool,
}

/// Intervals after which CoDel forgets how often it had to speak.
const MEMORY: u32 = 16;

/// What CoDel remembers (RFC 8289 §5.1). Packets are seen in the order in which they leave, so that their fate can be told
/// when they come.
#[derive(Default)]
pub(super) struct Manager {
    /// When the wait will have been too long for an interval, if it is too long now.
    first_above: Option<Instant>,
    speaks_next: Instant,
    count: u32,
    last_count: u32,
    speaking: bool,
}

impl Manager {
    /// Whether this packet has to hear of the queue.
    pub(super) fn speaks(&mut self, aqm: Aqm, packet: &Waiting) -> bool {
        match aqm {
            Aqm::Threshold(packets) => packet.packets >= packets,
            Aqm::CoDel { target, interval } => self.codel(target, interval, packet),
        }
    }

    fn codel(&mut self, target: Duration, interval: Duration, packet: &Waiting) -> bool {
        let now = packet.leaves;
        if packet.sojourn < target || packet.nearly_empty {
            self.first_above = None;
            self.speaking = false;
            return false;
        }
        let since = *self.first_above.get_or_insert(now + interval);
        if self.speaking {
            let due = now >= self.speaks_next;
            if due {
                self.count += 1;
                self.speaks_next += self.pause(interval);
            }
            return due;
        }
        if now < since {
            return false;
        }
        self.speaking = true;
        let delta = self.count.saturating_sub(self.last_count);
        let recent = now.since(self.speaks_next) < interval * MEMORY;
        self.count = if delta > 1 && recent { delta } else { 1 };
        self.last_count = self.count;
        self.speaks_next = now + self.pause(interval);
        true
    }

    /// RFC 8289 §5.3's control law.
    fn pause(&self, interval: Duration) -> Duration {
        interval.div_f64(f64::from(self.count.max(1)).sqrt())
    }
}

/// The ECN field of an IP packet; `None` if it is none.
pub(super) fn field(ip: &[u8]) -> Option<Ecn> {
    match (ip.first()? >> 4, *ip.get(1)?) {
        (4, class) => Some(Ecn::from_bits(class)),
        (6, class) => Some(Ecn::from_bits(class >> 4)),
        _ => None,
    }
}

/// Marks an IP packet CE, if it is ECN-capable. False if it is not.
pub(super) fn mark(ip: &mut [u8]) -> bool {
    if matches!(field(ip), None | Some(Ecn::NotEct)) {
        return false;
    }
    if ip[0] >> 4 == 6 {
        ip[1] |= Ecn::Ce.bits() << 4;
        return true;
    }
    let before = u16::from_be_bytes([ip[0], ip[1]]);
    ip[1] |= Ecn::Ce.bits();
    let Some(checksum) = ip.get_mut(10..12) else { return true };
    // RFC 1624: the sum without the old word, and with the new one.
    let old = !u16::from_be_bytes([checksum[0], checksum[1]]);
    let sum = u32::from(old) + u32::from(!before) + u32::from(before | u16::from(Ecn::Ce.bits()));
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = (folded & 0xffff) + (folded >> 16);
    checksum.copy_from_slice(&(!(folded as u16)).to_be_bytes());
    true
}

#[cfg(test)]
mod tests;
