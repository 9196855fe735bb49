//! What a script is played on.
//!
//! The runner is the same for all: it knows when something should happen, and compares. A target has a clock, takes packets and
//! system calls, and tells what comes out.

pub mod kernel;
mod ours;
pub mod sysctl;

pub use ours::{OurTarget, Segments};

use crate::script::Pos;
use limpid_device::namespace::{Queue, RouteMetrics};
use limpid_event::{FlowId, Instant, TxReason};
use limpid_lab::Recorder;
use limpid_posix::{Call, Return};
use limpid_wire::{Cidr, IpAddr};
use std::time::Duration;

/// A system under test, with one interface whose other end the script plays.
pub trait Target {
    /// Its name for people: "limpid", "Linux".
    fn name(&self) -> &'static str;

    /// Tells `recorder` what happens inside, as `host`, from now on, and returns true; false if it tells nothing. Packets are not
    /// meant: the runner records them.
    fn observe(&mut self, _recorder: &Recorder, _host: usize) -> bool {
        false
    }

    /// The runner has come to the event at this place of its script. Who writes down what happens may want to know.
    fn reached(&mut self, _event: Pos) {}

    /// Time since the target was made.
    fn now(&mut self) -> Instant;

    /// Wall-clock time at `at`, since the Unix epoch, as the target's own timestamps count (SO_TIMESTAMPING).
    fn wall_clock(&mut self, at: Instant) -> Duration {
        Duration::from_nanos(at.as_nanos())
    }

    /// Waits for what happens next, but not past `until`; timers that are due at `until` itself may be left for the next time. In
    /// virtual time the clock jumps there.
    ///
    /// # Errors
    /// If the target itself broke down.
    fn wait(&mut self, until: Instant) -> Result<Happening, TargetError>;

    /// A packet from the script arrives: an IP packet with valid checksums, of any size (`gso_size` is the MSS where it
    /// stands for several segments, else 0).
    ///
    /// # Errors
    /// If the target itself broke down.
    fn inject(&mut self, packet: &[u8], gso_size: u16) -> Result<(), TargetError>;

    /// Makes a system call with the target's own descriptors. A call that waits is told by [`wait`](Self::wait) when it ends;
    /// there may be several.
    ///
    /// # Errors
    /// If the target itself broke down, or has no such call.
    fn call(&mut self, call: Call) -> Result<Started, TargetError>;

    /// Changes a setting of the whole target.
    ///
    /// # Errors
    /// [`TargetError::Unsupported`] if it has no such setting, or not this value of it; [`TargetError::Refused`] if no system
    /// would take the value.
    fn set(&mut self, setting: &Setting) -> Result<Applied, TargetError>;

    /// The counters of Linux's MIB that the target has, by their names (`TcpExtTCPTimeouts`), since it was made.
    ///
    /// # Errors
    /// If the target itself broke down.
    fn counters(&mut self) -> Result<Vec<(String, u64)>, TargetError>;

    /// What a file of `/proc` says: `/proc/sys/…` a sysctl's value, `/proc/net/tcp` and `/proc/net/tcp6` the sockets, as
    /// Linux prints them.
    ///
    /// # Errors
    /// [`TargetError::Unsupported`] if the target has no such file.
    fn proc_file(&mut self, path: &str) -> Result<String, TargetError>;
}

/// What a setting did.
#[derive(Clone, PartialEq, Eq, Debug)]
#[must_use]
pub enum Applied {
    /// It holds.
    Done,
    /// It is taken, and changes nothing that a peer could see: why.
    NoEffect(String),
}

/// What [`Target::wait`] saw.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Happening {
    /// The target sent a packet.
    Sent(Sent),
    /// A call that waited has ended.
    Ended(CallId, Instant, Return),
    /// The time has come, and nothing happened.
    Reached,
}

/// A packet that the target sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sent {
    /// When.
    pub at: Instant,
    /// From the IP header on, checksums complete.
    pub packet: Vec<u8>,
    /// The connection, or [`FlowId::NONE`] if the target does not tell.
    pub flow: FlowId,
    /// Why, if the target tells.
    pub why: Option<TxReason>,
}

/// How far a call came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Started {
    /// It ended, at once.
    Done(Return),
    /// It waits.
    Waits(CallId),
}

/// A call that waits; never used again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CallId(pub u64);

/// A setting of a whole target.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Setting {
    /// A sysctl by its full name, `net.ipv4.tcp_sack`.
    Sysctl {
        /// Name.
        name: String,
        /// Value.
        value: String,
    },
    /// A kernel module's parameter, as under `/sys/module` (`tcp_cubic`, `hystart_detect`).
    Module {
        /// The module.
        module: String,
        /// The parameter.
        parameter: String,
        /// Value.
        value: String,
    },
    /// Forget what is remembered of peers (`ip tcp_metrics flush all`).
    FlushMetrics,
    /// Forget what was learned of paths (`ip route flush cache`).
    FlushRoutes,
    /// Attributes of the route to the script's end (`ip route change … mtu lock 1000 advmss 900 initcwnd 20`).
    Route {
        /// Which route: to this network; `None` for the default route.
        destination: Option<Cidr>,
        /// What is not named is as if it had never been set.
        metrics: RouteMetrics,
    },
    /// The device's queue (`tc qdisc replace dev tun0 root …`).
    Queue(Queue),
    /// The longest super-segment the device takes is one MSS (`ethtool -K tun0 tso off gso off`), or not.
    Segmentation {
        /// Super-segments may be sent.
        allowed: bool,
    },
}

/// Why a target can't go on.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// It does not have what is asked for.
    #[error("{0}")]
    Unsupported(String),
    /// It has what is asked for, but not with this value: what the kernel answers with EINVAL.
    #[error("{0}")]
    Refused(String),
    /// The run has taken so long in real time that it is given up.
    #[error("time limit: not at its end after {} s", .0.as_secs_f64())]
    TooLong(Duration),
    /// It broke down.
    #[error("{0}")]
    Broken(String),
}

/// Which network a script lives in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Network {
    /// The target's address and its prefix length.
    pub local: IpAddr,
    /// Its prefix length.
    pub prefix: u8,
    /// The other end of the link, for routes.
    pub gateway: IpAddr,
    /// The script's address.
    pub remote: IpAddr,
    /// MTU of the link, bytes.
    pub mtu: u16,
}
