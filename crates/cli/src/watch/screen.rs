//! The terminal while it belongs to the live view: raw, with the alternate screen; and that it always gets its own back.

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Stdout, stdin, stdout};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether there is something to restore.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// The screen. Dropping it restores the terminal; so does a panic, before its message is shown.
pub(crate) struct Screen {
    pub(crate) terminal: Terminal<CrosstermBackend<Stdout>>,
    /// Where keys come from, if that is not standard input.
    keys: Option<File>,
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// If there is none: keys are read from standard input, or, where that holds packets, from `/dev/tty`.
    pub(crate) fn enter() -> io::Result<Screen> {
        let keys = if stdin().is_terminal() { None } else { Some(OpenOptions::new().read(true).open("/dev/tty")?) };
        restore_on_panic();
        take()?;
        let terminal = Terminal::new(CrosstermBackend::new(stdout())).inspect_err(|_| restore())?;
        Ok(Screen { terminal, keys })
    }

    /// Readable when a key was pressed.
    pub(crate) fn keys(&self) -> BorrowedFd<'_> {
        /// Standard input stays open as long as the program runs.
        static STDIN: std::sync::LazyLock<io::Stdin> = std::sync::LazyLock::new(stdin);
        self.keys.as_ref().map_or_else(|| STDIN.as_fd(), AsFd::as_fd)
    }

    /// Makes crossterm look for keys again that it has not read. It is told of them but once, and forgets it if a new size is told of in
    /// the same moment; setting the terminal's attributes, here to what they are, tells it anew.
    pub(crate) fn tell_of_keys_again(&self) -> io::Result<()> {
        let attributes = tcgetattr(self.keys())?;
        Ok(tcsetattr(self.keys(), OptionalActions::Now, &attributes)?)
    }

    /// Gives the terminal back, stops this process (and the pipeline it stands in) until the shell lets it go on, and
    /// takes the terminal again.
    pub(crate) fn suspend(&mut self) -> io::Result<()> {
        restore();
        // SIGSTOP, for SIGTSTP is caught: it may also come from outside.
        rustix::process::kill_current_process_group(rustix::process::Signal::STOP)?;
        take()?;
        self.clear()
    }

    /// Makes the next picture draw everything.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        // `Terminal::clear` asks the terminal where its cursor is, and fails if no answer comes.
        let size = self.terminal.size()?;
        self.terminal.resize(size.into())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

fn take() -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    execute!(stdout(), EnterAlternateScreen).inspect_err(|_| restore())
}

/// Restores the terminal, if it is taken. One that is gone needs nothing restored.
fn restore() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let _ = execute!(stdout(), LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
    }
}

fn restore_on_panic() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            restore();
            before(info);
        }));
    });
}
