//! Watches a connection from inside: every segment that our side sends, and why.
//!
//! `cargo run -p limpid --example why`

use limpid::{Event, FlowId, Host, Instant, Observer, TcpListener, TcpStream};
use std::io::{self, Read, Write};

/// Prints what is sent and how states change.
struct Printer;

impl Observer for Printer {
    fn observe(&mut self, at: Instant, flow: FlowId, event: &Event) {
        match event {
            Event::Sent { segment, why, .. } => {
                println!("{at}  flow {}  sent {:?} {:>3} bytes: {why}", flow.0, segment.flags, segment.len);
            }
            Event::State { from, to } => println!("{at}  flow {}  {from} -> {to}", flow.0),
            _ => {}
        }
    }
}

fn main() -> io::Result<()> {
    let host = Host::builder().observer(Printer).build()?;
    let listener = TcpListener::bind(&host, "127.0.0.1:6379")?;
    let mut client = TcpStream::connect(&host, "127.0.0.1:6379")?;
    let (mut server, _) = listener.accept()?;
    client.write_all(b"PING\r\n")?;
    let mut line = [0; 6];
    server.read_exact(&mut line)?;
    drop(client);
    assert_eq!(server.read(&mut line)?, 0, "the peer has finished");
    Ok(())
}
