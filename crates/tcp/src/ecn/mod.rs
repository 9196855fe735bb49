//! Explicit congestion notification: classic (RFC 3168) and accurate (RFC 9768).
//!
//! A router that is about to be full marks a packet CE in its IP header instead of dropping it, if the packet says that its
//! ends understand that (ECT). The receiver feeds the mark back, and the sender answers it as it would a loss.
//!
//! | | classic | accurate |
//! |---|---|---|
//! | how the ends agree | [`handshake`]: ECE and CWR on the SYN, ECE on the SYN-ACK | AE too, RFC 9768 §3.1, table 2 |
//! | feedback | ECE on every segment from the mark until CWR comes | a counter of marked packets, modulo 8, in AE, CWR and ECE of every segment, and bytes in an option ([`accurate`]) |
//! | what is ECT(0) | data that is sent for the first time (RFC 3168 §6.1.2, §6.1.4, §6.1.5) | everything but SYNs (Linux; RFC 9768 §3.3.2) |
//!
//! What the marks do to the window is recovery's and the controller's business: the connection enters CWR once for each
//! window of data.

pub(crate) mod accurate;
pub(crate) mod handshake;

pub(crate) use accurate::Accurate;
pub(crate) use handshake::EcnHandshake;

use crate::pack::{Pack, Packer, Unpacker, packed};
use alloc::boxed::Box;
use limpid_wire::TcpFlags;

/// How much of ECN one side is willing to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum EcnLevel {
    /// None.
    #[default]
    None,
    /// RFC 3168.
    Classic,
    /// RFC 9768, and RFC 3168 with those who know no more.
    Accurate,
}

/// What is agreed to when others ask, and what we ask for (`tcp_ecn`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct EcnPolicy {
    /// The most that a SYN that comes in is granted.
    pub accept: EcnLevel,
    /// What our own SYNs ask for. The features of a route may ask for [`EcnLevel::Classic`] where this says none.
    pub offer: EcnLevel,
}

impl EcnPolicy {
    /// All there are, in the order of Linux's numbers from 0 on. From 3 on Linux knows them since 7.0.
    pub const ALL: [EcnPolicy; 6] = {
        const fn policy(accept: EcnLevel, offer: EcnLevel) -> EcnPolicy {
            EcnPolicy { accept, offer }
        }
        use EcnLevel::{Accurate, Classic, None};
        [
            policy(None, None),
            policy(Classic, Classic),
            policy(Classic, None),
            policy(Accurate, Accurate),
            policy(Accurate, Classic),
            policy(Accurate, None),
        ]
    };
}

impl Default for EcnPolicy {
    /// Linux's: agreed to, but not asked for.
    fn default() -> EcnPolicy {
        EcnPolicy { accept: EcnLevel::Classic, offer: EcnLevel::None }
    }
}

/// When the AccECN option is sent, if the peer has shown that options get through (`tcp_ecn_option`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum AccEcnOptions {
    /// Never.
    Never,
    /// Where something has changed, and now and then ([`accecn_beacon`](crate::Config::accecn_beacon)).
    OnDemand,
    /// On each segment.
    #[default]
    Always,
    /// On each segment, even if segments with it seem to get lost.
    Persistent,
}

impl AccEcnOptions {
    /// All there are, in the order of Linux's numbers from 0 on.
    pub const ALL: [AccEcnOptions; 4] =
        [AccEcnOptions::Never, AccEcnOptions::OnDemand, AccEcnOptions::Always, AccEcnOptions::Persistent];
}

bitflags::bitflags! {
    /// What is wrong with accurate ECN on this path (`tcpi_accecn_fail_mode`; RFC 9768 §3.2.2.3, §3.2.3.2).
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct AccEcnFailure: u8 {
        /// Our own ACE field does not arrive as it was sent: segments are not ECT any more.
        const ACE_SEND = 1;
        /// The peer's ACE field, or the IP field of packets, is changed under way: segments are not ECT any more.
        const ACE_RECEIVE = 2;
        /// Our options do not get through: none are sent any more.
        const OPTION_SEND = 4;
        /// The peer's options do not get through, or not as they were sent: they are not looked at.
        const OPTION_RECEIVE = 8;
    }
}

/// What was seen of the peer's AccECN options (`tcpi_accecn_opt_seen`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum AccEcnSeen {
    /// None.
    #[default]
    Nothing,
    /// One without counters.
    Empty,
    /// One with counters.
    Counters,
    /// One with a counter of zero, which none begins with: somebody has overwritten it (RFC 9768 §3.2.3.2.4).
    Zeroed,
}

bitflags::bitflags! {
    /// The bits of [`EcnState`].
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    struct Bits: u8 {
        /// The window was reduced, and the next new data says so by CWR (RFC 3168 §6.1.2).
        const CWR_DUE = 1;
        /// A mark came, and ECE goes with every segment until CWR comes (RFC 3168 §6.1.3).
        const ECHO = 2;
        /// Some packet was ECT or CE.
        const SEEN = 4;
        /// The handshake is over: what comes now is counted.
        const COUNTING = 8;
        /// The timestamp of the segment at hand is newer than all before.
        const CLOCK_ADVANCES = 16;
        /// The option is due for no other reason than that it was not sent for long.
        const BEACON = 32;
    }
}

