//! Sockets whose steps are taken one by one: made, bound, listening or connected, taken apart.

mod common;

use common::{A, B, World, end};
use limpid_event::{Error, TcpState};
use limpid_stack::{BindConfig, ListenConfig, Readiness};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// A socket's steps apart, and what holds its port in between.
#[test]
fn a_socket_in_steps() {
    let mut world = World::new();
    let (now, local) = (world.now, end("10.0.0.1:5000"));
    let bind = |local| BindConfig { local, v6_only: false, foreign: false };
    let stack = &mut world.hosts[A];
    let (first, second) = (stack.socket(), stack.socket());
    assert_eq!(stack.bind(first, bind(local)), Ok(()));
    assert_eq!(stack.bind(first, bind(local)), Err(Error::InvalidArgument));
    assert_eq!(stack.bind(second, bind(end("10.0.0.9:1"))), Err(Error::AddressNotAvailable));
    assert_eq!(stack.bind(second, bind(end("0.0.0.0:5000"))), Err(Error::AddressInUse));
    // Both need SO_REUSEADDR, also if it is set later.
    stack.set_reuse_addr(second, true).unwrap();
    assert_eq!(stack.bind(second, bind(end("0.0.0.0:5000"))), Err(Error::AddressInUse));
    stack.set_reuse_addr(first, true).unwrap();
    assert_eq!(stack.bind(second, bind(end("0.0.0.0:5000"))), Ok(()));
    assert_eq!(stack.listen_on(now, second, ListenConfig::new(local, 1)), Ok(()));
    assert_eq!(stack.local_endpoint(second), Ok(end("0.0.0.0:5000")));
    assert_eq!(stack.listen_on(now, first, ListenConfig::new(local, 1)), Err(Error::AddressInUse));
    // Nobody listens at the other end: the socket is as it was, and can be used again.
    stack.configure(now, first, |config| config.no_delay = true).unwrap();
    assert_eq!(stack.connect_on(now, first, end("10.0.0.2:80")), Ok(()));
    assert_eq!(stack.connect_on(now, first, end("10.0.0.2:80")), Err(Error::AlreadyConnected));
    world.run(SECOND);
    assert_eq!(world.hosts[A].take_error(first), Ok(Some(Error::ConnectionRefused)));
    let listener = world.listen(B, "10.0.0.2:80", 4);
    assert_eq!(world.hosts[A].disconnect(world.now, first), Ok(()));
    assert_eq!(world.hosts[A].connect_on(world.now, first, end("10.0.0.2:80")), Ok(()));
    world.run(SECOND);
    assert_eq!(world.hosts[A].state(first), Ok(TcpState::Established));
    assert!(world.hosts[A].settings(first).unwrap().no_delay);
    assert_eq!(world.hosts[B].accept(world.now, listener).unwrap().1, local);
    // Taken apart: the peer sees a reset, and a port picked by nobody is free again.
    assert_eq!(world.hosts[A].disconnect(world.now, first), Ok(()));
    assert_eq!(world.hosts[A].local_endpoint(first), Ok(local));
    assert_eq!(world.hosts[A].disconnect(world.now, second), Ok(()));
    assert_eq!(world.hosts[A].listen_on(world.now, first, ListenConfig::new(local, 1)), Ok(()));
    for socket in [first, second] {
        world.hosts[A].close(world.now, socket).unwrap();
    }
    let stack = &mut world.hosts[A];
    assert!(stack.listen(now, ListenConfig { reuse_addr: false, ..ListenConfig::new(local, 1) }).is_ok());
}

/// A listener that stops and starts again does not take up what it had begun before.
#[test]
fn a_listener_taken_apart_forgets_what_it_had_begun() {
    let mut world = World::new();
    let local = end("10.0.0.2:80");
    let listener = world.listen(B, "10.0.0.2:80", 4);
    let client = world.connect(A, "10.0.0.2:80");
    world.drop_if = Some(Box::new(|from, _| from == B));
    world.run(Duration::from_millis(100));
    assert_eq!(world.hosts[B].disconnect(world.now, listener), Ok(()));
    assert_eq!(world.hosts[B].readiness(listener), Ok(Readiness::WRITABLE | Readiness::CLOSED));
    assert_eq!(world.hosts[B].listen_on(world.now, listener, ListenConfig::new(local, 0)), Ok(()));
    assert_eq!(world.hosts[B].set_backlog(listener, 3), Ok(()));
    world.drop_if = None;
    world.run(3 * SECOND);
    assert_eq!(world.hosts[A].state(client), Ok(TcpState::Established));
    assert!(world.hosts[B].accept(world.now, listener).is_ok());
}
