//! socket, bind, listen, connect, accept, names.

use crate::both::{Both, addr, connect};
use limpid_posix::{Call, Errno, Sockaddr, abi};

const AF_UNSPEC: [u8; 16] = [0; 16];

#[test]
fn what_is_no_tcp_socket() {
    let mut both = Both::new();
    let stream = abi::SOCK_STREAM;
    for (domain, kind, protocol) in [
        (abi::AF_INET, stream, 0),
        (abi::AF_INET, stream, abi::IPPROTO_TCP),
        (abi::AF_INET6, stream, abi::IPPROTO_TCP),
        (abi::AF_INET, stream | abi::SOCK_NONBLOCK | abi::SOCK_CLOEXEC, 0),
        (abi::AF_INET, stream, abi::IPPROTO_UDP),
        (abi::AF_INET, stream, 263),
        (abi::AF_INET, stream, -1),
        (abi::AF_INET, 8, 0),
        (abi::AF_INET, stream | 0x10, 0),
        (77, stream, 0),
        (-1, stream, 0),
        (abi::AF_INET, -1, 0),
    ] {
        both.call(Call::Socket { domain, kind, protocol });
    }
}

#[test]
fn addresses_that_bind_does_not_take() {
    let mut both = Both::new();
    for domain in [abi::AF_INET, abi::AF_INET6] {
        let fd = both.socket_of(domain, 0);
        both.call(Call::GetSockName { fd });
        both.call(Call::GetPeerName { fd });
        for address in ["192.0.2.77:0", "[2001:db8:9::77]:0", "[ff02::1]:0", "[::ffff:192.0.2.77]:0"] {
            both.bind(fd, address);
        }
        let mut unspec = AF_UNSPEC.to_vec();
        both.call(Call::Bind { fd, address: Sockaddr(unspec[..8].to_vec()) });
        unspec[4] = 127;
        both.call(Call::Bind { fd, address: Sockaddr(unspec.clone()) });
        both.call(Call::Bind { fd, address: Sockaddr(vec![]) });
        both.call(Call::Bind { fd, address: Sockaddr(vec![2, 0, 0, 0]) });
        both.call(Call::Bind { fd, address: Sockaddr(AF_UNSPEC.to_vec()) });
        both.call(Call::GetSockName { fd });
        both.bind(fd, "127.0.0.1:0");
    }
}

#[test]
fn a_port_is_bound_once() {
    let mut both = Both::new();
    let (a, b, c) = (both.socket(), both.socket(), both.socket());
    let port = both.bind_any(a, "127.0.0.1");
    let here = format!("127.0.0.1:{port}");
    let everywhere = format!("0.0.0.0:{port}");
    both.bind(a, &here);
    both.bind(b, &here);
    both.bind(b, &everywhere);
    both.bind(c, &format!("127.0.0.2:{port}"));
    both.close(a);
    both.bind(b, &here);
    both.listen(b, 1);
    both.bind(b, &here);
    both.call(Call::GetSockName { fd: b });
    let d = both.socket();
    both.bind(d, &everywhere);
    both.listen(d, 1);
    both.learn_port(d);
    both.bind(d, &here);
}

#[test]
fn ipv4_and_ipv6_beside_each_other() {
    let mut both = Both::new();
    let (four, six) = (both.socket(), both.socket_of(abi::AF_INET6, 0));
    let port = both.bind_any(six, "::");
    both.bind(four, &format!("0.0.0.0:{port}"));
    both.bind(four, &format!("127.0.0.1:{port}"));
    both.listen(six, 4);
    let client = both.socket();
    both.connect(client, port);
    let server = both.accept(six).value.unwrap() as i32;
    both.call(Call::GetSockName { fd: server });
    both.call(Call::GetPeerName { fd: server });
    both.call(Call::GetPeerName { fd: client });
    let six = both.socket_of(abi::AF_INET6, 0);
    both.call(Call::Connect { fd: six, address: addr(&format!("127.0.0.1:{port}")) });
    let mapped = Sockaddr::v6(format!("127.0.0.1:{port}").parse().unwrap());
    both.call(Call::Connect { fd: six, address: mapped });
    both.call(Call::GetSockName { fd: six });
    both.call(Call::GetPeerName { fd: six });
    let another = both.socket_of(abi::AF_INET6, 0);
    both.call(Call::Connect { fd: another, address: addr(&format!("[::1]:{port}")) });
    both.call(Call::GetSockName { fd: another });
}

#[test]
fn a_listener_is_only_that() {
    let mut both = Both::new();
    let (listener, port) = both.listener();
    both.connect(listener, port);
    both.call(Call::GetPeerName { fd: listener });
    both.accept(listener);
    both.call(Call::Accept4 { fd: listener, flags: 1 });
    both.read(listener, 1);
    both.recv(listener, 0, 0);
    both.write(listener, b"x");
    both.write(listener, b"");
    both.listen(listener, 3);
    for request in [abi::FIONREAD, abi::SIOCOUTQ, abi::SIOCOUTQNSD, abi::SIOCATMARK] {
        both.ioctl(listener, request);
    }
    both.poll(listener);
    let client = both.nonblocking();
    both.connect(client, port);
    both.poll(listener);
    both.shutdown(listener, abi::SHUT_WR);
    both.poll(listener);
    both.shutdown(listener, abi::SHUT_RD);
    both.poll(listener);
    both.poll(client);
    both.accept(listener);
    both.read(client, 1);
    both.listen(listener, 1);
    both.poll(listener);
}

