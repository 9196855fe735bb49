//! Against the real kernel, over a cable in a private network. Where the machine forbids these, or knows no AF_XDP, the tests say so
//! and end, unless LIMPID_REQUIRE_TOOLS=1.

use super::*;
use crate::namespace::Namespace;
use crate::packet::PacketConfig;
use crate::testing::super_segment;
use crate::{Packet, gso};
use limpid_stack::TxChecksum;
use limpid_wire::{Checksum, IpProtocol, TcpFlags};
use rustix::event::{PollFd, Timespec, poll};
use std::os::fd::AsFd;

const A: MacAddr = MacAddr([2, 0, 0, 0, 0, 0xa]);
const B: MacAddr = MacAddr([2, 0, 0, 0, 0, 0xb]);

fn required() -> bool {
    std::env::var_os("LIMPID_REQUIRE_TOOLS").is_some_and(|v| v == "1")
}

/// Runs a test with a cable from a to b; at b is an AF_XDP socket, at a a packet socket, which sends and sees all that comes.
fn with_cable(mode: XdpMode, test: impl FnOnce(Packet, Xdp) + Send + 'static) {
    with_cable_of(None, mode, test);
}

fn with_cable_of(mtu: Option<u16>, mode: XdpMode, test: impl FnOnce(Packet, Xdp) + Send + 'static) {
    let run = move || {
        let namespace = match Namespace::enter() {
            Ok(namespace) => namespace,
            Err(error) if required() => panic!("{error}"),
            Err(error) => return eprintln!("skipped: {error}"),
        };
        namespace.veth("a", "b").unwrap();
        for end in ["a", "b"] {
            namespace.set_sysctl(&format!("net/ipv6/conf/{end}/disable_ipv6"), "1").unwrap();
            namespace.set_link_up(end, mtu).unwrap();
        }
        let config = XdpConfig { ethernet: Some(B), mode: Some(mode), frames: 64, ..XdpConfig::new("b") };
        let b = match Xdp::open(&config) {
            Ok(b) => b,
            Err(error) if required() => panic!("{error}"),
            Err(error) => return eprintln!("skipped: {error}"),
        };
        assert_eq!(b.mode(), mode);
        let a = Packet::open(&PacketConfig { ethernet: Some(A), ..PacketConfig::new("a") }).unwrap();
        test(a, b);
    };
    std::thread::spawn(run).join().unwrap();
}

fn frame(dst: MacAddr, src: MacAddr, len: usize) -> TxFrame {
    let mut frame = super_segment("10.0.0.1", "10.0.0.2", TcpFlags::ACK, len);
    let packet = std::mem::take(&mut frame.head);
    [&dst.0[..], &src.0, &[8, 0], &packet].iter().for_each(|part| frame.head.extend(part.iter().copied()));
    if let TxChecksum::Partial { start, .. } = &mut frame.checksum {
        *start += 14;
    }
    let ends = ["10.0.0.1", "10.0.0.2"].map(|address| address.parse().unwrap());
    let sum = Checksum::pseudo_header(ends[0], ends[1], IpProtocol::TCP, 20 + len).partial();
    frame.head[50..52].copy_from_slice(&sum.to_be_bytes());
    TxFrame { gso_size: 0, ..frame }
}

/// Takes `count` frames.
fn receive(device: &mut dyn Device, count: usize) -> Vec<Vec<u8>> {
    let (mut pool, mut frames) = (FramePool::default(), Vec::new());
    while frames.len() < count {
        let fd = device.poll_fd().unwrap().as_fd().try_clone_to_owned().unwrap();
        let patience = Timespec { tv_sec: 5, tv_nsec: 0 };
        let ready = poll(&mut [PollFd::new(&fd, device.poll_events(false))], Some(&patience)).unwrap();
        assert!(ready > 0, "{} frames of {count}", frames.len());
        device.recv_batch(&mut pool, &mut frames, 64).unwrap();
    }
    frames.iter().map(|frame| frame.bytes.as_slice().to_vec()).collect()
}

/// As it stands on a wire.
fn complete(frame: &TxFrame) -> Vec<u8> {
    gso::cut(frame, Medium::Ethernet(A)).next().unwrap().to_vec()
}

fn frames_go_round(mut a: Packet, mut b: Xdp) {
    // Many times as many as there are chunks, and no more at a time than wait at either end.
    for round in 0..40 {
        let there: Vec<TxFrame> = (0..16).map(|n| frame(B, A, 50 * n + round)).collect();
        assert_eq!(a.send_batch(&there).unwrap(), 16);
        let sums_left_out = |bytes: Vec<u8>| [&bytes[..50], &bytes[52..]].concat();
        let got: Vec<_> = receive(&mut b, 16).into_iter().map(sums_left_out).collect();
        for (got, there) in got.into_iter().zip(&there) {
            assert_eq!(got, sums_left_out(there.to_vec()), "round {round}");
        }

        let back: Vec<TxFrame> = (0..16).map(|n| frame(A, B, 70 * n + round)).collect();
        assert_eq!(b.send_batch(&back).unwrap(), 16);
        let got = receive(&mut a, 16);
        for (got, back) in got.iter().zip(&back) {
            assert_eq!(*got, complete(back), "round {round}");
        }
    }
    assert_eq!((b.refused(), b.dropped().unwrap()), (0, 0));
}

