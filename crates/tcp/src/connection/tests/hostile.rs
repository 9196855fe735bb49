//! Segments that no peer would send, in any order, mixed with anything an application may do: nothing panics, nothing runs
//! backwards, nothing spins.

use crate::testing::{Host, Phase, Random};
use crate::{Config, KeepAlive, OpenParams};
use core::time::Duration;
use limpid_wire::tcp::{SackBlock, Timestamps};
use limpid_wire::{Segment, SeqNum, TcpFlags, TcpOptions};

const PEER_ISN: SeqNum = SeqNum(0xffff_fc00);

/// What must only ever grow.
#[derive(Clone, Copy)]
struct Progress {
    una: SeqNum,
    nxt: SeqNum,
    rcv_nxt: SeqNum,
    right_edge: SeqNum,
}

fn progress(host: &Host) -> Option<Progress> {
    let Phase::Connection(connection) = &host.phase else { return None };
    Some(Progress {
        una: connection.snd.una(),
        nxt: connection.snd.nxt(),
        rcv_nxt: connection.rcv_nxt(),
        right_edge: connection.rcv.right_edge(),
    })
}

fn check(seed: u64, before: Option<Progress>, host: &Host) {
    let Some(after) = progress(host) else { return };
    assert!(after.una.before_eq(after.nxt), "seed {seed}: SND.UNA beyond SND.NXT");
    let Some(before) = before else { return };
    assert!(before.una.before_eq(after.una), "seed {seed}: SND.UNA ran back");
    assert!(before.nxt.before_eq(after.nxt), "seed {seed}: SND.NXT ran back");
    assert!(before.rcv_nxt.before_eq(after.rcv_nxt), "seed {seed}: RCV.NXT ran back");
    assert!(before.right_edge.before_eq(after.right_edge), "seed {seed}: the window was taken back");
}

/// A number near one that means something, or anywhere.
fn near(random: &mut Random, base: SeqNum) -> SeqNum {
    match random.below(10) {
        0..=5 => base,
        6 => base + random.below(3_000) as u32,
        7 => base - random.below(3_000) as u32,
        8 => base + (65_535 + random.below(5)) as u32 - 2,
        _ => SeqNum(random.next() as u32),
    }
}

fn segment(random: &mut Random, host: &Host) -> Segment {
    const FLAGS: [TcpFlags; 6] =
        [TcpFlags::ACK, TcpFlags::SYN, TcpFlags::FIN, TcpFlags::RST, TcpFlags::URG, TcpFlags::PSH];
    let (rcv_nxt, una, nxt) = match progress(host) {
        Some(p) => (p.rcv_nxt, p.una, p.nxt),
        None => (PEER_ISN + 1, host.params.isn, host.params.isn + 1),
    };
    let mut flags = TcpFlags::empty();
    for (flag, chance) in FLAGS.into_iter().zip([90, 6, 6, 2, 5, 30]) {
        flags.set(flag, random.percent(chance));
    }
    let base = if flags.contains(TcpFlags::SYN) { PEER_ISN } else { rcv_nxt };
    let len = [0, 0, 1, 100, 1460, 3000][random.below(6) as usize];
    let ack_base = if random.percent(50) { una } else { nxt };
    Segment {
        seq: near(random, base),
        ack: near(random, ack_base),
        flags,
        window: if random.percent(20) { random.below(3) as u16 } else { random.next() as u16 },
        urgent: random.next() as u16,
        options: options(random, una, nxt),
        merged: random.below(4) as u16,
        payload: alloc::vec![7u8; len].into(),
        ..Segment::default()
    }
}

fn options(random: &mut Random, una: SeqNum, nxt: SeqNum) -> TcpOptions {
    let mut options = TcpOptions {
        mss: random.percent(30).then(|| random.next() as u16),
        window_scale: random.percent(30).then(|| random.next() as u8),
        sack_permitted: random.percent(50),
        timestamps: random
            .percent(60)
            .then(|| Timestamps { val: random.below(100_000) as u32, ecr: random.below(100_000) as u32 }),
        ..TcpOptions::default()
    };
    for _ in 0..random.below(5) {
        let left = near(random, una);
        let right = if random.percent(50) { near(random, nxt) } else { left + random.below(3_000) as u32 };
        options.sack.extend(SackBlock::new(left, right));
    }
    options
}

fn config(random: &mut Random) -> Config {
    let keepalive = KeepAlive { idle: Duration::from_secs(5), interval: Duration::from_secs(1), count: 3 };
    Config {
        timestamps: random.percent(60),
        sack: random.percent(70),
        window_scaling: random.percent(70),
        no_delay: random.percent(50),
        recv_buffer: random.below(100_000) as usize,
        send_buffer: random.below(100_000) as usize,
        keepalive: random.percent(50).then_some(keepalive),
        user_timeout: random.percent(30).then(|| Duration::from_millis(random.below(30_000))),
        max_seg: random.percent(20).then(|| random.next() as u16),
        ..Config::default()
    }
}

fn act(random: &mut Random, host: &mut Host) {
    match random.below(20) {
        0..=9 => {
            let segment = segment(random, host);
            host.receive(segment);
        }
        10..=12 => {
            let _ = host.write(&[1; 5_000][..random.below(5_000) as usize]);
        }
        13..=15 => {
            let _ = host.read(random.below(10_000) as usize);
        }
        16..=18 => {
            let longest = [5, 300, 20_000][random.below(3) as usize];
            host.pass_ms(random.below(longest));
        }
        _ if random.percent(90) => {}
        _ if !matches!(host.phase, Phase::Connection(_)) => {}
        _ => match random.below(3) {
            0 => host.shutdown_write(),
            1 => host.close(),
            _ => host.abort(),
        },
    }
}

fn run(seed: u64) {
    let mut random = Random::new(seed);
    let mut host = Host::listening(config(&mut random));
    host.params = OpenParams {
        isn: SeqNum(0u32.wrapping_sub(random.below(5_000) as u32)),
        ts_offset: random.below(1_000) as u32,
        mss: [1, 40, 536, 1460, u16::MAX][random.below(5) as usize],
        max_burst: [0, 5_000, u32::MAX][random.below(3) as usize],
        ..OpenParams::default()
    };
    host.transcript.brief = true;
    if random.percent(40) {
        host.connect();
    } else {
        host.inject("S 4294966272:4294966272(0) win 65535 <mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 3>");
        host.inject(&alloc::format!(". 4294966273:4294966273(0) ack {} win 65535", host.params.isn + 1));
    }
    for _ in 0..300 {
        let before = progress(&host);
        act(&mut random, &mut host);
        check(seed, before, &host);
        assert!(host.outbox.len() < 2_000, "seed {seed}: one input made {} segments", host.outbox.len());
        for transmit in host.outbox.drain(..) {
            let segment = &transmit.segment;
            assert!(transmit.gso_size == 0 || segment.payload.len() > usize::from(transmit.gso_size), "seed {seed}");
            assert!(!segment.flags.contains(TcpFlags::SYN | TcpFlags::FIN), "seed {seed}");
        }
        if let Some(at) = host.poll_timeout().filter(|&at| at <= host.now) {
            host.handle_timeout();
            let next = host.poll_timeout();
            assert!(next.is_none_or(|next| next > host.now), "seed {seed}: {at} comes again at once");
        }
        host.transcript.lines.clear();
        if matches!(host.phase, Phase::Closed) {
            return;
        }
    }
}

#[test]
fn nothing_panics_runs_back_or_spins() {
    for seed in 0..4_000 {
        run(seed);
    }
}
