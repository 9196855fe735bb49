//! SEND, RECEIVE, CLOSE and ABORT (RFC 9293 §3.10.2 to §3.10.5).

use crate::flow::{Flow, Over, Phase};
use crate::socket::Kind;
use crate::stack::Stack;
use crate::{Config, Shutdown, SocketId, WriteFlags};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Deref;
use limpid_event::{Call, Counter, Error, Event, Instant, Observer};
use limpid_tcp::{Next, Outcome};
use limpid_wire::Chunk;

impl<O: Observer> Stack<O> {
    /// Reads; `Ok(0)` is the end of the stream.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] if nothing has come yet; the pending error, once, when all that came before it is read;
    /// [`Error::NotConnected`] after a connect that failed.
    pub fn read(&mut self, now: Instant, socket: SocketId, buf: &mut [u8]) -> Result<usize, Error> {
        let index = self.stream(socket)?;
        let flow = &mut self.flows[index];
        match &mut flow.phase {
            Phase::Connection(connection) => {
                let read = connection.read(&mut self.env.cx(now, flow.id), buf);
                // Room was made: an ACK may be due.
                self.go_on(now, index);
                read
            }
            Phase::Over(Over::Remnant(remnant)) => {
                let read = remnant.read(&mut self.env.pool, buf)?;
                self.settle_memory(index);
                let flow = &self.flows[index];
                self.env.cx(now, flow.id).emit(|| Event::Call(Call::Read(read)));
                Ok(read)
            }
            phase => Err(phase.not_open(Error::NotConnected)),
        }
    }

