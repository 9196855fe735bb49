//! Which controller a connection has: one of ours, inline for speed, or anybody's.

use super::{AckSample, Bbr, Controller, ControllerInfo, Cubic, IdleSample, LossSample, Reno, SentSample};
use crate::Config;
use crate::pack::{Pack, Packer, Unpacker};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;
use limpid_event::Instant;

/// Which controller a socket uses (`tcp_congestion_control`, TCP_CONGESTION).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum Algorithm {
    /// RFC 5681.
    Reno,
    /// BBR version 3 (draft-ietf-ccwg-bbr).
    Bbr,
    /// RFC 9438: Linux's default.
    #[default]
    Cubic,
    /// One that [`Config::controllers`] knows by this name. Where it doesn't, it is CUBIC.
    Custom(&'static str),
}

/// Makes controllers of one kind: register it with [`Config::register_controller`].
pub trait ControllerFactory: Send + Sync + fmt::Debug {
    /// The name that a socket chooses it by: at most 15 bytes of ASCII where TCP_CONGESTION is to find it, and none of those that
    /// limpid has itself.
    fn name(&self) -> &'static str;

    /// A connection's.
    fn make(&self, start: &Start) -> Box<dyn Controller>;
}

/// What a controller begins with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Start {
    /// When.
    pub now: Instant,
    /// The window now, segments: [`initial`](Self::initial), one if the SYN was lost (RFC 5681 §3.1), or what another controller
    /// leaves.
    pub window: u32,
    /// The slow-start threshold now, segments; [`SSTHRESH_UNKNOWN`](super::SSTHRESH_UNKNOWN) if none was learned.
    pub ssthresh: u32,
    /// The initial window (RFC 6928: 10 segments; the bound of 14,600 bytes on large ones is not Linux's).
    pub initial: u32,
    /// The MSS, bytes.
    pub mss: u32,
    /// The smoothed round-trip time, where another controller went before.
    pub srtt: Option<Duration>,
    /// Differs from connection to connection, for those that need chance.
    pub seed: u32,
}

impl Start {
    /// Of a new connection at time zero, with an MSS of 1460 bytes.
    pub fn new(initial: u32) -> Start {
        Start {
            now: Instant::ZERO,
            window: initial,
            ssthresh: super::SSTHRESH_UNKNOWN,
            initial,
            mss: 1460,
            srtt: None,
            seed: 0,
        }
    }
}

/// Controllers of one's own, by name.
#[derive(Clone, Default)]
pub struct Controllers(Option<Arc<[Arc<dyn ControllerFactory>]>>);

impl Controllers {
    fn iter(&self) -> impl Iterator<Item = &Arc<dyn ControllerFactory>> {
        self.0.iter().flat_map(|list| list.iter())
    }

    fn named(&self, name: &str) -> Option<&Arc<dyn ControllerFactory>> {
        self.iter().find(|factory| factory.name() == name)
    }
}

impl fmt::Debug for Controllers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Equal are the same factories.
impl PartialEq for Controllers {
    fn eq(&self, other: &Controllers) -> bool {
        self.iter().count() == other.iter().count() && self.iter().zip(other.iter()).all(|(a, b)| Arc::ptr_eq(a, b))
    }
}

impl Eq for Controllers {}

impl Algorithm {
    /// All that limpid has itself.
    pub const ALL: [Algorithm; 3] = [Algorithm::Reno, Algorithm::Bbr, Algorithm::Cubic];

    /// Linux's name of it, or one's own.
    pub const fn name(self) -> &'static str {
        match self {
            Algorithm::Reno => "reno",
            Algorithm::Bbr => "bbr",
            Algorithm::Cubic => "cubic",
            Algorithm::Custom(name) => name,
        }
    }

    /// The one of limpid's with this name; for others see [`Config::congestion_named`].
    pub fn named(name: &str) -> Option<Algorithm> {
        Algorithm::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }
}

impl Config {
    /// Adds a controller of one's own, in the place of one that had its name: a socket chooses it as
    /// [`Algorithm::Custom`], or by name. limpid's own names stay limpid's.
    pub fn register_controller(&mut self, factory: Arc<dyn ControllerFactory>) {
        let kept = self.controllers.iter().filter(|known| known.name() != factory.name()).cloned();
        let list: Vec<_> = kept.chain([factory.clone()]).collect();
        self.controllers = Controllers(Some(list.into()));
    }

    /// The algorithm with this name (TCP_CONGESTION).
    pub fn congestion_named(&self, name: &str) -> Option<Algorithm> {
        let custom = || self.controllers.named(name).map(|factory| Algorithm::Custom(factory.name()));
        Algorithm::named(name).or_else(custom)
    }

    /// The names there are (`tcp_available_congestion_control`).
    pub fn congestion_names(&self) -> impl Iterator<Item = &'static str> {
        let custom = self.controllers.iter().map(|factory| factory.name());
        Algorithm::ALL.into_iter().map(Algorithm::name).chain(custom)
    }
}

