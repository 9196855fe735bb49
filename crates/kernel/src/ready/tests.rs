use super::*;
use limpid_posix::abi::{
    EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, EPOLLET, EPOLLIN, EPOLLOUT, POLLIN, POLLNVAL, POLLOUT,
};
use std::time::Instant;

#[test]
fn poll_says_what_is_ready() {
    let process = Process::new();
    let (client, server) = process.connection();
    let ask = |fd, events| PollFd { fd, events, revents: 0 };
    let fds = vec![ask(client, POLLIN | POLLOUT), ask(server, POLLIN), ask(-1, POLLIN), ask(4000, POLLIN)];
    let mut ready = fds.clone();
    ready[0].revents = POLLOUT;
    ready[3].revents = POLLNVAL;
    let ended = process.made(Call::Poll { fds, timeout: -1 });
    assert_eq!((ended.value, ended.output), (Ok(2), Output::Polled(ready)));
    let (fds, begin) = (vec![ask(server, POLLIN)], Instant::now());
    assert_eq!(process.good(Call::Poll { fds, timeout: 20 }), 0);
    assert!(begin.elapsed() >= Duration::from_millis(20));
}

#[test]
fn select_says_what_is_ready() {
    let process = Process::new();
    let (client, server) = process.connection();
    process.good(Call::Write { fd: client, bytes: vec![1] });
    let nfds = client.max(server) + 1;
    let sets = Selected { read: Some(vec![client, server]), write: Some(vec![client]), except: None };
    let ended = process.made(Call::Select { nfds, sets, timeout: None });
    let ready = Selected { read: Some(vec![server]), write: Some(vec![client]), except: None };
    assert_eq!((ended.value, ended.output), (Ok(2), Output::Selected(ready)));

    let none = Selected { read: Some(vec![client]), ..Selected::default() };
    let timeout = Some(Duration::from_millis(5));
    let ended = process.made(Call::Select { nfds, sets: none.clone(), timeout });
    let empty = Selected { read: Some(Vec::new()), ..Selected::default() };
    assert_eq!((ended.value, ended.output), (Ok(0), Output::Selected(empty)));

    assert_eq!(process.errno(Call::Select { nfds: -1, sets: none.clone(), timeout }), Errno::EINVAL);
    let foreign = Selected { read: Some(vec![2]), ..Selected::default() };
    assert_eq!(process.errno(Call::Select { nfds, sets: foreign.clone(), timeout }), Errno::EBADF);
    assert_eq!(process.good(Call::Select { nfds: 2, sets: foreign, timeout }), 0, "beyond nfds nothing is looked at");
    let absurd = Selected { read: Some(vec![1 << 30]), ..Selected::default() };
    assert!(process.call(Call::Select { nfds: i32::MAX, sets: absurd, timeout }).is_err());
    assert_eq!(process.good(Call::Select { nfds: i32::MAX, sets: none, timeout }), 0);
}

#[test]
fn epoll_by_level_and_by_edge() {
    let process = Process::new();
    let (client, server) = process.connection();
    let epfd = process.good(Call::EpollCreate1 { flags: 0 }) as i32;
    let ctl = |operation, fd, events| {
        let event = Some(EpollEvent { events, data: 0x1234_5678_9abc_def0 });
        process.made(Call::EpollCtl { epfd, operation, fd, event }).value
    };
    let wait = || process.output(Call::EpollWait { epfd, max: 8, timeout: 0 });
    let events = |events| Output::Events(vec![EpollEvent { events, data: 0x1234_5678_9abc_def0 }]);
    assert_eq!(ctl(EPOLL_CTL_ADD, server, EPOLLIN), Ok(0));
    assert_eq!(ctl(EPOLL_CTL_ADD, server, EPOLLIN), Err(Errno::EEXIST));
    assert_eq!(wait(), Output::Events(Vec::new()));
    process.good(Call::Write { fd: client, bytes: vec![1] });
    assert_eq!(process.output(Call::EpollWait { epfd, max: 1, timeout: -1 }), events(EPOLLIN));
    assert_eq!(wait(), events(EPOLLIN), "the level");
    assert_eq!(ctl(EPOLL_CTL_MOD, server, EPOLLIN | EPOLLOUT | EPOLLET), Ok(0));
    assert_eq!(wait(), events(EPOLLIN | EPOLLOUT));
    assert_eq!(wait(), Output::Events(Vec::new()), "the edge");
    assert_eq!(ctl(EPOLL_CTL_DEL, server, 0), Ok(0));
    assert_eq!(ctl(EPOLL_CTL_DEL, server, 0), Err(Errno::ENOENT));
    assert_eq!(ctl(EPOLL_CTL_ADD, 2, EPOLLIN), Err(Errno::EBADF), "not the process's own");
    assert_eq!(process.errno(Call::EpollWait { epfd, max: 0, timeout: 0 }), Errno::EINVAL);
    assert_eq!(process.errno(Call::EpollWait { epfd, max: i32::MIN, timeout: 0 }), Errno::EINVAL);
    assert_eq!(process.output(Call::EpollWait { epfd, max: 100_000, timeout: 0 }), Output::Events(Vec::new()));
    let no_event = Call::EpollCtl { epfd, operation: EPOLL_CTL_ADD, fd: server, event: None };
    assert_eq!(process.errno(no_event), Errno::EFAULT);
}
