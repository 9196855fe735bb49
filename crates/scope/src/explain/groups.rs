//! The connections that are not told of one by one, in groups of those that are alike.

use super::badness::Badness;
use crate::flows::{Ending, Flow, Opening, TroubleKind};
use crate::words;
use std::collections::HashMap;
use std::time::Duration;

/// The most groups; what fits in none is counted among the last.
const MAX_GROUPS: usize = 64;
/// The most connections that a group names.
const MAX_NAMED: usize = 5;

/// Connections that are alike.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Group {
    /// They are those that fitted in no other group, for there were too many: the kinds of trouble and of ending are mixed.
    pub mixed: bool,
    /// A filter hid some of their packets: they are not judged.
    pub hidden: bool,
    /// What their worst trouble is; `None` for those in order.
    pub trouble: Option<TroubleKind>,
    /// How they ended.
    pub ending: Ending,
    /// The port they called; 0 where they called several.
    pub port: u16,
    /// How many.
    pub count: u64,
    /// Payload of all together, each byte once.
    pub bytes: u64,
    /// Packets of all together.
    pub packets: u64,
    /// The shortest and the longest.
    pub lasted: (Duration, Duration),
    /// The shortest and the longest round trip between the ends.
    pub round_trip: Option<(Duration, Duration)>,
    /// Numbers of the first few.
    pub numbers: Vec<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Key {
    mixed: bool,
    hidden: bool,
    trouble: Option<TroubleKind>,
    opening: Opening,
    ending: Ending,
    port: u16,
}

#[derive(Debug, Default)]
pub(super) struct Groups {
    groups: HashMap<Key, (Badness, Group)>,
}

impl Groups {
    pub(super) fn take(&mut self, flow: &Flow, badness: Badness, hidden: bool) {
        let worst = flow.troubles.worst().map(|trouble| trouble.kind);
        let trouble = worst.filter(|_| !badness.is_ordinary());
        let port = flow.ends[1].endpoint.port;
        let mut key = Key { mixed: false, hidden, trouble, opening: flow.opening, ending: flow.ending, port };
        if hidden {
            key = Key { trouble: None, opening: Opening::Handshake, ending: Ending::Open, port: 0, ..key };
        } else if trouble.is_none() || !self.groups.contains_key(&key) && self.groups.len() >= MAX_GROUPS / 2 {
            // Those in order are one group for each ending, whatever they called.
            key = Key { port: 0, opening: Opening::Handshake, ..key };
        }
        if !self.groups.contains_key(&key) && self.groups.len() >= MAX_GROUPS {
            key = Key {
                mixed: true,
                hidden: false,
                trouble: None,
                opening: Opening::Handshake,
                ending: Ending::Open,
                port: 0,
            };
        }
        let lasted = flow.duration();
        let (worst, group) = self.groups.entry(key).or_insert_with(|| {
            let group = Group {
                mixed: key.mixed,
                hidden: key.hidden,
                trouble: key.trouble,
                ending: key.ending,
                port: key.port,
                count: 0,
                bytes: 0,
                packets: 0,
                lasted: (lasted, lasted),
                round_trip: None,
                numbers: Vec::new(),
            };
            (badness, group)
        });
        *worst = (*worst).max(badness);
        group.count += 1;
        group.bytes += flow.unique_bytes();
        group.packets += flow.packets();
        group.lasted = (group.lasted.0.min(lasted), group.lasted.1.max(lasted));
        if let Some(took) = flow.round_trip() {
            let (least, most) = group.round_trip.unwrap_or((took, took));
            group.round_trip = Some((least.min(took), most.max(took)));
        }
        let number = flow.number.0;
        let at = group.numbers.partition_point(|known| *known < number);
        if at < MAX_NAMED {
            group.numbers.insert(at, number);
            group.numbers.truncate(MAX_NAMED);
        }
    }

    /// The worst first, of those as bad the largest.
    pub(super) fn finish(self) -> Vec<Group> {
        let mut groups: Vec<(Badness, Group)> = self.groups.into_values().collect();
        groups.sort_by_key(|(badness, group)| {
            (group.trouble.is_none() && !group.mixed, std::cmp::Reverse((*badness, group.count)), group.port)
        });
        groups.into_iter().map(|(_, group)| group).collect()
    }
}

/// One line: `9,982 connections were in order (closed): 1.2 GB …`.
impl std::fmt::Display for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let connections = words::count(self.count, "connection");
        match self.trouble {
            None if self.hidden => write!(f, "{connections} of which the filter hid packets, and that are not judged")?,
            None if self.mixed => write!(f, "{connections} of other kinds")?,
            None if self.count == 1 => write!(f, "{connections} was ordinary ({})", self.ending.text())?,
            None => write!(f, "{connections} were ordinary ({})", self.ending.text())?,
            Some(trouble) if trouble.text() == self.ending.text() => write!(f, "{connections}: {}", trouble.text())?,
            Some(trouble) => write!(f, "{connections}: {} ({})", trouble.text(), self.ending.text())?,
        }
        if self.port != 0 {
            write!(f, " to port {}", self.port)?;
        }
        let span = |(least, most): (Duration, Duration)| match words::duration(least) == words::duration(most) {
            true => words::duration(most),
            false => format!("{} to {}", words::duration(least), words::duration(most)),
        };
        write!(f, "; {}, {}", words::count(self.packets, "packet"), words::bytes(self.bytes))?;
        write!(f, "; each {}", span(self.lasted))?;
        if let Some(round_trip) = self.round_trip {
            write!(f, ", round trip {}", span(round_trip))?;
        }
        let more = if self.count > self.numbers.len() as u64 { " …" } else { "" };
        write!(f, " (#{}{more})", self.numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(", #"))
    }
}
