//! Packets on their way from the thread that reads them to the one that shows them: many in two allocations.

use limpid_scope::capture::{LinkType, PacketRef};
use std::ops::Range;

/// The most packets of a batch.
pub(crate) const MAX_PACKETS: usize = 1024;
/// A batch takes no further packet once it holds so many bytes.
pub(crate) const MAX_BYTES: usize = 256 * 1024;

/// The most bytes of a packet's comment: what is longer is cut.
pub(crate) const MAX_COMMENT: usize = 4096;

/// Packets in the order in which they were seen.
#[derive(Default, Debug)]
pub(crate) struct Batch {
    packets: Vec<Head>,
    bytes: Vec<u8>,
    /// Of the comments.
    comment_bytes: usize,
}

#[derive(Debug)]
struct Head {
    number: u64,
    time: i64,
    link_type: LinkType,
    original_len: u32,
    interface: u32,
    comment: Option<String>,
    data: Range<usize>,
}

impl Batch {
    /// Copies a packet, the first `snaplen` bytes of it.
    pub(crate) fn push(&mut self, packet: &PacketRef<'_>, snaplen: usize) {
        let start = self.bytes.len();
        let comment = packet.comment.map(|comment| comment[..comment.floor_char_boundary(MAX_COMMENT)].to_owned());
        self.comment_bytes += comment.as_ref().map_or(0, String::len);
        self.bytes.extend_from_slice(&packet.data[..packet.data.len().min(snaplen)]);
        self.packets.push(Head {
            number: packet.number,
            time: packet.time,
            link_type: packet.link_type,
            original_len: packet.original_len,
            interface: packet.interface,
            comment,
            data: start..self.bytes.len(),
        });
    }

    /// True once it should go on its way.
    pub(crate) fn is_full(&self) -> bool {
        self.packets.len() >= MAX_PACKETS || self.bytes.len() + self.comment_bytes >= MAX_BYTES
    }

    /// True if no packet is in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// How many packets are in it.
    pub(crate) fn len(&self) -> usize {
        self.packets.len()
    }

    /// The memory it takes, about.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len() + self.comment_bytes + self.packets.len() * size_of::<Head>()
    }

    /// The packets.
    pub(crate) fn iter(&self) -> impl Iterator<Item = PacketRef<'_>> {
        self.packets.iter().map(|head| PacketRef {
            number: head.number,
            time: head.time,
            link_type: head.link_type,
            original_len: head.original_len,
            data: &self.bytes[head.data.clone()],
            comment: head.comment.as_deref(),
            interface: head.interface,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use limpid_scope::capture::CapturedPacket;

    /// Packets of nothing but a comment do not gather without bound.
    #[test]
    fn comments_are_cut_and_count() {
        let comment = "é".repeat(1 << 20);
        let packet = CapturedPacket { comment: Some(comment), ..CapturedPacket::whole(1, 0, LinkType::RAW, vec![0]) };
        let mut batch = Batch::default();
        while !batch.is_full() {
            batch.push(&packet.lend(), 256);
        }
        assert!(batch.size() < 2 * MAX_BYTES && batch.len() <= MAX_BYTES / MAX_COMMENT, "{}", batch.size());
        let first = batch.iter().next().and_then(|packet| packet.comment).expect("a comment");
        assert_eq!(first, "é".repeat(MAX_COMMENT / 2));
    }
}
