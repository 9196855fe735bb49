//! Each command of the list: its words to what it does.

mod net;
mod text;

use super::words::{Output, Pipeline, Simple, Word, unsupported};
use super::{Action, NotSupported, Source, Step};
use crate::target::Setting;
use std::time::Duration;

type Answer<T> = Result<T, NotSupported>;

/// What a pipeline does.
pub(super) fn step(pipeline: Pipeline) -> Answer<Step> {
    let Pipeline { at, when, negated, commands } = pipeline;
    let text = commands.iter().map(Simple::text).collect::<Vec<_>>().join(" | ");
    let action = match &commands[..] {
        [only] => single(only)?,
        commands => piped(commands)?,
    };
    Ok(Step { at, text, when, negated, action })
}

impl Simple {
    fn text(&self) -> String {
        self.words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// The command's name without its path, and its arguments.
    fn split(&self) -> (&str, &[Word]) {
        let name = &self.words[0].text;
        (name.rsplit('/').next().unwrap_or(name), &self.words[1..])
    }
}

/// A command that stands alone.
fn single(command: &Simple) -> Answer<Action> {
    let (name, arguments) = command.split();
    if let Some(action) = script(name, arguments)? {
        return Ok(action);
    }
    all_plain(&command.words)?;
    if let (Output::File(file), true) = (&command.output, name == "echo") {
        let text = text::echo(arguments)?;
        return Ok(Action::Set { settings: vec![written(file, text.trim())?], lenient: false });
    }
    if let Output::File(file) = &command.output {
        return Err(unsupported(file.at, format!("what {name} prints goes to a file")));
    }
    match name {
        "sysctl" => sysctl(command, arguments),
        "ip" => net::ip(&command.words[0], arguments),
        "tc" => net::tc(&command.words[0], arguments),
        "ethtool" => net::ethtool(&command.words[0], arguments),
        "sleep" => sleep(&command.words[0], arguments),
        "true" | ":" => Ok(Action::Status(true)),
        "false" => Ok(Action::Status(false)),
        _ => show(command, Vec::new()),
    }
}

/// Scripts that collections share, by their names.
fn script(name: &str, arguments: &[Word]) -> Answer<Option<Action>> {
    let (name, arguments) = match (name, arguments) {
        ("sh" | "bash" | "." | "source", [script, arguments @ ..]) if !script.text.starts_with('-') => {
            (script.text.rsplit('/').next().unwrap_or_default(), arguments)
        }
        _ => (name, arguments),
    };
    match name {
        "defaults.sh" => none_more(arguments).map(|()| Some(Action::Defaults)),
        "set_sysctls.py" => {
            all_plain(arguments)?;
            let settings = arguments.iter().map(assigned_file).collect::<Answer<_>>()?;
            Ok(Some(Action::Set { settings, lenient: false }))
        }
        name if name.starts_with("sysctl_restore") => none_more(arguments).map(|()| Some(Action::Restore)),
        _ => Ok(None),
    }
}

/// Commands joined by pipes.
fn piped(commands: &[Simple]) -> Answer<Action> {
    for command in commands {
        all_plain(&command.words)?;
        if let Output::File(file) = &command.output {
            return Err(unsupported(file.at, "the end of a pipe goes to a file"));
        }
    }
    let (first, rest) = commands.split_first().expect("a pipeline has commands");
    if let [tee] = rest
        && let ("tee", [file]) = tee.split()
    {
        let ("echo", arguments) = first.split() else {
            return Err(unsupported(first.words[0].at, "only echo is piped to tee"));
        };
        return Ok(Action::Set { settings: vec![written(file, text::echo(arguments)?.trim())?], lenient: false });
    }
    let filters = rest.iter().map(|command| {
        let (name, arguments) = command.split();
        match text::grep(name, &command.words[0], arguments)? {
            (filter, None) => Ok(filter),
            (_, Some(file)) => Err(unsupported(file.at, "grep is at a pipe's end and has a file as well")),
        }
    });
    let filters = filters.collect::<Answer<Vec<_>>>()?;
    let shown = commands.last().is_some_and(|last| last.output == Output::Through);
    match show(first, filters)? {
        Action::Show { source, filters, .. } => Ok(Action::Show { source, filters, shown }),
        _ => Err(unsupported(first.words[0].at, format!("'{}' in a pipe", first.split().0))),
    }
}

/// A command that prints something.
fn show(command: &Simple, mut filters: Vec<super::Filter>) -> Answer<Action> {
    let (name, arguments) = command.split();
    let source = match name {
        "nstat" => Source::Counters(text::nstat(arguments)?),
        "echo" => Source::Text(text::echo(arguments)?),
        "cat" => text::cat(&command.words[0], arguments)?,
        "sysctl" => match sysctl(command, arguments)? {
            Action::Show { source, .. } => source,
            _ => return Err(unsupported(command.words[0].at, "sysctl sets something and is piped")),
        },
        "grep" | "egrep" | "fgrep" => {
            let (filter, file) = text::grep(name, &command.words[0], arguments)?;
            let file = file.ok_or_else(|| unsupported(command.words[0].at, "grep has nothing to look at"))?;
            filters.insert(0, filter);
            Source::File(text::file_of_proc(file)?)
        }
        _ => return Err(unsupported(command.words[0].at, format!("no such command here: '{name}'"))),
    };
    Ok(Action::Show { source, filters, shown: command.output == Output::Through })
}

fn sysctl(command: &Simple, arguments: &[Word]) -> Answer<Action> {
    let mut lenient = false;
    let mut names = Vec::new();
    let mut settings = Vec::new();
    for word in arguments {
        if let Some(flags) = word.text.strip_prefix('-') {
            match flags {
                "-quiet" | "-write" | "-values" => {}
                "-ignore" => lenient = true,
                _ if !flags.is_empty() && flags.chars().all(|c| "qwen".contains(c)) => lenient |= flags.contains('e'),
                _ => return Err(unsupported(word.at, format!("sysctl {}", word.text))),
            }
        } else if let Some((name, value)) = word.text.split_once('=') {
            settings.push(Setting::Sysctl { name: dotted(name), value: value.into() });
        } else {
            names.push(word);
        }
    }
    match (&names[..], settings.is_empty()) {
        ([], false) => Ok(Action::Set { settings, lenient }),
        ([name], true) => {
            let source = Source::File(format!("/proc/sys/{}", name.text.replace('.', "/")));
            Ok(Action::Show { source, filters: Vec::new(), shown: command.output == Output::Through })
        }
        ([name, ..], _) => Err(unsupported(name.at, format!("sysctl '{}': name=value is expected", name.text))),
        _ => Err(unsupported(command.words[0].at, "sysctl of nothing")),
    }
}

/// `net/ipv4/tcp_sack` is `net.ipv4.tcp_sack`.
fn dotted(name: &str) -> String {
    name.trim().replace('/', ".")
}

/// `/proc/sys/net/ipv4/tcp_sack=1`.
fn assigned_file(word: &Word) -> Answer<Setting> {
    let Some((path, value)) = word.text.split_once('=') else {
        return Err(unsupported(word.at, format!("'{}': /proc/sys/NAME=VALUE is expected", word.text)));
    };
    written(&Word { text: path.into(), ..word.clone() }, value)
}

/// The setting that is changed by writing `value` to a file.
fn written(file: &Word, value: &str) -> Answer<Setting> {
    let value = value.to_owned();
    if let Some(name) = file.text.strip_prefix("/proc/sys/") {
        return Ok(Setting::Sysctl { name: dotted(name), value });
    }
    let parameter = file.text.strip_prefix("/sys/module/").and_then(|rest| rest.split_once("/parameters/"));
    match parameter {
        Some((module, parameter)) => Ok(Setting::Module { module: module.into(), parameter: parameter.into(), value }),
        None => Err(unsupported(file.at, format!("'{}' is written", file.text))),
    }
}

fn sleep(name: &Word, arguments: &[Word]) -> Answer<Action> {
    /// An hour: more than any script takes.
    const MOST: f64 = 3600.0;
    let [word] = arguments else { return Err(unsupported(name.at, "sleep has one argument here")) };
    let (number, factor) = match word.text.as_str() {
        text if text.ends_with('s') => (&text[..text.len() - 1], 1.0),
        text if text.ends_with('m') => (&text[..text.len() - 1], 60.0),
        text => (text, 1.0),
    };
    match number.parse::<f64>().map(|n| n * factor) {
        Ok(seconds) if (0.0..=MOST).contains(&seconds) => Ok(Action::Sleep(Duration::from_secs_f64(seconds))),
        _ => Err(unsupported(word.at, format!("'{}' is no time to sleep, in seconds up to an hour", word.text))),
    }
}

/// Nothing is left for a shell to expand.
fn all_plain(words: &[Word]) -> Answer<()> {
    match words.iter().find(|word| word.expands) {
        Some(word) => Err(unsupported(word.at, format!("'{}' has a variable or a command in it", word.text))),
        None => Ok(()),
    }
}

fn none_more(arguments: &[Word]) -> Answer<()> {
    match arguments.first() {
        Some(word) => Err(unsupported(word.at, format!("the argument '{}'", word.text))),
        None => Ok(()),
    }
}
