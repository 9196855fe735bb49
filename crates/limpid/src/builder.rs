//! Making a host.

use crate::error::{invalid, io_error};
use crate::shard::{Bell, Engine, Hands, Link, Parts, Relay, Shard, observers, taps};
use crate::{Clock, Host};
use limpid_device::{Device, Memory, Packet, Tap, Tapped, Tun};
use limpid_event::{Error, Instant, Observer};
use limpid_stack::{FastOpenFlags, IfaceId, InterfaceConfig, MemoryLimits, Route, Secrets, Stack, StackConfig};
use limpid_tcp::Config;
use limpid_wire::{Cidr, IpAddr};
use rustix::rand::{GetRandomFlags, getrandom};
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// How long a host's last connections may take to close.
const DEFAULT_LINGER: Duration = Duration::from_secs(2);

/// As many queues as a TUN device may have.
const MAX_SHARDS: usize = 256;

/// Makes a [`Host`]. Addresses, gateways and taps belong to the device that was named last before them.
///
/// ```
/// use limpid::{Host, TcpListener, TcpStream};
/// use limpid::device::{Memory, MemoryConfig};
/// use std::io::{Read, Write};
///
/// let (left, right) = Memory::pair(MemoryConfig::default())?;
/// let client = Host::builder().memory(left).address("10.0.0.103/24").build()?;
/// let server = Host::builder().memory(right).address("10.0.0.199/24").build()?;
///
/// let listener = TcpListener::bind(&server, "10.0.0.199:6379")?;
/// let mut stream = TcpStream::connect(&client, "10.0.0.199:6379")?;
/// let (mut accepted, peer) = listener.accept()?;
/// assert_eq!(peer.ip().to_string(), "10.0.0.103");
/// stream.write_all(b"PING\r\n")?;
/// let mut line = [0; 6];
/// accepted.read_exact(&mut line)?;
/// assert_eq!(&line, b"PING\r\n");
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "a builder does nothing until `build`"]
pub struct Builder {
    devices: Vec<NamedDevice>,
    stack: StackConfig,
    observer: Option<Box<dyn Observer + Send>>,
    clock: Option<Clock>,
    linger: Duration,
    busy_poll: Duration,
    seed: Option<[u8; 32]>,
    shards: usize,
    /// The first argument that made no sense.
    mistake: Option<String>,
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let devices: Vec<_> = self.devices.iter().map(|d| &d.name).collect();
        f.debug_struct("Builder").field("devices", &devices).field("stack", &self.stack).finish_non_exhaustive()
    }
}

struct NamedDevice {
    name: String,
    /// Its queues: mostly one.
    queues: Vec<Box<dyn Device>>,
    addresses: Vec<Cidr>,
    routes: Vec<(Cidr, Option<IpAddr>)>,
    tap: Option<Box<dyn Tap>>,
}

impl Builder {
    pub(crate) fn new() -> Builder {
        Builder {
            devices: Vec::new(),
            stack: StackConfig::default(),
            observer: None,
            clock: None,
            linger: DEFAULT_LINGER,
            busy_poll: Duration::ZERO,
            seed: None,
            shards: 1,
            mistake: None,
        }
    }

    /// Adds a device. `name` is for people.
    pub fn device(self, name: impl Into<String>, device: impl Device + 'static) -> Builder {
        self.device_queues(name, [device])
    }

