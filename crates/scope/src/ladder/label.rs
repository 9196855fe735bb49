//! The words on an arrow, and its tone.

use super::LadderOptions;
use super::layout::{Label, Tone};
use crate::analysis::{Connection, IcmpSeen, Segment, Tcp};
use crate::flows::Kind;
use crate::trace::Trace;
use limpid_event::TxReason;
use limpid_wire::{SeqNum, TcpFlags};

/// The most of a segment's data that is shown, in bytes.
const GLIMPSE: usize = 48;

/// The flags by name: `FIN-PSH-ACK`.
pub(crate) fn flag_names(flags: TcpFlags) -> String {
    const NAMES: [(TcpFlags, &str); 9] = [
        (TcpFlags::SYN, "SYN"),
        (TcpFlags::FIN, "FIN"),
        (TcpFlags::RST, "RST"),
        (TcpFlags::PSH, "PSH"),
        (TcpFlags::ACK, "ACK"),
        (TcpFlags::URG, "URG"),
        (TcpFlags::ECE, "ECE"),
        (TcpFlags::CWR, "CWR"),
        (TcpFlags::AE, "AE"),
    ];
    let names: Vec<&str> = NAMES.iter().filter(|(flag, _)| flags.contains(*flag)).map(|(_, name)| *name).collect();
    if names.is_empty() { "no flags".into() } else { names.join("-") }
}

pub(crate) fn tone(segment: &Segment) -> Tone {
    let tcp = &segment.tcp;
    match () {
        () if tcp.is(TcpFlags::RST) => Tone::Trouble,
        () if segment.facts.again.is_some() => Tone::Again,
        () if tcp.is(TcpFlags::SYN) => Tone::Opening,
        () if tcp.is(TcpFlags::FIN) => Tone::Closing,
        () if segment.is_probe() => Tone::Probe,
        () if tcp.len > 0 => Tone::Data,
        () => Tone::Ack,
    }
}

pub(crate) fn label(trace: &Trace, connection: &Connection, segment: &Segment, options: &LadderOptions) -> Label {
    let mut details = Vec::new();
    if let Some(again) = &segment.facts.again {
        details.push(again.text());
    }
    // What it is sent again for is said once.
    details.extend(
        purpose(segment).filter(|purpose| !details.iter().any(|said: &String| said.ends_with(purpose.as_str()))),
    );
    if segment.facts.again.is_none() && !segment.copy {
        details.extend(option_text(connection, segment, options.absolute));
        details.extend(glimpse(trace, segment));
    }
    Label {
        number: Some(segment.number),
        last: None,
        name: flag_names(segment.tcp.flags),
        fields: fields(connection, segment, options),
        details,
    }
}

/// A sequence number as the ladder shows it: its own, or relative to the SYN's.
pub(super) fn number(absolute: bool, own: SeqNum, relative: i64) -> String {
    if absolute { own.0.to_string() } else { relative.to_string() }
}

fn fields(connection: &Connection, segment: &Segment, options: &LadderOptions) -> Vec<String> {
    let (tcp, facts) = (&segment.tcp, &segment.facts);
    let absolute = options.absolute || options.absolute_syn && tcp.is(TcpFlags::SYN);
    let number = |own: SeqNum, relative: i64| number(absolute, own, relative);
    let mut fields = Vec::new();
    // What a data segment says for the second time is left out; tcpdump's lines have it all.
    let before = segment.facts.previous.and_then(|index| connection.segments.get(index));
    let news = |same: fn(&Tcp) -> u32| before.is_none_or(|before| same(&before.tcp) != same(tcp));
    let bare = tcp.len == 0 || tcp.flags.intersects(TcpFlags::SYN | TcpFlags::FIN | TcpFlags::RST);
    let zero_window = tcp.window == 0 && tcp.is(TcpFlags::ACK) && !tcp.flags.intersects(TcpFlags::SYN | TcpFlags::RST);
    if zero_window {
        fields.push("win 0".into());
    }
    if tcp.len > 0 {
        let end = number(tcp.seq + tcp.len, facts.seq + i64::from(tcp.len));
        fields.push(format!("seq {}:{end}", number(tcp.seq, facts.seq)));
    } else if tcp.flags.intersects(TcpFlags::SYN | TcpFlags::FIN | TcpFlags::RST) || segment.is_probe() {
        fields.push(format!("seq {}", number(tcp.seq, facts.seq)));
    }
    if tcp.is(TcpFlags::ACK) && (bare || news(|tcp| tcp.ack.0)) {
        fields.push(format!("ack {}", number(tcp.ack, facts.ack)));
    }
    if tcp.len > 0 {
        fields.push(format!("len {}", tcp.len));
    }
    let shows_window = tcp.is(TcpFlags::SYN) || news(|tcp| u32::from(tcp.window));
    if shows_window && !zero_window && !tcp.is(TcpFlags::RST) {
        fields.push(format!("win {}", facts.window));
    }
    fields
}

