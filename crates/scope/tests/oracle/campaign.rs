//! Captures of conversations, as hosts write them and then damaged: bits flipped, cut, lengths changed, put into every
//! kind of frame, printed with every set of flags. `LIMPID_ORACLE_ROUNDS` says how many captures (of 400 packets each); a
//! few, always the same, where it says nothing.

use super::packets::*;
use super::run::compare;
use limpid_scope::capture::LinkType;

const PACKETS: usize = 400;
const FLAGS: [&str; 14] = [
    "-n",
    "-n -S",
    "-n -v",
    "-n -vv",
    "-n -vv -S",
    "-n -vvv -e",
    "-n -e",
    "-n -e -q",
    "-n -q -t",
    "-n -K -v -tt",
    "-n -ttt -e -S",
    "-n -tttt -v",
    "-n -ttttt -vv -e",
    "-n --nano -q -v",
];

/// Ports that tcpdump decodes nothing of.
fn port(random: &mut Random) -> u16 {
    let port = 40_000 + random.below(40) as u16;
    // Ports below 1024 have decoders, as have some above; these have none.
    [port, 5001, 5201, 65_535][random.below(4)]
}

/// What of a segment's options is right: what a host may send, or anything at all.
fn options(random: &mut Random) -> Vec<u8> {
    let mut options = Vec::new();
    if random.below(6) == 0 {
        let count = random.below(41);
        let mut bytes = random.bytes(count);
        if random.below(2) == 0 {
            bytes.iter_mut().for_each(|byte| *byte %= 36);
        }
        return bytes;
    }
    let number = |random: &mut Random| random.bytes(4);
    for _ in 0..random.below(5) {
        let option = match random.below(12) {
            0 => vec![2, 4, 5, 180],
            1 => vec![3, 3, random.below(20) as u8],
            2 => vec![4, 2],
            3 => [vec![1, 1, 8, 10], random.bytes(8)].concat(),
            4 => {
                let blocks = 1 + random.below(4);
                [vec![5, 2 + 8 * blocks as u8], random.bytes(8 * blocks)].concat()
            }
            5 => [vec![34, 2 + 8], random.bytes(8)].concat(),
            6 => [vec![254, 4 + 4, 0xf9, 0x89], number(random)].concat(),
            7 => [vec![30, 12, (random.below(16) as u8) << 4 | 1, random.next() as u8], random.bytes(8)].concat(),
            8 => [vec![19, 18], random.bytes(16)].concat(),
            9 => [vec![29, 12], random.bytes(10)].concat(),
            10 => vec![random.next() as u8, random.below(12) as u8, 0, 0],
            _ => vec![random.below(2) as u8],
        };
        options.extend(option);
    }
    options.truncate(40);
    options
}

fn segment(random: &mut Random) -> Tcp {
    let flags = *random.one_of(&[0x02, 0x12, 0x10, 0x10, 0x10, 0x18, 0x18, 0x11, 0x19, 0x04, 0x14, 0x50, 0xc2, 0x30]);
    let flags = if random.below(12) == 0 { random.next() as u8 } else { flags };
    let size = [0, 0, 1, 5, 100][random.below(5)];
    Tcp {
        ports: (port(random), port(random)),
        seq: random.next() as u32,
        ack: random.next() as u32,
        flags,
        options: options(random),
        payload: random.bytes(size),
        urgent: random.below(3) as u16,
        offset: (random.below(25) == 0).then(|| random.below(16) as u8),
        ..Tcp::default()
    }
}

