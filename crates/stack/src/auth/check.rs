//! Segments that come in, as far as keys say who may send them, and sockets' keys (RFC 2385 §2.0, §4.1; RFC 5925 §7; Linux's
//! `tcp_inbound_hash`).

use super::flow::FlowAuth;
use super::key::{AoKey, AoKeyState, KeyError, KeyRing, Secret};
use crate::SocketId;
use crate::demux::{FlowKey, Handle};
use crate::flow::{Owner, Phase};
use crate::socket::Kind;
use crate::stack::Stack;
use alloc::boxed::Box;
use alloc::sync::Arc;
use limpid_event::{Counter, DropReason, FlowId, Instant, Observer};
use limpid_tcp::Signature;
use limpid_wire::tcp::{AuthOption, emit_header};
use limpid_wire::{Cidr, IpAddr, Segment};

/// Why a segment is not believed to be the peer's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refused {
    /// It has no digest, and there is a key.
    Md5NotFound,
    /// It has a digest, and there is no key.
    Md5Unexpected,
    /// Its digest is wrong.
    Md5Failure,
    /// It has no MAC, and there is a key.
    AoRequired,
    /// It names a key that is not there.
    AoKeyNotFound,
    /// Its MAC is wrong.
    AoBad,
    /// It has more than one of either option.
    Several,
}

impl Refused {
    fn counter(self) -> Option<Counter> {
        Some(match self {
            Refused::Md5NotFound => Counter::TcpExtTCPMD5NotFound,
            Refused::Md5Unexpected => Counter::TcpExtTCPMD5Unexpected,
            Refused::Md5Failure => Counter::TcpExtTCPMD5Failure,
            Refused::AoRequired => Counter::TcpExtTCPAORequired,
            Refused::AoKeyNotFound => Counter::TcpExtTCPAOKeyNotFound,
            Refused::AoBad => Counter::TcpExtTCPAOBad,
            Refused::Several => return None,
        })
    }
}

/// What a segment is where there is no key for its sender. TCP-AO without any key is no concern of ours (RFC 5925 §7.3).
fn unkeyed(segment: &Segment) -> Result<(), Refused> {
    match segment.options.auth {
        None | Some(AuthOption::Ao(_)) => Ok(()),
        Some(AuthOption::Md5(_)) => Err(Refused::Md5Unexpected),
        Some(AuthOption::Several) => Err(Refused::Several),
    }
}

/// What a segment is whose sender these keys have none for.
fn unknown_peer(ring: &KeyRing) -> Option<Result<(), Refused>> {
    ring.ao_required.then_some(Err(Refused::AoRequired))
}

impl<O: Observer> Stack<O> {
    /// Whether a segment for `handle` is its sender's, as far as there are keys. If not it is dropped and counted.
    pub(crate) fn is_authentic(
        &mut self,
        now: Instant,
        (key, handle): (&FlowKey, Option<Handle>),
        segment: &Segment,
        ours: bool,
    ) -> bool {
        if !self.auth.in_use && segment.options.auth.is_none() {
            return true;
        }
        let mut emitted = [0; 60];
        // What came by the loopback interface never was bytes.
        let header = match self.auth.header.is_empty() {
            true => {
                let len = emit_header(segment, (key.remote.port, key.local.port), &mut emitted);
                &emitted[..len]
            }
            false => self.auth.header.as_slice(),
        };
        let (id, keyed) = match handle {
            Some(Handle::Flow(index)) => {
                let flow = &mut self.flows[index];
                let keyed = match flow.auth.as_deref_mut() {
                    Some(auth) => Some(auth.check(key, segment, header)),
                    None => match flow.owner {
                        Owner::Socket(socket) => self.sockets.keys(self.sockets.name(socket)).and_then(unknown_peer),
                        _ => None,
                    },
                };
                (flow.id, keyed)
            }
            Some(Handle::Embryo(index)) => {
                let embryo = &mut self.embryos[index];
                (embryo.id, embryo.auth.as_deref_mut().map(|auth| auth.check(key, segment, header)))
            }
            Some(Handle::TimeWait(index)) => {
                let quiet = &mut self.quiet[index];
                (quiet.id, quiet.auth.as_deref_mut().map(|auth| auth.check(key, segment, header)))
            }
            Some(Handle::Held(_)) | None => {
                let listener = self.listener_of(key, ours);
                if listener.is_none() && segment.options.auth.is_some() {
                    // Nobody knows a key that a reset could be signed with (RFC 2385 §4.1).
                    self.drop_segment(now, FlowId::NONE, segment, DropReason::Signature);
                    return false;
                }
                let ring = listener.and_then(|listener| self.sockets.keys(listener));
                let known = ring.and_then(|ring| FlowAuth::check_stranger(ring, key, segment, header));
                (FlowId::NONE, known.or_else(|| ring.and_then(unknown_peer)))
            }
        };
        let signed = keyed.is_some() && matches!(segment.options.auth, Some(AuthOption::Ao(_)));
        let Err(refused) = keyed.unwrap_or_else(|| unkeyed(segment)) else {
            if signed {
                self.env.counters.bump(Counter::TcpExtTCPAOGood);
            }
            return true;
        };
        if let Some(counter) = refused.counter() {
            self.env.counters.bump(counter);
        }
        self.drop_segment(now, id, segment, DropReason::Signature);
        false
    }

