//! `limpid list`: the connections of a capture, a line each.

use crate::error::CliError;
use crate::export::connections;
use crate::input::{Capture, Input};
use crate::report::Screen;
use clap::ValueEnum;
use limpid_scope::export::{CONNECTIONS, json_line};
use limpid_scope::flows::listing::{self, Order, Row};
use limpid_scope::flows::{Flow, Flows, FlowsOptions, Totals};
use limpid_scope::words;
use std::io::{self, BufWriter, Write};

/// The most connections that are held for sorting.
const MAX_ROWS: usize = 200_000;
/// The most bytes of objects that are held for sorting.
const MAX_BYTES: usize = 256 << 20;

/// List the connections of a capture: who, when, how long, how much, how it ended, what is wrong
///
/// A connection is everything between two endpoints from the first SYN to the last packet; one that began before the
/// capture is listed with its first packet in it. Bytes are payload, each byte once. RTT is that of the handshake; without
/// one, the shortest on either side of the place where the capture was taken.
#[derive(clap::Args, Debug)]
#[command(
    override_usage = "limpid list [OPTIONS] FILE [FILTER]...",
    after_help = "Examples:\n  limpid list trace.pcap\n  limpid list trace.pcap.gz --sort worst --top 20\n  limpid list trace.pcap tcp port 443 and host 10.0.0.1\n  tcpdump -w - -i eth0 tcp | limpid list -\n  limpid list --json trace.pcap | jq 'select(.client_retransmissions > 0)'"
)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    input: Input,

    /// By what to sort [default: first; with --json as they end]
    #[arg(long, value_enum, value_name = "BY")]
    sort: Option<Sort>,

    /// Show only so many, from the top
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    top: Option<u64>,

    /// Print an object for each connection, a line each, as 'limpid export --what connections' does
    ///
    /// Without --sort and --top each is printed when it ends, so that any number of them takes no memory.
    #[arg(long)]
    json: bool,
}

/// By what connections are sorted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Sort {
    /// The first packet
    First,
    /// Payload both ways, the most first
    Bytes,
    /// Packets both ways, the most first
    Packets,
    /// How long it lasted, the longest first
    Duration,
    /// Round trip, the longest first
    Rtt,
    /// Retransmissions, the most first
    Retransmissions,
    /// What is wrong, the worst first
    Worst,
}

impl From<Sort> for Order {
    fn from(sort: Sort) -> Order {
        match sort {
            Sort::First => Order::First,
            Sort::Bytes => Order::Bytes,
            Sort::Packets => Order::Packets,
            Sort::Duration => Order::Duration,
            Sort::Rtt => Order::RoundTrip,
            Sort::Retransmissions => Order::Retransmissions,
            Sort::Worst => Order::Worst,
        }
    }
}

/// The best rows so far.
struct Rows {
    rows: Vec<(Row, Vec<u8>)>,
    json: bool,
    order: Order,
    most: usize,
    dropped: u64,
    /// Bytes of the objects.
    bytes: usize,
}

impl Rows {
    /// Adds a row. Twice as many as are shown are held before the worse half goes.
    fn add(&mut self, flow: &Flow, capture: &Capture) {
        let mut object = Vec::new();
        if self.json {
            let flow = Flow { hidden: capture.hides(flow), ..flow.clone() };
            json_line(&CONNECTIONS, &flow, &mut object);
        }
        self.bytes += object.len();
        self.rows.push((Row::of(flow), object));
        if self.rows.len() >= self.most.saturating_mul(2) || self.bytes > MAX_BYTES {
            self.settle();
        }
    }

    fn settle(&mut self) {
        let order = self.order;
        // Rows are long: their ranks are sorted, and each row moves once.
        self.rows.sort_by_cached_key(|(row, _)| row.rank(order));
        let mut left = self.rows.len().min(self.most);
        // Objects are as long as they like: then fewer of them.
        if self.bytes > MAX_BYTES {
            left = left.min(self.rows.len() / 2);
            // Those of lower rank that come later may not stand in for those that go now.
            self.most = left.max(1);
        }
        self.dropped += (self.rows.len() - left) as u64;
        self.rows.truncate(left);
        self.bytes = self.rows.iter().map(|(_, object)| object.len()).sum();
    }
}

