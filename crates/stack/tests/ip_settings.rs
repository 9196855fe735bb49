//! What a socket says of its packets' IP headers, and of those it takes (RFC 9293 §3.8.1 and §3.9.1.9, RFC 5082). Values
//! are those that Linux 6.18 was seen to send.

mod common;

use common::{A, B, World, end, tcp};
use limpid_event::{Error, TcpState};
use limpid_stack::{IfaceId, IpConfig, PathMtu, Shutdown, TxBatch};
use limpid_wire::tcp::parse_segment;
use limpid_wire::{Chunk, IpPacket, TcpFlags};
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

/// What a host sent: its headers and TCP flags.
fn sent(w: &World, host: usize) -> Vec<(IpPacket, TcpFlags)> {
    let of_host = w.carried.iter().filter(|(from, _)| *from == host);
    let parse = |(_, bytes): &(usize, Vec<u8>)| {
        let ip = IpPacket::parse(bytes).unwrap();
        let (_, _, segment) = parse_segment(Chunk::from_vec(bytes.clone()), ip.payload.clone(), ip.ecn).unwrap();
        (ip, segment.flags)
    };
    of_host.map(parse).collect()
}

fn marked(ip: &mut IpConfig) {
    ip.v4.ttl = 33;
    ip.v4.class = 0xb8;
    ip.v6.ttl = 44;
    ip.v6.class = 0x28;
}

/// SYN, ACK, data and FIN of a connection carry what was set before connect, and what is changed later from then on.
#[test]
fn ttl_and_class_of_a_client() {
    for (remote, ttl, dscp) in [("10.0.0.2:80", 33, 0x2e), ("[2001:db8::2]:80", 44, 0x0a)] {
        let mut w = World::new();
        let listener = w.listen(B, remote, 1);
        let client = w.connect(A, remote);
        w.hosts[A].configure_ip(w.now, client, marked).unwrap();
        w.run(100 * MS);
        w.write(A, client, b"hello").unwrap();
        w.run(100 * MS);
        let before = sent(&w, A);
        assert!(before.len() >= 3);
        assert!(before.iter().all(|(ip, _)| (ip.ttl, ip.dscp) == (ttl, dscp)), "{before:?}");
        w.hosts[A].configure_ip(w.now, client, |ip| (ip.v4.ttl, ip.v6.ttl) = (7, 7)).unwrap();
        w.hosts[A].shutdown(w.now, client, Shutdown::Write).unwrap();
        w.run(100 * MS);
        let (fin, flags) = sent(&w, A).last().cloned().unwrap();
        assert!(flags.contains(TcpFlags::FIN));
        assert_eq!((fin.ttl, fin.dscp), (7, dscp));
        let (server, _) = w.hosts[B].accept(w.now, listener).unwrap();
        assert_eq!(w.hosts[B].ip_config(server), Ok(IpConfig::default()));
    }
}

/// A listener's settings are in the SYN-ACK, and go over to the connection.
#[test]
fn a_connection_inherits_from_its_listener() {
    let mut w = World::new();
    let listener = w.listen(B, "10.0.0.2:80", 1);
    w.hosts[B].configure_ip(w.now, listener, marked).unwrap();
    w.connect(A, "10.0.0.2:80");
    w.run(100 * MS);
    let (server, _) = w.hosts[B].accept(w.now, listener).unwrap();
    w.write(B, server, b"hello").unwrap();
    w.run(100 * MS);
    let all = sent(&w, B);
    assert!(all.iter().all(|(ip, _)| (ip.ttl, ip.dscp) == (33, 0x2e)), "{all:?}");
    assert_eq!(w.hosts[B].ip_config(server).unwrap().v4.ttl, 33);
}

/// TIME-WAIT keeps the class and not the TTL; a reset to nobody's segment has the class of what it answers, without the
/// ECN bits. Both as Linux.
#[test]
fn what_belongs_to_no_socket() {
    let mut w = World::new();
    let (client, server) = w.connected("10.0.0.2:80");
    w.hosts[A].configure_ip(w.now, client, marked).unwrap();
    w.hosts[A].close(w.now, client).unwrap();
    w.run(100 * MS);
    let (fin, port) = {
        w.hosts[B].close(w.now, server).unwrap();
        w.run(100 * MS);
        let (_, bytes) = w.carried.iter().rev().find(|(from, _)| *from == B).unwrap();
        (bytes.clone(), u16::from_be_bytes([bytes[22], bytes[23]]))
    };
    assert_ne!(port, 0);
    w.carried.clear();
    w.inject(A, fin);
    w.drain();
    let (answer, _) = sent(&w, A).pop().expect("an ACK");
    assert_eq!((answer.ttl, answer.dscp), (64, 0x2e));
    let mut stray = tcp(end("10.0.0.2:9"), 5555, 1, 1, 0x10);
    stray[1] = 0x4b;
    stray[10..12].fill(0);
    let sum = limpid_wire::checksum::Checksum::of(&stray[..20]).finish();
    stray[10..12].copy_from_slice(&sum.to_be_bytes());
    w.inject(B, stray);
    w.drain();
    let (reset, flags) = sent(&w, B).pop().expect("a reset");
    assert!(flags.contains(TcpFlags::RST));
    assert_eq!((reset.ttl, reset.dscp, reset.ecn.bits()), (64, 0x12, 0));
}

