//! What is wrong with a connection, counted and cited.

use super::pack::{PackList, Packer, Unpacker, pack_fields, pack_names};
use super::sighting::End;
use std::time::Duration;

/// What kind of trouble an ICMP error tells of.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum IcmpTrouble {
    /// No route to the network.
    NetUnreachable,
    /// The host does not answer its link, or there is no route to it.
    HostUnreachable,
    /// The port is closed, or a firewall pretends so.
    PortUnreachable,
    /// The host speaks no TCP, or a firewall pretends so.
    ProtocolUnreachable,
    /// A firewall says so.
    Prohibited,
    /// The packet is larger than a link; `mtu` is 0 where the router does not tell.
    TooBig {
        /// The largest packet that the link takes, bytes.
        mtu: u32,
    },
    /// It went in circles.
    TimeExceeded,
    /// Another error.
    Other,
}

impl IcmpTrouble {
    /// A few words for people.
    pub const fn text(self) -> &'static str {
        match self {
            IcmpTrouble::NetUnreachable => "network unreachable",
            IcmpTrouble::HostUnreachable => "host unreachable",
            IcmpTrouble::PortUnreachable => "port unreachable",
            IcmpTrouble::ProtocolUnreachable => "protocol unreachable",
            IcmpTrouble::Prohibited => "prohibited",
            IcmpTrouble::TooBig { .. } => "packet too big",
            IcmpTrouble::TimeExceeded => "time exceeded",
            IcmpTrouble::Other => "ICMP error",
        }
    }

    /// True if the packet could not be delivered at all (RFC 792, RFC 4443 §3.1).
    pub const fn is_unreachable(self) -> bool {
        !matches!(self, IcmpTrouble::TooBig { .. } | IcmpTrouble::TimeExceeded | IcmpTrouble::Other)
    }

    /// RFC 792, RFC 1122 §3.2.2.1, RFC 1812 §5.2.7.1; RFC 4443 §3.
    pub(super) fn of(v6: bool, kind: u8, code: u8, mtu: u32) -> IcmpTrouble {
        match (v6, kind, code) {
            (false, 3, 0 | 6 | 8 | 11) | (true, 1, 0) => IcmpTrouble::NetUnreachable,
            (false, 3, 1 | 5 | 7 | 12) | (true, 1, 3) => IcmpTrouble::HostUnreachable,
            (false, 3, 2) => IcmpTrouble::ProtocolUnreachable,
            (false, 3, 3) | (true, 1, 4) => IcmpTrouble::PortUnreachable,
            (false, 3, 4) | (true, 2, _) => IcmpTrouble::TooBig { mtu },
            (false, 3, 9 | 10 | 13) | (true, 1, 1 | 5 | 6) => IcmpTrouble::Prohibited,
            (false, 11, _) | (true, 3, _) => IcmpTrouble::TimeExceeded,
            _ => IcmpTrouble::Other,
        }
    }
}

/// What a [`Trouble`] is about. The end that a trouble names is the one it happened to, as said here.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum TroubleKind {
    /// SYNs of the end got no answer.
    Unanswered,
    /// A reset answered the end's SYN.
    Refused,
    /// An ICMP error answered the end's SYN.
    Unreachable,
    /// The end's SYN or SYN-ACK was sent again.
    OpeningRetried,
    /// SYN-ACKs of the end were never acknowledged: a half-open connection.
    HalfOpen,
    /// The end reset the connection.
    Reset,
    /// What the end sent was never acknowledged, whatever it did.
    GaveUp,
    /// The path drops the end's large segments and says nothing (RFC 2923 §2.1).
    BlackHole,
    /// The end's retransmission timer ran out.
    Timeouts,
    /// What the end sent was lost, and repaired without the timer.
    Losses,
    /// The end sent again what had arrived.
    Needless,
    /// What the end sent was overtaken.
    Reordered,
    /// The link or the capture doubled what the end sent.
    Copies,
    /// The end closed its window.
    ZeroWindow,
    /// The end's window was full, and so held its peer back.
    WindowFull,
    /// The end's peer did not know the connection, or not these numbers (RFC 5961's challenge ACK).
    Stranger,
    /// A router found the end's packets too big.
    TooBig,
    /// Another ICMP error about the end's segments.
    IcmpError,
    /// An option of the end's SYN was not taken up by the other.
    OptionRefused,
    /// The ports were used before, and their connection had not ended.
    PortReused,
    /// It stood still for long while something should have gone on.
    Stalled,
    /// Congestion was marked on what the end sent (ECN).
    CongestionMarked,
    /// The capture does not hold all that the end sent.
    CaptureMissed,
    /// Headers of the end's packets were cut: too short a snapshot length.
    CaptureCut,
}

