//! Who is told of what, and when: over a wire, where things happen one after the other.

use crate::world::{A, B, World, connect, ms, read, write};
use limpid_posix::{Call, Errno, PollFd, Progress, abi};
use std::time::Duration;

const IN: u32 = abi::EPOLLIN;
const OUT: u32 = abi::EPOLLOUT;
const EDGE: u32 = abi::EPOLLET;

fn epoll(world: &mut World, host: usize) -> i32 {
    world.call(host, Call::EpollCreate1 { flags: 0 }).value.unwrap() as i32
}

#[test]
fn a_connect_is_told_by_an_edge() {
    let mut world = World::new();
    world.listener(B, "10.0.0.2:80");
    let client = world.socket(A);
    world.nonblocking(A, client);
    let ep = epoll(&mut world, A);
    world.watch(A, ep, client, IN | OUT | EDGE);
    // A socket that is nothing yet hangs up.
    assert_eq!(world.epoll_wait(A, ep), [(client, OUT | abi::EPOLLHUP)]);
    assert_eq!(world.call(A, connect(client, "10.0.0.2:80")).value, Err(Errno::EINPROGRESS));
    assert_eq!(world.epoll_wait(A, ep), []);
    world.run(ms(19));
    assert_eq!(world.epoll_wait(A, ep), []);
    world.run(ms(1));
    assert_eq!(world.epoll_wait(A, ep), [(client, OUT)]);
    assert_eq!(world.epoll_wait(A, ep), []);
}

#[test]
fn room_is_an_edge_for_those_who_lacked_it() {
    let mut world = World::new();
    let (client, server) = world.connected();
    world.nonblocking(A, client);
    let ep = epoll(&mut world, A);
    world.watch(A, ep, client, OUT | EDGE);
    assert_eq!(world.epoll_wait(A, ep), [(client, OUT)]);
    // Little is written, and acknowledged: nobody lacked room.
    world.write(A, client, &[1; 5000]).unwrap();
    world.run(ms(100));
    assert_eq!(world.epoll_wait(A, ep), []);
    let full = |world: &mut World| {
        while world.write(A, client, &[1; 100_000]).is_ok() {
            world.run(ms(50));
        }
    };
    full(&mut world);
    world.run(Duration::from_secs(1));
    full(&mut world);
    assert_eq!(world.epoll_wait(A, ep), []);
    for _ in 0..60 {
        let _ = world.start(B, read(server, 1_000_000));
        world.run(ms(50));
    }
    assert_eq!(world.epoll_wait(A, ep), [(client, OUT)]);
    assert_eq!(world.epoll_wait(A, ep), []);
}

/// Less than SO_RCVLOWAT does not count: neither for poll, nor as an edge, nor for a read that waits.
#[test]
fn a_low_water_mark() {
    let mut world = World::new();
    let (client, server) = world.connected();
    world.set(B, server, abi::SOL_SOCKET, abi::SO_RCVLOWAT, &10_i32.to_ne_bytes());
    let ep = epoll(&mut world, B);
    world.watch(B, ep, server, IN | OUT | EDGE);
    assert_eq!(world.epoll_wait(B, ep), [(server, OUT)]);
    let reading = world.waits(B, read(server, 100));
    world.write(A, client, b"12345").unwrap();
    world.run(ms(100));
    assert_eq!(world.result(reading, B), None);
    assert_eq!(world.epoll_wait(B, ep), []);
    world.write(A, client, b"67890").unwrap();
    world.run(ms(100));
    assert_eq!(world.value(B, reading), Ok(10));
    world.write(A, client, b"12345").unwrap();
    world.run(ms(100));
    assert_eq!(world.poll(B, server), abi::POLLOUT);
    world.write(A, client, b"67890").unwrap();
    world.run(ms(100));
    assert_eq!(world.poll(B, server), abi::POLLIN | abi::POLLOUT);
    // The end of the stream is worth a wake-up whatever there is.
    assert_eq!(world.read(B, server, 10), Ok(b"1234567890".to_vec()));
    world.write(A, client, b"rest").unwrap();
    world.close(A, client);
    world.run(ms(100));
    assert_eq!(world.poll(B, server), abi::POLLIN | abi::POLLOUT | abi::POLLRDHUP);
    assert_eq!(world.read(B, server, 10), Ok(b"rest".to_vec()));
}

