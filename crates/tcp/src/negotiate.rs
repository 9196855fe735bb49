//! What the two SYNs agree on: MSS, window scales, timestamps, SACK (RFC 9293 §3.7.1, RFC 7323 §2.2, §3.2, RFC 2018 §2).

use crate::Config;
use crate::clock::{TsClock, TsRecent};
use crate::pack::packed;
use crate::recv::{UnscaledWindow, WindowScale};
use crate::syn_sent::OpenParams;
use crate::user_timeout;
use limpid_event::Instant;
use limpid_wire::tcp::Timestamps;
use limpid_wire::{Segment, TcpOptions};

/// The smallest MSS that we believe of a peer. A smaller one would only make us send many tiny segments (Linux's
/// `tcp_min_snd_mss`; CVE-2019-11479).
pub(crate) const MIN_PEER_MSS: u16 = 48;

/// What a timestamps option costs in each segment, with its padding (RFC 7323 appendix A).
pub(crate) const TIMESTAMPS_LEN: u16 = 12;

/// The window we offer at first, and the scale for all later ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct InitialWindow {
    /// Bytes.
    pub window: u32,
    /// The shift we offer in our SYN; zero if scaling is off.
    pub scale: WindowScale,
}

impl InitialWindow {
    /// Linux's arithmetic: half of the buffer, in whole segments of `mss` payload bytes; the scale fits the largest
    /// buffer there may ever be, or the one that the application has fixed.
    pub(crate) fn select(config: &Config, scaling: bool, mss: u16) -> InitialWindow {
        let clamp = InitialWindow::clamp(config, WindowScale::MAX);
        let space = half(config.recv_buffer).min(clamp);
        let whole = if space > u32::from(mss) { space - space % u32::from(mss.max(1)) } else { space };
        let window = match config.initial_rwnd {
            0 => whole,
            segments => whole.min(u32::from(segments) * u32::from(mss)),
        };
        if !scaling {
            return InitialWindow { window, scale: WindowScale::NONE };
        }
        let largest = u32::try_from(config.recv_buffer_max.max(config.recv_buffer_limit))
            .unwrap_or(u32::MAX)
            .max(space)
            .min(clamp);
        InitialWindow { window, scale: WindowScale::for_buffer(largest as usize) }
    }

    /// The most that is ever offered where nothing is known of the peer: what the scale can tell, what TCP_WINDOW_CLAMP says,
    /// and the buffer if its size is fixed.
    pub(crate) fn clamp(config: &Config, scale: WindowScale) -> u32 {
        let clamp = if config.window_clamp == 0 { u32::MAX } else { config.window_clamp };
        let fixed = if config.recv_buffer_fixed { half(config.recv_buffer) } else { u32::MAX };
        clamp.min(fixed).min(scale.max_window().bytes())
    }

    /// The window field of a SYN or SYN-ACK, which is never scaled (RFC 7323 §2.2).
    pub(crate) const fn syn_field(self) -> u16 {
        UnscaledWindow::new(self.window).scale(WindowScale::NONE).0
    }
}

impl InitialWindow {
    /// The window field of other segments that leave before any data came.
    pub(crate) fn later_field(self) -> u16 {
        UnscaledWindow::new(self.window).scale(self.scale).0
    }
}

/// What a buffer offers at first: the other half is kept for what segments cost beyond their data.
fn half(buffer: usize) -> u32 {
    u32::try_from(buffer / 2).unwrap_or(u32::MAX)
}

/// What was agreed on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Negotiated {
    /// The peer's MSS, as it stated it or by default; without our own limits.
    pub(crate) peer_mss: u16,
    /// Shift of the windows that the peer states.
    pub(crate) snd_scale: WindowScale,
    /// Whether windows are scaled at all, in both directions or in none.
    pub(crate) scaling: bool,
    /// Timestamps go with every segment.
    pub(crate) timestamps: bool,
    /// SACK blocks may be sent and are believed.
    pub(crate) sack: bool,
    /// Bytes of each segment's signature, as far as the MSS leaves them out: who accepted the connection knows of it when the
    /// MSS is found (as Linux).
    pub(crate) signed: u8,
}

