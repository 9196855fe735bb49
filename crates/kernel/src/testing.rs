//! What the tests share: calls that must go well, and a connection over loopback.

use crate::process::{Process, lock};
use limpid_posix::abi::{AF_INET, SOCK_STREAM};
use limpid_posix::{Call, Errno, Output, Return, Sockaddr};
use limpid_wire::{Endpoint, IpAddr};

/// `127.0.0.1`.
pub(crate) fn loopback(port: u16) -> Sockaddr {
    Sockaddr::of(Endpoint { addr: IpAddr::LOCALHOST_V4, port })
}

impl Process {
    /// A call that can be made.
    pub(crate) fn made(&self, call: Call) -> Return {
        self.call(call).expect("a call that can be made")
    }

    /// A call that goes well.
    pub(crate) fn good(&self, call: Call) -> i64 {
        self.made(call.clone()).value.unwrap_or_else(|errno| panic!("{call:?}: {errno:?}"))
    }

    /// Why a call fails.
    pub(crate) fn errno(&self, call: Call) -> Errno {
        self.made(call.clone()).value.expect_err("a call that fails")
    }

    /// What a call that goes well gives.
    pub(crate) fn output(&self, call: Call) -> Output {
        let ended = self.made(call.clone());
        assert!(ended.value.is_ok(), "{call:?}: {ended:?}");
        ended.output
    }

    pub(crate) fn tcp_socket(&self) -> i32 {
        self.good(Call::Socket { domain: AF_INET, kind: SOCK_STREAM, protocol: 0 }) as i32
    }

    pub(crate) fn name(&self, fd: i32) -> Sockaddr {
        match self.output(Call::GetSockName { fd }) {
            Output::Address(address) => address,
            other => panic!("{other:?}"),
        }
    }

    /// How many bytes Linux may still read.
    pub(crate) fn lent_bytes(&self) -> usize {
        lock(&self.lent).iter().map(Vec::len).sum()
    }

    /// A socket that listens on a free port.
    pub(crate) fn listener(&self) -> i32 {
        let fd = self.tcp_socket();
        self.good(Call::Bind { fd, address: loopback(0) });
        self.good(Call::Listen { fd, backlog: 8 });
        fd
    }

    /// Both ends of a connection.
    pub(crate) fn connection(&self) -> (i32, i32) {
        let listener = self.listener();
        let client = self.tcp_socket();
        self.good(Call::Connect { fd: client, address: self.name(listener) });
        let server = self.good(Call::Accept4 { fd: listener, flags: 0 }) as i32;
        self.good(Call::Close { fd: listener });
        (client, server)
    }
}
