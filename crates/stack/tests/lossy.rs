//! Two hosts over a link that loses, repeats, reorders and corrupts: every byte arrives, once, in order, and no connection
//! is left hanging, whatever the seed.
//!
//! `LIMPID_SEEDS=N` runs more of them, `LIMPID_SEED=N` the one that failed; with `LIMPID_TRACE=1` its events are printed.

mod common;

use common::{A, B, Impairments, Log, Rng, World};
use limpid_event::{Error, TcpState};
use limpid_stack::{Config, Medium, Shutdown, SocketId, StackConfig};
use std::sync::Arc;
use std::time::Duration;

/// How a run ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ending {
    /// Each side shuts its half down when it has written all.
    Halves,
    /// The client closes when it has written all; the server when it has read all and written all.
    ClientFirst,
    /// The server closes first.
    ServerFirst,
    /// Each side closes when it has written and read all, whatever is still on its way.
    AtOnce,
}

/// One side's application.
struct App {
    host: usize,
    socket: Option<SocketId>,
    to_write: Vec<u8>,
    written: usize,
    expected: Vec<u8>,
    received: Vec<u8>,
    eof: bool,
    shut: bool,
    done: bool,
}

impl App {
    fn new(host: usize, to_write: Vec<u8>, expected: Vec<u8>) -> App {
        App {
            host,
            socket: None,
            to_write,
            written: 0,
            expected,
            received: Vec::new(),
            eof: false,
            shut: false,
            done: false,
        }
    }

    /// Reads and writes what can be, in pieces of a random size.
    fn work(&mut self, w: &mut World, seed: u64) {
        let Some(socket) = self.socket.filter(|_| !self.done) else { return };
        while self.written < self.to_write.len() {
            let piece = 1 + w.rng.below(5000) as usize;
            let end = (self.written + piece).min(self.to_write.len());
            match w.write(self.host, socket, &self.to_write[self.written..end]) {
                Ok(n) => self.written += n,
                Err(Error::WouldBlock) => break,
                Err(error) => w.fail(&format!("seed {seed}: host {} writes: {error}", self.host)),
            }
        }
        if w.rng.chance(200) {
            // Too busy to read just now.
            w.alarm = Some(w.now + Duration::from_micros(1 + w.rng.below(300_000)));
        } else if !self.eof {
            match w.read(self.host, socket) {
                Ok((bytes, eof)) => {
                    self.received.extend(bytes);
                    self.eof = eof;
                }
                Err(error) => w.fail(&format!("seed {seed}: host {} reads: {error}", self.host)),
            }
        }
        assert!(self.expected.starts_with(&self.received), "seed {seed}: host {} got other bytes", self.host);
    }

    fn close(&mut self, w: &mut World) {
        if let Some(socket) = self.socket.filter(|_| !self.done) {
            w.hosts[self.host].close(w.now, socket).unwrap();
            self.done = true;
        }
    }

    fn shutdown(&mut self, w: &mut World) {
        if let Some(socket) = self.socket.filter(|_| !self.shut) {
            w.hosts[self.host].shutdown(w.now, socket, Shutdown::Write).unwrap();
            self.shut = true;
        }
    }

    fn wrote_all(&self) -> bool {
        self.socket.is_some() && self.written == self.to_write.len()
    }

    fn read_all(&self) -> bool {
        self.received.len() == self.expected.len()
    }
}

fn bytes(rng: &mut Rng, len: u64) -> Vec<u8> {
    (0..len).map(|_| rng.next() as u8).collect()
}

/// Settings of a run, all from its seed.
fn config(rng: &mut Rng) -> StackConfig {
    let tcp = Config {
        timestamps: rng.chance(700),
        sack: rng.chance(700),
        window_scaling: rng.chance(700),
        no_delay: rng.chance(500),
        recv_buffer: 4096 << rng.below(6),
        send_buffer: 4096 << rng.below(6),
        syn_retries: 12,
        syn_ack_retries: 12,
        // Nobody gives up: a run of losses is only a matter of time.
        retries2: 100,
        orphan_retries: 100,
        ..Config::default()
    };
    StackConfig { tcp: Arc::new(tcp), ..StackConfig::default() }
}

