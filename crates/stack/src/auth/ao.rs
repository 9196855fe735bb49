//! TCP-AO's state of a connection (RFC 5925 §5.3, §6.2): its keys, which of them is current and which is wanted next, and
//! sequence numbers extended to 64 bits.

use super::check::Refused;
use super::key::{AoKey, AoKeyState};
use super::mac::{End, Output, Signed, ao_mac, same, traffic_key};
use crate::demux::FlowKey;
use alloc::vec::Vec;
use limpid_wire::tcp::{AoOption, AuthOption, emit_header};
use limpid_wire::{Segment, SeqNum, TcpFlags};

/// See the module.
#[derive(Clone)]
pub(crate) struct AoFlow {
    keys: Vec<Tuple>,
    /// SendID of the key that we sign with.
    current: u8,
    /// RecvID of the key that the peer is to sign with.
    next: u8,
    isns: Option<Isns>,
    sent: Extended,
    received: Extended,
    state: AoKeyState,
}

/// A master key and, once both initial numbers are known, the two keys made of it.
#[derive(Clone)]
struct Tuple {
    master: AoKey,
    send: Output,
    receive: Output,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Isns {
    local: SeqNum,
    remote: SeqNum,
}

/// A sequence number and its extension (RFC 5925 §6.2).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extended {
    sne: u32,
    at: SeqNum,
}

impl Extended {
    pub(super) fn new(at: SeqNum) -> Extended {
        Extended { sne: 0, at }
    }

    /// The extension of a number near the one that was seen last.
    pub(super) fn of(&self, seq: SeqNum) -> u32 {
        match seq.before(self.at) {
            true if seq.0 > self.at.0 => self.sne.wrapping_sub(1),
            false if seq.0 < self.at.0 => self.sne.wrapping_add(1),
            _ => self.sne,
        }
    }

    pub(super) fn advance(&mut self, seq: SeqNum) {
        if seq.after(self.at) {
            *self = Extended { sne: self.of(seq), at: seq };
        }
    }
}

impl AoFlow {
    /// Of these keys, of which there is one at least; the first is current.
    pub(super) fn new(keys: Vec<AoKey>) -> Option<AoFlow> {
        let first = keys.first()?;
        Some(AoFlow {
            current: first.send_id,
            next: first.recv_id,
            keys: keys
                .into_iter()
                .map(|master| Tuple { master, send: Output::new(), receive: Output::new() })
                .collect(),
            isns: None,
            sent: Extended::default(),
            received: Extended::default(),
            state: AoKeyState::default(),
        })
    }

    /// The option's length in each segment, with padding.
    pub(super) fn option_len(&self) -> u8 {
        let longest = self.keys.iter().map(|tuple| tuple.master.mac_len).max().unwrap_or(0);
        (4 + longest).next_multiple_of(4)
    }

    pub(super) fn state(&self) -> AoKeyState {
        AoKeyState { current: Some(self.current), next: Some(self.next), ..self.state }
    }

    /// Other keys; the current one stays, if it is among them.
    pub(super) fn set_keys(&mut self, key: &FlowKey, masters: Vec<AoKey>) {
        if masters.is_empty() {
            return;
        }
        self.keys =
            masters.into_iter().map(|master| Tuple { master, send: Output::new(), receive: Output::new() }).collect();
        if self.by_send_id(self.current).is_none() {
            self.current = self.keys[0].master.send_id;
        }
        if self.by_recv_id(self.next).is_none() {
            self.next = self.keys[0].master.recv_id;
        }
        if let Some(isns) = self.isns {
            self.derive(key, isns);
        }
    }

    /// Signs with another key from now on; false if there is no such.
    pub(super) fn set_current(&mut self, send_id: u8) -> bool {
        let known = self.by_send_id(send_id).is_some();
        if known {
            self.current = send_id;
        }
        known
    }

    /// Asks for another key from now on; false if there is no such.
    pub(super) fn set_next(&mut self, recv_id: u8) -> bool {
        let known = self.by_recv_id(recv_id).is_some();
        if known {
            self.next = recv_id;
        }
        known
    }

    fn by_send_id(&self, id: u8) -> Option<usize> {
        self.keys.iter().position(|tuple| tuple.master.send_id == id)
    }

    fn by_recv_id(&self, id: u8) -> Option<usize> {
        self.keys.iter().position(|tuple| tuple.master.recv_id == id)
    }

    /// Both initial numbers are known: traffic keys are made (RFC 5925 §5.2).
    fn learn_isns(&mut self, key: &FlowKey, isns: Isns) {
        if self.isns != Some(isns) {
            self.isns = Some(isns);
            (self.sent, self.received) = (Extended::new(isns.local), Extended::new(isns.remote));
            self.derive(key, isns);
        }
    }

    fn derive(&mut self, key: &FlowKey, isns: Isns) {
        let (local, remote) = ends(key, isns.local, isns.remote);
        for tuple in &mut self.keys {
            tuple.send = traffic_key(&tuple.master, &local, &remote);
            tuple.receive = traffic_key(&tuple.master, &remote, &local);
        }
    }

