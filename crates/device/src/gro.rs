//! Merging on receipt at a device's edge: wire segments that follow one another become one super-segment.
//!
//! It undoes what [`gso`](crate::gso) does, and only that: cutting the merged frame again gives the same packets. So what is merged
//! agrees in everything but length, sequence number, checksums and IPv4 identification (RFC 6864 asks no more of atomic packets): each
//! is as long as the first, and only the last may be shorter, have PSH or FIN. CWR, which is a bit of a counter where AccECN is
//! spoken (RFC 9768 §3.2.2), agrees like any other flag, and so does the mark of congestion (CE). Network cards call it large
//! receive offload, Linux GRO.

use crate::gso::{GSO_MAX, addresses, link_header_len, put16};
use limpid_stack::{Medium, RxChecksum, RxFrame};
use limpid_wire::{Chunk, Chunks, FramePool, IpProtocol, checksum, ipv4};

/// Connections whose segments may come interleaved in one batch.
const RUNS: usize = 8;

/// Flags that keep a segment out of every run: SYN, RST, URG.
const ALONE: u8 = 0x02 | 0x04 | 0x20;
/// Flags after which a run ends: FIN, PSH.
const LAST: u8 = 0x01 | 0x08;
const ACK: u8 = 0x10;

/// Merges what arrived in batches; keeps the room that it needs.
#[derive(Debug, Default)]
pub struct Gro {
    runs: Vec<Run>,
    /// For each frame of the batch: the next of its run, and where its payload lies.
    links: Vec<Link>,
}

/// Segments of a connection, each of which continues the one before.
#[derive(Debug)]
struct Run {
    first: usize,
    last: usize,
    count: usize,
    /// Payload bytes of every segment but the last.
    size: usize,
    payload: usize,
    /// The sequence number that comes next.
    next_seq: u32,
    open: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Link {
    next: usize,
    /// Where the payload begins.
    data: usize,
    /// It went into a frame before.
    merged: bool,
}

/// Where a plain TCP segment's parts lie.
struct Parts {
    ip: usize,
    tcp: usize,
    data: usize,
    payload: usize,
}

impl Gro {
    /// Checks the TCP checksums of `frames[from..]` unless the device has, and merges what can be merged. The order of what is left
    /// is that of each connection's segments.
    pub fn merge(&mut self, frames: &mut Vec<RxFrame>, from: usize, medium: Medium, pool: &mut FramePool) {
        self.links.clear();
        self.runs.clear();
        for at in from..frames.len() {
            self.links.push(Link::default());
            let Some(parts) = Parts::of(&frames[at], medium) else {
                // Whosever it is: nothing that comes after it may go before it.
                self.runs.iter_mut().for_each(|run| run.open = false);
                continue;
            };
            parts.trim(&mut frames[at]);
            if frames[at].checksum == RxChecksum::Unverified {
                if !parts.is_intact(&frames[at]) {
                    continue;
                }
                frames[at].checksum = RxChecksum::Verified;
            }
            self.place(frames, from, at - from, &parts);
        }
        let mut merged = false;
        for run in self.runs.drain(..).filter(|run| run.count > 1) {
            join(&run, &mut self.links, &mut frames[from..], medium, pool);
            merged = true;
        }
        if merged {
            let mut at = 0;
            frames.retain(|_| {
                at += 1;
                at <= from || !self.links[at - 1 - from].merged
            });
        }
    }

    /// Puts a frame into a run, or begins one with it.
    fn place(&mut self, frames: &[RxFrame], from: usize, at: usize, parts: &Parts) {
        let frame = &frames[from + at];
        self.links[at].data = parts.data;
        let tcp = &frame.bytes[parts.tcp..parts.data];
        let (flags, seq) = (tcp[13], seq_of(tcp));
        let fits = flags & (ALONE | ACK) == ACK && parts.payload > 0 && frame.gso_size == 0;
        for run in &mut self.runs {
            let first = &frames[from + run.first];
            if !is_same_connection(&first.bytes, &frame.bytes, parts) {
                continue;
            }
            let continues = run.open
                && fits
                && seq == run.next_seq
                && parts.payload <= run.size
                && run.payload + parts.payload <= GSO_MAX as usize
                && first.checksum == frame.checksum
                && is_alike(&first.bytes, &frame.bytes, parts);
            if !continues {
                run.open = false;
                continue;
            }
            self.links[run.last].next = at;
            run.last = at;
            run.count += 1;
            run.payload += parts.payload;
            run.next_seq = seq.wrapping_add(parts.payload as u32);
            run.open = parts.payload == run.size && flags & LAST == 0;
            return;
        }
        if fits && flags & LAST == 0 {
            let next_seq = seq.wrapping_add(parts.payload as u32);
            let (size, payload) = (parts.payload, parts.payload);
            self.begin(Run { first: at, last: at, count: 1, size, payload, next_seq, open: true });
        }
    }