impl TroubleKind {
    /// How bad it is for those who use the connection: 0 (of no account) to 9 (it failed).
    pub const fn severity(self) -> u8 {
        use TroubleKind::*;
        match self {
            Unanswered | Refused | Unreachable => 9,
            GaveUp | BlackHole => 8,
            Reset | HalfOpen => 7,
            Stalled | Timeouts => 6,
            OpeningRetried | ZeroWindow => 5,
            Losses | TooBig | IcmpError | PortReused => 4,
            Needless | WindowFull | Stranger => 3,
            Reordered | OptionRefused | Copies => 2,
            CongestionMarked | CaptureMissed => 1,
            CaptureCut => 0,
        }
    }

    /// In a few words for a list.
    pub const fn text(self) -> &'static str {
        use TroubleKind::*;
        match self {
            Unanswered => "no answer",
            Refused => "refused",
            Unreachable => "unreachable",
            OpeningRetried => "SYN repeated",
            HalfOpen => "half-open",
            Reset => "reset",
            GaveUp => "gave up",
            BlackHole => "MTU black hole",
            Timeouts => "timeouts",
            Losses => "losses",
            Needless => "sent again in vain",
            Reordered => "reordered",
            Copies => "doubled",
            ZeroWindow => "zero window",
            WindowFull => "window full",
            Stranger => "not in sync",
            TooBig => "too big",
            IcmpError => "ICMP error",
            OptionRefused => "option refused",
            PortReused => "ports reused",
            Stalled => "stalled",
            CongestionMarked => "congestion marked",
            CaptureMissed => "capture incomplete",
            CaptureCut => "capture cut",
        }
    }
}

/// The most packets that a [`Trouble`] cites.
pub const MAX_CITED: usize = 6;

/// Something wrong with a connection: all of a kind at one end together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Trouble {
    /// What.
    pub kind: TroubleKind,
    /// Whose.
    pub end: End,
    /// How often.
    pub count: u64,
    /// When first: nanoseconds since 1970.
    pub first: i64,
    /// When last.
    pub last: i64,
    /// How long in all, where it lasts.
    pub lasted: Duration,
    cited: [u64; MAX_CITED],
}

impl Trouble {
    pub(super) fn new(kind: TroubleKind, end: End, at: i64) -> Trouble {
        Trouble { kind, end, count: 0, first: at, last: at, lasted: Duration::ZERO, cited: [0; MAX_CITED] }
    }

    /// Numbers of packets that show it: the first few, [`MAX_CITED`] at most.
    pub fn packets(&self) -> &[u64] {
        let count = self.cited.iter().position(|number| *number == 0).unwrap_or(MAX_CITED);
        &self.cited[..count]
    }

    pub(super) fn cite(&mut self, number: u64) {
        if let Some(free) = self.cited.iter_mut().find(|cited| **cited == 0 || **cited == number) {
            *free = number;
        }
    }
}

/// The troubles of a connection. There is at most one of each kind and end, so they are bounded by themselves.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Troubles(Vec<Trouble>);

