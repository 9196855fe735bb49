//! TCP headers and options (RFC 9293 §3.1, §3.2; RFC 7323, 2018, 7413, 5482, 2385, 5925).

use crate::SeqNum;
use arrayvec::ArrayVec;

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

/// The options that the engine acts on, taken together. What tcpdump can name besides is in [`TcpOption`]'s list form.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TcpOptions {
    /// Maximum segment size (on SYN).
    pub mss: Option<u16>,
    /// Window scale shift as stated (on SYN); values above 14 count as 14 (RFC 7323 §2.3).
    pub window_scale: Option<u8>,
    /// SACK permitted (on SYN).
    pub sack_permitted: bool,
    /// Timestamps.
    pub timestamps: Option<Timestamps>,
    /// SACK blocks, the first as the first on the wire.
    pub sack: ArrayVec<SackBlock, 4>,
}
