//! The send queue: bytes from SND.UNA to the end of what the application wrote (RFC 9293 §3.8, §3.9.1.2).
//!
//! Bytes stay until they are acknowledged; a segment is a slice of them. What has not been sent lies in [`Pieces`], which
//! know where the application pushed and where its records end (MSG_EOR). Sequence numbers are the connection's, of data
//! alone: SYN and FIN lie outside.
//!
//! The send buffer counts as Linux does: each piece, and each record of what was sent, costs [`OVERHEAD`] beside its bytes,
//! and whoever has any room left may fill a whole piece.

#[cfg(test)]
mod tests;

use super::{Pieces, WriteFlags};
use crate::byte_queue::ByteQueue;
use limpid_wire::{Chunk, Chunks, FramePool, SeqNum};

/// What a piece or a sent segment costs in the send buffer beside its bytes: Linux's skb without data, on 64 bits.
pub const OVERHEAD: usize = 832;

/// How a write is taken.
#[derive(Clone, Copy, Debug)]
pub struct Append {
    /// A piece may be as long as this.
    pub goal: u32,
    /// The send buffer.
    pub capacity: usize,
    /// Segments or super-segments that were sent and are held.
    pub sent: usize,
    /// As long as so much has not left, nothing more is taken.
    pub notsent_lowat: u32,
    /// The largest window that the peer ever offered: each half of it is pushed.
    pub max_window: u32,
    /// Of the write.
    pub flags: WriteFlags,
    /// It has given some of its bytes already.
    pub goes_on: bool,
}

/// What came of a step of a write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Taken {
    /// So many bytes were taken; none if there is no room.
    pub bytes: usize,
    /// A piece was opened for them.
    pub opened: bool,
    /// The piece is full now.
    pub full: bool,
}

/// The most bytes that are held: sequence numbers further apart could not be compared.
const MAX_HELD: usize = 1 << 30;

/// See the module.
#[derive(Debug)]
pub struct SendQueue {
    bytes: ByteQueue,
    /// What was not sent.
    pub pieces: Pieces,
    /// The end of the last piece that was marked with PSH (Linux's `pushed_seq`).
    pub pushed_to: SeqNum,
}

impl SendQueue {
    /// An empty queue; the first byte written will have number `start` (ISS + 1).
    pub fn new(start: SeqNum) -> SendQueue {
        SendQueue { bytes: ByteQueue::new(start), pieces: Pieces::new(start), pushed_to: start }
    }

    /// The same where something was sent before, all of which is acknowledged.
    pub(crate) fn emptied(start: SeqNum, pushed_to: SeqNum) -> SendQueue {
        SendQueue { pushed_to, ..SendQueue::new(start) }
    }

    /// Number of the first byte held.
    pub fn start(&self) -> SeqNum {
        self.bytes.start()
    }

    /// The number after the last byte written: where a FIN goes.
    pub fn end(&self) -> SeqNum {
        self.bytes.end()
    }

    /// Bytes held, sent or not.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// True if nothing is held.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Bytes of memory kept alive, for the bound of the whole stack.
    pub fn pinned(&self) -> usize {
        self.bytes.pinned()
    }

    /// What the send buffer holds, beside `sent` segments' cost: Linux's `sk_wmem_queued`.
    pub fn memory(&self, sent: usize) -> usize {
        self.len() + (self.pieces.count() + sent) * OVERHEAD
    }

    /// Copies as many of `bytes` as fit into one piece, the last or a new one.
    pub fn write(&mut self, pool: &mut FramePool, bytes: &[u8], append: &Append) -> Taken {
        let taken = self.admit(bytes.len(), append);
        self.bytes.write(pool, &bytes[..taken.bytes]);
        taken
    }

    /// The same of a chunk, without copying it (unless it is short or wasteful). What was taken is cut off.
    pub fn write_chunk(&mut self, pool: &mut FramePool, chunk: &mut Chunk, append: &Append) -> Taken {
        let taken = self.admit(chunk.len(), append);
        if taken.bytes > 0 {
            self.bytes.push_part(pool, chunk, taken.bytes);
        }
        taken
    }

    /// Makes room for up to `len` bytes in one piece (a step of Linux's `tcp_sendmsg_locked`).
    fn admit(&mut self, len: usize, append: &Append) -> Taken {
        // Numbers must stay comparable, whatever the buffer.
        let len = len.min(MAX_HELD.saturating_sub(self.len()));
        let mut room = self.pieces.room(append.goal) as usize;
        let opened = room == 0 && len > 0 && self.has_room(append);
        if opened {
            self.pieces.open();
            room = append.goal.max(1) as usize;
        }
        let bytes = room.min(len);
        if bytes > 0 {
            if !append.goes_on
                && let Some(last) = self.pieces.last_mut()
            {
                last.push = false;
            }
            self.pieces.extend(bytes as u32);
        }
        Taken { bytes, opened, full: bytes == room }
    }

    /// A write ends here: with PSH unless more follows, and with its record if `whole` of it was taken.
    pub fn end_write(&mut self, whole: bool, append: &Append) {
        if whole
            && append.flags.contains(WriteFlags::END_OF_RECORD)
            && let Some(last) = self.pieces.last_mut()
        {
            last.record_end = true;
        }
        if !(whole && append.flags.contains(WriteFlags::MORE)) || self.is_push_forced(append) {
            self.push();
        }
    }

    /// Whether another piece may be opened.
    fn has_room(&self, append: &Append) -> bool {
        let held = self.memory(append.sent);
        (held == 0 || held < append.capacity) && self.pieces.len() < append.notsent_lowat
    }

    /// So much was written since the last push that the peer could hold back for lack of one.
    pub fn is_push_forced(&self, append: &Append) -> bool {
        self.pieces.end().after(self.pushed_to + append.max_window / 2)
    }

    /// The last piece says PSH.
    pub fn push(&mut self) {
        self.pushed_to = self.pieces.end();
        if let Some(last) = self.pieces.last_mut() {
            last.push = true;
        }
    }

    /// The bytes from `seq` on, at most `len`. Fewer if there are no more, or if they lie in too many chunks. Constant time
    /// for one segment after the other.
    pub fn slice(&mut self, pool: &mut FramePool, seq: SeqNum, len: usize) -> Chunks {
        self.bytes.slice(pool, seq, len)
    }

    /// The same, copied into one chunk: for bytes that lie in too many.
    pub fn gather(&mut self, pool: &mut FramePool, seq: SeqNum, len: usize) -> Chunks {
        self.bytes.gather(pool, seq, len)
    }

    /// Frees all bytes before `una`; returns how many that were. What lies outside the queue (SYN, FIN) is ignored.
    pub fn ack_to(&mut self, pool: &mut FramePool, una: SeqNum) -> usize {
        if !una.after(self.start()) {
            return 0;
        }
        let n = (una.earlier(self.end()) - self.start()) as usize;
        self.bytes.trim_front(pool, n);
        n
    }
}
