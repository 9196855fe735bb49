//! `limpid draw`: pictures of a capture.

use crate::error::CliError;
use crate::input::Input;
use crate::picture::{Format, PictureArgs, Subject, Target, What};
use limpid_scope::flows::{Flow, Flows, FlowsOptions, Hidden};
use limpid_scope::overview::{Connection, MAX_CONNECTIONS, Overview};
use limpid_scope::trace::Trace;
use limpid_scope::words;
use std::collections::{BTreeSet, HashMap, HashSet};

/// The most connections that are drawn one by one.
pub(crate) const MAX_DRAWN: usize = 16;
/// The most packets of one connection that are looked at.
const MAX_PACKETS: usize = 50_000;
/// The most packets of standard input, which is read once.
const MAX_READ_ONCE: u64 = 200_000;

/// Draw a capture: ladders, states, graphs, or all connections together
///
/// The ending of the file decides the format: .svg (light and dark, as the reader prefers), .html (all on one page), .png,
/// .txt (as for a terminal) or .mmd (a Mermaid sequence diagram). Of several connections each gets a file of its own with
/// its number before the ending; of more than 16, all are drawn together unless --connection chooses some.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  limpid draw trace.pcap -o trace.svg
  limpid draw trace.pcapng tcp port 6379 -o redis.html
  limpid draw big.pcap -c 17 --spacing even -o 17.png
  limpid draw big.pcap --what overview -o all.svg
  limpid draw trace.pcap --format mmd -o - | mmdc -i - -o trace.png")]
pub(crate) struct DrawArgs {
    #[command(flatten)]
    input: Input,

    /// Only these connections, by their numbers in 'limpid list': 3 or 3,7
    #[arg(long, short = 'c', value_name = "N", value_delimiter = ',', value_parser = clap::value_parser!(u64).range(1..))]
    connection: Vec<u64>,

    #[command(flatten)]
    picture: PictureArgs,
}

impl DrawArgs {
    /// Surveys the capture, chooses, reads what was chosen again, and draws it.
    pub(crate) fn run(self) -> Result<(), CliError> {
        let Some(target) = self.picture.target()? else {
            return Err(
                CliError::usage("-o", "where to is not given").hint("add -o FILE.svg, .html, .png, .txt or .mmd")
            );
        };
        self.input.refuse_output(&target.path)?;
        let is_page = target.format == Format::Html;
        let (chosen, damage) =
            if self.input.is_read_once() { self.read_once(is_page)? } else { self.read_twice(is_page)? };
        self.draw(&target, &chosen)?;
        // What stands before the damage is drawn all the same.
        damage.map_or(Ok(()), |error| Err(error.hint("what stands before that is drawn")))
    }

