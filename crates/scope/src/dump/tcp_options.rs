//! TCP's options (RFC 9293 §3.2, 7323, 2018, 2385, 5925, 5482, 7413, and what came before them).
//!
//! tcpdump prints an option by what its kind needs, notes where its length says otherwise, and goes on after what it
//! has read; so do we.

use super::bytes::{Bytes, Cut};
use super::line::{Line, put};
use super::mptcp::Bad;
use super::relative::Relative;
use limpid_wire::TcpFlags;
use limpid_wire::tcp::option::{FAST_OPEN_MAGIC, kind};

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
                Ok((kind::END_OF_LIST, _)) => break,
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
        let option = bytes.u8(0)?;
        match option {
            kind::END_OF_LIST => self.out.push_str("eol"),
            kind::NOP => self.out.push_str("nop"),
            _ => {
                let length = usize::from(bytes.u8(1)?);
                if length < 2 || length > left {
                    return Err(Stop::Bad);
                }
                let data = Data { bytes: bytes.tail(2), left: left - 2, length: length - 2 };
                let taken = self.tcp_option_data(option, data, context)?;
                if taken != data.length {
                    put!(self, "[len {length}]");
                }
                return Ok((option, taken + 2));
            }
        }
        Ok((option, 1))
    }

    /// Prints an option's name and data; answers how many bytes its kind needs.
    fn tcp_option_data(&mut self, option: u8, data: Data<'_>, context: Context) -> Result<usize, Stop> {
        let name = match option {
            kind::MSS => "mss",
            kind::WINDOW_SCALE => "wscale",
            kind::SACK_PERMITTED => "sackOK",
            kind::SACK => "sack",
            kind::ECHO => "echo",
            kind::ECHO_REPLY => "echoreply",
            kind::TIMESTAMPS => "TS",
            kind::CC => "cc",
            kind::CC_NEW => "ccnew",
            // CC.ECHO has no name in 4.99.3.
            kind::CC_ECHO => "",
            kind::MD5 => "md5",
            kind::SCPS => "scps",
            kind::USER_TIMEOUT => "uto",
            kind::TCP_AO => "tcp-ao",
            kind::MPTCP => "mptcp",
            kind::FAST_OPEN => "tfo",
            kind::EXPERIMENT_2 => "exp",
            _ => return self.tcp_option_unknown(option, data),
        };
        self.out.push_str(name);
        match option {
            kind::MSS => {
                data.need(2)?;
                self.labelled(" ", data.bytes.u16(0)?.into());
                Ok(2)
            }
            kind::WINDOW_SCALE => {
                data.need(1)?;
                put!(self, " {}", data.bytes.u8(0)?);
                Ok(1)
            }
            kind::SACK_PERMITTED => Ok(0),
            kind::SACK => self.tcp_sack(data, context),
            kind::ECHO | kind::ECHO_REPLY | kind::CC | kind::CC_NEW | kind::CC_ECHO => {
                data.need(4)?;
                put!(self, " {}", data.bytes.u32(0)?);
                Ok(4)
            }
            kind::TIMESTAMPS => {
                data.need(8)?;
                self.labelled(" val ", data.bytes.u32(0)?);
                self.labelled(" ecr ", data.bytes.u32(4)?);
                Ok(8)
            }
            kind::MD5 => {
                data.need(16)?;
                self.out.push_str(match context.whole {
                    true => " shared secret not supplied with -M, can't check - ",
                    false => " snaplen too short, can't check - ",
                });
                self.hex(&data.bytes.array::<16>(0)?);
                Ok(16)
            }
            kind::SCPS => {
                data.need(2)?;
                put!(self, " cap {:02x} id {}", data.bytes.u8(0)?, data.bytes.u8(1)?);
                Ok(2)
            }
            kind::USER_TIMEOUT => self.tcp_user_timeout(data),
            kind::TCP_AO => self.tcp_authentication(data),
            kind::MPTCP => self.tcp_mptcp(data, context),
            kind::FAST_OPEN => {
                data.need(data.length)?;
                self.out.push(' ');
                self.tcp_fast_open(data.bytes, data.length);
                Ok(data.length)
            }
            _ => self.tcp_experimental(data),
        }
    }

    fn tcp_option_unknown(&mut self, option: u8, data: Data<'_>) -> Result<usize, Stop> {
        put!(self, "unknown-{option}");
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
            self.out.hex(data.bytes.u8(i)?);
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
            self.labelled("{", left);
            self.labelled(":", right);
            self.out.push('}');
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
        // It stays so for what follows in this segment.
        self.protocol = "mptcp";
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
            FAST_OPEN_MAGIC => {
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
