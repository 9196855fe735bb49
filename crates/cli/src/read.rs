//! `limpid read`: a capture as tcpdump's text.

use crate::error::{CliError, plain, without_errno};
use clap::ArgAction;
use limpid_scope::capture::{CaptureError, Reader};
use limpid_scope::dump::{Names, Options, Printer, TimeFormat, Zone};
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

/// Print a pcap or pcapng file as `tcpdump -r` does
///
/// The lines are those of tcpdump 4.99.3, letter for letter, with these exceptions: what follows `length N` of a TCP
/// segment (tcpdump decodes many applications by port) is left out, and UDP payloads are always `UDP, length N`;
/// protocols other than TCP, UDP, ICMP, ICMPv6, ARP, IPv4 and IPv6 are one short line.
///
/// Without -n, ports are named by /etc/services and addresses by /etc/hosts; nothing is asked of the network.
#[derive(clap::Args, Debug)]
#[command(disable_version_flag = true, override_usage = "limpid read [OPTIONS] FILE")]
pub(crate) struct ReadArgs {
    /// The capture; `-` is standard input
    #[arg(value_name = "FILE", required_unless_present = "read")]
    file: Option<PathBuf>,

    /// The capture, as tcpdump has it
    #[arg(short = 'r', value_name = "FILE", conflicts_with = "file", hide = true)]
    read: Option<PathBuf>,

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

    /// Stop after so many packets
    #[arg(short = 'c', value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
}

impl ReadArgs {
    /// Prints the file, to its end or to where it is damaged.
    pub(crate) fn run(self) -> Result<(), CliError> {
        let file = self.file.as_ref().or(self.read.as_ref()).cloned().unwrap_or_else(|| PathBuf::from("-"));
        let options = self.options()?;
        let (input, name) = open(&file)?;
        let capture_error =
            |error: CaptureError| CliError::run(&name, without_errno(&error.to_string())).hint(error.hint());
        let reader = Reader::new(input).map_err(capture_error)?;
        let mut printer = Printer::new(options);
        let mut output = BufWriter::with_capacity(64 * 1024, io::stdout().lock());
        let limit = self.count.map_or(usize::MAX, |count| usize::try_from(count).unwrap_or(usize::MAX));
        for packet in reader.take(limit) {
            match packet {
                Ok(packet) => writeln!(output, "{}", printer.print(&packet)).map_err(CliError::stdout)?,
                Err(error) => {
                    // The packets before the damage come first.
                    output.flush().map_err(CliError::stdout)?;
                    return Err(capture_error(error));
                }
            }
        }
        output.flush().map_err(CliError::stdout)
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

/// Opens the capture; answers also what to call it in messages.
fn open(path: &Path) -> Result<(Box<dyn Read>, String), CliError> {
    if path.as_os_str() == "-" {
        return Ok((Box::new(io::stdin().lock()), "standard input".into()));
    }
    let name = path.display().to_string();
    match File::open(path) {
        Ok(file) => Ok((Box::new(file), name)),
        Err(error) => Err(CliError::run(name, plain(&error)).hint("give a pcap or pcapng file that you may read")),
    }
}
