//! `limpid export`: segments or connections as rows, for DuckDB, Polars, Spark, ClickHouse.

#[cfg(feature = "parquet")]
mod parquet;

use crate::error::{CliError, plain};
use crate::input::{Capture, Input};
use crate::list::tell_of_bounds;
use clap::ValueEnum;
use limpid_scope::capture::PacketRef;
use limpid_scope::export::{CONNECTIONS, SEGMENTS, SegmentRow, Table, csv_header, csv_line, json_line};
use limpid_scope::flows::{Flow, Flows, FlowsOptions};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

#[cfg(feature = "parquet")]
const EXAMPLES: &str = "Examples:
  limpid export trace.pcapng -o segments.parquet
  limpid export trace.pcap.zst --what connections -o connections.csv
  limpid export trace.pcap tcp port 443 | jq 'select(.again_cause == \"RTO\")'";
#[cfg(not(feature = "parquet"))]
const EXAMPLES: &str = "Examples:
  limpid export trace.pcapng -o segments.jsonl
  limpid export trace.pcap.zst --what connections -o connections.csv
  limpid export trace.pcap tcp port 443 | jq 'select(.again_cause == \"RTO\")'";

/// How much text is gathered before it is written.
const FLUSH: usize = 64 * 1024;

/// Write segments or connections as rows, for DuckDB, Polars, Spark, ClickHouse
///
/// A row says what a segment is, which connection it belongs to, what it repeats and why, its round trip and what was in
/// flight; or how a connection opened and ended, and the figures of both ends. Times are nanoseconds, sizes bytes. Memory does
/// not grow with the capture. What each column means: --columns. Queries to begin with: docs/export.md.
#[derive(clap::Args, Debug)]
#[command(
    override_usage = "limpid export [OPTIONS] FILE [FILTER]...",
    after_help = EXAMPLES
)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    input: Input,

    /// A row for what
    #[arg(long, value_name = "WHAT", default_value = "segments")]
    what: What,

    /// How it is written; what the name of the output ends in, where it is not given, else jsonl
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,

    /// Where to; `-` is standard output
    #[arg(short = 'o', long, value_name = "FILE", default_value = "-")]
    output: PathBuf,

    /// Print the columns, their types and what they mean, and read nothing
    #[arg(long, exclusive = true)]
    columns: bool,
}

/// What a row is for.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
enum What {
    /// Each TCP segment, and each ICMP error about one
    Segments,
    /// Each connection, as it ends
    Connections,
}

/// How rows are written.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
enum Format {
    /// A JSON object on each line; what is null is left out
    Jsonl,
    /// Comma-separated values with a header
    Csv,
    /// Apache Parquet
    #[cfg_attr(not(feature = "parquet"), value(hide = true))]
    Parquet,
}

impl ExportArgs {
    /// Writes the rows, to the capture's end or to where it is damaged.
    pub(crate) fn run(self) -> Result<(), CliError> {
        if self.columns {
            let text = format!("segments\n{}\nconnections\n{}", describe(&SEGMENTS), describe(&CONNECTIONS));
            return io::stdout().write_all(text.as_bytes()).map_err(CliError::stdout);
        }
        self.input.refuse_output(&self.output)?;
        let format = self.format.map_or_else(|| Format::of(&self.output), Ok)?;
        format.check()?;
        let mut capture = self.input.open()?;
        let output = Output::create(&self.output)?;
        match self.what {
            What::Segments => {
                let mut rows = output.rows(format, &SEGMENTS)?;
                let outcome = segments(&mut capture, |row| rows.push(row));
                rows.finish().and(outcome)
            }
            What::Connections => {
                let mut rows = output.rows(format, &CONNECTIONS)?;
                let outcome = connections(&mut capture, |row| rows.push(row));
                rows.finish().and(outcome)
            }
        }
    }
}

impl Format {
    /// What a file's name ends in.
    fn of(path: &Path) -> Result<Format, CliError> {
        match path.extension().map(|extension| extension.to_string_lossy()).as_deref() {
            Some("csv") => Ok(Format::Csv),
            Some("parquet" | "pq") => Ok(Format::Parquet),
            None | Some("jsonl" | "json" | "ndjson") => Ok(Format::Jsonl),
            // A pipe or a device may be called anything.
            Some(_) if path.exists() && !path.is_file() => Ok(Format::Jsonl),
            Some(_) => {
                let known = if cfg!(feature = "parquet") { ".jsonl, .csv or .parquet" } else { ".jsonl or .csv" };
                Err(CliError::usage(path.display(), "its ending is of no format that is known")
                    .hint(format!("end it in {known}, or say --format")))
            }
        }
    }

    fn check(self) -> Result<(), CliError> {
        match self {
            Format::Parquet if cfg!(not(feature = "parquet")) => {
                let why = "this limpid was built without it";
                Err(CliError::run("Parquet", why)
                    .hint("build it with 'cargo install limpid-cli --features parquet', or write csv or jsonl"))
            }
            _ => Ok(()),
        }
    }
}

