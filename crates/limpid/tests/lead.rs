//! A caller that waits drives its shard itself; the driver's thread does while none waits.

use limpid::device::{Memory, MemoryConfig, Tap};
use limpid::{Host, Instant, TcpListener, TcpStream};
use limpid_stack::{RxFrame, TxFrame};
use rustix::time::{ClockId, clock_gettime};
use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::ThreadId;
use std::time::{Duration, Instant as RealInstant};

/// Which threads took frames from a device.
#[derive(Clone, Default)]
struct Hands(Arc<Mutex<HashMap<ThreadId, usize>>>);

impl Hands {
    /// Frames that this thread took, and all others.
    fn take(&self) -> (usize, usize) {
        let counts = std::mem::take(&mut *self.0.lock().unwrap());
        let own = counts.get(&std::thread::current().id()).copied().unwrap_or(0);
        (own, counts.values().sum::<usize>() - own)
    }
}

impl Tap for Hands {
    fn sent(&mut self, _: Instant, _: &TxFrame) {}

    fn received(&mut self, _: Instant, _: &RxFrame) {
        *self.0.lock().unwrap().entry(std::thread::current().id()).or_default() += 1;
    }
}

fn joined(shards: usize) -> (Host, Hands, Host) {
    let (left, right) = Memory::pair(MemoryConfig::default()).unwrap();
    let hands = Hands::default();
    let client =
        Host::builder().shards(shards).memory(left).address("10.0.0.103/24").tap(hands.clone()).build().unwrap();
    let server = Host::builder().memory(right).address("10.0.0.199/24").build().unwrap();
    (client, hands, server)
}

/// Answers each byte, a thread for each connection.
fn serve(server: &Host) {
    let listener = TcpListener::bind(server, "10.0.0.199:7").unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            stream.set_nodelay(true).unwrap();
            std::thread::spawn(move || {
                let mut byte = [0];
                while stream.read_exact(&mut byte).is_ok() && stream.write_all(&byte).is_ok() {}
            });
        }
    });
}

fn ask(stream: &mut TcpStream, question: u8) {
    stream.write_all(&[question]).unwrap();
    let mut answer = [0];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer[0], question);
}

#[test]
fn a_blocked_caller_takes_its_answer_from_the_device_itself() {
    let (client, hands, server) = joined(1);
    serve(&server);
    let mut stream = TcpStream::connect(&client, "10.0.0.199:7").unwrap();
    hands.take();
    for question in 0..200 {
        ask(&mut stream, question);
    }
    let (own, others) = hands.take();
    assert!(own > 2 * others, "{own} frames by the caller, {others} by other threads");
}

#[test]
fn the_driver_comes_back_when_nobody_waits() {
    let (client, hands, server) = joined(1);
    serve(&server);
    let mut stream = TcpStream::connect(&client, "10.0.0.199:7").unwrap();
    for pause in [0, 1, 20, 0, 0, 5] {
        ask(&mut stream, 1);
        // Nobody waits when this is answered.
        hands.take();
        stream.write_all(&[2]).unwrap();
        let end = RealInstant::now() + Duration::from_secs(10);
        while hands.0.lock().unwrap().is_empty() && RealInstant::now() < end {
            std::thread::sleep(Duration::from_millis(1));
        }
        let (own, others) = hands.take();
        assert!(own == 0 && others > 0, "{own} and {others}");
        std::thread::sleep(Duration::from_millis(pause));
        let mut answer = [0];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(answer, [2]);
    }
}

#[test]
fn one_leads_and_the_others_are_served() {
    for shards in [1, 2] {
        let (client, _hands, server) = joined(shards);
        serve(&server);
        std::thread::scope(|scope| {
            for thread in 0..8_u8 {
                let client = &client;
                scope.spawn(move || {
                    let mut stream = TcpStream::connect(client, "10.0.0.199:7").unwrap();
                    for question in 0..150 {
                        ask(&mut stream, question);
                        if question % 32 == thread {
                            std::thread::sleep(Duration::from_micros(400));
                        }
                    }
                });
            }
        });
    }
}

#[test]
fn busy_polling_serves_all_and_ends() {
    let (left, right) = Memory::pair(MemoryConfig::default()).unwrap();
    let span = Duration::from_millis(2);
    let client = Host::builder().busy_poll(span).memory(left).address("10.0.0.103/24").build().unwrap();
    let server = Host::builder().busy_poll(span).memory(right).address("10.0.0.199/24").build().unwrap();
    serve(&server);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut stream = TcpStream::connect(&client, "10.0.0.199:7").unwrap();
                (0..100).for_each(|question| ask(&mut stream, question));
                // Nothing comes any more: it looks for its time and then sleeps.
                stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
                let before = clock_gettime(ClockId::ThreadCPUTime);
                assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
                let spent = Duration::try_from(clock_gettime(ClockId::ThreadCPUTime) - before).unwrap();
                assert!(spent < Duration::from_millis(150), "{spent:?}");
            });
        }
    });
}