    /// Adds a device that has several queues ([`Tun::attach_queues`], [`Packet::open_queues`], [`Memory::pair_of_queues`]), which are spread over the host's
    /// [shards](Self::shards). A shard that gets none has its frames sent by another.
    pub fn device_queues<D: Device + 'static>(
        mut self,
        name: impl Into<String>,
        queues: impl IntoIterator<Item = D>,
    ) -> Builder {
        let name = name.into();
        let queues: Vec<Box<dyn Device>> = queues.into_iter().map(|queue| Box::new(queue) as _).collect();
        if queues.is_empty() {
            self.note_mistake(format!("device {name}: it has no queue"));
        }
        self.devices.push(NamedDevice { name, queues, addresses: Vec::new(), routes: Vec::new(), tap: None });
        self
    }

    /// Spreads the host's connections over so many shards, each with a stack, a lock and a thread of its own: 1, unless set here. They
    /// share nothing but addresses, routes and secrets, so that connections of different shards never wait for each other; a frame that a
    /// device gives to the wrong one is handed over. A listener listens in all of them.
    ///
    /// More than one pays where several cores are busy with TCP, and best with as many queues of the device
    /// ([`device_queues`](Self::device_queues)). What is remembered of peers (path MTUs, Fast Open's cookies, round-trip times) each shard
    /// learns for itself; bounds on numbers hold for each, those on [memory](limpid_stack::MemoryLimits) for all together: each shard gets an
    /// equal part of them, and no more if others leave theirs.
    ///
    /// Each of several costs a thread, two descriptors, and from the beginning up to 0.3 MB for what others may hand it (0.1 MB more for
    /// each device that has no queue for it): 5 MB for 16 shards, 70 MB for 256.
    ///
    /// ```
    /// use limpid::{Host, TcpListener, TcpStream};
    /// use std::io::{Read, Write};
    ///
    /// let host = Host::builder().shards(2).build()?;
    /// let listener = TcpListener::bind(&host, "127.0.0.1:7")?;
    /// // Each is in the shard that its ports lead to.
    /// let clients = [(); 8].map(|()| TcpStream::connect(&host, "127.0.0.1:7").unwrap());
    /// for mut client in &clients {
    ///     client.write_all(b"hello")?;
    /// }
    /// for _ in &clients {
    ///     let mut word = [0; 5];
    ///     listener.accept()?.0.read_exact(&mut word)?;
    ///     assert_eq!(&word, b"hello");
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn shards(mut self, shards: usize) -> Builder {
        if !(1..=MAX_SHARDS).contains(&shards) {
            self.note_mistake(format!("{shards} shards: from 1 to {MAX_SHARDS}"));
        }
        self.shards = shards;
        self
    }

    /// Adds a TUN device.
    pub fn tun(self, tun: Tun) -> Builder {
        self.device(tun.name().to_owned(), tun)
    }

    /// Adds an Ethernet device through a packet socket. What of its checksums and super-segments is left to Linux, its
    /// [`PacketConfig`](limpid_device::PacketConfig) says.
    pub fn packet(self, packet: Packet) -> Builder {
        self.device(packet.interface().to_owned(), packet)
    }

    /// Adds one end of a pair of memory devices.
    pub fn memory(self, device: Memory) -> Builder {
        let name = format!("mem{}", self.devices.len());
        self.device(name, device)
    }

    /// Gives the device an address and the network that is reached directly over it: `10.0.0.1/24`, `fd00::1/64`.
    pub fn address(mut self, address: &str) -> Builder {
        match address.parse() {
            Ok(cidr) => self.address_cidr(cidr),
            Err(error) => {
                self.note_mistake(format!("address {address}: {error}"));
                self
            }
        }
    }

    /// As [`address`](Self::address), already parsed.
    pub fn address_cidr(mut self, address: Cidr) -> Builder {
        match self.devices.last_mut() {
            Some(device) => device.addresses.push(address),
            None => self.note_mistake(format!("address {address}: name a device first")),
        }
        self
    }

    /// Sends everything of this IP version that has no better route to `gateway`, over the device.
    pub fn gateway(mut self, gateway: &str) -> Builder {
        let Ok(address) = gateway.parse::<IpAddr>() else {
            self.note_mistake(format!("gateway {gateway}: no IP address"));
            return self;
        };
        let any = if address.is_v4() { IpAddr::UNSPECIFIED_V4 } else { IpAddr::UNSPECIFIED };
        let everything = Cidr { addr: any, prefix: 0 };
        self.route(everything, Some(address))
    }

    /// Reaches `destination` over the device, perhaps through a gateway.
    pub fn route(mut self, destination: Cidr, gateway: Option<IpAddr>) -> Builder {
        match self.devices.last_mut() {
            Some(device) => device.routes.push((destination, gateway)),
            None => self.note_mistake(format!("route to {destination}: name a device first")),
        }
        self
    }

    /// Shows `tap` every frame of the device. It is called while nobody else can use the host, and must not use it.
    pub fn tap(mut self, tap: impl Tap + 'static) -> Builder {
        match self.devices.last_mut() {
            Some(device) => device.tap = Some(Box::new(tap)),
            None => self.note_mistake("tap: name a device first".into()),
        }
        self
    }

    /// What new sockets start with; Linux's defaults otherwise.
    pub fn tcp(mut self, config: Config) -> Builder {
        self.stack.tcp = Arc::new(config);
        self
    }

    /// Settings of the whole stack; Linux's defaults otherwise. They include those of [`tcp`](Self::tcp).
    pub fn stack(mut self, config: StackConfig) -> Builder {
        self.stack = config;
        self
    }

    /// What of Fast Open is on (`net.ipv4.tcp_fastopen`), beside what is: connects that ask for it may use it without.
    pub fn fast_open(mut self, flags: FastOpenFlags) -> Builder {
        self.stack.fast_open.flags |= flags;
        self
    }

    /// Is told of every event from the beginning; see [`Host::set_observer`].
    pub fn observer(mut self, observer: impl Observer + Send + 'static) -> Builder {
        self.observer = Some(Box::new(observer));
        self
    }

    /// A clock shared with other hosts; one that begins now otherwise.
    pub fn clock(mut self, clock: Clock) -> Builder {
        self.clock = Some(clock);
        self
    }

    /// How long connections that are still closing may take when the last handle of the host is dropped: 2 seconds,
    /// unless set here.
    pub fn linger(mut self, linger: Duration) -> Builder {
        self.linger = linger;
        self
    }

    /// For how long whoever drives looks for more, after a wait began or something came, before it sleeps (SO_BUSY_POLL's meaning, `net.core.busy_poll`): not at
    /// all, unless set here, beyond a single look where such looks find something. Waking a processor that sleeps may take 20 µs and more,
    /// which answers that come within this time are spared; it keeps a processor busy for it, and others wait if there are no more processors than
    /// busy threads.
    pub fn busy_poll(mut self, span: Duration) -> Builder {
        self.busy_poll = span;
        self
    }

    /// Secrets from which sequence numbers and ports are drawn, to repeat them in a test; fresh random ones otherwise.
    /// Whoever knows them can guess into this host's connections.
    pub fn seed(mut self, seed: [u8; 32]) -> Builder {
        self.seed = Some(seed);
        self
    }

    /// The host, up and running.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] if an address, gateway or device makes no sense; else what the system said when
    /// asked for random bytes, a descriptor or a thread.
    pub fn build(self) -> io::Result<Host> {
        if let Some(mistake) = self.mistake {
            return Err(invalid(mistake));
        }
        let clock = self.clock.unwrap_or_else(Clock::start);
        let seed = self.seed.map_or_else(random_seed, Ok)?;
        let (config, count, busy_poll) = (self.stack.tcp.clone(), self.shards, self.busy_poll);
        let observers = observers(self.observer, count).into_iter().enumerate();
        let stack_of = |(shard, observer)| Stack::new(share_of(&self.stack, shard, count), Secrets { seed }, observer);
        let mut stacks: Vec<Engine> = observers.map(stack_of).collect();
        let bells = (0..count).map(|_| Bell::new().map(Arc::new)).collect::<io::Result<Vec<_>>>()?;
        let mut links: Vec<Vec<Link>> = (0..count).map(|_| Vec::new()).collect();
        let mut name = String::from("limpid");
        for mut device in self.devices {
            let iface = device.set_up(&mut stacks)?;
            name = format!("limpid-{}", device.name);
            let taps = taps(device.tap, device.queues.len());
            let queues = device.queues.into_iter().zip(taps);
            let queues = queues.map(|(queue, tap)| with_tap(queue, tap, move || clock.now())).collect();
            spread(iface, queues, &bells, &mut links);
        }
        let quiet: Arc<[AtomicBool]> = (0..count).map(|_| AtomicBool::new(false)).collect();
        let (hands, parts) = (Hands::join(&bells), stacks.into_iter().zip(links).zip(bells));
        let shard = |(hands, ((stack, links), bell))| {
            Shard::new(Parts { stack, links, hands, bell, quiet: quiet.clone(), busy_poll }, clock)
        };
        let shards = hands.into_iter().zip(parts).map(shard).collect::<io::Result<_>>()?;
        Host::start(shards, config, self.linger, &name)
    }

    fn note_mistake(&mut self, mistake: String) {
        self.mistake.get_or_insert(mistake);
    }
}

