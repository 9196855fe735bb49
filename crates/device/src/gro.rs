//! Merging on receipt at a device's edge: wire segments that follow one another become one super-segment.
//!
//! It undoes what [`gso`](crate::gso) does, and only that: cutting the merged frame again gives the same packets. So what is merged
//! agrees in everything but length, sequence number, checksums and IPv4 identification (RFC 6864 asks no more of atomic packets): each
//! is as long as the first, and only the last may be shorter, have PSH or FIN. CWR, which is a bit of a counter where AccECN is
//! spoken (RFC 9768 §3.2.2), agrees like any other flag, and so does the mark of congestion (CE). Network cards call it large
//! receive offload, Linux GRO.

use crate::gso::{GSO_MAX, link_header_len, pseudo_header, put16};
use limpid_stack::{Medium, RxChecksum, RxFrame};
use limpid_wire::{Checksum, Chunk, Chunks, FrameMut, FramePool, IpProtocol, Part, Parts as PayloadParts, ipv4};

/// Connections whose segments may come interleaved in one batch.
const RUNS: usize = 8;

/// Flags that keep a segment out of every run: SYN, RST, URG.
const ALONE: u8 = 0x02 | 0x04 | 0x20;
/// Flags after which a run ends: FIN, PSH.
const LAST: u8 = 0x01 | 0x08;
const ACK: u8 = 0x10;

/// Merges what arrives on one device, batch by batch; keeps the room that it needs.
///
/// Frames [arrive](Self::arrive) one after the other and stand in the list that they are put in, in the order of each connection's
/// segments; after the last of a batch the list must be [finished](Self::finish) before anybody reads it.
#[derive(Debug)]
pub struct Gro {
    medium: Medium,
    runs: Vec<Run>,
    /// Payload for which there was no room in the lists of the runs' first frames, each with its run. All of such a run is copied once.
    more: Vec<(usize, Chunk)>,
    /// The frames of a batch while they arrive; empty between.
    arrived: Vec<RxFrame>,
}

/// Segments of a connection, each of which continues the one before.
#[derive(Debug)]
struct Run {
    /// Where its first segment stands, which takes the payload of all.
    at: usize,
    parts: Parts,
    count: usize,
    /// Payload bytes of all; of every segment but the last, `parts` has them.
    payload: usize,
    /// The sequence number that comes next.
    next_seq: u32,
    /// FIN and PSH of the last.
    flags: u8,
    open: bool,
    /// Not all of its payload is in the list of its first frame.
    spilled: bool,
}

/// Where a plain TCP segment's parts lie.
#[derive(Clone, Copy, Debug)]
struct Parts {
    ip: usize,
    tcp: usize,
    data: usize,
    payload: usize,
}

impl Gro {
    /// For a device of this medium.
    pub const fn new(medium: Medium) -> Gro {
        Gro { medium, runs: Vec::new(), more: Vec::new(), arrived: Vec::new() }
    }

    /// A batch in one step: merges what can be merged of `frames[from..]`.
    pub fn merge(&mut self, frames: &mut Vec<RxFrame>, from: usize, pool: &mut FramePool) {
        let mut arrived = core::mem::take(&mut self.arrived);
        arrived.extend(frames.drain(from..));
        arrived.drain(..).for_each(|frame| self.arrive(frame, frames));
        self.arrived = arrived;
        self.finish(frames, pool);
    }

    /// A frame arrives: its payload goes into a frame of `frames` that it continues, or it is put behind them. Its TCP checksum is checked unless the
    /// device has.
    #[inline]
    pub fn arrive(&mut self, mut frame: RxFrame, frames: &mut Vec<RxFrame>) {
        let Some(parts) = Parts::of(&frame.bytes, frame.len(), self.medium) else {
            // Whosever it is: nothing that comes after it may go before it.
            self.runs.iter_mut().for_each(|run| run.open = false);
            return frames.push(frame);
        };
        parts.trim(&mut frame);
        if frame.checksum == RxChecksum::Unverified {
            if !parts.is_intact(&frame.bytes, frame.payload.iter().map(Chunk::as_slice)) {
                return frames.push(frame);
            }
            frame.checksum = RxChecksum::Verified;
        }
        let Some(run) = self.place(&frame.bytes, parts, frame.checksum, frame.gso_size, frames) else {
            return frames.push(frame);
        };
        if frame.bytes.len() > parts.data {
            let length = frame.bytes.len();
            self.add(run, frame.bytes.into_slice(parts.data..length), frames);
        }
        frame.payload.into_iter().for_each(|chunk| self.add(run, chunk, frames));
    }

