//! A peer that keeps to no rule: numbers at every edge, any flags, windows that shrink, SACK blocks and echoes made up,
//! against an application that does anything in any order. Whatever comes, nothing panics or loops, what leaves keeps to
//! the rules, and once the application has closed, the connection ends though the peer does its worst, or nothing.
//!
//! `LIMPID_SEEDS=N` runs more seeds, `LIMPID_SEED=N` one of them; with `LIMPID_TRACE=1` its story is printed.

extern crate std;

use crate::testing::{Host, Phase, Random, cx};
use crate::{Config, KeepAlive, OpenParams};
use alloc::vec::Vec;
use core::time::Duration;
use limpid_event::TcpState;
use limpid_wire::tcp::{SackBlock, Timestamps};
use limpid_wire::{Segment, SeqNum, TcpFlags, TcpOptions};

/// What the peer knows of us, from what we sent.
struct Peer {
    seed: u64,
    random: Random,
    irs: SeqNum,
    /// An ACK of ours told which SYN we took.
    met: bool,
    /// Where our numbers begin, once a SYN told.
    isn: Option<SeqNum>,
    /// The end of what we sent.
    nxt: SeqNum,
    /// The most that we acknowledged, and the right edge that we offered.
    acked: SeqNum,
    right_edge: Option<SeqNum>,
    /// Our shift, as our SYN stated it, and whether both state one.
    shift: u8,
    scaling: bool,
    timestamps: bool,
    /// How many percent of its segments say RST, and FIN.
    resets: u64,
    fins: u64,
    tsval: u32,
    last_echo: u32,
    /// The number of the next byte that the application reads, and how many it wrote.
    read: SeqNum,
    written: u32,
}

/// The byte with number `seq` in either stream.
fn byte(seq: SeqNum) -> u8 {
    (seq.0.wrapping_mul(0x9e37_79b1) >> 24) as u8
}

impl Peer {
    fn new(seed: u64) -> Peer {
        let mut random = Random::new(seed);
        let irs = edge(&mut random);
        Peer {
            seed,
            irs,
            isn: None,
            met: false,
            nxt: SeqNum(0),
            acked: irs,
            right_edge: None,
            shift: 0,
            scaling: random.percent(50),
            timestamps: random.percent(50),
            resets: random.below(4) / 3,
            fins: random.below(3) * 2,
            tsval: random.next() as u32,
            last_echo: 0,
            read: irs,
            written: 0,
            random,
        }
    }

    /// Looks at what we sent: it must keep to the rules.
    fn see(&mut self, host: &mut Host) {
        let seed = self.seed;
        let (syn, rst) = (TcpFlags::SYN, TcpFlags::RST);
        // The small phases round their window down, as Linux's do.
        let exact = matches!(host.phase, Phase::Connection(_));
        for transmit in host.outbox.drain(..) {
            let segment = transmit.segment;
            if segment.flags.contains(rst) {
                continue;
            }
            if segment.flags.contains(syn) {
                let again = self.isn.replace(segment.seq);
                assert!(again.is_none_or(|isn| isn == segment.seq), "seed {seed}: another ISN");
                self.shift = segment.options.window_scale.unwrap_or(0);
                self.timestamps &= segment.options.timestamps.is_some();
                self.nxt = if again.is_some() { self.nxt.later(segment.seq + 1) } else { segment.seq + 1 };
            }
            let isn = self.isn.unwrap_or(segment.seq);
            for (n, &byte_sent) in segment.payload.to_vec().iter().enumerate() {
                assert_eq!(byte_sent, byte(segment.seq + n as u32), "seed {seed}: wrong bytes left");
            }
            // A zero-window probe or keepalive lies one below.
            assert!(segment.seq.before_eq(self.nxt), "seed {seed}: a gap before {}", segment.seq);
            assert!(segment.seq.after_eq(isn), "seed {seed}: below the ISN");
            self.nxt = self.nxt.later(segment.seq_end());
            if let Some(timestamps) = segment.options.timestamps {
                self.last_echo = timestamps.val;
            }
            if segment.flags.contains(TcpFlags::ACK) && !self.met {
                // Which SYN it was that it took.
                (self.met, self.acked, self.read) = (true, segment.ack, segment.ack);
            }
            if segment.flags.contains(TcpFlags::ACK) && exact {
                self.see_ack(&segment);
            }
        }
    }

