//! Control messages beside what is sent and received (`man 3 cmsg`): SO_TIMESTAMPING for one write, SCM_TIMESTAMP and
//! its kin, TCP_CM_INQ.
//!
//! Times are told as they are given to the calls, from the same zero: a host that wants the time of day adds its epoch.

use super::{Flags, Options, socket_time};
use crate::file::FileId;
use crate::process::Process;
use crate::socket::Form;
use crate::{Control, Errno, abi};
use alloc::vec::Vec;
use limpid_event::{Instant, Observer};
use limpid_stack::{Readiness, Stamps};

/// `struct cmsghdr`.
const HEADER_LEN: usize = 16;

/// The flags of SO_TIMESTAMPING that say what of a write is recorded: a control message may set them for one write.
const TX_RECORD: u32 = (abi::SOF_TIMESTAMPING_TX_HARDWARE
    | abi::SOF_TIMESTAMPING_TX_SOFTWARE
    | abi::SOF_TIMESTAMPING_TX_SCHED
    | abi::SOF_TIMESTAMPING_TX_ACK) as u32;

/// What control messages and flags ask of a write beside its bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SendExtras {
    stamps: Stamps,
    zero_copy: bool,
}

impl<O: Observer> Process<O> {
    /// What a write's control messages and flags ask for, and the socket's options.
    pub(crate) fn send_extras(&mut self, file: FileId, control: &[Control], flags: i32) -> Result<SendExtras, Errno> {
        let options = &self.files.socket(file)?.options;
        let mut timestamping = options.timestamping;
        // As on Linux, what is meant for another level is passed over.
        for message in control.iter().filter(|message| message.level == abi::SOL_SOCKET) {
            match message.kind {
                abi::SO_TIMESTAMPING => {
                    let bytes: [u8; 4] = message.data.as_slice().try_into().map_err(|_| Errno::EINVAL)?;
                    let asked = u32::from_ne_bytes(bytes);
                    if asked & !TX_RECORD != 0 {
                        return Err(Errno::EINVAL);
                    }
                    timestamping = timestamping & !TX_RECORD | asked;
                }
                _ => return Err(Errno::EINVAL),
            }
        }
        let zero_copy = flags & abi::MSG_ZEROCOPY != 0 && options.flags.contains(Flags::ZEROCOPY);
        Ok(SendExtras { stamps: stamps(timestamping), zero_copy })
    }

    /// A write has taken `len` bytes.
    pub(crate) fn note_sent(&mut self, _now: Instant, file: FileId, len: usize, extras: &SendExtras) {
        if len > 0
            && let Ok(socket) = self.files.socket(file)
        {
            // A connection that is over by now has nothing to watch.
            let _ = self.stack.watch_write(socket.id, extras.stamps, extras.zero_copy);
        }
    }

    /// The control messages that go with `len` bytes that were read, and `msg_flags`.
    pub(crate) fn control_after(&mut self, file: FileId, len: usize, form: Form) -> (Vec<Control>, i32) {
        let Form::Message { control_len } = form else { return (Vec::new(), 0) };
        let Ok(socket) = self.files.socket(file) else { return (Vec::new(), 0) };
        let mut room = ControlRoom::new(control_len);
        if len > 0
            && socket.options.stamps_what_comes()
            && let Ok(at) = self.stack.last_data_at(socket.id)
        {
            socket.options.put_time(&mut room, at);
        }
        if socket.options.flags.contains(Flags::INQ) {
            let left = self.stack.readable_len(socket.id).unwrap_or(0);
            // The end of the stream is something left to read, too.
            let ended = self.stack.readiness(socket.id).is_ok_and(|ready| ready.contains(Readiness::READ_CLOSED));
            let left = super::socket::int(left + usize::from(ended));
            room.put(abi::IPPROTO_TCP, abi::TCP_CM_INQ, left.to_ne_bytes().to_vec());
        }
        room.finish()
    }
}

fn stamps(timestamping: u32) -> Stamps {
    let has = |flag: i32| timestamping & flag as u32 != 0;
    let mut stamps = Stamps::empty();
    stamps.set(Stamps::SCHEDULED, has(abi::SOF_TIMESTAMPING_TX_SCHED));
    stamps.set(Stamps::SENT, has(abi::SOF_TIMESTAMPING_TX_SOFTWARE));
    stamps.set(Stamps::ACKED, has(abi::SOF_TIMESTAMPING_TX_ACK));
    stamps
}

impl Options {
    /// Whether anything stamps what arrives; SOF_TIMESTAMPING_SOFTWARE alone only tells stamps.
    fn stamps_what_comes(&self) -> bool {
        self.flags.contains(Flags::TIMESTAMP) || self.timestamping & abi::SOF_TIMESTAMPING_RX_SOFTWARE as u32 != 0
    }

    /// The forms in which a time is told.
    pub(super) fn put_time(&self, room: &mut ControlRoom, at: Instant) {
        let (seconds, nanos) = (at.as_nanos() / 1_000_000_000, at.as_nanos() % 1_000_000_000);
        if self.flags.contains(Flags::TIMESTAMP_NS) {
            let time = socket_time::timeval_bytes(seconds, nanos);
            room.put(abi::SOL_SOCKET, abi::SCM_TIMESTAMPNS, time);
        } else if self.flags.contains(Flags::TIMESTAMP) {
            let time = socket_time::timeval_bytes(seconds, nanos / 1000);
            room.put(abi::SOL_SOCKET, abi::SCM_TIMESTAMP, time);
        }
        if self.timestamping & abi::SOF_TIMESTAMPING_SOFTWARE as u32 != 0 {
            // Three times: by software, an old one, by hardware.
            let mut times = socket_time::timeval_bytes(seconds, nanos);
            times.resize(48, 0);
            room.put(abi::SOL_SOCKET, abi::SCM_TIMESTAMPING, times);
        }
    }
}

/// Room for control messages, as `msg_controllen` gives it.
pub(super) struct ControlRoom {
    left: usize,
    messages: Vec<Control>,
    flags: i32,
}

impl ControlRoom {
    pub(super) fn new(left: usize) -> ControlRoom {
        ControlRoom { left, messages: Vec::new(), flags: 0 }
    }

    /// Adds a message; what does not fit is cut, and MSG_CTRUNC says so (Linux's `put_cmsg`).
    pub(super) fn put(&mut self, level: i32, kind: i32, mut data: Vec<u8>) {
        if self.left < HEADER_LEN + data.len() {
            self.flags |= abi::MSG_CTRUNC;
        }
        let Some(room) = self.left.checked_sub(HEADER_LEN) else { return };
        let space = (HEADER_LEN + data.len()).next_multiple_of(8);
        data.truncate(room);
        self.left -= space.min(self.left);
        self.messages.push(Control { level, kind, data });
    }

    /// The messages, and what they add to `msg_flags`.
    pub(super) fn finish(self) -> (Vec<Control>, i32) {
        (self.messages, self.flags)
    }
}
