//! How a socket ends: shutdown, and the close of its last descriptor, which may linger (RFC 9293 §3.6, §3.9.1.4).

use super::{Phase, Shut, Socket};
use crate::epoll::Key;
use crate::process::{Process, Progress};
use crate::work::{Patience, Work};
use crate::{Errno, Return, abi};
use alloc::vec::Vec;
use core::time::Duration;
use limpid_event::{Instant, Observer, TcpState};
use limpid_stack::{Shutdown, SocketId};

impl<O: Observer> Process<O> {
    /// shutdown
    pub(crate) fn shutdown(&mut self, now: Instant, fd: i32, how: i32) -> Result<Return, Errno> {
        let file = self.socket_file(fd)?;
        let (halves, shut) = match how {
            abi::SHUT_RD => (Shutdown::Read, Shut::READ),
            abi::SHUT_WR => (Shutdown::Write, Shut::WRITE),
            abi::SHUT_RDWR => (Shutdown::Both, Shut::READ | Shut::WRITE),
            _ => return Err(Errno::EINVAL),
        };
        let id = self.files.socket(file)?.id;
        let state = self.tcp_state(id);
        let opening = matches!(state, TcpState::SynSent | TcpState::SynReceived | TcpState::Closed);
        let socket = self.files.socket_mut(file)?;
        if socket.phase == Phase::Connecting {
            socket.phase = if opening { Phase::Disconnecting } else { Phase::Connected };
        }
        let result = match state {
            TcpState::Closed => {
                socket.shut |= shut;
                Err(Errno::ENOTCONN)
            }
            TcpState::Listen if shut == Shut::WRITE => {
                socket.shut |= shut;
                Ok(())
            }
            TcpState::Listen | TcpState::SynSent => {
                self.take_apart(now, file)?;
                self.files.socket_mut(file)?.phase = Phase::Unconnected;
                Ok(())
            }
            _ => self.stack.shutdown(now, id, halves).map_err(Errno::from),
        };
        // As on Linux the other end of a loopback connection hears of it before those who wait for this one.
        self.spread_news_except(Some(id));
        self.carry_loopback(now);
        self.spread_news_except(Some(id));
        self.notify(file, Key::ALL);
        result.map(|()| Return::ok(0))
    }

    /// close: the number is free at once; the file goes with its last reference.
    pub(crate) fn close(&mut self, now: Instant, fd: i32) -> Result<Progress, Errno> {
        let file = self.descriptors.remove(fd)?.file;
        match self.release(now, file, true) {
            Some((socket, linger)) => {
                self.begin(now, Work::Linger(socket), Vec::new(), Patience::of(now, Some(linger)))
            }
            None => Ok(Progress::Done(Return::ok(0))),
        }
    }

    /// The last reference to a socket is gone: it is closed in the background, unless somebody can wait and has asked for that
    /// by SO_LINGER. Then it is the caller who waits, however nonblocking the socket is.
    pub(crate) fn close_socket(
        &mut self,
        now: Instant,
        socket: &Socket,
        may_linger: bool,
    ) -> Option<(SocketId, Duration)> {
        let id = socket.id;
        let linger = self.stack.settings(id).ok().and_then(|config| config.linger);
        let linger = linger.filter(|time| may_linger && !time.is_zero() && self.may_linger(id));
        match linger {
            // Nothing is read any more, and what comes is answered with a reset, but the socket stays to be waited for.
            Some(time) if self.stack.shutdown(now, id, Shutdown::Both).is_ok() => Some((id, time)),
            _ => {
                // It is there: its file was.
                let _ = self.stack.close(now, id);
                None
            }
        }
    }

    /// Whether there is something to wait for: what was sent is not acknowledged, and nothing unread makes it a reset.
    fn may_linger(&self, id: SocketId) -> bool {
        let open = matches!(self.tcp_state(id), TcpState::Established | TcpState::CloseWait);
        (open || self.has_fin_to_send(id)) && self.stack.readable_len(id) == Ok(0)
    }

    /// Whether our FIN is not acknowledged yet.
    fn has_fin_to_send(&self, id: SocketId) -> bool {
        matches!(self.tcp_state(id), TcpState::FinWait1 | TcpState::Closing | TcpState::LastAck)
    }

    pub(crate) fn step_linger(&mut self, now: Instant, id: SocketId) -> Option<Result<Return, Errno>> {
        (!self.has_fin_to_send(id)).then(|| Ok(self.end_linger(now, id)))
    }

    /// A close has lingered for long enough; it has not failed, whatever became of the data.
    pub(crate) fn end_linger(&mut self, now: Instant, id: SocketId) -> Return {
        self.lingering.remove(&id);
        let _ = self.stack.close(now, id);
        Return::ok(0)
    }
}
