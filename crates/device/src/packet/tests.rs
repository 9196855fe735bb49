//! Against the real kernel, over a cable in a private network. Where the machine forbids these the tests say so and end, unless
//! LIMPID_REQUIRE_TOOLS=1.

use super::*;
use crate::namespace::Namespace;
use crate::testing::super_segment;
use limpid_stack::{RxChecksum, TxChecksum};
use limpid_wire::TcpFlags;
use rustix::event::{PollFd, Timespec, poll};
use std::collections::HashMap;

const A: MacAddr = MacAddr([2, 0, 0, 0, 0, 0xa]);
const B: MacAddr = MacAddr([2, 0, 0, 0, 0, 0xb]);

/// Runs a test with a cable whose ends are called a and b, on a thread of its own so that a failure leaves nothing entered.
fn with_cable(test: impl FnOnce(&Namespace) + Send + 'static) {
    let run = move || match Namespace::enter() {
        Ok(namespace) => {
            namespace.veth("a", "b").unwrap();
            for end in ["a", "b"] {
                // Linux itself has nothing to say.
                namespace.set_sysctl(&format!("net/ipv6/conf/{end}/disable_ipv6"), "1").unwrap();
                namespace.set_link_up(end, None).unwrap();
            }
            test(&namespace);
        }
        Err(error) if std::env::var_os("LIMPID_REQUIRE_TOOLS").is_some_and(|v| v == "1") => panic!("{error}"),
        Err(error) => eprintln!("skipped: {error}"),
    };
    std::thread::spawn(run).join().unwrap();
}

fn open(interface: &str, ethernet: MacAddr) -> Packet {
    Packet::open(&PacketConfig { ethernet: Some(ethernet), ..PacketConfig::new(interface) }).unwrap()
}

/// A TCP super-segment in Ethernet: `len` bytes, cut every 1000.
fn ethernet(dst: MacAddr, len: usize) -> TxFrame {
    let mut frame = super_segment("10.0.0.1", "10.0.0.2", TcpFlags::ACK, len);
    let packet = std::mem::take(&mut frame.head);
    [&dst.0[..], &A.0, &[8, 0], &packet].iter().for_each(|part| frame.head.extend(part.iter().copied()));
    if let TxChecksum::Partial { start, .. } = &mut frame.checksum {
        *start += 14;
    }
    frame
}

/// Takes `count` frames, and what else is there.
fn receive(packet: &mut Packet, count: usize) -> Vec<RxFrame> {
    let (mut pool, mut frames) = (FramePool::default(), Vec::new());
    while frames.len() < count {
        let patience = Timespec { tv_sec: 5, tv_nsec: 0 };
        let ready = poll(&mut [PollFd::new(&packet.socket, packet.poll_events(false))], Some(&patience)).unwrap();
        assert!(ready > 0, "{} frames of {count}", frames.len());
        packet.recv_batch(&mut pool, &mut frames, 64).unwrap();
    }
    frames
}

#[test]
fn a_super_segment_crosses_whole_and_without_its_checksum() {
    with_cable(|_| {
        let (mut a, mut b) = (open("a", A), open("b", B));
        let sent = ethernet(B, 60_000);
        assert_eq!(a.send_batch(std::slice::from_ref(&sent)).unwrap(), 1);
        let [got] = &receive(&mut b, 1)[..] else { panic!("one frame") };
        assert_eq!((got.gso_size, got.checksum), (1000, RxChecksum::Verified));
        assert!(got.bytes.as_slice() == sent.to_vec());
        assert_eq!((a.refused(), b.refused(), b.dropped().unwrap()), (0, 0, 0));
    });
}

#[test]
fn where_the_device_cuts_none_linux_does_as_we_would() {
    with_cable(|namespace| {
        namespace.set_segmentation("a", false).unwrap();
        let (mut a, mut b) = (open("a", A), open("b", B));
        let sent = ethernet(B, 2500);
        assert_eq!(a.send_batch(std::slice::from_ref(&sent)).unwrap(), 1);
        let medium = Medium::Ethernet(A);
        let expected: Vec<Vec<u8>> = crate::gso::cut(&sent, medium).map(|frame| frame.to_vec()).collect();
        let got = receive(&mut b, 3);
        assert_eq!(got.len(), expected.len());
        for (got, expected) in got.iter().zip(&expected) {
            // A checksum that is left out is not in the bytes.
            let same = |range: std::ops::Range<usize>| got.bytes[range.clone()] == expected[range];
            assert!(got.bytes.len() == expected.len() && same(0..14 + 36) && same(14 + 38..expected.len()));
            assert_eq!(got.gso_size, 0);
        }
    });
}

