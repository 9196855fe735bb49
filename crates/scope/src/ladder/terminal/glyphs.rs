//! The signs and colours that ladders are drawn with.

use crate::ladder::layout::{Line, Tone};
use std::borrow::Cow;

/// Which characters a terminal can show.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Charset {
    /// Box drawing and other signs of Unicode.
    #[default]
    Utf8,
    /// ASCII alone.
    Ascii,
}

/// The signs of a character set.
#[derive(Debug)]
pub(super) struct Glyphs {
    ascii: bool,
    pub(super) lifeline: char,
    pub(super) estimated: char,
    pub(super) gap: char,
    pub(super) leave_right: char,
    pub(super) leave_left: char,
    pub(super) solid: char,
    pub(super) dashed: [char; 2],
    pub(super) dotted: char,
    pub(super) down_right: char,
    pub(super) down_left: char,
    pub(super) crossing: char,
    pub(super) head_right: char,
    pub(super) head_left: char,
    pub(super) ghost_right: char,
    pub(super) ghost_left: char,
    pub(super) cross: char,
    pub(super) differs: char,
    pub(super) dot: char,
    pub(super) ring: char,
    /// Brackets, left and right: top, between, end of one and top of the next, bottom.
    pub(super) brackets: [[char; 4]; 2],
}

const UTF8: Glyphs = Glyphs {
    ascii: false,
    lifeline: '│',
    estimated: '┊',
    gap: '⋮',
    leave_right: '├',
    leave_left: '┤',
    solid: '─',
    dashed: ['╌', '╌'],
    dotted: '┈',
    down_right: '╲',
    down_left: '╱',
    crossing: '╳',
    head_right: '►',
    head_left: '◄',
    ghost_right: '▷',
    ghost_left: '◁',
    cross: '✕',
    differs: '≠',
    dot: '●',
    ring: '○',
    brackets: [['╭', '│', '├', '╰'], ['╮', '│', '┤', '╯']],
};

const ASCII: Glyphs = Glyphs {
    ascii: true,
    lifeline: '|',
    estimated: ':',
    gap: ':',
    leave_right: '+',
    leave_left: '+',
    solid: '-',
    dashed: ['-', ' '],
    dotted: '.',
    down_right: '\\',
    down_left: '/',
    crossing: 'X',
    head_right: '>',
    head_left: '<',
    ghost_right: '>',
    ghost_left: '<',
    cross: 'x',
    differs: '!',
    dot: '*',
    ring: 'o',
    brackets: [[',', '|', '+', '\''], [',', '|', '+', '\'']],
};

impl Glyphs {
    pub(super) const fn of(charset: Charset) -> &'static Glyphs {
        match charset {
            Charset::Utf8 => &UTF8,
            Charset::Ascii => &ASCII,
        }
    }

    /// The sign of a line of this kind in column `x`.
    pub(super) fn line(&self, line: Line, x: usize) -> char {
        match line {
            Line::Solid => self.solid,
            Line::Dashed => self.dashed[x % 2],
            Line::Ghost => self.dotted,
        }
    }

    /// True if `c` is a stroke of an arrow.
    pub(super) fn is_stroke(&self, c: char) -> bool {
        [self.solid, self.dashed[0], self.dotted, self.down_left, self.down_right, self.crossing].contains(&c)
    }

    /// `text` in this character set.
    pub(super) fn translate<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if !self.ascii || text.is_ascii() {
            return Cow::Borrowed(text);
        }
        let mut plain = String::with_capacity(text.len());
        for c in text.chars() {
            match c {
                '\0'..='\x7f' => plain.push(c),
                '→' => plain.push_str("->"),
                '←' => plain.push_str("<-"),
                '–' | '—' => plain.push('-'),
                '…' | '⋯' => plain.push_str("..."),
                '×' => plain.push('x'),
                'µ' => plain.push('u'),
                '·' => plain.push('.'),
                '⋮' => plain.push(self.gap),
                _ => plain.push('?'),
            }
        }
        Cow::Owned(plain)
    }
}

/// How a character looks. Colours are of the eight that every palette has, and never carry a meaning alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Style {
    #[default]
    Plain,
    Dim,
    Bold,
    /// An arrow's stroke or label.
    Tone(Tone),
    /// A state that its engine told.
    State,
    /// A remark of the application.
    App,
    Timer,
    /// A curve of a graph: the parameters of its SGR sequence.
    Ink(&'static str),
}

impl Style {
    /// The parameters of its SGR sequence (ECMA-48 §8.3.117); empty for plain text.
    pub(crate) const fn sgr(self) -> &'static str {
        match self {
            Style::Plain => "",
            Style::Dim => "2",
            Style::Bold => "1",
            Style::State => "1",
            Style::App => "32",
            Style::Timer => "35",
            Style::Ink(sgr) => sgr,
            Style::Tone(tone) => match tone {
                Tone::Opening => "36",
                Tone::Data => "",
                Tone::Ack => "2",
                Tone::Closing => "33",
                Tone::Trouble => "1;31",
                Tone::Again => "35",
                Tone::Probe => "34",
                Tone::Ghost => "2",
            },
        }
    }
}
