//! The ring that the kernel writes packets to (`Documentation/networking/packet_mmap.rst`, TPACKET_V3): blocks of shared
//! memory, each handed over when it is full or its time is up, and handed back when its packets have been looked at.

use crate::packet_socket::{PacketSocket, layout};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use std::io;
use std::mem::offset_of;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// A block's size, bytes: at least the largest packet with what stands before it.
const BLOCK: usize = 1 << 20;
/// The nominal size of a frame; packets of version 3 take what they need.
const FRAME: u32 = 2048;

const HEADER: usize = offset_of!(libc::tpacket_block_desc, hdr);
const BLOCK_STATUS: usize = HEADER + offset_of!(libc::tpacket_hdr_v1, block_status);
const PACKETS: usize = HEADER + offset_of!(libc::tpacket_hdr_v1, num_pkts);
const FIRST: usize = HEADER + offset_of!(libc::tpacket_hdr_v1, offset_to_first_pkt);
const BLOCK_HEADER: usize = size_of::<libc::tpacket_block_desc>();

/// The ring, seen from here.
#[derive(Debug)]
pub(super) struct Ring {
    memory: NonNull<u8>,
    blocks: usize,
    /// The block whose turn it is.
    block: usize,
    /// Of the block, if it is ours: how many packets are left, and where the next is.
    left: Option<(u32, usize)>,
}

// SAFETY: the memory belongs to this value alone; nothing in it is tied to a thread.
unsafe impl Send for Ring {}

/// A packet in the block that is ours: where what stands before it begins, in bytes of the block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place(usize);

impl Ring {
    /// Makes the socket's ring, of about so many bytes. A block is handed over after `latency` at the latest.
    pub(super) fn new(socket: &PacketSocket, bytes: usize, latency: Duration) -> io::Result<Ring> {
        /// The fewest blocks: one is filled while another is read.
        const FEWEST: usize = 2;
        /// The most bytes of all blocks.
        const MOST: usize = 1 << 30;
        let blocks = (bytes.min(MOST) / BLOCK).max(FEWEST);
        let millis = u32::try_from(latency.as_millis()).unwrap_or(u32::MAX).clamp(1, 10_000);
        socket.set_ring(&libc::tpacket_req3 {
            tp_block_size: BLOCK as u32,
            tp_block_nr: blocks as u32,
            tp_frame_size: FRAME,
            tp_frame_nr: (BLOCK / FRAME as usize * blocks) as u32,
            tp_retire_blk_tov: millis,
            tp_sizeof_priv: 0,
            tp_feature_req_word: 0,
        })?;
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping at a place that the kernel chooses, of exactly the ring's size.
        let memory = unsafe { mmap(std::ptr::null_mut(), BLOCK * blocks, protection, MapFlags::SHARED, socket, 0) }?;
        let memory = NonNull::new(memory.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Ring { memory, blocks, block: 0, left: None })
    }

    /// The next packet, if there is one. What was lent of the packets before is handed back.
    pub(super) fn advance(&mut self) -> Option<Place> {
        loop {
            match self.left {
                None => {
                    if self.status().load(Ordering::Acquire) & libc::TP_STATUS_USER == 0 {
                        return None;
                    }
                    // Ours from here on.
                    let header = self.bytes(0..BLOCK_HEADER)?;
                    let (packets, first) = (word(header, PACKETS), word(header, FIRST));
                    self.left = Some((packets, first as usize));
                }
                Some((0, _)) => self.release(),
                Some((packets, at)) => {
                    let Some(header) = self.bytes(at..at.checked_add(layout::END)?) else {
                        // The kernel does not write such a block; without it the rest could not be found.
                        self.release();
                        continue;
                    };
                    let next = at + word(header, layout::NEXT) as usize;
                    self.left = Some((packets - 1, next));
                    return Some(Place(at));
                }
            }
        }
    }

    /// What stands before a packet.
    pub(super) fn header(&self, Place(at): Place) -> &[u8] {
        self.bytes(at..at + layout::END).unwrap_or_default()
    }

    /// The packet, with `before` bytes in front of it; and all of these bytes may be changed.
    pub(super) fn packet_mut(&mut self, Place(at): Place, before: usize) -> Option<&mut [u8]> {
        let header = self.header(Place(at));
        let start = at + usize::from(half(header, layout::MAC));
        let end = start.checked_add(word(header, layout::SNAPLEN) as usize)?;
        let start = start.checked_sub(before)?;
        // What stands before it stays as it is.
        if start < at + layout::END {
            return None;
        }
        self.bytes_mut(start..end)
    }

    fn release(&mut self) {
        self.left = None;
        self.status().store(libc::TP_STATUS_KERNEL, Ordering::Release);
        self.block = (self.block + 1) % self.blocks;
    }

    fn status(&self) -> &AtomicU32 {
        let status = self.block_start().wrapping_add(BLOCK_STATUS).cast::<AtomicU32>();
        // SAFETY: the status lies within the block, at a multiple of four, lives as long as `self`, and is changed by both
        // sides only atomically.
        unsafe { &*status }
    }

    /// Bytes of the block that is ours; `None` beyond its end.
    fn bytes(&self, range: Range<usize>) -> Option<&[u8]> {
        if range.start > range.end || range.end > BLOCK {
            return None;
        }
        let start = self.block_start().wrapping_add(range.start);
        // SAFETY: the range lies within the block, which the kernel does not write to while it is ours (before that only
        // its header is read, after the status has been); and `self` is borrowed, so that it is not handed back.
        Some(unsafe { std::slice::from_raw_parts(start, range.len()) })
    }

    fn bytes_mut(&mut self, range: Range<usize>) -> Option<&mut [u8]> {
        if range.start > range.end || range.end > BLOCK || self.left.is_none() {
            return None;
        }
        let start = self.block_start().wrapping_add(range.start);
        // SAFETY: as for `bytes`, with `self` borrowed alone, so that there is no other reference.
        Some(unsafe { std::slice::from_raw_parts_mut(start, range.len()) })
    }

    fn block_start(&self) -> *mut u8 {
        self.memory.as_ptr().wrapping_add(self.block * BLOCK)
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: this is the mapping that `new` made, and nothing borrowed of it outlives `self`.
        // What could not be unmapped goes with the process.
        let _ = unsafe { munmap(self.memory.as_ptr().cast(), BLOCK * self.blocks) };
    }
}

pub(super) fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| u32::from_ne_bytes(*bytes))
}

pub(super) fn half(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| u16::from_ne_bytes(*bytes))
}
