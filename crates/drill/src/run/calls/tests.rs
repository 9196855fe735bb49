use super::*;
use crate::parse::parse;
use crate::run::Settings;
use crate::script::EventKind;
use limpid_posix::{Control, EpollEvent, Errno, Message, PollFd};

/// A call as bound, with script descriptors 3 and 4 open as 13 and 14.
fn bound(text: &str) -> Result<(Bound, SystemCall), Stop> {
    let script = parse(&format!("0 {text}"), &Default::default()).unwrap_or_else(|e| panic!("{text}: {e}"));
    let EventKind::Call(call) = &script.events[0].kind else { panic!("{text}") };
    let options = Options::of(&script, &Settings::default())?;
    Ok((bind(call, &options, &fds())?, call.clone()))
}

fn fds() -> Descriptors {
    let mut fds = Descriptors::default();
    fds.open(3, 13).unwrap();
    fds.open(4, 14).unwrap();
    fds.open(5, 15).unwrap();
    fds
}

/// What the runner says of a call that gave this.
fn judged(text: &str, gave: Return) -> String {
    let (Bound { result, filled, .. }, call) = bound(text).unwrap_or_else(|stop| panic!("{text}: {stop:?}"));
    let options = Options::of(&Default::default(), &Settings::default()).unwrap();
    let (fds, wall_clock) = (fds(), Duration::from_secs(1_000_000));
    let seen = Seen { fds: &fds, wall_clock, options: &options };
    let judged =
        check_result(&call, result, &gave).unwrap().and_then(|()| filled.map_or(Ok(()), |filled| filled(&gave, &seen)));
    judged.err().unwrap_or_else(|| "as expected".to_owned())
}

fn gave(value: i64, output: Output) -> Return {
    Return { value: Ok(value), output }
}

