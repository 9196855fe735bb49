//! What one run did: how it opened, how its streams went on, turn by turn, and how it ended.

use crate::diff::side::{Call, Seen};
use limpid_wire::{SeqNum, TcpFlags, TcpOptions};
use std::collections::BTreeMap;
use std::time::Duration;

/// The most turns and points that are kept.
const MAX_TURNS: usize = 10_000;
const MAX_POINTS: usize = 200_000;
/// The most pieces behind gaps that are kept of a stream; with more, the first gap is given up.
const MAX_PIECES: usize = 4_096;

/// What one run did. Times count from its first packet.
#[derive(Clone, Debug, Default)]
pub struct Course {
    /// Options of the SYN and of the SYN-ACK.
    pub options: [Option<TcpOptions>; 2],
    /// From the first SYN to the client's ACK of the SYN-ACK.
    pub opened: Option<Duration>,
    /// SYNs that were sent.
    pub syns: u64,
    /// Who spoke when, and how much.
    pub turns: Vec<Turn>,
    /// New data, of both directions, in the order of the capture.
    pub points: Vec<Point>,
    /// Bytes of data, each counted once: of the client and of the server.
    pub bytes: [u64; 2],
    /// Segments with data.
    pub segments: [u64; 2],
    /// Segments that hold nothing but what was sent before.
    pub repeated: [u64; 2],
    /// ACKs with SACK blocks, by who sent them.
    pub sacks: [u64; 2],
    /// The smallest and the largest window after the handshake, as announced, bytes.
    pub windows: [Option<(u64, u64)>; 2],
    /// Round trips from data to its acknowledgement: the least and the median.
    pub rtt: Option<(Duration, Duration)>,
    /// How it ended.
    pub ending: Ending,
    /// From the first packet to the last.
    pub lasted: Duration,
}

/// Somebody speaks until the other does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Turn {
    /// 0: the client, 1: the server.
    pub from: usize,
    /// New bytes.
    pub bytes: u64,
    /// The first packet of it, its number.
    pub first: u64,
    /// When it began.
    pub at: Duration,
    /// When it was over.
    pub until: Duration,
}

/// A place in a stream, and when it was reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Point {
    /// Of whose stream: 0 the client's, 1 the server's.
    pub from: usize,
    /// Bytes of that stream before this place, all of which have been seen: what a receiver at the vantage point can read.
    pub position: i64,
    /// When the segment that reaches it was seen.
    pub at: Duration,
    /// Its number.
    pub number: u64,
    /// Something was sent again between the point before and this one.
    pub after_loss: bool,
    /// A window was closed when it came.
    pub after_zero_window: bool,
}

/// How a run ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Ending {
    /// The capture shows no end.
    #[default]
    Open,
    /// With a FIN; of whom first.
    Closed {
        /// Who closed first: 0 the client, 1 the server.
        first: usize,
    },
    /// With a reset.
    Reset {
        /// Whose.
        from: usize,
    },
    /// It never came about.
    Unanswered,
}

impl Course {
    pub(super) fn of(call: &Call) -> Course {
        let mut walk = Walk::new(call);
        for seen in &call.packets {
            walk.take(seen);
        }
        walk.finish()
    }
}

struct Walk<'c> {
    call: &'c Call,
    /// What the numbers of each end count from.
    bases: [Option<SeqNum>; 2],
    began: i64,
    course: Course,
    /// Up to where each stream has been seen, gaps or not.
    max: [i64; 2],
    /// Up to where each has been seen without a gap, and the pieces behind gaps.
    whole: [i64; 2],
    pieces: [BTreeMap<i64, i64>; 2],
    shift: [u8; 2],
    /// Segments whose acknowledgement is awaited: end and time; cleared when something is sent again.
    pending: [Option<(i64, i64)>; 2],
    /// Times from data to its acknowledgement, of each stream.
    rtts: [Vec<i64>; 2],
    lossy: bool,
    zero: [bool; 2],
    was_zero: bool,
}

