//! What SCM_TIMESTAMPING_OPT_STATS tells: netlink attributes, as Linux's `tcp_get_timestamping_opt_stats` writes them.

use crate::run::{Stop, values};
use crate::script::{Arg, Expr};
use std::time::Duration;

/// How an attribute is compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Compared {
    /// As a number.
    Exactly,
    /// As microseconds, within the tolerance; only zero is zero.
    Time,
}

use Compared::{Exactly, Time};

/// Numbers (`enum` in `linux/tcp.h`), names and lengths in bytes.
const ATTRIBUTES: &[(u16, &str, usize, Compared)] = &[
    (0, "TCP_NLA_PAD", 4, Exactly),
    (1, "TCP_NLA_BUSY", 8, Time),
    (2, "TCP_NLA_RWND_LIMITED", 8, Time),
    (3, "TCP_NLA_SNDBUF_LIMITED", 8, Time),
    (4, "TCP_NLA_DATA_SEGS_OUT", 8, Exactly),
    (5, "TCP_NLA_TOTAL_RETRANS", 8, Exactly),
    (6, "TCP_NLA_PACING_RATE", 8, Exactly),
    (7, "TCP_NLA_DELIVERY_RATE", 8, Exactly),
    (8, "TCP_NLA_SND_CWND", 4, Exactly),
    (9, "TCP_NLA_REORDERING", 4, Exactly),
    (10, "TCP_NLA_MIN_RTT", 4, Exactly),
    (11, "TCP_NLA_RECUR_RETRANS", 1, Exactly),
    (12, "TCP_NLA_DELIVERY_RATE_APP_LMT", 1, Exactly),
    (13, "TCP_NLA_SNDQ_SIZE", 4, Exactly),
    (14, "TCP_NLA_CA_STATE", 1, Exactly),
    (15, "TCP_NLA_SND_SSTHRESH", 4, Exactly),
    (16, "TCP_NLA_DELIVERED", 4, Exactly),
    (17, "TCP_NLA_DELIVERED_CE", 4, Exactly),
    (18, "TCP_NLA_BYTES_SENT", 8, Exactly),
    (19, "TCP_NLA_BYTES_RETRANS", 8, Exactly),
    (20, "TCP_NLA_DSACK_DUPS", 4, Exactly),
    (21, "TCP_NLA_REORD_SEEN", 4, Exactly),
    (22, "TCP_NLA_SRTT", 4, Exactly),
    (23, "TCP_NLA_TIMEOUT_REHASH", 2, Exactly),
    (24, "TCP_NLA_BYTES_NOTSENT", 4, Exactly),
    (25, "TCP_NLA_EDT", 8, Exactly),
    (26, "TCP_NLA_TTL", 1, Exactly),
    (27, "TCP_NLA_REHASH", 4, Exactly),
];

/// Length of an attribute's header, bytes; each begins at a multiple of it.
const HEADER_LEN: usize = 4;

/// Attributes as a script states them: place in [`ATTRIBUTES`], and the value if it is compared.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Stats(Vec<(usize, Option<u64>)>);

impl Stats {
    /// `[TCP_NLA_BUSY=1000, TCP_NLA_DELIVERED=...]`
    pub(super) fn of(list: &[Arg]) -> Result<Stats, Stop> {
        let attribute = |arg: &Arg| {
            let Expr::Equals(name, value) = &arg.value else {
                return Err(Stop::invalid(arg.at, "expected an attribute and its value"));
            };
            let place = ATTRIBUTES.iter().position(|(_, known, ..)| known == name);
            let place = place.ok_or_else(|| Stop::unsupported(arg.at, format!("attribute {name}")))?;
            let value = if values::is_default(value) { None } else { Some(values::number(value)? as u64) };
            Ok((place, value))
        };
        list.iter().map(attribute).collect::<Result<_, _>>().map(Stats)
    }

    /// Length as they stand in a control message.
    pub(super) fn len(&self) -> usize {
        self.0.iter().map(|(place, _)| (HEADER_LEN + ATTRIBUTES[*place].2).next_multiple_of(HEADER_LEN)).sum()
    }

    /// Compares with what the `nth` control message holds.
    pub(super) fn check(&self, nth: usize, mut actual: &[u8], tolerance: Duration) -> Result<(), String> {
        for (place, expected) in &self.0 {
            let (number, name, len, compared) = ATTRIBUTES[*place];
            let Some((&[a, b, c, d], rest)) = actual.split_first_chunk::<HEADER_LEN>() else {
                return Err(format!("Bad len in cmsg {nth}: {name} is missing"));
            };
            let (nla_len, kind) = (usize::from(u16::from_ne_bytes([a, b])), u16::from_ne_bytes([c, d]));
            if kind != number {
                return Err(format!("Bad nla_type {nth}: expected={number} actual={kind}"));
            }
            if nla_len != HEADER_LEN + len || rest.len() < len {
                return Err(format!("Bad nla_len {nth}: expected={} actual={nla_len}", HEADER_LEN + len));
            }
            let mut word = [0; 8];
            word[..len].copy_from_slice(&rest[..len]);
            let value = u64::from_le_bytes(word);
            actual = rest.get(len.next_multiple_of(HEADER_LEN)..).unwrap_or_default();
            let Some(expected) = *expected else { continue };
            let fits = match compared {
                Time if expected != 0 => expected.abs_diff(value) <= tolerance.as_micros() as u64,
                _ => expected == value,
            };
            if !fits {
                return Err(format!("Bad {name}: expected={expected} actual={value}"));
            }
        }
        Ok(())
    }
}
