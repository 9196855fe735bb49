//! Hosts: joined in memory, watched, going down.

use limpid::device::{Memory, MemoryConfig, Tap};
use limpid::{Clock, Config, Event, FlowId, Host, Instant, Observer, SynSchedule, TcpListener, TcpState, TcpStream};
use limpid_stack::{RxFrame, TxFrame};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant as RealInstant};

const CLIENT: &str = "10.0.0.103/24";
const SERVER: &str = "10.0.0.199/24";

fn joined(config: MemoryConfig) -> (Host, Host) {
    let (left, right) = Memory::pair(config).unwrap();
    let client = Host::builder().memory(left).address(CLIENT).address("fd00::103/64").build().unwrap();
    let server = Host::builder().memory(right).address(SERVER).address("fd00::199/64").build().unwrap();
    (client, server)
}

fn listen(server: &Host, address: &str) -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind(server, address).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Bytes that repeat only after a long while.
fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 31 + i / 251) as u8).collect()
}

#[test]
fn bulk_data_crosses_both_ways_at_once() {
    for (config, address) in [
        (MemoryConfig::default(), "10.0.0.199:80"),
        (MemoryConfig { queue: 3, ..MemoryConfig::default() }, "[fd00::199]:80"),
        (MemoryConfig { mtu: 1280, ..MemoryConfig::default() }, "10.0.0.199:80"),
        (MemoryConfig { offload: true, ..MemoryConfig::default() }, "[fd00::199]:80"),
    ] {
        let (client, server) = joined(config);
        let (listener, address) = listen(&server, address);
        let sent = pattern(3_000_000);
        let echo = std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            std::io::copy(&mut &stream, &mut &stream).unwrap()
        });
        let stream = TcpStream::connect(&client, address).unwrap();
        let received = std::thread::scope(|scope| {
            scope.spawn(|| {
                (&stream).write_all(&sent).unwrap();
                stream.shutdown(Shutdown::Write).unwrap();
            });
            let mut received = Vec::new();
            (&stream).read_to_end(&mut received).unwrap();
            received
        });
        assert!(received == sent, "{config:?}");
        assert_eq!(echo.join().unwrap(), sent.len() as u64);
    }
}

#[test]
fn many_clients_at_once() {
    let (client, server) = joined(MemoryConfig::default());
    let (listener, address) = listen(&server, "10.0.0.199:80");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { return };
            std::thread::spawn(move || std::io::copy(&mut &stream, &mut &stream));
        }
    });
    let threads: Vec<_> = (0..40)
        .map(|n: usize| {
            let client = client.clone();
            std::thread::spawn(move || {
                let mut stream = TcpStream::connect(&client, address).unwrap();
                let text = pattern(1000 + n);
                stream.write_all(&text).unwrap();
                stream.shutdown(Shutdown::Write).unwrap();
                let mut answer = Vec::new();
                stream.read_to_end(&mut answer).unwrap();
                answer == text
            })
        })
        .collect();
    assert!(threads.into_iter().all(|t| t.join().unwrap()));
}

#[test]
fn nobody_answers() {
    let (left, _silent) = Memory::pair(MemoryConfig::default()).unwrap();
    let host = Host::builder().memory(left).address(CLIENT).build().unwrap();
    let begin = RealInstant::now();
    let timeout = Duration::from_millis(200);
    let error = TcpStream::connect_timeout(&host, &"10.0.0.199:1".parse().unwrap(), timeout).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(begin.elapsed() >= timeout && begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
}

#[test]
fn retries_are_settable() {
    let (left, _silent) = Memory::pair(MemoryConfig::default()).unwrap();
    let config = Config { syn_retries: 0, syn_schedule: SynSchedule::Exponential, ..Config::default() };
    let host = Host::builder().memory(left).address(CLIENT).tcp(config).build().unwrap();
    let begin = RealInstant::now();
    let error = TcpStream::connect(&host, "10.0.0.199:1").unwrap_err();
    assert_eq!((error.kind(), error.raw_os_error()), (ErrorKind::TimedOut, Some(110)));
    let waited = begin.elapsed();
    assert!((Duration::from_millis(990)..Duration::from_secs(5)).contains(&waited), "{waited:?}");
}

#[test]
fn no_route() {
    let host = Host::builder().build().unwrap();
    let error = TcpStream::connect(&host, "192.0.2.1:1").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NetworkUnreachable);
}

