//! What options do: on the wire, to accepted sockets, in what is told. Two processes on two hosts, in virtual time.

mod world;

use limpid_posix::{Call, Control, Errno, Message, Output, abi};
use limpid_wire::TcpFlags;
use world::{A, B, World, int};

const STAMPS: i32 = abi::SOF_TIMESTAMPING_TX_SOFTWARE
    | abi::SOF_TIMESTAMPING_TX_SCHED
    | abi::SOF_TIMESTAMPING_TX_ACK
    | abi::SOF_TIMESTAMPING_SOFTWARE
    | abi::SOF_TIMESTAMPING_OPT_ID
    | abi::SOF_TIMESTAMPING_OPT_TSONLY;

fn errqueue(w: &mut World, host: usize, fd: i32) -> Result<Message, Errno> {
    let flags = abi::MSG_ERRQUEUE | abi::MSG_DONTWAIT;
    let ended = w.call(host, Call::RecvMsg { fd, lens: vec![100], control_len: 200, flags });
    ended.value?;
    match ended.output {
        Output::Message(message) => Ok(message),
        other => panic!("not a message: {other:?}"),
    }
}

/// `sock_extended_err`: errno, origin, code, info, data.
fn extended(message: &Message) -> (u32, u8, u8, u32, u32) {
    let is_error = |c: &&Control| matches!(c.kind, abi::IP_RECVERR | abi::IPV6_RECVERR) && c.level != abi::SOL_SOCKET;
    let control = message.control.iter().find(is_error).expect("an extended error");
    let word = |at: usize| u32::from_ne_bytes(control.data[at..at + 4].try_into().unwrap());
    (word(0), control.data[4], control.data[6], word(8), word(12))
}

/// The software time of SCM_TIMESTAMPING, ms.
fn stamped_at(message: &Message) -> Option<u64> {
    let control = message.control.iter().find(|c| (c.level, c.kind) == (abi::SOL_SOCKET, abi::SCM_TIMESTAMPING))?;
    assert_eq!(control.data.len(), 48);
    let word = |at: usize| u64::from_ne_bytes(control.data[at..at + 8].try_into().unwrap());
    Some(word(0) * 1000 + word(8) / 1_000_000)
}

/// SCHED and SND when the bytes leave, again when they are sent again, ACK when they are acknowledged: the order and the
/// figures of Linux.
#[test]
fn stamps_of_a_write() {
    let mut w = World::new();
    let (client, _server) = w.connected(abi::AF_INET);
    w.set(A, client, abi::SOL_SOCKET, abi::SO_TIMESTAMPING, STAMPS).unwrap();
    let begin = w.now_ms();
    w.lose = 1;
    assert_eq!(w.send(A, client, &[7; 100], 0), Ok(100));
    w.run_ms(1000);
    let mut told = Vec::new();
    while let Ok(message) = errqueue(&mut w, A, client) {
        assert_eq!((message.flags, message.bytes.len(), &message.name), (abi::MSG_ERRQUEUE, 0, &None));
        let (errno, origin, code, info, data) = extended(&message);
        assert_eq!((errno, i32::from(origin), code), (Errno::ENOMSG.0 as u32, abi::SO_EE_ORIGIN_TIMESTAMPING, 0));
        told.push((info as i32, data, stamped_at(&message).expect("a time") - begin));
    }
    let (sched, snd, ack) = (abi::SCM_TSTAMP_SCHED, abi::SCM_TSTAMP_SND, abi::SCM_TSTAMP_ACK);
    let again = told[2].2;
    assert!((200..300).contains(&again), "a timeout later: {told:?}");
    assert_eq!(told, [(sched, 99, 0), (snd, 99, 0), (sched, 99, again), (snd, 99, again), (ack, 99, again + 20)]);
    assert_eq!(errqueue(&mut w, A, client), Err(Errno::EAGAIN));
}

