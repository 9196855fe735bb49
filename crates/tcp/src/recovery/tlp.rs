//! Tail loss probe: if no ACK comes for two round trips, something goes that makes the peer answer, long before the
//! retransmission timer would (RFC 8985 §7).
//!
//! The probe is new data, if there is some, else the last segment again. The answer's SACK blocks let RACK find what is lost.
//! If the probe itself repaired the only loss, the ACK looks like any other; that there was one is told by what does *not* come:
//! a duplicate ACK, or a D-SACK of the probe (§7.4).

#[cfg(test)]
mod tests;

use crate::pack::packed;
use core::time::Duration;
use limpid_wire::SeqNum;

/// The least time that is waited beyond two round trips (Linux's TCP_TIMEOUT_MIN).
const LEAST: Duration = Duration::from_millis(2);

/// The probe that is out, if one is: there is one in each episode (RFC 8985 §7.3).
#[derive(Clone, Copy, Debug, Default)]
pub struct Tlp {
    /// SND.NXT when it left (TLP.end_seq).
    end: Option<SeqNum>,
    /// It was a retransmission (TLP.is_retrans).
    retransmitted: bool,
}

/// An ACK as an episode sees it.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProbeAck {
    /// It tells, by D-SACK, that the probe arrived twice.
    pub duplicate_probe: bool,
    /// It acknowledges something new, moves the window or carries data.
    pub news: bool,
    /// It tells of something new by SACK.
    pub sacked: bool,
}

/// What an ACK tells of the probe.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProbeVerdict {
    /// None is out, or nothing can be told yet.
    Open,
    /// The episode is over; nothing was lost, or what was is found by other means.
    NoLoss,
    /// The probe repaired a loss: the window has to be reduced as for any other (RFC 8985 §7.4.2).
    Repaired,
}

impl Tlp {
    /// A probe is out.
    pub fn is_out(&self) -> bool {
        self.end.is_some()
    }

    /// One that is a retransmission is out.
    pub fn is_retransmission_out(&self) -> bool {
        self.is_out() && self.retransmitted
    }

    /// A probe left; SND.NXT is `snd_nxt` now.
    pub fn on_sent(&mut self, snd_nxt: SeqNum, retransmitted: bool) {
        *self = Tlp { end: Some(snd_nxt), retransmitted };
    }

    /// A reduction begins for another reason: the episode is over (Linux's `tcp_init_cwnd_reduction` and `tcp_enter_loss`).
    pub fn end(&mut self) {
        self.end = None;
    }

    /// Whether a D-SACK of one segment that ends at `end` tells of the probe.
    pub fn is_probe_end(&self, end: SeqNum) -> bool {
        self.end == Some(end)
    }

    /// An ACK of everything before `ack` came.
    pub fn on_ack(&mut self, ack: SeqNum, input: ProbeAck) -> ProbeVerdict {
        let Some(end) = self.end.filter(|end| !ack.before(*end)) else { return ProbeVerdict::Open };
        if !self.retransmitted || input.duplicate_probe {
            self.end = None;
            ProbeVerdict::NoLoss
        } else if ack.after(end) {
            self.end = None;
            ProbeVerdict::Repaired
        } else if !input.news && !input.sacked {
            self.end = None;
            ProbeVerdict::NoLoss
        } else {
            ProbeVerdict::Open
        }
    }
}

/// How long to wait for an ACK before a probe: two round trips, and as long as the peer may delay its ACK if it has but one
/// segment to acknowledge (RFC 8985 §7.2; Linux takes the least variance of the retransmission timeout for that delay). One
/// second before anything is measured. `rto` is how far away the retransmission timeout is, which is never passed.
pub fn probe_timeout(srtt: Option<Duration>, single: bool, rto_min: Duration, rto: Option<Duration>) -> Duration {
    let wait = match srtt {
        Some(srtt) => in_millis(2 * srtt + if single { rto_min } else { LEAST }),
        None => Duration::from_secs(1),
    };
    rto.filter(|rto| !rto.is_zero()).map_or(wait, |rto| wait.min(in_millis(rto)))
}

/// How long the reordering timer runs where RACK wants to wait for `wait` (Linux).
pub fn reordering_timeout(wait: Duration) -> Duration {
    in_millis(wait + LEAST)
}

/// In whole milliseconds, rounded up as Linux's jiffies are.
fn in_millis(time: Duration) -> Duration {
    Duration::from_millis((time.as_micros() as u64).div_ceil(1000))
}

packed!(struct Tlp { end, retransmitted });