    /// Takes what has come as a chunk of at most `max` bytes, without copying; `Ok(None)` is the end of the stream.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_chunk(&mut self, now: Instant, socket: SocketId, max: usize) -> Result<Option<Chunk>, Error> {
        let index = self.stream(socket)?;
        let flow = &mut self.flows[index];
        match &mut flow.phase {
            Phase::Connection(connection) => {
                let read = connection.read_chunk(&mut self.env.cx(now, flow.id), max);
                self.go_on(now, index);
                read
            }
            Phase::Over(Over::Remnant(remnant)) => {
                let chunk = remnant.read_chunk(&mut self.env.pool, max)?;
                self.settle_memory(index);
                let (flow, read) = (&self.flows[index], chunk.as_ref().map_or(0, Chunk::len));
                self.env.cx(now, flow.id).emit(|| Event::Call(Call::Read(read)));
                Ok(chunk)
            }
            phase => Err(phase.not_open(Error::NotConnected)),
        }
    }

    /// Takes as many as `len` bytes unseen (MSG_TRUNC); returns how many there were.
    ///
    /// # Errors
    /// [`Error::NotConnected`] if there is no connection.
    pub fn discard(&mut self, now: Instant, socket: SocketId, len: usize) -> Result<usize, Error> {
        let index = self.stream(socket)?;
        let flow = &mut self.flows[index];
        match &mut flow.phase {
            Phase::Connection(connection) => {
                let taken = connection.discard(&mut self.env.cx(now, flow.id), len);
                self.go_on(now, index);
                Ok(taken)
            }
            Phase::Over(Over::Remnant(remnant)) => {
                let taken = remnant.discard(&mut self.env.pool, len);
                self.settle_memory(index);
                Ok(taken)
            }
            Phase::SynSent(_) | Phase::Resting(_) | Phase::Over(Over::Failed(_)) | Phase::Between => {
                Err(Error::NotConnected)
            }
        }
    }

    /// Whoever wants to write is to be told of room, as if a write had found too little (what `poll` does on Linux).
    ///
    /// # Errors
    /// [`Error::NotConnected`] if there is no connection.
    pub fn await_room(&mut self, socket: SocketId) -> Result<(), Error> {
        let index = self.stream(socket)?;
        if let Phase::Connection(connection) = &mut self.flows[index].phase {
            connection.await_room();
        }
        Ok(())
    }

    /// Reads without taking (MSG_PEEK).
    ///
    /// # Errors
    /// As [`read`](Self::read), but an error that is pending stays so.
    pub fn peek(&self, socket: SocketId, buf: &mut [u8]) -> Result<usize, Error> {
        match self.flow_of(socket)?.phase.awake(&mut None) {
            Phase::Connection(connection) => connection.peek(buf),
            Phase::Over(Over::Remnant(remnant)) => remnant.peek(buf),
            Phase::Over(Over::Failed(error)) => Err(error.unwrap_or(Error::NotConnected)),
            Phase::SynSent(_) | Phase::Resting(_) | Phase::Between => Err(Error::WouldBlock),
        }
    }

    /// Writes; returns how many bytes were taken.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] if there is no room, or the connection is not established yet; the pending error, once;
    /// [`Error::BrokenPipe`] after our own shutdown, and once the connection is over.
    pub fn write(&mut self, now: Instant, socket: SocketId, bytes: &[u8]) -> Result<usize, Error> {
        self.write_with(now, socket, bytes, WriteFlags::empty())
    }

    /// The same with flags.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn write_with(
        &mut self,
        now: Instant,
        socket: SocketId,
        bytes: &[u8],
        flags: WriteFlags,
    ) -> Result<usize, Error> {
        let index = self.stream(socket)?;
        if self.is_deferred(socket) {
            return match self.start_fast_open(now, socket, index, bytes) {
                0 if !bytes.is_empty() => Err(Error::WouldBlock),
                written => Ok(written),
            };
        }
        let flow = &mut self.flows[index];
        let Phase::Connection(connection) = &mut flow.phase else {
            return Err(flow.phase.not_open(Error::BrokenPipe));
        };
        let written = connection.write_with(&mut self.env.cx(now, flow.id), bytes, flags)?;
        self.schedule(index);
        Ok(written)
    }

    /// Writes several slices, one after the other, as one write (writev); returns how many bytes were taken.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn write_vectored<S: Deref<Target = [u8]>>(
        &mut self,
        now: Instant,
        socket: SocketId,
        slices: &[S],
    ) -> Result<usize, Error> {
        let index = self.stream(socket)?;
        if self.is_deferred(socket) {
            // The first of them goes with the SYN.
            let first = slices.iter().find(|slice| !slice.is_empty());
            return self.write(now, socket, first.map_or(&[], |slice| slice));
        }
        let flow = &mut self.flows[index];
        let Phase::Connection(connection) = &mut flow.phase else {
            return Err(flow.phase.not_open(Error::BrokenPipe));
        };
        let written = connection.write_vectored(&mut self.env.cx(now, flow.id), slices, WriteFlags::empty())?;
        self.schedule(index);
        Ok(written)
    }

    /// Writes chunks, one after the other, without copying them (unless they are short, or small parts of large frames). What
    /// was taken is cut off their fronts; returns how many bytes that is.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn write_chunks(&mut self, now: Instant, socket: SocketId, chunks: &mut [Chunk]) -> Result<usize, Error> {
        let index = self.stream(socket)?;
        if self.is_deferred(socket) {
            // What goes with the SYN is copied there.
            let Some(first) = chunks.iter_mut().find(|chunk| !chunk.is_empty()) else { return Ok(0) };
            let written = self.write(now, socket, first)?;
            first.trim_front(written);
            return Ok(written);
        }
        let flow = &mut self.flows[index];
        let Phase::Connection(connection) = &mut flow.phase else {
            return Err(flow.phase.not_open(Error::BrokenPipe));
        };
        let written = connection.write_chunks(&mut self.env.cx(now, flow.id), chunks)?;
        self.schedule(index);
        Ok(written)
    }

    /// Closes one half or both. A connect that is still in progress is given up.
    ///
    /// # Errors
    /// [`Error::NotConnected`] if the connection is over; [`Error::InvalidArgument`] for a listener.
    pub fn shutdown(&mut self, now: Instant, socket: SocketId, how: Shutdown) -> Result<(), Error> {
        let index = self.stream(socket)?;
        let flow = &mut self.flows[index];
        match &mut flow.phase {
            Phase::Connection(connection) => {
                let cx = &mut self.env.cx(now, flow.id);
                let mut outcome = Outcome::CONTINUE;
                if matches!(how, Shutdown::Read | Shutdown::Both) {
                    outcome = connection.shutdown_read(cx)?;
                }
                if matches!(how, Shutdown::Write | Shutdown::Both) {
                    let second = connection.shutdown_write(cx)?;
                    outcome = Outcome { next: second.next, woke: outcome.woke | second.woke };
                }
                self.apply(now, index, outcome);
                Ok(())
            }
            Phase::SynSent(_) => {
                self.abandon_open(now, index);
                Ok(())
            }
            Phase::Resting(_) | Phase::Over(_) | Phase::Between => Err(Error::NotConnected),
        }
    }

    /// Gives the socket up: the id is invalid from here on; the connection closes in the background. A listener's
    /// connections that nobody accepted are reset, and what it had begun is forgotten.
    ///
    /// # Errors
    /// [`Error::NoSuchSocket`] if there is none.
    pub fn close(&mut self, now: Instant, socket: SocketId) -> Result<(), Error> {
        self.sockets.kind(socket)?;
        if let Some(bind) = self.sockets.bound(socket) {
            self.binds.unbind(bind.local.port, socket.index);
        }
        match self.sockets.remove(socket)? {
            Kind::Listener(listener) => self.stop_listening(now, socket, *listener),
            Kind::Stream(index) => self.close_flow(now, index),
            Kind::Closed => {}
        }
        Ok(())
    }

    fn close_flow(&mut self, now: Instant, index: u32) {
        self.rouse(index);
        let too_many = self.orphans >= self.config.max_orphans;
        let most = self.most_of_an_orphan();
        self.orphan(index);
        let flow = &mut self.flows[index];
        match &mut flow.phase {
            Phase::Connection(connection) => {
                let mut cx = self.env.cx(now, flow.id);
                let mut outcome = connection.close(&mut cx);
                if (too_many || connection.send_memory() > most) && outcome.next == Next::Continue {
                    cx.count(Counter::TcpExtTCPAbortOnMemory);
                    outcome = connection.abort(&mut cx);
                }
                self.apply(now, index, outcome);
            }
            Phase::SynSent(_) => {
                self.env.cx(now, flow.id).emit(|| Event::Call(Call::Close));
                self.abandon_open(now, index);
            }
            Phase::Resting(_) | Phase::Over(_) | Phase::Between => self.drop_orphan(index),
        }
    }

    /// Resets the connection at once; the socket remains to be closed.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a listener.
    pub fn abort(&mut self, now: Instant, socket: SocketId) -> Result<(), Error> {
        let index = self.stream(socket)?;
        self.abort_flow(now, index);
        Ok(())
    }

    pub(super) fn abort_flow(&mut self, now: Instant, index: u32) {
        self.rouse(index);
        let flow = &mut self.flows[index];
        match &mut flow.phase {
            Phase::Connection(connection) => {
                let outcome = connection.abort(&mut self.env.cx(now, flow.id));
                self.apply(now, index, outcome);
            }
            Phase::SynSent(_) => self.abandon_open(now, index),
            Phase::Resting(_) | Phase::Over(_) | Phase::Between => self.drop_orphan(index),
        }
    }

    /// Gives an open up that nobody has answered. Nothing is sent (RFC 9293 §3.10.4).
    fn abandon_open(&mut self, now: Instant, index: u32) {
        let flow = &mut self.flows[index];
        if let Phase::SynSent(syn_sent) = core::mem::replace(&mut flow.phase, Phase::Between) {
            syn_sent.abort(&mut self.env.cx(now, flow.id));
        }
        self.fail_open(index, None);
    }

    /// Changes settings of one socket: of a listener, those of connections to come.
    ///
    /// # Errors
    /// [`Error::NoSuchSocket`] if there is none.
    pub fn configure(&mut self, now: Instant, socket: SocketId, change: impl FnOnce(&mut Config)) -> Result<(), Error> {
        self.sockets.kind(socket)?;
        let config = self.sockets.tcp_mut(socket);
        change(Arc::make_mut(config));
        let config = config.clone();
        if let Some(listener) = self.sockets.listener_mut(socket) {
            listener.tcp = config;
        } else if let Kind::Stream(index) = *self.sockets.kind(socket)? {
            self.configure_flow(now, index, config);
        }
        Ok(())
    }

    /// TCP_QUICKACK: whether ACKs leave without waiting for data to ride on. It holds until the connection is seen to answer, or
    /// not to. True if an ACK was owed, which leaves now.
    ///
    /// # Errors
    /// [`Error::NoSuchSocket`] if there is none.
    pub fn set_quick_ack(&mut self, now: Instant, socket: SocketId, quick: bool) -> Result<bool, Error> {
        self.configure(now, socket, |config| config.quick_ack = quick)?;
        if let Kind::Stream(index) = *self.sockets.kind(socket)?
            && let Phase::Connection(connection) = &mut self.flows[index].phase
        {
            let owed = connection.set_quick_ack(quick);
            self.schedule(index);
            return Ok(owed);
        }
        Ok(false)
    }

    /// TCP_QUICKACK as it is now.
    ///
    /// # Errors
    /// [`Error::NoSuchSocket`] if there is none.
    pub fn quick_ack(&self, socket: SocketId) -> Result<bool, Error> {
        if let Kind::Stream(index) = *self.sockets.kind(socket)?
            && let Phase::Connection(connection) = self.flows[index].phase.awake(&mut None)
        {
            return Ok(connection.quick_ack());
        }
        Ok(self.sockets.tcp(socket).quick_ack)
    }

    /// The settings of a socket.
    ///
    /// # Errors
    /// [`Error::NoSuchSocket`] if there is none.
    pub fn settings(&self, socket: SocketId) -> Result<&Arc<Config>, Error> {
        self.sockets.kind(socket)?;
        Ok(self.sockets.tcp(socket))
    }

    fn configure_flow(&mut self, now: Instant, index: u32, config: Arc<Config>) {
        self.rouse(index);
        let flow = &mut self.flows[index];
        let outcome = match &mut flow.phase {
            Phase::Connection(connection) => connection.configure(&mut self.env.cx(now, flow.id), config),
            Phase::SynSent(syn_sent) => {
                syn_sent.configure(config);
                Outcome::CONTINUE
            }
            Phase::Resting(_) | Phase::Over(_) | Phase::Between => return,
        };
        self.apply(now, index, outcome);
    }

    /// The stack's settings were `before` and are `after` now: tells those who had not set them otherwise.
    pub(crate) fn follow(&mut self, now: Instant, before: &Arc<Config>, after: &Arc<Config>) {
        self.sockets.configure_all(|config| config.follow(before, after));
        let settings = |flow: &Flow| match &flow.phase {
            Phase::Connection(connection) => Some(connection.config().clone()),
            Phase::SynSent(syn_sent) => Some(syn_sent.config().clone()),
            Phase::Resting(resting) => Some(resting.config().clone()),
            Phase::Over(_) | Phase::Between => None,
        };
        let flows: Vec<(u32, Arc<Config>)> =
            self.flows.iter().filter_map(|(index, flow)| Some((index, settings(flow)?))).collect();
        for (index, mut config) in flows {
            Arc::make_mut(&mut config).follow(before, after);
            self.configure_flow(now, index, config);
        }
        for (_, quiet) in self.quiet.iter_mut() {
            Arc::make_mut(&mut quiet.config).follow(before, after);
        }
    }

    pub(super) fn flow_of(&self, socket: SocketId) -> Result<&Flow, Error> {
        Ok(&self.flows[self.sockets.stream(socket)?])
    }
}

impl Phase {
    /// Why there is nothing to read from or write to: the open is in progress, or failed. The reason is told once, then
    /// `after`.
    fn not_open(&mut self, after: Error) -> Error {
        match self {
            Phase::SynSent(_) => Error::WouldBlock,
            Phase::Over(Over::Failed(error)) => error.take().unwrap_or(after),
            Phase::Over(Over::Remnant(remnant)) => remnant.take_error().unwrap_or(after),
            Phase::Connection(_) | Phase::Resting(_) | Phase::Between => after,
        }
    }
}
