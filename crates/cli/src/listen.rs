//! `limpid listen`: a server on our own TCP.

use crate::error::{CliError, plain};
use crate::live::{Live, LiveArgs, PORT_RANGE, Role, Stdio};
use crate::signals::Signals;
use limpid::{TcpListener, TcpStream};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often a waiting server looks whether it should end.
const PATIENCE: Duration = Duration::from_millis(50);
/// Connections that are served at a time; more wait in the accept queue.
const MAX_CONNECTIONS: usize = 256;

const EXAMPLE: &str = "Example:
  limpid listen 7 --echo --spawn 'echo hello | nc -N $LIMPID_ADDRESS $LIMPID_PORT'";

/// Serve on our own TCP: one client as netcat does, or echo to all
///
/// The client gets standard input and gives standard output. Afterwards the packets, the ladder and the verdict are shown.
/// With --spawn the client is a program on the kernel's side of a private network, which finds us at $LIMPID_ADDRESS, port
/// $LIMPID_PORT.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLE)]
pub(crate) struct ListenArgs {
    /// The port
    #[arg(value_name = "PORT", value_parser = clap::value_parser!(u16).range(PORT_RANGE))]
    port: u16,

    /// Send every client back what it sends, until Ctrl+C or until the spawned command has ended
    #[arg(long)]
    echo: bool,

    #[command(flatten)]
    live: LiveArgs,
}

impl ListenArgs {
    /// Serves, and shows what happened.
    pub(crate) fn run(self) -> Result<(), CliError> {
        let mut live = Live::open(&self.live, Role::Server, None)?;
        let signals = Signals::take().map_err(|e| CliError::run("signals", plain(&e)))?;
        let outcome = self.serve(&mut live, &signals);
        // What happened is shown also if it went wrong; the first trouble is the one to tell.
        let shown = live.finish();
        outcome.and(shown)
    }

    fn serve(&self, live: &mut Live, signals: &Signals) -> Result<(), CliError> {
        let any = if live.address().is_v4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let listener = TcpListener::bind(live.host(), SocketAddr::new(any, self.port))
            .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
            .map_err(|e| CliError::run(format!("port {}", self.port), plain(&e)))?;
        eprintln!("Listening on {} port {}.", live.address(), self.port);
        let stdio = if self.echo { Stdio::Ours } else { Stdio::Away };
        live.spawn(&self.live, self.port, stdio)?;
        let result =
            if self.echo { echo_to_all(&listener, live, signals) } else { serve_one(&listener, live, signals) };
        let connections = result.map_err(|e| CliError::run("connection", plain(&e)))?;
        match live.spawned() {
            Some(spawned) if connections == 0 => spawned.complain("and nobody has connected"),
            _ => Ok(()),
        }
    }
}

/// Waits for a client; `None` if a signal came, or the spawned command ended, before one did.
fn accept(listener: &TcpListener, live: &mut Live, signals: &Signals) -> io::Result<Option<TcpStream>> {
    loop {
        // Asked first: a command that ends right after connecting leaves its connection behind.
        let ended = has_ended(live);
        match listener.accept() {
            Ok((stream, peer)) => {
                eprintln!("Connection from {peer}.");
                return Ok(Some(stream));
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        if ended || wait(signals, PATIENCE)? {
            return Ok(None);
        }
    }
}

/// True if there was a spawned command and it has ended.
fn has_ended(live: &mut Live) -> bool {
    live.spawned().is_some_and(|spawned| spawned.status().is_some())
}

/// Sends everybody back what they send, each on a thread of its own. Answers with how many came.
fn echo_to_all(listener: &TcpListener, live: &mut Live, signals: &Signals) -> io::Result<usize> {
    let serving = Serving::default();
    let mut connections = 0;
    while let Some(stream) = accept(listener, live, signals)? {
        connections += 1;
        let guard = serving.begin(connections, stream.try_clone()?);
        std::thread::Builder::new().name("echo".into()).spawn(move || {
            let _guard = guard;
            // A client that resets, or goes away, ends its own connection and nothing else.
            if let Err(error) = io::copy(&mut &stream, &mut &stream) {
                eprintln!("limpid: connection: {}", plain(&error));
            }
        })?;
        while serving.count() >= MAX_CONNECTIONS && !wait(signals, PATIENCE)? {}
    }
    // Clients that are still there when the command has ended are about to close; after a signal it is on us.
    while serving.count() > 0 && !wait(signals, PATIENCE)? {}
    serving.close_all();
    Ok(connections)
}

/// The connections that are being served.
#[derive(Clone, Default)]
struct Serving(Arc<Mutex<BTreeMap<usize, TcpStream>>>);

impl Serving {
    /// Counts a connection in until the guard is dropped.
    fn begin(&self, number: usize, stream: TcpStream) -> ServingGuard {
        self.streams().insert(number, stream);
        ServingGuard { serving: self.clone(), number }
    }

    fn count(&self) -> usize {
        self.streams().len()
    }

    fn close_all(&self) {
        // One that is over needs no closing.
        self.streams().values().for_each(|stream| drop(stream.shutdown(Shutdown::Both)));
    }

    fn streams(&self) -> MutexGuard<'_, BTreeMap<usize, TcpStream>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct ServingGuard {
    serving: Serving,
    number: usize,
}

impl Drop for ServingGuard {
    fn drop(&mut self) {
        self.serving.streams().remove(&self.number);
    }
}

/// Joins one client with standard input and output. Answers with how many came.
fn serve_one(listener: &TcpListener, live: &mut Live, signals: &Signals) -> io::Result<usize> {
    let Some(stream) = accept(listener, live, signals)? else { return Ok(0) };
    let result = converse(&stream, live, signals);
    // The thread that reads standard input may hold the connection for ever.
    let _ = stream.shutdown(Shutdown::Both);
    result.map(|()| 1)
}

/// Copies until both directions have ended, a signal has come, or the client has finished and was a command that ended.
fn converse(mut stream: &TcpStream, live: &mut Live, signals: &Signals) -> io::Result<()> {
    let source = stream.try_clone()?;
    let to_client = std::thread::Builder::new().name("to-client".into()).spawn(move || send_input(&source))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut buf = vec![0; 16_384];
    loop {
        match stream.read(&mut buf) {
            Ok(0) => break,
            Ok(n) => {
                let mut out = io::stdout().lock();
                out.write_all(&buf[..n]).and_then(|()| out.flush())?;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if wait(signals, Duration::ZERO)? {
                    return Ok(());
                }
            }
            Err(error) => return Err(error),
        }
    }
    // The client has finished; what we still have to say may be some time in coming.
    while !to_client.is_finished() {
        if has_ended(live) || wait(signals, PATIENCE)? {
            return Ok(());
        }
    }
    to_client.join().unwrap_or_else(|_| Err(io::Error::other("sending has panicked")))
}

/// Sends standard input to the client, then our FIN.
fn send_input(mut stream: &TcpStream) -> io::Result<()> {
    match io::copy(&mut io::stdin().lock(), &mut stream) {
        // The client does not want to hear the rest.
        Err(error) if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => Ok(()),
        Err(error) => Err(error),
        Ok(_) => match stream.shutdown(Shutdown::Write) {
            Err(error) if error.kind() != ErrorKind::NotConnected => Err(error),
            _ => Ok(()),
        },
    }
}

/// Waits; true if a signal has come.
fn wait(signals: &Signals, time: Duration) -> io::Result<bool> {
    let fd = signals.fd();
    let timeout = Timespec::try_from(time).expect("a short time");
    match poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&timeout)) {
        Ok(n) => Ok(n > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
