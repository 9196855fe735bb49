//! Socket options (`getsockopt`, `setsockopt`) and control messages.

use crate::file::FileId;
use crate::process::Process;
use crate::socket::Form;
use crate::{Control, Errno, Return};
use alloc::vec::Vec;
use core::time::Duration;
use limpid_event::{Instant, Observer};

/// A socket's options that the stack does not know of. An accepted connection has those of its listener.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// IPV6_V6ONLY.
    pub(crate) v6_only: bool,
    /// IP_FREEBIND.
    pub(crate) freebind: bool,
    /// SO_RCVTIMEO; `None` waits for ever.
    pub(crate) recv_timeout: Option<Duration>,
    /// SO_SNDTIMEO; `None` waits for ever.
    pub(crate) send_timeout: Option<Duration>,
    /// SO_RCVLOWAT, bytes: at least 1.
    pub(crate) recv_low_water: usize,
    /// SO_OOBINLINE.
    pub(crate) oob_inline: bool,
}

impl Default for Options {
    /// Linux's defaults.
    fn default() -> Options {
        Options {
            v6_only: false,
            freebind: false,
            recv_timeout: None,
            send_timeout: None,
            recv_low_water: 1,
            oob_inline: false,
        }
    }
}

/// What control messages and flags ask of a write beside its bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct SendExtras {}

impl<O: Observer> Process<O> {
    /// setsockopt
    pub(crate) fn set_option(
        &mut self,
        _now: Instant,
        fd: i32,
        _level: i32,
        _name: i32,
        _value: &[u8],
    ) -> Result<Return, Errno> {
        self.socket_file(fd)?;
        Err(Errno::ENOPROTOOPT)
    }

    /// getsockopt
    pub(crate) fn option(
        &mut self,
        _now: Instant,
        fd: i32,
        _level: i32,
        _name: i32,
        _len: usize,
    ) -> Result<Return, Errno> {
        self.socket_file(fd)?;
        Err(Errno::ENOPROTOOPT)
    }

    /// What a write's control messages and flags ask for.
    pub(crate) fn send_extras(&mut self, _file: FileId, control: &[Control], _flags: i32) -> Result<SendExtras, Errno> {
        if control.is_empty() { Ok(SendExtras::default()) } else { Err(Errno::EINVAL) }
    }

    /// A write has taken `len` bytes.
    pub(crate) fn note_sent(&mut self, _now: Instant, _file: FileId, _len: usize, _extras: &SendExtras) {}

    /// The control messages that go with what was read, and `msg_flags`.
    pub(crate) fn control_after(&mut self, _now: Instant, _file: FileId, _form: Form) -> (Vec<Control>, i32) {
        (Vec::new(), 0)
    }

    /// recvmsg with MSG_ERRQUEUE.
    pub(crate) fn receive_error(&mut self, _file: FileId, _len: usize, _form: Form) -> Result<Return, Errno> {
        Err(Errno::EAGAIN)
    }

    /// Whether the error queue holds something (EPOLLERR).
    pub(crate) fn has_queued_error(&self, _file: FileId) -> bool {
        false
    }
}
