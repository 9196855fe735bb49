//! Linux's own connections over loopback, one after the other, on one thread.

use crate::stopwatch::Stopwatch;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::time::Duration;

/// Destinations, so that no 4-tuple comes back while it is in TIME-WAIT.
const ADDRESSES: u32 = 200;

/// Connects, exchanges a byte each way and closes, the client first, for `time`; connections per second of processor time,
/// which on loopback is spent in the calls themselves.
pub(crate) fn connects(time: Duration) -> f64 {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("Linux listens");
    let port = listener.local_addr().expect("it is bound").port();
    let mut byte = [7];
    let mut count = 0u32;
    let start = Stopwatch::start();
    while !count.is_multiple_of(64) || start.elapsed() < time {
        let address = Ipv4Addr::from(0x7f00_0001 + count % ADDRESSES);
        let mut client = TcpStream::connect(SocketAddrV4::new(address, port)).expect("Linux connects");
        let (mut server, _) = listener.accept().expect("it was connected");
        client.write_all(&byte).expect("open");
        server.read_exact(&mut byte).expect("open");
        server.write_all(&byte).expect("open");
        client.read_exact(&mut byte).expect("open");
        drop(client);
        drop(server);
        count += 1;
    }
    f64::from(count) / start.elapsed().as_secs_f64()
}
