//! What is scored: labels that a packet can have, several at once.

use limpid_event::TxReason;

/// A label.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Kind {
    /// Sent before by the same sender, for whatever reason: data, FIN or SYN.
    Again,
    /// A SYN or SYN-ACK of these.
    Syn,
    /// By a timer: the next two together, for those who do not tell them apart.
    Timer,
    /// Because the retransmission timer ran out.
    Rto,
    /// A tail loss probe.
    Probe,
    /// By SACK, RACK, duplicate or partial ACKs.
    Fast,
    /// In vain: all of it arrived from an earlier sending. Data and FINs only.
    Needless,
    /// A second copy that the link made of what its sender sent once; with data, FIN or SYN.
    Copy,
    /// Seen late: sent once, and before something behind it that was seen earlier.
    Overtaken,
    /// An ACK sent at once because of a gap, or of data that had come before.
    DuplicateAck,
    /// A keepalive.
    KeepAlive,
    /// A zero-window probe.
    WindowProbe,
}

impl Kind {
    pub(crate) const ALL: [Kind; 12] = [
        Kind::Again,
        Kind::Syn,
        Kind::Timer,
        Kind::Rto,
        Kind::Probe,
        Kind::Fast,
        Kind::Needless,
        Kind::Copy,
        Kind::Overtaken,
        Kind::DuplicateAck,
        Kind::KeepAlive,
        Kind::WindowProbe,
    ];

    /// Its name in tables and on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Kind::Again => "retransmission",
            Kind::Syn => "syn-again",
            Kind::Timer => "rto-or-tlp",
            Kind::Rto => "rto",
            Kind::Probe => "tlp",
            Kind::Fast => "fast",
            Kind::Needless => "needless",
            Kind::Copy => "copy",
            Kind::Overtaken => "out-of-order",
            Kind::DuplicateAck => "duplicate-ack",
            Kind::KeepAlive => "keepalive",
            Kind::WindowProbe => "window-probe",
        }
    }

    pub(crate) fn of(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Beside the kinds: see [`Labels::hide`].
const HIDDEN: u16 = 1 << 15;

/// The labels of one packet.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Labels(u16);

impl Labels {
    pub(crate) fn add(&mut self, kind: Kind) {
        self.0 |= 1 << kind as u16;
    }

    pub(crate) fn has(self, kind: Kind) -> bool {
        self.0 & 1 << kind as u16 != 0
    }

    /// Marks what nobody at that place can know to be sent again: that is neither right nor wrong to say.
    pub(crate) fn hide(&mut self) {
        self.0 |= HIDDEN;
    }

    /// True if it can't be known whether `kind` is said rightly.
    pub(crate) fn hides(self, kind: Kind) -> bool {
        self.0 & HIDDEN != 0 && matches!(kind, Kind::Again | Kind::Syn)
    }

    /// What an engine's reason comes to.
    pub(crate) fn of_reason(why: TxReason) -> Labels {
        use TxReason as R;
        let kinds: &[Kind] = match why {
            R::SynRetransmit | R::SynAckRetransmit => &[Kind::Again, Kind::Syn],
            R::RtoRetransmit => &[Kind::Again, Kind::Timer, Kind::Rto],
            R::TailLossProbe => &[Kind::Again, Kind::Timer, Kind::Probe],
            R::FastRetransmit | R::PartialAckRetransmit | R::RackRetransmit => &[Kind::Again, Kind::Fast],
            R::AfterRtoRetransmit | R::PathMtuRetransmit | R::SynDataRetransmit => &[Kind::Again],
            R::DuplicateAck => &[Kind::DuplicateAck],
            R::KeepAlive => &[Kind::KeepAlive],
            R::ZeroWindowProbe => &[Kind::WindowProbe],
            _ => &[],
        };
        kinds.iter().copied().collect()
    }
}

impl FromIterator<Kind> for Labels {
    fn from_iter<I: IntoIterator<Item = Kind>>(kinds: I) -> Labels {
        let mut labels = Labels::default();
        kinds.into_iter().for_each(|kind| labels.add(kind));
        labels
    }
}

impl std::fmt::Debug for Labels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = Kind::ALL.into_iter().filter(|kind| self.has(*kind)).map(Kind::name).collect();
        f.write_str(&names.join("+"))
    }
}