/// Extension headers of IPv6, and what the first of them is.
fn extensions(random: &mut Random) -> (u8, Vec<u8>) {
    let mut kinds: Vec<u8> = Vec::new();
    if random.below(2) == 0 {
        kinds.push(0);
    }
    for _ in 0..random.below(3) {
        kinds.push(*random.one_of(&[60, 43, 44, 0]));
    }
    let mut bytes = Vec::new();
    for (i, &kind) in kinds.iter().enumerate() {
        let next = kinds.get(i + 1).copied().unwrap_or(6);
        match kind {
            44 => {
                let offset = if random.below(3) == 0 { 0x10u16 } else { 0 } | random.below(2) as u16;
                bytes.extend([next, 0]);
                bytes.extend(offset.to_be_bytes());
                bytes.extend(random.bytes(4));
            }
            43 => {
                bytes.extend([next, 2, *random.one_of(&[0, 2, 4, 9]), random.below(3) as u8]);
                bytes.extend([0; 4]);
                bytes.extend(random.bytes(16));
            }
            _ => bytes.extend([next, 0, 1, 4, 0, 0, 0, 0]),
        }
    }
    (kinds.first().copied().unwrap_or(6), bytes)
}

/// An IP packet of one of a few hosts.
fn ip(random: &mut Random) -> Vec<u8> {
    let tcp = segment(random);
    let hosts = [random.below(3) as u8, random.below(3) as u8];
    if random.below(3) == 0 {
        let address = |host: u8| [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host];
        let mut six = Ip6 { src: address(hosts[0]), dst: address(hosts[1]), ..Ip6::default() };
        six.flow = random.below(3) as u32;
        six.class = *random.one_of(&[0, 0, 2, 0xff]);
        if random.below(12) == 0 {
            six.payload = Some(*random.one_of(&[0, 1, 19, 20, 40, 2000]));
        }
        let (next, headers) = if random.below(3) == 0 { extensions(random) } else { (6, Vec::new()) };
        six.next = next;
        return six.tcp(&headers, &tcp);
    }
    let mut four = Ip4 { src: [10, 0, 0, hosts[0]], dst: [10, 0, 0, hosts[1]], ..Ip4::default() };
    four.id = random.next() as u16;
    four.tos = *random.one_of(&[0, 0, 0x10, 3, 0xff]);
    four.ttl = *random.one_of(&[64, 1, 0, 255]);
    four.fragment = *random.one_of(&[0x4000, 0x4000, 0, 0x2000, 0x2001, 5, 0x8000]);
    four.bad_checksum = random.below(8) == 0;
    if random.below(10) == 0 {
        // Senders that leave cutting to the device are captured with a length of 0.
        four.total = Some(*random.one_of(&[0, 0, 1, 19, 20, 39, 40, 60, 2000]));
    }
    if random.below(8) == 0 {
        four.options = match random.below(4) {
            0 => vec![148, 4, 0, 0],
            1 => vec![7, 11, 8, 10, 0, 0, 9, 0, 0, 0, 0],
            2 => vec![131, 7, 4, 10, 0, 0, 8],
            _ => random.bytes(8),
        };
    }
    four.tcp(&tcp)
}

/// The frame of a link type.
fn framed(link_type: LinkType, packet: &[u8], random: &mut Random) -> Vec<u8> {
    let six = packet[0] >> 4 == 6;
    let ethertype: u16 = if six { 0x86dd } else { 0x0800 };
    let ppp: u8 = if six { 0x57 } else { 0x21 };
    let tagged = |tags: &[u16]| {
        let mut rest = packet.to_vec();
        let mut kind = ethertype;
        for &tag in tags {
            rest = [&5u16.to_be_bytes()[..], &kind.to_be_bytes(), &rest].concat();
            kind = tag;
        }
        (kind, rest)
    };
    match link_type {
        LinkType::ETHERNET => match random.below(8) {
            0 => {
                let (kind, rest) = tagged(&[0x8100]);
                ethernet(kind, &rest)
            }
            1 => {
                let (kind, rest) = tagged(&[0x8100, 0x88a8]);
                ethernet(kind, &rest)
            }
            2 => {
                let session = [&[0x11, 0, 0, 7][..], &(packet.len() as u16 + 2).to_be_bytes(), &[0, ppp], packet];
                ethernet(0x8864, &session.concat())
            }
            3 => ethernet(0x8847, &[&[0, 6, 0x41, 64][..], packet].concat()),
            4 => ethernet(ethertype, &[packet, &[0; 6]].concat()),
            _ => ethernet(ethertype, packet),
        },
        LinkType::LINUX_SLL | LinkType::LINUX_SLL2 => {
            let (kind, rest) = if random.below(6) == 0 { tagged(&[0x8100]) } else { tagged(&[]) };
            let to = random.below(5) as u8;
            match link_type {
                LinkType::LINUX_SLL => cooked(to.into(), kind, 6, &rest),
                _ => cooked2(to, kind, 1, &rest),
            }
        }
        LinkType::NULL => [&(if six { 30u32 } else { 2 }).to_le_bytes()[..], packet].concat(),
        LinkType::LOOP => [&(if six { 24u32 } else { 2 }).to_be_bytes()[..], packet].concat(),
        LinkType::PPP if random.below(2) == 0 => [&[0, ppp][..], packet].concat(),
        LinkType::PPP | LinkType::PPP_HDLC => [&[0xff, 3, 0, ppp][..], packet].concat(),
        _ => packet.to_vec(),
    }
}

