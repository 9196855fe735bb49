//! Urgent data (RFC 9293 §3.8.5, RFC 6093), as Linux gives it to programs: the last urgent byte is taken out of the stream and
//! read apart with MSG_OOB, unless SO_OOBINLINE leaves it where it is. Reading stops at it once, so that a program can tell
//! where it was.

use super::Socket;
use crate::file::FileId;
use crate::process::Process;
use crate::{Errno, abi};
use alloc::vec;
use alloc::vec::Vec;
use limpid_event::{Observer, TcpState};
use limpid_stack::Readiness;

/// Which urgent byte of the stream: the one before which so many have been read in all.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Urgent {
    /// Bytes taken out of the stream so far.
    pub(crate) taken: u64,
    /// Where the urgent byte was that has been read apart.
    read_at: Option<u64>,
}

impl<O: Observer> Process<O> {
    /// Bytes before the urgent byte, if there is one that is not passed yet.
    pub(crate) fn bytes_to_mark(&self, file: FileId) -> Option<usize> {
        let id = self.files.socket(file).ok()?.id;
        Some(self.stack.urgent(id).ok()??.saturating_sub(1) as usize)
    }

    /// The urgent byte is here and was not read yet (EPOLLPRI).
    pub(crate) fn has_urgent(&self, file: FileId) -> bool {
        let (Some(before), Ok(socket)) = (self.bytes_to_mark(file), self.files.socket(file)) else { return false };
        !self.was_read(socket, before) && self.stack.readable_len(socket.id).is_ok_and(|len| len > before)
    }

    fn was_read(&self, socket: &Socket, before: usize) -> bool {
        socket.urgent.read_at == Some(socket.urgent.taken + before as u64)
    }

    /// How many bytes can be read now, up to the urgent byte if that stands apart (SIOCINQ).
    pub(crate) fn readable_in_line(&self, file: FileId) -> Result<usize, Errno> {
        let socket = self.files.socket(file)?;
        let readable = self.stack.readable_len(socket.id)?;
        let apart = self.bytes_to_mark(file).filter(|before| *before < readable && !socket.options.oob_inline);
        Ok(apart.unwrap_or(readable))
    }

    /// Whether a read would find as much as SO_RCVLOWAT asks for, beside an urgent byte that stands apart.
    pub(crate) fn is_readable(&self, file: FileId) -> bool {
        let Ok(socket) = self.files.socket(file) else { return false };
        let ready = self.stack.readiness(socket.id).unwrap_or_default();
        let only_urgent = || {
            let beside = self.stack.readable_len(socket.id).is_ok_and(|len| len > socket.options.recv_low_water);
            self.bytes_to_mark(file) == Some(0) && !socket.options.oob_inline && !beside
        };
        ready.contains(Readiness::READ_CLOSED) || (ready.contains(Readiness::READABLE) && !only_urgent())
    }

    /// recv with MSG_OOB: Linux's `tcp_recv_urg`.
    pub(crate) fn receive_urgent(&mut self, file: FileId, len: usize, flags: i32) -> Result<Vec<u8>, Errno> {
        let socket = self.files.socket(file)?;
        let (id, closed) = (socket.id, self.tcp_state(socket.id) == TcpState::Closed);
        let before =
            self.bytes_to_mark(file).filter(|before| !socket.options.oob_inline && !self.was_read(socket, *before));
        let before = before.ok_or(Errno::EINVAL)?;
        if self.stack.readable_len(id)? <= before {
            let ended = Readiness::READ_CLOSED;
            let ended = closed || self.stack.readiness(id)?.contains(ended);
            return if ended { Ok(Vec::new()) } else { Err(Errno::EAGAIN) };
        }
        let mut bytes = vec![0; before + 1];
        self.stack.peek(id, &mut bytes)?;
        if flags & abi::MSG_PEEK == 0 {
            let socket = self.files.socket_mut(file)?;
            socket.urgent.read_at = Some(socket.urgent.taken + before as u64);
        }
        Ok(if len == 0 { Vec::new() } else { bytes.split_off(before) })
    }
}
