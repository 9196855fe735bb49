//! Packets into pcapng files: those that are kept, when a person asks; all of them, with `-w`.

use super::model::Subject;
use crate::error::{CliError, plain};
use limpid_scope::capture::{CapturedPacket, LinkType, PacketRef, PcapngWriter};
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// The most names that are tried for a file that must not be there yet.
const MAX_NAMES: u32 = 1000;

/// A pcapng file in the making. Interfaces are described as their link types turn up.
pub(crate) struct Writer<W: Write> {
    output: PcapngWriter<W>,
    interfaces: Vec<(LinkType, u32)>,
    subject: Subject,
}

impl<W: Write> Writer<W> {
    /// Begins a file of packets of what is watched.
    pub(crate) fn new(output: W, subject: &Subject) -> io::Result<Writer<W>> {
        Ok(Writer { output: PcapngWriter::new(output)?, interfaces: Vec::new(), subject: subject.clone() })
    }

    /// Appends a packet.
    pub(crate) fn write(&mut self, packet: CapturedPacket) -> io::Result<()> {
        let known = self.interfaces.iter().find(|(link_type, _)| *link_type == packet.link_type);
        let interface = match known {
            Some((_, interface)) => *interface,
            None => {
                let interface =
                    self.output.add_filtered_interface(packet.link_type, &self.subject.source, &self.subject.filter)?;
                self.interfaces.push((packet.link_type, interface));
                interface
            }
        };
        self.output.write(&CapturedPacket { interface, ..packet })
    }

    /// Hands on what is written so far.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }

    /// Ends the file.
    pub(crate) fn finish(self) -> io::Result<()> {
        self.output.into_inner().flush()
    }
}

/// Writes packets to a new file in the current directory: `limpid-12.pcapng`, or with another number behind where that
/// is taken. Answers its name and how many packets are in it.
pub(crate) fn save(packets: Vec<CapturedPacket>, what: &str, subject: &Subject) -> io::Result<(PathBuf, usize)> {
    let (path, file) = create(what)?;
    let count = packets.len();
    let mut writer = Writer::new(BufWriter::new(file), subject)?;
    for packet in packets {
        writer.write(packet)?;
    }
    writer.finish()?;
    Ok((path, count))
}

/// A file that was not there before.
fn create(what: &str) -> io::Result<(PathBuf, File)> {
    for n in 1..=MAX_NAMES {
        let path = match n {
            1 => PathBuf::from(format!("limpid-{what}.pcapng")),
            n => PathBuf::from(format!("limpid-{what}-{n}.pcapng")),
        };
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            other => return other.map(|file| (path, file)),
        }
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, "all names are taken"))
}

/// The file that `-w` asks for.
pub(crate) struct Everything {
    writer: Writer<Box<dyn Write>>,
    name: String,
}

impl Everything {
    /// Creates the file; `-` is standard output.
    pub(crate) fn create(path: &Path, subject: &Subject) -> Result<Everything, CliError> {
        let name = path.display().to_string();
        let failed = |error: io::Error| CliError::run(&name, plain(&error)).hint("give a file that can be written");
        let output: Box<dyn Write> = match path.as_os_str() == "-" {
            true => Box::new(BufWriter::new(io::stdout())),
            false => Box::new(BufWriter::new(File::create(path).map_err(failed)?)),
        };
        let mut writer = Writer::new(output, subject).map_err(failed)?;
        // Who reads along sees a capture from the beginning on.
        writer.flush().map_err(failed)?;
        Ok(Everything { writer, name: name.clone() })
    }

    /// Appends a packet.
    pub(crate) fn write(&mut self, packet: &PacketRef<'_>) -> Result<(), CliError> {
        self.writer.write(packet.to_owned()).map_err(|error| failure(&self.name, &error))
    }

    /// Hands on what is written so far, so that nothing is held back while nothing comes.
    pub(crate) fn flush(&mut self) -> Result<(), CliError> {
        self.writer.flush().map_err(|error| failure(&self.name, &error))
    }

    /// Ends the file.
    pub(crate) fn finish(self) -> Result<(), CliError> {
        self.writer.finish().map_err(|error| failure(&self.name, &error))
    }
}

fn failure(name: &str, error: &io::Error) -> CliError {
    match error.kind() {
        io::ErrorKind::BrokenPipe => CliError::BrokenPipe,
        _ => CliError::run(name, plain(error)),
    }
}
