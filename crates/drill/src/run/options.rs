//! What `--name=value` lines and the command line ask for. The command line wins.

use super::{Settings, Stop};
use crate::report::Verdict;
use crate::script::{Opt, Pos, Script};
use crate::target::Network;
use limpid_posix::Sockaddr;
use limpid_wire::{Endpoint, IpAddr};
use std::time::Duration;

/// How sockets and packets go together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum IpVersion {
    /// AF_INET sockets, IPv4 packets.
    #[default]
    V4,
    /// AF_INET6 sockets, IPv6 packets.
    V6,
    /// AF_INET6 sockets, IPv4 packets.
    V4MappedV6,
}

/// What a run is made with.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Options {
    pub(crate) ip_version: IpVersion,
    pub(crate) network: Network,
    /// Where `bind(…, ..., ...)` binds.
    pub(crate) bind_port: u16,
    /// Where `connect(…, ..., ...)` connects to.
    pub(crate) connect_port: u16,
    /// The least by which a time may be missed.
    pub(crate) tolerance: Duration,
    /// The same as a part of the time since the event before, percent.
    pub(crate) tolerance_percent: f64,
    /// Length of a tick of outbound timestamps; zero: they are not compared.
    pub(crate) ts_tick: Duration,
    /// Inbound echo replies that the script has not shown before are computed from the first timestamp.
    pub(crate) ts_ecr_scaled: bool,
    /// Outbound segments are not merged.
    pub(crate) strict_segments: bool,
    /// A wrong packet is only a remark.
    pub(crate) non_fatal_packets: bool,
    /// Inbound packets with more payload than this stand for several segments; 0: none does.
    pub(crate) gso_size: u16,
    /// Commands before everything else.
    pub(crate) init_scripts: Vec<String>,
    /// What has no effect here.
    pub(crate) remarks: Vec<String>,
}

/// What is asked for, before defaults.
#[derive(Default)]
struct Asked {
    ip_version: Option<IpVersion>,
    local: Option<IpAddr>,
    remote: Option<IpAddr>,
    gateway: Option<IpAddr>,
    prefix: Option<u8>,
    mtu: Option<u16>,
    /// Where the last of these stands.
    at: Pos,
}