    /// The same of a packet that is only lent: `head` has all of its headers and none of its data, and nothing of it was checked. What continues a
    /// run takes no frame and, as long as its payload lies behind the run's, no share in one.
    #[inline]
    pub fn arrive_in_parts(
        &mut self,
        head: &[u8],
        payload: PayloadParts<'_>,
        frames: &mut Vec<RxFrame>,
        pool: &mut FramePool,
    ) {
        let plain = Parts::of(head, head.len() + payload.byte_len(), self.medium)
            .filter(|parts| parts.data == head.len() && parts.payload == payload.byte_len())
            .filter(|parts| parts.is_intact(head, payload.clone().map(Part::as_slice)));
        let run = plain.map(|parts| self.place(head, parts, RxChecksum::Verified, 0, frames));
        if let Some(Some(run)) = run {
            let list = &mut frames[self.runs[run].at].payload;
            for part in payload {
                let part = if self.runs[run].spilled { Err(part) } else { list.push_part(part) };
                if let Err(part) = part {
                    self.runs[run].spilled = true;
                    self.more.push((run, part.to_chunk()));
                }
            }
            return;
        }
        let mut frame = RxFrame::new(pool.copy(head));
        for part in payload {
            frame.payload.push_part(part).expect("a packet has no more chunks than a list");
        }
        match run {
            Some(_) => frames.push(RxFrame { checksum: RxChecksum::Verified, ..frame }),
            None => self.arrive(frame, frames),
        }
    }

    /// The batch is whole: makes the headers of what was merged.
    pub fn finish(&mut self, frames: &mut [RxFrame], pool: &mut FramePool) {
        let mut more = self.more.drain(..).peekable();
        if more.peek().is_some() {
            // In the order of runs, and of each run's segments.
            let mut copies: [Option<FrameMut>; RUNS] = Default::default();
            for (at, chunk) in more {
                let run = &self.runs[at];
                let copy = copies[at].get_or_insert_with(|| {
                    let mut copy = pool.alloc(run.payload);
                    frames[run.at].payload.iter().for_each(|chunk| append(&mut copy, chunk));
                    copy
                });
                append(copy, &chunk);
            }
            for (run, copy) in self.runs.iter().zip(copies) {
                if let Some(copy) = copy {
                    frames[run.at].payload = copy.freeze(pool).into();
                }
            }
        }
        for run in self.runs.drain(..).filter(|run| run.count > 1) {
            let first = &mut frames[run.at];
            debug_assert_eq!(first.payload.len(), run.payload);
            first.bytes = run.head(&first.bytes, self.medium, pool);
            first.gso_size = run.parts.payload as u16;
        }
    }

