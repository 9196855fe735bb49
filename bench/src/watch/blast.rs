//! Sends TCP segments at a steady rate: through a packet socket on the loopback, to an address that nobody has, so that
//! nothing answers.

use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

/// Bytes of an Ethernet frame, and of the headers before its payload.
const FRAME: usize = 140;
const HEADERS: usize = 14 + 20 + 20;
const PAYLOAD: u32 = (FRAME - HEADERS) as u32;

const SYN: u8 = 2;
const PSH: u8 = 8;
const ACK: u8 = 16;

/// What was sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    pub(crate) packets: u64,
    pub(crate) took: Duration,
}

impl Sent {
    /// Packets a second.
    pub(crate) fn per_second(&self) -> u64 {
        (self.packets as f64 / self.took.as_secs_f64().max(1e-9)) as u64
    }
}

/// A connection: how many segments it has sent, and where its client is.
#[derive(Clone, Copy, Debug, Default)]
struct Talk {
    step: u64,
    seq: u32,
}

/// Sends.
#[derive(Debug)]
pub(crate) struct Blast {
    socket: OwnedFd,
    talks: Vec<Talk>,
}

impl Blast {
    /// On the loopback of the network that the calling thread is in.
    pub(crate) fn new(connections: u64) -> io::Result<Blast> {
        // SAFETY: socket takes no pointers.
        let fd = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: `fd` was just opened, and nobody else has it.
        let socket = unsafe { OwnedFd::from_raw_fd(fd) };
        // SAFETY: the name ends with a zero byte.
        let index = unsafe { libc::if_nametoindex(c"lo".as_ptr()) };
        // SAFETY: a sockaddr_ll of zeros is one.
        let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        // Of no protocol: it sends, and gets nothing.
        address.sll_protocol = 0;
        address.sll_ifindex = index.cast_signed();
        let length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
        // SAFETY: `address` is a sockaddr_ll of `length` bytes, which bind reads.
        let bound = unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), length) };
        if bound != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Blast { socket, talks: vec![Talk::default(); connections as usize] })
    }

    /// Sends at `rate` packets a second for so long: what is due, every fifth of a millisecond.
    pub(crate) fn send(&mut self, rate: u64, span: Duration) -> io::Result<Sent> {
        let (began, mut packets) = (Instant::now(), 0);
        while began.elapsed() < span {
            let due = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX).saturating_mul(rate) / 1_000_000;
            while packets < due {
                self.send_one(packets)?;
                packets += 1;
                // No further behind than a millisecond's worth at a time, so that the end is seen.
                if packets.is_multiple_of(1024) && began.elapsed() >= span {
                    break;
                }
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        Ok(Sent { packets, took: began.elapsed() })
    }

    fn send_one(&mut self, number: u64) -> io::Result<()> {
        let connections = self.talks.len() as u64;
        let which = (number % connections) as usize;
        let frame = frame(which as u32, &mut self.talks[which]);
        loop {
            // SAFETY: `frame` has as many bytes as send is told to read.
            let sent = unsafe { libc::send(self.socket.as_raw_fd(), frame.as_ptr().cast(), frame.len(), 0) };
            if sent >= 0 {
                return Ok(());
            }
            let error = io::Error::last_os_error();
            // The interface's queue is full: it is another's turn.
            if error.raw_os_error() != Some(libc::ENOBUFS) {
                return Err(error);
            }
            std::thread::yield_now();
        }
    }
}

/// A connection's next segment: the handshake, then two of data from the client and an acknowledgement, over and over.
fn frame(which: u32, talk: &mut Talk) -> [u8; FRAME] {
    let step = talk.step;
    talk.step += 1;
    let (flags, from_server, len) = match step {
        0 => (SYN, false, 0),
        1 => (SYN | ACK, true, 0),
        2 => (ACK, false, 0),
        n if n % 3 == 2 => (ACK, true, 0),
        _ => (PSH | ACK, false, PAYLOAD),
    };
    let isn = which.wrapping_mul(0x9e37_79b9);
    let client = isn.wrapping_add(u32::from(step > 0)).wrapping_add(talk.seq);
    let server = isn.wrapping_add(7).wrapping_add(u32::from(step > 1));
    let (seq, ack) = if from_server { (server, client) } else { (client, server) };
    talk.seq = talk.seq.wrapping_add(len);

    let mut bytes = [b'.'; FRAME];
    bytes[..12].fill(0);
    bytes[12..14].copy_from_slice(&[8, 0]);
    let ip = &mut bytes[14..];
    ip[..20].fill(0);
    ip[0] = 0x45;
    ip[2..4].copy_from_slice(&(40 + len as u16).to_be_bytes());
    ip[4..6].copy_from_slice(&(step as u16).to_be_bytes());
    (ip[8], ip[9]) = (64, 6);
    let (client, server) = ([10, 0, (which >> 8) as u8, which as u8], [192, 0, 2, 1]);
    let (src, dst) = if from_server { (server, client) } else { (client, server) };
    ip[12..16].copy_from_slice(&src);
    ip[16..20].copy_from_slice(&dst);
    let sum: u32 = ip[..20].chunks_exact(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
    ip[10..12].copy_from_slice(&sum.to_be_bytes());
    let tcp = &mut ip[20..];
    tcp[..20].fill(0);
    let ports = if from_server { [6379_u16, 40_000] } else { [40_000, 6379] };
    tcp[0..2].copy_from_slice(&ports[0].to_be_bytes());
    tcp[2..4].copy_from_slice(&ports[1].to_be_bytes());
    tcp[4..8].copy_from_slice(&seq.to_be_bytes());
    tcp[8..12].copy_from_slice(&(if flags == SYN { 0 } else { ack }).to_be_bytes());
    (tcp[12], tcp[13]) = (5 << 4, flags);
    tcp[14..16].copy_from_slice(&u16::MAX.to_be_bytes());
    bytes
}
