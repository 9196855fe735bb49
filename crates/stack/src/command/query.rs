//! What can be asked of a socket (RFC 9293 §3.10.6).

use crate::demux::{Handle, Reuse};
use crate::flow::{Over, Phase, ended};
use crate::socket::{Kind, Wakes};
use crate::stack::Stack;
use crate::{ControllerInfo, Readiness, RecvBounds, SocketId, StreamPosition, TcpInfo};
use alloc::vec::Vec;
use limpid_event::{Error, FlowId, Instant, Observer, TcpState};
use limpid_wire::{Endpoint, IpAddr};

impl<O: Observer> Stack<O> {
    /// What can be done now without waiting: the level. A listener is readable if a connection can be accepted.
    ///
    /// # Errors
    /// [`Error::NoSuchSocket`] if there is none; so for all questions here.
    pub fn readiness(&self, socket: SocketId) -> Result<Readiness, Error> {
        Ok(match self.sockets.kind(socket)? {
            Kind::Listener(l) if l.accept_queue.is_empty() => Readiness::empty(),
            Kind::Listener(_) => Readiness::READABLE,
            // As on Linux: nothing would block.
            Kind::Closed => Readiness::WRITABLE | Readiness::CLOSED,
            Kind::Stream(index) => {
                let flow = &self.flows[*index];
                let mut ready = match flow.phase.awake(&mut None) {
                    // What is written lets the SYN go.
                    Phase::SynSent(syn_sent) if syn_sent.is_deferred() => Readiness::WRITABLE,
                    Phase::SynSent(_) | Phase::Resting(_) | Phase::Between => Readiness::empty(),
                    Phase::Connection(connection) => connection.readiness(),
                    Phase::Over(Over::Remnant(remnant)) => remnant.readiness(),
                    Phase::Over(Over::Failed(error)) => ended(error.is_some()),
                };
                ready.set(
                    Readiness::NOTICE,
                    ready.contains(Readiness::NOTICE) || flow.rare.as_ref().is_some_and(|rare| rare.icmp.is_some()),
                );
                ready
            }
        })
    }

    /// How often each direction newly became ready: what edge-triggered users compare.
    ///
    /// # Errors
    /// As [`readiness`](Self::readiness).
    pub fn wakes(&self, socket: SocketId) -> Result<Wakes, Error> {
        self.sockets.wakes(socket)
    }

    /// Takes the pending error (SO_ERROR).
    ///
    /// # Errors
    /// As [`readiness`](Self::readiness).
    pub fn take_error(&mut self, socket: SocketId) -> Result<Option<Error>, Error> {
        let Kind::Stream(index) = *self.sockets.kind(socket)? else { return Ok(None) };
        Ok(match &mut self.flows[index].phase {
            Phase::Connection(connection) => connection.take_error(),
            // Who has one does not rest.
            Phase::Resting(_) => None,
            Phase::Over(Over::Remnant(remnant)) => remnant.take_error(),
            Phase::Over(Over::Failed(error)) => error.take(),
            Phase::SynSent(_) | Phase::Between => None,
        })
    }

    /// State of the connection, or LISTEN.
    ///
    /// # Errors
    /// As [`readiness`](Self::readiness).
    pub fn state(&self, socket: SocketId) -> Result<TcpState, Error> {
        let index = match self.sockets.kind(socket)? {
            Kind::Listener(_) => return Ok(TcpState::Listen),
            Kind::Closed => return Ok(TcpState::Closed),
            Kind::Stream(index) => *index,
        };
        let flow = &self.flows[index];
        Ok(match &flow.phase {
            Phase::SynSent(_) | Phase::Between => TcpState::SynSent,
            Phase::Resting(_) => TcpState::Established,
            Phase::Connection(connection) => connection.state(),
            // The connection may still wait out old segments, as long as the 4-tuple is not another's.
            Phase::Over(_) => match self.find(&flow.key) {
                Some(Handle::TimeWait(quiet)) if self.quiet[quiet].id == flow.id => TcpState::TimeWait,
                _ => TcpState::Closed,
            },
        })
    }

    /// Which headers of SYNs a listener keeps for its connections: 0 none, 1 those of IP and TCP, 2 the link's, too, if it has any
    /// (TCP_SAVE_SYN).
    ///
    /// # Errors
    /// As [`readiness`](Self::readiness).
    pub fn save_syn(&self, socket: SocketId) -> Result<u8, Error> {
        self.sockets.kind(socket)?;
        Ok(self.sockets.save_syn(socket))
    }

    /// Changes it. What this host sends itself has no headers to keep.
    ///
    /// # Errors
    /// As [`readiness`](Self::readiness).
    pub fn set_save_syn(&mut self, socket: SocketId, save: u8) -> Result<(), Error> {
        self.sockets.kind(socket)?;
        self.sockets.set_save_syn(socket, save);
        self.saves_syns |= save != 0;
        Ok(())
    }

