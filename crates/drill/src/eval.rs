//! The snippets of a script, `%{ … }%`: a small part of Python 3, without Python.
//!
//! All snippets are one program, in order, run after the script; each sees the variables sampled at its own time, and what the
//! snippets before it assigned. What they may say: `assert`, `print` (also in Python 2's form), assignment, `if`/`elif`/`else`,
//! `pass`; integers, floats, strings, tuples, lists; all operators but `@` and `:=`; indices; `%` and `.format`; a few functions
//! ([`BUILTINS`]). Anything else is [`Unsupported`] and known before anything runs. There are no loops, sizes are bounded,
//! integers have 128 bits: every program ends soon, and what would be too large is an error.
//!
//! ```
//! use limpid_drill::eval::{Program, Sample, Value};
//! use limpid_drill::script::{Pos, Snippet};
//! let snippet = Snippet { at: Pos { line: 7, column: 3 }, text: " assert tcpi_snd_cwnd == 10, 'oh' ".to_owned() };
//! let program = Program::parse([&snippet])?;
//! let sample = Sample::from([("tcpi_snd_cwnd".to_owned(), Value::from(9))]);
//! assert_eq!(
//!     program.run(&[sample]).unwrap_err().to_string(),
//!     "7:11: assertion failed: tcpi_snd_cwnd == 10, where tcpi_snd_cwnd is 9: oh"
//! );
//! # Ok::<(), limpid_drill::eval::Unsupported>(())
//! ```

mod arithmetic;
mod builtins;
mod exec;
mod format;
mod lex;
mod parse;
mod syntax;
mod value;

pub use builtins::BUILTINS;
pub use value::Value;

use crate::script::{Pos, Snippet};
use std::collections::BTreeMap;
use syntax::Statement;

/// The variables at the time of one snippet.
pub type Sample = BTreeMap<String, Value>;

/// The snippets of a script, parsed.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Program {
    parts: Vec<Part>,
}

/// One snippet.
#[derive(Clone, PartialEq, Debug)]
struct Part {
    snippet: Snippet,
    body: Vec<Statement>,
}

/// What this evaluator does not know, or Python does not either.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}:{}: {what}", at.line, at.column)]
pub struct Unsupported {
    /// Where.
    pub at: Pos,
    /// What.
    pub what: String,
}

/// Why a program ended early.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}:{}: {what}", at.line, at.column)]
pub struct EvalError {
    /// Where: the assertion's expression, or the part of one that has no value.
    pub at: Pos,
    /// What: the expression's text and the values of the variables in it, if it is an assertion.
    pub what: String,
    /// An assertion failed; else something has no value, such as an unknown name or a division by zero.
    pub is_assertion: bool,
    /// What was printed before.
    pub printed: String,
}

impl Program {
    /// Parses the snippets of a script, in order.
    ///
    /// # Errors
    /// If there is something in them that this evaluator does not know.
    pub fn parse<'a>(snippets: impl IntoIterator<Item = &'a Snippet>) -> Result<Program, Unsupported> {
        let part = |snippet: &Snippet| {
            let body = parse::body(&snippet.text)
                .map_err(|fault| Unsupported { at: place(snippet, fault.at), what: fault.what })?;
            Ok(Part { snippet: snippet.clone(), body })
        };
        Ok(Program { parts: snippets.into_iter().map(part).collect::<Result<_, _>>()? })
    }

    /// How many snippets there are.
    pub fn len(&self) -> usize {
        self.parts.len()
    }

    /// True if there is no snippet.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The names that are read and that no snippet up to there assigns, in order: what samples have to bring.
    pub fn unassigned_names(&self) -> Vec<(Pos, &str)> {
        let mut assigned = Vec::new();
        let mut unassigned = Vec::new();
        for part in &self.parts {
            let mut read = |at: usize, name| unassigned.push((place(&part.snippet, at), name));
            for statement in &part.body {
                statement.names(&mut assigned, &mut read);
            }
        }
        unassigned
    }

    /// Runs all snippets, each with its sample; where there are fewer samples than snippets, without one. Returns what is printed.
    ///
    /// # Errors
    /// If an assertion fails or something has no value; the rest is not run.
    pub fn run(&self, samples: &[Sample]) -> Result<String, EvalError> {
        let mut run = exec::Run::default();
        for (n, part) in self.parts.iter().enumerate() {
            run.add(samples.get(n).into_iter().flatten());
            if let Err(stop) = run.statements(&part.body, &part.snippet.text) {
                let at = place(&part.snippet, stop.fault.at);
                return Err(EvalError {
                    at,
                    what: stop.fault.what,
                    is_assertion: stop.is_assertion,
                    printed: run.printed,
                });
            }
        }
        Ok(run.printed)
    }
}

/// Something wrong at a byte of a snippet's text.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Fault {
    at: usize,
    what: String,
}

impl Fault {
    fn new(at: usize, what: impl Into<String>) -> Fault {
        Fault { at, what: what.into() }
    }
}

/// Where in the script a byte of a snippet's text stands.
fn place(snippet: &Snippet, at: usize) -> Pos {
    let before = &snippet.text[..at];
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let lines = count(before.matches('\n').count());
    let in_line = count(before.rsplit('\n').next().map_or(0, |line| line.chars().count()));
    let column = if lines == 0 { snippet.at.column.saturating_add(in_line) } else { in_line + 1 };
    Pos { line: snippet.at.line.saturating_add(lines), column }
}

#[cfg(test)]
mod tests;
