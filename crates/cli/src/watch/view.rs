//! The model on the screen: a header, the list or the ladder, and the keys.

mod header;
mod help;
mod ladder;
mod list;

use super::model::{Look, Model};
use super::words::amount;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::symbols::border;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

/// Draws everything. True if something on the screen is older than the model: it should be drawn again soon.
pub(crate) fn draw(frame: &mut Frame<'_>, model: &mut Model) -> bool {
    let header = header::lines(model, frame.area().width);
    let rows = [Constraint::Length(header.len() as u16), Constraint::Min(0), Constraint::Length(1)];
    let [top, body, bottom] = Layout::vertical(rows).areas(frame.area());
    frame.render_widget(Paragraph::new(header), top);
    let is_old = if model.ladder.is_some() { ladder::draw(frame, model, body) } else { list::draw(frame, model, body) };
    frame.render_widget(Paragraph::new(footer(model, bottom)), bottom);
    if model.shows_help {
        help::draw(frame, model, body);
    }
    is_old
}

/// Borders for terminals that have ASCII alone.
const ASCII_BORDER: border::Set<'static> = border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};

/// What there is to tell, or the keys.
fn footer(model: &Model, area: Rect) -> Line<'static> {
    let width = usize::from(area.width);
    if let Some(notice) = &model.notice {
        return Line::from(fit(notice, width, model.look)).style(bold());
    }
    if model.list.is_typing {
        let text = format!("Search: {}{}", model.list.search, model.look.sign("▏", "_"));
        return Line::from(vec![Span::styled(text, bold()), Span::styled("   Enter keeps it, Esc clears it", dim())]);
    }
    let keys: &[(&str, &str)] = match &model.ladder {
        Some(_) => &[
            ("Esc", "back"),
            ("↑↓", "arrows"),
            ("f", "fold"),
            ("e", "explain"),
            ("p", "pause"),
            ("s", "save"),
            ("?", "help"),
            ("q", "quit"),
        ],
        None => &[
            ("Enter", "ladder"),
            ("/", "search"),
            ("<>", "sort"),
            ("t", "trouble"),
            ("p", "pause"),
            ("s", "save"),
            ("?", "help"),
            ("q", "quit"),
        ],
    };
    let mut spans = Vec::new();
    let mut used = 0;
    for (key, what) in keys {
        let key = if *key == "↑↓" { model.look.sign("↑↓", "Up/Down") } else { key };
        used += key.chars().count() + what.len() + 3;
        // The blanks behind the last one may be cut off.
        if used > width + 2 {
            break;
        }
        spans.push(Span::styled(key.to_owned(), bold()));
        spans.push(Span::styled(format!(" {what}  "), dim()));
    }
    Line::from(spans)
}

fn bold() -> Style {
    Style::new().add_modifier(Modifier::BOLD)
}

fn dim() -> Style {
    Style::new().add_modifier(Modifier::DIM)
}

/// How trouble of this severity looks. It has a sign as well: colour says nothing alone.
fn alarm(severity: u8, look: Look) -> Style {
    let style = |color| if look.color { Style::new().fg(color) } else { Style::new() };
    match severity {
        7.. => style(Color::Red).add_modifier(Modifier::BOLD),
        4.. => style(Color::Magenta),
        _ => dim(),
    }
}

/// The sign of trouble of this severity.
fn sign(severity: u8, look: Look) -> &'static str {
    match severity {
        7.. => look.sign("✕", "x"),
        4.. => look.sign("▲", "!"),
        1.. => look.sign("·", "."),
        0 => " ",
    }
}

/// Text in the characters that are shown.
fn plain(text: &str, look: Look) -> String {
    limpid_scope::ladder::in_charset(text, look.charset).into_owned()
}

/// Text cut to `width` columns, with a sign of that.
fn fit(text: &str, width: usize, look: Look) -> String {
    let text = plain(text, look);
    if text.chars().count() <= width {
        return text;
    }
    let more = look.sign("…", "~");
    text.chars().take(width.saturating_sub(1)).chain(more.chars()).take(width).collect()
}

/// The same, cut at its beginning.
fn fit_end(text: &str, width: usize, look: Look) -> String {
    let count = text.chars().count();
    if count <= width {
        return text.to_owned();
    }
    look.sign("…", "~").chars().chain(text.chars().skip(count + 1 - width)).take(width).collect()
}

/// An amount with a blank before its unit's prefix: `12.3 k`, `950 `.
fn spaced(n: u64) -> String {
    let text = amount(n);
    match text.find(|c: char| c.is_ascii_alphabetic()) {
        Some(at) => format!("{} {}", &text[..at], &text[at..]),
        None => format!("{text} "),
    }
}

/// Text at the left of `width` columns.
fn left(text: &str, width: usize) -> String {
    format!("{text:<width$}")
}

/// Text at the right of `width` columns.
fn right(text: &str, width: usize) -> String {
    format!("{text:>width$}")
}

/// Columns of values, each from nothing to the largest.
fn bars(values: &[u64], look: Look) -> String {
    const UTF8: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    const ASCII: [char; 4] = ['.', ':', '+', '#'];
    let signs: &[char] = if look.sign("u", "a") == "u" { &UTF8 } else { &ASCII };
    let most = values.iter().copied().max().unwrap_or(0).max(1);
    let bar = |value: &u64| match *value {
        0 => ' ',
        value => {
            let level = u128::from(value) * signs.len() as u128 / u128::from(most);
            signs[usize::try_from(level).unwrap_or(0).min(signs.len() - 1)]
        }
    };
    values.iter().map(bar).collect()
}

#[cfg(test)]
mod tests;
