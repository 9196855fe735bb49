//! Control messages beside what is sent and received, and the error queue.

use crate::file::FileId;
use crate::process::Process;
use crate::socket::Form;
use crate::{Control, Errno, Return};
use alloc::vec::Vec;
use limpid_event::{Instant, Observer};

/// What control messages and flags ask of a write beside its bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct SendExtras {}

impl<O: Observer> Process<O> {
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
