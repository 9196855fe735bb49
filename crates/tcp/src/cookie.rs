//! SYN cookies: an answer to a SYN that keeps no state (RFC 4987 §3.6; the layout is Linux's).
//!
//! Our initial sequence number carries a counter of minutes and, under a MAC, which MSS the peer stated. What else the
//! SYN offered (window scale, SACK) is carried in the low bits of our TSval and comes back in the ACK's echo; a
//! peer without timestamps therefore gets none of it.
//!
//! The MAC depends on addresses, ports and a secret, so it is an argument: `mac(round, counter)`, 32 bits that nobody
//! without the secret can tell from random ones. The stack hashes the 4-tuple into it.

use crate::clock::TsRecent;
use crate::ecn::{EcnHandshake, EcnLevel};
use crate::negotiate::Negotiated;
use crate::recv::WindowScale;
use crate::syn_received::SynReceived;
use crate::syn_sent::OpenParams;
use crate::{Config, Cx, Transmit};
use limpid_event::{Counter, DropReason, Instant, Observer, TcpState, TxReason};
use limpid_wire::tcp::Timestamps;
use limpid_wire::{Segment, SeqNum};

/// The values of MSS that a cookie can carry, Linux's; the largest that is not above the peer's is chosen.
const MSS_V4: [u16; 4] = [536, 1300, 1440, 1460];
const MSS_V6: [u16; 4] = [1220, 1420, 1440, 8940];

/// The values for a connection's IP version, which shows in the MSS of a peer that states none.
fn mss_table(params: &OpenParams) -> [u16; 4] {
    if params.default_peer_mss() > MSS_V4[0] { MSS_V6 } else { MSS_V4 }
}

/// How many minutes a cookie is good for: this one and the last.
const MAX_AGE: u32 = 2;

/// The counter takes the upper 8 bits, the MAC and the MSS the others.
const DATA_BITS: u32 = 24;
const DATA_MASK: u32 = (1 << DATA_BITS) - 1;

/// Bits of the TSval that carry options: four for the window scale, one for SACK, one for ECN.
const OPTION_BITS: u32 = 6;
const OPTION_MASK: u32 = (1 << OPTION_BITS) - 1;
const WSCALE_MASK: u32 = 0xf;
const WSCALE_NONE: u32 = 0xf;
const SACK_BIT: u32 = 1 << 4;
const ECN_BIT: u32 = 1 << 5;

/// Minutes since the epoch: the counter of the cookies made at `now`.
pub const fn minute(now: Instant) -> u32 {
    (now.as_nanos() / 60_000_000_000) as u32
}

/// The initial sequence number that carries `data` (less than 2^24), for a SYN numbered `irs`.
pub fn encode(mac: impl Fn(u8, u32) -> u32, irs: SeqNum, minute: u32, data: u32) -> SeqNum {
    let hidden = mac(1, minute).wrapping_add(data) & DATA_MASK;
    SeqNum(mac(0, 0).wrapping_add(irs.0).wrapping_add(minute << DATA_BITS).wrapping_add(hidden))
}

/// What [`encode`] put in, if `isn` was made for this SYN in this minute or the last; any 24 bits if it was not, so that
/// the caller must check that they make sense.
pub fn decode(mac: impl Fn(u8, u32) -> u32, isn: SeqNum, irs: SeqNum, minute: u32) -> Option<u32> {
    let counted = isn.0.wrapping_sub(mac(0, 0)).wrapping_sub(irs.0);
    let age = minute.wrapping_sub(counted >> DATA_BITS) & (u32::MAX >> DATA_BITS);
    (age < MAX_AGE).then(|| counted.wrapping_sub(mac(1, minute.wrapping_sub(age))) & DATA_MASK)
}

/// Which entry of the table stands for a peer's MSS.
fn mss_index(params: &OpenParams, mss: u16) -> u32 {
    mss_table(params).iter().rposition(|&entry| entry <= mss).unwrap_or(0) as u32
}

/// The options of a SYN in the low bits of a TSval that is not later than `tsval`.
fn tsval_with(tsval: u32, negotiated: &Negotiated, ecn: bool) -> u32 {
    let wscale = if negotiated.scaling { u32::from(negotiated.snd_scale.shift()) } else { WSCALE_NONE };
    let options = wscale | if negotiated.sack { SACK_BIT } else { 0 } | if ecn { ECN_BIT } else { 0 };
    let with = (tsval & !OPTION_MASK) | options;
    if with.wrapping_sub(tsval) as i32 > 0 { with.wrapping_sub(1 << OPTION_BITS) } else { with }
}

