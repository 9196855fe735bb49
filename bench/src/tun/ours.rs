//! limpid as one end, its application in the thread that drives it.

use crate::linux::PIECE;
use crate::run::{Run, wait};
use limpid_device::Device;
use limpid_event::{Error, Instant, Observer};
use limpid_stack::{IfaceId, InterfaceConfig, ListenConfig, RxFrame, Secrets, SocketId, Stack, StackConfig, TxBatch};
use limpid_wire::{Cidr, Endpoint};
use std::io;

/// Frames taken from a device, or offered to it, at a time.
const BATCH: usize = 64;

/// What its application does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Work {
    /// Connects so many times to an address and sends.
    Source(usize, &'static str),
    /// Accepts at a port, receives and counts.
    Sink(u16),
    /// Accepts at a port and gives back what it gets.
    Echo(u16),
}

/// A host with its application.
pub(crate) struct Ours<D, O: Observer> {
    stack: Stack<O>,
    device: D,
    iface: IfaceId,
    batch: TxBatch,
    frames: Vec<RxFrame>,
    work: Work,
    listener: Option<SocketId>,
    sockets: Vec<SocketId>,
    piece: Vec<u8>,
    began: std::time::Instant,
}

impl<D: Device, O: Observer> Ours<D, O> {
    pub(crate) fn new(device: D, address: &str, observer: O, work: Work) -> io::Result<Ours<D, O>> {
        let mut stack = Stack::new(StackConfig::default(), Secrets { seed: [7; 32] }, observer);
        let caps = device.caps();
        let interface = InterfaceConfig {
            name: "dev0".to_owned(),
            medium: caps.medium,
            mtu: caps.mtu,
            gso_max: caps.gso_max,
            tx_checksum_offload: caps.tx_checksum,
        };
        let iface = stack.add_interface(interface).map_err(refused)?;
        let address: Cidr = address.parse().map_err(io::Error::other)?;
        stack.add_address(iface, address).map_err(refused)?;
        let listener = match work {
            Work::Source(..) => None,
            Work::Sink(port) | Work::Echo(port) => {
                let at = Endpoint::new(address.addr, port);
                Some(stack.listen(Instant::ZERO, ListenConfig::new(at, 128)).map_err(refused)?)
            }
        };
        let (batch, frames, piece) = (TxBatch::with_capacity(BATCH), Vec::with_capacity(BATCH), vec![7; PIECE]);
        let began = std::time::Instant::now();
        let mut ours = Ours { stack, device, iface, batch, frames, work, listener, sockets: Vec::new(), piece, began };
        if let Work::Source(streams, to) = work {
            let to: Endpoint = to.parse().map_err(|_| io::Error::other(format!("{to}: no endpoint")))?;
            for _ in 0..streams {
                let now = ours.now();
                let socket = ours.stack.connect(now, None, to, None).map_err(refused)?;
                ours.sockets.push(socket);
            }
        }
        Ok(ours)
    }

    fn now(&self) -> Instant {
        Instant::ZERO + self.began.elapsed()
    }

    /// Drives it until the run is over.
    pub(crate) fn drive(mut self, run: &Run) -> io::Result<()> {
        while !run.is_over() {
            let taken = self.device.recv_batch(self.stack.pool(), &mut self.frames, BATCH)?;
            let now = self.now();
            self.stack.handle_frames(now, self.iface, self.frames.drain(..));
            if self.stack.poll_timeout().is_some_and(|due| due <= now) {
                self.stack.handle_timeout(now);
            }
            self.apply(now, run);
            let blocked = self.send(now)?;
            // What was sent may have been answered already: a look costs less than a wait that ends at once.
            if taken > 0 && !blocked {
                continue;
            }
            let timeout = self.stack.poll_timeout().map(|due| due.since(self.now()));
            let events = self.device.poll_events(blocked);
            let fd = self.device.poll_fd().ok_or(io::ErrorKind::Unsupported)?;
            wait([fd], events, timeout)?;
        }
        Ok(())
    }

    /// Sends what is due; true if the device has no room.
    fn send(&mut self, now: Instant) -> io::Result<bool> {
        loop {
            self.stack.poll_transmit(now, self.iface, &mut self.batch);
            let offered = self.batch.frames().len();
            if offered == 0 {
                return Ok(false);
            }
            let taken = self.device.send_batch(self.batch.frames())?;
            self.batch.sent(taken);
            if taken < offered {
                return Ok(true);
            }
        }
    }

    /// The application's turn.
    fn apply(&mut self, now: Instant, run: &Run) {
        while self.stack.poll_ready().is_some() {}
        if let Some(listener) = self.listener {
            while let Ok((socket, _)) = self.stack.accept(now, listener) {
                let _ = self.stack.configure(now, socket, |config| config.no_delay = true);
                self.sockets.push(socket);
            }
        }
        for at in 0..self.sockets.len() {
            let socket = self.sockets[at];
            match self.work {
                Work::Source(..) => while self.stack.write(now, socket, &self.piece).is_ok() {},
                Work::Sink(_) => {
                    while let Ok(read @ 1..) = self.stack.read(now, socket, &mut self.piece) {
                        run.count(read);
                    }
                }
                Work::Echo(_) => {
                    while let Ok(read @ 1..) = self.stack.read(now, socket, &mut self.piece) {
                        let _ = self.stack.write(now, socket, &self.piece[..read]);
                    }
                }
            }
        }
    }
}

fn refused(error: Error) -> io::Error {
    io::Error::other(error.to_string())
}
