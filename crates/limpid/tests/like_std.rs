//! The same events give the same results as with std: each scenario runs over Linux's loopback with std's sockets and
//! over a host's loopback with ours, and what the application saw must not differ.

use limpid::{Host, TcpListener, TcpStream};
use std::fmt::Debug;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::mpsc;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(30);

/// What std's streams and ours have in common.
trait Stream: Read + Write + Send + Sized + 'static {
    fn peer_addr(&self) -> io::Result<SocketAddr>;
    fn local_addr(&self) -> io::Result<SocketAddr>;
    fn shutdown(&self, how: Shutdown) -> io::Result<()>;
    fn try_clone(&self) -> io::Result<Self>;
    fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()>;
    fn read_timeout(&self) -> io::Result<Option<Duration>>;
    fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()>;
    fn write_timeout(&self) -> io::Result<Option<Duration>>;
    fn peek(&self, buf: &mut [u8]) -> io::Result<usize>;
    fn set_nodelay(&self, nodelay: bool) -> io::Result<()>;
    fn nodelay(&self) -> io::Result<bool>;
    fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()>;
    fn take_error(&self) -> io::Result<Option<io::Error>>;
}

trait Listener: Send + Sized + 'static {
    type Stream: Stream;
    fn accept(&self) -> io::Result<(Self::Stream, SocketAddr)>;
    fn local_addr(&self) -> io::Result<SocketAddr>;
    fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()>;
}

trait Net {
    type Stream: Stream;
    type Listener: Listener<Stream = Self::Stream>;
    fn bind(&self, address: &str) -> io::Result<Self::Listener>;
    fn connect(&self, address: SocketAddr) -> io::Result<Self::Stream>;
    fn connect_timeout(&self, address: SocketAddr, timeout: Duration) -> io::Result<Self::Stream>;
    /// Makes closing reset. (std's own `set_linger` is not stable.)
    fn reset_on_close(&self, stream: &Self::Stream);
}

macro_rules! stream_and_listener {
    ($stream:ty, $listener:ty) => {
        impl Stream for $stream {
            fn peer_addr(&self) -> io::Result<SocketAddr> {
                <$stream>::peer_addr(self)
            }
            fn local_addr(&self) -> io::Result<SocketAddr> {
                <$stream>::local_addr(self)
            }
            fn shutdown(&self, how: Shutdown) -> io::Result<()> {
                <$stream>::shutdown(self, how)
            }
            fn try_clone(&self) -> io::Result<Self> {
                <$stream>::try_clone(self)
            }
            fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
                <$stream>::set_read_timeout(self, timeout)
            }
            fn read_timeout(&self) -> io::Result<Option<Duration>> {
                <$stream>::read_timeout(self)
            }
            fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
                <$stream>::set_write_timeout(self, timeout)
            }
            fn write_timeout(&self) -> io::Result<Option<Duration>> {
                <$stream>::write_timeout(self)
            }
            fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
                <$stream>::peek(self, buf)
            }
            fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
                <$stream>::set_nodelay(self, nodelay)
            }
            fn nodelay(&self) -> io::Result<bool> {
                <$stream>::nodelay(self)
            }
            fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
                <$stream>::set_nonblocking(self, nonblocking)
            }
            fn take_error(&self) -> io::Result<Option<io::Error>> {
                <$stream>::take_error(self)
            }
        }

        impl Listener for $listener {
            type Stream = $stream;
            fn accept(&self) -> io::Result<($stream, SocketAddr)> {
                <$listener>::accept(self)
            }
            fn local_addr(&self) -> io::Result<SocketAddr> {
                <$listener>::local_addr(self)
            }
            fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
                <$listener>::set_nonblocking(self, nonblocking)
            }
        }
    };
}

stream_and_listener!(std::net::TcpStream, std::net::TcpListener);
stream_and_listener!(TcpStream, TcpListener);

struct Linux;

impl Net for Linux {
    type Stream = std::net::TcpStream;
    type Listener = std::net::TcpListener;
    fn bind(&self, address: &str) -> io::Result<Self::Listener> {
        std::net::TcpListener::bind(address)
    }
    fn connect(&self, address: SocketAddr) -> io::Result<Self::Stream> {
        std::net::TcpStream::connect(address)
    }
    fn connect_timeout(&self, address: SocketAddr, timeout: Duration) -> io::Result<Self::Stream> {
        std::net::TcpStream::connect_timeout(&address, timeout)
    }
    fn reset_on_close(&self, stream: &Self::Stream) {
        rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO)).unwrap();
    }
}

struct Ours(Host);

