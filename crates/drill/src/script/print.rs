//! Scripts as text, an event a line. Parsed again, it is the same script, places aside.

use super::{Arg, Command, Direction, Event, EventKind, Expr, Field, Icmp, Opt, Packet, PacketBody, Quoted, Script};
use super::{Snippet, SystemCall, Time};
use crate::parse::is_bare_value;
use std::fmt::{self, Display, Formatter};
use std::time::Duration;

/// Definitions are in place already; they are printed with the other options, and a word that one of them made of another is
/// replaced again where this text is parsed.
impl Display for Script {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Script { options, init, events, cleanup } = self;
        options.iter().try_for_each(|option| writeln!(f, "{option}"))?;
        init.iter().try_for_each(|command| writeln!(f, "{command}"))?;
        events.iter().try_for_each(|event| writeln!(f, "{event}"))?;
        cleanup.iter().try_for_each(|command| writeln!(f, "{command}"))
    }
}

impl Display for Opt {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Opt { at: _, name, value } = self;
        match value {
            None => write!(f, "--{name}"),
            Some(value) if is_bare_value(value) => write!(f, "--{name}={value}"),
            Some(value) => write!(f, "--{name}=\"{value}\""),
        }
    }
}

impl Display for Event {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Event { at: _, last_line: _, time, kind } = self;
        match kind {
            EventKind::Packet(packet) => write!(f, "{time} {packet}"),
            EventKind::Call(call) => match call.until {
                Some(until) => write!(f, "{time}...{} {call}", Seconds(until)),
                None => write!(f, "{time} {call}"),
            },
            EventKind::Command(command) => write!(f, "{time} {command}"),
            EventKind::Snippet(snippet) => write!(f, "{time} {snippet}"),
        }
    }
}

impl Display for Time {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match *self {
            Time::Absolute(at) => write!(f, "{}", Seconds(at)),
            Time::Relative(after) => write!(f, "+{}", Seconds(after)),
            Time::Any => f.write_str("*"),
            Time::AbsoluteRange(from, to) => write!(f, "{}~{}", Seconds(from), Seconds(to)),
            Time::RelativeRange(from, to) => write!(f, "+{}~+{}", Seconds(from), Seconds(to)),
        }
    }
}

/// Seconds with as many decimals as it takes.
struct Seconds(Duration);

impl Display for Seconds {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        match self.0.subsec_nanos() {
            0 => write!(f, "{seconds}"),
            nanos => write!(f, "{seconds}.{}", format!("{nanos:09}").trim_end_matches('0')),
        }
    }
}

impl Display for Packet {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Packet { direction, body } = self;
        f.write_str(match direction {
            Direction::Inbound => "< ",
            Direction::Outbound => "> ",
        })?;
        match body {
            PacketBody::Tcp(segment) => write!(f, "{segment}"),
            PacketBody::Icmp(icmp) => write!(f, "{icmp}"),
            PacketBody::Other { protocol: _, text } => f.write_str(text),
        }
    }
}

impl Display for Icmp {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Icmp { ip, kind, code, mtu, echo_id, quoted } = self;
        if !ip.is_empty() {
            write!(f, "[{ip}] ")?;
        }
        write!(f, "icmp {kind}")?;
        code.iter().try_for_each(|code| write!(f, " {code}"))?;
        mtu.iter().try_for_each(|mtu| write!(f, " mtu {mtu}"))?;
        echo_id.iter().try_for_each(|id| write!(f, " id {id}"))?;
        quoted.iter().try_for_each(|quoted| write!(f, " [{quoted}]"))
    }
}

impl Display for Quoted {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match *self {
            Quoted::Tcp { seq, len } => write!(f, "{seq}:{}({len})", seq.wrapping_add(len)),
            Quoted::Udp(len) => write!(f, "udp ({len})"),
            Quoted::Raw(len) => write!(f, "raw ({len})"),
        }
    }
}

/// Without its end's time, which stands before the name.
impl Display for SystemCall {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let SystemCall { until: _, name, at: _, arguments, result, errno, strerror, note } = self;
        write!(f, "{name}({}) = {result}", Commas(arguments))?;
        errno.iter().try_for_each(|errno| write!(f, " {errno}"))?;
        strerror.iter().try_for_each(|text| write!(f, " ({text})"))?;
        note.iter().try_for_each(|note| write!(f, " ({note})"))
    }
}

impl Display for Arg {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Expr::Default => f.write_str("..."),
            Expr::Integer(n, true) => write!(f, "{n:#x}"),
            Expr::Integer(n, false) => write!(f, "{n}"),
            Expr::Decimal(n) if n.fract() == 0.0 => write!(f, "{n:.1}"),
            Expr::Decimal(n) => write!(f, "{n}"),
            Expr::Word(word) => f.write_str(word),
            Expr::Text(bytes) => write_string(f, bytes),
            Expr::Prefix(bytes) => {
                write_string(f, bytes)?;
                f.write_str("...")
            }
            Expr::Or(parts) => parts.iter().enumerate().try_for_each(|(n, part)| {
                f.write_str(if n == 0 { "" } else { "|" })?;
                write!(f, "{part}")
            }),
            Expr::Equals(name, value) => write!(f, "{name}={value}"),
            Expr::List(items) => write!(f, "[{}]", Commas(items)),
            Expr::Struct(fields) => write!(f, "{{{}}}", Commas(fields)),
            Expr::Function(name, arguments) => write!(f, "{name}({})", Commas(arguments)),
            Expr::Other(text) => write!(f, "{{{text}}}"),
        }
    }
}

impl Display for Field {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Field { name, size, value } = self;
        if let Some(name) = name {
            f.write_str(name)?;
            size.iter().try_for_each(|size| write!(f, "({size})"))?;
            f.write_str("=")?;
        }
        write!(f, "{value}")
    }
}

impl Display for Command {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.text)
    }
}

impl Display for Snippet {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "%{{{}}}%", self.text)
    }
}

/// Items with commas between them.
struct Commas<'a, T>(&'a [T]);

impl<T: Display> Display for Commas<'_, T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.iter().enumerate().try_for_each(|(n, item)| {
            f.write_str(if n == 0 { "" } else { ", " })?;
            item.fmt(f)
        })
    }
}

/// A string with its quotes; what is no printable ASCII is escaped.
fn write_string(f: &mut Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    f.write_str("\"")?;
    for byte in bytes {
        match byte {
            b'"' | b'\\' => write!(f, "\\{}", char::from(*byte))?,
            b'\n' => f.write_str("\\n")?,
            b'\r' => f.write_str("\\r")?,
            b'\t' => f.write_str("\\t")?,
            b' '..=b'~' => write!(f, "{}", char::from(*byte))?,
            _ => write!(f, "\\x{byte:02x}")?,
        }
    }
    f.write_str("\"")
}
