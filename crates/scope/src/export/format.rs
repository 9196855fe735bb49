//! JSON lines and CSV (RFC 4180), from one schema.

use super::{Table, Value};
use std::io::Write;

/// Appends a row as a JSON object on a line of its own; what is null is left out.
pub fn json_line<R>(table: &Table<R>, row: &R, to: &mut Vec<u8>) {
    let mut before = b'{';
    for column in table.columns() {
        let value = column.value(row);
        if value == Value::Null {
            continue;
        }
        to.push(before);
        before = b',';
        json_text(column.name, to);
        to.push(b':');
        match value {
            Value::Null => {}
            Value::Bool(value) => to.extend_from_slice(if value { b"true" } else { b"false" }),
            Value::Int(value) => integer(value, to),
            Value::Text(value) => json_text(&value, to),
        }
    }
    to.extend_from_slice(if before == b'{' { b"{}\n" } else { b"}\n" });
}

fn json_text(text: &str, to: &mut Vec<u8>) {
    to.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => to.extend_from_slice(&[b'\\', byte]),
            ..0x20 => {
                // Writing to a Vec can't fail.
                let _ = write!(to, "\\u{byte:04x}");
            }
            _ => to.push(byte),
        }
    }
    to.push(b'"');
}

/// Appends the names of the columns.
pub fn csv_header<R>(table: &Table<R>, to: &mut Vec<u8>) {
    for (i, column) in table.columns().enumerate() {
        if i > 0 {
            to.push(b',');
        }
        to.extend_from_slice(column.name.as_bytes());
    }
    to.push(b'\n');
}

/// Appends a row; what is null is an empty field.
pub fn csv_line<R>(table: &Table<R>, row: &R, to: &mut Vec<u8>) {
    for (i, column) in table.columns().enumerate() {
        if i > 0 {
            to.push(b',');
        }
        match column.value(row) {
            Value::Null => {}
            Value::Bool(value) => to.extend_from_slice(if value { b"true" } else { b"false" }),
            Value::Int(value) => integer(value, to),
            Value::Text(value) => csv_text(&value, to),
        }
    }
    to.push(b'\n');
}

fn csv_text(text: &str, to: &mut Vec<u8>) {
    if !text.bytes().any(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r')) {
        to.extend_from_slice(text.as_bytes());
        return;
    }
    to.push(b'"');
    for byte in text.bytes() {
        if byte == b'"' {
            to.push(b'"');
        }
        to.push(byte);
    }
    to.push(b'"');
}

fn integer(value: i64, to: &mut Vec<u8>) {
    let _ = write!(to, "{value}");
}
