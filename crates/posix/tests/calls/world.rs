//! Two hosts with a process each, and a wire between them, in virtual time.

use limpid_event::{Instant, Silent};
use limpid_posix::{Call, EpollEvent, Errno, Output, PollFd, Process, Progress, Return, Sockaddr, TaskId, abi};
use limpid_stack::{IfaceId, InterfaceConfig, Medium, RxChecksum, RxFrame, Secrets, Stack, StackConfig, TxBatch};
use limpid_wire::Chunk;
use std::collections::BTreeMap;
use std::time::Duration;

pub const A: usize = 0;
pub const B: usize = 1;

pub const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A frame that is on its way to a host.
type Flying = (usize, Vec<u8>);

pub struct World {
    pub hosts: [Process; 2],
    iface: IfaceId,
    pub now: Instant,
    /// Time on the wire, one way.
    pub delay: Duration,
    flying: BTreeMap<(Instant, u64), Flying>,
    sent: u64,
    /// Nothing gets through.
    pub cut: bool,
    /// The next segment says that its last byte is urgent, whatever its sender knows of that.
    pub urge: bool,
    /// Calls that have ended, by host, with the time.
    pub ended: Vec<(usize, TaskId, Return, Instant)>,
}

impl World {
    pub fn new() -> World {
        let mut iface = IfaceId::LOOPBACK;
        let hosts = [A, B].map(|host| {
            let mut stack = Stack::new(StackConfig::default(), Secrets { seed: [host as u8 + 1; 32] }, Silent);
            iface = stack
                .add_interface(InterfaceConfig {
                    name: "wire".into(),
                    medium: Medium::Ip,
                    mtu: 1500,
                    gso_max: 0,
                    tx_checksum_offload: false,
                })
                .unwrap();
            stack.add_address(iface, format!("10.0.0.{}/24", host + 1).parse().unwrap()).unwrap();
            Process::new(stack)
        });
        World {
            hosts,
            iface,
            now: Instant::from_millis(1000),
            delay: ms(10),
            flying: BTreeMap::new(),
            sent: 0,
            cut: false,
            urge: false,
            ended: Vec::new(),
        }
    }

    /// Takes what the hosts have to send, and which calls have ended.
    fn drain(&mut self) {
        for host in [A, B] {
            let mut batch = TxBatch::with_capacity(64);
            loop {
                self.hosts[host].poll_transmit(self.now, self.iface, &mut batch);
                let count = batch.frames().len();
                for frame in batch.frames().iter().filter(|_| !self.cut) {
                    let mut bytes = frame.to_vec();
                    if core::mem::take(&mut self.urge) {
                        urge(&mut bytes, frame.payload.len() as u16);
                    }
                    self.sent += 1;
                    self.flying.insert((self.now + self.delay, self.sent), (1 - host, bytes));
                }
                batch.sent(count);
                if count == 0 {
                    break;
                }
            }
            while let Some((task, ended)) = self.hosts[host].poll_done(self.now) {
                self.ended.push((host, task, ended, self.now));
            }
        }
    }

