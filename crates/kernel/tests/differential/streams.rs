//! Reading and writing: how much, how it ends, and what went before.

use crate::both::Both;
use limpid_posix::{Call, abi};
use std::time::Duration;

#[test]
fn data_and_its_end() {
    let mut both = Both::new();
    let (_, client, server) = both.connected();
    both.read(server, 10);
    both.read(server, 0);
    both.recv(server, 0, 0);
    both.poll(server);
    both.write(client, b"hello, world");
    both.ioctl(server, abi::FIONREAD);
    both.poll(server);
    both.recv(server, 5, abi::MSG_PEEK);
    both.recv(server, 0, 0);
    both.read(server, 5);
    both.call(Call::Readv { fd: server, lens: vec![1, 0, 3] });
    both.recv(server, 100, abi::MSG_DONTWAIT);
    both.call(Call::Writev { fd: client, parts: vec![b"one".to_vec(), vec![], b"two".to_vec()] });
    both.call(Call::RecvFrom { fd: server, len: 10, flags: 0 });
    both.write(client, b"");
    both.shutdown(client, abi::SHUT_WR);
    both.poll(server);
    both.poll(client);
    both.ioctl(server, abi::FIONREAD);
    both.read(server, 10);
    both.read(server, 10);
    both.write(client, b"late");
    both.send(client, b"late", abi::MSG_NOSIGNAL);
    both.write(server, b"still");
    both.read(client, 10);
    both.shutdown(client, abi::SHUT_WR);
    both.close(server);
    both.poll(client);
    both.read(client, 10);
    both.shutdown(client, abi::SHUT_WR);
    both.call(Call::GetPeerName { fd: client });
    both.call(Call::GetSockName { fd: client });
}

#[test]
fn flags_of_recv() {
    let mut both = Both::new();
    let (_, client, server) = both.connected();
    both.write(client, b"0123456789");
    both.recv(server, 4, abi::MSG_TRUNC);
    both.recv(server, 4, abi::MSG_PEEK | abi::MSG_TRUNC);
    both.recv(server, 2, abi::MSG_WAITALL);
    both.recv(server, 10, abi::MSG_WAITALL);
    both.recv(server, 10, abi::MSG_PEEK | abi::MSG_WAITALL);
    both.recv(server, 10, abi::MSG_OOB);
    both.recv(server, 10, abi::MSG_ERRQUEUE);
    both.write(client, b"abc");
    both.call(Call::RecvMsg { fd: server, lens: vec![2, 4], control_len: 64, flags: 0 });
    both.call(Call::RecvMsg { fd: server, lens: vec![], control_len: 0, flags: 0 });
}

#[test]
fn waiting_for_all() {
    let mut both = Both::new();
    let (_, client, server) = both.connected();
    both.call(Call::Fcntl { fd: server, command: abi::F_SETFL, argument: 0 });
    both.waits(Call::Recv { fd: server, len: 10, flags: abi::MSG_WAITALL });
    both.write(client, b"01234");
    both.nothing_ended();
    both.write(client, b"56789abc");
    both.ended();
    both.waits(Call::Recv { fd: server, len: 10, flags: abi::MSG_WAITALL | abi::MSG_PEEK });
    both.write(client, b"defghijk");
    both.ended();
    both.waits(Call::Recv { fd: server, len: 100, flags: abi::MSG_WAITALL });
    both.shutdown(client, abi::SHUT_WR);
    both.ended();
    both.recv(server, 100, abi::MSG_WAITALL);
}

/// A reset takes what was unread with it on the one side, and is told once on the other.
#[test]
fn a_reset_is_told_once() {
    let mut both = Both::new();
    for order in 0..3 {
        let (_, client, server) = both.connected();
        both.write(client, b"unread");
        both.write(server, b"readable");
        both.close(server);
        both.poll(client);
        both.ioctl(client, abi::FIONREAD);
        match order {
            0 => {
                both.read(client, 20);
                both.read(client, 20);
                both.read(client, 20);
                both.write(client, b"x");
            }
            1 => {
                both.write(client, b"x");
                both.write(client, b"x");
                both.read(client, 20);
                both.read(client, 20);
            }
            _ => {
                both.error(client);
                both.error(client);
                both.read(client, 20);
                both.read(client, 20);
                both.shutdown(client, abi::SHUT_WR);
            }
        }
        both.poll(client);
    }
}

/// The peer has closed, and we write on: the first is taken, and brings the reset.
#[test]
fn writing_to_one_who_has_closed() {
    let mut both = Both::new();
    let (_, client, server) = both.connected();
    both.close(server);
    both.poll(client);
    both.write(client, b"x");
    both.poll(client);
    both.write(client, b"x");
    both.poll(client);
    both.read(client, 1);
    both.write(client, b"x");
}

