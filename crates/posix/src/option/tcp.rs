//! IPPROTO_TCP (`man 7 tcp`).

use super::socket::{int, zero_or_one};
use super::table::{Entry, Get, Of, Set, UNSETTABLE, unbuilt};
use super::{Figures, Flags, info};
use crate::{Errno, abi};
use alloc::vec::Vec;
use core::time::Duration;
use limpid_event::TcpState;
use limpid_stack::{FastOpenFlags, FastOpenKey, FastOpenKeys, SocketFastOpen};

/// The bounds of TCP_MAXSEG (Linux's TCP_MIN_MSS and MAX_TCP_WINDOW).
const MAX_SEG: core::ops::RangeInclusive<i32> = 88..=32_767;

/// The most seconds of TCP_KEEPIDLE and TCP_KEEPINTVL, and the most of TCP_KEEPCNT and TCP_SYNCNT.
const MAX_KEEPALIVE_SECONDS: i32 = 32_767;
const MAX_COUNT: i32 = 127;

/// The most seconds of TCP_LINGER2.
const MAX_LINGER2: i32 = 120;

/// The smallest TCP_WINDOW_CLAMP: half of the smallest receive buffer.
const MIN_WINDOW_CLAMP: i32 = 1152;

/// The longest name of a congestion control (TCP_CA_NAME_MAX), with its NUL.
const MAX_CONGESTION_NAME: usize = 16;

/// What a socket without a connection tells as its MSS (RFC 9293 §3.7.1).
const DEFAULT_MSS: i32 = 536;

