//! Multicast listener discovery (RFC 2710, RFC 3810).

use super::bytes::{Bytes, Cut};
use super::line::{Line, put};

/// The group record types of version 2 (RFC 3810 §5.2.12), from 1.
const RECORDS: [&str; 6] = ["is_in", "is_ex", "to_in", "to_ex", "allow", "block"];

impl Line<'_> {
    /// A query, after its name: of version 1 by its length, else of version 2.
    pub(super) fn mld_query(&mut self, message: &[u8], length: usize) -> Result<(), Cut> {
        match length {
            24 => self.mld_version1(message),
            28.. => self.mld_query2(message, length),
            _ => {
                put!(self, " unknown-version (len {length}) ");
                Ok(())
            }
        }
    }

    /// `max resp delay: N addr: A`, which follows the name without a space.
    pub(super) fn mld_version1(&mut self, message: &[u8]) -> Result<(), Cut> {
        let Ok(group) = message.array(8) else { return Ok(()) };
        put!(self, "max resp delay: {} ", message.u16(4)?);
        self.out.push_str("addr: ");
        self.host6(group);
        Ok(())
    }

    fn mld_query2(&mut self, message: &[u8], length: usize) -> Result<(), Cut> {
        self.out.push_str(" v2");
        let code = u32::from(message.u16(4)?);
        if self.verbose() {
            // Large values are floating point (RFC 3810 §5.1.3).
            let delay = if code < 0x8000 { code } else { (code & 0xfff | 0x1000) << ((code >> 12 & 7) + 3) };
            put!(self, " [max resp delay={delay}]");
        }
        let group = message.array(8)?;
        self.out.push_str(" [gaddr ");
        self.host6(group);
        if self.verbose() {
            let robustness = message.u8(24)?;
            if robustness & 8 != 0 {
                self.out.push_str(" sflag");
            }
            if robustness & 7 != 0 {
                put!(self, " robustness={}", robustness & 7);
            }
            let code = u32::from(message.u8(25)?);
            let interval = if code < 128 { code } else { (code & 0xf | 0x10) << ((code >> 4 & 7) + 3) };
            put!(self, " qqi={interval}");
        }
        let sources = usize::from(message.u16(26)?);
        if sources > 0 {
            if length < 28 + sources * 16 {
                put!(self, " [invalid number of sources]");
            } else if self.options.verbose > 1 {
                self.mld_sources(message.tail(28), sources)?;
            } else {
                put!(self, ", {sources} source(s)");
            }
        }
        self.out.push(']');
        Ok(())
    }

    fn mld_sources(&mut self, addresses: &[u8], count: usize) -> Result<(), Cut> {
        self.out.push_str(" {");
        for i in 0..count {
            let address = addresses.array(i * 16)?;
            self.out.push(' ');
            self.host6(address);
        }
        self.out.push_str(" }");
        Ok(())
    }

    /// A report of version 2, after its name.
    pub(super) fn mld_report2(&mut self, message: &[u8], length: usize) -> Result<(), Cut> {
        if length < 8 {
            put!(self, " [invalid len {length}]");
            return Ok(());
        }
        let records = message.u16(6)?;
        put!(self, ", {records} group record(s)");
        if !self.verbose() {
            return Ok(());
        }
        let mut at = 8;
        for _ in 0..records {
            if length < at + 20 {
                self.out.push_str(" [invalid number of groups]");
                return Ok(());
            }
            let group = message.array(at + 4)?;
            self.out.push_str(" [gaddr ");
            self.host6(group);
            let kind = message.u8(at)?;
            match usize::from(kind).checked_sub(1).and_then(|i| RECORDS.get(i)) {
                Some(name) => put!(self, " {name}"),
                None => put!(self, "  [v2-report-#{kind}]"),
            }
            let sources = usize::from(message.u16(at + 2)?);
            if length < at + 20 + sources * 16 {
                put!(self, " [invalid number of sources {sources}]");
                return Ok(());
            }
            if self.options.verbose > 1 {
                self.mld_sources(message.tail(at + 20), sources)?;
            } else {
                put!(self, ", {sources} source(s)");
            }
            self.out.push(']');
            at += 20 + sources * 16 + usize::from(message.u8(at + 1)?) * 4;
        }
        Ok(())
    }
}
