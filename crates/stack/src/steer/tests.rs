use super::*;
use crate::keys::Keys;
use crate::{Config, IfaceId, InterfaceConfig, ListenConfig, Secrets, StackConfig};
use alloc::vec;
use alloc::vec::Vec;
use limpid_event::Silent;
use limpid_wire::icmpv4::Unreachable;
use limpid_wire::{Chunk, Cidr, IpHeader, MacAddr};

const SHARDS: u16 = 4;
const ETHERNET: Medium = Medium::Ethernet(MacAddr([2, 0, 0, 0, 0, 1]));

fn steering() -> Steering {
    Steering::new(Keys::new(&Secrets { seed: [5; 32] }).steering, SHARDS)
}

fn end(last: u8, port: u16) -> Endpoint {
    Endpoint::new(IpAddr::v4([10, 0, 0, last]), port)
}

fn packet(src: IpAddr, dst: IpAddr, protocol: IpProtocol, payload: &[u8]) -> Vec<u8> {
    let header = IpHeader::new(src, dst, protocol);
    let mut packet = vec![0; header.header_len()];
    header.emit(payload.len(), &mut packet);
    packet.extend_from_slice(payload);
    packet
}

fn segment(from: Endpoint, to: Endpoint) -> Vec<u8> {
    let mut tcp = vec![0; 40];
    tcp[..2].copy_from_slice(&from.port.to_be_bytes());
    tcp[2..4].copy_from_slice(&to.port.to_be_bytes());
    tcp[12] = 0x50;
    packet(from.addr, to.addr, IpProtocol::TCP, &tcp)
}

fn place(medium: Medium, bytes: &[u8]) -> Place {
    let whole = steering().place(medium, &RxFrame::new(Chunk::from_vec(bytes.to_vec())), 3);
    // Wherever the frame is in pieces, the answer is the same.
    for at in [14, 20, 40, 60].into_iter().filter(|at| *at < bytes.len()) {
        let (head, rest) = bytes.split_at(at);
        let frame = RxFrame { payload: rest.into(), ..RxFrame::new(Chunk::from_vec(head.to_vec())) };
        assert_eq!(steering().place(medium, &frame, 3), whole, "cut at {at}");
    }
    whole
}

#[test]
fn both_ways_lead_to_the_same_shard_and_connections_are_spread_evenly() {
    let mut count = [0; SHARDS as usize];
    for port in 0..4000 {
        let (one, other) = (end(1, port), end(2, 443));
        let owner = steering().owner(one, other);
        assert_eq!(steering().owner(other, one), owner);
        assert_eq!(place(Medium::Ip, &segment(one, other)), Place::Shard(owner));
        assert_eq!(place(Medium::Ip, &segment(other, one)), Place::Shard(owner));
        count[usize::from(owner)] += 1;
    }
    assert!(count.iter().all(|n| (900..1100).contains(n)), "{count:?}");
}

#[test]
fn an_error_goes_where_the_quoted_connection_is() {
    for port in 0..50 {
        let (ours, theirs) = (end(1, 40_000 + port), end(2, 443));
        let owner = Place::Shard(steering().owner(ours, theirs));
        let quote = &segment(ours, theirs)[..28];
        let mut message = vec![0; 8 + quote.len()];
        Icmpv4Message::Unreachable(Unreachable::Port).emit(quote, &mut message);
        let error = packet(end(9, 0).addr, ours.addr, IpProtocol::ICMP, &message);
        assert_eq!(place(Medium::Ip, &error), owner);

        let v6 = |last| IpAddr::from(core::net::Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, last));
        let (ours, theirs) = (Endpoint::new(v6(1), ours.port), Endpoint::new(v6(2), 443));
        let quote = segment(ours, theirs);
        let mut message = vec![0; 8 + quote.len()];
        Icmpv6Message::PacketTooBig { mtu: 1280 }.emit(&quote, v6(9), ours.addr, &mut message);
        let error = packet(v6(9), ours.addr, IpProtocol::ICMPV6, &message);
        assert_eq!(place(Medium::Ip, &error), Place::Shard(steering().owner(ours, theirs)));
    }
}

#[test]
fn what_is_for_the_host_goes_to_the_first_and_neighbours_are_for_all() {
    let (a, b) = (end(1, 0).addr, end(2, 0).addr);
    let mut echo = vec![0; 16];
    Icmpv4Message::EchoRequest { id: 1, seq: 1 }.emit(&[0; 8], &mut echo);
    assert_eq!(place(Medium::Ip, &packet(a, b, IpProtocol::ICMP, &echo)), Place::Shard(0));
    assert_eq!(place(Medium::Ip, &packet(a, b, IpProtocol::UDP, &[0; 8])), Place::Shard(0));
    let mut arp = vec![0xff; 42];
    arp[12..14].copy_from_slice(&[8, 6]);
    assert_eq!(place(ETHERNET, &arp), Place::Every);
    let mut framed = vec![2; 14];
    framed[12..].copy_from_slice(&[8, 0]);
    framed.extend(segment(end(1, 5), end(2, 6)));
    assert_eq!(place(ETHERNET, &framed), Place::Shard(steering().owner(end(1, 5), end(2, 6))));
}

