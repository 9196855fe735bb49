//! At 100 ms and 1 Gb/s two default sockets fill the pipe, and at 1 ms nothing is lost by that; memory follows the path.

use limpid_event::{Error, Instant};
use limpid_lab::World;
use limpid_lab::link::Conditions;
use limpid_lab::world::{Aftermath, HostPlan, Limits};
use limpid_stack::{Medium, StackConfig};
use limpid_wire::{Cidr, Endpoint, IpAddr};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

const RATE: u64 = 1_000_000_000;

/// Payload that a packet of 1500 bytes carries: IPv4, TCP, timestamps.
const SHARE: f64 = 1448.0 / 1500.0;

fn address(last: u8) -> Cidr {
    Cidr { addr: IpAddr::v4([10, 0, 0, last]), prefix: 24 }
}

/// Payload bytes a second, of what a default socket sends to another for so long: measured from `from` to `until`.
fn goodput(rtt: Duration, from: Duration, until: Duration) -> f64 {
    let mut world = World::new(1, 0);
    world.without_record();
    world.limits(Limits { events: u64::MAX, ..Limits::default() });
    let host = |world: &mut World, name: &'static str, last: u8| {
        let (mtu, medium, config) = (1500, Medium::Ip, StackConfig::default());
        world.add_host(HostPlan { name, addresses: &[address(last)], mtu, medium, config }).unwrap()
    };
    let (client, server) = (host(&mut world, "client", 1), host(&mut world, "server", 2));
    let bdp = (RATE as f64 / 8.0 * rtt.as_secs_f64()) as usize;
    let link = Conditions { rate: Some(RATE), queue: (bdp / 1500).max(100), ..Conditions::delay(rtt / 2) };
    world.connect(client, server, Medium::Ip, link);
    let to = Endpoint::new(address(2).addr, 7000);
    let got = Rc::new(RefCell::new((0_usize, 0_usize)));
    let counted = got.clone();
    world.spawn(server, "server", move |app| async move {
        let (socket, _) = app.listen(to, 1)?.accept().await?;
        let mut buf = vec![0; 1 << 20];
        let (from, until) = (Instant::ZERO + from, Instant::ZERO + until);
        while app.now() < until {
            let n = socket.read(&mut buf).await?;
            let mut counted = counted.borrow_mut();
            if n == 0 {
                break;
            } else if app.now() >= from {
                counted.1 += n;
            } else {
                counted.0 += n;
            }
        }
        socket.abort();
        Ok::<_, Error>(())
    });
    world.spawn(client, "client", move |app| async move {
        let socket = app.connect(to).await?;
        let data = vec![7; 256 * 1024];
        while socket.write_all(&data).await.is_ok() {}
        Ok::<_, Error>(())
    });
    world.run(Aftermath::Quiet(Duration::from_millis(1))).unwrap();
    let (before, during) = *got.borrow();
    assert!(before > 0);
    during as f64 / (until - from).as_secs_f64()
}

#[test]
fn a_long_path_is_filled() {
    let got = goodput(Duration::from_millis(100), Duration::from_millis(2_500), Duration::from_millis(4_000));
    let share = got / (RATE as f64 / 8.0 * SHARE);
    assert!(share > 0.95, "{share}");
}

#[test]
fn a_short_path_is_filled() {
    let got = goodput(Duration::from_millis(1), Duration::from_millis(100), Duration::from_millis(600));
    let share = got / (RATE as f64 / 8.0 * SHARE);
    assert!(share > 0.95, "{share}");
}
