//! Two hosts in one process, joined in memory: one echoes, the other checks.
//!
//! `cargo run -p limpid --example echo`

use limpid::device::{Memory, MemoryConfig};
use limpid::{Host, TcpListener, TcpStream};
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::thread;

const MEGABYTE: usize = 1 << 20;

fn main() -> io::Result<()> {
    let (left, right) = Memory::pair(MemoryConfig::default())?;
    let client = Host::builder().memory(left).address("10.0.0.1/24").build()?;
    let server = Host::builder().memory(right).address("10.0.0.2/24").build()?;

    let listener = TcpListener::bind(&server, "10.0.0.2:7")?;
    let echo = thread::spawn(move || -> io::Result<u64> {
        let (stream, peer) = listener.accept()?;
        println!("accepted a connection from {peer}");
        io::copy(&mut &stream, &mut &stream)
    });

    let mut stream = TcpStream::connect(&client, "10.0.0.2:7")?;
    let sent: Vec<u8> = (0..MEGABYTE).map(|i| i as u8).collect();
    let writer = {
        let (mut stream, sent) = (stream.try_clone()?, sent.clone());
        // Half-close: the sending half ends, the receiving half goes on.
        thread::spawn(move || stream.write_all(&sent).and_then(|()| stream.shutdown(Shutdown::Write)))
    };
    let mut echoed = vec![0; MEGABYTE];
    stream.read_exact(&mut echoed)?;
    let round_trip = stream.info()?.rtt;
    assert_eq!(stream.read(&mut [0])?, 0, "nothing follows");
    writer.join().expect("the writer does not panic")?;
    let echoed_bytes = echo.join().expect("the server does not panic")?;

    assert_eq!(echoed, sent, "every byte came back, in order");
    println!("{echoed_bytes} bytes went there and back; round trip {round_trip} µs");
    Ok(())
}
