//! The user's command on Linux's side.

use crate::error::CliError;
use limpid::device::namespace::{Child, Namespace};
use std::collections::VecDeque;
use std::io::{self, PipeReader, Read};
use std::process::{Command, ExitStatus, Stdio as Destination};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How much of a command's output is kept, to show why it failed.
const KEPT: usize = 4096;

/// Where a command's input and output are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stdio {
    /// Out of the way: no input, and output is only kept to show why it failed.
    Away,
    /// Its output is ours; it gets our input too if that is no terminal.
    Ours,
}

/// A running command; killed when dropped.
pub(crate) struct Spawned {
    child: Child,
    command: String,
    output: Arc<Mutex<VecDeque<u8>>>,
}

impl Spawned {
    /// Starts `command` with the shell.
    pub(crate) fn start(
        namespace: &Namespace,
        command: &str,
        environment: &[(&str, String)],
        stdio: Stdio,
    ) -> Result<Spawned, CliError> {
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).envs(environment.iter().cloned()).stdin(Destination::null());
        let output = Arc::default();
        match stdio {
            Stdio::Ours if !rustix::termios::isatty(io::stdin()) => drop(shell.stdin(Destination::inherit())),
            Stdio::Ours => {}
            Stdio::Away => {
                let pipe = keep_output(&mut shell, &output);
                pipe.map_err(|e| CliError::run(command, crate::error::plain(&e)))?;
            }
        }
        let child = namespace.spawn(shell).map_err(|e| CliError::run(command, e))?;
        Ok(Spawned { child, command: command.to_owned(), output })
    }

    /// How it ended, if it has.
    pub(crate) fn status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Waits until it listens on `port`.
    pub(crate) fn wait_for_listener(
        &mut self,
        namespace: &Namespace,
        port: u16,
        timeout: Duration,
    ) -> Result<(), CliError> {
        let listens = namespace.wait_for_listener(port, timeout, Some(&mut self.child));
        if listens.map_err(|e| CliError::run(&self.command, e))? {
            return Ok(());
        }
        self.complain(&format!("before it listened on port {port}"))?;
        let why = format!("does not listen on port {port} after {} s", timeout.as_secs());
        Err(self.trouble(why).hint("let the command listen on that port"))
    }

    /// An error if it has ended in failure: `when` says at what time, or how far it had come.
    pub(crate) fn complain(&mut self, when: &str) -> Result<(), CliError> {
        match self.status() {
            Some(status) if !status.success() => {
                // What it said last may still be in the pipe.
                std::thread::sleep(Duration::from_millis(20));
                Err(self.trouble(format!("ended ({status}) {when}")))
            }
            _ => Ok(()),
        }
    }

    fn trouble(&self, why: String) -> CliError {
        let why = match self.last_line() {
            Some(line) => format!("{why}; it said: {line}"),
            None => why,
        };
        CliError::run(&self.command, why)
    }

    /// The last line that it wrote.
    fn last_line(&self) -> Option<String> {
        let output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes: Vec<u8> = output.iter().copied().collect();
        let text = String::from_utf8_lossy(&bytes);
        text.lines().map(str::trim).rfind(|line| !line.is_empty()).map(str::to_owned)
    }
}

/// Sends a command's output and errors into a pipe, of which a thread keeps the end.
fn keep_output(command: &mut Command, output: &Arc<Mutex<VecDeque<u8>>>) -> io::Result<()> {
    let (reader, writer) = io::pipe()?;
    command.stdout(writer.try_clone()?).stderr(writer);
    let output = output.clone();
    std::thread::Builder::new().name("output".into()).spawn(move || keep_last(reader, &output))?;
    Ok(())
}

fn keep_last(mut reader: PipeReader, output: &Mutex<VecDeque<u8>>) {
    let mut buf = [0; KEPT];
    // It ends when the last process that holds the other end is gone.
    while let Ok(n @ 1..) = reader.read(&mut buf) {
        let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
        output.extend(&buf[..n]);
        let excess = output.len().saturating_sub(KEPT);
        output.drain(..excess);
    }
}
