//! A host with our own stack.

use super::{Interest, Machine, Options, SocketKey};
use crate::link::Outgoing;
use crate::recorder::HostObserver;
use limpid_device::gro::Gro;
use limpid_device::gso;
use limpid_event::{Counter, Error, Instant};
use limpid_stack::{
    BindConfig, Config, IfaceId, InterfaceConfig, ListenConfig, Medium, Readiness, RxChecksum, RxFrame, Secrets,
    Shutdown, SocketFastOpen, SocketId, Stack, StackConfig, TxBatch,
};
use limpid_wire::{Chunk, Cidr, Endpoint};
use rustix::event::PollFd;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

/// Frames taken from the stack at a time.
const BATCH: usize = 64;

/// How long a card with offloads waits for more before it tells of what arrived.
const COALESCED: Duration = Duration::from_micros(50);

/// A host with our own stack: one interface besides loopback.
pub struct OurHost {
    stack: Stack<Option<Box<HostObserver>>>,
    iface: IfaceId,
    medium: Medium,
    /// What merges arrivals, if the interface has offloads.
    merging: Option<Merging>,
    defaults: Arc<Config>,
    batch: TxBatch,
    /// Whether what arrives has been checked.
    rx_checksum: RxChecksum,
    /// What the stack has sent, until the world takes it.
    unsent: Vec<Outgoing>,
    ids: BTreeMap<SocketKey, SocketId>,
    next_key: u64,
    waiting: BTreeMap<SocketId, Vec<Waker>>,
}

/// What has arrived and was not told of yet.
struct Merging {
    gro: Gro,
    frames: Vec<RxFrame>,
    /// When it will be.
    due: Option<Instant>,
}

impl OurHost {
    /// A host with one interface and its addresses. Without an observer it keeps its story to itself. An interface that takes super-segments has
    /// the card's other offloads, too: what it sends is cut and summed, and what arrives within 50 µs is checked and merged.
    ///
    /// # Errors
    /// If the stack refuses an address.
    pub fn new(
        config: StackConfig,
        secrets: Secrets,
        observer: Option<HostObserver>,
        interface: InterfaceConfig,
        addresses: &[Cidr],
    ) -> Result<OurHost, Error> {
        let defaults = config.tcp.clone();
        let medium = interface.medium;
        let merging = (interface.gso_max > 0).then(|| Merging { gro: Gro::new(medium), frames: Vec::new(), due: None });
        let mut stack = Stack::new(config, secrets, observer.map(Box::new));
        let iface = stack.add_interface(interface)?;
        for address in addresses {
            stack.add_address(iface, *address)?;
        }
        Ok(OurHost {
            stack,
            iface,
            medium,
            merging,
            defaults,
            batch: TxBatch::with_capacity(BATCH),
            rx_checksum: RxChecksum::Unverified,
            unsent: Vec::new(),
            ids: BTreeMap::new(),
            next_key: 0,
            waiting: BTreeMap::new(),
        })
    }

    /// The stack itself, for experiments that look deeper.
    pub fn stack(&mut self) -> &mut Stack<Option<Box<HostObserver>>> {
        &mut self.stack
    }

    /// Takes what arrives as it is.
    pub(crate) fn trust_checksums(&mut self) {
        self.rx_checksum = RxChecksum::Verified;
    }

    fn key_for(&mut self, id: SocketId) -> SocketKey {
        let key = SocketKey(self.next_key);
        self.next_key += 1;
        self.ids.insert(key, id);
        key
    }

    fn id(&self, key: SocketKey) -> Result<SocketId, Error> {
        self.ids.get(&key).copied().ok_or(Error::NoSuchSocket)
    }

    /// An open that waits for what is written first, if that may go with the SYN.
    fn connect_fast(
        &mut self,
        now: Instant,
        local: Option<Endpoint>,
        remote: Endpoint,
        config: &Config,
    ) -> Result<SocketId, Error> {
        let id = self.stack.socket();
        let opened = (|| {
            self.stack.configure(now, id, |settings| settings.clone_from(config))?;
            if let Some(local) = local {
                self.stack.bind(id, BindConfig { local, v6_only: false, foreign: false })?;
            }
            self.stack.connect_deferred(now, id, remote)
        })();
        if let Err(error) = opened {
            self.stack.close(now, id)?;
            return Err(error);
        }
        Ok(id)
    }

