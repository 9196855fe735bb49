//! Runs a command and tells what it took.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// What a run took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Took {
    /// By the clock on the wall, seconds.
    pub(crate) wall: f64,
    /// Processor time, of all its threads, in user and kernel mode, seconds.
    pub(crate) cpu: f64,
    /// The most memory it had at once, bytes.
    pub(crate) peak: u64,
}

/// A command to be measured.
#[derive(Clone, Debug)]
pub(crate) struct Tool {
    /// What to call it.
    pub(crate) name: &'static str,
    pub(crate) program: String,
    /// `FILE` stands for the capture.
    pub(crate) args: &'static [&'static str],
}

impl Tool {
    /// Runs it to its end, its output thrown away.
    pub(crate) fn run(&self, file: &Path) -> io::Result<Took> {
        let mut command = Command::new(&self.program);
        for arg in self.args {
            match *arg {
                "FILE" => command.arg(file),
                other => command.arg(other),
            };
        }
        command.env("TZ", "UTC").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let began = Instant::now();
        let child = command.spawn()?;
        let (status, usage) = wait(child.id())?;
        let wall = began.elapsed().as_secs_f64();
        if status != 0 {
            return Err(io::Error::other(format!("{} failed", self.name)));
        }
        let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
        let peak = u64::try_from(usage.ru_maxrss).unwrap_or(0) * 1024;
        Ok(Took { wall, cpu: seconds(usage.ru_utime) + seconds(usage.ru_stime), peak })
    }
}

/// Waits for a child and asks what it used: the standard library can't.
fn wait(pid: u32) -> io::Result<(i32, libc::rusage)> {
    let pid = i32::try_from(pid).map_err(io::Error::other)?;
    let mut status = 0;
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: both pointers are to memory of ours of the right type, alive during the call; the child is ours and nobody
    // else waits for it.
    let waited = unsafe { libc::wait4(pid, &mut status, 0, usage.as_mut_ptr()) };
    if waited != pid {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: zeros are a valid `rusage`, and the kernel has filled it in.
    Ok((status, unsafe { usage.assume_init() }))
}
