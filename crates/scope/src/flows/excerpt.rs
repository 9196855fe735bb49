//! A connection's first and last packets, kept within bounds.

use crate::capture::{CapturedPacket, LinkType};
use std::collections::VecDeque;

/// How much of a connection is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExcerptOptions {
    /// How many of its first packets.
    pub first: usize,
    /// How many of its last packets.
    pub last: usize,
    /// The most bytes of a packet: headers suffice for ladders and verdicts.
    pub snaplen: usize,
}

impl Default for ExcerptOptions {
    /// Enough for a ladder: 200 packets, and their headers.
    fn default() -> ExcerptOptions {
        ExcerptOptions { first: 120, last: 80, snaplen: 192 }
    }
}

/// Packets of a connection: its first and its last.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Excerpt {
    first: Vec<CapturedPacket>,
    last: VecDeque<CapturedPacket>,
    left_out: u64,
}

impl Excerpt {
    /// The packets in order, cut to the length asked for.
    pub fn packets(&self) -> impl Iterator<Item = &CapturedPacket> {
        self.first.iter().chain(&self.last)
    }

    /// How many packets between the first and the last are left out.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    pub(super) fn keep(&mut self, options: &ExcerptOptions, packet: &Kept<'_>) {
        if self.first.len() < options.first {
            return self.first.push(packet.copy(options.snaplen));
        }
        if options.last == 0 {
            self.left_out += 1;
            return;
        }
        if self.last.len() >= options.last {
            self.last.pop_front();
            self.left_out += 1;
        }
        self.last.push_back(packet.copy(options.snaplen));
    }
}

/// A packet that may be kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept<'a> {
    pub(super) number: u64,
    pub(super) time: i64,
    pub(super) link_type: LinkType,
    pub(super) original_len: u32,
    pub(super) data: &'a [u8],
    pub(super) interface: u32,
}

impl Kept<'_> {
    fn copy(&self, snaplen: usize) -> CapturedPacket {
        CapturedPacket {
            number: self.number,
            time: self.time,
            link_type: self.link_type,
            original_len: self.original_len,
            data: self.data[..self.data.len().min(snaplen)].to_vec(),
            // It may be as long as it likes, and ladders and verdicts don't look at it.
            comment: None,
            interface: self.interface,
        }
    }
}
