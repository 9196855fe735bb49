//! Fast Open as a connection knows it (RFC 7413 §4.1, §4.2, §5): what a connect's SYN carries beyond an ordinary one, and
//! what came of it. Cookies are made, checked and remembered by whoever knows addresses.

use limpid_wire::Chunk;
use limpid_wire::tcp::FastOpenCookie;

/// The options that a SYN with data leaves room for, whatever it has itself: middleboxes may add theirs (RFC 7413 §4.2.1;
/// Linux).
const OPTION_SPACE: u16 = 40;

/// What a connect's first SYN carries. SYNs that repeat it carry neither option nor data (RFC 7413 §4.2.1).
#[derive(Clone, Debug, Default)]
pub struct FastOpen {
    /// The option: a cookie, the request for one, or none.
    pub option: Option<FastOpenCookie>,
    /// Data, as much as there is [room](crate::SynSent::fast_open_room) for at the most.
    pub data: Option<Chunk>,
    /// The segment size that the peer stated last time, if it is known.
    pub peer_mss: Option<u16>,
    /// There was no cookie for the data.
    pub cookie_unavailable: bool,
    /// Fast Open was switched off as if a black hole swallowed it, and this connection may show that it does not (any more).
    pub checks_path: bool,
}

impl FastOpen {
    /// Bytes of data.
    pub(crate) fn len(&self) -> u32 {
        self.data.as_ref().map_or(0, |data| data.len() as u32)
    }
}

/// How many bytes of data a SYN takes whose segment may have `mss` bytes.
pub(crate) const fn room(mss: u16) -> usize {
    mss.saturating_sub(OPTION_SPACE) as usize
}

/// Why data did not go with the SYN, or not through (Linux's `tcp_fastopen_client_fail`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(u8)]
pub enum FastOpenFailure {
    /// It did, or was never tried.
    #[default]
    None = 0,
    /// There was no cookie.
    CookieUnavailable = 1,
    /// The SYN-ACK acknowledged the SYN alone.
    DataNotAcked = 2,
    /// The SYN had to be sent again, which it was without its data.
    SynRetransmitted = 3,
}

/// What the SYN-ACK told of the peer, to be remembered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FastOpenAnswer {
    /// The MSS that it stated; 0 if none.
    pub mss: u16,
    /// Its cookie, if it gave one.
    pub cookie: Option<FastOpenCookie>,
    /// SYNs with data seem to be lost on the way.
    pub syn_lost: bool,
    /// It ignored a request in this form.
    pub unanswered: Option<RequestForm>,
}

/// In which form a cookie was asked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum RequestForm {
    /// RFC 7413's option.
    Standard,
    /// The experimental one of before (RFC 7413 §4.1.1's note, RFC 6994).
    Experimental,
}

/// What a connection shows of its path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FastOpenNews {
    /// Something on the way may swallow what follows a Fast Open (Linux's `tcp_fastopen_active_disable`).
    BlackHole,
    /// Data came through after there was reason to doubt it.
    Works,
}
