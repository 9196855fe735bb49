//! The conversation: a person at standard input, the peer at the other end of a connection.
//!
//! One thread reads from the connection into a pipe; everything else is one event loop over that pipe, standard input
//! and signals. While the `telnet>` prompt is up the peer waits, as in every telnet.

use super::nvt::Nvt;
use super::prompt::{self, Command};
use super::terminal::{ESCAPE, Mode, Terminal};
use crate::signals::Signals;
use limpid::TcpStream;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use std::io::{self, PipeReader, Read, Stdin, Write, stdin, stdout};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often what waits for the peer looks whether the person wants to leave.
const PATIENCE: Duration = Duration::from_millis(50);

/// How a conversation ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// The peer has finished.
    ClosedByPeer,
    /// The person has left.
    ClosedByUs,
}

/// What the next byte from standard input is for.
enum Input {
    /// For the peer.
    Conversation,
    /// For the prompt: the line so far.
    Prompt(Vec<u8>),
    /// Standard input has ended.
    Ended,
}

/// A conversation.
pub(crate) struct Session {
    stream: TcpStream,
    nvt: Nvt,
    terminal: Option<Terminal>,
    stdin: Stdin,
    input: Input,
    from_peer: PipeReader,
    /// `None` once it was waited for.
    reader: Option<JoinHandle<io::Result<()>>>,
    /// Tells the reader that nobody listens any more.
    leaving: Arc<AtomicBool>,
}

impl Session {
    /// Begins a conversation over `stream`.
    pub(crate) fn start(stream: TcpStream) -> io::Result<Session> {
        let (from_peer, to_us) = io::pipe()?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let leaving = Arc::new(AtomicBool::new(false));
        let (source, stop) = (stream.try_clone()?, leaving.clone());
        let reader = std::thread::Builder::new().name("from-peer".into()).spawn(move || pump(&source, to_us, &stop))?;
        let input = Input::Conversation;
        let (terminal, nvt) = (Terminal::open(), Nvt::default());
        let mut session =
            Session { stream, nvt, terminal, stdin: stdin(), input, from_peer, reader: Some(reader), leaving };
        session.set_mode()?;
        Ok(session)
    }

    /// Talks until one end has had enough.
    pub(crate) fn run(&mut self, signals: &Signals) -> io::Result<End> {
        loop {
            self.set_mode()?;
            let [typed, arrived, signalled] = self.wait(signals)?;
            if signalled {
                return Ok(End::ClosedByUs);
            }
            if arrived && self.hear(signals)? {
                return Ok(End::ClosedByPeer);
            }
            if typed && self.listen_to_person(signals)? {
                return Ok(End::ClosedByUs);
            }
        }
    }

    /// Waits for: something typed, something from the peer, a signal.
    fn wait(&self, signals: &Signals) -> io::Result<[bool; 3]> {
        let signal = signals.fd();
        let wants_input = !matches!(self.input, Input::Ended);
        let wants_peer = !matches!(self.input, Input::Prompt(_));
        let events = |wanted| if wanted { PollFlags::IN } else { PollFlags::empty() };
        let mut fds = [
            PollFd::new(&self.stdin, events(wants_input)),
            PollFd::new(&self.from_peer, events(wants_peer)),
            PollFd::new(&signal, PollFlags::IN),
        ];
        // What is not wanted is left out, for a hangup is always reported.
        let wanted = [wants_input, wants_peer, true];
        let mut chosen: Vec<_> = fds.iter_mut().zip(wanted).filter(|(_, w)| *w).map(|(fd, _)| fd.clone()).collect();
        match poll(&mut chosen, None) {
            Ok(_) => {}
            Err(Errno::INTR) => return Ok([false; 3]),
            Err(error) => return Err(error.into()),
        }
        let mut ready = chosen.iter().map(|fd| !fd.revents().is_empty());
        Ok(wanted.map(|wanted| wanted && ready.next().unwrap_or(false)))
    }

    /// Shows what the peer sent. True if it has finished.
    fn hear(&mut self, signals: &Signals) -> io::Result<bool> {
        let mut buf = [0; 4096];
        let n = self.from_peer.read(&mut buf)?;
        if n == 0 {
            return self.peer_has_finished().map(|()| true);
        }
        let (mut show, mut answer) = (Vec::new(), Vec::new());
        self.nvt.receive(&buf[..n], &mut show, &mut answer);
        let mut out = stdout().lock();
        out.write_all(&show)?;
        out.flush()?;
        drop(out);
        self.say(&answer, signals)?;
        Ok(false)
    }

