//! Many frames in one call: `recvmmsg` and `sendmmsg`, each frame behind its header of offloads.

use super::VLAN_TAG;
use crate::packet_socket::PacketSocket;
use crate::vnet::{VNET_HDR_LEN, VnetHeader};
use arrayvec::ArrayVec;
use limpid_stack::{Medium, TxFrame};
use limpid_wire::FrameMut;
use limpid_wire::chunk::MAX_CHUNKS;
use rustix::io::Errno;
use std::io::IoSlice;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsFd, AsRawFd};

/// Frames in one call.
pub(super) const BATCH: usize = 16;
/// Room for a frame: the largest packet, its Ethernet header, and a tag before that.
pub(super) const ROOM: usize = VLAN_TAG + 14 + u16::MAX as usize;

/// What Linux tells beside a frame: one control message with a `tpacket_auxdata`, and room for its alignment.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Control([u8; CONTROL]);

const CONTROL: usize = 64;
const AUXDATA: usize = size_of::<libc::tpacket_auxdata>();
/// Where the message's data begins (CMSG_DATA).
const CONTROL_HEADER: usize = size_of::<libc::cmsghdr>();

/// What a call to receive brought, beside the bytes.
pub(super) struct Incoming {
    headers: ArrayVec<[u8; VNET_HDR_LEN], BATCH>,
    controls: ArrayVec<Control, BATCH>,
    /// Bytes of each, its header of offloads included; `None` if it was cut off.
    lengths: ArrayVec<Option<usize>, BATCH>,
}

impl Incoming {
    /// Takes what has arrived, a frame for each of `frames` at most. Their first bytes are left free, for a tag.
    pub(super) fn receive(socket: &PacketSocket, frames: &mut [FrameMut]) -> Result<Incoming, Errno> {
        let count = frames.len().min(BATCH);
        let mut incoming = Incoming {
            headers: std::iter::repeat_n([0; VNET_HDR_LEN], count).collect(),
            controls: std::iter::repeat_n(Control([0; CONTROL]), count).collect(),
            lengths: ArrayVec::new(),
        };
        let mut slices = ArrayVec::<[libc::iovec; 2], BATCH>::new();
        for (header, frame) in incoming.headers.iter_mut().zip(frames) {
            let room = &mut frame.spare()[VLAN_TAG..];
            slices.push([
                libc::iovec { iov_base: header.as_mut_ptr().cast(), iov_len: VNET_HDR_LEN },
                libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: room.len() },
            ]);
        }
        let mut messages = ArrayVec::<libc::mmsghdr, BATCH>::new();
        for (pair, control) in slices.iter_mut().zip(&mut incoming.controls) {
            // SAFETY: an mmsghdr of zeros is one: no name, no buffers.
            let mut message: libc::mmsghdr = unsafe { zeroed() };
            message.msg_hdr.msg_iov = pair.as_mut_ptr();
            message.msg_hdr.msg_iovlen = 2;
            message.msg_hdr.msg_control = control.0.as_mut_ptr().cast();
            message.msg_hdr.msg_controllen = CONTROL as _;
            messages.push(message);
        }
        // SAFETY: each message leads to buffers of `incoming` and `frames` with the lengths told, each borrowed alone and alive
        // until the call returns; no timeout is passed.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_fd().as_raw_fd(),
                messages.as_mut_ptr(),
                messages.len() as libc::c_uint,
                libc::MSG_DONTWAIT as _,
                std::ptr::null_mut(),
            )
        };
        let count = usize::try_from(count).map_err(|_| last_errno())?;
        for (message, control) in messages.iter().zip(&mut incoming.controls).take(count) {
            let whole = message.msg_hdr.msg_flags & libc::MSG_TRUNC == 0;
            incoming.lengths.push(whole.then_some(message.msg_len as usize));
            // What Linux did not fill is not looked at.
            let filled = CONTROL.min(message.msg_hdr.msg_controllen as _);
            control.0[filled..].fill(0);
        }
        Ok(incoming)
    }

    /// How many there are, those that were cut off among them.
    pub(super) fn count(&self) -> usize {
        self.lengths.len()
    }

    /// The header of offloads.
    pub(super) fn header(&self, at: usize) -> &[u8] {
        &self.headers[at]
    }

    /// The frame's length; `None` if it is not whole.
    pub(super) fn length(&self, at: usize) -> Option<usize> {
        self.lengths[at]?.checked_sub(VNET_HDR_LEN)
    }

    /// The VLAN tag that Linux took out of the frame, as it stood there.
    pub(super) fn vlan_tag(&self, at: usize) -> Option<[u8; VLAN_TAG]> {
        tag(&self.controls[at].0)
    }
}

