//! Hosts with several shards: whatever queue a frame comes by, it reaches its connection.

use limpid::device::{Caps, Device, Memory, MemoryConfig, Tap};
use limpid::{Builder, Event, FlowId, Host, Instant, Observer, TcpListener, TcpStream};
use limpid_stack::{Medium, RxFrame, TxFrame};
use limpid_wire::icmpv4::{Icmpv4Message, Unreachable};
use limpid_wire::{Chunk, FramePool, IpAddr, IpHeader, IpProtocol, MacAddr};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

const CLIENT: &str = "10.0.0.103/24";
const SERVER: &str = "10.0.0.199/24";
const SERVICE: &str = "10.0.0.199:80";

fn host(shards: usize, queues: Vec<Memory>, address: &str) -> Builder {
    Host::builder().shards(shards).device_queues("mem", queues).address(address)
}

/// Bytes that repeat only after a long while, and differ from one connection to the next.
fn pattern(connection: usize, len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 31 + i / 251 + connection * 7) as u8).collect()
}

/// Sends back whatever comes, a thread for each connection.
fn serve_echo(server: &Host) -> SocketAddr {
    let listener = TcpListener::bind(server, SERVICE).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { return };
            std::thread::spawn(move || {
                let _ = io::copy(&mut &stream, &mut &stream);
                let _ = stream.shutdown(Shutdown::Write);
            });
        }
    });
    address
}

/// Opens so many connections at once, each of which gets back what it sends.
fn echo_over_many(client: &Host, address: SocketAddr, connections: usize, len: usize) {
    std::thread::scope(|scope| {
        for connection in 0..connections {
            scope.spawn(move || {
                let stream = TcpStream::connect(client, address).unwrap();
                let sent = pattern(connection, len);
                std::thread::scope(|scope| {
                    scope.spawn(|| {
                        (&stream).write_all(&sent).unwrap();
                        stream.shutdown(Shutdown::Write).unwrap();
                    });
                    let mut received = Vec::new();
                    (&stream).read_to_end(&mut received).unwrap();
                    assert!(received == sent, "connection {connection}");
                });
            });
        }
    });
}

#[test]
fn many_connections_cross_between_any_numbers_of_shards() {
    for (left, right, queues, offload) in
        [(4, 4, 4, false), (4, 4, 4, true), (1, 4, 2, false), (4, 1, 1, true), (3, 2, 5, false), (2, 4, 1, true)]
    {
        let config = MemoryConfig { offload, queue: 64, ..MemoryConfig::default() };
        let (lefts, rights) = Memory::pair_of_queues(config, queues).unwrap();
        let client = host(left, lefts, CLIENT).build().unwrap();
        let server = host(right, rights, SERVER).build().unwrap();
        let address = serve_echo(&server);
        echo_over_many(&client, address, 24, 60_000);
        let handed = client.handovers().unwrap().delivered + server.handovers().unwrap().delivered;
        assert_eq!(handed > 0, left > 1 || right > 1, "{left} and {right} shards, {queues} queues");
        assert_eq!((client.shards(), server.shards()), (left, right));
    }
}

#[test]
fn a_hosts_own_connections_stay_within_their_shard() {
    let host = Host::builder().shards(4).build().unwrap();
    let listener = TcpListener::bind(&host, "127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    for connection in 0..16 {
        let mut client = TcpStream::connect(&host, address).unwrap();
        let (mut server, peer) = listener.accept().unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
        let sent = pattern(connection, 5_000);
        client.write_all(&sent).unwrap();
        drop(client);
        let mut received = Vec::new();
        server.read_to_end(&mut received).unwrap();
        assert!(received == sent);
    }
    assert_eq!(host.handovers().unwrap().delivered, 0);
}

#[test]
fn a_port_that_is_asked_for_leads_to_its_shard() {
    let (lefts, rights) = Memory::pair_of_queues(MemoryConfig::default(), 2).unwrap();
    let client = host(4, lefts, CLIENT).build().unwrap();
    let server = host(4, rights, SERVER).build().unwrap();
    let address = serve_echo(&server);
    for port in 5_000..5_020 {
        for local in [format!("0.0.0.0:{port}"), format!("10.0.0.103:{}", port + 100)] {
            let local: SocketAddr = local.parse().unwrap();
            let mut stream = TcpStream::connect_with(&client, Some(local), address, None).unwrap();
            assert_eq!(stream.local_addr().unwrap().port(), local.port());
            stream.write_all(b"hello").unwrap();
            let mut word = [0; 5];
            stream.read_exact(&mut word).unwrap();
            assert_eq!(&word, b"hello");
        }
    }
}