packed!(
    enum EcnLevel {
        None,
        Classic,
        Accurate,
    }
);
packed!(flags Bits);

impl Pack for EcnState {
    /// Without the counters, which no connection at rest has.
    fn pack(&self, to: &mut Packer) {
        let EcnState { level, bits, delivered_ce, accurate } = self;
        debug_assert!(accurate.is_none(), "counters would be lost");
        level.pack(to);
        bits.pack(to);
        delivered_ce.pack(to);
    }

    fn unpack(from: &mut Unpacker<'_>) -> EcnState {
        let level = EcnLevel::unpack(from);
        let bits = Bits::unpack(from);
        EcnState { level, bits, delivered_ce: u32::unpack(from), accurate: None }
    }
}

/// What a connection knows of ECN.
#[derive(Debug, Default)]
pub(crate) struct EcnState {
    level: EcnLevel,
    bits: Bits,
    /// Segments of ours that met congestion, as far as told (`tcpi_delivered_ce`).
    pub(crate) delivered_ce: u32,
    /// The counters: there since AccECN was agreed on, or something came ECT or CE.
    pub(crate) accurate: Option<Box<Accurate>>,
}

impl EcnState {
    /// What the handshake has agreed on.
    pub(crate) fn new(handshake: EcnHandshake) -> EcnState {
        let accurate = (handshake.level == EcnLevel::Accurate).then(|| Box::new(Accurate::new(handshake)));
        EcnState { level: handshake.level, bits: Bits::empty(), delivered_ce: 0, accurate }
    }

    pub(crate) fn is_classic(&self) -> bool {
        self.level == EcnLevel::Classic
    }

    pub(crate) fn is_accurate(&self) -> bool {
        self.level == EcnLevel::Accurate
    }

    pub(crate) fn is_off(&self) -> bool {
        self.level == EcnLevel::None
    }

    pub(crate) fn has_seen(&self) -> bool {
        self.bits.contains(Bits::SEEN)
    }

    pub(crate) fn seen(&mut self) {
        self.bits.insert(Bits::SEEN);
    }

    /// The counters of what arrives, made when there is something to count.
    pub(crate) fn counters(&mut self) -> &mut Accurate {
        self.accurate.get_or_insert_with(|| Box::new(Accurate::new(EcnHandshake::default())))
    }

    pub(crate) fn begin_counting(&mut self) {
        self.bits.insert(Bits::COUNTING);
    }

    pub(crate) fn is_counting(&self) -> bool {
        self.bits.contains(Bits::COUNTING)
    }

    pub(crate) fn set_clock_advances(&mut self, advances: bool) {
        self.bits.set(Bits::CLOCK_ADVANCES, advances);
    }

    pub(crate) fn clock_advances(&self) -> bool {
        self.bits.contains(Bits::CLOCK_ADVANCES)
    }

    pub(crate) fn set_beacon(&mut self, due: bool) {
        self.bits.set(Bits::BEACON, due);
    }

    pub(crate) fn beacon_is_due(&self) -> bool {
        self.bits.contains(Bits::BEACON)
    }

    /// The flags, but for PSH, of a segment that brings no news.
    #[inline]
    pub(crate) fn predicted_flags(&self) -> TcpFlags {
        match self.level {
            EcnLevel::Accurate => TcpFlags::ACK | accurate::ace_of(self.delivered_ce),
            _ => TcpFlags::ACK,
        }
    }

    /// The window is reduced: the peer is told, so that it stops echoing.
    pub(crate) fn on_reduced(&mut self) {
        self.bits.set(Bits::CWR_DUE, self.is_classic());
    }

    /// The reduction was taken back: there is nothing to tell of.
    pub(crate) fn on_undone(&mut self) {
        self.bits.remove(Bits::CWR_DUE);
    }

    /// New data leaves: true if it has to say CWR.
    pub(crate) fn take_cwr(&mut self) -> bool {
        let due = self.bits.contains(Bits::CWR_DUE);
        self.bits.remove(Bits::CWR_DUE);
        due
    }

    /// A mark is to be echoed from now on: true if that is news.
    pub(crate) fn begin_echo(&mut self) -> bool {
        let begins = !self.bits.contains(Bits::ECHO);
        self.bits.insert(Bits::ECHO);
        begins
    }

    /// The peer has answered: true if something was echoed.
    pub(crate) fn end_echo(&mut self) -> bool {
        let ends = self.bits.contains(Bits::ECHO);
        self.bits.remove(Bits::ECHO);
        ends
    }

    /// ECE goes with each segment.
    pub(crate) fn echoes(&self) -> bool {
        self.bits.contains(Bits::ECHO)
    }
}

#[cfg(test)]
mod tests;
