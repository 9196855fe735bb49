//! What an application sets of its packets' IP headers (RFC 9293 §3.9.1.9).

use crate::ip::output::Marks;
use crate::socket::Kind;
use crate::stack::Stack;
use crate::{IfaceId, IpConfig, SocketId};
use limpid_event::{Error, Instant, Observer};

impl<O: Observer> Stack<O> {
    /// A socket's settings at the level of IP.
    ///
    /// # Errors
    /// [`Error::NoSuchSocket`] if there is none; so for all here.
    pub fn ip_config(&self, socket: SocketId) -> Result<IpConfig, Error> {
        self.sockets.kind(socket)?;
        Ok(*self.sockets.ip(socket))
    }

    /// Changes them: of a connection, for all that it sends from now on, of a listener, also for connections to come.
    ///
    /// # Errors
    /// As [`ip_config`](Self::ip_config); [`Error::InvalidArgument`] if they name an interface that does not exist.
    pub fn configure_ip(
        &mut self,
        now: Instant,
        socket: SocketId,
        change: impl FnOnce(&mut IpConfig),
    ) -> Result<(), Error> {
        let mut ip = self.ip_config(socket)?;
        change(&mut ip);
        if ip.iface.is_some_and(|iface| !self.net.iface_ids().any(|known| known == iface)) {
            return Err(Error::InvalidArgument);
        }
        self.sockets.set_ip(socket, ip);
        if let Kind::Stream(index) = *self.sockets.kind(socket)? {
            self.set_flow_ip(now, index, ip);
        }
        Ok(())
    }

    fn set_flow_ip(&mut self, now: Instant, index: u32, ip: IpConfig) {
        let key = self.flows[index].key;
        let marks = self.marks(&key, &ip);
        let flow = &mut self.flows[index];
        let ip_id = flow.marks.ip_id;
        flow.ip = ip.into();
        flow.marks = Marks { ip_id, ..marks };
        flow.min_ttl = ip.of_version(key.remote.addr.is_v4()).min_ttl;
        self.refresh_path(now, index);
    }

    /// The interface with this name.
    pub fn interface_named(&self, name: &str) -> Option<IfaceId> {
        self.net.iface_ids().find(|&iface| self.net.iface(iface).config.name == name)
    }

    /// An interface's name.
    ///
    /// # Panics
    /// If there is no such interface.
    pub fn interface_name(&self, iface: IfaceId) -> &str {
        &self.net.iface(iface).config.name
    }

    /// The path MTU of a connection, bytes (IP_MTU).
    ///
    /// # Errors
    /// [`Error::NotConnected`] if the socket has no connection, and never had one.
    pub fn path_mtu(&self, now: Instant, socket: SocketId) -> Result<u16, Error> {
        let Kind::Stream(index) = *self.sockets.kind(socket)? else { return Err(Error::NotConnected) };
        let flow = &self.flows[index];
        // What was learned since it sent last counts, too.
        Ok(self.path_of(now, &flow.key, &flow.ip).map_or(flow.path.mtu, |path| path.mtu))
    }

    /// Forgets what ICMP told of paths' MTUs (`ip route flush cache`).
    pub fn forget_path_mtus(&mut self) {
        self.net.routes.forget_mtus();
    }
}
