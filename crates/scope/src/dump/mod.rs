//! tcpdump's text: what `tcpdump -r` 4.99.3 prints for a packet, letter for letter.
//!
//! [`Printer::print`] gives a packet's line (with `-v` its lines). It knows Ethernet with 802.1Q, PPPoE and MPLS,
//! PPP, HDLC, BSD loopback, raw IP and Linux "cooked" captures; ARP, IPv4, IPv6 with its extension headers, ICMP, ICMPv6 with neighbour discovery, UDP
//! and TCP with every option that tcpdump names. Hostile packets are printed as tcpdump prints them; that is why it walks
//! the bytes itself instead of using the checked parsers of `limpid_wire`.
//!
//! # Where it differs
//! - What follows `length N` of a TCP segment (tcpdump decodes many applications by port) is left out; UDP payloads are
//!   always `UDP, length N`.
//! - Protocols that limpid does not know are one short line, without what they carry; so are types of ICMPv6 beyond
//!   errors, echo, neighbour and listener discovery. Extensions of ICMP errors (RFC 4884) are left out.
//! - Times after 2038-01-19, where tcpdump says `[Error converting time]`, are printed.
//! - Addresses get names from `/etc/hosts` alone; nothing is asked of the network.
//!
//! # Relative sequence numbers
//! Without [`Options::absolute_seq`] the numbers of a connection are relative, by tcpdump's rule, which needs a table of
//! the connections seen. tcpdump's grows without end; ours holds [`MAX_CONVERSATIONS`] and forgets those longest silent:
//! at least half as many others have spoken since. Should one of them speak again, its numbers begin anew, as those of a
//! connection seen for the first time.

mod arp;
mod bytes;
mod ether;
mod icmp;
mod icmp6;
mod ip4;
mod ip4_options;
mod ip6;
mod line;
mod link;
mod mld;
mod mpls;
mod mptcp;
mod names;
mod ppp;
mod protocols;
mod relative;
mod tcp;
mod tcp_options;
mod text;
mod time;
mod udp;

#[cfg(test)]
mod tests;

pub use names::Names;
pub use relative::MAX_CONVERSATIONS;
pub use time::{TimeFormat, Zone};

use crate::capture::{CapturedPacket, PacketRef};
use line::Line;
use std::fmt::Write;
use text::Text;

/// What to print, as tcpdump's flags.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Addresses, ports and protocols as numbers (`-n`).
    pub numeric: bool,
    /// Host names without their domain (`-N`).
    pub no_domain: bool,
    /// Sequence numbers as they are (`-S`).
    pub absolute_seq: bool,
    /// The time column (`-t` … `-ttttt`).
    pub time: TimeFormat,
    /// Nine digits of a second instead of six (`--nano`).
    pub nanos: bool,
    /// The link layer's header (`-e`).
    pub link: bool,
    /// Less (`-q`).
    pub quiet: bool,
    /// More: 0, 1 (`-v`), 2 (`-vv`) or above.
    pub verbose: u8,
    /// Packet numbers (`-#`).
    pub number: bool,
    /// Don't judge TCP, UDP and IP checksums (`-K`).
    pub no_checksums: bool,
    /// Where names are looked up.
    pub names: Names,
    /// The time zone of the time column.
    pub zone: Zone,
}

/// Prints packets; holds what later packets of a capture are printed relative to.
#[derive(Debug, Default)]
pub struct Printer {
    options: Options,
    conversations: relative::Conversations,
    clock: time::Clock,
}

impl Printer {
    /// A printer that has seen nothing yet.
    pub fn new(options: Options) -> Printer {
        Printer { options, ..Printer::default() }
    }

    /// The text of a packet, without the newline at its end. With `-v` it may be of several lines.
    pub fn print(&mut self, packet: &CapturedPacket) -> String {
        let mut text = Vec::with_capacity(160);
        self.append(&packet.lend(), &mut text);
        String::from_utf8_lossy(&text).into_owned()
    }

    /// Appends the text of a packet, without the newline at its end. Nothing is allocated but what `to` needs.
    pub fn append(&mut self, packet: &PacketRef<'_>, to: &mut Vec<u8>) {
        let mut out = Text { bytes: std::mem::take(to) };
        if self.options.number {
            let _ = write!(out, "{:5}  ", packet.number);
        }
        let mut line = Line::new(out, &self.options, &mut self.conversations);
        if !line.impossible(packet) {
            self.clock.stamp(packet.time, &self.options, &mut line.out);
            line.packet(packet);
        }
        *to = line.out.bytes;
    }
}
