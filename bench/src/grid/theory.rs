//! What a cell allows: the link itself, and the response functions of Reno (RFC 5681; RFC 9438 §4.3, §5) and CUBIC
//! (RFC 9438 §5).

use crate::cell::{Cell, MSS, MTU};
use crate::play::Contender;

/// A response function says something only about windows of so many segments and more: smaller ones wait for timeouts.
pub(crate) const LEAST_WINDOW: f64 = 10.0;

/// Goodput that the link carries at most, bits a second: payload, and only what is not lost.
pub(crate) fn link(cell: &Cell) -> f64 {
    cell.mbit as f64 * 1e6 * MSS as f64 / f64::from(MTU) * (1.0 - cell.loss.share())
}

/// The mean window of one flow where losses limit it, segments: infinite without loss, `None` for those that losses do not
/// limit so.
pub(crate) fn window(cell: &Cell, contender: Contender) -> Option<f64> {
    let p = cell.loss.events();
    // Linear growth by a segment a round trip, halved by each loss: sqrt(3/2)/sqrt(p).
    let reno = 1.5f64.sqrt() / p.sqrt();
    match contender.algorithm() {
        "reno" => Some(reno),
        "cubic" => {
            // RFC 9438 §5: (C (3+β) / (4 (1-β)))^(1/4) · RTT^(3/4) / p^(3/4), with C = 0.4 and β = 0.7; where that is less
            // than what Reno has, CUBIC is as Reno (§4.3).
            let rtt = cell.rtt().as_secs_f64();
            let cubic = (0.4f64 * 3.7 / 1.2).powf(0.25) * (rtt / p).powf(0.75);
            Some(cubic.max(reno))
        }
        _ => None,
    }
}

/// What is to be expected of all flows together, bits a second.
pub(crate) fn expected(cell: &Cell, contender: Contender) -> f64 {
    let link = link(cell);
    match window(cell, contender) {
        Some(window) if window.is_finite() => {
            let rate = window * MSS as f64 * 8.0 / cell.rtt().as_secs_f64() * cell.flows as f64;
            rate.min(link)
        }
        _ => link,
    }
}

/// Whether losses alone limit a flow in this cell, so that the response function can be held against it: the window it
/// predicts is large enough to be meant, and clearly below what would fill the link.
pub(crate) fn is_loss_limited(cell: &Cell, contender: Contender) -> bool {
    let fills = cell.bdp_packets() / cell.flows as f64;
    cell.reorder == 0.0 && window(cell, contender).is_some_and(|w| (LEAST_WINDOW..0.7 * fills).contains(&w))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::Loss;

    #[test]
    fn windows_by_rfc_9438() {
        // 1.054 RTT^0.75 / p^0.75 at 100 ms; where losses are frequent, Reno's 1.22 / p^0.5.
        for (loss, segments) in [(1e-5, 1_054.0), (1e-6, 5_926.0), (1e-7, 33_324.0)] {
            let cell = Cell { loss: Loss::Random(loss), rtt_ms: 100, ..Cell::middle() };
            let window = window(&cell, Contender::Limpid("cubic")).expect("a window");
            assert!((window / segments - 1.0).abs() < 0.002, "{loss}: {window}");
        }
        let cell = Cell { loss: Loss::Random(1e-2), rtt_ms: 100, ..Cell::middle() };
        assert!((window(&cell, Contender::Limpid("reno")).expect("a window") - 12.2).abs() < 0.1);
    }

    #[test]
    fn nothing_exceeds_the_link() {
        for cell in Cell::all() {
            for contender in [Contender::Limpid("cubic"), Contender::Limpid("reno"), Contender::Limpid("bbr")] {
                assert!(expected(&cell, contender) <= link(&cell));
            }
        }
    }
}
