//! The capture that a subcommand reads: its arguments, opening it, walking through it.

use crate::error::{CliError, plain, without_errno};
use indicatif::{ProgressBar, ProgressStyle};
use limpid_device::capture::libpcap::Libpcap;
use limpid_scope::capture::{CaptureError, LinkType, PacketRef, Reader};
use limpid_scope::filter::{FilterError, FilterSet, may_part_connections};
use limpid_scope::flows::{Flow, Hidden};
use limpid_scope::truth::{Collector, Found};
use limpid_scope::words;
use limpid_wire::bpf::Program;
use std::cell::Cell;
use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io::{self, IsTerminal, Read, Write};
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A smaller file is read before anybody could see a progress bar.
const LARGE: u64 = 64 * 1024 * 1024;
/// How many packets are read between two looks at the progress bar.
const TICK: u64 = 4096;

/// Which packets: the arguments of every subcommand that reads one capture.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Input {
    /// The capture: pcap or pcapng, also compressed by gzip or zstd; `-` is standard input
    #[arg(value_name = "FILE", required_unless_present = "read")]
    file: Option<OsString>,

    /// The capture, as tcpdump has it
    #[arg(short = 'r', value_name = "FILE", hide = true)]
    read: Option<OsString>,

    #[command(flatten)]
    filter: FilterArgs,
}

/// A filter as tcpdump has it: words at the end of the command line, or a file of them.
// Filters have brackets that are no links.
#[allow(rustdoc::broken_intra_doc_links)]
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct FilterArgs {
    /// Only packets that match, in tcpdump's language: tcp port 80 and host 10.0.0.1
    ///
    /// As in 'not port 22', 'net 10.0.0.0/8 or ip6', 'tcp[tcpflags] & (tcp-syn|tcp-fin) != 0'. docs/filters.md describes
    /// the language and what differs from libpcap's.
    #[arg(value_name = "FILTER")]
    words: Vec<String>,

    /// Read the filter from a file
    #[arg(short = 'F', value_name = "FILE", conflicts_with = "words")]
    filter_file: Option<PathBuf>,
}

impl Input {
    /// The capture's path; `-` is standard input.
    pub(crate) fn path(&self) -> PathBuf {
        PathBuf::from(self.read.as_ref().or(self.file.as_ref()).cloned().unwrap_or_else(|| "-".into()))
    }

    /// Whether the capture can be read but once: standard input, a named pipe, a shell's `<(…)`.
    pub(crate) fn is_read_once(&self) -> bool {
        let path = self.path();
        is_stdin(&path) || fs::metadata(path).is_ok_and(|metadata| !metadata.is_file())
    }

    /// See [`refuse_own_input`].
    pub(crate) fn refuse_output(&self, output: &Path) -> Result<(), CliError> {
        refuse_own_input(&self.path(), output)
    }

    /// The filter's text; empty if there is none.
    pub(crate) fn filter_text(&self) -> Result<String, CliError> {
        self.whole_filter().text()
    }

    fn whole_filter(&self) -> FilterArgs {
        let mut filter = self.filter.clone();
        // With -r the first word is the filter's already.
        if let (Some(_), Some(word)) = (&self.read, &self.file) {
            filter.words.insert(0, word.to_string_lossy().into_owned());
        }
        filter
    }

    /// Opens the capture, from its beginning on.
    pub(crate) fn open(&self) -> Result<Capture, CliError> {
        Capture::open(&self.path(), &self.whole_filter())
    }
}

impl FilterArgs {
    /// The filter's text; empty if there is none.
    pub(crate) fn text(&self) -> Result<String, CliError> {
        let text = match &self.filter_file {
            Some(path) => std::fs::read_to_string(path).map_err(|error| {
                CliError::run(path.display(), plain(&error)).hint("give a file with a filter in it")
            })?,
            None => self.words.join(" "),
        };
        Ok(text.trim_end().to_owned())
    }

    /// Compiles the filter, if there is one.
    pub(crate) fn compile(&self) -> Result<Option<Filter>, CliError> {
        let parsed = FilterSet::parse_or(&self.text()?, Box::new(by_libpcap));
        let filter = parsed.map_err(|error| match self.words.iter().find(|word| Path::new(word).is_file()) {
            Some(file) => CliError::usage(file, "one capture is read at a time, and what follows it is a filter")
                .hint("'limpid diff A B' compares two captures"),
            None => filter_error(&error),
        })?;
        Ok((!filter.is_all()).then_some(Filter { set: filter }))
    }
}

/// What our own compiler refuses by name, libpcap may know.
fn by_libpcap(text: &str, LinkType(link_type): LinkType) -> Result<Program, String> {
    match Libpcap::load() {
        Some(libpcap) => libpcap.compile(text, link_type).map_err(|error| format!("libpcap says: {error}")),
        None => Err("docs/filters.md lists what there is without libpcap".to_owned()),
    }
}