    fn peer_has_finished(&mut self) -> io::Result<()> {
        match self.reader.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(io::Error::other("reading has panicked")),
            None => Ok(()),
        }
    }

    /// Takes what was typed. True if the person wants to leave.
    fn listen_to_person(&mut self, signals: &Signals) -> io::Result<bool> {
        let mut buf = [0; 4096];
        let n = match rustix::io::read(self.stdin.as_fd(), &mut buf) {
            // A terminal whose other end is gone.
            Ok(0) | Err(Errno::IO) => return self.input_has_ended(),
            Ok(n) => n,
            Err(Errno::INTR | Errno::AGAIN) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let mut rest = &buf[..n];
        while !rest.is_empty() {
            let end = match &mut self.input {
                Input::Ended => return Ok(false),
                Input::Conversation => {
                    let end = rest.iter().position(|b| *b == ESCAPE);
                    self.say_typed(&rest[..end.unwrap_or(rest.len())], signals)?;
                    if end.is_some() {
                        self.open_prompt()?;
                    }
                    end
                }
                Input::Prompt(line) => {
                    let end = rest.iter().position(|b| *b == b'\n');
                    line.extend(&rest[..end.unwrap_or(rest.len())]);
                    if end.is_some() && self.obey()? {
                        return Ok(true);
                    }
                    end
                }
            };
            rest = &rest[end.map_or(rest.len(), |at| at + 1)..];
        }
        Ok(false)
    }

    /// End of input: at the prompt it means `quit`; in the conversation we have finished, and hear the peer out.
    fn input_has_ended(&mut self) -> io::Result<bool> {
        if matches!(self.input, Input::Prompt(_)) {
            return Ok(true);
        }
        self.input = Input::Ended;
        match self.stream.shutdown(Shutdown::Write) {
            // The peer was faster.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
            other => other.map(|()| false),
        }
    }

    fn open_prompt(&mut self) -> io::Result<()> {
        self.input = Input::Prompt(Vec::new());
        self.set_mode()?;
        tell("\ntelnet> ")
    }

    /// Does what the line at the prompt says. True if that is to leave.
    fn obey(&mut self) -> io::Result<bool> {
        let Input::Prompt(line) = std::mem::replace(&mut self.input, Input::Conversation) else { return Ok(false) };
        let command = prompt::parse(&String::from_utf8_lossy(&line));
        if command.is_err() {
            self.input = Input::Prompt(Vec::new());
        }
        // Before anything is shown: whoever has read it may type Ctrl+] at once, and a terminal in another mode would
        // keep that to itself until the end of the line.
        self.set_mode()?;
        match command {
            Ok(Command::Close | Command::Quit) => return Ok(true),
            Ok(Command::Resume) => {}
            Ok(Command::Status) => tell(&self.status())?,
            Ok(Command::Help) => tell(&prompt::help())?,
            Err(complaint) => tell(&format!("{complaint}\ntelnet> "))?,
        }
        Ok(false)
    }

    fn status(&self) -> String {
        let peer = self.stream.peer_addr().map_or_else(|_| "nobody".to_owned(), |p| p.to_string());
        let ours = self.stream.local_addr().map_or_else(|_| "nowhere".to_owned(), |a| a.to_string());
        let how = if self.nvt.is_character_at_a_time() { "character at a time" } else { "line by line" };
        let tcp = match (self.stream.state(), self.stream.info()) {
            (Ok(state), Ok(info)) => format!(
                "{state}, rtt {:.3} ms, rto {} ms, cwnd {} x {} bytes, {} retransmissions",
                f64::from(info.rtt) / 1000.0,
                info.rto / 1000,
                info.snd_cwnd,
                info.snd_mss,
                info.total_retrans
            ),
            _ => "closed".to_owned(),
        };
        format!("Connected to {peer} from {ours}.\nOperating {how}.\nEscape character is '^]'.\nTCP: {tcp}.\n")
    }

    fn say_typed(&mut self, typed: &[u8], signals: &Signals) -> io::Result<()> {
        let mut out = Vec::with_capacity(typed.len() + 8);
        self.nvt.send(typed, &mut out);
        self.say(&out, signals)
    }

    /// Sends bytes to the peer; gives up if a signal comes while the peer takes none.
    fn say(&mut self, mut bytes: &[u8], signals: &Signals) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(n) => bytes = &bytes[n..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if is_readable(signals)? {
                        return Ok(());
                    }
                }
                // The peer is gone: its last words are still to be heard, and then its end.
                Err(error) if matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => {
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn set_mode(&mut self) -> io::Result<()> {
        let mode = match self.input {
            Input::Prompt(_) | Input::Ended => Mode::Original,
            Input::Conversation if self.nvt.is_character_at_a_time() => Mode::Character,
            Input::Conversation => Mode::Line,
        };
        self.terminal.as_mut().map_or(Ok(()), |terminal| terminal.set(mode))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // The thread has a handle of the stream; with the last handle the connection is closed. Whatever it waits for
        // comes to an end: reading by its timeout, writing because the pipe is emptied here until the thread lets go.
        if let Some(reader) = self.reader.take() {
            self.leaving.store(true, Ordering::Relaxed);
            let _ = io::copy(&mut self.from_peer, &mut io::sink());
            let _ = reader.join();
        }
    }
}

/// Copies from the connection to a pipe until the peer has finished, or nobody listens any more.
fn pump(mut source: &TcpStream, mut to: io::PipeWriter, stop: &AtomicBool) -> io::Result<()> {
    let mut buf = vec![0; 16_384];
    while !stop.load(Ordering::Relaxed) {
        match source.read(&mut buf) {
            Ok(0) => return Ok(()),
            Ok(n) => to.write_all(&buf[..n])?,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn is_readable(signals: &Signals) -> io::Result<bool> {
    let fd = signals.fd();
    let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
    Ok(poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&now))? > 0)
}

fn tell(text: &str) -> io::Result<()> {
    let mut out = stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
