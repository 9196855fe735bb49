//! What the application does: write, read, and ask (RFC 9293 §3.10.2, §3.10.3).

use super::Connection;
use super::halves::{RecvHalf, SendHalf};
use super::stats::Busy;
use super::watch::{Notice, Watched};
use crate::congestion::Controller;
use crate::recv::RecvQueue;
use crate::send::buffer::{self, Demand};
use crate::send::{Append, NagleMode, SendQueue, Taken};
use crate::{Config, Cx, MemoryLevel, Readiness, SharedMemory, TcpInfo, WriteFlags};
use core::ops::Deref;
use limpid_event::{Call, Error, Event, Instant, Observer, TxReason};
use limpid_wire::{Chunk, FramePool};

/// What an application has not read yet when its connection goes to TIME-WAIT or ends: it stays with the socket.
#[derive(Debug)]
pub struct Remnant {
    pub(super) queue: RecvQueue,
    pub(super) error: Option<Error>,
    /// As it was at the end.
    pub(super) info: TcpInfo,
    pub(super) watch: Watched,
    pub(super) last_data: Instant,
}

/// The smallest send buffer (Linux's SOCK_MIN_SNDBUF).
const MIN_SEND_BUFFER: usize = 4608;

/// What bounds receiving now, bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RecvBounds {
    /// The buffer (SO_RCVBUF), which grows by itself unless it was set.
    pub buffer: u32,
    /// What is held costs so much of it, bytes.
    pub used: u32,
    /// The most that is offered as window (TCP_WINDOW_CLAMP); 0 is no bound yet.
    pub window_clamp: u32,
}

/// How far the stream that is sent came, bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StreamPosition {
    /// All that was written.
    pub written: u64,
    /// What the peer has acknowledged of it.
    pub acknowledged: u64,
}

impl Connection {
    /// When data came last: what SO_TIMESTAMP tells, since what waits to be read lies together as on Linux, where the newest
    /// part gives its time to the whole.
    pub fn last_data_at(&self) -> Instant {
        self.rcv.last_data
    }

    /// The send buffer, bytes (SO_SNDBUF), which grows by itself unless it was set.
    pub fn send_buffer(&self) -> usize {
        self.snd.buffer
    }

    /// What bounds receiving now.
    pub fn recv_bounds(&self) -> RecvBounds {
        RecvBounds { buffer: self.rcv.buffer(), used: self.rcv.space().used, window_clamp: self.rcv.window.clamp() }
    }

    /// How far the stream that is sent came.
    pub fn stream_position(&self) -> StreamPosition {
        let acknowledged = self.snd.bytes_acked;
        StreamPosition { written: acknowledged + self.snd.queue.len() as u64, acknowledged }
    }

    /// Takes bytes for sending; returns how many.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] if there is no room; [`Readiness::WRITABLE`] tells when there is. The pending error, once,
    /// after the connection failed; [`Error::BrokenPipe`] after that, and after our own shutdown.
    pub fn write<O: Observer>(&mut self, cx: &mut Cx<'_, O>, bytes: &[u8]) -> Result<usize, Error> {
        self.write_with(cx, bytes, WriteFlags::empty())
    }

