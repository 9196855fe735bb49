//! Writing and reading owned chunks, and several buffers at once: the same bytes as by `read` and `write`, and nothing is copied that need
//! not be.

use limpid::device::{Caps, Device, Memory, MemoryConfig};
use limpid::{Bytes, Config, Host, TcpListener, TcpStream};
use limpid_stack::{RxFrame, TxFrame};
use limpid_wire::FramePool;
use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(30);

/// Two ends of a connection, and the hosts that keep it.
struct Ends {
    client: TcpStream,
    server: TcpStream,
    _hosts: [Host; 2],
}

fn over(left: impl Device + 'static, right: impl Device + 'static, config: Config) -> Ends {
    let client = Host::builder().device("left", left).address("10.0.0.103/24").tcp(config.clone()).build().unwrap();
    let server = Host::builder().device("right", right).address("10.0.0.199/24").tcp(config).build().unwrap();
    let listener = TcpListener::bind(&server, "10.0.0.199:80").unwrap();
    let stream = TcpStream::connect(&client, listener.local_addr().unwrap()).unwrap();
    Ends { client: stream, server: listener.accept().unwrap().0, _hosts: [client, server] }
}

fn joined(memory: MemoryConfig) -> Ends {
    let (left, right) = Memory::pair(memory).unwrap();
    over(left, right, Config::default())
}

/// Loses every so manieth frame that arrives.
struct Lossy {
    memory: Memory,
    every: usize,
    count: usize,
}

impl Device for Lossy {
    fn caps(&self) -> Caps {
        self.memory.caps()
    }

    fn recv_batch(&mut self, pool: &mut FramePool, frames: &mut Vec<RxFrame>, max: usize) -> io::Result<usize> {
        let before = frames.len();
        let received = self.memory.recv_batch(pool, frames, max)?;
        let mut at = 0;
        frames.retain(|_| {
            at += 1;
            self.count += usize::from(at > before);
            at <= before || !self.count.is_multiple_of(self.every)
        });
        Ok(received)
    }

    fn send_batch(&mut self, frames: &[TxFrame]) -> io::Result<usize> {
        self.memory.send_batch(frames)
    }

    fn poll_fd(&self) -> Option<BorrowedFd<'_>> {
        self.memory.poll_fd()
    }
}

/// Bytes that repeat only after a long while.
fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 31 + i / 251) as u8).collect()
}

/// `bytes` in chunks of many sizes, some of them empty.
fn chunks_of(mut bytes: Bytes) -> Vec<Bytes> {
    let mut chunks = Vec::new();
    for len in [1, 0, 64, 65, 511, 512, 1460, 5, 20_000, 70_000, 300_000].into_iter().cycle() {
        if bytes.is_empty() {
            return chunks;
        }
        chunks.push(bytes.split_to(bytes.len().min(len)));
    }
    unreachable!("the sizes go round for ever");
}

fn read_to_end(stream: &TcpStream) -> Vec<u8> {
    let (mut all, mut chunks) = (Vec::new(), [const { Bytes::new() }; 5]);
    loop {
        match stream.read_chunks(&mut chunks).unwrap() {
            0 => return all,
            count => chunks[..count].iter().for_each(|chunk| all.extend_from_slice(chunk)),
        }
    }
}

/// Bytes, and what is shared as long as they are.
struct Tracked(Vec<u8>, #[expect(dead_code, reason = "only its drop is looked at")] Arc<()>);

impl AsRef<[u8]> for Tracked {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

fn tracked(len: usize) -> (Bytes, Arc<()>) {
    let alive = Arc::new(());
    (Bytes::from_owner(Tracked(pattern(len), alive.clone())), alive)
}

fn is_gone(alive: &Arc<()>) -> bool {
    Arc::strong_count(alive) == 1
}

fn eventually(condition: impl Fn() -> bool) -> bool {
    let end = Instant::now() + LONG;
    while !condition() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(1));
    }
    condition()
}

#[test]
fn chunks_cross_whole_even_where_frames_are_lost() {
    for (every, offload) in [(usize::MAX, false), (usize::MAX, true), (23, false), (11, true)] {
        let (left, right) = Memory::pair(MemoryConfig { offload, ..MemoryConfig::default() }).unwrap();
        let ends =
            over(Lossy { memory: left, every, count: 0 }, Lossy { memory: right, every, count: 0 }, Config::default());
        let sent = Bytes::from(pattern(1_500_000));
        let received = std::thread::scope(|scope| {
            scope.spawn(|| {
                ends.client.write_all_chunks(&mut chunks_of(sent.clone())).unwrap();
                ends.client.shutdown(Shutdown::Write).unwrap();
            });
            read_to_end(&ends.server)
        });
        assert!(received == sent, "one of {every} is lost, offload {offload}");
        // The other half is still open.
        assert_eq!(ends.server.write_chunk(&mut sent.slice(..1000)).unwrap(), 1000);
        drop(ends.server);
        assert!(read_to_end(&ends.client) == sent[..1000]);
    }
}

