//! Packets that filters ask about, on every link layer.

use crate::packets::*;
use limpid_scope::capture::LinkType;

/// A packet as it was captured.
#[derive(Clone, Debug)]
pub(crate) struct Captured {
    pub(crate) data: Vec<u8>,
    pub(crate) original_len: u32,
}

pub(crate) const PORTS: [u16; 8] = [22, 80, 443, 53, 6379, 40000, 8080, 100];

/// So many packets: a third as they should be, a third with changed bytes, a third cut.
pub(crate) fn packets(link_type: LinkType, random: &mut Random, count: usize) -> Vec<Captured> {
    (0..count)
        .map(|number| {
            let mut data = frame(link_type, random);
            let original_len = data.len() as u32 + if random.below(8) == 0 { 1000 } else { 0 };
            match number % 3 {
                1 => {
                    for _ in 0..=random.below(3) {
                        let at = random.below(data.len().min(60));
                        data[at] = random.next() as u8;
                    }
                }
                2 => data.truncate(1 + random.below(data.len())),
                _ => {}
            }
            Captured { data, original_len }
        })
        .collect()
}

fn frame(link_type: LinkType, random: &mut Random) -> Vec<u8> {
    let (ethertype, payload) = match random.below(10) {
        0..5 => (0x0800, ip4(random)),
        5..8 => (0x86dd, ip6(random)),
        8 => (0x0806, arp(1, [0; 6], (address4(random), address4(random)))),
        _ => (*random.one_of(&[0x8035, 0x88cc, 0x8847, 0x0042, 0x05dc]), ip4(random)),
    };
    match link_type {
        LinkType::ETHERNET => {
            let (ethertype, payload) = match random.below(6) {
                0 => tagged(random, ethertype, &payload),
                1 if random.below(2) == 0 => {
                    let (ethertype, payload) = tagged(random, ethertype, &payload);
                    tagged(random, ethertype, &payload)
                }
                _ => (ethertype, payload),
            };
            let mut frame = ethernet(ethertype, &payload);
            match random.below(6) {
                0 => frame[..6].fill(0xff),
                1 => frame[..6].copy_from_slice(&[1, 0, 0x5e, 0, 0, 1]),
                _ => {}
            }
            frame
        }
        LinkType::LINUX_SLL => cooked(random.below(5) as u16, ethertype, 6, &payload),
        LinkType::LINUX_SLL2 => cooked2(random.below(5) as u8, ethertype, random.below(3) as u32, &payload),
        LinkType::NULL => {
            let family: u32 = match ethertype {
                0x0800 => 2,
                0x86dd => *random.one_of(&[24, 28, 30]),
                other => other.into(),
            };
            // What is written on this machine and read on this machine.
            [&family.to_le_bytes()[..], &payload].concat()
        }
        LinkType::LOOP => {
            let family: u32 = if ethertype == 0x0800 { 2 } else { *random.one_of(&[24, 28, 30]) };
            [&family.to_be_bytes()[..], &payload].concat()
        }
        LinkType(9) => {
            let protocol: u16 = match ethertype {
                0x0800 => 0x21,
                0x86dd => 0x57,
                other => other,
            };
            [&[0xff, 3][..], &protocol.to_be_bytes(), &payload].concat()
        }
        _ => payload,
    }
}

fn tagged(random: &mut Random, ethertype: u16, payload: &[u8]) -> (u16, Vec<u8>) {
    let id = *random.one_of(&[5_u16, 6, 100, 0x2005]);
    let tag = *random.one_of(&[0x8100, 0x88a8, 0x9100]);
    (tag, [&id.to_be_bytes()[..], &ethertype.to_be_bytes(), payload].concat())
}

pub(crate) fn address4(random: &mut Random) -> [u8; 4] {
    *random.one_of(&[[10, 0, 0, 1], [10, 0, 0, 2], [10, 1, 2, 3], [192, 168, 1, 9], [224, 0, 0, 1], [127, 0, 0, 1]])
}

pub(crate) fn address6(random: &mut Random) -> [u8; 16] {
    let last = random.below(3) as u8 + 1;
    let mut address = [0; 16];
    address[15] = last;
    match random.below(4) {
        0 => address[..2].copy_from_slice(&[0xfe, 0x80]),
        1 => address[..4].copy_from_slice(&[0x20, 1, 0x0d, 0xb8]),
        2 => address[..2].copy_from_slice(&[0xff, 2]),
        _ => {}
    }
    address
}

fn ports(random: &mut Random) -> (u16, u16) {
    (*random.one_of(&PORTS), *random.one_of(&PORTS))
}

fn tcp(random: &mut Random) -> Tcp {
    let options = [&[][..], &[2, 4, 5, 180], &[1, 1, 8, 10, 0, 0, 1, 0, 0, 0, 2, 0]];
    Tcp {
        ports: ports(random),
        flags: *random.one_of(&[2, 0x12, 0x10, 0x18, 0x11, 4, 0x14, 0xc2]),
        options: random.one_of(&options).to_vec(),
        payload: b"GET / HTTP/1.1\r\n"[..random.below(17)].to_vec(),
        ..Tcp::default()
    }
}

fn ip4(random: &mut Random) -> Vec<u8> {
    let ip = Ip4 {
        src: address4(random),
        dst: address4(random),
        tos: *random.one_of(&[0, 2, 0x10]),
        fragment: *random.one_of(&[0x4000, 0x4000, 0x4000, 0x2000, 0x2003, 7]),
        options: if random.below(6) == 0 { vec![1, 1, 1, 0] } else { Vec::new() },
        ..Ip4::default()
    };
    match random.below(8) {
        0 => ip.icmp(*random.one_of(&[0, 3, 8, 11]), 1, &[1, 2, 3, 4, 5]),
        1 | 2 => {
            let ports = ports(random);
            ip.udp(ports, &[1, 2, 3], None, None)
        }
        3 => {
            let (a, b) = ports(random);
            let protocol = *random.one_of(&[132, 2, 50, 51, 103, 112, 9, 47]);
            Ip4 { protocol, ..ip }.bytes(&[&a.to_be_bytes()[..], &b.to_be_bytes(), &[0; 12]].concat())
        }
        _ => ip.tcp(&tcp(random)),
    }
}

fn ip6(random: &mut Random) -> Vec<u8> {
    let ip = Ip6 { src: address6(random), dst: address6(random), ..Ip6::default() };
    match random.below(6) {
        0 => ip.icmp(*random.one_of(&[128, 129, 135]), 0, &[0; 20]),
        1 => {
            let inner = udp(ports(random), &[1, 2, 3, 4], None);
            Ip6 { next: *random.one_of(&[17, 132, 51]), ..ip }.bytes(&inner)
        }
        2 => {
            let segment = tcp(random);
            Ip6 { next: 44, ..ip }.tcp(&[6, 0, 0, random.below(2) as u8, 0, 0, 0, 9], &segment)
        }
        _ => ip.tcp(&[], &tcp(random)),
    }
}
