//! Text to [`SegmentText`].

use alloc::string::String;

use arrayvec::ArrayVec;

use super::options::{ECT0_FIRST, ECT1_FIRST};
use super::{FLAG_LETTERS, IP_WORDS, IpInfo, MAX_LEN, OptionList, OptionsText, SegmentText};
use crate::tcp::option::{FAST_OPEN_MAGIC, UserTimeout, kind};
use crate::{SeqNum, TcpFlags};

/// Why a text is no segment.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("column {column}: expected {expected}, found {}", Found(found))]
pub struct NotationError {
    /// Where, in characters, from 1.
    pub column: usize,
    /// What should have stood there.
    pub expected: &'static str,
    /// The word or sign that stands there, or the start of it; empty at the end of the text.
    pub found: String,
}

impl NotationError {
    /// True if what stands there may be an option of a TCP extension that the notation has no word for.
    pub fn is_unknown_option(&self) -> bool {
        self.expected == AN_OPTION && self.found.starts_with(|c: char| c.is_ascii_alphabetic())
    }
}

struct Found<'a>(&'a str);

impl core::fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.0 {
            "" => f.write_str("the end"),
            found => write!(f, "'{found}'"),
        }
    }
}

type Result<T> = core::result::Result<T, NotationError>;

/// Bytes of options in the making: kind and length come first.
type OptionBytes = ArrayVec<u8, 42>;

const A_HEX_BLOB: &str = "pairs of hexadecimal digits, no more than an option holds";
const AN_OPTION: &str = "an option (mss, wscale, sackOK, sack, TS, nop, eol, md5, FO, FOEXP, ECN, uto, opt, raw)";

/// The segment that starts `text`, and the rest.
pub(super) fn segment(text: &str) -> Result<(SegmentText, &str)> {
    let mut scanner = Scanner { text, at: 0 };
    let segment = scanner.segment()?;
    Ok((segment, &text[scanner.at..]))
}

/// What the IP header says, if `text` starts with it, and the rest.
pub(super) fn ip_info(text: &str) -> Result<(IpInfo, &str)> {
    let mut scanner = Scanner { text, at: 0 };
    let info = scanner.ip_info()?;
    Ok((info, &text[scanner.at..]))
}

/// The `seq:end(len)` that starts `text`, and the rest.
pub(super) fn sequence_range(text: &str) -> Result<((SeqNum, u32), &str)> {
    let mut scanner = Scanner { text, at: 0 };
    let range = scanner.sequence_range()?;
    Ok((range, &text[scanner.at..]))
}

/// The segment that is all of `text`.
pub(super) fn whole_segment(text: &str) -> Result<SegmentText> {
    let mut scanner = Scanner { text, at: 0 };
    let segment = scanner.segment()?;
    scanner.skip_space();
    if scanner.at < text.len() {
        return scanner.fail("the end of the segment");
    }
    Ok(segment)
}