    /// The settings of a socket with `options`.
    fn config(&self, options: &Options) -> Arc<Config> {
        let mut config = (*self.defaults).clone();
        let Options {
            syn_retries,
            syn_schedule,
            connect_deadline,
            no_delay,
            recv_buffer,
            send_buffer,
            keepalive,
            linger,
            user_timeout,
            congestion,
            fast_open: _,
        } = *options;
        config.syn_retries = syn_retries.unwrap_or(config.syn_retries);
        config.syn_schedule = syn_schedule.unwrap_or(config.syn_schedule);
        config.connect_deadline = connect_deadline.or(config.connect_deadline);
        config.no_delay |= no_delay;
        if let Some(bytes) = recv_buffer {
            (config.recv_buffer, config.recv_buffer_fixed) = (2 * bytes, true);
        }
        if let Some(bytes) = send_buffer {
            (config.send_buffer, config.send_buffer_fixed) = (2 * bytes, true);
        }
        config.keepalive = keepalive.or(config.keepalive);
        config.linger = linger.or(config.linger);
        config.user_timeout = user_timeout.or(config.user_timeout);
        config.congestion = congestion.unwrap_or(config.congestion);
        Arc::new(config)
    }

    /// Lets the stack send what one frame or socket command gave it to send, before the next: as a kernel does.
    /// A write that is followed by a close leaves as data and a FIN, not as one segment.
    fn flush(&mut self, now: Instant) {
        loop {
            self.stack.poll_transmit(now, self.iface, &mut self.batch);
            let n = self.batch.frames().len();
            let frames = self.batch.frames().iter();
            if self.merging.is_some() {
                let pieces = frames.flat_map(|frame| gso::cut(frame, self.medium));
                self.unsent.extend(pieces.map(|f| Outgoing { bytes: f.to_vec(), flow: f.flow, why: f.why }));
            } else {
                self.unsent.extend(frames.map(|f| Outgoing { bytes: f.to_vec(), flow: f.flow, why: f.why }));
            }
            self.batch.sent(n);
            if n < BATCH {
                return;
            }
        }
    }

    fn forget(&mut self, key: SocketKey) -> Option<SocketId> {
        let id = self.ids.remove(&key)?;
        self.waiting.remove(&id).into_iter().flatten().for_each(Waker::wake);
        Some(id)
    }
}

impl Machine for OurHost {
    fn deliver(&mut self, now: Instant, frame: Vec<u8>) -> io::Result<()> {
        let frame = RxFrame { checksum: self.rx_checksum, ..RxFrame::new(Chunk::from_vec(frame)) };
        if let Some(Merging { gro, frames, due }) = &mut self.merging {
            gro.arrive(frame, frames);
            due.get_or_insert(now + COALESCED);
            return Ok(());
        }
        self.stack.handle_frame(now, self.iface, frame);
        // What answers this frame leaves before the next is looked at, even if both arrive at the same moment.
        self.flush(now);
        Ok(())
    }

    fn transmit(&mut self, now: Instant, out: &mut Vec<Outgoing>) -> io::Result<()> {
        self.flush(now);
        out.append(&mut self.unsent);
        Ok(())
    }

    fn handle_timeout(&mut self, now: Instant) {
        if let Some(Merging { gro, frames, due }) = &mut self.merging
            && due.is_some_and(|due| due <= now)
        {
            *due = None;
            gro.finish(frames, self.stack.pool());
            self.stack.handle_frames(now, self.iface, frames.drain(..));
            self.flush(now);
        }
        self.stack.handle_timeout(now);
    }

    fn next_timeout(&mut self) -> Option<Instant> {
        let told = self.merging.as_ref().and_then(|merging| merging.due);
        self.stack.poll_timeout().into_iter().chain(told).min()
    }

