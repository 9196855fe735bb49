//! The memory that frames lie in while the device or the kernel has them (UMEM): chunks of one size.

use limpid_stack::{TxChecksum, TxFrame};
use limpid_wire::Checksum;
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use std::io;
use std::ptr::NonNull;

/// A chunk's size, bytes: a page, which every driver takes.
pub(super) const CHUNK: usize = 4096;
/// What the kernel leaves free before a frame that arrives (XDP_PACKET_HEADROOM).
pub(super) const HEADROOM: usize = 256;

/// The memory.
#[derive(Debug)]
pub(super) struct Umem {
    memory: NonNull<u8>,
    length: usize,
}

// SAFETY: the memory belongs to this value alone; nothing in it is tied to a thread.
unsafe impl Send for Umem {}

impl Umem {
    pub(super) fn new(chunks: u32) -> io::Result<Umem> {
        let length = chunks as usize * CHUNK;
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        let flags = MapFlags::PRIVATE | MapFlags::POPULATE;
        // SAFETY: a new mapping at a place that the kernel chooses.
        let memory = unsafe { mmap_anonymous(std::ptr::null_mut(), length, protection, flags) }?;
        Ok(Umem { memory: NonNull::new(memory.cast()).ok_or(io::ErrorKind::OutOfMemory)?, length })
    }

    /// Where it is, for the kernel.
    pub(super) fn registration(&self) -> libc::xdp_umem_reg {
        libc::xdp_umem_reg {
            addr: self.memory.as_ptr() as u64,
            len: self.length as u64,
            chunk_size: CHUNK as u32,
            headroom: 0,
            flags: 0,
            tx_metadata_len: 0,
        }
    }

    /// The bytes of a frame that was received; `None` if the kernel names a place that does not exist.
    pub(super) fn received(&self, at: u64, length: u32) -> Option<&[u8]> {
        let (at, length) = (usize::try_from(at).ok()?, length as usize);
        if at.checked_add(length)? > self.length {
            return None;
        }
        // SAFETY: the range lies within the mapping; the kernel has handed the frame over and does not write to it before its chunk is
        // given back, which takes `self` mutably.
        Some(unsafe { std::slice::from_raw_parts(self.memory.as_ptr().wrapping_add(at), length) })
    }

    /// Writes a frame to a chunk that is ours; its sum is made from each part while that is in the cache. How long it is.
    pub(super) fn write(&mut self, at: u64, frame: &TxFrame) -> u32 {
        let length = frame.len();
        let at = at as usize;
        assert!(length <= CHUNK && at.is_multiple_of(CHUNK) && at + CHUNK <= self.length);
        // SAFETY: the chunk lies within the mapping; it is ours, so that neither the kernel nor anybody else looks at it.
        let room = unsafe { std::slice::from_raw_parts_mut(self.memory.as_ptr().wrapping_add(at), length) };
        let (head, mut rest) = room.split_at_mut(frame.head.len());
        head.copy_from_slice(&frame.head);
        let partial = match frame.checksum {
            TxChecksum::Partial { start, offset } => Some((usize::from(start), usize::from(offset))),
            TxChecksum::Complete => None,
        };
        // The pseudo header's sum is in the head already.
        let mut sum = Checksum::of(partial.and_then(|(start, _)| head.get(start..)).unwrap_or_default());
        for chunk in frame.payload.iter() {
            let (part, after) = rest.split_at_mut(chunk.len());
            part.copy_from_slice(chunk);
            if partial.is_some() {
                sum.add(chunk);
            }
            rest = after;
        }
        if let Some(field) = partial.and_then(|(start, offset)| head.get_mut(start + offset..start + offset + 2)) {
            field.copy_from_slice(&sum.finish().to_be_bytes());
        }
        length as u32
    }
}

impl Drop for Umem {
    fn drop(&mut self) {
        // SAFETY: this is the mapping that `new` made, and nothing borrowed of it outlives `self`; what the kernel still needs of it, it
        // holds by itself. What could not be unmapped goes with the process.
        let _ = unsafe { munmap(self.memory.as_ptr().cast(), self.length) };
    }
}