    /// A file: surveyed first, then only what is drawn is kept.
    fn read_twice(&self, is_page: bool) -> Result<(Chosen, Option<CliError>), CliError> {
        let mut capture = self.input.open()?;
        let name = capture.name().to_owned();
        let mut survey = Survey::new();
        let damage = loop {
            match capture.next() {
                Ok(Some(packet)) => {
                    survey.flows.handle_packet(&packet);
                    survey.drain();
                }
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        let (hidden, nothing) = (capture.hidden(), capture.nothing("TCP"));
        drop(capture);
        let survey = survey.finish(&hidden);
        let numbers = self.choose(&name, &survey, is_page, &nothing)?;
        if numbers.is_empty() {
            return Ok((Chosen { name, survey, picked: Vec::new(), is_damaged: damage.is_some() }, damage));
        }
        let mut again = Picker::new(numbers);
        let (found, _) = self.input.open()?.without_progress().collect(|packet| again.wants(packet));
        let mut picked = again.split(&found.traces, found.left_out);
        for picked in &mut picked {
            picked.trace.partial = survey.is_partial(picked.number, &hidden);
        }
        Ok((Chosen { name, survey, picked, is_damaged: damage.is_some() }, damage))
    }

    /// Standard input: all of it is kept, within a bound.
    fn read_once(&self, is_page: bool) -> Result<(Chosen, Option<CliError>), CliError> {
        let mut capture = self.input.open()?;
        let name = capture.name().to_owned();
        let mut survey = Survey::new();
        let mut of_flow: HashMap<u64, Vec<u64>> = HashMap::new();
        let mut left_out: HashMap<u64, u64> = HashMap::new();
        let mut read = 0;
        let (found, damage) = capture.collect(|packet| {
            read += 1;
            let sighting = survey.flows.handle_packet(packet);
            survey.drain();
            let Some(flow) = sighting.map(|sighting| sighting.flow.0) else { return false };
            let fits = read <= MAX_READ_ONCE;
            if fits {
                of_flow.entry(flow).or_default().push(packet.number);
            } else if left_out.len() < MAX_CONNECTIONS || left_out.contains_key(&flow) {
                *left_out.entry(flow).or_default() += 1;
            }
            fits
        });
        let (hidden, nothing) = (capture.hidden(), capture.nothing("TCP"));
        let survey = survey.finish(&hidden);
        let numbers = self.choose(&name, &survey, is_page, &nothing)?;
        let picked = numbers.into_iter().map(|number| {
            let packets: HashSet<u64> = of_flow.get(&number).into_iter().flatten().copied().collect();
            let left_out = left_out.get(&number).copied().unwrap_or(0);
            let mut trace = part(&found.traces, &packets);
            trace.partial = survey.is_partial(number, &hidden);
            Picked { number, trace, left_out }
        });
        let picked = picked.collect();
        Ok((Chosen { name, survey, picked, is_damaged: damage.is_some() }, damage))
    }

    /// The numbers of the connections that are drawn one by one; none for all together.
    fn choose(&self, name: &str, survey: &Surveyed, is_page: bool, nothing: &str) -> Result<Vec<u64>, CliError> {
        let count = survey.count();
        if let Some(missing) = self.connection.iter().find(|number| **number > count) {
            let why = if count == 0 { nothing.to_owned() } else { format!("there are {count}") };
            return Err(CliError::run(name, format!("no connection {missing}: {why}")).hint("'limpid list' lists them"));
        }
        match self.picture.what {
            Some(What::Overview) => return Ok(Vec::new()),
            _ if count == 0 => return Err(CliError::run(name, nothing).hint("nothing to draw")),
            _ => {}
        }
        if self.connection.len() > MAX_DRAWN {
            return Err(CliError::usage("--connection", format!("{} are too many at once", self.connection.len()))
                .hint(format!("choose up to {MAX_DRAWN}")));
        }
        if !self.connection.is_empty() {
            return Ok(self.connection.iter().copied().collect::<BTreeSet<u64>>().into_iter().collect());
        }
        let mut numbers: Vec<u64> = survey.connections.iter().map(|c| c.number).collect();
        numbers.sort_unstable();
        match (numbers.len() <= MAX_DRAWN, self.picture.what) {
            (true, _) => Ok(numbers),
            // A page says which others there are; those come first that are worth a look.
            (false, None) if is_page => Ok(survey.worst(MAX_DRAWN)),
            (false, None) => Ok(Vec::new()),
            (false, Some(_)) => {
                Err(CliError::usage("--what", format!("{count} connections are too many to draw each"))
                    .hint("choose with --connection or a filter, or --what overview"))
            }
        }
    }

    fn draw(&self, target: &Target, chosen: &Chosen) -> Result<(), CliError> {
        let name = std::path::Path::new(&chosen.name)
            .file_name()
            .map_or(chosen.name.clone(), |n| n.to_string_lossy().into_owned());
        if chosen.picked.is_empty() {
            if target.format == Format::Mmd {
                return Err(CliError::usage("--format mmd", "Mermaid has sequence diagrams only")
                    .hint("choose a connection with --connection"));
            }
            let overview = Overview::of(&chosen.survey.connections, chosen.survey.more);
            let title = if chosen.is_damaged { format!("{name}, up to where it is damaged") } else { name };
            return self.picture.write_overview(target, &overview, &title);
        }
        let count = chosen.survey.count();
        for picked in chosen.picked.iter().filter(|picked| picked.left_out > 0) {
            // A graph has no room to say it.
            let packets = words::count(picked.left_out, "packet");
            eprintln!(
                "limpid: {name}: connection {}: its last {packets} are left out: more than {} are not drawn",
                picked.number,
                words::number(MAX_PACKETS as u64)
            );
        }
        let titles: Vec<(String, String)> =
            chosen.picked.iter().map(|picked| picked.titles(&name, chosen, count)).collect();
        let subjects: Vec<Subject<'_>> = (chosen.picked.iter().zip(&titles))
            .map(|(picked, (title, subtitle))| Subject {
                number: picked.number,
                title,
                page: &name,
                run: None,
                subtitle,
                trace: &picked.trace,
                unfold: "limpid draw --unfold draws each",
            })
            .collect();
        if target.format == Format::Html && self.picture.what.is_none() {
            let more = (count > subjects.len() as u64 && self.connection.is_empty()).then(|| {
                let (shown, all) = (subjects.len(), words::number(count));
                let how = "'limpid list' has the numbers of all, and 'limpid draw --connection N' or a filter draws any other";
                (
                    format!("Of the {all} connections of this capture the {shown} most worth a look are drawn: {how}."),
                    Overview::of(&chosen.survey.connections, chosen.survey.more),
                )
            });
            let (left_out, overview) = more.unzip();
            // Of one connection its subtitle says it.
            let damage = (chosen.is_damaged && subjects.len() > 1)
                .then(|| "The file is damaged: what stands before that is drawn.".to_owned());
            let left_out = [damage, left_out].into_iter().flatten().reduce(|damage, rest| format!("{damage} {rest}"));
            return self.picture.write_page(target, &subjects, left_out, overview);
        }
        if subjects.len() > 1 {
            subjects.iter().try_for_each(|subject| self.input.refuse_output(&target.numbered(subject.number)))?;
        }
        self.picture.write(target, &subjects, self.picture.what.unwrap_or(What::Ladder))
    }
}

/// What is drawn.
struct Chosen {
    name: String,
    survey: Surveyed,
    /// The connections that are drawn one by one; none for all together.
    picked: Vec<Picked>,
    /// The file could not be read to its end.
    is_damaged: bool,
}

/// A connection that is drawn.
struct Picked {
    number: u64,
    trace: Trace,
    /// Packets that were too many.
    left_out: u64,
}

impl Picked {
    fn titles(&self, name: &str, chosen: &Chosen, count: u64) -> (String, String) {
        let connection = chosen.survey.connections.iter().find(|c| c.number == self.number);
        let title = connection.map_or(String::new(), |c| format!("{} → {}", c.client, c.server));
        let mut subtitle = name.to_owned();
        if count > 1 {
            subtitle.push_str(&format!(", connection {} of {count}", self.number));
        }
        if chosen.is_damaged {
            subtitle.push_str("; the file is damaged: what stands before that is drawn");
        }
        if self.left_out > 0 {
            subtitle.push_str(&format!("; its last {} are left out", words::count(self.left_out, "packet")));
        }
        if self.trace.partial {
            subtitle.push_str(match chosen.survey.perhaps_hidden {
                true => "; a filter may have hidden some of its packets",
                false => "; the filter hid some of its packets",
            });
        }
        (title, subtitle)
    }
}

/// The survey under way.
struct Survey {
    flows: Flows,
    done: Surveyed,
}

/// What the survey found.
#[derive(Default)]
struct Surveyed {
    connections: Vec<Connection>,
    /// Beyond those.
    more: u64,
    /// Of none it is known whether packets were hidden.
    perhaps_hidden: bool,
}

impl Survey {
    fn new() -> Survey {
        Survey { flows: Flows::new(FlowsOptions::default()), done: Surveyed::default() }
    }

    fn drain(&mut self) {
        while let Some(flow) = self.flows.poll_ended() {
            self.done.add(&flow);
        }
    }

    /// All connections; those of which packets were hidden are not judged.
    fn finish(mut self, hidden: &Hidden) -> Surveyed {
        self.drain();
        let mut done = self.done;
        self.flows.finish().for_each(|flow| done.add(&flow));
        let is_hidden = |connection: &&mut Connection| hidden.of(connection.client, connection.server);
        done.connections.iter_mut().filter(is_hidden).for_each(Connection::hide);
        done.perhaps_hidden = hidden.is_all();
        done
    }
}

impl Surveyed {
    fn add(&mut self, flow: &Flow) {
        match self.connections.len() < MAX_CONNECTIONS {
            true => self.connections.push(Connection::from(flow)),
            false => self.more += 1,
        }
    }

    /// The numbers of the connections most worth a look, in order: in trouble, then large.
    fn worst(&self, most: usize) -> Vec<u64> {
        let mut worst: Vec<&Connection> = self.connections.iter().collect();
        let trouble = |c: &Connection| c.trouble.as_ref().map(|(severity, _)| *severity);
        worst.sort_by_key(|c| std::cmp::Reverse((trouble(c), c.bytes.iter().sum::<u64>())));
        let mut numbers: Vec<u64> = worst.into_iter().take(most).map(|c| c.number).collect();
        numbers.sort_unstable();
        numbers
    }

    fn count(&self) -> u64 {
        self.connections.len() as u64 + self.more
    }

    /// True if packets of this connection were hidden, or may have been.
    fn is_partial(&self, number: u64, hidden: &Hidden) -> bool {
        let connection = self.connections.iter().find(|connection| connection.number == number);
        connection.is_some_and(|connection| hidden.of(connection.client, connection.server))
    }
}

/// Finds the packets of chosen connections, as the survey numbered them.
struct Picker {
    flows: Flows,
    numbers: HashMap<u64, (HashSet<u64>, u64)>,
}

impl Picker {
    fn new(numbers: Vec<u64>) -> Picker {
        let numbers = numbers.into_iter().map(|number| (number, Default::default())).collect();
        Picker { flows: Flows::new(FlowsOptions::default()), numbers }
    }

    fn wants(&mut self, packet: &limpid_scope::capture::PacketRef<'_>) -> bool {
        let sighting = self.flows.handle_packet(packet);
        while self.flows.poll_ended().is_some() {}
        let Some((packets, left_out)) = sighting.and_then(|sighting| self.numbers.get_mut(&sighting.flow.0)) else {
            return false;
        };
        let fits = packets.len() < MAX_PACKETS;
        match fits {
            true => drop(packets.insert(packet.number)),
            false => *left_out += 1,
        }
        fits
    }

    /// The chosen connections, each with its packets; of all together, `left_out` were too many.
    fn split(self, traces: &[Trace], left_out: u64) -> Vec<Picked> {
        let picked = self.numbers.into_iter().map(|(number, (packets, beyond))| {
            let trace = part(traces, &packets);
            let missing = packets.len().saturating_sub(trace.packets.len()) as u64;
            Picked { number, trace, left_out: beyond + missing.min(left_out) }
        });
        let mut picked: Vec<Picked> = picked.collect();
        picked.sort_by_key(|picked| picked.number);
        picked
    }
}

/// The packets of these numbers, and what was told of their connections; out of the trace that has most of them.
fn part(traces: &[Trace], packets: &HashSet<u64>) -> Trace {
    let has = |trace: &&Trace| trace.packets.iter().filter(|packet| packets.contains(&packet.number)).count();
    let Some(whole) = traces.iter().max_by_key(has) else { return Trace::default() };
    let mut trace = whole.clone();
    trace.packets.retain(|packet| packets.contains(&packet.number));
    let flows: HashSet<_> = trace.packets.iter().map(|packet| (packet.from, packet.flow)).collect();
    trace.notes.retain(|note| flows.contains(&(note.host, note.flow)));
    trace
}