    /// Signs a segment of ours.
    pub(super) fn sign(&mut self, key: &FlowKey, segment: &mut Segment) {
        let Some(at) = self.by_send_id(self.current) else { return };
        let master = &self.keys[at].master;
        let option = AoOption::new(master.send_id, self.next, &[0; 16][..usize::from(master.mac_len)]);
        segment.options.auth = Some(AuthOption::Ao(option));
        // Outside of a connection there is nothing to extend.
        let known = self.isns.is_some() && !is_first_syn(segment);
        let sne = if known { self.sent.of(segment.seq) } else { 0 };
        let traffic = match self.isns {
            Some(_) if known => self.keys[at].send.clone(),
            // A SYN knows no number of the other end yet; what answers a segment of nobody tells both (RFC 5925 §5.2, §7.4).
            _ => {
                let (mine, theirs) = isns_of(segment);
                let (local, remote) = ends(key, mine, theirs);
                traffic_key(&self.keys[at].master, &local, &remote)
            }
        };
        let mut header = [0; 60];
        let len = emit_header(segment, (key.local.port, key.remote.port), &mut header);
        let (src, dst) = (key.local.addr, key.remote.addr);
        let signed = Signed { src, dst, header: &header[..len], payload: &segment.payload };
        let mac = ao_mac(&self.keys[at].master, &traffic, sne, &signed);
        segment.options.auth = Some(AuthOption::Ao(AoOption::new(option.key_id, option.r_next_key_id, &mac)));
        if known {
            self.sent.advance(segment.seq);
        }
    }

    /// Whether a segment comes from the peer. What it says of keys is heeded then (RFC 5925 §7.3).
    pub(super) fn check(&mut self, key: &FlowKey, segment: &Segment, header: &[u8]) -> Result<(), Refused> {
        let result = self.verify(key, segment, header);
        match result {
            Ok(()) => self.state.good += 1,
            Err(Refused::AoRequired) => self.state.required += 1,
            Err(Refused::AoKeyNotFound) => self.state.key_not_found += 1,
            Err(_) => self.state.bad += 1,
        }
        result
    }

    fn verify(&mut self, key: &FlowKey, segment: &Segment, header: &[u8]) -> Result<(), Refused> {
        let option = option_of(segment)?;
        let at = self.by_recv_id(option.key_id).ok_or(Refused::AoKeyNotFound)?;
        let syn = segment.flags.contains(TcpFlags::SYN);
        let sne = if syn || self.isns.is_none() { 0 } else { self.received.of(segment.seq) };
        let master = &self.keys[at].master;
        let traffic = match self.isns {
            Some(_) if !syn => self.keys[at].receive.clone(),
            _ => key_of_stranger(master, key, segment),
        };
        compare(master, &traffic, sne, option, (key, segment, header))?;
        if self.isns.is_some() {
            self.received.advance(segment.seq);
        }
        self.heed(option.r_next_key_id);
        if syn && segment.flags.contains(TcpFlags::ACK) && self.isns.is_none() {
            self.learn_isns(key, Isns { local: segment.ack - 1, remote: segment.seq });
        }
        Ok(())
    }

    /// The peer would like us to use this key (RFC 5925 §7.3, §6.1).
    fn heed(&mut self, wanted: u8) {
        if self.by_send_id(wanted).is_some() {
            self.current = wanted;
        }
    }

    /// A SYN was taken that is answered by the number `local`: both are known from here on. The key that it came with is the one
    /// that the peer is to go on with.
    pub(super) fn answer(&mut self, key: &FlowKey, syn: &Segment, local: SeqNum) {
        if let Some(AuthOption::Ao(option)) = syn.options.auth {
            self.set_next(option.key_id);
        }
        self.learn_isns(key, Isns { local, remote: syn.seq });
    }
}

/// Whether a segment of no connection comes from who has the key that it names, among those that `by_recv_id` knows.
pub(super) fn check_stranger<'a>(
    by_recv_id: impl FnOnce(u8) -> Option<&'a AoKey>,
    key: &FlowKey,
    segment: &Segment,
    header: &[u8],
) -> Result<(), Refused> {
    let option = option_of(segment)?;
    let master = by_recv_id(option.key_id).ok_or(Refused::AoKeyNotFound)?;
    compare(master, &key_of_stranger(master, key, segment), 0, option, (key, segment, header))
}

fn option_of(segment: &Segment) -> Result<&AoOption, Refused> {
    match &segment.options.auth {
        Some(AuthOption::Ao(option)) => Ok(option),
        Some(_) => Err(Refused::AoBad),
        None => Err(Refused::AoRequired),
    }
}

/// What the peer signs with as long as not both initial numbers are known but by this segment.
fn key_of_stranger(master: &AoKey, key: &FlowKey, segment: &Segment) -> Output {
    let (theirs, mine) = isns_of(segment);
    let (local, remote) = ends(key, mine, theirs);
    traffic_key(master, &remote, &local)
}

/// Whether the MAC is the peer's.
fn compare(
    master: &AoKey,
    traffic: &Output,
    sne: u32,
    option: &AoOption,
    (key, segment, header): (&FlowKey, &Segment, &[u8]),
) -> Result<(), Refused> {
    let (src, dst) = (key.remote.addr, key.local.addr);
    let mac = ao_mac(master, traffic, sne, &Signed { src, dst, header, payload: &segment.payload });
    if option.mac_len == master.mac_len && same(option.mac(), &mac) { Ok(()) } else { Err(Refused::AoBad) }
}

fn is_first_syn(segment: &Segment) -> bool {
    segment.flags.contains(TcpFlags::SYN) && !segment.flags.contains(TcpFlags::ACK)
}

/// The initial numbers that a segment outside of a connection tells of: the sender's, and the other end's.
fn isns_of(segment: &Segment) -> (SeqNum, SeqNum) {
    let syn = segment.flags.contains(TcpFlags::SYN);
    let ack = segment.flags.contains(TcpFlags::ACK);
    (if syn { segment.seq } else { segment.seq - 1 }, if ack { segment.ack - 1 } else { SeqNum(0) })
}

fn ends(key: &FlowKey, local: SeqNum, remote: SeqNum) -> (End, End) {
    (
        End { addr: key.local.addr, port: key.local.port, isn: local },
        End { addr: key.remote.addr, port: key.remote.port, isn: remote },
    )
}
