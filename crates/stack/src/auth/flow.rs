//! What a connection signs with and asks of its peer: the keys of its socket that are for this peer.

use super::ao::{AoFlow, check_stranger as check_stranger_by_ao};
use super::check::{Held, Refused};
use super::key::{AoKeyState, KeyRing, Secret};
use super::mac::{Signed, md5_digest, same};
use crate::demux::FlowKey;
use alloc::boxed::Box;
use limpid_tcp::Signature;
use limpid_wire::tcp::{AuthOption, emit_header};
use limpid_wire::{IpAddr, Segment, SeqNum};

/// See the module.
#[derive(Clone)]
pub(crate) struct FlowAuth {
    by: By,
    _held: Held,
}

#[derive(Clone)]
enum By {
    Md5(Secret),
    Ao(Box<AoFlow>),
}

impl FlowAuth {
    /// Of the keys for this peer, if there are any.
    pub(crate) fn of(ring: &KeyRing, peer: IpAddr) -> Option<Box<FlowAuth>> {
        let by = match ring.md5_for(peer) {
            Some(secret) => By::Md5(secret.clone()),
            None => By::Ao(Box::new(AoFlow::new(ring.ao_for(peer).cloned().collect())?)),
        };
        Some(FlowAuth::by(by, ring))
    }

    fn by(by: By, ring: &KeyRing) -> Box<FlowAuth> {
        Box::new(FlowAuth { by, _held: ring.held.clone() })
    }

    /// The keys are others now.
    pub(crate) fn renew(flow: &mut Option<Box<FlowAuth>>, ring: &KeyRing, key: &FlowKey) {
        let peer = key.remote.addr;
        match flow.as_deref_mut().map(|auth| &mut auth.by) {
            // An authenticated connection stays one (RFC 5925 §6.1), whatever key is taken away.
            Some(By::Ao(ao)) => ao.set_keys(key, ring.ao_for(peer).cloned().collect()),
            Some(By::Md5(_)) | None => {
                let md5 = ring.md5_for(peer).cloned();
                *flow = md5.map(|secret| FlowAuth::by(By::Md5(secret), ring));
            }
        }
    }

    /// What it takes of each segment.
    pub(crate) fn signature(&self) -> Signature {
        match &self.by {
            By::Md5(_) => Signature::MD5,
            By::Ao(ao) => Signature::ao(ao.option_len()),
        }
    }

    /// Signs a segment of ours.
    pub(crate) fn sign(&mut self, key: &FlowKey, segment: &mut Segment) {
        // What asks for something rarer gives way.
        segment.options.fast_open = None;
        match &mut self.by {
            By::Md5(secret) => {
                segment.options.auth = Some(AuthOption::Md5([0; 16]));
                let mut header = [0; 60];
                let len = emit_header(segment, (key.local.port, key.remote.port), &mut header);
                let (src, dst) = (key.local.addr, key.remote.addr);
                let signed = Signed { src, dst, header: &header[..len], payload: &segment.payload };
                segment.options.auth = Some(AuthOption::Md5(md5_digest(secret.bytes(), &signed)));
            }
            By::Ao(ao) => ao.sign(key, segment),
        }
    }

    /// Whether a segment with this header comes from the peer.
    pub(crate) fn check(&mut self, key: &FlowKey, segment: &Segment, header: &[u8]) -> Result<(), Refused> {
        match &mut self.by {
            By::Md5(secret) => check_md5(secret, key, segment, header),
            By::Ao(ao) => ao.check(key, segment, header),
        }
    }

    /// The same of a segment of no connection, by a listener's keys; `None` where there are none for its sender. Strangers are
    /// turned away before anything is copied for them.
    pub(super) fn check_stranger(
        ring: &KeyRing,
        key: &FlowKey,
        segment: &Segment,
        header: &[u8],
    ) -> Option<Result<(), Refused>> {
        let peer = key.remote.addr;
        if let Some(secret) = ring.md5_for(peer) {
            return Some(check_md5(secret, key, segment, header));
        }
        ring.ao_for(peer).next()?;
        Some(check_stranger_by_ao(|id| ring.ao_for(peer).find(|ao| ao.recv_id == id), key, segment, header))
    }

    /// A SYN was taken; our answer to it has the number `isn`.
    pub(crate) fn answer(&mut self, key: &FlowKey, syn: &Segment, isn: SeqNum) {
        if let By::Ao(ao) = &mut self.by {
            ao.answer(key, syn, isn);
        }
    }

    /// TCP-AO is what it uses.
    pub(crate) fn ao(&self) -> Option<AoKeyState> {
        match &self.by {
            By::Ao(ao) => Some(ao.state()),
            By::Md5(_) => None,
        }
    }

    /// See [`AoFlow`]; false if there is no such key.
    pub(crate) fn choose(&mut self, current: Option<u8>, next: Option<u8>) -> bool {
        match &mut self.by {
            By::Ao(ao) => current.is_none_or(|id| ao.set_current(id)) && next.is_none_or(|id| ao.set_next(id)),
            By::Md5(_) => false,
        }
    }
}

fn check_md5(secret: &Secret, key: &FlowKey, segment: &Segment, header: &[u8]) -> Result<(), Refused> {
    let Some(AuthOption::Md5(digest)) = segment.options.auth else { return Err(Refused::Md5NotFound) };
    let (src, dst) = (key.remote.addr, key.local.addr);
    let signed = Signed { src, dst, header, payload: &segment.payload };
    if same(&digest, &md5_digest(secret.bytes(), &signed)) { Ok(()) } else { Err(Refused::Md5Failure) }
}