    fn see_ack(&mut self, segment: &Segment) {
        let seed = self.seed;
        assert!(segment.ack.after_eq(self.acked), "seed {seed}: the ACK went back: {segment:?}");
        self.acked = segment.ack;
        let syn = segment.flags.contains(TcpFlags::SYN);
        // A SYN's window is not scaled, and may be a little less for it.
        let shift = if self.scaling && !syn { self.shift } else { 0 };
        let edge = segment.ack + (u32::from(segment.window) << shift);
        // The FIN may lie at the edge; then nothing is offered any more.
        let shrank = self.right_edge.is_some_and(|before| (edge + 1).before(before));
        assert!(
            syn || !shrank,
            "seed {seed}: the window shrank from {:?} to {edge}: {segment:?} {}",
            self.right_edge,
            self.shift
        );
        self.right_edge = Some(edge);
    }

    fn number(&mut self, from: &[SeqNum]) -> SeqNum {
        let base = from[self.random.below(from.len() as u64) as usize];
        match self.random.below(10) {
            0..=5 => base,
            6 => base + 1,
            7 => base - 1,
            8 => base + self.random.below(3_000) as u32,
            _ => base - self.random.below(100_000) as u32,
        }
    }

    fn segment(&mut self) -> Segment {
        let isn = self.isn.unwrap_or_default();
        let edge = self.right_edge.unwrap_or(self.acked + 1000);
        let seq = self.number(&[self.acked, self.acked, self.acked, edge, self.irs]);
        let middle = isn + (self.nxt - isn) / 2;
        let ack = self.number(&[self.nxt, self.nxt, middle, isn + 1]);
        let random = &mut self.random;
        let (resets, fins) = (self.resets, self.fins);
        let len = match random.below(10) {
            0..=4 => 0,
            5 => 1,
            6 => 1 + random.below(100),
            7..=8 => 1460,
            _ => random.below(20_000),
        };
        let mut flags = TcpFlags::ACK;
        for (percent, flag) in [
            (30, TcpFlags::PSH),
            (fins, TcpFlags::FIN),
            (3, TcpFlags::SYN),
            (resets, TcpFlags::RST),
            (5, TcpFlags::URG),
            (3, TcpFlags::ACK),
        ] {
            if random.percent(percent) {
                flags.toggle(flag);
            }
        }
        let window = [0, 0, 1, 10, 100, 1459, 1460, 5000, 65_535, random.next() as u16][random.below(10) as usize];
        let payload: Vec<u8> = (0..len as u32).map(|n| byte(seq + n)).collect();
        let merged = 1 + random.below(3) as u16;
        let urgent = random.next() as u16;
        let options = self.options(flags);
        let payload = payload.as_slice().into();
        Segment { seq, ack, flags, window, urgent, options, payload, merged, ..Segment::default() }
    }

