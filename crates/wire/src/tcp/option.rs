//! TCP options one by one, as they stand on the wire: every kind that tcpdump names, and the rest as bytes.
//!
//! RFC 9293 §3.2 (end of list, no operation, MSS), RFC 7323 §2.2 and §3.2 (window scale, timestamps), RFC 2018
//! (SACK), RFC 7413 §4.1.1 (Fast Open), RFC 5482 §3 (user timeout), RFC 2385 (MD5), RFC 5925 §2.2 (TCP-AO), RFC 8684
//! (MPTCP, not taken apart), RFC 6994 (experiments), RFC 9768 §3.2.3 (AccECN), and the obsolete RFC 1072 and RFC 1644.

use super::{AccEcnOption, SackBlock, Timestamps};
use crate::SeqNum;
use crate::bytes::{array, be16, be24, be32};

/// Option kinds (IANA's registry).
pub mod kind {
    /// End of the list.
    pub const END_OF_LIST: u8 = 0;
    /// Padding.
    pub const NOP: u8 = 1;
    /// Maximum segment size.
    pub const MSS: u8 = 2;
    /// Window scale.
    pub const WINDOW_SCALE: u8 = 3;
    /// SACK permitted.
    pub const SACK_PERMITTED: u8 = 4;
    /// SACK.
    pub const SACK: u8 = 5;
    /// Echo.
    pub const ECHO: u8 = 6;
    /// Echo reply.
    pub const ECHO_REPLY: u8 = 7;
    /// Timestamps.
    pub const TIMESTAMPS: u8 = 8;
    /// Connection count.
    pub const CC: u8 = 11;
    /// New connection count.
    pub const CC_NEW: u8 = 12;
    /// Connection count echo.
    pub const CC_ECHO: u8 = 13;
    /// MD5 signature.
    pub const MD5: u8 = 19;
    /// SCPS capabilities.
    pub const SCPS: u8 = 20;
    /// User timeout.
    pub const USER_TIMEOUT: u8 = 28;
    /// Authentication.
    pub const TCP_AO: u8 = 29;
    /// Multipath TCP.
    pub const MPTCP: u8 = 30;
    /// Fast Open.
    pub const FAST_OPEN: u8 = 34;
    /// Accurate ECN, order 0.
    pub const ACC_ECN0: u8 = 172;
    /// Accurate ECN, order 1.
    pub const ACC_ECN1: u8 = 174;
    /// Shared by experiments.
    pub const EXPERIMENT_1: u8 = 253;
    /// Shared by experiments.
    pub const EXPERIMENT_2: u8 = 254;
}

/// The magic number of experimental Fast Open (RFC 7413 §4.1.1).
pub const FAST_OPEN_MAGIC: u16 = 0xf989;

/// One option.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TcpOption<'a> {
    /// The list ends here; what follows is padding.
    EndOfList,
    /// Padding.
    Nop,
    /// Maximum segment size, in bytes.
    Mss(u16),
    /// Window scale shift as stated, which may be above 14.
    WindowScale(u8),
    /// SACK permitted.
    SackPermitted,
    /// Selective acknowledgement.
    Sack(SackList<'a>),
    /// Echo (RFC 1072).
    Echo(u32),
    /// Echo reply (RFC 1072).
    EchoReply(u32),
    /// Timestamps.
    Timestamps(Timestamps),
    /// Connection count (RFC 1644).
    Cc(u32),
    /// New connection count (RFC 1644).
    CcNew(u32),
    /// Connection count echo (RFC 1644).
    CcEcho(u32),
    /// MD5 signature (RFC 2385).
    Md5([u8; 16]),
    /// SCPS capabilities and connection id (CCSDS 714.0-B).
    Scps {
        /// Capability bits.
        capabilities: u8,
        /// Connection id.
        id: u8,
    },
    /// User timeout.
    UserTimeout(UserTimeout),
    /// Authentication.
    TcpAo {
        /// KeyID.
        key_id: u8,
        /// RNextKeyID.
        r_next_key_id: u8,
        /// The message authentication code, of any length.
        mac: &'a [u8],
    },
    /// Multipath TCP: subtype and all that follows.
    Mptcp(&'a [u8]),
    /// Fast Open: the cookie, empty for a request.
    FastOpen(&'a [u8]),
    /// An option of a shared experiment: kind 253 or 254.
    Experiment {
        /// The kind.
        kind: u8,
        /// The experiment's identifier, the first two bytes (RFC 6994 §3).
        magic: u16,
        /// What follows.
        data: &'a [u8],
    },
    /// Accurate ECN's byte counters.
    AccEcn(AccEcn<'a>),
    /// Any other kind.
    Unknown {
        /// The kind.
        kind: u8,
        /// What follows kind and length.
        data: &'a [u8],
    },
}

/// An option that is not as its kind demands, with its bytes kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("TCP option {kind}: {reason}")]
pub struct BadOption<'a> {
    /// The kind.
    pub kind: u8,
    /// What is wrong.
    pub reason: BadOptionReason,
    /// All bytes of the option, kind and length included; to the end of the header if the length is no use.
    pub bytes: &'a [u8],
}

/// What is wrong with an option.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadOptionReason {
    /// The length does not fit this kind. The options after it can still be read.
    #[error("its length does not fit its kind")]
    WrongLength,
    /// The length byte is missing, below 2, or reaches past the header. Nothing after it can be read.
    #[error("its length is below 2 or reaches past the header")]
    Unreadable,
}

/// The blocks of a SACK option as they stand: not checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SackList<'a>(&'a [[u8; 8]]);

impl<'a> SackList<'a> {
    /// Number of blocks, sound or not.
    pub fn len(self) -> usize {
        self.0.len()
    }

    /// True if there is no block.
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// Left and right edge of each block as they stand.
    pub fn edges(self) -> impl Iterator<Item = (SeqNum, SeqNum)> + use<'a> {
        self.0.iter().map(|b| (SeqNum(be32(b, 0)), SeqNum(be32(b, 4))))
    }

    /// The blocks that are not empty and do not reach backwards.
    pub fn blocks(self) -> impl Iterator<Item = SackBlock> + use<'a> {
        self.edges().filter_map(|(left, right)| SackBlock::new(left, right))
    }
}

