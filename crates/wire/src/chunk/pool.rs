//! The pool of frames.

use super::Chunk;
use super::storage::Storage;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

/// Frame sizes in bytes. The last takes the largest packet of a device with offloads (an IP packet of 65,535 bytes)
/// with its link and virtio-net headers.
const CLASSES: [usize; 4] = [256, 2048, 16 * 1024, 64 * 1024 + 256];

/// How many frames of a class are looked at, besides the newest, before a new one is allocated.
const PROBES: usize = 4;

/// So many of the oldest may be free before some are laid aside.
const SLACK: usize = 4;

/// A frame that nobody else can see yet: it is written here, then [frozen](FrameMut::freeze) and shared.
///
/// Its bytes are always initialised (with what they held before), so that nothing is zeroed twice.
pub struct FrameMut {
    frame: Arc<Storage>,
    filled: usize,
}

impl core::fmt::Debug for FrameMut {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("FrameMut").field("len", &self.filled).field("capacity", &self.capacity()).finish()
    }
}

impl FrameMut {
    /// Bytes written so far.
    #[inline]
    pub const fn len(&self) -> usize {
        self.filled
    }

    /// True if nothing was written yet.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.filled == 0
    }

    /// Bytes that the frame can hold in all.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.frame.as_slice().len()
    }

    /// Bytes that can still be written.
    #[inline]
    pub fn remaining(&self) -> usize {
        self.capacity() - self.filled
    }

    /// What was written.
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        &self.frame.as_slice()[..self.filled]
    }

    /// What was written, to change it.
    #[inline]
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        let filled = self.filled;
        &mut self.bytes()[..filled]
    }

    /// The part not written yet, with arbitrary old bytes in it: write there, then [`advance`](Self::advance).
    #[inline]
    pub fn spare(&mut self) -> &mut [u8] {
        let filled = self.filled;
        &mut self.bytes()[filled..]
    }

    /// Counts `n` bytes of [`spare`](Self::spare) as written.
    ///
    /// # Panics
    /// If there is no room for so many.
    #[inline]
    pub fn advance(&mut self, n: usize) {
        assert!(n <= self.remaining(), "a frame is filled past its end");
        self.filled += n;
    }

    /// Writes as many of `bytes` as there is room for; returns how many.
    #[inline]
    #[must_use = "the frame may be full"]
    pub fn extend_from_slice(&mut self, bytes: &[u8]) -> usize {
        let n = bytes.len().min(self.remaining());
        self.spare()[..n].copy_from_slice(&bytes[..n]);
        self.filled += n;
        n
    }

    /// Keeps the first `len` written bytes at most.
    pub fn truncate(&mut self, len: usize) {
        self.filled = self.filled.min(len);
    }

    /// Shares what was written. If it fits a frame of a smaller class it is copied there, and this frame is free again
    /// at once: a short packet does not pin the large frame that was ready for a long one.
    pub fn freeze(self, pool: &mut FramePool) -> Chunk {
        pool.freeze(self)
    }

    fn bytes(&mut self) -> &mut Vec<u8> {
        let frame = Arc::get_mut(&mut self.frame).and_then(Storage::frame_mut);
        frame.expect("a writable frame has one owner")
    }
}

/// Where frames come from and go back to.
///
/// It remembers the frames that it gave out, newest last, in a ring for each size. A frame is free again when
/// the pool's reference is the only one left; finding one costs a fixed number of looks. If none is found, or more
/// bytes are wanted than the largest size, memory is allocated. At the bound, which is one for all sizes together, the longest remembered
/// frame of the size that takes most is forgotten: it is not lost, it goes back to the allocator with its last chunk. So chunks that are
/// held for ever can't clog the pool.
pub struct FramePool {
    rings: [Ring; CLASSES.len()],
    /// Bytes of all frames in the rings, and how many there may be.
    remembered: usize,
    limit: usize,
}

impl core::fmt::Debug for FramePool {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("FramePool").field("remembered", &self.remembered()).finish_non_exhaustive()
    }
}

/// Frames of one size that the pool gave out, and those that are free for certain.
///
/// What is in use is mostly given back in the order in which it was taken, so the oldest is the first to look at. But a ring
/// that was once long would be gone through from end to end for ever, and every frame of it would have left the cache
/// before its turn comes: where more than [`SLACK`] are free, the surplus is laid aside, and the last laid aside is the first taken.
#[derive(Default)]
struct Ring {
    frames: VecDeque<Arc<Storage>>,
    aside: Vec<Arc<Storage>>,
}

impl Ring {
    /// A frame that nobody uses.
    fn take(&mut self) -> Option<Arc<Storage>> {
        // The newest is the warmest in the cache; the oldest is the likeliest to be free.
        if self.frames.back().is_some_and(is_free) {
            return self.frames.pop_back();
        }
        for _ in 0..PROBES.min(self.frames.len()) {
            if !is_free(self.frames.front()?) {
                self.frames.rotate_left(1);
            } else if self.frames.get(SLACK).is_some_and(is_free) {
                self.aside.extend(self.frames.pop_front());
            } else {
                return self.frames.pop_front();
            }
        }
        self.aside
            .pop()
            .or_else(|| if self.frames.front().is_some_and(is_free) { self.frames.pop_front() } else { None })
    }

