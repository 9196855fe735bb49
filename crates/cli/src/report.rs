//! What a run shows at its end, wherever its trace comes from: tcpdump's lines, the ladder, the verdict; and its pcapng.

use crate::error::{CliError, plain};
use limpid_event::TxReason;
use limpid_scope::capture::{LinkType, PcapngWriter};
use limpid_scope::dump::{Options, Printer};
use limpid_scope::graph::{self, GraphOptions};
use limpid_scope::ladder::{self, Charset, LadderOptions, RenderOptions};
use limpid_scope::trace::{Packet, Trace};
use limpid_scope::{truth, verdict};
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// Width where there is no terminal to ask.
const DEFAULT_WIDTH: usize = 100;

/// What to show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ReportOptions {
    /// ASCII alone.
    pub(crate) ascii: bool,
    /// tcpdump's lines.
    pub(crate) lines: bool,
    /// The graph, of windows and round trips over time.
    pub(crate) graph: bool,
    /// The ladder.
    pub(crate) ladder: bool,
    /// The verdict.
    pub(crate) verdict: bool,
}

impl Default for ReportOptions {
    fn default() -> ReportOptions {
        ReportOptions { ascii: false, lines: true, graph: false, ladder: true, verdict: true }
    }
}

/// Prints the report of a trace to standard output.
pub(crate) fn print(trace: &Trace, options: &ReportOptions) -> Result<(), CliError> {
    let mut out = BufWriter::new(io::stdout().lock());
    out.write_all(text(trace, options, &Screen::of_stdout()).as_bytes()).map_err(CliError::stdout)?;
    out.flush().map_err(CliError::stdout)
}

/// Where it is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Screen {
    /// Columns.
    pub(crate) width: usize,
    /// It shows colours.
    pub(crate) color: bool,
    /// It shows more than ASCII.
    pub(crate) utf8: bool,
}

impl Screen {
    /// What standard output and the environment say: the terminal's width, `COLUMNS`, `NO_COLOR`, `TERM`, the locale.
    pub(crate) fn of_stdout() -> Screen {
        let var = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let stdout = io::stdout();
        let terminal = stdout.is_terminal();
        let size = rustix::termios::tcgetwinsize(&stdout).ok().map(|size| usize::from(size.ws_col));
        let columns = var("COLUMNS").and_then(|columns| columns.parse().ok());
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(var);
        Screen {
            width: columns.or(size).filter(|width| *width > 0).unwrap_or(DEFAULT_WIDTH),
            color: terminal && var("NO_COLOR").is_none() && var("TERM").is_none_or(|term| term != "dumb"),
            // Files and pipes get UTF-8; a terminal gets what its locale says it shows.
            utf8: !terminal || locale.is_none_or(|locale| is_utf8(&locale)),
        }
    }
}

impl Screen {
    fn charset(&self, ascii: bool) -> Charset {
        if ascii || !self.utf8 { Charset::Ascii } else { Charset::Utf8 }
    }

    /// A text in the characters that are shown.
    pub(crate) fn show(&self, text: String, ascii: bool) -> String {
        ladder::in_charset(&text, self.charset(ascii)).into_owned()
    }
}

