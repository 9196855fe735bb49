//! `limpid lab`: the experiments, listed, run, and shown.

pub(crate) mod values;

use crate::error::{CliError, plain, without_errno};
use crate::picture::{PictureArgs, Subject, Target, What};
use crate::report::{self, PcapFile, ReportOptions};
use clap::ValueEnum;
use limpid_lab::LabError;
use limpid_lab::experiment::{self, Experiment, Peer, Picture, Role, Run, Setting, Settings};
use limpid_lab::experiments::ALL;
use limpid_lab::link::{Aqm, Bursts, Conditions};
use limpid_scope::figures;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;
use values::Queue;

/// Run an experiment with TCP, in virtual time or against this machine's Linux
///
/// Without a name, the experiments are listed. Each shows what happened three times over: as tcpdump's lines, as a ladder
/// (or, for long transfers, as a graph over time), and in words. It exits with 0 if it ended as intended.
///
/// Durations are written as 10ms, 1.5s or 200us; probabilities as 1% or 0.01; rates as 10mbit; sizes as 64kB.
///
/// The stories are timed for delays of up to some 40 ms: with much more, or with loss, an experiment may rightly end
/// otherwise than intended, and says so. With --peer kernel, connect-timeout makes 2 retries unless told otherwise, for
/// they take real time.
#[derive(clap::Args, Debug)]
#[command(allow_negative_numbers = true)]
pub(crate) struct LabArgs {
    /// The experiment
    name: Option<String>,

    /// Who is at the other end: another stack of ours in virtual time, or this machine's Linux in real time
    #[arg(long, value_name = "PEER", default_value = "limpid")]
    peer: PeerArg,

    /// The part that Linux plays, with --peer kernel
    #[arg(long, value_name = "ROLE")]
    role: Option<RoleArg>,

    /// Decides everything that chance decides: the same seed gives the same run
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// IPv6 instead of IPv4
    #[arg(long)]
    ipv6: bool,

    /// SYN retransmissions before connecting fails, at most 127
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(..=127), help_heading = "What the experiment does")]
    syn_retries: Option<u8>,

    /// Four SYN retransmissions a second apart first, as Linux from 6.5 on
    #[arg(long, help_heading = "What the experiment does")]
    linear: bool,

    /// The application gives connecting up after so long
    #[arg(long, value_name = "TIME", value_parser = values::deadline, help_heading = "What the experiment does")]
    deadline: Option<Duration>,

    #[command(flatten)]
    link: LinkArgs,

    #[command(flatten)]
    output: OutputArgs,

    #[command(flatten)]
    picture: PictureArgs,
}

/// What the link between the two hosts does, in both directions.
///
/// Experiments that are about a link of their own (a rate, a queue, certain losses) keep it: what is given here comes on
/// top of it, or in place of that one part.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "The link, both ways")]
struct LinkArgs {
    /// Time from end to end [default: 10ms]
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    delay: Option<Duration>,

    /// Time there and back: twice the delay
    #[arg(long, value_name = "TIME", value_parser = values::duration, conflicts_with = "delay")]
    rtt: Option<Duration>,

    /// Up to so much more, drawn for each packet
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    jitter: Option<Duration>,

    /// How likely a packet is lost
    #[arg(long, value_name = "P", value_parser = values::probability)]
    loss: Option<f64>,

    /// Losses in bursts (Gilbert and Elliott): the share of packets lost, and how many in a row on average, as 1%,5
    #[arg(long, value_name = "P,N", value_parser = values::bursts)]
    bursts: Option<Bursts>,

