//! What an application watches in the stream it sends: when the end of a write left and was acknowledged (Linux's
//! SO_TIMESTAMPING), and when the peer has all of it, so that its memory may be used again (MSG_ZEROCOPY).
//!
//! A [`Stamps`] mark lies on the last byte of a write; another write before that byte has left takes the mark along, as
//! both lie in one buffer of Linux. Each time that the byte leaves there is a notice, and one when it is acknowledged.
//! Zero-copy writes have numbers from 0 on; those that are complete together are told as one range.
//!
//! Both queues are bounded. A write beyond [`MAX_MARKS`] is not stamped. A stamp beyond [`MAX_NOTICES`] is lost, as
//! Linux loses it where its buffer is full; ranges of completed writes are joined and always told.

use super::Connection;
use crate::SharedMemory;
use crate::{Cx, Readiness};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use limpid_event::{Instant, Observer};
use limpid_wire::SeqNum;

/// The most marks of stamps, and of zero-copy writes, that are kept apart.
pub const MAX_MARKS: usize = 128;

/// The most notices that wait to be taken.
pub const MAX_NOTICES: usize = 1024;

bitflags::bitflags! {
    /// What is to be told of the last byte of a write.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct Stamps: u8 {
        /// It was given to the device's queue (SOF_TIMESTAMPING_TX_SCHED).
        const SCHEDULED = 1;
        /// It was given to the device (SOF_TIMESTAMPING_TX_SOFTWARE). Here it is the same moment.
        const SENT = 2;
        /// It is acknowledged (SOF_TIMESTAMPING_TX_ACK).
        const ACKED = 4;
    }
}

/// Something that was watched for has happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Notice {
    /// A byte left or was acknowledged.
    Stamp {
        /// Which of the two: exactly one flag.
        what: Stamps,
        /// The byte's place in the stream: 0 is the first ever written.
        offset: u64,
        /// When.
        at: Instant,
    },
    /// All zero-copy writes from `first` to `last` are complete.
    ZeroCopy {
        /// The first,
        first: u32,
        /// and the last, which may be the same.
        last: u32,
    },
}

/// A byte that is watched.
#[derive(Clone, Copy, Debug)]
struct Mark {
    stamps: Stamps,
    /// The number after it.
    end: SeqNum,
    offset: u64,
}

/// Zero-copy writes that end with one number, or lie unsent behind each other.
#[derive(Clone, Copy, Debug)]
struct Lent {
    first: u32,
    last: u32,
    end: SeqNum,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Watch {
    marks: VecDeque<Mark>,
    lent: VecDeque<Lent>,
    next_id: u32,
    notices: VecDeque<Notice>,
}

impl Watch {
    fn mark(&mut self, mark: Mark, snd_nxt: SeqNum) {
        if self.marks.back().is_some_and(|last| last.end.after(snd_nxt)) {
            self.marks.pop_back();
        }
        if self.marks.len() < MAX_MARKS {
            self.marks.push_back(mark);
        }
    }

    fn lend(&mut self, end: SeqNum, snd_nxt: SeqNum) {
        let id = self.next_id;
        self.next_id = id.wrapping_add(1);
        let full = self.lent.len() >= MAX_MARKS;
        match self.lent.back_mut() {
            Some(lent) if full || lent.end.after(snd_nxt) => (lent.last, lent.end) = (id, end),
            _ => self.lent.push_back(Lent { first: id, last: id, end }),
        }
    }

    /// `start..end` leaves. True if that is news.
    fn on_sent(&mut self, start: SeqNum, end: SeqNum, at: Instant) -> bool {
        let first = self.marks.partition_point(|mark| mark.end.before_eq(start));
        let mut news = false;
        for n in first..self.marks.len() {
            let mark = self.marks[n];
            if mark.end.after(end) {
                break;
            }
            for what in (mark.stamps & (Stamps::SCHEDULED | Stamps::SENT)).iter() {
                news |= self.notice(Notice::Stamp { what, offset: mark.offset, at });
            }
        }
        news
    }