/// A control message asks for one write; OPT_ID counts from when it is set.
#[test]
fn stamps_of_one_write_alone() {
    let mut w = World::new();
    let (client, _server) = w.connected(abi::AF_INET6);
    w.send(A, client, &[1; 10], 0).unwrap();
    w.run_ms(100);
    let report = abi::SOF_TIMESTAMPING_SOFTWARE | abi::SOF_TIMESTAMPING_OPT_ID;
    w.set(A, client, abi::SOL_SOCKET, abi::SO_TIMESTAMPING, report).unwrap();
    let data = abi::SOF_TIMESTAMPING_TX_ACK.to_ne_bytes().to_vec();
    let control = |data| vec![Control { level: abi::SOL_SOCKET, kind: abi::SO_TIMESTAMPING, data }];
    let send =
        |data| Call::SendMsg { fd: client, to: None, parts: vec![vec![2; 30]], control: control(data), flags: 0 };
    assert_eq!(w.call(A, send(data)).value, Ok(30));
    w.send(A, client, &[3; 30], 0).unwrap();
    w.run_ms(100);
    let message = errqueue(&mut w, A, client).unwrap();
    assert_eq!(extended(&message).4, 29);
    assert_eq!(message.control[1].data.len(), 44, "an IPv6 socket's offender is a sockaddr_in6");
    assert_eq!(errqueue(&mut w, A, client), Err(Errno::EAGAIN));
    let unknown = abi::SOF_TIMESTAMPING_OPT_ID.to_ne_bytes().to_vec();
    assert_eq!(w.call(A, send(unknown)).value, Err(Errno::EINVAL));
    assert_eq!(w.call(A, send(vec![1])).value, Err(Errno::EINVAL));
}

/// MSG_ZEROCOPY: nothing without SO_ZEROCOPY; else a notice when all is acknowledged, and EPOLLERR until it is taken.
#[test]
fn zero_copy_writes_are_told_of() {
    let mut w = World::new();
    let (client, _server) = w.connected(abi::AF_INET);
    w.send(A, client, b"not asked for", abi::MSG_ZEROCOPY).unwrap();
    w.run_ms(100);
    assert_eq!(errqueue(&mut w, A, client), Err(Errno::EAGAIN));
    w.set(A, client, abi::SOL_SOCKET, abi::SO_ZEROCOPY, 1).unwrap();
    for _ in 0..2 {
        w.send(A, client, &[0; 4000], abi::MSG_ZEROCOPY).unwrap();
    }
    assert_eq!(w.poll(A, client) & abi::POLLERR, 0);
    w.run_ms(100);
    assert_ne!(w.poll(A, client) & abi::POLLERR, 0);
    let message = errqueue(&mut w, A, client).unwrap();
    let copied = abi::SO_EE_CODE_ZEROCOPY_COPIED as u8;
    assert_eq!(extended(&message), (0, abi::SO_EE_ORIGIN_ZEROCOPY as u8, copied, 0, 1));
    assert_eq!(w.poll(A, client) & abi::POLLERR, 0);
}

/// The ICMP error that ends an open is in the queue, with who sent it, what it was about, and the TCP header quoted; whoever
/// takes it there has heard of it.
#[test]
fn an_icmp_error_that_ends_an_open() {
    let mut w = World::new();
    let fd = w.socket(A, abi::AF_INET);
    assert_eq!(w.connect(A, fd, "10.0.0.9:80"), Err(Errno::EINPROGRESS));
    w.answer_with_icmp(A, "10.0.0.77", 3, 1);
    assert_ne!(w.poll(A, fd) & abi::POLLERR, 0);
    let message = errqueue(&mut w, A, fd).unwrap();
    let control = &message.control[0];
    assert_eq!((control.level, control.kind, control.data.len()), (abi::IPPROTO_IP, abi::IP_RECVERR, 32));
    assert_eq!(control.data[..8], [113, 0, 0, 0, abi::SO_EE_ORIGIN_ICMP as u8, 3, 1, 0]);
    assert_eq!(control.data[16..24], [2, 0, 0, 0, 10, 0, 0, 77]);
    assert_eq!(message.name.unwrap().endpoint(), Some("10.0.0.9:80".parse().unwrap()));
    assert_eq!(message.bytes.len(), 8, "as much as was quoted of TCP");
    assert_eq!(w.get(A, fd, abi::SOL_SOCKET, abi::SO_ERROR), Ok(0));
    assert_eq!(errqueue(&mut w, A, fd), Err(Errno::EAGAIN));
}