/// What a packet has to match.
#[derive(Debug)]
pub(crate) struct Filter {
    set: FilterSet,
}

impl Filter {
    pub(crate) fn matches(&mut self, packet: &PacketRef<'_>) -> Result<bool, CliError> {
        self.set.matches(packet.link_type, packet.data, packet.original_len).map_err(|error| filter_error(&error))
    }
}

impl Filter {
    /// The program for packets of one link type, as the kernel takes it.
    pub(crate) fn program(&mut self, link_type: LinkType) -> Result<Program, CliError> {
        self.set.filter(link_type).map(|filter| filter.program().clone()).map_err(|error| filter_error(&error))
    }
}

/// What is wrong with a filter; the place in it is shown on two further lines.
pub(crate) fn filter_error(error: &FilterError) -> CliError {
    let excerpt = error.excerpt().replace('\n', "\n  ");
    CliError::usage("filter", error).hint(format!("{}\n  {excerpt}", error.hint()))
}

/// A capture that is open.
pub(crate) struct Capture {
    reader: Reader<Box<dyn Read>>,
    /// What to call it in messages.
    name: String,
    filter: Option<Filter>,
    /// Of which connections the filter refused packets.
    hidden: Hidden,
    /// How many packets it refused.
    refused: u64,
    progress: Option<ProgressBar>,
    until_tick: u64,
    /// Drops have been told of.
    told: bool,
    /// In which section how many interfaces' filters were looked at, and whether one may have parted connections.
    looked_at: Cell<(u64, usize, bool)>,
}

impl Capture {
    /// Opens a file, or standard input for `-`.
    pub(crate) fn open(path: &Path, filter: &FilterArgs) -> Result<Capture, CliError> {
        let filter = filter.compile()?;
        let (input, name, length): (Box<dyn Read>, _, _) = if is_stdin(path) {
            (Box::new(io::stdin().lock()), "standard input".to_owned(), 0)
        } else {
            let name = path.display().to_string();
            let file = File::open(path).map_err(|error| {
                CliError::run(&name, plain(&error)).hint("give a pcap or pcapng file that you may read")
            })?;
            let length = file.metadata().map_or(0, |metadata| metadata.len());
            (Box::new(file), name, length)
        };
        let reader = Reader::new(input).map_err(|error| failure(&name, &error))?;
        let progress = (length >= LARGE && io::stderr().is_terminal()).then(|| progress_bar(length));
        Ok(Capture {
            reader,
            name,
            filter,
            hidden: Hidden::default(),
            refused: 0,
            progress,
            until_tick: TICK,
            told: false,
            looked_at: Cell::new((0, 0, false)),
        })
    }

    /// For commands that tell of drops in what they print: see [`Capture::dropped`].
    pub(crate) fn without_telling(mut self) -> Capture {
        self.told = true;
        self
    }

    /// Packets that were dropped while it was captured, as far as it has been read: pcapng says so at its end.
    pub(crate) fn dropped(&self) -> u64 {
        self.reader.statistics().dropped.unwrap_or(0)
    }

    /// Of which connections filters hid packets, as far as it has been read: that of the command, and the one that it was
    /// captured with.
    pub(crate) fn hidden(&self) -> Hidden {
        let mut hidden = self.hidden.clone();
        if self.captured_with().is_some() {
            hidden.note_all();
        }
        hidden
    }

    /// True if a filter hid packets of this connection so far, or may have.
    pub(crate) fn hides(&self, flow: &Flow) -> bool {
        self.hidden.has(flow) || self.may_have_hidden()
    }

    /// True if [`Capture::captured_with`] tells of a filter. It is asked for each connection, and looks only at interfaces
    /// that are new.
    fn may_have_hidden(&self) -> bool {
        let (section, interfaces) = (self.reader.sections(), self.reader.interfaces());
        let (known, may) = match self.looked_at.get() {
            (of, known, may) if of == section => (known, may),
            _ => (0, false),
        };
        let new = interfaces.get(known..).unwrap_or_default();
        let may = may || new.iter().filter_map(|interface| interface.filter.as_deref()).any(may_part_connections);
        self.looked_at.set((section, interfaces.len(), may));
        may
    }

    /// The filter that it was captured with, where the capture tells and it may have parted connections.
    pub(crate) fn captured_with(&self) -> Option<&str> {
        let told = self.reader.interfaces().iter().filter_map(|interface| interface.filter.as_deref());
        told.into_iter().find(|text| may_part_connections(text))
    }

