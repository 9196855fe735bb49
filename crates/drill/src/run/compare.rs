//! A segment that was sent, compared with what the script says, field by field as packetdrill does and in its words.

use super::options::Options;
use super::sockets::{FlowLabel, Timestamps};
use super::time::Secs;
use super::wire::{self, Ip, Seen, Tcp};
use limpid_event::Instant;
use limpid_wire::notation::{EcnText, IpInfo, OptionList, OptionsText, SegmentText};
use limpid_wire::tcp::header::MIN_HEADER_LEN;
use limpid_wire::tcp::option::kind;
use limpid_wire::{Ecn, TcpFlags};
use std::time::Duration;

/// A segment that was sent, perhaps put together from several, with the script's numbers.
#[derive(Clone, Debug)]
pub(crate) struct Actual {
    pub(crate) at: Instant,
    pub(crate) ip: Ip,
    pub(crate) tcp: Tcp,
    /// The first packet of it, for the trace.
    pub(crate) first: (Instant, Vec<u8>),
    /// TSval as sent.
    pub(crate) live_ts: Option<u32>,
}

impl Actual {
    /// A packet whose segment's numbers are the script's by now.
    pub(crate) fn new(seen: Seen, tcp: Tcp) -> Actual {
        let live_ts = timestamp(&tcp.text.options).map(|(val, _)| val);
        Actual { at: seen.at, ip: seen.ip, tcp, first: (seen.at, seen.bytes), live_ts }
    }

    /// Adds the segment that follows: sequence number and CWR are the first's, all else is the last's.
    pub(crate) fn append(&mut self, next: Actual) {
        let Actual { at, ip, mut tcp, first: _, live_ts } = next;
        tcp.text.seq = self.tcp.text.seq;
        tcp.text.flags.set(TcpFlags::CWR, self.tcp.text.flags.contains(TcpFlags::CWR));
        tcp.text.len += self.tcp.text.len;
        tcp.zeros &= self.tcp.zeros;
        tcp.checksum_is_valid &= self.tcp.checksum_is_valid;
        self.at = at;
        self.ip = Ip { v4: worse(self.ip, ip), ..ip };
        self.tcp = tcp;
        self.live_ts = live_ts;
    }

    /// As a line of a script.
    pub(crate) fn show(&self, at: Duration) -> String {
        let mut text = self.tcp.text.clone();
        text.ip = ip_info(&self.ip);
        if !text.flags.contains(TcpFlags::ACK) {
            text.ack = text.ack.filter(|ack| ack.0 != 0);
        }
        format!("{} {text}", Secs(at))
    }
}

/// The IPv4 part that is wrong, if one of them is.
fn worse(first: Ip, second: Ip) -> Option<wire::V4> {
    first.v4.filter(|v4| !v4.checksum_is_valid).or(second.v4)
}

fn ip_info(ip: &Ip) -> IpInfo {
    let ecn = Ecn::from_bits(ip.tos);
    IpInfo {
        ecn: (ip.tos >> 2 == 0 && ecn != Ecn::NotEct).then_some(EcnText::Exactly(ecn)),
        tos: (ip.tos >> 2 != 0).then_some(ip.tos),
        ..IpInfo::default()
    }
}

/// What a script says of a segment, as a line of it.
pub(crate) fn show(text: &SegmentText, at: Duration) -> String {
    format!("{} {text}", Secs(at))
}

type Compared = Result<(), String>;

/// Compares a field.
pub(crate) fn field(name: &str, expected: u32, actual: u32) -> Result<(), String> {
    if expected == actual {
        return Ok(());
    }
    Err(format!("live packet field {name}: expected: {expected} ({expected:#x}) vs actual: {actual} ({actual:#x})"))
}

/// The flags under packetdrill's names, in the order in which it compares them.
const FLAGS: [(&str, TcpFlags); 9] = [
    ("tcp_fin", TcpFlags::FIN),
    ("tcp_syn", TcpFlags::SYN),
    ("tcp_rst", TcpFlags::RST),
    ("tcp_psh", TcpFlags::PSH),
    ("tcp_ack", TcpFlags::ACK),
    ("tcp_urg", TcpFlags::URG),
    ("tcp_ece", TcpFlags::ECE),
    ("tcp_cwr", TcpFlags::CWR),
    ("tcp_ae", TcpFlags::AE),
];

/// Those that all parts of a segment that was merged from several have alike.
const ALIKE: TcpFlags = TcpFlags::all().difference(TcpFlags::FIN.union(TcpFlags::PSH).union(TcpFlags::CWR));

/// Compares those of `which`.
fn flags(which: TcpFlags, expected: TcpFlags, actual: TcpFlags) -> Compared {
    let compared = FLAGS.iter().filter(|(_, flag)| which.contains(*flag));
    compared
        .copied()
        .try_for_each(|(name, flag)| field(name, expected.contains(flag).into(), actual.contains(flag).into()))
}

