//! A live run: our host joined to Linux's own TCP by a TUN device, everything recorded.
//!
//! With `--spawn` Linux's side is a private network in which a program of the user's runs; with `--tun` or `--device` it is
//! whatever the user has set up. `telnet` and `listen` share this.

mod arguments;
mod spawned;
mod watch;

pub(crate) use arguments::{LiveArgs, PORT_RANGE};
pub(crate) use spawned::{Spawned, Stdio};

use crate::error::{CliError, plain};
use crate::report::{self, ReportOptions};
use arguments::{DeviceName, Ends};
use limpid::device::namespace::{KernelRoute, Namespace, NamespaceError, RouteMetrics};
use limpid::device::{Device, Packet, PacketConfig, PacketError, Tun, TunConfig, Xdp, XdpConfig};
use limpid::{Cidr, Clock, Host, IpAddr};
use limpid_lab::recorder::{DeviceRecorder, Recorder};
use limpid_scope::trace::View;
use std::time::Duration;
use watch::Watch;

/// How long connections that are closing may take at the end of a run.
const CLOSING: Duration = Duration::from_secs(2);
/// How long a spawned server may take until it listens.
const STARTING: Duration = Duration::from_secs(10);

/// Which part our host plays. The client stands at the left of pictures.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Role {
    Client,
    Server,
}

/// A live run. The fields are dropped in order: our host first, while Linux's side still answers, and the network last.
pub(crate) struct Live {
    host: Host,
    spawned: Option<Spawned>,
    namespace: Option<Namespace>,
    ends: Ends,
    recorder: Recorder,
    watch: Watch,
    pcap: Option<report::PcapFile>,
    /// What to show at the end, if anything.
    report: Option<ReportOptions>,
}

impl Live {
    /// Sets everything up. It has to come before the first thread, because of user namespaces.
    pub(crate) fn open(args: &LiveArgs, role: Role, peer: Option<IpAddr>) -> Result<Live, CliError> {
        let pcap = args.pcap.as_deref().map(report::PcapFile::create).transpose()?;
        let ends = args.ends(peer)?;
        let existing = args.device();
        let (namespace, name, device): (_, _, Box<dyn Device>) = match &existing {
            Some(DeviceName::Tun(name)) => {
                (None, name.clone(), Box::new(Tun::attach(name, false).map_err(attach_error)?))
            }
            Some(DeviceName::Packet(name)) => {
                // As it is on a wire: the pictures show segments as they are sent.
                let config = PacketConfig { offload: false, ..PacketConfig::new(name) };
                (None, name.clone(), Box::new(Packet::open(&config).map_err(packet_error)?))
            }
            Some(DeviceName::Xdp(name)) => {
                let device = Xdp::open(&XdpConfig::new(name)).map_err(packet_error)?;
                eprintln!("{device}");
                (None, name.clone(), Box::new(device))
            }
            None => {
                let (namespace, tun) = private_network(ends).map_err(network_error)?;
                (Some(namespace), tun.name().to_owned(), Box::new(tun))
            }
        };
        let clock = Clock::start();
        let recorder = Recorder::new(clock.epoch_nanos());
        let (ours, theirs) = add_hosts(&recorder, role, ends);
        let watch = Watch::default();
        let tap = DeviceRecorder::new(recorder.clone(), ours, theirs, device.caps().medium);
        let mut builder = Host::builder()
            .clock(clock)
            .observer(watch.observer(recorder.observer(ours)))
            .linger(Duration::ZERO)
            .device(name, device)
            .address_cidr(ends.ours)
            .tap(tap)
            .route(host_route(ends.peer.addr), None);
        if existing.is_some() {
            builder = builder.route(everything(ends.ours.addr), None);
        }
        let host = builder.build().map_err(|e| CliError::run("host", plain(&e)))?;
        let report = (!args.quiet).then(|| ReportOptions { ascii: args.ascii, ..ReportOptions::default() });
        Ok(Live { host, spawned: None, namespace, ends, recorder, watch, pcap, report })
    }

    /// Our host.
    pub(crate) fn host(&self) -> &Host {
        &self.host
    }

    /// Our address.
    pub(crate) fn address(&self) -> IpAddr {
        self.ends.ours.addr
    }

    /// Linux's address.
    pub(crate) fn peer_address(&self) -> IpAddr {
        self.ends.peer.addr
    }

