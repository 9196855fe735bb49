//! Words, numbers, addresses and signs of an expression.
//!
//! As in libpcap the longest reading counts: `10.0.0.1` is an address, `10.0.0.1.example` a name.

use super::FilterError;
use limpid_wire::MacAddr;
use std::net::Ipv6Addr;
use std::ops::Range;

/// The longest expression, bytes.
pub(super) const MAX_TEXT: usize = 1 << 20;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Token {
    Number(u32),
    /// A keyword or a name.
    Word(String),
    /// A name, even if it is spelled as a keyword is (`\tcp`).
    Name(String),
    /// An IPv4 address or its beginning, at the top of 32 bits; and how many bits there are.
    Ip4(u32, u32),
    Ip6(Ipv6Addr),
    Mac(MacAddr),
    Sign(&'static str),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Spanned {
    pub(super) token: Token,
    pub(super) span: Range<usize>,
}

/// Longer signs first.
const SIGNS: [&str; 24] = [
    "&&", "||", "<<", ">>", "<=", ">=", "!=", "==", "(", ")", "[", "]", ":", "/", "+", "-", "*", "%", "&", "|", "^",
    "<", ">", "=",
];

pub(super) fn lex(text: &str) -> Result<Vec<Spanned>, FilterError> {
    if text.len() > MAX_TEXT {
        let message = format!("the expression is longer than {MAX_TEXT} bytes");
        return Err(FilterError::new(0..text.len(), message, "split it, and filter in several steps"));
    }
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        }
        let (token, len) = next(text, at)?;
        tokens.push(Spanned { token, span: at..at + len });
        at += len;
    }
    Ok(tokens)
}

/// The token at `at`, and its length in bytes.
fn next(text: &str, at: usize) -> Result<(Token, usize), FilterError> {
    let rest = &text[at..];
    let first = rest.chars().next().unwrap_or(' ');
    if first == '\\' {
        return escaped(rest).ok_or_else(|| {
            FilterError::new(at..at + 1, "nothing follows '\\'", "it makes a name of a keyword, as in 'ip proto \\tcp'")
        });
    }
    let word = word_len(rest);
    // The longest reading, and of several as long the first.
    let readings = [mac(rest), ip6(rest), ip4(rest, at)?, number(rest, at)?];
    let longest = readings.into_iter().flatten().rev().max_by_key(|(_, len)| *len);
    if let Some((token, len)) = longest.filter(|(_, len)| *len >= word) {
        return Ok((token, len));
    }
    if word > 0 {
        return Ok((Token::Word(rest[..word].to_owned()), word));
    }
    if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
        return Ok((Token::Sign(sign), sign.len()));
    }
    if first == '!' {
        return Ok((Token::Sign("!"), 1));
    }
    let hint = "an expression is made of words, numbers, addresses, ( ) [ ] and operators";
    Err(FilterError::new(at..at + first.len_utf8(), format!("'{}' has no meaning", first.escape_default()), hint))
}

fn escaped(rest: &str) -> Option<(Token, usize)> {
    let name: String = rest[1..].chars().take_while(|c| !c.is_whitespace() && !matches!(c, '!' | '(' | ')')).collect();
    let len = 1 + name.len();
    (!name.is_empty()).then_some((Token::Name(name), len))
}

/// Letters, digits, and between them `-`, `_` and `.`.
fn word_len(rest: &str) -> usize {
    if !rest.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return 0;
    }
    let run = rest.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '.')).unwrap_or(rest.len());
    rest[..run].trim_end_matches(['-', '_']).len()
}

/// What `rest` begins with of such bytes, at most `longest` of them.
fn run(rest: &str, longest: usize, is_such: impl Fn(u8) -> bool) -> &str {
    let len = rest.bytes().take(longest).take_while(|b| is_such(*b)).count();
    &rest[..len]
}

/// Six bytes as `0:1:2:a:b:c`, `00-01-02-0a-0b-0c` or `0.1.2.a.b.c`; or `0001.020a.0b0c`; or `0001020a0b0c`.
fn mac(rest: &str) -> Option<(Token, usize)> {
    /// The longest text of six bytes, and one more.
    const LONGEST: usize = 18;
    let run = run(rest, LONGEST, |b| b.is_ascii_hexdigit() || matches!(b, b':' | b'-' | b'.'));
    let groups = |separator: char, count: usize, digits: Range<usize>| -> Option<Vec<u16>> {
        let groups: Vec<&str> = run.split(separator).collect();
        let fits = groups.len() == count && groups.iter().all(|group| digits.contains(&group.len()));
        if !fits {
            return None;
        }
        groups.iter().map(|group| u16::from_str_radix(group, 16).ok()).collect()
    };
    let bytes: Vec<u8> = if run.len() == 12 && run.bytes().all(|b| b.is_ascii_hexdigit()) {
        (0..6).filter_map(|i| u8::from_str_radix(&run[2 * i..2 * i + 2], 16).ok()).collect()
    } else if let Some(groups) = [':', '-', '.'].into_iter().find_map(|separator| groups(separator, 6, 1..3)) {
        groups.iter().map(|group| *group as u8).collect()
    } else {
        groups('.', 3, 4..5)?.iter().flat_map(|group| group.to_be_bytes()).collect()
    };
    Some((Token::Mac(MacAddr(bytes.try_into().ok()?)), run.len()))
}

fn ip6(rest: &str) -> Option<(Token, usize)> {
    /// The longest text of an IPv6 address.
    const LONGEST: usize = 45;
    let run = run(rest, LONGEST, |b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.'));
    if run.bytes().filter(|b| *b == b':').count() < 2 {
        return None;
    }
    (2..=run.len()).rev().find_map(|len| Some((Token::Ip6(run[..len].parse().ok()?), len)))
}

/// Two to four numbers with dots between them.
fn ip4(rest: &str, at: usize) -> Result<Option<(Token, usize)>, FilterError> {
    let run = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let run = &rest[..run];
    let parts: Vec<&str> = run.split('.').collect();
    if !(2..=4).contains(&parts.len()) || parts.iter().any(|part| part.is_empty()) || word_len(rest) > run.len() {
        return Ok(None);
    }
    let bits = 8 * parts.len() as u32;
    let mut address: u32 = 0;
    for part in &parts {
        let byte = part.parse::<u8>().map_err(|_| {
            let message = format!("'{run}' is no IPv4 address");
            FilterError::new(at..at + run.len(), message, "each of its numbers is at most 255")
        })?;
        address = address << 8 | u32::from(byte);
    }
    Ok(Some((Token::Ip4(address << (32 - bits), bits), run.len())))
}

/// Decimal, hexadecimal after `0x`, octal after `0`.
fn number(rest: &str, at: usize) -> Result<Option<(Token, usize)>, FilterError> {
    let len = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
    let digits = &rest[..len];
    let (radix, bare) = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(bare) => (16, bare),
        None if digits.len() > 1 && digits.starts_with('0') => (8, digits),
        None => (10, digits),
    };
    if bare.is_empty() || !bare.bytes().all(|b| char::from(b).is_digit(radix.max(10))) || word_len(rest) > len {
        return Ok(None);
    }
    match u32::from_str_radix(bare, radix) {
        Ok(number) => Ok(Some((Token::Number(number), len))),
        Err(_) if radix == 8 && bare.bytes().any(|b| b > b'7') => {
            Err(FilterError::new(at..at + len, format!("'{digits}' begins with 0 but is not octal"), "leave the 0 out"))
        }
        Err(_) => Err(FilterError::new(at..at + len, format!("{digits} is too big"), "numbers have 32 bits")),
    }
}
