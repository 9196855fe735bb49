//! How the command fails: one line on standard error, `limpid: what: why; what to do`.
//!
//! | exit code | when |
//! |---|---|
//! | 0 | it went as asked; also when the reader of our output went away (`limpid … \| head`) |
//! | 1 | the run failed: a file, a right, a peer, an experiment that did not end as intended |
//! | 2 | the command line was not understood |

use std::fmt::{self, Display};
use std::io::{self, Write};
use std::process::ExitCode;

/// Why a subcommand did not succeed. It is shown once, by `main`.
#[derive(Debug)]
pub(crate) enum CliError {
    /// The run failed (exit code 1).
    Run(Message),
    /// The command line was not understood (exit code 2).
    Usage(Message),
    /// The reader of our standard output went away: a quiet success.
    BrokenPipe,
    /// Help or version was asked for: clap prints it.
    Help(clap::Error),
}

/// The three parts of a message; the last may be missing.
#[derive(Debug)]
pub(crate) struct Message {
    what: String,
    why: String,
    hint: Option<String>,
}

impl CliError {
    /// The run failed at `what` (a file, a device, a host) because of `why`.
    pub(crate) fn run(what: impl Display, why: impl Display) -> CliError {
        CliError::Run(Message { what: what.to_string(), why: why.to_string(), hint: None })
    }

    /// The argument `what` can't be used because of `why`.
    pub(crate) fn usage(what: impl Display, why: impl Display) -> CliError {
        CliError::Usage(Message { what: what.to_string(), why: why.to_string(), hint: None })
    }

    /// Adds what the user can do about it.
    pub(crate) fn hint(mut self, hint: impl Display) -> CliError {
        if let CliError::Run(message) | CliError::Usage(message) = &mut self {
            message.hint = Some(hint.to_string());
        }
        self
    }

    /// Why, in words, without what to do; nothing where nothing failed.
    pub(crate) fn why(&self) -> &str {
        match self {
            CliError::Run(message) | CliError::Usage(message) => &message.why,
            CliError::BrokenPipe | CliError::Help(_) => "",
        }
    }

    /// An error from writing to standard output.
    pub(crate) fn stdout(error: io::Error) -> CliError {
        match error.kind() {
            io::ErrorKind::BrokenPipe => CliError::BrokenPipe,
            _ => CliError::run("standard output", plain(&error)),
        }
    }

    /// Prints the message and answers with the exit code.
    pub(crate) fn report(self) -> ExitCode {
        let (message, code) = match self {
            CliError::Run(message) => (message, 1),
            CliError::Usage(message) => (message, 2),
            CliError::BrokenPipe => return ExitCode::SUCCESS,
            CliError::Help(help) => {
                let code = if help.use_stderr() { 2 } else { 0 };
                // A reader that went away does not make asking for help a failure.
                let _ = help.print();
                return ExitCode::from(code);
            }
        };
        let _ = writeln!(io::stderr(), "limpid: {message}");
        ExitCode::from(code)
    }
}

impl Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.why)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl From<clap::Error> for CliError {
    /// Folds clap's paragraphs into our one line.
    fn from(error: clap::Error) -> CliError {
        use clap::error::ErrorKind;
        if matches!(
            error.kind(),
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
        ) {
            return CliError::Help(error);
        }
        let text = error.render().to_string();
        let mut paragraphs = text.split("\n\n").map(|p| p.split_whitespace().collect::<Vec<_>>().join(" "));
        let why = paragraphs.next().unwrap_or_default();
        let why = why.strip_prefix("error: ").unwrap_or(&why).to_owned();
        let mut hint = String::new();
        let mut usage = None;
        for paragraph in paragraphs {
            // How to pass the flag as a value is nobody's question.
            if let Some(tip) = paragraph.strip_prefix("tip: ").filter(|tip| !tip.starts_with("to pass")) {
                hint = format!("{tip}, ");
            } else if let Some(rest) = paragraph.strip_prefix("Usage: ") {
                // The words before the first argument name the (sub)command that was meant.
                let is_word = |w: &&str| w.bytes().all(|b| b.is_ascii_lowercase() || b == b'-') && !w.starts_with('-');
                usage = Some(rest.split(' ').take_while(is_word).collect::<Vec<_>>().join(" "));
            }
        }
        // Of a wrong value clap doesn't say whose it was.
        let command = usage.filter(|usage| usage.contains(' ')).unwrap_or_else(|| {
            let first = std::env::args().nth(1).filter(|word| crate::is_subcommand(word));
            first.map_or_else(|| "limpid".to_owned(), |word| format!("limpid {word}"))
        });
        CliError::Usage(Message { what: "usage".into(), why, hint: Some(format!("{hint}see '{command} --help'")) })
    }
}

/// An I/O error in words, without Rust's "(os error N)".
pub(crate) fn plain(error: &io::Error) -> String {
    without_errno(&error.to_string())
}

/// A message without Rust's "(os error N)" in it.
pub(crate) fn without_errno(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut parts = text.split(" (os error ");
    plain.push_str(parts.next().unwrap_or_default());
    for part in parts {
        plain.push_str(part.split_once(')').map_or("", |(_, rest)| rest));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errnos_are_left_out_wherever_they_stand() {
        assert_eq!(plain(&io::Error::from_raw_os_error(2)), "No such file or directory");
        assert_eq!(without_errno("a: b (os error 1), c (os error 22)"), "a: b, c");
        assert_eq!(without_errno("plain (words)"), "plain (words)");
    }
}
