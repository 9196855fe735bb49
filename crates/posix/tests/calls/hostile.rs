//! Calls with any arguments, in any order: none may panic, and what was opened must all be given back.

use crate::world::ms;
use limpid_event::{Instant, Silent};
use limpid_posix::{Call, Control, EpollEvent, Output, PollFd, Process, Progress, Selected, Sockaddr, abi};
use limpid_stack::{Secrets, Stack, StackConfig};
use proptest::collection::vec;
use proptest::prelude::*;

fn fd() -> impl Strategy<Value = i32> {
    prop_oneof![8 => 3..12_i32, 1 => Just(-1), 1 => any::<i32>()]
}

fn len() -> impl Strategy<Value = usize> {
    prop_oneof![6 => 0..5000_usize, 1 => Just(usize::MAX), 1 => 60_000..70_000_usize]
}

fn flags() -> impl Strategy<Value = i32> {
    let known = [
        0,
        abi::MSG_PEEK,
        abi::MSG_TRUNC,
        abi::MSG_WAITALL,
        abi::MSG_OOB,
        abi::MSG_DONTWAIT,
        abi::MSG_ERRQUEUE,
        abi::MSG_MORE,
        abi::MSG_EOR,
        abi::MSG_PEEK | abi::MSG_TRUNC | abi::MSG_WAITALL,
    ];
    prop_oneof![9 => proptest::sample::select(known.to_vec()), 1 => any::<i32>()]
}

fn address() -> impl Strategy<Value = Sockaddr> {
    let ends = ["127.0.0.1:7000", "127.0.0.1:7001", "0.0.0.0:7000", "[::1]:7000", "[::]:7001", "127.0.0.1:0"];
    prop_oneof![
        8 => proptest::sample::select(ends.to_vec()).prop_map(|end| Sockaddr::of(end.parse().unwrap())),
        1 => vec(any::<u8>(), 0..40).prop_map(Sockaddr),
        1 => Just(Sockaddr(vec![0; 16])),
    ]
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![4 => vec(any::<u8>(), 0..20), 1 => (0..200_000_usize).prop_map(|len| vec![7; len])]
}

fn sockets() -> impl Strategy<Value = Call> {
    let domain = prop_oneof![Just(abi::AF_INET), Just(abi::AF_INET6), any::<i32>()];
    let kind =
        prop_oneof![4 => Just(abi::SOCK_STREAM), 2 => Just(abi::SOCK_STREAM | abi::SOCK_NONBLOCK), 1 => any::<i32>()];
    prop_oneof![
        (domain, kind).prop_map(|(domain, kind)| Call::Socket { domain, kind, protocol: 0 }),
        (fd(), address()).prop_map(|(fd, address)| Call::Bind { fd, address }),
        (fd(), -2..5_i32).prop_map(|(fd, backlog)| Call::Listen { fd, backlog }),
        (fd(), prop_oneof![Just(0), Just(abi::SOCK_NONBLOCK)]).prop_map(|(fd, flags)| Call::Accept4 { fd, flags }),
        (fd(), address()).prop_map(|(fd, address)| Call::Connect { fd, address }),
        fd().prop_map(|fd| Call::Close { fd }),
        (fd(), -1..4_i32).prop_map(|(fd, how)| Call::Shutdown { fd, how }),
        fd().prop_map(|fd| Call::GetSockName { fd }),
        fd().prop_map(|fd| Call::GetPeerName { fd }),
        (fd(), prop_oneof![Just(1), Just(6), any::<i32>()], 0..80_i32, vec(any::<u8>(), 0..20))
            .prop_map(|(fd, level, name, value)| Call::SetSockOpt { fd, level, name, value }),
        (fd(), prop_oneof![Just(1), Just(6), Just(0), Just(41)], 0..80_i32, len())
            .prop_map(|(fd, level, name, len)| Call::GetSockOpt { fd, level, name, len }),
    ]
}

