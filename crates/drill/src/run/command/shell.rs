//! Plays a command's steps through a target.

use super::{Action, Filter, NotSupported, Nstat, Source, Step, When, parse, profile};
use crate::script::{Command, Pos};
use crate::target::{Applied, Setting, Target, TargetError};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// What a command may do beside settings: the runner's side.
pub trait Host {
    /// The target.
    fn target(&mut self) -> &mut dyn Target;

    /// Lets time pass; the target goes on meanwhile.
    ///
    /// # Errors
    /// If the target broke down.
    fn sleep(&mut self, time: Duration) -> Result<(), TargetError>;

    /// Something is printed.
    fn print(&mut self, text: &str);

    /// Something is said about the run, once.
    fn remark(&mut self, text: String);
}

/// Why a script can't go on after a command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// The exit status is not 0.
    Failed {
        /// The command that decided it.
        at: Pos,
        /// What it was, and why.
        what: String,
    },
    /// It asks for something that is not there.
    Unsupported {
        /// Where.
        at: Pos,
        /// What.
        what: String,
    },
    /// The target broke down.
    Broken(String),
}

impl From<NotSupported> for Trouble {
    fn from(NotSupported { at, what }: NotSupported) -> Trouble {
        Trouble::Unsupported { at, what }
    }
}

/// What one command of a script leaves behind for the next.
#[derive(Debug, Default)]
pub struct Shell {
    /// What settings were before the script changed them, in the order of the first changes.
    saved: Vec<(Setting, Option<String>)>,
    /// What the last `nstat` saw.
    seen: BTreeMap<String, u64>,
}

/// An exit status: why it is not 0.
type Status = Result<(), String>;

impl Shell {
    /// Runs a command to its end.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub fn run(&mut self, command: &Command, host: &mut dyn Host) -> Result<(), Trouble> {
        let steps = parse(command)?;
        let mut status: Status = Ok(());
        let mut at = command.at;
        for (index, step) in steps.iter().enumerate() {
            let runs = match step.when {
                When::Always => true,
                When::AfterSuccess => status.is_ok(),
                When::AfterFailure => status.is_err(),
            };
            if !runs {
                continue;
            }
            let caught = steps.get(index + 1).is_some_and(|next| next.when == When::AfterFailure) || step.negated;
            at = step.at;
            status = match (self.step(step, caught, host)?, step.negated) {
                (Ok(()), true) => Err("its exit status is 0, and ! stands before it".to_owned()),
                (Err(_), true) => Ok(()),
                (status, false) => status,
            }
            .map_err(|why| format!("`{}`: {why}", step.text));
        }
        status.map_err(|what| Trouble::Failed { at, what })
    }

    /// `caught`: the script looks at the exit status itself.
    fn step(&mut self, step: &Step, caught: bool, host: &mut dyn Host) -> Result<Status, Trouble> {
        match &step.action {
            Action::Defaults => {
                for setting in profile::settings() {
                    let _ = self.set(&setting, Tolerance::Remark, step.at, host)?;
                }
                Ok(Ok(()))
            }
            Action::Set { settings, lenient } => {
                let tolerance = match (lenient, caught) {
                    (true, _) => Tolerance::Unknown,
                    (false, true) => Tolerance::Status,
                    (false, false) => Tolerance::None,
                };
                let mut status = Ok(());
                for setting in settings {
                    // As sysctl does, the others are set all the same.
                    let this = self.set(setting, tolerance, step.at, host)?;
                    status = status.and(this);
                }
                Ok(status)
            }
            Action::Restore => self.restore(step.at, host),
            Action::Show { source, filters, shown } => {
                let text = self.text(source, filters, step.at, host)?;
                Ok(show(text, filters, *shown, host))
            }
            Action::Sleep(time) => match host.sleep(*time) {
                Ok(()) => Ok(Ok(())),
                Err(error) => Err(trouble(error, step.at)),
            },
            Action::Status(good) => Ok(if *good { Ok(()) } else { Err("its exit status is 1".into()) }),
        }
    }

    fn set(
        &mut self,
        setting: &Setting,
        tolerance: Tolerance,
        at: Pos,
        host: &mut dyn Host,
    ) -> Result<Status, Trouble> {
        let known = self.save(setting, host);
        match host.target().set(setting) {
            Ok(Applied::Done) => Ok(Ok(())),
            Ok(Applied::NoEffect(why)) => {
                host.remark(why);
                Ok(Ok(()))
            }
            Err(TargetError::Refused(why)) if tolerance != Tolerance::Remark => Ok(Err(why)),
            Err(TargetError::Unsupported(why) | TargetError::Refused(why)) => match tolerance {
                Tolerance::Remark => {
                    host.remark(why);
                    Ok(Ok(()))
                }
                Tolerance::Unknown if !known => Ok(Ok(())),
                Tolerance::Status if !known => Ok(Err(why)),
                _ => Err(Trouble::Unsupported { at, what: why }),
            },
            Err(error) => Err(trouble(error, at)),
        }
    }

    /// Remembers what a setting is, the first time that it is changed. False for a sysctl that the target does not know.
    fn save(&mut self, setting: &Setting, host: &mut dyn Host) -> bool {
        let key = without_value(setting);
        let before = match &key {
            Setting::Sysctl { name, .. } => match host.target().proc_file(&path_of(name)) {
                Ok(value) => Some(value.trim().to_owned()),
                Err(_) => return false,
            },
            _ => None,
        };
        if !self.saved.iter().any(|(saved, _)| *saved == key) {
            self.saved.push((key, before));
        }
        true
    }

    /// Sysctls get their values back; a device's queue and segmentation are what a device starts with.
    fn restore(&mut self, at: Pos, host: &mut dyn Host) -> Result<Status, Trouble> {
        let mut status = Ok(());
        for (key, before) in std::mem::take(&mut self.saved).into_iter().rev() {
            if let (Setting::Sysctl { name, .. }, Some(value)) = (key, before) {
                let this = match host.target().set(&Setting::Sysctl { name, value }) {
                    Ok(_) | Err(TargetError::Unsupported(_)) => Ok(()),
                    Err(TargetError::Refused(why)) => Err(why),
                    Err(error) => return Err(trouble(error, at)),
                };
                status = status.and(this);
            }
        }
        Ok(status)
    }

    fn text(&mut self, source: &Source, filters: &[Filter], at: Pos, host: &mut dyn Host) -> Result<String, Trouble> {
        match source {
            Source::Text(text) => Ok(text.clone()),
            Source::File(path) => {
                let text = host.target().proc_file(path).map_err(|error| trouble(error, at))?;
                Ok(if text.ends_with('\n') { text } else { text + "\n" })
            }
            Source::Counters(nstat) => {
                let counters = host.target().counters().map_err(|error| trouble(error, at))?;
                let asked = filters.iter().flat_map(|filter| &filter.patterns).flat_map(|p| counter_names(p.text()));
                let names = nstat.names.iter().map(String::as_str).chain(asked);
                if let Some(name) =
                    names.into_iter().find(|name| !counters.iter().any(|(known, _)| is_named(name, known)))
                {
                    return Err(Trouble::Unsupported {
                        at,
                        what: format!("{} has no counter {name}", host.target().name()),
                    });
                }
                Ok(self.nstat(nstat, &counters))
            }
        }
    }

    /// What `nstat` prints.
    fn nstat(&mut self, nstat: &Nstat, counters: &[(String, u64)]) -> String {
        if nstat.reset {
            self.seen.clear();
        }
        let mut text = String::from("#kernel\n");
        for (name, value) in counters {
            let asked = nstat.names.is_empty() || nstat.names.iter().any(|pattern| glob(pattern, name));
            let before = if nstat.absolute { 0 } else { self.seen.get(name).copied().unwrap_or(0) };
            let value = value.saturating_sub(before);
            if asked && !nstat.quiet && (value > 0 || nstat.zeros) {
                let _ = writeln!(text, "{name:<32}{value:<16}{:>6}", "0.0");
            }
        }
        if !nstat.keep {
            self.seen = counters.iter().cloned().collect();
        }
        if nstat.quiet { String::new() } else { text }
    }
}

