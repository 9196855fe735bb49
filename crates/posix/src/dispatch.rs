//! Which call is carried out where.

use crate::process::{Process, Progress};
use crate::socket::Form;
use crate::{Call, Errno};
use limpid_event::{Instant, Observer};

impl<O: Observer> Process<O> {
    /// Carries out a call, or begins to.
    pub(crate) fn dispatch(&mut self, now: Instant, call: Call) -> Result<Progress, Errno> {
        match call {
            Call::Socket { domain, kind, protocol } => self.socket(domain, kind, protocol).map(Progress::Done),
            Call::Bind { fd, address } => self.bind(fd, &address).map(Progress::Done),
            Call::Listen { fd, backlog } => self.listen(now, fd, backlog).map(Progress::Done),
            Call::Accept4 { fd, flags } => self.accept(now, fd, flags),
            Call::Connect { fd, address } => self.connect(now, fd, &address),
            Call::Close { fd } => self.close(now, fd),
            Call::Shutdown { fd, how } => self.shutdown(now, fd, how).map(Progress::Done),
            Call::GetSockName { fd } => self.own_name(fd).map(Progress::Done),
            Call::GetPeerName { fd } => self.peer_name(fd).map(Progress::Done),
            Call::Read { fd, len } => self.read(now, fd, len),
            Call::Readv { fd, lens } => {
                check_parts(lens.len(), Errno::EINVAL)?;
                self.read(now, fd, total(&lens)?)
            }
            Call::Recv { fd, len, flags } => self.recv(now, fd, len, flags, Form::Bytes),
            Call::RecvFrom { fd, len, flags } => self.recv(now, fd, len, flags, Form::Message { control_len: 0 }),
            Call::RecvMsg { fd, lens, control_len, flags } => {
                check_parts(lens.len(), Errno::EMSGSIZE)?;
                self.recv(now, fd, total(&lens)?, flags, Form::Message { control_len })
            }
            Call::Write { fd, bytes } => self.write(now, fd, bytes),
            Call::Writev { fd, parts } => {
                check_parts(parts.len(), Errno::EINVAL)?;
                self.write(now, fd, parts.concat())
            }
            Call::Send { fd, bytes, flags } => self.send(now, fd, bytes, None, &[], flags),
            Call::SendTo { fd, bytes, flags, to } => self.send(now, fd, bytes, to, &[], flags),
            Call::SendMsg { fd, to, parts, control, flags } => {
                check_parts(parts.len(), Errno::EMSGSIZE)?;
                self.send(now, fd, parts.concat(), to, &control, flags)
            }
            Call::GetSockOpt { fd, level, name, len } => self.option(now, fd, level, name, len).map(Progress::Done),
            Call::SetSockOpt { fd, level, name, value } => {
                self.set_option(now, fd, level, name, &value).map(Progress::Done)
            }
            Call::Fcntl { fd, command, argument } => self.fcntl(fd, command, argument).map(Progress::Done),
            Call::Ioctl { fd, request, argument } => self.ioctl(fd, request, argument).map(Progress::Done),
            Call::Poll { fds, timeout } => self.poll(now, fds, timeout),
            Call::Select { nfds, sets, timeout } => self.select(now, nfds, sets, timeout),
            Call::EpollCreate1 { flags } => self.epoll_create(flags).map(Progress::Done),
            Call::EpollCtl { epfd, operation, fd, event } => {
                self.epoll_ctl(epfd, operation, fd, event).map(Progress::Done)
            }
            Call::EpollWait { epfd, max, timeout } => self.epoll_wait(now, epfd, max, timeout),
            Call::Pipe2 { flags } => self.make_pipe(flags).map(Progress::Done),
            Call::Open { path, flags, mode: _ } => self.open(&path, flags).map(Progress::Done),
            Call::SendFile { out_fd, in_fd, offset, count } => self.send_file(now, (out_fd, in_fd), offset, count),
            Call::Splice { fd_in, off_in, fd_out, off_out, len, flags } => {
                self.splice(now, (fd_in, off_in), (fd_out, off_out), len, flags)
            }
        }
    }
}

/// The most buffers that one call may name (`IOV_MAX`).
const MAX_PARTS: usize = 1024;

/// `errno` if there are too many buffers.
fn check_parts(count: usize, errno: Errno) -> Result<(), Errno> {
    if count > MAX_PARTS { Err(errno) } else { Ok(()) }
}

/// The bytes that several buffers hold together.
fn total(lens: &[usize]) -> Result<usize, Errno> {
    lens.iter().try_fold(0_usize, |sum, len| sum.checked_add(*len)).ok_or(Errno::EINVAL)
}