    /// Lose these segments with data from the client, counted from 1: as 3,7-9. Those sent again count, too
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = values::numbers)]
    lose: Vec<RangeInclusive<u64>>,

    /// How likely a packet is overtaken by those behind it
    #[arg(long, value_name = "P", value_parser = values::probability)]
    reorder: Option<f64>,

    /// For how long such a packet is held at most [default: 5ms]
    #[arg(long, value_name = "TIME", value_parser = values::duration, requires = "reorder")]
    reorder_by: Option<Duration>,

    /// How likely a packet arrives twice
    #[arg(long, value_name = "P", value_parser = values::probability)]
    duplicate: Option<f64>,

    /// How likely one of its bits is flipped
    #[arg(long, value_name = "P", value_parser = values::probability)]
    corrupt: Option<f64>,

    /// Bits per second
    #[arg(long, value_name = "RATE", value_parser = values::rate)]
    rate: Option<u64>,

    /// How much may wait for the rate: packets, or bytes as 64kB [default: 1000]
    #[arg(long, value_name = "N", requires = "rate", value_parser = values::queue)]
    queue: Option<Queue>,

    /// Packets that find so many waiting are marked CE if they are ECN-capable, else dropped
    #[arg(long, value_name = "N", requires = "rate", conflicts_with = "codel")]
    mark: Option<usize>,

    /// CoDel manages the queue: packets that have waited too long for too long are marked or dropped
    #[arg(long, requires = "rate")]
    codel: bool,
}

/// What is shown, and written.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Output")]
struct OutputArgs {
    /// Write the packets to a pcapng file, each with the reason why it was sent
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,

    /// Draw with ASCII characters only
    #[arg(long)]
    ascii: bool,

    /// Draw windows, rates and round trips over time; some experiments do so by themselves, in place of the ladder
    #[arg(long)]
    graph: bool,

    /// Show lines and ladder even where a graph stands for them
    #[arg(long)]
    ladder: bool,

    /// Leave the ladder out
    #[arg(long, conflicts_with = "ladder")]
    no_ladder: bool,

    /// Print tcpdump's lines and nothing else
    #[arg(long, conflicts_with_all = ["no_ladder", "ladder", "graph", "ascii"])]
    lines_only: bool,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
enum PeerArg {
    Limpid,
    Kernel,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
enum RoleArg {
    Client,
    Server,
}

impl From<RoleArg> for Role {
    fn from(role: RoleArg) -> Role {
        match role {
            RoleArg::Client => Role::Client,
            RoleArg::Server => Role::Server,
        }
    }
}

impl LabArgs {
    /// Lists the experiments, or runs one.
    pub(crate) fn run(self) -> Result<(), CliError> {
        let Some(name) = &self.name else {
            return write!(io::stdout(), "{}", list()).map_err(CliError::stdout);
        };
        let experiment = experiment::find(name).ok_or_else(|| unknown(name))?;
        let settings = self.settings(experiment)?;
        // Before anything is run for nothing.
        let target = self.picture.target()?;
        let pcap = self.output.pcap.as_deref().map(PcapFile::create).transpose()?;
        if let (Peer::Kernel(role), true) = (settings.peer, io::IsTerminal::is_terminal(&io::stderr())) {
            eprintln!("(Linux plays the {}, in real time)", word(role));
        }
        let runs = (experiment.run)(&settings).map_err(|error| failed(experiment, error))?;
        if let Some(pcap) = pcap {
            pcap.write_all(runs.iter().map(|run| &run.trace))?;
        }
        if let Some(note) = left_out(runs.iter().map(|run| run.left_out).sum()) {
            eprintln!("{note}");
        }
        match &target {
            Some(target) => self.draw(experiment, &runs, target)?,
            None => self.show(experiment, &runs)?,
        }
        match runs.iter().flat_map(|run| &run.differences).next() {
            None => Ok(()),
            Some(first) => Err(CliError::run(experiment.name, format!("did not end as intended: {first}"))),
        }
    }

