//! The sender's part in avoiding the silly window syndrome (RFC 9293 §3.8.6.2.1).

#[cfg(test)]
mod tests;

/// How many of `queued` bytes not sent yet the peer's window lets go now: 0 means wait, for room or for the override
/// timer. `usable` is SND.UNA + SND.WND − SND.NXT, `max_window` the largest window that the peer ever offered.
///
/// A segment that the window cuts short goes only if it is at least half of the largest window: a peer with a tiny
/// buffer would never offer more. Segments that are short because there is no more data are [`Nagle`](super::Nagle)'s.
pub fn sendable(queued: u32, usable: u32, mss: u32, max_window: u32) -> u32 {
    if queued <= usable {
        return queued;
    }
    if usable >= mss {
        // Whole segments; what is left over waits until it is whole, too.
        return usable - usable % mss.max(1);
    }
    if usable > 0 && usable >= max_window / 2 { usable } else { 0 }
}

/// The MSS to cut by, when the peer's windows are small: at most half of the largest it ever offered, so that two
/// segments fit and its ACK clock runs, as Linux has it.
pub fn bound_to_half_window(mss: u32, max_window: u32) -> u32 {
    // Up to 536 bytes of window there is nothing to halve for.
    let cutoff = if max_window > DEFAULT_MSS { max_window / 2 } else { max_window };
    if cutoff > 0 && mss > cutoff { cutoff.max(MIN_MSS) } else { mss }
}

/// RFC 9293 §3.7.1's default MSS.
const DEFAULT_MSS: u32 = 536;

/// The smallest to cut by: Linux's 68 bytes, less the TCP header's 20.
const MIN_MSS: u32 = 48;
