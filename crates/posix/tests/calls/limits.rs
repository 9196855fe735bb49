//! Bounds, numbers, and files in memory.

use crate::world::{A, B, World, bytes, ms, read};
use limpid_posix::{Call, Errno, MAX_DESCRIPTORS, MAX_FILE_BYTES, MAX_FILES, Output, abi};

fn open(path: &str, flags: i32) -> Call {
    Call::Open { path: path.into(), flags, mode: 0o644 }
}

#[test]
fn descriptors_run_out() {
    let mut world = World::new();
    let socket = Call::Socket { domain: abi::AF_INET, kind: abi::SOCK_STREAM, protocol: 0 };
    for fd in 3..MAX_DESCRIPTORS as i64 {
        assert_eq!(world.call(A, socket.clone()).value, Ok(fd));
    }
    assert_eq!(world.call(A, socket.clone()).value, Err(Errno::EMFILE));
    assert_eq!(world.call(A, Call::Pipe2 { flags: 0 }).value, Err(Errno::EMFILE));
    assert_eq!(world.call(A, Call::Fcntl { fd: 3, command: abi::F_DUPFD, argument: 0 }).value, Err(Errno::EMFILE));
    let beyond = Call::Fcntl { fd: 3, command: abi::F_DUPFD, argument: MAX_DESCRIPTORS as i64 };
    assert_eq!(world.call(A, beyond).value, Err(Errno::EINVAL));
    // The lowest that is free is taken. A pipe for which there is but one number leaves nothing behind.
    world.close(A, 700);
    assert_eq!(world.call(A, Call::Pipe2 { flags: 0 }).value, Err(Errno::EMFILE));
    world.close(A, 500);
    assert_eq!(world.call(A, Call::Pipe2 { flags: 0 }).output, Output::Pair([500, 700]));
    world.hosts[A].set_max_descriptors(2000);
    assert_eq!(world.call(A, socket).value, Ok(MAX_DESCRIPTORS as i64));
}

/// An accept without a number for it leaves the connection where it is.
#[test]
fn an_accept_without_a_number() {
    let mut world = World::new();
    let listener = world.listener(B, "10.0.0.2:80");
    let waiting = world.waits(B, Call::Accept4 { fd: listener, flags: 0 });
    world.hosts[B].set_max_descriptors(4);
    assert_eq!(world.call(B, Call::Accept4 { fd: listener, flags: 0 }).value, Err(Errno::EMFILE));
    let client = world.socket(A);
    let connecting = world.waits(A, crate::world::connect(client, "10.0.0.2:80"));
    world.run(ms(100));
    assert_eq!(world.value(A, connecting), Ok(0));
    assert_eq!(world.value(B, waiting), Err(Errno::EMFILE));
    assert_eq!(world.poll(B, listener), abi::POLLIN);
    world.hosts[B].set_max_descriptors(5);
    assert_eq!(world.call(B, Call::Accept4 { fd: listener, flags: 0 }).value, Ok(4));
}

#[test]
fn the_host_gives_the_numbers() {
    let mut world = World::new();
    let mut next = vec![3, 99, 77, 77].into_iter();
    world.hosts[A].set_allot(Some(Box::new(move |_| next.next_back())));
    let socket = Call::Socket { domain: abi::AF_INET, kind: abi::SOCK_STREAM, protocol: 0 };
    assert_eq!(world.call(A, socket.clone()).value, Ok(77));
    assert_eq!(world.call(A, socket.clone()).value, Err(Errno::EMFILE), "it is in use");
    assert_eq!(world.call(A, socket.clone()).value, Ok(99));
    assert_eq!(world.call(A, socket.clone()).value, Ok(3));
    assert_eq!(world.call(A, socket.clone()).value, Err(Errno::EMFILE));
    world.hosts[A].set_allot(None);
    assert_eq!(world.call(A, socket).value, Ok(4));
}