    /// The headers of the peer's SYN, if they are at most `room` bytes; they are told once (TCP_SAVED_SYN).
    ///
    /// # Errors
    /// As [`readiness`](Self::readiness); [`Error::InvalidArgument`] if there is more than there is room for.
    pub fn take_saved_syn(&mut self, socket: SocketId, room: usize) -> Result<Vec<u8>, Error> {
        let Kind::Stream(index) = *self.sockets.kind(socket)? else { return Ok(Vec::new()) };
        let Some(rare) = &mut self.flows[index].rare else { return Ok(Vec::new()) };
        match &mut rare.saved_syn {
            Some(bytes) if bytes.len() > room => Err(Error::InvalidArgument),
            saved => Ok(saved.take().map_or_else(Vec::new, <[u8]>::into_vec)),
        }
    }

    /// Whoever has this socket has to wait for its connection to be complete before it can do anything: Fast Open does not let
    /// a listener's connections wait.
    pub fn is_opening(&self, socket: SocketId) -> bool {
        let flow = self.sockets.stream(socket).map(|index| &self.flows[index].phase);
        match flow {
            Ok(Phase::SynSent(_) | Phase::Between) => true,
            Ok(Phase::Connection(connection)) => {
                connection.state() == TcpState::SynReceived && !connection.is_fast_opening()
            }
            _ => false,
        }
    }

    /// Our end; of a listener, where it listens; of a socket that is closed, what it is bound to, or `0.0.0.0:0`.
    ///
    /// # Errors
    /// As [`readiness`](Self::readiness).
    pub fn local_endpoint(&self, socket: SocketId) -> Result<Endpoint, Error> {
        Ok(match self.sockets.kind(socket)? {
            Kind::Listener(l) => l.bind.local,
            Kind::Closed => {
                let unbound = Endpoint::new(IpAddr::UNSPECIFIED_V4, 0);
                self.sockets.bound(socket).map_or(unbound, |bind| bind.local)
            }
            Kind::Stream(index) => self.flows[*index].key.local,
        })
    }

    /// The other end.
    ///
    /// # Errors
    /// [`Error::NotConnected`] for a listener, before the ends have met, and once the connection is over for the
    /// application: by a reset, or in TIME-WAIT.
    pub fn peer_endpoint(&self, socket: SocketId) -> Result<Endpoint, Error> {
        match (self.sockets.kind(socket)?, self.state(socket)?) {
            (Kind::Listener(_) | Kind::Closed, _) | (_, TcpState::SynSent | TcpState::TimeWait | TcpState::Closed) => {
                Err(Error::NotConnected)
            }
            (Kind::Stream(index), _) => Ok(self.flows[*index].key.remote),
        }
    }

    /// The connection's name in events; that of no connection for a listener.
    ///
    /// # Errors
    /// As [`readiness`](Self::readiness).
    pub fn flow_id(&self, socket: SocketId) -> Result<FlowId, Error> {
        Ok(match self.sockets.kind(socket)? {
            Kind::Listener(_) | Kind::Closed => FlowId::NONE,
            Kind::Stream(index) => self.flows[*index].id,
        })
    }

    /// SO_REUSEADDR.
    ///
    /// # Errors
    /// As [`readiness`](Self::readiness).
    pub fn reuse_addr(&self, socket: SocketId) -> Result<bool, Error> {
        self.sockets.kind(socket)?;
        Ok(self.sockets.reuse(socket).contains(Reuse::ADDR))
    }

    /// SO_REUSEPORT.
    ///
    /// # Errors
    /// As [`readiness`](Self::readiness).
    pub fn reuse_port(&self, socket: SocketId) -> Result<bool, Error> {
        self.sockets.kind(socket)?;
        Ok(self.sockets.reuse(socket).contains(Reuse::PORT))
    }

    /// How many connections wait to be accepted, and the backlog.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if the socket is no listener.
    pub fn accept_queue(&self, socket: SocketId) -> Result<(usize, usize), Error> {
        let listener = self.sockets.listener(socket).ok_or(Error::InvalidArgument)?;
        Ok((listener.accept_queue.len(), listener.config.backlog))
    }

    /// What bounds receiving now: of a connection, as it has grown.
    ///
    /// # Errors
    /// As [`readiness`](Self::readiness).
    pub fn recv_bounds(&self, socket: SocketId) -> Result<RecvBounds, Error> {
        if let Kind::Stream(index) = self.sockets.kind(socket)?
            && let Phase::Connection(connection) = self.flows[*index].phase.awake(&mut None)
        {
            return Ok(connection.recv_bounds());
        }
        let config = self.sockets.tcp(socket);
        let buffer = u32::try_from(config.recv_buffer).unwrap_or(u32::MAX);
        Ok(RecvBounds { buffer, used: 0, window_clamp: config.window_clamp })
    }