/// A connection's controller: inline for the usual ones, open for research.
#[derive(Debug)]
#[non_exhaustive]
pub enum CongestionControl {
    /// RFC 5681.
    Reno(Reno),
    /// RFC 9438.
    Cubic(Cubic),
    /// draft-ietf-ccwg-bbr.
    Bbr(Box<Bbr>),
    /// Anybody's.
    Custom(Box<dyn Controller>),
}

impl CongestionControl {
    /// The one that `config` chooses.
    pub fn new(config: &Config, start: &Start) -> CongestionControl {
        let cubic = || CongestionControl::Cubic(Cubic::starting(config, start));
        match config.congestion {
            Algorithm::Reno => CongestionControl::Reno(Reno::starting(config, start)),
            Algorithm::Bbr => CongestionControl::Bbr(Box::new(Bbr::new(start))),
            Algorithm::Cubic => cubic(),
            Algorithm::Custom(name) => match config.controllers.named(name) {
                Some(factory) => CongestionControl::Custom(factory.make(start)),
                None => cubic(),
            },
        }
    }
}

impl CongestionControl {
    /// It is one of those that [`Pack`] knows.
    pub(crate) fn can_be_packed(&self) -> bool {
        matches!(self, CongestionControl::Cubic(_) | CongestionControl::Reno(_))
    }
}

/// Of the usual ones; others stay with their connection, which does not rest.
impl Pack for CongestionControl {
    fn pack(&self, to: &mut Packer) {
        matches!(self, CongestionControl::Cubic(_)).pack(to);
        match self {
            CongestionControl::Cubic(cubic) => cubic.pack(to),
            CongestionControl::Reno(reno) => reno.pack(to),
            CongestionControl::Bbr(_) | CongestionControl::Custom(_) => debug_assert!(false, "would be lost"),
        }
    }

    fn unpack(from: &mut Unpacker<'_>) -> CongestionControl {
        match bool::unpack(from) {
            true => CongestionControl::Cubic(Pack::unpack(from)),
            false => CongestionControl::Reno(Pack::unpack(from)),
        }
    }
}

macro_rules! each {
    ($self:ident, $controller:ident => $call:expr) => {
        match $self {
            CongestionControl::Reno($controller) => $call,
            CongestionControl::Cubic($controller) => $call,
            CongestionControl::Bbr($controller) => $call,
            CongestionControl::Custom($controller) => $call,
        }
    };
}

impl Controller for CongestionControl {
    fn on_established(&mut self, rtt: Option<Duration>) {
        each!(self, c => c.on_established(rtt))
    }

    fn on_sent(&mut self, sample: &SentSample) {
        each!(self, c => c.on_sent(sample))
    }

    fn on_ack(&mut self, sample: &AckSample) {
        each!(self, c => c.on_ack(sample))
    }

    fn on_loss(&mut self, sample: &LossSample) {
        each!(self, c => c.on_loss(sample))
    }

    fn on_rto(&mut self, sample: &LossSample, again: bool) {
        each!(self, c => c.on_rto(sample, again))
    }

    fn on_undo(&mut self) {
        each!(self, c => c.on_undo())
    }

    fn on_recovered(&mut self, sample: &LossSample) {
        each!(self, c => c.on_recovered(sample))
    }

    fn on_idle(&mut self, sample: &IdleSample) {
        each!(self, c => c.on_idle(sample))
    }

    fn on_unused(&mut self, used: u32) {
        each!(self, c => c.on_unused(used))
    }

    fn set_window(&mut self, window: u32, ssthresh: Option<u32>) {
        each!(self, c => c.set_window(window, ssthresh))
    }

    fn window(&self) -> u32 {
        each!(self, c => c.window()).max(1)
    }

    fn ssthresh(&self) -> u32 {
        each!(self, c => c.ssthresh())
    }

    fn pacing_rate(&self) -> Option<u64> {
        each!(self, c => c.pacing_rate())
    }

    fn buffered_windows(&self) -> u32 {
        each!(self, c => c.buffered_windows())
    }

    fn paces(&self) -> bool {
        each!(self, c => c.paces())
    }

    fn least_burst(&self) -> Option<u32> {
        each!(self, c => c.least_burst())
    }

    fn is_reduced_by_recovery(&self) -> bool {
        each!(self, c => c.is_reduced_by_recovery())
    }

    fn on_reduction_left(&mut self, window: u32) {
        each!(self, c => c.on_reduction_left(window))
    }

    fn goes_by_rate(&self) -> bool {
        each!(self, c => c.goes_by_rate())
    }

    fn sends_less(&self) -> bool {
        each!(self, c => c.sends_less())
    }

    fn phase(&self) -> Option<&'static str> {
        each!(self, c => c.phase())
    }

    fn info(&self) -> Option<ControllerInfo> {
        each!(self, c => c.info())
    }

    fn name(&self) -> &'static str {
        each!(self, c => c.name())
    }
}

#[cfg(test)]
mod tests;
