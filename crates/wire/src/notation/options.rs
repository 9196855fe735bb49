//! Lists of options in the notation, kept as their bytes.

use core::fmt;

use arrayvec::ArrayVec;

use crate::bytes::{be32, put32};
use crate::tcp::option::{FAST_OPEN_MAGIC, TcpOptionIter, UserTimeout, kind};
use crate::tcp::{MAX_OPTIONS_LEN, TcpOption};

/// Options in their order, as their bytes stand on the wire but without padding: at most 40 bytes.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct OptionList {
    bytes: ArrayVec<u8, MAX_OPTIONS_LEN>,
}

impl OptionList {
    /// A list of these bytes; `None` if there are more than 40.
    pub fn from_bytes(bytes: &[u8]) -> Option<OptionList> {
        ArrayVec::try_from(bytes).ok().map(|bytes| OptionList { bytes })
    }

    /// A list of at most the first 40 of these bytes.
    pub(super) fn truncated(bytes: &[u8]) -> OptionList {
        OptionList { bytes: bytes.iter().copied().take(MAX_OPTIONS_LEN).collect() }
    }

    /// The bytes as given, which may need [padding](Self::padded).
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes as a header holds them: padded to a multiple of 4 with ends of list.
    pub fn padded(&self) -> ArrayVec<u8, MAX_OPTIONS_LEN> {
        let mut bytes = self.bytes.clone();
        while !bytes.len().is_multiple_of(4) {
            bytes.push(kind::END_OF_LIST);
        }
        bytes
    }

    /// True if there is no option.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The options, one by one.
    pub fn iter(&self) -> TcpOptionIter<'_> {
        TcpOption::iter(&self.bytes)
    }

    /// Adds bytes at the end; `Err` if there is no room.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), ()> {
        self.bytes.try_extend_from_slice(bytes).map_err(|_| ())
    }

    /// Adds `by` to every edge of every SACK block.
    pub(super) fn shift_sack(&mut self, by: u32) {
        let mut at = 0;
        while let Some([option, len, ..]) = self.bytes.get(at..) {
            let len = match *option {
                kind::END_OF_LIST => return,
                kind::NOP => 1,
                _ => usize::from(*len),
            };
            let is_sack = *option == kind::SACK && len % 8 == 2;
            let Some(bytes) = self.bytes.get_mut(at..at + len).filter(|b| !b.is_empty()) else { return };
            if is_sack {
                for edge in bytes[2..].as_chunks_mut::<4>().0 {
                    let shifted = be32(edge, 0).wrapping_add(by);
                    put32(edge, 0, shifted);
                }
            }
            at += len;
        }
    }
}

impl fmt::Debug for OptionList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{self}>")
    }
}

impl fmt::Display for OptionList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut options = self.iter();
        let mut rest = options.rest();
        let mut separator = "";
        while let Some(option) = options.next() {
            f.write_str(separator)?;
            separator = ",";
            match option {
                Ok(TcpOption::EndOfList) => return write_padding(f, rest),
                Ok(option) => write_option(f, option, &rest[..rest.len() - options.rest().len()])?,
                Err(bad) => write_bytes(f, bad.bytes)?,
            }
            rest = options.rest();
        }
        Ok(())
    }
}

/// Writes an option that is as its kind demands, and whose bytes are `bytes`.
fn write_option(f: &mut fmt::Formatter<'_>, option: TcpOption<'_>, bytes: &[u8]) -> fmt::Result {
    match option {
        TcpOption::EndOfList => f.write_str("eol"),
        TcpOption::Nop => f.write_str("nop"),
        TcpOption::Mss(mss) => write!(f, "mss {mss}"),
        TcpOption::WindowScale(shift) => write!(f, "wscale {shift}"),
        TcpOption::SackPermitted => f.write_str("sackOK"),
        TcpOption::Sack(list) if !list.is_empty() => {
            f.write_str("sack")?;
            list.edges().try_for_each(|(left, right)| write!(f, " {left}:{right}"))
        }
        TcpOption::Timestamps(t) => write!(f, "TS val {} ecr {}", t.val, t.ecr),
        TcpOption::Md5(digest) => write!(f, "md5{}", Hex(&digest)),
        TcpOption::UserTimeout(timeout) if UserTimeout::from_seconds(timeout.seconds()) == timeout => {
            write!(f, "uto {}", timeout.seconds())
        }
        TcpOption::FastOpen(cookie) => write!(f, "FO{}", Hex(cookie)),
        TcpOption::Experiment { kind: kind::EXPERIMENT_2, magic: FAST_OPEN_MAGIC, data } => {
            write!(f, "FOEXP{}", Hex(data))
        }
        TcpOption::AccEcn(counters) if !counters.ect1_first || bytes.len() > 2 => {
            f.write_str("ECN")?;
            let words = if counters.ect1_first { ECT1_FIRST } else { ECT0_FIRST };
            words.iter().zip(counters.counters()).try_for_each(|(word, n)| write!(f, " {word} {n}"))
        }
        _ => write_bytes(f, bytes),
    }
}

/// The words for AccECN's counters, in the order of each of its two kinds.
pub(super) const ECT0_FIRST: [&str; 3] = ["e0b", "ceb", "e1b"];
pub(super) const ECT1_FIRST: [&str; 3] = ["e1b", "ceb", "e0b"];

/// Writes bytes that packetdrill has no word for: an option if the length fits, else what they are.
fn write_bytes(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    match bytes {
        [kind, len, data @ ..] if usize::from(*len) == bytes.len() => write!(f, "opt {kind}{}", Hex(data)),
        _ => write!(f, "raw{}", Hex(bytes)),
    }
}

/// Writes the end of the list and what stands behind it.
fn write_padding(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    let ends = bytes.iter().take_while(|b| **b == kind::END_OF_LIST).count();
    for n in 0..ends {
        f.write_str(if n == 0 { "eol" } else { ",eol" })?;
    }
    match &bytes[ends..] {
        [] => Ok(()),
        rest => write!(f, ",raw{}", Hex(rest)),
    }
}

/// A space and the bytes in hexadecimal; nothing for no bytes.
struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "" } else { " " })?;
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}