    /// True if Linux's side is a private network.
    pub(crate) fn is_private(&self) -> bool {
        self.namespace.is_some()
    }

    /// Starts the user's command on Linux's side, if there is one. It finds our address and this port in its
    /// environment.
    pub(crate) fn spawn(&mut self, args: &LiveArgs, port: u16, stdio: Stdio) -> Result<(), CliError> {
        if let (Some(namespace), Some(command)) = (&self.namespace, &args.spawn) {
            let environment = [("LIMPID_ADDRESS", self.address().to_string()), ("LIMPID_PORT", port.to_string())];
            self.spawned = Some(Spawned::start(namespace, command, &environment, stdio)?);
        }
        Ok(())
    }

    /// The command that was started.
    pub(crate) fn spawned(&mut self) -> Option<&mut Spawned> {
        self.spawned.as_mut()
    }

    /// Waits until the command that was started listens on `port`.
    pub(crate) fn wait_for_listener(&mut self, port: u16) -> Result<(), CliError> {
        match (&self.namespace, &mut self.spawned) {
            (Some(namespace), Some(spawned)) => spawned.wait_for_listener(namespace, port, STARTING),
            _ => Ok(()),
        }
    }

    /// Waits for connections that are closing, ends everything, and shows what was recorded.
    pub(crate) fn finish(self) -> Result<(), CliError> {
        self.watch.wait_until_closed(CLOSING);
        let Live { host, spawned, namespace, ends: _, recorder, watch: _, pcap, report } = self;
        let end = host.clock().now();
        drop((host, spawned, namespace));
        let trace = recorder.trace(end);
        if let Some(pcap) = pcap {
            pcap.write(&trace)?;
        }
        report.map_or(Ok(()), |options| report::print(&trace, &options))
    }
}

/// A network of its own for Linux's side, with a TUN device into it.
fn private_network(ends: Ends) -> Result<(Namespace, Tun), NamespaceError> {
    let namespace = Namespace::enter()?;
    let config = TunConfig { kernel_addresses: vec![ends.peer], ..TunConfig::default() };
    let tun = namespace.tun(&config)?;
    let link = tun.name().to_owned();
    let destination = host_route(ends.ours.addr);
    namespace.add_route(&KernelRoute { destination, gateway: None, link, metrics: RouteMetrics::default() })?;
    Ok((namespace, tun))
}

/// Our host's index and Linux's. The client stands at the left.
fn add_hosts(recorder: &Recorder, role: Role, ends: Ends) -> (usize, usize) {
    let ours = |name| recorder.add_host(name, vec![ends.ours.addr], View::Inside);
    let theirs = || recorder.add_host("Linux", vec![ends.peer.addr], View::Estimated);
    match role {
        Role::Client => (ours("client"), theirs()),
        Role::Server => {
            let theirs = theirs();
            (ours("server"), theirs)
        }
    }
}

fn network_error(error: NamespaceError) -> CliError {
    let message = CliError::run("network", crate::error::without_errno(&error.to_string()));
    match error.hint() {
        Some(hint) => message.hint(hint),
        None => message,
    }
}

fn attach_error(error: NamespaceError) -> CliError {
    let held = matches!(&error, NamespaceError::Step { error, .. } if error.kind() == std::io::ErrorKind::ResourceBusy);
    let otherwise = match held {
        true => "another process has it: end that one, or name another device",
        false => "make it with: ip tuntap add NAME mode tun user $USER",
    };
    let hint = error.hint().unwrap_or(otherwise);
    CliError::run("network", crate::error::without_errno(&error.to_string())).hint(hint)
}

fn packet_error(error: PacketError) -> CliError {
    let message = CliError::run("network", crate::error::without_errno(&error.to_string()));
    match error.hint() {
        Some(hint) => message.hint(hint),
        None => message,
    }
}

/// The network that holds one address only.
fn host_route(addr: IpAddr) -> Cidr {
    Cidr { addr, prefix: if addr.is_v4() { 32 } else { 128 } }
}

/// The network that holds every address of the same version.
fn everything(addr: IpAddr) -> Cidr {
    Cidr { addr: if addr.is_v4() { IpAddr::UNSPECIFIED_V4 } else { IpAddr::UNSPECIFIED }, prefix: 0 }
}