    /// What the arguments ask for, if the experiment has it.
    fn settings(&self, experiment: &Experiment) -> Result<Settings, CliError> {
        let given = [
            (Setting::SynRetries, self.syn_retries.is_some(), "--syn-retries"),
            (Setting::Linear, self.linear, "--linear"),
            (Setting::Deadline, self.deadline.is_some(), "--deadline"),
        ];
        for (setting, is_given, flag) in given {
            if is_given && !experiment.settings.contains(&setting) {
                let have: Vec<&str> = ALL.iter().filter(|e| e.settings.contains(&setting)).map(|e| e.name).collect();
                return Err(CliError::usage(flag, format!("{} has no such setting", experiment.name))
                    .hint(format!("it is one of {}", have.join(", "))));
            }
        }
        Ok(Settings {
            seed: self.seed,
            peer: self.peer(experiment)?,
            ipv6: self.ipv6,
            link: self.link.conditions(),
            lose: self.link.lose.clone(),
            syn_retries: self.syn_retries,
            linear: self.linear,
            deadline: self.deadline,
            packets: self.output.pcap.is_some()
                || self.output.ladder
                || self.picture.what.is_some_and(What::needs_packets)
                || self.picture.is_diagram(),
        })
    }

    fn peer(&self, experiment: &Experiment) -> Result<Peer, CliError> {
        match (self.peer, self.role.map(Role::from)) {
            (PeerArg::Limpid, None) => Ok(Peer::Limpid),
            (PeerArg::Limpid, Some(_)) => {
                Err(CliError::usage("--role", "is the part that Linux plays").hint("add --peer kernel"))
            }
            (PeerArg::Kernel, role) => {
                let roles = experiment.kernel;
                let Some(first) = roles.first() else {
                    return Err(CliError::usage("--peer kernel", format!("{} has no such form", experiment.name)));
                };
                let role = role.unwrap_or(*first);
                if roles.contains(&role) {
                    return Ok(Peer::Kernel(role));
                }
                Err(CliError::usage("--role", format!("{} can't have Linux as the {}", experiment.name, word(role)))
                    .hint(format!("it can have it as the {}", word(*first))))
            }
        }
    }

    /// The same as a picture, one for each run.
    fn draw(&self, experiment: &Experiment, runs: &[Run], target: &Target) -> Result<(), CliError> {
        let what = match (self.picture.what, experiment.picture) {
            (Some(what), _) => what,
            (None, Picture::Graph) => What::Graph,
            (None, Picture::Ladder) => What::Ladder,
        };
        let title = |run: &Run| match run.title.as_str() {
            "" => experiment.name.to_owned(),
            title => format!("{}: {title}", experiment.name),
        };
        let titles: Vec<String> = runs.iter().map(title).collect();
        let subjects: Vec<Subject<'_>> = (runs.iter().zip(&titles).zip(1..))
            .map(|((run, title), number)| Subject {
                number,
                title,
                page: experiment.name,
                run: Some(run.title.as_str()),
                subtitle: experiment.summary,
                trace: &run.trace,
                unfold: "limpid lab --unfold draws each",
            })
            .collect();
        self.picture.write(target, &subjects, what)
    }

