//! Bytes that are shared and never copied twice: pooled, reference-counted frames and slices of them, in safe Rust.
//!
//! A [`FramePool`] hands out writable frames; a frozen frame is shared by any number of [`Chunk`]s. When the last chunk
//! of a frame is gone, the pool uses the frame again: in steady state nothing is allocated.

use alloc::sync::Arc;
use alloc::vec::Vec;
use arrayvec::ArrayVec;

/// The most chunks one segment's payload may be cut from.
pub const MAX_CHUNKS: usize = 8;

/// A slice of a shared frame.
#[derive(Clone)]
pub struct Chunk {
    frame: Arc<Vec<u8>>,
    start: u32,
    len: u32,
}

/// A short list of chunks: one segment's payload, in order.
#[derive(Clone, Default)]
pub struct Chunks {
    list: ArrayVec<Chunk, MAX_CHUNKS>,
    len: u32,
}

/// Where frames come from and go back to. (Sketch: a bounded ring of `Arc`s; a frame is free again when the pool's own
/// reference is the only one left.)
pub struct FramePool {
    #[allow(dead_code)]
    frames: Vec<Arc<Vec<u8>>>,
}

impl Chunk {
    /// A chunk that owns `bytes`.
    pub fn from_vec(bytes: Vec<u8>) -> Chunk {
        let len = bytes.len() as u32;
        Chunk { frame: Arc::new(bytes), start: 0, len }
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.frame[self.start as usize..(self.start + self.len) as usize]
    }

    /// Number of bytes.
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// True if there is no byte in it.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many bytes of memory this chunk keeps alive: the whole frame's.
    pub fn pinned(&self) -> usize {
        self.frame.capacity()
    }

    /// A part of this chunk, sharing its frame.
    ///
    /// # Panics
    /// If `range` reaches past the end.
    pub fn slice(&self, range: core::ops::Range<usize>) -> Chunk {
        assert!(range.start <= range.end && range.end <= self.len());
        Chunk {
            frame: self.frame.clone(),
            start: self.start + range.start as u32,
            len: (range.end - range.start) as u32,
        }
    }
}

impl Chunks {
    /// No bytes.
    pub fn new() -> Chunks {
        Chunks::default()
    }

    /// Number of bytes in all.
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// True if there is no byte.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a chunk at the end; gives it back if the list is full.
    pub fn push(&mut self, chunk: Chunk) -> Result<(), Chunk> {
        let len = chunk.len;
        self.list.try_push(chunk).map_err(|e| e.element())?;
        self.len += len;
        Ok(())
    }

    /// The chunks in order.
    pub fn iter(&self) -> core::slice::Iter<'_, Chunk> {
        self.list.iter()
    }
}
