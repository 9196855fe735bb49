//! What received data costs in memory, as Linux accounts for it: that decides the windows it offers.
//!
//! A packet from a device has a head of its own, of the allocator's next larger size, and a descriptor. Data that fits into the
//! rest of the head before it costs nothing more. Our own memory is bounded apart from this, by the frames that are really
//! pinned ([`RecvQueue::pinned`](super::RecvQueue::pinned)).

#[cfg(test)]
mod tests;

use crate::pack::packed;

/// A packet's descriptor (`struct sk_buff`).
const DESCRIPTOR: u32 = 256;

/// What follows the data in its head (`struct skb_shared_info`).
const SHARED: u32 = 320;

/// Room before the packet (NET_SKB_PAD).
const PAD: u32 = 64;

/// IP and TCP headers without options.
const HEADERS: u32 = 40;

/// Small packets have heads of one size.
const SMALL_HEAD: u32 = 576;

/// Linux's page: larger packets are in whole pages.
const PAGE: u32 = 4096;

/// The size of the head that a packet with so many bytes of TCP options and data comes in.
const fn head(options: u32, len: u32) -> u32 {
    let packet = (PAD + HEADERS + options + len).next_multiple_of(64) + SHARED;
    if packet <= SMALL_HEAD {
        SMALL_HEAD
    } else if packet <= PAGE {
        packet.next_power_of_two()
    } else {
        packet.next_multiple_of(PAGE)
    }
}

/// What a segment with so many bytes of options and data costs (Linux's `skb->truesize`).
pub const fn truesize(options: u32, len: u32) -> u32 {
    head(options, len) + DESCRIPTOR
}

/// What a queue of segments costs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Charge {
    bytes: u32,
    /// How much more fits into the head of the last segment.
    spare: u16,
}

impl Charge {
    /// What is held costs so much.
    pub fn bytes(&self) -> u32 {
        self.bytes
    }

    /// A segment with so many bytes of options and data was put behind the last one.
    pub fn append(&mut self, options: u32, len: u32) {
        if self.bytes > 0 && len <= u32::from(self.spare) {
            self.spare -= len as u16;
        } else {
            self.add(options, len);
            self.spare = (head(options, len) - SHARED - PAD - HEADERS - options - len).min(u32::from(u16::MAX)) as u16;
        }
    }

    /// A segment is held elsewhere, out of order.
    pub fn add(&mut self, options: u32, len: u32) {
        self.bytes = self.bytes.saturating_add(truesize(options, len));
    }

    /// What is held is put together in full buffers of a page each.
    pub fn collapse(&mut self, held: u32) {
        let pages = u64::from(held).div_ceil(u64::from(PAGE - SHARED));
        let collapsed = pages * u64::from(PAGE + DESCRIPTOR);
        self.bytes = self.bytes.min(u32::try_from(collapsed).unwrap_or(u32::MAX));
        self.spare = 0;
    }

    /// So many bytes of data went, of `held`.
    pub fn remove(&mut self, gone: u32, held: u32) {
        if gone >= held {
            *self = Charge::default();
        } else {
            self.bytes -= (u64::from(self.bytes) * u64::from(gone) / u64::from(held)) as u32;
        }
    }
}

packed!(struct Charge { bytes, spare });