/// The options of this level.
pub(super) const TABLE: &[Entry] = &[
    // Nagle's algorithm off (RFC 9293 §3.7.4).
    Entry {
        name: abi::TCP_NODELAY,
        get: Get::Int(|of| of.config().no_delay.into()),
        // Set once more it lets go what waits, too, as after MSG_MORE.
        set: Set::Bool(|of, on| {
            if on {
                of.configure(&mut |config| config.no_delay = false)?;
            }
            of.configure(&mut |config| config.no_delay = on)
        }),
    },
    // A bound on the MSS both ways; a connection tells what it sends.
    Entry { name: abi::TCP_MAXSEG, get: Get::Int(max_seg), set: Set::Int(set_max_seg) },
    // Only full segments leave, for 200 ms.
    Entry {
        name: abi::TCP_CORK,
        get: Get::Int(|of| of.config().cork.into()),
        set: Set::Bool(|of, on| of.configure(&mut |config| config.cork = on)),
    },
    // RFC 9293 §3.8.4: idle time, time between probes, and how many.
    Entry {
        name: abi::TCP_KEEPIDLE,
        get: Get::Int(|of| seconds(of.keepalive().idle)),
        set: Set::Int(|of, value| {
            let idle = keepalive_seconds(value)?;
            set_keepalive(of, |figures| figures.idle = Some(idle))
        }),
    },
    Entry {
        name: abi::TCP_KEEPINTVL,
        get: Get::Int(|of| seconds(of.keepalive().interval)),
        set: Set::Int(|of, value| {
            let interval = keepalive_seconds(value)?;
            set_keepalive(of, |figures| figures.interval = Some(interval))
        }),
    },
    Entry {
        name: abi::TCP_KEEPCNT,
        get: Get::Int(|of| of.keepalive().count.into()),
        set: Set::Int(|of, value| {
            let count = count(value)?;
            set_keepalive(of, |figures| figures.count = Some(count))
        }),
    },
    // SYN retransmissions.
    Entry {
        name: abi::TCP_SYNCNT,
        get: Get::Int(|of| of.config().syn_retries.into()),
        set: Set::Int(|of, value| {
            let retries = count(value)?;
            of.configure(&mut |config| config.syn_retries = retries)
        }),
    },
    // How long an orphan may stay in FIN-WAIT-2.
    Entry { name: abi::TCP_LINGER2, get: Get::Int(linger2), set: Set::Int(set_linger2) },
    // accept waits until data has come.
    Entry {
        name: abi::TCP_DEFER_ACCEPT,
        get: Get::Int(|of| defer_accept_seconds(of.config().defer_accept, 1, max_rto_seconds(of))),
        set: Set::Int(set_defer_accept),
    },
    // A bound on the window that is offered.
    Entry {
        name: abi::TCP_WINDOW_CLAMP,
        get: Get::Int(|of| int(of.recv_bounds().window_clamp as usize)),
        set: Set::Int(set_window_clamp),
    },
    Entry { name: abi::TCP_INFO, get: Get::Bytes(|of| Ok(info::tcp_info(of))), set: UNSETTABLE },
    // ACKs do not wait for data to ride on.
    Entry {
        name: abi::TCP_QUICKACK,
        get: Get::Int(|of| of.quick_ack().into()),
        set: Set::Int(|of, value| of.set_quick_ack(value)),
    },
    // The congestion control, by name.
    Entry { name: abi::TCP_CONGESTION, get: Get::Bytes(congestion), set: Set::Bytes(set_congestion) },
    // What a congestion control tells of itself; Reno and CUBIC nothing.
    Entry { name: abi::TCP_CC_INFO, get: Get::Bytes(|of| Ok(info::cc_info(of))), set: UNSETTABLE },
    // Thin streams back off only after six timeouts.
    Entry {
        name: abi::TCP_THIN_LINEAR_TIMEOUTS,
        get: Get::Int(|of| of.config().thin_linear_timeouts.into()),
        set: Set::Int(|of, value| {
            let on = zero_or_one(value)?;
            of.configure(&mut |config| config.thin_linear_timeouts = on)
        }),
    },
    // Of the past: Linux takes it and does nothing.
    Entry {
        name: abi::TCP_THIN_DUPACK,
        get: Get::Int(|_| 0),
        set: Set::Int(|_, value| zero_or_one(value).map(|_| ())),
    },
    // RFC 5482, ms.
    Entry { name: abi::TCP_USER_TIMEOUT, get: Get::Int(user_timeout), set: Set::Int(set_user_timeout) },
    // As if it were not permitted.
    Entry { name: abi::TCP_REPAIR, get: Get::Int(|_| 0), set: Set::Int(|_, _| Err(Errno::EPERM)) },
    // The clock of RFC 7323, ms; to set it is for TCP_REPAIR.
    Entry {
        name: abi::TCP_TIMESTAMP,
        get: Get::Int(|of| of.now().as_millis() as i32),
        set: Set::Int(|_, _| Err(Errno::EPERM)),
    },
    // A socket with so much that has not left is not writable; 0 is the stack's.
    Entry {
        name: abi::TCP_NOTSENT_LOWAT,
        get: Get::Int(|of| of.options().notsent_lowat as i32),
        set: Set::Int(set_notsent_lowat),
    },
    // The SYN is kept for TCP_SAVED_SYN, from IP's header on (1), or from the link's (2).
    Entry {
        name: abi::TCP_SAVE_SYN,
        get: Get::Int(|of| of.save_syn().into()),
        set: Set::Int(|of, value| {
            let save = bounded(value, 0..=2)? as u8;
            of.set_save_syn(save)
        }),
    },
    Entry { name: abi::TCP_SAVED_SYN, get: Get::Sized(|of, room| of.take_saved_syn(room)), set: UNSETTABLE },
    // recvmsg tells how much is left to read.
    Entry {
        name: abi::TCP_INQ,
        get: Get::Int(|of| of.flag(Flags::INQ).into()),
        set: Set::Int(|of, value| {
            of.set_flag(Flags::INQ, zero_or_one(value)?);
            Ok(())
        }),
    },
    // RFC 7413: how many connections of a listener may be pending that a SYN alone began.
    Entry {
        name: abi::TCP_FASTOPEN,
        get: Get::Int(|of| int(of.fast_open().queue as usize)),
        set: Set::Int(|of, value| {
            let queue = u32::try_from(value).map_err(|_| Errno::EINVAL)?;
            before_connection(of)?;
            let said = of.fast_open();
            of.set_fast_open(SocketFastOpen { queue, ..said })
        }),
    },
    // A connect waits for data to take along.
    Entry {
        name: abi::TCP_FASTOPEN_CONNECT,
        get: Get::Int(|of| of.fast_open().on_connect.into()),
        set: Set::Int(|of, value| {
            let on_connect = zero_or_one(value)?;
            if !of.stack_config().fast_open.flags.contains(FastOpenFlags::CLIENT) {
                return Err(Errno::EOPNOTSUPP);
            }
            if !of.is_closed() {
                return Err(Errno::EINVAL);
            }
            let said = of.fast_open();
            of.set_fast_open(SocketFastOpen { on_connect, ..said })
        }),
    },
    Entry {
        name: abi::TCP_FASTOPEN_NO_COOKIE,
        get: Get::Int(|of| of.fast_open().no_cookie.into()),
        set: Set::Int(|of, value| {
            let no_cookie = zero_or_one(value)?;
            before_connection(of)?;
            let said = of.fast_open();
            of.set_fast_open(SocketFastOpen { no_cookie, ..said })
        }),
    },
    Entry {
        name: abi::TCP_FASTOPEN_KEY,
        get: Get::Bytes(|of| Ok(fast_open_keys(of))),
        set: Set::Bytes(set_fast_open_keys),
    },
    // There is no such upper protocol.
    Entry {
        name: abi::TCP_ULP,
        get: Get::Bytes(|_| Ok(Vec::new())),
        set: Set::Bytes(|_, value| Err(if value.is_empty() { Errno::EINVAL } else { Errno::ENOENT })),
    },
    Entry { name: abi::TCP_ZEROCOPY_RECEIVE, get: Get::No(Errno::EINVAL), set: UNSETTABLE },
    unbuilt!(abi::TCP_TX_DELAY, 0),
    // The largest retransmission timeout.
    Entry {
        name: abi::TCP_RTO_MAX_MS,
        get: Get::Int(|of| int(of.config().rto_max.as_millis() as usize)),
        set: Set::Int(|of, value| {
            let most = bounded(value, 1000..=120_000).map(Duration::from_millis)?;
            of.configure(&mut |config| config.rto_max = most)
        }),
    },
    // The least variance term of the timeout. Linux counts ticks of 1 ms and wants two of them.
    Entry {
        name: abi::TCP_RTO_MIN_US,
        get: Get::Int(|of| int(of.config().rto_min.as_micros() as usize)),
        set: Set::Int(|of, value| {
            let least = bounded(value, 1001..=200_000).map(in_ticks)?;
            of.configure(&mut |config| config.rto_min = least)
        }),
    },
    // The longest that an ACK waits, in ticks as above.
    Entry {
        name: abi::TCP_DELACK_MAX_US,
        get: Get::Int(|of| int(of.config().delack_max.as_micros() as usize)),
        set: Set::Int(|of, value| {
            let most = bounded(value, 1001..=200_000).map(in_ticks)?;
            of.configure(&mut |config| config.delack_max = most)
        }),
    },
];