/// packetdrill's defaults, but for a local host that is always the same.
const LOCAL_V4: IpAddr = IpAddr::v4([192, 168, 0, 1]);
const GATEWAY_V4: IpAddr = IpAddr::v4([192, 168, 0, 2]);
const REMOTE_V4: IpAddr = IpAddr::v4([192, 0, 2, 1]);
const PREFIX_V4: u8 = 16;
const LOCAL_V6: IpAddr = IpAddr::v6([0xfd, 0x3d, 0xfa, 0x7b, 0xd1, 0x7d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
const GATEWAY_V6: IpAddr = IpAddr::v6([0xfd, 0x3d, 0xfa, 0x7b, 0xd1, 0x7d, 0x88, 0x88, 0, 0, 0, 0, 0, 0, 0, 1]);
const REMOTE_V6: IpAddr = IpAddr::v6([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
const PREFIX_V6: u8 = 48;
const PORT: u16 = 8080;
const MTU: u16 = 1500;
const TOLERANCE: Duration = Duration::from_millis(4);
const TOLERANCE_PERCENT: f64 = 12.5;

/// The smallest MTU that carries TCP here, bytes.
const MIN_MTU: u16 = 88;

impl Network {
    /// The network that a script must be played in.
    ///
    /// # Errors
    /// [`Verdict::Unsupported`] or [`Verdict::Invalid`] if the options of script and command line can't be followed.
    pub fn of(script: &Script, settings: &Settings) -> Result<Network, Verdict> {
        Ok(Options::of(script, settings)?.network)
    }
}

impl Options {
    /// What a script and the command line ask for.
    pub(crate) fn of(script: &Script, settings: &Settings) -> Result<Options, Stop> {
        let mut options = Options {
            ip_version: IpVersion::V4,
            network: Network { local: LOCAL_V4, prefix: PREFIX_V4, gateway: GATEWAY_V4, remote: REMOTE_V4, mtu: MTU },
            bind_port: PORT,
            connect_port: PORT,
            tolerance: TOLERANCE,
            tolerance_percent: TOLERANCE_PERCENT,
            ts_tick: Duration::ZERO,
            ts_ecr_scaled: false,
            strict_segments: false,
            non_fatal_packets: false,
            gso_size: 0,
            init_scripts: Vec::new(),
            remarks: Vec::new(),
        };
        let mut asked = Asked::default();
        for Opt { at, name, value } in &script.options {
            options.apply(&mut asked, *at, name, value.as_deref())?;
        }
        for (name, value) in &settings.options {
            options.apply(&mut asked, Pos::default(), name, value.as_deref())?;
        }
        options.ip_version = asked.ip_version.unwrap_or_default();
        options.network = asked.network(options.ip_version)?;
        Ok(options)
    }

    fn apply(&mut self, asked: &mut Asked, at: Pos, name: &str, value: Option<&str>) -> Result<(), Stop> {
        let given = Given { at, name, value };
        if name.ends_with("_ip") || name == "ip_version" {
            asked.at = at;
        }
        match name {
            "ip_version" => asked.ip_version = Some(given.ip_version()?),
            "local_ip" => asked.local = Some(given.address()?.0),
            "remote_ip" => asked.remote = Some(given.address()?.0),
            "gateway_ip" => asked.gateway = Some(given.address()?.0),
            "netmask_ip" => asked.prefix = Some(given.netmask()?),
            "mtu" => asked.mtu = Some(given.number(MIN_MTU.into(), u16::MAX.into())? as u16),
            "mss" => self.gso_size = given.number(1, u16::MAX.into())? as u16,
            "bind_port" => self.bind_port = given.number(1, u16::MAX.into())? as u16,
            "connect_port" => self.connect_port = given.number(1, u16::MAX.into())? as u16,
            "tolerance_usecs" => self.tolerance = Duration::from_micros(given.number(0, u64::from(u32::MAX))?),
            "tolerance_percent" => self.tolerance_percent = given.percent()?,
            "tcp_ts_tick_usecs" => self.ts_tick = Duration::from_micros(given.number(0, 1_000_000)?),
            "tcp_ts_ecr_scaled" => self.ts_ecr_scaled = given.switch()?,
            "strict_segments" => self.strict_segments = given.switch()?,
            "non_fatal" => self.non_fatal_packets |= given.non_fatal()?,
            "init_scripts" => self.init_scripts = given.value()?.split(',').map(|s| s.trim().to_owned()).collect(),
            "code_format" if given.value()? != "python" => return Err(given.unsupported("only python's")),
            "verbose" | "v" | "debug" | "code_format" => {}
            "speed" | "code_command" | "code_sockopt" | "persistent_tun_dev" | "send_omit_free" | "wire_server_ip"
            | "wire_server_at" | "wire_server_port" | "wire_client_dev" | "wire_server_dev" => {
                self.remarks.push(format!("--{name} has no effect here"));
            }
            // Definitions have been put in the place of their names by the parser.
            "define" | "D" => {}
            _ => return Err(given.unsupported("unknown, or without a meaning here")),
        }
        Ok(())
    }

    /// Where a socket is bound if the script leaves it open.
    pub(crate) fn bind_address(&self) -> Sockaddr {
        self.sockaddr(Endpoint::new(self.network.local, self.bind_port))
    }

    /// Where a socket connects to if the script leaves it open.
    pub(crate) fn connect_address(&self) -> Sockaddr {
        self.sockaddr(Endpoint::new(self.network.remote, self.connect_port))
    }

    fn sockaddr(&self, endpoint: Endpoint) -> Sockaddr {
        match self.ip_version {
            IpVersion::V4 => Sockaddr::of(endpoint),
            IpVersion::V6 | IpVersion::V4MappedV6 => Sockaddr::v6(endpoint),
        }
    }
}

impl Asked {
    fn network(self, version: IpVersion) -> Result<Network, Stop> {
        let v6 = version == IpVersion::V6;
        let (local, gateway, remote, prefix) = match v6 {
            false => (LOCAL_V4, GATEWAY_V4, REMOTE_V4, PREFIX_V4),
            true => (LOCAL_V6, GATEWAY_V6, REMOTE_V6, PREFIX_V6),
        };
        let network = Network {
            local: self.local.unwrap_or(local),
            prefix: self.prefix.unwrap_or(prefix),
            gateway: self.gateway.unwrap_or(gateway),
            remote: self.remote.unwrap_or(remote),
            mtu: self.mtu.unwrap_or(MTU),
        };
        if [network.local, network.gateway, network.remote].iter().any(|address| address.is_v4() == v6) {
            return Err(Stop::invalid(self.at, "an address is not of the version that --ip_version states"));
        }
        if network.prefix > network.local.bits() {
            return Err(Stop::invalid(self.at, "the netmask does not fit the addresses"));
        }
        Ok(network)
    }
}

/// An option as given.
struct Given<'a> {
    at: Pos,
    name: &'a str,
    value: Option<&'a str>,
}

impl<'a> Given<'a> {
    fn value(&self) -> Result<&'a str, Stop> {
        self.value.ok_or_else(|| Stop::invalid(self.at, format!("--{} needs a value", self.name)))
    }

    fn bad(&self) -> Stop {
        Stop::invalid(self.at, format!("bad --{}: {}", self.name, self.value.unwrap_or_default()))
    }

    fn unsupported(&self, why: &str) -> Stop {
        let value = self.value.map_or(String::new(), |value| format!("={value}"));
        Stop::unsupported(self.at, format!("option --{}{value}: {why}", self.name))
    }

    fn number(&self, least: u64, most: u64) -> Result<u64, Stop> {
        let text = self.value()?;
        let number = text.parse().ok().filter(|n| (least..=most).contains(n));
        let wrong =
            || Stop::invalid(self.at, format!("bad --{}: {text}; it is a number from {least} to {most}", self.name));
        number.ok_or_else(wrong)
    }

    fn percent(&self) -> Result<f64, Stop> {
        let number: Option<f64> = self.value()?.parse().ok();
        number.filter(|n| n.is_finite() && *n >= 0.0).ok_or_else(|| self.bad())
    }

    fn switch(&self) -> Result<bool, Stop> {
        match self.value {
            None | Some("true" | "1") => Ok(true),
            Some("false" | "0") => Ok(false),
            Some(_) => Err(self.bad()),
        }
    }

    fn ip_version(&self) -> Result<IpVersion, Stop> {
        match self.value()? {
            "ipv4" => Ok(IpVersion::V4),
            "ipv6" => Ok(IpVersion::V6),
            "ipv4-mapped-ipv6" => Ok(IpVersion::V4MappedV6),
            _ => Err(self.bad()),
        }
    }

    /// `192.0.2.1` or `192.0.2.1/24`.
    fn address(&self) -> Result<(IpAddr, Option<u8>), Stop> {
        let (address, prefix) = match self.value()?.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse().map_err(|_| self.bad())?)),
            None => (self.value()?, None),
        };
        let address: IpAddr = address.parse().map_err(|_| self.bad())?;
        Ok((address, prefix))
    }

    /// `255.255.0.0`, `/16` or `16`.
    fn netmask(&self) -> Result<u8, Stop> {
        let value = self.value()?;
        if let Ok(prefix) = value.trim_start_matches('/').parse::<u8>() {
            return Ok(prefix);
        }
        let mask: std::net::Ipv4Addr = value.parse().map_err(|_| self.bad())?;
        let bits = u32::from(mask);
        if bits.leading_ones() + bits.trailing_zeros() == 32 { Ok(bits.leading_ones() as u8) } else { Err(self.bad()) }
    }

    /// True if `packet` is among what should not end a run.
    fn non_fatal(&self) -> Result<bool, Stop> {
        let mut packets = false;
        for word in self.value()?.split([',', ' ']).filter(|word| !word.is_empty()) {
            match word {
                "packet" => packets = true,
                "syscall" => return Err(self.unsupported("a wrong result of a call always ends the run")),
                _ => return Err(self.bad()),
            }
        }
        Ok(packets)
    }
}

#[cfg(test)]
mod tests;