    /// The same with flags. What they ask for holds for the bytes that are taken; [`WriteFlags::END_OF_RECORD`] only if all
    /// are.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn write_with<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        bytes: &[u8],
        flags: WriteFlags,
    ) -> Result<usize, Error> {
        self.check_writable()?;
        self.write_offered(cx, bytes.len(), flags, |queue, pool, from, append| {
            queue.write(pool, &bytes[from..], append)
        })
    }

    /// The same of several slices, one after the other: one write (writev).
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn write_vectored<O: Observer, S: Deref<Target = [u8]>>(
        &mut self,
        cx: &mut Cx<'_, O>,
        slices: &[S],
        flags: WriteFlags,
    ) -> Result<usize, Error> {
        self.check_writable()?;
        let offered = slices.iter().map(|slice| slice.len()).sum();
        let (mut at, mut skip) = (0, 0);
        self.write_offered(cx, offered, flags, |queue, pool, _, append| {
            while skip == slices[at].len() {
                (at, skip) = (at + 1, 0);
            }
            let taken = queue.write(pool, &slices[at][skip..], append);
            skip += taken.bytes;
            taken
        })
    }

    /// Takes chunks for sending, one after the other, without copying them (unless they are short, or small parts of large
    /// frames). What was taken is cut off their fronts; returns how many bytes that is.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn write_chunks<O: Observer>(&mut self, cx: &mut Cx<'_, O>, chunks: &mut [Chunk]) -> Result<usize, Error> {
        self.check_writable()?;
        let offered = chunks.iter().map(Chunk::len).sum();
        let mut at = 0;
        self.write_offered(cx, offered, WriteFlags::empty(), |queue, pool, _, append| {
            while chunks[at].is_empty() {
                at += 1;
            }
            queue.write_chunk(pool, &mut chunks[at], append)
        })
    }

    /// A write of `offered` bytes on a connection that may be written to; see [`write_pieces`](Self::write_pieces).
    fn write_offered<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        offered: usize,
        flags: WriteFlags,
        write: impl FnMut(&mut SendQueue, &mut FramePool, usize, &Append) -> Taken,
    ) -> Result<usize, Error> {
        if offered == 0 {
            return Ok(0);
        }
        let taken = self.write_pieces(cx, offered, flags, write);
        if taken == 0 {
            return Err(Error::WouldBlock);
        }
        cx.emit(|| Event::Call(Call::Write(taken)));
        Ok(taken)
    }

    /// Takes `offered` bytes, piece by piece, as far as there is room; `write` takes what comes from the given one on. As on
    /// Linux segments begin to leave as soon as a piece is full, which makes room for more of the same write.
    fn write_pieces<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        offered: usize,
        flags: WriteFlags,
        mut write: impl FnMut(&mut SendQueue, &mut FramePool, usize, &Append) -> Taken,
    ) -> usize {
        self.check_app_limited();
        self.restart_after_idle(cx.now);
        self.snd.refused = self.has_no_memory(cx.memory);
        if self.snd.refused {
            self.app.wants_room = true;
            return 0;
        }
        let mut append = self.append(flags);
        append.capacity = append.capacity.min(self.snd.memory().saturating_add(cx.memory.left));
        if cx.memory.is_pressed() {
            append.goal = append.goal.min(self.current_mss());
        }
        let mut done = 0;
        while done < offered {
            let taken = write(&mut self.snd.queue, cx.pool, done, &append);
            if taken.bytes == 0 {
                break;
            }
            done += taken.bytes;
            self.snd.push_small &= !taken.opened;
            append.goes_on = true;
            if taken.full && done < offered && !flags.contains(WriteFlags::URGENT) {
                self.piece_is_full(cx, &append);
                append.sent = self.snd.records.count();
            }
        }
        if done > 0 {
            self.chrono_start(cx.now, Busy::Sending);
            self.snd.push_due = true;
            self.snd.queue.end_write(done == offered, &append);
            if flags.contains(WriteFlags::URGENT) {
                self.snd.up = self.snd.queue.end();
            }
            // Whoever has to wait for room gets it sooner if all that is there goes.
            self.snd.write_mode = if done < offered {
                Some(NagleMode::PUSH)
            } else {
                flags.contains(WriteFlags::MORE).then_some(NagleMode::CORK)
            };
        }
        self.app.wants_room |= done < offered || !self.has_room();
        done
    }

    /// Whether nothing more is taken because memory is short; what is in flight is enough to come back. A buffer whose size is not
    /// fixed shrinks then, so that there is less to come back to (Linux's `sk_stream_moderate_sndbuf`).
    fn has_no_memory(&mut self, memory: SharedMemory) -> bool {
        let held = self.snd.memory();
        let all = held + self.rcv.memory();
        if held == 0 || !memory.refuses(all, held, self.config.send_buffer_min) {
            return false;
        }
        if !self.config.send_buffer_fixed {
            self.snd.buffer = self.snd.buffer.min(held / 2).max(MIN_SEND_BUFFER);
        }
        true
    }

    /// How a write now is taken.
    pub(super) fn append(&self, flags: WriteFlags) -> Append {
        let mss = self.current_mss();
        Append {
            goal: if flags.contains(WriteFlags::URGENT) { mss } else { self.size_goal(mss) },
            capacity: self.snd.buffer,
            sent: self.snd.records.count(),
            notsent_lowat: self.config.notsent_lowat,
            max_window: self.snd.max_wnd,
            flags,
            goes_on: false,
        }
    }

    fn check_writable(&mut self) -> Result<(), Error> {
        if let Some(error) = self.app.error.take() {
            return Err(error);
        }
        if self.halves.over() || self.halves.send() != SendHalf::Open || self.awaits_fin() {
            return Err(Error::BrokenPipe);
        }
        // As on Linux nothing is taken before the opening is complete.
        if self.may_send() { Ok(()) } else { Err(Error::WouldBlock) }
    }

    /// Reads in order; `Ok(0)` is the end of the stream.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] if nothing has come yet; the pending error, once, if the connection failed and all that came
    /// before has been read. After the peer's FIN there is the end of the stream, whatever else happens.
    pub fn read<O: Observer>(&mut self, cx: &mut Cx<'_, O>, buf: &mut [u8]) -> Result<usize, Error> {
        let had_some = !self.rcv.queue.is_empty();
        self.before_read(cx.now, buf.len());
        let read = self.rcv.queue.read(cx.pool, buf);
        // As on Linux, even reading into nothing waits until there is something.
        if !had_some {
            self.check_end_of_stream()?;
        } else {
            self.after_read(read);
        }
        cx.emit(|| Event::Call(Call::Read(read)));
        Ok(read)
    }

    /// Takes what has come as a chunk, at most `max` bytes, without copying; `Ok(None)` is the end of the stream.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_chunk<O: Observer>(&mut self, cx: &mut Cx<'_, O>, max: usize) -> Result<Option<Chunk>, Error> {
        let had_some = !self.rcv.queue.is_empty();
        self.before_read(cx.now, max);
        let chunk = self.rcv.queue.read_chunk(cx.pool, max);
        let read = chunk.as_ref().map_or(0, Chunk::len);
        if !had_some {
            self.check_end_of_stream()?;
        } else {
            self.after_read(read);
        }
        cx.emit(|| Event::Call(Call::Read(read)));
        Ok(chunk)
    }

    /// Takes up to `len` bytes unseen; returns how many there were.
    pub fn discard<O: Observer>(&mut self, cx: &mut Cx<'_, O>, len: usize) -> usize {
        self.before_read(cx.now, len);
        let taken = self.rcv.queue.discard(cx.pool, len);
        if taken > 0 {
            self.after_read(taken);
            cx.emit(|| Event::Call(Call::Read(taken)));
        }
        taken
    }

    /// The application is to be told of room to write, as if a write had found too little.
    pub fn await_room(&mut self) {
        self.app.wants_room = true;
    }

    /// Reads without taking (MSG_PEEK).
    ///
    /// # Errors
    /// [`Error::WouldBlock`] if nothing has come yet; an error that ended the connection is not taken.
    pub fn peek(&self, buf: &mut [u8]) -> Result<usize, Error> {
        let peeked = self.rcv.queue.peek(buf);
        if peeked > 0 || self.at_end_of_stream() {
            return Ok(peeked);
        }
        Err(self.app.error.unwrap_or(Error::WouldBlock))
    }

    fn at_end_of_stream(&self) -> bool {
        let ended = self.halves.over() && self.app.error.is_none();
        self.halves.recv() == RecvHalf::FinReceived || self.app.read_shut || ended
    }

    fn check_end_of_stream(&mut self) -> Result<(), Error> {
        // As on Linux what comes after the peer's FIN is told to those who write alone.
        if self.halves.recv() == RecvHalf::FinReceived {
            return Ok(());
        }
        if let Some(error) = self.app.error.take() {
            return Err(error);
        }
        if self.at_end_of_stream() { Ok(()) } else { Err(Error::WouldBlock) }
    }

    /// Up to `len` bytes are about to be read. As on Linux the reader is measured when it has the first piece, however many it
    /// takes at once.
    fn before_read(&mut self, now: Instant, len: usize) {
        let first = self.rcv.queue.first_len().min(len) as u32;
        if first > 0 {
            let read_to = self.rcv.queue.read_seq() + first;
            self.rcv.on_read(now, &self.config, read_to);
        }
    }

    /// Room was made: an ACK or a window update may be due (RFC 9293 §3.8.6.2.2).
    fn after_read(&mut self, read: usize) {
        // A mark that was passed must not come back when the numbers have gone half around.
        self.rcv.discharge(read as u32);
        let read_to = self.rcv.queue.read_seq();
        self.rcv.urgent_end.take_if(|end| end.before_eq(read_to));
        self.acknowledge_reading(read);
    }

    /// So much was read: that may be reason for an ACK that was held back, or for telling of room.
    pub(super) fn acknowledge_reading(&mut self, read: usize) {
        if self.halves.over() {
            return;
        }
        let rcv_nxt = self.rcv_nxt();
        let unacked = rcv_nxt - self.rcv.window.rcv_wup();
        let emptied = self.rcv.queue.is_empty() && !self.rcv.queue.has_holes();
        if self.rcv.ack.on_read(read, emptied, unacked) {
            return self.due.ack_now(TxReason::Ack);
        }
        let closed = self.halves.recv() == RecvHalf::FinReceived || self.app.read_shut;
        if read > 0 && !closed && self.rcv.window.update_due(rcv_nxt, self.rcv.space()) {
            self.due.ack_now(TxReason::WindowUpdate);
        }
    }

    /// What of the settings concerns receiving.
    pub(super) fn configure_receiving(&mut self, before: &Config) {
        let config = self.config.clone();
        self.rcv.heed_config(&config);
        if config.recv_buffer_fixed {
            self.rcv.set_buffer(config.recv_buffer);
        }
        if config.window_clamp != before.window_clamp && config.window_clamp > 0 {
            self.rcv.window.set_clamp(config.window_clamp);
        }
        if config.recv_lowat != before.recv_lowat {
            self.rcv.make_room_for_reader(&config);
            if self.is_worth_reading() {
                self.woke |= Readiness::READABLE;
            }
        }
    }

    /// What the application can do now.
    pub fn readiness(&self) -> Readiness {
        let mut ready = Readiness::empty();
        let over = self.halves.over();
        let sending = self.halves.send() == SendHalf::Open && !over && !self.awaits_fin();
        let read_closed = over || self.app.read_shut || self.halves.recv() == RecvHalf::FinReceived;
        ready.set(Readiness::READ_CLOSED, read_closed);
        ready.set(Readiness::READABLE, read_closed || self.is_worth_reading());
        ready.set(Readiness::WRITABLE, !sending || self.has_room());
        ready.set(Readiness::CLOSED, over || (read_closed && !sending));
        ready.set(Readiness::ERROR, self.app.error.is_some());
        ready.set(Readiness::URGENT, self.urgent().is_some());
        ready.set(Readiness::NOTICE, self.snd.watch.as_ref().is_some_and(|watch| watch.has_notice()));
        ready
    }

    /// Room worth a wake-up: a third of the buffer (Linux's `sk_stream_is_writeable`), and less than half of what may lie
    /// there unsent.
    pub(super) fn has_room(&self) -> bool {
        let held = self.snd.queue.memory(self.snd.records.count());
        let unsent = self.snd.queue.pieces.len();
        self.may_send()
            && !self.snd.refused
            && self.snd.buffer.saturating_sub(held) >= held / 2
            && unsent.saturating_mul(2) < self.config.notsent_lowat
    }

    /// The send buffer follows the congestion window, unless it was set (Linux's `tcp_sndbuf_expand`).
    pub(super) fn expand_send_buffer(&mut self) {
        if self.config.send_buffer_fixed {
            return;
        }
        let stated = self.negotiated.peer_mss.min(self.config.max_seg.unwrap_or(u16::MAX));
        let demand = Demand {
            mss: u32::from(stated.max(self.snd.mss)),
            cwnd: self.snd.cwnd(),
            reordering: self.snd.recovery.reordering().degree(),
            windows: self.snd.congestion.buffered_windows(),
        };
        let in_flight = self.snd.nxt() - self.snd.una();
        let near = buffer::near(self.config.send_buffer_near, in_flight, self.snd.rtt.srtt(), self.snd.rtt.min());
        self.snd.buffer = buffer::expanded(self.snd.buffer, demand, self.config.send_buffer_max.min(near));
    }

    /// Something was sent or acknowledged: a writer that waits is told of room, of a larger buffer if that is what held it up and
    /// not the congestion window (Linux's `tcp_check_space`).
    pub(super) fn check_room(&mut self, now: Instant, memory: SharedMemory) {
        if !self.app.wants_room {
            return;
        }
        self.snd.refused = false;
        if memory.level == MemoryLevel::Plenty && self.snd.in_flight() < self.snd.cwnd() {
            self.expand_send_buffer();
        }
        self.tell_of_room();
        if !self.app.wants_room {
            self.chrono_stop(now, Busy::SendBuffer);
        }
    }

    /// Tells a writer that waits, if there is room now.
    pub(super) fn tell_of_room(&mut self) {
        if self.app.wants_room && self.has_room() {
            self.app.wants_room = false;
            self.woke |= Readiness::WRITABLE;
        }
    }

    /// How many bytes there are yet to read up to the end of urgent data (RFC 6093): `None` if there is none, or it is read.
    /// The data is in line, whatever the peer meant.
    pub fn urgent(&self) -> Option<u32> {
        let end = self.rcv.urgent_end?;
        let read_to = self.rcv.queue.read_seq();
        end.after(read_to).then(|| end - read_to)
    }

    /// Bytes that can be read at once.
    pub fn readable_len(&self) -> usize {
        self.rcv.queue.len()
    }

    /// Bytes that were written and have not left yet, and our FIN if it has not.
    pub fn unsent(&self) -> u32 {
        let fin = u32::from(self.halves.send() != SendHalf::Open);
        (self.snd.queue.end() + fin).offset_from(self.snd.nxt()).max(0) as u32
    }

    /// Takes the pending error (SO_ERROR), or the soft one.
    pub fn take_error(&mut self) -> Option<Error> {
        self.app.error.take().or_else(|| self.app.soft_error.take())
    }

    /// Bytes of memory that this connection keeps alive in frames, for the bound of the whole stack.
    pub fn pinned(&self) -> usize {
        self.snd.queue.pinned() + self.rcv.queue.pinned()
    }

    /// What it holds costs so many bytes, as Linux accounts for it or as it really is, whichever is more: what counts for the bound
    /// of the whole stack.
    pub fn memory(&self) -> usize {
        self.snd.memory() + self.rcv.memory()
    }

    /// What is held for sending as it counts for the send buffer, bytes (Linux's `sk_wmem_queued`).
    pub fn send_queued(&self) -> usize {
        self.snd.queue.memory(self.snd.records.count())
    }

    /// The part of [`memory`](Self::memory) that is held for sending.
    pub fn send_memory(&self) -> usize {
        self.snd.memory()
    }
}

