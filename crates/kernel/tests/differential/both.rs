//! The same calls on our sockets and on Linux's, over the loopback interface of each; what they return is compared at once.

use limpid_event::{Instant, Silent};
use limpid_kernel::{Caller, State, Ticket};
use limpid_posix::{Call, EpollEvent, Errno, Output, PollFd, Process, Progress, Return, Sockaddr, TaskId, abi};
use limpid_stack::{Secrets, Stack, StackConfig};
use limpid_wire::Endpoint;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How long a call on Linux may take to end after what it waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Two processes that are asked the same. Descriptors and ports are those of ours; Linux's are found by them.
pub struct Both {
    ours: Process,
    now: Instant,
    linux: Caller,
    fds: BTreeMap<i32, i32>,
    ports: BTreeMap<u16, u16>,
    waiting: Vec<(TaskId, Ticket)>,
    /// Calls on Linux that have ended and were not asked for yet.
    ended_on_linux: BTreeMap<Ticket, Return>,
    story: Vec<String>,
}

impl Both {
    pub fn new() -> Both {
        let stack = Stack::new(StackConfig::default(), Secrets { seed: [3; 32] }, Silent);
        Both {
            ours: Process::new(stack),
            now: Instant::from_millis(1000),
            linux: Caller::new(Arc::default()).unwrap(),
            fds: BTreeMap::new(),
            ports: BTreeMap::new(),
            waiting: Vec::new(),
            ended_on_linux: BTreeMap::new(),
            story: Vec::new(),
        }
    }

    /// Makes a call that ends at once on both, and with the same; returns ours.
    #[track_caller]
    pub fn call(&mut self, call: Call) -> Return {
        let ours = match self.ours.call(self.now, call.clone()) {
            Progress::Done(ended) => ended,
            Progress::Waits(_) => {
                let ticket = self.start(&call);
                let linux = self.linux.settle(ticket);
                let ended = self.linux.poll_ended();
                self.differ(&call, "waits", &format!("{linux:?} {ended:?}"))
            }
        };
        let ticket = self.start(&call);
        self.linux.settle(ticket);
        let linux = self.linux_ended(&call, ticket, &ours);
        self.compare(&call, &ours, linux);
        ours
    }

    /// Makes a call that waits on both.
    #[track_caller]
    pub fn waits(&mut self, call: Call) {
        let ours = self.ours.call(self.now, call.clone());
        let ticket = self.start(&call);
        let linux = self.linux.settle(ticket);
        match (ours, linux) {
            (Progress::Waits(task), State::Waiting) => {
                self.story.push(format!("{call:?} waits"));
                self.waiting.push((task, ticket));
            }
            (ours, linux) => {
                let ended = self.linux.poll_ended();
                self.differ(&call, &format!("{ours:?}"), &format!("{linux:?} {ended:?}"))
            }
        }
    }

    /// The call that has waited longest ends on both, with the same; returns ours.
    #[track_caller]
    pub fn ended(&mut self) -> Return {
        assert!(!self.waiting.is_empty(), "nothing waits");
        let (task, ticket) = self.waiting.remove(0);
        let call = Call::Close { fd: -1 };
        let ours = match self.ours.poll_done(self.now) {
            Some((ended, ours)) if ended == task => ours,
            other => self.differ(&call, &format!("{other:?}"), "the call that waits ends"),
        };
        let linux = self.linux_ended(&call, ticket, &ours);
        self.compare(&call, &ours, linux);
        ours
    }

    /// No call ends: those that wait go on.
    #[track_caller]
    pub fn nothing_ended(&mut self) {
        assert_eq!(self.ours.poll_done(self.now), None, "{}", self.told());
        std::thread::sleep(Duration::from_millis(5));
        assert_eq!(self.linux.poll_ended(), None, "{}", self.told());
        assert!(self.ended_on_linux.is_empty(), "{}", self.told());
    }

