//! Linux's own TCP as one end, with blocking sockets.

use crate::net::Net;
use crate::run::Run;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

/// What an application reads or writes at a time.
pub(crate) const PIECE: usize = 128 * 1024;
/// How long a connect or an accept may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A listener of this network.
pub(crate) fn listen(net: &Net, address: &'static str) -> io::Result<TcpListener> {
    net.run(move |_| TcpListener::bind(address))
}

/// Accepts, but does not wait for ever.
pub(crate) fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    let mut fds = [rustix::event::PollFd::new(listener, rustix::event::PollFlags::IN)];
    let patience = rustix::event::Timespec { tv_sec: PATIENCE.as_secs() as i64, tv_nsec: 0 };
    if rustix::event::poll(&mut fds, Some(&patience))? == 0 {
        return Err(io::Error::new(io::ErrorKind::TimedOut, "nobody connects"));
    }
    Ok(listener.accept()?.0)
}

/// Connects out of this network.
pub(crate) fn connect(net: &Net, address: &'static str) -> io::Result<TcpStream> {
    net.run(move |_| {
        let to = address.parse().map_err(io::Error::other)?;
        TcpStream::connect_timeout(&to, PATIENCE)
    })
}

/// An end whose thread sends or receives. It ends with this value.
pub(crate) struct End {
    stream: TcpStream,
    thread: Option<JoinHandle<()>>,
}

impl End {
    /// Sends as fast as it can.
    pub(crate) fn source(stream: TcpStream) -> io::Result<End> {
        End::start(stream, |mut stream| {
            let piece = vec![7; PIECE];
            while stream.write_all(&piece).is_ok() {}
        })
    }

    /// Receives, and counts.
    pub(crate) fn sink(stream: TcpStream, run: &Run) -> io::Result<End> {
        let run = run.clone();
        End::start(stream, move |mut stream| {
            let mut piece = vec![0; PIECE];
            while let Ok(read @ 1..) = stream.read(&mut piece) {
                run.count(read);
            }
        })
    }

    /// Gives back what it gets.
    pub(crate) fn echo(stream: TcpStream) -> io::Result<End> {
        stream.set_nodelay(true)?;
        End::start(stream, |mut stream| {
            let mut byte = [0; 1];
            while stream.read_exact(&mut byte).is_ok() && stream.write_all(&byte).is_ok() {}
        })
    }

    fn start(stream: TcpStream, work: impl FnOnce(TcpStream) + Send + 'static) -> io::Result<End> {
        let other = stream.try_clone()?;
        Ok(End { stream, thread: Some(std::thread::spawn(move || work(other))) })
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Asks with one byte and waits for it, over and over: how long each took.
pub(crate) fn ask(mut stream: TcpStream, span: Duration) -> io::Result<Vec<Duration>> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let (mut byte, mut times) = ([7; 1], Vec::with_capacity(1 << 17));
    let began = std::time::Instant::now();
    let mut last = began;
    while last - began < span {
        stream.write_all(&byte)?;
        stream.read_exact(&mut byte)?;
        let now = std::time::Instant::now();
        times.push(now - last);
        last = now;
    }
    // The first find cold caches.
    times.drain(..(times.len() / 10).min(1000));
    Ok(times)
}
