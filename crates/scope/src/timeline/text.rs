//! A state timeline as text: a line for each state of each end.

use super::Timeline;
use crate::words;
use std::fmt::Write as _;

/// The lines, each ended by a newline, bars filling up to `width` columns.
pub fn text(timeline: &Timeline, width: usize) -> String {
    let bar = width.saturating_sub(52).clamp(10, 80);
    let mut out = String::new();
    // Moments follow each other evenly: a wait of an hour would leave no room for a handshake.
    let column = |at| {
        let index = timeline.moments.partition_point(|moment| *moment < at);
        index * bar / timeline.moments.len().max(1)
    };
    for ((name, endpoint, _), spans) in timeline.heads.iter().zip(&timeline.spans) {
        let host = if endpoint.contains(name.as_str()) { String::new() } else { format!("{name} ") };
        let _ = writeln!(out, "{host}{endpoint}");
        for span in spans {
            let (from, to) = (column(span.from), column(span.to).max(column(span.from) + 1).min(bar));
            let fill = if span.told { '█' } else { '▒' };
            let strip: String = (0..bar).map(|x| if x >= from && x < to { fill } else { '·' }).collect();
            let at = words::duration(span.from);
            let lasted = words::duration(span.to.saturating_sub(span.from));
            let _ = writeln!(out, "  {:<12}  {strip}  from {at} for {lasted}", span.state.name());
        }
        out.push('\n');
    }
    out.push_str("█ told   ▒ inferred   (moments stand evenly apart)\n");
    out
}
