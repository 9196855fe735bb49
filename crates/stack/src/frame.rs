//! Frames at the border between stack and device.

use alloc::vec::Vec;
use arrayvec::ArrayVec;
use limpid_event::{FlowId, TxReason};
use limpid_wire::{Chunk, Chunks};

/// Room for the headers of one frame: Ethernet, VLAN, IPv6 and TCP with all options, with some to spare.
pub const MAX_HEAD: usize = 160;

/// What the device knows of a received frame's TCP checksum.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum RxChecksum {
    /// Nothing: the stack has to check it.
    #[default]
    Unverified,
    /// It is good, or there is none to check because the frame never left the machine.
    Verified,
}

/// A frame that arrived.
#[derive(Clone, Debug)]
pub struct RxFrame {
    /// The bytes, from the link header on (Ethernet) or from the IP header on.
    pub bytes: Chunk,
    /// The checksum's state.
    pub checksum: RxChecksum,
    /// Payload bytes of each wire segment, if several were merged into this frame; 0 if not.
    pub gso_size: u16,
}

/// What is left for the device to do about the TCP checksum.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TxChecksum {
    /// Nothing: it is complete.
    #[default]
    Complete,
    /// Sum from `start` to the end of the frame and store it at `start + offset` (the pseudo header's sum is there), as
    /// [`complete_partial`](limpid_wire::checksum::complete_partial) does.
    Partial {
        /// Offset of the TCP header in the frame.
        start: u16,
        /// Offset of the checksum field in the TCP header.
        offset: u16,
    },
}

/// A frame to send: headers, then the payload's chunks.
#[derive(Clone, Debug)]
pub struct TxFrame {
    /// Link, IP and transport headers.
    pub head: ArrayVec<u8, MAX_HEAD>,
    /// What follows.
    pub payload: Chunks,
    /// The checksum's state.
    pub checksum: TxChecksum,
    /// Payload bytes of each wire segment, if the device has to cut it; 0 if not.
    pub gso_size: u16,
    /// The connection it belongs to.
    pub flow: FlowId,
    /// Why it is sent, if it carries a TCP segment.
    pub why: Option<TxReason>,
}

impl TxFrame {
    /// An empty frame that belongs to no connection.
    pub(crate) fn stateless() -> TxFrame {
        TxFrame {
            head: ArrayVec::new(),
            payload: Chunks::new(),
            checksum: TxChecksum::Complete,
            gso_size: 0,
            flow: FlowId::NONE,
            why: None,
        }
    }

    /// Adds bytes to the head.
    ///
    /// # Panics
    /// If they do not fit: heads are made here, of parts whose lengths are known.
    pub(crate) fn put(&mut self, bytes: &[u8]) {
        self.head.try_extend_from_slice(bytes).expect("a head fits MAX_HEAD");
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.head.len() + self.payload.len()
    }

    /// True if there is no byte in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All bytes in one piece.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut v = Vec::with_capacity(self.len());
        v.extend_from_slice(&self.head);
        self.payload.iter().for_each(|c| v.extend_from_slice(c.as_slice()));
        v
    }
}

/// Frames on their way to a device, at most `capacity` at a time.
#[derive(Debug)]
pub struct TxBatch {
    frames: Vec<TxFrame>,
    capacity: usize,
}

impl TxBatch {
    /// A batch with room for `capacity` frames.
    pub fn with_capacity(capacity: usize) -> TxBatch {
        TxBatch { frames: Vec::with_capacity(capacity), capacity }
    }

    /// How many more frames it takes.
    pub fn free(&self) -> usize {
        self.capacity - self.frames.len()
    }

    /// Adds a frame.
    ///
    /// # Panics
    /// If [`free`](Self::free) is 0.
    pub fn push(&mut self, frame: TxFrame) {
        assert!(self.free() > 0, "push into a full TxBatch");
        self.frames.push(frame);
    }

    /// Adds an empty frame, to be filled in place; [`take_last`](Self::take_last) takes it back.
    pub(crate) fn push_empty(&mut self) -> &mut TxFrame {
        self.push(TxFrame::stateless());
        self.frames.last_mut().expect("just pushed")
    }

    /// Takes the last frame back.
    pub(crate) fn take_last(&mut self) -> Option<TxFrame> {
        self.frames.pop()
    }

    /// The last frame.
    pub(crate) fn last_mut(&mut self) -> Option<&mut TxFrame> {
        self.frames.last_mut()
    }

    /// The frames, oldest first.
    pub fn frames(&self) -> &[TxFrame] {
        &self.frames
    }

    /// Takes the first `n` frames away (the device has sent them).
    ///
    /// # Panics
    /// If there are fewer.
    pub fn drain(&mut self, n: usize) -> alloc::vec::Drain<'_, TxFrame> {
        self.frames.drain(..n)
    }
}