#[test]
fn more_frames_than_one_call_takes_come_in_order() {
    with_cable(|_| {
        let (mut a, mut b) = (open("a", A), open("b", B));
        let frames: Vec<TxFrame> = (0..50).map(|n| TxFrame { gso_size: 0, ..ethernet(B, 100 + n) }).collect();
        assert_eq!(a.send_batch(&frames).unwrap(), 50);
        let got = receive(&mut b, 50);
        assert!(got.iter().map(|f| f.bytes.as_slice().to_vec()).eq(frames.iter().map(TxFrame::to_vec)));
        // No more is taken than asked for.
        assert_eq!(a.send_batch(&frames).unwrap(), 50);
        receive(&mut b, 1);
    });
}

#[test]
fn a_tag_that_linux_took_out_is_put_back() {
    with_cable(|_| {
        let (mut a, mut b) = (open("a", A), open("b", B));
        let mut tagged = TxFrame { gso_size: 0, checksum: TxChecksum::Complete, ..ethernet(B, 10) };
        let packet: Vec<u8> = tagged.head.drain(12..).collect();
        tagged.head.extend([0x81, 0, 0x20, 0x2a].into_iter().chain(packet));
        a.send_batch(std::slice::from_ref(&tagged)).unwrap();
        let got = receive(&mut b, 1);
        assert_eq!(got[0].bytes.as_slice(), tagged.to_vec());
    });
}

#[test]
fn only_what_is_for_us_or_all_is_taken_and_not_our_own() {
    with_cable(|_| {
        let (mut a, mut b) = (open("a", A), open("b", B));
        let to = |dst| TxFrame { gso_size: 0, ..ethernet(dst, 10) };
        let frames = [to(A), to(MacAddr([2, 0, 0, 0, 0, 0xc])), to(MacAddr::BROADCAST), to(B)];
        assert_eq!(a.send_batch(&frames).unwrap(), 4);
        let got = receive(&mut b, 2);
        let to: Vec<&[u8]> = got.iter().map(|frame| &frame.bytes[..6]).collect();
        assert_eq!(to, [&MacAddr::BROADCAST.0, &B.0]);
        assert_eq!(a.recv_batch(&mut FramePool::default(), &mut Vec::new(), 64).unwrap(), 0);
    });
}

#[test]
fn flows_are_spread_over_queues_and_stay_there() {
    with_cable(|_| {
        let config = PacketConfig { ethernet: Some(B), ..PacketConfig::new("b") };
        let mut queues = Packet::open_queues(&config, 2).unwrap();
        assert!(queues.iter().all(|queue| queue.ethernet() == B));
        let mut a = open("a", A);
        for round in 0..3 {
            for port in 0..64_u16 {
                let mut frame = TxFrame { gso_size: 0, ..ethernet(B, 10 + round) };
                frame.head[34..36].copy_from_slice(&(1000 + port).to_be_bytes());
                a.send_batch(&[frame]).unwrap();
            }
        }
        let mut where_is: HashMap<Vec<u8>, usize> = HashMap::new();
        let (mut pool, mut counts) = (FramePool::default(), [0; 2]);
        for (at, queue) in queues.iter_mut().enumerate() {
            let mut frames = Vec::new();
            while queue.recv_batch(&mut pool, &mut frames, 64).unwrap() > 0 {}
            counts[at] = frames.len();
            for frame in frames {
                let before = where_is.insert(frame.bytes[34..36].to_vec(), at);
                assert!(before.is_none_or(|before| before == at), "a flow moved");
            }
        }
        assert_eq!((counts[0] + counts[1], where_is.len()), (192, 64));
        assert!(counts[0] > 20 && counts[1] > 20, "{counts:?}");
        assert!(Packet::open_queues(&config, 0).is_err());
    });
}

#[test]
fn what_is_no_ethernet_device_is_said_so() {
    with_cable(|namespace| {
        let unknown = Packet::open(&PacketConfig::new("nosuch")).unwrap_err();
        assert_eq!(unknown.to_string(), "there is no network device 'nosuch'");
        assert!(unknown.hint().is_some());
        let _tun = namespace.tun(&crate::TunConfig::default()).unwrap();
        let tun = Packet::open(&PacketConfig::new("limpid0")).unwrap_err();
        assert_eq!(tun.to_string(), "'limpid0' is no Ethernet device");
    });
}

#[test]
fn random_addresses_are_local_ones_of_one_station() {
    let (one, other) = (random_address().unwrap(), random_address().unwrap());
    assert!(one != other);
    assert!([one, other].iter().all(|mac| mac.0[0] & 3 == 2));
}