    /// Lets time pass.
    pub fn pass(&mut self, time: Duration) {
        std::thread::sleep(time);
        let end = self.now + time;
        while let Some(at) = self.ours.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.ours.handle_timeout(self.now);
        }
        self.now = end;
        self.story.push(format!("{time:?} pass"));
    }

    fn start(&mut self, call: &Call) -> Ticket {
        let call = self.translate(call.clone());
        self.linux.start(call).unwrap()
    }

    fn linux_ended(&mut self, call: &Call, ticket: Ticket, ours: &Return) -> Return {
        let begun = std::time::Instant::now();
        loop {
            if let Some(ended) = self.ended_on_linux.remove(&ticket) {
                return ended;
            }
            match self.linux.poll_ended() {
                Some(ended) => {
                    self.ended_on_linux.insert(ended.ticket, ended.result.unwrap());
                }
                None if begun.elapsed() > PATIENCE => self.differ(call, &format!("{ours:?}"), "waits"),
                None => std::thread::sleep(Duration::from_micros(200)),
            }
        }
    }

    /// Compares what came of a call, and learns which descriptor is which.
    fn compare(&mut self, call: &Call, ours: &Return, linux: Return) {
        let makes_descriptor = matches!(
            call,
            Call::Socket { .. }
                | Call::Accept4 { .. }
                | Call::Open { .. }
                | Call::EpollCreate1 { .. }
                | Call::Close { fd: -1 }
        ) || matches!(call, Call::Fcntl { command: abi::F_DUPFD | abi::F_DUPFD_CLOEXEC, .. });
        let is_accept = matches!(linux.output, Output::Address(_));
        let mut linux = linux;
        if let (true, Ok(a), Ok(b)) =
            (makes_descriptor && (!matches!(call, Call::Close { .. }) || is_accept), ours.value, linux.value)
        {
            self.fds.insert(a as i32, b as i32);
            linux.value = Ok(a);
        }
        if let (Output::Pair(a), Output::Pair(b)) = (&ours.output, &mut linux.output) {
            self.fds.extend(a.iter().copied().zip(b.iter().copied()));
            *b = *a;
        }
        if let (Output::Polled(a), Output::Polled(b)) = (&ours.output, &mut linux.output) {
            for (a, b) in a.iter().zip(b) {
                b.fd = a.fd;
            }
        }
        if let Output::Selected(sets) = &mut linux.output {
            let back: BTreeMap<i32, i32> = self.fds.iter().map(|(a, b)| (*b, *a)).collect();
            for set in [&mut sets.read, &mut sets.write, &mut sets.except].into_iter().flatten() {
                set.iter_mut().for_each(|fd| *fd = back[fd]);
                set.sort_unstable();
            }
        }
        if let (Call::Recv { flags, .. }, Output::Bytes(a), Output::Bytes(b)) = (call, &ours.output, &mut linux.output)
            && flags & abi::MSG_TRUNC != 0
        {
            // Nothing was written there.
            b.clone_from(a);
        }
        let (mine, theirs) = (self.masked(ours.clone(), true), self.masked(linux, false));
        if mine != theirs {
            self.differ(call, &format!("{mine:?}"), &format!("{theirs:?}"));
        }
        self.story.push(format!("{call:?} -> {mine:?}"));
    }

    /// Ports that were picked are not the same: 1 stands for them.
    fn masked(&self, mut ended: Return, ours: bool) -> Return {
        if let Output::Address(address) = &mut ended.output
            && let Some(endpoint) = address.endpoint()
        {
            let known = self.ports.iter().find(|(a, b)| endpoint.port == if ours { **a } else { **b }).map(|(a, _)| *a);
            let port = known.unwrap_or(endpoint.port.min(1));
            address.0[2..4].copy_from_slice(&port.to_be_bytes());
        }
        ended
    }

    #[track_caller]
    fn differ(&self, call: &Call, ours: &str, linux: &str) -> ! {
        panic!("{}\n{call:?}\n  ours:  {ours}\n  Linux: {linux}", self.told());
    }

    fn told(&self) -> String {
        self.story.join("\n")
    }

    fn fd(&self, fd: i32) -> i32 {
        self.fds.get(&fd).copied().unwrap_or(fd)
    }

    fn address(&self, mut address: Sockaddr) -> Sockaddr {
        if let Some(endpoint) = address.endpoint() {
            let port = self.ports.get(&endpoint.port).copied().unwrap_or(endpoint.port);
            address.0[2..4].copy_from_slice(&port.to_be_bytes());
        }
        address
    }

    fn translate(&self, mut call: Call) -> Call {
        match &mut call {
            Call::Bind { address, .. } | Call::Connect { address, .. } => *address = self.address(address.clone()),
            _ => {}
        }
        match &mut call {
            Call::Bind { fd, .. }
            | Call::Listen { fd, .. }
            | Call::Accept4 { fd, .. }
            | Call::Connect { fd, .. }
            | Call::Close { fd }
            | Call::Shutdown { fd, .. }
            | Call::GetSockName { fd }
            | Call::GetPeerName { fd }
            | Call::Read { fd, .. }
            | Call::Readv { fd, .. }
            | Call::Recv { fd, .. }
            | Call::RecvFrom { fd, .. }
            | Call::RecvMsg { fd, .. }
            | Call::Write { fd, .. }
            | Call::Writev { fd, .. }
            | Call::Send { fd, .. }
            | Call::SendTo { fd, .. }
            | Call::SendMsg { fd, .. }
            | Call::GetSockOpt { fd, .. }
            | Call::SetSockOpt { fd, .. }
            | Call::Fcntl { fd, .. }
            | Call::Ioctl { fd, .. } => *fd = self.fd(*fd),
            Call::Poll { fds, .. } => fds.iter_mut().for_each(|poll| poll.fd = self.fd(poll.fd)),
            Call::Select { nfds, sets, .. } => {
                for set in [&mut sets.read, &mut sets.write, &mut sets.except].into_iter().flatten() {
                    set.iter_mut().for_each(|fd| *fd = self.fd(*fd));
                }
                if *nfds > 0 {
                    *nfds = 1024;
                }
            }
            Call::EpollCtl { epfd, fd, .. } => (*epfd, *fd) = (self.fd(*epfd), self.fd(*fd)),
            Call::EpollWait { epfd, .. } => *epfd = self.fd(*epfd),
            Call::SendFile { out_fd, in_fd, .. } => (*out_fd, *in_fd) = (self.fd(*out_fd), self.fd(*in_fd)),
            Call::Splice { fd_in, fd_out, .. } => (*fd_in, *fd_out) = (self.fd(*fd_in), self.fd(*fd_out)),
            Call::Socket { .. } | Call::EpollCreate1 { .. } | Call::Pipe2 { .. } | Call::Open { .. } => {}
        }
        call
    }
}

