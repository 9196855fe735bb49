//! Multipath TCP's options (RFC 8684 §3, RFC 6824), as far as tcpdump 4.99.3 names them.

use super::bytes::Bytes;
use super::line::{Line, put};
use limpid_wire::{IpAddr, TcpFlags};

/// An impossible length.
pub(super) struct Bad;

impl Line<'_> {
    /// Prints an MPTCP option from its subtype on, on a segment with `flags`. All of it is captured.
    pub(super) fn mptcp(&mut self, option: &[u8], flags: TcpFlags) -> Result<(), Bad> {
        let &[subtype, ref rest @ ..] = option else { return Err(Bad) };
        put!(self, " {}", option.len() + 2);
        let low = subtype & 0xf;
        match subtype >> 4 {
            0 => self.mptcp_capable(low, rest, flags),
            1 => self.mptcp_join(low, rest, flags),
            2 => self.mptcp_data_sequence(rest, flags),
            3 => self.mptcp_add_address(low, rest),
            4 => self.mptcp_remove_address(rest),
            5 => self.mptcp_priority(low, rest),
            6 => self.mptcp_number(" fail", " seq ", rest, false),
            7 => self.mptcp_number(" fast-close", " key 0x", rest, true),
            _ => {
                self.out.push_str(" unknown");
                Ok(())
            }
        }
    }

    fn mptcp_capable(&mut self, version: u8, rest: &[u8], flags: TcpFlags) -> Result<(), Bad> {
        self.out.push_str(" capable");
        let syn = flags.contains(TcpFlags::SYN);
        let possible = match rest.len() {
            1 | 9 => syn,
            17 | 19 => !syn && flags.contains(TcpFlags::ACK),
            _ => false,
        };
        if !possible {
            return Err(Bad);
        }
        if version > 1 {
            put!(self, " Unknown Version ({version})");
            return Ok(());
        }
        put!(self, " v{version}");
        if rest[0] & 0x80 != 0 {
            self.out.push_str(" csum");
        }
        if let Some(key) = number(rest, 1, 8) {
            put!(self, " {{0x{key:x}");
            if let Some(other) = number(rest, 9, 8) {
                put!(self, ",0x{other:x}");
            }
            self.out.push('}');
        }
        Ok(())
    }

    fn mptcp_join(&mut self, low: u8, rest: &[u8], flags: TcpFlags) -> Result<(), Bad> {
        self.out.push_str(" join");
        let possible = match rest.len() {
            9 => flags.contains(TcpFlags::SYN),
            13 => flags.contains(TcpFlags::SYN | TcpFlags::ACK),
            21 => flags.contains(TcpFlags::ACK),
            _ => false,
        };
        if !possible {
            return Err(Bad);
        }
        if rest.len() == 21 {
            self.out.push_str(" hmac 0x");
            self.hex(&rest[1..]);
            return Ok(());
        }
        if low & 1 != 0 {
            self.out.push_str(" backup");
        }
        put!(self, " id {}", rest[0]);
        let nonce = if rest.len() == 9 {
            put!(self, " token 0x{:x}", number(rest, 1, 4).ok_or(Bad)?);
            5
        } else {
            put!(self, " hmac 0x{:x}", number(rest, 1, 8).ok_or(Bad)?);
            9
        };
        put!(self, " nonce 0x{:x}", number(rest, nonce, 4).ok_or(Bad)?);
        Ok(())
    }

    fn mptcp_data_sequence(&mut self, rest: &[u8], on: TcpFlags) -> Result<(), Bad> {
        const ACK: u8 = 0x01;
        const ACK_WIDE: u8 = 0x02;
        const MAP: u8 = 0x04;
        const SEQ_WIDE: u8 = 0x08;
        const FIN: u8 = 0x10;
        self.out.push_str(" dss");
        let &[flags, ref numbers @ ..] = rest else { return Err(Bad) };
        if on.contains(TcpFlags::SYN) {
            return Err(Bad);
        }
        if flags & FIN != 0 {
            self.out.push_str(" fin");
        }
        let mut at = 0;
        if flags & ACK != 0 {
            let size = if flags & ACK_WIDE != 0 { 8 } else { 4 };
            self.mptcp_label(" ack ", numbers, at, size)?;
            at += size;
        }
        if flags & MAP != 0 {
            let size = if flags & SEQ_WIDE != 0 { 8 } else { 4 };
            self.mptcp_label(" seq ", numbers, at, size)?;
            at += size;
            put!(self, " subseq {}", number(numbers, at, 4).ok_or(Bad)?);
            put!(self, " len {}", number(numbers, at + 4, 2).ok_or(Bad)?);
            at += 6;
            if numbers.len() - at >= 2 {
                put!(self, " csum 0x{:x}", number(numbers, at, 2).ok_or(Bad)?);
                at += 2;
            }
        }
        if at == numbers.len() { Ok(()) } else { Err(Bad) }
    }

    /// A number with its label, which stands even where the number is missing.
    fn mptcp_label(&mut self, label: &str, numbers: &[u8], at: usize, size: usize) -> Result<(), Bad> {
        self.out.push_str(label);
        put!(self, "{}", number(numbers, at, size).ok_or(Bad)?);
        Ok(())
    }

    fn mptcp_add_address(&mut self, low: u8, rest: &[u8]) -> Result<(), Bad> {
        self.out.push_str(" add-addr");
        let (v4, port, hmac) = match rest.len() {
            5 => (true, false, false),
            7 => (true, true, false),
            13 => (true, false, true),
            15 => (true, true, true),
            17 => (false, false, false),
            19 => (false, true, false),
            25 => (false, false, true),
            27 => (false, true, true),
            _ => return Err(Bad),
        };
        self.out.push_str(match low {
            0 => " v1",
            1 => " v1-echo",
            4 => " v0-ip4",
            6 => " v0-ip6",
            _ => " [bad version/echo]",
        });
        put!(self, " id {} ", rest[0]);
        let mut at = 1;
        if v4 {
            self.host(IpAddr::v4(rest.array(at).map_err(|_| Bad)?));
            at += 4;
        } else {
            self.host6(rest.array(at).map_err(|_| Bad)?);
            at += 16;
        }
        if port {
            put!(self, ":{}", number(rest, at, 2).ok_or(Bad)?);
            at += 2;
        }
        if hmac {
            put!(self, " hmac 0x{:x}", number(rest, at, 8).ok_or(Bad)?);
        }
        Ok(())
    }

    fn mptcp_remove_address(&mut self, rest: &[u8]) -> Result<(), Bad> {
        self.out.push_str(" rem-addr");
        if rest.is_empty() {
            return Err(Bad);
        }
        self.out.push_str(" id");
        for id in rest {
            put!(self, " {id}");
        }
        Ok(())
    }

    fn mptcp_priority(&mut self, low: u8, rest: &[u8]) -> Result<(), Bad> {
        self.out.push_str(" prio");
        if rest.len() > 1 {
            return Err(Bad);
        }
        self.out.push_str(if low & 1 != 0 { " backup" } else { " non-backup" });
        if let [id] = rest {
            put!(self, " id {id}");
        }
        Ok(())
    }

    /// A subtype whose data is one number after a byte of nothing.
    fn mptcp_number(&mut self, name: &str, label: &str, rest: &[u8], hex: bool) -> Result<(), Bad> {
        self.out.push_str(name);
        if rest.len() != 9 {
            return Err(Bad);
        }
        let value = number(rest, 1, 8).ok_or(Bad)?;
        self.out.push_str(label);
        if hex {
            put!(self, "{value:x}");
        } else {
            put!(self, "{value}");
        }
        Ok(())
    }
}

/// A number of `size` bytes.
fn number(bytes: &[u8], at: usize, size: usize) -> Option<u64> {
    let bytes = bytes.get(at..at + size)?;
    Some(bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
}
