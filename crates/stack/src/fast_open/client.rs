//! A connect's side (RFC 7413 §4.1.3, §4.2.1): whether the SYN may carry data, with which cookie, and what the SYN-ACK teaches.

use super::FastOpenFlags;
use crate::flow::Phase;
use crate::iface::Way;
use crate::stack::Stack;
use crate::{IfaceId, SocketId};
use limpid_event::{Counter, Error, Instant, Observer};
use limpid_tcp::{FastOpen, FastOpenAnswer, FastOpenNews};
use limpid_wire::IpAddr;
use limpid_wire::tcp::FastOpenCookie;

/// What is known before a SYN leaves.
pub(crate) struct Prospect {
    /// Data may go with it.
    pub(crate) allowed: bool,
    open: FastOpen,
}

impl<O: Observer> Stack<O> {
    /// Whether data may go with a SYN to `remote` (Linux's `tcp_fastopen_cookie_check`); if not, the SYN asks for a cookie.
    pub(crate) fn fast_open_prospect(
        &mut self,
        now: Instant,
        socket: SocketId,
        (local, remote): (IpAddr, IpAddr),
        path: &Way,
    ) -> Prospect {
        // A SYN that is signed has no room for the option, and the peer opens nothing before the first ACK.
        if self.is_signed(socket) {
            return Prospect { allowed: false, open: FastOpen::default() };
        }
        let known = self.metrics.fast_open(local, remote);
        let mut open = FastOpen { peer_mss: known.mss, ..FastOpen::default() };
        let settings = &self.config.fast_open;
        if self.black_hole.pauses(now, settings.black_hole_timeout) {
            return Prospect { allowed: false, open };
        }
        open.checks_path = !settings.black_hole_timeout.is_zero() && self.black_hole.is_known();
        if self.needs_no_cookie(socket, FastOpenFlags::CLIENT_NO_COOKIE, path.fast_open_no_cookie) {
            return Prospect { allowed: true, open };
        }
        open.cookie_unavailable = known.cookie.is_none();
        let request = FastOpenCookie::REQUEST.in_form(known.ask_experimentally);
        open.option = Some(known.cookie.unwrap_or(request));
        Prospect { allowed: known.cookie.is_some(), open }
    }

    /// The segments of this socket's connection are signed.
    fn is_signed(&self, socket: SocketId) -> bool {
        self.sockets.stream(socket).is_ok_and(|index| self.flows[index].auth.is_some())
    }

    /// Lets the SYN of an open that is in place leave, with as much of `bytes` as may go with it; returns how much.
    pub(crate) fn start_fast_open(&mut self, now: Instant, socket: SocketId, index: u32, bytes: &[u8]) -> usize {
        let flow = &self.flows[index];
        let (key, id, path) = (flow.key, flow.id, flow.path);
        let Prospect { allowed, mut open } =
            self.fast_open_prospect(now, socket, (key.local.addr, key.remote.addr), &path);
        let flow = &mut self.flows[index];
        let Phase::SynSent(syn_sent) = &mut flow.phase else { return 0 };
        let len = if allowed { bytes.len().min(syn_sent.fast_open_room(open.peer_mss)) } else { 0 };
        if len > 0 {
            open.data = Some(self.env.pool.copy(&bytes[..len]));
        }
        syn_sent.start(&mut self.env.cx(now, id), Some(open));
        self.schedule(index);
        len
    }

    /// Writes to a socket whose open [waits for data](Self::connect_deferred): the SYN leaves, with as much of `bytes` as may
    /// go with it; how much that was is returned, and may be nothing.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if the open waits for nothing.
    pub fn write_with_syn(&mut self, now: Instant, socket: SocketId, bytes: &[u8]) -> Result<usize, Error> {
        if !self.is_deferred(socket) {
            return Err(Error::InvalidArgument);
        }
        let index = self.sockets.stream(socket)?;
        Ok(self.start_fast_open(now, socket, index, bytes))
    }

    /// The open of this socket waits for data.
    pub fn is_deferred(&self, socket: SocketId) -> bool {
        let flow = self.sockets.stream(socket).map(|index| &self.flows[index].phase);
        matches!(flow, Ok(Phase::SynSent(syn_sent)) if syn_sent.is_deferred())
    }

    /// Somebody waits to write as soon as an open is complete, or not any more: the handshake's last ACK waits for that.
    pub fn expect_write(&mut self, socket: SocketId, expected: bool) {
        if let Ok(index) = self.sockets.stream(socket)
            && let Phase::SynSent(syn_sent) = &mut self.flows[index].phase
        {
            syn_sent.set_write_pending(expected);
        }
    }

    /// What a SYN-ACK taught is remembered.
    pub(crate) fn learn_fast_open(&mut self, now: Instant, index: u32, answer: &FastOpenAnswer) {
        let key = &self.flows[index].key;
        self.metrics.learn_fast_open(now, (key.local.addr, key.remote.addr), answer);
    }

    /// What a connection shows of its path.
    pub(crate) fn judge_fast_open(&mut self, now: Instant, iface: IfaceId, news: FastOpenNews) {
        match news {
            FastOpenNews::BlackHole if !self.config.fast_open.black_hole_timeout.is_zero() => {
                self.black_hole.found(now);
                self.env.counters.bump(Counter::TcpExtTCPFastOpenBlackhole);
            }
            FastOpenNews::Works if iface != IfaceId::LOOPBACK => self.black_hole.disproved(),
            _ => {}
        }
    }
}
