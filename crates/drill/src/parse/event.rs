//! Times, commands, snippets and system calls.

use super::Result;
use super::cursor::Cursor;
use super::text::{backticks_end, code_end};
use crate::script::{Command, Direction, Event, EventKind, Snippet, SystemCall, Time};
use std::time::Duration;

/// Seconds that a script's time may reach: some thirty years.
const MAX_SECONDS: u64 = 1_000_000_000;

pub(super) const AN_EVENT: &str = "an event, which starts with a time such as 0, +.1 or *";

impl Cursor<'_> {
    /// The next event, behind `last`.
    pub(super) fn event(&mut self, last: Option<&Event>) -> Result<Event> {
        let at = self.pos();
        let start = self.at;
        let time = self.time()?;
        if last.is_none() && !matches!(time, Time::Absolute(Duration::ZERO) | Time::Relative(Duration::ZERO)) {
            return self.error_at(start, "expected the first event at time 0");
        }
        if let (Some(last), Some(now)) = (last.and_then(|last| absolute(last.time)), absolute(time))
            && now < last
        {
            return self.error_at(start, "expected a time that is not before that of the event before");
        }
        let kind = self.event_kind(time)?;
        let is_outbound = matches!(&kind, EventKind::Packet(packet) if packet.direction == Direction::Outbound);
        if !is_outbound && !matches!(time, Time::Absolute(_) | Time::Relative(_)) {
            return self
                .error_at(start, "expected one exact time: only an outbound packet may come at * or within a range");
        }
        let last_line = self.pos_at(self.taken_to.saturating_sub(1)).line;
        Ok(Event { at, last_line, time, kind })
    }

    fn time(&mut self) -> Result<Time> {
        if self.take("*") {
            return Ok(Time::Any);
        }
        match self.peek() {
            Some('0'..='9' | '.' | '+') => {}
            Some('-') if self.rest().starts_with("--") => {
                return self.expected("an event; options stand before all else");
            }
            Some('-') => return self.expected("a time, which is not negative"),
            _ => return self.expected(AN_EVENT),
        }
        let is_relative = self.take("+");
        let from = self.seconds()?;
        if !self.take("~") {
            return Ok(if is_relative { Time::Relative(from) } else { Time::Absolute(from) });
        }
        if is_relative {
            self.expect("+")?;
        }
        self.skip_space();
        let end_at = self.at;
        let to = self.seconds()?;
        if to < from {
            return self.error_at(end_at, "expected a range that ends after its start");
        }
        Ok(if is_relative { Time::RelativeRange(from, to) } else { Time::AbsoluteRange(from, to) })
    }

    /// Seconds, whole or with a fraction: `1`, `1.5`, `.5`.
    fn seconds(&mut self) -> Result<Duration> {
        const EXPECTED: &str = "a time in seconds";
        self.skip_space();
        let rest = self.rest();
        let whole = digits(rest);
        let fraction = rest[whole.len()..].strip_prefix('.').map_or("", digits);
        let len = whole.len() + if fraction.is_empty() { 0 } else { 1 + fraction.len() };
        if len == 0 {
            return self.expected(EXPECTED);
        }
        let seconds = if whole.is_empty() { Ok(0) } else { whole.parse() };
        let Some(seconds) = seconds.ok().filter(|n| *n <= MAX_SECONDS) else {
            return self.expected("a time of at most 1000000000 seconds");
        };
        if rest[len..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
            return self.expected(EXPECTED);
        }
        self.take_len(len);
        let nanos =
            fraction.bytes().chain(std::iter::repeat(b'0')).take(9).fold(0, |n, b| n * 10 + u32::from(b - b'0'));
        Ok(Duration::new(seconds, nanos))
    }

    fn event_kind(&mut self, time: Time) -> Result<EventKind> {
        match self.peek() {
            Some('<') => {
                self.take("<");
                Ok(EventKind::Packet(self.packet(Direction::Inbound)?))
            }
            Some('>') => {
                self.take(">");
                Ok(EventKind::Packet(self.packet(Direction::Outbound)?))
            }
            Some('`') => Ok(EventKind::Command(self.command()?)),
            Some('%') if self.rest().starts_with("%{") => Ok(EventKind::Snippet(self.snippet()?)),
            Some('.') if self.rest().starts_with("...") => Ok(EventKind::Call(self.blocking_call(time)?)),
            Some(c) if c.is_ascii_alphabetic() || c == '_' => Ok(EventKind::Call(self.system_call()?)),
            _ => self.expected("'<', '>', a system call, a `command` or %{"),
        }
    }

    pub(super) fn command(&mut self) -> Result<Command> {
        let at = self.pos();
        let Some(len) = backticks_end(self.rest()) else { return self.expected("a command in backticks") };
        let text = self.take_len(len);
        Ok(Command { at, text: text[1..len - 1].to_owned() })
    }

    fn snippet(&mut self) -> Result<Snippet> {
        let Some(len) = code_end(self.rest()) else { return self.expected("%{ … }%") };
        let at = self.pos_at(self.at + 2);
        let text = self.take_len(len);
        Ok(Snippet { at, text: text[2..len - 2].to_owned() })
    }

    fn blocking_call(&mut self, time: Time) -> Result<SystemCall> {
        self.expect("...")?;
        self.skip_space();
        let start = self.at;
        let until = self.seconds()?;
        if let Time::Absolute(from) | Time::Relative(from) = time
            && until < from
        {
            return self.error_at(start, "expected a call that ends after its start");
        }
        Ok(SystemCall { until: Some(until), ..self.system_call()? })
    }

    fn system_call(&mut self) -> Result<SystemCall> {
        let at = self.pos();
        let Some(name) = self.name() else {
            return self.expected("the name of a system call");
        };
        let name = name.to_owned();
        let arguments = self.arguments()?;
        self.expect("=")?;
        let result = self.result()?;
        let errno = self.name().map(str::to_owned);
        let strerror = if errno.is_some() { self.note()? } else { None };
        let note = self.note()?;
        Ok(SystemCall { until: None, name, at, arguments, result, errno, strerror, note })
    }

    /// What stands in parentheses, if they are next, its space made single.
    fn note(&mut self) -> Result<Option<String>> {
        if self.peek() != Some('(') {
            return Ok(None);
        }
        let text = self.bracketed()?;
        Ok(Some(single_spaced(&text[1..text.len() - 1])))
    }

    /// All from the bracket that is next to the one that closes it.
    pub(super) fn bracketed(&mut self) -> Result<&str> {
        let mut open = 0u32;
        let end = self.rest().bytes().position(|byte| {
            match byte {
                b'(' | b'[' | b'{' => open += 1,
                b')' | b']' | b'}' => open = open.saturating_sub(1),
                _ => {}
            }
            open == 0
        });
        match end {
            Some(end) => Ok(self.take_len(end + 1)),
            None => self.error_at(self.at, format!("this bracket has no end: expected '{}'", closing(self.rest()))),
        }
    }
}

/// When an event happens at the earliest since the script's start, if its time says.
fn absolute(time: Time) -> Option<Duration> {
    match time {
        Time::Absolute(at) | Time::AbsoluteRange(at, _) => Some(at),
        _ => None,
    }
}

/// What closes the bracket that starts a text.
fn closing(text: &str) -> char {
    match text.as_bytes().first() {
        Some(b'[') => ']',
        Some(b'{') => '}',
        _ => ')',
    }
}

/// The digits that start a text.
fn digits(text: &str) -> &str {
    &text[..text.bytes().take_while(u8::is_ascii_digit).count()]
}

/// A text whose space is single, and none at its ends.
pub(super) fn single_spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
