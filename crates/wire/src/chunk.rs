//! Bytes that are shared and seldom copied: pooled, reference-counted frames and slices of them, in safe Rust.
//!
//! A [`FramePool`] hands out writable frames ([`FrameMut`]); a frozen frame is shared by any number of [`Chunk`]s. When
//! the last chunk of a frame is gone, the pool uses the frame again: in steady state nothing is allocated.
//!
//! Who holds on to bytes holds slices when they are large and copies when they are small, so that one byte never pins a
//! whole frame; limits on memory count [`pinned`](Chunk::pinned) bytes, not payload.

mod pool;
mod storage;
#[cfg(test)]
mod tests;

pub use pool::{FrameMut, FramePool};

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use arrayvec::ArrayVec;
use core::fmt;
use core::ops::{Deref, Range};
use storage::Storage;

/// The most chunks one segment's payload may be cut from: so many frames of 16 KiB a super-segment of 64 KiB touches. They
/// lie in the segment itself, so fewer make it quicker to move.
pub const MAX_CHUNKS: usize = 5;

/// A slice of a shared frame: 16 bytes, cheap to clone and to cut.
#[derive(Clone)]
pub struct Chunk {
    frame: Arc<Storage>,
    start: u32,
    len: u32,
}

impl Chunk {
    /// A chunk that owns `bytes`, without copying them. Their memory goes back to the allocator, not to a pool.
    ///
    /// # Panics
    /// If there are 2³² bytes or more.
    pub fn from_vec(bytes: Vec<u8>) -> Chunk {
        let len = u32::try_from(bytes.len()).expect("a chunk is shorter than 4 GiB");
        Chunk { frame: Arc::new(Storage::Frame(bytes)), start: 0, len }
    }

    /// A chunk of somebody else's bytes, without copying them. `owner` is dropped with the last chunk that shares them, by
    /// whoever drops that. It must give the same bytes whenever it is asked.
    ///
    /// ```
    /// use limpid_wire::Chunk;
    ///
    /// let chunk = Chunk::from_owner("what lies in the program itself");
    /// assert_eq!(&chunk[..4], b"what");
    /// ```
    ///
    /// # Panics
    /// If there are 2³² bytes or more.
    pub fn from_owner(owner: impl AsRef<[u8]> + Send + Sync + 'static) -> Chunk {
        let len = u32::try_from(owner.as_ref().len()).expect("a chunk is shorter than 4 GiB");
        Chunk { frame: Arc::new(Storage::Owner(Box::new(owner))), start: 0, len }
    }

    /// The bytes.
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        &self.frame.as_slice()[self.start as usize..self.start as usize + self.len as usize]
    }

    /// Number of bytes.
    #[inline]
    pub const fn len(&self) -> usize {
        self.len as usize
    }

    /// True if there is no byte in it.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many bytes of memory this chunk keeps alive: the whole frame's, or all that its owner shows.
    #[inline]
    pub fn pinned(&self) -> usize {
        self.frame.capacity()
    }

    /// True if holding on to this chunk would waste memory: it is less than a quarter of the frame that it pins. Copy
    /// it instead ([`FramePool::copy`]).
    #[inline]
    pub fn is_wasteful(&self) -> bool {
        self.len() < self.pinned() / 4
    }

    /// A part of this chunk, sharing its frame.
    ///
    /// # Panics
    /// If `range` reaches past the end.
    #[inline]
    pub fn slice(&self, range: Range<usize>) -> Chunk {
        assert!(range.start <= range.end && range.end <= self.len(), "slice past the end of a chunk");
        Chunk {
            frame: self.frame.clone(),
            start: self.start + range.start as u32,
            len: (range.end - range.start) as u32,
        }
    }

    /// Keeps a part of this chunk only. Unlike [`slice`](Self::slice) it takes no further share in the frame.
    ///
    /// # Panics
    /// If `range` reaches past the end.
    #[inline]
    pub fn into_slice(mut self, range: Range<usize>) -> Chunk {
        assert!(range.start <= range.end && range.end <= self.len(), "slice past the end of a chunk");
        self.start += range.start as u32;
        self.len = (range.end - range.start) as u32;
        self
    }

    /// A part of this chunk, without a share in its frame.
    ///
    /// # Panics
    /// If `range` reaches past the end.
    #[inline]
    pub fn part(&self, range: Range<usize>) -> Part<'_> {
        assert!(range.start <= range.end && range.end <= self.len(), "part past the end of a chunk");
        let start = self.start + range.start as u32;
        Part { frame: &self.frame, start, len: (range.end - range.start) as u32 }
    }

    /// Cuts the first `at` bytes off and returns them; the rest stays.
    ///
    /// # Panics
    /// If there are fewer than `at` bytes.
    pub fn split_to(&mut self, at: usize) -> Chunk {
        let head = self.slice(0..at);
        self.trim_front(at);
        head
    }

    /// Forgets the first `n` bytes.
    ///
    /// # Panics
    /// If there are fewer than `n` bytes.
    #[inline]
    pub fn trim_front(&mut self, n: usize) {
        assert!(n <= self.len(), "trim past the end of a chunk");
        self.start += n as u32;
        self.len -= n as u32;
    }

    /// Keeps the first `len` bytes at most.
    #[inline]
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len().min(len) as u32;
    }

    /// Lengthens this chunk by `next` if that begins in the same frame where this one ends, and says whether it did.
    #[inline]
    #[must_use = "the other may lie elsewhere"]
    pub fn join(&mut self, next: &Chunk) -> bool {
        let joins = self.continues_in(next.part(0..next.len()));
        if joins {
            self.len += next.len;
        }
        joins
    }

    /// True if `next` begins in the same frame where `self` ends.
    #[inline]
    fn continues_in(&self, next: Part<'_>) -> bool {
        self.start + self.len == next.start && Arc::ptr_eq(&self.frame, next.frame)
    }
}

