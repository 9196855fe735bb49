//! Names for addresses, ports and interfaces, from this machine's files.

use limpid_wire::IpAddr;
use std::collections::HashMap;
use std::sync::Arc;

/// Names for addresses, ports and interfaces. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Names {
    tables: Arc<Tables>,
}

#[derive(Debug, Default)]
struct Tables {
    tcp: HashMap<u16, String>,
    udp: HashMap<u16, String>,
    hosts: HashMap<IpAddr, String>,
    interfaces: HashMap<u32, String>,
}

impl Names {
    /// Reads `/etc/services`, `/etc/hosts`, and the names of this machine's interfaces. What can't be read is left out.
    pub fn of_this_machine() -> Names {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        Names::parse(&read("/etc/services"), &read("/etc/hosts"), interfaces())
    }

    /// Only the names of this machine's interfaces, which tcpdump prints with `-n` too.
    pub fn of_interfaces() -> Names {
        Names::parse("", "", interfaces())
    }

    /// Names out of the texts of a `services` and a `hosts` file (services(5), hosts(5)). The first name of a port or
    /// address counts.
    pub fn parse(services: &str, hosts: &str, interfaces: HashMap<u32, String>) -> Names {
        let mut tables = Tables { interfaces, ..Tables::default() };
        for (name, port) in lines(services).filter_map(|mut words| Some((words.next()?, words.next()?))) {
            let Some((port, protocol)) = port.split_once('/') else { continue };
            let table = match protocol {
                "tcp" => &mut tables.tcp,
                "udp" => &mut tables.udp,
                _ => continue,
            };
            if let Ok(port) = port.parse() {
                table.entry(port).or_insert_with(|| name.to_owned());
            }
        }
        for (address, name) in lines(hosts).filter_map(|mut words| Some((words.next()?, words.next()?))) {
            if let Ok(address) = address.parse() {
                tables.hosts.entry(address).or_insert_with(|| name.to_owned());
            }
        }
        Names { tables: Arc::new(tables) }
    }

    pub(super) fn tcp(&self, port: u16) -> Option<&str> {
        self.tables.tcp.get(&port).map(String::as_str)
    }

    pub(super) fn udp(&self, port: u16) -> Option<&str> {
        self.tables.udp.get(&port).map(String::as_str)
    }

    pub(super) fn host(&self, address: IpAddr) -> Option<&str> {
        self.tables.hosts.get(&address).map(String::as_str)
    }

    pub(super) fn interface(&self, index: u32) -> Option<&str> {
        self.tables.interfaces.get(&index).map(String::as_str)
    }
}

/// The words of each line, comments left out.
fn lines(text: &str) -> impl Iterator<Item = std::str::SplitWhitespace<'_>> {
    text.lines().map(|line| line.split('#').next().unwrap_or_default().split_whitespace())
}

/// The names of this machine's interfaces by their index, from sysfs.
fn interfaces() -> HashMap<u32, String> {
    let Ok(entries) = std::fs::read_dir("/sys/class/net") else { return HashMap::new() };
    entries
        .flatten()
        .filter_map(|entry| {
            let index = std::fs::read_to_string(entry.path().join("ifindex")).ok()?;
            Some((index.trim().parse().ok()?, entry.file_name().into_string().ok()?))
        })
        .collect()
}
