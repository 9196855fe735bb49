//! F-RTO: was the timeout needless? (RFC 5682 §2.1 and, with SACK, §3.1, as Linux has them.)
//!
//! After a timeout only the first segment goes again. If an ACK then tells of data that was never sent again, the originals had
//! merely been late (step 3.b). To find that out, the first ACK that advances is answered with new data instead of the next
//! retransmissions (step 2.b); duplicate ACKs or SACK blocks for that mean that the loss was real (step 3.a).

#[cfg(test)]
mod tests;

use super::machine::{Ack, AckInput, Recovery};
use super::resend::Resend;
use crate::pack::packed;
use limpid_wire::SeqNum;

/// Whether a timeout is watched.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Frto {
    watching: bool,
}

/// What an ACK says of the timeout.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Spurious {
    /// It was needless.
    Yes,
    /// It is to be tried with new data, up to a new recovery point.
    TryNew,
    /// It was not, or cannot be known.
    No,
}

/// SND.UNA, the recovery point and SND.NXT.
#[derive(Clone, Copy, Debug)]
struct Position {
    una: SeqNum,
    high_seq: SeqNum,
    nxt: SeqNum,
}

impl Frto {
    /// A timeout: is it watched?
    pub(super) fn begin(&mut self, watching: bool) {
        self.watching = watching;
    }

    /// New data did not leave, or the loss is known to be real.
    pub(super) fn end(&mut self) {
        self.watching = false;
    }

    /// An ACK after the timeout (§3.1 steps 2 and 3).
    fn on_ack(&mut self, input: &AckInput<'_>, at: Position) -> Spurious {
        if !self.watching {
            return Spurious::No;
        }
        if input.tells_of_original(at.high_seq) {
            return Spurious::Yes;
        }
        if at.nxt.after(at.high_seq) {
            if input.acked.sacked > 0 || input.duplicate {
                self.watching = false;
            }
        } else if input.advances() && at.una.before(at.high_seq) {
            if input.may_send_new {
                return Spurious::TryNew;
            }
            self.watching = false;
        }
        Spurious::No
    }
}

impl Recovery {
    /// An ACK in Loss (`tcp_process_loss`).
    pub(super) fn process_loss(&mut self, ack: &mut Ack<'_, '_>) {
        let recovered = ack.una().after_eq(self.high_seq);
        if ack.input.advances() && self.undo_loss(ack, false) {
            return;
        }
        let at = Position { una: ack.una(), high_seq: self.high_seq, nxt: ack.records.snd_nxt() };
        match self.frto.on_ack(ack.input, at) {
            Spurious::Yes if self.undo_loss(ack, true) => return,
            Spurious::TryNew => {
                self.resend = Resend::NewFirst;
                return;
            }
            _ => {}
        }
        if recovered {
            self.undo_recovery(ack);
            return;
        }
        if !ack.input.sack {
            if at.nxt.after(self.high_seq) && ack.input.duplicate {
                self.add_duplicates(ack);
            } else if ack.input.advances() {
                self.new_reno.reset();
            }
        }
        self.resend = Resend::Lost;
    }
}

packed!(struct Frto { watching });
