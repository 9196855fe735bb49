//! epoll, poll and select: levels and edges.

use crate::both::Both;
use limpid_posix::{Call, EpollEvent, PollFd, Selected, abi};
use std::time::Duration;

const ALL: u32 = abi::EPOLLIN | abi::EPOLLOUT | abi::EPOLLRDHUP | abi::EPOLLPRI;
const EDGE: u32 = abi::EPOLLET;

fn epoll(both: &mut Both) -> i32 {
    both.fd_of(Call::EpollCreate1 { flags: 0 })
}

#[test]
fn levels_are_told_again() {
    let mut both = Both::new();
    let (listener, client, server) = both.connected();
    let ep = epoll(&mut both);
    for fd in [listener, client, server] {
        both.watch(ep, abi::EPOLL_CTL_ADD, fd, ALL);
    }
    both.epoll_wait(ep);
    both.epoll_wait(ep);
    both.write(client, b"hello");
    both.epoll_wait(ep);
    both.read(server, 2);
    both.epoll_wait(ep);
    both.read(server, 9);
    both.epoll_wait(ep);
    both.shutdown(client, abi::SHUT_WR);
    both.epoll_wait(ep);
    both.watch(ep, abi::EPOLL_CTL_DEL, client, 0);
    both.epoll_wait(ep);
    both.close(server);
    both.epoll_wait(ep);
}

#[test]
fn edges_are_told_once() {
    let mut both = Both::new();
    let (listener, client, server) = both.connected();
    let port = both.learn_port(listener);
    let ep = epoll(&mut both);
    for fd in [listener, client, server] {
        both.watch(ep, abi::EPOLL_CTL_ADD, fd, ALL | EDGE);
    }
    both.epoll_wait(ep);
    both.epoll_wait(ep);
    both.write(client, b"hello");
    both.epoll_wait(ep);
    both.epoll_wait(ep);
    // More of it is a new edge, even if the old was not read.
    both.write(client, b"hello");
    both.epoll_wait(ep);
    both.read(server, 20);
    both.epoll_wait(ep);
    both.watch(ep, abi::EPOLL_CTL_MOD, server, ALL | EDGE);
    both.epoll_wait(ep);
    let second = both.nonblocking();
    both.connect(second, port);
    both.epoll_wait(ep);
    both.epoll_wait(ep);
    both.shutdown(client, abi::SHUT_WR);
    both.epoll_wait(ep);
    both.epoll_wait(ep);
    both.write(server, b"bye");
    both.epoll_wait(ep);
    both.close(server);
    both.epoll_wait(ep);
    both.epoll_wait(ep);
}

#[test]
fn a_reset_is_an_edge() {
    let mut both = Both::new();
    let (_, client, server) = both.connected();
    let ep = epoll(&mut both);
    both.watch(ep, abi::EPOLL_CTL_ADD, client, ALL | EDGE);
    both.epoll_wait(ep);
    both.write(client, b"unread");
    both.close(server);
    both.epoll_wait(ep);
    both.epoll_wait(ep);
    both.error(client);
    both.epoll_wait(ep);
    both.watch(ep, abi::EPOLL_CTL_MOD, client, EDGE);
    both.epoll_wait(ep);
}

#[test]
fn one_shot() {
    let mut both = Both::new();
    let (_, client, server) = both.connected();
    let ep = epoll(&mut both);
    both.watch(ep, abi::EPOLL_CTL_ADD, server, abi::EPOLLIN | abi::EPOLLONESHOT);
    both.epoll_wait(ep);
    both.write(client, b"a");
    both.epoll_wait(ep);
    both.epoll_wait(ep);
    both.write(client, b"b");
    both.epoll_wait(ep);
    both.watch(ep, abi::EPOLL_CTL_MOD, server, abi::EPOLLIN | abi::EPOLLONESHOT);
    both.epoll_wait(ep);
    both.epoll_wait(ep);
    both.close(client);
    both.epoll_wait(ep);
}

#[test]
fn what_epoll_refuses() {
    let mut both = Both::new();
    let (_, client, server) = both.connected();
    let ep = epoll(&mut both);
    both.call(Call::EpollCreate1 { flags: 1 });
    both.watch(ep, abi::EPOLL_CTL_ADD, ep, ALL);
    both.watch(client, abi::EPOLL_CTL_ADD, server, ALL);
    both.watch(ep, abi::EPOLL_CTL_ADD, 9999, ALL);
    both.watch(9999, abi::EPOLL_CTL_ADD, client, ALL);
    both.watch(ep, abi::EPOLL_CTL_MOD, client, ALL);
    both.watch(ep, abi::EPOLL_CTL_DEL, client, ALL);
    both.watch(ep, 7, client, ALL);
    both.watch(ep, abi::EPOLL_CTL_ADD, client, abi::EPOLLEXCLUSIVE | abi::EPOLLRDHUP);
    both.watch(ep, abi::EPOLL_CTL_ADD, client, abi::EPOLLEXCLUSIVE | abi::EPOLLIN);
    both.watch(ep, abi::EPOLL_CTL_MOD, client, abi::EPOLLIN);
    both.watch(ep, abi::EPOLL_CTL_MOD, client, abi::EPOLLEXCLUSIVE | abi::EPOLLIN);
    both.watch(ep, abi::EPOLL_CTL_ADD, client, ALL);
    both.call(Call::EpollCtl { epfd: ep, operation: abi::EPOLL_CTL_ADD, fd: server, event: None });
    for max in [0, -1] {
        both.call(Call::EpollWait { epfd: ep, max, timeout: 0 });
    }
    both.call(Call::EpollWait { epfd: client, max: 1, timeout: 0 });
    let zero = both.fd_of(Call::Open { path: "/dev/zero".into(), flags: 0, mode: 0 });
    both.watch(ep, abi::EPOLL_CTL_ADD, zero, ALL);
    both.poll(zero);
}

