//! A ring in memory shared with the kernel: one side puts entries in, the other takes them out, each moving an index of its own.

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use std::io;
use std::marker::PhantomData;
use std::os::fd::BorrowedFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

/// An entry: plain numbers, of which the kernel may write any.
///
/// # Safety
/// Every pattern of bits must be a value.
pub(super) unsafe trait Entry: Copy {}

// SAFETY: a number.
unsafe impl Entry for u64 {}
// SAFETY: a struct of numbers, without padding.
unsafe impl Entry for libc::xdp_desc {}

/// A ring of `T`. Which end of it is ours, its user knows: [`push`](Self::push) and [`submit`](Self::submit) are for the end that
/// puts in, [`pop`](Self::pop) and [`release`](Self::release) for the one that takes out.
#[derive(Debug)]
pub(super) struct Ring<T> {
    memory: NonNull<u8>,
    length: usize,
    offsets: libc::xdp_ring_offset,
    size: u32,
    /// Our index, which the other side does not know of yet; and what was read last of the other's.
    ours: u32,
    theirs: u32,
    entries: PhantomData<T>,
}

// SAFETY: the memory belongs to this value alone; nothing in it is tied to a thread.
unsafe impl<T> Send for Ring<T> {}

impl<T: Entry> Ring<T> {
    /// Maps a socket's ring of `size` entries, a power of two, which is at `place` of it.
    pub(super) fn map(
        socket: BorrowedFd<'_>,
        place: u64,
        offsets: libc::xdp_ring_offset,
        size: u32,
    ) -> io::Result<Ring<T>> {
        assert!(size.is_power_of_two());
        let end = |offset: u64, bytes: usize| usize::try_from(offset).ok().and_then(|offset| offset.checked_add(bytes));
        let length = end(offsets.desc, size as usize * size_of::<T>()).ok_or(io::ErrorKind::InvalidData)?;
        let index = |offset: u64| offset.is_multiple_of(4) && end(offset, 4).is_some_and(|end| end <= length);
        let entries = usize::try_from(offsets.desc).is_ok_and(|at| at.is_multiple_of(align_of::<T>()));
        if !(entries && index(offsets.producer) && index(offsets.consumer) && index(offsets.flags)) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        let flags = MapFlags::SHARED | MapFlags::POPULATE;
        // SAFETY: a new mapping at a place that the kernel chooses.
        let memory = unsafe { mmap(std::ptr::null_mut(), length, protection, flags, socket, place) }?;
        let memory = NonNull::new(memory.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Ring { memory, length, offsets, size, ours: 0, theirs: 0, entries: PhantomData })
    }

    /// Puts an entry in, if there is room. It is not seen before [`submit`](Self::submit).
    pub(super) fn push(&mut self, entry: T) -> bool {
        if self.ours.wrapping_sub(self.theirs) >= self.size {
            self.theirs = self.index(self.offsets.consumer).load(Ordering::Acquire);
            if self.ours.wrapping_sub(self.theirs) >= self.size {
                return false;
            }
        }
        // SAFETY: the place lies within the mapping and is aligned (`map` has seen to both); the other side does not look at it
        // before the index says so.
        unsafe { self.entry(self.ours).write(entry) };
        self.ours = self.ours.wrapping_add(1);
        true
    }

    /// Shows what was put in; true if there is something that was not shown before.
    pub(super) fn submit(&mut self) -> bool {
        let index = self.index(self.offsets.producer);
        let news = index.load(Ordering::Relaxed) != self.ours;
        index.store(self.ours, Ordering::Release);
        news
    }

    /// True if the other side has taken everything that was put in.
    pub(super) fn is_taken(&self) -> bool {
        self.index(self.offsets.consumer).load(Ordering::Acquire) == self.ours
    }

    /// Takes an entry out, if there is one. Its place is not given back before [`release`](Self::release).
    pub(super) fn pop(&mut self) -> Option<T> {
        if self.ours == self.theirs {
            self.theirs = self.index(self.offsets.producer).load(Ordering::Acquire);
            if self.ours == self.theirs {
                return None;
            }
        }
        // SAFETY: as in `push`; the other side has written the entry before it moved its index, and any bits are a value.
        let entry = unsafe { self.entry(self.ours).read() };
        self.ours = self.ours.wrapping_add(1);
        Some(entry)
    }

    /// Gives places of what was taken out back.
    pub(super) fn release(&mut self) {
        self.index(self.offsets.consumer).store(self.ours, Ordering::Release);
    }

    /// True if the kernel waits to be told of what is put in.
    pub(super) fn needs_wakeup(&self) -> bool {
        self.index(self.offsets.flags).load(Ordering::Relaxed) & libc::XDP_RING_NEED_WAKEUP != 0
    }

    fn index(&self, offset: u64) -> &AtomicU32 {
        let index = self.memory.as_ptr().wrapping_add(offset as usize).cast::<AtomicU32>();
        // SAFETY: it lies within the mapping, at a multiple of four, lives as long as `self`, and both sides change it only
        // atomically.
        unsafe { &*index }
    }

    fn entry(&self, index: u32) -> *mut T {
        let at = (index & (self.size - 1)) as usize;
        self.memory.as_ptr().wrapping_add(self.offsets.desc as usize).cast::<T>().wrapping_add(at)
    }
}

impl<T> Drop for Ring<T> {
    fn drop(&mut self) {
        // SAFETY: this is the mapping that `map` made, and nothing borrowed of it outlives `self`.
        // What could not be unmapped goes with the process.
        let _ = unsafe { munmap(self.memory.as_ptr().cast(), self.length) };
    }
}
