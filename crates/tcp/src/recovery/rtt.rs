//! The round-trip time: smoothed, its variation, its minimum, and the timeout that follows (RFC 6298, as Linux has it).
//!
//! Linux departs from the RFC in three ways, and so do we. The floor of 200 ms is on the variance term, not on the sum:
//! RTO = SRTT + max(4·RTTVAR, 200 ms). A sample *below* SRTT weighs less in the deviation, since a path that gets
//! faster is no reason for patience. And RTTVAR falls at most once a round trip, from the largest deviation seen in it.

#[cfg(test)]
mod tests;

use super::Rto;
use crate::pack::packed;
use core::time::Duration;
use limpid_event::Instant;
use limpid_wire::SeqNum;

/// How long the smallest round-trip time is believed (Linux's `tcp_min_rtt_wlen`).
const MIN_RTT_WINDOW: Duration = Duration::from_secs(300);

/// The estimator, in microseconds.
#[derive(Clone, Debug)]
pub struct RttEstimator {
    /// 8 · SRTT; 0 before the first sample.
    srtt8: u32,
    /// 4 · mean deviation.
    mdev4: u32,
    /// The largest `mdev4` in this round trip.
    mdev4_max: u32,
    /// 4 · RTTVAR.
    rttvar4: u32,
    /// When SND.UNA passes this, a round trip is over.
    round_end: SeqNum,
    min: MinRtt,
    unmeasured: Rto,
    /// What earlier connections tell of the path holds until data is measured, µs; 0 if nothing does.
    known: u32,
    /// The floor on the variance term.
    rto_min: u32,
    rto_max: u32,
}

/// The smallest sample of the last minutes, renewed when it is too old.
#[derive(Clone, Debug)]
struct MinRtt {
    micros: u32,
    at: Instant,
}

impl RttEstimator {
    /// Nothing is measured yet; Linux's usual bounds.
    pub fn new() -> RttEstimator {
        RttEstimator::with_bounds(Rto::MIN, Rto::MAX)
    }

    /// Nothing is measured yet. The variance term of the timeout is `rto_min` at least, the timeout `rto_max` at most.
    pub fn with_bounds(rto_min: Duration, rto_max: Duration) -> RttEstimator {
        RttEstimator {
            srtt8: 0,
            mdev4: 0,
            mdev4_max: 0,
            rttvar4: 0,
            round_end: SeqNum(0),
            min: MinRtt { micros: u32::MAX, at: Instant::ZERO },
            unmeasured: Rto::INITIAL,
            known: 0,
            rto_min: micros(rto_min),
            rto_max: micros(rto_max),
        }
    }

    /// Other bounds, for samples to come.
    pub fn set_bounds(&mut self, rto_min: Duration, rto_max: Duration) {
        self.rto_min = micros(rto_min);
        self.rto_max = micros(rto_max);
    }

    /// The handshake is over; if it measured nothing, because it had to be retransmitted, the timeout is 3 s until something is
    /// (RFC 6298 §5.7).
    pub fn on_syn_loss(&mut self) {
        self.unmeasured = Rto::AFTER_SYN_LOSS;
    }

    /// Earlier connections to this peer had a round-trip time of so many microseconds: if the handshake's was shorter, or none
    /// was measured, the timeout follows from it until data is measured (Linux's `tcp_init_metrics`).
    pub fn on_known(&mut self, rtt_micros: u32) {
        if rtt_micros > self.srtt8 >> 3 {
            self.known = rtt_micros;
        }
    }

    /// A sample, which must not be of a segment that was retransmitted (Karn; RFC 6298 §3), unless timestamps tell
    /// which transmission was acknowledged.
    pub fn on_sample(&mut self, now: Instant, rtt: Duration, snd_una: SeqNum, snd_nxt: SeqNum) {
        // An hour is more than any path takes; it keeps 8 · SRTT within 32 bits (Linux's are 32 bits as well).
        let sample = rtt.as_micros().min(500_000_000) as u32;
        self.min.update(now, sample);
        self.known = 0;
        if self.srtt8 == 0 {
            self.srtt8 = (sample << 3).max(1);
            self.mdev4 = sample << 1; // 4 · (sample / 2): RFC 6298 §2.2
            self.rttvar4 = self.mdev4.max(self.rto_min);
            self.mdev4_max = self.rttvar4;
            self.round_end = snd_nxt;
            return;
        }
        self.smooth(sample);
        if self.mdev4 > self.mdev4_max {
            self.mdev4_max = self.mdev4;
            self.rttvar4 = self.rttvar4.max(self.mdev4_max);
        }
        if snd_una.after(self.round_end) {
            if self.mdev4_max < self.rttvar4 {
                self.rttvar4 -= (self.rttvar4 - self.mdev4_max) >> 2;
            }
            self.round_end = snd_nxt;
            self.mdev4_max = self.rto_min;
        }
    }