    /// Forgets a frame: one that is free, or the one remembered longest.
    fn forget(&mut self) {
        if self.aside.pop().is_none() {
            self.frames.pop_front();
        }
    }

    fn len(&self) -> usize {
        self.frames.len() + self.aside.len()
    }
}

fn new_frame(size: usize) -> Arc<Storage> {
    Arc::new(Storage::Frame(vec![0; size]))
}

fn is_free(frame: &Arc<Storage>) -> bool {
    Arc::strong_count(frame) == 1
}

impl FramePool {
    /// The bound on remembered memory that [`new`](Self::new) sets, in bytes.
    pub const DEFAULT_LIMIT: usize = 32 << 20;

    /// The largest frame that is pooled, in bytes.
    pub const MAX_FRAME: usize = CLASSES[CLASSES.len() - 1];

    /// An empty pool with the default bound. Nothing is allocated until the first frame.
    pub fn new() -> FramePool {
        FramePool::with_limit(FramePool::DEFAULT_LIMIT)
    }

    /// An empty pool that remembers at most `bytes` of frames.
    pub fn with_limit(bytes: usize) -> FramePool {
        FramePool { rings: Default::default(), remembered: 0, limit: bytes }
    }

    /// An empty frame with room for `capacity` bytes at least.
    pub fn alloc(&mut self, capacity: usize) -> FrameMut {
        let frame = match class_for(capacity) {
            Some(class) => match self.rings[class].take() {
                Some(frame) => {
                    self.remembered -= CLASSES[class];
                    frame
                }
                None => new_frame(CLASSES[class]),
            },
            None => new_frame(capacity),
        };
        FrameMut { frame, filled: 0 }
    }

    /// A chunk with a copy of `bytes`, in the smallest frame that takes them.
    pub fn copy(&mut self, bytes: &[u8]) -> Chunk {
        let mut frame = self.alloc(bytes.len());
        let n = frame.extend_from_slice(bytes);
        debug_assert_eq!(n, bytes.len());
        self.share(frame)
    }

    /// The same bytes, to hold on to: as they are, or copied if the chunk [is wasteful](Chunk::is_wasteful).
    pub fn compact(&mut self, chunk: Chunk) -> Chunk {
        if chunk.is_wasteful() && class_for(chunk.len()).is_some_and(|class| CLASSES[class] < chunk.pinned()) {
            self.copy(&chunk)
        } else {
            chunk
        }
    }

    /// Takes back a frame that was not needed.
    pub fn recycle(&mut self, frame: FrameMut) {
        if let Some(class) = class_of(&frame)
            && self.make_room(class)
        {
            self.rings[class].aside.push(frame.frame);
        }
    }

    /// Gives free frames back to the allocator.
    pub fn shrink(&mut self) {
        for ring in &mut self.rings {
            ring.frames.retain(|frame| !is_free(frame));
            ring.frames.shrink_to_fit();
            ring.aside = Vec::new();
        }
        self.remembered = self.rings.iter().zip(CLASSES).map(|(ring, size)| ring.len() * size).sum();
    }

    /// Bytes of all frames that the pool remembers, free or not.
    pub fn remembered(&self) -> usize {
        self.remembered
    }

    /// Counts a further frame of a class; false if there may be none.
    fn make_room(&mut self, class: usize) -> bool {
        let size = CLASSES[class];
        if size > self.limit {
            return false;
        }
        while self.remembered + size > self.limit {
            let most = (0..CLASSES.len()).max_by_key(|&class| self.rings[class].len() * CLASSES[class]);
            let Some(most) = most.filter(|&most| self.rings[most].len() > 0) else { return false };
            self.rings[most].forget();
            self.remembered -= CLASSES[most];
        }
        self.remembered += size;
        true
    }

    fn freeze(&mut self, frame: FrameMut) -> Chunk {
        if class_for(frame.len()).is_some_and(|class| CLASSES[class] < frame.capacity()) {
            let chunk = self.copy(frame.as_slice());
            self.recycle(frame);
            chunk
        } else {
            self.share(frame)
        }
    }

    fn share(&mut self, frame: FrameMut) -> Chunk {
        if let Some(class) = class_of(&frame)
            && self.make_room(class)
        {
            self.rings[class].frames.push_back(frame.frame.clone());
        }
        let len = u32::try_from(frame.filled).expect("a frame is shorter than 4 GiB");
        Chunk { frame: frame.frame, start: 0, len }
    }
}

impl Default for FramePool {
    fn default() -> FramePool {
        FramePool::new()
    }
}

/// The smallest class that holds `len` bytes.
fn class_for(len: usize) -> Option<usize> {
    CLASSES.iter().position(|&size| len <= size)
}

/// The class of a frame, if it is one of the pool's.
fn class_of(frame: &FrameMut) -> Option<usize> {
    CLASSES.iter().position(|&size| frame.capacity() == size)
}
