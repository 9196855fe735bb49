//! What operators do, as in Python 3; what would be too large is an error.

use super::format::percent;
use super::syntax::{Binary, Unary};
use super::value::Value;

/// The largest [size](Value::size) of a value.
pub(super) const MAX_SIZE: usize = 1 << 16;

pub(super) const TOO_LARGE: &str = "a number of more than 128 bits";
pub(super) const TOO_LONG: &str = "a text or list of more than 65536 parts";

pub(super) type Result<T> = std::result::Result<T, String>;

/// `operator value`.
pub(super) fn unary(operator: Unary, value: &Value) -> Result<Value> {
    let is_wrong = || format!("{} is nothing for a sign", value.type_name());
    match operator {
        Unary::Not => return Ok(Value::Bool(!value.is_true())),
        Unary::Invert => return value.as_int().map(|n| Value::Int(!n)).ok_or_else(is_wrong),
        Unary::Plus | Unary::Minus => {}
    }
    match (value, value.as_int()) {
        (_, Some(n)) if operator == Unary::Minus => n.checked_neg().map(Value::Int).ok_or(TOO_LARGE.to_owned()),
        (_, Some(n)) => Ok(Value::Int(n)),
        (Value::Float(n), _) => Ok(Value::Float(if operator == Unary::Minus { -n } else { *n })),
        _ => Err(is_wrong()),
    }
}

/// `left operator right`.
pub(super) fn binary(operator: Binary, left: &Value, right: &Value) -> Result<Value> {
    if let (Value::Text(format), Binary::Modulo) = (left, operator) {
        return bounded(percent(format, right)?);
    }
    if let (Some(a), Some(b)) = (left.as_int(), right.as_int()) {
        let is_logic = matches!((left, right), (Value::Bool(_), Value::Bool(_)));
        return integers(operator, a, b).map(|value| match (value, operator) {
            (Value::Int(n), Binary::And | Binary::Or | Binary::Xor) if is_logic => Value::Bool(n != 0),
            (value, _) => value,
        });
    }
    if let (Some(a), Some(b)) = (left.as_float(), right.as_float()) {
        return floats(operator, a, b);
    }
    match (operator, left, right) {
        (Binary::Add, Value::Text(a), Value::Text(b)) => bounded(format!("{a}{b}")),
        (Binary::Add, Value::Tuple(a), Value::Tuple(b)) => Ok(Value::Tuple([&a[..], b].concat())),
        (Binary::Add, Value::List(a), Value::List(b)) => Ok(Value::List([&a[..], b].concat())),
        (Binary::Multiply, many, times) | (Binary::Multiply, times, many) if times.as_int().is_some() => {
            repeated(many, times.as_int().unwrap_or(0))
        }
        _ => Err(format!("no such operation between {} and {}", left.type_name(), right.type_name())),
    }
}

fn integers(operator: Binary, a: i128, b: i128) -> Result<Value> {
    let result = match operator {
        Binary::Add => a.checked_add(b),
        Binary::Subtract => a.checked_sub(b),
        Binary::Multiply => a.checked_mul(b),
        Binary::Divide | Binary::FloorDivide | Binary::Modulo if b == 0 => return Err("division by zero".to_owned()),
        Binary::Divide => return Ok(Value::Float(quotient(a, b))),
        // Only the smallest number by -1 overflows.
        Binary::FloorDivide => a.checked_div(b).map(|q| q - i128::from(a % b != 0 && (a < 0) != (b < 0))),
        Binary::Modulo => a.checked_rem(b).or(Some(0)).map(|r| if r != 0 && (r < 0) != (b < 0) { r + b } else { r }),
        Binary::Power => return power(a, b),
        Binary::And => Some(a & b),
        Binary::Or => Some(a | b),
        Binary::Xor => Some(a ^ b),
        Binary::ShiftLeft | Binary::ShiftRight if b < 0 => return Err("a shift by less than nothing".to_owned()),
        Binary::ShiftLeft => {
            let shifted = u32::try_from(b).ok().filter(|b| *b < 127).and_then(|b| a.checked_mul(1i128 << b));
            shifted.or((a == 0).then_some(0))
        }
        Binary::ShiftRight => Some(a >> b.min(127)),
    };
    result.map(Value::Int).ok_or(TOO_LARGE.to_owned())
}

/// `a / b`, exact where it is a whole number.
fn quotient(a: i128, b: i128) -> f64 {
    match a.checked_rem(b) {
        Some(0) if a == 0 => {
            if b < 0 {
                -0.0
            } else {
                0.0
            }
        }
        Some(0) => a.checked_div(b).map_or(-(a as f64), |whole| whole as f64),
        _ => a as f64 / b as f64,
    }
}

fn power(a: i128, b: i128) -> Result<Value> {
    if b < 0 {
        return floats(Binary::Power, a as f64, b as f64);
    }
    let small = match a {
        0 | 1 => Some(if b == 0 { 1 } else { a }),
        -1 => Some(if b % 2 == 0 { 1 } else { -1 }),
        _ => u32::try_from(b).ok().and_then(|b| a.checked_pow(b)),
    };
    small.map(Value::Int).ok_or(TOO_LARGE.to_owned())
}

fn floats(operator: Binary, a: f64, b: f64) -> Result<Value> {
    let zero = || Err("division by zero".to_owned());
    let result = match operator {
        Binary::Add => a + b,
        Binary::Subtract => a - b,
        Binary::Multiply => a * b,
        Binary::Divide | Binary::FloorDivide | Binary::Modulo if b == 0.0 => return zero(),
        Binary::Divide => a / b,
        Binary::FloorDivide => floor_divided(a, b).0,
        Binary::Modulo => floor_divided(a, b).1,
        Binary::Power if a == 0.0 && b < 0.0 => return zero(),
        Binary::Power => a.powf(b),
        _ => return Err("no such operation with float".to_owned()),
    };
    if result.is_finite() || !(a.is_finite() && b.is_finite()) {
        Ok(Value::Float(result))
    } else {
        Err(TOO_LARGE.to_owned())
    }
}

/// `a // b` and `a % b`: the rest has the divisor's sign, and the quotient is what is left without it.
fn floor_divided(a: f64, b: f64) -> (f64, f64) {
    let rest = a % b;
    let quotient = (a - rest) / b;
    let (rest, quotient) = if rest == 0.0 {
        (rest.copysign(b), quotient)
    } else if (rest < 0.0) != (b < 0.0) {
        (rest + b, quotient - 1.0)
    } else {
        (rest, quotient)
    };
    (if quotient == 0.0 { quotient.copysign(a / b) } else { quotient.round_ties_even() }, rest)
}

fn repeated(many: &Value, times: i128) -> Result<Value> {
    let times = usize::try_from(times.max(0)).unwrap_or(usize::MAX);
    if times > MAX_SIZE || (many.size() - 1).saturating_mul(times) >= MAX_SIZE {
        return Err(TOO_LONG.to_owned());
    }
    let all = |items: &[Value]| items.iter().cycle().take(items.len() * times).cloned().collect();
    match many {
        Value::Text(text) => Ok(Value::Text(text.repeat(times))),
        Value::Tuple(items) => Ok(Value::Tuple(all(items))),
        Value::List(items) => Ok(Value::List(all(items))),
        other => Err(format!("{} can't be repeated", other.type_name())),
    }
}

/// A text, if it is not too long.
pub(super) fn bounded(text: String) -> Result<Value> {
    if text.len() < MAX_SIZE { Ok(Value::Text(text)) } else { Err(TOO_LONG.to_owned()) }
}
