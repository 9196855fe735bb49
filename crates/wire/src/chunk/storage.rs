//! What lies under a chunk: a frame, or bytes that belong to somebody else.

use alloc::boxed::Box;
use alloc::vec::Vec;

/// As large as a `Vec`: which of the two it is lies in what a `Vec`'s capacity can't be.
pub(super) enum Storage {
    Frame(Vec<u8>),
    Owner(Box<dyn AsRef<[u8]> + Send + Sync>),
}

const _: () = assert!(size_of::<Storage>() == size_of::<Vec<u8>>());

impl Storage {
    #[inline]
    pub(super) fn as_slice(&self) -> &[u8] {
        match self {
            Storage::Frame(frame) => frame,
            Storage::Owner(owner) => owner.as_ref().as_ref(),
        }
    }

    /// Bytes of memory.
    #[inline]
    pub(super) fn capacity(&self) -> usize {
        match self {
            Storage::Frame(frame) => frame.capacity(),
            Storage::Owner(owner) => owner.as_ref().as_ref().len(),
        }
    }

    /// A frame's bytes, to write them; another's bytes are only read.
    #[inline]
    pub(super) fn frame_mut(&mut self) -> Option<&mut Vec<u8>> {
        match self {
            Storage::Frame(frame) => Some(frame),
            Storage::Owner(_) => None,
        }
    }
}