#[test]
fn another_thread_wakes_who_leads() {
    // Both ends in one host: what one writes the other, who sleeps at the device, has to be told of.
    let (host, _hands, _peer) = joined(1);
    let listener = TcpListener::bind(&host, "127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(&host, listener.local_addr().unwrap()).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    let reader = std::thread::spawn(move || {
        let mut text = [0; 5];
        (0..50).for_each(|_| server.read_exact(&mut text).unwrap());
        server.set_read_timeout(Some(Duration::from_millis(40))).unwrap();
        let begin = RealInstant::now();
        assert_eq!(server.read(&mut text).unwrap_err().kind(), ErrorKind::WouldBlock);
        let waited = begin.elapsed();
        assert!(waited >= Duration::from_millis(40) && waited < Duration::from_secs(5), "{waited:?}");
        server.set_read_timeout(None).unwrap();
        server.read(&mut text).unwrap_err().kind()
    });
    for _ in 0..50 {
        std::thread::sleep(Duration::from_micros(700));
        client.write_all(b"hello").unwrap();
    }
    std::thread::sleep(Duration::from_millis(100));
    client.abort().unwrap();
    assert_eq!(reader.join().unwrap(), ErrorKind::ConnectionReset);
}

#[test]
fn timers_run_while_a_caller_leads() {
    let (left, _silent) = Memory::pair(MemoryConfig::default()).unwrap();
    let host = Host::builder().memory(left).address("10.0.0.103/24").build().unwrap();
    let begin = RealInstant::now();
    let timeout = Duration::from_millis(150);
    let error = TcpStream::connect_timeout(&host, &"10.0.0.199:1".parse().unwrap(), timeout).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(begin.elapsed() >= timeout && begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
}

/// A tap that takes its time over the second frame sent.
struct Slow(AtomicUsize);

impl Tap for Slow {
    fn sent(&mut self, _: Instant, _: &TxFrame) {
        if self.0.fetch_add(1, Ordering::Relaxed) == 1 {
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    fn received(&mut self, _: Instant, _: &RxFrame) {}
}

#[test]
fn who_leads_hears_what_its_own_command_brought_about() {
    let (left, _silent) = Memory::pair(MemoryConfig::default()).unwrap();
    let host = Host::builder().memory(left).address("10.0.0.103/24").tap(Slow(AtomicUsize::new(0))).build().unwrap();
    let (result, failed) = mpsc::channel();
    std::thread::spawn(move || {
        // The SYN goes again after a second; when that is done the deadline has passed, and the next command finds it.
        let timeout = Duration::from_millis(1_200);
        result.send(TcpStream::connect_timeout(&host, &"10.0.0.199:1".parse().unwrap(), timeout).map(drop)).unwrap();
    });
    let result = failed.recv_timeout(Duration::from_secs(10)).expect("it sleeps for ever");
    assert_eq!(result.unwrap_err().kind(), ErrorKind::TimedOut);
}

/// Has a caller wait to read and one to accept; returns where they tell what became of that.
fn waiting(host: &Host, mut stream: TcpStream) -> mpsc::Receiver<ErrorKind> {
    let (result, results) = mpsc::channel();
    let listener = TcpListener::bind(host, "10.0.0.103:9").unwrap();
    let accepts = result.clone();
    std::thread::spawn(move || accepts.send(listener.accept().unwrap_err().kind()).unwrap());
    std::thread::spawn(move || result.send(stream.read(&mut [0]).unwrap_err().kind()));
    // For long enough that the driver rests.
    std::thread::sleep(Duration::from_millis(50));
    results
}

#[test]
fn who_panics_while_another_leads_leaves_nobody_waiting() {
    let (client, _hands, server) = joined(1);
    serve(&server);
    let [stream, other] = [(); 2].map(|()| TcpStream::connect(&client, "10.0.0.199:7").unwrap());
    let results = waiting(&client, stream);
    std::thread::spawn(move || other.configure(|_| panic!("as it should"))).join().unwrap_err();
    for _ in 0..2 {
        results.recv_timeout(Duration::from_secs(10)).expect("somebody waits for ever");
    }
}

/// A tap that panics once it is told to.
#[derive(Clone, Default)]
struct Panicking(Arc<AtomicBool>);

impl Tap for Panicking {
    fn sent(&mut self, _: Instant, _: &TxFrame) {}

    fn received(&mut self, _: Instant, _: &RxFrame) {
        assert!(!self.0.load(Ordering::Relaxed), "as it should");
    }
}

#[test]
fn who_panics_while_it_leads_leaves_nobody_waiting() {
    let (left, right) = Memory::pair(MemoryConfig::default()).unwrap();
    let tap = Panicking::default();
    let client = Host::builder().memory(left).address("10.0.0.103/24").tap(tap.clone()).build().unwrap();
    let server = Host::builder().memory(right).address("10.0.0.199/24").build().unwrap();
    let listener = TcpListener::bind(&server, "10.0.0.199:7").unwrap();
    let stream = TcpStream::connect(&client, "10.0.0.199:7").unwrap();
    let (mut accepted, _) = listener.accept().unwrap();
    let results = waiting(&client, stream);
    tap.0.store(true, Ordering::Relaxed);
    accepted.write_all(&[1]).unwrap();
    // The reader is gone with its panic.
    results.recv_timeout(Duration::from_secs(10)).expect("somebody waits for ever");
}
