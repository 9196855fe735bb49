//! The two ends of a transfer: a private namespace each, with Linux's sockets or limpid's.

use limpid::{Host, TcpListener, TcpStream};
use limpid_device::namespace::{KernelRoute, Namespace, NamespaceError, RouteMetrics};
use limpid_device::{Tun, TunConfig};
use limpid_tcp::{Algorithm, Config};
use limpid_wire::{Cidr, IpAddr};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

/// Whose TCP is at an end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Side {
    Linux,
    Limpid,
}

impl Side {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Side::Linux => "Linux",
            Side::Limpid => "limpid",
        }
    }
}

/// Which end it is, and its place at the relay.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    Client,
    Server,
}

impl Place {
    /// The address of its TCP.
    const fn address(self) -> [u8; 4] {
        match self {
            Place::Client => [10, 9, 0, 1],
            Place::Server => [10, 9, 0, 2],
        }
    }

    const fn other(self) -> Place {
        match self {
            Place::Client => Place::Server,
            Place::Server => Place::Client,
        }
    }
}

/// Tells both ends that it is over.
#[derive(Clone, Default)]
pub(super) struct Stop(Arc<AtomicBool>);

impl Stop {
    pub(super) fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_over(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

const PORT: u16 = 5001;
/// How often a blocked end looks whether it is over.
const LOOK: Duration = Duration::from_millis(100);
/// How long connecting may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Written and read at a time.
const CHUNK: usize = 64 * 1024;

/// A namespace, and what must live as long as the transfer.
struct Ground {
    /// Before the namespace whose device it uses.
    host: Option<Host>,
    _namespace: Namespace,
}

impl Ground {
    /// Makes the namespace and sends the relay its device.
    fn lay(place: Place, side: Side, algorithm: &str, to_relay: &Sender<(Place, Tun)>) -> Result<Ground, String> {
        let words = |error: NamespaceError| match error.hint() {
            Some(hint) => format!("{error}: {hint}"),
            None => error.to_string(),
        };
        let namespace = Namespace::enter().map_err(words)?;
        let (here, there) = (cidr(place.address()), cidr(place.other().address()));
        let wire = TunConfig { name: "wire".into(), ..TunConfig::default() };
        let kernel_addresses = match side {
            Side::Linux => vec![here],
            Side::Limpid => Vec::new(),
        };
        let wire = namespace.tun(&TunConfig { kernel_addresses, ..wire }).map_err(words)?;
        let route = |destination, link: &str| KernelRoute {
            destination,
            gateway: None,
            link: link.to_owned(),
            metrics: RouteMetrics::default(),
        };
        namespace.add_route(&route(there, wire.name())).map_err(words)?;
        let host = match side {
            Side::Linux => None,
            Side::Limpid => {
                let config = TunConfig { name: "limpid0".into(), offload: true, ..TunConfig::default() };
                let tun = namespace.tun(&config).map_err(words)?;
                namespace.add_route(&route(here, tun.name())).map_err(words)?;
                namespace.set_sysctl("net.ipv4.ip_forward", "1").map_err(words)?;
                let everything = Cidr { addr: IpAddr::UNSPECIFIED_V4, prefix: 0 };
                let congestion = Algorithm::named(algorithm).ok_or_else(|| format!("limpid has no {algorithm}"))?;
                let host = Host::builder()
                    .tun(tun)
                    .address_cidr(here)
                    .route(everything, None)
                    .tcp(Config { congestion, ..Config::default() })
                    .linger(Duration::ZERO)
                    .build();
                Some(host.map_err(|error| format!("limpid's host: {error}"))?)
            }
        };
        // The relay may be gone if the other end failed; that is told there.
        let _ = to_relay.send((place, wire));
        Ok(Ground { host, _namespace: namespace })
    }
}

/// What Linux or limpid counted, by Linux's names (`nstat`), where it is not zero.
pub(crate) type Counters = BTreeMap<String, u64>;

impl Ground {
    /// What this end's TCP counted.
    fn counters(&self) -> Counters {
        match &self.host {
            None => ["snmp", "netstat"].into_iter().flat_map(linux_counters).collect(),
            Some(host) => {
                let counters = host.counters().unwrap_or_default();
                let named = counters.iter().filter(|(_, value)| *value > 0);
                named.map(|(counter, value)| (counter.name().to_owned(), value)).collect()
            }
        }
    }
}

/// Those in a file of the calling thread's network: lines of names, each followed by one of values.
fn linux_counters(file: &str) -> Vec<(String, u64)> {
    let text = std::fs::read_to_string(format!("/proc/thread-self/net/{file}")).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let mut counters = Vec::new();
    for pair in lines.chunks_exact(2) {
        let group = pair[0].split(':').next().unwrap_or_default();
        let values = pair[1].split_whitespace().skip(1).map(|value| value.parse::<u64>().unwrap_or(0));
        let named = pair[0].split_whitespace().skip(1).zip(values).filter(|(_, value)| *value > 0);
        counters.extend(named.map(|(name, value)| (format!("{group}{name}"), value)));
    }
    counters
}

fn cidr(octets: [u8; 4]) -> Cidr {
    Cidr { addr: IpAddr::v4(octets), prefix: 32 }
}

fn endpoint(place: Place) -> SocketAddr {
    (Ipv4Addr::from(place.address()), PORT).into()
}

/// A stream of either side.
enum Stream {
    Linux(std::net::TcpStream),
    Limpid(TcpStream),
}

impl Stream {
    fn look_up_often(&self) -> io::Result<()> {
        match self {
            Stream::Linux(stream) => {
                stream.set_read_timeout(Some(LOOK))?;
                stream.set_write_timeout(Some(LOOK))
            }
            Stream::Limpid(stream) => {
                stream.set_read_timeout(Some(LOOK))?;
                stream.set_write_timeout(Some(LOOK))
            }
        }
    }

    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Linux(stream) => stream.read(buf),
            Stream::Limpid(stream) => stream.read(buf),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Linux(stream) => stream.write(bytes),
            Stream::Limpid(stream) => stream.write(bytes),
        }
    }
}

