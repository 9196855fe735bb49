use super::*;
use crate::testing::{A, B, packet};
use limpid_event::TcpState;
use limpid_wire::{Chunk, TcpFlags};

fn ms(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn two_hosts() -> Recorder {
    let recorder = Recorder::new(7);
    assert_eq!(recorder.add_host("a", vec![A], View::Inside), 0);
    assert_eq!(recorder.add_host("b", vec![B], View::Observed), 1);
    recorder
}

#[test]
fn every_source_ends_in_one_trace() {
    let recorder = two_hosts();
    let first = recorder.sent(ms(1), (0, 1), b"one", FlowId(3), Some(TxReason::Syn));
    let second = recorder.sent(ms(2), (1, 0), b"two", FlowId::NONE, None);
    recorder.lost(first, ms(5), LinkFate::Lost);
    recorder.arrived(second, ms(6));
    let event = Event::State { from: TcpState::Closed, to: TcpState::SynSent };
    recorder.observer(0).observe(ms(1), FlowId(3), &event);
    recorder.remark(ms(9), 1, "done");
    let trace = recorder.trace(ms(10));
    assert_eq!((trace.epoch, trace.end, trace.hosts.len()), (7, ms(10), 2));
    assert_eq!(trace.packets[0].why, Some(TxReason::Syn));
    assert_eq!(trace.packets[0].arrival, Arrival::Lost { at: ms(5), fate: LinkFate::Lost });
    assert_eq!(trace.packets[1].arrival, Arrival::At(ms(6)));
    let notes: Vec<_> = trace.notes.iter().map(|n| (n.at, n.host, n.what.clone())).collect();
    assert_eq!(notes, [(ms(1), 0, What::Event(event)), (ms(9), 1, What::App("done".into()))]);
}

#[test]
fn what_is_beyond_the_bound_or_while_paused_is_counted() {
    let recorder = two_hosts();
    recorder.pause(true);
    let entry = recorder.sent(ms(1), (0, 1), b"", FlowId::NONE, None);
    recorder.arrived(entry, ms(2));
    recorder.remark(ms(2), 0, "unheard");
    recorder.pause(false);
    assert_eq!((recorder.packets(), recorder.left_out()), (0, 2));
    for _ in 0..MAX_PACKETS + 5 {
        recorder.sent(ms(3), (0, 1), b"", FlowId::NONE, None);
    }
    assert_eq!((recorder.packets(), recorder.left_out()), (MAX_PACKETS, 7));
}

#[test]
fn events_alone_leave_no_packet_but_tell_of_those_lost() {
    let recorder = two_hosts();
    recorder.keep_events_only();
    let entry = recorder.sent(ms(1), (0, 1), b"one", FlowId(3), None);
    recorder.lost_of((0, FlowId(3)), entry, ms(2), LinkFate::QueueFull);
    let trace = recorder.trace(ms(3));
    assert_eq!((recorder.packets(), recorder.left_out()), (0, 0), "not for want of room");
    assert_eq!(trace.notes.len(), 1);
    assert_eq!(trace.notes[0].what, What::Event(Event::Link { fate: LinkFate::QueueFull }));
}

#[test]
fn a_device_is_where_the_peer_is_seen() {
    let recorder = two_hosts();
    let mut device = DeviceRecorder::new(recorder.clone(), 0, 1, Medium::Ip);
    let syn = crate::host::kernel::frame(packet((A, B), TcpFlags::SYN, 1, b""));
    device.sent(ms(1), &TxFrame { flow: FlowId(1), why: Some(TxReason::Syn), ..syn });
    for bytes in [packet((B, A), TcpFlags::SYN | TcpFlags::ACK, 1, b""), b"no packet at all".to_vec()] {
        let frame = RxFrame::new(Chunk::from_vec(bytes));
        device.received(ms(2), &frame);
    }
    let trace = recorder.trace(ms(3));
    let seen: Vec<_> = trace.packets.iter().map(|p| (p.from, p.to, p.arrival)).collect();
    assert_eq!(seen, [(0, 1, Arrival::Estimated(ms(1))), (1, 0, Arrival::At(ms(2)))]);
}

#[test]
fn a_kernels_own_chatter_is_no_part_of_the_story() {
    let icmp6 = |kind: u8| {
        let (src, dst) = (crate::testing::A6, crate::testing::B6);
        let header = limpid_wire::IpHeader::new(src, dst, limpid_wire::IpProtocol::ICMPV6);
        let mut bytes = vec![0; header.header_len()];
        header.emit(8, &mut bytes);
        bytes.extend_from_slice(&[kind, 0, 0, 0, 0, 0, 0, 0]);
        bytes
    };
    assert!(is_tcp_or_icmp(&icmp6(1)), "destination unreachable");
    assert!(!is_tcp_or_icmp(&icmp6(133)), "router solicitation");
    assert!(!is_tcp_or_icmp(&icmp6(143)), "multicast listener report");
}
