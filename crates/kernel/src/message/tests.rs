use super::*;
use limpid_posix::Errno;
use limpid_posix::abi::{
    AF_INET, IP_RECVERR, IP_TTL, MSG_CTRUNC, MSG_ERRQUEUE, MSG_TRUNC, SCM_TIMESTAMP, SO_TIMESTAMP, SOCK_DGRAM, SOL_IP,
    SOL_TCP, TCP_CM_INQ, TCP_INQ,
};
use limpid_wire::{Endpoint, IpAddr};

fn set(process: &Process, fd: i32, level: i32, name: i32, value: i32) {
    process.good(Call::SetSockOpt { fd, level, name, value: value.to_ne_bytes().to_vec() });
}

fn udp_socket(process: &Process) -> i32 {
    process.good(Call::Socket { domain: AF_INET, kind: SOCK_DGRAM, protocol: 0 }) as i32
}

fn message(process: &Process, call: Call) -> Message {
    match process.output(call) {
        Output::Message(message) => message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn parts_and_control_messages_arrive() {
    let process = Process::new();
    let (client, server) = process.connection();
    set(&process, server, SOL_TCP, TCP_INQ, 1);
    let parts = vec![b"ab".to_vec(), Vec::new(), b"cdef".to_vec()];
    assert_eq!(process.good(Call::SendMsg { fd: client, to: None, parts, control: Vec::new(), flags: 0 }), 6);
    let ask = Call::RecvMsg { fd: server, lens: vec![1, 3], control_len: 64, flags: 0 };
    let left = Control { level: SOL_TCP, kind: TCP_CM_INQ, data: 2_i32.to_ne_bytes().to_vec() };
    let expected = Message { name: None, bytes: b"abcd".to_vec(), control: vec![left], flags: 0 };
    assert_eq!(message(&process, ask), expected);
    let no_room = Call::RecvMsg { fd: server, lens: vec![10], control_len: 0, flags: 0 };
    let got = message(&process, no_room);
    assert_eq!((got.bytes, got.control, got.flags), (b"ef".to_vec(), Vec::new(), MSG_CTRUNC));
}

#[test]
fn a_datagram_has_a_name_a_time_and_may_be_too_long() {
    let process = Process::new();
    let (a, b) = (udp_socket(&process), udp_socket(&process));
    let here = Sockaddr::of(Endpoint { addr: IpAddr::LOCALHOST_V4, port: 0 });
    for fd in [a, b] {
        process.good(Call::Bind { fd, address: here.clone() });
    }
    set(&process, b, SOL_SOCKET, SO_TIMESTAMP, 1);
    let ttl = Control { level: SOL_IP, kind: IP_TTL, data: 7_i32.to_ne_bytes().to_vec() };
    let (to, parts) = (Some(process.name(b)), vec![b"hello".to_vec()]);
    process.good(Call::SendMsg { fd: a, to, parts, control: vec![ttl], flags: 0 });
    let got = message(&process, Call::RecvMsg { fd: b, lens: vec![2], control_len: 256, flags: 0 });
    assert_eq!((got.name, got.bytes, got.flags), (Some(process.name(a)), b"he".to_vec(), MSG_TRUNC));
    let kinds: Vec<_> = got.control.iter().map(|c| (c.level, c.kind, c.data.len())).collect();
    assert_eq!(kinds, [(SOL_SOCKET, SCM_TIMESTAMP, 16)]);
}

#[test]
fn the_error_queue_says_what_came_back() {
    let process = Process::new();
    let fd = udp_socket(&process);
    set(&process, fd, SOL_IP, IP_RECVERR, 1);
    // A port that was just free.
    let free = udp_socket(&process);
    process.good(Call::Bind { fd: free, address: Sockaddr::of(Endpoint { addr: IpAddr::LOCALHOST_V4, port: 0 }) });
    let to = process.name(free);
    process.good(Call::Close { fd: free });
    process.good(Call::SendTo { fd, bytes: b"?".to_vec(), flags: 0, to: Some(to.clone()) });
    let ask = Call::RecvMsg { fd, lens: vec![9], control_len: 256, flags: MSG_ERRQUEUE };
    let got = message(&process, ask.clone());
    assert_eq!((got.name, got.bytes, got.flags), (Some(to), b"?".to_vec(), MSG_ERRQUEUE));
    assert_eq!((got.control[0].level, got.control[0].kind), (SOL_IP, IP_RECVERR));
    assert_eq!(got.control[0].data[..4], Errno::ECONNREFUSED.0.to_ne_bytes());
    assert_eq!(process.errno(ask), Errno::EAGAIN);
}

#[test]
fn control_messages_are_written_as_they_are_read() {
    let control = [
        Control { level: 1, kind: 37, data: vec![1, 2, 3] },
        Control { level: 6, kind: 36, data: Vec::new() },
        Control { level: -1, kind: 2, data: vec![9; 8] },
    ];
    let bytes: Vec<u8> = emit(&control).unwrap().iter().flat_map(|w| w.to_ne_bytes()).collect();
    assert_eq!(bytes.len(), 24 + 16 + 24);
    assert_eq!(parse(&bytes), control);
    // Whatever the bytes: no panic, and nothing from outside them.
    for end in 0..bytes.len() {
        assert!(parse(&bytes[..end]).len() <= 3);
    }
    assert_eq!(parse(&[0xff; 40]).len(), 1);
    assert_eq!(parse(&[0; 40]).len(), 0);
}

#[test]
fn descriptors_are_not_sent() {
    let process = Process::new();
    let (fd, _peer) = process.connection();
    let control = vec![Control { level: SOL_SOCKET, kind: SCM_RIGHTS, data: vec![0; 4] }];
    assert!(process.call(Call::SendMsg { fd, to: None, parts: vec![vec![1]], control, flags: 0 }).is_err());
}