impl Remnant {
    /// Linux's `tcp_info` as it was when the connection ended.
    pub fn info(&self) -> &TcpInfo {
        &self.info
    }

    /// Reads in order; `Ok(0)` is the end of the stream.
    ///
    /// # Errors
    /// The error that ended the connection, once, when all is read, unless the peer had finished before.
    pub fn read(&mut self, pool: &mut FramePool, buf: &mut [u8]) -> Result<usize, Error> {
        let read = if buf.is_empty() { 0 } else { self.queue.read(pool, buf) };
        let ended = read == 0 && !buf.is_empty() && !self.queue.is_finished();
        match self.error.take_if(|_| ended) {
            Some(error) => Err(error),
            None => Ok(read),
        }
    }

    /// Takes what can be read as a chunk of at most `max` bytes, without copying; `Ok(None)` is the end of the stream.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_chunk(&mut self, pool: &mut FramePool, max: usize) -> Result<Option<Chunk>, Error> {
        match self.queue.read_chunk(pool, max) {
            // Nothing is left: the same is told as by a read.
            None => self.read(pool, &mut [0; 1][..max.min(1)]).map(|_| None),
            chunk => Ok(chunk),
        }
    }

    /// Reads without taking (MSG_PEEK).
    ///
    /// # Errors
    /// As [`read`](Self::read), but the error stays.
    pub fn peek(&self, buf: &mut [u8]) -> Result<usize, Error> {
        let peeked = self.queue.peek(buf);
        match self.error {
            Some(error) if peeked == 0 && !self.queue.is_finished() => Err(error),
            _ => Ok(peeked),
        }
    }

    /// Bytes that can be read.
    pub fn readable_len(&self) -> usize {
        self.queue.len()
    }

    /// Bytes of memory that are kept alive.
    pub fn memory(&self) -> usize {
        self.queue.pinned()
    }

    /// Takes up to `len` bytes unseen; returns how many there were.
    pub fn discard(&mut self, pool: &mut FramePool, len: usize) -> usize {
        self.queue.discard(pool, len)
    }

    /// The error that waits to be taken (SO_ERROR).
    pub fn take_error(&mut self) -> Option<Error> {
        self.error.take()
    }

    /// Everything is over, so nothing blocks.
    pub fn readiness(&self) -> Readiness {
        let closed = Readiness::READABLE | Readiness::WRITABLE | Readiness::READ_CLOSED | Readiness::CLOSED;
        let mut ready = closed;
        ready.set(Readiness::ERROR, self.error.is_some());
        ready.set(Readiness::NOTICE, self.watch.as_ref().is_some_and(|watch| watch.has_notice()));
        ready
    }

    /// The oldest notice of what was watched.
    pub fn take_notice(&mut self) -> Option<Notice> {
        self.watch.as_mut()?.take_notice()
    }

    /// When data came last.
    pub fn last_data_at(&self) -> Instant {
        self.last_data
    }
}
