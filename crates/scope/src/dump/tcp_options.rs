//! TCP's options (RFC 9293 §3.2, 7323, 2018, 2385, 5925, 5482, 7413, and what came before them).
//!
//! tcpdump prints an option by what its kind needs, notes where its length says otherwise, and goes on after what it
//! has read; so do we.

use super::bytes::{Bytes, Cut};
use super::line::{Line, put};
use super::mptcp::Bad;
use super::tcp::Relative;
use limpid_wire::TcpFlags;

const EOL: u8 = 0;
const NOP: u8 = 1;
/// The magic number of experimental Fast Open (RFC 6994).
const TFO_MAGIC: u16 = 0xf989;

/// Why the list of options ends early.
enum Stop {
    /// `[bad opt]`: an impossible length.
    Bad,
    /// ` [|tcp]`: the captured bytes end.
    Cut,
    /// They end within the option's own data: ` [|tcp]>`, without the `>` if it is the first option.
    CutInside,
}

impl From<Cut> for Stop {
    fn from(_: Cut) -> Stop {
        Stop::Cut
    }
}

/// What the options are printed by.
#[derive(Clone, Copy)]
pub(super) struct Context {
    /// The segment's flags: what MPTCP's options hold depends on them.
    pub(super) flags: TcpFlags,
    /// What SACK's numbers are relative to.
    pub(super) relative: Relative,
    /// Whether all of the segment is captured: what a signature could be checked by.
    pub(super) whole: bool,
}

/// An option's data: what is captured from it to the packet's end, and what is left of the header.
#[derive(Clone, Copy)]
struct Data<'a> {
    bytes: &'a [u8],
    left: usize,
    /// As the option's length byte has it.
    length: usize,
}

impl Data<'_> {
    /// Stops unless `count` bytes are within the header and captured.
    fn need(&self, count: usize) -> Result<(), Stop> {
        if count > self.left {
            Err(Stop::Bad)
        } else if count > self.bytes.len() {
            Err(Stop::CutInside)
        } else {
            Ok(())
        }
    }
}

