//! How wide text is: by the metrics of DejaVu Sans Condensed, which is also the font of PNGs.
//!
//! A browser without that font takes one that runs narrower, so that what fits here fits there.

use unicode_width::UnicodeWidthChar;

/// How far above the baseline letters reach, in the font's size.
pub const ASCENT: f64 = 0.76;
/// How far below the baseline letters reach, in the font's size.
pub const DESCENT: f64 = 0.24;

/// Advance widths of the characters from space to tilde, in thousandths of the size.
const REGULAR: [u16; 95] = [
    286, 360, 414, 754, 572, 855, 702, 247, 351, 351, 450, 754, 286, 325, 286, 303, 572, 572, 572, 572, 572, 572, 572,
    572, 572, 572, 303, 303, 754, 754, 754, 478, 900, 615, 617, 628, 693, 568, 518, 697, 677, 265, 265, 590, 501, 776,
    673, 708, 542, 708, 625, 571, 549, 659, 615, 890, 616, 549, 616, 351, 303, 351, 754, 450, 450, 551, 571, 495, 571,
    554, 316, 571, 570, 250, 250, 521, 250, 876, 570, 550, 571, 571, 370, 469, 353, 570, 532, 736, 532, 532, 472, 572,
    303, 572, 754,
];
/// The same in bold.
const BOLD: [u16; 95] = [
    313, 410, 469, 754, 626, 901, 785, 275, 411, 411, 470, 754, 342, 374, 342, 329, 626, 626, 626, 626, 626, 626, 626,
    626, 626, 626, 360, 360, 754, 754, 754, 522, 900, 696, 686, 660, 747, 615, 615, 738, 753, 334, 334, 697, 573, 896,
    753, 765, 659, 765, 693, 648, 614, 730, 696, 993, 694, 651, 652, 411, 329, 411, 754, 450, 450, 607, 644, 533, 644,
    610, 391, 644, 641, 308, 308, 598, 308, 938, 641, 618, 644, 644, 444, 536, 430, 641, 586, 831, 580, 586, 523, 641,
    329, 641, 754,
];

/// The widest signs outside ASCII that pictures use, as arrows, in thousandths of the size.
const OTHERS: [f64; 2] = [760.0, 780.0];
/// Letters outside ASCII.
const LETTERS: [f64; 2] = [600.0, 680.0];

/// How wide `text` is in a font of `size` pixels, in pixels.
pub fn width(text: &str, size: f64, bold: bool) -> f64 {
    let sum: f64 = text.chars().map(|c| advance(c, bold)).sum();
    sum * size / 1000.0
}

fn advance(c: char, bold: bool) -> f64 {
    let table = if bold { &BOLD } else { &REGULAR };
    match (c as usize).checked_sub(0x20).and_then(|at| table.get(at)) {
        Some(width) => f64::from(*width),
        None if c.is_alphabetic() && c.width() == Some(1) => LETTERS[usize::from(bold)],
        None => match c.width() {
            None | Some(0) => 0.0,
            Some(1) if c == '·' => 330.0,
            Some(1) => OTHERS[usize::from(bold)],
            Some(_) => 1050.0,
        },
    }
}

/// The longest start of `text` that fits in `room` pixels.
pub fn clip(text: &str, room: f64, size: f64, bold: bool) -> &str {
    let mut used = 0.0;
    for (at, c) in text.char_indices() {
        used += advance(c, bold) * size / 1000.0;
        if used > room {
            return &text[..at];
        }
    }
    text
}

/// `text` cut to `room` pixels, with an ellipsis if it was longer.
pub fn ellipsis(text: &str, room: f64, size: f64, bold: bool) -> String {
    if width(text, size, bold) <= room {
        return text.to_owned();
    }
    let kept = clip(text, room - width("…", size, bold), size, bold);
    format!("{}…", kept.trim_end())
}

/// Breaks `text` at spaces into lines of at most `room` pixels; a word longer than that is cut.
pub fn wrap(text: &str, room: f64, size: f64, bold: bool) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let joined = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
        if width(&joined, size, bold) <= room {
            line = joined;
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        let mut rest = word;
        while width(rest, size, bold) > room {
            let part = clip(rest, room, size, bold);
            // A character wider than the line takes it for itself.
            let cut = if part.is_empty() { rest.chars().next().map_or(1, char::len_utf8) } else { part.len() };
            lines.push(rest[..cut].to_owned());
            rest = &rest[cut..];
        }
        line = rest.to_owned();
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}
