//! Calls that wait: what they wait for, how long, and what they end with.

use crate::world::{A, B, World, addr, bytes, connect, ms, read, timeval, write};
use limpid_posix::{Call, Errno, abi};
use std::time::Duration;

#[test]
fn a_connect_takes_a_round_trip() {
    let mut world = World::new();
    let listener = world.listener(B, "10.0.0.2:80");
    let client = world.socket(A);
    let task = world.waits(A, connect(client, "10.0.0.2:80"));
    world.run(ms(19));
    assert_eq!(world.result(task, A), None);
    world.run(ms(1));
    assert_eq!(world.result(task, A).unwrap().1, ms(20));
    world.run(ms(10));
    let accepted = world.call(B, Call::Accept4 { fd: listener, flags: abi::SOCK_NONBLOCK | abi::SOCK_CLOEXEC });
    let server = accepted.value.unwrap() as i32;
    let flag = |command| Call::Fcntl { fd: server, command, argument: 0 };
    assert_eq!(world.call(B, flag(abi::F_GETFL)).value, Ok((abi::O_RDWR | abi::O_NONBLOCK).into()));
    assert_eq!(world.call(B, flag(abi::F_GETFD)).value, Ok(1));
}

#[test]
fn a_connect_that_nobody_answers_or_refuses() {
    let mut world = World::new();
    let (refused, unanswered) = (world.socket(A), world.socket(A));
    let first = world.waits(A, connect(refused, "10.0.0.2:80"));
    world.run(ms(30));
    assert_eq!(world.result(first, A).map(|(ended, at)| (ended.value, at)), Some((Err(Errno::ECONNREFUSED), ms(20))));
    // It can be tried again: here, until the other has no patience any more.
    world.cut = true;
    let second = world.waits(A, connect(refused, "10.0.0.2:80"));
    world.nonblocking(A, unanswered);
    assert_eq!(world.call(A, connect(unanswered, "10.0.0.2:80")).value, Err(Errno::EINPROGRESS));
    assert_eq!(world.call(A, connect(unanswered, "10.0.0.2:80")).value, Err(Errno::EALREADY));
    assert_eq!(world.poll(A, unanswered), 0);
    world.run(Duration::from_secs(300));
    assert_eq!(world.value(A, second), Err(Errno::ETIMEDOUT));
    assert_eq!(world.poll(A, unanswered), abi::POLLIN | abi::POLLOUT | abi::POLLERR | abi::POLLHUP | abi::POLLRDHUP);
    assert_eq!(world.call(A, connect(unanswered, "10.0.0.2:80")).value, Err(Errno::ETIMEDOUT));
    assert_eq!(world.poll(A, unanswered), abi::POLLOUT | abi::POLLHUP);
}

/// A blocking write ends when all of it is taken, which takes as long as the peer needs to read.
#[test]
fn a_write_waits_until_all_is_taken() {
    let mut world = World::new();
    let (client, server) = world.connected();
    let data: Vec<u8> = (0..2_000_000_u32).map(|i| i as u8).collect();
    let task = world.waits(A, write(client, &data));
    world.run(Duration::from_secs(5));
    assert_eq!(world.result(task, A), None);
    let mut got = Vec::new();
    while got.len() < data.len() {
        match world.start(B, read(server, 100_000)) {
            limpid_posix::Progress::Done(ended) => got.extend(bytes(ended)),
            limpid_posix::Progress::Waits(task) => {
                world.run(Duration::from_secs(1));
                got.extend(bytes(world.result(task, B).expect("more comes").0));
            }
        }
    }
    world.run(ms(100));
    assert_eq!(world.value(A, task), Ok(2_000_000));
    assert!(got == data);
}

#[test]
fn a_write_that_does_not_wait_takes_what_there_is_room_for() {
    let mut world = World::new();
    let (client, server) = world.connected();
    world.nonblocking(A, client);
    let data = vec![7; 10_000_000];
    let taken = world.write(A, client, &data).unwrap();
    assert!(taken > 10_000 && taken < 10_000_000, "{taken}");
    world.run(Duration::from_secs(2));
    while world.write(A, client, &data[..100_000]).is_ok() {
        world.run(Duration::from_secs(1));
    }
    assert_eq!(world.write(A, client, b"x"), Err(Errno::EAGAIN));
    assert_eq!(world.poll(A, client) & abi::POLLOUT, 0);
    // Without O_NONBLOCK it is the flag that says so.
    let set = Call::Fcntl { fd: client, command: abi::F_SETFL, argument: 0 };
    assert_eq!(world.call(A, set).value, Ok(0));
    let send = Call::Send { fd: client, bytes: vec![1], flags: abi::MSG_DONTWAIT };
    assert_eq!(world.call(A, send).value, Err(Errno::EAGAIN));
    // Reading makes room, and whoever waits for it hears of it.
    let poll = limpid_posix::PollFd { fd: client, events: abi::POLLOUT, revents: 0 };
    let waiting = world.waits(A, Call::Poll { fds: vec![poll], timeout: -1 });
    let writing = world.waits(A, write(client, b"y"));
    for _ in 0..100 {
        let _ = world.start(B, read(server, 1_000_000));
        world.run(ms(100));
    }
    assert_eq!(world.value(A, waiting), Ok(1));
    assert_eq!(world.value(A, writing), Ok(1));
}