#[test]
fn what_makes_no_sense_stays_where_it_came() {
    for bytes in [&[][..], &[0x45], &[0; 60], &[0xff; 60], &segment(end(1, 5), end(2, 6))[..22]] {
        assert_eq!(steering().place(Medium::Ip, &RxFrame::new(Chunk::from_vec(bytes.to_vec())), 3), Place::Shard(3));
        assert_eq!(steering().place(ETHERNET, &RxFrame::new(Chunk::from_vec(bytes.to_vec())), 3), Place::Shard(3));
    }
    let alone = Steering { shards: 1, ..steering() };
    assert_eq!(alone.place(Medium::Ip, &RxFrame::new(Chunk::from_vec(vec![0; 9])), 0), Place::Shard(0));
}

fn shard_of_host(shard: u16) -> (Stack<Silent>, IfaceId) {
    let config = StackConfig { shard, shards: SHARDS, tcp: Config::default().into(), ..StackConfig::default() };
    let mut stack = Stack::new(config, Secrets { seed: [5; 32] }, Silent);
    let link =
        InterfaceConfig { name: "link".into(), medium: Medium::Ip, mtu: 1500, gso_max: 0, tx_checksum_offload: false };
    let iface = stack.add_interface(link).unwrap();
    stack.add_address(iface, Cidr::new(end(1, 0).addr, 24).unwrap()).unwrap();
    (stack, iface)
}

#[test]
fn a_connect_stays_in_its_shard_or_is_refused() {
    let now = Instant::ZERO;
    for shard in 0..SHARDS {
        let (mut stack, _) = shard_of_host(shard);
        for _ in 0..50 {
            let socket = stack.connect(now, None, end(2, 443), None).unwrap();
            let local = stack.local_endpoint(socket).unwrap();
            assert_eq!(stack.steering().owner(local, end(2, 443)), shard);
        }
        for port in 1000..1020 {
            let local = Endpoint::new(IpAddr::UNSPECIFIED_V4, port);
            let owner = stack.owner_of(now, local, end(2, 443)).unwrap();
            let opened = stack.connect(now, Some(local), end(2, 443), None);
            assert_eq!(opened.err(), (owner != shard).then_some(Error::AddressNotAvailable));
        }
    }
}

#[test]
fn a_packet_in_pieces_is_handed_to_its_shard() {
    let now = Instant::ZERO;
    let service = end(1, 80);
    let mut stacks: Vec<_> = (0..SHARDS).map(shard_of_host).collect();
    for (stack, _) in &mut stacks {
        stack.listen(now, ListenConfig::new(service, 16)).unwrap();
    }
    let mut syn = segment(end(2, 4321), service);
    (syn[20 + 13], syn[20 + 12]) = (2, 0xa0);
    let sum = limpid_wire::Checksum::pseudo_header(end(2, 0).addr, service.addr, IpProtocol::TCP, 40);
    let mut sum = sum;
    sum.add(&syn[20..]);
    let sum = sum.finish();
    syn[36..38].copy_from_slice(&sum.to_be_bytes());
    let owner = steering().owner(end(2, 4321), service);
    let keeper = steering().of_addresses(end(2, 0).addr, service.addr);
    assert_ne!(owner, keeper, "another port makes a better test");
    for (range, offset, more) in [(20..36, 0, 0x2000), (36..60, 2, 0)] {
        let mut fragment = packet(end(2, 0).addr, service.addr, IpProtocol::TCP, &syn[range]);
        fragment[6..8].copy_from_slice(&(offset | more as u16).to_be_bytes());
        fragment[10..12].copy_from_slice(&[0, 0]);
        let sum = limpid_wire::Checksum::of(&fragment[..20]).finish();
        fragment[10..12].copy_from_slice(&sum.to_be_bytes());
        assert_eq!(place(Medium::Ip, &fragment), Place::Shard(keeper));
        let (stack, iface) = &mut stacks[usize::from(keeper)];
        assert!(stack.poll_handover().is_none());
        stack.handle_frame(now, *iface, RxFrame::new(Chunk::from_vec(fragment)));
    }
    let (to, parcel) = stacks[usize::from(keeper)].0.poll_handover().unwrap();
    assert_eq!(to, owner);
    let (stack, iface) = &mut stacks[usize::from(owner)];
    stack.handle_parcel(now, parcel);
    let mut batch = crate::TxBatch::with_capacity(4);
    stack.poll_transmit(now, *iface, &mut batch);
    assert_eq!(batch.frames()[0].head[20 + 13], 0x12, "a SYN-ACK");
}
