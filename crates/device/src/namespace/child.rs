//! Programs on the kernel's side of a private network.

use super::{Namespace, NamespaceError};
use rustix::process::{Pid, Signal};
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

/// A program running in a private network. Dropping it kills it, and its process group with it.
#[derive(Debug)]
pub struct Child {
    process: std::process::Child,
}

impl Namespace {
    /// Starts a program in this network, in a process group of its own.
    ///
    /// The kernel kills it when the thread that started it ends, however that comes about.
    pub fn spawn(&self, mut command: Command) -> Result<Child, NamespaceError> {
        let what = command.get_program().to_string_lossy().into_owned();
        self.check(&what)?;
        let parent = rustix::process::getpid();
        command.process_group(0);
        // SAFETY: between fork and exec only two system calls are made, both async-signal-safe; nothing is allocated
        // and no lock is taken.
        unsafe {
            command.pre_exec(move || {
                rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
                // The parent may have died before the line above.
                if rustix::process::getppid() != Some(parent) { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) }
            });
        }
        let process = command.spawn().map_err(NamespaceError::step(what))?;
        Ok(Child { process })
    }

    /// Waits until some program in this network listens on a TCP port; false if none does within `timeout`, or `child`
    /// ends in failure before. No packet is sent to find out.
    pub fn wait_for_listener(
        &self,
        port: u16,
        timeout: Duration,
        child: Option<&mut Child>,
    ) -> Result<bool, NamespaceError> {
        let deadline = Instant::now() + timeout;
        let mut child = child;
        loop {
            self.check("listening sockets")?;
            if is_listening(port).map_err(NamespaceError::step("/proc/thread-self/net/tcp"))? {
                return Ok(true);
            }
            let failed = child.as_mut().is_some_and(|c| c.try_wait().is_ok_and(|s| s.is_some_and(|s| !s.success())));
            if failed || Instant::now() >= deadline {
                return Ok(false);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Child {
    /// The process.
    pub fn process(&mut self) -> &mut std::process::Child {
        &mut self.process
    }

    /// How it ended, if it has.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.process.try_wait()
    }

    /// Waits until it ends, no longer than `timeout`.
    pub fn wait_timeout(&mut self, timeout: Duration) -> io::Result<Option<ExitStatus>> {
        let deadline = Instant::now() + timeout;
        loop {
            let status = self.process.try_wait()?;
            if status.is_some() || Instant::now() >= deadline {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if let Some(pid) = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw) {
            // The process is not yet waited for, or its group is empty: the number can't be somebody else's group
            // unless the process has been reaped and its number used again, which `try_wait` rules out.
            if matches!(self.process.try_wait(), Ok(None)) {
                let _ = rustix::process::kill_process_group(pid, Signal::KILL);
            }
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Does anybody listen on this port in the calling thread's network? (`/proc/net/tcp`: state 0A is LISTEN.)
fn is_listening(port: u16) -> io::Result<bool> {
    let suffix = format!(":{port:04X}");
    let mut found = false;
    for file in ["/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6"] {
        let table = match fs::read_to_string(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            other => other?,
        };
        found |= table.lines().skip(1).any(|line| {
            let mut fields = line.split_ascii_whitespace().skip(1);
            fields.next().is_some_and(|local| local.ends_with(&suffix)) && fields.nth(1) == Some("0A")
        });
    }
    Ok(found)
}

/// Kills every process but this one whose network namespace is `id`: it was private, so they came from here.
pub(super) fn kill_all_in(id: &Path) {
    let me = rustix::process::getpid();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|n| n.parse().ok()).and_then(Pid::from_raw) else {
            continue;
        };
        if pid != me && fs::read_link(entry.path().join("ns/net")).is_ok_and(|net| net == id) {
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
    }
}
