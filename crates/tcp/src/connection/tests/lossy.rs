//! Two ends over a link that loses, reorders and duplicates: every byte arrives once and in order, both ends close, and
//! nobody waits for ever. A seed reproduces its run.

use crate::testing::{Host, Link, Pair, Phase, Random};
use crate::{Config, OpenParams};
use alloc::vec::Vec;
use core::time::Duration;
use limpid_event::{Counter, Error, Instant, TcpState};
use limpid_wire::SeqNum;

/// What an application does: it writes its data, reads until the end of the stream, and closes.
struct App {
    data: Vec<u8>,
    written: usize,
    got: Vec<u8>,
    at_end: bool,
    finished: bool,
    closed: bool,
    /// Percent of chances to read that it lets pass: a slow reader closes its window.
    idle: u64,
}

impl App {
    fn new(random: &mut Random) -> App {
        let len = match random.below(4) {
            0 => 0,
            1 => random.below(100),
            2 => random.below(5_000),
            _ => random.below(150_000),
        };
        let idle = if random.percent(30) { 95 } else { random.below(50) };
        App {
            data: (0..len).map(|_| random.next() as u8).collect(),
            written: 0,
            got: Vec::new(),
            at_end: false,
            finished: false,
            closed: false,
            idle,
        }
    }

    fn act(&mut self, host: &mut Host, random: &mut Random) {
        self.write(host, random);
        if !random.percent(self.idle) {
            self.read(host, random);
        }
        let open = matches!(host.phase, Phase::Connection(_));
        let established = open && host.state() != TcpState::SynReceived;
        if established && self.written == self.data.len() && !self.finished {
            host.shutdown_write();
            self.finished = true;
        }
        if self.finished && self.at_end && !self.closed {
            host.close();
            self.closed = true;
        }
    }

    fn write(&mut self, host: &mut Host, random: &mut Random) {
        while self.written < self.data.len() {
            let len = 1 + random.below(3000) as usize;
            let end = (self.written + len).min(self.data.len());
            match host.write(&self.data[self.written..end]) {
                Ok(n) => self.written += n,
                Err(Error::WouldBlock | Error::NotConnected) => break,
                Err(error) => panic!("write: {error}"),
            }
            if random.percent(20) {
                break;
            }
        }
    }

    fn read(&mut self, host: &mut Host, random: &mut Random) {
        while !self.at_end {
            match host.read(1 + random.below(8000) as usize) {
                Ok(bytes) if bytes.is_empty() => self.at_end = true,
                Ok(bytes) => self.got.extend(bytes),
                Err(Error::WouldBlock | Error::NotConnected) => break,
                Err(error) => panic!("read: {error}"),
            }
        }
    }
}

fn config(random: &mut Random) -> Config {
    // Now and then smaller than a segment: silly windows, Nagle and delayed ACKs must not wait for each other.
    let buffer = |random: &mut Random, least: u64| match random.below(5) {
        0 => 300 + random.below(3_000) as usize,
        _ => (least + random.below(200_000)) as usize,
    };
    let recv_buffer = buffer(random, 4_000);
    Config {
        timestamps: random.percent(50),
        sack: random.percent(50),
        window_scaling: random.percent(50),
        no_delay: random.percent(50),
        recv_buffer,
        // One that holds no two segments drops what the window let through.
        recv_buffer_fixed: recv_buffer >= 4_000 && random.percent(50),
        // So that a unit of the window is not more than the smallest buffers.
        recv_buffer_max: 6_291_456,
        send_buffer: buffer(random, 2_000),
        send_buffer_fixed: random.percent(50),
        syn_ack_retries: 20,
        syn_retries: 20,
        orphan_retries: 20,
        ..Config::default()
    }
}

fn host(random: &mut Random) -> Host {
    let mut host = Host::listening(config(random));
    host.params = OpenParams {
        isn: SeqNum(random.next() as u32),
        ts_offset: random.next() as u32,
        mss: [536, 1220, 1460, 8960][random.below(4) as usize],
        adv_mss: None,
        ip_header_len: 20,
        known_rtt_micros: [0, 0, 50_000][random.below(3) as usize],
        known_ssthresh: [0, 0, 2, 20][random.below(4) as usize],
        known_reordering: [0, 0, 4, 30][random.below(4) as usize],
        signature: crate::Signature::NONE,
        max_burst: [0, 1, 3_000, 65_535][random.below(4) as usize],
    };
    host.transcript.brief = true;
    host
}

fn link(random: &mut Random) -> Link {
    Link {
        delay: Duration::from_micros(random.below(100_000)),
        jitter: Duration::from_micros(if random.percent(50) { random.below(50_000) } else { 0 }),
        loss: if random.percent(70) { random.below(15) } else { 0 },
        duplication: if random.percent(30) { random.below(20) } else { 0 },
    }
}

/// Runs one seed to its end, and says how it went if it went wrong.
fn run(seed: u64, crossed: bool) {
    let mut random = Random::new(seed);
    let mut hosts = [host(&mut random), host(&mut random)];
    let mut apps = [App::new(&mut random), App::new(&mut random)];
    hosts[0].connect();
    if crossed {
        hosts[1].connect();
    }
    let mut pair = Pair::new(hosts, link(&mut random), seed);
    // A reader that idles with a buffer of a few bytes takes its time.
    let deadline = Instant::from_millis(100 * 3600 * 1000);
    let is_over = |host: &Host| matches!(host.phase, Phase::TimeWait(_) | Phase::Closed);
    while !(pair.hosts.iter().all(is_over) && apps.iter().all(|app| app.at_end)) {
        let alive = pair.step_within(Duration::from_secs(1));
        for (app, host) in apps.iter_mut().zip(&mut pair.hosts) {
            app.act(host, &mut random);
        }
        let over = pair.hosts.iter().all(is_over);
        assert!(
            (alive || over) && pair.now < deadline,
            "seed {seed}: stuck at {} in {:?}\n{}\n--\n{}",
            pair.now,
            pair.hosts.each_ref().map(Host::state),
            pair.hosts[0].story(),
            pair.hosts[1].story(),
        );
    }
    let Link { jitter, loss, duplication, .. } = pair.link;
    if loss == 0 && duplication == 0 && jitter.is_zero() {
        // A tail loss probe may find that the peer only took its time.
        let again = |host: &Host| {
            host.counter(Counter::TcpRetransSegs).saturating_sub(host.counter(Counter::TcpExtTCPLossProbes))
        };
        let again = pair.hosts.each_ref().map(again);
        assert_eq!(again, [0; 2], "seed {seed}: sent again although nothing was lost\n{}", pair.hosts[0].story());
    }
    for (from, to) in [(0, 1), (1, 0)] {
        assert!(apps[to].got == apps[from].data, "seed {seed}: bytes differ");
    }
}

#[test]
fn every_byte_arrives_and_nobody_waits_for_ever() {
    for seed in 0..1500 {
        run(seed, false);
    }
}

#[test]
fn crossed_opens_do_too() {
    for seed in 0..300 {
        run(seed, true);
    }
}
