//! The library as one end: a host with shards, and an application with a thread for each connection, as programs have.

use crate::linux::PIECE;
use crate::ours::Work;
use crate::run::{Run, Worker};
use limpid::{Host, TcpListener, TcpStream};
use limpid_device::Tun;
use std::io::{self, ErrorKind, Read, Write};
use std::time::Duration;

/// How long an application waits before it looks whether the run is over.
const LOOK: Duration = Duration::from_millis(5);

/// Starts a host with a shard for each of the queues, and its application.
pub(crate) fn start(run: &Run, queues: Vec<Tun>, address: &str, work: Work) -> io::Result<Worker> {
    let host = Host::builder().shards(queues.len()).device_queues("tun0", queues).address(address).build()?;
    let own = address.split('/').next().unwrap_or(address).to_owned();
    match work {
        Work::Source(streams, to) => Ok(run.spawn(move |_| send(&host, streams, to))),
        Work::Sink(port) | Work::Echo(port) => {
            let listener = TcpListener::bind(&host, format!("{own}:{port}"))?;
            listener.set_nonblocking(true)?;
            Ok(run.spawn(move |run| receive(&listener, run)))
        }
    }
}

fn send(host: &Host, streams: usize, to: &str) -> io::Result<()> {
    let streams: Vec<TcpStream> = (0..streams).map(|_| TcpStream::connect(host, to)).collect::<io::Result<_>>()?;
    std::thread::scope(|scope| {
        for mut stream in streams {
            scope.spawn(move || {
                let piece = vec![7; PIECE];
                // Linux closes first.
                while stream.write_all(&piece).is_ok() {}
            });
        }
    });
    Ok(())
}

fn receive(listener: &TcpListener, run: &Run) -> io::Result<()> {
    std::thread::scope(|scope| {
        while !run.is_over() {
            match listener.accept() {
                Ok((mut stream, _)) => {
                    scope.spawn(move || {
                        let mut piece = vec![0; PIECE];
                        while let Ok(read @ 1..) = stream.read(&mut piece) {
                            run.count(read);
                        }
                    });
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(LOOK),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    })
}
