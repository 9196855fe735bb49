//! The sender's part in avoiding the silly window syndrome (RFC 9293 §3.8.6.2.1).
//!
//! As on Linux the rule is kept by the size of segments: a segment that the window cuts short does not begin to leave, and
//! full ones are at most half of the largest window, so that a peer with a tiny buffer gets them, too. Only the end of a
//! super-segment may be cut short by the window, if Nagle's algorithm would let a small segment go.

#[cfg(test)]
mod tests;

/// The MSS to cut by, when the peer's windows are small: at most half of the largest it ever offered, so that two
/// segments fit and its ACK clock runs (Linux's `tcp_bound_to_half_wnd`). `header` is the length of the TCP header.
pub fn bound_to_half_window(mss: u32, max_window: u32, header: u32) -> u32 {
    // Up to 536 bytes of window there is nothing to halve for.
    let cutoff = if max_window > DEFAULT_MSS { max_window / 2 } else { max_window };
    let least = MIN_PACKET.saturating_sub(header);
    if cutoff > 0 && mss > cutoff { cutoff.max(least).min(mss) } else { mss }
}

/// RFC 9293 §3.7.1's default MSS.
const DEFAULT_MSS: u32 = 536;

/// The smallest that is cut to, TCP header included.
const MIN_PACKET: u32 = 68;
