//! The socket, as an option sees it: what can be asked of it, and changed.

use super::{Flags, Options};
use crate::Errno;
use crate::socket::Socket;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use limpid_event::{Instant, Observer, TcpState};
use limpid_stack::{
    AoKey, AoKeyState, Config, ControllerInfo, IpConfig, KeyError, RecvBounds, Secret, SocketFastOpen, SocketId, Stack,
    StackConfig, StreamPosition, TcpInfo,
};
use limpid_tcp::KeepAlive;

use limpid_wire::Cidr;

/// See the module. Options are for set-up, so they may take the longer way through a table of functions.
pub(super) trait Subject {
    /// Now.
    fn now(&self) -> Instant;
    fn options(&mut self) -> &mut Options;
    /// It is AF_INET6.
    fn is_v6(&self) -> bool;
    fn id(&self) -> SocketId;
    /// As its program sees it: TIME-WAIT is CLOSED.
    fn state(&self) -> TcpState;
    /// It has a local port.
    fn is_bound(&self) -> bool;
    fn config(&self) -> Arc<Config>;
    fn configure(&mut self, change: &mut dyn FnMut(&mut Config)) -> Result<(), Errno>;
    /// Whether ACKs leave without waiting for data to ride on.
    fn quick_ack(&self) -> bool;
    /// 0: they wait; odd: they do not; else only one that is due now does not.
    fn set_quick_ack(&mut self, value: i32) -> Result<(), Errno>;
    fn ip(&self) -> IpConfig;
    fn configure_ip(&mut self, change: &mut dyn FnMut(&mut IpConfig)) -> Result<(), Errno>;
    fn stack_config(&self) -> &StackConfig;
    fn info(&self) -> Option<TcpInfo>;
    fn controller_info(&self) -> Option<ControllerInfo>;
    fn take_error(&mut self) -> Option<Errno>;
    /// Bytes, of a socket that has a connection.
    fn path_mtu(&self) -> Option<u16>;
    fn reuse_addr(&self) -> bool;
    fn set_reuse_addr(&mut self, reuse: bool) -> Result<(), Errno>;
    fn reuse_port(&self) -> bool;
    fn set_reuse_port(&mut self, reuse: bool) -> Result<(), Errno>;
    /// Binds it to an interface, or to none.
    fn bind_to_device(&mut self, name: Option<&str>) -> Result<(), Errno>;
    fn device(&self) -> Option<String>;
    fn recv_bounds(&self) -> RecvBounds;
    /// Bytes.
    fn send_buffer(&self) -> usize;
    /// What is held for sending, as it counts for that, bytes.
    fn send_memory(&self) -> usize;
    /// Connections that wait to be accepted, and the backlog.
    fn accept_queue(&self) -> (usize, usize);
    /// Keys that peers are authenticated with.
    fn set_md5_key(&mut self, peer: Cidr, key: Secret) -> Result<(), Errno>;
    fn remove_md5_key(&mut self, peer: Cidr) -> Result<(), Errno>;
    fn add_ao_key(&mut self, key: AoKey) -> Result<(), Errno>;
    /// By SendID and RecvID.
    fn remove_ao_key(&mut self, peer: Cidr, ids: (u8, u8)) -> Result<(), Errno>;
    fn choose_ao_keys(&mut self, current: Option<u8>, next: Option<u8>) -> Result<(), Errno>;
    /// Whether nobody is heard whom there is no TCP-AO key for.
    fn require_ao(&mut self, required: bool) -> Result<(), Errno>;
    fn requires_ao(&self) -> bool;
    fn ao_state(&self) -> Option<AoKeyState>;
    fn ao_keys(&self) -> Vec<AoKey>;
    /// How far the stream that is sent came.
    fn stream(&self) -> StreamPosition;

    /// Which headers of SYNs are kept,
    fn save_syn(&self) -> u8;
    fn set_save_syn(&mut self, save: u8) -> Result<(), Errno>;
    /// and those that are.
    fn take_saved_syn(&mut self, room: usize) -> Result<Vec<u8>, Errno>;
    /// What it says of Fast Open,
    fn fast_open(&self) -> SocketFastOpen;
    /// and something else.
    fn set_fast_open(&mut self, said: SocketFastOpen) -> Result<(), Errno>;