/// What can't become right by merging: a first segment that differs in one of these is wrong already.
pub(crate) fn check_first(text: &SegmentText, actual: &Tcp) -> Compared {
    flags(ALIKE, text.flags, actual.text.flags)?;
    field("tcp_seq", text.seq.0, actual.text.seq.0)?;
    field("tcp_ack_seq", text.ack.unwrap_or_default().0, actual.text.ack.unwrap_or_default().0)
}

/// Whether `next` can follow `previous` in a merged segment of which `missing` bytes are still to come.
pub(crate) fn check_follows(previous: &Actual, previous_len: u32, next: &Actual, missing: u32) -> Compared {
    let (before, after) = (&previous.tcp, &next.tcp);
    field("ttl", previous.ip.ttl.into(), next.ip.ttl.into())?;
    field("tcp_data_offset", before.header_len as u32 / 4, after.header_len as u32 / 4)?;
    flags(ALIKE, before.text.flags, after.text.flags)?;
    field("tcp_reserved_bits", before.reserved.into(), after.reserved.into())?;
    field("tcp_seq", (before.text.seq + before.text.len).0, after.text.seq.0)?;
    field("tcp_ack_seq", before.text.ack.unwrap_or_default().0, after.text.ack.unwrap_or_default().0)?;
    field("tcp_window", window(before), window(after))?;
    field("tcp_urg_ptr", before.urgent.into(), after.urgent.into())?;
    if after.text.len < missing && after.text.len != previous_len {
        return Err(format!("fragment payload: expected {previous_len} bytes vs actual {} bytes", after.text.len));
    }
    Ok(())
}

fn window(tcp: &Tcp) -> u32 {
    tcp.text.window.unwrap_or_default().into()
}

/// Compares all of a segment but its time.
pub(crate) fn check(
    text: &SegmentText,
    actual: &mut Actual,
    timestamps: &mut Timestamps,
    flow_label: &mut FlowLabel,
    options: &Options,
) -> Compared {
    match actual.ip.v4 {
        Some(v4) if !v4.checksum_is_valid => return Err("bad outbound IP checksum".to_owned()),
        _ => {}
    }
    if !actual.tcp.checksum_is_valid {
        return Err("bad outbound TCP checksum".to_owned());
    }
    let text = &with_signatures(text, &actual.tcp.text.options);
    map_timestamps(text, actual, timestamps);
    check_ip(&text.ip, &actual.ip)?;
    check_tcp(text, &actual.tcp)?;
    if let Some(label) = text.ip.flow_label.filter(|label| *label != 0)
        && actual.ip.v4.is_none()
    {
        flow_label.check(label, actual.ip.flow_label)?;
    }
    check_options(text, &actual.tcp, options)?;
    if actual.tcp.zeros { Ok(()) } else { Err("incorrect outbound data payload".to_owned()) }
}

/// A signature is over numbers that no script knows: one that a script only names, as `md5` or `opt 29`, is as it was sent.
fn with_signatures(text: &SegmentText, sent: &OptionsText) -> SegmentText {
    let (OptionsText::List(expected), OptionsText::List(sent)) = (&text.options, sent) else { return text.clone() };
    SegmentText { options: OptionsText::List(fill_signatures(expected, Some(sent))), ..text.clone() }
}

/// The same list with each signature that is only named as long as it is in `sent`, or as is usual.
pub(crate) fn fill_signatures(list: &OptionList, sent: Option<&OptionList>) -> OptionList {
    let is_named = |option: &[u8]| matches!(option, [kind::MD5 | kind::TCP_AO, 2]);
    if !Raw::of(list).any(is_named) {
        return list.clone();
    }
    let mut bytes = Vec::new();
    for option in Raw::of(list) {
        let known = sent.and_then(|sent| Raw::of(sent).find(|sent| sent[0] == option[0]));
        match known.filter(|_| is_named(option)) {
            Some(known) => bytes.extend(known),
            None if is_named(option) => {
                let len: u8 = if option[0] == kind::MD5 { 18 } else { 16 };
                bytes.extend([option[0], len]);
                bytes.resize(bytes.len() + usize::from(len) - 2, 0);
            }
            None => bytes.extend(option),
        }
    }
    OptionList::from_bytes(&bytes).unwrap_or_else(|| list.clone())
}

/// The script's TSval stands for this one from here on; the actual one becomes a number of the script's.
fn map_timestamps(text: &SegmentText, actual: &mut Actual, timestamps: &mut Timestamps) {
    let (Some((script, _)), Some(live)) = (timestamp(&text.options), actual.live_ts) else { return };
    let shown = timestamps.show(script, live);
    set_timestamp(&mut actual.tcp.text.options, Some(shown), None);
}

fn check_ip(info: &IpInfo, ip: &Ip) -> Compared {
    if let Some(v4) = ip.v4 {
        field("ipv4_header_length", 5, v4.header_len as u32 / 4)?;
    }
    match info.ecn {
        Some(EcnText::AnyEct) if !EcnText::AnyEct.matches(Ecn::from_bits(ip.tos)) => {
            return Err(format!("live packet field ip_ecn: expected: 0x1 or 0x2 vs actual: {:#x}", ip.tos & 3));
        }
        Some(EcnText::Exactly(ecn)) => field("ip_ecn", ecn.bits().into(), (ip.tos & 3).into())?,
        _ => {}
    }
    if let Some(tos) = info.tos {
        field("tos", tos.into(), ip.tos.into())?;
    }
    match info.ttl {
        Some(ttl) => field("ttl", ttl.into(), ip.ttl.into()),
        None => Ok(()),
    }
}

