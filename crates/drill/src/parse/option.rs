//! `--name=value` lines, and the definitions among them.

use super::source::{Lines, comment_len, is_word_byte, quoted_len, word};
use super::text::{backticks_end, string_end};
use super::{Definitions, ParseError, Result};
use crate::script::{Opt, Pos};

/// The options that start a script, and where what follows them starts.
pub(super) fn options(lines: &Lines<'_>) -> Result<(Vec<Opt>, usize)> {
    let mut options = Vec::new();
    let mut at = skip_space(lines, 0)?;
    while lines.text[at..].starts_with("--") {
        let (option, end) = option(lines, at)?;
        options.push(option);
        at = skip_space(lines, end)?;
    }
    Ok((options, at))
}

fn option(lines: &Lines<'_>, start: usize) -> Result<(Opt, usize)> {
    let name = word(&lines.text[start + 2..]);
    if name.is_empty() {
        return Err(lines.error(start + 2, "expected an option's name behind '--'"));
    }
    let end = start + 2 + name.len();
    let mut option = Opt { at: lines.pos(start), name: name.to_owned(), value: None };
    let equals = skip_space(lines, end)?;
    if !lines.text[equals..].starts_with('=') {
        return Ok((option, end));
    }
    let value_at = skip_space(lines, equals + 1)?;
    let len = value_len(lines, value_at)?;
    if len == 0 {
        return Err(lines.error(value_at, format!("expected a value for --{name}")));
    }
    let value = &lines.text[value_at..value_at + len];
    option.value = Some(unquoted(value).unwrap_or(value).to_owned());
    Ok((option, value_at + len))
}

/// How long the value is that starts at a byte: up to space or a comment, strings and commands taken whole.
fn value_len(lines: &Lines<'_>, start: usize) -> Result<usize> {
    let mut at = start;
    while let Some(c) = lines.text[at..].chars().next().filter(|c| !c.is_whitespace()) {
        if comment_len(lines, at)? > 0 {
            break;
        }
        at += if matches!(c, '"' | '`') { quoted_len(lines, at)?.unwrap_or(1) } else { c.len_utf8() };
    }
    Ok(at - start)
}

/// The inside of a value that is one string.
fn unquoted(value: &str) -> Option<&str> {
    (value.starts_with('"') && string_end(value) == Some(value.len())).then(|| &value[1..value.len() - 1])
}

/// True if a value, printed as it is, is read as itself.
pub(crate) fn is_bare_value(value: &str) -> bool {
    let is_whole = value_len(&Lines::new(value), 0).is_ok_and(|len| len == value.len());
    !value.is_empty() && is_whole && unquoted(value).is_none()
}

fn skip_space(lines: &Lines<'_>, mut at: usize) -> Result<usize> {
    loop {
        at = lines.text.len() - lines.text[at..].trim_start().len();
        match comment_len(lines, at)? {
            0 => return Ok(at),
            len => at += len,
        }
    }
}

/// The definitions given and, for other names, those of a script's options.
pub(super) fn all_definitions(options: &[Opt], given: &Definitions) -> Result<Definitions> {
    let mut all = given.clone();
    for (name, value) in given {
        check_definition(name, value, Pos { line: 1, column: 1 })?;
    }
    for option in options.iter().filter(|option| option.name == "define") {
        let Some((name, value)) = option.value.as_deref().and_then(|value| value.split_once('=')) else {
            return Err(ParseError { at: option.at, what: "expected --define=NAME=value".to_owned() });
        };
        check_definition(name, value, option.at)?;
        if !given.contains_key(name) {
            all.insert(name.to_owned(), value.to_owned());
        }
    }
    Ok(all)
}

fn check_definition(name: &str, value: &str, at: Pos) -> Result<()> {
    let is_name = name.bytes().all(is_word_byte) && name.bytes().any(|b| !b.is_ascii_digit());
    let is_value = match value.as_bytes() {
        [b'"', ..] => string_end(value) == Some(value.len()),
        [b'`', ..] => backticks_end(value) == Some(value.len()),
        [] => false,
        plain => plain.iter().all(|b| is_word_byte(*b) || matches!(b, b'.' | b':' | b'-')),
    };
    if is_name && is_value {
        return Ok(());
    }
    let what = format!(
        "expected a definition of a word as an integer, a word, a \"string\" or a `command`, found '{name}={value}'"
    );
    Err(ParseError { at, what })
}
