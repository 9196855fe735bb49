//! Captures to measure with: connections that shake hands, ask, answer, lose, repair and close, as a capture at the client
//! sees them. Two runs with the same seed are the same, byte for byte.

use std::collections::{BinaryHeap, VecDeque};
use std::io::{self, Write};

/// What a capture is to hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Packets in all.
    pub(crate) packets: u64,
    /// Connections.
    pub(crate) connections: u64,
    /// Bytes kept of each packet.
    pub(crate) snaplen: usize,
    pub(crate) seed: u64,
}

/// When a capture begins: seconds since 1970.
const BEGAN: u64 = 1_700_000_000;
/// Bytes of a full segment, with timestamps, in an Ethernet frame.
const SEGMENT: u32 = 1448;
/// Segments of a connection's last exchange: it closes within them.
const CLOSING: u64 = 4;

const FIN: u8 = 1;
const SYN: u8 = 2;
const PSH: u8 = 8;
const ACK: u8 = 16;

/// Numbers by chance (splitmix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn within(&mut self, from: u64, to: u64) -> u64 {
        from + self.next() % (to - from)
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.next().is_multiple_of(n)
    }
}

/// A segment that is due.
struct Due {
    micros: u64,
    from_server: bool,
    flags: u8,
    seq: u32,
    ack: u32,
    len: u32,
    sack: Option<(u32, u32)>,
}

/// A connection.
struct Talk {
    chance: Chance,
    ports: (u16, u16),
    hosts: ([u8; 4], [u8; 4]),
    /// Next sequence number of client and server.
    next: [u32; 2],
    ids: [u16; 2],
    /// A round trip in microseconds.
    rtt: u64,
    /// What may still be sent.
    left: u64,
    now: u64,
    due: VecDeque<Due>,
}

impl Talk {
    fn new(plan: &Plan, index: u64) -> Talk {
        let mut chance = Chance(plan.seed ^ index.wrapping_mul(0xd6e8_feb8_6659_fd93));
        let rtt = chance.within(2_000, 60_000);
        let isn = [chance.next() as u32, chance.next() as u32];
        let extra = u64::from(index < plan.packets % plan.connections);
        let mut talk = Talk {
            ports: (20_000 + (index % 40_000) as u16, [443, 80, 6379, 5432][(index % 4) as usize]),
            hosts: ([10, 0, (index / 200 % 250) as u8, (index % 200) as u8 + 1], [192, 0, 2, (index % 50) as u8 + 1]),
            next: isn.map(|isn| isn.wrapping_add(1)),
            ids: [chance.next() as u16, chance.next() as u16],
            rtt,
            left: plan.packets / plan.connections + extra,
            now: chance.within(0, 20_000_000),
            due: VecDeque::new(),
            chance,
        };
        talk.open(isn);
        talk
    }

    fn push(&mut self, after: u64, from_server: bool, flags: u8, seq: u32, len: u32) {
        self.now += after;
        let ack = if flags & ACK != 0 { self.next[usize::from(!from_server)] } else { 0 };
        self.due.push_back(Due { micros: self.now, from_server, flags, seq, ack, len, sack: None });
        self.left = self.left.saturating_sub(1);
    }

    /// New data.
    fn send(&mut self, after: u64, from_server: bool, flags: u8, len: u32) {
        let seq = self.next[usize::from(from_server)];
        self.push(after, from_server, flags, seq, len);
        let taken = len + u32::from(flags & FIN != 0);
        self.next[usize::from(from_server)] = seq.wrapping_add(taken);
    }

    fn acknowledge(&mut self, ack: u32, sack: Option<(u32, u32)>) {
        self.push(30, false, ACK, self.next[0], 0);
        if let Some(last) = self.due.back_mut() {
            (last.ack, last.sack) = (ack, sack);
        }
    }

    fn open(&mut self, isn: [u32; 2]) {
        self.push(0, false, SYN, isn[0], 0);
        self.push(self.rtt, true, SYN | ACK, isn[1], 0);
        self.push(40, false, ACK, self.next[0], 0);
    }

    /// A question and its answer.
    fn exchange(&mut self) {
        let think = self.chance.within(500, 150_000);
        let question = self.chance.within(60, 1_200) as u32;
        self.send(think, false, PSH | ACK, question);
        if self.chance.one_in(300) {
            // It is lost behind the vantage point.
            let seq = self.next[0].wrapping_sub(question);
            self.push(self.rtt + 200_000, false, PSH | ACK, seq, question);
        }
        let room = self.left.saturating_sub(CLOSING) * 2 / 3;
        let segments = self.chance.within(1, 24).min(room.max(1));
        let lost = self.chance.one_in(25).then(|| self.chance.within(0, segments));
        let mut hole = None;
        for n in 0..segments {
            let after = if n == 0 { self.rtt } else { 120 };
            let last = n + 1 == segments;
            let len = if last { self.chance.within(1, u64::from(SEGMENT)) as u32 } else { SEGMENT };
            let flags = if last { PSH | ACK } else { ACK };
            let seq = self.next[1];
            if lost == Some(n) && !last {
                hole = Some((seq, len));
                self.next[1] = seq.wrapping_add(len);
                self.now += after;
                continue;
            }
            self.send(after, true, flags, len);
            match hole {
                Some((start, len)) => self.acknowledge(start, Some((start.wrapping_add(len), self.next[1]))),
                None if n % 2 == 1 || last => self.acknowledge(self.next[1], None),
                None => {}
            }
        }
        if let Some((seq, len)) = hole {
            self.push(self.rtt, true, ACK, seq, len);
            self.acknowledge(self.next[1], None);
        }
    }

