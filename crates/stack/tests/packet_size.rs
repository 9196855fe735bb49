//! How large packets may be, and those that came in pieces (RFC 1191, 8201, 791, 8200 §4.5).

mod common;

use common::packets::{fragments, icmpv4, icmpv6, last};
use common::{A, B, World};
use limpid_wire::icmpv4::{Icmpv4Message, Unreachable};
use limpid_wire::icmpv6::Icmpv6Message;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

/// What a path takes may become known while a handshake is in progress, at either end.
#[test]
fn a_path_mtu_learned_during_the_handshake_counts() {
    let too_big = |to: &str, quote: &[u8]| {
        let message = Icmpv4Message::Unreachable(Unreachable::FragmentationNeeded { mtu: 1000 });
        icmpv4("10.0.0.254", to, message, &quote[..28])
    };
    let mut w = World::new();
    let listener = w.listen(B, "10.0.0.2:80", 5);
    let first = w.connect(A, "10.0.0.2:80");
    w.run(100 * MS);
    let (server, _) = w.hosts[B].accept(w.now, listener).unwrap();
    let second = w.connect(A, "10.0.0.2:80");
    w.drain();
    // The SYN is on its way: the client learns.
    let syn = w.carried.last().unwrap().1.clone();
    w.inject(A, too_big("10.0.0.1", &syn));
    w.run_until(SECOND, |w| w.carried.last().is_some_and(|(from, _)| *from == B));
    // And the SYN-ACK: the server learns, from what the first connection has in flight.
    w.write(B, server, b"x").unwrap();
    w.drain();
    let data = w.carried.last().unwrap().1.clone();
    w.inject(B, too_big("10.0.0.2", &data));
    w.run(100 * MS);
    let (server, _) = w.hosts[B].accept(w.now, listener).unwrap();
    w.largest_packet = 0;
    for (host, socket) in [(A, second), (B, server)] {
        assert_eq!(w.write(host, socket, &[7; 5000]), Ok(5000));
    }
    w.run(SECOND);
    for (host, socket) in [(A, second), (B, server)] {
        assert_eq!(w.read(host, socket).unwrap().0.len(), 5000, "host {host}");
    }
    assert!(w.largest_packet <= 1000, "{}", w.largest_packet);
    let _ = first;
}

#[test]
fn a_packet_too_big_lowers_the_path_mtu_and_the_data_gets_through() {
    for (remote, narrow) in [("10.0.0.2:80", 1000), ("[2001:db8::2]:80", 1300)] {
        let mut w = World::new();
        let (client, server) = w.connected(remote);
        let mut sent_at = w.carried.len();
        let mut bytes: Vec<u8> = (0..50_000u32).map(|i| i as u8).collect();
        bytes.truncate(w.write(A, client, &bytes).unwrap());
        w.drop_if = Some(Box::new(move |from, b| from == A && b.len() > narrow));
        // The link in the middle tells what fits, once for each packet that does not.
        let mut received = Vec::new();
        let done = w.run_until(20 * SECOND, |w| {
            let big =
                w.carried[sent_at..].iter().find(|(from, b)| *from == A && b.len() > narrow).map(|(_, b)| b.clone());
            sent_at = w.carried.len();
            if let Some(packet) = big {
                let error = if packet[0] >> 4 == 4 {
                    let mtu = narrow as u16;
                    icmpv4(
                        "10.0.0.254",
                        "10.0.0.1",
                        Icmpv4Message::Unreachable(Unreachable::FragmentationNeeded { mtu }),
                        &packet[..28],
                    )
                } else {
                    let message = Icmpv6Message::PacketTooBig { mtu: narrow as u32 };
                    icmpv6("2001:db8::99", "2001:db8::1", &message, &packet[..60])
                };
                w.inject(A, error);
            }
            received.extend(w.read(B, server).unwrap().0);
            received.len() == bytes.len()
        });
        assert!(done, "{} of {}", received.len(), bytes.len());
        assert_eq!(received, bytes);
        // A new connection knows already.
        let carried = w.carried.len();
        let again = w.connect(A, remote);
        w.drain();
        let syn = &w.carried[carried].1;
        let mss = if syn[0] >> 4 == 4 { narrow as u16 - 40 } else { narrow as u16 - 60 };
        let at = if syn[0] >> 4 == 4 { 40 } else { 60 };
        assert_eq!(syn[at..at + 4], [[2, 4], mss.to_be_bytes()].concat());
        let _ = again;
    }
}

#[test]
fn senseless_path_mtus_are_not_believed() {
    let mut w = World::new();
    let (client, _) = w.connected("10.0.0.2:80");
    w.drop_if = Some(Box::new(|_, _| true));
    w.write(A, client, &[0; 5000]).unwrap();
    w.drain();
    let quote = last(&w)[..28].to_vec();
    let mss = |w: &World| w.hosts[A].info(w.now, client).unwrap().snd_mss;
    let before = mss(&w);
    for (mtu, expected) in [(1500, before), (9000, before), (68, 552 - 40 - 12), (0, 552 - 40 - 12)] {
        let message = Icmpv4Message::Unreachable(Unreachable::FragmentationNeeded { mtu });
        w.inject(A, icmpv4("10.0.0.254", "10.0.0.1", message, &quote));
        assert_eq!(mss(&w), expected, "{mtu}");
    }
}

#[test]
fn fragments_are_put_together() {
    let mut w = World::new();
    let ping = icmpv4("10.0.0.1", "10.0.0.2", Icmpv4Message::EchoRequest { id: 1, seq: 1 }, &[5; 1000]);
    for part in fragments(&ping, 256).into_iter().rev() {
        w.inject(B, part);
    }
    w.drain();
    assert_eq!(w.carried.len(), 1);
    assert_eq!(last(&w)[28..], [5; 1000]);
    assert_eq!(w.counter(B, "IpReasmOKs"), 1);
    // TCP too, its checksum verified whatever the device says.
    let (client, server) = w.connected("10.0.0.2:80");
    w.drop_if = Some(Box::new(|from, b| from == A && b.len() > 500));
    w.write(A, client, &[6; 1200]).unwrap();
    w.drain();
    for part in fragments(&w.carried.last().unwrap().1.clone(), 400) {
        w.inject(B, part);
    }
    assert_eq!(w.read(B, server), Ok((vec![6; 1200], false)));
}

#[test]
fn fragments_that_never_become_whole_are_reported_and_forgotten() {
    let mut w = World::new();
    let ping = icmpv4("10.0.0.1", "10.0.0.2", Icmpv4Message::EchoRequest { id: 1, seq: 1 }, &[5; 1000]);
    w.inject(B, fragments(&ping, 256).remove(0));
    w.run(29 * SECOND);
    assert!(w.carried.is_empty());
    w.run(2 * SECOND);
    let (message, _) = Icmpv4Message::parse(&last(&w)[20..]).unwrap();
    assert_eq!(message, Icmpv4Message::TimeExceeded { in_reassembly: true });
    assert_eq!(w.counter(B, "IpReasmTimeout"), 1);
    assert_eq!(w.hosts[B].poll_timeout(), None);
}
