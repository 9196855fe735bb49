use crate::Process;
use crate::testing::loopback;
use limpid_posix::abi::{AF_INET, AF_INET6, SHUT_RDWR, SHUT_WR, SOCK_NONBLOCK, SOCK_STREAM};
use limpid_posix::{Call, Errno, Output, Sockaddr};

#[test]
fn both_ends_of_a_connection_know_each_other() {
    let process = Process::new();
    let listener = process.listener();
    let client = process.tcp_socket();
    process.good(Call::Connect { fd: client, address: process.name(listener) });
    let accepted = process.made(Call::Accept4 { fd: listener, flags: SOCK_NONBLOCK });
    let server = accepted.value.unwrap() as i32;
    assert_eq!(accepted.output, Output::Address(process.name(client)));
    assert_eq!(process.output(Call::GetPeerName { fd: client }), Output::Address(process.name(server)));
    assert_eq!(process.name(server), process.name(listener));
    assert_eq!(process.errno(Call::Read { fd: server, len: 1 }), Errno::EAGAIN, "SOCK_NONBLOCK was asked for");
    process.good(Call::Shutdown { fd: client, how: SHUT_WR });
    assert_eq!(process.output(Call::Read { fd: server, len: 1 }), Output::Bytes(Vec::new()));
}

#[test]
fn what_linux_refuses_is_told_by_its_errno() {
    let process = Process::new();
    let fd = process.tcp_socket();
    assert_eq!(process.errno(Call::Socket { domain: 999, kind: SOCK_STREAM, protocol: 0 }), Errno::EAFNOSUPPORT);
    assert_eq!(process.errno(Call::Socket { domain: AF_INET, kind: SOCK_STREAM, protocol: 17 }), Errno(93));
    assert_eq!(process.errno(Call::GetPeerName { fd }), Errno::ENOTCONN);
    assert_eq!(process.errno(Call::Shutdown { fd, how: SHUT_RDWR }), Errno::ENOTCONN);
    assert_eq!(process.errno(Call::Accept4 { fd, flags: 0 }), Errno::EINVAL);
    assert_eq!(process.errno(Call::Bind { fd, address: Sockaddr(vec![2, 0]) }), Errno::EINVAL);
    let elsewhere = Sockaddr::of("192.0.2.1:80".parse().unwrap());
    assert_eq!(process.errno(Call::Bind { fd, address: elsewhere }), Errno::EADDRNOTAVAIL);
    // Port 1 of loopback: nobody listens there, and one who does would be found out by the next line.
    assert_eq!(process.errno(Call::Connect { fd, address: loopback(1) }), Errno::ECONNREFUSED);
}

#[test]
fn an_ipv6_name_has_28_bytes() {
    let process = Process::new();
    let made = process.made(Call::Socket { domain: AF_INET6, kind: SOCK_STREAM, protocol: 0 });
    match made.value {
        Ok(fd) => assert_eq!(process.name(fd as i32).0.len(), 28),
        // A machine without IPv6.
        Err(errno) => assert_eq!(errno, Errno::EAFNOSUPPORT),
    }
}
