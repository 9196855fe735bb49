//! The functions that snippets may call.

use super::arithmetic::{Result, TOO_LARGE, unary};
use super::syntax::Unary;
use super::value::Value;

/// The functions that snippets may call. `print` takes `sep` and `end` by name, the others no names.
pub const BUILTINS: [&str; 20] = [
    "abs", "all", "any", "bin", "bool", "float", "format", "hex", "int", "len", "list", "max", "min", "oct", "print",
    "repr", "round", "str", "sum", "tuple",
];

/// What a function of the list makes of its arguments; `print` is the interpreter's.
pub(super) fn call(name: &str, arguments: &[Value]) -> Result<Value> {
    let int =
        |value: &Value| value.as_int().ok_or_else(|| format!("{name} wants an integer, not {}", value.type_name()));
    let items = |value: &Value| items(name, value);
    Ok(match (name, arguments) {
        ("abs", [value]) => match value {
            Value::Float(n) => Value::Float(n.abs()),
            _ => Value::Int(int(value)?.checked_abs().ok_or(TOO_LARGE)?),
        },
        ("all", [value]) => Value::Bool(items(value)?.iter().all(Value::is_true)),
        ("any", [value]) => Value::Bool(items(value)?.iter().any(Value::is_true)),
        ("bin", [value]) => Value::Text(with_radix(int(value)?, "0b", |n| format!("{n:b}"))),
        ("hex", [value]) => Value::Text(with_radix(int(value)?, "0x", |n| format!("{n:x}"))),
        ("oct", [value]) => Value::Text(with_radix(int(value)?, "0o", |n| format!("{n:o}"))),
        ("bool", [value]) => Value::Bool(value.is_true()),
        ("float", [value]) => float(value)?,
        ("int", [value]) => integer(value)?,
        ("int", [Value::Text(text), radix]) => radix_integer(text, int(radix)?)?,
        ("format", [value]) => Value::Text(value.to_string()),
        ("format", [value, Value::Text(spec)]) => Value::Text(super::format::formatted(value, spec)?),
        ("len", [Value::Text(text)]) => Value::Int(text.chars().count() as i128),
        ("len", [value]) => Value::Int(items(value)?.len() as i128),
        ("list", [value]) => Value::List(items(value)?),
        ("tuple", [value]) => Value::Tuple(items(value)?),
        ("max" | "min", [one]) => extreme(name, &items(one)?)?,
        ("max" | "min", many @ [_, _, ..]) => extreme(name, many)?,
        ("repr", [value]) => Value::Text(value.repr()),
        ("round", [Value::Float(n)]) => whole(n.round_ties_even())?,
        ("round", [value]) => Value::Int(int(value)?),
        ("round", [value, digits]) => round(value, int(digits)?)?,
        ("str", [value]) => Value::Text(value.to_string()),
        ("sum", [value]) => {
            let add = |sum: Value, item: &Value| super::arithmetic::binary(super::syntax::Binary::Add, &sum, item);
            items(value)?.iter().try_fold(Value::Int(0), add)?
        }
        _ => return Err(format!("{name} does not take these {} arguments", arguments.len())),
    })
}

/// The items of a tuple, a list or a text.
fn items(name: &str, value: &Value) -> Result<Vec<Value>> {
    match value {
        Value::Text(text) => Ok(text.chars().map(|c| Value::Text(c.into())).collect()),
        _ => {
            value.items().map(<[Value]>::to_vec).ok_or_else(|| format!("{name} wants items, not {}", value.type_name()))
        }
    }
}

fn with_radix(n: i128, prefix: &str, digits: impl Fn(u128) -> String) -> String {
    format!("{}{prefix}{}", if n < 0 { "-" } else { "" }, digits(n.unsigned_abs()))
}

fn float(value: &Value) -> Result<Value> {
    let number = match value {
        Value::Text(text) => text.trim().parse().ok(),
        _ => value.as_float(),
    };
    number.map(Value::Float).ok_or_else(|| format!("{} is no float", value.repr()))
}

fn integer(value: &Value) -> Result<Value> {
    match value {
        Value::Text(text) => radix_integer(text, 10),
        Value::Float(n) => whole(n.trunc()),
        _ => value.as_int().map(Value::Int).ok_or_else(|| format!("{} is no integer", value.repr())),
    }
}

fn radix_integer(text: &str, radix: i128) -> Result<Value> {
    let digits = text.trim().to_lowercase();
    let (sign, digits) = digits.strip_prefix('-').map_or((1, digits.as_str()), |digits| (-1, digits));
    let (prefix, known) = match radix {
        16 => ("0x", 16),
        8 => ("0o", 8),
        2 => ("0b", 2),
        10 => ("", 10),
        _ => return Err(format!("numbers of base {radix} are not supported")),
    };
    let digits = digits.strip_prefix(prefix).unwrap_or(digits);
    let number = i128::from_str_radix(digits, known).ok().filter(|_| digits.starts_with(|c: char| c.is_alphanumeric()));
    number.map(|n| Value::Int(n * sign)).ok_or_else(|| format!("'{text}' is no integer of base {radix}"))
}

/// A float without a fraction as an integer.
fn whole(n: f64) -> Result<Value> {
    if n.abs() < 1e38 { Ok(Value::Int(n as i128)) } else { Err(format!("{} is no integer", Value::Float(n).repr())) }
}

fn round(value: &Value, digits: i128) -> Result<Value> {
    let Value::Float(n) = value else {
        let is_kept = digits >= 0 && value.as_int().is_some();
        return if is_kept {
            unary(Unary::Plus, value)
        } else {
            Err("round does not take these 2 arguments".to_owned())
        };
    };
    match usize::try_from(digits) {
        Ok(digits) if digits <= 300 => Ok(Value::Float(format!("{n:.digits$}").parse().unwrap_or(*n))),
        _ => Err("round wants 0 to 300 digits".to_owned()),
    }
}

fn extreme(name: &str, values: &[Value]) -> Result<Value> {
    let Some((first, rest)) = values.split_first() else { return Err(format!("{name} of nothing")) };
    let wanted = if name == "max" { std::cmp::Ordering::Greater } else { std::cmp::Ordering::Less };
    let better = |best: &Value, value: &Value| match value.compare(best) {
        Some(order) => Ok(order == Some(wanted)),
        None => Err(format!("{} and {} have no order", value.type_name(), best.type_name())),
    };
    let mut best = first;
    for value in rest {
        best = if better(best, value)? { value } else { best };
    }
    Ok(best.clone())
}