impl<'c> Walk<'c> {
    fn new(call: &'c Call) -> Walk<'c> {
        let options = call.syns().map(|syn| syn.map(|syn| syn.tcp.options.clone()));
        let scale = |end: usize| options[end].as_ref().and_then(|options| options.window_scale);
        let shift = match (scale(0), scale(1)) {
            (Some(client), Some(server)) => [client, server],
            _ => [0, 0],
        };
        Walk {
            call,
            bases: [0, 1].map(|end| call.base(end)),
            began: call.packets.first().map_or(0, |seen| seen.time),
            course: Course { options, ..Course::default() },
            max: [0; 2],
            whole: [0; 2],
            pieces: Default::default(),
            shift,
            pending: [None; 2],
            rtts: Default::default(),
            lossy: false,
            zero: [false; 2],
            was_zero: false,
        }
    }

    fn since(&self, time: i64) -> Duration {
        Duration::from_nanos(u64::try_from(time.saturating_sub(self.began)).unwrap_or(0))
    }

    /// Bytes of the stream before `number`; 0 where the stream begins.
    fn position(&self, end: usize, number: SeqNum) -> i64 {
        let Some(base) = self.bases[end] else { return 0 };
        let syn = u32::from(self.call.isn[end].is_some());
        // The nearest number of those that wrap to the same.
        let near = self.max[end];
        let offset = number.0.wrapping_sub(base.0).wrapping_sub(syn).wrapping_sub(near as u32) as i32;
        near + i64::from(offset)
    }

    fn take(&mut self, seen: &Seen) {
        let (from, peer) = (seen.from, 1 - seen.from);
        let tcp = &seen.tcp;
        let at = self.since(seen.time);
        self.course.lasted = self.course.lasted.max(at);
        if tcp.is(TcpFlags::RST) {
            if !matches!(self.course.ending, Ending::Reset { .. }) {
                self.course.ending = Ending::Reset { from };
            }
            return;
        }
        if tcp.is(TcpFlags::SYN) {
            self.course.syns += u64::from(from == 0);
            return;
        }
        if tcp.is(TcpFlags::ACK) {
            if from == 0 && self.course.options[1].is_some() && self.course.opened.is_none() {
                self.course.opened = Some(at);
            }
            self.acknowledge(peer, self.position(peer, tcp.ack), seen.time);
            self.window(from, u64::from(tcp.window) << self.shift[from].min(14));
            self.course.sacks[from] += u64::from(!tcp.options.sack.is_empty());
        }
        if tcp.len > 0 {
            self.data(seen, at);
        }
        if tcp.is(TcpFlags::FIN) && self.course.ending == Ending::Open {
            self.course.ending = Ending::Closed { first: from };
        }
    }

    fn acknowledge(&mut self, of: usize, position: i64, time: i64) {
        if let Some((end, sent)) = self.pending[of]
            && position >= end
        {
            self.rtts[of].push(time.saturating_sub(sent));
            self.pending[of] = None;
        }
    }

    fn window(&mut self, from: usize, window: u64) {
        let (least, most) = self.course.windows[from].unwrap_or((window, window));
        self.course.windows[from] = Some((least.min(window), most.max(window)));
        self.zero[from] = window == 0;
        self.was_zero |= window == 0;
    }

    fn data(&mut self, seen: &Seen, at: Duration) {
        let from = seen.from;
        let start = self.position(from, seen.tcp.seq);
        let end = start + i64::from(seen.tcp.len);
        self.course.segments[from] += 1;
        if end <= self.max[from] {
            self.course.repeated[from] += 1;
            self.lossy = true;
            self.pending[from] = None;
        } else {
            self.max[from] = end;
        }
        let before = self.whole[from];
        self.join(from, start, end);
        let Ok(new @ 1..) = u64::try_from(self.whole[from] - before) else { return };
        self.course.bytes[from] += new;
        if self.pending[from].is_none() && self.max[from] == end {
            self.pending[from] = Some((end, seen.time));
        }
        if self.course.points.len() < MAX_POINTS {
            self.course.points.push(Point {
                from,
                position: self.whole[from],
                at,
                number: seen.number,
                after_loss: std::mem::take(&mut self.lossy),
                after_zero_window: std::mem::take(&mut self.was_zero),
            });
        }
        self.was_zero = self.zero[1 - from];
        if let Some(turn) = self.course.turns.last_mut().filter(|turn| turn.from == from) {
            turn.bytes += new;
            turn.until = at;
        } else if self.course.turns.len() < MAX_TURNS {
            self.course.turns.push(Turn { from, bytes: new, first: seen.number, at, until: at });
        }
    }

    /// Adds a piece of a stream.
    fn join(&mut self, from: usize, start: i64, end: i64) {
        let pieces = &mut self.pieces[from];
        let piece = pieces.entry(start).or_insert(end);
        *piece = end.max(*piece);
        if pieces.len() > MAX_PIECES
            && let Some((first, _)) = pieces.first_key_value()
        {
            self.whole[from] = self.whole[from].max(*first);
        }
        while let Some(first) = pieces.first_entry()
            && *first.key() <= self.whole[from]
        {
            self.whole[from] = self.whole[from].max(*first.get());
            first.remove();
        }
    }

    fn finish(mut self) -> Course {
        let nanos = |n: i64| Duration::from_nanos(u64::try_from(n).unwrap_or(0));
        // What arrives is acknowledged at once where it arrives: of the two streams the slower one tells the round trip.
        let of = |times: &mut Vec<i64>| {
            times.sort_unstable();
            Some((nanos(*times.first()?), nanos(times[(times.len() - 1) / 2])))
        };
        let [mut client, mut server] = std::mem::take(&mut self.rtts);
        self.course.rtt = of(&mut client).into_iter().chain(of(&mut server)).max_by_key(|(_, median)| *median);
        let silent = self.call.packets.iter().all(|seen| seen.from == 0);
        if silent && self.course.ending == Ending::Open {
            self.course.ending = Ending::Unanswered;
        }
        self.course
    }
}
