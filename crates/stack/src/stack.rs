//! The stack: everything an application and a driver call.

use crate::{
    IfaceId, InterfaceConfig, ListenConfig, Route, RxFrame, Secrets, Shutdown, SocketId, StackConfig, TxBatch,
};
use alloc::sync::Arc;
use limpid_event::{Counters, Error, Instant, Observer, Silent, TcpState};
use limpid_tcp::{Config, Readiness, TcpInfo};
use limpid_wire::{Cidr, Endpoint, FramePool};

/// A TCP/IP host.
pub struct Stack<O: Observer = Silent> {
    observer: O,
}

impl<O: Observer> Stack<O> {
    /// A host with a loopback interface.
    pub fn new(_config: StackConfig, _secrets: Secrets, _observer: O) -> Stack<O> {
        todo!()
    }

    // ---- set-up

    /// Adds an interface.
    pub fn add_interface(&mut self, _config: InterfaceConfig) -> IfaceId {
        todo!()
    }

    /// Gives an interface an address; its network becomes reachable.
    pub fn add_address(&mut self, _iface: IfaceId, _address: Cidr) -> Result<(), Error> {
        todo!()
    }

    /// Adds a route.
    pub fn add_route(&mut self, _route: Route) -> Result<(), Error> {
        todo!()
    }

    /// The observer.
    pub fn observer(&mut self) -> &mut O {
        &mut self.observer
    }

    /// Where received frames should be made.
    pub fn pool(&mut self) -> &mut FramePool {
        todo!()
    }

    /// Linux's MIB counters.
    pub fn counters(&self) -> &Counters {
        todo!()
    }

    // ---- input, time, output

    /// A frame arrived.
    pub fn handle_frame(&mut self, _now: Instant, _iface: IfaceId, _frame: RxFrame) {
        todo!()
    }

    /// The time of `poll_timeout` has come (early calls do no harm).
    pub fn handle_timeout(&mut self, _now: Instant) {
        todo!()
    }

    /// Fills `batch` with frames due on `iface`, no more than it has room for.
    pub fn poll_transmit(&mut self, _now: Instant, _iface: IfaceId, _batch: &mut TxBatch) {
        todo!()
    }

    /// When `handle_timeout` must be called next.
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        todo!()
    }

    /// How many connections still have something to say or to hear: all that are neither embryonic nor in TIME-WAIT (an
    /// orphan's FIN-WAIT-2 counts as that). When it is 0 a host can go down without breaking off anything.
    pub fn open_connections(&self) -> usize {
        todo!()
    }

    /// A socket for which something newly happened, coalesced: one entry a socket.
    pub fn poll_ready(&mut self) -> Option<(SocketId, Readiness)> {
        todo!()
    }

    // ---- sockets

    /// Starts an active open. `local` may leave address or port open. Progress shows as readiness: WRITABLE once
    /// established, ERROR if it failed.
    pub fn connect(
        &mut self,
        _now: Instant,
        _local: Option<Endpoint>,
        _remote: Endpoint,
        _config: Option<Arc<Config>>,
    ) -> Result<SocketId, Error> {
        todo!()
    }

    /// Starts listening.
    pub fn listen(&mut self, _now: Instant, _config: ListenConfig) -> Result<SocketId, Error> {
        todo!()
    }

    /// Takes a connection from the accept queue; `WouldBlock` if there is none.
    pub fn accept(&mut self, _now: Instant, _listener: SocketId) -> Result<(SocketId, Endpoint), Error> {
        todo!()
    }

    /// Reads; `Ok(0)` is the end of the stream, `WouldBlock` nothing yet.
    pub fn read(&mut self, _now: Instant, _socket: SocketId, _buf: &mut [u8]) -> Result<usize, Error> {
        todo!()
    }

    /// Reads without taking.
    pub fn peek(&mut self, _now: Instant, _socket: SocketId, _buf: &mut [u8]) -> Result<usize, Error> {
        todo!()
    }

    /// Writes; `WouldBlock` if there is no room.
    pub fn write(&mut self, _now: Instant, _socket: SocketId, _bytes: &[u8]) -> Result<usize, Error> {
        todo!()
    }

    /// Closes one half or both.
    pub fn shutdown(&mut self, _now: Instant, _socket: SocketId, _how: Shutdown) -> Result<(), Error> {
        todo!()
    }

    /// Gives the socket up: the id is invalid from here on; the connection closes in the background.
    pub fn close(&mut self, _now: Instant, _socket: SocketId) -> Result<(), Error> {
        todo!()
    }

    /// Resets the connection at once; the socket remains to be closed.
    pub fn abort(&mut self, _now: Instant, _socket: SocketId) -> Result<(), Error> {
        todo!()
    }

    /// Changes settings of one socket.
    pub fn configure(
        &mut self,
        _now: Instant,
        _socket: SocketId,
        _change: impl FnOnce(&mut Config),
    ) -> Result<(), Error> {
        todo!()
    }

    /// What can be done now.
    pub fn readiness(&self, _socket: SocketId) -> Result<Readiness, Error> {
        todo!()
    }

    /// Takes the pending error (SO_ERROR).
    pub fn take_error(&mut self, _socket: SocketId) -> Result<Option<Error>, Error> {
        todo!()
    }

    /// State of the connection, or LISTEN.
    pub fn state(&self, _socket: SocketId) -> Result<TcpState, Error> {
        todo!()
    }

    /// Our end.
    pub fn local_endpoint(&self, _socket: SocketId) -> Result<Endpoint, Error> {
        todo!()
    }

    /// The other end.
    pub fn peer_endpoint(&self, _socket: SocketId) -> Result<Endpoint, Error> {
        todo!()
    }

    /// Linux's `tcp_info`.
    pub fn info(&self, _now: Instant, _socket: SocketId) -> Result<TcpInfo, Error> {
        todo!()
    }
}