    fn options(&mut self, flags: TcpFlags) -> TcpOptions {
        let mut options = TcpOptions::default();
        if self.timestamps && self.random.percent(97) {
            self.tsval = self.tsval.wrapping_add(self.random.below(50) as u32);
            let val = match self.random.below(30) {
                0 => self.tsval.wrapping_sub(1000),
                1 => self.tsval.wrapping_add(1 << 31),
                2 => self.random.next() as u32,
                _ => self.tsval,
            };
            let ecr = if self.random.percent(90) { self.last_echo } else { self.random.next() as u32 };
            options.timestamps = Some(Timestamps { val, ecr });
        }
        let isn = self.isn.unwrap_or_default();
        for _ in 0..self.random.below(4) {
            let left = self.number(&[self.nxt, isn + 1, isn + (self.nxt - isn) / 2]);
            let block = SackBlock::new(left, left + 1 + self.random.below(6_000) as u32);
            let _ = block.map(|block| options.sack.try_push(block));
        }
        if flags.contains(TcpFlags::SYN) {
            options.mss = Some([1, 48, 536, 1460][self.random.below(4) as usize]);
            options.window_scale = self.scaling.then(|| self.random.below(15) as u8);
            options.sack_permitted = true;
        }
        options
    }

    /// The application does something.
    fn act(&mut self, host: &mut Host) {
        if !matches!(host.phase, Phase::Connection(_)) {
            return;
        }
        match self.random.below(40) {
            0 if self.random.percent(20) => host.close(),
            1 if host.connection().state() != TcpState::Closed => host.shutdown_write(),
            2 => {
                let Phase::Connection(connection) = &mut host.phase else { return };
                if let Ok(outcome) = connection.shutdown_read(cx!(host)) {
                    host.settle(outcome);
                }
            }
            3 if self.random.percent(3) => host.abort(),
            4..=10 => self.read(host),
            11 => {
                let mss = [536, 1000, 1460][self.random.below(3) as usize];
                let Phase::Connection(connection) = &mut host.phase else { return };
                match self.random.percent(50) {
                    true => connection.handle_path(cx!(host), mss, 0),
                    false => connection.handle_too_big(cx!(host), mss),
                }
                host.drain();
            }
            12..=20 => self.write(host),
            _ => {}
        }
    }

    fn read(&mut self, host: &mut Host) {
        let max = 1 + self.random.below(30_000) as usize;
        let Ok(bytes) = host.read(max) else { return };
        for &got in &bytes {
            assert_eq!(got, byte(self.read), "seed {}: byte {} is wrong", self.seed, self.read);
            self.read += 1;
        }
    }

    fn write(&mut self, host: &mut Host) {
        let len = 1 + self.random.below(8_000) as u32;
        let isn = host.params.isn;
        let bytes: Vec<u8> = (0..len).map(|n| byte(isn + 1 + self.written + n)).collect();
        if let Ok(n) = host.write(&bytes) {
            self.written += n as u32;
        }
    }
}

/// A number that is likely to lie near where arithmetic turns over.
fn edge(random: &mut Random) -> SeqNum {
    let near = random.below(5_000) as u32;
    SeqNum([0, 1 << 31, u32::MAX - 3_000, random.next() as u32][random.below(4) as usize].wrapping_sub(near))
}

fn config(random: &mut Random) -> Config {
    let keepalive = KeepAlive { idle: Duration::from_secs(20), interval: Duration::from_secs(5), count: 3 };
    Config {
        timestamps: random.percent(70),
        sack: random.percent(70),
        window_scaling: random.percent(70),
        no_delay: random.percent(30),
        recv_buffer: 2_000 + random.below(100_000) as usize,
        send_buffer: 2_000 + random.below(100_000) as usize,
        keepalive: random.percent(40).then_some(keepalive),
        user_timeout: random.percent(20).then_some(Duration::from_secs(30)),
        linger: random.percent(5).then_some(Duration::ZERO),
        require_timestamps: random.percent(20),
        rfc1337: random.percent(50),
        ..Config::default()
    }
}

