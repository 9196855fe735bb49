//! The engine without threads, clock or sockets: two stacks, a loop, and a time that we make up.
//!
//! `cargo run -p limpid-stack --example sans_io`

use limpid_event::{Error, Instant, Silent};
use limpid_stack::{
    IfaceId, InterfaceConfig, ListenConfig, Medium, RxFrame, Secrets, SocketId, Stack, StackConfig, TxBatch,
};
use limpid_wire::{Chunk, Endpoint};
use std::time::Duration;

/// A stack with one interface.
fn host(address: &str, seed: u8) -> Result<(Stack, IfaceId), Error> {
    let mut stack = Stack::new(StackConfig::default(), Secrets { seed: [seed; 32] }, Silent);
    let iface = stack.add_interface(InterfaceConfig {
        name: "mem0".to_owned(),
        medium: Medium::Ip,
        mtu: 1500,
        gso_max: 0,
        tx_checksum_offload: false,
    })?;
    stack.add_address(iface, address.parse().expect("a literal"))?;
    Ok((stack, iface))
}

/// Carries what one stack has to send to the other.
fn carry(now: Instant, from: &mut (Stack, IfaceId), to: &mut (Stack, IfaceId)) {
    let mut batch = TxBatch::with_capacity(16);
    from.0.poll_transmit(now, from.1, &mut batch);
    for frame in batch.frames() {
        let bytes = Chunk::from_vec(frame.to_vec());
        to.0.handle_frame(now, to.1, RxFrame::new(bytes));
    }
}

fn main() -> Result<(), Error> {
    let mut client = host("10.0.0.1/24", 1)?;
    let mut server = host("10.0.0.2/24", 2)?;
    let mut now = Instant::ZERO;

    let remote: Endpoint = "10.0.0.2:7".parse().expect("a literal");
    let listener = server.0.listen(now, ListenConfig::new(remote, 8))?;
    let socket = client.0.connect(now, None, remote, None)?;
    let mut accepted: Option<SocketId> = None;
    let mut received = Vec::new();

    for step in 0..100 {
        carry(now, &mut client, &mut server);
        carry(now, &mut server, &mut client);
        if step == 1 {
            client.0.write(now, socket, b"hello")?;
            client.0.close(now, socket)?;
        }
        match (accepted, server.0.accept(now, listener)) {
            (None, Ok((id, peer))) => {
                println!("{now}: accepted {peer}");
                accepted = Some(id);
            }
            (Some(id), _) => {
                let mut buf = [0; 64];
                match server.0.read(now, id, &mut buf) {
                    Ok(0) => {
                        println!("{now}: {:?}, and the peer has finished", String::from_utf8_lossy(&received));
                        assert_eq!(received, b"hello");
                        return server.0.close(now, id);
                    }
                    Ok(n) => received.extend_from_slice(&buf[..n]),
                    Err(Error::WouldBlock) => {}
                    Err(error) => return Err(error),
                }
            }
            _ => {}
        }
        now += Duration::from_millis(1);
        client.0.handle_timeout(now);
        server.0.handle_timeout(now);
    }
    panic!("the connection should have ended within 100 ms");
}
