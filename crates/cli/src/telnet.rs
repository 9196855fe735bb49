//! `limpid telnet`: an interactive client on our own TCP.

mod nvt;
mod prompt;
mod session;
mod terminal;

use crate::error::{CliError, plain};
use crate::live::{Live, LiveArgs, PORT_RANGE, Role, Stdio};
use crate::signals::Signals;
use limpid::{Host, IpAddr, TcpStream};
use session::{End, Session};
use std::io::Write;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

const EXAMPLE: &str = "Example:
  limpid telnet 10.0.0.199 6379 \\
      --spawn 'redis-server --port 6379 --protected-mode no --save \"\"'";

/// Talk to a TCP server over our own TCP, and see what happened
///
/// Ctrl+] opens the telnet> prompt; help there lists what can be said. Afterwards the packets, the ladder and the verdict
/// are shown. With --spawn a real server runs on the kernel's side of a private network.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLE)]
pub(crate) struct TelnetArgs {
    /// The server: an address or a name; with --spawn it may be left out
    #[arg(value_name = "HOST", required_unless_present = "spawn")]
    host: Option<String>,

    /// Its port
    #[arg(value_name = "PORT", default_value_t = 23, value_parser = clap::value_parser!(u16).range(PORT_RANGE))]
    port: u16,

    /// Give up connecting after so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,

    #[command(flatten)]
    live: LiveArgs,
}

impl TelnetArgs {
    /// Connects, talks, and shows what happened.
    pub(crate) fn run(self) -> Result<(), CliError> {
        let named: Option<IpAddr> = self.host.as_deref().and_then(|h| h.parse().ok());
        let mut live = Live::open(&self.live, Role::Client, named)?;
        let signals = Signals::take().map_err(|e| CliError::run("signals", plain(&e)))?;
        let outcome = self.talk(&mut live, &signals);
        // What happened is shown also if it went wrong; the first trouble is the one to tell.
        let shown = live.finish();
        outcome.and(shown)
    }

    fn talk(&self, live: &mut Live, signals: &Signals) -> Result<(), CliError> {
        live.spawn(&self.live, self.port, Stdio::Away)?;
        live.wait_for_listener(self.port)?;
        let addresses = self.addresses(live)?;
        let (stream, address) = self.connect(live.host(), &addresses)?;
        // The terminal knows Ctrl+] before the person does.
        let mut session = Session::start(stream).map_err(|e| CliError::run("terminal", plain(&e)))?;
        say(&format!("Connected to {}.\nEscape character is '^]'.", address.ip()))?;
        match session.run(signals) {
            Ok(End::ClosedByPeer) => say("Connection closed by foreign host."),
            Ok(End::ClosedByUs) => say("Connection closed."),
            Err(error) => Err(CliError::run("connection", plain(&error))),
        }
    }

    fn addresses(&self, live: &Live) -> Result<Vec<SocketAddr>, CliError> {
        let host = match &self.host {
            // The private network has one server, whatever it is called.
            _ if live.is_private() => return Ok(vec![SocketAddr::new(live.peer_address().into(), self.port)]),
            Some(host) => host.as_str(),
            None => return Err(CliError::usage("HOST", "say whom to connect to")),
        };
        let found = (host, self.port).to_socket_addrs().map_err(|e| CliError::run(host, plain(&e)))?;
        let same_version = |a: &SocketAddr| a.is_ipv4() == live.address().is_v4();
        let addresses: Vec<_> = found.filter(same_version).collect();
        if addresses.is_empty() {
            return Err(CliError::run(host, "has no address of the IP version that --address has"));
        }
        Ok(addresses)
    }

    fn connect(&self, host: &Host, addresses: &[SocketAddr]) -> Result<(TcpStream, SocketAddr), CliError> {
        let mut last = None;
        for address in addresses {
            say(&format!("Trying {}...", address.ip()))?;
            let result = match self.timeout {
                Some(timeout) => TcpStream::connect_timeout(host, address, timeout),
                None => TcpStream::connect(host, address),
            };
            match result {
                Ok(stream) => return Ok((stream, *address)),
                Err(error) => last = Some(CliError::run(address, plain(&error).to_lowercase())),
            }
        }
        Err(last.expect("there is an address"))
    }
}

fn say(text: &str) -> Result<(), CliError> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(CliError::stdout)
}

/// A positive number of seconds, perhaps with a fraction.
fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "no number of seconds".to_owned())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("a number of seconds above zero is needed".into()),
    }
}
