//! Commands in backticks: the few that scripts use, understood here, never given to a shell.
//!
//! A text is cut into words as a shell does it (`words`), each command in it becomes a typed [`Action`] (`tools`), and
//! [`Shell::run`] plays them through the [`Target`](crate::target::Target). What is not in the list is an error with its
//! place, so that a script is never judged in surroundings that it did not ask for.
//!
//! | command | means |
//! |---|---|
//! | `defaults.sh` | the settings of [`profile::LINUX_DEFAULTS`] |
//! | `set_sysctls.py /proc/sys/…=v …`, `sysctl [-q] [-w] [-e] k=v …`, `echo v > /proc/sys/…`, `… \| tee /proc/sys/…` | settings |
//! | `sysctl_restore_*.sh` | back to what held before the script |
//! | `sysctl -n k`, `cat /proc/…`, `nstat`, each with `\| grep` | a question; grep's exit status is the answer |
//! | `ip tcp_metrics flush`, `ip route change … mtu lock n …` | what is remembered of peers; a route's attributes |
//! | `tc qdisc replace dev tun0 root pfifo limit 0`, `ethtool -K tun0 tso off` | the device |
//! | `sleep`, `echo`, `true`, `false`, `:` | as in a shell |
//!
//! `;`, newlines, `&&`, `||`, `!`, `|`, quotes, comments and redirections to `/dev/null` mean what they mean in a shell, and
//! the last command's exit status is the text's.

mod pattern;
mod profile;
mod shell;
mod tools;
mod words;

#[cfg(test)]
mod tests;

pub use pattern::Pattern;
pub use profile::LINUX_DEFAULTS;
pub use shell::{Host, Shell, Trouble};

use crate::script::{Command, Pos};
use crate::target::Setting;
use std::time::Duration;

/// One command of a text.
#[derive(Clone, PartialEq, Debug)]
pub struct Step {
    /// Where it begins.
    pub at: Pos,
    /// Its words, for messages.
    pub text: String,
    /// What stands before it.
    pub when: When,
    /// `!` stands before it.
    pub negated: bool,
    /// What it does.
    pub action: Action,
}

/// Whether a command runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    /// In any case.
    Always,
    /// `&&`: if the last that ran went well.
    AfterSuccess,
    /// `||`: if the last that ran did not.
    AfterFailure,
}

/// What a command does.
#[derive(Clone, PartialEq, Debug)]
pub enum Action {
    /// Applies [`LINUX_DEFAULTS`]; what a target does not have becomes a remark.
    Defaults,
    /// Changes settings.
    Set {
        /// Which, in order.
        settings: Vec<Setting>,
        /// Names that the target does not know at all are passed over (`sysctl -e`).
        lenient: bool,
    },
    /// Everything that the script has set is again what it was.
    Restore,
    /// Prints something, or what grep leaves of it.
    Show {
        /// What.
        source: Source,
        /// What it is piped through.
        filters: Vec<Filter>,
        /// It is printed, and does not go to `/dev/null`.
        shown: bool,
    },
    /// Lets time pass.
    Sleep(Duration),
    /// Nothing but an exit status.
    Status(bool),
}

/// Where text comes from.
#[derive(Clone, PartialEq, Debug)]
pub enum Source {
    /// The words of `echo`.
    Text(String),
    /// A file of `/proc`.
    File(String),
    /// `nstat`.
    Counters(Nstat),
}

/// `nstat`'s options.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Nstat {
    /// `-a`: since the beginning, not since the last `nstat`.
    pub absolute: bool,
    /// `-z`: also those that are 0.
    pub zeros: bool,
    /// `-n`: prints nothing.
    pub quiet: bool,
    /// `-s`: the next one counts from where this one did.
    pub keep: bool,
    /// `-r`: the last `nstat` is forgotten.
    pub reset: bool,
    /// Names, with `*`; none means all.
    pub names: Vec<String>,
}

/// `grep`.
#[derive(Clone, PartialEq, Debug)]
pub struct Filter {
    /// What is looked for: a line with any of them.
    pub patterns: Vec<Pattern>,
    /// `-v`: lines without it.
    pub inverted: bool,
    /// `-q`: prints nothing.
    pub quiet: bool,
    /// `-c`: prints how many.
    pub count: bool,
}

/// What is not in the list of commands.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}:{}: {what}", at.line, at.column)]
pub struct NotSupported {
    /// Where.
    pub at: Pos,
    /// What.
    pub what: String,
}

/// Understands a command's text.
///
/// # Errors
/// The first thing in it that is not in the list.
pub fn parse(command: &Command) -> Result<Vec<Step>, NotSupported> {
    let first = Pos { line: command.at.line, column: command.at.column + 1 };
    words::commands(&command.text, first)?.into_iter().map(tools::step).collect()
}