impl NamedDevice {
    /// Makes an interface of it in every shard, the same in all.
    fn set_up(&mut self, stacks: &mut [Engine]) -> io::Result<IfaceId> {
        let caps = self.queues[0].caps();
        let on = format!("{} (MTU {})", self.name, caps.mtu);
        if self.queues.iter().any(|queue| queue.caps() != caps) {
            return Err(invalid(format!("device {on}: its queues differ")));
        }
        if self.queues.iter().any(|queue| queue.poll_fd().is_none()) {
            return Err(invalid(format!("device {on}: it has no descriptor to wait on")));
        }
        let mut id = IfaceId::LOOPBACK;
        for stack in stacks {
            let interface = InterfaceConfig {
                name: self.name.clone(),
                medium: caps.medium,
                mtu: caps.mtu,
                gso_max: caps.gso_max,
                tx_checksum_offload: caps.tx_checksum,
            };
            let iface = stack.add_interface(interface).map_err(|error| refused(&format!("device {on}"), error))?;
            for &address in &self.addresses {
                let added = stack.add_address(iface, address);
                added.map_err(|error| refused(&format!("address {address} on {on}"), error))?;
            }
            for &(destination, gateway) in &self.routes {
                let added = stack.add_route(Route { destination, gateway, iface, metric: 0 });
                added.map_err(|error| refused(&format!("route to {destination} over {on}"), error))?;
            }
            id = iface;
        }
        Ok(id)
    }
}

