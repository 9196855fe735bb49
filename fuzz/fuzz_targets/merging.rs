//! Merging on receipt: cut again, what was merged is what arrived, byte for byte and each connection's segments in their order.
#![no_main]

use libfuzzer_sys::fuzz_target;
use limpid_device::gro::Gro;
use limpid_device::gso::cut;
use limpid_stack::{Medium, RxChecksum, RxFrame, TxChecksum, TxFrame};
use limpid_wire::{Checksum, Chunk, Chunks, FramePool, IpProtocol, MacAddr};

const ETHERNET: Medium = Medium::Ethernet(MacAddr([2, 0, 0, 0, 0, 1]));

/// What decides how frames are made.
struct Choices<'a>(&'a [u8]);

impl Choices<'_> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }
}

/// A connection's sender.
#[derive(Clone)]
struct Sender {
    v6: bool,
    port: u8,
    seq: u32,
    id: u16,
}

fn put16(bytes: &mut [u8], at: usize, value: u16) {
    bytes[at..at + 2].copy_from_slice(&value.to_be_bytes());
}

/// Where TCP begins behind an IP header.
fn tcp_at(packet: &[u8]) -> usize {
    if packet[0] >> 4 == 4 { 20 } else { 40 }
}

/// TCP's checksum over a packet: what it is, or whether it is right if it is there.
fn tcp_sum(packet: &[u8]) -> Checksum {
    let tcp = tcp_at(packet);
    let mut sum = Checksum::of(if tcp == 20 { &packet[12..20] } else { &packet[8..40] });
    sum.add_u16(IpProtocol::TCP.0.into());
    sum.add_u32((packet.len() - tcp) as u32);
    sum.add(&packet[tcp..]);
    sum
}

/// Sums, as far as headers have them, made right.
fn sum(packet: &mut [u8]) {
    let tcp = tcp_at(packet);
    if tcp == 20 {
        put16(packet, 10, 0);
        let sum = Checksum::of(&packet[..20]).finish();
        put16(packet, 10, sum);
    }
    put16(packet, tcp + 16, 0);
    let sum = tcp_sum(packet).finish();
    put16(packet, tcp + 16, sum);
}

impl Sender {
    /// The next packet; `kind` says what is special about it.
    fn packet(&mut self, kind: u8, length: usize) -> Vec<u8> {
        let options = if kind & 1 == 0 { 0 } else { 12 };
        let (ip, tcp) = (if self.v6 { 40 } else { 20 }, 20 + options);
        let mut packet = vec![0; ip + tcp + length];
        let total = packet.len();
        if self.v6 {
            packet[0] = 0x60;
            put16(&mut packet, 4, (total - 40) as u16);
            packet[6..8].copy_from_slice(&[6, 64]);
            packet[8] = 0xfd;
            (packet[23], packet[24], packet[39]) = (1, 0xfd, 2);
        } else {
            packet[0] = 0x45;
            put16(&mut packet, 2, total as u16);
            put16(&mut packet, 4, self.id);
            packet[6..10].copy_from_slice(&[0x40, 0, 64, 6]);
            packet[12..20].copy_from_slice(&[10, 0, 0, 1, 10, 0, 0, 2]);
        }
        put16(&mut packet, ip, 1000 + u16::from(self.port));
        put16(&mut packet, ip + 2, 80);
        packet[ip + 4..ip + 8].copy_from_slice(&self.seq.to_be_bytes());
        packet[ip + 12] = (tcp as u8 / 4) << 4;
        packet[ip + 13] = 0x10;
        put16(&mut packet, ip + 14, 500);
        if options > 0 {
            packet[ip + 20..ip + 24].copy_from_slice(&[1, 1, 8, 10]);
        }
        for (at, byte) in packet[ip + tcp..].iter_mut().enumerate() {
            *byte = (self.seq as usize + at) as u8;
        }
        self.id = self.id.wrapping_add(1);
        self.seq = self.seq.wrapping_add(length as u32);
        packet
    }
}

/// What is compared: without what need not be the same.
fn told(medium: Medium, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let at = if medium == Medium::Ip { 0 } else { 14 };
    if bytes.get(at) == Some(&0x45) && bytes.len() >= at + 20 {
        bytes[at + 4..at + 6].fill(0);
        bytes[at + 10..at + 12].fill(0);
    }
    bytes
}