/// A descriptor's twin keeps the file, and what watches it, alive.
#[test]
fn what_is_watched_goes_with_its_file() {
    let mut both = Both::new();
    let (_, client, server) = both.connected();
    let ep = epoll(&mut both);
    both.watch(ep, abi::EPOLL_CTL_ADD, server, abi::EPOLLIN);
    let twin = both.fd_of(Call::Fcntl { fd: server, command: abi::F_DUPFD, argument: 0 });
    both.watch(ep, abi::EPOLL_CTL_ADD, twin, abi::EPOLLOUT);
    both.watch(ep, abi::EPOLL_CTL_ADD, twin, abi::EPOLLOUT);
    both.close(server);
    both.write(client, b"x");
    both.epoll_wait(ep);
    both.close(twin);
    both.epoll_wait(ep);
    both.poll(client);
}

#[test]
fn few_at_a_time_come_round() {
    let mut both = Both::new();
    let ep = epoll(&mut both);
    let sockets: Vec<i32> = (0..4).map(|_| both.nonblocking()).collect();
    for &fd in &sockets {
        both.watch(ep, abi::EPOLL_CTL_ADD, fd, abi::EPOLLOUT);
    }
    for max in [3, 1, 2, 9] {
        both.call(Call::EpollWait { epfd: ep, max, timeout: 0 });
    }
}

#[test]
fn those_who_wait_are_woken() {
    let mut both = Both::new();
    let (_, client, server) = both.connected();
    let ep = epoll(&mut both);
    both.watch(ep, abi::EPOLL_CTL_ADD, server, abi::EPOLLIN);
    both.waits(Call::EpollWait { epfd: ep, max: 4, timeout: -1 });
    both.write(client, b"a");
    both.ended();
    both.read(server, 9);
    both.waits(Call::Poll { fds: vec![PollFd { fd: server, events: abi::POLLIN, revents: 0 }], timeout: 2000 });
    both.write(client, b"b");
    both.ended();
    both.read(server, 9);
    both.waits(Call::EpollWait { epfd: ep, max: 4, timeout: -1 });
    both.watch(ep, abi::EPOLL_CTL_MOD, server, abi::EPOLLOUT);
    both.ended();
    both.waits(Call::Poll { fds: vec![PollFd { fd: server, events: abi::POLLIN, revents: 0 }], timeout: 30 });
    both.pass(Duration::from_millis(60));
    both.ended();
    both.waits(Call::Select {
        nfds: 1000,
        sets: Selected { read: Some(vec![server]), write: None, except: None },
        timeout: Some(Duration::from_millis(30)),
    });
    both.pass(Duration::from_millis(60));
    both.ended();
}

#[test]
fn poll_and_select() {
    let mut both = Both::new();
    let (listener, client, server) = both.connected();
    both.write(client, b"x");
    let poll = |fd, events| PollFd { fd, events, revents: 0x7ff };
    let fds = vec![
        poll(listener, abi::POLLIN),
        poll(-1, abi::POLLIN),
        poll(client, abi::POLLOUT | abi::POLLIN),
        poll(9999, 0),
        poll(server, abi::POLLIN),
    ];
    both.call(Call::Poll { fds, timeout: 0 });
    both.call(Call::Poll { fds: vec![], timeout: 0 });
    let sets =
        |read: &[i32], write: &[i32]| Selected { read: Some(read.to_vec()), write: Some(write.to_vec()), except: None };
    let select = |nfds, sets| Call::Select { nfds, sets, timeout: Some(Duration::ZERO) };
    both.call(select(1000, sets(&[listener, server], &[client])));
    both.call(select(1000, sets(&[listener], &[])));
    both.call(select(1000, sets(&[9999 % 1000], &[])));
    both.call(select(-1, sets(&[], &[])));
    let fresh = both.nonblocking();
    both.call(select(1000, sets(&[fresh, server], &[fresh])));
    both.call(Call::EpollCtl {
        epfd: fresh,
        operation: abi::EPOLL_CTL_DEL,
        fd: fresh,
        event: Some(EpollEvent { events: 0, data: 0 }),
    });
}
