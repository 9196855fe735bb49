//! How large the send buffer is: it follows the congestion window (Linux's `tcp_sndbuf_expand`), so that an application that
//! always finds room keeps the window full, and one whose path is short holds little.
//!
//! A size that the application has set stays ([`Config::send_buffer_fixed`](crate::Config::send_buffer_fixed)).

#[cfg(test)]
mod tests;

use core::time::Duration;

/// What a segment's head costs beside its data: room for headers (Linux's MAX_TCP_HEADER, without wireless links and tunnels) and
/// what follows the data (`struct skb_shared_info`).
const HEAD: u32 = 192 + 320;

/// A packet's descriptor (`struct sk_buff`).
const DESCRIPTOR: u32 = 256;

/// At least so many segments count: RFC 6928's initial window.
const LEAST_SEGMENTS: u32 = 10;

/// Round trips below this are near.
const NEAR: Duration = Duration::from_millis(1);

/// One that takes so long is not, whatever the least was.
const FAR: Duration = Duration::from_millis(10);

/// So long what was sent may wait on a near path, besides as long as it takes: a scheduler's delays.
const SLACK: Duration = Duration::from_micros(100);

/// What counts for the size of a buffer.
#[derive(Clone, Copy, Debug)]
pub struct Demand {
    /// Payload bytes of the largest segment: what the peer allows, or what is sent.
    pub mss: u32,
    /// The congestion window, segments.
    pub cwnd: u32,
    /// So many segments may overtake one that is not lost.
    pub reordering: u32,
    /// How many windows a buffer holds: 2, so that there is one to send while another is in flight; BBR asks for 3.
    pub windows: u32,
}

impl Demand {
    /// The memory that it takes, bytes: segments are accounted for as if each had a head of its own, of the allocator's next
    /// larger size.
    pub fn memory(self) -> usize {
        let segment = self.mss.saturating_add(HEAD).next_power_of_two() + DESCRIPTOR;
        let segments = self.cwnd.max(LEAST_SEGMENTS).max(self.reordering.saturating_add(1));
        usize::try_from(u64::from(self.windows) * u64::from(segments) * u64::from(segment)).unwrap_or(usize::MAX)
    }
}

/// The size of a buffer of `now` bytes that may grow to `most`: never smaller than it was.
pub fn expanded(now: usize, demand: Demand, most: usize) -> usize {
    let memory = demand.memory();
    if memory > now { memory.min(most).max(now) } else { now }
}

/// The most that is worthwhile where the `least` round trip is near: `enough`, or what the path carries in three such round trips and a
/// scheduler's delay, when `in_flight` bytes take `srtt`. Beyond, only queues grow: a path in memory loses nothing, and so its congestion
/// window has no end. Where round trips are longer now others may queue there, and it is four times as much; where they are far longer, it is
/// another path than it was, and nothing is bounded.
pub fn near(enough: usize, in_flight: u32, srtt: Option<Duration>, least: Option<Duration>) -> usize {
    let srtt = srtt.filter(|srtt| *srtt < FAR);
    let (Some(srtt), Some(least)) = (srtt, least.filter(|least| *least < NEAR)) else { return usize::MAX };
    let enough = if srtt < NEAR { enough } else { enough.saturating_mul(4) };
    let (time, srtt) = ((3 * least + SLACK).as_nanos(), srtt.as_nanos().max(1));
    enough.max(usize::try_from(u128::from(in_flight) * time / srtt).unwrap_or(usize::MAX))
}
