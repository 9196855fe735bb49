//! The options that the engine acts on, taken together: read as Linux reads them, written in Linux's order and padding,
//! so that the two cannot be told apart by it.

use arrayvec::ArrayVec;

use super::option::{FAST_OPEN_MAGIC, UserTimeout, kind};
use super::{AccEcnOption, BadOptionReason, SackBlock, TcpOption, Timestamps};

/// The most option bytes a header holds.
pub const MAX_OPTIONS_LEN: usize = 40;

/// The largest window scale shift (RFC 7323 §2.3).
pub const MAX_WINDOW_SHIFT: u8 = 14;

/// A Fast Open cookie: empty, which asks for one, or 4 to 16 bytes (RFC 7413 §4.1.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct FastOpenCookie {
    len: u8,
    /// Written in the experimental form: kind 254 with a magic number.
    pub experimental: bool,
    bytes: [u8; 16],
}

impl FastOpenCookie {
    /// A request for a cookie.
    pub const REQUEST: FastOpenCookie = FastOpenCookie { len: 0, experimental: false, bytes: [0; 16] };

    /// A cookie of these bytes, or a request if there is none; `None` unless the number is 0 or even and 4 to 16.
    pub fn new(cookie: &[u8]) -> Option<FastOpenCookie> {
        if !matches!(cookie.len(), 0 | 4 | 6 | 8 | 10 | 12 | 14 | 16) {
            return None;
        }
        let mut bytes = [0; 16];
        bytes[..cookie.len()].copy_from_slice(cookie);
        Some(FastOpenCookie { len: cookie.len() as u8, experimental: false, bytes })
    }

    /// The same, in the experimental form or in RFC 7413's.
    pub const fn in_form(self, experimental: bool) -> FastOpenCookie {
        FastOpenCookie { experimental, ..self }
    }

    /// The cookie's bytes; empty for a request.
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// Bytes of the option, without padding.
    fn encoded_len(&self) -> usize {
        usize::from(self.len) + if self.experimental { 4 } else { 2 }
    }
}

/// The option that proves who sent a segment: TCP-MD5's (RFC 2385 §2.0) or TCP-AO's (RFC 5925 §2.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AuthOption {
    /// TCP-MD5's digest.
    Md5([u8; 16]),
    /// TCP-AO's.
    Ao(AoOption),
    /// More than one of them: nobody can say which is meant. It is not written.
    Several,
}

/// TCP-AO's option.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AoOption {
    /// KeyID: which key made the MAC.
    pub key_id: u8,
    /// RNextKeyID: which key the sender would like the other end to use.
    pub r_next_key_id: u8,
    /// The length of the MAC, bytes; one longer than 16 is kept in part.
    pub mac_len: u8,
    /// The MAC, and zeros.
    pub mac: [u8; 16],
}

impl AuthOption {
    /// Bytes in the header, padding included.
    pub fn encoded_len(&self) -> usize {
        match self {
            AuthOption::Md5(_) => 20,
            AuthOption::Ao(ao) => (4 + ao.mac().len()).next_multiple_of(4),
            AuthOption::Several => 0,
        }
    }
}

impl AoOption {
    /// With this MAC, of which 16 bytes are kept.
    pub fn new(key_id: u8, r_next_key_id: u8, mac: &[u8]) -> AoOption {
        let mut kept = [0; 16];
        let len = mac.len().min(16);
        kept[..len].copy_from_slice(&mac[..len]);
        AoOption { key_id, r_next_key_id, mac_len: mac.len().min(255) as u8, mac: kept }
    }

    /// What is kept of the MAC.
    pub fn mac(&self) -> &[u8] {
        &self.mac[..usize::from(self.mac_len).min(16)]
    }
}

/// The options that the engine acts on, taken together. What tcpdump can name besides is in [`TcpOption`]'s list form.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TcpOptions {
    /// Maximum segment size (on SYN). Never 0 when parsed.
    pub mss: Option<u16>,
    /// Window scale shift (on SYN): 0 to 14 when parsed, since a larger one counts as 14 (RFC 7323 §2.3).
    pub window_scale: Option<u8>,
    /// SACK permitted (on SYN).
    pub sack_permitted: bool,
    /// Timestamps.
    pub timestamps: Option<Timestamps>,
    /// User timeout (RFC 5482).
    pub user_timeout: Option<UserTimeout>,
    /// Fast Open cookie or request for one (on SYN).
    pub fast_open: Option<FastOpenCookie>,
    /// Accurate ECN's byte counters.
    pub acc_ecn: Option<AccEcnOption>,
    /// SACK blocks, the first as the first on the wire.
    pub sack: ArrayVec<SackBlock, 4>,
    /// TCP-MD5 or TCP-AO.
    pub auth: Option<AuthOption>,
}

