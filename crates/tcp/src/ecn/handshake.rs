//! What the two SYNs agree on (RFC 3168 §6.1.1; RFC 9768 §3.1, tables 2 and 4).
//!
//! A SYN asks for classic ECN by ECE and CWR, for accurate ECN by AE too. A SYN-ACK grants the first by ECE alone, the second
//! by any pattern that also says how the SYN's IP field arrived: it was sent Not-ECT, so that anything else tells of somebody
//! on the path who changes the field.

use super::{AccEcnFailure, AccEcnSeen, EcnLevel};
use crate::Config;
use limpid_wire::tcp::AccEcnOption;
use limpid_wire::{Ecn, Segment, TcpFlags};

/// What was agreed on, and what the peer's SYN or SYN-ACK showed of the path.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct EcnHandshake {
    pub(crate) level: EcnLevel,
    /// How the peer's SYN or SYN-ACK arrived: to be told.
    pub(crate) syn_field: Ecn,
    pub(crate) seen: AccEcnSeen,
    pub(crate) failure: AccEcnFailure,
}

impl EcnHandshake {
    const OFF: EcnHandshake = EcnHandshake {
        level: EcnLevel::None,
        syn_field: Ecn::NotEct,
        seen: AccEcnSeen::Nothing,
        failure: AccEcnFailure::empty(),
    };

    fn classic() -> EcnHandshake {
        EcnHandshake { level: EcnLevel::Classic, ..EcnHandshake::OFF }
    }

    fn accurate(syn: &Segment) -> EcnHandshake {
        EcnHandshake { level: EcnLevel::Accurate, syn_field: syn.ecn, ..EcnHandshake::OFF }
    }

    /// What a SYN to a listener gets. Any pattern of flags that is neither classic nor none asks for accurate ECN, or whatever
    /// comes after it (RFC 9768 §3.1.2). A SYN that is ECT asks for nothing classic: somebody plays with the field (Linux,
    /// RFC 3168 §6.1.1).
    pub(crate) fn of_syn(config: &Config, syn: &Segment) -> EcnHandshake {
        let ace = syn.flags & TcpFlags::ACE;
        let classic = TcpFlags::ECE | TcpFlags::CWR;
        if config.ecn.accept == EcnLevel::Accurate && !ace.is_empty() && ace != classic {
            return EcnHandshake::accurate(syn);
        }
        let asks = ace.contains(classic) && (syn.ecn == Ecn::NotEct || ace.contains(TcpFlags::AE));
        if asks && config.ecn.accept >= EcnLevel::Classic { EcnHandshake::classic() } else { EcnHandshake::OFF }
    }

    /// What a SYN-ACK grants of what our SYN asked for. ECN bits on a SYN-ACK that we did not ask for mean nothing.
    pub(crate) fn of_syn_ack(asked: EcnLevel, syn_ack: &Segment) -> EcnHandshake {
        match (asked, syn_ack.flags.ace()) {
            (EcnLevel::None, _) | (_, 0 | 7) => EcnHandshake::OFF,
            (_, 1) => EcnHandshake::classic(),
            (EcnLevel::Classic, _) => EcnHandshake::OFF,
            (EcnLevel::Accurate, _) => {
                let mut handshake = EcnHandshake::accurate(syn_ack);
                handshake.look_at(syn_ack.options.acc_ecn.as_ref());
                handshake
            }
        }
    }

    /// A SYN crossed ours: what both asked for.
    pub(crate) fn of_crossed_syn(asked: EcnLevel, syn: &Segment) -> EcnHandshake {
        let ace = syn.flags & TcpFlags::ACE;
        let classic = TcpFlags::ECE | TcpFlags::CWR;
        match asked {
            EcnLevel::Accurate if !ace.is_empty() && ace != classic => EcnHandshake::accurate(syn),
            EcnLevel::None => EcnHandshake::OFF,
            _ if ace.contains(classic) => EcnHandshake::classic(),
            _ => EcnHandshake::OFF,
        }
    }

