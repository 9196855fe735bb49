//! Who is joined to whom, and what they do: each function sets one up, lets it run, and says what came of it.

use crate::linux::{self, End};
use crate::net::Net;
use crate::ours::{Ours, Work};
use crate::run::{Bulk, Run, Worker};
use crate::{forward, library, smol};
use limpid_device::{Device, Packet, PacketConfig, Tun, TunConfig, Xdp, XdpConfig, XdpMode};
use limpid_event::{Observer, Silent};
use smoltcp::phy::{Medium, TunTapInterface};
use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

/// Where Linux is, and where the other end.
const LINUX: &str = "10.0.0.199/24";
const LINUX_AT: &str = "10.0.0.199:7";
const OTHER: &str = "10.0.0.103/24";
const OTHER_AT: &str = "10.0.0.103:7";
const PORT: u16 = 7;
/// Packets that wait at a TUN device: more than smoltcp's window of 1 MiB holds, so that none is lost there.
const QUEUE: u32 = 4000;

/// Which way data goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    ToLinux,
    FromLinux,
}

/// A network of Linux with a TUN device of ours.
fn tun(name: &'static str, address: &str, offload: bool) -> io::Result<(Net, Tun)> {
    let (net, mut queues) = tun_queues(name, address, offload, 1)?;
    Ok((net, queues.swap_remove(0)))
}

/// The same with several queues.
fn tun_queues(name: &'static str, address: &str, offload: bool, queues: usize) -> io::Result<(Net, Vec<Tun>)> {
    let net = Net::new()?;
    let kernel_addresses = vec![address.parse().map_err(io::Error::other)?];
    let queues = net.run(move |namespace| {
        let config = TunConfig { name: name.into(), mtu: 1500, kernel_addresses, offload };
        let queues = namespace.tun_queues(&config, queues).map_err(io::Error::other)?;
        namespace.set_queue_length(name, QUEUE).map_err(io::Error::other)?;
        Ok(queues)
    })?;
    Ok((net, queues))
}

/// Bulk transfer of one end in this process with Linux: how many streams, which way, over which network, who drives.
fn bulk_with(
    net: &Net,
    way: Way,
    streams: usize,
    span: Duration,
    start: impl FnOnce(&Run, Work) -> io::Result<Worker>,
) -> io::Result<Bulk> {
    let run = Run::default();
    let mut ends = Vec::new();
    let worker = match way {
        Way::ToLinux => {
            let listener = linux::listen(net, LINUX_AT)?;
            let worker = start(&run, Work::Source(streams, LINUX_AT))?;
            for _ in 0..streams {
                ends.push(End::sink(linux::accept(&listener)?, &run)?);
            }
            worker
        }
        Way::FromLinux => {
            let worker = start(&run, Work::Sink(PORT))?;
            for _ in 0..streams {
                ends.push(End::source(linux::connect(net, OTHER_AT)?)?);
            }
            worker
        }
    };
    let bulk = run.measure(span);
    drop(ends);
    drop(worker);
    bulk
}

/// limpid over an offloading TUN device, with whoever watches it.
pub(crate) fn ours<O: Observer + Send + 'static>(
    way: Way,
    streams: usize,
    observer: O,
    span: Duration,
) -> io::Result<Bulk> {
    let (net, tun) = tun("tun0", LINUX, true)?;
    bulk_with(&net, way, streams, span, |run, work| our_worker(run, tun, observer, work))
}

/// The library over an offloading TUN device with a queue for each of its shards.
pub(crate) fn library(way: Way, shards: usize, streams: usize, span: Duration) -> io::Result<Bulk> {
    let (net, queues) = tun_queues("tun0", LINUX, true, shards)?;
    bulk_with(&net, way, streams, span, |run, work| library::start(run, queues, OTHER, work))
}

fn our_worker(
    run: &Run,
    device: impl Device + 'static,
    observer: impl Observer + Send + 'static,
    work: Work,
) -> io::Result<Worker> {
    let ours = Ours::new(device, OTHER, observer, work)?;
    Ok(run.spawn(move |run| ours.drive(run)))
}

/// smoltcp over a TUN device, as it makes one.
pub(crate) fn smoltcp(way: Way, span: Duration) -> io::Result<Bulk> {
    let net = Net::new()?;
    let fd = smoltcp_tun(&net)?;
    bulk_with(&net, way, 1, span, |run, work| Ok(run.spawn(move |run| smol::drive(fd, OTHER, work, run))))
}

fn smoltcp_tun(net: &Net) -> io::Result<OwnedFd> {
    let fd = net.run(|namespace| {
        let device = TunTapInterface::new("tun0", Medium::Ip)?;
        namespace.set_queue_length("tun0", QUEUE).map_err(io::Error::other)?;
        owned(&device)
    })?;
    net.address("tun0", LINUX)?;
    Ok(fd)
}

fn owned(device: &TunTapInterface) -> io::Result<OwnedFd> {
    // SAFETY: `device` keeps its descriptor open while it is borrowed, which is longer than this is used.
    unsafe { BorrowedFd::borrow_raw(device.as_raw_fd()) }.try_clone_to_owned()
}

/// Linux to Linux through a forwarder between two offloading TUN devices.
pub(crate) fn forwarder(span: Duration) -> io::Result<Bulk> {
    let (left, left_tun) = tun("tun0", LINUX, true)?;
    let (right, right_tun) = tun("tun0", OTHER, true)?;
    let fd = |tun: &Tun| tun.poll_fd().ok_or(io::ErrorKind::Unsupported)?.as_fd().try_clone_to_owned();
    let (left_fd, right_fd) = (fd(&left_tun)?, fd(&right_tun)?);
    let run = Run::default();
    let worker = run.spawn(move |run| forward::drive(&left_fd, &right_fd, run));
    let bulk = bulk_between(&left, &right, &run, span);
    drop(worker);
    bulk
}