#[test]
fn closing_a_listener_resets_what_waits_in_every_shard() {
    let (lefts, rights) = Memory::pair_of_queues(MemoryConfig::default(), 4).unwrap();
    let client = host(1, lefts, CLIENT).build().unwrap();
    let server = host(4, rights, SERVER).build().unwrap();
    let listener = TcpListener::bind(&server, SERVICE).unwrap();
    let again = TcpListener::bind(&server, SERVICE).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::AddrInUse);
    let waiting: Vec<TcpStream> = (0..20).map(|_| TcpStream::connect(&client, SERVICE).unwrap()).collect();
    // The last ACK of a handshake may still be on its way.
    std::thread::sleep(Duration::from_millis(50));
    drop(listener);
    for mut stream in waiting {
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    }
    assert_eq!(TcpStream::connect(&client, SERVICE).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    assert!(TcpListener::bind(&server, SERVICE).is_ok(), "the port is free in all of them");
}

#[test]
fn who_waits_to_accept_is_woken_by_any_shard() {
    let (lefts, rights) = Memory::pair_of_queues(MemoryConfig::default(), 2).unwrap();
    let client = host(2, lefts, CLIENT).build().unwrap();
    let server = host(4, rights, SERVER).build().unwrap();
    let listener = Arc::new(TcpListener::bind(&server, SERVICE).unwrap());
    listener.set_nonblocking(true).unwrap();
    assert_eq!(listener.accept().unwrap_err().raw_os_error(), Some(11));
    listener.set_nonblocking(false).unwrap();
    let (accepted, count) = mpsc::channel();
    for _ in 0..3 {
        let (listener, accepted) = (listener.clone(), accepted.clone());
        std::thread::spawn(move || while accepted.send(listener.accept().unwrap().1).is_ok() {});
    }
    let mut peers = BTreeSet::new();
    let mut clients = Vec::new();
    for _ in 0..30 {
        clients.push(TcpStream::connect(&client, SERVICE).unwrap());
        peers.insert(count.recv_timeout(Duration::from_secs(5)).unwrap());
    }
    assert_eq!(peers, clients.iter().map(|c| c.local_addr().unwrap()).collect());
}

/// A frame's connection, and its headers.
type Sent = (FlowId, Vec<u8>);

#[derive(Clone, Default)]
struct Watch {
    sent: Arc<Mutex<Vec<Sent>>>,
    flows: Arc<Mutex<BTreeMap<FlowId, usize>>>,
}

impl Tap for Watch {
    fn sent(&mut self, _: Instant, frame: &TxFrame) {
        self.sent.lock().unwrap().push((frame.flow, frame.head.to_vec()));
    }

    fn received(&mut self, _: Instant, _: &RxFrame) {}
}

impl Observer for Watch {
    fn observe(&mut self, _: Instant, flow: FlowId, event: &Event) {
        if matches!(event, Event::Opened { .. }) {
            *self.flows.lock().unwrap().entry(flow).or_default() += 1;
        }
    }
}

#[test]
fn one_observer_and_one_tap_see_all_shards() {
    let (lefts, rights) = Memory::pair_of_queues(MemoryConfig::default(), 2).unwrap();
    let (tap, observer) = (Watch::default(), Watch::default());
    let client = host(3, lefts, CLIENT).tap(tap.clone()).observer(observer.clone()).build().unwrap();
    let server = host(1, rights, SERVER).build().unwrap();
    let address = serve_echo(&server);
    echo_over_many(&client, address, 12, 100);
    let opened = observer.flows.lock().unwrap().clone();
    assert_eq!(opened.values().sum::<usize>(), 12);
    assert_eq!(opened.len(), 12, "each has a name of its own");
    let seen: BTreeSet<FlowId> = tap.sent.lock().unwrap().iter().map(|(flow, _)| *flow).collect();
    assert!(opened.keys().all(|flow| seen.contains(flow)));
}

/// A memory device on Ethernet.
struct Ethernet {
    memory: Memory,
    mac: MacAddr,
}

impl Device for Ethernet {
    fn caps(&self) -> Caps {
        Caps { medium: Medium::Ethernet(self.mac), ..self.memory.caps() }
    }

    fn recv_batch(&mut self, pool: &mut FramePool, frames: &mut Vec<RxFrame>, max: usize) -> io::Result<usize> {
        self.memory.recv_batch(pool, frames, max)
    }

    fn send_batch(&mut self, frames: &[TxFrame]) -> io::Result<usize> {
        self.memory.send_batch(frames)
    }

