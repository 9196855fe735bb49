//! The one notation for segments: packetdrill's, parsed and printed here for tests, scripts, logs and snapshots.
//!
//! ```text
//! [ect0] 8080 > 80 S. 0:0(0) ack 1 win 65535 urg 0 <mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7>
//! ```
//!
//! In order: what the IP header says, the ports, flags, `seq:end(length)`, `ack`, `win`, `urg`, options. Flags, the
//! sequence range and nothing else must be there.
//!
//! * IP: `[…]` or `(…)` around `ect0`, `ect1`, `ce`, `noecn`, `ect01` (either), `tos 0x..`, `flowlabel 0x..`, `ttl n`.
//! * Flags: of `F S R P . U E W A` each at most once (`.` is ACK, `E` ECE, `W` CWR, `A` AE); a digit 0–7 for the ACE
//!   field, which is the three bits AE, CWR, ECE (RFC 9768 §3.2.2), in place of `E W A`; `-` for none.
//! * Options: `mss n`, `wscale n`, `sackOK`, `sack l:r …`, `TS val n ecr n`, `nop`, `eol`, `md5 [HEX]`, `FO [HEX]`,
//!   `FOEXP [HEX]`, `ECN e0b n ceb n e1b n` (or `e1b` first, which is the other kind; fewer counters from the end).
//!   `<...>` stands for any options. What packetdrill has no word for: `uto SECONDS`, `opt KIND [HEX]` for any other
//!   option, `raw HEX` for bytes that are no option. Nothing is padded in the text.
//!
//! A printed text, parsed, is the same [`SegmentText`], and options keep their very bytes.
//!
//! ```
//! use limpid_wire::notation::SegmentText;
//! let text = "S. 0:0(0) ack 1 win 65535 <mss 1460,nop,wscale 7>";
//! let segment: SegmentText = text.parse()?;
//! assert_eq!(segment.window, Some(65535));
//! assert_eq!(segment.to_string(), text);
//! assert_eq!(
//!     "S 0:5(0)".parse::<SegmentText>().unwrap_err().to_string(),
//!     "column 5: expected an end that is the start plus the length, found '5'"
//! );
//! # Ok::<(), limpid_wire::notation::NotationError>(())
//! ```

mod options;
mod parse;

pub use options::OptionList;
pub use parse::NotationError;

use alloc::vec;
use core::fmt;

use crate::tcp::header::MIN_HEADER_LEN;
use crate::{Chunk, Chunks, Ecn, Segment, SeqNum, TcpFlags, TcpOptions, tcp::TcpHeader};

/// The longest payload that a text may state, in bytes.
pub const MAX_LEN: u32 = 1 << 20;

/// A segment as written: what the text leaves out is left out, and options keep their order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SegmentText {
    /// What the IP header says.
    pub ip: IpInfo,
    /// Source and destination port.
    pub ports: Option<(u16, u16)>,
    /// Control bits.
    pub flags: TcpFlags,
    /// Sequence number of the first byte (or of SYN).
    pub seq: SeqNum,
    /// Bytes of payload: at most [`MAX_LEN`] when parsed. The text's `end` is `seq` plus this; SYN and FIN don't count.
    pub len: u32,
    /// Acknowledgement number.
    pub ack: Option<SeqNum>,
    /// The window, unscaled.
    pub window: Option<u16>,
    /// The urgent pointer.
    pub urgent: Option<u16>,
    /// The options.
    pub options: OptionsText,
}

/// What a [`SegmentText`] says of the IP header; nothing by default.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct IpInfo {
    /// The ECN bits.
    pub ecn: Option<EcnText>,
    /// The whole TOS or traffic class byte.
    pub tos: Option<u8>,
    /// IPv6's flow label: 20 bits.
    pub flow_label: Option<u32>,
    /// Time to live, or hop limit.
    pub ttl: Option<u8>,
}

/// Which ECN bits a text asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EcnText {
    /// These: `noecn`, `ect0`, `ect1`, `ce`.
    Exactly(Ecn),
    /// `ect01`: ECT(0) or ECT(1).
    AnyEct,
}