/// SO_TIMESTAMP, SO_TIMESTAMPNS, SO_TIMESTAMPING and TCP_INQ, in Linux's order, and cut where there is no room.
#[test]
fn what_comes_with_what_is_read() {
    let mut w = World::new();
    let (client, server) = w.connected(abi::AF_INET);
    w.set(B, server, abi::IPPROTO_TCP, abi::TCP_INQ, 1).unwrap();
    let rx = abi::SOF_TIMESTAMPING_RX_SOFTWARE | abi::SOF_TIMESTAMPING_SOFTWARE;
    w.set(B, server, abi::SOL_SOCKET, abi::SO_TIMESTAMPING, rx).unwrap();
    w.set(B, server, abi::SOL_SOCKET, abi::SO_TIMESTAMPNS, 1).unwrap();
    w.send(A, client, b"hello", 0).unwrap();
    let arrival = w.now_ms() + 10;
    w.run_ms(100);
    let read = |w: &mut World, len, control_len| match w
        .call(B, Call::RecvMsg { fd: server, lens: vec![len], control_len, flags: abi::MSG_DONTWAIT })
        .output
    {
        Output::Message(message) => message,
        other => panic!("not a message: {other:?}"),
    };
    let message = read(&mut w, 2, 200);
    let kinds: Vec<i32> = message.control.iter().map(|c| c.kind).collect();
    assert_eq!(kinds, [abi::SCM_TIMESTAMPNS, abi::SCM_TIMESTAMPING, abi::TCP_CM_INQ]);
    assert_eq!(stamped_at(&message), Some(arrival));
    assert_eq!((int(&message.control[2].data), message.flags), (3, 0));
    let message = read(&mut w, 3, 20);
    assert_eq!((message.control[0].data.len(), message.control.len(), message.flags), (4, 1, abi::MSG_CTRUNC));
    w.call(A, Call::Shutdown { fd: client, how: abi::SHUT_WR });
    w.run_ms(100);
    let message = read(&mut w, 3, 200);
    assert_eq!((message.bytes.len(), message.control.len(), int(&message.control[0].data)), (0, 1, 1));
}

/// What a listener has set, its connections have.
#[test]
fn options_are_inherited() {
    let options = [
        (abi::SOL_SOCKET, abi::SO_KEEPALIVE, 1),
        (abi::SOL_SOCKET, abi::SO_OOBINLINE, 1),
        (abi::SOL_SOCKET, abi::SO_MARK, 9),
        (abi::SOL_SOCKET, abi::SO_RCVLOWAT, 7),
        (abi::SOL_SOCKET, abi::SO_ZEROCOPY, 1),
        (abi::IPPROTO_TCP, abi::TCP_NODELAY, 1),
        (abi::IPPROTO_TCP, abi::TCP_KEEPIDLE, 77),
        (abi::IPPROTO_TCP, abi::TCP_USER_TIMEOUT, 5000),
        (abi::IPPROTO_TCP, abi::TCP_LINGER2, 7),
        (abi::IPPROTO_TCP, abi::TCP_NOTSENT_LOWAT, 4096),
        (abi::IPPROTO_TCP, abi::TCP_INQ, 1),
        (abi::IPPROTO_IP, abi::IP_TTL, 33),
        (abi::IPPROTO_IP, abi::IP_TOS, 0x20),
        (abi::IPPROTO_IP, abi::IP_RECVERR, 1),
    ];
    let mut w = World::new();
    let listener = w.listener(B, abi::AF_INET);
    for (level, name, value) in options {
        w.set(B, listener, level, name, value).unwrap();
    }
    let client = w.connect_to_listener(A, abi::AF_INET);
    w.run_ms(100);
    let server = w.accept(B, listener);
    for (level, name, value) in options {
        assert_eq!(w.get(B, server, level, name), Ok(value), "{level} {name}");
        assert_ne!(w.get(A, client, level, name), Ok(value), "{level} {name} is Linux's default");
    }
    assert!(w.sent_by(B).iter().all(|p| (p.ip.ttl, p.ip.dscp) == (33, 8)));
}

