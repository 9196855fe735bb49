//! What each sign looks like: shapes, so that meaning does not hang on colour alone.

use crate::graph::layout::{Cause, Sign, Tone};

/// A shape around a place: relative commands of a path.
pub(super) struct Glyph {
    pub(super) class: &'static str,
    pub(super) d: &'static str,
}

const fn glyph(class: &'static str, d: &'static str) -> Glyph {
    Glyph { class, d }
}

/// The letter R, right of its place.
const LETTER_R: &str = "m7-1v-9h3a2.5 2.5 0 0 1 0 5h-3m3 0l3 4";
/// The same left of its place, for places at the right edge of a graph.
pub(super) const LETTER_LEFT: &str = "m-13-1v-9h3a2.5 2.5 0 0 1 0 5h-3m3 0l3 4";
/// How far a letter reaches to the right, and up.
pub(super) const LETTER_SIZE: (f64, f64) = (14.0, 11.0);
/// A triangle that points down, right and up; a diamond, a circle.
const DOWN: &str = "m-5-9h10l-5 9z";
const RIGHT: &str = "m-5-5l9 5l-9 5z";
const UP: &str = "m-5 1h10l-5-9z";
const DIAMOND: &str = "m0-5l4.5 5l-4.5 5l-4.5-5z";
const CIRCLE: &str = "m-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z";

/// The shapes of a sign, at the upper end of its numbers.
pub(super) fn glyphs(sign: Sign) -> &'static [Glyph] {
    const LETTER: Glyph = glyph("letter again", LETTER_R);
    match sign {
        Sign::Data { pushed: false } | Sign::Sack => &[],
        Sign::Data { pushed: true } => const { &[glyph("glyph data", "m-2.5 1l2.5-5l2.5 5z")] },
        Sign::DuplicateSack => const { &[glyph("glyph hollow sack", "m-3-3a3 3 0 1 0 6 0a3 3 0 1 0-6 0z")] },
        Sign::DuplicateAck => const { &[glyph("glyph tick ack", "m-3 0h6m-3-3v6")] },
        Sign::OutOfOrder => const { &[glyph("glyph hollow late", "m-3.5-4a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0z")] },
        Sign::KeepAlive => const { &[glyph("glyph hollow data", "m-3.5-3.5h7v7h-7z")] },
        Sign::WindowProbe => const { &[glyph("glyph hollow window", UP)] },
        Sign::ZeroWindow => const { &[glyph("glyph tick bold window", "m-5-13h9l-9 10h9")] },
        Sign::Again { cause: Cause::Timeout, needless: false } => const { &[glyph("glyph again", DOWN), LETTER] },
        Sign::Again { cause: Cause::Fast, needless: false } => const { &[glyph("glyph again", RIGHT), LETTER] },
        Sign::Again { cause: Cause::Probe, needless: false } => const { &[glyph("glyph again", UP), LETTER] },
        Sign::Again { cause: Cause::AfterTimeout, needless: false } => {
            const { &[glyph("glyph again", CIRCLE), LETTER] }
        }
        Sign::Again { cause: Cause::Unknown, needless: false } => const { &[glyph("glyph again", DIAMOND), LETTER] },
        Sign::Again { cause: Cause::Timeout, .. } => const { &[glyph("glyph hollow again", DOWN), LETTER] },
        Sign::Again { cause: Cause::Fast, .. } => const { &[glyph("glyph hollow again", RIGHT), LETTER] },
        Sign::Again { cause: Cause::Probe, .. } => const { &[glyph("glyph hollow again", UP), LETTER] },
        Sign::Again { cause: Cause::AfterTimeout, .. } => const { &[glyph("glyph hollow again", CIRCLE), LETTER] },
        Sign::Again { cause: Cause::Unknown, .. } => const { &[glyph("glyph hollow again", DIAMOND), LETTER] },
        Sign::Lost => const { &[glyph("glyph tick bold trouble", "m-4.5-4.5l9 9m0-9l-9 9")] },
        Sign::Syn => const { &[glyph("glyph opening", "m0-6l6 6l-6 6l-6-6z")] },
        Sign::Fin => const { &[glyph("glyph hollow closing", "m-5-5h10v10h-10z")] },
        Sign::Reset => {
            const { &[glyph("glyph tick bold trouble", "m-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0m1.5-3.5l7 7m0-7l-7 7")] }
        }
    }
}

/// The same at half its size, where there are very many, or where they lie on each other.
pub(super) const fn small(sign: Sign) -> Option<&'static str> {
    Some(match sign {
        Sign::Again { cause: Cause::Timeout, .. } => "m-2.5-4.5h5l-2.5 4.5z",
        Sign::Again { cause: Cause::Fast, .. } => "m-2-2.5l4.5 2.5l-4.5 2.5z",
        Sign::Again { cause: Cause::Probe, .. } => "m-2.5.5h5l-2.5-4.5z",
        Sign::Again { cause: Cause::AfterTimeout, .. } => "m-2 0a2 2 0 1 0 4 0a2 2 0 1 0-4 0z",
        Sign::Again { cause: Cause::Unknown, .. } => "m0-2.5l2.5 2.5l-2.5 2.5l-2.5-2.5z",
        Sign::Lost => "m-2-2l4 4m0-4l-4 4",
        Sign::DuplicateAck => "m-1.5 0h3",
        Sign::DuplicateSack => "m-1.5-1.5a1.5 1.5 0 1 0 3 0a1.5 1.5 0 1 0-3 0z",
        Sign::Data { pushed: true } => "m-1.5.5l1.5-3l1.5 3z",
        _ => return None,
    })
}

/// True if a sign reaches from its first number to its last.
pub(super) const fn is_bar(sign: Sign) -> bool {
    use Sign::*;
    matches!(sign, Data { .. } | Sack | DuplicateSack | OutOfOrder | Again { .. } | WindowProbe)
}

/// The class of a sign's bar.
pub(super) const fn sign(sign: Sign) -> &'static str {
    match sign {
        Sign::Data { .. } | Sign::KeepAlive => "data",
        Sign::Sack | Sign::DuplicateSack => "sack",
        Sign::OutOfOrder => "late",
        Sign::DuplicateAck => "ack",
        Sign::WindowProbe | Sign::ZeroWindow => "window",
        Sign::Again { .. } => "again",
        Sign::Lost | Sign::Reset => "trouble",
        Sign::Syn => "opening",
        Sign::Fin => "closing",
    }
}

/// The class of a curve.
pub(super) const fn tone(tone: Tone) -> &'static str {
    match tone {
        Tone::Data => "data",
        Tone::Ack => "ack",
        Tone::Window => "window",
        Tone::Congestion => "congestion",
        Tone::Threshold => "threshold",
        Tone::RoundTrip => "rtt",
    }
}
