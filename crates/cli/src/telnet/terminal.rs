//! The terminal at standard input: its modes, and that it always gets its own back.

use rustix::termios::{
    InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, isatty, tcgetattr, tcsetattr,
};
use std::io::{self, Stdin, stdin};

/// Ctrl+]: what takes a person from the connection to the `telnet>` prompt.
pub(crate) const ESCAPE: u8 = 0x1d;

/// How the terminal should treat what is typed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    /// As it was found.
    Original,
    /// Lines, echoed and edited by the terminal; Ctrl+] ends one at once.
    Line,
    /// Each character at once and unseen, control characters too: the peer echoes and interprets.
    Character,
}

/// The terminal, if standard input is one. Dropping it restores its modes, also while a panic unwinds.
pub(crate) struct Terminal {
    stdin: Stdin,
    original: Termios,
    mode: Mode,
}

impl Terminal {
    /// Standard input's terminal.
    pub(crate) fn open() -> Option<Terminal> {
        let stdin = stdin();
        let original = isatty(&stdin).then(|| tcgetattr(&stdin).ok()).flatten()?;
        Some(Terminal { stdin, original, mode: Mode::Original })
    }

    /// Changes the mode, once everything written so far is out.
    pub(crate) fn set(&mut self, mode: Mode) -> io::Result<()> {
        if mode != self.mode {
            tcsetattr(&self.stdin, OptionalActions::Drain, &modes(&self.original, mode))?;
            self.mode = mode;
        }
        Ok(())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing restored.
        let _ = self.set(Mode::Original);
    }
}

fn modes(original: &Termios, mode: Mode) -> Termios {
    let mut termios = original.clone();
    match mode {
        Mode::Original => {}
        Mode::Line => {
            termios.local_modes |= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG;
            termios.special_codes[SpecialCodeIndex::VEOL] = ESCAPE;
        }
        Mode::Character => {
            termios.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG | LocalModes::IEXTEN;
            termios.input_modes -= InputModes::ICRNL | InputModes::INLCR | InputModes::IXON;
            termios.special_codes[SpecialCodeIndex::VMIN] = 1;
            termios.special_codes[SpecialCodeIndex::VTIME] = 0;
        }
    }
    termios
}