/// The user timeout option's value (RFC 5482 §3): 15 bits and their unit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct UserTimeout(pub u16);

impl UserTimeout {
    const MINUTES: u16 = 0x8000;

    /// The value for `seconds`: in minutes, rounded up, above 32,767 s; at most 32,767 min.
    pub fn from_seconds(seconds: u32) -> UserTimeout {
        match u16::try_from(seconds) {
            Ok(seconds) if seconds < UserTimeout::MINUTES => UserTimeout(seconds),
            _ => UserTimeout(UserTimeout::MINUTES | seconds.div_ceil(60).min(0x7fff) as u16),
        }
    }

    /// The timeout in seconds.
    pub fn seconds(self) -> u32 {
        let value = u32::from(self.0 & 0x7fff);
        if self.0 & UserTimeout::MINUTES != 0 { value * 60 } else { value }
    }
}

/// An AccECN option: up to three 24-bit counters in the order that the kind says (RFC 9768 §3.2.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AccEcn<'a> {
    /// True for kind 174, whose order is e1b, ceb, e0b; kind 172 has e0b, ceb, e1b.
    pub ect1_first: bool,
    counters: &'a [[u8; 3]],
}

impl<'a> AccEcn<'a> {
    /// The counters that are there, in the order they stand: none to three.
    pub fn counters(self) -> impl Iterator<Item = u32> + use<'a> {
        self.counters.iter().map(|c| be24(c, 0))
    }
}

impl From<AccEcn<'_>> for AccEcnOption {
    fn from(option: AccEcn<'_>) -> AccEcnOption {
        let mut counters = [0; 3];
        let mut len = 0;
        for (to, from) in counters.iter_mut().zip(option.counters()) {
            *to = from;
            len += 1;
        }
        let order = if option.ect1_first { AccEcnOption::order_1 } else { AccEcnOption::order_0 };
        order(&counters[..len])
    }
}