/// The tag in a control message, if that is one of PACKET_AUXDATA and has one.
pub(super) fn tag(control: &[u8]) -> Option<[u8; VLAN_TAG]> {
    const ETH_P_8021Q: u16 = 0x8100;
    let word = |at: usize| Some(u32::from_ne_bytes(*control.get(at..)?.first_chunk()?));
    let level = word(std::mem::offset_of!(libc::cmsghdr, cmsg_level))?;
    let kind = word(std::mem::offset_of!(libc::cmsghdr, cmsg_type))?;
    if (level, kind) != (libc::SOL_PACKET as u32, libc::PACKET_AUXDATA as u32) {
        return None;
    }
    let data = control.get(CONTROL_HEADER..CONTROL_HEADER + AUXDATA)?;
    let half = |at: usize| u16::from_ne_bytes([data[at], data[at + 1]]);
    let status = word(CONTROL_HEADER + std::mem::offset_of!(libc::tpacket_auxdata, tp_status))?;
    if status & libc::TP_STATUS_VLAN_VALID == 0 {
        return None;
    }
    let told = status & libc::TP_STATUS_VLAN_TPID_VALID != 0;
    let tpid = if told { half(std::mem::offset_of!(libc::tpacket_auxdata, tp_vlan_tpid)) } else { ETH_P_8021Q };
    let [a, b] = tpid.to_be_bytes();
    let [c, d] = half(std::mem::offset_of!(libc::tpacket_auxdata, tp_vlan_tci)).to_be_bytes();
    Some([a, b, c, d])
}

/// Frames to send in one call.
pub(super) struct Outgoing<'a> {
    frames: &'a [TxFrame],
    headers: ArrayVec<[u8; VNET_HDR_LEN], BATCH>,
}

impl<'a> Outgoing<'a> {
    /// These: [`BATCH`] of them at most.
    pub(super) fn new(frames: &'a [TxFrame], medium: Medium) -> Outgoing<'a> {
        let frames = &frames[..frames.len().min(BATCH)];
        Outgoing { frames, headers: frames.iter().map(|f| VnetHeader::for_frame(f, medium).to_bytes()).collect() }
    }

    /// Sends; how many were taken, at least one. An error is about the first, or was left by what the socket did before.
    pub(super) fn send(&self, socket: &PacketSocket) -> Result<usize, Errno> {
        type Slices<'a> = ArrayVec<IoSlice<'a>, { MAX_CHUNKS + 2 }>;
        let mut slices = ArrayVec::<Slices<'_>, BATCH>::new();
        for (frame, header) in self.frames.iter().zip(&self.headers) {
            let mut parts = Slices::new();
            parts.push(IoSlice::new(header));
            parts.push(IoSlice::new(&frame.head));
            parts.extend(frame.payload.iter().map(|chunk| IoSlice::new(chunk.as_slice())));
            slices.push(parts);
        }
        let mut messages = ArrayVec::<libc::mmsghdr, BATCH>::new();
        for parts in &mut slices {
            // SAFETY: an mmsghdr of zeros is one: no name (the socket is bound), no buffers, no control message.
            let mut message: libc::mmsghdr = unsafe { zeroed() };
            // An IoSlice is laid out as an iovec.
            message.msg_hdr.msg_iov = parts.as_mut_ptr().cast();
            message.msg_hdr.msg_iovlen = parts.len() as _;
            messages.push(message);
        }
        // SAFETY: each message leads to slices that are borrowed until the call returns, which only reads what they lead to.
        let count = unsafe {
            libc::sendmmsg(
                socket.as_fd().as_raw_fd(),
                messages.as_mut_ptr(),
                messages.len() as libc::c_uint,
                libc::MSG_DONTWAIT as _,
            )
        };
        usize::try_from(count).map_err(|_| last_errno())
    }
}

fn last_errno() -> Errno {
    Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)
}