    /// Keeps a run if there is room, or one that has come to nothing.
    fn begin(&mut self, run: Run) {
        let alone = |open: bool| move |run: &Run| run.count == 1 && run.open == open;
        let free = self.runs.iter().position(alone(false));
        match free.or_else(|| if self.runs.len() < RUNS { None } else { self.runs.iter().position(alone(true)) }) {
            Some(at) => self.runs[at] = run,
            None if self.runs.len() < RUNS => self.runs.push(run),
            None => {}
        }
    }
}

impl Parts {
    /// `None` unless it is an IP packet without options, no fragment, with TCP's header whole in one piece.
    fn of(frame: &RxFrame, medium: Medium) -> Option<Parts> {
        let ip = link_header_len(medium);
        let head = &frame.bytes[..];
        if let Medium::Ethernet(_) = medium
            && !matches!(head.get(12..14)?, [0x08, 0x00] | [0x86, 0xdd])
        {
            return None;
        }
        let (tcp, length) = match *head.get(ip)? {
            0x45 => {
                let fixed = head.get(ip..ip + 20)?;
                let is_plain = fixed[9] == IpProtocol::TCP.0 && fixed[6] & 0xbf == 0 && fixed[7] == 0;
                if !is_plain || !ipv4::checksum_is_valid(fixed) {
                    return None;
                }
                (ip + 20, usize::from(u16::from_be_bytes([fixed[2], fixed[3]])))
            }
            first if first >> 4 == 6 => {
                let fixed = head.get(ip..ip + 40)?;
                if fixed[6] != IpProtocol::TCP.0 {
                    return None;
                }
                (ip + 40, 40 + usize::from(u16::from_be_bytes([fixed[4], fixed[5]])))
            }
            _ => return None,
        };
        let header = usize::from(*head.get(tcp + 12)? >> 4) * 4;
        let data = tcp + header;
        let end = ip + length;
        let whole = header >= 20 && data <= end && head.len() >= data && frame.len() >= end;
        whole.then(|| Parts { ip, tcp, data, payload: end - data })
    }

    /// Takes off what the link has filled a short packet up with.
    fn trim(&self, frame: &mut RxFrame) {
        let end = self.data + self.payload;
        frame.payload.truncate(end.saturating_sub(frame.bytes.len()));
        frame.bytes.truncate(end);
    }

