//! Names of hosts, ports and protocols, from this machine's files. Nothing is asked of the network.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::LazyLock;

/// What names mean: hosts(5), services(5), protocols(5).
#[derive(Clone, Debug, Default)]
pub struct NameTables {
    hosts: HashMap<String, Vec<IpAddr>>,
    services: HashMap<(String, String), u16>,
    protocols: HashMap<String, u32>,
}

impl NameTables {
    /// Those of this machine, read once.
    pub fn of_this_machine() -> &'static NameTables {
        static TABLES: LazyLock<NameTables> = LazyLock::new(|| {
            let read = |path| std::fs::read_to_string(path).unwrap_or_default();
            NameTables::parse(&read("/etc/hosts"), &read("/etc/services"), &read("/etc/protocols"))
        });
        &TABLES
    }

    /// Out of the texts of the three files. The first meaning of a name counts; a host may have several addresses.
    pub fn parse(hosts: &str, services: &str, protocols: &str) -> NameTables {
        let mut tables = NameTables::default();
        for words in lines(hosts) {
            let Some((address, names)) = words.split_first() else { continue };
            let Ok(address) = address.parse::<IpAddr>() else { continue };
            for name in names {
                let addresses = tables.hosts.entry(name.to_ascii_lowercase()).or_default();
                if !addresses.contains(&address) {
                    addresses.push(address);
                }
            }
        }
        for words in lines(services) {
            let [name, port, aliases @ ..] = words.as_slice() else { continue };
            let Some((port, protocol)) = port.split_once('/') else { continue };
            let Ok(port) = port.parse() else { continue };
            for name in std::iter::once(name).chain(aliases) {
                tables.services.entry(((*name).to_owned(), protocol.to_owned())).or_insert(port);
            }
        }
        for words in lines(protocols) {
            let [name, number, aliases @ ..] = words.as_slice() else { continue };
            let Ok(number) = number.parse() else { continue };
            for name in std::iter::once(name).chain(aliases) {
                tables.protocols.entry((*name).to_owned()).or_insert(number);
            }
        }
        tables
    }

    pub(super) fn host(&self, name: &str) -> &[IpAddr] {
        self.hosts.get(&name.to_ascii_lowercase()).map_or(&[], Vec::as_slice)
    }

    pub(super) fn service(&self, name: &str, protocol: &str) -> Option<u16> {
        self.services.get(&(name.to_owned(), protocol.to_owned())).copied()
    }

    pub(super) fn protocol(&self, name: &str) -> Option<u32> {
        self.protocols.get(name).copied()
    }
}

/// The words of each line, comments left out.
fn lines(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines().map(|line| line.split('#').next().unwrap_or_default().split_whitespace().collect())
}