impl Troubles {
    /// All of them, in the order of their first appearance.
    pub fn iter(&self) -> std::slice::Iter<'_, Trouble> {
        self.0.iter()
    }

    /// True if nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn pack_all(&self, to: &mut Packer) {
        self.0.pack_list(to);
    }

    pub(super) fn unpack_all(&mut self, from: &mut Unpacker) {
        self.0.unpack_list(from);
    }

    pub(super) fn capacity(&self) -> usize {
        self.0.capacity()
    }

    /// That of `kind` at `end`.
    pub fn find(&self, kind: TroubleKind, end: End) -> Option<&Trouble> {
        self.0.iter().find(|trouble| trouble.kind == kind && trouble.end == end)
    }

    /// The worst one, of several as bad the most frequent.
    pub fn worst(&self) -> Option<&Trouble> {
        self.0.iter().max_by_key(|trouble| (trouble.kind.severity(), trouble.count))
    }

    pub(super) fn find_mut(&mut self, kind: TroubleKind, end: End) -> Option<&mut Trouble> {
        self.0.iter_mut().find(|trouble| trouble.kind == kind && trouble.end == end)
    }

    /// It turned out that there is no such trouble.
    pub(super) fn take_back(&mut self, kind: TroubleKind, end: End) {
        self.0.retain(|trouble| trouble.kind != kind || trouble.end != end);
    }

    /// Counts one more, cited by its packet.
    pub(super) fn count(&mut self, kind: TroubleKind, end: End, at: i64, number: u64) -> &mut Trouble {
        let index = match self.0.iter().position(|trouble| trouble.kind == kind && trouble.end == end) {
            Some(index) => index,
            None => {
                // Most have one, or two.
                if self.0.len() == self.0.capacity() {
                    self.0.reserve_exact(self.0.len().max(1));
                }
                self.0.push(Trouble::new(kind, end, at));
                self.0.len() - 1
            }
        };
        let trouble = &mut self.0[index];
        trouble.count += 1;
        trouble.last = at;
        trouble.cite(number);
        trouble
    }
}

impl<'a> IntoIterator for &'a Troubles {
    type Item = &'a Trouble;
    type IntoIter = std::slice::Iter<'a, Trouble>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

/// Whose fault it was that a connection stood still.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Fault {
    /// The sender's application had nothing to send.
    Application,
    /// The receiver's window was closed or full.
    Window,
    /// Something was lost, and its sender waited for a timer.
    Loss,
    /// Everything left, and its acknowledgement took long.
    Network,
}

impl Fault {
    /// How many there are.
    pub const COUNT: usize = 4;

    /// In a few words.
    pub const fn text(self) -> &'static str {
        match self {
            Fault::Application => "the sender's application had nothing to send",
            Fault::Window => "the receiver's window was closed",
            Fault::Loss => "lost segments waited for a timer",
            Fault::Network => "the network or the far end took long to answer",
        }
    }
}

/// A time in which a connection stood still.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stall {
    /// From which packet, its number.
    pub from: u64,
    /// The packet that ended it, its number.
    pub to: u64,
    /// When it began: nanoseconds since 1970.
    pub at: i64,
    /// How long it lasted.
    pub lasted: Duration,
    /// Whose fault it was.
    pub fault: Fault,
    /// Of which end: whose application, whose window, whose data.
    pub end: End,
}

pack_fields!(Trouble { value: kind end count lasted cited; time: first last; });
pack_fields!(Stall { value: from to lasted fault end; time: at; });
pack_names!(Fault: Application Window Loss Network);
pack_names!(TroubleKind: Unanswered Refused Unreachable OpeningRetried HalfOpen Reset GaveUp BlackHole Timeouts Losses Needless
    Reordered Copies ZeroWindow WindowFull Stranger TooBig IcmpError OptionRefused PortReused Stalled CongestionMarked
    CaptureMissed CaptureCut);
