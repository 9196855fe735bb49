//! `limpid read`: a capture as tcpdump's text.

use crate::error::CliError;
use crate::input::Input;
use crate::watch::json::{Grain, Json};
use clap::ArgAction;
use limpid_scope::capture::PacketRef;
use limpid_scope::dump::{Names, Options, Printer, TimeFormat, Zone};
use std::io::{self, IsTerminal, Write};

/// How much text is gathered before it is written.
const FLUSH: usize = 64 * 1024;
const BUFFER: usize = FLUSH + 16 * 1024;

/// Print a pcap or pcapng file as `tcpdump -r` does
///
/// The lines are those of tcpdump 4.99.3, letter for letter, with these exceptions: what follows `length N` of a TCP
/// segment (tcpdump decodes many applications by port) is left out, and UDP payloads are always `UDP, length N`;
/// protocols other than TCP, UDP, ICMP, ICMPv6, ARP, IPv4 and IPv6 are one short line.
///
/// The capture may be compressed by gzip or zstd, and come from a pipe.
///
/// Without -n, ports are named by /etc/services and addresses by /etc/hosts; nothing is asked of the network.
#[derive(clap::Args, Debug)]
#[command(
    disable_version_flag = true,
    override_usage = "limpid read [OPTIONS] FILE [FILTER]...",
    after_help = "Examples:
  limpid read -n capture.pcap tcp port 6379
  limpid read -#nttttv capture.pcapng.gz
  ssh host tcpdump -U -w - tcp | limpid read -l -n -
  limpid read --json capture.pcap | jq 'select(.again_cause)'"
)]
pub(crate) struct ReadArgs {
    #[command(flatten)]
    input: Input,

    /// Print addresses, ports and protocols as numbers
    #[arg(short = 'n', action = ArgAction::Count)]
    numeric: u8,

    /// Print host names without their domain
    #[arg(short = 'N')]
    no_domain: bool,

    /// Print sequence numbers as they are, not relative to the connection's first
    #[arg(short = 'S', long = "absolute-tcp-sequence-numbers")]
    absolute_seq: bool,

    /// The time: -t none, -tt since 1970, -ttt since the line before, -tttt with the date, -ttttt since the first line
    #[arg(short = 't', action = ArgAction::Count)]
    time: u8,

    /// Nine digits of a second instead of six
    #[arg(long = "nano", overrides_with = "micro")]
    nano: bool,

    /// Six digits of a second
    #[arg(long = "micro", overrides_with = "nano")]
    micro: bool,

    /// Print more: the IP header and checksums; -vv still more
    #[arg(short = 'v', action = ArgAction::Count)]
    verbose: u8,

    /// Print the link layer's header
    #[arg(short = 'e')]
    link: bool,

    /// Print less
    #[arg(short = 'q')]
    quiet: bool,

    /// Number the packets
    #[arg(short = '#', long = "number")]
    number: bool,

    /// Don't judge checksums
    #[arg(short = 'K', long = "dont-verify-checksums")]
    no_checksums: bool,

    /// Write each packet's text at once, for what is piped in while it happens
    #[arg(short = 'l')]
    line_buffered: bool,

    /// Print an object for each TCP segment, as 'limpid export' does
    #[arg(long, conflicts_with_all = [
        "numeric", "no_domain", "absolute_seq", "time", "nano", "micro", "verbose", "link", "quiet", "number",
    ])]
    json: bool,

    /// Stop after so many packets
    #[arg(short = 'c', value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
}

/// How packets are written.
enum Writer {
    Text(Box<Printer>),
    Json(Box<Json>),
}

impl Writer {
    /// Appends a packet's line, if it has one.
    fn append(&mut self, packet: &PacketRef<'_>, text: &mut Vec<u8>) {
        match self {
            Writer::Text(printer) => {
                printer.append(packet, text);
                text.push(b'\n');
            }
            Writer::Json(json) => json.packet(packet, text),
        }
    }
}

impl ReadArgs {
    /// Prints the file, to its end or to where it is damaged.
    pub(crate) fn run(self) -> Result<(), CliError> {
        let options = self.options()?;
        let mut capture = self.input.open()?;
        let at_once = self.line_buffered || io::stdout().is_terminal();
        if at_once {
            capture = capture.without_progress();
        }
        let mut printer = if self.json {
            Writer::Json(Box::new(Json::new(Grain::Segments)))
        } else {
            Writer::Text(Box::new(Printer::new(options)))
        };
        let mut stdout = io::stdout().lock();
        let mut text = Vec::with_capacity(BUFFER);
        let mut left = self.count.unwrap_or(u64::MAX);
        let outcome = loop {
            if left == 0 {
                break Ok(());
            }
            left -= 1;
            match capture.next() {
                Ok(Some(packet)) => printer.append(&packet, &mut text),
                Ok(None) => break Ok(()),
                // The packets before the damage come first.
                Err(error) => break Err(error),
            }
            if at_once || text.len() >= FLUSH {
                stdout
                    .write_all(&text)
                    .and_then(|()| if at_once { stdout.flush() } else { Ok(()) })
                    .map_err(CliError::stdout)?;
                text.clear();
            }
        };
        stdout.write_all(&text).and_then(|()| stdout.flush()).map_err(CliError::stdout)?;
        outcome
    }

    fn options(&self) -> Result<Options, CliError> {
        let time = TimeFormat::from_count(self.time).ok_or_else(|| {
            CliError::usage("-t", format!("given {} times", self.time)).hint("give it up to five times")
        })?;
        Ok(Options {
            numeric: self.numeric > 0,
            no_domain: self.no_domain,
            absolute_seq: self.absolute_seq,
            time,
            nanos: self.nano,
            link: self.link,
            quiet: self.quiet,
            verbose: self.verbose,
            number: self.number,
            no_checksums: self.no_checksums,
            names: if self.numeric > 0 { Names::of_interfaces() } else { Names::of_this_machine() },
            zone: Zone::local(),
        })
    }
}
