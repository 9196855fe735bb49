//! fcntl and ioctl.

use crate::descriptor::Descriptor;
use crate::file::FileId;
use crate::process::Process;
use crate::{Errno, Output, Return, abi};
use limpid_event::{Observer, TcpState};
use limpid_stack::SocketId;

/// The status flags that F_SETFL changes; others it ignores, as Linux does.
const SETTABLE: i32 = abi::O_APPEND | abi::O_NONBLOCK;

impl<O: Observer> Process<O> {
    /// fcntl
    pub(crate) fn fcntl(&mut self, fd: i32, command: i32, argument: i64) -> Result<Return, Errno> {
        let Descriptor { file, close_on_exec } = self.descriptors.get(fd)?;
        let value = match command {
            abi::F_DUPFD => return self.duplicate(fd, argument, false),
            abi::F_DUPFD_CLOEXEC => return self.duplicate(fd, argument, true),
            abi::F_GETFD => i64::from(close_on_exec) * i64::from(abi::FD_CLOEXEC),
            abi::F_SETFD => {
                self.descriptors.get_mut(fd)?.close_on_exec = argument & i64::from(abi::FD_CLOEXEC) != 0;
                0
            }
            abi::F_GETFL => self.files.get(file).flags.into(),
            abi::F_SETFL => {
                let flags = &mut self.files.get_mut(file).flags;
                *flags = *flags & !SETTABLE | argument as i32 & SETTABLE;
                0
            }
            abi::F_GETPIPE_SZ => self.pipe_capacity(file)?,
            abi::F_SETPIPE_SZ => self.set_pipe_capacity(file, argument)?,
            _ => return Err(Errno::EINVAL),
        };
        Ok(Return::ok(value))
    }

    /// ioctl
    pub(crate) fn ioctl(&mut self, fd: i32, request: u64, argument: i64) -> Result<Return, Errno> {
        let file = self.file(fd)?;
        if request == abi::FIONBIO {
            let flags = &mut self.files.get_mut(file).flags;
            *flags = if argument as i32 != 0 { *flags | abi::O_NONBLOCK } else { *flags & !abi::O_NONBLOCK };
            return Ok(Return::ok(0));
        }
        let value = match (self.files.socket(file), self.pipe_end(file), request) {
            (Ok(_), _, _) => self.socket_ioctl(file, request)?,
            (_, Some(end), abi::FIONREAD) => self.pipe_len(end) as i64,
            _ => return Err(Errno::ENOTTY),
        };
        Ok(Return { value: Ok(0), output: Output::Integer(value) })
    }

    /// Linux's `tcp_ioctl`.
    fn socket_ioctl(&self, file: FileId, request: u64) -> Result<i64, Errno> {
        let id = self.files.socket(file)?.id;
        // What was written before the connection is there does not count.
        let counts = |len: u32| i64::from(if self.tcp_state(id) == TcpState::SynReceived { 0 } else { len });
        Ok(match request {
            abi::SIOCATMARK => (self.bytes_to_mark(file) == Some(0)).into(),
            abi::SIOCINQ => self.readable_in_line(file)? as i64,
            abi::SIOCOUTQ => counts(self.unacknowledged(id)?),
            abi::SIOCOUTQNSD => counts(self.stack.unsent(id)?),
            _ => return Err(Errno::ENOTTY),
        })
    }

    /// Bytes written, and the FIN, that are not acknowledged; EINVAL for a listener.
    fn unacknowledged(&self, id: SocketId) -> Result<u32, Errno> {
        match self.tcp_state(id) {
            TcpState::Listen => Err(Errno::EINVAL),
            TcpState::Closed => Ok(0),
            _ => Ok(self.stack.unacknowledged(id)?),
        }
    }

    /// F_DUPFD
    fn duplicate(&mut self, fd: i32, least: i64, close_on_exec: bool) -> Result<Return, Errno> {
        let file = self.file(fd)?;
        let least =
            i32::try_from(least).ok().filter(|&least| (0..self.descriptors.max() as i64).contains(&least.into()));
        let new = self.descriptors.reserve(least.ok_or(Errno::EINVAL)?)?;
        self.files.hold(file);
        self.descriptors.insert(new, Descriptor { file, close_on_exec });
        Ok(Return::ok(new.into()))
    }
}
