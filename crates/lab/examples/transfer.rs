//! A world of one's own: a transfer over a bottleneck, and the graph of what its sender knew.
//!
//! `cargo run -p limpid-lab --example transfer`

use limpid_lab::World;
use limpid_lab::link::Conditions;
use limpid_lab::world::{Aftermath, HostPlan};
use limpid_scope::graph::{self, GraphOptions};
use limpid_stack::{Config, Medium, StackConfig};
use limpid_wire::{Cidr, Endpoint, IpAddr};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

/// What is sent.
const BYTES: usize = 20_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut world = World::new(1, 0);
    let mut host = |name, last| {
        let addresses = [Cidr { addr: IpAddr::v4([10, 0, 0, last]), prefix: 24 }];
        let tcp = Config { recv_buffer: 1 << 20, send_buffer: 1 << 20, ..Config::default() };
        let config = StackConfig { tcp: Arc::new(tcp), ..StackConfig::default() };
        world.add_host(HostPlan { name, addresses: &addresses, mtu: 1500, medium: Medium::Ip, config })
    };
    let (client, server) = (host("client", 1)?, host("server", 2)?);
    // 20 Mbit/s and 40 ms there and back: 67 packets fill it, and as many may wait.
    let link = Conditions { rate: Some(20_000_000), queue: 67, ..Conditions::delay(Duration::from_millis(20)) };
    world.connect(client, server, Medium::Ip, link);

    let at = Endpoint::new(IpAddr::v4([10, 0, 0, 2]), 7);
    world.spawn(server, "server", move |app| async move {
        let (socket, _) = app.listen(at, 1)?.accept().await?;
        let mut buf = vec![0; 64 * 1024];
        while socket.read(&mut buf).await? > 0 {}
        Ok::<_, limpid_event::Error>(())
    });
    world.spawn(client, "client", move |app| async move {
        let socket = app.connect(at).await?;
        socket.write_all(&vec![7; BYTES]).await
    });
    world.run(Aftermath::Quiet(Duration::from_secs(1)))?;
    print!("{}", graph::render(&world.trace(), &GraphOptions { width: 100, ..GraphOptions::default() }));
    Ok(())
}
