//! smoltcp as one end, over a TUN device by its own `TunTapInterface`, its application in the thread that drives it.

use crate::linux::PIECE;
use crate::ours::Work;
use crate::run::{Run, wait};
use rustix::event::PollFlags;
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Medium, TunTapInterface};
use smoltcp::socket::tcp::{CongestionControl, Socket, SocketBuffer};
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpCidr, IpEndpoint};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, IntoRawFd, OwnedFd};
use std::time::Duration;

/// Its send and receive buffers, bytes: they do not grow.
const BUFFER: usize = 1 << 20;
const MTU: usize = 1500;

/// Drives a host with its application until the run is over.
pub(crate) fn drive(tun: OwnedFd, address: &str, work: Work, run: &Run) -> io::Result<()> {
    let fd = tun.try_clone()?;
    let mut device = TunTapInterface::from_fd(tun.into_raw_fd(), Medium::Ip, MTU)?;
    let address: IpCidr = address.parse().map_err(|()| io::Error::other("no address"))?;
    let mut config = Config::new(HardwareAddress::Ip);
    config.random_seed = 7;
    let mut iface = Interface::new(config, &mut device, Instant::now());
    iface.update_ip_addrs(|list| list.push(address).expect("room for one address"));
    let mut sockets = SocketSet::new(Vec::new());
    let handles = open(&mut iface, &mut sockets, work)?;
    let mut piece = vec![7; PIECE];
    while !run.is_over() {
        iface.poll(Instant::now(), &mut device, &mut sockets);
        let mut moved = 0;
        for handle in &handles {
            moved += apply(sockets.get_mut(*handle), work, run, &mut piece);
        }
        if moved > 0 {
            // What was written or read may have something to send.
            iface.poll(Instant::now(), &mut device, &mut sockets);
        }
        let timeout = iface.poll_delay(Instant::now(), &sockets).map(Duration::from);
        if timeout != Some(Duration::ZERO) {
            let fd: BorrowedFd<'_> = fd.as_fd();
            wait([fd], PollFlags::IN, timeout)?;
        }
    }
    Ok(())
}

fn open(iface: &mut Interface, sockets: &mut SocketSet<'_>, work: Work) -> io::Result<Vec<SocketHandle>> {
    let socket = || {
        let mut socket = Socket::new(SocketBuffer::new(vec![0; BUFFER]), SocketBuffer::new(vec![0; BUFFER]));
        socket.set_congestion_control(CongestionControl::Cubic);
        socket.set_nagle_enabled(false);
        socket
    };
    let mut handles = Vec::new();
    match work {
        Work::Source(streams, to) => {
            let to: std::net::SocketAddr = to.parse().map_err(io::Error::other)?;
            for n in 0..streams {
                let handle = sockets.add(socket());
                let socket = sockets.get_mut::<Socket<'_>>(handle);
                let local = 49_152 + n as u16;
                socket.connect(iface.context(), IpEndpoint::from(to), local).map_err(io::Error::other)?;
                handles.push(handle);
            }
        }
        Work::Sink(port) | Work::Echo(port) => {
            let mut socket = socket();
            socket.listen(port).map_err(io::Error::other)?;
            handles.push(sockets.add(socket));
        }
    }
    Ok(handles)
}

/// The application's turn: how many bytes it moved.
fn apply(socket: &mut Socket<'_>, work: Work, run: &Run, piece: &mut [u8]) -> usize {
    let mut moved = 0;
    match work {
        Work::Source(..) => {
            while let Ok(sent @ 1..) = socket.send_slice(piece) {
                moved += sent;
            }
        }
        Work::Sink(_) => {
            while let Ok(read @ 1..) = socket.recv_slice(piece) {
                run.count(read);
                moved += read;
            }
        }
        Work::Echo(_) => {
            while socket.can_send()
                && let Ok(read @ 1..) = socket.recv_slice(&mut piece[..1])
            {
                moved += socket.send_slice(&piece[..read]).unwrap_or(0);
            }
        }
    }
    moved
}
