//! An AF_XDP socket: its memory and the four rings about it.

use super::ring::Ring;
use super::umem::{CHUNK, Umem};
use limpid_stack::TxFrame;
use rustix::io::Errno;
use std::io;
use std::mem::{MaybeUninit, size_of};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// How often the kernel is asked to go on sending before it is the caller's turn again: it sends some 32 frames each time.
const KICKS: usize = 64;

/// A socket of one queue.
#[derive(Debug)]
pub(super) struct XdpSocket {
    /// Chunks for frames to come, and those that came.
    fill: Ring<u64>,
    received: Ring<libc::xdp_desc>,
    /// Frames to send, and the chunks of those that left.
    outgoing: Ring<libc::xdp_desc>,
    completed: Ring<u64>,
    /// Chunks for frames to send, as many as the ring holds at most.
    free: Vec<u64>,
    umem: Umem,
    fd: OwnedFd,
}

impl XdpSocket {
    /// Of a device's queue, with so many chunks, a power of two.
    pub(super) fn new(index: u32, queue: u32, zero_copy: bool, chunks: u32) -> io::Result<XdpSocket> {
        // SAFETY: socket takes no pointers.
        let fd = unsafe { libc::socket(libc::AF_XDP, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: it was just opened, and nobody else has it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        let umem = Umem::new(chunks)?;
        let half = chunks / 2;
        // SAFETY: XDP_UMEM_REG reads an xdp_umem_reg, whose memory is mapped; the kernel holds its pages by itself.
        unsafe { set(&fd, libc::XDP_UMEM_REG, &umem.registration()) }?;
        let rings = [libc::XDP_UMEM_FILL_RING, libc::XDP_UMEM_COMPLETION_RING, libc::XDP_RX_RING, libc::XDP_TX_RING];
        for ring in rings {
            // SAFETY: these four read a 32-bit number.
            unsafe { set(&fd, ring, &half) }?;
        }
        // SAFETY: XDP_MMAP_OFFSETS answers with an xdp_mmap_offsets, made of numbers alone.
        let offsets: libc::xdp_mmap_offsets = unsafe { ask(&fd, libc::XDP_MMAP_OFFSETS) }?;
        let mut fill = Ring::map(fd.as_fd(), libc::XDP_UMEM_PGOFF_FILL_RING, offsets.fr, half)?;
        let completed = Ring::map(fd.as_fd(), libc::XDP_UMEM_PGOFF_COMPLETION_RING, offsets.cr, half)?;
        let received = Ring::map(fd.as_fd(), libc::XDP_PGOFF_RX_RING as u64, offsets.rx, half)?;
        let outgoing = Ring::map(fd.as_fd(), libc::XDP_PGOFF_TX_RING as u64, offsets.tx, half)?;
        let chunk = |n: u32| u64::from(n) * CHUNK as u64;
        for n in 0..half {
            assert!(fill.push(chunk(n)), "the ring has room for as many");
        }
        fill.submit();
        let free = (half..chunks).map(chunk).collect();
        let socket = XdpSocket { fill, received, outgoing, completed, free, umem, fd };
        socket.bind(index, queue, zero_copy)?;
        Ok(socket)
    }

    fn bind(&self, index: u32, queue: u32, zero_copy: bool) -> io::Result<()> {
        let mode = if zero_copy { libc::XDP_ZEROCOPY } else { libc::XDP_COPY };
        let address = libc::sockaddr_xdp {
            sxdp_family: libc::AF_XDP as u16,
            sxdp_flags: mode | libc::XDP_USE_NEED_WAKEUP,
            sxdp_ifindex: index,
            sxdp_queue_id: queue,
            sxdp_shared_umem_fd: 0,
        };
        let length = size_of::<libc::sockaddr_xdp>() as libc::socklen_t;
        // SAFETY: `address` is a sockaddr_xdp of `length` bytes, which bind reads.
        let done = unsafe { libc::bind(self.fd.as_raw_fd(), (&raw const address).cast(), length) };
        if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// Shows what has arrived, at most `max` frames, and gives their chunks back; how many there were.
    pub(super) fn receive(&mut self, max: usize, mut show: impl FnMut(&[u8])) -> usize {
        let mut count = 0;
        while count < max
            && let Some(libc::xdp_desc { addr, len, .. }) = self.received.pop()
        {
            if let Some(bytes) = self.umem.received(addr, len) {
                show(bytes);
                count += 1;
            }
            // As many chunks go round as the ring holds.
            let given = self.fill.push(addr & !(CHUNK as u64 - 1));
            debug_assert!(given, "the fill ring is full");
        }
        self.received.release();
        self.fill.submit();
        if self.fill.needs_wakeup() {
            // The driver has run out of chunks and waits. If it can't be told now, polling tells it.
            // SAFETY: nothing is to be received: no pointers.
            let _ = unsafe {
                libc::recvfrom(
                    self.fd.as_raw_fd(),
                    std::ptr::null_mut(),
                    0,
                    libc::MSG_DONTWAIT,
                    std::ptr::null_mut(),
                    std::ptr::null_mut(),
                )
            };
        }
        count
    }

    /// Puts a frame, no longer than a chunk, into the ring; false if there is no room.
    pub(super) fn send(&mut self, frame: &TxFrame) -> bool {
        if self.free.is_empty() {
            self.reap();
        }
        let Some(addr) = self.free.pop() else { return false };
        let len = self.umem.write(addr, frame);
        if !self.outgoing.push(libc::xdp_desc { addr, len, options: 0 }) {
            self.free.push(addr);
            return false;
        }
        true
    }

    /// Has the kernel send what is in the ring.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.outgoing.submit();
        for _ in 0..KICKS {
            if self.outgoing.is_taken() || !self.outgoing.needs_wakeup() {
                break;
            }
            // SAFETY: nothing is handed over: no pointers.
            let sent = unsafe {
                libc::sendto(self.fd.as_raw_fd(), std::ptr::null(), 0, libc::MSG_DONTWAIT, std::ptr::null(), 0)
            };
            if sent >= 0 {
                continue;
            }
            match Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::IO) {
                // There is more than it sends at a time.
                Errno::AGAIN | Errno::INTR => {}
                // The device has no room now, or is down: receiving and polling go on with it.
                Errno::BUSY | Errno::NOBUFS | Errno::NETDOWN => break,
                error => return Err(error.into()),
            }
        }
        self.reap();
        Ok(())
    }

    /// Goes on with frames that were left in the ring when the device had no room.
    pub(super) fn go_on(&mut self) -> io::Result<()> {
        if self.outgoing.is_taken() { Ok(()) } else { self.flush() }
    }

    /// Takes back the chunks of frames that left.
    fn reap(&mut self) {
        while let Some(addr) = self.completed.pop() {
            self.free.push(addr & !(CHUNK as u64 - 1));
        }
        self.completed.release();
    }

    /// Frames that were lost on their way in.
    pub(super) fn dropped(&self) -> io::Result<u64> {
        // SAFETY: XDP_STATISTICS answers with an xdp_statistics, made of numbers alone.
        let told: libc::xdp_statistics = unsafe { ask(&self.fd, libc::XDP_STATISTICS) }?;
        Ok(told.rx_dropped + told.rx_ring_full + told.rx_fill_ring_empty_descs)
    }
}

impl AsFd for XdpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// # Safety
/// The option must read a `T`, and what pointers in it lead to must be as the option wants it.
unsafe fn set<T>(fd: &OwnedFd, option: libc::c_int, value: &T) -> io::Result<()> {
    let length = size_of::<T>() as libc::socklen_t;
    // SAFETY: `value` is `length` bytes long, and the caller promises that the option reads such a value.
    let done =
        unsafe { libc::setsockopt(fd.as_raw_fd(), libc::SOL_XDP, option, std::ptr::from_ref(value).cast(), length) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// # Safety
/// The option must answer with a `T`, of which every pattern of bits is a value.
unsafe fn ask<T>(fd: &OwnedFd, option: libc::c_int) -> io::Result<T> {
    let mut value = MaybeUninit::<T>::zeroed();
    let mut length = size_of::<T>() as libc::socklen_t;
    // SAFETY: at most `length` bytes are written, which `value` has.
    let done =
        unsafe { libc::getsockopt(fd.as_raw_fd(), libc::SOL_XDP, option, value.as_mut_ptr().cast(), &mut length) };
    if done != 0 {
        return Err(io::Error::last_os_error());
    }
    if length as usize != size_of::<T>() {
        return Err(io::Error::new(io::ErrorKind::Unsupported, "this Linux is older than 5.9"));
    }
    // SAFETY: it is filled, and any bits are a value by the caller's promise.
    Ok(unsafe { value.assume_init() })
}