#[test]
fn what_was_written_is_what_is_read_without_a_copy() {
    let ends = joined(MemoryConfig { offload: true, ..MemoryConfig::default() });
    let pages: Vec<Bytes> = (0..25).map(|_| Bytes::from(pattern(8_000))).collect();
    ends.client.write_all_chunks(&mut pages.clone()).unwrap();
    let (mut read, mut shared) = (0, 0);
    while read < 200_000 {
        let chunk = ends.server.read_chunk(usize::MAX).unwrap();
        let (page, at) = (&pages[read / 8_000], read % 8_000);
        if chunk.as_ptr() == page[at..].as_ptr() {
            assert_eq!(chunk, page[at..at + chunk.len()]);
            shared += chunk.len();
        }
        read += chunk.len();
    }
    // Where a segment's end cut a small part off, that is copied.
    assert!(shared > 150_000, "{shared} of 200,000 bytes");
}

#[test]
fn a_written_chunk_is_kept_until_it_is_acknowledged_and_no_longer() {
    let ends = joined(MemoryConfig::default());
    let (mut chunk, alive) = tracked(40_000);
    ends.client.write_all_chunks(std::slice::from_mut(&mut chunk)).unwrap();
    assert!(chunk.is_empty());
    drop(chunk);
    assert_eq!(read_exactly(&ends.server, 40_000), pattern(40_000));
    assert!(eventually(|| is_gone(&alive)));
}

fn read_exactly(stream: &TcpStream, len: usize) -> Vec<u8> {
    let mut all = Vec::new();
    while all.len() < len {
        all.extend_from_slice(&stream.read_chunk(len - all.len()).unwrap());
    }
    all
}

#[test]
fn a_written_chunk_outlives_its_writer_but_not_the_connection() {
    // Nobody reads: what does not fit into the peer's window stays.
    let ends = joined(MemoryConfig::default());
    ends.client.set_nonblocking(true).unwrap();
    let mut alive = Vec::new();
    let mut refused = 0;
    while refused < 3 {
        let (mut chunk, owner) = tracked(50_000);
        if ends.client.write_chunk(&mut chunk).is_ok() {
            refused = 0;
            alive.push(owner);
        } else {
            // Until what is under way has arrived there may be room again.
            refused += 1;
            std::thread::sleep(SHORT);
        }
    }
    assert!(!is_gone(alive.last().unwrap()));
    ends.client.abort().unwrap();
    assert!(eventually(|| alive.iter().all(is_gone)), "a reset lets go of everything");
}

#[test]
fn a_chunk_that_was_read_outlives_the_host() {
    let ends = joined(MemoryConfig::default());
    ends.client.write_all_chunks(&mut [Bytes::from(pattern(5_000))]).unwrap();
    let mut kept = Vec::new();
    while kept.iter().map(Bytes::len).sum::<usize>() < 5_000 {
        kept.push(ends.server.read_chunk(usize::MAX).unwrap());
    }
    // What is received afterwards does not lie where these do.
    ends.client.write_all_chunks(&mut [Bytes::from(vec![0xff; 3_000_000])].map(|b| b.slice(..100_000))).unwrap();
    assert!(read_exactly(&ends.server, 100_000).iter().all(|b| *b == 0xff));
    drop(ends);
    assert_eq!(kept.concat(), pattern(5_000));
}

#[test]
fn a_write_takes_what_there_is_room_for_and_waits_as_write_does() {
    let config = Config { send_buffer: 20_000, send_buffer_fixed: true, recv_buffer: 20_000, ..Config::default() };
    let (left, right) = Memory::pair(MemoryConfig::default()).unwrap();
    let ends = over(left, right, Config { recv_buffer_fixed: true, ..config });
    let sent = Bytes::from(pattern(200_000));
    let mut left = sent.clone();
    ends.client.set_nonblocking(true).unwrap();
    let taken = ends.client.write_chunk(&mut left).unwrap();
    assert!(taken > 0 && taken < 200_000, "{taken}");
    assert_eq!(left, sent[taken..], "what was taken is cut off");
    while ends.client.write_chunk(&mut left).is_ok() {}
    assert_eq!(ends.client.write_chunk(&mut left).unwrap_err().kind(), ErrorKind::WouldBlock);

    ends.client.set_nonblocking(false).unwrap();
    ends.client.set_write_timeout(Some(SHORT)).unwrap();
    let begin = Instant::now();
    while ends.client.write_chunk(&mut left).is_ok() {}
    assert!(begin.elapsed() >= SHORT && !left.is_empty());

    ends.client.set_write_timeout(None).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| ends.client.write_all_chunks(std::slice::from_mut(&mut left)).unwrap());
        assert!(read_exactly(&ends.server, 200_000) == sent);
    });
}