    /// Lets time pass.
    pub fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            self.drain();
            let arrival = self.flying.keys().next().map(|(at, _)| *at);
            let due = [A, B].into_iter().filter_map(|host| self.hosts[host].poll_timeout());
            let Some(next) = due.chain(arrival).min().filter(|at| *at <= end) else { break };
            self.now = self.now.max(next);
            while let Some(entry) = self.flying.first_entry().filter(|entry| entry.key().0 <= self.now) {
                let (to, bytes) = entry.remove();
                let frame = RxFrame { checksum: RxChecksum::Verified, ..RxFrame::new(Chunk::from_vec(bytes)) };
                self.hosts[to].handle_frame(self.now, self.iface, frame);
                self.drain();
            }
            for host in [A, B] {
                if self.hosts[host].poll_timeout().is_some_and(|at| at <= self.now) {
                    self.hosts[host].handle_timeout(self.now);
                }
            }
        }
        self.now = end;
        self.drain();
    }

    #[track_caller]
    pub fn start(&mut self, host: usize, call: Call) -> Progress {
        let progress = self.hosts[host].call(self.now, call);
        self.drain();
        progress
    }

    /// Makes a call that ends at once.
    #[track_caller]
    pub fn call(&mut self, host: usize, call: Call) -> Return {
        match self.start(host, call.clone()) {
            Progress::Done(ended) => ended,
            Progress::Waits(_) => panic!("it waits: {call:?}"),
        }
    }

    /// Makes a call that waits.
    #[track_caller]
    pub fn waits(&mut self, host: usize, call: Call) -> TaskId {
        match self.start(host, call.clone()) {
            Progress::Waits(task) => task,
            Progress::Done(ended) => panic!("it ended: {call:?} -> {ended:?}"),
        }
    }

    /// How a call that waited has ended, and when, since this world began; `None` if it waits.
    pub fn result(&self, task: TaskId, host: usize) -> Option<(Return, Duration)> {
        let found = self.ended.iter().find(|(h, t, ..)| (*h, *t) == (host, task));
        found.map(|(_, _, ended, at)| (ended.clone(), at.since(Instant::from_millis(1000))))
    }

    /// What a call that waited has returned.
    #[track_caller]
    pub fn value(&self, host: usize, task: TaskId) -> Result<i64, Errno> {
        self.result(task, host).expect("it has ended").0.value
    }

    // ---- calls as a program writes them

    #[track_caller]
    pub fn socket(&mut self, host: usize) -> i32 {
        self.call(host, Call::Socket { domain: abi::AF_INET, kind: abi::SOCK_STREAM, protocol: 0 }).value.unwrap()
            as i32
    }

    #[track_caller]
    pub fn listener(&mut self, host: usize, address: &str) -> i32 {
        let fd = self.socket(host);
        assert_eq!(self.call(host, Call::Bind { fd, address: addr(address) }).value, Ok(0));
        assert_eq!(self.call(host, Call::Listen { fd, backlog: 8 }).value, Ok(0));
        fd
    }

    /// A connection from A to B, both sides blocking: client and server.
    #[track_caller]
    pub fn connected(&mut self) -> (i32, i32) {
        let listener = self.listener(B, "10.0.0.2:80");
        let client = self.socket(A);
        let accept = self.waits(B, Call::Accept4 { fd: listener, flags: 0 });
        let connect = self.waits(A, connect(client, "10.0.0.2:80"));
        self.run(ms(100));
        assert_eq!(self.value(A, connect), Ok(0));
        let server = self.value(B, accept).unwrap() as i32;
        self.call(B, Call::Close { fd: listener });
        (client, server)
    }

    #[track_caller]
    pub fn nonblocking(&mut self, host: usize, fd: i32) {
        let set = Call::Fcntl { fd, command: abi::F_SETFL, argument: abi::O_NONBLOCK.into() };
        assert_eq!(self.call(host, set).value, Ok(0));
    }

    #[track_caller]
    pub fn write(&mut self, host: usize, fd: i32, bytes: &[u8]) -> Result<i64, Errno> {
        self.call(host, write(fd, bytes)).value
    }

    #[track_caller]
    pub fn read(&mut self, host: usize, fd: i32, len: usize) -> Result<Vec<u8>, Errno> {
        let ended = self.call(host, Call::Read { fd, len });
        ended.value.map(|_| bytes(ended))
    }

    #[track_caller]
    pub fn close(&mut self, host: usize, fd: i32) {
        assert_eq!(self.call(host, Call::Close { fd }).value, Ok(0));
    }

    /// What `poll` says of a descriptor, asked for everything.
    #[track_caller]
    pub fn poll(&mut self, host: usize, fd: i32) -> i16 {
        let events = abi::POLLIN | abi::POLLPRI | abi::POLLOUT | abi::POLLRDHUP;
        match self.call(host, Call::Poll { fds: vec![PollFd { fd, events, revents: 0 }], timeout: 0 }).output {
            Output::Polled(fds) => fds[0].revents,
            other => panic!("poll gave {other:?}"),
        }
    }

    #[track_caller]
    pub fn set(&mut self, host: usize, fd: i32, level: i32, name: i32, value: &[u8]) {
        assert_eq!(self.call(host, Call::SetSockOpt { fd, level, name, value: value.to_vec() }).value, Ok(0));
    }

    #[track_caller]
    pub fn watch(&mut self, host: usize, epfd: i32, fd: i32, events: u32) {
        let event = Some(EpollEvent { events, data: fd as u64 });
        let add = Call::EpollCtl { epfd, operation: abi::EPOLL_CTL_ADD, fd, event };
        assert_eq!(self.call(host, add).value, Ok(0));
    }

    /// What epoll tells without waiting: descriptors and events.
    #[track_caller]
    pub fn epoll_wait(&mut self, host: usize, epfd: i32) -> Vec<(i32, u32)> {
        match self.call(host, Call::EpollWait { epfd, max: 16, timeout: 0 }).output {
            Output::Events(events) => events.iter().map(|event| (event.data as i32, event.events)).collect(),
            other => panic!("epoll_wait gave {other:?}"),
        }
    }
}

/// Sets URG and the urgent pointer of a TCP segment over IPv4, and leaves the checksum as it was.
fn urge(packet: &mut [u8], pointer: u16) {
    packet[20 + 13] |= 0x20;
    packet[20 + 18..20 + 20].copy_from_slice(&pointer.to_be_bytes());
}

pub fn addr(address: &str) -> Sockaddr {
    Sockaddr::of(address.parse().unwrap())
}

pub fn connect(fd: i32, address: &str) -> Call {
    Call::Connect { fd, address: addr(address) }
}

pub fn write(fd: i32, bytes: &[u8]) -> Call {
    Call::Write { fd, bytes: bytes.to_vec() }
}

pub fn read(fd: i32, len: usize) -> Call {
    Call::Read { fd, len }
}

/// A `struct timeval`.
pub fn timeval(time: Duration) -> Vec<u8> {
    let parts = [time.as_secs() as i64, i64::from(time.subsec_micros())];
    parts.iter().flat_map(|part| part.to_ne_bytes()).collect()
}

pub fn bytes(ended: Return) -> Vec<u8> {
    match ended.output {
        Output::Bytes(bytes) => bytes,
        other => panic!("no bytes: {other:?}"),
    }
}