#[test]
fn timeouts() {
    let mut world = World::new();
    let (client, server) = world.connected();
    let began = world.now;
    world.set(B, server, abi::SOL_SOCKET, abi::SO_RCVTIMEO, &timeval(ms(250)));
    let reading = world.waits(B, read(server, 10));
    let all = world.waits(B, Call::Recv { fd: server, len: 10, flags: abi::MSG_WAITALL });
    world.run(ms(100));
    assert_eq!(world.hosts[B].poll_timeout(), Some(began + ms(250)));
    world.run(ms(1000));
    let (ended, at) = world.result(reading, B).unwrap();
    assert_eq!((ended.value, at), (Err(Errno::EAGAIN), ms(350)));
    assert_eq!(world.value(B, all), Err(Errno::EAGAIN));
    // What has come by then counts.
    let all = world.waits(B, Call::Recv { fd: server, len: 10, flags: abi::MSG_WAITALL });
    world.write(A, client, b"abc").unwrap();
    world.run(ms(1000));
    assert_eq!(bytes(world.result(all, B).unwrap().0), b"abc");
    // A listener, and a connect.
    let listener = world.listener(B, "10.0.0.2:81");
    world.set(B, listener, abi::SOL_SOCKET, abi::SO_RCVTIMEO, &timeval(ms(100)));
    let accept = world.waits(B, Call::Accept4 { fd: listener, flags: 0 });
    let impatient = world.socket(A);
    world.cut = true;
    world.set(A, impatient, abi::SOL_SOCKET, abi::SO_SNDTIMEO, &timeval(ms(100)));
    let connecting = world.waits(A, connect(impatient, "10.0.0.2:81"));
    world.run(ms(200));
    assert_eq!(world.value(B, accept), Err(Errno::EAGAIN));
    assert_eq!(world.value(A, connecting), Err(Errno::EINPROGRESS));
    // Whoever asks again waits again, for what is under way already.
    let connecting = world.waits(A, connect(impatient, "10.0.0.2:81"));
    world.run(ms(200));
    assert_eq!(world.value(A, connecting), Err(Errno::EALREADY));
}

#[test]
fn a_write_times_out_with_what_was_taken() {
    let mut world = World::new();
    let (client, _) = world.connected();
    world.set(A, client, abi::SOL_SOCKET, abi::SO_SNDTIMEO, &timeval(ms(500)));
    let task = world.waits(A, write(client, &vec![0; 20_000_000]));
    world.run(Duration::from_secs(20));
    let taken = world.value(A, task).unwrap();
    assert!(taken > 10_000 && taken < 20_000_000, "{taken}");
    let task = world.waits(A, write(client, b"no room"));
    world.run(Duration::from_secs(1));
    assert_eq!(world.value(A, task), Err(Errno::EAGAIN));
}

/// Those who wait for the same data get it in the order in which they came.
#[test]
fn first_come_first_served() {
    let mut world = World::new();
    let (client, server) = world.connected();
    let tasks: Vec<_> = (0..3).map(|_| world.waits(B, read(server, 2))).collect();
    world.write(A, client, b"abcd").unwrap();
    world.run(ms(20));
    let got = |world: &World, at: usize| world.result(tasks[at], B).map(|(ended, _)| bytes(ended));
    assert_eq!(got(&world, 0), Some(b"ab".to_vec()));
    assert_eq!(got(&world, 1), Some(b"cd".to_vec()));
    assert_eq!(got(&world, 2), None);
    let order: Vec<_> = world.ended.iter().filter(|(host, ..)| *host == B).map(|(_, task, ..)| *task).collect();
    assert!(order.ends_with(&tasks[..2]));
}

/// A reset ends what waits: one call has the error, the others the end.
#[test]
fn a_reset_ends_what_waits() {
    let mut world = World::new();
    let (client, server) = world.connected();
    let (first, second) = (world.waits(A, read(client, 1)), world.waits(A, read(client, 1)));
    world.write(A, client, b"unread").unwrap();
    world.run(ms(50));
    world.close(B, server);
    world.run(ms(50));
    assert_eq!(world.value(A, first), Err(Errno::ECONNRESET));
    assert_eq!(world.value(A, second), Ok(0));
    assert_eq!(world.write(A, client, b"x"), Err(Errno::EPIPE));
}

/// A descriptor that is closed while a call waits on it: the number is free, the file stays until the call has ended.
#[test]
fn a_close_under_a_call_that_waits() {
    let mut world = World::new();
    let (client, server) = world.connected();
    let reading = world.waits(B, read(server, 10));
    world.close(B, server);
    assert_eq!(world.read(B, server, 1), Err(Errno::EBADF));
    let reused = world.socket(B);
    assert_eq!(reused, 3, "the lowest is taken, though a call waits on what had the number that is free now");
    world.run(ms(100));
    assert_eq!(world.result(reading, B), None);
    assert_eq!(world.poll(A, client), abi::POLLOUT, "no FIN");
    world.write(A, client, b"late").unwrap();
    world.run(ms(100));
    assert_eq!(bytes(world.result(reading, B).unwrap().0), b"late");
    // That was the last reference.
    assert_eq!(world.read(A, client, 1), Ok(vec![]));
}

#[test]
fn a_listener_shut_down_ends_its_accepts() {
    let mut world = World::new();
    let listener = world.listener(B, "10.0.0.2:80");
    let accepting = world.waits(B, Call::Accept4 { fd: listener, flags: 0 });
    assert_eq!(world.call(B, Call::Shutdown { fd: listener, how: abi::SHUT_RD }).value, Ok(0));
    world.run(ms(0));
    assert_eq!(world.value(B, accepting), Err(Errno::EINVAL));
    // It is bound as before, and can listen again.
    assert_eq!(world.call(B, Call::Listen { fd: listener, backlog: 1 }).value, Ok(0));
    let client = world.socket(A);
    let task = world.waits(A, Call::Connect { fd: client, address: addr("10.0.0.2:80") });
    world.run(ms(100));
    assert_eq!(world.value(A, task), Ok(0));
}
