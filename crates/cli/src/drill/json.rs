//! Results as JSON, an object a line. The fields are described in docs/packetdrill.md.

use super::play::{Done, Kind};
use super::tally::Tally;
use limpid_drill::Verdict;
use std::fmt::Write as _;
use std::time::Duration;

/// An object that is being written.
struct Object(String);

impl Object {
    fn new() -> Object {
        Object(String::from("{"))
    }

    fn raw(mut self, name: &str, value: impl std::fmt::Display) -> Object {
        let separator = if self.0.len() > 1 { "," } else { "" };
        let _ = write!(self.0, "{separator}{}:{value}", quoted(name));
        self
    }

    fn text(self, name: &str, value: &str) -> Object {
        let value = quoted(value);
        self.raw(name, value)
    }

    fn text_if(self, name: &str, value: Option<&str>) -> Object {
        match value {
            Some(value) => self.text(name, value),
            None => self,
        }
    }

    fn raw_if(self, name: &str, value: Option<impl std::fmt::Display>) -> Object {
        match value {
            Some(value) => self.raw(name, value),
            None => self,
        }
    }

    fn end(self) -> String {
        self.0 + "}"
    }
}

/// How a script ended.
pub(super) fn script(done: &Done) -> String {
    let (at, what) = done.why().map_or((None, None), |(at, what)| (at, Some(what)));
    let failure = match &done.report.verdict {
        Verdict::Fail(failure) => Some(failure),
        _ => None,
    };
    let remarks: Vec<String> = done.report.remarks.iter().map(|remark| quoted(remark)).collect();
    let linux = done.beside.as_ref().map(|beside| beside.report.verdict.to_string());
    let object = Object::new()
        .text("script", &done.job.script.name)
        .text_if("mode", done.job.mode.map(|mode| mode.name()))
        .text("against", done.on.name())
        .text("verdict", done.kind().name())
        .raw_if("line", at.map(|at| at.line))
        .raw_if("column", at.map(|at| at.column))
        .text_if("what", what)
        .text_if("expected", failure.and_then(|f| f.expected.as_deref()))
        .text_if("actual", failure.and_then(|f| f.actual.as_deref()))
        .raw_if("packet", failure.and_then(|f| f.packet))
        .text_if("linux", linux.as_deref())
        .raw("packets", done.report.trace.packets.len())
        .raw("seconds", seconds(done.elapsed))
        .raw("tries", done.tries)
        .raw("remarks", format!("[{}]", remarks.join(",")))
        .text_if("printed", Some(done.report.printed.as_str()).filter(|printed| !printed.is_empty()));
    object.end() + "\n"
}

/// What all came to.
pub(super) fn summary(tally: &Tally) -> String {
    let counts = tally.counts();
    let mut object = Object::new().raw("scripts", counts.total());
    for kind in Kind::ALL {
        object = object.raw(kind.name(), counts.get(kind));
    }
    let summary = object.raw("seconds", seconds(tally.elapsed)).end();
    Object::new().raw("summary", summary).end() + "\n"
}

fn seconds(time: Duration) -> String {
    format!("{:.6}", time.as_secs_f64())
}

/// A string of JSON (RFC 8259 §7).
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c if c < ' ' || c == '\u{7f}' => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_jsons() {
        assert_eq!(quoted("a\"b\\c\n\u{1}é"), r#""a\"b\\c\n\u0001é""#);
        let object = Object::new().text("a", "x").raw("n", 1).text_if("no", None).raw_if("m", Some(2)).end();
        assert_eq!(object, r#"{"a":"x","n":1,"m":2}"#);
    }
}
