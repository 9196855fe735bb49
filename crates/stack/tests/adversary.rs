//! Two hosts, many sockets used in any order, and somebody on the path who sees every packet and sends changed copies: other
//! numbers, flags, windows, ports, ICMP errors that quote them. Nothing panics or spins, what desynchronised ends say to
//! each other stays within the limits, and when all sockets are closed nothing is left.
//!
//! `LIMPID_SEEDS=N` runs more seeds, `LIMPID_SEED=N` one of them; with `LIMPID_TRACE=1` its events are printed.

mod common;

use common::{A, B, Impairments, Log, Rng, World, end, ip, ip_packet, tcp_packet};
use limpid_stack::{Config, ListenConfig, Medium, Shutdown, SocketId, StackConfig, SynCookies};
use limpid_tcp::KeepAlive;
use limpid_wire::checksum::Checksum;
use limpid_wire::{Endpoint, IpProtocol, Segment, SeqNum, TcpFlags};
use std::sync::Arc;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// Where TCP begins in our packets: IPv4 without options, no link header.
const TCP: usize = 20;

struct Game {
    w: World,
    rng: Rng,
    /// Every socket that was ever made, also those that are closed.
    sockets: [Vec<SocketId>; 2],
    listeners: Vec<SocketId>,
}

fn config(rng: &mut Rng) -> StackConfig {
    let keepalive = KeepAlive { idle: 20 * SECOND, interval: 3 * SECOND, count: 3 };
    let tcp = Config {
        timestamps: rng.chance(600),
        sack: rng.chance(600),
        window_scaling: rng.chance(600),
        recv_buffer: 3_000 + rng.below(60_000) as usize,
        send_buffer: 3_000 + rng.below(60_000) as usize,
        keepalive: rng.chance(300).then_some(keepalive),
        user_timeout: rng.chance(100).then_some(20 * SECOND),
        rfc1337: rng.chance(300),
        linger: rng.chance(100).then_some(Duration::ZERO),
        ..Config::default()
    };
    StackConfig {
        tcp: Arc::new(tcp),
        max_syn_backlog: 1 + rng.below(4) as usize,
        syn_cookies: if rng.chance(700) { SynCookies::WhenFull } else { SynCookies::Never },
        abort_on_overflow: rng.chance(200),
        max_time_wait: 1 + rng.below(20) as usize,
        ..StackConfig::default()
    }
}

impl Game {
    fn new(seed: u64) -> Game {
        let mut rng = Rng::new(seed);
        let mut w = World::with(config(&mut rng), |_| Medium::Ip, 1500, 0);
        let watched = std::env::var("LIMPID_TRACE").is_ok();
        w.hosts.iter_mut().for_each(|h| *h.observer() = Log { off: !watched, ..Log::default() });
        w.rng = Rng::new(rng.next());
        w.delay = Duration::from_micros(1 + rng.below(30_000));
        w.impairments = Impairments { loss: rng.below(100), duplication: rng.below(50), ..Impairments::default() };
        Game { w, rng, sockets: [Vec::new(), Vec::new()], listeners: Vec::new() }
    }