    /// What to say where nothing was found: nothing is there, or the filter let nothing through.
    pub(crate) fn nothing(&self, what: &str) -> String {
        match self.refused {
            0 => format!("there is no {what} in it"),
            n => format!("none of its {} matches the filter", words::count(n, "packet")),
        }
    }

    /// Without a progress bar, for commands that write to the same terminal while they read.
    pub(crate) fn without_progress(mut self) -> Capture {
        self.progress = None;
        self
    }

    /// What to call the capture in messages.
    #[allow(dead_code, reason = "for the commands that read twice")]
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The next packet that the filter lets through, with its number in the file; `None` at the end.
    ///
    /// # Errors
    /// If the capture is damaged: the packets before have been given.
    pub(crate) fn next(&mut self) -> Result<Option<PacketRef<'_>>, CliError> {
        self.advance()?;
        Ok(self.reader.current())
    }

    /// The packet that [`Capture::advance`] went on to, and where it stands in the file, if it has a place there.
    pub(crate) fn current(&self) -> Option<(PacketRef<'_>, Option<Range<u64>>)> {
        Some((self.reader.current()?, self.reader.place()))
    }

    /// Goes on to the next packet that the filter lets through; false at the end.
    ///
    /// # Errors
    /// As [`Capture::next`].
    pub(crate) fn advance(&mut self) -> Result<bool, CliError> {
        loop {
            match self.reader.advance() {
                Ok(true) => {}
                Ok(false) => {
                    self.clear_progress();
                    self.tell_drops();
                    return Ok(false);
                }
                Err(error) => {
                    self.clear_progress();
                    return Err(failure(&self.name, &error));
                }
            }
            self.tick();
            let Some(filter) = &mut self.filter else { break };
            let Some(packet) = self.reader.current() else { break };
            if filter.matches(&packet)? {
                break;
            }
            self.refused += 1;
            self.hidden.note(&packet);
        }
        Ok(true)
    }

    /// Reads what is left, and keeps what `keep` wants of what the filter lets through, with what engines told of it.
    pub(crate) fn collect(&mut self, mut keep: impl FnMut(&PacketRef<'_>) -> bool) -> (Found, Option<CliError>) {
        let (filter, hidden, count) = (&mut self.filter, &mut self.hidden, &mut self.refused);
        let mut refused = None;
        let wanted = |packet: &PacketRef<'_>| match filter.as_mut().map_or(Ok(true), |filter| filter.matches(packet)) {
            Ok(true) => keep(packet),
            Ok(false) => {
                *count += 1;
                hidden.note(packet);
                false
            }
            Err(error) => {
                refused.get_or_insert(error);
                false
            }
        };
        let found = Collector::read(&mut self.reader, wanted);
        let error = refused.or_else(|| found.error.as_ref().map(|error| failure(&self.name, error)));
        (found, error)
    }

    fn tick(&mut self) {
        self.until_tick -= 1;
        if self.until_tick == 0 {
            self.until_tick = TICK;
            if let Some(bar) = &self.progress {
                bar.set_position(self.reader.bytes_read());
            }
        }
    }

    /// What was dropped while it was captured can't be seen in what follows: better said once.
    fn tell_drops(&mut self) {
        let dropped = self.dropped();
        if dropped > 0 && !self.told {
            self.told = true;
            let s = if dropped == 1 { "" } else { "s" };
            // Nobody is left to be told that this failed.
            let _ = writeln!(io::stderr(), "limpid: {}: {dropped} packet{s} dropped while capturing", self.name);
        }
    }

    fn clear_progress(&mut self) {
        if let Some(bar) = self.progress.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.clear_progress();
    }
}

/// Refuses to write to the capture that is read: it would be gone before it is read, or replaced by what is made of it.
/// Pipes and devices may be both.
///
/// # Errors
/// If both are the same file, by whatever names.
pub(crate) fn refuse_own_input(input: &Path, output: &Path) -> Result<(), CliError> {
    match (metadata_of(input, io::stdin().as_fd()), metadata_of(output, io::stdout().as_fd())) {
        (Some(read), Some(written)) if read.is_file() && (read.dev(), read.ino()) == (written.dev(), written.ino()) => {
            Err(CliError::run(output.display(), "is the capture that is read").hint("write to another file"))
        }
        _ => Ok(()),
    }
}

/// Of what a path names; of a standard stream for `-`. Nothing if it is not there.
fn metadata_of(path: &Path, standard: BorrowedFd<'_>) -> Option<Metadata> {
    if path.as_os_str() == "-" {
        return File::from(standard.try_clone_to_owned().ok()?).metadata().ok();
    }
    fs::metadata(path).ok()
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn failure(name: &str, error: &CaptureError) -> CliError {
    CliError::run(name, without_errno(&error.to_string())).hint(error.hint())
}

fn progress_bar(length: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {bytes} of {total_bytes}, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(length).with_style(style)
}
