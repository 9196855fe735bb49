//! What the signs of a time-sequence graph stand for.

/// What a [`Mark`](super::layout::Mark) stands for: the grammar of tcptrace's time-sequence graphs, and more of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Sign {
    /// Data, for the first time.
    Data {
        /// The sender asks that it be handed over at once (PSH).
        pushed: bool,
    },
    /// What a duplicate ACK or SACK names as arrived beyond a hole.
    Sack,
    /// What D-SACK names as arrived twice (RFC 2883).
    DuplicateSack,
    /// Nothing new acknowledged while data is outstanding.
    DuplicateAck,
    /// Data that stands before what was already seen, but was never seen itself.
    OutOfOrder,
    /// A keepalive.
    KeepAlive,
    /// A probe of a zero window.
    WindowProbe,
    /// The receiver closes its window.
    ZeroWindow,
    /// Sent again.
    Again {
        /// Why.
        cause: Cause,
        /// It had arrived already.
        needless: bool,
    },
    /// SYN.
    Syn,
    /// FIN.
    Fin,
    /// Reset.
    Reset,
    /// It never arrived: drawn over what it is said of.
    Lost,
}

/// Why something was sent again, as far as its sign tells it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Cause {
    /// A timer ran out.
    Timeout,
    /// It came after what a timer sent again, in the same repair.
    AfterTimeout,
    /// Duplicate ACKs, SACK, partial ACKs or RACK told of a loss.
    Fast,
    /// A tail loss probe.
    Probe,
    /// Nobody knows.
    Unknown,
}

impl Sign {
    /// True for the ordinary course of things: of many of these in one place one is enough.
    pub const fn is_ordinary(self) -> bool {
        matches!(self, Sign::Data { .. } | Sign::Sack | Sign::DuplicateAck | Sign::KeepAlive)
    }

    /// In a few words, for legends.
    pub const fn name(self) -> &'static str {
        match self {
            Sign::Data { pushed: false } => "data",
            Sign::Data { pushed: true } => "data, pushed",
            Sign::Sack => "SACK",
            Sign::DuplicateSack => "D-SACK",
            Sign::DuplicateAck => "duplicate ACK",
            Sign::OutOfOrder => "out of order",
            Sign::KeepAlive => "keepalive",
            Sign::WindowProbe => "window probe",
            Sign::ZeroWindow => "zero window",
            Sign::Again { cause: Cause::Timeout, needless: true } => "again: timeout, for nothing",
            Sign::Again { cause: Cause::AfterTimeout, needless: true } => "again: after a timeout, for nothing",
            Sign::Again { cause: Cause::Fast, needless: true } => "again: fast, for nothing",
            Sign::Again { cause: Cause::Probe, needless: true } => "again: tail loss probe, for nothing",
            Sign::Again { cause: Cause::Unknown, needless: true } => "again, for nothing",
            Sign::Again { cause: Cause::Timeout, .. } => "again: timeout",
            Sign::Again { cause: Cause::AfterTimeout, .. } => "again: after a timeout",
            Sign::Again { cause: Cause::Fast, .. } => "again: fast",
            Sign::Again { cause: Cause::Probe, .. } => "again: tail loss probe",
            Sign::Again { cause: Cause::Unknown, .. } => "again",
            Sign::Lost => "lost",
            Sign::Syn => "SYN",
            Sign::Fin => "FIN",
            Sign::Reset => "reset",
        }
    }
}
