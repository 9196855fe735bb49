use super::*;
use limpid_posix::abi::{AF_INET, SOCK_STREAM};
use limpid_posix::{Errno, Output, PollFd};

fn caller() -> (Arc<Process>, Caller) {
    let process = Arc::new(Process::new());
    let caller = Caller::new(Arc::clone(&process)).unwrap();
    (process, caller)
}

fn is_readable(caller: &Caller) -> bool {
    let mut fds = [rustix::event::PollFd::new(caller, PollFlags::IN)];
    poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap() == 1
}

#[test]
fn a_call_that_ends_at_once_is_told() {
    let (_process, mut caller) = caller();
    assert!(!is_readable(&caller));
    let begin = Instant::now();
    for _ in 0..100 {
        let ticket = caller.start(Call::Socket { domain: AF_INET, kind: SOCK_STREAM, protocol: 0 }).unwrap();
        assert_eq!(caller.settle(ticket), State::Ended, "it never sleeps");
        assert!(is_readable(&caller));
        let ended = caller.poll_ended().unwrap();
        assert_eq!(ended.ticket, ticket);
        assert!(ended.at >= begin && ended.at <= Instant::now());
        let fd = ended.result.unwrap().value.unwrap() as i32;
        let ticket = caller.start(Call::Close { fd }).unwrap();
        assert_eq!(caller.settle(ticket), State::Ended);
        assert_eq!(caller.poll_ended().unwrap().result.unwrap(), Return::ok(0));
        assert!(!is_readable(&caller));
    }
    assert_eq!(caller.workers.len(), 1, "one thread is enough for calls that do not wait");
}

#[test]
fn a_call_that_waits_is_known_to() {
    let (process, mut caller) = caller();
    let (client, server) = process.connection();
    let read = caller.start(Call::Read { fd: server, len: 10 }).unwrap();
    assert_eq!(caller.settle(read), State::Waiting);
    assert_eq!(caller.poll_ended(), None);
    let write = caller.start(Call::Write { fd: client, bytes: b"now".to_vec() }).unwrap();
    assert_eq!(caller.settle(write), State::Ended);
    while caller.state(read) != State::Ended {
        std::thread::sleep(LOOK);
    }
    let ended: Vec<Ended> = std::iter::from_fn(|| caller.poll_ended()).collect();
    let read = ended.iter().find(|e| e.ticket == read).unwrap().result.clone().unwrap();
    assert_eq!(read, Return { value: Ok(3), output: Output::Bytes(b"now".to_vec()) });
    assert_eq!(ended.len(), 2);
}

#[test]
fn calls_that_would_wait_for_ever_end_with_their_threads() {
    let (process, mut caller) = caller();
    let (fd, _peer) = process.connection();
    let listener = process.listener();
    let epfd = process.good(Call::EpollCreate1 { flags: 0 }) as i32;
    let never = [
        Call::Read { fd, len: 1 },
        Call::RecvMsg { fd, lens: vec![1], control_len: 0, flags: 0 },
        Call::Accept4 { fd: listener, flags: 0 },
        Call::Poll { fds: vec![PollFd { fd, events: 1, revents: 0 }], timeout: -1 },
        Call::EpollWait { epfd, max: 1, timeout: -1 },
        Call::Write { fd, bytes: vec![0; 20 << 20] },
    ];
    for call in never {
        let ticket = caller.start(call.clone()).unwrap();
        assert_eq!(caller.settle(ticket), State::Waiting, "{call:?}");
    }
    drop(caller);
    assert_eq!(Arc::strong_count(&process), 1, "every thread is gone");
}

#[test]
fn so_many_calls_may_wait_and_no_more() {
    let (process, mut caller) = caller();
    let (fd, _peer) = process.connection();
    for _ in 0..MAX_WAITING {
        caller.start(Call::Read { fd, len: 1 }).unwrap();
    }
    assert_eq!(caller.start(Call::Read { fd, len: 1 }).unwrap_err().to_string(), "64 calls wait already");
}

#[test]
fn a_socket_closed_under_a_waiting_call_closes_when_that_ends() {
    let (process, mut caller) = caller();
    let (fd, peer) = process.connection();
    let read = caller.start(Call::Read { fd, len: 1 }).unwrap();
    assert_eq!(caller.settle(read), State::Waiting);
    assert_eq!(process.made(Call::Close { fd }), Return::ok(0));
    assert_eq!(process.errno(Call::Close { fd }), Errno::EBADF);
    process.good(Call::Write { fd: peer, bytes: vec![1] });
    assert_eq!(process.output(Call::Read { fd: peer, len: 1 }), Output::Bytes(Vec::new()), "its FIN comes now");
    // The FIN leaves inside the call, before its thread tells that it ended.
    while caller.state(read) != State::Ended {
        std::thread::sleep(LOOK);
    }
    assert_eq!(caller.poll_ended().unwrap().result.unwrap().value, Ok(1));
}
