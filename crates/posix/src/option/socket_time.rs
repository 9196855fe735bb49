//! SOL_SOCKET's options about time: SO_RCVTIMEO, SO_SNDTIMEO, SO_TIMESTAMP, SO_TIMESTAMPING (Linux's
//! `networking/timestamping.rst`).

use super::Flags;
use super::socket::bytes_of_ints;
use super::table::Of;
use crate::{Errno, abi};
use alloc::vec::Vec;
use core::time::Duration;
use limpid_event::TcpState;

/// All flags of SO_TIMESTAMPING that Linux 6.18 knows.
const TIMESTAMPING_MASK: u32 = 0x7_ffff;

/// Those that are not built: statistics with each stamp, clocks of hardware, and what came after.
const TIMESTAMPING_UNBUILT: u32 = abi::SOF_TIMESTAMPING_OPT_STATS as u32 | 0x6_8000;

/// A `struct timeval` for a timeout.
pub(super) fn timeval(timeout: Option<Duration>) -> Vec<u8> {
    let time = timeout.unwrap_or_default();
    timeval_bytes(time.as_secs(), u64::from(time.subsec_micros()))
}

pub(super) fn timeval_bytes(seconds: u64, fraction: u64) -> Vec<u8> {
    [seconds.to_ne_bytes(), fraction.to_ne_bytes()].concat()
}

/// What a `struct timeval` says: 0 is for ever, a negative time not at all.
pub(super) fn timeout(value: &[u8]) -> Result<Option<Duration>, Errno> {
    let bytes: &[u8; 16] = value.first_chunk().ok_or(Errno::EINVAL)?;
    let word = |at: usize| bytes[at..].first_chunk().map_or(0, |word| i64::from_ne_bytes(*word));
    let (seconds, micros) = (word(0), word(8));
    if !(0..1_000_000).contains(&micros) {
        return Err(Errno::EDOM);
    }
    match u64::try_from(seconds) {
        Ok(0) if micros == 0 => Ok(None),
        Ok(seconds) => Ok(Some(Duration::new(seconds, micros as u32 * 1000))),
        Err(_) => Ok(Some(Duration::ZERO)),
    }
}

/// SO_TIMESTAMP and SO_TIMESTAMPNS are one option in two forms.
pub(super) fn set_timestamp(of: Of<'_>, on: bool, nanos: bool) -> Result<(), Errno> {
    of.set_flag(Flags::TIMESTAMP, on);
    of.set_flag(Flags::TIMESTAMP_NS, on && nanos);
    Ok(())
}

/// `struct so_timestamping`: flags, and the hardware clock that is bound to.
pub(super) fn timestamping(of: Of<'_>) -> Result<Vec<u8>, Errno> {
    Ok(bytes_of_ints(&[of.options().timestamping as i32, 0]))
}

pub(super) fn set_timestamping(of: Of<'_>, value: &[u8]) -> Result<(), Errno> {
    let flags = value.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes)).ok_or(Errno::EINVAL)?;
    let has = |flag: i32| flags & flag as u32 != 0;
    let (id, id_tcp) = (has(abi::SOF_TIMESTAMPING_OPT_ID), has(abi::SOF_TIMESTAMPING_OPT_ID_TCP));
    if flags & !TIMESTAMPING_MASK != 0 || id_tcp && !id {
        return Err(Errno::EINVAL);
    }
    if id && of.options().timestamping & abi::SOF_TIMESTAMPING_OPT_ID as u32 == 0 {
        if matches!(of.state(), TcpState::Closed | TcpState::Listen) {
            return Err(Errno::EINVAL);
        }
        let stream = of.stream();
        of.options().timestamping_from = if id_tcp { stream.written } else { stream.acknowledged };
    }
    if has(abi::SOF_TIMESTAMPING_OPT_STATS) && !has(abi::SOF_TIMESTAMPING_OPT_TSONLY) {
        return Err(Errno::EINVAL);
    }
    if flags & TIMESTAMPING_UNBUILT != 0 {
        return Err(Errno::EOPNOTSUPP);
    }
    of.options().timestamping = flags;
    Ok(())
}