impl ListArgs {
    /// Lists them, those before the damage too if the file is damaged.
    pub(crate) fn run(self) -> Result<(), CliError> {
        let mut capture = self.input.open()?;
        if self.json && self.sort.is_none() && self.top.is_none() {
            let mut out = BufWriter::new(io::stdout().lock());
            let mut object = Vec::new();
            let outcome = connections(&mut capture, |flow| {
                object.clear();
                json_line(&CONNECTIONS, flow, &mut object);
                out.write_all(&object).map_err(CliError::stdout)
            });
            out.flush().map_err(CliError::stdout)?;
            return outcome;
        }
        let most = self.top.map_or(MAX_ROWS, |top| usize::try_from(top).unwrap_or(MAX_ROWS).min(MAX_ROWS));
        let order = self.sort.unwrap_or(Sort::First).into();
        let mut rows = Rows { rows: Vec::new(), json: self.json, order, most, dropped: 0, bytes: 0 };
        let mut first = None;
        let mut flows = Flows::new(FlowsOptions::default());
        let outcome = loop {
            match capture.next() {
                Ok(Some(packet)) => {
                    first.get_or_insert(packet.time);
                    flows.follow(&packet);
                    flows.for_each_ended(|flow| rows.add(flow, &capture));
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        let (hidden, nothing) = (capture.hidden(), capture.nothing("TCP"));
        let totals = flows.totals();
        flows.finish_each(|flow| rows.add(flow, &capture));
        drop(capture);
        rows.settle();
        if !hidden.is_empty() {
            let is_hidden = |row: &&mut Row| hidden.of(row.client, row.server);
            rows.rows.iter_mut().map(|(row, _)| row).filter(is_hidden).for_each(Row::hide);
        }
        self.print(rows, first, &nothing)?;
        tell_of_bounds(&totals);
        outcome
    }

    fn print(&self, rows: Rows, first: Option<i64>, nothing: &str) -> Result<(), CliError> {
        let Rows { rows, dropped, .. } = rows;
        let listed = rows.len();
        if self.json && dropped > 0 && self.top.is_none_or(|top| top > listed as u64) {
            eprintln!("limpid: only {listed} connections are listed, {dropped} more are not: choose with a filter");
        }
        let mut out = BufWriter::new(io::stdout().lock());
        if self.json {
            rows.iter().try_for_each(|(_, object)| out.write_all(object)).map_err(CliError::stdout)?;
        } else {
            let rows: Vec<Row> = rows.into_iter().map(|(row, _)| row).collect();
            let screen = Screen::of_stdout();
            let screen = listing::Screen { width: screen.width, color: screen.color };
            if rows.is_empty() {
                let nothing = if first.is_some() { "there is no TCP in it" } else { nothing };
                writeln!(out, "no TCP connections: {nothing}").map_err(CliError::stdout)?;
            } else {
                listing::write_table(&rows, first.unwrap_or(0), screen, &mut out).map_err(CliError::stdout)?;
            }
            if dropped > 0 {
                writeln!(out, "and {dropped} more").map_err(CliError::stdout)?;
            }
        }
        out.flush().map_err(CliError::stdout)
    }
}

/// Says what was not followed as it should be, because there was too much at once.
pub(crate) fn tell_of_bounds(totals: &Totals) {
    let options = FlowsOptions::default();
    if totals.pushed_out > 0 {
        let (most, pushed) = (options.max_open, words::plural(totals.pushed_out, "connection was", "connections were"));
        eprintln!("limpid: {pushed} let go early: more than {most} were open at once");
    }
    if totals.let_go > 0 {
        let (mib, times) = (options.max_detail >> 20, words::count(totals.let_go, "time"));
        eprintln!(
            "limpid: {times} a silent connection's outstanding segments were joined into one: all together took more \
             than {mib} MiB"
        );
    }
}