/// What is only for sockets that have no connection.
fn before_connection(of: Of<'_>) -> Result<(), Errno> {
    if matches!(of.state(), TcpState::Closed | TcpState::Listen) { Ok(()) } else { Err(Errno::EINVAL) }
}

/// One key of Fast Open, or two.
fn fast_open_keys(of: Of<'_>) -> Vec<u8> {
    let keys = of.fast_open().keys.or(of.stack_config().fast_open.keys);
    let keys = keys.map(|keys| [Some(keys.primary), keys.backup]);
    keys.into_iter().flatten().flatten().flat_map(|key| key.0).collect()
}

fn set_fast_open_keys(of: Of<'_>, value: &[u8]) -> Result<(), Errno> {
    let (primary, rest) = value.split_first_chunk().ok_or(Errno::EINVAL)?;
    let backup = match rest {
        [] => None,
        rest => Some(FastOpenKey(rest.try_into().map_err(|_| Errno::EINVAL)?)),
    };
    let said = of.fast_open();
    of.set_fast_open(SocketFastOpen { keys: Some(FastOpenKeys { primary: FastOpenKey(*primary), backup }), ..said })
}

/// Linux counts in ticks; ours are 1 ms.
fn in_ticks(micros: u64) -> Duration {
    Duration::from_millis(micros.div_ceil(1000))
}

fn bounded(value: i32, bounds: core::ops::RangeInclusive<i32>) -> Result<u64, Errno> {
    if bounds.contains(&value) { Ok(value as u64) } else { Err(Errno::EINVAL) }
}

fn seconds(time: Duration) -> i32 {
    i32::try_from(time.as_secs()).unwrap_or(i32::MAX)
}

fn keepalive_seconds(value: i32) -> Result<Duration, Errno> {
    bounded(value, 1..=MAX_KEEPALIVE_SECONDS).map(Duration::from_secs)
}

fn count(value: i32) -> Result<u8, Errno> {
    bounded(value, 1..=MAX_COUNT).map(|count| count as u8)
}

fn set_keepalive(of: Of<'_>, change: impl FnOnce(&mut Figures)) -> Result<(), Errno> {
    change(&mut of.options().keepalive);
    let figures = of.keepalive();
    of.configure(&mut |config| {
        if config.keepalive.is_some() {
            config.keepalive = Some(figures);
        }
    })
}

