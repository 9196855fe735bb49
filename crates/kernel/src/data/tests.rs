use crate::Process;
use limpid_posix::abi::{MSG_DONTWAIT, MSG_NOSIGNAL, MSG_PEEK, MSG_TRUNC, MSG_ZEROCOPY, SO_ZEROCOPY, SOL_SOCKET};
use limpid_posix::{Call, Errno, Message, Output};

fn bytes(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

#[test]
fn each_way_to_write_is_read_in_each_way() {
    let process = Process::new();
    let (client, server) = process.connection();
    assert_eq!(process.good(Call::Write { fd: client, bytes: bytes("one") }), 3);
    assert_eq!(process.output(Call::Read { fd: server, len: 10 }), Output::Bytes(bytes("one")));
    assert_eq!(process.good(Call::Writev { fd: client, parts: vec![bytes("tw"), bytes("o!")] }), 4);
    assert_eq!(process.output(Call::Readv { fd: server, lens: vec![1, 0, 10] }), Output::Bytes(bytes("two!")));
    assert_eq!(process.good(Call::Send { fd: client, bytes: bytes("three"), flags: MSG_NOSIGNAL }), 5);
    assert_eq!(process.output(Call::Recv { fd: server, len: 3, flags: MSG_PEEK }), Output::Bytes(bytes("thr")));
    assert_eq!(process.output(Call::Recv { fd: server, len: 9, flags: 0 }), Output::Bytes(bytes("three")));
    let to = Some(process.name(server));
    assert_eq!(process.good(Call::SendTo { fd: client, bytes: bytes("4"), flags: 0, to }), 1);
    let message = Message { bytes: bytes("4"), ..Message::default() };
    assert_eq!(process.output(Call::RecvFrom { fd: server, len: 9, flags: 0 }), Output::Message(message));
}

#[test]
fn data_thrown_away_by_msg_trunc_is_counted() {
    let process = Process::new();
    let (client, server) = process.connection();
    process.good(Call::Write { fd: client, bytes: bytes("abcdef") });
    assert_eq!(process.good(Call::Recv { fd: server, len: 4, flags: MSG_TRUNC }), 4);
    assert_eq!(process.output(Call::Read { fd: server, len: 10 }), Output::Bytes(bytes("ef")));
}

#[test]
fn a_call_that_may_not_wait_does_not() {
    let process = Process::new();
    let (client, server) = process.connection();
    assert_eq!(process.errno(Call::Recv { fd: server, len: 1, flags: MSG_DONTWAIT }), Errno::EAGAIN);
    process.good(Call::Close { fd: client });
    assert_eq!(process.good(Call::Write { fd: server, bytes: bytes("x") }), 1);
    // What was written is answered by a reset.
    while process.made(Call::Send { fd: server, bytes: bytes("x"), flags: MSG_NOSIGNAL }).value.is_ok() {}
    assert_eq!(process.errno(Call::Send { fd: server, bytes: bytes("x"), flags: MSG_NOSIGNAL }), Errno::EPIPE);
}

#[test]
fn what_was_sent_without_a_copy_is_kept() {
    let process = Process::new();
    let (client, server) = process.connection();
    let one = 1_i32.to_ne_bytes().to_vec();
    process.good(Call::SetSockOpt { fd: client, level: SOL_SOCKET, name: SO_ZEROCOPY, value: one });
    process.good(Call::Send { fd: client, bytes: vec![7; 5000], flags: MSG_ZEROCOPY });
    assert_eq!(process.lent_bytes(), 5000);
    assert_eq!(process.output(Call::Read { fd: server, len: 2 }), Output::Bytes(vec![7; 2]));
}
