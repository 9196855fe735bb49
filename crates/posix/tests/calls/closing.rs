//! Closing: at once, in the background, or waited for.

use crate::world::{A, B, World, bytes, ms, read, write};
use limpid_event::TcpState;
use limpid_posix::{Call, Errno, abi};
use std::time::Duration;

/// A `struct linger`.
fn linger(seconds: i32) -> Vec<u8> {
    [1_i32, seconds].iter().flat_map(|part| part.to_ne_bytes()).collect()
}

#[test]
fn a_close_goes_on_in_the_background() {
    let mut world = World::new();
    let (client, server) = world.connected();
    world.write(A, client, b"last words").unwrap();
    world.close(A, client);
    assert_eq!(world.read(A, client, 1), Err(Errno::EBADF));
    world.run(ms(50));
    assert_eq!(world.poll(B, server), abi::POLLIN | abi::POLLOUT | abi::POLLRDHUP);
    assert_eq!(world.read(B, server, 100), Ok(b"last words".to_vec()));
    assert_eq!(world.read(B, server, 100), Ok(vec![]));
    world.close(B, server);
    world.run(ms(100));
    assert_eq!(world.hosts[B].stack().open_connections(), 0);
}

#[test]
fn a_twin_keeps_it_open() {
    let mut world = World::new();
    let (client, server) = world.connected();
    let twin = world.call(A, Call::Fcntl { fd: client, command: abi::F_DUPFD, argument: 10 }).value.unwrap() as i32;
    assert_eq!(twin, 10);
    world.close(A, client);
    world.run(ms(50));
    assert_eq!(world.poll(B, server), abi::POLLOUT);
    assert_eq!(world.write(A, twin, b"x"), Ok(1));
    world.close(A, twin);
    world.run(ms(50));
    assert_eq!(world.read(B, server, 10), Ok(b"x".to_vec()));
    assert_eq!(world.read(B, server, 10), Ok(vec![]));
}

/// SO_LINGER: the caller waits until the FIN is acknowledged, even if the socket does not block.
#[test]
fn a_close_that_lingers() {
    let mut world = World::new();
    let (client, server) = world.connected();
    let began = world.now;
    world.nonblocking(A, client);
    world.set(A, client, abi::SOL_SOCKET, abi::SO_LINGER, &linger(5));
    world.write(A, client, b"do you hear me?").unwrap();
    let closing = world.waits(A, Call::Close { fd: client });
    assert_eq!(world.read(A, client, 1), Err(Errno::EBADF));
    world.run(Duration::from_secs(1));
    let (ended, _) = world.result(closing, A).unwrap();
    assert_eq!(ended.value, Ok(0));
    let at = world.ended.iter().find(|(_, task, ..)| *task == closing).unwrap().3;
    // The FIN's ACK may be delayed.
    assert!((ms(20)..=ms(70)).contains(&at.since(began)), "{:?}", at.since(began));
    assert_eq!(bytes(world.call(B, read(server, 100))), b"do you hear me?");
}

#[test]
fn a_close_that_lingers_in_vain() {
    let mut world = World::new();
    let (client, _) = world.connected();
    world.set(A, client, abi::SOL_SOCKET, abi::SO_LINGER, &linger(2));
    world.cut = true;
    world.write(A, client, b"hello?").unwrap();
    let began = world.now;
    let closing = world.waits(A, Call::Close { fd: client });
    world.run(ms(1999));
    assert_eq!(world.result(closing, A), None);
    world.run(ms(1));
    assert_eq!(world.value(A, closing), Ok(0));
    assert_eq!(world.now.since(began), Duration::from_secs(2));
    // The connection goes on without it.
    assert_eq!(world.hosts[A].stack().open_connections(), 1);
}

#[test]
fn a_linger_of_zero_resets() {
    let mut world = World::new();
    let (client, server) = world.connected();
    world.set(A, client, abi::SOL_SOCKET, abi::SO_LINGER, &linger(0));
    world.close(A, client);
    world.run(ms(50));
    assert_eq!(world.poll(B, server), abi::POLLIN | abi::POLLOUT | abi::POLLERR | abi::POLLHUP | abi::POLLRDHUP);
    assert_eq!(world.read(B, server, 1), Err(Errno::ECONNRESET));
    assert_eq!(world.read(B, server, 1), Ok(vec![]));
}

#[test]
fn unread_data_make_a_close_a_reset() {
    let mut world = World::new();
    let (client, server) = world.connected();
    world.set(B, server, abi::SOL_SOCKET, abi::SO_LINGER, &linger(9));
    world.write(A, client, b"unread").unwrap();
    world.run(ms(50));
    // There is nothing to wait for.
    world.close(B, server);
    world.run(ms(50));
    assert_eq!(world.read(A, client, 1), Err(Errno::ECONNRESET));
}

#[test]
fn half_closed() {
    let mut world = World::new();
    let (client, server) = world.connected();
    let reading = world.waits(B, read(server, 10));
    assert_eq!(world.call(A, Call::Shutdown { fd: client, how: abi::SHUT_WR }).value, Ok(0));
    assert_eq!(world.write(A, client, b"x"), Err(Errno::EPIPE));
    world.run(ms(100));
    assert_eq!(bytes(world.result(reading, B).unwrap().0), b"");
    let id = world.hosts[A].socket_id(client).unwrap();
    assert_eq!(world.hosts[A].stack().state(id), Ok(TcpState::FinWait2));
    assert_eq!(world.write(B, server, b"still here"), Ok(10));
    world.run(ms(100));
    assert_eq!(world.read(A, client, 100), Ok(b"still here".to_vec()));
    world.close(B, server);
    world.run(ms(100));
    assert_eq!(world.poll(A, client), abi::POLLIN | abi::POLLOUT | abi::POLLHUP | abi::POLLRDHUP);
    assert_eq!(world.read(A, client, 100), Ok(vec![]));
}

/// A connect that is shut down has failed.
#[test]
fn shut_down_while_connecting() {
    let mut world = World::new();
    world.cut = true;
    let client = world.socket(A);
    let connecting = world.waits(A, crate::world::connect(client, "10.0.0.2:80"));
    assert_eq!(world.call(A, Call::Shutdown { fd: client, how: abi::SHUT_RDWR }).value, Ok(0));
    world.run(ms(0));
    assert_eq!(world.value(A, connecting), Err(Errno::ECONNRESET));
    assert_eq!(world.call(A, write(client, b"x")).value, Err(Errno::EPIPE));
}
