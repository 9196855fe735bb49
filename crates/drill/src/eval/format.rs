//! `%` and `.format`: values as text.

use super::arithmetic::{MAX_SIZE, Result, TOO_LONG};
use super::value::{Value, with_exponent};

/// How wide and precise a value may be asked to be.
const MAX_WIDTH: usize = 1000;

/// How a value is to be written.
#[derive(Clone, Copy, Debug, Default)]
struct Spec {
    /// `<`, `>`, `^` or `=`; what is usual for the type if none.
    align: Option<char>,
    fill: Option<char>,
    /// `+` or a space before what is not negative.
    sign: Option<char>,
    /// `#`: `0x` and its kin before it.
    is_alternate: bool,
    width: usize,
    precision: Option<usize>,
    /// `,`: thousands apart.
    has_commas: bool,
    /// The letter; none in `{}` by default.
    kind: Option<char>,
}

/// `format % values`.
pub(super) fn percent(format: &str, values: &Value) -> Result<String> {
    let mut values = match values {
        Value::Tuple(items) => items.iter(),
        one => std::slice::from_ref(one).iter(),
    };
    let mut out = String::new();
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let mut scanner = Scanner { rest: &rest[at + 1..] };
        if scanner.take('%') {
            out.push('%');
        } else {
            let spec = scanner.percent_spec()?;
            let Some(value) = values.next() else { return Err("fewer values than the format wants".to_owned()) };
            out.push_str(&written(value, spec, true)?);
        }
        if out.len() > MAX_SIZE {
            return Err(TOO_LONG.to_owned());
        }
        rest = scanner.rest;
    }
    out.push_str(rest);
    match values.next() {
        None => Ok(out),
        Some(_) => Err("more values than the format wants".to_owned()),
    }
}

/// `format.format(values, name=value)`.
pub(super) fn braces(format: &str, values: &[Value], named: &[(String, Value)]) -> Result<String> {
    let mut out = String::new();
    let mut next = 0;
    let mut rest = format;
    while let Some(at) = rest.find(['{', '}']) {
        out.push_str(&rest[..at]);
        let (bracket, behind) = rest[at..].split_at(1);
        if let Some(doubled) = behind.strip_prefix(bracket) {
            out.push_str(bracket);
            rest = doubled;
            continue;
        }
        let Some((field, behind)) = behind.split_once('}').filter(|_| bracket == "{") else {
            return Err("a lone bracket in a format".to_owned());
        };
        rest = behind;
        let (name, spec) = field.split_once(':').unwrap_or((field, ""));
        let value = if name.is_empty() {
            next += 1;
            values.get(next - 1)
        } else if let Ok(index) = name.parse::<usize>() {
            values.get(index)
        } else {
            named.iter().find(|(known, _)| known == name).map(|(_, value)| value)
        };
        let Some(value) = value else { return Err(format!("no value for {{{name}}}")) };
        out.push_str(&formatted(value, spec)?);
        if out.len() > MAX_SIZE {
            return Err(TOO_LONG.to_owned());
        }
    }
    out.push_str(rest);
    Ok(out)
}

/// `format(value, spec)`.
pub(super) fn formatted(value: &Value, text: &str) -> Result<String> {
    let mut scanner = Scanner { rest: text };
    let spec = scanner.brace_spec()?;
    let is_number = value.as_float().is_some();
    let is_fit = match spec.kind {
        Some('s') | None if !is_number => {
            spec.sign.is_none() && !spec.is_alternate && !spec.has_commas && spec.align != Some('=')
        }
        Some('s') => false,
        Some('c') => spec.sign.is_none() && !spec.is_alternate && !spec.has_commas && spec.precision.is_none(),
        Some('d' | 'x' | 'X' | 'o' | 'b') => spec.precision.is_none() && (!spec.has_commas || spec.kind == Some('d')),
        None if value.as_int().is_some() => spec.precision.is_none(),
        _ => true,
    };
    let is_fit = is_fit && !(spec.has_commas && spec.align == Some('=') && spec.width > 0);
    if is_fit {
        written(value, spec, false)
    } else {
        Err(format!("the format {text} does not fit {}", value.type_name()))
    }
}

struct Scanner<'a> {
    rest: &'a str,
}

