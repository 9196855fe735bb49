//! What a write says about itself beside its bytes.

bitflags::bitflags! {
    /// Flags of a write: Linux's MSG_* of `send`.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct WriteFlags: u8 {
        /// More follows at once: a segment that is not full waits, as under a cork, and nothing is pushed (MSG_MORE).
        const MORE = 1;
        /// A record ends with these bytes: no segment goes across, not even when it is sent again (MSG_EOR).
        const END_OF_RECORD = 2;
        /// The last byte is urgent (MSG_OOB; RFC 9293 §3.8.5).
        const URGENT = 4;
    }
}
