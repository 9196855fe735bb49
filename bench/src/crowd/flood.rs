//! A connection that sends as fast as it can, with and without SYNs from everywhere on the same wire.

use super::strangers;
use crate::heap;
use crate::limpid_pair::{Pair, SERVER};
use crate::stopwatch::Stopwatch;
use limpid_event::Instant;
use limpid_wire::{Endpoint, IpAddr};

/// SYNs of one round of the attacker, made beforehand.
const SYNS: usize = 1 << 16;

/// What came of it.
pub(crate) struct Flooded {
    /// Gb/s of processor time.
    pub(crate) goodput: f64,
    pub(crate) syns: u64,
    /// How much more was allocated at worst than before, bytes.
    pub(crate) memory: usize,
}

/// The attacker's packets.
pub(crate) struct Attacker {
    packets: Vec<Vec<u8>>,
    next: usize,
}

impl Attacker {
    pub(crate) fn new() -> Attacker {
        let mut random = 0x9e37_79b9_7f4a_7c15u64;
        let packets = (0..SYNS).map(|_| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let [b, c, d, p, q, ..] = random.to_le_bytes();
            let from = Endpoint::new(IpAddr::v4([20 + b % 100, b, c, d]), u16::from_le_bytes([p, q]).max(1));
            strangers::packet(from, SERVER, &strangers::syn())
        });
        Attacker { packets: packets.collect(), next: 0 }
    }

    /// The next SYN.
    fn attack(&mut self, now: Instant, pair: &mut Pair) {
        pair.server.receive(now, &self.packets[self.next % SYNS]);
        self.next += 1;
    }
}

/// Sends `bytes` over one connection while the server gets `rate` SYNs for each second of processor time.
pub(crate) fn transfer(attacker: &mut Attacker, bytes: u64, rate: u64) -> Flooded {
    let mut pair = Pair::new(crate::BULK_BUFFER);
    pair.server.route_everything();
    let before = heap::live();
    let (mut syns, mut memory) = (0u64, 0usize);
    let start = Stopwatch::start();
    pair.send_beside(bytes, |pair, now| {
        let due = (start.elapsed().as_nanos() * u128::from(rate) / 1_000_000_000) as u64;
        while syns < due {
            attacker.attack(now, pair);
            syns += 1;
        }
        memory = memory.max(heap::live().saturating_sub(before));
    });
    let goodput = bytes as f64 * 8.0 / start.elapsed().as_secs_f64() / 1e9;
    Flooded { goodput, syns, memory }
}
