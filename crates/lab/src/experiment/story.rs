//! A trace told in as few words as tell runs apart: who sent what kind of segment, in order. Times and numbers are left
//! out, so that stories of our stack and of Linux can be compared.

use limpid_scope::trace::{Packet, Trace};
use limpid_wire::tcp::TcpHeader;
use limpid_wire::{IpPacket, IpProtocol, TcpFlags};
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

/// The packets of a trace, in the order in which they were sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Story(pub Vec<Line>);

/// One packet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// Index of the sending host.
    pub from: usize,
    /// Its name.
    pub who: String,
    /// What it is.
    pub kind: Kind,
    /// It never arrived.
    pub lost: bool,
}

/// What a packet is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A TCP segment.
    Tcp {
        /// Its header.
        header: TcpHeader,
        /// Its payload's length.
        len: usize,
    },
    /// An ICMP message.
    Icmp,
    /// Anything else.
    Other,
}

/// Tells the story of a trace.
pub fn story(trace: &Trace) -> Story {
    let line = |packet: &Packet| Line {
        from: packet.from,
        who: trace.hosts.get(packet.from).map_or_else(String::new, |host| host.name.clone()),
        kind: kind(&packet.bytes),
        lost: packet.arrival.is_lost(),
    };
    Story(trace.packets.iter().map(line).collect())
}

fn kind(bytes: &[u8]) -> Kind {
    let Ok(packet) = IpPacket::parse(bytes) else { return Kind::Other };
    match packet.protocol {
        IpProtocol::TCP => match TcpHeader::parse(&bytes[packet.payload]) {
            Ok((header, data)) => Kind::Tcp { header, len: data.len() },
            Err(_) => Kind::Other,
        },
        IpProtocol::ICMP | IpProtocol::ICMPV6 => Kind::Icmp,
        _ => Kind::Other,
    }
}

impl Story {
    /// The lines as words: `client S`, `server S.`, `client P. 5`, `client F. lost`.
    pub fn words(&self) -> Vec<String> {
        self.0.iter().map(Line::to_string).collect()
    }

    /// The same with numbers, relative to the first segment of each direction of each connection: `client P. 1:5 ack 1`.
    pub fn numbered(&self) -> Vec<String> {
        let mut isns = BTreeMap::new();
        let mut numbered = Vec::new();
        for line in &self.0 {
            let mut text = line.to_string();
            if let Kind::Tcp { header, len } = &line.kind {
                let here = (line.from, header.src_port, header.dst_port);
                // A SYN begins a connection anew, unless it is the same one again.
                let again = isns.get(&here) == Some(&header.seq);
                if header.flags.contains(TcpFlags::SYN) && !again {
                    isns.insert(here, header.seq);
                }
                let isn = *isns.entry(here).or_insert(header.seq);
                let from = header.seq - isn;
                let _ = write!(text, " {}:{}", from, from.wrapping_add(*len as u32));
                let there = isns.iter().find(|((from, src, dst), _)| {
                    (*from, *src, *dst) != here && (*src, *dst) == (header.dst_port, header.src_port)
                });
                if let (true, Some((_, isn))) = (header.flags.contains(TcpFlags::ACK), there) {
                    let _ = write!(text, " ack {}", header.ack - *isn);
                }
            }
            numbered.push(text);
        }
        numbered
    }

    /// How many segments fit.
    pub fn count(&self, mut fits: impl FnMut(&Line, &TcpHeader, usize) -> bool) -> usize {
        let tcp = |line: &&Line| matches!(&line.kind, Kind::Tcp { header, len } if fits(line, header, *len));
        self.0.iter().filter(tcp).count()
    }

    /// How many segments have one of these flags.
    pub fn count_flags(&self, flags: TcpFlags) -> usize {
        self.count(|_, header, _| header.flags.intersects(flags))
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.who)?;
        match &self.kind {
            Kind::Tcp { header, len } => {
                let letters = [
                    (TcpFlags::FIN, 'F'),
                    (TcpFlags::SYN, 'S'),
                    (TcpFlags::RST, 'R'),
                    (TcpFlags::PSH, 'P'),
                    (TcpFlags::ACK, '.'),
                ];
                for (flag, letter) in letters {
                    if header.flags.contains(flag) {
                        write!(f, "{letter}")?;
                    }
                }
                if *len > 0 {
                    write!(f, " {len}")?;
                }
            }
            Kind::Icmp => f.write_str("ICMP")?,
            Kind::Other => f.write_str("?")?,
        }
        if self.lost { f.write_str(" lost") } else { Ok(()) }
    }
}

impl fmt::Debug for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words().join(", "))
    }
}

#[cfg(test)]
mod tests;
