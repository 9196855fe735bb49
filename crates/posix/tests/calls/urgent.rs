//! Urgent data on the side that receives it: what Linux 6.18 says to the same calls.

use crate::world::{A, B, World, ms};
use limpid_posix::{Call, Errno, Output, abi};

const OUT: i16 = abi::POLLOUT;
const IN: i16 = abi::POLLIN;
const PRI: i16 = abi::POLLPRI;

/// "ab", "cd!" with the last byte urgent, and "ef" are on their way.
fn urged(world: &mut World) -> (i32, i32) {
    let (client, server) = world.connected();
    world.nonblocking(B, server);
    for (bytes, urgent) in [(&b"ab"[..], false), (b"cd!", true), (b"ef", false)] {
        world.urge = urgent;
        // The segment before must not take these along.
        world.write(A, client, bytes).unwrap();
        world.run(ms(300));
    }
    (client, server)
}

fn out_of_band(world: &mut World, fd: i32, flags: i32) -> Result<Vec<u8>, Errno> {
    let ended = world.call(B, Call::Recv { fd, len: 4, flags: abi::MSG_OOB | flags });
    ended.value.map(|_| crate::world::bytes(ended))
}

fn ask(world: &mut World, fd: i32, request: u64) -> i64 {
    match world.call(B, Call::Ioctl { fd, request, argument: 0 }).output {
        Output::Integer(n) => n,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_byte_apart() {
    let mut world = World::new();
    let (client, server) = urged(&mut world);
    assert_eq!(world.poll(B, server), IN | OUT | PRI);
    assert_eq!(ask(&mut world, server, abi::FIONREAD), 4);
    assert_eq!(ask(&mut world, server, abi::SIOCATMARK), 0);
    assert_eq!(out_of_band(&mut world, server, abi::MSG_PEEK), Ok(b"!".to_vec()));
    assert_eq!(out_of_band(&mut world, server, 0), Ok(b"!".to_vec()));
    assert_eq!(out_of_band(&mut world, server, 0), Err(Errno::EINVAL));
    assert_eq!(world.poll(B, server), IN | OUT);
    assert_eq!(world.read(B, server, 1), Ok(b"a".to_vec()));
    // Reading stops where it was, once.
    assert_eq!(world.read(B, server, 20), Ok(b"bcd".to_vec()));
    assert_eq!(ask(&mut world, server, abi::SIOCATMARK), 1);
    assert_eq!(ask(&mut world, server, abi::FIONREAD), 0);
    assert_eq!(world.read(B, server, 20), Ok(b"ef".to_vec()));
    assert_eq!(ask(&mut world, server, abi::SIOCATMARK), 0);
    assert_eq!(out_of_band(&mut world, server, 0), Err(Errno::EINVAL));
    // Alone it is nothing to read in line.
    world.urge = true;
    world.write(A, client, b"?").unwrap();
    world.run(ms(100));
    assert_eq!(world.poll(B, server), OUT | PRI);
    assert_eq!(world.read(B, server, 20), Err(Errno::EAGAIN));
    assert_eq!(world.poll(B, server), OUT);
}

#[test]
fn a_byte_in_line() {
    let mut world = World::new();
    let (_, server) = urged(&mut world);
    world.set(B, server, abi::SOL_SOCKET, abi::SO_OOBINLINE, &1_i32.to_ne_bytes());
    assert_eq!(ask(&mut world, server, abi::FIONREAD), 7);
    assert_eq!(out_of_band(&mut world, server, 0), Err(Errno::EINVAL));
    assert_eq!(world.read(B, server, 20), Ok(b"abcd".to_vec()));
    assert_eq!(ask(&mut world, server, abi::SIOCATMARK), 1);
    assert_eq!(world.read(B, server, 20), Ok(b"!ef".to_vec()));
}

#[test]
fn looking_stops_at_the_mark_too() {
    let mut world = World::new();
    let (_, server) = urged(&mut world);
    let peek = Call::Recv { fd: server, len: 20, flags: abi::MSG_PEEK };
    assert_eq!(crate::world::bytes(world.call(B, peek.clone())), b"abcd");
    assert_eq!(world.read(B, server, 4), Ok(b"abcd".to_vec()));
    assert_eq!(crate::world::bytes(world.call(B, peek.clone())), b"ef");
    assert_eq!(crate::world::bytes(world.call(B, peek)), b"ef");
    assert_eq!(out_of_band(&mut world, server, 0), Ok(b"!".to_vec()));
    assert_eq!(world.read(B, server, 20), Ok(b"ef".to_vec()));
}
