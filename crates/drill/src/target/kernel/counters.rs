//! Linux's counters, as `nstat` names them: `/proc/net/netstat`, `snmp` and `snmp6`.

use std::fs;
use std::io;

/// Of the namespace that this thread is in.
const FOLDER: &str = "/proc/thread-self/net";

/// All of them.
pub(super) fn all() -> io::Result<Vec<(String, u64)>> {
    let mut counters = Vec::new();
    for file in ["netstat", "snmp"] {
        counters.extend(in_pairs(&fs::read_to_string(format!("{FOLDER}/{file}"))?));
    }
    // Not on a machine without IPv6.
    if let Ok(text) = fs::read_to_string(format!("{FOLDER}/snmp6")) {
        counters.extend(in_columns(&text));
    }
    Ok(counters)
}

/// A line of names and a line of values, both with the group in front: `Tcp: ActiveOpens …`, `Tcp: 3 …`. What is negative
/// (`Tcp: MaxConn`) is no counter.
fn in_pairs(text: &str) -> Vec<(String, u64)> {
    let mut counters = Vec::new();
    let mut lines = text.lines();
    while let (Some(names), Some(values)) = (lines.next(), lines.next()) {
        let (Some((group, names)), Some((_, values))) = (names.split_once(": "), values.split_once(": ")) else {
            continue;
        };
        for (name, value) in names.split(' ').zip(values.split(' ')) {
            if let Ok(value) = value.parse() {
                counters.push((format!("{group}{name}"), value));
            }
        }
    }
    counters
}

/// A name and a value in each line.
fn in_columns(text: &str) -> Vec<(String, u64)> {
    let counter = |line: &str| {
        let mut words = line.split_whitespace();
        Some((words.next()?.to_owned(), words.next()?.parse().ok()?))
    };
    text.lines().filter_map(counter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_has_its_value() {
        let text = "TcpExt: SyncookiesSent TCPTimeouts\nTcpExt: 1 22\nTcp: MaxConn ActiveOpens\nTcp: -1 5\nbroken\n";
        let expected = [("TcpExtSyncookiesSent", 1), ("TcpExtTCPTimeouts", 22), ("TcpActiveOpens", 5)];
        assert_eq!(in_pairs(text), expected.map(|(name, value)| (name.to_owned(), value)));
        assert_eq!(in_columns("Ip6InReceives   \t7\nhalf\n"), [("Ip6InReceives".to_owned(), 7)]);
    }
}