/// Calls as a program writes them.
impl Both {
    #[track_caller]
    pub fn socket(&mut self) -> i32 {
        self.socket_of(abi::AF_INET, 0)
    }

    #[track_caller]
    pub fn socket_of(&mut self, domain: i32, flags: i32) -> i32 {
        self.fd_of(Call::Socket { domain, kind: abi::SOCK_STREAM | flags, protocol: 0 })
    }

    #[track_caller]
    pub fn nonblocking(&mut self) -> i32 {
        self.socket_of(abi::AF_INET, abi::SOCK_NONBLOCK)
    }

    /// Makes a call that gives a descriptor.
    #[track_caller]
    pub fn fd_of(&mut self, call: Call) -> i32 {
        self.call(call).value.expect("a descriptor") as i32
    }

    #[track_caller]
    pub fn bind(&mut self, fd: i32, address: &str) -> Return {
        self.call(Call::Bind { fd, address: addr(address) })
    }

    /// Binds to a port that each picks; returns ours.
    #[track_caller]
    pub fn bind_any(&mut self, fd: i32, address: &str) -> u16 {
        let end = Endpoint::new(address.parse().unwrap(), 0);
        self.call(Call::Bind { fd, address: Sockaddr::of(end) }).value.unwrap();
        self.learn_port(fd)
    }

    /// Learns which port is which.
    #[track_caller]
    pub fn learn_port(&mut self, fd: i32) -> u16 {
        let call = Call::GetSockName { fd };
        let port = |ended: &Return| match &ended.output {
            Output::Address(address) => address.endpoint().unwrap().port,
            other => panic!("no address: {other:?}"),
        };
        let Progress::Done(ours) = self.ours.call(self.now, call.clone()) else { panic!("getsockname waits") };
        let ticket = self.start(&call);
        self.linux.settle(ticket);
        let linux = self.linux_ended(&call, ticket, &ours);
        self.ports.insert(port(&ours), port(&linux));
        port(&ours)
    }

    #[track_caller]
    pub fn listen(&mut self, fd: i32, backlog: i32) -> Return {
        self.call(Call::Listen { fd, backlog })
    }

    #[track_caller]
    pub fn accept(&mut self, fd: i32) -> Return {
        self.call(Call::Accept4 { fd, flags: 0 })
    }

    #[track_caller]
    pub fn connect(&mut self, fd: i32, port: u16) -> Return {
        self.call(connect(fd, port))
    }

    #[track_caller]
    pub fn write(&mut self, fd: i32, bytes: &[u8]) -> Return {
        self.call(Call::Write { fd, bytes: bytes.to_vec() })
    }

    #[track_caller]
    pub fn send(&mut self, fd: i32, bytes: &[u8], flags: i32) -> Return {
        self.call(Call::Send { fd, bytes: bytes.to_vec(), flags })
    }

    #[track_caller]
    pub fn read(&mut self, fd: i32, len: usize) -> Return {
        self.call(Call::Read { fd, len })
    }