impl Line<'_> {
    /// Prints the options in `left` bytes of the header. False if the list was damaged: nothing follows it then.
    pub(super) fn tcp_options(&mut self, mut bytes: &[u8], mut left: usize, context: Context) -> Result<bool, Cut> {
        let mut first = true;
        while left > 0 {
            if !first {
                self.out.push(',');
            }
            match self.tcp_option(bytes, left, context) {
                Ok((EOL, _)) => break,
                Ok((_, taken)) => {
                    bytes = bytes.tail(taken);
                    left -= taken.min(left);
                }
                Err(Stop::Cut) => return Err(Cut),
                Err(Stop::CutInside) => {
                    self.truncated();
                    if !first {
                        self.out.push('>');
                    }
                    return Ok(false);
                }
                Err(Stop::Bad) => {
                    self.out.push_str("[bad opt]");
                    if !first {
                        self.out.push(']');
                    }
                    return Ok(false);
                }
            }
            first = false;
        }
        Ok(true)
    }

    /// Prints one option; answers its kind and how many bytes it took.
    fn tcp_option(&mut self, bytes: &[u8], left: usize, context: Context) -> Result<(u8, usize), Stop> {
        let kind = bytes.u8(0)?;
        match kind {
            EOL => self.out.push_str("eol"),
            NOP => self.out.push_str("nop"),
            _ => {
                let length = usize::from(bytes.u8(1)?);
                if length < 2 || length > left {
                    return Err(Stop::Bad);
                }
                let data = Data { bytes: bytes.tail(2), left: left - 2, length: length - 2 };
                let taken = self.tcp_option_data(kind, data, context)?;
                if taken != data.length {
                    put!(self, "[len {length}]");
                }
                return Ok((kind, taken + 2));
            }
        }
        Ok((kind, 1))
    }

    /// Prints an option's name and data; answers how many bytes its kind needs.
    fn tcp_option_data(&mut self, kind: u8, data: Data<'_>, context: Context) -> Result<usize, Stop> {
        let name = match kind {
            2 => "mss",
            3 => "wscale",
            4 => "sackOK",
            5 => "sack",
            6 => "echo",
            7 => "echoreply",
            8 => "TS",
            11 => "cc",
            12 => "ccnew",
            // CC.ECHO has no name in 4.99.3.
            13 => "",
            19 => "md5",
            20 => "scps",
            28 => "uto",
            29 => "tcp-ao",
            30 => "mptcp",
            34 => "tfo",
            254 => "exp",
            _ => return self.tcp_option_unknown(kind, data),
        };
        self.out.push_str(name);
        match kind {
            2 => {
                data.need(2)?;
                put!(self, " {}", data.bytes.u16(0)?);
                Ok(2)
            }
            3 => {
                data.need(1)?;
                put!(self, " {}", data.bytes.u8(0)?);
                Ok(1)
            }
            4 => Ok(0),
            5 => self.tcp_sack(data, context),
            6 | 7 | 11..=13 => {
                data.need(4)?;
                put!(self, " {}", data.bytes.u32(0)?);
                Ok(4)
            }
            8 => {
                data.need(8)?;
                put!(self, " val {} ecr {}", data.bytes.u32(0)?, data.bytes.u32(4)?);
                Ok(8)
            }
            19 => {
                data.need(16)?;
                self.out.push_str(match context.whole {
                    true => " shared secret not supplied with -M, can't check - ",
                    false => " snaplen too short, can't check - ",
                });
                self.hex(&data.bytes.array::<16>(0)?);
                Ok(16)
            }
            20 => {
                data.need(2)?;
                put!(self, " cap {:02x} id {}", data.bytes.u8(0)?, data.bytes.u8(1)?);
                Ok(2)
            }
            28 => self.tcp_user_timeout(data),
            29 => self.tcp_authentication(data),
            30 => self.tcp_mptcp(data, context),
            34 => {
                data.need(data.length)?;
                self.out.push(' ');
                self.tcp_fast_open(data.bytes, data.length);
                Ok(data.length)
            }
            _ => self.tcp_experimental(data),
        }
    }

    fn tcp_option_unknown(&mut self, kind: u8, data: Data<'_>) -> Result<usize, Stop> {
        put!(self, "unknown-{kind}");
        if data.length > 0 {
            self.out.push_str(" 0x");
        }
        self.tcp_option_hex(data, 0)?;
        Ok(data.length)
    }

    /// The data from `at` on in hexadecimal, as far as it is captured.
    fn tcp_option_hex(&mut self, data: Data<'_>, at: usize) -> Result<(), Stop> {
        for i in at..data.length {
            data.need(i + 1)?;
            put!(self, "{:02x}", data.bytes.u8(i)?);
        }
        Ok(())
    }

    fn tcp_sack(&mut self, data: Data<'_>, context: Context) -> Result<usize, Stop> {
        if !data.length.is_multiple_of(8) {
            self.out.push_str(" invalid sack");
            return Ok(data.length);
        }
        put!(self, " {} ", data.length / 8);
        for at in (0..data.length).step_by(8) {
            data.need(at + 8)?;
            let left = data.bytes.u32(at)?.wrapping_sub(context.relative.sack);
            let right = data.bytes.u32(at + 4)?.wrapping_sub(context.relative.sack);
            put!(self, "{{{left}:{right}}}");
        }
        Ok(data.length)
    }

    fn tcp_user_timeout(&mut self, data: Data<'_>) -> Result<usize, Stop> {
        data.need(2)?;
        let value = data.bytes.u16(0)?;
        // RFC 5482 has the granularity in the first bit; tcpdump reads the last.
        let seconds = u32::from(value >> 1) * if value & 1 == 1 { 60 } else { 1 };
        put!(self, " 0x{value:x} {seconds}");
        Ok(2)
    }

    fn tcp_authentication(&mut self, data: Data<'_>) -> Result<usize, Stop> {
        if data.length < 2 {
            self.invalid();
            return Ok(data.length);
        }
        data.need(1)?;
        put!(self, " keyid {}", data.bytes.u8(0)?);
        data.need(2)?;
        put!(self, " rnextkeyid {}", data.bytes.u8(1)?);
        if data.length > 2 {
            self.out.push_str(" mac 0x");
            self.tcp_option_hex(data, 2)?;
        }
        Ok(data.length)
    }

    fn tcp_mptcp(&mut self, data: Data<'_>, context: Context) -> Result<usize, Stop> {
        data.need(data.length)?;
        let option = data.bytes.get(..data.length).unwrap_or_default();
        match self.mptcp(option, context.flags) {
            Ok(()) => Ok(data.length),
            Err(Bad) => Err(Stop::Bad),
        }
    }

    fn tcp_experimental(&mut self, data: Data<'_>) -> Result<usize, Stop> {
        data.need(data.length)?;
        if data.length < 2 {
            return Err(Stop::Bad);
        }
        match data.bytes.u16(0)? {
            TFO_MAGIC => {
                self.out.push_str("-tfo");
                self.tcp_fast_open(data.bytes.tail(2), data.length - 2);
            }
            magic => put!(self, "-{magic:04x}"),
        }
        Ok(data.length)
    }

    /// A Fast Open cookie of `length` bytes, or the request for one.
    fn tcp_fast_open(&mut self, bytes: &[u8], length: usize) {
        match length {
            0 => self.out.push_str(" cookiereq"),
            4..=16 if length.is_multiple_of(2) => {
                self.out.push_str(" cookie ");
                self.hex(bytes.get(..length).unwrap_or_default());
            }
            _ => self.invalid(),
        }
    }
}