    fn show(&self, experiment: &Experiment, runs: &[Run]) -> Result<(), CliError> {
        let only = self.output.lines_only;
        let segments = experiment.picture == Picture::Ladder || self.output.ladder;
        let options = ReportOptions {
            ascii: self.output.ascii,
            lines: segments || only,
            graph: (experiment.picture == Picture::Graph || self.output.graph) && !only,
            ladder: segments && !self.output.no_ladder && !only,
            verdict: !only,
        };
        if !self.output.lines_only {
            write!(io::stdout(), "{}", heading(experiment, report::Screen::of_stdout().width))
                .map_err(CliError::stdout)?;
        }
        for run in runs {
            let mut out = io::stdout().lock();
            let title = !run.title.is_empty() && !self.output.lines_only;
            if title {
                writeln!(out, "\n== {}\n", run.title).map_err(CliError::stdout)?;
            } else if runs.len() > 1 || !self.output.lines_only {
                writeln!(out).map_err(CliError::stdout)?;
            }
            drop(out);
            report::print(&run.trace, &options)?;
            if !only {
                report::print_findings(&run.findings)?;
            }
            for difference in &run.differences {
                writeln!(io::stdout(), "Not as intended: {difference}").map_err(CliError::stdout)?;
            }
        }
        Ok(())
    }
}

impl LinkArgs {
    fn conditions(&self) -> Conditions {
        let mut link = Settings::default().link;
        link.delay = self.delay.or(self.rtt.map(|rtt| rtt / 2)).unwrap_or(link.delay);
        link.jitter = self.jitter.unwrap_or(link.jitter);
        link.loss = self.loss.unwrap_or(link.loss);
        link.reorder = self.reorder.unwrap_or(link.reorder);
        link.duplicate = self.duplicate.unwrap_or(link.duplicate);
        link.corrupt = self.corrupt.unwrap_or(link.corrupt);
        link.rate = self.rate.or(link.rate);
        match self.queue {
            Some(Queue::Packets(most)) => link.queue = most,
            // However small they are, they are bounded by their bytes alone.
            Some(Queue::Bytes(most)) => (link.queue, link.queue_bytes) = (usize::MAX, Some(most)),
            None => {}
        }
        link.aqm = if self.codel { Some(Aqm::CODEL) } else { self.mark.map(Aqm::Threshold) };
        link.bursts = self.bursts;
        link.reorder_by = self.reorder_by.unwrap_or(link.reorder_by);
        link
    }
}

/// What is said of packets, events and remarks that were more than are kept.
fn left_out(count: u64) -> Option<String> {
    let counted = match count {
        0 => return None,
        1 => "one packet or event is".to_owned(),
        more => format!("{} packets or events are", figures::number(more)),
    };
    Some(format!("(more happened than can be kept: {counted} left out)"))
}

/// What there is.
fn list() -> String {
    let mut text = String::from("The experiments (run one with 'limpid lab NAME'):\n\n");
    let width = ALL.iter().map(|e| e.name.len()).max().unwrap_or(0);
    for experiment in ALL {
        // Writing to a string does not fail.
        let _ = writeln!(text, "  {:width$}  {}", experiment.name, experiment.summary);
    }
    text.push_str("\nWith --peer kernel, Linux itself plays one part (--role):\n\n");
    for experiment in ALL.iter().filter(|experiment| !experiment.kernel.is_empty()) {
        let roles: Vec<&str> = experiment.kernel.iter().map(|role| word(*role)).collect();
        let _ = writeln!(text, "  {:width$}  {}", experiment.name, roles.join(" or "));
    }
    text
}

fn heading(experiment: &Experiment, width: usize) -> String {
    let mut text = format!("{}: {}\n\nWhat to look for:\n", experiment.name, experiment.summary);
    for paragraph in paragraphs(experiment.look_for) {
        text.push_str(&report::indented(&paragraph, width));
    }
    text
}

/// Lines that go on where the one before did not end a sentence are one paragraph.
fn paragraphs(lines: &[&str]) -> Vec<String> {
    let mut paragraphs: Vec<String> = Vec::new();
    for line in lines {
        match paragraphs.last_mut().filter(|last| !last.ends_with(['.', '?', '!'])) {
            Some(last) => *last = format!("{last} {line}"),
            None => paragraphs.push((*line).to_owned()),
        }
    }
    paragraphs
}

const fn word(role: Role) -> &'static str {
    match role {
        Role::Client => "client",
        Role::Server => "server",
    }
}

fn unknown(name: &str) -> CliError {
    let error = CliError::usage(name, "no such experiment");
    match experiment::nearest(name) {
        Some(nearest) => error.hint(format!("did you mean '{}'?", nearest.name)),
        None => error.hint("'limpid lab' lists them"),
    }
}

fn failed(experiment: &Experiment, error: LabError) -> CliError {
    match error {
        LabError::Namespace(error) => {
            let hint = error.hint();
            let error = CliError::run("--peer kernel", without_errno(&error.to_string()));
            match hint {
                Some(hint) => error.hint(hint),
                None => error,
            }
        }
        LabError::Device(error) => CliError::run(experiment.name, format!("device: {}", plain(&error))),
        error => CliError::run(experiment.name, error),
    }
}

#[cfg(test)]
mod tests;
