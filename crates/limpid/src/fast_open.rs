//! Fast Open for applications (RFC 7413): data that goes with the SYN, and its answer a round trip earlier.

use crate::shard::Engine;
use crate::socket::Socket;
use crate::stream::{connected, first_of};
use crate::{Host, TcpListener, TcpStream};
use limpid_event::{Error, Instant};
use limpid_stack::{FastOpenFlags, SocketFastOpen, SocketId};
use std::io::{self, Write};
use std::net::{SocketAddr, ToSocketAddrs};

impl TcpStream {
    /// Connects to the first of the addresses that answers, and writes `data`. As much of it as one segment carries goes with
    /// the SYN (TCP Fast Open, Linux's MSG_FASTOPEN), so that the server can answer a round trip earlier. For that this host
    /// needs a cookie of the server: the first connection brings it, and sends its data once it is established.
    ///
    /// A SYN that arrives twice gives its data to the server twice (RFC 7413 §6.1): this is for requests that may be repeated.
    ///
    /// ```
    /// use limpid::device::{Memory, MemoryConfig};
    /// use limpid::{FastOpenFlags, Host, TcpListener, TcpStream};
    /// use std::io::{Read, Write};
    ///
    /// let (left, right) = Memory::pair(MemoryConfig::default())?;
    /// let client = Host::builder().memory(left).address("10.0.0.103/24").build()?;
    /// let server = Host::builder().memory(right).address("10.0.0.199/24").fast_open(FastOpenFlags::SERVER).build()?;
    ///
    /// let listener = TcpListener::bind(&server, "10.0.0.199:6379")?;
    /// listener.set_fast_open(128)?;
    /// for carried in [false, true] {
    ///     let mut stream = TcpStream::connect_with_data(&client, "10.0.0.199:6379", b"PING\r\n")?;
    ///     assert_eq!(stream.is_fast_open()?, carried);
    ///     let (mut accepted, _) = listener.accept()?;
    ///     let mut line = [0; 6];
    ///     accepted.read_exact(&mut line)?;
    ///     accepted.write_all(b"+PONG\r\n")?;
    ///     let mut answer = [0; 7];
    ///     stream.read_exact(&mut answer)?;
    ///     assert_eq!(&answer, b"+PONG\r\n");
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`connect`](Self::connect) and `write`; [`io::ErrorKind::Unsupported`] if the host's
    /// [`FastOpenFlags::CLIENT`] is off.
    pub fn connect_with_data(host: &Host, address: impl ToSocketAddrs, data: &[u8]) -> io::Result<TcpStream> {
        let (stream, carried) = first_of(address, |remote| TcpStream::open_with(host, remote, data))?;
        // Another address must not get what this one has in part.
        (&stream).write_all(&data[carried..])?;
        Ok(stream)
    }

    /// Connects to the first of the addresses, and returns at once if there is a cookie of the server (Linux's
    /// TCP_FASTOPEN_CONNECT): the SYN then leaves with the first write, which has to come before anything is read. Without a
    /// cookie it is [`connect`](Self::connect), which asks for one.
    ///
    /// What came of the connect is told by a write or read after the first write, even that nobody listens. As with
    /// [`connect_with_data`](Self::connect_with_data) the first write may reach the server twice.
    ///
    /// # Errors
    /// As [`connect`](Self::connect), and [`io::ErrorKind::Unsupported`] if the host's [`FastOpenFlags::CLIENT`] is off.
    pub fn connect_on_write(host: &Host, address: impl ToSocketAddrs) -> io::Result<TcpStream> {
        first_of(address, |remote| {
            let socket = TcpStream::unconnected(host)?;
            let id = socket.id;
            let deferred = socket.call(|stack, id, now| connect_deferred(stack, id, now, remote))?;
            if !deferred {
                socket.wait_until(None, |stack, _| connected(stack, id))?;
            }
            Ok(TcpStream::from_socket(socket))
        })
    }

    /// Whether data that went with a SYN was taken: what this end sent, or, of an accepted connection, what came.
    ///
    /// # Errors
    /// The host has gone down.
    pub fn is_fast_open(&self) -> io::Result<bool> {
        Ok(self.info()?.syn_data)
    }

    fn open_with(host: &Host, remote: SocketAddr, data: &[u8]) -> io::Result<(TcpStream, usize)> {
        let socket = TcpStream::unconnected(host)?;
        let id = socket.id;
        let carried = socket.call(|stack, id, now| {
            let carried = stack.connect_with_data(now, id, remote.into(), data)?;
            // What is left rides on the handshake's last ACK.
            stack.expect_write(id, carried < data.len());
            Ok(carried)
        })?;
        socket.wait_until(None, |stack, _| connected(stack, id))?;
        Ok((TcpStream::from_socket(socket), carried))
    }

    fn unconnected(host: &Host) -> io::Result<Socket> {
        let id = host.inner.any_shard().call(|stack, _| Ok(stack.socket()))?;
        Socket::new(&host.inner, id)
    }
}

impl TcpListener {
    /// Takes data that comes with a SYN (TCP_FASTOPEN): up to `queue` connections may be pending that began so; 0 is off, as at
    /// first. Such a connection can be accepted, read and written before its handshake is complete.
    ///
    /// What a SYN brings may come twice (RFC 7413 §6.1): this is for requests that may be repeated.
    ///
    /// # Errors
    /// [`io::ErrorKind::Unsupported`] if the host's [`FastOpenFlags::SERVER`] is off
    /// ([`Builder::fast_open`](crate::Builder::fast_open)).
    pub fn set_fast_open(&self, queue: u32) -> io::Result<()> {
        self.each(|socket| {
            socket.call(|stack, id, _| {
                if queue > 0 && !stack.config().fast_open.flags.contains(FastOpenFlags::SERVER) {
                    return Err(Error::NotSupported);
                }
                let said = stack.fast_open(id)?;
                stack.set_fast_open(id, SocketFastOpen { queue, ..said })
            })
        })
    }

    /// How many connections may be pending that Fast Open began; 0 is off.
    ///
    /// # Errors
    /// The host has gone down.
    pub fn fast_open(&self) -> io::Result<u32> {
        self.first().call(|stack, id, _| stack.fast_open(id).map(|said| said.queue))
    }
}

fn connect_deferred(stack: &mut Engine, id: SocketId, now: Instant, remote: SocketAddr) -> Result<bool, Error> {
    if !stack.config().fast_open.flags.contains(FastOpenFlags::CLIENT) {
        return Err(Error::NotSupported);
    }
    stack.connect_deferred(now, id, remote.into())
}