    /// What connections of this socket with this peer sign with.
    pub(crate) fn auth_for(&self, socket: SocketId, peer: IpAddr) -> Option<Box<FlowAuth>> {
        FlowAuth::of(self.sockets.keys(socket)?, peer)
    }

    /// Signs a segment that leaves beside a connection's turn.
    pub(crate) fn signature_of(auth: Option<&FlowAuth>) -> Signature {
        auth.map_or(Signature::NONE, FlowAuth::signature)
    }

    /// Segments to and from peers in `peer` are signed and checked by TCP-MD5 with this key from now on (TCP_MD5SIG,
    /// TCP_MD5SIG_EXT; RFC 2385). Of several keys for a peer the one of the longest prefix counts.
    ///
    /// # Errors
    /// [`KeyError::NoSuchSocket`] if there is none; [`KeyError::Rejected`] if there is a TCP-AO key for such peers;
    /// [`KeyError::TooMany`] if there are [`MAX_MD5_KEYS`](crate::MAX_MD5_KEYS) already.
    pub fn set_md5_key(&mut self, socket: SocketId, peer: Cidr, secret: Secret) -> Result<(), KeyError> {
        self.change_keys(socket, |ring| ring.set_md5(peer, secret))
    }

    /// Takes a TCP-MD5 key away.
    ///
    /// # Errors
    /// [`KeyError::NoSuchSocket`] if there is none; [`KeyError::NotFound`] if there is no such key.
    pub fn remove_md5_key(&mut self, socket: SocketId, peer: Cidr) -> Result<(), KeyError> {
        self.change_keys(socket, |ring| if ring.remove_md5(peer) { Ok(()) } else { Err(KeyError::NotFound) })
    }

    /// Adds a TCP-AO key (TCP_AO_ADD_KEY; RFC 5925 §3.1).
    ///
    /// # Errors
    /// [`KeyError::NoSuchSocket`] if there is none; [`KeyError::Exists`] if SendID or RecvID are in use for such peers;
    /// [`KeyError::Rejected`] if there is a TCP-MD5 key for them; [`KeyError::Invalid`] if a MAC can't be so long, or the
    /// socket is connected without TCP-AO; [`KeyError::TooMany`] if there are [`MAX_AO_KEYS`](crate::MAX_AO_KEYS) already.
    pub fn add_ao_key(&mut self, socket: SocketId, key: AoKey) -> Result<(), KeyError> {
        if let Kind::Stream(index) = *self.kind_of(socket)? {
            let ao = self.flows[index].auth.as_deref().and_then(FlowAuth::ao);
            ao.ok_or(KeyError::Invalid)?;
        }
        self.change_keys(socket, |ring| ring.add_ao(key))
    }

    /// Takes a TCP-AO key away (TCP_AO_DEL_KEY).
    ///
    /// # Errors
    /// [`KeyError::NoSuchSocket`] if there is none; [`KeyError::NotFound`] if there is no such key; [`KeyError::Busy`] if a connection
    /// signs with it, or asks for it.
    pub fn remove_ao_key(
        &mut self,
        socket: SocketId,
        peer: Cidr,
        (send_id, recv_id): (u8, u8),
    ) -> Result<(), KeyError> {
        if let Some(state) = self.ao_state(socket)?
            && (state.current == Some(send_id) || state.next == Some(recv_id))
        {
            return Err(KeyError::Busy);
        }
        let gone = |ring: &mut KeyRing| match ring.remove_ao(peer, send_id, recv_id) {
            true => Ok(()),
            false => Err(KeyError::NotFound),
        };
        self.change_keys(socket, gone)
    }

