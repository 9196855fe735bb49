//! `limpid explain`: what happened to each connection of a capture, worst first.

mod json;

use crate::error::CliError;
use crate::input::{Capture, Input};
use crate::report::{self, Screen};
use limpid_scope::explain::{
    CloseLook, ExplainOptions, Explained, Explainer, Explanation, Picker, packets_at_places, reasons, verdicts,
};
use limpid_scope::flows::listing::Row;
use limpid_scope::flows::{ExcerptOptions, FlowsOptions};
use limpid_scope::trace::Trace;
use limpid_scope::truth;
use limpid_scope::verdict;
use limpid_scope::words;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};

/// Say in sentences what happened to each connection of a capture, worst first
///
/// Each sentence cites packets, as 'limpid read -#' numbers them, and says how it is known: observed (the packets show it),
/// inferred (it follows from them, but could be otherwise), or known from inside (a capture that limpid wrote tells why each
/// segment was sent).
///
/// Of many connections the ten worst are told of one by one, and the others in a line for each group of those that are
/// alike.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  limpid explain capture.pcap
  limpid explain capture.pcapng.gz --all tcp port 5432
  limpid explain capture.pcap -c 7 --json
  tcpdump -w - tcp port 6379 | limpid explain -")]
pub(crate) struct ExplainArgs {
    #[command(flatten)]
    input: Input,

    /// Tell of every connection one by one
    #[arg(long, conflicts_with = "connection")]
    all: bool,

    /// Tell of these connections alone, by their numbers in 'limpid list': 3 or 3,7
    #[arg(long, short = 'c', value_name = "N", value_delimiter = ',', value_parser = clap::value_parser!(u64).range(1..))]
    connection: Vec<u64>,

    /// How many connections to tell of one by one
    #[arg(long, value_name = "N", default_value_t = 10)]
    worst: usize,

    /// Print one object of JSON for each connection and group
    #[arg(long)]
    json: bool,

    /// Columns to fill; the terminal's if not given
    #[arg(long, value_name = "COLUMNS", value_parser = clap::value_parser!(u16).range(40..))]
    width: Option<u16>,

    /// Use only ASCII characters
    #[arg(long)]
    ascii: bool,
}

/// What is to be said of the whole capture.
struct Notice {
    /// Packets that were dropped while it was captured.
    dropped: u64,
    /// The filter that may have hidden packets.
    filter: Option<String>,
    /// What to say if there is no connection.
    nothing: String,
}

/// Standard input is read once: of each connection this much is kept.
const EXCERPT: ExcerptOptions = ExcerptOptions { first: 48, last: 16, snaplen: 160 };
/// Fewer connections at once than from a file, since each keeps packets.
const OPEN_WITH_EXCERPT: usize = 1 << 15;

impl ExplainArgs {
    pub(crate) fn run(self) -> Result<(), CliError> {
        let is_read_once = self.input.is_read_once();
        let mut flows = FlowsOptions::default();
        if is_read_once {
            (flows.excerpt, flows.max_open) = (Some(EXCERPT), OPEN_WITH_EXCERPT);
        }
        let options = ExplainOptions {
            worst: if self.all { usize::MAX } else { self.worst },
            few: if self.all { usize::MAX } else { 10 },
            only: (!self.connection.is_empty()).then(|| self.connection.clone()),
            flows,
        };
        let (explanation, notice, damage) = self.survey(&options)?;
        if let Some(missing) = self.missing(&explanation) {
            return Err(damage.unwrap_or(missing));
        }
        let traces = if is_read_once { excerpts(&explanation.worst) } else { self.close_look(&explanation.worst)? };
        let told = |trace| verdict::explain(trace).into_iter().chain(reasons(trace));
        let single: CloseLook = traces.iter().flat_map(told).collect();
        let mut out = BufWriter::new(io::stdout().lock());
        if self.json {
            for object in json::objects(&explanation, &single) {
                writeln!(out, "{object}").map_err(CliError::stdout)?;
            }
        } else {
            out.write_all(self.text(&explanation, &notice, &single).as_bytes()).map_err(CliError::stdout)?;
        }
        out.flush().map_err(CliError::stdout)?;
        damage.map_or(Ok(()), Err)
    }

    /// Reads the capture, to its end or to where it is damaged. Answers how many packets it says were dropped, too.
    fn survey(&self, options: &ExplainOptions) -> Result<(Explanation, Notice, Option<CliError>), CliError> {
        let mut capture = self.input.open()?;
        if !self.json {
            capture = capture.without_telling();
        }
        let mut explainer = Explainer::new(options);
        let damage = loop {
            match capture.advance() {
                Ok(true) => {}
                Ok(false) => break None,
                Err(error) => break Some(error),
            }
            if let Some((packet, place)) = capture.current() {
                explainer.handle_packet_at(&packet, place);
            }
        };
        let notice = self.notice(&capture)?;
        Ok((explainer.finish_beside(&capture.hidden()), notice, damage))
    }

    /// What is to be said of the whole capture.
    fn notice(&self, capture: &Capture) -> Result<Notice, CliError> {
        let given = self.input.filter_text()?;
        let hides = |by: &str| {
            format!("A filter was given ({by}): of connections of which it hid packets what is missing is not judged.")
        };
        let captured = capture
            .captured_with()
            .map(|by| format!("It was captured with a filter ({by}): what that hid is not judged."));
        Ok(Notice {
            dropped: capture.dropped(),
            filter: captured.or_else(|| (!given.is_empty()).then(|| hides(&given))),
            nothing: capture.nothing("TCP"),
        })
    }

