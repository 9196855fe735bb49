//! The packets that are kept, to be drawn and saved: the first and the newest of each connection, within a bound.
//!
//! Of each connection its first [`OPENING`] packets and its newest [`RECENT`] are kept. Where all together take more
//! than the bound, the connections that hold most lose their oldest ones, until an eighth of the bound is free: a busy
//! connection does not push out the few packets of one that nobody answers.

use limpid_scope::capture::{CapturedPacket, PacketRef};
use std::collections::{HashMap, VecDeque};

/// The first packets of a connection that are kept as long as the connection is listed.
pub(crate) const OPENING: usize = 16;
/// The most of a connection's newest packets that are kept.
pub(crate) const RECENT: usize = 1000;
/// The bytes that all may take, about.
pub(crate) const MAX_BYTES: usize = 64 * 1024 * 1024;

/// What a packet takes, in bytes.
fn size(packet: &CapturedPacket) -> usize {
    size_of::<CapturedPacket>() + packet.data.len() + packet.comment.as_ref().map_or(0, String::len)
}

/// What is kept of one connection.
#[derive(Debug, Default)]
struct Shelf {
    opening: Vec<CapturedPacket>,
    recent: VecDeque<CapturedPacket>,
    /// Of `recent`.
    bytes: usize,
    /// Packets that stood between `opening` and `recent`.
    gone: u64,
}

impl Shelf {
    /// Drops the oldest of the recent ones; answers how many bytes that frees.
    fn drop_oldest(&mut self) -> usize {
        let Some(oldest) = self.recent.pop_front() else { return 0 };
        self.gone += 1;
        self.bytes -= size(&oldest);
        size(&oldest)
    }
}

/// All packets that are kept, by connection.
#[derive(Debug)]
pub(crate) struct Keep {
    shelves: HashMap<u64, Shelf>,
    bytes: usize,
    max_bytes: usize,
}

impl Keep {
    /// Nothing yet; at most `max_bytes` later, about.
    pub(crate) fn new(max_bytes: usize) -> Keep {
        Keep { shelves: HashMap::new(), bytes: 0, max_bytes }
    }

    /// Keeps a packet of connection `flow`.
    pub(crate) fn push(&mut self, flow: u64, packet: &PacketRef<'_>) {
        let kept = packet.to_owned();
        let shelf = self.shelves.entry(flow).or_default();
        self.bytes += size(&kept);
        if shelf.opening.len() < OPENING {
            shelf.opening.push(kept);
        } else {
            shelf.bytes += size(&kept);
            shelf.recent.push_back(kept);
            if shelf.recent.len() > RECENT {
                self.bytes -= shelf.drop_oldest();
            }
        }
        if self.bytes > self.max_bytes {
            self.make_room();
        }
    }

    /// The connection is no longer listed.
    pub(crate) fn forget(&mut self, flow: u64) {
        if let Some(shelf) = self.shelves.remove(&flow) {
            self.bytes -= shelf.bytes + shelf.opening.iter().map(size).sum::<usize>();
        }
    }

    /// Lowers the most that a connection may hold until an eighth of the bound is free; if nothing but beginnings is
    /// left, the oldest connections' go.
    fn make_room(&mut self) {
        let goal = self.max_bytes - self.max_bytes / 8;
        let mut ceiling = self.shelves.values().map(|shelf| shelf.bytes).max().unwrap_or(0);
        while self.bytes > goal && ceiling > 0 {
            ceiling /= 2;
            for shelf in self.shelves.values_mut() {
                while shelf.bytes > ceiling {
                    self.bytes -= shelf.drop_oldest();
                }
            }
        }
        if self.bytes > goal {
            let mut flows: Vec<u64> = self.shelves.keys().copied().collect();
            flows.sort_unstable();
            for flow in flows {
                if self.bytes <= goal {
                    break;
                }
                self.forget(flow);
            }
        }
    }

    /// Packets of a connection that stood between those kept from its beginning and the newest, and are not kept.
    pub(crate) fn gone(&self, flow: u64) -> u64 {
        self.shelves.get(&flow).map_or(0, |shelf| shelf.gone)
    }

    /// A connection's packets, in their order.
    pub(crate) fn of(&self, flow: u64) -> impl Iterator<Item = CapturedPacket> + '_ {
        let shelf = self.shelves.get(&flow);
        shelf.into_iter().flat_map(|shelf| shelf.opening.iter().chain(&shelf.recent)).cloned()
    }

    /// All packets, in their order.
    pub(crate) fn all(&self) -> Vec<CapturedPacket> {
        let mut all: Vec<&CapturedPacket> =
            self.shelves.values().flat_map(|s| s.opening.iter().chain(&s.recent)).collect();
        all.sort_by_key(|kept| kept.number);
        all.into_iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use limpid_scope::capture::LinkType;

    fn push(keep: &mut Keep, flow: u64, number: u64, len: usize) {
        let packet = CapturedPacket::whole(number, number as i64, LinkType::RAW, vec![0; len]);
        keep.push(flow, &packet.lend());
    }

    fn numbers(keep: &Keep, flow: u64) -> Vec<u64> {
        keep.of(flow).map(|packet| packet.number).collect()
    }

    #[test]
    fn the_beginning_and_the_end_stay() {
        let mut keep = Keep::new(MAX_BYTES);
        (1..=2000).for_each(|number| push(&mut keep, 7, number, 60));
        let kept = numbers(&keep, 7);
        assert_eq!(kept[..OPENING + 1], (1..=16).chain([1001]).collect::<Vec<_>>());
        assert_eq!((kept.len(), keep.gone(7)), (OPENING + RECENT, 2000 - 1016));
        keep.forget(7);
        assert_eq!((numbers(&keep, 7).len(), keep.bytes), (0, 0));
    }

    #[test]
    fn comments_count() {
        let mut keep = Keep::new(100_000);
        for number in 1..=100 {
            let packet = CapturedPacket::whole(number, 0, LinkType::RAW, vec![0; 40]);
            keep.push(1, &CapturedPacket { comment: Some("x".repeat(4096)), ..packet }.lend());
        }
        let held: usize = keep.all().iter().filter_map(|packet| packet.comment.as_ref()).map(String::len).sum();
        assert!((60_000..=100_000).contains(&held), "{held}");
    }

    #[test]
    fn the_fullest_make_room() {
        let mut keep = Keep::new(100_000);
        (1..=20).for_each(|number| push(&mut keep, 1, number, 60));
        (100..=1000).for_each(|number| push(&mut keep, 2, number, 1000));
        assert!(keep.bytes <= 100_000);
        assert_eq!(numbers(&keep, 1), (1..=20).collect::<Vec<_>>());
        assert_eq!(numbers(&keep, 2).last(), Some(&1000));
        let all: Vec<u64> = keep.all().iter().map(|p| p.number).collect();
        assert!(all.is_sorted() && all.len() > 60, "{all:?}");
    }

    #[test]
    fn of_too_many_connections_the_newest_stay() {
        let mut keep = Keep::new(2000);
        (1..=1000).for_each(|number| push(&mut keep, number, number, 60));
        assert_eq!(numbers(&keep, 1000), [1000]);
        assert!(keep.bytes <= 2000 && numbers(&keep, 1).is_empty());
    }
}