/// IP_TTL and IP_TOS on the wire, TCP_NODELAY and TCP_MAXSEG in what is cut.
#[test]
fn options_on_the_wire() {
    let mut w = World::new();
    let listener = w.listener(B, abi::AF_INET);
    let client = w.socket(A, abi::AF_INET);
    w.set(A, client, abi::IPPROTO_IP, abi::IP_TTL, 9).unwrap();
    w.set(A, client, abi::IPPROTO_IP, abi::IP_TOS, 0x48).unwrap();
    w.set(A, client, abi::IPPROTO_IP, abi::IP_MTU_DISCOVER, abi::IP_PMTUDISC_DONT).unwrap();
    w.set(A, client, abi::IPPROTO_TCP, abi::TCP_MAXSEG, 500).unwrap();
    w.set(A, client, abi::IPPROTO_TCP, abi::TCP_NODELAY, 1).unwrap();
    assert_eq!(w.connect(A, client, "10.0.0.2:8080"), Err(Errno::EINPROGRESS));
    w.run_ms(100);
    let _ = w.accept(B, listener);
    w.send(A, client, &[0; 1000], 0).unwrap();
    w.run_ms(100);
    w.send(A, client, b"x", 0).unwrap();
    w.send(A, client, b"y", 0).unwrap();
    w.run_ms(100);
    let sent = w.sent_by(A);
    assert!(sent.iter().all(|p| (p.ip.ttl, p.ip.dscp, p.ip.dont_fragment) == (9, 0x12, false)));
    let syn = &sent[0].segment;
    assert!(syn.flags.contains(TcpFlags::SYN));
    assert_eq!(syn.options.mss, Some(500));
    let data: Vec<usize> = sent.iter().map(|p| p.segment.payload.len()).filter(|len| *len > 0).collect();
    // 500 less the timestamps.
    assert_eq!(data, [488, 488, 24, 1, 1]);
    assert_eq!(w.get(A, client, abi::IPPROTO_TCP, abi::TCP_MAXSEG), Ok(488));
    assert_eq!(w.get(A, client, abi::IPPROTO_IP, abi::IP_MTU), Ok(1500));
}

/// SO_ERROR is taken; SO_ACCEPTCONN, TCP_INFO's state and the accept queue say what a socket is.
#[test]
fn what_a_socket_is() {
    let mut w = World::new();
    let info = |w: &mut World, host, fd| w.get_bytes(host, fd, abi::IPPROTO_TCP, abi::TCP_INFO, 512).unwrap();
    let listener = w.listener(B, abi::AF_INET);
    assert_eq!(w.get(B, listener, abi::SOL_SOCKET, abi::SO_ACCEPTCONN), Ok(1));
    let client = w.connect_to_listener(A, abi::AF_INET);
    w.run_ms(100);
    let told = info(&mut w, B, listener);
    assert_eq!((told.len(), told[0], int(&told[24..28]), int(&told[28..32])), (280, abi::TCP_LISTEN as u8, 1, 8));
    let told = info(&mut w, A, client);
    assert_eq!((told[0], told[5] & 7, int(&told[16..20])), (abi::TCP_ESTABLISHED as u8, 7, 1448));
    assert_eq!(w.get_bytes(A, client, abi::IPPROTO_TCP, abi::TCP_INFO, 3).unwrap().len(), 3);
    assert_eq!(w.get(A, client, abi::SOL_SOCKET, abi::SO_ACCEPTCONN), Ok(0));
    let refused = w.socket(A, abi::AF_INET);
    assert_eq!(w.connect(A, refused, "10.0.0.2:9"), Err(Errno::EINPROGRESS));
    w.run_ms(100);
    assert_eq!(w.get(A, refused, abi::SOL_SOCKET, abi::SO_ERROR), Ok(Errno::ECONNREFUSED.0));
    assert_eq!(w.get(A, refused, abi::SOL_SOCKET, abi::SO_ERROR), Ok(0));
    assert_eq!(info(&mut w, A, refused)[0], abi::TCP_CLOSE as u8);
    assert_eq!(w.get(A, refused, abi::IPPROTO_IP, abi::IP_MTU), Err(Errno::ENOTCONN));
}

