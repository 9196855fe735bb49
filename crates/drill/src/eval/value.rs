//! Values, and how Python compares and prints them.

use std::cmp::Ordering;
use std::fmt::{self, Display, Formatter, Write};

/// A value of a snippet.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// Nothing.
    None,
    /// A truth value, which counts as 0 or 1.
    Bool(bool),
    /// An integer; Python's have no bounds, these have 128 bits.
    Int(i128),
    /// A number with a fraction.
    Float(f64),
    /// A string.
    Text(String),
    /// Values that belong together.
    Tuple(Vec<Value>),
    /// Values in a row.
    List(Vec<Value>),
}

macro_rules! from_integers {
    ($($integer:ty),*) => {
        $(impl From<$integer> for Value {
            fn from(n: $integer) -> Value {
                Value::Int(n.into())
            }
        })*
    };
}

from_integers!(u8, u16, u32, u64, i32, i64);

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.to_owned())
    }
}

/// The text that `str` makes.
impl Display for Value {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(text) => f.write_str(text),
            other => f.write_str(&other.repr()),
        }
    }
}

impl Value {
    /// The name of its type.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Value::None => "NoneType",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Float(_) => "float",
            Value::Text(_) => "str",
            Value::Tuple(_) => "tuple",
            Value::List(_) => "list",
        }
    }

    /// True if a condition holds that is this value.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Value::None => false,
            Value::Bool(truth) => *truth,
            Value::Int(n) => *n != 0,
            Value::Float(n) => *n != 0.0,
            Value::Text(text) => !text.is_empty(),
            Value::Tuple(items) | Value::List(items) => !items.is_empty(),
        }
    }

    /// The integer it is, a truth value being one, too.
    pub(super) fn as_int(&self) -> Option<i128> {
        match *self {
            Value::Bool(truth) => Some(truth.into()),
            Value::Int(n) => Some(n),
            _ => None,
        }
    }

    /// The number it is.
    pub(super) fn as_float(&self) -> Option<f64> {
        match *self {
            Value::Float(n) => Some(n),
            _ => self.as_int().map(|n| n as f64),
        }
    }

    /// How much there is of it: bytes of text, and values inside of values.
    pub(super) fn size(&self) -> usize {
        match self {
            Value::Text(text) => 1 + text.len(),
            Value::Tuple(items) | Value::List(items) => 1 + items.iter().map(Value::size).sum::<usize>(),
            _ => 1,
        }
    }

    /// The items of a tuple or a list.
    pub(super) fn items(&self) -> Option<&[Value]> {
        match self {
            Value::Tuple(items) | Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// True if `==` holds.
    pub(super) fn equals(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::None, Value::None) => true,
            (Value::Text(a), Value::Text(b)) => a == b,
            (Value::Tuple(a), Value::Tuple(b)) | (Value::List(a), Value::List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.equals(b))
            }
            _ => compare_numbers(self, other) == Some(Some(Ordering::Equal)),
        }
    }

    /// Which is smaller, if they have an order; the inner `None` if one is no number at all (NaN).
    pub(super) fn compare(&self, other: &Value) -> Option<Option<Ordering>> {
        match (self, other) {
            (Value::Text(a), Value::Text(b)) => Some(Some(a.cmp(b))),
            (Value::Tuple(a), Value::Tuple(b)) | (Value::List(a), Value::List(b)) => {
                match a.iter().zip(b).find(|(a, b)| !a.equals(b)) {
                    Some((a, b)) => a.compare(b),
                    None => Some(Some(a.len().cmp(&b.len()))),
                }
            }
            _ => compare_numbers(self, other),
        }
    }

    /// The text that `repr` makes.
    pub(super) fn repr(&self) -> String {
        match self {
            Value::None => "None".to_owned(),
            Value::Bool(true) => "True".to_owned(),
            Value::Bool(false) => "False".to_owned(),
            Value::Int(n) => n.to_string(),
            Value::Float(n) => float_repr(*n),
            Value::Text(text) => text_repr(text),
            Value::Tuple(items) if items.len() == 1 => format!("({},)", items[0].repr()),
            Value::Tuple(items) => format!("({})", joined(items)),
            Value::List(items) => format!("[{}]", joined(items)),
        }
    }
}

fn joined(items: &[Value]) -> String {
    items.iter().map(Value::repr).collect::<Vec<_>>().join(", ")
}

fn compare_numbers(a: &Value, b: &Value) -> Option<Option<Ordering>> {
    if let (Some(a), Some(b)) = (a.as_int(), b.as_int()) {
        return Some(Some(a.cmp(&b)));
    }
    let (x, y) = (a.as_float()?, b.as_float()?);
    // An integer that no float can hold is compared as one where the float allows it.
    let exact = |n: f64| (n.fract() == 0.0 && n.abs() < 1e38).then_some(n as i128);
    match (a.as_int().or_else(|| exact(x)), b.as_int().or_else(|| exact(y))) {
        (Some(a), Some(b)) => Some(Some(a.cmp(&b))),
        _ => Some(x.partial_cmp(&y)),
    }
}

/// A float with as few digits as tell it from all others, as Python writes it.
fn float_repr(n: f64) -> String {
    if n.is_nan() {
        return "nan".to_owned();
    }
    if n.is_infinite() {
        return if n > 0.0 { "inf".to_owned() } else { "-inf".to_owned() };
    }
    let scientific = format!("{n:e}");
    let exponent: i32 = scientific.split_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or(0);
    if n == 0.0 || (-4..16).contains(&exponent) {
        return format!("{n:?}");
    }
    with_exponent(&scientific)
}

/// Rust's `1.5e7` as Python's `1.5e+07`.
pub(super) fn with_exponent(scientific: &str) -> String {
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific.to_owned() };
    let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
    format!("{mantissa}e{sign}{digits:0>2}")
}

fn text_repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::from(quote);
    for c in text.chars() {
        let escaped = match c {
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            '\\' => "\\\\",
            _ if c == quote => {
                if quote == '"' {
                    "\\\""
                } else {
                    "\\'"
                }
            }
            _ if u32::from(c) < 0x20 || c == '\x7f' => {
                // Writing to a String does not fail.
                let _ = write!(out, "\\x{:02x}", u32::from(c));
                continue;
            }
            _ => {
                out.push(c);
                continue;
            }
        };
        out.push_str(escaped);
    }
    out.push(quote);
    out
}
