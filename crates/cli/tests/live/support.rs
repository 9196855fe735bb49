//! Running the command as a person does: at a terminal.

use crate::screen;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};
use std::fs::{File, OpenOptions};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// The command under test.
pub(crate) const LIMPID: &str = env!("CARGO_BIN_EXE_limpid");

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// True if the programs and rights that a test needs are there. If not, the test says so and ends, unless
/// LIMPID_REQUIRE_TOOLS=1.
pub(crate) fn have(programs: &[&str]) -> bool {
    let lacking = |program: &&&str| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        !std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
    };
    let mut reasons: Vec<String> = programs.iter().filter(lacking).map(|p| format!("{p} is missing")).collect();
    if let Err(error) = OpenOptions::new().read(true).write(true).open("/dev/net/tun") {
        reasons.push(format!("/dev/net/tun: {error}"));
    }
    if reasons.is_empty() {
        return true;
    }
    let reasons = reasons.join(", ");
    assert!(std::env::var_os("LIMPID_REQUIRE_TOOLS").is_none_or(|v| v != "1"), "{reasons}");
    eprintln!("skipped: {reasons}");
    false
}

/// A path in a directory of this test run, for a file that a test writes.
pub(crate) fn scratch(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{name}", std::process::id()))
}

/// A program at a terminal of its own.
pub(crate) struct AtTerminal {
    process: Child,
    master: OwnedFd,
    /// Keeps the terminal, and its modes, after the program has ended.
    slave: File,
    /// The modes it had before the program.
    before: Termios,
    /// Everything the program showed.
    pub(crate) shown: String,
    /// How much of that was expected already.
    seen: usize,
}

impl AtTerminal {
    /// Starts the command at a new terminal that shows text and nothing else.
    pub(crate) fn start(arguments: &[&str]) -> AtTerminal {
        AtTerminal::start_with(arguments, |command| {
            command.env("TERM", "dumb").env("COLUMNS", "100");
        })
    }

    /// The same, with what else the command should find; the terminal has 24 lines of 80 columns.
    pub(crate) fn start_with(arguments: &[&str], configure: impl FnOnce(&mut Command)) -> AtTerminal {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let slave = OpenOptions::new().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&slave, size).unwrap();
        let before = tcgetattr(&slave).unwrap();
        let end = || Stdio::from(slave.try_clone().unwrap());
        // setsid makes the terminal the program's own, so that Ctrl+C reaches it.
        let mut command = Command::new("setsid");
        command.args(["-c", LIMPID]).args(arguments).env("LC_ALL", "C.UTF-8");
        configure(&mut command);
        let process = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        AtTerminal { process, master, slave, before, shown: String::new(), seen: 0 }
    }

    /// Types.
    pub(crate) fn type_in(&mut self, text: &str) {
        rustix::io::write(&self.master, text.as_bytes()).unwrap();
    }

    /// Waits until the program shows `text`, after what was expected before.
    pub(crate) fn expect(&mut self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.shown[self.seen..].find(text) {
                self.seen += at + text.len();
                return;
            }
            assert!(Instant::now() < deadline, "no {text:?} in:\n{}", self.shown);
            self.read();
        }
    }

    /// Waits until the program ends by itself; answers with its exit code.
    pub(crate) fn end(&mut self) -> Option<i32> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.read();
            if let Some(status) = self.process.try_wait().unwrap() {
                while self.read() {}
                return ExitStatus::code(&status);
            }
            assert!(Instant::now() < deadline, "it does not end:\n{}", self.shown);
        }
    }

    /// Waits until the screen, of 24 lines and 80 columns, shows what is asked for.
    pub(crate) fn expect_screen(&mut self, what: &str, is_shown: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let text = screen::text(&self.shown, 80, 24);
            if is_shown(&text) {
                return text;
            }
            assert!(Instant::now() < deadline, "{what}:\n{text}");
            self.read();
        }
    }

    /// The terminal gets another size, and tells the program.
    pub(crate) fn resize(&self, columns: u16, lines: u16) {
        let size = Winsize { ws_row: lines, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&self.slave, size).unwrap();
    }

    /// The modes of the terminal now.
    pub(crate) fn modes(&self) -> Termios {
        tcgetattr(&self.slave).unwrap()
    }

    /// True if the terminal has the modes that it had at first.
    pub(crate) fn is_restored(&self) -> bool {
        let (now, before) = (self.modes(), &self.before);
        let codes = |t: &Termios| format!("{:?}", t.special_codes);
        (now.input_modes, now.output_modes, now.local_modes, now.control_modes)
            == (before.input_modes, before.output_modes, before.local_modes, before.control_modes)
            && codes(&now) == codes(before)
    }

    /// The process id of the command: setsid has become it.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Takes what the program shows; false if that is nothing for a while.
    fn read(&mut self) -> bool {
        let mut fds = [PollFd::new(&self.master, PollFlags::IN)];
        let timeout = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
        if poll(&mut fds, Some(&timeout)).unwrap() == 0 {
            return false;
        }
        let mut buf = [0; 4096];
        let n = rustix::io::read(&self.master, &mut buf).unwrap_or(0);
        self.shown.push_str(&String::from_utf8_lossy(&buf[..n]).replace('\r', ""));
        n > 0
    }
}

impl Drop for AtTerminal {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Waits until `condition` holds.
pub(crate) fn soon(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Sends a signal by its name.
pub(crate) fn kill(signal: &str, pid: u32) {
    let status = Command::new("kill").args([&format!("-{signal}"), &pid.to_string()]).status().unwrap();
    assert!(status.success());
}

/// The lines of the trace at the end of what was shown, without their times.
pub(crate) fn trace_lines(shown: &str) -> Vec<&str> {
    shown.lines().filter_map(|line| line.split_once(" IP").map(|(_, rest)| rest)).collect()
}
