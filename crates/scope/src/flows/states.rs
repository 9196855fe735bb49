//! Each end's state (RFC 9293 §3.3.2), as what passes the vantage point implies. An end is taken to have received SYNs and ACKs
//! as they pass by, and a FIN when it acknowledges it; the states of the end further off are therefore inferred.

use super::entry::{Entry, Read};
use super::flow::{Ending, Opening, Vantage};
use super::sighting::{End, Kind, Place, Sighting};
use limpid_event::TcpState;
use limpid_wire::TcpFlags;

impl Entry {
    /// Follows both ends' states.
    #[inline]
    pub(super) fn take_states(&mut self, read: &Read<'_>, seen: &Sighting) {
        if seen.opens {
            self.begin_states(read);
        }
        let settled = self.flow.ends.iter().all(|end| end.state == TcpState::Established);
        let control = TcpFlags::SYN | TcpFlags::FIN | TcpFlags::RST;
        if settled && !read.tcp.flags.intersects(control) || seen.place == Place::Outside {
            return;
        }
        self.follow(read);
        let vantage = self.flow.vantage;
        self.flow.ends[0].inferred = vantage != Vantage::Client;
        self.flow.ends[1].inferred = vantage != Vantage::Server;
    }

    fn begin_states(&mut self, read: &Read<'_>) {
        if self.flow.opening == Opening::MidStream && read.kind != Kind::Reset {
            for end in End::BOTH {
                self.enter(end, TcpState::Established, read);
            }
        }
    }

    fn enter(&mut self, end: End, to: TcpState, read: &Read<'_>) {
        let at = read.at;
        self.flow.end_mut(end).enter(to, at.time, at.number);
    }

    fn follow(&mut self, read: &Read<'_>) {
        use TcpState::*;
        let (from, peer) = (read.from, read.from.peer());
        if read.kind == Kind::Reset {
            return self.follow_reset(read);
        }
        if read.kind == Kind::SynAck && self.flow.end(from).states.is_empty() && from == End::Server {
            let (began, number) = (self.flow.began, self.flow.first_packet);
            self.flow.end_mut(from).enter(Listen, began, number);
        }
        let is_fin = read.is(TcpFlags::FIN);
        // Whoever acknowledges a FIN has it.
        if self.has_fin_of(peer, read) {
            self.took_fin(from, read);
        }
        match (self.flow.end(from).state, read.kind) {
            (Closed, Kind::Syn) if self.flow.end(from).syn_count <= 1 => self.enter(from, SynSent, read),
            (Listen | SynSent, Kind::SynAck) => self.enter(from, SynReceived, read),
            (Established | SynReceived, _) if is_fin => self.enter(from, FinWait1, read),
            (CloseWait, _) if is_fin => self.enter(from, LastAck, read),
            _ => {}
        }
        match (self.flow.end(peer).state, read.kind) {
            (SynSent, Kind::SynAck) => self.enter(peer, Established, read),
            (SynSent, Kind::Syn) => self.enter(peer, SynReceived, read),
            (SynReceived, kind) if kind != Kind::Syn && read.is(TcpFlags::ACK) && read.ack >= 1 => {
                self.enter(peer, Established, read);
            }
            _ => {}
        }
        let acked = self.flow.end(peer).fin.is_some_and(|fin| read.is(TcpFlags::ACK) && read.ack > fin.seq);
        match self.flow.end(peer).state {
            FinWait1 if acked => self.fin_acked(peer, read),
            Closing if acked => self.enter(peer, TimeWait, read),
            LastAck if acked => self.enter(peer, Closed, read),
            _ => {}
        }
    }

    /// The FIN of `end`, in FIN-WAIT-1, is acknowledged.
    fn fin_acked(&mut self, end: End, read: &Read<'_>) {
        match self.flow.end(read.from).fin {
            None => self.enter(end, TcpState::FinWait2, read),
            // The other FIN came along.
            Some(fin) if fin.number == read.at.number => self.enter(end, TcpState::TimeWait, read),
            // The other FIN was there before.
            Some(_) => {
                self.enter(end, TcpState::Closing, read);
                self.enter(end, TcpState::TimeWait, read);
            }
        }
    }

    fn has_fin_of(&self, end: End, read: &Read<'_>) -> bool {
        self.flow.end(end).fin.is_some_and(|fin| read.is(TcpFlags::ACK) && read.ack > fin.seq)
    }

    /// `end` has the other's FIN.
    fn took_fin(&mut self, end: End, read: &Read<'_>) {
        use TcpState::*;
        let to = match self.flow.end(end).state {
            Established | SynReceived => CloseWait,
            FinWait1 => Closing,
            FinWait2 => TimeWait,
            _ => return,
        };
        self.enter(end, to, read);
    }

    fn follow_reset(&mut self, read: &Read<'_>) {
        let ignored = self.flow.reset.is_none();
        let refused = self.flow.opening == Opening::Refused;
        if ignored || !matches!(self.flow.ending, Ending::Reset | Ending::Failed) {
            return;
        }
        for end in End::BOTH {
            // Who refuses was never in any other state.
            if !(refused && end == read.from) && self.flow.end(end).state != TcpState::TimeWait {
                self.enter(end, TcpState::Closed, read);
            }
        }
    }
}