/// Why it was sent, where that is more than its flags say.
pub(super) fn purpose(segment: &Segment) -> Option<String> {
    if segment.copy {
        return Some("a second copy, made by the link".into());
    }
    let told = segment.why.filter(|why| {
        matches!(
            why,
            TxReason::DelayedAck
                | TxReason::DuplicateAck
                | TxReason::WindowUpdate
                | TxReason::ZeroWindowProbe
                | TxReason::KeepAlive
                | TxReason::ProbeAnswer
                | TxReason::ChallengeAck
                | TxReason::TimeWaitAck
                | TxReason::TailLossProbe
                | TxReason::LimitedTransmit
        ) || segment.is(TcpFlags::RST)
    });
    if let Some(why) = told {
        return Some(why.text().to_owned());
    }
    if segment.facts.late {
        return Some("overtaken on the way".into());
    }
    Some(match segment.facts.kind {
        Kind::DuplicateAck => "duplicate ACK".into(),
        Kind::WindowUpdate => "window update".into(),
        Kind::WindowProbe => "zero-window probe".into(),
        Kind::KeepAlive => "keepalive".into(),
        _ => return None,
    })
}

/// The options worth showing: all that a SYN offers; SACK blocks.
fn option_text(connection: &Connection, segment: &Segment, absolute: bool) -> Option<String> {
    let options = &segment.tcp.options;
    let mut list = Vec::new();
    if segment.is(TcpFlags::SYN) {
        list.extend(options.mss.map(|mss| format!("mss {mss}")));
        list.extend(options.sack_permitted.then(|| "sackOK".to_owned()));
        list.extend(options.timestamps.map(|_| "TS".to_owned()));
        list.extend(options.window_scale.map(|shift| format!("wscale {shift}")));
        list.extend(options.fast_open.map(|_| "fast open".to_owned()));
    }
    if let Some(base) = connection.ends[Connection::peer(segment.from)].base {
        let shown = |seq: SeqNum| number(absolute, seq, i64::from(seq.offset_from(base)));
        list.extend(options.sack.iter().map(|b| format!("sack {}:{}", shown(b.left()), shown(b.right()))));
    }
    (!list.is_empty()).then(|| list.join(", "))
}

/// A little of the data, where people can read it.
pub(super) fn glimpse(trace: &Trace, segment: &Segment) -> Option<String> {
    let Tcp { data, .. } = &segment.tcp;
    let data = trace.packets[segment.packet].bytes.get(data.clone())?;
    let readable = |b: &u8| b.is_ascii_graphic() || matches!(b, b' ' | b'\r' | b'\n' | b'\t');
    // What fills a segment is no text.
    let is_filler = data.len() > 3 && data.iter().all(|b| *b == data[0]);
    if data.is_empty() || data.len() > GLIMPSE || is_filler || !data.iter().all(readable) {
        return None;
    }
    let text = String::from_utf8_lossy(data);
    Some(format!("\"{}\"", text.replace('\r', "\\r").replace('\n', "\\n").replace('\t', "\\t")))
}

/// Of an ICMP error.
pub(crate) fn icmp_label(seen: &IcmpSeen) -> Label {
    Label {
        number: Some(seen.number),
        last: None,
        name: "ICMP".into(),
        fields: vec![seen.error.trouble.text().into()],
        details: Vec::new(),
    }
}
