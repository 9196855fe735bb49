//! Arguments and results of system calls.

use super::Result;
use super::cursor::Cursor;
use super::event::single_spaced;
use super::text::{string_end, unescape};
use crate::script::{Arg, Expr, Field};

/// How deep brackets may be nested.
const MAX_DEPTH: u32 = 64;

/// What computes a value from others. In a call's result another word before a parenthesis is a constant before a remark.
const FUNCTIONS: [&str; 7] = ["htons", "htonl", "ntohs", "ntohl", "inet_addr", "inet6_addr", "inet_pton"];

impl Cursor<'_> {
    /// `(a, b)`.
    pub(super) fn arguments(&mut self) -> Result<Vec<Arg>> {
        self.expect("(")?;
        self.list(")", Self::expression)
    }

    /// What a call returns.
    pub(super) fn result(&mut self) -> Result<Arg> {
        self.is_result = true;
        let result = self.expression()?;
        self.is_result = false;
        Ok(result)
    }

    /// Things with commas between them up to `close`, what opens them being taken.
    fn list<T>(&mut self, close: &str, item: impl Fn(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let mut items = Vec::new();
        if self.take(close) {
            return Ok(items);
        }
        let is_result = std::mem::replace(&mut self.is_result, false);
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.expected("brackets nested at most 64 deep");
        }
        loop {
            items.push(item(self)?);
            if self.take(close) {
                self.depth -= 1;
                self.is_result = is_result;
                return Ok(items);
            }
            if !self.take(",") {
                return self.expected(&format!("',' or '{close}'"));
            }
        }
    }

    /// `a`, or `a|b|c`.
    pub(super) fn expression(&mut self) -> Result<Arg> {
        let first = self.primary()?;
        self.alternatives(first)
    }

    /// What follows `first`, if that is `|`.
    fn alternatives(&mut self, first: Arg) -> Result<Arg> {
        if self.peek() != Some('|') {
            return Ok(first);
        }
        let at = first.at;
        let mut parts = vec![first];
        while self.take("|") {
            parts.push(self.primary()?);
        }
        Ok(Arg { at, value: Expr::Or(parts) })
    }

    fn primary(&mut self) -> Result<Arg> {
        let at = self.pos();
        let value = match self.peek() {
            Some('.') if self.rest().starts_with("...") => {
                self.take("...");
                Expr::Default
            }
            Some('"') => self.strings()?,
            Some('[') => {
                self.take("[");
                Expr::List(self.list("]", Self::expression)?)
            }
            Some('{') => self.braces()?,
            Some('0'..='9' | '-' | '.') => self.numeric()?,
            Some(c) if c.is_ascii_alphabetic() || c == '_' => self.named()?,
            _ => return self.expected("a value"),
        };
        Ok(Arg { at, value })
    }

    /// A word, `function(…)` or `name=value`.
    fn named(&mut self) -> Result<Expr> {
        let Some(name) = self.word() else { return self.expected("a word") };
        let name = name.to_owned();
        match self.peek() {
            Some('(') if !self.is_result || FUNCTIONS.contains(&name.as_str()) => {
                Ok(Expr::Function(name, self.arguments()?))
            }
            Some('=') => {
                self.take("=");
                self.deeper(Self::expression).map(|value| Expr::Equals(name, Box::new(value)))
            }
            _ => Ok(Expr::Word(name)),
        }
    }

    fn deeper<T>(&mut self, inner: impl Fn(&mut Self) -> Result<T>) -> Result<T> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.expected("values nested at most 64 deep");
        }
        let value = inner(self)?;
        self.depth -= 1;
        Ok(value)
    }

    /// Strings side by side, and perhaps `...` behind them.
    fn strings(&mut self) -> Result<Expr> {
        let mut bytes = Vec::new();
        while self.peek() == Some('"') {
            let start = self.at;
            let Some(len) = string_end(self.rest()) else { return self.expected("a string with an end") };
            let inside = &self.take_len(len)[1..len - 1];
            if let Err((at, why)) = unescape(inside, &mut bytes) {
                return self.error_at(start + 1 + at, why);
            }
        }
        Ok(if self.take("...") { Expr::Prefix(bytes) } else { Expr::Text(bytes) })
    }

    /// A number, or a word that starts with a digit.
    fn numeric(&mut self) -> Result<Expr> {
        let rest = self.rest();
        let is_negative = rest.starts_with('-');
        let unsigned = &rest[usize::from(is_negative)..];
        let word = super::source::word(unsigned);
        let is_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        let is_hex = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_hexdigit());
        let fraction = unsigned[word.len()..].strip_prefix('.').map_or("", super::source::word);
        if !fraction.is_empty() && is_digits(fraction) && is_digits(word) {
            let len = usize::from(is_negative) + word.len() + 1 + fraction.len();
            return match rest[..len].parse() {
                Ok(decimal) if f64::is_finite(decimal) => {
                    self.take_len(len);
                    Ok(Expr::Decimal(decimal))
                }
                _ => self.expected("a smaller number"),
            };
        }
        if word.is_empty() {
            return self.expected("a value");
        }
        let value = if is_digits(word) {
            rest[..usize::from(is_negative) + word.len()].parse().ok().map(|n| Expr::Integer(n, false))
        } else if let Some(hex) = word.strip_prefix("0x").filter(|hex| !is_negative && is_hex(hex)) {
            u64::from_str_radix(hex, 16).ok().map(|n| Expr::Integer(n.cast_signed(), true))
        } else {
            (!is_negative).then(|| Expr::Word(word.to_owned()))
        };
        match value {
            Some(value) => {
                self.take_len(usize::from(is_negative) + word.len());
                Ok(value)
            }
            None => self.expected("a number of at most 64 bits"),
        }
    }

    /// `{…}`.
    fn braces(&mut self) -> Result<Expr> {
        let start = self.at;
        self.take("{");
        let first = self.peek_word();
        let is_flags = first == "flags" && !self.rest()[first.len()..].trim_start().starts_with('=');
        if is_flags || self.peek() == Some('(') {
            self.at = start;
            let text = self.bracketed()?;
            return Ok(Expr::Other(single_spaced(&text[1..text.len() - 1])));
        }
        Ok(Expr::Struct(self.list("}", Self::field)?))
    }

    /// `name=value`, `name(size)=value` or a value.
    fn field(&mut self) -> Result<Field> {
        let first = self.primary()?;
        let (name, size, value) = match first.value {
            Expr::Equals(name, value) => (Some(name), None, *value),
            Expr::Function(name, mut arguments) if self.peek() == Some('=') => {
                let size = if arguments.len() == 1 { arguments.pop() } else { None };
                if size.is_none() {
                    return self.expected("one size in the parentheses behind a field's name, and then '='");
                }
                self.take("=");
                (Some(name), size, self.expression()?)
            }
            value => (None, None, self.alternatives(Arg { at: first.at, value })?),
        };
        Ok(Field { name, size, value })
    }
}