#[test]
fn mistakes_of_the_builder() {
    for (builder, message) in [
        (Host::builder().address("10.0.0.1/24"), "address 10.0.0.1/24: name a device first"),
        (Host::builder().gateway("10.0.0.300"), "gateway 10.0.0.300: no IP address"),
        (Host::builder().gateway("10.0.0.3"), "route to 0.0.0.0/0: name a device first"),
    ] {
        let error = builder.build().unwrap_err();
        assert_eq!((error.kind(), error.to_string()), (ErrorKind::InvalidInput, message.to_owned()));
    }
    let (left, _right) = Memory::pair(MemoryConfig::default()).unwrap();
    let error = Host::builder().memory(left).address("10.0.0.1/33").build().unwrap_err();
    assert!(error.to_string().starts_with("address 10.0.0.1/33: "), "{error}");
    let (narrow, _peer) = Memory::pair(MemoryConfig { mtu: 600, ..MemoryConfig::default() }).unwrap();
    let error = Host::builder().memory(narrow).address("fd00::1/64").build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(error.to_string(), "address fd00::1/64 on mem0 (MTU 600): invalid argument");
}

#[test]
fn the_last_handle_waits_for_connections_to_close() {
    let (client, server) = joined(MemoryConfig::default());
    let (listener, address) = listen(&server, "10.0.0.199:80");
    let sent = pattern(500_000);
    let expected = sent.clone();
    let reader = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // Slow to begin: the sender has long left when the last byte is read.
        std::thread::sleep(Duration::from_millis(100));
        let mut received = Vec::new();
        stream.read_to_end(&mut received).map(|_| received == expected)
    });
    let mut stream = TcpStream::connect(&client, address).unwrap();
    drop(client);
    stream.write_all(&sent).unwrap();
    drop(stream);
    assert!(reader.join().unwrap().unwrap(), "what was written before the close arrives");
}

