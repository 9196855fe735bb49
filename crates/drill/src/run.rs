//! The runner: plays a script's events on a target, each at its time, and compares.
//!
//! | where | what |
//! |---|---|
//! | `options` | `--name=value` of script and command line; the network that follows |
//! | `time` | when an event is due, and by how much it may miss |
//! | `check` | what can be said of a script before it runs |
//! | `calls`, `calling` | system calls: arguments in, results compared; when they are made and end |
//! | `sockets`, `descriptors` | whose packets are whose; the script's numbers and the live ones |
//! | `packets`, `icmp` | what the script sends and expects |
//! | [`command`] | backticks |
//! | `snippets`, `sample` | `%{ … }%`, and what it can ask for |
//! | `compare`, `wire` | a packet against what the script says of it; bytes |
//! | `stop` | why a run ends early |
//!
//! Everything that the target sends is recorded and queued. A packet is looked at when the next outbound expectation of its
//! socket meets it, so that packets at the end of a script which it does not mention do no harm: as in packetdrill.

mod calling;
mod calls;
mod check;
mod compare;
mod descriptors;
mod icmp;
mod options;
mod packets;
mod sample;
mod snippets;
mod sockets;
mod stop;
mod time;
mod values;
mod wire;

pub(crate) use descriptors::Descriptors;
pub(crate) use stop::Stop;

pub mod command;

use crate::report::{Report, Verdict};
use crate::script::{Command, Event, EventKind, Pos, Script};
use crate::target::{Happening, Target, TargetError};
use calling::{InFlight, Made};
use command::{Host, Shell, Trouble};
use limpid_event::{FlowId, Instant};
use limpid_lab::Recorder;
use limpid_scope::trace::{Trace, View};
use options::Options;
use snippets::Snippets;
use sockets::Sockets;
use std::collections::VecDeque;
use std::time::Duration;
use time::{Due, Epoch, Past};
use wire::Seen;

/// What the command line adds to a script; its settings win over the script's own options.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Settings {
    /// `--name=value`, without dashes.
    pub options: Vec<(String, Option<String>)>,
    /// How long a run may take where time is real; `None` for as long as the script takes.
    pub time_limit: Option<Duration>,
}

impl Settings {
    /// The same, with an option that neither they nor the script have.
    #[must_use]
    pub fn with_default(&self, script: &Script, (name, value): (&str, &str)) -> Settings {
        let mut settings = self.clone();
        let of_script = script.options.iter().map(|option| &option.name);
        if settings.options.iter().map(|(known, _)| known).chain(of_script).all(|known| known != name) {
            settings.options.push((name.to_owned(), Some(value.to_owned())));
        }
        settings
    }
}

/// The target and the script's end, in a run's [`Trace`].
const TARGET: usize = 0;
const SCRIPT: usize = 1;

/// How long a call may wait that is not written as a blocking one. It holds up the script meanwhile.
const LONGEST_HOLD_UP: Duration = Duration::from_secs(70);

/// How long past its time an event waits for the call in flight, and the script's end for the last.
const GRACE: Duration = Duration::from_secs(1);

/// Runs a script on a target made for its [network](crate::target::Network).
pub fn run(script: &Script, settings: &Settings, target: &mut dyn Target) -> Report {
    let options = match Options::of(script, settings) {
        Ok(options) => options,
        Err(stop) => {
            let (printed, remarks) = (String::new(), Vec::new());
            return Report { verdict: stop.into(), trace: Trace::default(), printed, remarks };
        }
    };
    let checked = check::check(script, &options);
    let mut runner = Runner::new(options, target);
    if let Err(stop) = checked {
        return runner.report(Err(stop));
    }
    let mut result = runner.play(script);
    if let Some(cleanup) = &script.cleanup {
        let cleaned = runner.command(cleanup);
        result = result.and(cleaned);
    }
    runner.report(result)
}

/// A run.
struct Runner<'a> {
    options: Options,
    target: &'a mut dyn Target,
    recorder: Recorder,
    epoch: Epoch,
    past: Past,
    fds: Descriptors,
    sockets: Sockets,
    /// What the target sent and no expectation has met yet.
    sent: VecDeque<Seen>,
    in_flight: Option<InFlight>,
    /// The packet that ended the run: when it was sent, and its bytes.
    culprit: Option<(Instant, Vec<u8>)>,
    shell: Shell,
    snippets: Snippets,
    /// Why a command could not wait any longer.
    stopped_in_command: Option<Stop>,
    printed: String,
    remarks: Vec<String>,
}

