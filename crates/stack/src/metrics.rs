//! What is remembered of peers when their connections are gone (Linux's `tcp_metrics`; RFC 9040): cookies and segment sizes for
//! Fast Open (RFC 7413 §4.1.3), round-trip times, windows. A pair of addresses has one entry; there are at most
//! [`MAX_PEERS`], and the one that was not used for longest makes room.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;
use limpid_event::Instant;
use limpid_tcp::{FastOpenAnswer, PathLesson, RequestForm};
use limpid_wire::IpAddr;
use limpid_wire::tcp::FastOpenCookie;
use slab::Slab;

/// The bound on peers that are remembered.
pub const MAX_PEERS: usize = 1024;

/// The degree of reordering that nobody need remember.
const USUAL_REORDERING: u32 = 3;

/// What is remembered of a peer for Fast Open.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FastOpenMetrics {
    /// The MSS that it stated.
    pub mss: Option<u16>,
    /// Its cookie.
    pub cookie: Option<FastOpenCookie>,
    /// How often in a row SYNs with data seem to have been lost,
    pub syn_losses: u32,
    /// and when that was last.
    pub last_syn_loss: Option<Instant>,
    /// It did not answer RFC 7413's option: the experimental one is tried next.
    pub ask_experimentally: bool,
    /// In which form it ignored a request.
    unanswered: Option<RequestForm>,
}

/// What is remembered of a peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PeerMetrics {
    /// Our address,
    pub local: IpAddr,
    /// and the peer's.
    pub remote: IpAddr,
    /// When something was written to it last.
    pub updated: Instant,
    /// For Fast Open.
    pub fast_open: FastOpenMetrics,
    /// The smoothed round-trip time,
    pub rtt: Option<Duration>,
    /// and its variation.
    pub rtt_var: Option<Duration>,
    /// The slow-start threshold, segments.
    pub ssthresh: Option<u32>,
    /// The congestion window, segments.
    pub cwnd: Option<u32>,
    /// How many segments may overtake one that is not lost.
    pub reordering: Option<u32>,
}

/// What earlier connections have left for the next; 0 is unknown.
#[derive(Clone, Copy, Default)]
pub(crate) struct Known {
    pub(crate) rtt_micros: u32,
    /// Segments.
    pub(crate) ssthresh: u32,
    /// Segments.
    pub(crate) reordering: u16,
}

struct Entry {
    peer: PeerMetrics,
    newer: Option<usize>,
    older: Option<usize>,
}

/// The peers, by the pair of addresses, and in the order of their last use.
#[derive(Default)]
pub(crate) struct MetricsCache {
    by_pair: BTreeMap<(IpAddr, IpAddr), usize>,
    entries: Slab<Entry>,
    newest: Option<usize>,
    oldest: Option<usize>,
}

impl MetricsCache {
    /// What is known for Fast Open.
    pub(crate) fn fast_open(&mut self, local: IpAddr, remote: IpAddr) -> FastOpenMetrics {
        let Some(&at) = self.by_pair.get(&(local, remote)) else { return FastOpenMetrics::default() };
        self.touch(at);
        self.entries[at].peer.fast_open
    }

    /// The entry of a pair, made if there is none.
    pub(crate) fn entry(&mut self, now: Instant, local: IpAddr, remote: IpAddr) -> &mut PeerMetrics {
        let at = match self.by_pair.get(&(local, remote)) {
            Some(&at) => at,
            None => self.insert(now, local, remote),
        };
        self.touch(at);
        &mut self.entries[at].peer
    }

    /// All that is known, the newest use first.
    pub(crate) fn all(&self) -> Vec<PeerMetrics> {
        let mut list = Vec::with_capacity(self.entries.len());
        let mut next = self.newest;
        while let Some(at) = next {
            list.push(self.entries[at].peer);
            next = self.entries[at].older;
        }
        list
    }

    /// Forgets everything.
    pub(crate) fn flush(&mut self) {
        *self = MetricsCache::default();
    }

    /// Forgets what is known of `remote`, whichever of our addresses it was spoken to from. True if there was something.
    pub(crate) fn forget(&mut self, remote: IpAddr) -> bool {
        let gone: Vec<usize> =
            self.entries.iter().filter(|(_, entry)| entry.peer.remote == remote).map(|(at, _)| at).collect();
        gone.iter().for_each(|&at| self.remove(at));
        !gone.is_empty()
    }

