//! Strings, commands and snippets: where they end, and what escapes mean.

/// How long the string is that starts `text`, with both quotes; `None` if it has no end.
pub(super) fn string_end(text: &str) -> Option<usize> {
    delimited_end(text, b'"')
}

/// How long the command in backticks is that starts `text`, with both backticks; `None` if it has no end.
pub(super) fn backticks_end(text: &str) -> Option<usize> {
    delimited_end(text, b'`')
}

/// How long the `%{ … }%` is that starts `text`; `None` if it has no end.
pub(super) fn code_end(text: &str) -> Option<usize> {
    text[2..].find("}%").map(|len| len + 4)
}

/// The length up to the next `delimiter` without a backslash before it.
fn delimited_end(text: &str, delimiter: u8) -> Option<usize> {
    let mut is_escaped = false;
    let end = text.bytes().skip(1).position(|byte| {
        let ends = byte == delimiter && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    });
    end.map(|len| len + 2)
}

/// The bytes that the inside of a string means, added to `bytes`; else where an escape is wrong, and why.
pub(super) fn unescape(inside: &str, bytes: &mut Vec<u8>) -> Result<(), (usize, &'static str)> {
    let mut at = 0;
    while let Some(&byte) = inside.as_bytes().get(at) {
        if byte != b'\\' {
            bytes.push(byte);
            at += 1;
            continue;
        }
        let (value, len) = escape(&inside.as_bytes()[at + 1..]).map_err(|why| (at, why))?;
        bytes.extend(value);
        at += 1 + len;
    }
    Ok(())
}

/// The byte that the escape means whose backslash stands before `text` (none for a line's end), and its length.
fn escape(text: &[u8]) -> Result<(Option<u8>, usize), &'static str> {
    let value = match text.first() {
        Some(b'n') => b'\n',
        Some(b'r') => b'\r',
        Some(b't') => b'\t',
        Some(b'v') => 0x0b,
        Some(b'f') => 0x0c,
        Some(b'a') => 0x07,
        Some(b'b') => 0x08,
        Some(same @ (b'\\' | b'"' | b'\'' | b'`')) => *same,
        Some(b'\n') => return Ok((None, 1)),
        Some(b'x') => return number(&text[1..], 16, 2).map(|(value, len)| (Some(value), len + 1)),
        Some(b'0'..=b'7') => return number(text, 8, 3).map(|(value, len)| (Some(value), len)),
        _ => {
            return Err(
                "expected an escape: one of \\n \\r \\t \\v \\f \\a \\b \\\\ \\\" \\' \\xHH or three octal digits",
            );
        }
    };
    Ok((Some(value), 1))
}

/// A number of at most so many digits, and how many there are.
fn number(text: &[u8], radix: u32, max_digits: usize) -> Result<(u8, usize), &'static str> {
    let digits = text.iter().take(max_digits).map_while(|byte| char::from(*byte).to_digit(radix));
    let (value, len) = digits.fold((0, 0), |(value, len), digit| (value * radix + digit, len + 1));
    match u8::try_from(value) {
        Ok(value) if len > 0 => Ok((value, len)),
        Ok(_) => Err("expected hexadecimal digits behind \\x"),
        Err(_) => Err("expected an octal number up to \\377"),
    }
}