    fn act(&mut self) {
        let host = self.rng.below(2) as usize;
        let now = self.w.now;
        let port = 80 + self.rng.below(2) as u16;
        match self.rng.below(30) {
            0 | 1 => {
                let local = end(&format!("0.0.0.0:{port}"));
                let mut config = ListenConfig::new(local, self.rng.below(3) as usize);
                config.defer_syn_ack = self.rng.chance(200);
                if let Ok(id) = self.w.hosts[host].listen(now, config) {
                    self.sockets[host].push(id);
                    self.listeners.push(id);
                }
            }
            2..=5 => {
                let addr = ["10.0.0.1", "10.0.0.2", "127.0.0.1"][self.rng.below(3) as usize];
                // Ports that come again, so that 4-tuples do, and SYNs cross.
                let local = self.rng.chance(500).then(|| end(&format!("10.0.0.{}:{port}", host + 1)));
                let remote = end(&format!("{addr}:{port}"));
                if let Ok(id) = self.w.hosts[host].connect(now, local, remote, None) {
                    self.sockets[host].push(id);
                }
            }
            6 if self.rng.chance(700) => {
                if let Some(id) = self.socket(host) {
                    let _ = self.w.hosts[host].close(now, id);
                }
            }
            8 => {
                if let Some(id) = self.socket(host) {
                    let how = [Shutdown::Read, Shutdown::Write, Shutdown::Both][self.rng.below(3) as usize];
                    let _ = self.w.hosts[host].shutdown(now, id, how);
                }
            }
            9 if self.rng.chance(200) => {
                if let Some(id) = self.socket(host) {
                    let _ = self.w.hosts[host].abort(now, id);
                }
            }
            10..=12 => {
                while let Some(syn) = self.w.hosts[host].poll_syn() {
                    let _ = self.w.hosts[host].answer(now, syn.id);
                }
                for id in self.sockets[host].clone() {
                    if let Ok((socket, _)) = self.w.hosts[host].accept(now, id) {
                        self.sockets[host].push(socket);
                    }
                }
            }
            13..=16 => {
                if let Some(id) = self.socket(host) {
                    let _ = self.w.hosts[host].write(now, id, &vec![7; 1 + self.rng.below(5_000) as usize]);
                }
            }
            17..=19 => {
                if let Some(id) = self.socket(host) {
                    let _ = self.w.hosts[host].read(now, id, &mut vec![0; 1 + self.rng.below(5_000) as usize]);
                }
            }
            20 => self.flood(),
            21..=26 => (0..1 + self.rng.below(6)).for_each(|_| self.attack()),
            _ => {
                let micros = [1_000, 100_000, 3_000_000, 70_000_000][self.rng.below(4) as usize];
                let time = Duration::from_micros(self.rng.below(micros));
                self.run(time);
            }
        }
    }

    fn socket(&mut self, host: usize) -> Option<SocketId> {
        let sockets = &self.sockets[host];
        let from = sockets.len().saturating_sub(6);
        sockets.get(from + self.rng.below(6) as usize).copied()
    }

    /// Lets time pass in steps that must each make progress.
    fn run(&mut self, time: Duration) {
        let until = self.w.now + time;
        let (mut steps, mut last) = (0, self.w.now);
        while self.w.step(until) {
            steps = if self.w.now > last { 0 } else { steps + 1 };
            last = self.w.now;
            assert!(steps < 2_000, "it spins at {last}");
        }
        self.w.drain();
    }

    /// SYNs from ports that nobody has.
    fn flood(&mut self) {
        let to = self.rng.below(2) as usize;
        for _ in 0..self.rng.below(8) {
            let (port, seq) = (1 + self.rng.below(60_000) as u16, self.rng.next() as u32);
            let from = Endpoint::new(ip(&format!("10.0.0.{}", 2 - to)), port);
            let to_end = Endpoint::new(ip(&format!("10.0.0.{}", to + 1)), 80);
            let segment = Segment { seq: SeqNum(seq), flags: TcpFlags::SYN, window: seq as u16, ..Segment::default() };
            self.w.inject(to, tcp_packet(from, to_end, &segment));
        }
    }