/// Gives each shard its queues of a device, or has another send for it.
fn spread(iface: IfaceId, queues: Vec<Box<dyn Device>>, bells: &[Arc<Bell>], links: &mut [Vec<Link>]) {
    let (count, shards, caps) = (queues.len(), links.len(), queues[0].caps());
    for (at, queue) in queues.into_iter().enumerate() {
        links[at % shards].push(Link::new(iface, queue, at < shards));
    }
    for shard in count..shards {
        let owner = shard % count;
        let (relay, relayed) = Relay::new(caps, &bells[shard], &bells[owner]);
        links[shard].push(Link::relaying(iface, relay));
        if let Some(link) = links[owner].last_mut() {
            link.relay(relayed);
        }
    }
}

/// A shard's share of the settings of a stack.
fn share_of(config: &StackConfig, shard: usize, shards: usize) -> StackConfig {
    let MemoryLimits { low, pressure, most } = config.memory;
    let memory = MemoryLimits { low: low / shards, pressure: pressure / shards, most: most / shards };
    // `Builder::shards` bounds the number.
    StackConfig { shard: shard as u16, shards: shards as u16, memory, ..config.clone() }
}

/// The stack's refusal of a part of the set-up, and of which.
fn refused(what: &str, error: Error) -> io::Error {
    io::Error::new(io_error(error).kind(), format!("{what}: {error}"))
}

fn with_tap(
    device: Box<dyn Device>,
    tap: Option<Box<dyn Tap>>,
    clock: impl FnMut() -> Instant + Send + 'static,
) -> Box<dyn Device> {
    match tap {
        Some(tap) => Box::new(Tapped::new(device, tap, clock)),
        None => device,
    }
}

fn random_seed() -> io::Result<[u8; 32]> {
    let mut seed = [0; 32];
    // Requests of up to 256 bytes are never cut short once the kernel's pool is ready, which this waits for.
    let length = getrandom(&mut seed, GetRandomFlags::empty())?;
    if length == seed.len() { Ok(seed) } else { Err(io::Error::other("too few random bytes")) }
}