fn check_tcp(text: &SegmentText, actual: &Tcp) -> Compared {
    if let OptionsText::List(list) = &text.options {
        let header_len = MIN_HEADER_LEN + list.as_bytes().len();
        field("tcp_data_offset", header_len as u32 / 4, actual.header_len as u32 / 4)?;
    }
    flags(TcpFlags::all(), text.flags, actual.text.flags)?;
    field("tcp_reserved_bits", 0, actual.reserved.into())?;
    field("tcp_seq", text.seq.0, actual.text.seq.0)?;
    field("tcp_ack_seq", text.ack.unwrap_or_default().0, actual.text.ack.unwrap_or_default().0)?;
    if let Some(expected) = text.window {
        field("tcp_window", expected.into(), window(actual))?;
    }
    field("tcp_urg_ptr", text.urgent.unwrap_or_default().into(), actual.urgent.into())
}

fn check_options(text: &SegmentText, actual: &Tcp, options: &Options) -> Compared {
    let (OptionsText::List(expected), OptionsText::List(sent)) = (&text.options, &actual.text.options) else {
        return Ok(());
    };
    let (mut expected, mut sent) = (Raw::of(expected), Raw::of(sent));
    loop {
        let (expected, sent) = match (expected.next(), sent.next()) {
            (None, None) => return Ok(()),
            (Some(expected), Some(sent)) if expected[0] == sent[0] => (expected, sent),
            _ => return Err("bad outbound TCP options".to_owned()),
        };
        let option = expected[0];
        match option {
            kind::TIMESTAMPS if expected.len() == 10 && sent.len() == 10 => check_timestamp(expected, sent, options)?,
            _ if expected.len() != sent.len() => return Err(format!("bad lengths for outbound TCP option {option}")),
            _ if expected != sent => return Err(format!("bad value outbound TCP option {option}")),
            _ => {}
        }
    }
}

/// TSval, if the length of its ticks is known. What it echoes is never compared.
fn check_timestamp(expected: &[u8], sent: &[u8], options: &Options) -> Compared {
    let val = |option: &[u8]| u32::from_be_bytes([option[2], option[3], option[4], option[5]]);
    let ticks = (val(sent).wrapping_sub(val(expected)) as i32).unsigned_abs();
    if !options.ts_tick.is_zero() && options.ts_tick.saturating_mul(ticks) > options.tolerance {
        return Err(format!("bad outbound TCP timestamp value, tolerance {}", options.tolerance.as_micros()));
    }
    Ok(())
}

/// Options as bytes, one by one; what can't be read is one at the end.
struct Raw<'a> {
    rest: &'a [u8],
}

impl<'a> Raw<'a> {
    fn of(list: &'a OptionList) -> Raw<'a> {
        Raw { rest: list.as_bytes() }
    }
}

impl<'a> Iterator for Raw<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (first, _) = self.rest.split_first()?;
        let len = match *first {
            kind::NOP | kind::END_OF_LIST => 1,
            _ => self.rest.get(1).map_or(0, |len| usize::from(*len)),
        };
        let len = if len == 0 || len > self.rest.len() { self.rest.len() } else { len };
        let (option, rest) = self.rest.split_at(len);
        self.rest = rest;
        Some(option)
    }
}

/// TSval and what it echoes.
pub(crate) fn timestamp(options: &OptionsText) -> Option<(u32, u32)> {
    let OptionsText::List(list) = options else { return None };
    let option: &[u8; 10] = Raw::of(list).find(|option| option[0] == kind::TIMESTAMPS)?.try_into().ok()?;
    let word = |at: usize| u32::from_be_bytes([option[at], option[at + 1], option[at + 2], option[at + 3]]);
    Some((word(2), word(6)))
}

/// Puts other values in the timestamp option; `None` leaves what is there.
pub(crate) fn set_timestamp(options: &mut OptionsText, val: Option<u32>, ecr: Option<u32>) {
    let OptionsText::List(list) = options else { return };
    let mut bytes = list.as_bytes().to_vec();
    let mut at = 0;
    for option in Raw::of(list) {
        if option[0] == kind::TIMESTAMPS && option.len() == 10 {
            if let Some(val) = val {
                bytes[at + 2..at + 6].copy_from_slice(&val.to_be_bytes());
            }
            if let Some(ecr) = ecr {
                bytes[at + 6..at + 10].copy_from_slice(&ecr.to_be_bytes());
            }
            break;
        }
        at += option.len();
    }
    if let Some(changed) = OptionList::from_bytes(&bytes) {
        *list = changed;
    }
}

#[cfg(test)]
mod tests;