#[test]
fn a_fresh_socket_does_little() {
    let mut both = Both::new();
    let fd = both.nonblocking();
    both.poll(fd);
    both.read(fd, 0);
    both.read(fd, 1);
    both.recv(fd, 0, 0);
    both.recv(fd, 1, abi::MSG_PEEK);
    both.recv(fd, 1, abi::MSG_OOB);
    both.write(fd, b"");
    both.write(fd, b"x");
    both.accept(fd);
    both.call(Call::GetPeerName { fd });
    for request in [abi::FIONREAD, abi::SIOCOUTQ, abi::SIOCOUTQNSD, abi::SIOCATMARK] {
        both.ioctl(fd, request);
    }
    for how in [3, -1, abi::SHUT_RD] {
        both.shutdown(fd, how);
    }
    both.poll(fd);
    both.read(fd, 1);
    both.shutdown(fd, abi::SHUT_WR);
    both.write(fd, b"x");
    both.poll(fd);
    both.listen(fd, 1);
    both.poll(fd);
}

#[test]
fn connect_refused() {
    let mut both = Both::new();
    // A port where nobody listens.
    let (listener, port) = both.listener();
    both.close(listener);
    let fd = both.socket();
    both.connect(fd, port);
    both.connect(fd, port);
    both.poll(fd);
    both.read(fd, 1);
    both.write(fd, b"x");
    // The same, told later.
    let fd = both.nonblocking();
    both.connect(fd, port);
    both.poll(fd);
    both.connect(fd, port);
    both.connect(fd, port);
    both.error(fd);
    both.poll(fd);
    both.read(fd, 1);
    both.write(fd, b"x");
    both.call(Call::GetPeerName { fd });
    both.connect(fd, port);
    both.connect(fd, port);
    both.poll(fd);
    both.read(fd, 1);
    both.read(fd, 1);
    both.poll(fd);
    both.listen(fd, 1);
}

#[test]
fn connect_and_what_is_said_then() {
    let mut both = Both::new();
    let (_, port) = both.listener();
    let fd = both.nonblocking();
    both.connect(fd, port);
    both.poll(fd);
    both.connect(fd, port);
    both.connect(fd, port);
    both.listen(fd, 1);
    both.bind(fd, "127.0.0.1:0");
    both.accept(fd);
    let short = |len| Call::Connect { fd, address: Sockaddr(vec![2; len]) };
    for len in [0, 1, 2, 16] {
        both.call(short(len));
    }
    let fresh = both.socket();
    for len in [0, 1, 2, 8, 15] {
        let mut bytes = vec![0; len];
        if let Some(first) = bytes.first_mut() {
            *first = 2;
        }
        both.call(Call::Connect { fd: fresh, address: Sockaddr(bytes) });
    }
    both.call(Call::Connect { fd: fresh, address: addr("[::1]:1") });
    both.call(Call::Connect { fd: fresh, address: addr("224.0.0.1:1") });
    both.call(Call::Connect { fd: fresh, address: addr("255.255.255.255:1") });
    both.call(Call::Connect { fd: fresh, address: Sockaddr(AF_UNSPEC.to_vec()) });
    both.call(connect(fresh, port));
}

#[test]
fn a_socket_is_taken_apart_and_used_again() {
    let mut both = Both::new();
    let (listener, client, server) = both.connected();
    let port = both.learn_port(listener);
    both.write(server, b"lost");
    both.call(Call::Connect { fd: client, address: Sockaddr(AF_UNSPEC.to_vec()) });
    both.poll(client);
    both.error(client);
    both.poll(client);
    both.call(Call::GetPeerName { fd: client });
    both.read(client, 1);
    both.poll(server);
    both.read(server, 1);
    both.read(server, 1);
    both.connect(client, port);
    both.connect(client, port);
    let again = both.accept(listener).value.unwrap() as i32;
    both.write(client, b"again");
    both.read(again, 9);
}

#[test]
fn connecting_from_a_port_of_ones_own() {
    let mut both = Both::new();
    let (listener, port) = both.listener();
    let (a, b) = (both.socket(), both.socket());
    both.set(a, abi::SOL_SOCKET, abi::SO_REUSEADDR, 1);
    both.set(b, abi::SOL_SOCKET, abi::SO_REUSEADDR, 1);
    let own = both.bind_any(a, "0.0.0.0");
    both.bind(b, &format!("127.0.0.1:{own}"));
    both.connect(a, port);
    both.call(Call::GetSockName { fd: a });
    assert_eq!(both.connect(b, port).value, Err(Errno::EADDRNOTAVAIL));
    both.listen(b, 1);
    both.accept(listener);
    let c = both.socket();
    both.bind(c, &format!("0.0.0.0:{own}"));
    both.set(c, abi::SOL_SOCKET, abi::SO_REUSEADDR, 1);
    both.bind(c, &format!("0.0.0.0:{own}"));
    both.bind(c, &format!("127.0.0.2:{own}"));
}

