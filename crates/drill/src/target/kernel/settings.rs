//! Settings of Linux in its private network: only what is the network's own is changed, never the machine's.

use super::super::{Applied, Setting, TargetError};
use super::KernelTarget;
use limpid_device::namespace::{KernelRoute, NamespaceError, RouteMetrics};
use limpid_wire::Cidr;
use std::fs;
use std::io;

/// Linux lets a private network choose by it only what the machine's administrator opened to all; a route may choose any.
const CONGESTION_CONTROL: &str = "net.ipv4.tcp_congestion_control";

/// What a private network takes over from its machine, as Linux has it where nobody set anything: scripts see the window scale
/// that follows.
const STOCK: [(&str, &str); 3] = [
    ("net.ipv4.tcp_rmem", "4096 131072 6291456"),
    ("net.ipv4.tcp_wmem", "4096 16384 4194304"),
    (CONGESTION_CONTROL, "cubic"),
];

impl KernelTarget {
    /// Sets what differs from machine to machine to what Linux comes with.
    pub(super) fn set_stock(&mut self) {
        for (name, value) in STOCK {
            // A script that depends on one which can't be had fails, and says at what.
            let _ = self.set_sysctl(name, value);
        }
    }

    pub(super) fn apply(&mut self, setting: &Setting) -> Result<Applied, TargetError> {
        match setting {
            Setting::Sysctl { name, value } => self.set_sysctl(name, value),
            Setting::Module { module, parameter, value } => module_parameter(module, parameter, value),
            Setting::FlushMetrics if self.fresh => Ok(Applied::Done),
            Setting::FlushMetrics => refused_as(self.namespace.flush_tcp_metrics()),
            Setting::FlushRoutes => refused_as(self.namespace.set_sysctl("net.ipv4.route.flush", "1")),
            Setting::Route { destination, metrics } => self.set_route(*destination, metrics),
            Setting::Queue(queue) => refused_as(self.namespace.set_queue(&self.route.link, *queue)),
            Setting::Segmentation { allowed } => {
                refused_as(self.namespace.set_segmentation(&self.route.link, *allowed))
            }
        }
    }

    fn set_sysctl(&mut self, name: &str, value: &str) -> Result<Applied, TargetError> {
        let chooses = name.replace('/', ".") == CONGESTION_CONTROL;
        let error = match self.namespace.set_sysctl(name, value) {
            Ok(()) if chooses => return self.set_congestion_control(None),
            Ok(()) => return Ok(Applied::Done),
            Err(error) => error,
        };
        let closed =
            matches!(&error, NamespaceError::Step { error, .. } if error.kind() == io::ErrorKind::PermissionDenied);
        if closed && self.namespace.sysctl(name).is_ok_and(|now| words(&now).eq(words(value))) {
            return Ok(Applied::Done);
        }
        if closed && chooses {
            return self.set_congestion_control(Some(value.trim()));
        }
        refused_as(Err(error))
    }

    /// Congestion control by route, or by the sysctl alone.
    fn set_congestion_control(&mut self, name: Option<&str>) -> Result<Applied, TargetError> {
        if self.route.metrics.congctl.as_deref() == name {
            return Ok(Applied::Done);
        }
        let mut route = self.route.clone();
        route.metrics.congctl = name.map(str::to_owned);
        self.replace_route(route)
    }

    /// As `ip route change`: what is not named is as if it had never been set.
    fn set_route(&mut self, destination: Option<Cidr>, metrics: &RouteMetrics) -> Result<Applied, TargetError> {
        // The sysctl's, where it was closed, stays.
        let congctl = metrics.congctl.clone().or_else(|| self.route.metrics.congctl.clone());
        let metrics = RouteMetrics { congctl, ..metrics.clone() };
        let remote = self.route.destination.addr;
        match destination.filter(|network| !network.contains(remote)) {
            // The script's end is reached by a route of its own: whichever route is named, it is that one which counts.
            None => self.replace_route(KernelRoute { metrics, ..self.route.clone() }),
            Some(destination) => {
                let route = KernelRoute { destination: destination.network(), metrics, ..self.route.clone() };
                refused_as(self.namespace.add_route(&route))
            }
        }
    }

    fn replace_route(&mut self, route: KernelRoute) -> Result<Applied, TargetError> {
        let applied = refused_as(self.namespace.add_route(&route))?;
        self.route = route;
        Ok(applied)
    }

    pub(super) fn read_proc(&self, path: &str) -> Result<String, TargetError> {
        if let Some(name) = path.strip_prefix("/proc/sys/") {
            let value = self.namespace.sysctl(name);
            return value.map_err(target_error);
        }
        match path {
            "/proc/net/tcp" | "/proc/net/tcp6" | "/proc/net/netstat" | "/proc/net/snmp" | "/proc/net/snmp6"
            | "/proc/net/sockstat" => {
                let path = path.replace("/proc/", "/proc/thread-self/");
                fs::read_to_string(path).map_err(|error| super::broken("/proc", &error))
            }
            _ => Err(TargetError::Unsupported(format!("{path}: not a file of the network's own"))),
        }
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_whitespace()
}

/// A module's parameter is the whole machine's: it may be what is wanted already, and is not changed.
fn module_parameter(module: &str, parameter: &str, value: &str) -> Result<Applied, TargetError> {
    let what = format!("parameter {parameter} of module {module}");
    let is_name = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !is_name(module) || !is_name(parameter) {
        return Err(TargetError::Unsupported(format!("{what}: no such name")));
    }
    match fs::read_to_string(format!("/sys/module/{module}/parameters/{parameter}")) {
        Ok(now) if now.trim() == value.trim() => Ok(Applied::Done),
        Ok(now) => Err(TargetError::Unsupported(format!("{what} is {}, for the whole machine", now.trim()))),
        Err(error) => Err(TargetError::Unsupported(format!("{what}: {error}"))),
    }
}

fn refused_as(result: Result<(), NamespaceError>) -> Result<Applied, TargetError> {
    result.map(|()| Applied::Done).map_err(target_error)
}

/// A value that Linux refuses is the script's business; what it does not have, or does not let us have, is not there.
fn target_error(error: NamespaceError) -> TargetError {
    let text = error.to_string();
    match &error {
        NamespaceError::Step { error, .. } => match error.raw_os_error().map(io::Error::from_raw_os_error) {
            Some(error) if matches!(error.kind(), io::ErrorKind::InvalidInput) => TargetError::Refused(text),
            _ => TargetError::Unsupported(text),
        },
        _ => TargetError::Broken(text),
    }
}