fn run(seed: u64) {
    let mut rng = Rng::new(seed);
    let ethernet = rng.chance(500);
    let medium = |host| if ethernet { Medium::Ethernet(common::mac(host)) } else { Medium::Ip };
    let mtu = [1500, 1280, 1400, 9000][rng.below(4) as usize];
    let gso_max = if rng.chance(300) { 60_000 } else { 0 };
    let mut w = World::with(config(&mut rng), medium, mtu, gso_max);
    let watched = std::env::var("LIMPID_TRACE").is_ok();
    w.hosts.iter_mut().for_each(|h| *h.observer() = Log { off: !watched, ..Log::default() });
    w.keep_carried = false;
    w.delay = Duration::from_micros(50 + rng.below(50_000));
    w.impairments = Impairments {
        loss: rng.below(150),
        duplication: rng.below(100),
        corruption: rng.below(60),
        reordering: rng.below(300),
    };
    w.rng = Rng::new(rng.next());
    let remote = if rng.chance(500) { "10.0.0.2:80" } else { "[2001:db8::2]:80" };
    let lens = [1 + rng.below(60_000), 1 + rng.below(60_000)];
    let data = lens.map(|len| bytes(&mut rng, len));
    let ending = [Ending::Halves, Ending::ClientFirst, Ending::ServerFirst, Ending::AtOnce][rng.below(4) as usize];
    let mut client = App::new(A, data[0].clone(), data[1].clone());
    let mut server = App::new(B, data[1].clone(), data[0].clone());
    let listener = w.listen(B, remote, 4);
    client.socket = Some(w.connect(A, remote));
    let finished = w.run_until(Duration::from_secs(7200), |w| {
        if server.socket.is_none() {
            server.socket = w.hosts[B].accept(w.now, listener).ok().map(|(id, _)| id);
        }
        for app in [&mut client, &mut server] {
            if app.socket.is_some_and(|s| app.host == B || app.done || w.state(A, s) != TcpState::SynSent) {
                app.work(w, seed);
            }
        }
        let all_read = client.read_all() && server.read_all();
        match ending {
            Ending::Halves => {
                for app in [&mut client, &mut server] {
                    if app.wrote_all() {
                        app.shutdown(w);
                    }
                    if app.shut && app.eof {
                        app.close(w);
                    }
                }
            }
            Ending::AtOnce => {
                // The other's FIN may be outstanding, but nothing that would be lost.
                for app in [&mut client, &mut server] {
                    if app.wrote_all() && app.read_all() {
                        app.close(w);
                    }
                }
            }
            Ending::ClientFirst if all_read && client.wrote_all() => {
                client.close(w);
                if server.eof {
                    server.close(w);
                }
            }
            Ending::ServerFirst if all_read && server.wrote_all() => {
                server.close(w);
                if client.eof {
                    client.close(w);
                }
            }
            _ => {}
        }
        client.done && server.done
    });
    if watched {
        common::print(&mut w);
    }
    if !finished {
        let state = |w: &World, app: &App| app.socket.filter(|_| !app.done).map(|s| w.state(app.host, s));
        let told = |w: &World, app: &App| {
            let (written, received) = (app.written, app.received.len());
            format!(
                "{written}/{} sent, {received}/{} received, {:?}",
                app.to_write.len(),
                app.expected.len(),
                state(w, app)
            )
        };
        let (client, server) = (told(&w, &client), told(&w, &server));
        w.fail(&format!("seed {seed}: stuck, {ending:?}: client {client}; server {server}"));
    }
    assert!(client.read_all() && server.read_all(), "seed {seed}: {ending:?}");
    w.hosts[B].close(w.now, listener).unwrap();
    // Whatever is still on its way, everything ends in the end.
    w.run(Duration::from_secs(3600));
    for host in [A, B] {
        assert_eq!(w.hosts[host].open_connections(), 0, "seed {seed}: host {host} holds on");
    }
    assert!(w.largest_packet <= usize::from(mtu) + 14, "seed {seed}: {}", w.largest_packet);
}

#[test]
fn every_byte_arrives_whatever_the_link_does() {
    let number = |name| std::env::var(name).ok().and_then(|v| v.parse::<u64>().ok());
    if let Some(seed) = number("LIMPID_SEED") {
        return run(seed);
    }
    (0..number("LIMPID_SEEDS").unwrap_or(1500)).for_each(run);
}