/// What is not built is an error, whatever the level; so is what does not exist, and what is no socket.
#[test]
fn what_is_not_there_is_an_error() {
    let mut w = World::new();
    let fd = w.socket(A, abi::AF_INET);
    for (level, name) in [
        (abi::SOL_SOCKET, abi::SO_BUSY_POLL),
        (abi::IPPROTO_IP, abi::IP_BIND_ADDRESS_NO_PORT),
        (abi::SOL_SOCKET, 9999),
        (abi::IPPROTO_TCP, 9999),
        (abi::IPPROTO_IP, 9999),
        (abi::IPPROTO_UDP, 1),
    ] {
        assert_eq!(w.set(A, fd, level, name, 1), Err(Errno::ENOPROTOOPT), "{level} {name}");
    }
    assert_eq!(w.set(A, fd, abi::IPPROTO_TCP, abi::TCP_REPAIR, 1), Err(Errno::EPERM));
    assert_eq!(w.set(A, 99, abi::SOL_SOCKET, abi::SO_KEEPALIVE, 1), Err(Errno::EBADF));
    assert_eq!(w.get(A, 99, abi::SOL_SOCKET, abi::SO_KEEPALIVE), Err(Errno::EBADF));
    assert_eq!(w.set_bytes(A, fd, abi::SOL_SOCKET, abi::SO_BINDTODEVICE, b"eth9\0"), Err(Errno::ENODEV));
    assert_eq!(w.set_bytes(A, fd, abi::SOL_SOCKET, abi::SO_BINDTODEVICE, b"tun0\0"), Ok(()));
    assert_eq!(w.get_bytes(A, fd, abi::SOL_SOCKET, abi::SO_BINDTODEVICE, 16), Ok(b"tun0\0".to_vec()));
    assert_eq!(w.set_bytes(A, fd, abi::SOL_SOCKET, abi::SO_BINDTODEVICE, b""), Ok(()));
}

/// IPV6_V6ONLY only before bind; IP_RECVERR and IPV6_RECVERR make an ICMP error of a connection one for the next call.
#[test]
fn errors_of_the_path() {
    let mut w = World::new();
    let (client, _server) = w.connected(abi::AF_INET);
    w.set(A, client, abi::IPPROTO_IP, abi::IP_RECVERR, 1).unwrap();
    w.lose = 1;
    w.send(A, client, b"x", 0).unwrap();
    w.drain();
    w.answer_with_icmp(A, "10.0.0.77", 3, 1);
    assert_eq!(errqueue(&mut w, A, client), Err(Errno::EAGAIN), "as on Linux, nothing is queued");
    assert_eq!(w.send(A, client, b"y", 0), Err(Errno::EHOSTUNREACH));
    assert_eq!(w.send(A, client, b"y", 0), Ok(1));
    let v6 = w.listener(B, abi::AF_INET6);
    assert_eq!(w.set(B, v6, abi::IPPROTO_IPV6, abi::IPV6_V6ONLY, 1), Err(Errno::EINVAL));
}
