//! What is wrong with an expression, where, and what to do.

use std::fmt;
use std::ops::Range;

/// Why an expression is no filter.
///
/// `Display` is one line; [`excerpt`](Self::excerpt) shows the place, [`hint`](Self::hint) says what to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FilterError {
    text: String,
    span: Range<usize>,
    message: String,
    hint: String,
    kind: FilterErrorKind,
}

/// What sort of a mistake it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum FilterErrorKind {
    /// The expression says nothing.
    Invalid,
    /// libpcap has it, this compiler does not.
    Unsupported,
    /// It makes no sense on packets of this link type.
    LinkType,
}

impl FilterError {
    pub(super) fn new(span: Range<usize>, message: impl Into<String>, hint: impl Into<String>) -> FilterError {
        let kind = FilterErrorKind::Invalid;
        FilterError { text: String::new(), span, message: message.into(), hint: hint.into(), kind }
    }

    pub(super) fn of_kind(mut self, kind: FilterErrorKind) -> FilterError {
        self.kind = kind;
        self
    }

    /// Adds the expression that it is about.
    pub(super) fn about(mut self, text: &str) -> FilterError {
        self.text = text.to_owned();
        self.span = self.span.start.min(text.len())..self.span.end.min(text.len());
        self
    }

    pub(super) fn with_hint(mut self, hint: &str) -> FilterError {
        self.hint = hint.to_owned();
        self
    }

    /// What sort of a mistake it is.
    pub fn kind(&self) -> FilterErrorKind {
        self.kind
    }

    /// The expression.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where it is, in bytes of the expression.
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// What to do.
    pub fn hint(&self) -> &str {
        &self.hint
    }

    /// The expression, with carets under the place; two lines.
    pub fn excerpt(&self) -> String {
        /// Columns on either side of the place that are worth showing.
        const AROUND: usize = 30;
        let clean = |part: &str| part.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<Vec<char>>();
        let part = |range: Range<usize>| clean(self.text.get(range).unwrap_or_default());
        let before = part(0..self.span.start);
        let place = part(self.span.clone());
        let after = part(self.span.end..self.text.len());
        let (skipped, before) = match before.len().checked_sub(AROUND) {
            Some(cut @ 1..) => ("…", &before[cut..]),
            _ => ("", &before[..]),
        };
        let cut = if after.len() > AROUND { "…" } else { "" };
        let show = |chars: &[char]| chars.iter().collect::<String>();
        let line = format!("{skipped}{}{}{}{cut}", show(before), show(&place), show(&after[..after.len().min(AROUND)]));
        let width = |text: &str| unicode_width::UnicodeWidthStr::width(text);
        let indent = width(skipped) + width(&show(before));
        format!("{line}\n{}{}", " ".repeat(indent), "^".repeat(width(&show(&place)).max(1)))
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for FilterError {}