/// A merged frame cut again.
fn cut_again(frame: &RxFrame, medium: Medium) -> Vec<Vec<u8>> {
    let bytes = frame.contiguous();
    if frame.gso_size == 0 {
        return vec![bytes.to_vec()];
    }
    let at = if medium == Medium::Ip { 0 } else { 14 };
    let tcp = at + tcp_at(&bytes[at..]);
    let data = tcp + usize::from(bytes[tcp + 12] >> 4) * 4;
    let mut whole = TxFrame::stateless();
    whole.head.try_extend_from_slice(&bytes[..data]).unwrap();
    whole.payload = Chunks::from(&bytes[data..]);
    whole.checksum = TxChecksum::Partial { start: tcp as u16, offset: 16 };
    whole.gso_size = frame.gso_size;
    cut(&whole, medium).map(|piece| piece.to_vec()).collect()
}

fuzz_target!(|input: &[u8]| {
    let mut choices = Choices(input);
    let medium = if choices.next().is_some_and(|first| first & 1 == 1) { ETHERNET } else { Medium::Ip };
    let mut senders: Vec<Sender> = (0..12)
        .map(|port| Sender { v6: port % 3 == 2, port, seq: u32::MAX - 700 + u32::from(port), id: 65_530 })
        .collect();
    let (mut gro, mut pool, mut frames) = (Gro::new(medium), FramePool::new(), Vec::new());
    let mut expected: Vec<Vec<u8>> = Vec::new();
    while let (Some(who), Some(kind), Some(length)) = (choices.next(), choices.next(), choices.next()) {
        if expected.len() == 300 {
            break;
        }
        let sender = &mut senders[usize::from(who) % 12];
        // Mostly the same length, so that there is something to merge.
        let length = if length < 200 { 1400 } else { usize::from(length - 200) * 7 };
        let mut packet = sender.packet(kind, length);
        let tcp = tcp_at(&packet);
        if kind & 2 != 0
            && let (Some(at), Some(value)) = (choices.next(), choices.next())
        {
            // Something is different in its headers, but not so that lengths are others.
            let at = usize::from(at) % (tcp + 20);
            let is_length = match tcp {
                20 => at == 0 || at == 2 || at == 3,
                _ => at == 0 || at == 4 || at == 5,
            };
            if !is_length && at != tcp + 12 {
                packet[at] ^= value;
            }
        }
        if kind & 4 != 0 {
            packet[tcp + 13] |= who >> 4;
        }
        sum(&mut packet);
        if kind & 0x18 == 0x18 && kind >> 5 != 5 {
            packet[tcp + 16] ^= 1;
        }
        let mut bytes = Vec::new();
        if medium == ETHERNET {
            bytes.extend([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]);
            bytes.extend(if tcp == 20 { [0x08, 0x00] } else { [0x86, 0xdd] });
        }
        let data = bytes.len() + tcp + usize::from(packet[tcp + 12] >> 4) * 4;
        bytes.append(&mut packet);
        expected.push(told(medium, &bytes));
        match kind >> 5 {
            // Lent, in parts.
            0..3 => {
                let (head, rest) = bytes.split_at(data);
                let payload = Chunks::from(rest);
                gro.arrive_in_parts(head, payload.parts(0..rest.len()), &mut frames, &mut pool);
            }
            // Headers here, payload there.
            3..5 => {
                let (head, rest) = bytes.split_at(data);
                let frame = RxFrame { payload: rest.into(), ..RxFrame::new(Chunk::from_vec(head.to_vec())) };
                gro.arrive(frame, &mut frames);
            }
            5 => {
                let frame = RxFrame { checksum: RxChecksum::Verified, ..RxFrame::new(Chunk::from_vec(bytes)) };
                gro.arrive(frame, &mut frames);
            }
            _ => gro.arrive(RxFrame::new(Chunk::from_vec(bytes)), &mut frames),
        }
    }
    gro.finish(&mut frames, &mut pool);
    let got: Vec<Vec<u8>> =
        frames.iter().flat_map(|frame| cut_again(frame, medium)).map(|b| told(medium, &b)).collect();
    assert_eq!(got.len(), expected.len());
    // Of each connection in its order, known by version, addresses and ports. What is damaged may be overtaken.
    let key = |bytes: &[u8]| {
        let at = if medium == Medium::Ip { 0 } else { 14 };
        let tcp = at + tcp_at(&bytes[at..]);
        let addresses = if tcp - at == 20 { at + 12..at + 20 } else { at + 8..at + 40 };
        (tcp_sum(&bytes[at..]).is_valid(), bytes[addresses].to_vec(), bytes[tcp..tcp + 4].to_vec())
    };
    let sorted = |mut all: Vec<Vec<u8>>| {
        all.sort_by_key(|bytes| key(bytes));
        all
    };
    assert!(sorted(got) == sorted(expected), "other packets");
});