    /// It is neither listening nor has a connection.
    fn is_closed(&self) -> bool {
        self.state() == TcpState::Closed
    }

    /// The figures of SO_KEEPALIVE, be it on or off.
    fn keepalive(&mut self) -> KeepAlive {
        let stack = self.stack_config().tcp.keepalive_figures;
        self.options().keepalive.or(stack)
    }

    fn flag(&mut self, flag: Flags) -> bool {
        self.options().flags.contains(flag)
    }

    fn set_flag(&mut self, flag: Flags, on: bool) {
        self.options().flags.set(flag, on);
    }
}

/// A socket of a process.
pub(super) struct SocketOf<'a, O: Observer> {
    pub(super) stack: &'a mut Stack<O>,
    pub(super) socket: &'a mut Socket,
    pub(super) now: Instant,
}

impl<O: Observer> Subject for SocketOf<'_, O> {
    fn now(&self) -> Instant {
        self.now
    }

    fn options(&mut self) -> &mut Options {
        &mut self.socket.options
    }

    fn is_v6(&self) -> bool {
        self.socket.v6
    }

    fn id(&self) -> SocketId {
        self.socket.id
    }

    fn state(&self) -> TcpState {
        match self.stack.state(self.id()) {
            Ok(TcpState::TimeWait) | Err(_) => TcpState::Closed,
            Ok(state) => state,
        }
    }

    fn is_bound(&self) -> bool {
        self.stack.local_endpoint(self.id()).is_ok_and(|local| local.port != 0)
    }

    fn config(&self) -> Arc<Config> {
        self.stack.settings(self.id()).cloned().unwrap_or_default()
    }

    fn configure(&mut self, change: &mut dyn FnMut(&mut Config)) -> Result<(), Errno> {
        Ok(self.stack.configure(self.now, self.socket.id, change)?)
    }

    fn quick_ack(&self) -> bool {
        self.stack.quick_ack(self.id()).unwrap_or(true)
    }

    fn set_quick_ack(&mut self, value: i32) -> Result<(), Errno> {
        let owed = self.stack.set_quick_ack(self.now, self.socket.id, value != 0)?;
        // An even value is for the one ACK that is owed (Linux's `__tcp_sock_set_quickack`).
        if owed && value & 1 == 0 {
            self.stack.set_quick_ack(self.now, self.socket.id, false)?;
        }
        Ok(())
    }

    fn ip(&self) -> IpConfig {
        self.stack.ip_config(self.id()).unwrap_or_default()
    }

    fn configure_ip(&mut self, change: &mut dyn FnMut(&mut IpConfig)) -> Result<(), Errno> {
        Ok(self.stack.configure_ip(self.now, self.socket.id, change)?)
    }

    fn stack_config(&self) -> &StackConfig {
        self.stack.config()
    }

    fn info(&self) -> Option<TcpInfo> {
        self.stack.info(self.now, self.id()).ok()
    }

    fn controller_info(&self) -> Option<ControllerInfo> {
        self.stack.controller_info(self.id())
    }

    fn take_error(&mut self) -> Option<Errno> {
        let id = self.id();
        self.socket.error.take().or_else(|| self.stack.take_error(id).ok().flatten().map(Errno::from))
    }

    fn path_mtu(&self) -> Option<u16> {
        let open = !matches!(self.state(), TcpState::Closed | TcpState::Listen);
        self.stack.path_mtu(self.now, self.id()).ok().filter(|_| open)
    }

    fn reuse_addr(&self) -> bool {
        self.stack.reuse_addr(self.id()).unwrap_or(false)
    }

    fn set_reuse_addr(&mut self, reuse: bool) -> Result<(), Errno> {
        Ok(self.stack.set_reuse_addr(self.socket.id, reuse)?)
    }

    fn reuse_port(&self) -> bool {
        self.stack.reuse_port(self.id()).unwrap_or(false)
    }

    fn set_reuse_port(&mut self, reuse: bool) -> Result<(), Errno> {
        Ok(self.stack.set_reuse_port(self.socket.id, reuse)?)
    }

    fn bind_to_device(&mut self, name: Option<&str>) -> Result<(), Errno> {
        let iface = match name {
            Some(name) => Some(self.stack.interface_named(name).ok_or(Errno::ENODEV)?),
            None => None,
        };
        self.configure_ip(&mut |ip| ip.iface = iface)
    }

    fn device(&self) -> Option<String> {
        self.ip().iface.map(|iface| self.stack.interface_name(iface).to_string())
    }

    fn accept_queue(&self) -> (usize, usize) {
        self.stack.accept_queue(self.id()).unwrap_or((0, 0))
    }

    fn set_md5_key(&mut self, peer: Cidr, key: Secret) -> Result<(), Errno> {
        self.stack.set_md5_key(self.socket.id, peer, key).map_err(key_errno)
    }

    fn remove_md5_key(&mut self, peer: Cidr) -> Result<(), Errno> {
        self.stack.remove_md5_key(self.socket.id, peer).map_err(key_errno)
    }

    fn add_ao_key(&mut self, key: AoKey) -> Result<(), Errno> {
        self.stack.add_ao_key(self.socket.id, key).map_err(key_errno)
    }

    fn remove_ao_key(&mut self, peer: Cidr, ids: (u8, u8)) -> Result<(), Errno> {
        self.stack.remove_ao_key(self.socket.id, peer, ids).map_err(key_errno)
    }

    fn choose_ao_keys(&mut self, current: Option<u8>, next: Option<u8>) -> Result<(), Errno> {
        self.stack.choose_ao_keys(self.socket.id, current, next).map_err(key_errno)
    }

    fn require_ao(&mut self, required: bool) -> Result<(), Errno> {
        self.stack.require_ao(self.socket.id, required).map_err(key_errno)
    }

    fn requires_ao(&self) -> bool {
        self.stack.requires_ao(self.id()).unwrap_or(false)
    }

    fn ao_state(&self) -> Option<AoKeyState> {
        self.stack.ao_state(self.id()).ok().flatten()
    }

    fn ao_keys(&self) -> Vec<AoKey> {
        self.stack.ao_keys(self.id()).unwrap_or_default().to_vec()
    }

    fn stream(&self) -> StreamPosition {
        let nothing = StreamPosition { written: 0, acknowledged: 0 };
        self.stack.stream_position(self.id()).unwrap_or(nothing)
    }

    fn recv_bounds(&self) -> RecvBounds {
        let none = RecvBounds { buffer: 0, used: 0, window_clamp: 0 };
        self.stack.recv_bounds(self.id()).unwrap_or(none)
    }

    fn send_memory(&self) -> usize {
        self.stack.send_memory(self.id()).unwrap_or(0)
    }

    fn send_buffer(&self) -> usize {
        self.stack.send_buffer(self.id()).unwrap_or(0)
    }

    fn save_syn(&self) -> u8 {
        self.stack.save_syn(self.id()).unwrap_or(0)
    }

    fn set_save_syn(&mut self, save: u8) -> Result<(), Errno> {
        Ok(self.stack.set_save_syn(self.socket.id, save)?)
    }

    fn take_saved_syn(&mut self, room: usize) -> Result<Vec<u8>, Errno> {
        Ok(self.stack.take_saved_syn(self.socket.id, room)?)
    }

    fn fast_open(&self) -> SocketFastOpen {
        self.stack.fast_open(self.id()).unwrap_or_default()
    }

    fn set_fast_open(&mut self, said: SocketFastOpen) -> Result<(), Errno> {
        Ok(self.stack.set_fast_open(self.socket.id, said)?)
    }
}

/// As Linux tells of it.
fn key_errno(error: KeyError) -> Errno {
    match error {
        KeyError::NoSuchSocket => Errno::EBADF,
        KeyError::Rejected => Errno::EKEYREJECTED,
        KeyError::Exists => Errno::EEXIST,
        KeyError::NotFound => Errno::ENOENT,
        KeyError::Busy => Errno::EBUSY,
        KeyError::TooMany => Errno::ENOMEM,
        _ => Errno::EINVAL,
    }
}