/// RFC 5082: whoever is not next to us can't send with TTL 255.
#[test]
fn what_comes_from_afar_is_dropped() {
    let mut w = World::new();
    let (client, server) = w.connected("10.0.0.2:80");
    w.hosts[B].configure_ip(w.now, server, |ip| ip.v4.min_ttl = 255).unwrap();
    w.write(A, client, b"from afar").unwrap();
    w.run(100 * MS);
    assert_eq!(w.read(B, server), Ok((vec![], false)));
    assert!(w.counter(B, "TcpExtTCPMinTTLDrop") > 0);
    w.hosts[A].configure_ip(w.now, client, |ip| ip.v4.ttl = 255).unwrap();
    w.run(1000 * MS);
    assert_eq!(w.read(B, server), Ok((b"from afar".to_vec(), false)));
    let listener = w.listen(B, "10.0.0.2:81", 1);
    w.hosts[B].configure_ip(w.now, listener, |ip| ip.v4.min_ttl = 65).unwrap();
    let client = w.connect(A, "10.0.0.2:81");
    w.run(100 * MS);
    assert_eq!(w.state(A, client), TcpState::SynSent);
}

/// `man 7 ip`, IP_MTU_DISCOVER: where DF is set, and who believes ICMP.
#[test]
fn df_and_the_path_mtu() {
    for (mode, df) in [
        (PathMtu::Dont, false),
        (PathMtu::Want, true),
        (PathMtu::Do, true),
        (PathMtu::Probe, false),
        (PathMtu::Interface, false),
        (PathMtu::Omit, false),
    ] {
        let mut w = World::new();
        w.listen(B, "10.0.0.2:80", 1);
        let client = w.connect(A, "10.0.0.2:80");
        w.hosts[A].configure_ip(w.now, client, |ip| ip.v4.path_mtu = mode).unwrap();
        w.run(100 * MS);
        assert!(sent(&w, A).iter().all(|(ip, _)| ip.dont_fragment == df), "{mode:?}");
        assert_eq!(w.hosts[A].path_mtu(w.now, client), Ok(1500));
    }
}

/// IPV6_AUTOFLOWLABEL off: the label is 0 (RFC 6437 §3 allows it).
#[test]
fn flow_labels_can_be_left_out() {
    let mut w = World::new();
    w.listen(B, "[2001:db8::2]:80", 1);
    let client = w.connect(A, "[2001:db8::2]:80");
    w.hosts[A].configure_ip(w.now, client, |ip| ip.flow_label = false).unwrap();
    w.run(100 * MS);
    assert!(sent(&w, A).iter().all(|(ip, _)| ip.flow_label == 0));
    assert!(sent(&w, B).iter().all(|(ip, _)| ip.flow_label != 0));
}

/// SO_MARK and SO_PRIORITY are for who carries the frame.
#[test]
fn frames_tell_mark_and_priority() {
    let mut w = World::new();
    let client = w.connect(A, "10.0.0.2:80");
    w.hosts[A].configure_ip(w.now, client, |ip| (ip.mark, ip.priority) = (17, 6)).unwrap();
    let mut batch = TxBatch::with_capacity(4);
    w.hosts[A].poll_transmit(w.now, w.iface, &mut batch);
    let frame = &batch.frames()[0];
    assert_eq!((frame.mark, frame.priority), (17, 6));
}

/// SO_BINDTODEVICE: neither out of another interface, nor in.
#[test]
fn an_interface_of_ones_own() {
    let mut w = World::new();
    let nowhere = w.hosts[A].interface_named("eth9");
    assert_eq!(nowhere, None);
    let iface = w.hosts[B].interface_named("link").unwrap();
    assert_eq!((iface, w.hosts[B].interface_name(iface)), (w.iface, "link"));
    let listener = w.listen(B, "10.0.0.2:80", 1);
    assert_eq!(w.hosts[B].configure_ip(w.now, listener, |ip| ip.iface = Some(IfaceId(9))), Err(Error::InvalidArgument));
    w.hosts[B].configure_ip(w.now, listener, |ip| ip.iface = Some(IfaceId::LOOPBACK)).unwrap();
    let client = w.connect(A, "10.0.0.2:80");
    w.run(100 * MS);
    assert_eq!(w.hosts[A].take_error(client), Ok(Some(Error::ConnectionRefused)));
    w.hosts[B].configure_ip(w.now, listener, |ip| ip.iface = Some(iface)).unwrap();
    let client = w.connect(A, "10.0.0.2:80");
    w.run(100 * MS);
    assert_eq!(w.state(A, client), TcpState::Established);
}