/// What of a [`TcpOptions`] fits in a header, and how long that is.
struct Layout {
    user_timeout: Option<UserTimeout>,
    acc_ecn: Option<AccEcnOption>,
    /// What of that option fills no word finds no padding to take the place of.
    own_word: bool,
    sack: usize,
    len: usize,
}

/// So many SACK blocks stay where an AccECN option needs room.
const SACK_BLOCKS_KEPT: usize = 2;

/// The bytes of an AccECN option: those in words of their own, and the rest, which take the place of another option's
/// padding if there is some (as Linux).
#[derive(Clone, Copy, Default)]
struct AccEcnWords {
    whole: usize,
    rest: usize,
}

impl AccEcnWords {
    fn of(option: AccEcnOption) -> AccEcnWords {
        match option.len() {
            0 => AccEcnWords { whole: 0, rest: 2 },
            1 => AccEcnWords { whole: 4, rest: 1 },
            2 => AccEcnWords { whole: 8, rest: 0 },
            _ => AccEcnWords { whole: 12, rest: 0 },
        }
    }
}

impl TcpOptions {
    /// True if there is nothing in them, or timestamps and nothing else.
    #[inline]
    pub const fn has_only_timestamps(&self) -> bool {
        let TcpOptions {
            mss,
            window_scale,
            sack_permitted,
            timestamps: _,
            user_timeout,
            fast_open,
            acc_ecn,
            sack,
            auth,
        } = self;
        mss.is_none()
            && window_scale.is_none()
            && !*sack_permitted
            && user_timeout.is_none()
            && fast_open.is_none()
            && acc_ecn.is_none()
            && sack.is_empty()
            && auth.is_none()
    }