fn open(peer: &mut Peer) -> Host {
    let random = &mut peer.random;
    let config = config(random);
    let isn = edge(random);
    let max_burst = [0, 3_000, 65_535][random.below(3) as usize];
    let params = OpenParams { isn, max_burst, ts_offset: random.next() as u32, ..OpenParams::default() };
    peer.scaling &= config.window_scaling;
    let mut host = Host::listening(config);
    host.params = params;
    host.transcript.brief = true;
    let how = peer.random.below(3);
    if how > 0 {
        host.connect();
        peer.see(&mut host);
    }
    // A SYN, a SYN that crosses ours, or a SYN-ACK.
    let answers = how == 2;
    let mut options = peer.options(TcpFlags::SYN);
    options.sack.clear();
    let flags = if answers { TcpFlags::SYN | TcpFlags::ACK } else { TcpFlags::SYN };
    let ack = if answers { peer.nxt } else { SeqNum(0) };
    host.receive(Segment { seq: peer.irs, ack, flags, window: 65_535, options, ..Segment::default() });
    peer.acked = peer.irs + 1;
    peer.see(&mut host);
    host
}

/// The peer goes on answering everything with what it has and a closed window.
fn stonewall(peer: &mut Peer, host: &mut Host) {
    let random = &mut peer.random;
    let bare = random.percent(50);
    let mut options = peer.options(TcpFlags::ACK);
    options.sack.clear();
    let seq = peer.acked;
    let ack = if bare { host.params.isn + 1 } else { peer.nxt };
    host.receive(Segment { seq, ack, flags: TcpFlags::ACK, window: 0, options, ..Segment::default() });
}

fn run(seed: u64) {
    let mut peer = Peer::new(seed);
    let mut host = open(&mut peer);
    for _ in 0..peer.random.below(300) {
        if std::env::var("LIMPID_TRACE").is_ok() {
            std::eprint!("{}", host.story());
        }
        let was_waiting = host.state() == TcpState::TimeWait;
        let segment = peer.segment();
        host.receive(segment);
        if was_waiting && host.state() == TcpState::SynReceived {
            // A SYN made something new, of other numbers.
            return;
        }
        peer.see(&mut host);
        peer.act(&mut host);
        peer.see(&mut host);
        let millis = match peer.random.below(20) {
            0..=12 => 0,
            13..=16 => peer.random.below(300),
            17..=18 => peer.random.below(5_000),
            _ if peer.random.percent(3) => 25 * 24 * 3_600_000,
            _ => peer.random.below(100_000),
        };
        host.pass_ms(millis);
        peer.see(&mut host);
        if matches!(host.phase, Phase::Listen | Phase::Closed) {
            return;
        }
        if let Phase::Connection(connection) = &host.phase {
            let bound = 4 * (host.config.recv_buffer + host.config.send_buffer) + 300_000;
            assert!(connection.pinned() <= bound, "seed {seed}: {} bytes pinned", connection.pinned());
        }
    }
    finish(&mut peer, host);
}

/// The application has closed: in the end nothing is left, whatever the peer does.
fn finish(peer: &mut Peer, mut host: Host) {
    let seed = peer.seed;
    host.close();
    let limit = host.now + Duration::from_secs(4 * 3600);
    let stubborn = peer.random.percent(50);
    while !matches!(host.phase, Phase::Closed | Phase::Listen | Phase::TimeWait(_)) {
        let next = host.poll_timeout().unwrap_or_else(|| panic!("seed {seed}: waits for nothing, {}", host.state()));
        assert!(next < limit, "seed {seed}: holds on in {}\n{}", host.state(), host.story());
        host.pass(next.since(host.now) + Duration::from_nanos(1));
        let sent = !host.outbox.is_empty();
        peer.see(&mut host);
        if sent && stubborn {
            stonewall(peer, &mut host);
            peer.see(&mut host);
        }
        if host.state() == TcpState::Established {
            // It was still being opened.
            host.close();
        }
    }
}

#[test]
fn whatever_comes() {
    let number = |name| std::env::var(name).ok().and_then(|v| v.parse::<u64>().ok());
    if let Some(seed) = number("LIMPID_SEED") {
        return run(seed);
    }
    (0..number("LIMPID_SEEDS").unwrap_or(2_000)).for_each(run);
}
