//! IPv4's options (RFC 791 §3.1, RFC 2113).

use super::bytes::{Bytes, Cut};
use super::line::{Line, put};
use limpid_wire::IpAddr;

const EOL: u8 = 0;
const NOP: u8 = 1;
const RECORD_ROUTE: u8 = 7;
const TIMESTAMP: u8 = 68;
const LOOSE_ROUTE: u8 = 131;
const STRICT_ROUTE: u8 = 137;
const ROUTER_ALERT: u8 = 148;

/// The timestamp option's types, in the low half of its fourth byte.
const TS_ONLY: u8 = 0;
const TS_ADDRESS: u8 = 1;
const TS_PRESPECIFIED: u8 = 3;

impl Line<'_> {
    /// Prints the options in `left` bytes of the header; stops at what can't be. False if the captured bytes end within
    /// an option.
    pub(super) fn ip4_options(&mut self, mut bytes: &[u8], mut left: usize) -> Result<bool, Cut> {
        let mut separator = "";
        while left > 0 {
            self.out.push_str(separator);
            separator = ",";
            let kind = bytes.u8(0)?;
            match kind {
                EOL => {
                    self.out.push_str("EOL");
                    return Ok(true);
                }
                NOP => {
                    self.out.push_str("NOP");
                    bytes = bytes.tail(1);
                    left -= 1;
                    continue;
                }
                RECORD_ROUTE => self.out.push_str("RR"),
                TIMESTAMP => self.out.push_str("timestamp"),
                82 => self.out.push_str("traceroute"),
                130 => self.out.push_str("security"),
                LOOSE_ROUTE => self.out.push_str("LSRR"),
                STRICT_ROUTE => self.out.push_str("SSRR"),
                ROUTER_ALERT => self.out.push_str("RA"),
                _ => put!(self, "unknown {kind}"),
            }
            let length = usize::from(bytes.u8(1)?);
            if length < 2 || length > left {
                put!(self, " [bad length {length}]");
                return Ok(true);
            }
            let printed = bytes.need(length).and_then(|()| match kind {
                RECORD_ROUTE | LOOSE_ROUTE | STRICT_ROUTE => self.ip4_route(bytes, length),
                TIMESTAMP => self.ip4_timestamps(bytes, length),
                ROUTER_ALERT => self.ip4_router_alert(bytes, length),
                _ => Ok(()),
            });
            if printed.is_err() {
                self.out.push_str(" [truncated-option]");
                return Ok(false);
            }
            bytes = bytes.tail(length);
            left -= length;
        }
        Ok(true)
    }

    /// The addresses of a route, each followed by a comma where the pointer is beyond it.
    fn ip4_route(&mut self, option: &[u8], length: usize) -> Result<(), Cut> {
        if length < 3 {
            put!(self, " [bad length {length}]");
            return Ok(());
        }
        if !(length + 1).is_multiple_of(4) {
            put!(self, " [bad length {length}]");
        }
        let stated = option.u8(2)?;
        let pointer = usize::from(stated.wrapping_sub(1));
        if pointer < 3 || !(pointer + 1).is_multiple_of(4) || pointer > length + 1 {
            put!(self, " [bad ptr {stated}]");
        }
        for at in (3..length).step_by(4) {
            let address = option.array(at)?;
            self.out.push(' ');
            self.host(IpAddr::v4(address));
            if pointer > at {
                self.out.push(',');
            }
        }
        Ok(())
    }

    fn ip4_router_alert(&mut self, option: &[u8], length: usize) -> Result<(), Cut> {
        if length < 4 {
            put!(self, " [bad length {length}]");
            return Ok(());
        }
        match option.u16(2)? {
            0 => {}
            value => put!(self, " value {value}"),
        }
        Ok(())
    }

    /// Timestamps, with `^` where the next one goes.
    fn ip4_timestamps(&mut self, option: &[u8], length: usize) -> Result<(), Cut> {
        if length < 4 {
            put!(self, "[bad length {length}]");
            return Ok(());
        }
        self.out.push_str(" TS{");
        let flags = option.u8(3)?;
        let hop = if flags & 0xf == TS_ONLY { 4 } else { 8 };
        if !(length - 4).is_multiple_of(hop) {
            put!(self, "[bad length {length}]");
        }
        let stated = option.u8(2)?;
        let pointer = usize::from(stated.wrapping_sub(1));
        if pointer < 4 || !(pointer.wrapping_sub(4)).is_multiple_of(hop) || pointer > length + 1 {
            put!(self, "[bad ptr {stated}]");
        }
        match flags & 0xf {
            TS_ONLY => self.out.push_str("TSONLY"),
            TS_ADDRESS => self.out.push_str("TS+ADDR"),
            TS_PRESPECIFIED => self.out.push_str("PRESPEC"),
            other => {
                put!(self, "[bad ts type {other}]");
                self.ip4_missed_hops(flags);
                return Ok(());
            }
        }
        for at in (4..length).step_by(hop) {
            self.out.push_str(if pointer == at { " ^ " } else { " " });
            put!(self, "{}@", option.u32(at + hop - 4)?);
            if hop == 8 {
                self.host(IpAddr::v4(option.array(at)?));
            }
        }
        if pointer == 4 + (length - 4).next_multiple_of(hop) {
            self.out.push_str(" ^ ");
        }
        self.ip4_missed_hops(flags);
        Ok(())
    }

    /// The end of timestamps: how many hops found no room for theirs.
    fn ip4_missed_hops(&mut self, flags: u8) {
        match flags >> 4 {
            0 => self.out.push('}'),
            missed => put!(self, " [{missed} hops not recorded]}} "),
        }
    }

    /// The last address of a source route, which transport checksums cover.
    pub(super) fn ip4_final_destination(&self, mut options: &[u8]) -> Option<[u8; 4]> {
        loop {
            match *options {
                [] | [EOL, ..] => return None,
                [NOP, ref rest @ ..] => options = rest,
                [kind, length, ..] => {
                    let option = options.get(..usize::from(length)).filter(|o| o.len() >= 2)?;
                    if matches!(kind, LOOSE_ROUTE | STRICT_ROUTE) {
                        return if length < 7 { None } else { option.last_chunk().copied() };
                    }
                    options = options.tail(option.len());
                }
                [_] => return None,
            }
        }
    }
}
