//! What ICMP errors do to handshakes and connections (RFC 1122 §4.2.3.9, RFC 5461, 5927, 6069, 6633).

mod common;

use common::packets::{drops, icmpv4, icmpv6, last};
use common::{A, B, World};
use limpid_event::{DropReason, Error, Event, TcpState};
use limpid_wire::icmpv4::{Icmpv4Message, Unreachable};
use limpid_wire::icmpv6::{self, Icmpv6Message};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

/// A connect whose SYN a router answers.
fn syn_answered(remote: &str, error: impl Fn(&[u8]) -> Vec<u8>) -> (World, limpid_stack::SocketId) {
    let mut w = World::new();
    w.drop_if = Some(Box::new(|_, _| true));
    let client = w.connect(A, remote);
    w.drain();
    let answer = error(last(&w));
    w.inject(A, answer);
    w.drain();
    (w, client)
}

#[test]
fn any_unreachable_ends_a_connect() {
    for (code, expected) in [
        (Unreachable::Net, Error::NetworkUnreachable),
        (Unreachable::Host, Error::HostUnreachable),
        (Unreachable::Protocol, Error::ProtocolUnreachable),
        (Unreachable::Port, Error::ConnectionRefused),
        (Unreachable::CommunicationProhibited, Error::HostUnreachable),
        (Unreachable::NetProhibited, Error::NetworkUnreachable),
    ] {
        let message = Icmpv4Message::Unreachable(code);
        let (mut w, client) = syn_answered("10.0.0.2:80", |syn| icmpv4("10.0.0.254", "10.0.0.1", message, &syn[..28]));
        assert_eq!(w.hosts[A].take_error(client), Ok(Some(expected)), "{code:?}");
        assert_eq!(w.state(A, client), TcpState::Closed);
    }
    for (code, expected) in [
        (icmpv6::Unreachable::NoRoute, Error::NetworkUnreachable),
        (icmpv6::Unreachable::Address, Error::HostUnreachable),
        (icmpv6::Unreachable::Port, Error::ConnectionRefused),
        (icmpv6::Unreachable::Prohibited, Error::Prohibited),
    ] {
        let message = Icmpv6Message::Unreachable(code);
        let (mut w, client) =
            syn_answered("[2001:db8::2]:80", |syn| icmpv6("2001:db8::99", "2001:db8::1", &message, &syn[..48]));
        assert_eq!(w.hosts[A].take_error(client), Ok(Some(expected)), "{code:?}");
    }
}

#[test]
fn an_error_that_does_not_quote_our_syn_is_not_believed() {
    let message = Icmpv4Message::Unreachable(Unreachable::Host);
    for spoil in [21usize, 23, 27, 15, 9] {
        let (mut w, client) = syn_answered("10.0.0.2:80", |syn| {
            let mut quote = syn[..28].to_vec();
            quote[spoil] ^= 1;
            icmpv4("10.0.0.254", "10.0.0.1", message, &quote)
        });
        assert_eq!(w.state(A, client), TcpState::SynSent, "byte {spoil}");
        assert_eq!(drops(&mut w, A, DropReason::IcmpNotOurs), 1);
        let counted = w.counter(A, "TcpExtOutOfWindowIcmps");
        assert_eq!(counted, u64::from(spoil != 9), "no TCP, no count");
    }
}

#[test]
fn an_established_connection_only_remembers_an_error() {
    let mut w = World::new();
    let (client, _) = w.connected("10.0.0.2:80");
    w.write(A, client, b"data").unwrap();
    w.drain();
    let quote = last(&w)[..28].to_vec();
    w.inject(A, icmpv4("10.0.0.254", "10.0.0.1", Icmpv4Message::Unreachable(Unreachable::Host), &quote));
    assert_eq!(w.state(A, client), TcpState::Established);
    let soft = Event::SoftError { error: Error::HostUnreachable };
    assert_eq!(w.hosts[A].observer().events.iter().filter(|(_, _, e)| *e == soft).count(), 1);
    // What was acknowledged long ago is not in flight.
    w.run(SECOND);
    w.inject(A, icmpv4("10.0.0.254", "10.0.0.1", Icmpv4Message::Unreachable(Unreachable::Host), &quote));
    assert_eq!(w.counter(A, "TcpExtOutOfWindowIcmps"), 1);
}

/// Source quench says nothing any more (RFC 6633); an error that will pass ends nothing.
#[test]
fn no_error_ends_an_established_connection() {
    let mut w = World::new();
    let (client, _) = w.connected("10.0.0.2:80");
    w.write(A, client, b"data").unwrap();
    w.drain();
    let quote = last(&w)[..28].to_vec();
    let unreachables = [
        Unreachable::Net,
        Unreachable::Host,
        Unreachable::Protocol,
        Unreachable::Port,
        Unreachable::SourceRouteFailed,
        Unreachable::HostProhibited,
        Unreachable::CommunicationProhibited,
    ];
    let others = [
        Icmpv4Message::SourceQuench,
        Icmpv4Message::TimeExceeded { in_reassembly: false },
        Icmpv4Message::ParameterProblem { code: 0, pointer: 20 },
    ];
    for message in unreachables.map(Icmpv4Message::Unreachable).into_iter().chain(others) {
        w.inject(A, icmpv4("10.0.0.254", "10.0.0.1", message, &quote));
        assert_eq!(w.state(A, client), TcpState::Established, "{message:?}");
    }
    let info = w.hosts[A].info(w.now, client).unwrap();
    assert_eq!(info.snd_cwnd, 10);
    w.run(SECOND);
    assert_eq!(w.hosts[A].take_error(client), Ok(None), "what has healed is forgotten");
}

/// RFC 6069, told by the ICMP errors that Linux goes by.
#[test]
fn only_who_has_no_way_takes_a_doubling_of_the_timeout_back() {
    for (why, reverts) in [
        (Unreachable::Net, true),
        (Unreachable::Host, true),
        (Unreachable::Port, false),
        (Unreachable::HostProhibited, false),
    ] {
        let mut w = World::new();
        let (client, _) = w.connected("10.0.0.2:80");
        w.drop_if = Some(Box::new(|_, _| true));
        w.write(A, client, b"data").unwrap();
        w.drain();
        let quote = last(&w)[..28].to_vec();
        w.run(2 * SECOND);
        let backoff = |w: &World| w.hosts[A].info(w.now, client).unwrap().backoff;
        let before = backoff(&w);
        assert!(before > 0);
        w.inject(A, icmpv4("10.0.0.254", "10.0.0.1", Icmpv4Message::Unreachable(why), &quote));
        assert_eq!(backoff(&w) < before, reverts, "{why:?}");
    }
}

#[test]
fn host_unreachable_ends_an_embryonic_connection() {
    let mut w = World::new();
    w.listen(B, "10.0.0.2:80", 5);
    w.drop_if = Some(Box::new(|from, _| from == B));
    w.connect(A, "10.0.0.2:80");
    w.run(15 * MS);
    let (from, syn_ack) = w.carried.last().cloned().unwrap();
    assert_eq!(from, B);
    for (message, left) in
        [(Unreachable::Port, true), (Unreachable::Host, false)].map(|(u, l)| (Icmpv4Message::Unreachable(u), l))
    {
        w.inject(B, icmpv4("10.0.0.254", "10.0.0.2", message, &syn_ack[..28]));
        assert_eq!(w.hosts[B].poll_timeout().is_some(), left);
    }
}
