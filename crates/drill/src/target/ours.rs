//! Our own stack in virtual time: no clock, no device, no thread.
//!
//! The clock stands still while something happens and jumps from one timer to the next. After each call, each frame and each
//! timer the stack sends what it has to send, before anything else happens: as a kernel does.

mod proc_net;

use super::sysctl::Sysctls;
use super::{Applied, CallId, Happening, Network, Sent, Setting, Started, Target, TargetError};
use limpid_device::gso;
use limpid_device::namespace::{self, Queue};
use limpid_event::{Error, Instant};
use limpid_lab::Recorder;
use limpid_lab::recorder::HostObserver;
use limpid_posix::{Call, Process, Progress, abi};
use limpid_stack::{
    Config, IfaceId, InterfaceConfig, Medium, Route, RouteMetrics, RxFrame, Secrets, Stack, StackConfig, TxBatch,
};
use limpid_tcp::congestion::Algorithm;
use limpid_wire::{Chunk, Cidr, IpAddr};
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

/// Frames taken from the stack at a time.
const BATCH: usize = 64;

/// Where the clock begins: in the middle of a millisecond, so that a script's round times do not fall on the stack's ticks.
const BEGIN: Instant = Instant::from_nanos(250_000);

/// Timers that may fire at one moment before the stack counts as stuck.
const MAX_ROUNDS: u32 = 100_000;

/// Who makes the segments that a script sees.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Segments {
    /// The stack, each with its checksum.
    Own,
    /// The stack makes super-segments, which are cut and summed at the device's edge.
    Cut,
}

/// Our own stack as a target.
pub struct OurTarget {
    process: Process<Option<Box<HostObserver>>>,
    iface: IfaceId,
    now: Instant,
    batch: TxBatch,
    happened: VecDeque<Happening>,
    /// Calls that wait, by the names they have here.
    waiting: Vec<(limpid_posix::TaskId, CallId)>,
    calls: u64,
    sysctls: Sysctls,
    /// The way to the script's end.
    route: Route,
    /// The device's queue has room for nothing (`pfifo limit 0`): what is sent is lost here.
    jammed: bool,
}

impl fmt::Debug for OurTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OurTarget").field("now", &self.now).field("process", &self.process).finish_non_exhaustive()
    }
}

impl OurTarget {
    /// A host in `network` with the default settings. Its secrets (ISNs, ports, cookies) follow from `seed`.
    ///
    /// # Errors
    /// If the stack refuses an address or the MTU.
    pub fn new(network: &Network, seed: u64) -> Result<OurTarget, Error> {
        OurTarget::over(network, seed, Segments::Own)
    }

