//! Taking a needless recovery back (Linux's undo).
//!
//! That nothing was lost after all is known in three ways: an echoed timestamp is older than the first retransmission, so that
//! the ACK answers the original (Eifel detection, RFC 3522 §3.2); each retransmission was reported as a duplicate (D-SACK, RFC
//! 2883 §5, RFC 3708); or F-RTO (`frto`). Then the window and its threshold are again what they were (Eifel response,
//! RFC 4015 §3.2, in Linux's way).

#[cfg(test)]
mod tests;

use super::Recovery;
use super::machine::{Ack, Phase, Undoing, Undone};
use crate::clock::TsClock;
use crate::congestion::Controller;
use crate::pack::packed;
use crate::send::SentRecords;
use limpid_event::{Instant, UndoReason};
use limpid_wire::SeqNum;

/// The timestamp that a segment echoed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Echo {
    ecr: u32,
    clock: TsClock,
}

impl Echo {
    /// Nothing, if `ecr` is zero, which means "none" (RFC 7323 §3.2).
    pub(crate) fn new(ecr: u32, clock: TsClock) -> Option<Echo> {
        (ecr != 0).then_some(Echo { ecr, clock })
    }

    /// It was sent before `at`, in another tick of the clock.
    pub fn is_before(&self, at: Instant) -> bool {
        (self.ecr.wrapping_sub(self.clock.val(at)) as i32) < 0
    }
}

/// Nothing has been sent again in this recovery.
const NONE_YET: u32 = u32::MAX;

/// What an undo needs to know of a recovery.
#[derive(Clone, Copy, Debug)]
pub struct Undo {
    /// SND.UNA when the recovery began; `None` if there is nothing to take back (Linux's `undo_marker`).
    marker: Option<SeqNum>,
    /// Segments sent again and not reported as duplicates; [`NONE_YET`] before the first leaves (`undo_retrans`).
    resent: u32,
    /// The window may be restored: the path did not say itself that it is congested (`prior_ssthresh`).
    restores: bool,
    /// When the first retransmission left; [`Instant::MAX`] if there was none (`retrans_stamp`).
    first_resent_at: Instant,
}

impl Undo {
    /// Nothing to take back.
    pub const fn new() -> Undo {
        Undo { marker: None, resent: NONE_YET, restores: false, first_resent_at: Instant::MAX }
    }

    /// A recovery begins at `una` with `resent` segments sent again that are still in flight.
    pub(super) fn begin(&mut self, una: SeqNum, resent: u32) {
        self.marker = Some(una);
        self.resent = if resent > 0 { resent } else { NONE_YET };
    }

    /// Whether an undo brings the window back.
    pub(super) fn set_restores(&mut self, restores: bool) {
        self.restores = restores;
    }

    /// The path is congested indeed.
    pub(super) fn forget(&mut self) {
        self.marker = None;
        self.restores = false;
    }

    /// It is taken back; true if the window is to be restored.
    pub(super) fn take(&mut self) -> bool {
        self.marker = None;
        self.restores
    }

    /// A recovery runs that may be taken back.
    pub(super) fn is_possible(&self) -> bool {
        self.marker.is_some()
    }

    /// When the first retransmission left; [`Instant::MAX`] if there was none.
    pub fn first_resent_at(&self) -> Instant {
        self.first_resent_at
    }

    /// Nothing that was sent again is in flight.
    pub(super) fn forget_resent(&mut self) {
        self.first_resent_at = Instant::MAX;
    }

    /// `segments` left again.
    pub(super) fn on_resent(&mut self, segments: u32, now: Instant) {
        if self.first_resent_at == Instant::MAX {
            self.first_resent_at = now;
        }
        let before = if self.resent == NONE_YET { 0 } else { self.resent };
        self.resent = before.saturating_add(segments).min(NONE_YET - 1);
    }

    /// A D-SACK reported `segments` that end at `end`, sent again, as duplicates.
    pub(super) fn on_duplicate(&mut self, end: SeqNum, segments: u32) {
        if self.resent != NONE_YET && self.marker.is_some_and(|marker| end.after(marker)) {
            self.resent = self.resent.saturating_sub(segments);
        }
    }

    /// Every retransmission came twice (`tcp_try_undo_dsack`).
    pub(super) fn all_were_duplicates(&self) -> bool {
        self.is_possible() && self.resent == 0
    }
}