impl Scanner<'_> {
    fn percent_spec(&mut self) -> Result<Spec> {
        let mut spec = Spec::default();
        while let Some(flag) = self.take_of("#0- +") {
            match flag {
                '#' => spec.is_alternate = true,
                '-' => spec.align = Some('<'),
                '0' => spec.fill = Some('0'),
                sign => spec.sign = if spec.sign == Some('+') { Some('+') } else { Some(sign) },
            }
        }
        if spec.fill.is_some() && spec.align.is_none() {
            spec.align = Some('=');
        } else if spec.align.is_some() {
            spec.fill = None;
        }
        spec.width = self.number()?.unwrap_or(0);
        if self.take('.') {
            spec.precision = Some(self.number()?.unwrap_or(0));
        }
        while self.take_of("hlL").is_some() {}
        spec.kind = self.take_of("diusrxXofFeEgGc");
        if spec.kind.is_none() {
            return Err(format!("the format %{} is not supported", self.rest.chars().next().unwrap_or(' ')));
        }
        Ok(spec)
    }

    fn brace_spec(&mut self) -> Result<Spec> {
        let mut spec = Spec::default();
        let mut characters = self.rest.chars();
        if let (Some(fill), Some(align @ ('<' | '>' | '^' | '='))) = (characters.next(), characters.next()) {
            spec.fill = Some(fill);
            spec.align = Some(align);
            self.rest = characters.as_str();
        } else {
            spec.align = self.take_of("<>^=");
        }
        spec.sign = self.take_of("+- ").filter(|sign| *sign != '-');
        spec.is_alternate = self.take('#');
        if self.take('0') {
            spec.fill = spec.fill.or(Some('0'));
            spec.align = spec.align.or(Some('='));
        }
        spec.width = self.number()?.unwrap_or(0);
        spec.has_commas = self.take(',');
        if self.take('.') {
            spec.precision = Some(self.number()?.unwrap_or(0));
        }
        spec.kind = self.take_of("dsxXobfFeEgGc");
        if self.rest.is_empty() { Ok(spec) } else { Err(format!("the format {} is not supported", self.rest)) }
    }

    fn number(&mut self) -> Result<Option<usize>> {
        let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = self.rest.split_at(digits);
        self.rest = rest;
        match number.parse() {
            _ if number.is_empty() => Ok(None),
            Ok(n) if n <= MAX_WIDTH => Ok(Some(n)),
            _ => Err("a format of more than 1000 characters".to_owned()),
        }
    }

    fn take(&mut self, wanted: char) -> bool {
        self.rest.strip_prefix(wanted).map(|rest| self.rest = rest).is_some()
    }

    fn take_of(&mut self, wanted: &str) -> Option<char> {
        let c = self.rest.chars().next().filter(|c| wanted.contains(*c))?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }
}

/// A value as the specification wants it; `is_percent` where `%` does, which takes floats for integers.
fn written(value: &Value, spec: Spec, is_percent: bool) -> Result<String> {
    let wrong = |kind: char| Err(format!("{} can't be written as %{kind}", value.type_name()));
    let (body, is_number) = match spec.kind {
        Some('r') => (shortened(value.repr(), spec), false),
        Some('s') if is_percent || matches!(value, Value::Text(_)) => (shortened(value.to_string(), spec), false),
        None if value.as_float().is_none() || matches!(value, Value::Bool(_)) => {
            (shortened(value.to_string(), spec), false)
        }
        Some('c') => match value {
            Value::Text(text) if text.chars().count() == 1 => (text.clone(), false),
            _ => match value.as_int().and_then(|n| u32::try_from(n).ok()).and_then(char::from_u32) {
                Some(c) => (c.into(), false),
                None => return wrong('c'),
            },
        },
        Some(kind @ ('d' | 'i' | 'u' | 'x' | 'X' | 'o' | 'b')) => {
            let truncated = match value {
                Value::Float(n) if is_percent && "diu".contains(kind) => whole(*n)?,
                _ => value.as_int(),
            };
            let Some(n) = truncated else { return wrong(kind) };
            (integer(n, spec, kind, is_percent), true)
        }
        None if value.as_int().is_some() => (integer(value.as_int().unwrap_or(0), spec, 'd', false), true),
        kind => {
            let Some(n) = value.as_float().filter(|_| !spec.is_alternate) else { return wrong(kind.unwrap_or('f')) };
            (signed(n.is_sign_negative() && !n.is_nan(), &float(n.abs(), kind, spec), spec), true)
        }
    };
    Ok(padded(&body, spec, is_number, is_percent))
}

