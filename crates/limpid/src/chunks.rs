//! Reading and writing without copying: owned chunks instead of buffers.

use crate::TcpStream;
use crate::shard::Engine;
use crate::socket::Direction;
use arrayvec::ArrayVec;
use bytes::{Buf, Bytes};
use limpid_event::{Error, Instant};
use limpid_stack::SocketId;
use limpid_wire::Chunk;
use std::io;
use std::slice;

/// A chunk is offered to the stack in parts of at most so many bytes: as long as one of them is not acknowledged it counts,
/// whole, as memory of the connection.
const PART: usize = 64 * 1024;

/// So many parts are offered at a time; whoever writes more calls again, as after any write that took a part.
const PARTS: usize = 16;

/// What was received in shorter chunks is copied: sharing it costs more.
const SHARED_FROM: usize = 512;

/// Chunks: what is written is kept by reference until the peer has acknowledged it, and what is read is the memory that it was
/// received in. They may be mixed with the calls of [`Read`](io::Read) and [`Write`](io::Write), and behave as those do in all else: they
/// wait as long, take and give a part if there is no more, and fail with the same errors.
impl TcpStream {
    /// Writes from `chunk` without copying it, and cuts off its front what was taken; returns how many bytes that is. It is 0
    /// only if the chunk is empty. The bytes are kept by reference until the peer has acknowledged them (those of short chunks, below
    /// half a KiB, are copied: that costs less).
    ///
    /// If this was the last reference, its owner ([`Bytes::from_owner`]) is dropped by whichever thread sees the acknowledgement, while nobody
    /// else can use this part of the host: a `drop` of its own must not use the host or its sockets, for it would wait for itself.
    ///
    /// ```
    /// use limpid::{Bytes, Host, TcpListener, TcpStream};
    ///
    /// let host = Host::builder().build()?;
    /// let listener = TcpListener::bind(&host, "127.0.0.1:7")?;
    /// let client = TcpStream::connect(&host, listener.local_addr()?)?;
    /// let (server, _) = listener.accept()?;
    ///
    /// let page = Bytes::from(vec![b'p'; 4096]);
    /// assert_eq!(client.write_chunk(&mut page.clone())?, 4096);
    ///
    /// // Nothing was copied on the way, not even between the two ends: this host's loopback is memory.
    /// let received = server.read_chunk(usize::MAX)?;
    /// assert_eq!((received.as_ptr(), received.len()), (page.as_ptr(), 4096));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// As `write`.
    pub fn write_chunk(&self, chunk: &mut Bytes) -> io::Result<usize> {
        self.write_chunks(slice::from_mut(chunk))
    }

    /// The same of several chunks, one after the other, as one write: those that were taken whole are empty afterwards, and
    /// one may be cut short.
    ///
    /// # Errors
    /// As `write`.
    pub fn write_chunks(&self, chunks: &mut [Bytes]) -> io::Result<usize> {
        let mut parts = parts_of(chunks);
        let write = |stack: &mut Engine, id, now| stack.write_chunks(now, id, &mut parts);
        let written = self.socket().wait(Direction::Write, write)?;
        let mut left = written;
        for chunk in chunks {
            let taken = left.min(chunk.len());
            chunk.advance(taken);
            left -= taken;
        }
        Ok(written)
    }

    /// Writes all of the chunks, and waits for room as often as it takes.
    ///
    /// ```
    /// use limpid::{Bytes, Host, TcpListener, TcpStream};
    /// use std::io::Read;
    ///
    /// let host = Host::builder().build()?;
    /// let listener = TcpListener::bind(&host, "127.0.0.1:80")?;
    /// let client = TcpStream::connect(&host, listener.local_addr()?)?;
    /// let (mut server, _) = listener.accept()?;
    ///
    /// let head = Bytes::from_static(b"HTTP/1.1 200 OK\r\n\r\n");
    /// let body = Bytes::from(vec![b'b'; 3_000]);
    /// client.write_all_chunks(&mut [head, body])?;
    /// drop(client);
    /// let mut text = String::new();
    /// server.read_to_string(&mut text)?;
    /// assert_eq!(text.len(), 19 + 3_000);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// As `write`. The chunks tell then how far it came: what was taken is cut off.
    pub fn write_all_chunks(&self, chunks: &mut [Bytes]) -> io::Result<()> {
        while chunks.iter().any(|chunk| !chunk.is_empty()) {
            self.write_chunks(chunks)?;
        }
        Ok(())
    }

    /// Takes the chunk that is to be read next, at most `max` bytes of it; no byte is the end of the stream.
    ///
    /// It is the memory that the bytes were received in, which is used again once the last clone and slice of it is dropped.
    /// What is kept for long is better copied if it is a small part of what it keeps: at most four times its length, for less is copied
    /// here already.
    ///
    /// # Errors
    /// As `read`.
    pub fn read_chunk(&self, max: usize) -> io::Result<Bytes> {
        let chunk = self.socket().wait(Direction::Read, |stack, id, now| stack.read_chunk(now, id, max))?;
        Ok(chunk.map_or_else(Bytes::new, to_bytes))
    }

    /// Takes as many chunks as have come, into the places of `chunks` from the first on; returns how many. None is the end of
    /// the stream, unless there is no place.
    ///
    /// ```
    /// use limpid::{Bytes, Host, TcpListener, TcpStream};
    /// use std::io::Write;
    ///
    /// let host = Host::builder().build()?;
    /// let listener = TcpListener::bind(&host, "127.0.0.1:7")?;
    /// let mut client = TcpStream::connect(&host, listener.local_addr()?)?;
    /// let (server, _) = listener.accept()?;
    /// client.write_all(&[7; 100_000])?;
    /// drop(client);
    ///
    /// let mut received = 0;
    /// let mut chunks = [const { Bytes::new() }; 16];
    /// loop {
    ///     match server.read_chunks(&mut chunks)? {
    ///         0 => break,
    ///         count => received += chunks[..count].iter().map(Bytes::len).sum::<usize>(),
    ///     }
    /// }
    /// assert_eq!(received, 100_000);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// As `read`.
    pub fn read_chunks(&self, chunks: &mut [Bytes]) -> io::Result<usize> {
        self.socket().wait(Direction::Read, |stack, id, now| read_chunks(stack, id, now, chunks))
    }
}

/// The beginning of what chunks hold, as the stack takes it.
fn parts_of(chunks: &[Bytes]) -> ArrayVec<Chunk, PARTS> {
    let cut = |chunk: &Bytes| {
        let chunk = chunk.clone();
        (0..chunk.len()).step_by(PART).map(move |at| chunk.slice(at..chunk.len().min(at + PART)))
    };
    chunks.iter().flat_map(cut).take(PARTS).map(Chunk::from_owner).collect()
}

fn read_chunks(stack: &mut Engine, id: SocketId, now: Instant, places: &mut [Bytes]) -> Result<usize, Error> {
    let mut count = 0;
    while count < places.len() && (count == 0 || stack.readable_len(id)? > 0) {
        let Some(chunk) = stack.read_chunk(now, id, usize::MAX)? else { break };
        places[count] = to_bytes(chunk);
        count += 1;
    }
    Ok(count)
}

/// A received chunk as the application holds it: itself, unless it is short or a small part of what it would keep alive.
fn to_bytes(chunk: Chunk) -> Bytes {
    if chunk.len() < SHARED_FROM || chunk.is_wasteful() {
        Bytes::copy_from_slice(&chunk)
    } else {
        Bytes::from_owner(chunk)
    }
}
