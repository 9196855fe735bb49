//! Numbers of names, for files. A number once given never means anything else, and what is taken away leaves a gap.

use super::Input;
use crate::{
    CongestionReason, DropReason, Error, LinkFate, Opening, PathMtuReason, RecoveryReason, TcpState, Timer, TxReason,
    UndoReason,
};

/// A name with a number in files.
pub trait Coded: Sized {
    /// Its number.
    fn code(self) -> u8;

    /// What has this number.
    fn from_code(code: u8) -> Option<Self>;

    /// Reads the number and finds what has it.
    fn read(input: &mut Input<'_>) -> Option<Self> {
        Self::from_code(input.byte()?)
    }
}

macro_rules! codes {
    ($($name:ident { $($code:literal $variant:ident),+ $(,)? })+) => {
        $(impl Coded for $name {
            fn code(self) -> u8 {
                match self { $($name::$variant => $code),+ }
            }

            fn from_code(code: u8) -> Option<$name> {
                Some(match code {
                    $($code => $name::$variant,)+
                    _ => return None,
                })
            }
        })+
    };
}

codes! {
    TxReason {
        0 Syn,
        1 SynData,
        2 SynRetransmit,
        3 SynAck,
        4 SynAckRetransmit,
        5 HandshakeAck,
        6 NewData,
        7 Fin,
        8 RtoRetransmit,
        9 FastRetransmit,
        10 PartialAckRetransmit,
        11 PathMtuRetransmit,
        12 SynDataRetransmit,
        13 MtuProbe,
        14 RackRetransmit,
        15 TailLossProbe,
        16 TailLossProbeOfNew,
        17 LimitedTransmit,
        18 ZeroWindowProbe,
        19 KeepAlive,
        20 Ack,
        21 QuickAck,
        22 EcnFeedback,
        23 DelayedAck,
        24 FinAck,
        25 DuplicateAck,
        26 WindowUpdate,
        27 ProbeAnswer,
        28 ChallengeAck,
        29 TimeWaitAck,
        30 ResetNoConnection,
        31 ResetBadAck,
        32 ResetAbort,
        33 ResetUnread,
        34 ResetDataAfterClose,
        35 ResetTimeout,
        36 ResetRefused,
        37 AfterRtoRetransmit,
    }
    DropReason {
        0 Malformed,
        1 BadChecksum,
        2 NotForUs,
        3 BadSource,
        4 NoConnection,
        5 SynQueueFull,
        6 AcceptQueueFull,
        7 AcceptDeferred,
        8 BadCookie,
        9 OutsideWindow,
        10 Paws,
        11 NoAck,
        12 NoSyn,
        13 AckTooHigh,
        14 AckTooOld,
        15 BlindReset,
        16 SynInConnection,
        17 BufferFull,
        18 OutOfOrderFull,
        19 Duplicate,
        20 NoReader,
        21 TimeWait,
        22 IcmpNotOurs,
        23 Reassembly,
        24 NeighbourUnreachable,
        25 NoRoute,
        26 RateLimited,
        27 Unsupported,
        28 MinTtl,
        29 Signature,
    }
    CongestionReason {
        0 SlowStart,
        1 CongestionAvoidance,
        2 Loss,
        3 Recovered,
        4 Rto,
        6 Ecn,
        7 Prr,
        8 Undo,
        9 Model,
        10 MtuProbe,
    }
    RecoveryReason {
        0 DuplicateAcks,
        1 Sack,
        2 Rto,
        3 TailLoss,
        4 Reneging,
        5 Ecn,
        7 SmallerPath,
    }
    UndoReason {
        0 Timestamps,
        1 Dsack,
        2 Frto,
        3 NothingResent,
    }
    PathMtuReason {
        0 TooBig,
        1 Doubted,
        2 Route,
        3 Probing,
        4 ProbeArrived,
        5 ProbeLost,
        6 BlackHole,
        7 SearchAgain,
    }
    Timer {
        0 Syn,
        1 SynAck,
        2 ConnectDeadline,
        3 Rto,
        4 Tlp,
        5 Reorder,
        6 Persist,
        7 DelayedAck,
        8 Pace,
        9 KeepAlive,
        10 UserTimeout,
        11 FinWait2,
        12 TimeWait,
        13 Linger,
    }
    TcpState {
        0 Closed,
        1 Listen,
        2 SynSent,
        3 SynReceived,
        4 Established,
        5 FinWait1,
        6 FinWait2,
        7 CloseWait,
        8 Closing,
        9 LastAck,
        10 TimeWait,
    }
    Error {
        0 WouldBlock,
        1 ConnectionRefused,
        2 ConnectionReset,
        3 ConnectionAborted,
        4 TimedOut,
        5 HostUnreachable,
        6 NetworkUnreachable,
        7 ProtocolUnreachable,
        8 Prohibited,
        9 BrokenPipe,
        10 NotConnected,
        11 AlreadyConnected,
        12 AddressInUse,
        13 AddressNotAvailable,
        14 InvalidArgument,
        15 NoSuchSocket,
        16 NoBuffers,
        17 NotSupported,
    }
    LinkFate {
        0 Delivered,
        1 Lost,
        2 QueueFull,
        3 Corrupted,
        4 Duplicated,
        5 Marked,
        6 DroppedEarly,
    }
    Opening {
        0 Active,
        1 Passive,
        2 Cookie,
    }
}
