//! The TUN device: packets in, packets out, each with its time.

use super::{Clock, Device, Sent, Tun};
use limpid_event::{FlowId, Instant};
use limpid_stack::{RxFrame, TxFrame};
use limpid_wire::{Chunk, Chunks, FramePool, IpPacket, IpProtocol};
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

/// Packets taken from the device at a time.
const BATCH: usize = 64;
/// Packets that wait to be told at most; more stay in the device, and are lost when that is full (500), as on Linux's own side.
const MAX_WAITING: usize = 10_000;
/// ICMPv6 types below 128 are errors, 128 and 129 echo; the rest is neighbour discovery and multicast (RFC 4443 §2.1).
const LAST_ECHO: u8 = 129;

/// The device and what came out of it.
pub(super) struct Link {
    /// There until it is dropped.
    tun: Option<Tun>,
    pool: FramePool,
    frames: Vec<RxFrame>,
    sent: VecDeque<Sent>,
}

impl Link {
    pub(super) fn new(tun: Tun) -> Link {
        Link { tun: Some(tun), pool: FramePool::default(), frames: Vec::new(), sent: VecDeque::new() }
    }

    fn tun(&mut self) -> &mut Tun {
        self.tun.as_mut().expect("it goes with the link")
    }

    /// When the first packet that was not told yet came.
    pub(super) fn first(&self) -> Option<Instant> {
        self.sent.front().map(|sent| sent.at)
    }

    /// The first packet that was not told yet.
    pub(super) fn take(&mut self) -> Option<Sent> {
        self.sent.pop_front()
    }

    /// Takes every packet that waits in the device.
    pub(super) fn collect(&mut self, clock: Clock) -> io::Result<()> {
        while self.sent.len() < MAX_WAITING {
            let Link { tun, pool, frames, .. } = self;
            let count = tun.as_mut().map_or(Ok(0), |tun| tun.recv_batch(pool, frames, BATCH))?;
            let at = clock.now();
            for frame in self.frames.drain(..) {
                let bytes = frame.contiguous();
                let packet = &*bytes;
                if is_for_somebody(packet) {
                    self.sent.push_back(Sent { at, packet: packet.to_vec(), flow: FlowId::NONE, why: None });
                }
            }
            if count == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Hands a packet to Linux.
    pub(super) fn send(&mut self, packet: &[u8], gso_size: u16) -> io::Result<()> {
        let refused = self.tun().refused();
        let frame = frame(packet, gso_size).ok_or(io::ErrorKind::InvalidInput)?;
        if self.tun().send_batch(&[frame])? == 0 {
            return Err(io::Error::other("it is full"));
        }
        if self.tun().refused() > refused {
            return Err(io::Error::other("Linux takes this for no packet"));
        }
        Ok(())
    }
}

impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.tun.as_ref().and_then(Tun::poll_fd).expect("a TUN device is a file, and goes with the link")
    }
}

impl Drop for Link {
    /// Linux takes tens of milliseconds to close a device; nobody needs to wait for that.
    fn drop(&mut self) {
        let tun = self.tun.take();
        // Without a thread it is closed here.
        let _ = std::thread::Builder::new().name("limpid-close".to_owned()).spawn(move || drop(tun));
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Link { tun, pool: _, frames: _, sent } = self;
        f.debug_struct("Link").field("tun", tun).field("sent", sent).finish_non_exhaustive()
    }
}

/// A packet whose checksums are complete; `None` if it is to be cut and is no TCP.
fn frame(packet: &[u8], gso_size: u16) -> Option<TxFrame> {
    // Who cuts needs the headers apart.
    let headers = if gso_size == 0 { 0 } else { headers_len(packet)? };
    let (head, payload) = packet.split_at_checked(headers)?;
    let mut payloads = Chunks::new();
    if !payload.is_empty() {
        // An empty list has room for one chunk.
        let _ = payloads.push(Chunk::from_vec(payload.to_vec()));
    }
    let head = head.try_into().ok()?;
    Some(TxFrame { head, payload: payloads, gso_size, ..TxFrame::stateless() })
}

/// Length of the IP and TCP headers.
fn headers_len(packet: &[u8]) -> Option<usize> {
    let ip = IpPacket::parse(packet).ok().filter(|ip| ip.protocol == IpProtocol::TCP)?;
    let data_offset = packet.get(ip.payload.start + 12)? >> 4;
    Some(ip.payload.start + usize::from(data_offset) * 4)
}

/// False for Linux's own chatter: multicast, neighbour discovery, and what is no packet at all.
fn is_for_somebody(packet: &[u8]) -> bool {
    let Ok(ip) = IpPacket::parse(packet) else { return false };
    let chatter =
        ip.protocol == IpProtocol::ICMPV6 && packet.get(ip.payload.start).is_none_or(|kind| *kind > LAST_ECHO);
    !ip.dst.is_multicast() && !chatter
}