#[test]
fn the_last_handle_does_not_wait_for_ever() {
    let (left, right) = Memory::pair(MemoryConfig::default()).unwrap();
    let linger = Duration::from_millis(100);
    let client = Host::builder().memory(left).address(CLIENT).linger(linger).build().unwrap();
    let server = Host::builder().memory(right).address(SERVER).build().unwrap();
    let (listener, address) = listen(&server, "10.0.0.199:80");
    let stream = TcpStream::connect(&client, address).unwrap();
    // The server's host stays up, but nobody reads: the client can't get rid of all of this.
    // Only once the server's window is shut is there anything left to get rid of.
    stream.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    while (&stream).write(&[0; 10_000]).is_ok() {}
    let begin = RealInstant::now();
    drop((stream, client));
    assert!(begin.elapsed() >= linger && begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    drop(listener);
}

#[test]
fn a_broken_device_ends_waiting() {
    struct Broken(Memory);
    impl limpid::device::Device for Broken {
        fn caps(&self) -> limpid::device::Caps {
            self.0.caps()
        }
        fn recv_batch(
            &mut self,
            _: &mut limpid_wire::FramePool,
            _: &mut Vec<RxFrame>,
            _: usize,
        ) -> std::io::Result<usize> {
            Ok(0)
        }
        fn send_batch(&mut self, frames: &[TxFrame]) -> std::io::Result<usize> {
            if frames.is_empty() { Ok(0) } else { Err(std::io::Error::other("the wire is cut")) }
        }
        fn poll_fd(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
            self.0.poll_fd()
        }
    }
    let (left, _right) = Memory::pair(MemoryConfig::default()).unwrap();
    let host = Host::builder().device("broken", Broken(left)).address(CLIENT).build().unwrap();
    let error = TcpStream::connect(&host, "10.0.0.199:1").unwrap_err();
    assert_eq!(error.to_string(), "the wire is cut");
    assert!(host.open_connections().is_err(), "and it stays so");
}

/// Direction, time and connection of a frame.
type Seen = (&'static str, Instant, FlowId);

/// Keeps what it is told.
#[derive(Clone, Default)]
struct Log {
    states: Arc<Mutex<Vec<TcpState>>>,
    frames: Arc<Mutex<Vec<Seen>>>,
}

impl Observer for Log {
    fn observe(&mut self, _at: Instant, flow: FlowId, event: &Event) {
        if let Event::State { to, .. } = event {
            assert_ne!(flow, FlowId::NONE);
            self.states.lock().unwrap().push(*to);
        }
    }
}

impl Tap for Log {
    fn sent(&mut self, at: Instant, frame: &TxFrame) {
        assert!(frame.why.is_some(), "a TCP segment says why it is sent");
        self.frames.lock().unwrap().push(("sent", at, frame.flow));
    }

    fn received(&mut self, at: Instant, _frame: &RxFrame) {
        self.frames.lock().unwrap().push(("received", at, FlowId::NONE));
    }
}

#[test]
fn observer_and_tap_see_a_life() {
    let (left, right) = Memory::pair(MemoryConfig::default()).unwrap();
    let (log, clock) = (Log::default(), Clock::start());
    let client = Host::builder().clock(clock).observer(log.clone()).memory(left).address(CLIENT).tap(log.clone());
    let client = client.build().unwrap();
    let server = Host::builder().clock(clock).memory(right).address(SERVER).build().unwrap();
    let (listener, address) = listen(&server, "10.0.0.199:80");
    let mut stream = TcpStream::connect(&client, address).unwrap();
    let (accepted, _) = listener.accept().unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    drop(accepted);
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    // If the FINs crossed, ours is still to be acknowledged.
    let deadline = RealInstant::now() + Duration::from_secs(10);
    while stream.state().unwrap() != TcpState::TimeWait {
        assert!(RealInstant::now() < deadline);
        std::thread::sleep(Duration::from_millis(1));
    }

    use TcpState::*;
    let states = log.states.lock().unwrap().clone();
    assert_eq!(states.first_chunk(), Some(&[SynSent, Established, FinWait1]));
    assert_eq!(states.last(), Some(&TimeWait));
    let frames = log.frames.lock().unwrap().clone();
    assert!(frames.is_sorted_by_key(|f| f.1), "times don't run backwards");
    assert_eq!(frames[..3].iter().map(|f| f.0).collect::<Vec<_>>(), ["sent", "received", "sent"]);
    assert!(frames.iter().filter(|f| f.0 == "sent").all(|f| f.2 == frames[0].2 && f.2 != FlowId::NONE));

    // An observer that is taken away hears no more.
    client.set_observer(None).unwrap();
    let before = log.states.lock().unwrap().len();
    TcpStream::connect(&client, "10.0.0.199:81").unwrap_err();
    assert_eq!(log.states.lock().unwrap().len(), before);
}

#[test]
fn positive_linger_waits_for_the_peer() {
    let (client, server) = joined(MemoryConfig::default());
    let (listener, address) = listen(&server, "10.0.0.199:80");
    let mut stream = TcpStream::connect(&client, address).unwrap();
    assert_eq!(stream.linger().unwrap(), None);
    stream.set_linger(Some(Duration::from_secs(10))).unwrap();
    assert_eq!(stream.linger().unwrap(), Some(Duration::from_secs(10)));
    stream.write_all(b"x").unwrap();
    let begin = RealInstant::now();
    drop(stream);
    assert!(begin.elapsed() < Duration::from_secs(5), "the peer's host acknowledges at once");
    assert_eq!(client.open_connections().unwrap(), 0, "our FIN is acknowledged");
    drop(listener);
}