    /// The run that a segment continues, or `None`: then it will stand behind `frames`, and perhaps begins one.
    #[inline]
    fn place(
        &mut self,
        head: &[u8],
        parts: Parts,
        checksum: RxChecksum,
        gso_size: u16,
        frames: &mut [RxFrame],
    ) -> Option<usize> {
        let tcp = &head[parts.tcp..parts.data];
        let (flags, seq) = (tcp[13], seq_of(tcp));
        let fits = flags & (ALONE | ACK) == ACK && parts.payload > 0 && gso_size == 0;
        let next_seq = seq.wrapping_add(parts.payload as u32);
        for (at, run) in self.runs.iter_mut().enumerate() {
            let first = &mut frames[run.at];
            if !is_same_connection(&first.bytes, head, &parts) {
                continue;
            }
            let continues = run.open
                && fits
                && seq == run.next_seq
                && parts.payload <= run.parts.payload
                && run.payload + parts.payload <= GSO_MAX as usize
                && first.checksum == checksum
                && is_alike(&first.bytes, head, &parts);
            if !continues {
                run.open = false;
                continue;
            }
            let second = run.count == 1;
            run.count += 1;
            run.payload += parts.payload;
            run.next_seq = next_seq;
            run.flags = flags & LAST;
            run.open = parts.payload == run.parts.payload && flags & LAST == 0;
            if second && first.bytes.len() > run.parts.data {
                let rest = spread(first, run.parts.data);
                rest.into_iter().for_each(|chunk| self.add(at, chunk, frames));
            }
            return Some(at);
        }
        if fits && flags & LAST == 0 {
            let at = frames.len();
            let payload = parts.payload;
            self.begin(Run { at, parts, count: 1, payload, next_seq, flags: 0, open: true, spilled: false });
        }
        None
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

    /// Adds payload to that of a run.
    fn add(&mut self, run: usize, chunk: Chunk, frames: &mut [RxFrame]) {
        let Run { at, spilled, .. } = &mut self.runs[run];
        let chunk = if *spilled { Err(chunk) } else { frames[*at].payload.push(chunk) };
        if let Err(chunk) = chunk {
            *spilled = true;
            self.more.push((run, chunk));
        }
    }
}

/// Makes the data that lies behind the headers, which end at `data`, the payload; returns what that was.
fn spread(first: &mut RxFrame, data: usize) -> Chunks {
    let length = first.bytes.len();
    let own = first.bytes.slice(data..length);
    first.bytes.truncate(data);
    core::mem::replace(&mut first.payload, own.into())
}

fn append(frame: &mut FrameMut, chunk: &Chunk) {
    let written = frame.extend_from_slice(chunk);
    debug_assert_eq!(written, chunk.len(), "there is room for all of it");
}

impl Run {
    /// The headers of all, made of the first segment's.
    fn head(&self, first: &[u8], medium: Medium, pool: &mut FramePool) -> Chunk {
        let Parts { tcp, data, .. } = self.parts;
        let ip = link_header_len(medium);
        let mut head = pool.alloc(data);
        let written = head.extend_from_slice(&first[..data]);
        debug_assert_eq!(written, data, "there is room for the headers");
        let bytes = head.as_mut_slice();
        let length = data - ip + self.payload;
        if tcp - ip == 20 {
            put16(bytes, ip + 2, length as u16);
            put16(bytes, ip + 10, 0);
            let sum = Checksum::of(&bytes[ip..tcp]).finish();
            put16(bytes, ip + 10, sum);
        } else {
            put16(bytes, ip + 4, (length - 40) as u16);
        }
        bytes[tcp + 13] |= self.flags;
        head.freeze(pool)
    }
}

impl Parts {
    /// `None` unless it is an IP packet without options, no fragment, with TCP's header whole in `head`, and all of its `len` bytes there.
    #[inline]
    fn of(head: &[u8], len: usize, medium: Medium) -> Option<Parts> {
        let ip = link_header_len(medium);
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
        let whole = header >= 20 && data <= end && head.len() >= data && len >= end;
        whole.then(|| Parts { ip, tcp, data, payload: end - data })
    }

    /// Takes off what the link has filled a short packet up with.
    fn trim(&self, frame: &mut RxFrame) {
        let end = self.data + self.payload;
        frame.payload.truncate(end.saturating_sub(frame.bytes.len()));
        frame.bytes.truncate(end);
    }

    /// Whether the TCP checksum is right.
    #[inline]
    fn is_intact<'a>(&self, head: &[u8], payload: impl Iterator<Item = &'a [u8]>) -> bool {
        let end = head.len().min(self.data + self.payload);
        let mut sum = pseudo_header(&head[self.ip..], self.data - self.tcp + self.payload);
        sum.add(&head[self.tcp..end]);
        payload.for_each(|bytes| sum.add(bytes));
        sum.is_valid()
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

#[cfg(test)]
mod tests;