#[test]
fn every_call_is_bound() {
    let told: Vec<String> = r#"
socket(..., SOCK_STREAM, IPPROTO_TCP) = 6
socket(AF_INET6, SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) = 6
bind(3, ..., ...) = 0
bind(3, {sa_family=AF_INET, sin_port=htons(99), sin_addr=inet_addr("192.168.0.1")}, ...) = 0
listen(3, 5) = 0
accept(3, ..., ...) = 6
accept4(3, ..., ..., SOCK_NONBLOCK) = 6
connect(3, ..., ...) = 0
connect(3, AF_UNSPEC, ...) = 0
close(4) = 0
close(77) = -1 EBADF
shutdown(4, SHUT_WR) = 0
getsockname(4, ..., ...) = 0
getpeername(4, ..., ...) = 0
read(4, ..., 10) = 10
readv(4, [{..., 10}, {..., 20}], 2) = 30
recv(4, ..., 10, MSG_PEEK) = 10
recvfrom(4, ..., 10, 0, ..., ...) = 10
recvmsg(4, {msg_name(...)=..., msg_iov(1)=[{..., 10}], msg_flags=0}, 0) = 10
write(4, ..., 3) = 3
write(4, "abc", 3) = 3
writev(4, [{..., 1}, {..., 2}], 2) = 3
send(4, ..., 3, MSG_MORE) = 3
sendto(4, ..., 3, MSG_FASTOPEN, ..., ...) = 3
sendmsg(4, {msg_name(...)=..., msg_iov(1)=[{..., 2}], msg_flags=0}, MSG_ZEROCOPY) = 2
getsockopt(4, SOL_SOCKET, SO_ERROR, [0], [4]) = 0
setsockopt(4, SOL_SOCKET, SO_LINGER, {onoff=1, linger=2}, 8) = 0
setsockopt(4, IPPROTO_TCP, TCP_NODELAY, [1], 4) = 0
setsockopt(4, IPPROTO_TCP, TCP_CONGESTION, "reno", 4) = 0
fcntl(4, F_GETFL) = 2
fcntl(4, F_SETFL, O_RDWR|O_NONBLOCK) = 0
ioctl(4, SIOCINQ, [5]) = 0
poll([{fd=4, events=POLLIN, revents=0}], 1, 0) = 0
epoll_create(1) = 6
epoll_create1(EPOLL_CLOEXEC) = 6
epoll_ctl(5, EPOLL_CTL_ADD, 4, {events=EPOLLIN, fd=4}) = 0
epoll_ctl(5, EPOLL_CTL_ADD, 4, {events=EPOLLIN, u64=9}) = 0
epoll_wait(5, {events=EPOLLIN, fd=4}, 1, 0) = 1
pipe([6, 7]) = 0
open("/dev/zero", O_RDONLY) = 6
sendfile(4, 5, [0], 100) = 100
splice(4, 0, 5, 0, 100, SPLICE_F_MOVE) = 100
"#
    .trim()
    .lines()
    .map(|line| format!("{line}\n    {:?}", bound(line).unwrap_or_else(|stop| panic!("{line}: {stop:?}")).0))
    .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn arguments_that_make_no_sense() {
    let told: Vec<String> = r#"
close() = 0
readv(4, [{..., 10}], 2) = 10
poll([{fd=4, events=POLLIN, revents=0}], 2, 0) = 0
getsockopt(4, SOL_SOCKET, SO_ERROR, "abc", [4]) = 0
getsockopt(4, SOL_SOCKET, SO_ERROR, [0], 4) = 0
write(4, [1], 3) = 3
pipe([6]) = 0
sendmsg(4, {msg_name(...)=..., msg_iov(2)=[{..., 2}], msg_flags=0}, 0) = 2
sendmsg(4, {msg_name(...)=..., msg_iov(1)=[{..., 2}], msg_flags=MSG_EOR}, 0) = 2
read(4, ..., -5) = 0
"#
    .trim()
    .lines()
    .map(|line| format!("{line}\n    {:?}", bound(line).unwrap_err()))
    .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn options_are_compared() {
    let bytes = |bytes: &[u8]| gave(0, Output::Bytes(bytes.to_vec()));
    let int = "getsockopt(4, SOL_SOCKET, SO_ERROR, [104], [4]) = 0";
    assert_eq!(judged(int, bytes(&[104, 0, 0, 0])), "as expected");
    let text = r#"getsockopt(4, IPPROTO_TCP, TCP_CONGESTION, "reno\0", [5]) = 0"#;
    assert_eq!(judged(text, bytes(b"reno\0")), "as expected");
    let linger = "getsockopt(4, SOL_SOCKET, SO_LINGER, {onoff=1, linger=-1}, [8]) = 0";
    assert_eq!(judged(linger, bytes(&[1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff])), "as expected");
    let told = [
        judged(int, bytes(&[0, 0, 0, 0])),
        judged(int, bytes(&[0xff, 0xff, 0xff, 0xff])),
        judged(int, bytes(&[104])),
        judged(int, Return::error(Errno::ENOPROTOOPT)),
        judged(text, bytes(b"cubi\0")),
        judged(linger, bytes(&[0; 8])),
        judged("ioctl(4, SIOCINQ, [5]) = 0", gave(0, Output::Integer(6))),
    ];
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn what_is_read_is_compared_only_with_a_string() {
    let gave = |text: &str| gave(3, Output::Bytes(text.as_bytes().to_vec()));
    assert_eq!(judged("read(4, ..., 10) = 3", gave("xyz")), "as expected");
    assert_eq!(judged(r#"read(4, "abc", 10) = 3"#, gave("abc")), "as expected");
    assert_eq!(judged(r#"read(4, "abc", 10) = 3"#, gave("abd")), "Bad data: expected: 'abc' actual: 'abd'");
    assert_eq!(judged(r#"readv(4, [{"a", 1}, {"bc", 2}], 2) = 3"#, gave("abc")), "as expected");
}

#[test]
fn readiness_is_compared() {
    let polled = |revents| gave(1, Output::Polled(vec![PollFd { fd: 14, events: 1, revents }]));
    let poll = "poll([{fd=4, events=POLLIN, revents=POLLIN}], 1, 0) = 1";
    assert_eq!(judged(poll, polled(1)), "as expected");
    let events = |events: &[(u32, u64)]| {
        let list = events.iter().map(|(events, data)| EpollEvent { events: *events, data: *data }).collect::<Vec<_>>();
        gave(list.len() as i64, Output::Events(list))
    };
    let wait = "epoll_wait(5, {events=EPOLLIN, fd=4}, 1, 0) = 1";
    assert_eq!(judged(wait, events(&[(1, 14)])), "as expected");
    assert_eq!(judged("epoll_wait(5, {events=EPOLLIN, u32=9}, 1, 0) = 1", events(&[(1, 9)])), "as expected");
    assert_eq!(judged("epoll_wait(5, {events=0, ptr=0}, 1, 0) = 0", events(&[])), "as expected");
    let told = [
        judged(poll, polled(0)),
        judged(poll, polled(0x11)),
        judged(wait, events(&[(5, 14)])),
        judged(wait, events(&[(1, 13)])),
        judged(wait, events(&[(1, 99)])),
        judged("epoll_wait(5, {events=EPOLLIN, fd=4}, 1, 0) = 0", events(&[])),
        judged("epoll_wait(5, {events=EPOLLIN, u64=9}, 1, 0) = 1", events(&[(1, 10)])),
    ];
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn messages_are_compared_with_their_control_messages() {
    let message = |flags, control: &[(i32, i32, Vec<u8>)]| {
        let control =
            control.iter().map(|(level, kind, data)| Control { level: *level, kind: *kind, data: data.clone() });
        gave(10, Output::Message(Message { name: None, bytes: vec![0; 10], control: control.collect(), flags }))
    };
    let plain = "recvmsg(4, {msg_name(...)=..., msg_iov(1)=[{..., 10}], msg_flags=MSG_EOR}, 0) = 10";
    assert_eq!(judged(plain, message(0x80, &[])), "as expected");
    let inq = "recvmsg(4, {msg_name(...)=..., msg_iov(1)=[{..., 10}], msg_flags=0, \
               msg_control=[{cmsg_level=SOL_TCP, cmsg_type=TCP_CM_INQ, cmsg_data=90}]}, 0) = 10";
    let left = |n: i32| vec![(6, 36, n.to_ne_bytes().to_vec())];
    assert_eq!(judged(inq, message(0, &left(90))), "as expected");
    let error = "recvmsg(4, {msg_name(...)=..., msg_iov(1)=[{..., 10}], msg_flags=MSG_ERRQUEUE, \
                 msg_control=[{cmsg_level=SOL_IP, cmsg_type=IP_RECVERR, cmsg_data={ee_errno=0, \
                 ee_origin=SO_EE_ORIGIN_ZEROCOPY, ee_type=0, ee_code=1, ee_info=2, ee_data=3}}]}, MSG_ERRQUEUE) = 10";
    let extended = |data: u32| {
        let mut bytes = vec![0, 0, 0, 0, 5, 0, 1, 0, 2, 0, 0, 0];
        bytes.extend(data.to_ne_bytes());
        bytes.resize(32, 0);
        vec![(0, 11, bytes)]
    };
    assert_eq!(judged(error, message(0x2000, &extended(3))), "as expected");
    let time = "recvmsg(4, {msg_name(...)=..., msg_iov(1)=[{..., 10}], msg_flags=0, \
                msg_control=[{cmsg_level=SOL_SOCKET, cmsg_type=SCM_TIMESTAMPING, cmsg_data={scm_sec=1,scm_nsec=500000000}}]}, 0) = 10";
    let stamp = |millis: i64| {
        let mut bytes = (1_000_001i64).to_ne_bytes().to_vec();
        bytes.extend((millis * 1_000_000).to_ne_bytes());
        bytes.resize(48, 0);
        vec![(1, 37, bytes)]
    };
    assert_eq!(judged(time, message(0, &stamp(504))), "as expected");
    let told = [
        judged(plain, message(0, &[])),
        judged(plain, message(0x80, &left(1))),
        judged(inq, message(0, &[])),
        judged(inq, message(0, &left(91))),
        judged(inq, message(0, &[(6, 37, vec![0; 4])])),
        judged(inq, message(0, &[(6, 36, vec![0; 8])])),
        judged(error, message(0x2000, &extended(4))),
        judged(time, message(0, &stamp(505))),
    ];
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn stats_of_timestamps_are_compared() {
    let stats = "recvmsg(4, {msg_name(...)=..., msg_iov(1)=[{..., 10}], msg_flags=0, \
                 msg_control=[{cmsg_level=SOL_SOCKET, cmsg_type=SCM_TIMESTAMPING_OPT_STATS, \
                 cmsg_data=[TCP_NLA_BUSY=10000, TCP_NLA_CA_STATE=0, TCP_NLA_DELIVERED=...]}]}, 0) = 10";
    let message = |busy: u64, state: u8| {
        let mut data = vec![12, 0, 1, 0];
        data.extend(busy.to_ne_bytes());
        data.extend([5, 0, 14, 0, state, 0, 0, 0, 8, 0, 16, 0, 9, 9, 9, 9]);
        let control = vec![Control { level: 1, kind: 54, data }];
        gave(10, Output::Message(Message { control, bytes: vec![0; 10], ..Message::default() }))
    };
    assert_eq!(judged(stats, message(12_000, 0)), "as expected");
    assert_eq!(judged(stats, message(15_000, 0)), "Bad TCP_NLA_BUSY: expected=10000 actual=15000");
    assert_eq!(judged(stats, message(10_000, 3)), "Bad TCP_NLA_CA_STATE: expected=0 actual=3");
}