/// Bits flipped behind the frame's header, and cut.
fn damaged(mut frame: Vec<u8>, header: usize, random: &mut Random) -> Packet {
    if random.below(3) == 0 {
        for _ in 0..=random.below(3) {
            let at = header + random.below(frame.len() - header);
            // Ports, and what says which protocol it is, decide which decoder there is.
            if !chooses(&frame[header..], at - header) {
                frame[at] ^= 1 << random.below(8);
            }
        }
    }
    let whole = frame.len();
    let kept = if random.below(6) == 0 { 1 + random.below(whole) } else { whole };
    let mut packet = cut(&frame, kept);
    packet.time += random.below(3_000_000_000) as i64;
    packet
}

/// Whether the byte at `at` chooses what is decoded: the protocol, or a port.
fn chooses(ip: &[u8], at: usize) -> bool {
    match ip[0] >> 4 {
        4 => {
            let header = usize::from(ip[0] & 15) * 4;
            at == 0 || at == 9 || (header..header + 4).contains(&at)
        }
        // Extension headers are followed, so that none of what comes after may change what they lead to.
        _ => at == 6 || (40..ip.len().saturating_sub(20).max(44)).contains(&at),
    }
}

/// Where to go on: `LIMPID_ORACLE_FIRST`.
fn first_round() -> usize {
    std::env::var("LIMPID_ORACLE_FIRST").ok().and_then(|round| round.parse().ok()).unwrap_or(0)
}

#[test]
fn conversations_in_every_kind_of_frame() {
    let rounds = std::env::var("LIMPID_ORACLE_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(12);
    let links = [
        LinkType::ETHERNET,
        LinkType::RAW,
        LinkType::LINUX_SLL2,
        LinkType::ETHERNET,
        LinkType::LINUX_SLL,
        LinkType::NULL,
        LinkType::LOOP,
        LinkType::PPP,
        LinkType::PPP_HDLC,
        LinkType::IPV4,
    ];
    for round in first_round()..first_round() + rounds {
        let mut random = Random::new(5000 + round as u64);
        let link_type = links[round % links.len()];
        let packets: Vec<Packet> = (0..PACKETS)
            .map(|_| {
                let packet = ip(&mut random);
                let frame = framed(link_type, &packet, &mut random);
                // Ethernet's padding comes after.
                let header = frame.len().saturating_sub(packet.len() + 6).max(if frame.ends_with(&packet) {
                    frame.len() - packet.len()
                } else {
                    0
                });
                damaged(frame, header, &mut random)
            })
            .collect();
        let flags = [FLAGS[round % FLAGS.len()], FLAGS[(round * 5 + 3) % FLAGS.len()]];
        compare(&format!("round {round}, {link_type:?}"), link_type, &packets, &flags);
    }
}