    /// What the ACK that brings back a SYN cookie tells: the cookie knew only that ECN was agreed on, the ACE field tells which
    /// (RFC 9768 §5.1).
    pub(crate) fn of_cookie(config: &Config, ack: &Segment) -> EcnHandshake {
        match config.ecn.accept {
            EcnLevel::None => EcnHandshake::OFF,
            EcnLevel::Accurate if ack.flags.ace() > 1 => EcnHandshake::accurate(&Segment::default()),
            _ => EcnHandshake::classic(),
        }
    }

    /// The flags of a SYN that asks for `level`.
    pub(crate) fn asking(level: EcnLevel) -> TcpFlags {
        match level {
            EcnLevel::None => TcpFlags::empty(),
            EcnLevel::Classic => TcpFlags::ECE | TcpFlags::CWR,
            EcnLevel::Accurate => TcpFlags::ACE,
        }
    }

    /// The flags of a SYN-ACK that grants this.
    pub(crate) fn granting(&self) -> TcpFlags {
        match self.level {
            EcnLevel::None => TcpFlags::empty(),
            EcnLevel::Classic => TcpFlags::ECE,
            EcnLevel::Accurate => reflecting(self.syn_field),
        }
    }

    /// Looks at the first AccECN option of the peer, if it is there: its first counters begin at 1, so that a zero was written
    /// by somebody else (RFC 9768 §3.2.3.2.4).
    pub(crate) fn look_at(&mut self, option: Option<&AccEcnOption>) {
        let Some(option) = option.filter(|_| self.seen < AccEcnSeen::Counters) else { return };
        self.seen = seen_in(option);
        if self.seen == AccEcnSeen::Zeroed {
            self.failure |= AccEcnFailure::OPTION_RECEIVE;
        }
    }

    /// The ACK of our SYN-ACK came: how our SYN-ACK arrived there (RFC 9768 §3.2.2.1, table 4). The number of our packets that
    /// met congestion so far. Only an ACK without data and SACK has such a field for sure.
    pub(crate) fn on_third_ack(&mut self, fallback: bool, ack: &Segment) -> u32 {
        let ace = ack.flags.ace();
        match ace {
            0 => self.failure |= AccEcnFailure::ACE_RECEIVE,
            1 | 5 | 7 => {}
            _ if ack.seq_len() > 0 || !ack.options.sack.is_empty() => {}
            // It was sent Not-ECT.
            _ if fallback && reflected(ace) != Ecn::NotEct => self.failure |= AccEcnFailure::ACE_RECEIVE,
            _ => return u32::from(reflected(ace) == Ecn::Ce),
        }
        0
    }
}

/// What an option shows of the path.
pub(super) fn seen_in(option: &AccEcnOption) -> AccEcnSeen {
    let mut counters = option.counters().map(|(_, value)| value);
    match (counters.next(), counters.nth(1)) {
        (None, _) => AccEcnSeen::Empty,
        (Some(0), _) | (_, Some(0)) => AccEcnSeen::Zeroed,
        _ => AccEcnSeen::Counters,
    }
}

/// The ACE field that tells how a SYN or SYN-ACK arrived (RFC 9768 table 2, table 3).
pub(crate) fn reflecting(field: Ecn) -> TcpFlags {
    TcpFlags::from_ace(match field {
        Ecn::NotEct => 0b010,
        Ecn::Ect1 => 0b011,
        Ecn::Ect0 => 0b100,
        Ecn::Ce => 0b110,
    })
}

/// What an ACE field of the handshake tells; of those that tell nothing, anything but Not-ECT.
fn reflected(ace: u8) -> Ecn {
    match ace {
        0b010 => Ecn::NotEct,
        0b110 => Ecn::Ce,
        0b000 | 0b100 => Ecn::Ect0,
        _ => Ecn::Ect1,
    }
}