impl Default for Undo {
    fn default() -> Undo {
        Undo::new()
    }
}

/// Anything that was sent again is still in flight, or may be (Linux's `tcp_any_retrans_done`).
pub(super) fn any_resent(records: &SentRecords) -> bool {
    records.segments_resent() > 0 || records.first().is_some_and(|record| record.retransmissions() > 0)
}

impl Recovery {
    /// A recovery that is over was needless (`tcp_try_undo_recovery`). True if the phase is held until something more is
    /// acknowledged: without SACK, duplicate ACKs that our own retransmissions cause must not begin another (RFC 6582 §3.2
    /// step 2, §4.1).
    pub(super) fn undo_recovery(&mut self, ack: &mut Ack<'_, '_>) -> bool {
        if let Some(how) = self.may_undo(ack) {
            let what = if self.phase == Phase::Loss { Undoing::Loss } else { Undoing::Full };
            self.undo_reduction(ack, Undone { what, how });
        } else {
            self.rack.on_recovered();
        }
        if self.holds(ack) {
            return true;
        }
        self.phase = Phase::Open;
        false
    }

    fn holds(&mut self, ack: &Ack<'_, '_>) -> bool {
        let holds = !ack.input.sack && ack.una() == self.high_seq;
        if holds {
            self.forget_resent_if_done(ack.records);
        }
        holds
    }

    /// A partial ACK is of an original that was merely late (`tcp_try_undo_partial`). True if it is, and retransmissions are still
    /// in flight: then nothing more goes again for now.
    pub(super) fn undo_partial(&mut self, ack: &mut Ack<'_, '_>) -> bool {
        let Some(how) = self.undo.is_possible().then(|| self.was_delayed(ack)).flatten() else { return false };
        self.measure_reordering_by_time(ack);
        if ack.records.segments_resent() > 0 {
            return true;
        }
        self.forget_resent_if_done(ack.records);
        ack.records.unmark_lost();
        self.undo_reduction(ack, Undone { what: Undoing::Partial, how });
        self.keep_open(ack.records);
        false
    }

    /// All retransmissions came twice (`tcp_try_undo_dsack`).
    pub(super) fn undo_by_dsack(&mut self, ack: &mut Ack<'_, '_>) -> bool {
        let needless = self.undo.all_were_duplicates();
        if needless {
            self.undo_reduction(ack, Undone { what: Undoing::Dsack, how: UndoReason::Dsack });
        }
        needless
    }

    /// A timeout was needless (`tcp_try_undo_loss`); `frto` says that F-RTO knows.
    pub(super) fn undo_loss(&mut self, ack: &mut Ack<'_, '_>, frto: bool) -> bool {
        let how = if frto { Some(UndoReason::Frto) } else { self.may_undo(ack) };
        let Some(how) = how else { return false };
        ack.records.unmark_lost();
        self.undo_reduction(ack, Undone { what: Undoing::Loss, how });
        if !self.holds(ack) && (frto || ack.input.sack) {
            self.phase = Phase::Open;
        }
        true
    }

    fn may_undo(&self, ack: &Ack<'_, '_>) -> Option<UndoReason> {
        match self.undo.is_possible() {
            true if self.undo.all_were_duplicates() => Some(UndoReason::Dsack),
            true => self.was_delayed(ack),
            false => None,
        }
    }

    /// How it is known that the ACK is of what was sent first, if it is.
    fn was_delayed(&self, ack: &Ack<'_, '_>) -> Option<UndoReason> {
        if self.undo.first_resent_at < Instant::MAX {
            let before = ack.input.echo.is_some_and(|echo| echo.is_before(self.undo.first_resent_at));
            return before.then_some(UndoReason::Timestamps);
        }
        // Without SACK that is forgotten while the phase is held.
        let known = ack.input.sack || ack.una().before(self.high_seq);
        known.then_some(UndoReason::NothingResent)
    }

    fn undo_reduction(&mut self, ack: &mut Ack<'_, '_>, undone: Undone) {
        if self.is_reducing() {
            ack.congestion.on_reduction_left(self.prr.window());
        }
        if self.undo.take() {
            ack.congestion.on_undo();
        }
        // Where the phase is held, the reduction goes on from there.
        self.prr.set_window(ack.congestion.window());
        ack.verdict.undone = Some(undone);
    }
}

packed!(struct Undo { marker, resent, restores, first_resent_at });