    /// From now on nobody is heard whom the socket has no TCP-AO key for, or again anybody (TCP_AO_INFO's `ao_required`). What
    /// connects to a peer without a key gets no answer.
    ///
    /// # Errors
    /// [`KeyError::NoSuchSocket`] if there is none; [`KeyError::Rejected`] if there are TCP-MD5 keys; [`KeyError::Invalid`] if the
    /// socket is connected without TCP-AO.
    pub fn require_ao(&mut self, socket: SocketId, required: bool) -> Result<(), KeyError> {
        if matches!(self.kind_of(socket)?, Kind::Stream(_)) && self.ao_state(socket)?.is_none() {
            return Err(KeyError::Invalid);
        }
        self.change_keys(socket, |ring| ring.require_ao(required))
    }

    /// Whether [`require_ao`](Self::require_ao) was asked for.
    ///
    /// # Errors
    /// [`KeyError::NoSuchSocket`] if there is none.
    pub fn requires_ao(&self, socket: SocketId) -> Result<bool, KeyError> {
        self.kind_of(socket)?;
        Ok(self.sockets.keys(socket).is_some_and(|ring| ring.ao_required))
    }

    /// Chooses the key to sign with and the key to ask for (TCP_AO_INFO; RFC 5925 §6.1).
    ///
    /// # Errors
    /// [`KeyError::NoSuchSocket`] if there is none; [`KeyError::NotFound`] if there is no such key, or no connection.
    pub fn choose_ao_keys(
        &mut self,
        socket: SocketId,
        send_id: Option<u8>,
        next_recv_id: Option<u8>,
    ) -> Result<(), KeyError> {
        let Kind::Stream(index) = *self.kind_of(socket)? else { return Err(KeyError::NotFound) };
        let auth = self.flows[index].auth.as_deref_mut();
        let chosen = auth.is_some_and(|auth| auth.choose(send_id, next_recv_id));
        if chosen { Ok(()) } else { Err(KeyError::NotFound) }
    }

    /// The state of a connection's TCP-AO, if it uses that.
    ///
    /// # Errors
    /// [`KeyError::NoSuchSocket`] if there is none.
    pub fn ao_state(&self, socket: SocketId) -> Result<Option<AoKeyState>, KeyError> {
        let Kind::Stream(index) = *self.kind_of(socket)? else { return Ok(None) };
        Ok(self.flows[index].auth.as_deref().and_then(FlowAuth::ao))
    }

    /// A socket's TCP-AO keys.
    ///
    /// # Errors
    /// [`KeyError::NoSuchSocket`] if there is none.
    pub fn ao_keys(&self, socket: SocketId) -> Result<&[AoKey], KeyError> {
        self.kind_of(socket)?;
        Ok(self.sockets.keys(socket).map_or(&[], |ring| ring.ao.as_slice()))
    }

    fn kind_of(&self, socket: SocketId) -> Result<&Kind, KeyError> {
        self.sockets.kind(socket).map_err(|_| KeyError::NoSuchSocket)
    }

    fn change_keys(
        &mut self,
        socket: SocketId,
        change: impl FnOnce(&mut KeyRing) -> Result<(), KeyError>,
    ) -> Result<(), KeyError> {
        self.kind_of(socket)?;
        let ring = self.sockets.keys_mut(socket).get_or_insert_with(|| Box::new(self.auth.ring()));
        let changed = change(ring);
        if changed.is_ok()
            && let Kind::Stream(index) = *self.kind_of(socket)?
        {
            self.rouse(index);
            let flow = &mut self.flows[index];
            if let Some(ring) = self.sockets.keys(socket) {
                FlowAuth::renew(&mut flow.auth, ring, &flow.key);
            }
            let signature = Self::signature_of(flow.auth.as_deref());
            if let Phase::Connection(connection) = &mut flow.phase {
                connection.set_signature(signature);
            }
        }
        self.sockets.keys_mut(socket).take_if(|ring| ring.is_empty());
        changed
    }
}

/// What of authentication a stack keeps beside its sockets and connections.
#[derive(Default)]
pub(crate) struct Authentication {
    /// A socket or a connection has a key, or had one until lately.
    pub(crate) in_use: bool,
    held: Held,
    /// The TCP header of the segment that is looked at, if there are keys at all.
    pub(crate) header: arrayvec::ArrayVec<u8, 60>,
}

/// What each has that has keys, of sockets and connections: as long as there is one, segments are looked at.
#[derive(Clone, Default, Debug)]
pub(super) struct Held(Arc<()>);

impl Authentication {
    /// No keys yet, but soon.
    pub(crate) fn ring(&mut self) -> KeyRing {
        self.in_use = true;
        KeyRing::new(self.held.clone())
    }

    /// Whether anybody has keys.
    pub(crate) fn is_in_use(&mut self) -> bool {
        self.in_use = self.in_use && Arc::strong_count(&self.held.0) > 1;
        self.in_use
    }
}