#[test]
fn reading_chunks_waits_and_ends_as_read_does() {
    let Ends { client, server, _hosts } = joined(MemoryConfig::default());
    server.set_read_timeout(Some(SHORT)).unwrap();
    assert_eq!(server.read_chunk(10).unwrap_err().kind(), ErrorKind::WouldBlock);
    let mut places = [const { Bytes::new() }; 2];
    assert_eq!(server.read_chunks(&mut places).unwrap_err().kind(), ErrorKind::WouldBlock);
    server.set_read_timeout(Some(LONG)).unwrap();
    (&client).write_all(b"both kinds of call").unwrap();
    assert_eq!(server.read_chunk(4).unwrap(), "both");
    assert_eq!(server.read_chunk(0).unwrap(), "");
    assert_eq!(server.read_chunks(&mut []).unwrap(), 0);
    let mut some = [0; 6];
    (&server).read_exact(&mut some).unwrap();
    assert_eq!(&some, b" kinds");
    assert_eq!(server.read_chunks(&mut places).unwrap(), 1);
    assert_eq!(places[0], " of call");

    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(server.read_chunk(10).unwrap(), "");
    assert_eq!(server.read_chunks(&mut places).unwrap(), 0);
    let mut page = Bytes::from(pattern(4096));
    assert_eq!(client.write_chunk(&mut page).unwrap_err().kind(), ErrorKind::BrokenPipe);
    assert_eq!(page.len(), 4096);
    assert_eq!(client.write_chunk(&mut Bytes::new()).unwrap_err().kind(), ErrorKind::BrokenPipe);
    server.abort().unwrap();
    assert_eq!(client.read_chunk(10).unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[test]
fn buffers_are_filled_and_written_one_after_the_other() {
    let Ends { client, server, _hosts } = joined(MemoryConfig::default());
    let (head, body) = (pattern(10), pattern(9_000));
    let written = (&client).write_vectored(&[IoSlice::new(&head), IoSlice::new(&[]), IoSlice::new(&body)]).unwrap();
    assert_eq!(written, 9_010);
    let sent = [head, body].concat();
    let (mut first, mut second) = ([0; 7], vec![0; 20_000]);
    let mut read = 0;
    while read < 9_010 {
        let mut slices = [IoSliceMut::new(&mut []), IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
        let n = (&server).read_vectored(&mut slices).unwrap();
        let got = [&first[..n.min(7)], &second[..n.saturating_sub(7)]].concat();
        assert_eq!(got, sent[read..read + n]);
        read += n;
    }
    assert_eq!((&client).write_vectored(&[]).unwrap(), 0);
    drop(client);
    assert_eq!((&server).read_vectored(&mut [IoSliceMut::new(&mut first)]).unwrap(), 0);
}

#[test]
fn a_vectored_write_is_one_write() {
    // Nagle would hold the second back, were they two.
    let Ends { client, server, _hosts } = joined(MemoryConfig::default());
    let before = client.info().unwrap().segs_out;
    let sent = (&client).write_vectored(&[IoSlice::new(b"GET "), IoSlice::new(b"/")]).unwrap();
    assert_eq!(sent, 5);
    assert_eq!(server.read_chunk(100).unwrap(), "GET /");
    assert_eq!(client.info().unwrap().segs_out, before + 1);
    let sent = client.write_chunks(&mut [Bytes::from_static(b"HEAD "), Bytes::from_static(b"/")]).unwrap();
    assert_eq!((sent, server.read_chunk(100).unwrap()), (6, Bytes::from_static(b"HEAD /")));
}

#[test]
fn what_a_reader_holds_is_no_longer_the_connections() {
    // The window opens by what is read, not by what is dropped; and a small part of a large frame is no large frame.
    let config = Config { recv_buffer: 64 * 1024, recv_buffer_fixed: true, ..Config::default() };
    let (left, right) = Memory::pair(MemoryConfig { offload: true, ..MemoryConfig::default() }).unwrap();
    let ends = over(left, right, config);
    let sent = Bytes::from(pattern(500_000));
    std::thread::scope(|scope| {
        scope.spawn(|| ends.client.write_all_chunks(&mut [sent.clone()]).unwrap());
        let (mut kept, mut len) = (Vec::new(), 0);
        while len < sent.len() {
            let chunk = ends.server.read_chunk(1000).unwrap();
            len += chunk.len();
            kept.push(chunk);
        }
        assert!(kept.concat() == sent);
    });
}