/// The whole number below or above a float, nearer to zero.
fn whole(n: f64) -> Result<Option<i128>> {
    if n.abs() < 1e38 { Ok(Some(n as i128)) } else { Err("a number that is too large for an integer".to_owned()) }
}

fn shortened(text: String, spec: Spec) -> String {
    match spec.precision {
        Some(precision) => text.chars().take(precision).collect(),
        None => text,
    }
}

fn integer(n: i128, spec: Spec, kind: char, is_percent: bool) -> String {
    let magnitude = n.unsigned_abs();
    let (prefix, digits) = match kind {
        'x' => ("0x", format!("{magnitude:x}")),
        'X' => ("0X", format!("{magnitude:X}")),
        'o' => ("0o", format!("{magnitude:o}")),
        'b' => ("0b", format!("{magnitude:b}")),
        _ => ("", magnitude.to_string()),
    };
    let precision = spec.precision.filter(|_| is_percent).unwrap_or(0);
    let digits = format!("{digits:0>precision$}");
    let digits = if spec.has_commas { with_commas(&digits) } else { digits };
    signed(n < 0, &format!("{}{digits}", if spec.is_alternate { prefix } else { "" }), spec)
}

fn signed(is_negative: bool, magnitude: &str, spec: Spec) -> String {
    match spec.sign {
        _ if is_negative => format!("-{magnitude}"),
        Some(sign) => format!("{sign}{magnitude}"),
        None => magnitude.to_owned(),
    }
}

/// A float that is not negative.
fn float(n: f64, kind: Option<char>, spec: Spec) -> String {
    let precision = spec.precision.unwrap_or(6);
    let text = match kind {
        Some('e' | 'E') => with_exponent(&format!("{n:.precision$e}")),
        Some('g' | 'G') => general(n, precision.max(1)),
        None => match spec.precision {
            None => Value::Float(n).repr(),
            Some(precision) => with_fraction(&general(n, precision.max(1))),
        },
        _ => format!("{n:.precision$}"),
    };
    let text = if spec.has_commas { with_commas(&text) } else { text };
    match kind {
        Some('E' | 'G' | 'F') => text.to_uppercase(),
        _ => text.to_lowercase(),
    }
}

/// So many digits that count, without zeros at the end.
fn general(n: f64, precision: usize) -> String {
    let scientific = format!("{n:.*e}", precision - 1);
    let exponent: i32 = scientific.split_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or(0);
    let digits = i32::try_from(precision).unwrap_or(i32::MAX);
    let trimmed = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if (-4..digits).contains(&exponent) {
        let decimals = usize::try_from(digits - 1 - exponent).unwrap_or(0);
        return trimmed(&format!("{n:.decimals$}"));
    }
    match scientific.split_once('e') {
        Some((mantissa, exponent)) => with_exponent(&format!("{}e{exponent}", trimmed(mantissa))),
        None => scientific,
    }
}

/// A float's digits, with `.0` if there is neither a point nor an exponent.
fn with_fraction(digits: &str) -> String {
    if digits.contains(['.', 'e']) { digits.to_owned() } else { format!("{digits}.0") }
}

fn with_commas(digits: &str) -> String {
    let whole = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let mut out = String::new();
    for (n, digit) in digits[..whole].chars().enumerate() {
        if n > 0 && (whole - n).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out + &digits[whole..]
}

fn padded(body: &str, spec: Spec, is_number: bool, is_percent: bool) -> String {
    let missing = spec.width.saturating_sub(body.chars().count());
    let fill = spec.fill.filter(|fill| is_number || !is_percent || *fill != '0').unwrap_or(' ');
    let pad = |count: usize| fill.to_string().repeat(count);
    match spec.align.unwrap_or(if is_number || is_percent { '>' } else { '<' }) {
        '<' => format!("{body}{}", pad(missing)),
        '^' => format!("{}{body}{}", pad(missing / 2), pad(missing - missing / 2)),
        '=' if is_number => {
            let sign = usize::from(body.starts_with(['+', '-', ' ']));
            let prefix =
                if body[sign..].starts_with('0') && body[sign + 1..].starts_with(['x', 'X', 'o', 'b']) { 2 } else { 0 };
            let (start, digits) = body.split_at(sign + prefix);
            format!("{start}{}{digits}", pad(missing))
        }
        _ => format!("{}{body}", pad(missing)),
    }
}
