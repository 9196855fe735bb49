//! Rows for other tools: each segment and each connection of a capture, as named columns that a database takes.
//!
//! [`SEGMENTS`] and [`CONNECTIONS`] are the two schemas; every format is written from them. Times are nanoseconds, sizes
//! bytes; what is not known is null. Times since 1970 end in `_ns` as durations do: they are plain numbers everywhere.

mod connection;
mod format;
mod segment;

#[cfg(test)]
mod tests;

pub use connection::CONNECTIONS;
pub use format::{csv_header, csv_line, json_line};
pub use segment::{SEGMENTS, SegmentRow};

use limpid_wire::Endpoint;
use std::borrow::Cow;
use std::time::Duration;

/// What a column holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ColumnType {
    /// True or false.
    Bool,
    /// A 64-bit signed number.
    Int,
    /// UTF-8.
    Text,
}

/// One value of a row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value<'a> {
    /// Not known, or there is none.
    Null,
    /// True or false.
    Bool(bool),
    /// A number; those that don't fit saturate.
    Int(i64),
    /// Text.
    Text(Cow<'a, str>),
}

/// A schema: the columns of rows `R`, in order.
#[derive(Debug)]
pub struct Table<R: 'static> {
    groups: &'static [&'static [Column<R>]],
}

impl<R> Table<R> {
    /// Its columns.
    pub fn columns(&self) -> impl Iterator<Item = &'static Column<R>> {
        self.groups.iter().flat_map(|group| group.iter())
    }
}

/// A column of rows `R`.
#[derive(Debug)]
pub struct Column<R: 'static> {
    /// Its name: lower case, words joined by `_`.
    pub name: &'static str,
    /// What it means.
    pub about: &'static str,
    /// What it holds, if it is not null.
    pub kind: ColumnType,
    value: for<'r> fn(&'r R) -> Value<'r>,
}

impl<R> Column<R> {
    const fn int(name: &'static str, about: &'static str, value: for<'r> fn(&'r R) -> Value<'r>) -> Column<R> {
        Column { name, about, kind: ColumnType::Int, value }
    }

    const fn text(name: &'static str, about: &'static str, value: for<'r> fn(&'r R) -> Value<'r>) -> Column<R> {
        Column { name, about, kind: ColumnType::Text, value }
    }

    const fn bool(name: &'static str, about: &'static str, value: for<'r> fn(&'r R) -> Value<'r>) -> Column<R> {
        Column { name, about, kind: ColumnType::Bool, value }
    }

    /// The row's value.
    pub fn value<'r>(&self, row: &'r R) -> Value<'r> {
        (self.value)(row)
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Value::Int(value)
    }
}

impl From<u64> for Value<'_> {
    fn from(value: u64) -> Self {
        Value::Int(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<u32> for Value<'_> {
    fn from(value: u32) -> Self {
        Value::Int(value.into())
    }
}

impl From<u16> for Value<'_> {
    fn from(value: u16) -> Self {
        Value::Int(value.into())
    }
}

impl From<u8> for Value<'_> {
    fn from(value: u8) -> Self {
        Value::Int(value.into())
    }
}

impl From<Duration> for Value<'_> {
    fn from(value: Duration) -> Self {
        Value::Int(i64::try_from(value.as_nanos()).unwrap_or(i64::MAX))
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Value::Text(Cow::Borrowed(value))
    }
}

impl From<String> for Value<'_> {
    fn from(value: String) -> Self {
        Value::Text(Cow::Owned(value))
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

fn address(end: Endpoint) -> Value<'static> {
    Value::from(end.addr.to_string())
}