#[test]
fn files_in_memory() {
    let mut world = World::new();
    world.hosts[A].add_file("/etc/motd", b"hello, world").unwrap();
    assert_eq!(world.call(A, open("/etc/none", 0)).value, Err(Errno::ENOENT));
    let fd = world.call(A, open("/etc/motd", abi::O_RDONLY)).value.unwrap() as i32;
    assert_eq!(world.read(A, fd, 5), Ok(b"hello".to_vec()));
    assert_eq!(world.write(A, fd, b"x"), Err(Errno::EBADF));
    assert_eq!(world.read(A, fd, 50), Ok(b", world".to_vec()));
    assert_eq!(world.read(A, fd, 50), Ok(vec![]));
    let log = world.call(A, open("/log", abi::O_CREAT | abi::O_RDWR | abi::O_APPEND)).value.unwrap() as i32;
    assert_eq!(world.write(A, log, b"one"), Ok(3));
    assert_eq!(world.write(A, log, b"two"), Ok(3));
    let again = world.call(A, open("/log", abi::O_RDWR)).value.unwrap() as i32;
    assert_eq!(world.write(A, again, b"ONE!"), Ok(4));
    assert_eq!(world.read(A, again, 50), Ok(b"wo".to_vec()));
    assert_eq!(world.call(A, open("/log", abi::O_CREAT | abi::O_EXCL)).value, Err(Errno::EEXIST));
    assert_eq!(world.call(A, open("/log", abi::O_ACCMODE)).value, Err(Errno::EINVAL));
    let empty = world.call(A, open("/log", abi::O_RDWR | abi::O_TRUNC)).value.unwrap() as i32;
    assert_eq!(world.read(A, empty, 50), Ok(vec![]));
}

#[test]
fn files_are_bounded() {
    let mut world = World::new();
    let fd = world.call(A, open("/big", abi::O_CREAT | abi::O_RDWR)).value.unwrap() as i32;
    assert_eq!(world.write(A, fd, &vec![1; MAX_FILE_BYTES - 10]), Ok(MAX_FILE_BYTES as i64 - 10));
    assert_eq!(world.write(A, fd, &[1; 100]), Ok(10));
    assert_eq!(world.write(A, fd, &[1; 100]), Err(Errno::ENOSPC));
    assert_eq!(world.hosts[A].add_file("/other", b"x"), Err(Errno::ENOSPC));
    world.call(A, open("/big", abi::O_TRUNC | abi::O_WRONLY)).value.unwrap();
    assert_eq!(world.hosts[A].add_file("/other", b"x"), Ok(()));
    world.hosts[A].set_max_descriptors(100_000);
    let made = (0..2 * MAX_FILES).filter(|i| world.call(A, open(&format!("/{i}"), abi::O_CREAT)).value.is_ok()).count();
    // Two devices and two files were there.
    assert_eq!(made, MAX_FILES - 4);
}

#[test]
fn a_file_is_sent_over_the_wire() {
    let mut world = World::new();
    let (client, server) = world.connected();
    let data: Vec<u8> = (0..300_000_u32).map(|i| (i / 7) as u8).collect();
    world.hosts[A].add_file("/data", &data).unwrap();
    let file = world.call(A, open("/data", 0)).value.unwrap() as i32;
    let send = |offset, count| Call::SendFile { out_fd: client, in_fd: file, offset, count };
    let sending = match world.start(A, send(Some(1000), isize::MAX as usize)) {
        limpid_posix::Progress::Waits(task) => Some(task),
        limpid_posix::Progress::Done(_) => None,
    };
    let mut got = Vec::new();
    while got.len() < data.len() - 1000 {
        world.run(ms(50));
        got.extend(bytes(world.call(B, read(server, 1_000_000))));
    }
    assert!(got == data[1000..]);
    let (ended, _) = world.result(sending.expect("it was more than fits"), A).unwrap();
    assert_eq!((ended.value, ended.output), (Ok(299_000), Output::Integer(300_000)));
    // Where the file is read next has not moved.
    assert_eq!(world.call(A, send(None, 7)).value, Ok(7));
    world.run(ms(50));
    assert_eq!(world.read(B, server, 100), Ok(data[..7].to_vec()));
    assert_eq!(world.read(A, file, 3), Ok(data[7..10].to_vec()));
}

/// Linux's MAX_RW_COUNT: what never ends is sent to where everything goes, and the call ends all the same.
#[test]
fn one_sendfile_moves_two_gigabytes_at_most() {
    let mut world = World::new();
    let zero = world.call(A, open("/dev/zero", abi::O_RDONLY)).value.unwrap() as i32;
    let null = world.call(A, open("/dev/null", abi::O_WRONLY)).value.unwrap() as i32;
    let send = |count| Call::SendFile { out_fd: null, in_fd: zero, offset: None, count };
    assert_eq!(world.call(A, send(isize::MAX as usize)).value, Ok(0x7fff_f000));
    assert_eq!(world.call(A, send(usize::MAX)).value, Err(Errno::EINVAL), "a negative count, to Linux");
}
