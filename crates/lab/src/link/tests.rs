use super::*;
use crate::testing::{A, A6, B, B6, from, outgoing, packet};
use limpid_scope::trace::{Arrival, Trace, View};
use limpid_wire::{IpAddr, IpPacket, IpProtocol, TcpFlags, checksum, ipv4};

const MS: Duration = Duration::from_millis(1);

fn ms(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

struct Bench {
    link: Link,
    recorder: Recorder,
}

impl Bench {
    fn new(seed: u64, conditions: Conditions) -> Bench {
        let recorder = Recorder::new(0);
        let a = recorder.add_host("a", vec![A], View::Inside);
        let b = recorder.add_host("b", vec![B], View::Inside);
        let mut link = Link::new(&mut Rng::new(seed), &recorder, (a, b), 0);
        link.conditions(conditions);
        Bench { link, recorder }
    }

    fn with_plan(plan: Plan) -> Bench {
        let mut bench = Bench::new(1, Conditions::delay(10 * MS));
        bench.link.from(End::A).plan(plan);
        bench
    }

    /// Sends `n` packets, one a millisecond, numbered by their sequence numbers.
    fn send(&mut self, n: u32) {
        for i in 0..n {
            self.link.send(ms(i.into()), End::A, outgoing(i));
        }
    }

    /// Everything that arrives at B: when, and which.
    fn arrivals(&mut self) -> Vec<(u64, u32)> {
        let mut arrivals = Vec::new();
        while let Some(at) = self.link.from(End::A).next_arrival() {
            let bytes = self.link.arrive(at, End::B).expect("due");
            let seq = Glimpse::new(at, &bytes).tcp.map_or(u32::MAX, |tcp| tcp.seq.0);
            arrivals.push((at.as_millis(), seq));
        }
        arrivals
    }

    fn trace(&self) -> Trace {
        self.recorder.trace(Instant::ZERO)
    }
}

#[test]
fn a_perfect_link_takes_its_delay() {
    let mut bench = Bench::new(1, Conditions::delay(10 * MS));
    bench.send(3);
    assert_eq!(bench.link.arrive(ms(9), End::B), None);
    assert_eq!(bench.arrivals(), [(10, 0), (11, 1), (12, 2)]);
    assert!(bench.link.is_idle());
    let fates: Vec<_> = bench.trace().packets.iter().map(|p| p.arrival).collect();
    assert_eq!(fates, [Arrival::At(ms(10)), Arrival::At(ms(11)), Arrival::At(ms(12))]);
}

#[test]
fn jitter_stretches_but_keeps_the_order() {
    let mut bench = Bench::new(1, Conditions { jitter: 50 * MS, ..Conditions::delay(10 * MS) });
    bench.send(200);
    let arrivals = bench.arrivals();
    assert!(arrivals.is_sorted());
    assert!(arrivals.iter().enumerate().all(|(i, (at, seq))| *seq == i as u32 && *at >= i as u64 + 10));
    assert!(arrivals.iter().any(|(at, seq)| *at > u64::from(*seq) + 30));
}

#[test]
fn loss_has_its_probability_and_the_seed_decides_which() {
    let run = |seed| {
        let mut bench = Bench::new(seed, Conditions { loss: 0.2, ..Conditions::default() });
        bench.send(1000);
        (bench.link.from(End::A).tally().lost, bench.arrivals())
    };
    let (lost, arrivals) = run(1);
    assert!((150..250).contains(&lost), "{lost}");
    assert_eq!(arrivals.len() as u64, 1000 - lost);
    assert_eq!(run(1), (lost, arrivals.clone()));
    assert_ne!(run(2).1, arrivals);
}

#[test]
fn a_reordered_packet_is_overtaken() {
    let mut bench = Bench::new(1, Conditions { reorder: 0.1, reorder_by: 5 * MS, ..Conditions::default() });
    bench.send(200);
    let arrivals = bench.arrivals();
    let overtaken = arrivals.windows(2).filter(|w| w[0].1 > w[1].1).count();
    assert!((5..40).contains(&overtaken), "{overtaken}");
    // Each is held for a time of its own.
    let held: Vec<u64> = arrivals.iter().map(|(at, seq)| at - u64::from(*seq)).filter(|held| *held > 0).collect();
    assert!(held.iter().all(|held| *held <= 5) && (1..5).all(|ms| held.contains(&ms)), "{held:?}");
    assert_eq!(arrivals.len(), 200);
}

#[test]
fn a_duplicate_arrives_twice_and_is_told() {
    let mut bench = Bench::new(1, Conditions { duplicate: 1.0, ..Conditions::default() });
    bench.send(1);
    assert_eq!(bench.arrivals(), [(0, 0), (0, 0)]);
    let trace = bench.trace();
    assert_eq!(trace.packets.len(), 2);
    assert_eq!(trace.notes[0].what, What::Event(Event::Link { fate: LinkFate::Duplicated }));
}

#[test]
fn a_flipped_bit_is_always_caught_by_a_checksum() {
    for (addresses, seeds) in [((A, B), 0..300), ((A6, B6), 300..600)] {
        for seed in seeds {
            let mut bench = Bench::new(seed, Conditions { corrupt: 1.0, ..Conditions::default() });
            let intact = packet(addresses, TcpFlags::ACK, 1, b"some data");
            bench.link.send(ms(0), End::A, from(intact.clone()));
            let bytes = bench.link.arrive(ms(0), End::B).expect("it arrives");
            let flipped: u32 = intact.iter().zip(&bytes).map(|(a, b)| (a ^ b).count_ones()).sum();
            assert_eq!(flipped, 1);
            assert!(!is_good(&bytes), "seed {seed}");
            assert!(matches!(bench.trace().packets[0].arrival, Arrival::Lost { fate: LinkFate::Corrupted, .. }));
        }
    }
}

#[test]
fn what_no_checksum_covers_is_not_corrupted() {
    let recorder = Recorder::new(0);
    let mut link = Link::new(&mut Rng::new(1), &recorder, (0, 1), 14);
    link.conditions(Conditions { corrupt: 1.0, ..Conditions::default() });
    // An ARP request: after the Ethernet header, hardware type 1.
    let mut arp = vec![0xff; 12];
    arp.extend([0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1]);
    arp.extend([0; 20]);
    link.send(ms(0), End::A, from(arp.clone()));
    assert_eq!(link.arrive(ms(0), End::B), Some(arp));
    assert_eq!(link.from(End::A).tally().corrupted, 0);
}

/// Whether a host would take this for an intact TCP segment to 10.0.0.2 or fd00::2.
fn is_good(bytes: &[u8]) -> bool {
    let Ok(packet) = IpPacket::parse(bytes) else { return false };
    packet.protocol == IpProtocol::TCP
        && packet.fragment.is_none()
        && [B, B6].contains(&packet.dst)
        && (!packet.dst.is_v4() || ipv4::checksum_is_valid(bytes))
        && checksum::verify(packet.src, packet.dst, packet.protocol, &bytes[packet.payload])
}

#[test]
fn a_rate_spaces_packets_and_its_queue_is_bounded() {
    // 50 bytes at 400 kbit/s take a millisecond.
    let mut bench = Bench::new(1, Conditions { rate: Some(400_000), queue: 2, ..Conditions::default() });
    for i in 0..5 {
        bench.link.send(ms(0), End::A, outgoing(i));
    }
    bench.link.send(ms(2), End::A, outgoing(9));
    assert_eq!(bench.arrivals(), [(1, 0), (2, 1), (3, 2), (4, 9)]);
    assert_eq!(bench.link.from(End::A).tally().queue_full, 2);
    assert!(matches!(bench.trace().packets[3].arrival, Arrival::Lost { fate: LinkFate::QueueFull, .. }));
}

#[test]
fn a_queue_may_be_bounded_by_bytes() {
    // 50 bytes at 400 kbit/s take a millisecond. One leaves, two wait; a third does not fit.
    let mut bench = Bench::new(1, Conditions { rate: Some(400_000), queue_bytes: Some(120), ..Conditions::default() });
    for i in 0..5 {
        bench.link.send(ms(0), End::A, outgoing(i));
    }
    assert_eq!(bench.arrivals(), [(1, 0), (2, 1), (3, 2)]);
    // However small the bound is, what finds the link free leaves.
    let mut bench = Bench::new(1, Conditions { rate: Some(400_000), queue_bytes: Some(0), ..Conditions::default() });
    bench.send(3);
    assert_eq!(bench.arrivals(), [(1, 0), (2, 1), (3, 2)]);
}

#[test]
fn bursts_have_their_share_and_length() {
    let bursts = Bursts::of(0.05, 4.0);
    let mut bench = Bench::new(1, Conditions { bursts: Some(bursts), ..Conditions::default() });
    bench.send(40_000);
    let arrived: Vec<u32> = bench.arrivals().into_iter().map(|(_, seq)| seq).collect();
    let lost = 40_000 - arrived.len();
    assert!((1_700..2_300).contains(&lost), "{lost}");
    let bursts = arrived.windows(2).filter(|pair| pair[1] != pair[0] + 1).count();
    let length = lost as f64 / bursts as f64;
    assert!((3.5..4.5).contains(&length), "{length}");
}

#[test]
fn listed_segments_are_lost_and_only_those() {
    let mut bench = Bench::new(1, Conditions::default());
    bench.link.from(End::A).lose([2..=2, 4..=5]);
    for i in 0..6 {
        // Pure ACKs do not count.
        bench.link.send(ms(i), End::A, from(packet((A, B), TcpFlags::ACK, 100 + i as u32, b"")));
        bench.link.send(ms(i), End::A, outgoing(i as u32));
    }
    let data: Vec<u32> = bench.arrivals().into_iter().map(|(_, seq)| seq).filter(|seq| *seq < 100).collect();
    assert_eq!(data, [0, 2, 5]);
}

#[test]
fn the_fate_of_a_segment_depends_on_its_number_alone() {
    let conditions = Conditions { loss: 0.3, bursts: Some(Bursts::of(0.1, 3.0)), ..Conditions::default() };
    let run = |acks: u32| {
        let mut bench = Bench::new(7, Conditions { jitter: acks * MS, ..conditions });
        for i in 0..100 {
            for _ in 0..acks {
                bench.link.send(ms(i.into()), End::A, from(packet((A, B), TcpFlags::ACK, 1000, b"")));
            }
            bench.link.send(ms(i.into()), End::A, outgoing(i));
        }
        bench.arrivals().into_iter().map(|(_, seq)| seq).filter(|seq| *seq < 1000).collect::<Vec<_>>()
    };
    assert_eq!(run(0), run(3));
    assert!((40..90).contains(&run(0).len()));
}

#[test]
fn a_plan_picks_its_packet() {
    let mut bench = Bench::with_plan(plan::lose_nth_data(2));
    bench.send(3);
    assert_eq!(bench.arrivals(), [(10, 0), (12, 2)]);
    assert_eq!(bench.trace().packets[1].arrival, Arrival::Lost { at: ms(6), fate: LinkFate::Lost });

    let mut bench = Bench::with_plan(plan::nth(1, |_| true, Verdict::Hold(5 * MS)));
    bench.send(3);
    assert_eq!(bench.arrivals(), [(11, 1), (12, 2), (15, 0)]);

    let mut bench = Bench::with_plan(plan::nth(1, |_| true, Verdict::Copy(5 * MS)));
    bench.send(2);
    assert_eq!(bench.arrivals(), [(10, 0), (11, 1), (15, 0)]);

    let mut bench = Bench::with_plan(plan::lose_from(ms(2)));
    bench.send(4);
    assert_eq!(bench.arrivals(), [(10, 0), (11, 1)]);

    let mut bench = Bench::with_plan(plan::lose_all());
    bench.send(4);
    assert_eq!(bench.arrivals(), []);
}

#[test]
fn a_router_answers_what_it_rejects() {
    for (addresses, router, protocol, code) in [
        ((A, B), IpAddr::v4([10, 0, 0, 254]), IpProtocol::ICMP, [3, 1]),
        ((A6, B6), IpAddr::v6([0xfd; 16]), IpProtocol::ICMPV6, [1, 3]),
    ] {
        let mut bench = Bench::with_plan(plan::reject_all(Unreachable::Host));
        bench.link.from(End::B).conditions = Conditions::delay(10 * MS);
        let index = bench.recorder.add_host("router", vec![router], View::Inside);
        bench.link.router(router, index);
        let syn = packet(addresses, TcpFlags::SYN, 7, b"");
        bench.link.send(ms(0), End::A, from(syn.clone()));
        assert_eq!(bench.link.next_arrival(), Some(ms(10)));
        let error = bench.link.arrive(ms(10), End::A).expect("an answer");
        let ip = IpPacket::parse(&error).expect("a packet");
        assert_eq!((ip.src, ip.dst, ip.protocol), (router, addresses.0, protocol));
        let message = &error[ip.payload];
        assert_eq!(message[..2], code);
        assert_eq!(&message[8..], &syn, "it quotes the packet");
        let good = match protocol {
            IpProtocol::ICMP => limpid_wire::Checksum::of(message).is_valid(),
            _ => checksum::verify(ip.src, ip.dst, protocol, message),
        };
        assert!(good);
        let trace = bench.trace();
        assert_eq!((trace.packets[1].from, trace.packets[1].to), (2, 0));
    }
}
