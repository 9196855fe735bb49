//! Programs on the kernel's side of a private network.

use super::{Namespace, NamespaceError};
use rustix::process::{Pid, Signal};
use rustix::thread::UnshareFlags;
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::sync::mpsc::{self, Sender};
use std::time::{Duration, Instant};

/// A program running in a private network. Dropping it kills it, and everything that it has started.
#[derive(Debug)]
pub struct Child {
    process: std::process::Child,
    /// Ends the thread that started it.
    keeper: Sender<()>,
}

impl Namespace {
    /// Starts a program in this network, in a process group of its own and, where that is allowed, as the first process
    /// of a PID namespace of its own.
    ///
    /// However this process ends, the kernel then kills the program, and with it everything that it has started. The same
    /// happens when the program ends: it should stay in the foreground.
    ///
    /// # Errors
    /// [`NamespaceError::Left`] if the thread is no longer in the namespace; [`NamespaceError::Step`] if the program can't be
    /// started.
    pub fn spawn(&self, command: Command) -> Result<Child, NamespaceError> {
        let what = command.get_program().to_string_lossy().into_owned();
        self.check(&what)?;
        keep(command).map_err(NamespaceError::step(what))
    }

    /// Waits until some program in this network listens on a TCP port; false if none does within `timeout`, or `child`
    /// ends in failure before. No packet is sent to find out.
    ///
    /// # Errors
    /// [`NamespaceError::Left`] if the thread is no longer in the namespace; [`NamespaceError::Step`] if `/proc` can't be read.
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
    ///
    /// # Errors
    /// As [`std::process::Child::try_wait`].
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.process.try_wait()
    }

    /// Waits until it ends, no longer than `timeout`.
    ///
    /// # Errors
    /// As [`std::process::Child::try_wait`].
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
        // While it is not waited for its number, and its group's, are nobody else's.
        if let (Ok(None), Ok(pid)) = (self.process.try_wait(), i32::try_from(self.process.id())) {
            let _ = Pid::from_raw(pid).map(|group| rustix::process::kill_process_group(group, Signal::KILL));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
        // It fails if the keeper is gone already.
        let _ = self.keeper.send(());
    }
}

/// Starts a program from a thread that lives as long as its guard: the kernel's signal on the death of a parent comes when
/// the *thread* ends, and a PID namespace for children is a thread's own, too (and forbids it to start threads).
fn keep(mut command: Command) -> io::Result<Child> {
    let (keeper, end) = mpsc::channel();
    let (tell, started) = mpsc::channel();
    let start = move || {
        // Where it is not allowed, what leaves the process group can outlive a killed parent; nothing else is lost.
        let _ = super::unshare(UnshareFlags::NEWPID);
        // The receiver waits for this.
        let _ = tell.send(spawn_bound(&mut command));
        // Until the guard is dropped: then the channel ends.
        let _ = end.recv();
    };
    std::thread::Builder::new().name("keeper".into()).spawn(start)?;
    let process = started.recv().map_err(|_| io::Error::other("the keeper has panicked"))??;
    Ok(Child { process, keeper })
}

/// Starts a program that dies with the calling thread.
fn spawn_bound(command: &mut Command) -> io::Result<std::process::Child> {
    command.process_group(0);
    // SAFETY: between fork and exec only one system call is made, which is async-signal-safe; nothing is allocated and no
    // lock is taken.
    unsafe {
        command.pre_exec(|| Ok(rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?));
    }
    command.spawn()
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