    fn missing(&self, explanation: &Explanation) -> Option<CliError> {
        let is_there = |n: &&u64| explanation.worst.iter().any(|explained| explained.flow.number.0 == **n);
        let missing = self.connection.iter().find(|n| !is_there(n))?;
        let flows = explanation.totals.flows;
        Some(
            CliError::run(
                format!("connection {missing}"),
                format!("there {} {flows}", if flows == 1 { "is only" } else { "are" }),
            )
            .hint("'limpid list FILE' lists them"),
        )
    }

    /// Reads the packets of the worst connections again.
    fn close_look(&self, worst: &[Explained]) -> Result<Vec<Trace>, CliError> {
        let picker = Picker::new(worst);
        if picker.is_idle() {
            return Ok(Vec::new());
        }
        // Of a plain file only these are read; what can't be read that way is said below.
        let at_places = File::open(self.input.path()).and_then(|mut file| packets_at_places(worst, &mut file));
        if let Ok(Some(packets)) = at_places {
            return Ok(vec![Trace::from_capture(packets)]);
        }
        let mut wanted = 0;
        let (found, _) = self.input.open()?.collect(|packet| {
            let is_wanted = picker.wants(packet);
            wanted += usize::from(is_wanted);
            is_wanted
        });
        // Of what is not whole the packets one by one would tell wrongly: then there is the survey alone.
        Ok(if wanted > truth::MAX_PACKETS { Vec::new() } else { found.traces })
    }

    fn text(&self, explanation: &Explanation, notice: &Notice, single: &CloseLook) -> String {
        let screen = Screen::of_stdout();
        let width = self.width.map_or(screen.width.min(100), usize::from);
        let paint = |code: &str, text: &str| match screen.color {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text.to_owned(),
        };
        let mut text = String::new();
        let totals = &explanation.totals;
        if totals.flows == 0 {
            let nothing = match totals.packets {
                0 => notice.nothing.clone(),
                n => format!("there is no TCP among {}", words::count(n, "packet")),
            };
            return format!("Nothing to explain: {nothing}.\n");
        }
        let shown = explanation.worst.len() as u64;
        let hides = explanation.worst.iter().any(|e| e.hidden) || explanation.groups.iter().any(|group| group.hidden);
        if let Some(filter) = notice.filter.as_ref().filter(|_| hides) {
            text.push_str(&report::wrap(filter, width));
            text.push('\n');
        }
        if totals.flows > 1 {
            let order = if shown > 1 && self.connection.is_empty() { ", worst first" } else { "" };
            let _ = writeln!(text, "{} connections in {} packets{order}\n", totals.flows, totals.packets);
        }
        for explained in &explanation.worst {
            let _ = writeln!(text, "{}", paint("1", &heading(explained)));
            for verdict in verdicts(explained, single) {
                let code = ["2", "0", "33"][usize::from(verdict.kind.weight().min(2))];
                let wrapped = report::wrap(&verdict.to_string(), width);
                let _ = writeln!(text, "{}", paint(code, wrapped.trim_end_matches('\n')));
            }
            text.push('\n');
        }
        if explanation.groups.is_empty() {
            text.truncate(text.trim_end_matches('\n').len() + 1);
        }
        for group in &explanation.groups {
            text.push_str(&report::wrap(&group.to_string(), width));
        }
        if totals.pushed_out > 0 {
            let connections = words::plural(totals.pushed_out, "connection was", "connections were");
            let _ = writeln!(text, "({connections} let go early: too many at once)");
        }
        if totals.let_go > 0 {
            let lost = "what silent connections had outstanding was joined into one segment";
            let times = words::count(totals.let_go, "time");
            let _ = writeln!(text, "({times} {lost}: all together had too much at once)");
        }
        if notice.dropped > 0 {
            let packets = words::count(notice.dropped, "packet");
            let told = format!(
                "{packets} dropped while capturing: what these sentences call lost or unseen may only be missing here."
            );
            text.push('\n');
            text.push_str(&report::wrap(&told, width));
        }
        screen.show(text, self.ascii)
    }
}

/// `#3  10.0.0.1:40000 > 10.0.0.2:6379  12 packets, 1.2 s, closed`.
fn heading(explained: &Explained) -> String {
    let flow = &explained.flow;
    let [client, server] = flow.ends.each_ref().map(|end| end.endpoint);
    let row = Row::of(flow);
    let ending = match explained.hidden || row.unjudged.is_some() {
        true if !row.shows_ending() => "not judged",
        _ => flow.ending.text(),
    };
    format!(
        "#{}  {client} > {server}  {} in {}, {}",
        flow.number,
        limpid_scope::words::count(flow.packets(), "packet"),
        limpid_scope::words::duration(flow.duration()),
        ending
    )
}

/// What standard input left of the worst connections, where that is all of their packets.
fn excerpts(worst: &[Explained]) -> Vec<Trace> {
    let whole = worst.iter().filter_map(|explained| explained.flow.excerpt.as_deref()).filter(|e| e.left_out() == 0);
    whole.map(|excerpt| Trace::from_capture(excerpt.packets().cloned())).collect()
}