    fn wake_ready(&mut self) -> bool {
        let mut any = false;
        while let Some((id, _)) = self.stack.poll_ready() {
            any = true;
            self.waiting.remove(&id).into_iter().flatten().for_each(Waker::wake);
        }
        any
    }

    fn poll_fds<'a>(&'a self, _fds: &mut Vec<PollFd<'a>>) {}

    fn connect(
        &mut self,
        now: Instant,
        local: Option<Endpoint>,
        remote: Endpoint,
        options: &Options,
    ) -> Result<SocketKey, Error> {
        let config = self.config(options);
        let id = if options.fast_open {
            self.connect_fast(now, local, remote, &config)?
        } else {
            self.stack.connect(now, local, remote, Some(config))?
        };
        self.flush(now);
        Ok(self.key_for(id))
    }

    fn connected(&mut self, _now: Instant, socket: SocketKey) -> Result<(), Error> {
        let id = self.id(socket)?;
        if let Some(error) = self.stack.take_error(id)? {
            return Err(error);
        }
        let done = self.stack.readiness(id)?.intersects(Readiness::WRITABLE | Readiness::CLOSED);
        if done { Ok(()) } else { Err(Error::WouldBlock) }
    }

    fn counter(&self, counter: Counter) -> u64 {
        self.stack.counters().value(counter)
    }

    fn keeps_connect_deadline(&self) -> bool {
        true
    }

    fn listen(&mut self, now: Instant, local: Endpoint, backlog: usize, options: &Options) -> Result<SocketKey, Error> {
        let config = ListenConfig { tcp: Some(self.config(options)), ..ListenConfig::new(local, backlog) };
        let id = self.stack.listen(now, config)?;
        if options.fast_open {
            let queue = u32::try_from(backlog).unwrap_or(u32::MAX);
            self.stack.set_fast_open(id, SocketFastOpen { queue, ..SocketFastOpen::default() })?;
        }
        Ok(self.key_for(id))
    }

    fn accept(&mut self, now: Instant, listener: SocketKey) -> Result<(SocketKey, Endpoint), Error> {
        let (id, peer) = self.stack.accept(now, self.id(listener)?)?;
        Ok((self.key_for(id), peer))
    }

    fn read(&mut self, now: Instant, socket: SocketKey, buf: &mut [u8]) -> Result<usize, Error> {
        let n = self.stack.read(now, self.id(socket)?, buf)?;
        self.flush(now);
        Ok(n)
    }

    fn write(&mut self, now: Instant, socket: SocketKey, bytes: &[u8]) -> Result<usize, Error> {
        let n = self.stack.write(now, self.id(socket)?, bytes)?;
        self.flush(now);
        Ok(n)
    }

    fn shutdown(&mut self, now: Instant, socket: SocketKey, how: Shutdown) -> Result<(), Error> {
        self.stack.shutdown(now, self.id(socket)?, how)?;
        self.flush(now);
        Ok(())
    }

    fn close(&mut self, now: Instant, socket: SocketKey) {
        if let Some(id) = self.forget(socket) {
            // It can only fail for a socket that is not there.
            let _ = self.stack.close(now, id);
            self.flush(now);
        }
    }

    fn abort(&mut self, now: Instant, socket: SocketKey) {
        if let Some(id) = self.forget(socket) {
            let _ = self.stack.abort(now, id);
            let _ = self.stack.close(now, id);
            self.flush(now);
        }
    }

    fn take_error(&mut self, socket: SocketKey) -> Option<Error> {
        self.stack.take_error(self.id(socket).ok()?).ok()?
    }

    fn local_endpoint(&self, socket: SocketKey) -> Result<Endpoint, Error> {
        self.stack.local_endpoint(self.id(socket)?)
    }

    fn register(&mut self, socket: SocketKey, _interest: Interest, waker: &Waker) {
        // One list for both directions: a wake too many only makes the task look again.
        if let Ok(id) = self.id(socket) {
            let waiting = self.waiting.entry(id).or_default();
            if !waiting.iter().any(|w| w.will_wake(waker)) {
                waiting.push(waker.clone());
            }
        }
    }
}