/// A part of a chunk that somebody else holds: to look at, and to take a share in only where that is needed.
#[derive(Clone, Copy)]
pub struct Part<'a> {
    frame: &'a Arc<Storage>,
    start: u32,
    len: u32,
}

impl<'a> Part<'a> {
    /// The bytes.
    #[inline]
    pub fn as_slice(self) -> &'a [u8] {
        &self.frame.as_slice()[self.start as usize..self.start as usize + self.len as usize]
    }

    /// A chunk of these bytes, which shares their frame.
    #[inline]
    pub fn to_chunk(self) -> Chunk {
        Chunk { frame: self.frame.clone(), start: self.start, len: self.len }
    }
}

impl fmt::Debug for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Part({} of {} bytes)", self.len, self.frame.capacity())
    }
}

impl Deref for Chunk {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl PartialEq for Chunk {
    fn eq(&self, other: &Chunk) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Chunk {}

impl fmt::Debug for Chunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chunk({} of {} bytes)", self.len(), self.pinned())
    }
}

/// A short list of chunks: one segment's payload, in order. At most [`MAX_CHUNKS`] chunks, none of them empty.
#[derive(Clone, Default)]
pub struct Chunks {
    list: ArrayVec<Chunk, MAX_CHUNKS>,
    len: u32,
}

impl Chunks {
    /// No bytes.
    #[inline]
    pub fn new() -> Chunks {
        Chunks::default()
    }

    /// Number of bytes in all.
    #[inline]
    pub const fn len(&self) -> usize {
        self.len as usize
    }

    /// True if there is no byte.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// True if no further chunk fits, unless it continues the last one.
    pub const fn is_full(&self) -> bool {
        self.list.is_full()
    }

    /// How many bytes of memory are kept alive; a frame that several chunks of the list share counts for each.
    pub fn pinned(&self) -> usize {
        self.list.iter().map(Chunk::pinned).sum()
    }

    /// Drops all chunks.
    #[inline]
    pub fn clear(&mut self) {
        self.list.clear();
        self.len = 0;
    }

    /// Adds a chunk at the end; gives it back if the list is full. An empty chunk is dropped, and one that continues
    /// the last in the same frame lengthens it.
    #[inline]
    pub fn push(&mut self, chunk: Chunk) -> Result<(), Chunk> {
        let len = chunk.len;
        if len == 0 {
            return Ok(());
        }
        let full = self.is_full();
        match self.list.last_mut() {
            Some(last) if last.continues_in(chunk.part(0..chunk.len())) => last.len += len,
            _ if full => return Err(chunk),
            _ => self.list.push(chunk),
        }
        self.len += len;
        Ok(())
    }