impl Negotiated {
    /// What results from our settings and the options of the peer's SYN.
    pub(crate) fn from_syn(config: &Config, params: &OpenParams, options: &TcpOptions) -> Negotiated {
        let scale = options.window_scale.filter(|_| config.window_scaling);
        Negotiated {
            peer_mss: options.mss.filter(|&mss| mss > 0).unwrap_or(params.default_peer_mss()).max(MIN_PEER_MSS),
            snd_scale: scale.map_or(WindowScale::NONE, WindowScale::new),
            scaling: scale.is_some(),
            timestamps: config.timestamps && options.timestamps.is_some(),
            sack: config.sack && options.sack_permitted,
            signed: 0,
        }
    }

    /// Payload bytes of a full segment that we send: the smallest of what the peer, the route and TCP_MAXSEG allow, less
    /// the options of each segment (RFC 9293 §3.7.1; RFC 6691).
    pub(crate) fn send_mss(&self, config: &Config, params: &OpenParams) -> u16 {
        self.send_mss_within(config, params, params.mss)
    }

    /// The same where packets with no more than `most` bytes behind the plain headers get through (Linux's `tcp_mtu_to_mss`).
    pub(crate) fn send_mss_within(&self, config: &Config, params: &OpenParams, most: u16) -> u16 {
        let options = if self.timestamps { TIMESTAMPS_LEN } else { 0 } + u16::from(self.signed);
        // Whatever the setting, no segment is larger than the path.
        let least = config.min_snd_mss.clamp(MIN_PEER_MSS, params.mss.max(MIN_PEER_MSS));
        let mss = self.mss_clamp(config).min(params.mss).min(most).max(least);
        mss - options
    }

    /// What the two ends allow, whatever the path does (Linux's `mss_clamp`).
    pub(crate) fn mss_clamp(&self, config: &Config) -> u16 {
        self.peer_mss.min(config.max_seg.unwrap_or(u16::MAX))
    }

    /// The same for who accepts segments that are signed: timestamps give way to SACK, since there is no room for both (as Linux).
    pub(crate) fn signed(self, params: &OpenParams) -> Negotiated {
        let signed = params.signature.len();
        Negotiated { signed, timestamps: self.timestamps && (signed == 0 || !self.sack), ..self }
    }

    /// No options at all.
    pub(crate) const fn plain(peer_mss: u16) -> Negotiated {
        Negotiated { peer_mss, snd_scale: WindowScale::NONE, scaling: false, timestamps: false, sack: false, signed: 0 }
    }
}

/// The MSS that we state: what the route says, or allows, clamped by TCP_MAXSEG.
pub(crate) fn advertised_mss(config: &Config, params: &OpenParams) -> u16 {
    let mss = params.adv_mss.unwrap_or(params.mss);
    config.max_seg.map_or(mss, |clamp| mss.min(clamp))
}

/// The options of a first SYN.
pub(crate) fn syn_options(config: &Config, params: &OpenParams, window: InitialWindow, now: Instant) -> TcpOptions {
    TcpOptions {
        mss: Some(advertised_mss(config, params)),
        window_scale: config.window_scaling.then(|| window.scale.shift()),
        sack_permitted: config.sack,
        timestamps: (config.timestamps && !params.signature.replaces_timestamps())
            .then(|| Timestamps { val: TsClock::new(params.ts_offset).val(now), ecr: 0 }),
        user_timeout: user_timeout::advertised(config),
        ..TcpOptions::default()
    }
}

/// The peer's timestamp of its SYN, to be echoed.
pub(crate) fn ts_recent(negotiated: &Negotiated, syn: &Segment, now: Instant) -> Option<TsRecent> {
    let timestamps = syn.options.timestamps.filter(|_| negotiated.timestamps)?;
    Some(TsRecent::new(timestamps.val, now))
}

packed!(struct Negotiated { peer_mss, snd_scale, scaling, timestamps, sack, signed });

#[cfg(test)]
mod tests;
