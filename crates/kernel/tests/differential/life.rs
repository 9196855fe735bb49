//! Pipes, files, sendfile and splice.

use crate::both::Both;
use limpid_posix::{Call, Output, abi};

fn pipe(both: &mut Both, flags: i32) -> [i32; 2] {
    match both.call(Call::Pipe2 { flags }).output {
        Output::Pair(ends) => ends,
        other => panic!("pipe2 gave {other:?}"),
    }
}

fn splice(fd_in: i32, fd_out: i32, len: usize, flags: i32) -> Call {
    Call::Splice { fd_in, off_in: None, fd_out, off_out: None, len, flags }
}

#[test]
fn a_pipe_and_its_ends() {
    let mut both = Both::new();
    both.call(Call::Pipe2 { flags: 1 });
    let [reader, writer] = pipe(&mut both, abi::O_NONBLOCK);
    both.poll(reader);
    both.poll(writer);
    both.read(reader, 1);
    both.read(reader, 0);
    both.read(writer, 1);
    both.write(reader, b"x");
    both.write(writer, b"");
    both.write(writer, b"hello");
    both.ioctl(reader, abi::FIONREAD);
    both.poll(reader);
    both.read(reader, 2);
    both.recv(reader, 1, 0);
    both.listen(reader, 1);
    both.ioctl(reader, abi::SIOCOUTQNSD);
    both.close(writer);
    both.poll(reader);
    both.read(reader, 9);
    both.read(reader, 9);
    both.poll(reader);
    let [reader, writer] = pipe(&mut both, abi::O_NONBLOCK);
    both.close(reader);
    both.poll(writer);
    both.write(writer, b"x");
    let [reader, writer] = pipe(&mut both, abi::O_NONBLOCK);
    for (command, argument) in [
        (abi::F_GETPIPE_SZ, 0),
        (abi::F_SETPIPE_SZ, 1),
        (abi::F_SETPIPE_SZ, 70_000),
        (abi::F_GETPIPE_SZ, 0),
        (abi::F_GETFL, 0),
    ] {
        both.call(Call::Fcntl { fd: reader, command, argument });
    }
    both.call(Call::Fcntl { fd: writer, command: abi::F_SETPIPE_SZ, argument: 8192 });
    both.write(writer, &[7; 9000]);
    both.write(writer, &[7; 10]);
    both.poll(writer);
    both.read(reader, 20_000);
    both.poll(writer);
}

#[test]
fn a_pipe_that_is_waited_for() {
    let mut both = Both::new();
    let [reader, writer] = pipe(&mut both, 0);
    both.waits(Call::Read { fd: reader, len: 10 });
    both.write(writer, b"abc");
    both.ended();
    both.waits(Call::Write { fd: writer, bytes: vec![1; 70_000] });
    both.read(reader, 65_536);
    both.ended();
    both.read(reader, 65_536);
    both.waits(Call::Read { fd: reader, len: 10 });
    both.close(writer);
    both.ended();
}

#[test]
fn splice_both_ways() {
    let mut both = Both::new();
    let (listener, client, server) = both.connected();
    let [reader, writer] = pipe(&mut both, abi::O_NONBLOCK);
    both.call(splice(server, writer, 10, 0));
    both.call(splice(reader, client, 10, abi::SPLICE_F_NONBLOCK));
    both.write(writer, b"0123456789");
    both.call(splice(reader, client, 4, 0));
    both.call(splice(reader, client, 100, abi::SPLICE_F_MOVE));
    both.call(splice(reader, client, 0, 0));
    both.call(splice(server, writer, 4, 0));
    both.call(splice(server, writer, 100, 0));
    both.read(reader, 100);
    // What does not go together.
    both.call(splice(client, server, 4, 0));
    both.call(splice(reader, writer, 4, 0));
    both.call(splice(writer, client, 4, 0));
    both.call(splice(client, reader, 4, 0));
    both.call(splice(reader, client, 4, 0x100));
    both.call(splice(listener, writer, 4, 0));
    both.call(Call::Splice { fd_in: reader, off_in: Some(0), fd_out: client, off_out: None, len: 1, flags: 0 });
    both.call(Call::Splice { fd_in: server, off_in: Some(0), fd_out: writer, off_out: None, len: 1, flags: 0 });
    both.call(Call::Splice { fd_in: reader, off_in: None, fd_out: client, off_out: Some(0), len: 1, flags: 0 });
    both.call(Call::Splice { fd_in: server, off_in: None, fd_out: writer, off_out: Some(0), len: 1, flags: 0 });
    // The ends of both.
    both.shutdown(client, abi::SHUT_WR);
    both.call(splice(server, writer, 4, 0));
    both.write(writer, b"x");
    both.call(splice(reader, client, 4, 0));
    both.close(reader);
    both.call(splice(server, writer, 4, 0));
}

#[test]
fn a_file_is_sent() {
    let mut both = Both::new();
    let (_, client, server) = both.connected();
    let zero = both.fd_of(Call::Open { path: "/dev/zero".into(), flags: 0, mode: 0 });
    let null = both.fd_of(Call::Open { path: "/dev/null".into(), flags: abi::O_RDWR, mode: 0 });
    both.call(Call::Open { path: "/nowhere/at/all".into(), flags: 0, mode: 0 });
    both.call(Call::Open { path: String::new(), flags: 0, mode: 0 });
    both.read(zero, 10);
    both.write(zero, b"x");
    both.read(null, 10);
    both.write(null, b"hello");
    both.ioctl(zero, abi::FIONBIO);
    let send = |out_fd, in_fd, offset, count| Call::SendFile { out_fd, in_fd, offset, count };
    both.call(send(client, server, None, 10));
    both.call(send(zero, client, None, 10));
    both.call(send(client, 9999, None, 10));
    both.call(send(client, zero, Some(-1), 10));
    both.read(server, 5000);
}