    fn close(&mut self) {
        self.send(1_000, false, FIN | ACK, 0);
        self.send(self.rtt, true, FIN | ACK, 0);
        self.push(30, false, ACK, self.next[0], 0);
        self.left = 0;
    }

    fn refill(&mut self) {
        match self.left {
            0 => {}
            1..=CLOSING => self.close(),
            _ => self.exchange(),
        }
    }
}

/// Writes the capture as a classic pcap file with microseconds.
pub(crate) fn write(plan: &Plan, output: &mut impl Write) -> io::Result<u64> {
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 262_144, 1] {
        output.write_all(&word.to_le_bytes())?;
    }
    let mut talks: Vec<Talk> = (0..plan.connections).map(|index| Talk::new(plan, index)).collect();
    let turn = |talk: &Talk, index: usize| talk.due.front().map(|due| std::cmp::Reverse((due.micros, index)));
    let mut turns: BinaryHeap<_> = talks.iter().enumerate().filter_map(|(index, talk)| turn(talk, index)).collect();
    let mut frame = Vec::new();
    let mut count = 0;
    while let Some(std::cmp::Reverse((_, index))) = turns.pop() {
        let talk = &mut talks[index];
        if let Some(due) = talk.due.pop_front() {
            build(talk, &due, &mut frame);
            let kept = frame.len().min(plan.snaplen);
            let words = [BEGAN + due.micros / 1_000_000, due.micros % 1_000_000, kept as u64, frame.len() as u64];
            for word in words {
                output.write_all(&(word as u32).to_le_bytes())?;
            }
            output.write_all(&frame[..kept])?;
            count += 1;
        }
        if talk.due.is_empty() {
            talk.refill();
        }
        turns.extend(turn(talk, index));
    }
    Ok(count)
}

/// An Ethernet frame of it.
fn build(talk: &mut Talk, due: &Due, frame: &mut Vec<u8>) {
    let side = usize::from(due.from_server);
    let (mut src, mut dst) = ((talk.hosts.0, talk.ports.0), (talk.hosts.1, talk.ports.1));
    if due.from_server {
        (src, dst) = (dst, src);
    }
    talk.ids[side] = talk.ids[side].wrapping_add(1);
    let clock = [7_000_u32, 90_000_000][side].wrapping_add((due.micros / 1_000) as u32);
    let echo =
        if due.flags == SYN { 0 } else { [90_000_000_u32, 7_000][side].wrapping_add((due.micros / 1_000) as u32) };
    let mut options = Vec::with_capacity(40);
    if due.flags & SYN != 0 {
        options.extend([2, 4, 5, 180, 4, 2]);
    } else {
        options.extend([1, 1]);
    }
    options.extend([8, 10]);
    options.extend(clock.to_be_bytes());
    options.extend(echo.to_be_bytes());
    if due.flags & SYN != 0 {
        options.extend([1, 3, 3, 7]);
    }
    if let Some((left, right)) = due.sack {
        options.extend([1, 1, 5, 10]);
        options.extend(left.to_be_bytes());
        options.extend(right.to_be_bytes());
    }
    let total = 40 + options.len() + due.len as usize;
    let mut ip = [0; 20];
    ip[0] = 0x45;
    ip[2..4].copy_from_slice(&(total as u16).to_be_bytes());
    ip[4..6].copy_from_slice(&talk.ids[side].to_be_bytes());
    (ip[6], ip[8], ip[9]) = (0x40, if due.from_server { 57 } else { 64 }, 6);
    ip[12..16].copy_from_slice(&src.0);
    ip[16..20].copy_from_slice(&dst.0);
    let sum: u32 = ip.chunks_exact(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
    ip[10..12].copy_from_slice(&sum.to_be_bytes());
    frame.clear();
    frame.extend([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0]);
    frame.extend(ip);
    frame.extend(src.1.to_be_bytes());
    frame.extend(dst.1.to_be_bytes());
    frame.extend(due.seq.to_be_bytes());
    frame.extend(due.ack.to_be_bytes());
    frame.extend([((20 + options.len()) as u8 / 4) << 4, due.flags]);
    frame.extend(if due.flags & SYN != 0 { 64_240_u16 } else { 501 }.to_be_bytes());
    frame.extend([0; 4]);
    frame.extend(&options);
    frame.resize(frame.len() + due.len as usize, b'.');
}