    /// The send buffer, bytes: of a connection, as it has grown.
    ///
    /// # Errors
    /// As [`readiness`](Self::readiness).
    pub fn send_buffer(&self, socket: SocketId) -> Result<usize, Error> {
        if let Kind::Stream(index) = self.sockets.kind(socket)?
            && let Phase::Connection(connection) = self.flows[*index].phase.awake(&mut None)
        {
            return Ok(connection.send_buffer());
        }
        Ok(self.sockets.tcp(socket).send_buffer)
    }

    /// What is held for sending, as it counts for the send buffer, bytes.
    ///
    /// # Errors
    /// As [`readiness`](Self::readiness).
    pub fn send_memory(&self, socket: SocketId) -> Result<usize, Error> {
        match self.sockets.kind(socket)? {
            Kind::Stream(index) => match self.flows[*index].phase.awake(&mut None) {
                Phase::Connection(connection) => Ok(connection.send_queued()),
                _ => Ok(0),
            },
            _ => Ok(0),
        }
    }

    /// How far the stream that is sent came.
    ///
    /// # Errors
    /// [`Error::NotConnected`] if there is no connection.
    pub fn stream_position(&self, socket: SocketId) -> Result<StreamPosition, Error> {
        match self.flow_of(socket)?.phase.awake(&mut None) {
            Phase::Connection(connection) => Ok(connection.stream_position()),
            _ => Err(Error::NotConnected),
        }
    }

    /// Linux's `tcp_info`; of a connection that is over, as it was at its end.
    ///
    /// # Errors
    /// [`Error::NotConnected`] if there is none, and never was.
    pub fn info(&self, now: Instant, socket: SocketId) -> Result<TcpInfo, Error> {
        let flow = self.flow_of(socket)?;
        let info = match flow.phase.awake(&mut None) {
            Phase::SynSent(syn_sent) => syn_sent.info(),
            Phase::Connection(connection) => connection.info(now),
            Phase::Over(Over::Remnant(remnant)) => TcpInfo { state: self.state(socket)?, ..remnant.info().clone() },
            Phase::Over(Over::Failed(_)) | Phase::Resting(_) | Phase::Between => return Err(Error::NotConnected),
        };
        Ok(TcpInfo { pmtu: flow.path.mtu.into(), ..info })
    }

    /// What the congestion controller of a connection tells of itself (TCP_CC_INFO).
    pub fn controller_info(&self, socket: SocketId) -> Option<ControllerInfo> {
        match self.flow_of(socket).ok()?.phase.awake(&mut None) {
            Phase::Connection(connection) => connection.controller_info(),
            _ => None,
        }
    }

    /// Bytes that were written, and our FIN, that the peer has not acknowledged: what a lingering close waits for.
    ///
    /// # Errors
    /// As [`readiness`](Self::readiness).
    pub fn unacknowledged(&self, socket: SocketId) -> Result<u32, Error> {
        Ok(match self.flow_of(socket)?.phase.awake(&mut None) {
            Phase::Connection(connection) => connection.unacknowledged(),
            _ => 0,
        })
    }

    /// Bytes that can be read at once (SIOCINQ).
    ///
    /// # Errors
    /// [`Error::NoSuchSocket`] if there is none; [`Error::InvalidArgument`] for a listener.
    pub fn readable_len(&self, socket: SocketId) -> Result<usize, Error> {
        let Kind::Stream(index) = *self.sockets.kind(socket)? else {
            return self.closed_len(socket);
        };
        Ok(match self.flows[index].phase.awake(&mut None) {
            Phase::Connection(connection) => connection.readable_len(),
            Phase::Over(Over::Remnant(remnant)) => remnant.readable_len(),
            _ => 0,
        })
    }

    /// Bytes that were written, and our FIN, that have not left yet (SIOCOUTQNSD).
    ///
    /// # Errors
    /// As [`readable_len`](Self::readable_len).
    pub fn unsent(&self, socket: SocketId) -> Result<u32, Error> {
        let Kind::Stream(index) = *self.sockets.kind(socket)? else {
            return self.closed_len(socket).map(|_| 0);
        };
        Ok(match self.flows[index].phase.awake(&mut None) {
            Phase::Connection(connection) => connection.unsent(),
            _ => 0,
        })
    }

    /// Bytes yet to read up to and with the last urgent one, if there is urgent data that is not read (RFC 6093): it stands in
    /// line, whatever the peer meant.
    ///
    /// # Errors
    /// As [`readable_len`](Self::readable_len).
    pub fn urgent(&self, socket: SocketId) -> Result<Option<u32>, Error> {
        let Kind::Stream(index) = *self.sockets.kind(socket)? else {
            return self.closed_len(socket).map(|_| None);
        };
        Ok(match self.flows[index].phase.awake(&mut None) {
            Phase::Connection(connection) => connection.urgent(),
            _ => None,
        })
    }

    /// What there is of a queue where there is no connection.
    fn closed_len(&self, socket: SocketId) -> Result<usize, Error> {
        if self.sockets.listener(socket).is_some() { Err(Error::InvalidArgument) } else { Ok(0) }
    }
}
