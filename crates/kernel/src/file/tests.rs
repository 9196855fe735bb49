use super::*;
use limpid_posix::abi::{O_CLOEXEC, O_NONBLOCK, O_RDONLY, O_RDWR, SPLICE_F_MOVE, SPLICE_F_NONBLOCK};

#[test]
fn flags_of_a_descriptor() {
    let process = Process::new();
    let (fd, _peer) = process.connection();
    let fcntl = |fd, command, argument| process.good(Call::Fcntl { fd, command, argument });
    assert_eq!(fcntl(fd, F_GETFL, 0), O_RDWR.into());
    fcntl(fd, F_SETFL, O_NONBLOCK.into());
    assert_eq!(fcntl(fd, F_GETFL, 0), (O_RDWR | O_NONBLOCK).into());
    fcntl(fd, F_SETFD, 1);
    assert_eq!(fcntl(fd, F_GETFD, 0), 1);
    let copy = fcntl(fd, F_DUPFD, 700) as i32;
    assert!(copy >= 700);
    process.good(Call::Close { fd });
    assert_eq!(fcntl(copy, F_GETFL, 0), (O_RDWR | O_NONBLOCK).into(), "both stand for one socket");
    // F_GETLK would fill a structure.
    assert!(process.call(Call::Fcntl { fd: copy, command: 5, argument: 0 }).is_err());
}

#[test]
fn bytes_that_wait_are_counted() {
    let process = Process::new();
    let (client, server) = process.connection();
    process.good(Call::Write { fd: client, bytes: vec![1; 9] });
    let ioctl = |request, argument| process.made(Call::Ioctl { fd: server, request, argument });
    assert_eq!(ioctl(FIONREAD, -1).output, Output::Integer(9));
    assert_eq!(ioctl(TIOCOUTQ, -1).output, Output::Integer(0));
    assert_eq!(ioctl(SIOCOUTQNSD, -1).output, Output::Integer(0));
    assert_eq!(ioctl(SIOCATMARK, -1).output, Output::Integer(0));
    assert_eq!(ioctl(FIONBIO, 1), Return::ok(0));
    process.good(Call::Read { fd: server, len: 9 });
    assert_eq!(process.errno(Call::Read { fd: server, len: 9 }), Errno::EAGAIN);
    // SIOCGIFCONF would fill memory elsewhere.
    assert!(process.call(Call::Ioctl { fd: server, request: 0x8912, argument: 0 }).is_err());
}

#[test]
fn files_and_pipes_flow_onto_a_connection() {
    let process = Process::new();
    let (client, server) = process.connection();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml").to_owned();
    let open = Call::Open { path: "/dev/zero".to_owned(), flags: O_RDONLY | O_CLOEXEC, mode: 0 };
    let zero = process.good(open) as i32;
    assert_eq!(process.errno(Call::Open { path: "/\0".to_owned(), flags: 0, mode: 0 }), Errno::ENOENT);
    assert_eq!(process.errno(Call::Open { path: "/nothing/here".to_owned(), flags: 0, mode: 0 }), Errno::ENOENT);
    let file = process.good(Call::Open { path, flags: O_RDONLY, mode: 0 }) as i32;

    let sent = process.made(Call::SendFile { out_fd: client, in_fd: file, offset: Some(1), count: 3 });
    assert_eq!((sent.value, sent.output), (Ok(3), Output::Integer(4)));
    assert_eq!(process.good(Call::Read { fd: server, len: 100 }), 3);

    let Output::Pair([read, write]) = process.output(Call::Pipe2 { flags: O_NONBLOCK }) else { panic!("a pipe") };
    assert_eq!(process.errno(Call::Read { fd: read, len: 1 }), Errno::EAGAIN);
    process.good(Call::Write { fd: write, bytes: b"through the pipe".to_vec() });
    let onto = |fd_in, off_in| Call::Splice {
        fd_in,
        off_in,
        fd_out: client,
        off_out: None,
        len: 11,
        flags: SPLICE_F_MOVE | SPLICE_F_NONBLOCK,
    };
    assert_eq!(process.good(onto(read, None)), 11);
    assert_eq!(process.output(Call::Read { fd: server, len: 100 }), Output::Bytes(b"through the".to_vec()));
    assert_eq!(process.errno(onto(read, Some(0))), Errno::ESPIPE);
    assert_eq!(process.errno(onto(zero, None)), Errno::EINVAL, "one of them must be a pipe");
    assert_eq!(process.errno(Call::Pipe2 { flags: -1 }), Errno::EINVAL);
}
