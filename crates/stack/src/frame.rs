//! Frames at the border between stack and device.

use alloc::borrow::Cow;
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

/// A frame that arrived: its bytes in one piece, or its headers and the rest by reference.
#[derive(Clone, Debug)]
pub struct RxFrame {
    /// The bytes, from the link header on (Ethernet) or from the IP header on: all of them, or the first with all headers.
    pub bytes: Chunk,
    /// What follows `bytes`. Most devices give everything in one piece; what comes from memory, or was merged, need not be
    /// copied for that.
    pub payload: Chunks,
    /// The checksum's state.
    pub checksum: RxChecksum,
    /// Payload bytes of each wire segment, if several were merged into this frame; 0 if not.
    pub gso_size: u16,
}

impl RxFrame {
    /// A frame in one piece, of which nothing else is known.
    pub fn new(bytes: Chunk) -> RxFrame {
        RxFrame { bytes, payload: Chunks::new(), checksum: RxChecksum::Unverified, gso_size: 0 }
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.bytes.len() + self.payload.len()
    }

    /// True if there is no byte in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All bytes in one piece: copied only where they are in several.
    pub fn contiguous(&self) -> Cow<'_, [u8]> {
        if self.payload.is_empty() {
            return Cow::Borrowed(self.bytes.as_slice());
        }
        let mut bytes = Vec::with_capacity(self.len());
        bytes.extend_from_slice(&self.bytes);
        self.payload.iter().for_each(|chunk| bytes.extend_from_slice(chunk));
        Cow::Owned(bytes)
    }
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
    /// The socket's mark (SO_MARK), for who carries the frame: it is not in the bytes.
    pub mark: u32,
    /// The socket's priority (SO_PRIORITY), likewise.
    pub priority: u32,
}

impl TxFrame {
    /// An empty frame that belongs to no connection.
    pub fn stateless() -> TxFrame {
        TxFrame {
            head: ArrayVec::new(),
            payload: Chunks::new(),
            checksum: TxChecksum::Complete,
            gso_size: 0,
            flow: FlowId::NONE,
            why: None,
            mark: 0,
            priority: 0,
        }
    }

    /// Makes it what [`stateless`](Self::stateless) gives, without moving it.
    fn clear(&mut self) {
        let TxFrame { head, payload, checksum, gso_size, flow, why, mark, priority } = self;
        head.clear();
        payload.clear();
        *checksum = TxChecksum::Complete;
        *gso_size = 0;
        *flow = FlowId::NONE;
        *why = None;
        *mark = 0;
        *priority = 0;
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

    /// Copies the bytes to the start of `out`, in one piece, and returns their number.
    ///
    /// # Panics
    /// If `out` is shorter than [`len`](Self::len).
    pub fn copy_to(&self, out: &mut [u8]) -> usize {
        let head = self.head.len();
        out[..head].copy_from_slice(&self.head);
        let payload = self.payload.copy_to(&mut out[head..]);
        assert_eq!(payload, self.payload.len(), "the frame does not fit");
        head + payload
    }

    /// All bytes in one piece.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut v = Vec::with_capacity(self.len());
        v.extend_from_slice(&self.head);
        self.payload.iter().for_each(|c| v.extend_from_slice(c.as_slice()));
        v
    }
}

/// Frames on their way to a device, at most `capacity` at a time. The room that they take is used again and again.
#[derive(Debug)]
pub struct TxBatch {
    /// The frames, then slots that were used before.
    slots: Vec<TxFrame>,
    len: usize,
    capacity: usize,
}

impl TxBatch {
    /// A batch with room for `capacity` frames.
    pub fn with_capacity(capacity: usize) -> TxBatch {
        TxBatch { slots: Vec::with_capacity(capacity), len: 0, capacity }
    }

    /// How many more frames it takes.
    pub fn free(&self) -> usize {
        self.capacity - self.len
    }

    /// Adds a frame.
    ///
    /// # Panics
    /// If [`free`](Self::free) is 0.
    pub fn push(&mut self, frame: TxFrame) {
        *self.slot() = frame;
    }

    /// A new frame at the end, empty, to be written in place; [`take_last`](Self::take_last) takes it back.
    ///
    /// # Panics
    /// As [`push`](Self::push).
    pub(crate) fn slot(&mut self) -> &mut TxFrame {
        assert!(self.free() > 0, "push into a full TxBatch");
        if self.len == self.slots.len() {
            self.slots.push(TxFrame::stateless());
        }
        self.len += 1;
        &mut self.slots[self.len - 1]
    }

    /// Takes the last frame back.
    pub(crate) fn take_last(&mut self) -> Option<TxFrame> {
        let last = self.last_mut()?;
        let frame = core::mem::replace(last, TxFrame::stateless());
        self.len -= 1;
        Some(frame)
    }

    /// The last frame.
    #[inline]
    pub(crate) fn last_mut(&mut self) -> Option<&mut TxFrame> {
        self.slots[..self.len].last_mut()
    }

    /// The frames, oldest first.
    pub fn frames(&self) -> &[TxFrame] {
        &self.slots[..self.len]
    }

    /// The device has sent the first `n` frames: lets go of them.
    ///
    /// # Panics
    /// If there are fewer.
    pub fn sent(&mut self, n: usize) {
        self.slots[..self.len][..n].iter_mut().for_each(TxFrame::clear);
        if n < self.len {
            self.slots[..self.len].rotate_left(n);
        }
        self.len -= n;
    }
}