impl<'a> Runner<'a> {
    fn new(mut options: Options, target: &'a mut dyn Target) -> Runner<'a> {
        let recorder = Recorder::new(0);
        // The order is that of the constants TARGET and SCRIPT.
        let inside = target.observe(&recorder, TARGET);
        let view = if inside { View::Inside } else { View::Observed };
        recorder.add_host(target.name(), vec![options.network.local], view);
        recorder.add_host("script", vec![options.network.remote], View::Observed);
        Runner {
            epoch: Epoch(target.now()),
            target,
            recorder,
            past: Past::default(),
            fds: Descriptors::default(),
            sockets: Sockets::new(options.bind_port),
            sent: VecDeque::new(),
            in_flight: None,
            culprit: None,
            shell: Shell::default(),
            snippets: Snippets::default(),
            stopped_in_command: None,
            printed: String::new(),
            remarks: std::mem::take(&mut options.remarks),
            options,
        }
    }

    fn report(self, result: Result<(), Stop>) -> Report {
        let Runner { recorder, target, culprit, printed, remarks, .. } = self;
        let trace = recorder.trace(target.now());
        let mut verdict = result.map_or_else(Verdict::from, |()| Verdict::Pass);
        if let (Verdict::Fail(failure), Some((at, bytes))) = (&mut verdict, culprit) {
            let is_it = |packet: &&limpid_scope::trace::Packet| packet.sent_at == at && packet.bytes == bytes;
            failure.packet = trace.packets.iter().find(is_it).map(|packet| packet.number);
        }
        Report { verdict, trace, printed, remarks }
    }

    /// Plays a script to its end, but for the clean-up.
    fn play(&mut self, script: &Script) -> Result<(), Stop> {
        for text in std::mem::take(&mut self.options.init_scripts) {
            self.command(&Command { at: Pos::default(), text })?;
        }
        if let Some(init) = &script.init {
            self.command(init)?;
        }
        self.epoch = Epoch(self.target.now());
        for event in &script.events {
            self.target.reached(event.at);
            let now = self.now();
            let due = self.past.next(event, now)?;
            match &event.kind {
                EventKind::Packet(packet) => self.packet(event, packet, &due)?,
                EventKind::Call(call) => self.call(event, call, &due)?,
                EventKind::Command(command) => {
                    self.wait_for(event, &due, "command")?;
                    self.command(command)?;
                }
                EventKind::Snippet(snippet) => {
                    self.wait_for(event, &due, "data collection for code")?;
                    self.snippet(event, snippet)?;
                }
            }
        }
        self.finish()
    }

    /// Waits for the call in flight: until its time, and a little longer.
    fn finish(&mut self) -> Result<(), Stop> {
        let Some(InFlight { end, .. }) = &self.in_flight else { return Ok(()) };
        let due = end.as_ref().map_or(Duration::ZERO, |end| end.deadline(&self.options));
        let deadline = due.max(self.now().saturating_add(GRACE));
        self.wait_for_idle(deadline)?;
        match &self.in_flight {
            Some(InFlight { made: Made { at, .. }, .. }) => {
                Err(Stop::fail(*at, "runtime error: exiting while a blocking system call is in progress"))
            }
            None => Ok(()),
        }
    }

    fn command(&mut self, command: &Command) -> Result<(), Stop> {
        let mut shell = std::mem::take(&mut self.shell);
        let result = shell.run(command, self);
        self.shell = shell;
        if let Some(stop) = self.stopped_in_command.take() {
            return Err(stop);
        }
        result.map_err(|trouble| match trouble {
            Trouble::Failed { at, what } => Stop::fail(at, format!("error executing command: {what}")),
            Trouble::Unsupported { at, what } => Stop::Unsupported { at, what },
            Trouble::Broken(what) => Stop::Broken(what),
        })
    }

    fn remark(&mut self, text: String) {
        if !self.remarks.contains(&text) {
            self.remarks.push(text);
        }
    }

    // ---- time

    /// Since the script's start.
    fn now(&mut self) -> Duration {
        self.epoch.script(self.target.now())
    }

    /// Waits until an event is due.
    fn wait_for(&mut self, event: &Event, due: &Due, what: &str) -> Result<(), Stop> {
        let until = self.epoch.live(due.at);
        while self.step(until, event.at)? {}
        let now = self.now();
        // The first event's time is where the script's time comes from.
        if due.is_first() {
            return Ok(());
        }
        due.check(now, what, &self.options).map_err(|why| Stop::fail(event.at, why))
    }

    /// Waits for what happens next, but not past `until`; false if nothing did.
    fn step(&mut self, until: Instant, at: Pos) -> Result<bool, Stop> {
        match self.target.wait(until).map_err(|error| Stop::target(error, at))? {
            Happening::Reached => return Ok(false),
            Happening::Sent(sent) => {
                let (at, flow, why) = (sent.at, sent.flow, sent.why);
                if let Some(seen) = Seen::read(sent).filter(Seen::matters) {
                    let entry = self.recorder.sent(at, (TARGET, SCRIPT), &seen.bytes, flow, why);
                    self.recorder.arrived(entry, at);
                    self.sent.push_back(seen);
                }
            }
            Happening::Ended(id, when, gave) => match self.in_flight.take_if(|call| call.id == id) {
                Some(call) => self.ended(call, when, &gave)?,
                None => return Err(Stop::Broken("a call ended that was not made".to_owned())),
            },
        }
        Ok(true)
    }

    /// Waits until no call is in flight, or `deadline`.
    fn wait_for_idle(&mut self, deadline: Duration) -> Result<(), Stop> {
        let until = self.epoch.live(deadline);
        while let Some(InFlight { made: Made { at, .. }, .. }) = self.in_flight {
            if !self.step(until, at)? {
                break;
            }
        }
        Ok(())
    }

    /// Hands a packet of the script's to the target.
    fn inject(&mut self, packet: &[u8], gso_size: u16, at: Pos) -> Result<(), Stop> {
        let now = self.target.now();
        let entry = self.recorder.sent(now, (SCRIPT, TARGET), packet, FlowId::NONE, None);
        self.recorder.arrived(entry, now);
        self.target.inject(packet, gso_size).map_err(|error| Stop::target(error, at))
    }
}

impl Host for Runner<'_> {
    fn target(&mut self) -> &mut dyn Target {
        self.target
    }

    fn sleep(&mut self, time: Duration) -> Result<(), TargetError> {
        let until = self.target.now() + time;
        loop {
            match self.step(until, Pos::default()) {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(stop) => {
                    self.stopped_in_command = Some(stop);
                    return Err(TargetError::Broken(String::new()));
                }
            }
        }
    }

    fn print(&mut self, text: &str) {
        self.printed.push_str(text);
    }

    fn remark(&mut self, text: String) {
        self.remark(text);
    }
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
