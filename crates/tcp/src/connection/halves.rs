//! TCP is two one-way streams that close apart. RFC 9293's state (§3.3.2) is derived from the two, and from who closed
//! first.

use crate::pack::packed;
use limpid_event::TcpState;

/// Our half of the connection: what we send.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Debug)]
pub(crate) enum SendHalf {
    /// The application may write.
    Open,
    /// The application has finished; the FIN follows what it wrote.
    FinQueued,
    /// The FIN has left.
    FinSent,
    /// The FIN is acknowledged.
    FinAcked,
}

/// The peer's half: what we receive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum RecvHalf {
    /// The peer may send.
    Open,
    /// The peer's FIN has come, and all before it.
    FinReceived,
}

/// One of the two ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// Ours.
    Local,
    /// The other.
    Peer,
}

/// Both halves, and what else decides the state's name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Halves {
    send: SendHalf,
    recv: RecvHalf,
    /// Who closed first: fixed when the application closes or the FIN arrives, not when our FIN leaves.
    first: Option<End>,
    /// Our own SYN is acknowledged.
    syn_acked: bool,
    /// It is all over: reset, given up, or both halves closed and nothing to wait for.
    over: bool,
}

impl Halves {
    pub(crate) const fn new(syn_acked: bool) -> Halves {
        Halves { send: SendHalf::Open, recv: RecvHalf::Open, first: None, syn_acked, over: false }
    }

    pub(crate) const fn send(self) -> SendHalf {
        self.send
    }

    pub(crate) const fn recv(self) -> RecvHalf {
        self.recv
    }

    pub(crate) const fn syn_acked(self) -> bool {
        self.syn_acked
    }

    pub(crate) const fn over(self) -> bool {
        self.over
    }

    /// The application has finished sending.
    pub(crate) fn queue_fin(&mut self) {
        debug_assert!(self.send == SendHalf::Open);
        self.send = SendHalf::FinQueued;
        self.first.get_or_insert(End::Local);
    }

    pub(crate) fn fin_sent(&mut self) {
        debug_assert!(matches!(self.send, SendHalf::FinQueued | SendHalf::FinSent));
        self.send = SendHalf::FinSent;
    }

    pub(crate) fn fin_acked(&mut self) {
        debug_assert!(self.send == SendHalf::FinSent);
        self.send = SendHalf::FinAcked;
    }

    pub(crate) fn fin_received(&mut self) {
        self.recv = RecvHalf::FinReceived;
        self.first.get_or_insert(End::Peer);
    }

    pub(crate) fn ack_syn(&mut self) {
        self.syn_acked = true;
    }

    pub(crate) fn end(&mut self) {
        self.over = true;
    }

    /// RFC 9293's name.
    pub(crate) const fn state(self) -> TcpState {
        use {RecvHalf as R, SendHalf as S};
        match (self.send, self.recv) {
            _ if self.over => TcpState::Closed,
            (S::Open, R::Open) if !self.syn_acked => TcpState::SynReceived,
            (S::Open, R::Open) => TcpState::Established,
            (S::Open, R::FinReceived) => TcpState::CloseWait,
            (S::FinQueued | S::FinSent, R::Open) => TcpState::FinWait1,
            (S::FinAcked, R::Open) => TcpState::FinWait2,
            (S::FinQueued | S::FinSent, R::FinReceived) => match self.first {
                Some(End::Local) => TcpState::Closing,
                _ => TcpState::LastAck,
            },
            (S::FinAcked, R::FinReceived) => match self.first {
                Some(End::Local) => TcpState::TimeWait,
                _ => TcpState::Closed,
            },
        }
    }
}

packed!(struct Halves { send, recv, first, syn_acked, over });
packed!(
    enum SendHalf {
        Open,
        FinQueued,
        FinSent,
        FinAcked,
    }
);
packed!(
    enum RecvHalf {
        Open,
        FinReceived,
    }
);
packed!(
    enum End {
        Local,
        Peer,
    }
);

#[cfg(test)]
mod tests;