#[test]
fn frames_go_round_copied_by_the_driver() {
    with_cable(XdpMode::Copy, frames_go_round);
}

#[test]
fn frames_go_round_copied_by_the_core() {
    with_cable(XdpMode::Generic, frames_go_round);
}

#[test]
fn the_largest_packet_that_is_told_of_arrives() {
    // The cable's driver keeps more room behind a packet than the core does.
    for (mode, mtu) in [(XdpMode::Copy, 3400), (XdpMode::Generic, 3800)] {
        with_cable_of(Some(mtu), mode, move |mut a, mut b| {
            assert_eq!(b.caps().mtu, mtu);
            let largest = frame(B, A, usize::from(mtu) - 40);
            a.send_batch(std::slice::from_ref(&largest)).unwrap();
            assert_eq!(receive(&mut b, 1)[0].len(), largest.len(), "{mode}");
        });
    }
    // A driver refuses what does not fit a page; the core takes it.
    with_cable_of(Some(5000), XdpMode::Generic, |mut a, mut b| {
        assert_eq!(b.caps().mtu, LARGEST_PACKET);
        let largest = frame(B, A, usize::from(LARGEST_PACKET) - 40);
        a.send_batch(&[frame(B, A, usize::from(LARGEST_PACKET) - 39), largest.clone()]).unwrap();
        let got: Vec<usize> = receive(&mut b, 1).iter().map(Vec::len).collect();
        assert_eq!(got, [largest.len()], "longer ones are lost");
    });
}

#[test]
fn only_what_is_for_us_or_all_is_taken() {
    with_cable(XdpMode::Copy, |mut a, mut b| {
        let to = |dst| frame(dst, A, 10);
        a.send_batch(&[to(MacAddr([2, 0, 0, 0, 0, 0xc])), to(MacAddr::BROADCAST), to(A), to(B)]).unwrap();
        let got = receive(&mut b, 2);
        assert_eq!([&got[0][..6], &got[1][..6]], [&MacAddr::BROADCAST.0, &B.0]);
        assert_eq!(b.recv_batch(&mut FramePool::default(), &mut Vec::new(), 8).unwrap(), 0);
    });
}

#[test]
fn what_is_not_taken_is_lost_and_counted_and_does_no_harm() {
    with_cable(XdpMode::Copy, |mut a, mut b| {
        for n in 0..10 {
            let many: Vec<TxFrame> = (0..16).map(|_| frame(B, A, n)).collect();
            a.send_batch(&many).unwrap();
        }
        let mut frames = Vec::new();
        while frames.len() < 32 {
            b.recv_batch(&mut FramePool::default(), &mut frames, 64).unwrap();
        }
        assert_eq!(frames.len(), 32, "as many as there are chunks");
        a.send_batch(&[frame(B, A, 123)]).unwrap();
        assert_eq!(receive(&mut b, 1)[0].len(), frame(B, A, 123).len());
        assert_eq!(b.send_batch(&[frame(A, B, 5000)]).unwrap(), 1);
        assert_eq!(b.refused(), 1);
    });
}

#[test]
fn the_mode_is_what_was_asked_for_or_told() {
    with_cable(XdpMode::Generic, |_, b| {
        assert_eq!(b.to_string(), "b queue 0: AF_XDP, copy by Linux's network core (the driver has no XDP)");
        drop(b);
        // A cable has zero-copy in new kernels, or it has not: never one for the other.
        let zero = XdpConfig { mode: Some(XdpMode::ZeroCopy), ..XdpConfig::new("b") };
        match Xdp::open(&zero) {
            Ok(device) => assert_eq!(device.mode(), XdpMode::ZeroCopy),
            Err(error) => {
                assert!(error.to_string().starts_with("'b' by AF_XDP (zero-copy): "), "{error}");
                assert!(error.hint().is_some());
            }
        }
        let best = Xdp::open(&XdpConfig::new("b")).unwrap();
        assert!(best.mode() <= XdpMode::Copy);
        let held = Xdp::open(&XdpConfig::new("b")).unwrap_err();
        assert!(held.hint().is_some(), "{held}");
        assert!(Xdp::open(&XdpConfig { frames: 100, ..XdpConfig::new("b") }).is_err());
        assert!(Xdp::open(&XdpConfig::new("nosuch")).is_err());
    });
}