/// Which options a text asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OptionsText {
    /// `<...>`: any.
    Any,
    /// These; none if there is no `<>`.
    List(OptionList),
}

impl Default for OptionsText {
    fn default() -> OptionsText {
        OptionsText::List(OptionList::default())
    }
}

impl EcnText {
    /// True if a packet with these bits is meant.
    pub fn matches(self, ecn: Ecn) -> bool {
        match self {
            EcnText::Exactly(exact) => exact == ecn,
            EcnText::AnyEct => matches!(ecn, Ecn::Ect0 | Ecn::Ect1),
        }
    }
}

impl SegmentText {
    /// Parses the segment that starts `text`; returns it and what follows it.
    ///
    /// # Errors
    /// If there is none; the error says at which column what was expected.
    pub fn parse_prefix(text: &str) -> Result<(SegmentText, &str), NotationError> {
        parse::segment(text)
    }

    /// Parses the `seq:end(length)` that starts `text`; returns its start, its length and what follows it.
    ///
    /// # Errors
    /// As [`parse_prefix`](Self::parse_prefix).
    pub fn parse_range_prefix(text: &str) -> Result<((SeqNum, u32), &str), NotationError> {
        parse::sequence_range(text)
    }

    /// The text of a segment of the engine's.
    pub fn from_segment(segment: &Segment) -> SegmentText {
        let mut options = [0; crate::tcp::MAX_OPTIONS_LEN];
        let options_len = segment.options.emit(&mut options);
        SegmentText {
            ip: IpInfo {
                ecn: (segment.ecn != Ecn::NotEct).then_some(EcnText::Exactly(segment.ecn)),
                ..IpInfo::default()
            },
            ports: None,
            flags: segment.flags,
            seq: segment.seq,
            len: segment.payload.len() as u32,
            ack: segment.flags.contains(TcpFlags::ACK).then_some(segment.ack),
            window: Some(segment.window),
            urgent: segment.flags.contains(TcpFlags::URG).then_some(segment.urgent),
            options: OptionsText::List(OptionList::truncated(&options[..options_len])),
        }
    }

    /// The text of a TCP packet, without its ports.
    ///
    /// # Errors
    /// As [`TcpHeader::parse`].
    pub fn from_packet(bytes: &[u8]) -> Result<SegmentText, crate::ParseError> {
        let (header, payload) = TcpHeader::parse(bytes)?;
        Ok(SegmentText {
            ip: IpInfo::default(),
            ports: None,
            flags: header.flags,
            seq: header.seq,
            len: payload.len() as u32,
            ack: (header.flags.contains(TcpFlags::ACK) || header.ack.0 != 0).then_some(header.ack),
            window: Some(header.window),
            urgent: (header.flags.contains(TcpFlags::URG) || header.urgent != 0).then_some(header.urgent),
            options: OptionsText::List(OptionList::truncated(&bytes[MIN_HEADER_LEN..payload.start])),
        })
    }

    /// The engine's segment: what the text leaves out is 0, any options are none, the payload is zeros.
    pub fn to_segment(&self) -> Segment {
        let mut payload = Chunks::new();
        if self.len > 0 {
            // The list is empty, so there is room.
            let _ = payload.push(Chunk::from_vec(vec![0; self.len as usize]));
        }
        Segment {
            seq: self.seq,
            ack: self.ack.unwrap_or_default(),
            flags: self.flags,
            window: self.window.unwrap_or_default(),
            urgent: self.urgent.unwrap_or_default(),
            options: match &self.options {
                OptionsText::Any => TcpOptions::default(),
                OptionsText::List(list) => TcpOptions::parse(list.as_bytes()),
            },
            ecn: self.ip.exact_ecn().unwrap_or_default(),
            merged: 1,
            payload,
        }
    }

    /// The same segment with `seq` added to its sequence number and `ack` to its acknowledgement number and the edges
    /// of its SACK blocks, modulo 2^32: from numbers that count from the initial ones to those on the wire, and back.
    #[must_use]
    pub fn shifted(mut self, seq: u32, ack: u32) -> SegmentText {
        self.seq += seq;
        self.ack = self.ack.map(|n| n + ack);
        if let OptionsText::List(list) = &mut self.options {
            list.shift_sack(ack);
        }
        self
    }
}

