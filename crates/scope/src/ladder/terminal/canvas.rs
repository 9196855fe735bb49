//! A grid of characters with styles.

use super::glyphs::Style;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns that `text` takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// The longest start of `text` that fits in `columns`.
pub(crate) fn clip(text: &str, columns: usize) -> &str {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += c.width().unwrap_or(0);
        if used > columns {
            return &text[..at];
        }
    }
    text
}

/// Breaks `text` into lines of at most `columns`, at spaces where it can.
pub(crate) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let mut word = word;
        let room = columns.saturating_sub(if line.is_empty() { 0 } else { width(&line) + 1 });
        if width(word) > room && !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        while width(word) > columns {
            let part = clip(word, columns);
            // A character wider than the line is left out rather than split.
            let cut = if part.is_empty() { word.chars().next().map_or(0, char::len_utf8) } else { part.len() };
            lines.push(part.to_owned());
            word = &word[cut..];
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Cell {
    /// `None` in the second column of a wide character.
    c: Option<char>,
    style: Style,
}

const BLANK: Cell = Cell { c: Some(' '), style: Style::Plain };

/// The grid. What is drawn outside of it is cut off.
pub(crate) struct Canvas {
    width: usize,
    lines: Vec<Vec<Cell>>,
}

impl Canvas {
    pub(crate) fn new(width: usize) -> Canvas {
        Canvas { width, lines: Vec::new() }
    }

    /// Adds an empty line at the bottom and answers its number.
    pub(crate) fn add_line(&mut self) -> usize {
        self.lines.push(vec![BLANK; self.width]);
        self.lines.len() - 1
    }

    pub(crate) fn height(&self) -> usize {
        self.lines.len()
    }

    pub(crate) fn char_at(&self, x: usize, y: usize) -> char {
        self.lines.get(y).and_then(|line| line.get(x)).and_then(|cell| cell.c).unwrap_or(' ')
    }

    pub(crate) fn put(&mut self, x: usize, y: usize, c: char, style: Style) {
        if let Some(cell) = self.lines.get_mut(y).and_then(|line| line.get_mut(x)) {
            *cell = Cell { c: Some(c), style };
        }
    }

    /// Writes `text` from column `x` on and answers the column after it.
    pub(crate) fn text(&mut self, x: usize, y: usize, text: &str, style: Style) -> usize {
        let mut x = x;
        for c in text.chars() {
            match c.width().unwrap_or(0) {
                0 => {}
                1 => {
                    self.put(x, y, c, style);
                    x += 1;
                }
                _ => {
                    if x + 1 < self.width {
                        self.put(x, y, c, style);
                        self.lines[y][x + 1] = Cell { c: None, style };
                    }
                    x += 2;
                }
            }
        }
        x
    }

    /// Writes `text` so that it ends before column `x`.
    pub(crate) fn text_before(&mut self, x: usize, y: usize, text: &str, style: Style) {
        self.text(x.saturating_sub(width(text)), y, text, style);
    }

    /// The lines in pieces of one style, without spaces at their ends.
    pub(crate) fn runs(&self) -> Vec<Vec<(String, Style)>> {
        let mut lines = Vec::with_capacity(self.lines.len());
        for line in &self.lines {
            let used = line.iter().rposition(|cell| cell.c != Some(' ')).map_or(0, |at| at + 1);
            let mut runs: Vec<(String, Style)> = Vec::new();
            for cell in &line[..used] {
                let Some(c) = cell.c else { continue };
                match runs.last_mut() {
                    Some((text, style)) if *style == cell.style || c == ' ' => text.push(c),
                    _ => runs.push((c.into(), cell.style)),
                }
            }
            lines.push(runs);
        }
        lines
    }

    /// All lines, each ended by a newline, without spaces at their ends.
    pub(crate) fn print(&self, color: bool) -> String {
        let mut out = String::new();
        for line in &self.lines {
            let used = line.iter().rposition(|cell| cell.c != Some(' ')).map_or(0, |at| at + 1);
            let mut current = "";
            for cell in &line[..used] {
                let Some(c) = cell.c else { continue };
                let sgr = if c == ' ' { current } else { cell.style.sgr() };
                if color && sgr != current {
                    out.push_str(if current.is_empty() { "" } else { "\x1b[0m" });
                    if !sgr.is_empty() {
                        out.push_str("\x1b[");
                        out.push_str(sgr);
                        out.push('m');
                    }
                    current = sgr;
                }
                out.push(c);
            }
            if !current.is_empty() {
                out.push_str("\x1b[0m");
            }
            out.push('\n');
        }
        out
    }
}
