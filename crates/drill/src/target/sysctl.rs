//! Sysctls of our stack: Linux's names to the settings that every user of a [`StackConfig`] has.
//!
//! `table` has a row for each name that is known, and says what setting it means. A name or a value that the
//! stack does not have is an error, so that no script is judged under settings that do not hold.

mod fast_open;
mod table;

#[cfg(test)]
mod tests;

use super::{Applied, TargetError};
use limpid_stack::StackConfig;
use std::collections::BTreeMap;
use table::{Meaning, TABLE};

/// What was set by name.
#[derive(Clone, Debug, Default)]
pub struct Sysctls {
    /// As it was written: some rows keep values that our settings do not have (`tcp_rmem`'s first number).
    given: BTreeMap<&'static str, String>,
}

impl Sysctls {
    /// Changes what `name` means in `config`, if `value` makes sense for it.
    ///
    /// # Errors
    /// [`TargetError::Refused`] for a value that Linux would not take either; [`TargetError::Unsupported`] for a name that is
    /// not known, or a value that asks for what the stack does not have.
    pub fn set(&mut self, config: &mut StackConfig, name: &str, value: &str) -> Result<Applied, TargetError> {
        let row = table::find(name).ok_or_else(|| unknown(name))?;
        // Numbers in a row are apart by any blanks, as in /proc.
        let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
        let before = self.value(config, name)?;
        let applied = match &row.meaning {
            Meaning::Number { least, most, write, .. } => {
                let number = number(name, &value)?;
                within(name, number, (*least, *most))?;
                write(config, number);
                Applied::Done
            }
            Meaning::Flag { write, .. } => {
                let number = number(name, &value)?;
                within(name, number, (0, 255))?;
                write(config, number != 0);
                Applied::Done
            }
            Meaning::Numbers { least, write, .. } => {
                let numbers = value.split(' ').map(|part| number(name, part)).collect::<Result<Vec<_>, _>>()?;
                numbers.iter().try_for_each(|number| within(name, *number, (*least, i64::from(i32::MAX))))?;
                write(config, &numbers).map_err(|why| TargetError::Refused(format!("{name}: {why}")))?;
                Applied::Done
            }
            Meaning::Name { write, why, .. } => match write(config, &value) {
                true => Applied::Done,
                false => return Err(TargetError::Unsupported(format!("{name} = {value}: {why}"))),
            },
            Meaning::Text { write, .. } => {
                write(config, &value).map_err(|why| TargetError::Refused(format!("{name}: {why}")))?;
                Applied::Done
            }
            Meaning::NoEffect { .. } if same(&value, &before) => Applied::Done,
            Meaning::NoEffect { why, .. } => Applied::NoEffect(format!("{name} = {value} changes nothing: {why}")),
            Meaning::Only { values, why } if !values.iter().any(|known| same(known, &value)) => {
                return Err(TargetError::Unsupported(format!("{name} = {value}: {why}")));
            }
            Meaning::Only { .. } => Applied::Done,
        };
        self.given.insert(row.name, value);
        Ok(applied)
    }

    /// What `name` says now, as `/proc/sys` would.
    ///
    /// # Errors
    /// [`TargetError::Unsupported`] for a name that is not known.
    pub fn value(&self, config: &StackConfig, name: &str) -> Result<String, TargetError> {
        let row = table::find(name).ok_or_else(|| unknown(name))?;
        if let Some(given) = self.given.get(row.name) {
            return Ok(given.clone());
        }
        Ok(match &row.meaning {
            Meaning::Number { read, .. } => read(config).to_string(),
            Meaning::Flag { read, .. } => i64::from(read(config)).to_string(),
            Meaning::Numbers { read, .. } => read(config).iter().map(i64::to_string).collect::<Vec<_>>().join(" "),
            Meaning::Name { read, .. } => read(config).to_owned(),
            Meaning::Text { read, .. } => read(config),
            Meaning::NoEffect { default, .. } => (*default).to_owned(),
            Meaning::Only { values, .. } => values.first().copied().unwrap_or_default().to_owned(),
        })
    }

    /// What a file under `/proc/sys` says, with its newline.
    ///
    /// # Errors
    /// [`TargetError::Unsupported`] if there is no such file.
    pub fn file(&self, config: &StackConfig, path: &str) -> Result<String, TargetError> {
        let name = path.strip_prefix("/proc/sys/").map(|rest| rest.replace('/', "."));
        let name = name.ok_or_else(|| TargetError::Unsupported(format!("{path}: limpid has no such file")))?;
        self.value(config, &name).map(|value| value + "\n")
    }
}

/// Every sysctl that is known, and what it means, for documentation.
pub fn known() -> impl Iterator<Item = (&'static str, String)> {
    TABLE.iter().map(|row| {
        let meaning = match &row.meaning {
            Meaning::Number { .. }
            | Meaning::Flag { .. }
            | Meaning::Numbers { .. }
            | Meaning::Name { .. }
            | Meaning::Text { .. } => "set".to_owned(),
            Meaning::NoEffect { why, .. } => format!("no effect: {why}"),
            Meaning::Only { values, why } => format!("{} only: {why}", values.join(" or ")),
        };
        (row.name, meaning)
    })
}

fn unknown(name: &str) -> TargetError {
    TargetError::Unsupported(format!("{name}: limpid has no such setting"))
}

/// A number as the kernel reads it: decimal, or hexadecimal after 0x.
fn number(name: &str, text: &str) -> Result<i64, TargetError> {
    let number = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => i64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    };
    number.ok_or_else(|| TargetError::Refused(format!("{name}: '{text}' is no number")))
}

fn within(name: &str, number: i64, (least, most): (i64, i64)) -> Result<(), TargetError> {
    match number {
        n if n < least => Err(TargetError::Refused(format!("{name}: {n} is less than {least}"))),
        n if n > most => Err(TargetError::Refused(format!("{name}: {n} is more than {most}"))),
        _ => Ok(()),
    }
}

/// The same value: as text, or as numbers.
fn same(a: &str, b: &str) -> bool {
    let as_number = |text: &str| number("", text).ok();
    a == b || as_number(a).is_some_and(|a| as_number(b) == Some(a))
}