#[test]
fn shut_down_to_read() {
    let mut both = Both::new();
    let (_, client, server) = both.connected();
    both.write(client, b"before");
    both.shutdown(server, abi::SHUT_RD);
    both.poll(server);
    both.read(server, 3);
    both.write(client, b"after");
    both.read(server, 20);
    both.read(server, 20);
    both.write(client, b"more");
    both.poll(server);
    both.read(server, 20);
    both.write(server, b"back");
    both.read(client, 20);
    both.shutdown(server, abi::SHUT_RDWR);
    both.poll(server);
    both.poll(client);
    both.shutdown(server, abi::SHUT_RDWR);
}

#[test]
fn both_close() {
    let mut both = Both::new();
    let (_, client, server) = both.connected();
    both.shutdown(client, abi::SHUT_WR);
    both.shutdown(server, abi::SHUT_WR);
    both.pass(Duration::from_millis(2));
    both.poll(client);
    both.poll(server);
    both.read(client, 1);
    both.read(server, 1);
    both.write(client, b"x");
    both.shutdown(client, abi::SHUT_RD);
    both.shutdown(server, abi::SHUT_RD);
    both.call(Call::GetPeerName { fd: client });
    both.call(Call::GetPeerName { fd: server });
    both.error(client);
    both.ioctl(client, abi::SIOCOUTQ);
    both.ioctl(server, abi::FIONREAD);
}

/// Urgent data: one byte apart from the stream, and a mark where it was.
#[test]
fn urgent_data() {
    let mut both = Both::new();
    let (_, client, server) = both.connected();
    both.ioctl(server, abi::SIOCATMARK);
    both.write(client, b"ab");
    both.send(client, b"cd!", abi::MSG_OOB);
    both.write(client, b"ef");
    both.poll(server);
    both.ioctl(server, abi::FIONREAD);
    both.ioctl(server, abi::SIOCATMARK);
    both.recv(server, 1, abi::MSG_OOB | abi::MSG_PEEK);
    both.recv(server, 4, abi::MSG_OOB);
    both.recv(server, 1, abi::MSG_OOB);
    both.poll(server);
    both.read(server, 1);
    both.read(server, 20);
    both.ioctl(server, abi::SIOCATMARK);
    both.ioctl(server, abi::FIONREAD);
    both.read(server, 20);
    both.ioctl(server, abi::SIOCATMARK);
    both.recv(server, 1, abi::MSG_OOB);
    both.send(client, b"?", abi::MSG_OOB);
    both.poll(server);
    both.read(server, 20);
    both.poll(server);
}

/// The peer has finished, and then resets: that is EPIPE to who writes, and nothing to who reads.
#[test]
fn a_reset_after_the_end() {
    for ask in [false, true] {
        let mut both = Both::new();
        let (_, client, server) = both.connected();
        both.write(server, b"unread");
        both.shutdown(client, abi::SHUT_WR);
        both.read(server, 10);
        both.close(client);
        both.poll(server);
        if ask {
            both.error(server);
        }
        both.read(server, 10);
        both.write(server, b"x");
        both.read(server, 10);
        both.write(server, b"x");
        both.poll(server);
        both.shutdown(server, abi::SHUT_WR);
    }
}

#[test]
fn flags_of_send() {
    let mut both = Both::new();
    let (_, client, server) = both.connected();
    for flags in [abi::MSG_DONTWAIT, abi::MSG_NOSIGNAL, abi::MSG_EOR, abi::MSG_CONFIRM, abi::MSG_DONTROUTE, 0x200] {
        both.send(client, b"x", flags);
        both.recv(server, 10, 0);
    }
    both.send(client, b"", 0);
    let message = |parts: &[&[u8]]| Call::SendMsg {
        fd: client,
        to: None,
        parts: parts.iter().map(|part| part.to_vec()).collect(),
        control: Vec::new(),
        flags: 0,
    };
    both.call(message(&[]));
    both.call(message(&[b"", b"ab", b"c"]));
    both.call(Call::SendTo { fd: client, bytes: b"d".to_vec(), flags: 0, to: Some(crate::both::addr("192.0.2.1:9")) });
    both.recv(server, 10, 0);
    both.send(client, b"held back", abi::MSG_MORE);
    both.send(client, b", and more", 0);
    both.recv(server, 100, 0);
    for flags in [0x4000_0000, 0x200, abi::MSG_EOR, abi::MSG_DONTROUTE] {
        both.recv(server, 10, flags);
    }
}

#[test]
fn too_many_buffers() {
    let mut both = Both::new();
    let (_, client, server) = both.connected();
    for count in [1024, 1025] {
        let (parts, lens) = (vec![vec![1]; count], vec![1; count]);
        both.call(Call::SendMsg { fd: client, to: None, parts, control: Vec::new(), flags: 0 });
        both.call(Call::RecvMsg { fd: server, lens, control_len: 0, flags: 0 });
    }
}

/// Buffers that are full: what a write takes is not the same, but what it says then is.
#[test]
fn a_full_buffer() {
    let mut both = Both::new();
    let (_, client, server) = both.connected();
    both.fill(client);
    both.write(client, b"x");
    both.poll(client);
    both.ioctl(client, abi::SIOCATMARK);
    both.empty(server);
    both.pass(Duration::from_millis(50));
    both.empty(server);
    both.poll(client);
}