/// True for what only says that nothing happened yet.
fn goes_on(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}

/// The end that receives: accepts one connection and counts what comes.
pub(super) fn serve(
    side: Side,
    algorithm: &str,
    to_relay: Sender<(Place, Tun)>,
    ready: Sender<()>,
    received: &AtomicU64,
    stop: &Stop,
) -> Result<Counters, String> {
    let ground = Ground::lay(Place::Server, side, algorithm, &to_relay)?;
    drop(to_relay);
    let words = |error: io::Error| format!("{} as the server: {error}", side.name());
    let accept = || -> io::Result<Stream> {
        let at = endpoint(Place::Server);
        match &ground.host {
            None => {
                let listener = std::net::TcpListener::bind(at)?;
                listener.set_nonblocking(true)?;
                let _ = ready.send(());
                let (stream, _) = await_one(stop, || listener.accept())?;
                stream.set_nonblocking(false)?;
                Ok(Stream::Linux(stream))
            }
            Some(host) => {
                let listener = TcpListener::bind(host, at)?;
                listener.set_nonblocking(true)?;
                let _ = ready.send(());
                let (stream, _) = await_one(stop, || listener.accept())?;
                stream.set_nonblocking(false)?;
                Ok(Stream::Limpid(stream))
            }
        }
    };
    let mut stream = accept().map_err(words)?;
    stream.look_up_often().map_err(words)?;
    let mut buf = vec![0; CHUNK];
    while !stop.is_over() {
        match stream.read(&mut buf) {
            Ok(0) => break,
            Ok(n) => drop(received.fetch_add(n as u64, Ordering::Relaxed)),
            Err(error) if goes_on(&error) => {}
            Err(error) => return Err(words(error)),
        }
    }
    Ok(ground.counters())
}

/// The end that sends: connects once the other is ready, and writes until it is over.
pub(super) fn send(
    side: Side,
    algorithm: &str,
    to_relay: Sender<(Place, Tun)>,
    is_ready: Receiver<()>,
    stop: &Stop,
) -> Result<Counters, String> {
    let ground = Ground::lay(Place::Client, side, algorithm, &to_relay)?;
    drop(to_relay);
    let words = |error: io::Error| format!("{} as the client: {error}", side.name());
    // If the server failed, it says so itself.
    let Ok(()) = is_ready.recv_timeout(PATIENCE) else { return Ok(Counters::new()) };
    let connect = || -> io::Result<Stream> {
        let to = endpoint(Place::Server);
        match &ground.host {
            None => {
                let stream = std::net::TcpStream::connect_timeout(&to, PATIENCE)?;
                rustix::net::sockopt::set_tcp_congestion(&stream, algorithm)?;
                Ok(Stream::Linux(stream))
            }
            Some(host) => Ok(Stream::Limpid(TcpStream::connect_timeout(host, &to, PATIENCE)?)),
        }
    };
    let mut stream = connect().map_err(words)?;
    stream.look_up_often().map_err(words)?;
    let bytes = vec![7; CHUNK];
    while !stop.is_over() {
        match stream.write(&bytes) {
            Ok(_) => {}
            Err(error) if goes_on(&error) => {}
            // The other end may have gone first.
            Err(_) if stop.is_over() => {}
            Err(error) => return Err(words(error)),
        }
    }
    Ok(ground.counters())
}

fn await_one<T>(stop: &Stop, accept: impl Fn() -> io::Result<T>) -> io::Result<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match accept() {
            Err(error) if goes_on(&error) && !stop.is_over() && Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(1));
            }
            other => return other,
        }
    }
}