    /// [Pushes](Self::push) a part of a chunk; where it continues the last in the same frame, without a further share in that.
    #[inline]
    pub fn push_part<'a>(&mut self, part: Part<'a>) -> Result<(), Part<'a>> {
        let full = self.is_full();
        match self.list.last_mut() {
            _ if part.len == 0 => {}
            Some(last) if last.continues_in(part) => last.len += part.len,
            _ if full => return Err(part),
            _ => self.list.push(part.to_chunk()),
        }
        self.len += part.len;
        Ok(())
    }

    /// Moves all of `other` to the end if it fits whole, and returns true; changes nothing if it does not.
    #[must_use = "the list may be full"]
    pub fn append(&mut self, other: &mut Chunks) -> bool {
        let joined = match (self.list.last(), other.list.first()) {
            (Some(last), Some(first)) => usize::from(last.continues_in(first.part(0..first.len()))),
            _ => 0,
        };
        if self.list.len() + other.list.len() - joined > MAX_CHUNKS {
            return false;
        }
        for chunk in core::mem::take(other) {
            self.push(chunk).expect("room was counted");
        }
        true
    }

    /// The chunks in order.
    #[inline]
    pub fn iter(&self) -> core::slice::Iter<'_, Chunk> {
        self.list.iter()
    }

    /// Forgets the first `n` bytes (all of them, if there are no more).
    pub fn trim_front(&mut self, n: usize) {
        let mut left = n.min(self.len());
        self.len -= left as u32;
        let mut whole = 0;
        for chunk in &mut self.list {
            if left < chunk.len() {
                chunk.trim_front(left);
                break;
            }
            left -= chunk.len();
            whole += 1;
        }
        self.list.drain(..whole);
    }

    /// Keeps the first `len` bytes at most.
    pub fn truncate(&mut self, len: usize) {
        if len >= self.len() {
            return;
        }
        self.len = len as u32;
        let mut left = len;
        let mut keep = 0;
        for chunk in &mut self.list {
            if left == 0 {
                break;
            }
            chunk.truncate(left);
            left -= chunk.len();
            keep += 1;
        }
        self.list.truncate(keep);
    }

    /// A part of the list, sharing its frames.
    ///
    /// # Panics
    /// If `range` reaches past the end.
    pub fn slice(&self, range: Range<usize>) -> Chunks {
        let mut slice = Chunks::new();
        for part in self.parts(range) {
            slice.push_part(part).expect("no more chunks than the whole has");
        }
        slice
    }

    /// The parts of chunks that make up a part of the list, in order, none of them empty.
    ///
    /// # Panics
    /// If `range` reaches past the end.
    #[inline]
    pub fn parts(&self, range: Range<usize>) -> Parts<'_> {
        assert!(range.start <= range.end && range.end <= self.len(), "a part past the end of chunks");
        Parts { chunks: &self.list, skip: range.start, left: range.end - range.start }
    }

    /// Copies the first bytes to `buf`; returns how many.
    pub fn copy_to(&self, buf: &mut [u8]) -> usize {
        let mut copied = 0;
        for chunk in &self.list {
            let n = chunk.len().min(buf.len() - copied);
            buf[copied..copied + n].copy_from_slice(&chunk[..n]);
            copied += n;
        }
        copied
    }

    /// A copy of all bytes.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.len());
        self.list.iter().for_each(|chunk| bytes.extend_from_slice(chunk));
        bytes
    }
}

/// Iterator over parts of chunks; see [`Chunks::parts`].
#[derive(Clone, Debug)]
pub struct Parts<'a> {
    chunks: &'a [Chunk],
    /// Bytes before what is wanted, counted from the first of `chunks`.
    skip: usize,
    /// Bytes that are still wanted.
    left: usize,
}

impl Parts<'_> {
    /// Number of bytes in all.
    #[inline]
    pub fn byte_len(&self) -> usize {
        self.left
    }

    /// Keeps the first `len` bytes at most.
    #[inline]
    pub fn truncate(&mut self, len: usize) {
        self.left = self.left.min(len);
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = Part<'a>;

    #[inline]
    fn next(&mut self) -> Option<Part<'a>> {
        if self.left == 0 {
            return None;
        }
        loop {
            let (chunk, rest) = self.chunks.split_first()?;
            if self.skip >= chunk.len() {
                self.skip -= chunk.len();
                self.chunks = rest;
                continue;
            }
            let end = chunk.len().min(self.skip + self.left);
            let part = chunk.part(self.skip..end);
            self.left -= end - self.skip;
            self.skip = end;
            return Some(part);
        }
    }
}

impl From<Chunk> for Chunks {
    #[inline]
    fn from(chunk: Chunk) -> Chunks {
        let mut chunks = Chunks::new();
        chunks.push(chunk).expect("the list is empty");
        chunks
    }
}

impl From<Vec<u8>> for Chunks {
    fn from(bytes: Vec<u8>) -> Chunks {
        Chunk::from_vec(bytes).into()
    }
}

impl From<&[u8]> for Chunks {
    fn from(bytes: &[u8]) -> Chunks {
        bytes.to_vec().into()
    }
}

impl IntoIterator for Chunks {
    type Item = Chunk;
    type IntoIter = arrayvec::IntoIter<Chunk, MAX_CHUNKS>;
    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

impl<'a> IntoIterator for &'a Chunks {
    type Item = &'a Chunk;
    type IntoIter = core::slice::Iter<'a, Chunk>;
    fn into_iter(self) -> Self::IntoIter {
        self.list.iter()
    }
}

/// Equal if the bytes are, however they are cut.
impl PartialEq for Chunks {
    fn eq(&self, other: &Chunks) -> bool {
        self.len == other.len && self.list.iter().flat_map(|c| c.iter()).eq(other.list.iter().flat_map(|c| c.iter()))
    }
}

impl Eq for Chunks {}

impl fmt::Debug for Chunks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chunks({} bytes in {})", self.len, self.list.len())
    }
}