    fn poll_fd(&self) -> Option<BorrowedFd<'_>> {
        self.memory.poll_fd()
    }
}

#[test]
fn every_shard_learns_neighbours_and_one_answers_for_all() {
    for (client_address, server_address, service) in
        [(CLIENT, SERVER, SERVICE), ("fd00::103/64", "fd00::199/64", "[fd00::199]:80")]
    {
        let (lefts, rights) = Memory::pair_of_queues(MemoryConfig::default(), 2).unwrap();
        let on = |memories: Vec<Memory>, last| {
            memories.into_iter().map(move |memory| Ethernet { memory, mac: MacAddr([2, 0, 0, 0, 0, last]) })
        };
        let (asked, answered) = (Watch::default(), Watch::default());
        let client = Host::builder().shards(4).device_queues("left", on(lefts, 1)).address(client_address);
        let client = client.tap(asked.clone()).build().unwrap();
        let server = Host::builder().shards(4).device_queues("right", on(rights, 2)).address(server_address);
        let server = server.tap(answered.clone()).build().unwrap();
        let listener = TcpListener::bind(&server, service).unwrap();
        for _ in 0..24 {
            let mut stream = TcpStream::connect(&client, service).unwrap();
            let (mut accepted, _) = listener.accept().unwrap();
            accepted.write_all(b"hello").unwrap();
            let mut word = [0; 5];
            stream.read_exact(&mut word).unwrap();
        }
        // ARP's operation; neighbour discovery's type.
        let count = |watch: &Watch, arp: u8, ndp: u8| {
            let sent = watch.sent.lock().unwrap();
            let is_arp = |head: &[u8]| head[12..14] == [8, 6] && head[21] == arp;
            let is_ndp = |head: &[u8]| head[12..14] == [0x86, 0xdd] && head[20] == 58 && head[54] == ndp;
            sent.iter().filter(|(_, head)| is_arp(head) || is_ndp(head)).count()
        };
        let questions = count(&asked, 1, 135);
        assert!((1..=4).contains(&questions), "{questions} questions");
        assert_eq!(count(&answered, 2, 136), questions, "each is answered once");
    }
}

/// What a router between a host of many queues and one of a single queue does to packets.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Router {
    /// Takes none larger than this, and says so.
    Narrow(u16),
    /// Cuts those to the host of many queues in two.
    Cutting,
}

struct Routing {
    router: Router,
    lanes: Vec<Memory>,
    server: Memory,
    next: usize,
    told: Arc<AtomicUsize>,
}

impl Routing {
    fn run(mut self, over: &AtomicBool) {
        let mut pool = FramePool::new();
        let mut frames = Vec::new();
        while !over.load(Ordering::Relaxed) {
            for at in 0..self.lanes.len() {
                self.lanes[at].recv_batch(&mut pool, &mut frames, 64).unwrap();
                frames.drain(..).for_each(|frame| self.pass_to_server(&frame));
            }
            self.server.recv_batch(&mut pool, &mut frames, 64).unwrap();
            frames.drain(..).for_each(|frame| self.pass_to_client(&frame));
            let mut fds: Vec<_> = self
                .lanes
                .iter()
                .chain([&self.server])
                .filter_map(Device::poll_fd)
                .map(|fd| fd.try_clone_to_owned().unwrap())
                .collect();
            let mut fds: Vec<_> = fds.iter_mut().map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
            let timeout = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };
            poll(&mut fds, Some(&timeout)).unwrap();
        }
    }

    fn pass_to_server(&mut self, frame: &RxFrame) {
        match self.router {
            Router::Narrow(mtu) if frame.len() > usize::from(mtu) => {
                self.told.fetch_add(1, Ordering::Relaxed);
                let quote = &frame.contiguous()[..28];
                let mut message = vec![0; 8 + quote.len()];
                let why = Unreachable::FragmentationNeeded { mtu };
                Icmpv4Message::Unreachable(why).emit(quote, &mut message);
                let to = IpAddr::v4([10, 0, 0, 103]);
                let header = IpHeader::new(IpAddr::v4([10, 0, 0, 1]), to, IpProtocol::ICMP);
                let mut packet = vec![0; 20 + message.len()];
                header.emit(message.len(), &mut packet);
                packet[20..].copy_from_slice(&message);
                self.send_to_client(&packet, 20);
            }
            _ => send(&mut self.server, &frame.contiguous(), frame.bytes.len()),
        }
    }

    fn pass_to_client(&mut self, frame: &RxFrame) {
        let packet = frame.contiguous();
        if self.router != Router::Cutting || packet.len() < 100 {
            return self.send_to_client(&packet, frame.bytes.len());
        }
        let (header, data) = packet.split_at(20);
        let cut = (data.len() / 2) & !7;
        self.told.fetch_add(1, Ordering::Relaxed);
        for (part, offset, more) in [(&data[..cut], 0, 0x2000), (&data[cut..], cut / 8, 0)] {
            let mut fragment = [header, part].concat();
            let len = fragment.len() as u16;
            fragment[2..4].copy_from_slice(&len.to_be_bytes());
            fragment[6..8].copy_from_slice(&(offset as u16 | more).to_be_bytes());
            fragment[10..12].copy_from_slice(&[0, 0]);
            let sum = limpid_wire::Checksum::of(&fragment[..20]).finish();
            fragment[10..12].copy_from_slice(&sum.to_be_bytes());
            self.send_to_client(&fragment, 20);
        }
    }

    /// By each of its queues in turn.
    fn send_to_client(&mut self, packet: &[u8], headers: usize) {
        self.next += 1;
        let lane = self.next % self.lanes.len();
        send(&mut self.lanes[lane], packet, headers);
    }
}