    /// Whether the checksums are right.
    fn is_intact(&self, frame: &RxFrame) -> bool {
        let head = &frame.bytes[self.ip..];
        let (source, destination) = addresses(head, head[0] >> 4 == 4);
        checksum::verify_parts(source, destination, IpProtocol::TCP, &frame.bytes[self.tcp..], &frame.payload)
    }
}

fn seq_of(tcp: &[u8]) -> u32 {
    u32::from_be_bytes([tcp[4], tcp[5], tcp[6], tcp[7]])
}

/// Whether both frames have the same `N` bytes at `at`.
#[inline]
fn same<const N: usize>(first: &[u8], second: &[u8], at: usize) -> bool {
    let bytes = |frame: &[u8]| frame.get(at..).and_then(|rest| rest.first_chunk::<N>().copied());
    bytes(first) == bytes(second)
}

/// Whether both are of one connection, one way: addresses and ports.
fn is_same_connection(first: &[u8], frame: &[u8], at: &Parts) -> bool {
    let (ip, tcp) = (at.ip, at.tcp);
    let addresses = || if tcp - ip == 20 { same::<8>(first, frame, ip + 12) } else { same::<32>(first, frame, ip + 8) };
    same::<4>(first, frame, tcp) && first[ip] >> 4 == frame[ip] >> 4 && addresses()
}

/// Whether everything else agrees that must: see the module.
fn is_alike(first: &[u8], frame: &[u8], at: &Parts) -> bool {
    let Parts { ip, tcp, data, .. } = *at;
    // IPv4's length, identification and checksum differ; IPv6's length.
    let network = if tcp - ip == 20 {
        same::<2>(first, frame, ip) && same::<4>(first, frame, ip + 6)
    } else {
        same::<4>(first, frame, ip) && same::<2>(first, frame, ip + 6)
    };
    // Between sequence number and checksum all but the flags; then the urgent pointer, and the options.
    let flags = |frame: &[u8]| frame[tcp + 13] & !LAST;
    network
        && first[..ip] == frame[..ip]
        && same::<5>(first, frame, tcp + 8)
        && flags(first) == flags(frame)
        && same::<2>(first, frame, tcp + 14)
        && same::<2>(first, frame, tcp + 18)
        && match data - tcp {
            20 => true,
            // Timestamps, as most segments have them.
            32 => same::<12>(first, frame, tcp + 20),
            _ => first.get(tcp + 20..data) == frame.get(tcp + 20..data),
        }
}

/// Makes the first frame of a run that of all. Payload is shared where a list takes all of it, and else copied once.
fn join(run: &Run, links: &mut [Link], frames: &mut [RxFrame], medium: Medium, pool: &mut FramePool) {
    let (ip, data) = (link_header_len(medium), links[run.first].data);
    let is_v4 = frames[run.first].bytes[ip] >> 4 == 4;
    let tcp = ip + if is_v4 { 20 } else { 40 };
    let mut head = pool.alloc(data);
    let written = head.extend_from_slice(&frames[run.first].bytes[..data]);
    debug_assert_eq!(written, data, "there is room for the headers");
    let last = &frames[run.last].bytes;
    let flags = last[tcp + 13] & LAST;
    let bytes = head.as_mut_slice();
    let length = data - ip + run.payload;
    if is_v4 {
        put16(bytes, ip + 2, length as u16);
        put16(bytes, ip + 10, 0);
        let sum = limpid_wire::Checksum::of(&bytes[ip..ip + 20]).finish();
        put16(bytes, ip + 10, sum);
    } else {
        put16(bytes, ip + 4, (length - 40) as u16);
    }
    bytes[tcp + 13] |= flags;
    let (mut payload, mut copy) = (Chunks::new(), None);
    let mut at = run.first;
    loop {
        let (frame, link) = (&mut frames[at], links[at]);
        if frame.bytes.len() > link.data {
            let own = frame.bytes.slice(link.data..frame.bytes.len());
            add(&mut payload, &mut copy, own, run.payload, pool);
        }
        for chunk in core::mem::take(&mut frame.payload) {
            add(&mut payload, &mut copy, chunk, run.payload, pool);
        }
        if at == run.last {
            break;
        }
        at = link.next;
        links[at].merged = true;
    }
    let whole = match copy {
        Some(frame) => frame.freeze(pool).into(),
        None => payload,
    };
    debug_assert_eq!(whole.len(), run.payload);
    let first = &mut frames[run.first];
    first.bytes = head.freeze(pool);
    first.payload = whole;
    first.gso_size = run.size as u16;
}

/// Adds a chunk to the list; where that is full, to a copy of what was in it.
fn add(
    payload: &mut Chunks,
    copy: &mut Option<limpid_wire::FrameMut>,
    chunk: Chunk,
    total: usize,
    pool: &mut FramePool,
) {
    let chunk = match copy {
        Some(_) => chunk,
        None => match payload.push(chunk) {
            Ok(()) => return,
            Err(chunk) => chunk,
        },
    };
    let frame = copy.get_or_insert_with(|| {
        let mut frame = pool.alloc(total);
        payload.iter().for_each(|chunk| _ = frame.extend_from_slice(chunk));
        frame
    });
    let written = frame.extend_from_slice(&chunk);
    debug_assert_eq!(written, chunk.len(), "there is room for all of it");
}

#[cfg(test)]
mod tests;
