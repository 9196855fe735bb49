//! The keys and the signs.

use super::super::keep;
use super::super::model::Model;
use super::super::survey::MAX_ENDED;
use super::{bold, dim, plain};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph};

const KEYS: [(&str, &str); 17] = [
    ("up, down, k, j", "choose a connection, or an arrow"),
    ("PgUp, PgDn, g, G", "a page; the first; the last (a ladder then follows what comes)"),
    ("Enter", "the ladder of the connection"),
    ("Esc", "back: from the ladder, from a search, from the troubled alone"),
    ("/", "search addresses, ports, states and troubles; all words must be there"),
    ("t", "only connections in trouble"),
    ("< >", "sort by the column to the left or right; first by trouble"),
    ("r", "the other way round"),
    ("c", "take connections that are over off the list"),
    ("p, space", "pause: packets are counted on, the picture stays"),
    ("s, S", "save the packets kept of this connection; of all (pcapng)"),
    ("f, e", "in a ladder: fold runs of data; explain"),
    ("Ctrl+L, Ctrl+Z", "draw anew; suspend"),
    ("q, Ctrl+C", "quit"),
    ("", ""),
    ("x ! .", "it failed; something is wrong; a trifle"),
    ("CLI SRV", "bit/s of payload that client and server send, over the last 2 s"),
];

/// Draws the help over `area`.
pub(super) fn draw(frame: &mut Frame<'_>, model: &Model, area: Rect) {
    let look = model.look;
    let mut lines: Vec<Line<'_>> = Vec::new();
    for (keys, what) in KEYS {
        let keys = match keys {
            "up, down, k, j" => look.sign("↑ ↓ k j", keys),
            "x ! ." => look.sign("✕ ▲ ·", keys),
            "PgUp, PgDn, g, G" => "PgUp PgDn g G",
            keys => keys,
        };
        lines.push(Line::from(vec![Span::styled(format!(" {keys:<15}"), bold()), Span::raw(what)]));
    }
    let bounds = format!(
        " Kept: each connection's first {} and newest {} packets, {} MiB in all; {} connections over.",
        keep::OPENING,
        keep::RECENT,
        keep::MAX_BYTES / 1024 / 1024,
        limpid_scope::words::number(MAX_ENDED as u64)
    );
    lines.push(Line::from(Span::styled(plain(&bounds, look), dim())));
    let height = (lines.len() as u16 + 2).min(area.height);
    let width = 92.min(area.width);
    let place = Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    frame.render_widget(Clear, place);
    let mut block = Block::bordered().title(" Help ");
    if look.sign("u", "a") == "a" {
        block = block.border_set(super::ASCII_BORDER);
    }
    frame.render_widget(Paragraph::new(lines).block(block), place);
}
