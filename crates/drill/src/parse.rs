//! Text to [`Script`].
//!
//! ```text
//! text ── options ──► source: comments blanked, definitions in place ── cursor ──► events: times, packets, calls
//! ```
//!
//! Line ends mean nothing to the language: an event ends where the grammar says so, and may span lines. Segments are parsed by
//! [`limpid_wire::notation`], the one notation for them. What can be known to be wrong without running is an error here.

mod cursor;
mod event;
mod expression;
mod option;
mod packet;
mod source;
mod text;

pub(crate) use option::is_bare_value;

use crate::script::{Pos, Script};
use cursor::Cursor;
use source::{Lines, Source};
use std::collections::BTreeMap;

/// Why a text is no script.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}:{}: {what}", at.line, at.column)]
pub struct ParseError {
    /// Where.
    pub at: Pos,
    /// What was expected, and what was found.
    pub what: String,
}

/// `-D NAME=value`: each whole word NAME stands for the text of its value, which is an integer, a word, a `"string"` or a
/// `` `command` ``.
pub type Definitions = BTreeMap<String, String>;

type Result<T> = std::result::Result<T, ParseError>;

/// Parses a script. Its own `--define=NAME=value` count, too, where `definitions` does not have the name.
///
/// # Errors
/// If the text is no script; the error says where, what was expected and what is there.
pub fn parse(text: &str, definitions: &Definitions) -> Result<Script> {
    let lines = Lines::new(text);
    let (options, rest) = option::options(&lines)?;
    let definitions = option::all_definitions(&options, definitions)?;
    let source = Source::new(&lines, rest, &definitions)?;
    Cursor::new(&source).script(options)
}

impl Cursor<'_> {
    /// What stands behind the options.
    fn script(&mut self, options: Vec<crate::script::Opt>) -> Result<Script> {
        let mut script = Script { options, ..Script::default() };
        if self.peek() == Some('`') {
            script.init = Some(self.command()?);
        }
        while !matches!(self.peek(), None | Some('`')) {
            let event = self.event(script.events.last())?;
            script.events.push(event);
        }
        if script.events.is_empty() {
            return self.expected(event::AN_EVENT);
        }
        if self.peek().is_some() {
            script.cleanup = Some(self.command()?);
            if self.peek().is_some() {
                return self.expected("the end of the script behind a command without a time");
            }
        }
        Ok(script)
    }
}

#[cfg(test)]
mod tests;