fn max_seg(of: Of<'_>) -> i32 {
    let set = of.config().max_seg.map(i32::from);
    match of.state() {
        TcpState::Closed | TcpState::Listen => set.unwrap_or(DEFAULT_MSS),
        _ => of.info().map_or(set.unwrap_or(DEFAULT_MSS), |info| int(info.snd_mss as usize)),
    }
}

fn set_max_seg(of: Of<'_>, value: i32) -> Result<(), Errno> {
    let clamp = match value {
        0 => None,
        value if MAX_SEG.contains(&value) => Some(value as u16),
        _ => return Err(Errno::EINVAL),
    };
    of.configure(&mut |config| config.max_seg = clamp)
}

fn linger2(of: Of<'_>) -> i32 {
    match of.options().linger2 {
        0 => seconds(of.stack_config().tcp.fin_timeout),
        seconds => seconds,
    }
}

/// A negative one leaves FIN-WAIT-2 at once.
fn set_linger2(of: Of<'_>, value: i32) -> Result<(), Errno> {
    let value = value.clamp(-1, MAX_LINGER2);
    of.options().linger2 = value;
    let time = match u64::try_from(value) {
        Ok(0) => of.stack_config().tcp.fin_timeout,
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => Duration::ZERO,
    };
    of.configure(&mut |config| config.fin_timeout = time)
}

fn max_rto_seconds(of: Of<'_>) -> i32 {
    seconds(of.config().rto_max)
}

/// Linux's `secs_to_retrans`: how many SYN-ACKs take that long, the first wait being `first` seconds.
fn defer_accept_count(seconds: i32, first: i32, most: i32) -> u8 {
    if seconds <= 0 {
        return 0;
    }
    let (mut wait, mut period, mut count) = (first, first, 1);
    while seconds > period && count < u8::MAX {
        count += 1;
        wait = wait.saturating_mul(2).min(most);
        period = wait.saturating_add(period);
    }
    count
}

/// Linux's `retrans_to_secs`: the way back.
fn defer_accept_seconds(count: u8, first: i32, most: i32) -> i32 {
    if count == 0 {
        return 0;
    }
    let waits = core::iter::successors(Some(first), |wait| Some(wait.saturating_mul(2).min(most)));
    waits.take(count.into()).fold(0, i32::saturating_add)
}

fn set_defer_accept(of: Of<'_>, value: i32) -> Result<(), Errno> {
    let count = defer_accept_count(value, 1, max_rto_seconds(of));
    of.configure(&mut |config| config.defer_accept = count)
}

fn set_window_clamp(of: Of<'_>, value: i32) -> Result<(), Errno> {
    let clamp = match value {
        0 if !of.is_closed() => return Err(Errno::EINVAL),
        0 => 0,
        value => value.max(MIN_WINDOW_CLAMP) as u32,
    };
    of.configure(&mut |config| config.window_clamp = clamp)
}

fn congestion(of: Of<'_>) -> Result<Vec<u8>, Errno> {
    let mut name = of.config().congestion.name().as_bytes().to_vec();
    name.resize(MAX_CONGESTION_NAME, 0);
    Ok(name)
}

fn set_congestion(of: Of<'_>, value: &[u8]) -> Result<(), Errno> {
    if value.is_empty() {
        return Err(Errno::EINVAL);
    }
    let name = &value[..value.len().min(MAX_CONGESTION_NAME - 1)];
    let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
    let name = core::str::from_utf8(name).map_err(|_| Errno::ENOENT)?;
    let algorithm = of.config().congestion_named(name).ok_or(Errno::ENOENT)?;
    of.configure(&mut |config| config.congestion = algorithm)
}

fn user_timeout(of: Of<'_>) -> i32 {
    of.config().user_timeout.map_or(0, |time| int(time.as_millis() as usize))
}

fn set_user_timeout(of: Of<'_>, value: i32) -> Result<(), Errno> {
    let millis = u64::try_from(value).map_err(|_| Errno::EINVAL)?;
    of.configure(&mut |config| config.user_timeout = (millis > 0).then_some(Duration::from_millis(millis)))
}

fn set_notsent_lowat(of: Of<'_>, value: i32) -> Result<(), Errno> {
    let bytes = value as u32;
    of.options().notsent_lowat = bytes;
    let bytes = if bytes == 0 { of.stack_config().tcp.notsent_lowat } else { bytes };
    of.configure(&mut |config| config.notsent_lowat = bytes)
}
