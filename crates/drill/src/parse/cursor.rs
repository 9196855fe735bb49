//! A source and how far it has been read.

use super::source::{Source, word};
use super::{ParseError, Result};
use crate::script::Pos;
use limpid_wire::notation::NotationError;

/// A source and how far it has been read.
pub(super) struct Cursor<'a> {
    source: &'a Source<'a>,
    /// The byte that is next.
    pub(super) at: usize,
    /// Where what was last taken ends, space behind it not included.
    pub(super) taken_to: usize,
    /// How many brackets are open.
    pub(super) depth: u32,
    /// A call's result is being read, and no bracket in it is open.
    pub(super) is_result: bool,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(source: &'a Source<'a>) -> Cursor<'a> {
        Cursor { source, at: 0, taken_to: 0, depth: 0, is_result: false }
    }

    /// What is left.
    pub(super) fn rest(&self) -> &'a str {
        &self.source.text[self.at..]
    }

    /// Skips space.
    pub(super) fn skip_space(&mut self) {
        self.at = self.source.text.len() - self.rest().trim_start().len();
    }

    /// The next character that is no space.
    pub(super) fn peek(&mut self) -> Option<char> {
        self.skip_space();
        self.rest().chars().next()
    }

    /// Where the next thing that is no space stands.
    pub(super) fn pos(&mut self) -> Pos {
        self.skip_space();
        self.source.pos(self.at)
    }

    pub(super) fn pos_at(&self, at: usize) -> Pos {
        self.source.pos(at)
    }

    /// Takes so many bytes.
    pub(super) fn take_len(&mut self, len: usize) -> &'a str {
        let taken = &self.rest()[..len];
        self.at += len;
        self.taken_to = self.at;
        taken
    }

    /// Takes all up to where `rest` starts, which is an end of what is left; space before it is not taken.
    pub(super) fn take_to(&mut self, rest: &str) {
        let len = self.rest().len() - rest.len();
        let taken = self.rest()[..len].trim_end().len();
        self.take_len(taken);
    }

    /// Takes `mark` if it is next.
    pub(super) fn take(&mut self, mark: &str) -> bool {
        self.skip_space();
        let is_there = self.rest().starts_with(mark);
        if is_there {
            self.take_len(mark.len());
        }
        is_there
    }

    /// Takes `mark`.
    pub(super) fn expect(&mut self, mark: &str) -> Result<()> {
        if self.take(mark) { Ok(()) } else { self.expected(&format!("'{mark}'")) }
    }

    /// The next word, taken; letters, digits and `_`.
    pub(super) fn word(&mut self) -> Option<&'a str> {
        let word = self.peek_word();
        (!word.is_empty()).then(|| self.take_len(word.len()))
    }

    /// The next word; empty if something else is next.
    pub(super) fn peek_word(&mut self) -> &'a str {
        self.skip_space();
        word(self.rest())
    }

    /// The next word, taken if it starts with no digit: what starts with one may be the next event's time.
    pub(super) fn name(&mut self) -> Option<&'a str> {
        let starts_name = |c: char| c.is_ascii_alphabetic() || c == '_';
        if self.peek().is_some_and(starts_name) { self.word() } else { None }
    }

    /// Takes `wanted` if it is the next word, all of it.
    pub(super) fn take_word(&mut self, wanted: &str) -> bool {
        let is_there = self.peek_word() == wanted;
        if is_there {
            self.take_len(wanted.len());
        }
        is_there
    }

    /// A decimal number up to `max`.
    pub(super) fn number<T: TryFrom<u64>>(&mut self, expected: &str) -> Result<T> {
        let digits = self.peek_word();
        let is_number = digits.bytes().all(|b| b.is_ascii_digit());
        match digits.parse::<u64>().ok().and_then(|n| T::try_from(n).ok()).filter(|_| is_number) {
            Some(n) => {
                self.take_len(digits.len());
                Ok(n)
            }
            None => self.expected(expected),
        }
    }

    /// An error: this was expected and something else is next.
    pub(super) fn expected<T>(&mut self, what: &str) -> Result<T> {
        let at = self.pos();
        Err(ParseError { at, what: format!("expected {what}, found {}", found(self.rest())) })
    }

    /// All from a byte on.
    pub(super) fn text_from(&self, at: usize) -> &'a str {
        &self.source.text[at..]
    }

    /// The byte that an error of the notation of segments is about, in a text that starts at byte `start`.
    pub(super) fn notation_error_at(&self, start: usize, error: &NotationError) -> usize {
        let text = self.text_from(start);
        start + text.char_indices().nth(error.column - 1).map_or(text.len(), |(at, _)| at)
    }

    /// An error of the notation of segments, in a text that starts at byte `start`.
    pub(super) fn notation_error(&self, start: usize, error: &NotationError) -> ParseError {
        let at = self.notation_error_at(start, error);
        let what = format!("expected {}, found {}", error.expected, found(self.text_from(at)));
        ParseError { at: self.source.pos(at), what }
    }

    pub(super) fn error_at<T>(&self, at: usize, what: impl Into<String>) -> Result<T> {
        Err(ParseError { at: self.source.pos(at), what: what.into() })
    }
}

/// A character; escaped if it can't be seen.
struct Printable(char);

impl std::fmt::Display for Printable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_control() { self.0.escape_debug().fmt(f) } else { self.0.fmt(f) }
    }
}

/// The word, number or sign that starts a text, for people.
fn found(text: &str) -> String {
    const MAX_CHARACTERS: usize = 30;
    let is_word = |c: &char| c.is_alphanumeric() || *c == '_';
    let word: String = text.chars().take_while(is_word).take(MAX_CHARACTERS).collect();
    match text.chars().next() {
        None => "the end of the script".to_owned(),
        Some(first) if word.is_empty() => format!("'{}'", Printable(first)),
        Some(_) => format!("'{word}'"),
    }
}