/// What happens when a target does not have a setting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Tolerance {
    /// The script can't be judged.
    None,
    /// It is told.
    Remark,
    /// Names that the target does not know are passed over.
    Unknown,
    /// Names that the target does not know make the exit status 1.
    Status,
}

/// A setting's name.
fn without_value(setting: &Setting) -> Setting {
    match setting {
        Setting::Sysctl { name, .. } => Setting::Sysctl { name: name.clone(), value: String::new() },
        other => other.clone(),
    }
}

/// The file of a sysctl: dots in an interface's name are no trouble, scripts have none.
fn path_of(name: &str) -> String {
    format!("/proc/sys/{}", name.replace('.', "/"))
}

/// Sends a text through `grep`s, prints what comes out, and answers with the last one's exit status.
fn show(text: String, filters: &[Filter], shown: bool, host: &mut dyn Host) -> Status {
    let mut text = text;
    let mut found = true;
    for filter in filters {
        let is_asked = |line: &&str| filter.patterns.iter().any(|p| p.matches(line)) != filter.inverted;
        let lines: Vec<&str> = text.lines().filter(is_asked).collect();
        found = !lines.is_empty();
        text = match (filter.quiet, filter.count) {
            (true, _) => String::new(),
            (false, true) => format!("{}\n", lines.len()),
            (false, false) => lines.iter().flat_map(|line| [*line, "\n"]).collect(),
        };
    }
    if shown && !text.is_empty() {
        host.print(&text);
    }
    if found { Ok(()) } else { Err("grep found nothing".into()) }
}

/// What looks like a counter's name, or a part of one, in grep's pattern.
fn counter_names(pattern: &str) -> impl Iterator<Item = &str> {
    let words = pattern.split(|c: char| !c.is_ascii_alphanumeric());
    words.filter(|word| word.len() > 3 && word.starts_with(|c: char| c.is_ascii_uppercase()))
}

/// True if a counter may be meant: by nstat's pattern, or by a part of its name.
fn is_named(name: &str, counter: &str) -> bool {
    glob(name, counter) || counter.contains(name)
}

/// Shell patterns of names: only `*` means more than itself.
fn glob(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((head, tail)) => match name.strip_prefix(head) {
            Some(rest) => (0..=rest.len()).any(|at| rest.is_char_boundary(at) && glob(tail, &rest[at..])),
            None => false,
        },
    }
}

fn trouble(error: TargetError, at: Pos) -> Trouble {
    match error {
        TargetError::Unsupported(what) => Trouble::Unsupported { at, what },
        TargetError::Refused(what) => Trouble::Failed { at, what },
        TargetError::TooLong(_) => Trouble::Failed { at, what: error.to_string() },
        TargetError::Broken(what) => Trouble::Broken(what),
    }
}
