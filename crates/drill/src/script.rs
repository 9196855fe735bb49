//! A script as a value, close to its text: nothing is looked up or computed yet. Printed, it is a script again.

mod print;

use limpid_wire::notation::SegmentText;
use std::time::Duration;

/// A place in a script, both from 1; columns count characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Pos {
    /// Line.
    pub line: u32,
    /// Column.
    pub column: u32,
}

/// A whole script.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Script {
    /// `--name=value` lines.
    pub options: Vec<Opt>,
    /// A command before the first event, without a time.
    pub init: Option<Command>,
    /// The events, in order.
    pub events: Vec<Event>,
    /// A command after the last event, without a time: runs on failure, too.
    pub cleanup: Option<Command>,
}

impl Script {
    /// How long it takes by the times that stand in it, about: an event at any time (`*`) takes none.
    pub fn duration(&self) -> Duration {
        let mut at = Duration::ZERO;
        for event in &self.events {
            match event.time {
                Time::Absolute(to) | Time::AbsoluteRange(_, to) => at = to,
                Time::Relative(by) | Time::RelativeRange(_, by) => at = at.saturating_add(by),
                Time::Any => {}
            }
        }
        at
    }
}

/// An option line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Opt {
    /// Where.
    pub at: Pos,
    /// The name, without dashes.
    pub name: String,
    /// What stands behind `=`.
    pub value: Option<String>,
}

/// Something that happens at a time.
#[derive(Clone, PartialEq, Debug)]
pub struct Event {
    /// Where its time begins.
    pub at: Pos,
    /// The last line it reaches.
    pub last_line: u32,
    /// When.
    pub time: Time,
    /// What.
    pub kind: EventKind,
}

/// When an event happens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Time {
    /// `0.1`: since the script's start.
    Absolute(Duration),
    /// `+0.1`: since the event before.
    Relative(Duration),
    /// `*`: at any time. Outbound packets only.
    Any,
    /// `1.0~1.2`. Outbound packets only.
    AbsoluteRange(Duration, Duration),
    /// `+1.0~+1.2`. Outbound packets only.
    RelativeRange(Duration, Duration),
}

/// What happens.
#[derive(Clone, PartialEq, Debug)]
pub enum EventKind {
    /// A packet that the script sends or expects.
    Packet(Packet),
    /// A system call.
    Call(SystemCall),
    /// A command in backticks.
    Command(Command),
    /// `%{ … }%`.
    Snippet(Snippet),
}

/// Which way a packet goes, as the system under test sees it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Direction {
    /// `<`: the script sends it.
    Inbound,
    /// `>`: the script expects it.
    Outbound,
}

/// A packet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Packet {
    /// Which way.
    pub direction: Direction,
    /// What.
    pub body: PacketBody,
}

/// What a packet carries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PacketBody {
    /// TCP.
    Tcp(SegmentText),
    /// ICMP or ICMPv6, quoting a TCP segment of ours.
    Icmp(Icmp),
    /// What no TCP script needs (UDP, GRE, MPLS, PSP, options of other TCPs): parsed as text, not supported.
    Other {
        /// The protocol's or the option's name.
        protocol: String,
        /// All of it, from behind the direction on.
        text: String,
    },
}

/// An ICMP message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Icmp {
    /// What stands before `icmp`.
    pub ip: limpid_wire::notation::IpInfo,
    /// `unreachable` or `type_n`.
    pub kind: String,
    /// `frag_needed` or `code_n`.
    pub code: Option<String>,
    /// `mtu n`.
    pub mtu: Option<u32>,
    /// `id n`: an echo's identifier.
    pub echo_id: Option<u16>,
    /// What it quotes.
    pub quoted: Option<Quoted>,
}

/// What an ICMP message quotes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Quoted {
    /// `[seq:end(len)]`: a TCP segment.
    Tcp {
        /// First sequence number, counted as in the script.
        seq: u32,
        /// Payload bytes.
        len: u32,
    },
    /// `[udp (len)]`: a UDP datagram with so many bytes of payload.
    Udp(u16),
    /// `[raw (len)]`: so many bytes of another protocol's.
    Raw(u16),
}

/// A system call.
#[derive(Clone, PartialEq, Debug)]
pub struct SystemCall {
    /// `...0.2`: when it ends, if it blocks, counted as the event's time is: since the event before if that is relative,
    /// else since the script's start.
    pub until: Option<Duration>,
    /// Name.
    pub name: String,
    /// Where the name stands.
    pub at: Pos,
    /// Arguments.
    pub arguments: Vec<Arg>,
    /// What it returns.
    pub result: Arg,
    /// The errno's name.
    pub errno: Option<String>,
    /// What stands in parentheses behind the errno's name: its meaning, for readers.
    pub strerror: Option<String>,
    /// What stands in parentheses at the end: a remark, for readers.
    pub note: Option<String>,
}

/// An expression and where it begins.
#[derive(Clone, PartialEq, Debug)]
pub struct Arg {
    /// Where.
    pub at: Pos,
    /// What.
    pub value: Expr,
}

/// An argument, a result or a part of one.
#[derive(Clone, PartialEq, Debug)]
pub enum Expr {
    /// `...`: whatever is usual here.
    Default,
    /// A number; `true` if it was written in hexadecimal, which goes up to 2^64-1 and wraps here.
    Integer(i64, bool),
    /// A number with a fraction.
    Decimal(f64),
    /// A constant's name.
    Word(String),
    /// A string, or several side by side; the bytes after escapes.
    Text(Vec<u8>),
    /// `"abc"...`: bytes that start so.
    Prefix(Vec<u8>),
    /// `A|B|C`: at least two, none of them an `Or` itself.
    Or(Vec<Arg>),
    /// `name=value` outside of braces.
    Equals(String, Box<Arg>),
    /// `[a, b]`.
    List(Vec<Arg>),
    /// `{name=value, name(size)=value, value}`.
    Struct(Vec<Field>),
    /// `htons(8080)`, `inet_addr("192.0.2.1")`.
    Function(String, Vec<Arg>),
    /// What stands in braces and no TCP script needs (GRE's flags, MPLS's labels): parsed as text, not supported.
    Other(String),
}

/// A part of a [`Expr::Struct`].
#[derive(Clone, PartialEq, Debug)]
pub struct Field {
    /// Its name; none where its place tells.
    pub name: Option<String>,
    /// What stands in parentheses behind the name.
    pub size: Option<Arg>,
    /// Its value.
    pub value: Arg,
}

impl Command {
    /// The text with its lines joined where a backslash ends them, as a shell does.
    pub fn joined(&self) -> String {
        self.text.replace("\\\n", "")
    }
}

/// A command in backticks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Command {
    /// Where the backtick stands.
    pub at: Pos,
    /// The text between the backticks, as it is.
    pub text: String,
}

/// `%{ … }%`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Snippet {
    /// Where the text begins.
    pub at: Pos,
    /// The text between `%{` and `}%`, as it is.
    pub text: String,
}