    /// Reads the options in `bytes` (all of the header after its fixed part) as Linux does: an option of a wrong length
    /// is skipped, one that can't be stepped over ends the list, and the last of several wins. An MSS of 0, SACK blocks
    /// that are empty or reach backwards, and Fast Open cookies of a forbidden length are as good as absent.
    ///
    /// Whether an option may stand on this segment is not asked: MSS, window scale, SACK permitted and Fast Open mean
    /// something only with SYN.
    #[inline]
    pub fn parse(bytes: &[u8]) -> TcpOptions {
        let mut options = TcpOptions::default();
        // What nearly every segment carries (RFC 7323 appendix A).
        if let [kind::NOP, kind::NOP, kind::TIMESTAMPS, 10, v @ ..] = bytes
            && let Ok([a, b, c, d, e, f, g, h]) = <[u8; 8]>::try_from(v)
        {
            let (val, ecr) = (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]));
            options.timestamps = Some(Timestamps { val, ecr });
            return options;
        }
        options.read(bytes);
        options
    }

    fn read(&mut self, bytes: &[u8]) {
        for option in TcpOption::iter(bytes) {
            match option {
                Ok(TcpOption::Mss(mss)) if mss != 0 => self.mss = Some(mss),
                Ok(TcpOption::WindowScale(shift)) => self.window_scale = Some(shift.min(MAX_WINDOW_SHIFT)),
                Ok(TcpOption::SackPermitted) => self.sack_permitted = true,
                Ok(TcpOption::Sack(list)) if !list.is_empty() => self.sack = list.blocks().take(4).collect(),
                Ok(TcpOption::Timestamps(timestamps)) => self.timestamps = Some(timestamps),
                Ok(TcpOption::UserTimeout(timeout)) => self.user_timeout = Some(timeout),
                Ok(TcpOption::AccEcn(option)) => self.acc_ecn = Some(option.into()),
                Ok(TcpOption::FastOpen(cookie)) => self.fast_open = FastOpenCookie::new(cookie).or(self.fast_open),
                Ok(TcpOption::Experiment { kind: kind::EXPERIMENT_2, magic: FAST_OPEN_MAGIC, data }) => {
                    let cookie = FastOpenCookie::new(data).map(|c| FastOpenCookie { experimental: true, ..c });
                    self.fast_open = cookie.or(self.fast_open);
                }
                Ok(TcpOption::Md5(digest)) => self.authenticate(AuthOption::Md5(digest)),
                Ok(TcpOption::TcpAo { key_id, r_next_key_id, mac }) if !mac.is_empty() => {
                    self.authenticate(AuthOption::Ao(AoOption::new(key_id, r_next_key_id, mac)));
                }
                Err(bad) if bad.reason == BadOptionReason::Unreadable => return,
                // Of any length, as Linux.
                Err(bad) => {
                    let data = bad.bytes.get(2..).unwrap_or_default();
                    self.acc_ecn = AccEcnOption::read(bad.kind, data).or(self.acc_ecn);
                }
                Ok(_) => {}
            }
        }
    }

    fn authenticate(&mut self, option: AuthOption) {
        self.auth = Some(if self.auth.is_none() { option } else { AuthOption::Several });
    }

    /// Bytes that [`emit`](Self::emit) writes: a multiple of 4, at most [`MAX_OPTIONS_LEN`].
    #[inline]
    pub fn encoded_len(&self) -> usize {
        self.layout().len
    }

    /// How many of the SACK blocks [`emit`](Self::emit) writes: those that fit.
    pub fn encoded_sack_blocks(&self) -> usize {
        self.layout().sack
    }

    #[inline]
    fn layout(&self) -> Layout {
        let timestamps = self.timestamps.is_some();
        let mut len = self.auth.map_or(0, |auth| auth.encoded_len())
            + if self.mss.is_some() { 4 } else { 0 }
            + if timestamps { 12 } else { 0 }
            // SACK permitted takes the place of the timestamps' padding.
            + if self.sack_permitted && !timestamps { 4 } else { 0 }
            + if self.window_scale.is_some() { 4 } else { 0 }
            + self.fast_open.map_or(0, |c| c.encoded_len().next_multiple_of(4));
        debug_assert!(len <= MAX_OPTIONS_LEN, "{len}");
        let mut acc_ecn = self.acc_ecn.filter(|option| len + AccEcnWords::of(*option).whole <= MAX_OPTIONS_LEN);
        let words = acc_ecn.map(AccEcnWords::of).unwrap_or_default();
        len += words.whole;
        let user_timeout = self.user_timeout.filter(|_| len + 4 <= MAX_OPTIONS_LEN);
        len += if user_timeout.is_some() { 4 } else { 0 };
        let sack = self.sack.len().min((MAX_OPTIONS_LEN - len).saturating_sub(4) / 8);
        len += if sack > 0 { 4 + 8 * sack } else { 0 };
        let finds_padding = match words.rest {
            0 => true,
            _ if self.sack_permitted && !timestamps => true,
            1 if self.window_scale.is_some() => true,
            _ => sack > 0,
        };
        let own_word = !finds_padding && len + 4 <= MAX_OPTIONS_LEN;
        if own_word {
            len += 4;
        } else if !finds_padding {
            acc_ecn = None;
            len -= words.whole;
        }
        Layout { user_timeout, acc_ecn, own_word, sack, len }
    }

    /// Adds as many of the option's counters as there is room for; at least `required`, or nothing and it is false. If it
    /// has to have some, SACK blocks make room, but for two (as Linux: not each ACK carries the option, so that the blocks are
    /// seen in another).
    pub fn fit_acc_ecn(&mut self, option: AccEcnOption, required: usize) -> bool {
        let blocks = self.sack.clone();
        loop {
            for counters in (required..=option.len()).rev() {
                self.acc_ecn = Some(option.truncated(counters));
                let layout = self.layout();
                if layout.acc_ecn.is_some() && layout.sack == self.sack.len() {
                    return true;
                }
            }
            if required == 0 || self.sack.len() <= SACK_BLOCKS_KEPT {
                break;
            }
            self.sack.pop();
        }
        (self.acc_ecn, self.sack) = (None, blocks);
        false
    }

    /// Writes the options to the start of `out` in Linux's order and padding, and returns their length. What does not
    /// fit in 40 bytes is left out: the last SACK blocks first, then the user timeout.
    ///
    /// # Panics
    /// If `out` is shorter than [`encoded_len`](Self::encoded_len).
    #[inline]
    pub fn emit(&self, out: &mut [u8]) -> usize {
        let layout = self.layout();
        let mut at = Cursor { out: &mut out[..layout.len], at: 0 };
        if let Some(auth) = &self.auth {
            at.put_auth(auth);
        }
        if let Some(mss) = self.mss {
            at.put(&[kind::MSS, 4]);
            at.put(&mss.to_be_bytes());
        }
        if let Some(timestamps) = self.timestamps {
            at.put(if self.sack_permitted { &[kind::SACK_PERMITTED, 2] } else { &[kind::NOP; 2] });
            at.put(&[kind::TIMESTAMPS, 10]);
            at.put(&timestamps.val.to_be_bytes());
            at.put(&timestamps.ecr.to_be_bytes());
        }
        let mut padding = at.put_acc_ecn(layout.acc_ecn);
        if self.sack_permitted && self.timestamps.is_none() {
            at.put(&core::mem::replace(&mut padding, NO_REST));
            at.put(&[kind::SACK_PERMITTED, 2]);
        }
        if let Some(shift) = self.window_scale {
            // Two bytes do not fit in the place of one.
            let fits = layout.acc_ecn.is_some_and(|option| AccEcnWords::of(option).rest == 1);
            let first = if fits { core::mem::replace(&mut padding, NO_REST)[0] } else { kind::NOP };
            at.put(&[first, kind::WINDOW_SCALE, 3, shift]);
        }
        if layout.sack > 0 {
            at.put(&padding);
            at.put(&[kind::SACK, 2 + 8 * layout.sack as u8]);
            for block in &self.sack[..layout.sack] {
                at.put(&block.left().0.to_be_bytes());
                at.put(&block.right().0.to_be_bytes());
            }
        } else if layout.own_word {
            at.put(&padding);
            at.put(&[kind::NOP; 2]);
        }
        if let Some(UserTimeout(value)) = layout.user_timeout {
            at.put(&[kind::USER_TIMEOUT, 4]);
            at.put(&value.to_be_bytes());
        }
        if let Some(cookie) = &self.fast_open {
            at.put_fast_open(cookie);
        }
        debug_assert_eq!(at.at, layout.len);
        layout.len
    }
}