fn data() -> impl Strategy<Value = Call> {
    let control = vec((any::<i32>(), any::<i32>(), vec(any::<u8>(), 0..20)), 0..2);
    let control = control
        .prop_map(|all| all.into_iter().map(|(level, kind, data)| Control { level, kind, data }).collect::<Vec<_>>());
    prop_oneof![
        (fd(), len()).prop_map(|(fd, len)| Call::Read { fd, len }),
        (fd(), vec(len(), 0..4)).prop_map(|(fd, lens)| Call::Readv { fd, lens }),
        (fd(), len(), flags()).prop_map(|(fd, len, flags)| Call::Recv { fd, len, flags }),
        (fd(), vec(len(), 0..4), 0..200_usize, flags()).prop_map(|(fd, lens, control_len, flags)| Call::RecvMsg {
            fd,
            lens,
            control_len,
            flags
        }),
        (fd(), payload()).prop_map(|(fd, bytes)| Call::Write { fd, bytes }),
        (fd(), payload(), flags()).prop_map(|(fd, bytes, flags)| Call::Send { fd, bytes, flags }),
        (fd(), vec(payload(), 0..3), control, flags()).prop_map(|(fd, parts, control, flags)| Call::SendMsg {
            fd,
            to: None,
            parts,
            control,
            flags
        }),
        (fd(), fd(), proptest::option::of(any::<i64>()), len())
            .prop_map(|(out_fd, in_fd, offset, count)| Call::SendFile { out_fd, in_fd, offset, count }),
        (fd(), fd(), proptest::option::weighted(0.2, any::<i64>()), len(), 0..16_i32).prop_map(
            |(fd_in, fd_out, off_out, len, flags)| Call::Splice { fd_in, off_in: None, fd_out, off_out, len, flags }
        ),
    ]
}

fn others() -> impl Strategy<Value = Call> {
    let poll = (fd(), any::<i16>()).prop_map(|(fd, events)| PollFd { fd, events, revents: 0 });
    let event = (any::<u32>(), any::<u64>()).prop_map(|(events, data)| EpollEvent { events, data });
    let path = prop_oneof![Just("/dev/zero"), Just("/dev/null"), Just("/f"), Just("")];
    prop_oneof![
        (fd(), prop_oneof![0..5_i32, 1030..1034_i32], any::<i64>()).prop_map(|(fd, command, argument)| Call::Fcntl {
            fd,
            command,
            argument
        }),
        (fd(), prop_oneof![Just(abi::FIONREAD), Just(abi::SIOCOUTQ), Just(abi::SIOCATMARK), Just(abi::FIONBIO)])
            .prop_map(|(fd, request)| Call::Ioctl { fd, request, argument: 1 }),
        (vec(poll, 0..4), -1..50_i32).prop_map(|(fds, timeout)| Call::Poll { fds, timeout }),
        (vec(fd(), 0..4), -1..20_i32).prop_map(|(fds, nfds)| Call::Select {
            nfds,
            sets: Selected { read: Some(fds.clone()), write: None, except: Some(fds) },
            timeout: Some(ms(30)),
        }),
        Just(Call::EpollCreate1 { flags: 0 }),
        (fd(), 0..5_i32, fd(), proptest::option::weighted(0.9, event))
            .prop_map(|(epfd, operation, fd, event)| Call::EpollCtl { epfd, operation, fd, event }),
        (fd(), -1..9_i32, -1..50_i32).prop_map(|(epfd, max, timeout)| Call::EpollWait { epfd, max, timeout }),
        prop_oneof![Just(0), Just(abi::O_NONBLOCK)].prop_map(|flags| Call::Pipe2 { flags }),
        (path, prop_oneof![Just(abi::O_RDWR), Just(abi::O_RDWR | abi::O_CREAT), any::<i32>()])
            .prop_map(|(path, flags)| Call::Open { path: path.to_owned(), flags, mode: 0 }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_calls(calls in vec((prop_oneof![4 => sockets(), 3 => data(), 2 => others()], 0..60_u64), 1..120)) {
        let mut process = Process::new(Stack::new(StackConfig::default(), Secrets { seed: [1; 32] }, Silent));
        let mut now = Instant::from_millis(1000);
        let mut waiting = 0_usize;
        for (call, pause) in calls {
            waiting += usize::from(matches!(process.call(now, call), Progress::Waits(_)));
            if pause > 50 {
                now += ms(pause);
                process.handle_timeout(now);
            }
            while process.poll_done(now).is_some() {
                waiting -= 1;
            }
        }
        // Everything is closed, and what still waits is ended by it or by time, or waits for nobody.
        for fd in 0..1024 {
            waiting += usize::from(matches!(process.call(now, Call::Close { fd }), Progress::Waits(_)));
        }
        for _ in 0..200 {
            now += ms(30_000);
            process.handle_timeout(now);
            while process.poll_done(now).is_some() {
                waiting -= 1;
            }
        }
        // A new process of the same stack starts where this one did.
        prop_assert_eq!(process.call(now, Call::Pipe2 { flags: 0 }), Progress::Done(limpid_posix::Return {
            value: Ok(0),
            output: Output::Pair([3, 4]),
        }));
        prop_assert!(waiting < 120);
    }
}