    #[track_caller]
    pub fn recv(&mut self, fd: i32, len: usize, flags: i32) -> Return {
        self.call(Call::Recv { fd, len, flags })
    }

    #[track_caller]
    pub fn close(&mut self, fd: i32) -> Return {
        self.call(Call::Close { fd })
    }

    #[track_caller]
    pub fn shutdown(&mut self, fd: i32, how: i32) -> Return {
        self.call(Call::Shutdown { fd, how })
    }

    /// All that `poll` can say about a descriptor.
    #[track_caller]
    pub fn poll(&mut self, fd: i32) -> i16 {
        let events = abi::POLLIN
            | abi::POLLPRI
            | abi::POLLOUT
            | abi::POLLRDHUP
            | abi::POLLRDNORM
            | abi::POLLWRNORM
            | abi::POLLRDBAND
            | abi::POLLWRBAND;
        let ended = self.call(Call::Poll { fds: vec![PollFd { fd, events, revents: 0 }], timeout: 0 });
        match ended.output {
            Output::Polled(fds) => fds[0].revents,
            other => panic!("poll gave {other:?}"),
        }
    }

    #[track_caller]
    pub fn watch(&mut self, epfd: i32, operation: i32, fd: i32, events: u32) -> Return {
        self.call(Call::EpollCtl { epfd, operation, fd, event: Some(EpollEvent { events, data: fd as u64 }) })
    }

    #[track_caller]
    pub fn epoll_wait(&mut self, epfd: i32) -> Return {
        self.call(Call::EpollWait { epfd, max: 16, timeout: 0 })
    }

    #[track_caller]
    pub fn ioctl(&mut self, fd: i32, request: u64) -> Return {
        self.call(Call::Ioctl { fd, request, argument: 0 })
    }

    #[track_caller]
    pub fn set(&mut self, fd: i32, level: i32, name: i32, value: i32) -> Return {
        self.call(Call::SetSockOpt { fd, level, name, value: value.to_ne_bytes().to_vec() })
    }

    /// SO_ERROR
    #[track_caller]
    pub fn error(&mut self, fd: i32) -> Return {
        self.call(Call::GetSockOpt { fd, level: abi::SOL_SOCKET, name: abi::SO_ERROR, len: 4 })
    }

    #[track_caller]
    pub fn set_nonblocking(&mut self, fd: i32) {
        self.call(Call::Fcntl { fd, command: abi::F_SETFL, argument: abi::O_NONBLOCK.into() });
    }

    /// Writes until there is no room, without comparing how much that is.
    pub fn fill(&mut self, fd: i32) {
        let call = Call::Write { fd, bytes: vec![7; 100_000] };
        self.apart(&call, |ended| ended.value.is_err());
    }

    /// Reads until there is nothing, without comparing how much that is.
    pub fn empty(&mut self, fd: i32) {
        self.apart(&Call::Read { fd, len: 1_000_000 }, |ended| ended.value.is_err());
    }

    /// Makes a call on each until it gives what is wanted.
    fn apart(&mut self, call: &Call, until: impl Fn(&Return) -> bool) {
        while let Progress::Done(ended) = self.ours.call(self.now, call.clone()) {
            if until(&ended) {
                break;
            }
        }
        loop {
            let ticket = self.start(call);
            self.linux.settle(ticket);
            let ended = self.linux_ended(call, ticket, &Return::ok(0));
            if until(&ended) {
                return;
            }
        }
    }

    /// A listener on 127.0.0.1, nonblocking, and its port.
    #[track_caller]
    pub fn listener(&mut self) -> (i32, u16) {
        let fd = self.nonblocking();
        let port = self.bind_any(fd, "127.0.0.1");
        self.listen(fd, 8);
        (fd, port)
    }

    /// A connection: listener, client, server; all nonblocking.
    #[track_caller]
    pub fn connected(&mut self) -> (i32, i32, i32) {
        let (listener, port) = self.listener();
        let client = self.nonblocking();
        assert_eq!(self.connect(client, port).value, Err(Errno::EINPROGRESS));
        assert_eq!(self.connect(client, port).value, Ok(0));
        let server = self.accept(listener).value.unwrap() as i32;
        self.set_nonblocking(server);
        (listener, client, server)
    }
}

pub fn addr(address: &str) -> Sockaddr {
    Sockaddr::of(address.parse().unwrap())
}

pub fn connect(fd: i32, port: u16) -> Call {
    Call::Connect { fd, address: Sockaddr::of(Endpoint::new("127.0.0.1".parse().unwrap(), port)) }
}