/// A text and how far it has been read.
struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn segment(&mut self) -> Result<SegmentText> {
        let ip = self.ip_info()?;
        let ports = self.ports()?;
        let flags = self.flags()?;
        let (seq, len) = self.sequence_range()?;
        let ack = if self.take_word("ack") { Some(SeqNum(self.u32()?)) } else { None };
        let window = if self.take_word("win") { Some(self.u16()?) } else { None };
        let urgent = if self.take_word("urg") { Some(self.u16()?) } else { None };
        let options = if self.take("<") { self.options()? } else { OptionsText::default() };
        Ok(SegmentText { ip, ports, flags, seq, len, ack, window, urgent, options })
    }

    fn ip_info(&mut self) -> Result<IpInfo> {
        let mut info = IpInfo::default();
        let close = if self.take("[") {
            "]"
        } else if self.take("(") {
            ")"
        } else {
            return Ok(info);
        };
        loop {
            self.ip_word(&mut info)?;
            if self.take(close) {
                return Ok(info);
            }
            if !self.take(",") {
                return self.fail(if close == "]" { "',' or ']'" } else { "',' or ')'" });
            }
        }
    }

    fn ip_word(&mut self, info: &mut IpInfo) -> Result<()> {
        let start = self.at;
        let word = self.word();
        if let Some(&(_, ecn)) = IP_WORDS.iter().find(|(w, _)| *w == word) {
            return self.set(&mut info.ecn, ecn, start);
        }
        match word {
            "tos" => {
                let tos = self.hex_number(0xff, "a hexadecimal number from 0x00 to 0xff")?;
                self.set(&mut info.tos, tos as u8, start)
            }
            "flowlabel" => {
                let label = self.hex_number(0xf_ffff, "a hexadecimal number from 0x0 to 0xfffff")?;
                self.set(&mut info.flow_label, label, start)
            }
            "ttl" => {
                let ttl = self.u8()?;
                self.set(&mut info.ttl, ttl, start)
            }
            _ => self.fail_at(start, "one of noecn, ect0, ect1, ce, ect01, tos, flowlabel, ttl"),
        }
    }

    fn set<T>(&self, field: &mut Option<T>, value: T, at: usize) -> Result<()> {
        match field.replace(value) {
            None => Ok(()),
            Some(_) => self.fail_at(at, "each item of the IP header once"),
        }
    }

    /// Ports, if a number and a `>` stand here: a number alone could be an ACE digit.
    fn ports(&mut self) -> Result<Option<(u16, u16)>> {
        let start = self.at;
        self.skip_space();
        let digits = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 || !self.rest()[digits..].trim_start().starts_with('>') {
            self.at = start;
            return Ok(None);
        }
        let src = self.u16()?;
        self.expect(">", "'>'")?;
        Ok(Some((src, self.u16()?)))
    }

    fn flags(&mut self) -> Result<TcpFlags> {
        const ACE: TcpFlags = TcpFlags::AE.union(TcpFlags::CWR).union(TcpFlags::ECE);
        self.skip_space();
        if self.take("-") {
            return Ok(TcpFlags::empty());
        }
        let mut flags = TcpFlags::empty();
        let mut seen = TcpFlags::empty();
        let start = self.at;
        while let Some(c) = self.peek().filter(|c| !c.is_whitespace()) {
            let (mask, bits) = match c {
                '0'..='7' => (ACE, TcpFlags::from_bits_truncate((c as u16 - '0' as u16) << 6)),
                _ => match FLAG_LETTERS.iter().find(|(letter, _)| *letter == c) {
                    Some(&(_, flag)) => (flag, flag),
                    None => return self.fail("a flag of FSRP.UEWA, an ACE digit from 0 to 7, or '-'"),
                },
            };
            if seen.intersects(mask) {
                return self.fail("each flag once");
            }
            seen |= mask;
            flags |= bits;
            self.at += c.len_utf8();
        }
        if self.at == start {
            return self.fail("flags of FSRP.UEWA, an ACE digit from 0 to 7, or '-'");
        }
        Ok(flags)
    }

    /// `seq:end(len)`.
    fn sequence_range(&mut self) -> Result<(SeqNum, u32)> {
        let seq = SeqNum(self.u32()?);
        self.expect(":", "':' and the end of the sequence range")?;
        self.skip_space();
        let end_at = self.at;
        let end = SeqNum(self.u32()?);
        self.expect("(", "'(' and the length")?;
        let len = self.number(MAX_LEN, "a length up to 1048576")?;
        self.expect(")", "')'")?;
        if end != seq + len {
            return self.fail_at(end_at, "an end that is the start plus the length");
        }
        Ok((seq, len))
    }

    /// What stands behind `<`.
    fn options(&mut self) -> Result<OptionsText> {
        if self.take("...") {
            self.expect(">", "'>'")?;
            return Ok(OptionsText::Any);
        }
        let mut list = OptionList::default();
        loop {
            self.skip_space();
            let start = self.at;
            let option = self.option()?;
            if list.push(&option).is_err() {
                return self.fail_at(start, "at most 40 bytes of options");
            }
            if self.take(">") {
                return Ok(OptionsText::List(list));
            }
            self.expect(",", "',' or '>'")?;
        }
    }

    fn option(&mut self) -> Result<OptionBytes> {
        let start = self.at;
        let mut bytes = OptionBytes::new();
        match self.word() {
            "nop" => return Ok([kind::NOP].into_iter().collect()),
            "eol" => return Ok([kind::END_OF_LIST].into_iter().collect()),
            "raw" => return self.hex(1, 40),
            "mss" => start_option(&mut bytes, kind::MSS, &self.u16()?.to_be_bytes()),
            "wscale" => start_option(&mut bytes, kind::WINDOW_SCALE, &[self.u8()?]),
            "sackOK" => start_option(&mut bytes, kind::SACK_PERMITTED, &[]),
            "sack" => self.sack_blocks(&mut bytes)?,
            "TS" => {
                self.expect_word("val", "'val'")?;
                let val = self.u32()?;
                self.expect_word("ecr", "'ecr'")?;
                let ecr = self.u32()?;
                start_option(&mut bytes, kind::TIMESTAMPS, &val.to_be_bytes());
                extend(&mut bytes, &ecr.to_be_bytes());
            }
            "md5" => {
                self.skip_space();
                let at = self.at;
                let digest = self.hex(0, 40)?;
                if digest.len() > 16 {
                    return self.fail_at(at, "at most 32 hexadecimal digits");
                }
                start_option(&mut bytes, kind::MD5, &digest);
            }
            "uto" => {
                let UserTimeout(value) = UserTimeout::from_seconds(self.number(1_966_020, "seconds, at most 1966020")?);
                start_option(&mut bytes, kind::USER_TIMEOUT, &value.to_be_bytes());
            }
            "FO" => start_option(&mut bytes, kind::FAST_OPEN, &self.hex(0, 38)?),
            "FOEXP" => {
                let cookie = self.hex(0, 36)?;
                start_option(&mut bytes, kind::EXPERIMENT_2, &FAST_OPEN_MAGIC.to_be_bytes());
                extend(&mut bytes, &cookie);
            }
            "ECN" => self.acc_ecn(&mut bytes)?,
            "opt" => {
                self.skip_space();
                let at = self.at;
                let option = self.u8()?;
                if option == kind::NOP || option == kind::END_OF_LIST {
                    return self.fail_at(at, "a kind from 2 to 255");
                }
                start_option(&mut bytes, option, &self.hex(0, 38)?);
            }
            _ => return self.fail_at(start, AN_OPTION),
        }
        // All that went in, kind and length included, is below the capacity of 42.
        bytes[1] = bytes.len() as u8;
        Ok(bytes)
    }

    fn sack_blocks(&mut self, bytes: &mut OptionBytes) -> Result<()> {
        start_option(bytes, kind::SACK, &[]);
        loop {
            self.skip_space();
            if bytes.len() > 32 {
                return self.fail("at most 4 SACK blocks");
            }
            let left = self.u32()?;
            self.expect(":", "':' and the right edge")?;
            let right = self.u32()?;
            extend(bytes, &left.to_be_bytes());
            extend(bytes, &right.to_be_bytes());
            self.skip_space();
            if !self.peek().is_some_and(|c| c.is_ascii_digit()) {
                return Ok(());
            }
        }
    }

    fn acc_ecn(&mut self, bytes: &mut OptionBytes) -> Result<()> {
        self.skip_space();
        let ect1_first = self.rest().starts_with("e1b");
        start_option(bytes, if ect1_first { kind::ACC_ECN1 } else { kind::ACC_ECN0 }, &[]);
        for word in if ect1_first { ECT1_FIRST } else { ECT0_FIRST } {
            if !self.take_word(word) {
                return Ok(());
            }
            let [_, counter @ ..] = self.number(0xff_ffff, "a number up to 16777215")?.to_be_bytes();
            extend(bytes, &counter);
        }
        Ok(())
    }

    /// As many bytes in hexadecimal, from `min` to `max`.
    fn hex(&mut self, min: usize, max: usize) -> Result<OptionBytes> {
        self.skip_space();
        let start = self.at;
        let digits = self.word().as_bytes();
        let (pairs, odd) = digits.as_chunks::<2>();
        if !odd.is_empty() || pairs.len() < min || pairs.len() > max {
            return self.fail_at(start, A_HEX_BLOB);
        }
        let mut bytes = OptionBytes::new();
        for [high, low] in pairs {
            match (hex_digit(*high), hex_digit(*low)) {
                (Some(high), Some(low)) => bytes.push(high << 4 | low),
                _ => return self.fail_at(start, A_HEX_BLOB),
            }
        }
        Ok(bytes)
    }

    fn hex_number(&mut self, max: u32, expected: &'static str) -> Result<u32> {
        self.skip_space();
        let start = self.at;
        let digits = self.word().strip_prefix("0x").unwrap_or_default();
        // A sign, which from_str_radix would take, is no part of a word.
        match u32::from_str_radix(digits, 16) {
            Ok(n) if n <= max => Ok(n),
            _ => self.fail_at(start, expected),
        }
    }

    fn number(&mut self, max: u32, expected: &'static str) -> Result<u32> {
        self.skip_space();
        let start = self.at;
        let digits = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        match self.rest()[..digits].parse() {
            Ok(n) if n <= max => {
                self.at += digits;
                Ok(n)
            }
            _ => self.fail_at(start, expected),
        }
    }

    fn u32(&mut self) -> Result<u32> {
        self.number(u32::MAX, "a number up to 4294967295")
    }

    fn u16(&mut self) -> Result<u16> {
        self.number(0xffff, "a number up to 65535").map(|n| n as u16)
    }

    fn u8(&mut self) -> Result<u8> {
        self.number(0xff, "a number up to 255").map(|n| n as u8)
    }

    /// The letters and digits that stand here, taken; none at all, perhaps.
    fn word(&mut self) -> &'a str {
        self.skip_space();
        let len = self.rest().bytes().take_while(u8::is_ascii_alphanumeric).count();
        let word = &self.rest()[..len];
        self.at += len;
        word
    }

    /// Takes `word` if it stands here whole.
    fn take_word(&mut self, word: &str) -> bool {
        let start = self.at;
        if self.word() == word {
            return true;
        }
        self.at = start;
        false
    }

    fn expect_word(&mut self, word: &str, expected: &'static str) -> Result<()> {
        if self.take_word(word) { Ok(()) } else { self.fail(expected) }
    }

    /// Takes `mark` if it stands here.
    fn take(&mut self, mark: &str) -> bool {
        self.skip_space();
        let there = self.rest().starts_with(mark);
        self.at += if there { mark.len() } else { 0 };
        there
    }

    fn expect(&mut self, mark: &str, expected: &'static str) -> Result<()> {
        if self.take(mark) { Ok(()) } else { self.fail(expected) }
    }

    fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn fail<T>(&mut self, expected: &'static str) -> Result<T> {
        self.skip_space();
        self.fail_at(self.at, expected)
    }

    fn fail_at<T>(&self, at: usize, expected: &'static str) -> Result<T> {
        let at = self.text.len() - self.text[at..].trim_start().len();
        let column = self.text[..at].chars().count() + 1;
        Err(NotationError { column, expected, found: found(&self.text[at..]) })
    }
}

/// The word, number or sign that starts `text`.
fn found(text: &str) -> String {
    const MAX_CHARS: usize = 20;
    let word: String = text.chars().take_while(|c| c.is_alphanumeric()).take(MAX_CHARS).collect();
    if word.is_empty() { text.chars().take(1).collect() } else { word }
}

/// Kind, a place for the length, and data.
fn start_option(bytes: &mut OptionBytes, kind: u8, data: &[u8]) {
    extend(bytes, &[kind, 0]);
    extend(bytes, data);
}

/// Adds bytes; those for which there is no room are dropped, which every caller's bound rules out.
fn extend(bytes: &mut OptionBytes, data: &[u8]) {
    let fits = bytes.try_extend_from_slice(data);
    debug_assert!(fits.is_ok());
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|d| d as u8)
}