impl<'a> TcpOption<'a> {
    /// The options in `bytes` (all of the header after its fixed part), one by one, through [`TcpOption::EndOfList`].
    ///
    /// An option whose length does not fit its kind is yielded as an error and stepped over; one whose length makes no
    /// sense is yielded as an error and ends the list.
    pub fn iter(bytes: &'a [u8]) -> TcpOptionIter<'a> {
        TcpOptionIter { rest: bytes }
    }

    /// The kind: the option's first byte.
    pub fn kind(&self) -> u8 {
        match *self {
            TcpOption::EndOfList => kind::END_OF_LIST,
            TcpOption::Nop => kind::NOP,
            TcpOption::Mss(_) => kind::MSS,
            TcpOption::WindowScale(_) => kind::WINDOW_SCALE,
            TcpOption::SackPermitted => kind::SACK_PERMITTED,
            TcpOption::Sack(_) => kind::SACK,
            TcpOption::Echo(_) => kind::ECHO,
            TcpOption::EchoReply(_) => kind::ECHO_REPLY,
            TcpOption::Timestamps(_) => kind::TIMESTAMPS,
            TcpOption::Cc(_) => kind::CC,
            TcpOption::CcNew(_) => kind::CC_NEW,
            TcpOption::CcEcho(_) => kind::CC_ECHO,
            TcpOption::Md5(_) => kind::MD5,
            TcpOption::Scps { .. } => kind::SCPS,
            TcpOption::UserTimeout(_) => kind::USER_TIMEOUT,
            TcpOption::TcpAo { .. } => kind::TCP_AO,
            TcpOption::Mptcp(_) => kind::MPTCP,
            TcpOption::FastOpen(_) => kind::FAST_OPEN,
            TcpOption::AccEcn(AccEcn { ect1_first: false, .. }) => kind::ACC_ECN0,
            TcpOption::AccEcn(AccEcn { ect1_first: true, .. }) => kind::ACC_ECN1,
            TcpOption::Experiment { kind, .. } | TcpOption::Unknown { kind, .. } => kind,
        }
    }

    /// The option of `kind` whose `data` follows its length byte; `None` if the length does not fit the kind.
    fn from_data(kind: u8, data: &'a [u8]) -> Option<TcpOption<'a>> {
        let exactly = |len: usize| (data.len() == len).then_some(());
        Some(match kind {
            kind::MSS => exactly(2).map(|()| TcpOption::Mss(be16(data, 0)))?,
            kind::WINDOW_SCALE => exactly(1).map(|()| TcpOption::WindowScale(data[0]))?,
            kind::SACK_PERMITTED => exactly(0).map(|()| TcpOption::SackPermitted)?,
            kind::SACK => {
                let (blocks, rest) = data.as_chunks();
                rest.is_empty().then_some(TcpOption::Sack(SackList(blocks)))?
            }
            kind::ECHO => exactly(4).map(|()| TcpOption::Echo(be32(data, 0)))?,
            kind::ECHO_REPLY => exactly(4).map(|()| TcpOption::EchoReply(be32(data, 0)))?,
            kind::TIMESTAMPS => {
                exactly(8).map(|()| TcpOption::Timestamps(Timestamps { val: be32(data, 0), ecr: be32(data, 4) }))?
            }
            kind::CC => exactly(4).map(|()| TcpOption::Cc(be32(data, 0)))?,
            kind::CC_NEW => exactly(4).map(|()| TcpOption::CcNew(be32(data, 0)))?,
            kind::CC_ECHO => exactly(4).map(|()| TcpOption::CcEcho(be32(data, 0)))?,
            kind::MD5 => exactly(16).map(|()| TcpOption::Md5(array(data, 0)))?,
            kind::SCPS => exactly(2).map(|()| TcpOption::Scps { capabilities: data[0], id: data[1] })?,
            kind::USER_TIMEOUT => exactly(2).map(|()| TcpOption::UserTimeout(UserTimeout(be16(data, 0))))?,
            kind::TCP_AO => {
                let (&[key_id, r_next_key_id], mac) = data.split_first_chunk()?;
                TcpOption::TcpAo { key_id, r_next_key_id, mac }
            }
            kind::MPTCP => (!data.is_empty()).then_some(TcpOption::Mptcp(data))?,
            kind::FAST_OPEN => TcpOption::FastOpen(data),
            kind::ACC_ECN0 | kind::ACC_ECN1 => {
                let (counters, rest) = data.as_chunks();
                let fits = rest.is_empty() && counters.len() <= 3;
                fits.then_some(TcpOption::AccEcn(AccEcn { ect1_first: kind == kind::ACC_ECN1, counters }))?
            }
            kind::EXPERIMENT_1 | kind::EXPERIMENT_2 => {
                let (&magic, data) = data.split_first_chunk()?;
                TcpOption::Experiment { kind, magic: u16::from_be_bytes(magic), data }
            }
            _ => TcpOption::Unknown { kind, data },
        })
    }
}

/// Iterator over the options of a header. See [`TcpOption::iter`].
#[derive(Clone, Debug)]
pub struct TcpOptionIter<'a> {
    rest: &'a [u8],
}

impl<'a> TcpOptionIter<'a> {
    /// The bytes not looked at yet; none after the end of the list.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    fn fail(&mut self, kind: u8, reason: BadOptionReason, len: usize) -> BadOption<'a> {
        let (bytes, rest) = self.rest.split_at(len);
        self.rest = rest;
        BadOption { kind, reason, bytes }
    }
}

impl<'a> Iterator for TcpOptionIter<'a> {
    type Item = Result<TcpOption<'a>, BadOption<'a>>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (&kind, after) = self.rest.split_first()?;
        if kind == kind::NOP {
            self.rest = after;
            return Some(Ok(TcpOption::Nop));
        }
        if kind == kind::END_OF_LIST {
            self.rest = &[];
            return Some(Ok(TcpOption::EndOfList));
        }
        let len = after.first().map_or(0, |&len| usize::from(len));
        let Some(data) = self.rest.get(2..len) else {
            return Some(Err(self.fail(kind, BadOptionReason::Unreadable, self.rest.len())));
        };
        let Some(option) = TcpOption::from_data(kind, data) else {
            return Some(Err(self.fail(kind, BadOptionReason::WrongLength, len)));
        };
        self.rest = &self.rest[len..];
        Some(Ok(option))
    }
}

#[cfg(test)]
mod tests;