#[test]
fn blocking_opens() {
    let mut both = Both::new();
    let listener = both.socket();
    let port = both.bind_any(listener, "127.0.0.1");
    both.listen(listener, 4);
    both.waits(Call::Accept4 { fd: listener, flags: 0 });
    both.nothing_ended();
    let client = both.socket();
    both.connect(client, port);
    let server = both.ended().value.unwrap() as i32;
    both.waits(Call::Read { fd: server, len: 10 });
    both.write(client, b"hello");
    both.ended();
    both.waits(Call::Accept4 { fd: listener, flags: 0 });
    both.shutdown(listener, abi::SHUT_RDWR);
    both.ended();
}

#[test]
fn descriptors() {
    let mut both = Both::new();
    for fd in [-1, 12_345] {
        both.close(fd);
        both.read(fd, 1);
        both.listen(fd, 1);
        both.accept(fd);
        both.ioctl(fd, abi::FIONREAD);
        both.call(Call::Fcntl { fd, command: abi::F_GETFL, argument: 0 });
    }
    let fd = both.nonblocking();
    let flag = |command, argument| Call::Fcntl { fd, command, argument };
    both.call(flag(abi::F_GETFL, 0));
    both.call(flag(abi::F_GETFD, 0));
    both.call(flag(abi::F_SETFD, 1));
    both.call(flag(abi::F_GETFD, 0));
    both.call(flag(abi::F_SETFL, 0));
    both.call(flag(abi::F_GETFL, 0));
    both.call(Call::Ioctl { fd, request: abi::FIONBIO, argument: 1 });
    both.call(flag(abi::F_GETFL, 0));
    both.call(flag(abi::F_DUPFD, -1));
    let twin = both.fd_of(flag(abi::F_DUPFD, 0));
    both.call(Call::Fcntl { fd: twin, command: abi::F_GETFD, argument: 0 });
    both.call(Call::Fcntl { fd: twin, command: abi::F_SETFL, argument: 0 });
    both.call(flag(abi::F_GETFL, 0));
    let kept = both.fd_of(flag(abi::F_DUPFD_CLOEXEC, 0));
    both.call(Call::Fcntl { fd: kept, command: abi::F_GETFD, argument: 0 });
    both.close(fd);
    both.poll(fd);
    both.poll(twin);
}

#[test]
fn a_backlog_is_full_and_grows() {
    let mut both = Both::new();
    let listener = both.nonblocking();
    let port = both.bind_any(listener, "127.0.0.1");
    both.listen(listener, 0);
    let clients: Vec<i32> = (0..3).map(|_| both.nonblocking()).collect();
    for &fd in &clients {
        both.connect(fd, port);
        both.poll(fd);
    }
    both.accept(listener);
    both.accept(listener);
    for backlog in [5, -1, 1 << 20] {
        both.listen(listener, backlog);
    }
    for _ in 0..3 {
        let fd = both.nonblocking();
        both.connect(fd, port);
        both.poll(fd);
    }
    for _ in 0..4 {
        both.accept(listener);
    }
}

/// A socket that connects to itself: both SYNs cross.
#[test]
fn one_who_talks_to_himself() {
    let mut both = Both::new();
    let fd = both.nonblocking();
    let port = both.bind_any(fd, "127.0.0.1");
    both.connect(fd, port);
    both.poll(fd);
    both.connect(fd, port);
    both.write(fd, b"hello, me");
    both.read(fd, 100);
    both.call(Call::GetPeerName { fd });
    both.shutdown(fd, abi::SHUT_WR);
    both.read(fd, 100);
    both.poll(fd);
}

/// Of one who was bound: of others Linux still tells the port that it gave back.
#[test]
fn names_after_a_refusal() {
    let mut both = Both::new();
    let (listener, port) = both.listener();
    both.close(listener);
    for _ in 0..2 {
        let probe = both.nonblocking();
        let own = both.bind_any(probe, "127.0.0.1");
        both.close(probe);
        let fd = both.nonblocking();
        both.bind(fd, &format!("127.0.0.1:{own}"));
        both.connect(fd, port);
        both.call(Call::GetPeerName { fd });
        both.connect(fd, port);
        both.call(Call::GetSockName { fd });
        both.call(Call::GetPeerName { fd });
        both.poll(fd);
        both.listen(fd, 1);
        both.call(Call::GetSockName { fd });
    }
}

#[test]
fn a_port_in_time_wait() {
    let mut both = Both::new();
    let (listener, client, server) = both.connected();
    let port = both.learn_port(listener);
    both.close(server);
    both.close(client);
    both.close(listener);
    let here = format!("127.0.0.1:{port}");
    let (a, b) = (both.nonblocking(), both.nonblocking());
    both.bind(a, &here);
    both.set(b, abi::SOL_SOCKET, abi::SO_REUSEADDR, 1);
    both.bind(b, &here);
    both.listen(b, 1);
}