    /// Sends a changed copy of a packet that went by, to where it went, or an error about it to where it came from.
    fn attack(&mut self) {
        let seen = self.w.carried.len();
        let window = seen.min(40) as u64;
        if window == 0 {
            return;
        }
        let (from, mut packet) = self.w.carried[seen - 1 - self.rng.below(window) as usize].clone();
        if packet.len() < TCP + 20 || packet[0] != 0x45 || packet[9] != 6 {
            return;
        }
        if self.rng.chance(100) {
            return self.forge_error(from, &packet);
        }
        for field in [TCP + 4, TCP + 8] {
            let change = match self.rng.below(8) {
                0 => 1,
                1 => u32::MAX,
                2 => self.rng.below(100_000) as u32,
                3 => (self.rng.below(100_000) as u32).wrapping_neg(),
                4 if self.rng.chance(200) => self.rng.next() as u32,
                _ => 0,
            };
            let number = u32::from_be_bytes(packet[field..field + 4].try_into().unwrap());
            packet[field..field + 4].copy_from_slice(&number.wrapping_add(change).to_be_bytes());
        }
        if self.rng.chance(400) {
            packet[TCP + 13] ^= 1 << self.rng.below(6);
        }
        if self.rng.chance(300) {
            let window = [0, 1, 100, 65_535][self.rng.below(4) as usize];
            packet[TCP + 14..TCP + 16].copy_from_slice(&u16::to_be_bytes(window));
        }
        if self.rng.chance(100) {
            packet[TCP + 19] = self.rng.next() as u8;
        }
        if self.rng.chance(100) {
            let at = TCP + 20 + self.rng.below(20) as usize;
            if let Some(byte) = packet.get_mut(at) {
                *byte = self.rng.next() as u8;
            }
        }
        packet[TCP + 16..TCP + 18].fill(0);
        let [src, dst] = [from, 1 - from].map(|host| ip(&format!("10.0.0.{}", host + 1)));
        let mut sum = Checksum::pseudo_header(src, dst, IpProtocol::TCP, packet.len() - TCP);
        sum.add(&packet[TCP..]);
        let sum = sum.finish();
        packet[TCP + 16..TCP + 18].copy_from_slice(&sum.to_be_bytes());
        self.w.inject(1 - from, packet);
    }

    fn forge_error(&mut self, to: usize, quoted: &[u8]) {
        let (kind, code) =
            [(3, 0), (3, 1), (3, 2), (3, 3), (3, 4), (11, 0), (12, 0), (4, 0)][self.rng.below(8) as usize];
        let mut icmp = vec![kind, code, 0, 0, 0, 0];
        let mtu = [0, 40, 68, 296, 552, 1_000, 1_499, 1_500][self.rng.below(8) as usize];
        icmp.extend(u16::to_be_bytes(mtu));
        icmp.extend(&quoted[..quoted.len().min(28 + self.rng.below(20) as usize)]);
        let sum = Checksum::of(&icmp).finish();
        icmp[2..4].copy_from_slice(&sum.to_be_bytes());
        let packet = ip_packet(ip("10.0.0.77"), ip(&format!("10.0.0.{}", to + 1)), IpProtocol::ICMP, &icmp);
        self.w.inject(to, packet);
    }
}

fn play(seed: u64) {
    let mut game = Game::new(seed);
    for _ in 0..game.rng.below(1000) {
        game.act();
        game.w.drain();
        // Somebody looks after the readiness that is reported.
        for host in [A, B] {
            while game.w.hosts[host].poll_ready().is_some() {}
        }
    }
    quiet_in_the_end(&mut game);
    for host in [A, B] {
        for id in game.sockets[host].clone() {
            let _ = game.w.hosts[host].close(game.w.now, id);
        }
    }
    game.run(4 * 3600 * SECOND);
    if std::env::var("LIMPID_TRACE").is_ok() {
        common::print(&mut game.w);
    }
    for host in [A, B] {
        assert_eq!(game.w.hosts[host].open_connections(), 0, "seed {seed}: host {host} holds on");
        assert_eq!(game.w.hosts[host].poll_timeout(), None, "seed {seed}: host {host} has a timer");
    }
}

/// When nobody does anything any more, at most challenges and probes go to and fro: ends that disagree do not storm.
fn quiet_in_the_end(game: &mut Game) {
    game.run(60 * SECOND);
    let before = game.w.carried.len();
    game.run(60 * SECOND);
    let count = game.w.carried.len() - before;
    let sockets = game.sockets.iter().map(Vec::len).sum::<usize>() + 4;
    // Two answers a second at most from each end of each connection.
    assert!(count <= 60 * 4 * sockets, "{count} packets in a minute of {sockets} sockets");
}

#[test]
fn whatever_somebody_on_the_path_does() {
    let number = |name| std::env::var(name).ok().and_then(|v| v.parse::<u64>().ok());
    if let Some(seed) = number("LIMPID_SEED") {
        return play(seed);
    }
    (0..number("LIMPID_SEEDS").unwrap_or(300)).for_each(play);
}
