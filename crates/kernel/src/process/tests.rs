use super::*;
use crate::testing::loopback;
use limpid_posix::abi::{F_SETFL, O_NONBLOCK, SHUT_WR, SO_LINGER, SOL_SOCKET};
use limpid_posix::{Output, PollFd};
use std::io::Read;

#[test]
fn descriptors_of_others_are_as_if_closed() {
    let process = Process::new();
    let file = std::fs::File::open("/dev/null").unwrap();
    let fd = file.as_raw_fd();
    let calls = [
        Call::Close { fd },
        Call::Read { fd, len: 1 },
        Call::Shutdown { fd, how: SHUT_WR },
        Call::GetSockOpt { fd, level: 1, name: 3, len: 4 },
        Call::Fcntl { fd, command: 1, argument: 0 },
        Call::SendMsg { fd, to: None, parts: Vec::new(), control: Vec::new(), flags: 0 },
        Call::EpollWait { epfd: fd, max: 1, timeout: 0 },
    ];
    for call in calls {
        assert_eq!(process.errno(call), Errno::EBADF);
    }
    let polled = process.output(Call::Poll { fds: vec![PollFd { fd, events: 1, revents: 0 }], timeout: 0 });
    assert_eq!(polled, Output::Polled(vec![PollFd { fd, events: 1, revents: 0x20 }]), "POLLNVAL");
    assert!(file.metadata().is_ok(), "nothing closed it");
}

#[test]
fn a_closed_descriptor_is_gone_and_the_rest_goes_with_the_process() {
    let process = Process::new();
    let (client, server) = process.connection();
    assert_eq!(process.descriptors().len(), 2);
    assert_eq!(process.good(Call::Close { fd: client }), 0);
    assert_eq!(process.errno(Call::Close { fd: client }), Errno::EBADF);
    assert_eq!(process.output(Call::Read { fd: server, len: 9 }), Output::Bytes(Vec::new()), "the end of the stream");
    let listener = process.listener();
    let mut peer = std::net::TcpStream::connect(address_of(&process, listener)).unwrap();
    process.good(Call::Accept4 { fd: listener, flags: 0 });
    drop(process);
    assert_eq!(peer.read(&mut [0; 1]).unwrap(), 0, "the end of the stream");
}

/// What was never read keeps the end of the stream from the peer, so that closing would wait for it.
#[test]
fn a_process_that_ends_waits_for_nothing_that_lingers() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let process = Process::new();
    let fd = process.tcp_socket();
    process.good(Call::Connect { fd, address: loopback(listener.local_addr().unwrap().port()) });
    let _peer = listener.accept().unwrap();
    let seconds = 60_i32;
    let value = [1_i32.to_ne_bytes(), seconds.to_ne_bytes()].concat();
    process.good(Call::SetSockOpt { fd, level: SOL_SOCKET, name: SO_LINGER, value });
    process.good(Call::Fcntl { fd, command: F_SETFL, argument: O_NONBLOCK.into() });
    while process.made(Call::Write { fd, bytes: vec![0; 1 << 20] }).value.is_ok() {}
    process.good(Call::Fcntl { fd, command: F_SETFL, argument: 0 });
    let began = std::time::Instant::now();
    drop(process);
    assert!(began.elapsed().as_secs() < 30, "{:?}", began.elapsed());
}

fn address_of(process: &Process, fd: i32) -> std::net::SocketAddr {
    process.name(fd).endpoint().unwrap().into()
}

#[test]
fn more_memory_than_one_call_may_have_is_refused() {
    let process = Process::new();
    let (fd, _peer) = process.connection();
    let error = process.call(Call::Read { fd, len: MAX_LEN + 1 }).unwrap_err();
    assert_eq!(error.to_string(), "67108865 bytes in one call: more than 67108864");
    assert!(process.call(Call::Readv { fd, lens: vec![usize::MAX, 2] }).is_err());
    assert!(process.call(Call::GetSockOpt { fd, level: 1, name: 3, len: 1 << 30 }).is_err());
}