impl Net for Ours {
    type Stream = TcpStream;
    type Listener = TcpListener;
    fn bind(&self, address: &str) -> io::Result<Self::Listener> {
        TcpListener::bind(&self.0, address)
    }
    fn connect(&self, address: SocketAddr) -> io::Result<Self::Stream> {
        TcpStream::connect(&self.0, address)
    }
    fn connect_timeout(&self, address: SocketAddr, timeout: Duration) -> io::Result<Self::Stream> {
        TcpStream::connect_timeout(&self.0, &address, timeout)
    }
    fn reset_on_close(&self, stream: &Self::Stream) {
        stream.set_linger(Some(Duration::ZERO)).unwrap();
    }
}

/// What the application saw, one line a step.
#[derive(Default, PartialEq, Eq, Debug)]
struct Story(Vec<String>);

impl Story {
    fn tell<T: Debug>(&mut self, what: &str, result: io::Result<T>) {
        self.0.push(match result {
            Ok(value) => format!("{what}: {value:?}"),
            Err(error) => format!("{what}: {:?} ({:?})", error.kind(), error.raw_os_error()),
        });
    }

    fn note(&mut self, text: impl Into<String>) {
        self.0.push(text.into());
    }
}

/// Runs a scenario in both worlds.
macro_rules! like_std {
    ($($(#[$attribute:meta])* $name:ident),* $(,)?) => {$(
        $(#[$attribute])*
        #[test]
        fn $name() {
            let (mut linux, mut ours) = (Story::default(), Story::default());
            scenario::$name(&Linux, &mut linux);
            scenario::$name(&Ours(Host::builder().build().unwrap()), &mut ours);
            assert!(!linux.0.is_empty());
            assert_eq!(linux, ours, "left is Linux with std, right is limpid");
        }
    )*};
}

like_std!(
    refused,
    bad_arguments,
    addresses,
    binding,
    nobody_to_accept,
    nothing_to_read,
    no_room_to_write,
    end_of_stream,
    half_close,
    own_shutdown,
    reset_by_unread_data,
    reset_by_linger,
    writing_to_the_dead,
    peeking,
    clones,
    no_delay,
    waiting_reader_is_woken,
);

fn pair<N: Net>(net: &N) -> (N::Stream, N::Stream) {
    let listener = net.bind("127.0.0.1:0").unwrap();
    let client = net.connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    for stream in [&client, &server] {
        stream.set_read_timeout(Some(LONG)).unwrap();
    }
    (client, server)
}

/// Waits until a reset, or whatever else, has reached a socket: its reading does not block any more.
fn settle<S: Stream>(stream: &S) {
    stream.set_read_timeout(Some(LONG)).unwrap();
    let _ = stream.peek(&mut [0]);
}

mod scenario {
    use super::*;

    pub(super) fn refused<N: Net>(net: &N, story: &mut Story) {
        let listener = net.bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        story.tell("connect", net.connect(address).map(drop));
        story.tell("connect_timeout", net.connect_timeout(address, LONG).map(drop));
    }

    pub(super) fn bad_arguments<N: Net>(net: &N, story: &mut Story) {
        let (client, _server) = pair(net);
        let address = client.peer_addr().unwrap();
        story.tell("connect_timeout", net.connect_timeout(address, Duration::ZERO).map(drop));
        story.tell("read timeout", client.set_read_timeout(Some(Duration::ZERO)));
        story.tell("write timeout", client.set_write_timeout(Some(Duration::ZERO)));
        story.tell("read timeout", client.set_read_timeout(Some(Duration::from_millis(1500))));
        story.tell("read timeout", client.read_timeout());
        story.tell("write timeout", client.write_timeout());
    }

    pub(super) fn addresses<N: Net>(net: &N, story: &mut Story) {
        let listener = net.bind("127.0.0.1:0").unwrap();
        let client = net.connect(listener.local_addr().unwrap()).unwrap();
        let (server, peer) = listener.accept().unwrap();
        story.note(format!("{}", client.local_addr().unwrap() == peer));
        story.note(format!("{}", server.peer_addr().unwrap() == peer));
        story.note(format!("{}", server.local_addr().unwrap() == client.peer_addr().unwrap()));
        story.note(client.local_addr().unwrap().ip().to_string());
        story.tell("no error", client.take_error().map(|e| e.map(|e| e.kind())));
    }

    pub(super) fn binding<N: Net>(net: &N, story: &mut Story) {
        let listener = net.bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        story.tell("in use", net.bind(&address).map(drop));
        story.tell("not ours", net.bind("192.0.2.1:0").map(drop));
        story.tell("six", net.bind("[::1]:0").and_then(|l| l.local_addr()).map(|a| a.ip()));
        // After a connection was closed here its address is still in TIME-WAIT: SO_REUSEADDR lets us listen again.
        let client = net.connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        drop((server.shutdown(Shutdown::Write), listener));
        drop(client);
        story.tell("end", server.read(&mut [0]));
        drop(server);
        story.tell("again", net.bind(&address).map(drop));
    }

    pub(super) fn nobody_to_accept<N: Net>(net: &N, story: &mut Story) {
        let listener = net.bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        story.tell("accept", listener.accept().map(drop));
    }

    pub(super) fn nothing_to_read<N: Net>(net: &N, story: &mut Story) {
        let (mut client, mut server) = pair(net);
        client.set_nonblocking(true).unwrap();
        story.tell("nonblocking read", client.read(&mut [0; 8]));
        story.tell("nonblocking peek", client.peek(&mut [0; 8]));
        story.tell("read into nothing", client.read(&mut []));
        client.set_nonblocking(false).unwrap();
        client.set_read_timeout(Some(SHORT)).unwrap();
        let begin = std::time::Instant::now();
        story.tell("read with timeout", client.read(&mut [0; 8]));
        story.note(format!("it took long enough: {}", begin.elapsed() >= SHORT));
        server.write_all(b"x").unwrap();
        client.set_read_timeout(Some(LONG)).unwrap();
        story.tell("read", client.read(&mut [0; 8]));
    }

    pub(super) fn no_room_to_write<N: Net>(net: &N, story: &mut Story) {
        let (mut client, mut server) = pair(net);
        client.set_nonblocking(true).unwrap();
        let mut sent = 0_u64;
        let error = loop {
            match client.write(&[7; 10_000]) {
                Ok(n) => sent += n as u64,
                Err(error) => break error,
            }
        };
        story.tell::<()>("full", Err(error));
        client.set_nonblocking(false).unwrap();
        client.set_write_timeout(Some(SHORT)).unwrap();
        let result = loop {
            match client.write(&[7; 10_000]) {
                Ok(n) => sent += n as u64,
                Err(error) => break error,
            }
        };
        story.tell::<()>("full with timeout", Err(result));
        drop(client);
        let received = io::copy(&mut server, &mut io::sink());
        story.note(format!("all arrived: {}", received.unwrap() == sent));
    }

    pub(super) fn end_of_stream<N: Net>(net: &N, story: &mut Story) {
        let (mut client, server) = pair(net);
        drop(server);
        story.tell("read", client.read(&mut [0; 8]));
        story.tell("again", client.read(&mut [0; 8]));
        story.tell("peek", client.peek(&mut [0; 8]));
        story.tell("peer", client.peer_addr().map(drop));
        story.tell("error", client.take_error().map(|e| e.map(|e| e.kind())));
    }

    pub(super) fn half_close<N: Net>(net: &N, story: &mut Story) {
        let (mut client, mut server) = pair(net);
        client.write_all(b"question").unwrap();
        story.tell("shutdown", client.shutdown(Shutdown::Write));
        let mut text = String::new();
        story.tell("server reads", server.read_to_string(&mut text));
        story.note(text.clone());
        server.write_all(b"answer").unwrap();
        drop(server);
        text.clear();
        story.tell("client reads", client.read_to_string(&mut text));
        story.note(text);
        story.tell("client writes", client.write(b"more"));
        story.tell("client's peer", client.peer_addr().map(drop));
        story.tell("client's shutdown", client.shutdown(Shutdown::Both));
        story.tell("client's local", client.local_addr().map(|a| a.ip()));
    }

    pub(super) fn own_shutdown<N: Net>(net: &N, story: &mut Story) {
        let (mut client, mut server) = pair(net);
        server.write_all(b"unread").unwrap();
        settle(&client);
        story.tell("shutdown read", client.shutdown(Shutdown::Read));
        story.tell("what was there", client.read(&mut [0; 16]));
        story.tell("then the end", client.read(&mut [0; 16]));
        story.tell("write still works", client.write(b"x"));
        story.tell("shutdown write", client.shutdown(Shutdown::Write));
        story.tell("once more", client.shutdown(Shutdown::Write));
        story.tell("write", client.write(b"x"));
        story.tell("write nothing", client.write(b""));
        story.tell("the peer got", server.read(&mut [0; 8]));
        story.tell("and the end", server.read(&mut [0; 8]));
    }

    pub(super) fn reset_by_unread_data<N: Net>(net: &N, story: &mut Story) {
        let (mut client, server) = pair(net);
        client.write_all(b"never read").unwrap();
        settle(&server);
        drop(server);
        story.tell("read", client.read(&mut [0; 8]));
        after_a_reset(client, story);
    }

    pub(super) fn reset_by_linger<N: Net>(net: &N, story: &mut Story) {
        let (mut client, server) = pair(net);
        net.reset_on_close(&server);
        drop(server);
        story.tell("read", client.read(&mut [0; 8]));
        after_a_reset(client, story);
        let (client, server) = pair(net);
        net.reset_on_close(&server);
        drop(server);
        let mut waited = 0;
        let error = loop {
            match client.take_error().unwrap() {
                None if waited < 5000 => waited += 1,
                other => break other,
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        story.note(format!("SO_ERROR: {:?}", error.map(|e| e.kind())));
        after_a_reset(client, story);
    }

    fn after_a_reset<S: Stream>(mut client: S, story: &mut Story) {
        story.tell("read after reset", client.read(&mut [0; 8]));
        story.tell("error after reset", client.take_error().map(|e| e.map(|e| e.kind())));
        story.tell("peer after reset", client.peer_addr().map(drop));
        story.tell("write after reset", client.write(b"x"));
        story.tell("shutdown after reset", client.shutdown(Shutdown::Both));
        story.tell("local after reset", client.local_addr().map(|a| a.ip()));
    }

    pub(super) fn writing_to_the_dead<N: Net>(net: &N, story: &mut Story) {
        let (mut client, server) = pair(net);
        drop(server);
        settle(&client);
        story.tell("first write after the peer's close", client.write(b"x"));
        // Our data comes to nobody: it is answered by a reset.
        let mut waited = 0;
        let error = loop {
            match client.write(b"y") {
                Ok(_) if waited < 5000 => waited += 1,
                other => break other,
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        story.tell("later write", error);
        story.tell("read", client.read(&mut [0; 8]));
    }

    pub(super) fn peeking<N: Net>(net: &N, story: &mut Story) {
        let (mut client, mut server) = pair(net);
        server.write_all(b"hello").unwrap();
        let mut buf = [0; 3];
        story.tell("peek", client.peek(&mut buf));
        story.note(String::from_utf8_lossy(&buf));
        story.tell("peek", client.peek(&mut buf));
        let mut all = [0; 5];
        story.tell("read", client.read_exact(&mut all));
        story.note(String::from_utf8_lossy(&all));
    }

    pub(super) fn clones<N: Net>(net: &N, story: &mut Story) {
        let (client, mut server) = pair(net);
        let mut second = client.try_clone().unwrap();
        drop(client);
        story.tell("write", second.write(b"still here"));
        let mut buf = [0; 10];
        story.tell("read", server.read_exact(&mut buf));
        // Clones share what is set on either.
        let third = second.try_clone().unwrap();
        third.set_read_timeout(Some(SHORT)).unwrap();
        story.tell("read with the other's timeout", second.read(&mut buf));
        drop((second, third));
        story.tell("end", server.read(&mut buf));
    }

    pub(super) fn no_delay<N: Net>(net: &N, story: &mut Story) {
        let (client, _server) = pair(net);
        story.tell("default", client.nodelay());
        story.tell("set", client.set_nodelay(true));
        story.tell("now", client.nodelay());
        story.tell("other end", _server.nodelay());
    }

    pub(super) fn waiting_reader_is_woken<N: Net>(net: &N, story: &mut Story) {
        let (client, mut server) = pair(net);
        let (told, hear) = mpsc::channel();
        let mut reader = client.try_clone().unwrap();
        let thread = std::thread::spawn(move || {
            let mut buf = [0; 8];
            told.send(reader.read(&mut buf).map_err(|e| e.kind())).unwrap();
            told.send(reader.read(&mut buf).map_err(|e| e.kind())).unwrap();
        });
        assert!(hear.recv_timeout(SHORT).is_err());
        server.write_all(b"wake").unwrap();
        story.note(format!("{:?}", hear.recv_timeout(LONG).unwrap()));
        assert!(hear.recv_timeout(SHORT).is_err());
        client.shutdown(Shutdown::Read).unwrap();
        story.note(format!("{:?}", hear.recv_timeout(LONG).unwrap()));
        thread.join().unwrap();
    }
}

#[test]
fn kinds_are_stds() {
    // A guard for the comparison itself: both worlds could be wrong in the same way.
    let host = Host::builder().build().unwrap();
    let refused = TcpStream::connect(&host, "127.0.0.1:1").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    assert_eq!(refused.to_string(), "Connection refused (os error 111)");
}