/// Of two who wait by EPOLLEXCLUSIVE one is woken.
#[test]
fn exclusive() {
    let mut world = World::new();
    let listener = world.listener(B, "10.0.0.2:80");
    let (one, other) = (epoll(&mut world, B), epoll(&mut world, B));
    for ep in [one, other] {
        world.watch(B, ep, listener, IN | abi::EPOLLEXCLUSIVE);
    }
    let wait = |epfd| Call::EpollWait { epfd, max: 1, timeout: -1 };
    let (first, second) = (world.waits(B, wait(one)), world.waits(B, wait(other)));
    let client = world.socket(A);
    let connecting = world.waits(A, connect(client, "10.0.0.2:80"));
    world.run(ms(100));
    assert_eq!(world.value(A, connecting), Ok(0));
    assert_eq!(world.value(B, first), Ok(1));
    assert_eq!(world.result(second, B), None);
}

#[test]
fn poll_waits_for_several() {
    let mut world = World::new();
    let (client, server) = world.connected();
    let listener = world.listener(B, "10.0.0.2:81");
    let fds: Vec<PollFd> =
        [server, listener, -5, server].iter().map(|&fd| PollFd { fd, events: abi::POLLIN, revents: 0 }).collect();
    let waiting = world.waits(B, Call::Poll { fds: fds.clone(), timeout: 10_000 });
    let idle = world.waits(B, Call::Poll { fds: vec![fds[1]], timeout: 300 });
    let write = world.call(A, write(client, b"x"));
    assert_eq!(write.value, Ok(1));
    let began = world.now;
    world.run(ms(1000));
    assert_eq!(world.value(B, waiting), Ok(2));
    assert_eq!(world.value(B, idle), Ok(0));
    let at = world.ended.iter().find(|(_, task, ..)| *task == idle).unwrap().3;
    assert_eq!(at.since(began), ms(300));
}

/// Work is for those to whom something happened: a call that waits on another socket is not even tried.
#[test]
fn many_who_wait_cost_nothing() {
    let mut world = World::new();
    let (client, server) = world.connected();
    world.hosts[B].set_max_descriptors(100_000);
    let idle: Vec<i32> = (0..2000).map(|i| world.listener(B, &format!("10.0.0.2:{}", 1000 + i))).collect();
    let tasks: Vec<_> = idle.iter().map(|&fd| world.waits(B, Call::Accept4 { fd, flags: 0 })).collect();
    let reading = world.waits(B, read(server, 1));
    world.write(A, client, b"x").unwrap();
    world.run(ms(50));
    assert_eq!(world.value(B, reading), Ok(1));
    assert!(tasks.iter().all(|task| world.result(*task, B).is_none()));
    assert!(matches!(world.start(B, Call::Accept4 { fd: idle[7], flags: 0 }), Progress::Waits(_)));
}

/// SIOCOUTQ and SIOCOUTQNSD: what is not acknowledged, what has not left, the FIN counted; SIOCINQ: what can be read.
#[test]
fn lengths_of_queues() {
    let mut world = World::new();
    let (client, server) = world.connected();
    let ask = |world: &mut World, host, fd, request| match world.call(host, Call::Ioctl { fd, request, argument: 0 }) {
        limpid_posix::Return { value: Ok(0), output: limpid_posix::Output::Integer(n) } => n,
        other => panic!("{other:?}"),
    };
    world.nonblocking(A, client);
    let written = world.write(A, client, &[1; 40_000]).unwrap();
    assert_eq!(written, 40_000);
    assert_eq!(ask(&mut world, A, client, abi::SIOCOUTQ), 40_000);
    let unsent = ask(&mut world, A, client, abi::SIOCOUTQNSD);
    assert_eq!(unsent, 40_000 - 10 * 1448, "the initial window has left");
    assert_eq!(world.call(A, Call::Shutdown { fd: client, how: abi::SHUT_WR }).value, Ok(0));
    assert_eq!(ask(&mut world, A, client, abi::SIOCOUTQ), 40_001);
    assert_eq!(ask(&mut world, A, client, abi::SIOCOUTQNSD), unsent + 1);
    world.run(Duration::from_secs(1));
    assert_eq!(ask(&mut world, A, client, abi::SIOCOUTQ), 0);
    assert_eq!(ask(&mut world, A, client, abi::SIOCOUTQNSD), 0);
    assert_eq!(ask(&mut world, B, server, abi::SIOCINQ), 40_000, "without the FIN");
}
