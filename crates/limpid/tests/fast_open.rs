//! Fast Open (RFC 7413) as applications meet it, over a pair of devices in memory.

use limpid::device::{Memory, MemoryConfig};
use limpid::event::Counter;
use limpid::{FastOpenFlags, Host, TcpListener, TcpStream};
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;

const ADDRESSES: [&str; 2] = ["10.0.0.199:80", "[fd00::199]:80"];

fn joined() -> (Host, Host) {
    let (left, right) = Memory::pair(MemoryConfig::default()).unwrap();
    let client = Host::builder().memory(left).address("10.0.0.103/24").address("fd00::103/64").build().unwrap();
    let server = Host::builder().memory(right).address("10.0.0.199/24").address("fd00::199/64");
    (client, server.fast_open(FastOpenFlags::SERVER).build().unwrap())
}

fn count(host: &Host, counter: Counter) -> u64 {
    host.counters().unwrap().value(counter)
}

/// All that arrives until the peer has finished.
fn all(mut stream: &TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    bytes
}

/// A connection that brings a cookie.
fn get_cookie(client: &Host, listener: &TcpListener, address: &str) {
    drop(TcpStream::connect_with_data(client, address, b"").unwrap());
    drop(listener.accept().unwrap());
}

#[test]
fn the_second_connection_carries_data_with_its_syn() {
    for address in ADDRESSES {
        let (client, server) = joined();
        let listener = TcpListener::bind(&server, address).unwrap();
        assert_eq!(listener.fast_open().unwrap(), 0);
        listener.set_fast_open(16).unwrap();
        assert_eq!(listener.fast_open().unwrap(), 16);
        // More than a segment: the rest follows.
        let request: Vec<u8> = (0..20_000_u32).map(|i| (i * 7) as u8).collect();
        for nth in 0..3 {
            let stream = TcpStream::connect_with_data(&client, address, &request).unwrap();
            let (accepted, _) = listener.accept().unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            assert!(all(&accepted) == request, "{address} {nth}");
            assert_eq!(
                [stream.is_fast_open().unwrap(), accepted.is_fast_open().unwrap()],
                [nth > 0; 2],
                "{address} {nth}"
            );
            assert_eq!(count(&client, Counter::TcpExtTCPFastOpenActive), nth);
            assert_eq!(count(&server, Counter::TcpExtTCPFastOpenPassive), nth);
        }
    }
}

#[test]
fn a_connect_waits_for_what_is_written() {
    let (client, server) = joined();
    let address = ADDRESSES[0];
    let listener = TcpListener::bind(&server, address).unwrap();
    listener.set_fast_open(16).unwrap();
    let first = TcpStream::connect_on_write(&client, address).unwrap();
    assert_eq!(first.peer_addr().unwrap().to_string(), address, "without a cookie it is an ordinary connect");
    drop(listener.accept().unwrap());

    let mut stream = TcpStream::connect_on_write(&client, address).unwrap();
    let opened = count(&server, Counter::TcpPassiveOpens);
    stream.write_all(b"request").unwrap();
    let (mut accepted, _) = listener.accept().unwrap();
    assert_eq!(count(&server, Counter::TcpPassiveOpens), opened + 1);
    accepted.write_all(b"answer").unwrap();
    accepted.shutdown(Shutdown::Write).unwrap();
    assert_eq!(all(&stream), b"answer");
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(all(&accepted), b"request");
    assert!(stream.is_fast_open().unwrap() && accepted.is_fast_open().unwrap());
}

/// A server that has it off takes the same calls, and the data comes after the handshake.
#[test]
fn a_listener_without_it_is_served_the_ordinary_way() {
    let (client, server) = joined();
    let listener = TcpListener::bind(&server, ADDRESSES[1]).unwrap();
    for _ in 0..2 {
        let stream = TcpStream::connect_with_data(&client, ADDRESSES[1], b"request").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(all(&listener.accept().unwrap().0), b"request");
        assert!(!stream.is_fast_open().unwrap());
    }
    assert_eq!(count(&client, Counter::TcpExtTCPFastOpenActive), 0);
}

#[test]
fn a_host_that_has_it_off_says_so() {
    let (_, host) = joined();
    let mut config = limpid::StackConfig::default();
    config.fast_open.flags = FastOpenFlags::empty();
    let off = Host::builder().stack(config).build().unwrap();
    let listener = TcpListener::bind(&off, "127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    assert_eq!(listener.set_fast_open(1).unwrap_err().kind(), ErrorKind::Unsupported);
    listener.set_fast_open(0).unwrap();
    let refused = TcpStream::connect_with_data(&off, address, b"x").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
    assert_eq!(TcpStream::connect_on_write(&off, address).unwrap_err().kind(), ErrorKind::Unsupported);
    // The bound of the queue is the host's.
    let listener = TcpListener::bind(&host, "127.0.0.1:0").unwrap();
    listener.set_fast_open(u32::MAX).unwrap();
    assert_eq!(listener.fast_open().unwrap(), 4096);
}

#[test]
fn nobody_listens() {
    let (client, server) = joined();
    let address = ADDRESSES[0];
    let refused = TcpStream::connect_with_data(&client, address, b"x").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);

    let listener = TcpListener::bind(&server, address).unwrap();
    listener.set_fast_open(16).unwrap();
    get_cookie(&client, &listener, address);
    drop(listener);
    let mut stream = TcpStream::connect_on_write(&client, address).unwrap();
    stream.write_all(b"request").unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionRefused);
}