fn is_utf8(locale: &str) -> bool {
    let locale = locale.to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

/// The report as text.
pub(crate) fn text(trace: &Trace, options: &ReportOptions, screen: &Screen) -> String {
    let mut text = if options.lines { lines(trace) } else { String::new() };
    if options.graph {
        text.push_str(if text.is_empty() { "" } else { "\n" });
        text.push_str(&graph(trace, options.ascii, screen));
    }
    if options.ladder {
        text.push('\n');
        text.push_str(&ladder(trace, options.ascii, screen));
    }
    if options.verdict {
        let verdicts = verdicts(trace, screen.width.min(DEFAULT_WIDTH));
        text.push_str(&ladder::in_charset(&verdicts, screen.charset(options.ascii)));
    }
    text
}

/// The ladders alone.
pub(crate) fn ladder(trace: &Trace, ascii: bool, screen: &Screen) -> String {
    let charset = screen.charset(ascii);
    ladder::render(
        trace,
        &RenderOptions { width: screen.width, color: screen.color, charset, ..RenderOptions::default() },
    )
}

/// Windows, rates and round trips over time, of whoever sent and told.
pub(crate) fn graph(trace: &Trace, ascii: bool, screen: &Screen) -> String {
    let charset = screen.charset(ascii);
    graph::render(trace, &GraphOptions { width: screen.width, color: screen.color, charset })
}

/// What it means, connection by connection; of as many as ladders are drawn of.
fn verdicts(trace: &Trace, width: usize) -> String {
    let mut text = String::new();
    let groups = verdict::groups(trace);
    let drawn = ladder::drawn_pairs(trace, &LadderOptions::default());
    for group in drawn.iter().filter_map(|pair| groups.get(*pair)).filter(|group| !group.verdicts.is_empty()) {
        text.push('\n');
        if let Some(caption) = &group.caption {
            text.push_str(caption);
            text.push('\n');
        }
        for verdict in &group.verdicts {
            text.push_str(&wrap(&verdict.to_string(), width));
        }
    }
    text
}

/// tcpdump's lines: `tcpdump -n`, each packet at the time when it left its sender; of a capture when it was captured.
pub(crate) fn lines(trace: &Trace) -> String {
    let options = Options { numeric: true, ..Options::default() };
    let mut printer = Printer::new(options);
    let mut text = String::new();
    for packet in &trace.packets {
        text.push_str(&printer.print(&trace.captured(packet.number, packet, trace.recorded_at(packet))));
        text.push('\n');
    }
    text
}

/// tcpdump's lines, each with why the packet was sent, where its sender told.
pub(crate) fn lines_with_reasons(trace: &Trace) -> String {
    let why = |packet: &Packet| packet.why.map(|why| format!("  ({})", TxReason::text(why))).unwrap_or_default();
    lines(trace).lines().zip(&trace.packets).map(|(line, packet)| format!("{line}{}\n", why(packet))).collect()
}

/// Prints what a run shows in sentences of its own, as verdicts are.
pub(crate) fn print_findings(findings: &[String]) -> Result<(), CliError> {
    if findings.is_empty() {
        return Ok(());
    }
    let screen = Screen::of_stdout();
    let text: String = findings.iter().map(|finding| wrap(finding, screen.width.min(DEFAULT_WIDTH))).collect();
    write!(io::stdout(), "\n{}", screen.show(text, false)).map_err(CliError::stdout)
}

/// A paragraph that is set in by two, its lines no longer than `width`, which counts up to a readable one.
pub(crate) fn indented(paragraph: &str, width: usize) -> String {
    let text = wrap(paragraph, width.min(DEFAULT_WIDTH));
    text.replacen("- ", "  ", 1)
}

/// A paragraph, its lines no longer than `width` where words allow it, the first one marked.
pub(crate) fn wrap(sentence: &str, width: usize) -> String {
    let mut text = String::from("-");
    let mut column = 1;
    for word in sentence.split_whitespace() {
        let len = word.chars().count() + 1;
        if column > 1 && column + len > width {
            text.push_str("\n ");
            column = 1;
        }
        text.push(' ');
        text.push_str(word);
        column += len;
    }
    text.push('\n');
    text
}

/// A pcapng file that is to be written: opened before a run, so that a path that can't be written is told before, not
/// after.
pub(crate) struct PcapFile {
    path: PathBuf,
    file: File,
}

impl PcapFile {
    /// Creates the file, or empties it.
    pub(crate) fn create(path: &Path) -> Result<PcapFile, CliError> {
        let file = File::create(path)
            .map_err(|e| CliError::run(path.display(), plain(&e)).hint("give a file that can be written"))?;
        Ok(PcapFile { path: path.to_owned(), file })
    }

    /// Writes a trace, the truth beside its packets.
    #[allow(dead_code, reason = "for live runs")]
    pub(crate) fn write(self, trace: &Trace) -> Result<(), CliError> {
        self.write_all([trace])
    }

    /// Writes several traces, one after the other.
    pub(crate) fn write_all<'a>(self, traces: impl IntoIterator<Item = &'a Trace>) -> Result<(), CliError> {
        write_pcapng(BufWriter::new(self.file), traces)
            .map_err(|error| CliError::run(self.path.display(), plain(&error)))
    }
}

fn write_pcapng<'a>(output: impl Write, traces: impl IntoIterator<Item = &'a Trace>) -> io::Result<()> {
    let mut writer = PcapngWriter::new(output)?;
    let interface = writer.add_interface(LinkType::RAW, "limpid")?;
    for trace in traces {
        truth::write(&mut writer, interface, trace)?;
    }
    writer.into_inner().flush()
}

#[cfg(test)]
mod tests;