fn send(device: &mut Memory, packet: &[u8], headers: usize) {
    let mut frame = TxFrame::stateless();
    frame.head.try_extend_from_slice(&packet[..headers]).unwrap();
    frame.payload = Chunk::from_vec(packet[headers..].to_vec()).into();
    while device.send_batch(std::slice::from_ref(&frame)).unwrap() == 0 {
        std::thread::yield_now();
    }
}

struct AtEnd<'a>(&'a AtomicBool);

impl Drop for AtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn through(router: Router, test: impl FnOnce(&Host, SocketAddr, &AtomicUsize)) {
    let (lanes, client_lanes) = Memory::pair_of_queues(MemoryConfig::default(), 4).unwrap();
    let (to_server, server_lane) = Memory::pair(MemoryConfig::default()).unwrap();
    let client = host(4, client_lanes, CLIENT).build().unwrap();
    let server = host(1, vec![server_lane], SERVER).build().unwrap();
    let address = serve_echo(&server);
    let (over, told) = (AtomicBool::new(false), Arc::new(AtomicUsize::new(0)));
    let routing = Routing { router, lanes, server: to_server, next: 0, told: told.clone() };
    std::thread::scope(|scope| {
        scope.spawn(|| routing.run(&over));
        // Also if the test fails.
        let _end = AtEnd(&over);
        test(&client, address, &told);
        drop((client, server));
    });
}

#[test]
fn a_router_is_heard_by_the_shard_that_it_means() {
    through(Router::Narrow(1000), |client, address, told| {
        echo_over_many(client, address, 12, 40_000);
        assert!(told.load(Ordering::Relaxed) > 0);
        let counters = client.counters().unwrap();
        let unheard = counters.value(limpid_event::Counter::TcpExtOutOfWindowIcmps);
        // Those that tell what is known already.
        assert!(unheard < told.load(Ordering::Relaxed) as u64, "{unheard} were about nobody's segments");
        assert!(client.handovers().unwrap().delivered > 0);
    });
}

#[test]
fn fragments_are_put_together_in_one_shard_and_handed_to_the_other() {
    through(Router::Cutting, |client, address, told| {
        echo_over_many(client, address, 12, 20_000);
        let (cut, counters) = (told.load(Ordering::Relaxed) as u64, client.counters().unwrap());
        // A burst is more than may wait to be put together: the rest came again.
        let whole = counters.value(limpid_event::Counter::IpReasmOKs);
        assert!(whole > 100 && whole <= cut, "{whole} of {cut}");
    });
}

#[test]
fn mistakes_of_the_builder() {
    for (builder, message) in [
        (Host::builder().shards(0), "0 shards: from 1 to 256"),
        (Host::builder().shards(1000), "1000 shards: from 1 to 256"),
        (Host::builder().device_queues::<Memory>("eth0", []), "device eth0: it has no queue"),
    ] {
        let error = builder.build().unwrap_err();
        assert_eq!((error.kind(), error.to_string()), (ErrorKind::InvalidInput, message.to_owned()));
    }
    let narrow = MemoryConfig { mtu: 1000, ..MemoryConfig::default() };
    let queues = [MemoryConfig::default(), narrow].map(|config| Memory::pair(config).unwrap().0);
    let error = Host::builder().device_queues("eth0", queues).build().unwrap_err();
    assert_eq!(error.to_string(), "device eth0 (MTU 1500): its queues differ");
}