/// Padding alone.
const NO_REST: [u8; 2] = [kind::NOP; 2];

/// Where the next option goes.
struct Cursor<'a> {
    out: &'a mut [u8],
    at: usize,
}

impl Cursor<'_> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.out[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
    }

    /// Puts the whole words, and gives back what stands in the place of the next option's padding.
    fn put_acc_ecn(&mut self, option: Option<AccEcnOption>) -> [u8; 2] {
        let Some(option) = option else { return NO_REST };
        let (bytes, len) = option.bytes();
        match option.len() {
            0 => [bytes[0], bytes[1]],
            1 => {
                self.put(&bytes[..4]);
                [bytes[4], kind::NOP]
            }
            _ => {
                self.put(&bytes[..len]);
                while !self.at.is_multiple_of(4) {
                    self.put(&[kind::NOP]);
                }
                NO_REST
            }
        }
    }

    fn put_auth(&mut self, auth: &AuthOption) {
        match auth {
            AuthOption::Md5(digest) => {
                self.put(&[kind::NOP, kind::NOP, kind::MD5, 18]);
                self.put(digest);
            }
            AuthOption::Ao(ao) => {
                self.put(&[kind::TCP_AO, 4 + ao.mac().len() as u8, ao.key_id, ao.r_next_key_id]);
                self.put(ao.mac());
                while !self.at.is_multiple_of(4) {
                    self.put(&[kind::NOP]);
                }
            }
            AuthOption::Several => {}
        }
    }

    fn put_fast_open(&mut self, cookie: &FastOpenCookie) {
        let len = cookie.encoded_len() as u8;
        if cookie.experimental {
            self.put(&[kind::EXPERIMENT_2, len]);
            self.put(&FAST_OPEN_MAGIC.to_be_bytes());
        } else {
            self.put(&[kind::FAST_OPEN, len]);
        }
        self.put(cookie.as_slice());
        while !self.at.is_multiple_of(4) {
            self.put(&[kind::NOP]);
        }
    }
}

#[cfg(test)]
mod tests;
