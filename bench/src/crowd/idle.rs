//! What a million idle connections cost the host that has them, and what its longest step is on the way there. The other ends
//! are strangers, who keep nothing: all memory that this process gains is the host's.

use super::strangers::{self, Peer};
use crate::heap;
use crate::limpid_pair::{Host, SERVER};
use crate::stopwatch::Stopwatch;
use limpid_event::Instant;
use limpid_stack::{Config, ListenConfig, SocketId};
use limpid_wire::{Chunks, Endpoint, Segment};
use std::time::Duration;

/// What it cost.
pub(crate) struct Cost {
    /// Resident memory of a connection, bytes.
    pub(crate) resident: f64,
    /// What is allocated for it, as far as the allocator is asked.
    pub(crate) allocated: f64,
    /// Processor time of the longest step.
    pub(crate) longest: Duration,
}

/// A host with many connections.
pub(crate) struct Crowd {
    host: Host,
    listener: SocketId,
    sockets: Vec<SocketId>,
    now: Instant,
    /// What the host sent last.
    sent: Vec<u8>,
    longest: Duration,
}

/// Between two connections.
const GAP: Duration = Duration::from_micros(20);

impl Crowd {
    pub(crate) fn new(connections: usize) -> Crowd {
        let mut host = Host::new(Config::default(), 3, [SERVER.addr].into_iter());
        host.route_everything();
        let listener = host.stack.listen(Instant::ZERO, ListenConfig::new(SERVER, 128)).expect("listens");
        let sockets = Vec::with_capacity(connections);
        Crowd { host, listener, sockets, now: Instant::from_millis(1), sent: vec![0; 1600], longest: Duration::ZERO }
    }

    /// Opens connections, each of which sends and receives so many bytes, and says what they cost.
    pub(crate) fn open(&mut self, connections: usize, bytes: usize) -> Cost {
        self.sockets.iter_mut().for_each(|socket| std::hint::black_box(socket).index = 0);
        let (resident, allocated) = (heap::resident(), heap::live());
        for n in 0..connections {
            self.connect(n as u32, bytes);
        }
        self.settle();
        assert_eq!(self.host.stack.open_connections(), connections);
        let each = |before: usize, after: usize| (after as f64 - before as f64) / connections as f64;
        let names = connections * size_of::<SocketId>();
        Cost {
            resident: each(resident + names, heap::resident()),
            allocated: each(allocated, heap::live()),
            longest: self.longest,
        }
    }

    /// One connection: handshake, accept, and an exchange.
    fn connect(&mut self, n: u32, bytes: usize) {
        self.now += GAP;
        let stranger = strangers::endpoint(n);
        self.arrive(stranger, &strangers::syn());
        let peer = Peer::read(self.leave());
        self.arrive(stranger, &strangers::segment(peer, 0, 0, Chunks::new()));
        let (now, listener) = (self.now, self.listener);
        let (socket, _) = self.step(|host| host.stack.accept(now, listener)).expect("a connection");
        self.sockets.push(socket);
        if bytes > 0 {
            let data = vec![7; bytes];
            let request: Chunks = limpid_wire::Chunk::from_vec(data.clone()).into();
            self.arrive(stranger, &strangers::segment(peer, 0, 0, request));
            let mut buffer = vec![0; bytes];
            assert_eq!(self.step(|host| host.stack.read(now, socket, &mut buffer)), Ok(bytes));
            assert_eq!(self.step(|host| host.stack.write(now, socket, &data)), Ok(bytes));
            self.leave();
            self.arrive(stranger, &strangers::segment(peer, bytes as u32, bytes as u32, Chunks::new()));
        }
        self.run_timers();
    }

    fn arrive(&mut self, from: Endpoint, segment: &Segment) {
        let packet = strangers::packet(from, SERVER, segment);
        let now = self.now;
        self.step(|host| host.receive(now, &packet));
    }

    /// What the host sends now, one frame of it.
    fn leave(&mut self) -> &[u8] {
        let now = self.now;
        self.step(|host| host.stack.poll_transmit(now, host.iface, &mut host.batch));
        let frames = self.host.batch.frames();
        assert_eq!(frames.len(), 1, "one answer");
        let len = frames[0].copy_to(&mut self.sent);
        self.host.batch.sent(1);
        &self.sent[..len]
    }

    fn run_timers(&mut self) {
        let now = self.now;
        self.step(|host| {
            if host.stack.poll_timeout().is_some_and(|due| due <= now) {
                host.stack.handle_timeout(now);
            }
        });
        while self.host.stack.poll_ready().is_some() {}
    }

    /// Time goes by until nobody has anything more to do.
    fn settle(&mut self) {
        for _ in 0..100 {
            self.now += Duration::from_secs(1);
            self.run_timers();
            let now = self.now;
            self.step(|host| host.stack.poll_transmit(now, host.iface, &mut host.batch));
            let count = self.host.batch.frames().len();
            self.host.batch.sent(count);
        }
    }

    /// A call of the host, and how long it took.
    fn step<T>(&mut self, call: impl FnOnce(&mut Host) -> T) -> T {
        let start = Stopwatch::start();
        let result = call(&mut self.host);
        self.longest = self.longest.max(start.elapsed());
        result
    }
}