    /// All before `una` is acknowledged. True if that is news.
    fn on_acked(&mut self, una: SeqNum, at: Instant) -> bool {
        let mut news = false;
        while let Some(&mark) = self.marks.front().filter(|mark| mark.end.before_eq(una)) {
            self.marks.pop_front();
            if mark.stamps.contains(Stamps::ACKED) {
                news |= self.notice(Notice::Stamp { what: Stamps::ACKED, offset: mark.offset, at });
            }
        }
        while let Some(&lent) = self.lent.front().filter(|lent| lent.end.before_eq(una)) {
            self.lent.pop_front();
            news |= self.complete(lent);
        }
        news
    }

    /// The connection is over: nothing is read from lent memory any more.
    fn on_end(&mut self) -> bool {
        self.marks.clear();
        let mut news = false;
        while let Some(lent) = self.lent.pop_front() {
            news |= self.complete(lent);
        }
        news
    }

    /// Joined to the last range, if that is the newest notice and it goes on there (as Linux does).
    fn complete(&mut self, lent: Lent) -> bool {
        match self.notices.back_mut() {
            Some(Notice::ZeroCopy { last, .. }) if last.wrapping_add(1) == lent.first => *last = lent.last,
            _ => self.notices.push_back(Notice::ZeroCopy { first: lent.first, last: lent.last }),
        }
        true
    }

    fn notice(&mut self, notice: Notice) -> bool {
        let room = self.notices.len() < MAX_NOTICES;
        if room {
            self.notices.push_back(notice);
        }
        room
    }

    /// The oldest notice.
    pub(super) fn take_notice(&mut self) -> Option<Notice> {
        self.notices.pop_front()
    }

    pub(super) fn has_notice(&self) -> bool {
        !self.notices.is_empty()
    }
}

impl Connection {
    /// Watches the last byte that was written: what is to be told of it, and whether the write lent its memory, which makes
    /// a number of it. Nothing happens if nothing was ever written.
    pub fn watch_write(&mut self, stamps: Stamps, zero_copy: bool) {
        let written = self.stream_position().written;
        if written == 0 || (stamps.is_empty() && !zero_copy) {
            return;
        }
        let (end, snd_nxt, una) = (self.snd.queue.end(), self.snd.nxt(), self.snd.una());
        let watch = self.snd.watch.get_or_insert_default();
        if !stamps.is_empty() && end.after(una) {
            watch.mark(Mark { stamps, end, offset: written - 1 }, snd_nxt);
        }
        if zero_copy {
            watch.lend(end, snd_nxt);
        }
    }

    /// The oldest notice of what was watched.
    pub fn take_notice(&mut self) -> Option<Notice> {
        self.snd.watch.as_mut()?.take_notice()
    }

    /// `start..end` leaves.
    #[inline]
    pub(super) fn watch_sent<O: Observer>(&mut self, cx: &Cx<'_, O>, start: SeqNum, end: SeqNum) {
        if let Some(watch) = &mut self.snd.watch
            && watch.on_sent(start, end, cx.now)
        {
            self.woke |= Readiness::NOTICE;
        }
    }

    /// SND.UNA has moved.
    #[inline]
    pub(super) fn watch_acked<O: Observer>(&mut self, cx: &Cx<'_, O>) {
        let una = self.snd.una();
        if let Some(watch) = &mut self.snd.watch
            && watch.on_acked(una, cx.now)
        {
            self.woke |= Readiness::NOTICE;
        }
    }

    /// The connection is over.
    pub(super) fn watch_ended(&mut self) {
        if self.snd.watch.as_mut().is_some_and(|watch| watch.on_end()) {
            self.woke |= Readiness::NOTICE;
        }
    }

    /// What newly happened for the application outside of any [`Outcome`](crate::Outcome): a watched byte left, or so much
    /// that there is room again ([`Config::notsent_lowat`](crate::Config::notsent_lowat)).
    #[inline]
    pub fn take_woke(&mut self, now: Instant, memory: SharedMemory) -> Readiness {
        if core::mem::take(&mut self.snd.space_due) {
            self.check_room(now, memory);
        }
        self.tell_of_room();
        core::mem::take(&mut self.woke)
    }
}

/// What is watched, of most connections nothing.
pub(super) type Watched = Option<Box<Watch>>;

#[cfg(test)]
mod tests;
