//! Making a host.

use crate::error::{invalid, io_error};
use crate::shard::Shard;
use crate::{Clock, Host};
use limpid_device::{Device, Memory, Packet, Tap, Tapped, Tun};
use limpid_event::{Error, Instant, Observer};
use limpid_stack::{FastOpenFlags, InterfaceConfig, Route, Secrets, Stack, StackConfig};
use limpid_tcp::Config;
use limpid_wire::{Cidr, IpAddr};
use rustix::rand::{GetRandomFlags, getrandom};
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// How long a host's last connections may take to close.
const DEFAULT_LINGER: Duration = Duration::from_secs(2);

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
    seed: Option<[u8; 32]>,
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
    device: Box<dyn Device>,
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
            seed: None,
            mistake: None,
        }
    }

    /// Adds a device. `name` is for people.
    pub fn device(mut self, name: impl Into<String>, device: impl Device + 'static) -> Builder {
        let (addresses, routes) = (Vec::new(), Vec::new());
        self.devices.push(NamedDevice { name: name.into(), device: Box::new(device), addresses, routes, tap: None });
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
        let config = self.stack.tcp.clone();
        let mut stack = Stack::new(self.stack, Secrets { seed }, self.observer);
        let mut devices: Vec<(_, Box<dyn Device>)> = Vec::new();
        let mut name = String::from("limpid");
        for NamedDevice { name: device_name, device, addresses, routes, tap } in self.devices {
            let caps = device.caps();
            let on = format!("{device_name} (MTU {})", caps.mtu);
            let interface = InterfaceConfig {
                name: device_name.clone(),
                medium: caps.medium,
                mtu: caps.mtu,
                gso_max: caps.gso_max,
                tx_checksum_offload: caps.tx_checksum,
            };
            let iface = stack.add_interface(interface).map_err(|error| refused(&format!("device {on}"), error))?;
            for address in addresses {
                let added = stack.add_address(iface, address);
                added.map_err(|error| refused(&format!("address {address} on {on}"), error))?;
            }
            for (destination, gateway) in routes {
                let added = stack.add_route(Route { destination, gateway, iface, metric: 0 });
                added.map_err(|error| refused(&format!("route to {destination} over {on}"), error))?;
            }
            name = format!("limpid-{device_name}");
            devices.push((iface, with_tap(device, tap, move || clock.now())));
        }
        Host::start(Shard::new(stack, devices, clock)?, config, self.linger, name)
    }

    fn note_mistake(&mut self, mistake: String) {
        self.mistake.get_or_insert(mistake);
    }
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
