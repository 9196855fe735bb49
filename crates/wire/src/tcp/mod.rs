//! TCP on the wire: the header ([`header`]), its options one by one ([`option`]) and taken together ([`options`]), and
//! the way between bytes and [`Segment`](crate::Segment) (RFC 9293 §3.1, §3.2).

mod acc_ecn;
pub mod header;
pub mod option;
pub mod options;
mod segment;

pub use acc_ecn::AccEcnOption;
pub use header::TcpHeader;
pub use option::{AccEcn, BadOption, BadOptionReason, SackList, TcpOption, UserTimeout};
pub use options::{AoOption, AuthOption, FastOpenCookie, MAX_OPTIONS_LEN, TcpOptions};
pub use segment::{emit_header, header_len, parse_segment, put_checksum};

use crate::SeqNum;

bitflags::bitflags! {
    /// The control bits, in the order of the header (RFC 9293 §3.1; AE is RFC 9768's).
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
    pub struct TcpFlags: u16 {
        /// No more data from the sender.
        const FIN = 0x001;
        /// Synchronize sequence numbers.
        const SYN = 0x002;
        /// Reset the connection.
        const RST = 0x004;
        /// Push.
        const PSH = 0x008;
        /// The acknowledgement field is valid.
        const ACK = 0x010;
        /// The urgent pointer is valid.
        const URG = 0x020;
        /// ECN echo.
        const ECE = 0x040;
        /// Congestion window reduced.
        const CWR = 0x080;
        /// Accurate ECN.
        const AE = 0x100;
    }
}

/// A block of received data (RFC 2018 §3). Never empty.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SackBlock {
    left: SeqNum,
    right: SeqNum,
}

impl SackBlock {
    /// A block `left..right`; `None` if it is empty or reaches backwards.
    pub fn new(left: SeqNum, right: SeqNum) -> Option<SackBlock> {
        left.before(right).then_some(SackBlock { left, right })
    }

    /// First sequence number in the block.
    pub fn left(self) -> SeqNum {
        self.left
    }

    /// The sequence number after the last in the block.
    pub fn right(self) -> SeqNum {
        self.right
    }
}

/// The timestamps option (RFC 7323 §3).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Timestamps {
    /// The sender's clock.
    pub val: u32,
    /// The echo of the other side's clock.
    pub ecr: u32,
}

impl TcpFlags {
    /// The three bits of accurate ECN's counter, the ACE field (RFC 9768 §3.2.2).
    pub const ACE: TcpFlags = TcpFlags::AE.union(TcpFlags::CWR).union(TcpFlags::ECE);

    /// The ACE field's value, 0 to 7.
    pub const fn ace(self) -> u8 {
        (self.bits() >> 6) as u8 & 7
    }

    /// An ACE field of this value, of which the low three bits count.
    pub const fn from_ace(value: u8) -> TcpFlags {
        TcpFlags::from_bits_truncate((value as u16 & 7) << 6)
    }
}