/// What the low bits of an echoed TSval said, as far as we still want it ourselves.
fn options_of(tsval: u32, config: &Config, peer_mss: u16) -> Negotiated {
    let wscale = tsval & WSCALE_MASK;
    let scaling = wscale != WSCALE_NONE && config.window_scaling;
    Negotiated {
        peer_mss,
        snd_scale: if scaling { WindowScale::new(wscale as u8) } else { WindowScale::NONE },
        scaling,
        timestamps: true,
        sack: tsval & SACK_BIT != 0 && config.sack,
        signed: 0,
    }
}

/// The SYN-ACK that answers `syn` and keeps nothing. `params.isn` is not used.
pub fn answer<O: Observer>(
    cx: &mut Cx<'_, O>,
    config: &Config,
    params: OpenParams,
    syn: &Segment,
    mac: impl Fn(u8, u32) -> u32,
) -> Transmit {
    cx.received(syn);
    let mut negotiated = Negotiated::from_syn(config, &params, &syn.options);
    if !negotiated.timestamps {
        (negotiated.scaling, negotiated.snd_scale, negotiated.sack) = (false, WindowScale::NONE, false);
    }
    let isn = encode(mac, syn.seq, minute(cx.now), mss_index(&params, negotiated.peer_mss));
    let ts_recent = crate::negotiate::ts_recent(&negotiated, syn, cx.now);
    let params = OpenParams { isn, ..params };
    // Without timestamps there is nothing to remember it by.
    let ecn = if negotiated.timestamps { EcnHandshake::of_syn(config, syn) } else { EcnHandshake::default() };
    let embryo = SynReceived::answering(config, params, syn.seq, negotiated, ts_recent, cx.now).with_ecn(ecn);
    let mut transmit = embryo.build_syn_ack(cx.now, config, TxReason::SynAck);
    if let Some(timestamps) = &mut transmit.segment.options.timestamps {
        let ticks = timestamps.val.wrapping_sub(params.ts_offset);
        timestamps.val = tsval_with(ticks, &negotiated, ecn.level > EcnLevel::None).wrapping_add(params.ts_offset);
    }
    cx.count(Counter::TcpExtSyncookiesSent);
    cx.sent(&transmit, 0);
    transmit
}

/// The embryonic connection that `ack` proves there once was: call [`SynReceived::establish`] with the same segment.
/// `None` if it proves nothing; the caller then answers with a reset. `params.isn` is not used.
pub fn accept<O: Observer>(
    cx: &mut Cx<'_, O>,
    config: &Config,
    params: OpenParams,
    ack: &Segment,
    mac: impl Fn(u8, u32) -> u32,
) -> Option<SynReceived> {
    cx.received(ack);
    let (isn, irs) = (ack.ack - 1, ack.seq - 1);
    let peer_mss =
        decode(mac, isn, irs, minute(cx.now)).and_then(|index| mss_table(&params).get(index as usize).copied());
    let Some(peer_mss) = peer_mss else {
        cx.count(Counter::TcpExtSyncookiesFailed);
        cx.dropped(DropReason::BadCookie);
        return None;
    };
    cx.count(Counter::TcpExtSyncookiesRecv);
    cx.state(TcpState::Listen, TcpState::SynReceived);
    let mut ecn = EcnHandshake::default();
    let (negotiated, ts_recent) = match ack.options.timestamps {
        Some(Timestamps { val, ecr }) if config.timestamps => {
            let tsval = ecr.wrapping_sub(params.ts_offset);
            if tsval & ECN_BIT != 0 {
                ecn = EcnHandshake::of_cookie(config, ack);
            }
            (options_of(tsval, config, peer_mss), Some(TsRecent::new(val, cx.now)))
        }
        _ => (Negotiated::plain(peer_mss), None),
    };
    let params = OpenParams { isn, ..params };
    let mut embryo = SynReceived::answering(config, params, irs, negotiated, ts_recent, cx.now).with_ecn(ecn);
    // What was offered is not known any more; Linux reckons with the peer's MSS now.
    embryo.offer_anew(config, peer_mss);
    Some(embryo)
}

#[cfg(test)]
mod tests;