    /// The same with a choice of who makes segments: what a script sees is the same.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn over(network: &Network, seed: u64, segments: Segments) -> Result<OurTarget, Error> {
        let offloads = segments == Segments::Cut;
        let mut stack = Stack::new(stock(), secrets(seed), None);
        let iface = stack.add_interface(InterfaceConfig {
            name: "tun0".to_owned(),
            medium: Medium::Ip,
            mtu: network.mtu,
            gso_max: if offloads { gso::GSO_MAX } else { 0 },
            tx_checksum_offload: offloads,
        })?;
        let address = Cidr::new(network.local, network.prefix).ok_or(Error::InvalidArgument)?;
        stack.add_address(iface, address)?;
        let any = if network.local.is_v4() { IpAddr::UNSPECIFIED_V4 } else { IpAddr::UNSPECIFIED };
        let everywhere = Cidr { addr: any, prefix: 0 };
        let route = Route { destination: everywhere, gateway: None, iface, metric: 0 };
        stack.add_route(route)?;
        Ok(OurTarget {
            process: Process::new(stack),
            iface,
            now: BEGIN,
            batch: TxBatch::with_capacity(BATCH),
            happened: VecDeque::new(),
            waiting: Vec::new(),
            calls: 0,
            sysctls: Sysctls::default(),
            route,
            jammed: false,
        })
    }

    /// Takes what the stack has to send and which calls have ended.
    fn settle(&mut self) {
        loop {
            self.process.poll_transmit(self.now, self.iface, &mut self.batch);
            let frames = self.batch.frames();
            let n = frames.len();
            if !self.jammed {
                // Scripts are compared segment by segment.
                let pieces = frames.iter().flat_map(|frame| gso::cut(frame, Medium::Ip));
                self.happened.extend(pieces.map(|frame| {
                    let packet = frame.to_vec();
                    Happening::Sent(Sent { at: self.now, packet, flow: frame.flow, why: frame.why })
                }));
            }
            self.batch.sent(n);
            if n < BATCH {
                break;
            }
        }
        while let Some((task, gave)) = self.process.poll_done(self.now) {
            if let Some(nth) = self.waiting.iter().position(|(waits, _)| *waits == task) {
                let (_, id) = self.waiting.swap_remove(nth);
                self.happened.push_back(Happening::Ended(id, self.now, gave));
            }
        }
    }

    /// What a script says of a route is of the one to its end, whichever it names.
    fn set_route(&mut self, metrics: &namespace::RouteMetrics) -> Result<Applied, TargetError> {
        let namespace::RouteMetrics {
            congctl,
            mtu,
            advmss,
            initcwnd,
            initrwnd,
            rto_min,
            quickack,
            ecn,
            fastopen_no_cookie,
        } = metrics;
        let unsupported = |what: &str| Err(TargetError::Unsupported(format!("a route's {what}")));
        let congestion = congctl.as_deref().map(Algorithm::named);
        if congestion == Some(None) {
            return unsupported("congctl");
        }
        let (mtu, mtu_locked) = mtu.map_or((None, false), |(mtu, locked)| (Some(mtu), locked));
        let small = |n: &u32| u16::try_from(*n).unwrap_or(u16::MAX);
        let metrics = RouteMetrics {
            mtu: mtu.as_ref().map(small),
            mtu_locked,
            adv_mss: advmss.as_ref().map(small),
            initial_cwnd: initcwnd.map(|n| u16::try_from(n).unwrap_or(u16::MAX)),
            initial_rwnd: initrwnd.as_ref().map(small),
            rto_min: *rto_min,
            ack_at_once: *quickack,
            congestion: congestion.flatten(),
            ecn: ecn.unwrap_or(false),
            fast_open_no_cookie: fastopen_no_cookie.unwrap_or(false),
        };
        let route = self.route;
        match self.process.stack().set_route_metrics(&route, metrics) {
            Ok(()) => Ok(Applied::Done),
            Err(error) => Err(TargetError::Unsupported(format!("these attributes of a route: {error}"))),
        }
    }
}

