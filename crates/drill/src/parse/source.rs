//! The text that is parsed: the script's, with comments blanked and definitions in place, and the way back to lines and columns.

use super::text::{backticks_end, code_end, string_end};
use super::{Definitions, ParseError, Result};
use crate::script::Pos;

/// A text, and where its lines and characters are.
pub(super) struct Lines<'a> {
    pub(super) text: &'a str,
    /// Where each line starts.
    starts: Vec<usize>,
    /// How many characters start before every [`BLOCK`]th byte.
    characters: Vec<usize>,
}

/// Bytes between two counts of characters.
const BLOCK: usize = 256;

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str) -> Lines<'a> {
        let line_ends = text.bytes().enumerate().filter(|(_, b)| *b == b'\n');
        let starts = std::iter::once(0).chain(line_ends.map(|(at, _)| at + 1)).collect();
        let blocks = text.as_bytes().chunks(BLOCK);
        let counts = blocks.scan(0, |sum, block| {
            *sum += characters(block);
            Some(*sum)
        });
        Lines { text, starts, characters: std::iter::once(0).chain(counts).collect() }
    }

    /// The line and column of the character that starts at a byte.
    pub(super) fn pos(&self, at: usize) -> Pos {
        let line = self.starts.partition_point(|start| *start <= at);
        let column = self.characters_before(at) - self.characters_before(self.starts[line - 1]) + 1;
        let clamped = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Pos { line: clamped(line), column: clamped(column) }
    }

    pub(super) fn error(&self, at: usize, what: impl Into<String>) -> ParseError {
        ParseError { at: self.pos(at), what: what.into() }
    }

    fn characters_before(&self, at: usize) -> usize {
        let block = at / BLOCK;
        self.characters[block] + characters(&self.text.as_bytes()[block * BLOCK..at])
    }
}

/// How many characters start in these bytes of UTF-8.
fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|b| **b & 0xc0 != 0x80).count()
}

/// What the parser reads.
pub(super) struct Source<'a> {
    pub(super) text: String,
    lines: &'a Lines<'a>,
    /// Stretches of `text`, in order.
    pieces: Vec<Piece>,
}

/// A stretch of a [`Source`].
struct Piece {
    /// Where it starts in the source's text.
    at: usize,
    /// Where it comes from in the script.
    from: usize,
    /// It is the value of a definition: all of it comes from there, instead of byte by byte.
    is_value: bool,
}

impl<'a> Source<'a> {
    /// What stands from byte `start` on.
    pub(super) fn new(lines: &'a Lines<'a>, start: usize, definitions: &Definitions) -> Result<Source<'a>> {
        let mut source = Source { text: String::with_capacity(lines.text.len() - start), lines, pieces: Vec::new() };
        source.pieces.push(Piece { at: 0, from: start, is_value: false });
        let mut at = start;
        while let Some(&byte) = lines.text.as_bytes().get(at) {
            let rest = &lines.text[at..];
            let comment = comment_len(lines, at)?;
            let len = if comment > 0 {
                source.blank(&rest[..comment]);
                comment
            } else if is_word_byte(byte) {
                source.word(at, definitions)?
            } else {
                let len = quoted_len(lines, at)?.unwrap_or_else(|| rest.chars().next().map_or(1, char::len_utf8));
                source.text.push_str(&rest[..len]);
                len
            };
            at += len;
        }
        Ok(source)
    }

    pub(super) fn pos(&self, at: usize) -> Pos {
        let piece = &self.pieces[self.pieces.partition_point(|piece| piece.at <= at) - 1];
        self.lines.pos(if piece.is_value { piece.from } else { piece.from + (at - piece.at) })
    }

    /// Spaces for a comment, as many as it has bytes.
    fn blank(&mut self, comment: &str) {
        self.text.extend(comment.bytes().map(|b| if b == b'\n' { '\n' } else { ' ' }));
    }

    /// The word at a byte of the script, or what it stands for; returns the word's length.
    fn word(&mut self, at: usize, definitions: &Definitions) -> Result<usize> {
        let word = word(&self.lines.text[at..]);
        let Some(value) = definitions.get(word) else {
            self.text.push_str(word);
            return Ok(word.len());
        };
        if self.text.len() + value.len() > MAX_EXPANDED {
            return Err(self.lines.error(at, "definitions make the script too long"));
        }
        self.pieces.push(Piece { at: self.text.len(), from: at, is_value: true });
        self.text.push_str(value);
        self.pieces.push(Piece { at: self.text.len(), from: at + word.len(), is_value: false });
        Ok(word.len())
    }
}

/// Bytes that a script may have after definitions are put in place.
const MAX_EXPANDED: usize = 1 << 26;

/// How long the comment is that starts at a byte; 0 if none does.
pub(super) fn comment_len(lines: &Lines<'_>, at: usize) -> Result<usize> {
    let rest = &lines.text[at..];
    if rest.starts_with("//") {
        return Ok(rest.find('\n').unwrap_or(rest.len()));
    }
    if !rest.starts_with("/*") {
        return Ok(0);
    }
    match rest[2..].find("*/") {
        Some(len) => Ok(len + 4),
        None => Err(lines.error(at, "this comment has no end: expected '*/'")),
    }
}

/// How long the string, command or snippet is that starts at a byte, quotes included; `None` if none does.
pub(super) fn quoted_len(lines: &Lines<'_>, at: usize) -> Result<Option<usize>> {
    let rest = &lines.text[at..];
    let (end, what) = match rest.as_bytes() {
        [b'"', ..] => (string_end(rest), "this string has no end: expected '\"'"),
        [b'`', ..] => (backticks_end(rest), "this command has no end: expected '`'"),
        [b'%', b'{', ..] => (code_end(rest), "this snippet has no end: expected '}%'"),
        _ => return Ok(None),
    };
    end.map(Some).ok_or_else(|| lines.error(at, what))
}

pub(super) fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The word that starts `text`; empty if none does.
pub(super) fn word(text: &str) -> &str {
    &text[..text.bytes().take_while(|b| is_word_byte(*b)).count()]
}