    /// What a SYN-ACK taught (Linux's `tcp_fastopen_cache_set`).
    pub(crate) fn learn_fast_open(&mut self, now: Instant, (local, remote): (IpAddr, IpAddr), answer: &FastOpenAnswer) {
        let known = &mut self.entry(now, local, remote).fast_open;
        if answer.mss > 0 {
            known.mss = Some(answer.mss);
        }
        let ignored_more = answer.unanswered > known.unanswered;
        if answer.cookie.is_some() {
            known.cookie = answer.cookie;
        } else if ignored_more && known.cookie.is_none() {
            known.unanswered = answer.unanswered;
            known.ask_experimentally = answer.unanswered == Some(RequestForm::Standard);
        }
        if answer.syn_lost {
            known.syn_losses = known.syn_losses.saturating_add(1);
            known.last_syn_loss = Some(now);
        } else {
            known.syn_losses = 0;
        }
    }

    /// What a connection may know beforehand of the path to a peer (Linux's `tcp_init_metrics`).
    pub(crate) fn known(&self, local: IpAddr, remote: IpAddr) -> Known {
        let Some(&at) = self.by_pair.get(&(local, remote)) else { return Known::default() };
        let peer = &self.entries[at].peer;
        Known {
            rtt_micros: peer.rtt.map_or(0, |rtt| u32::try_from(rtt.as_micros()).unwrap_or(u32::MAX)),
            ssthresh: peer.ssthresh.unwrap_or(0),
            reordering: peer.reordering.map_or(0, |degree| u16::try_from(degree).unwrap_or(u16::MAX)),
        }
    }

    /// What a connection taught (Linux's `tcp_update_metrics`): a longer round trip counts at once, a shorter one by and by.
    pub(crate) fn learn_path(
        &mut self,
        now: Instant,
        (local, remote): (IpAddr, IpAddr),
        lesson: &PathLesson,
        save_ssthresh: bool,
    ) {
        let Some((rtt, deviation)) = lesson.rtt else {
            if let Some(&at) = self.by_pair.get(&(local, remote)) {
                self.entries[at].peer.rtt = None;
            }
            return;
        };
        let peer = self.entry(now, local, remote);
        peer.updated = now;
        let before = peer.rtt.unwrap_or_default();
        peer.rtt = Some(if rtt >= before { rtt } else { before - (before - rtt) / 8 });
        let error = (rtt.abs_diff(before) / 2).max(deviation);
        let var = peer.rtt_var.unwrap_or_default();
        peer.rtt_var = Some(if error >= var { error } else { var - (var - error) / 4 });
        let (cwnd, half) = (peer.cwnd.unwrap_or(0), lesson.cwnd / 2);
        match lesson.ssthresh {
            None => {
                peer.cwnd = Some(cwnd.max(lesson.cwnd));
                peer.ssthresh = peer.ssthresh.map(|known| if save_ssthresh { known.max(half) } else { known });
            }
            Some(ssthresh) if lesson.avoids_congestion => {
                peer.cwnd = Some(cwnd.midpoint(lesson.cwnd));
                if save_ssthresh {
                    peer.ssthresh = Some(half.max(ssthresh));
                }
            }
            Some(ssthresh) => {
                peer.cwnd = Some(cwnd.midpoint(ssthresh));
                if save_ssthresh {
                    peer.ssthresh = peer.ssthresh.map(|known| known.max(ssthresh));
                }
                if lesson.reordering > peer.reordering.unwrap_or(USUAL_REORDERING) {
                    peer.reordering = Some(lesson.reordering);
                }
            }
        }
    }

    fn insert(&mut self, now: Instant, local: IpAddr, remote: IpAddr) -> usize {
        if self.entries.len() >= MAX_PEERS
            && let Some(oldest) = self.oldest
        {
            self.remove(oldest);
        }
        let peer = PeerMetrics {
            local,
            remote,
            updated: now,
            fast_open: FastOpenMetrics::default(),
            rtt: None,
            rtt_var: None,
            ssthresh: None,
            cwnd: None,
            reordering: None,
        };
        let at = self.entries.insert(Entry { peer, newer: None, older: None });
        self.by_pair.insert((local, remote), at);
        self.link(at);
        at
    }

