use crate::Process;
use limpid_posix::abi::{SO_TYPE, SOCK_STREAM, SOL_IP, SOL_IPV6, SOL_SOCKET, SOL_TCP, TCP_INFO, TCP_NODELAY};
use limpid_posix::{Call, Errno, Output};

#[test]
fn values_are_the_bytes_that_linux_has() {
    let process = Process::new();
    let (fd, _peer) = process.connection();
    let option = |level, name, len| process.output(Call::GetSockOpt { fd, level, name, len });
    assert_eq!(option(SOL_SOCKET, SO_TYPE, 4), Output::Bytes(SOCK_STREAM.to_ne_bytes().to_vec()));
    assert_eq!(option(SOL_TCP, TCP_NODELAY, 4), Output::Bytes(vec![0; 4]));
    let one = 1_i32.to_ne_bytes().to_vec();
    process.good(Call::SetSockOpt { fd, level: SOL_TCP, name: TCP_NODELAY, value: one.clone() });
    assert_eq!(option(SOL_TCP, TCP_NODELAY, 4), Output::Bytes(one));
    assert_eq!(option(SOL_TCP, TCP_NODELAY, 1), Output::Bytes(vec![1]), "no more than there is room for");
    match option(SOL_TCP, TCP_INFO, 4096) {
        Output::Bytes(info) => assert!(info.len() > 100 && info.len() < 4096 && info[0] == 1, "established: {info:?}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn unknown_options_are_errors() {
    let process = Process::new();
    let fd = process.tcp_socket();
    assert_eq!(process.errno(Call::GetSockOpt { fd, level: SOL_TCP, name: 9999, len: 4 }), Errno::ENOPROTOOPT);
    let value = 1_i32.to_ne_bytes().to_vec();
    assert_eq!(process.errno(Call::SetSockOpt { fd, level: SOL_TCP, name: 9999, value }), Errno::ENOPROTOOPT);
    let short = Call::SetSockOpt { fd, level: SOL_TCP, name: TCP_NODELAY, value: vec![1] };
    assert_eq!(process.errno(short), Errno::EINVAL);
}

#[test]
fn options_that_hold_addresses_to_write_to_are_not_made() {
    let process = Process::new();
    let fd = process.tcp_socket();
    for (level, name) in [(SOL_IP, 64), (SOL_IP, 128), (SOL_IPV6, 64)] {
        assert!(process.call(Call::SetSockOpt { fd, level, name, value: vec![0; 64] }).is_err());
    }
}
