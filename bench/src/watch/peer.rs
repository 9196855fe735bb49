//! A `limpid watch` that looks on: started, waited for until it captures, asked to end, and asked what it saw.

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::mem::MaybeUninit;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long it may take to begin.
const PATIENCE: Duration = Duration::from_secs(10);
/// What is on its way when the last packet was sent is taken within this.
const REST: Duration = Duration::from_millis(700);

/// What it is asked to show.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(crate) enum Kind {
    /// An object for each segment, to /dev/null
    Json,
    /// tcpdump's text, to /dev/null
    Lines,
    /// The list, on a terminal of 100 columns and 24 lines
    Screen,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Json => "json",
            Kind::Lines => "lines",
            Kind::Screen => "screen",
        }
    }

    fn arguments(self) -> &'static [&'static str] {
        match self {
            Kind::Json => &["--json", "segments"],
            Kind::Lines => &["--lines", "-n"],
            Kind::Screen => &[],
        }
    }
}

/// What it told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told {
    pub(crate) seen: u64,
    pub(crate) by_kernel: u64,
    pub(crate) here: u64,
    /// Processor time that it took, seconds.
    pub(crate) cpu: f64,
}

/// One that runs.
pub(crate) struct Peer {
    process: Child,
    /// Reads where its last words go.
    words: JoinHandle<String>,
}

impl Peer {
    /// Starts it, and waits until it captures.
    pub(crate) fn start(limpid: &Path, kind: Kind) -> io::Result<Peer> {
        let mut command = Command::new(limpid);
        command.args(["watch", "-i", "lo"]).args(kind.arguments()).arg("tcp");
        command.env("TERM", "xterm").env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
        let source: File = if kind == Kind::Screen {
            let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
            grantpt(&master)?;
            unlockpt(&master)?;
            let name = ptsname(&master, Vec::new())?;
            let slave = OpenOptions::new().read(true).write(true).open(name.to_string_lossy().as_ref())?;
            tcsetwinsize(&slave, Winsize { ws_row: 24, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 })?;
            command.stdin(slave.try_clone()?).stdout(slave.try_clone()?).stderr(slave);
            File::from(master)
        } else {
            let (reader, writer) = io::pipe()?;
            command.stdout(Stdio::null()).stderr(writer);
            File::from(std::os::fd::OwnedFd::from(reader))
        };
        let mut process = command.spawn()?;
        // Its ends of pipe or terminal are its own alone, so that reading ends with it.
        drop(command);
        let words = std::thread::spawn(move || last_words(source));
        let deadline = Instant::now() + PATIENCE;
        while !is_capturing()? {
            if let Some(status) = process.try_wait()? {
                let said = words.join().unwrap_or_default();
                return Err(io::Error::other(format!("limpid watch ended: {status}\n{said}")));
            }
            if Instant::now() >= deadline {
                process.kill()?;
                process.wait()?;
                return Err(io::Error::other("limpid watch does not begin"));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(Peer { process, words })
    }

    /// Asks it to end, and what it saw.
    pub(crate) fn end(self) -> Result<Told, io::Error> {
        std::thread::sleep(REST);
        let pid = i32::try_from(self.process.id()).map_err(io::Error::other)?;
        kill_process(Pid::from_raw(pid).ok_or(io::ErrorKind::InvalidInput)?, Signal::INT)?;
        let cpu = wait(pid)?;
        let said = self.words.join().map_err(|_| io::Error::other("nobody listened to limpid watch"))?;
        let (seen, by_kernel, here) =
            counts(&said).ok_or_else(|| io::Error::other(format!("limpid watch did not say what it saw: {said}")))?;
        Ok(Told { seen, by_kernel, here, cpu })
    }
}

/// True if a packet socket of this network is bound: besides the title there is a line for each.
fn is_capturing() -> io::Result<bool> {
    let sockets = fs::read_to_string("/proc/thread-self/net/packet")?;
    // The fifth word is the interface, 0 before it is bound, the fourth the protocol.
    let bound = |line: &str| line.split_whitespace().nth(4).is_some_and(|interface| interface != "0");
    Ok(sockets.lines().skip(1).any(bound))
}

/// Reads to the end, and keeps the last of it. A terminal ends with an error.
fn last_words(mut source: File) -> String {
    let (mut kept, mut buffer) = (Vec::new(), [0; 8192]);
    while let Ok(read @ 1..) = source.read(&mut buffer) {
        kept.extend_from_slice(&buffer[..read]);
        if kept.len() > 64 * 1024 {
            kept.drain(..kept.len() - 8192);
        }
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// Out of `1,000 packets, …; 0 dropped by the kernel, 0 dropped here`.
fn counts(said: &str) -> Option<(u64, u64, u64)> {
    let line = said.lines().rev().find(|line| line.contains("dropped by the kernel"))?;
    let before = |words: &str| {
        let (start, _) = line.split_once(words)?;
        let digits: Vec<char> = start.chars().rev().take_while(|c| c.is_ascii_digit() || *c == ',').collect();
        digits.iter().rev().filter(|c| **c != ',').collect::<String>().parse().ok()
    };
    Some((before(" packet")?, before(" dropped by the kernel")?, before(" dropped here")?))
}

/// Waits for a child; answers the processor time that it took, seconds.
fn wait(pid: i32) -> io::Result<f64> {
    let (mut status, mut usage) = (0, MaybeUninit::<libc::rusage>::zeroed());
    // SAFETY: both pointers are to memory of ours of the right type, alive during the call; the child is ours and nobody
    // else waits for it.
    if unsafe { libc::wait4(pid, &mut status, 0, usage.as_mut_ptr()) } != pid {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: zeros are a valid `rusage`, and the kernel has filled it in.
    let usage = unsafe { usage.assume_init() };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    Ok(seconds(usage.ru_utime) + seconds(usage.ru_stime))
}

#[cfg(test)]
mod tests {
    use super::counts;

    #[test]
    fn what_is_told_is_read() {
        let said = "1,234,567 packets, 12 dropped by the kernel, 0 dropped here\n";
        assert_eq!(counts(said), Some((1_234_567, 12, 0)));
        let screen =
            "\x1b[?25h7 packets, 1 connection, 1 in trouble; 0 dropped by the kernel, 3 dropped here\r\n  a → b\r\n";
        assert_eq!(counts(screen), Some((7, 0, 3)));
        assert_eq!(counts("nothing"), None);
    }
}