    fn remove(&mut self, at: usize) {
        self.unlink(at);
        let entry = self.entries.remove(at);
        self.by_pair.remove(&(entry.peer.local, entry.peer.remote));
    }

    fn touch(&mut self, at: usize) {
        if self.newest != Some(at) {
            self.unlink(at);
            self.link(at);
        }
    }

    fn link(&mut self, at: usize) {
        let before = self.newest.replace(at);
        self.entries[at].older = before;
        match before {
            Some(before) => self.entries[before].newer = Some(at),
            None => self.oldest = Some(at),
        }
    }

    fn unlink(&mut self, at: usize) {
        let Entry { newer, older, .. } = self.entries[at];
        match newer {
            Some(newer) => self.entries[newer].older = older,
            None => self.newest = older,
        }
        match older {
            Some(older) => self.entries[older].newer = newer,
            None => self.oldest = newer,
        }
        (self.entries[at].newer, self.entries[at].older) = (None, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::Ipv4Addr;

    fn peer(n: u32) -> IpAddr {
        IpAddr::from(Ipv4Addr::from(0x0a00_0000 + n))
    }

    #[test]
    fn the_one_not_used_for_longest_makes_room() {
        let (mut cache, now) = (MetricsCache::default(), Instant::ZERO);
        for n in 0..MAX_PEERS as u32 {
            cache.entry(now, peer(0), peer(n)).cwnd = Some(n);
        }
        cache.entry(now, peer(0), peer(0));
        cache.entry(now, peer(0), peer(99_999));
        assert_eq!(cache.all().len(), MAX_PEERS);
        let known = |n| cache.all().iter().any(|known| known.remote == peer(n));
        assert!(known(0) && !known(1) && known(2));
        assert!(cache.forget(peer(2)) && !cache.forget(peer(2)));
        assert_eq!(cache.all().len(), MAX_PEERS - 1);
        cache.flush();
        assert!(cache.all().is_empty());
    }

    #[test]
    fn a_peer_that_ignores_a_request_is_asked_in_the_other_form_once() {
        let (mut cache, now, pair) = (MetricsCache::default(), Instant::ZERO, (peer(0), peer(1)));
        let answer = |unanswered| FastOpenAnswer { mss: 1460, cookie: None, syn_lost: false, unanswered };
        cache.learn_fast_open(now, pair, &answer(Some(RequestForm::Standard)));
        assert!(cache.fast_open(pair.0, pair.1).ask_experimentally);
        cache.learn_fast_open(now, pair, &answer(Some(RequestForm::Experimental)));
        assert!(!cache.fast_open(pair.0, pair.1).ask_experimentally);
        cache.learn_fast_open(now, pair, &answer(Some(RequestForm::Standard)));
        assert!(!cache.fast_open(pair.0, pair.1).ask_experimentally);
    }

    #[test]
    fn what_a_connection_left_is_known_to_the_next() {
        let (mut cache, now, pair) = (MetricsCache::default(), Instant::ZERO, (peer(0), peer(1)));
        let known = |cache: &MetricsCache| {
            let Known { rtt_micros, ssthresh, reordering } = cache.known(pair.0, pair.1);
            (rtt_micros, ssthresh, reordering)
        };
        assert_eq!(known(&cache), (0, 0, 0));
        let rtt = (Duration::from_millis(20), Duration::from_millis(1));
        let lesson =
            PathLesson { rtt: Some(rtt), cwnd: 8, ssthresh: Some(7), avoids_congestion: false, reordering: 12 };
        cache.learn_path(now, pair, &lesson, true);
        assert_eq!(known(&cache), (20_000, 0, 12), "in a recovery the threshold is none that is worth keeping");
        cache.learn_path(now, pair, &PathLesson { avoids_congestion: true, ..lesson }, true);
        assert_eq!(known(&cache), (20_000, 7, 12));
        cache.forget(pair.1);
        assert_eq!(known(&cache), (0, 0, 0));
    }
}