impl IpInfo {
    /// Parses the `[…]` or `(…)` that starts `text`, which need not be there; returns it and what follows it.
    ///
    /// # Errors
    /// If it is not as it should be; the error says at which column what was expected.
    pub fn parse_prefix(text: &str) -> Result<(IpInfo, &str), NotationError> {
        parse::ip_info(text)
    }

    /// The ECN bits, if the text says which.
    pub fn exact_ecn(&self) -> Option<Ecn> {
        match self.ecn {
            Some(EcnText::Exactly(ecn)) => Some(ecn),
            Some(EcnText::AnyEct) => None,
            None => self.tos.map(Ecn::from_bits),
        }
    }

    /// True if nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == IpInfo::default()
    }
}

impl core::str::FromStr for SegmentText {
    type Err = NotationError;

    fn from_str(text: &str) -> Result<SegmentText, NotationError> {
        parse::whole_segment(text)
    }
}

impl fmt::Display for SegmentText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SegmentText { ip, ports, flags, seq, len, ack, window, urgent, options } = self;
        if !ip.is_empty() {
            write!(f, "[{ip}] ")?;
        }
        if let Some((src, dst)) = ports {
            write!(f, "{src} > {dst} ")?;
        }
        write_flags(f, *flags)?;
        write!(f, " {seq}:{}({len})", *seq + *len)?;
        if let Some(ack) = ack {
            write!(f, " ack {ack}")?;
        }
        if let Some(window) = window {
            write!(f, " win {window}")?;
        }
        if let Some(urgent) = urgent {
            write!(f, " urg {urgent}")?;
        }
        match options {
            OptionsText::Any => f.write_str(" <...>"),
            OptionsText::List(list) if list.is_empty() => Ok(()),
            OptionsText::List(list) => write!(f, " <{list}>"),
        }
    }
}

impl fmt::Display for IpInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let IpInfo { ecn, tos, flow_label, ttl } = *self;
        let mut separator = "";
        let mut next = || core::mem::replace(&mut separator, ",");
        if let Some(ecn) = ecn {
            let word = IP_WORDS.iter().find(|(_, value)| *value == ecn).map_or("", |(word, _)| word);
            write!(f, "{}{word}", next())?;
        }
        if let Some(tos) = tos {
            write!(f, "{}tos 0x{tos:02x}", next())?;
        }
        if let Some(label) = flow_label {
            write!(f, "{}flowlabel 0x{label:x}", next())?;
        }
        if let Some(ttl) = ttl {
            write!(f, "{}ttl {ttl}", next())?;
        }
        Ok(())
    }
}

/// The words for ECN bits.
const IP_WORDS: [(&str, EcnText); 5] = [
    ("noecn", EcnText::Exactly(Ecn::NotEct)),
    ("ect0", EcnText::Exactly(Ecn::Ect0)),
    ("ect1", EcnText::Exactly(Ecn::Ect1)),
    ("ce", EcnText::Exactly(Ecn::Ce)),
    ("ect01", EcnText::AnyEct),
];

/// The letters for flags, in the order they are printed.
const FLAG_LETTERS: [(char, TcpFlags); 9] = [
    ('F', TcpFlags::FIN),
    ('S', TcpFlags::SYN),
    ('R', TcpFlags::RST),
    ('P', TcpFlags::PSH),
    ('.', TcpFlags::ACK),
    ('U', TcpFlags::URG),
    ('E', TcpFlags::ECE),
    ('W', TcpFlags::CWR),
    ('A', TcpFlags::AE),
];

fn write_flags(f: &mut fmt::Formatter<'_>, flags: TcpFlags) -> fmt::Result {
    if flags.is_empty() {
        return f.write_str("-");
    }
    let letters = FLAG_LETTERS.iter().filter(|(_, flag)| flags.contains(*flag));
    letters.map(|(letter, _)| *letter).try_for_each(|letter| fmt::Write::write_char(f, letter))
}

#[cfg(test)]
mod tests;