    /// The round trip of the newest that the same ACK tells of, without the peer's delay: only the smallest matters.
    pub fn on_newest(&mut self, now: Instant, rtt: Duration) {
        self.min.update(now, rtt.as_micros().min(500_000_000) as u32);
    }

    /// SRTT ← 7/8 SRTT + 1/8 sample; deviation ← 3/4 deviation + 1/4 |error|, or 31/32 and 1/32 when the sample is
    /// below.
    fn smooth(&mut self, sample: u32) {
        let error = i64::from(sample) - i64::from(self.srtt8 >> 3);
        self.srtt8 = (i64::from(self.srtt8) + error).max(1) as u32;
        let mut change = error.abs() - i64::from(self.mdev4 >> 2);
        if error < 0 && change > 0 {
            change >>= 3;
        }
        self.mdev4 = (i64::from(self.mdev4) + change).max(0) as u32;
    }

    /// The retransmission timeout, not backed off.
    pub fn rto(&self) -> Rto {
        if self.known > 0 {
            // Linux counts this one in ticks of 1 ms.
            let rtt = self.known / 1000 * 1000;
            let timeout = u64::from(rtt) + u64::from(rtt.saturating_mul(2).max(self.rto_min));
            return Rto::bounded(Duration::from_micros(timeout), self.rto_max());
        }
        if self.srtt8 == 0 {
            return self.unmeasured;
        }
        let timeout = u64::from(self.srtt8 >> 3) + u64::from(self.rttvar4);
        Rto::bounded(Duration::from_micros(timeout), self.rto_max())
    }

    /// The timeout after `times` in a row.
    pub fn backed_off(&self, times: u32) -> Duration {
        self.rto().backed_off(times, self.rto_max())
    }

    /// `wait`, or the largest timeout.
    pub fn bounded(&self, wait: Duration) -> Duration {
        wait.min(self.rto_max()).max(Duration::from_millis(1))
    }

    fn rto_max(&self) -> Duration {
        Duration::from_micros(u64::from(self.rto_max))
    }

    /// True once something was measured.
    pub fn is_measured(&self) -> bool {
        self.srtt8 != 0
    }

    /// The smoothed round-trip time; `None` before the first sample.
    pub fn srtt(&self) -> Option<Duration> {
        self.is_measured().then(|| Duration::from_micros(u64::from(self.srtt8 >> 3)))
    }

    /// The smoothed round-trip time in eighths of a µs; 0 before the first sample.
    pub fn srtt_eighths(&self) -> u32 {
        self.srtt8
    }

    /// Its mean deviation, as `tcp_info` tells it.
    pub fn mdev(&self) -> Duration {
        Duration::from_micros(u64::from(self.mdev4 >> 2))
    }

    /// The smallest round-trip time of the last five minutes; `None` before the first sample.
    pub fn min(&self) -> Option<Duration> {
        (self.min.micros != u32::MAX).then(|| Duration::from_micros(u64::from(self.min.micros)))
    }
}

/// In µs, an hour at most (Linux's are 32 bits as well).
fn micros(time: Duration) -> u32 {
    time.as_micros().min(3_600_000_000) as u32
}

impl Default for RttEstimator {
    fn default() -> RttEstimator {
        RttEstimator::new()
    }
}

impl MinRtt {
    fn update(&mut self, now: Instant, sample: u32) {
        if sample <= self.micros || now.since(self.at) > MIN_RTT_WINDOW {
            *self = MinRtt { micros: sample, at: now };
        }
    }
}

packed!(struct RttEstimator { srtt8, mdev4, mdev4_max, rttvar4, round_end, min, unmeasured, known, rto_min, rto_max });
packed!(struct MinRtt { micros, at });