/// Surveys the capture, and hands out a row for each segment.
fn segments(capture: &mut Capture, mut push: impl FnMut(&SegmentRow) -> Result<(), CliError>) -> Result<(), CliError> {
    let mut flows = Flows::new(FlowsOptions::default());
    while let Some(packet) = capture.next()? {
        if let Some(row) = segment(&mut flows, &packet) {
            push(&row)?;
        }
        while flows.poll_ended().is_some() {}
    }
    Ok(())
}

/// The row of a packet, if it is of a connection.
pub(crate) fn segment(flows: &mut Flows, packet: &PacketRef<'_>) -> Option<SegmentRow> {
    let sighting = flows.handle_packet(packet)?;
    let flow = flows.flow(sighting.flow)?;
    Some(SegmentRow::new(packet, sighting, &flow))
}

/// Surveys the capture, and hands out a row for each connection. Where the capture is damaged, those before it count.
pub(crate) fn connections(
    capture: &mut Capture,
    mut push: impl FnMut(&Flow) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let mut flows = Flows::new(FlowsOptions::default());
    let outcome = loop {
        match capture.next() {
            Ok(Some(packet)) => {
                flows.handle_packet(&packet);
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
        while let Some(mut flow) = flows.poll_ended() {
            flow.hidden = capture.hides(&flow);
            push(&flow)?;
        }
    };
    let totals = flows.totals();
    for mut flow in flows.finish() {
        flow.hidden = capture.hides(&flow);
        push(&flow)?;
    }
    tell_of_bounds(&totals);
    outcome
}

/// Where rows go, and what to call it in messages.
struct Output {
    to: Box<dyn Write + Send>,
    name: String,
}

impl Output {
    fn create(path: &Path) -> Result<Output, CliError> {
        if path.as_os_str() == "-" {
            return Ok(Output { to: Box::new(io::stdout()), name: "standard output".into() });
        }
        let name = path.display().to_string();
        let file = File::create(path)
            .map_err(|error| CliError::run(&name, plain(&error)).hint("give a file that can be written"))?;
        Ok(Output { to: Box::new(file), name })
    }

    fn rows<R>(self, format: Format, table: &'static Table<R>) -> Result<Rows<R>, CliError> {
        let mut text = Vec::with_capacity(FLUSH + 4096);
        let how = match format {
            Format::Jsonl => How::Text(json_line),
            Format::Csv => {
                csv_header(table, &mut text);
                How::Text(csv_line)
            }
            #[cfg(feature = "parquet")]
            Format::Parquet => {
                let writer = parquet::Writer::new(self.to, table);
                let writer = writer.map_err(|error| parquet::failure(&self.name, error))?;
                return Ok(Rows {
                    how: How::Parquet(Box::new(writer)),
                    table,
                    text,
                    to: Box::new(io::sink()),
                    name: self.name,
                });
            }
            #[cfg(not(feature = "parquet"))]
            Format::Parquet => return Format::Parquet.check().map(|()| unreachable!("it is not built in")),
        };
        Ok(Rows { how, table, text, to: self.to, name: self.name })
    }
}

/// Writes rows.
struct Rows<R: 'static> {
    how: How<R>,
    table: &'static Table<R>,
    text: Vec<u8>,
    to: Box<dyn Write + Send>,
    name: String,
}

enum How<R: 'static> {
    Text(fn(&Table<R>, &R, &mut Vec<u8>)),
    #[cfg(feature = "parquet")]
    Parquet(Box<parquet::Writer<R>>),
}

impl<R> Rows<R> {
    fn push(&mut self, row: &R) -> Result<(), CliError> {
        match &mut self.how {
            How::Text(line) => {
                line(self.table, row, &mut self.text);
                if self.text.len() >= FLUSH { self.flush() } else { Ok(()) }
            }
            #[cfg(feature = "parquet")]
            How::Parquet(writer) => writer.push(row).map_err(|error| parquet::failure(&self.name, error)),
        }
    }

    fn flush(&mut self) -> Result<(), CliError> {
        let written = self.to.write_all(&self.text).and_then(|()| self.to.flush());
        self.text.clear();
        written.map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => CliError::BrokenPipe,
            _ => CliError::run(&self.name, plain(&error)),
        })
    }

    fn finish(mut self) -> Result<(), CliError> {
        self.flush()?;
        match self.how {
            How::Text(_) => Ok(()),
            #[cfg(feature = "parquet")]
            How::Parquet(writer) => writer.finish().map_err(|error| parquet::failure(&self.name, error)),
        }
    }
}

/// A schema, a line a column.
fn describe<R>(table: &'static Table<R>) -> String {
    let width = table.columns().map(|column| column.name.len()).max().unwrap_or_default();
    let mut text = String::new();
    for column in table.columns() {
        let kind = format!("{:?}", column.kind).to_lowercase();
        text.push_str(&format!("  {:width$}  {kind:4}  {}\n", column.name, column.about));
    }
    text
}