impl Target for OurTarget {
    fn name(&self) -> &'static str {
        "limpid"
    }

    fn observe(&mut self, recorder: &Recorder, host: usize) -> bool {
        *self.process.stack().observer() = Some(Box::new(recorder.observer(host)));
        true
    }

    fn now(&mut self) -> Instant {
        self.now
    }

    fn wait(&mut self, until: Instant) -> Result<Happening, TargetError> {
        for _ in 0..MAX_ROUNDS {
            if let Some(happening) = self.happened.pop_front() {
                return Ok(happening);
            }
            match self.process.poll_timeout() {
                // What the script does at a moment comes before the timers of that moment: Linux's fire late.
                Some(at) if at < until => {
                    self.now = self.now.max(at);
                    self.process.handle_timeout(self.now);
                    self.settle();
                }
                _ => {
                    self.now = self.now.max(until);
                    return Ok(Happening::Reached);
                }
            }
        }
        Err(TargetError::Broken(format!("timers fire without end at {}", self.now)))
    }

    fn inject(&mut self, packet: &[u8], gso_size: u16) -> Result<(), TargetError> {
        let frame = RxFrame { gso_size, ..RxFrame::new(Chunk::from_vec(packet.to_vec())) };
        self.process.handle_frame(self.now, self.iface, frame);
        self.settle();
        Ok(())
    }

    fn call(&mut self, call: Call) -> Result<Started, TargetError> {
        if let Call::Socket { kind, protocol, .. } = call
            && let Some(other) = other_protocol(kind, protocol)
        {
            return Err(TargetError::Unsupported(format!("sockets of {other}")));
        }
        let started = match self.process.call(self.now, call) {
            Progress::Done(gave) => Started::Done(gave),
            Progress::Waits(task) => {
                self.calls += 1;
                let id = CallId(self.calls);
                self.waiting.push((task, id));
                Started::Waits(id)
            }
        };
        self.settle();
        Ok(started)
    }

    fn set(&mut self, setting: &Setting) -> Result<Applied, TargetError> {
        match setting {
            Setting::Sysctl { name, value } => {
                let mut config = self.process.stack().config().clone();
                let applied = self.sysctls.set(&mut config, name, value)?;
                self.process.stack().set_config(self.now, config);
                self.settle();
                Ok(applied)
            }
            Setting::FlushMetrics => {
                self.process.stack().flush_peer_metrics();
                Ok(Applied::Done)
            }
            Setting::FlushRoutes => {
                self.process.stack().forget_path_mtus();
                Ok(Applied::Done)
            }
            // A segment leaves as one packet in any case.
            Setting::Segmentation { .. } => Ok(Applied::Done),
            // A queue that is one already, and is given no bound, keeps what it has.
            Setting::Queue(Queue::Fifo { limit: None }) => Ok(Applied::Done),
            Setting::Queue(Queue::Default) => {
                self.jammed = false;
                Ok(Applied::Done)
            }
            Setting::Queue(Queue::Fifo { limit: Some(limit) }) => {
                self.jammed = *limit == 0;
                Ok(Applied::Done)
            }
            // What Linux's queue does there, each connection does for itself.
            Setting::Queue(Queue::Fair) => {
                let mut config = self.process.stack().config().clone();
                Arc::make_mut(&mut config.tcp).pacing = true;
                self.process.stack().set_config(self.now, config);
                Ok(Applied::Done)
            }
            Setting::Route { destination: _, metrics } => self.set_route(metrics),
            Setting::Module { module, parameter, .. } => {
                Err(TargetError::Unsupported(format!("parameter {parameter} of {module}")))
            }
        }
    }

    fn counters(&mut self) -> Result<Vec<(String, u64)>, TargetError> {
        let counters = self.process.stack().counters();
        Ok(counters.iter().map(|(counter, value)| (counter.name().to_owned(), value)).collect())
    }

    fn proc_file(&mut self, path: &str) -> Result<String, TargetError> {
        match path {
            "/proc/net/tcp" => Ok(proc_net::tcp(self.process.stack(), true)),
            "/proc/net/tcp6" => Ok(proc_net::tcp(self.process.stack(), false)),
            path => self.sysctls.file(self.process.stack().config(), path),
        }
    }
}

/// What Linux has sockets for and our stack has not.
fn other_protocol(kind: i32, protocol: i32) -> Option<&'static str> {
    /// The bits of a socket's type that are not flags.
    const KIND: i32 = 0xf;
    match (kind & KIND, protocol) {
        (abi::SOCK_DGRAM, _) => Some("datagrams"),
        (abi::SOCK_RAW, _) => Some("raw packets"),
        (_, abi::IPPROTO_MPTCP) => Some("MPTCP"),
        _ => None,
    }
}

/// What Linux comes with where it differs from our own defaults: scripts see the window scale that follows, and writes end
/// where they end there.
fn stock() -> StackConfig {
    let default = StackConfig::default();
    let tcp = Config { recv_buffer_max: 6_291_456, send_buffer_max: 4_194_304, ..(*default.tcp).clone() };
    StackConfig { tcp: Arc::new(tcp), ..default }
}

/// Secrets that follow from a number alone: a run can be repeated.
fn secrets(seed: u64) -> Secrets {
    let mut bytes = [0; 32];
    for (nth, part) in (1u64..).zip(bytes.chunks_exact_mut(8)) {
        part.copy_from_slice(&(seed ^ nth.wrapping_mul(0x9e37_79b9_7f4a_7c15)).to_le_bytes());
    }
    Secrets { seed: bytes }
}