/// Linux to Linux over a cable, with all offloads.
pub(crate) fn cable(span: Duration) -> io::Result<Bulk> {
    let (left, right) = Net::joined(LINUX, OTHER)?;
    bulk_between(&left, &right, &Run::default(), span)
}

fn bulk_between(left: &Net, right: &Net, run: &Run, span: Duration) -> io::Result<Bulk> {
    let listener = linux::listen(right, OTHER_AT)?;
    let source = End::source(linux::connect(left, OTHER_AT)?)?;
    let sink = End::sink(linux::accept(&listener)?, run)?;
    let bulk = run.measure(span);
    drop((source, sink));
    bulk
}

/// Questions of one byte that Linux asks limpid over a TUN device.
pub(crate) fn ask_ours(span: Duration) -> io::Result<Vec<Duration>> {
    let (net, tun) = tun("tun0", LINUX, true)?;
    let worker = our_worker(&Run::default(), tun, Silent, Work::Echo(PORT))?;
    let times = linux::ask(linux::connect(&net, OTHER_AT)?, span);
    drop(worker);
    times
}

/// The same over a packet socket at one end of a cable.
pub(crate) fn ask_ours_by_packets(span: Duration) -> io::Result<Vec<Duration>> {
    let (net, device) = packet()?;
    let worker = our_worker(&Run::default(), device, Silent, Work::Echo(PORT))?;
    let times = linux::ask(linux::connect(&net, OTHER_AT)?, span);
    drop(worker);
    times
}

/// A network of Linux, and a packet socket at the other end of its cable.
fn packet() -> io::Result<(Net, Packet)> {
    let net = Net::new()?;
    let device = net.run(|namespace| {
        let made = namespace.veth("veth0", "veth1").and_then(|()| namespace.set_link_up("veth1", None));
        made.map_err(io::Error::other)?;
        Packet::open(&PacketConfig::new("veth1")).map_err(io::Error::other)
    })?;
    net.address("veth0", LINUX)?;
    Ok((net, device))
}

/// A network of Linux, and an AF_XDP socket at the other end of its cable, in copy mode. Linux completes checksums: nobody else
/// would.
fn xdp() -> io::Result<(Net, Xdp)> {
    let net = Net::new()?;
    let device = net.run(|namespace| {
        let made = namespace.veth("veth0", "veth1").and_then(|()| namespace.set_link_up("veth1", None));
        made.and_then(|()| namespace.set_checksums("veth0", false)).map_err(io::Error::other)?;
        let config = XdpConfig { mode: Some(XdpMode::Copy), ..XdpConfig::new("veth1") };
        Xdp::open(&config).map_err(io::Error::other)
    })?;
    net.address("veth0", LINUX)?;
    Ok((net, device))
}

/// limpid over an AF_XDP socket at one end of a cable.
pub(crate) fn ours_by_xdp(way: Way, span: Duration) -> io::Result<Bulk> {
    let (net, device) = xdp()?;
    bulk_with(&net, way, 1, span, |run, work| our_worker(run, device, Silent, work))
}

/// Linux asks limpid over an AF_XDP socket.
pub(crate) fn ask_ours_by_xdp(span: Duration) -> io::Result<Vec<Duration>> {
    let (net, device) = xdp()?;
    let worker = our_worker(&Run::default(), device, Silent, Work::Echo(PORT))?;
    let times = linux::ask(linux::connect(&net, OTHER_AT)?, span);
    drop(worker);
    times
}

/// limpid over a packet socket at one end of a cable.
pub(crate) fn ours_by_packets(way: Way, span: Duration) -> io::Result<Bulk> {
    let (net, device) = packet()?;
    bulk_with(&net, way, 1, span, |run, work| our_worker(run, device, Silent, work))
}

/// The same of the library, whose application is a thread with blocking sockets.
pub(crate) fn ask_ours_blocking(span: Duration) -> io::Result<Vec<Duration>> {
    use std::io::{Read, Write};
    let (net, tun) = tun("tun0", LINUX, true)?;
    let host = limpid::Host::builder().tun(tun).address(OTHER).build()?;
    let listener = limpid::TcpListener::bind(&host, OTHER_AT)?;
    let server = std::thread::spawn(move || {
        let Ok((mut stream, _)) = listener.accept() else { return };
        let (mut byte, _) = ([0; 1], stream.set_nodelay(true));
        while stream.read_exact(&mut byte).is_ok() && stream.write_all(&byte).is_ok() {}
    });
    let times = linux::ask(linux::connect(&net, OTHER_AT)?, span);
    let _ = server.join();
    times
}

/// Linux asks smoltcp.
pub(crate) fn ask_smoltcp(span: Duration) -> io::Result<Vec<Duration>> {
    let net = Net::new()?;
    let fd = smoltcp_tun(&net)?;
    let worker = Run::default().spawn(move |run| smol::drive(fd, OTHER, Work::Echo(PORT), run));
    let times = linux::ask(linux::connect(&net, OTHER_AT)?, span);
    drop(worker);
    times
}

/// Linux asks Linux over a cable.
pub(crate) fn ask_linux(span: Duration) -> io::Result<Vec<Duration>> {
    let (left, right) = Net::joined(LINUX, OTHER)?;
    let listener: TcpListener = linux::listen(&right, OTHER_AT)?;
    let client = linux::connect(&left, OTHER_AT)?;
    let echo = End::echo(linux::accept(&listener)?)?;
    let times = linux::ask(client, span);
    drop(echo);
    times
}
