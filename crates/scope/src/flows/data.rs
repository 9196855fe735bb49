//! What a segment sends, held against what was sent before.

use super::classify::{self, Evidence, GapEvidence, TailEvidence};
use super::entry::{Entry, Read};
use super::flow::nanos;
use super::records::{FILLED, JOINED, Piece, SACKED};
use super::sighting::{Again, Cause, End, Kind, Place, Sighting};
use super::stream::{Pending, Told};
use super::trouble::TroubleKind;
use limpid_wire::TcpFlags;
use std::time::Duration;

/// So many retransmissions of what comes first, in vain, are a black hole if smaller segments pass.
const FRUITLESS: u32 = 3;

impl Entry {
    /// What it sends.
    #[inline]
    pub(super) fn take_sent(&mut self, read: &Read<'_>, seen: &mut Sighting) {
        let (from, at) = (read.from, read.at);
        if read.tcp.cut {
            self.flow.end_mut(from).cut_packets += 1;
            self.trouble(TroubleKind::CaptureCut, from, at);
        }
        match read.kind {
            Kind::KeepAlive => self.flow.end_mut(from).keepalives += 1,
            Kind::WindowProbe => self.flow.end_mut(from).window_probes += 1,
            _ => {}
        }
        let is_probe = matches!(read.kind, Kind::KeepAlive | Kind::WindowProbe);
        self.stream_mut(from).probed |= is_probe;
        self.stream_mut(from.peer()).probed = false;
        if read.seq_len() == 0 && !is_probe {
            self.take_told(read);
        }
        if read.seq_len() == 0 || is_probe && read.seq < self.stream(from).max {
            return;
        }
        let figures = self.flow.end_mut(from);
        if read.tcp.len > 0 {
            figures.data_packets += 1;
            figures.data_bytes += u64::from(read.tcp.len);
            figures.first_data_at.get_or_insert(at.time);
            figures.last_data_at = at.time;
            figures.largest_payload = figures.largest_payload.max(read.tcp.len);
        }
        let stream = self.stream_mut(from);
        let record = Piece {
            start: read.seq,
            end: read.end(),
            first_at: at.time,
            last_at: at.time,
            first: at.number,
            last: at.number,
            tsval: read.options.timestamps.map_or(0, |(val, _)| val),
            ip_id: read.tcp.ip_id.unwrap_or(0),
            times: 1,
            marks: 0,
        };
        if read.seq < stream.max && stream.has_sent {
            return self.take_earlier(read, seen, record);
        }
        stream.granted |= read.kind == Kind::SynAck;
        let gap = read.seq - stream.max;
        if gap > 0 && stream.has_sent {
            seen.place = Place::Ahead;
            stream.gap_at = at.time;
        }
        // What lies between was not seen, acknowledged meanwhile or not.
        let unseen = read.seq - stream.records.end().unwrap_or(stream.max);
        let first = !std::mem::replace(&mut stream.has_sent, true);
        stream.fresh_at = Some(at.time);
        stream.max = stream.max.max(record.end);
        stream.records.push(&record);
        let is_known = !self.flow.end(from.peer()).window.scale_unknown;
        let stream = self.stream_mut(from);
        let fills = is_known && stream.edge > 0 && read.tcp.len > 0 && record.end >= stream.edge && stream.is_acked;
        self.flow.end_mut(from).unique_bytes += u64::from(read.tcp.len);
        if !first && !read.is(TcpFlags::SYN) {
            self.take_lost_tail(read, seen, &record, unseen);
        }
        if fills {
            seen.fills_window = true;
            self.flow.end_mut(from.peer()).window.full_count += 1;
            self.trouble(TroubleKind::WindowFull, from.peer(), at);
        }
    }

    /// A segment without data takes the number behind all that its sender has sent: what lies before it and was not seen was
    /// sent, too.
    #[inline]
    fn take_told(&mut self, read: &Read<'_>) {
        let stream = self.stream_mut(read.from);
        if stream.has_sent && read.seq > stream.max && stream.told.is_none_or(|told| told.seq < read.seq) {
            stream.told = Some(Told {
                seq: read.seq,
                at: read.at.time,
                tsval: read.options.timestamps.map_or(0, |(val, _)| val),
                ip_id: read.tcp.ip_id.unwrap_or(0),
            });
        }
    }

    /// Whether what follows all that was seen was sent before, and lost before the capture saw it.
    fn take_lost_tail(&mut self, read: &Read<'_>, seen: &mut Sighting, record: &Piece, bytes_unseen: i64) {
        let (from, last) = (read.from, self.last_of[read.from.index()]);
        let heard = self.last_of[from.peer().index()];
        let stream = self.stream(from);
        if let Some(told) = stream.told.filter(|told| record.start < told.seq) {
            let evidence = GapEvidence {
                older_timestamp: read.options.timestamps.and_then(|(val, _)| is_older(val, told.tsval)),
                earlier_id: read.tcp.ip_id.and_then(|id| is_earlier(id, told.ip_id)),
                after: Duration::from_nanos(nanos(told.at, read.at.time)),
                hints: stream.hints,
                shortest_round_trip: self.flow.end(from).rtt.min(),
            };
            if !classify::is_overtaken(&evidence) {
                self.lost_before(read, seen, record, evidence.after);
            }
            return;
        }
        // Nearly always nothing is missing.
        let (unseen, una) = (stream.unseen_before(read.tcp.ip_id).unwrap_or(0), stream.una);
        if unseen == 0 {
            return;
        }
        let peer = self.flow.end(from.peer());
        let there = self.flow.end(from).rtt.smoothed().unwrap_or_default();
        let largest = i64::from(self.flow.end(from).largest_payload.max(1));
        // A card may have cut what the capture holds as one: each piece has a number of its own.
        let mss = peer.options.and_then(|offer| offer.mss).map_or(1460, i64::from).max(1);
        let piece = largest.min(mss);
        let explained = u16::try_from((bytes_unseen.max(0) + piece - 1) / piece).unwrap_or(u16::MAX);
        let evidence = TailEvidence {
            unseen: unseen.saturating_sub(explained),
            pause: Duration::from_nanos(nanos(last.time.max(heard.time), read.at.time)),
            capture_missed: read.ack > self.stream(from.peer()).max || una > read.seq - bytes_unseen,
            asked: self.stream(from.peer()).fresh_at.is_some_and(|asked| asked >= last.time),
            round_trip: there + peer.rtt.min().unwrap_or_default(),
        };
        if classify::is_lost_tail(&evidence) {
            self.lost_before(read, seen, record, evidence.pause);
            // What was lost behind it goes again next.
            let behind = i64::from(evidence.lost_originals()) * piece;
            let (at, ip_id) = (read.at.time, read.tcp.ip_id.unwrap_or(0));
            if record.start + behind > record.end {
                self.stream_mut(from).told = Some(Told { seq: record.start + behind, at, tsval: 0, ip_id });
            }
        }
    }

    /// Numbers below what was sent already: a repetition, or what others had overtaken.
    fn take_earlier(&mut self, read: &Read<'_>, seen: &mut Sighting, record: Piece) {
        let (from, at) = (read.from, read.at);
        let stream = self.stream(from);
        let (max, una) = (stream.max, stream.una);
        if read.kind == Kind::SynAck && !stream.granted {
            // SYNs crossed: it answers the other end's, and repeats its own number.
            self.stream_mut(from).granted = true;
            return;
        }
        match stream.records.find(read.seq) {
            Ok(index) => {
                let Some(before) = self.stream(from).records.at(index) else { return };
                if self.is_late_original(read, &before) {
                    seen.place = Place::Overtaken;
                    self.flow.end_mut(from).overtaken += 1;
                    self.trouble(TroubleKind::Reordered, from, at);
                    return self.needless(from, at, seen, before.last);
                }
                let evidence = self.evidence(read, &before);
                let cause = classify::cause(&evidence);
                seen.place = Place::Again;
                seen.again = Some(Again {
                    original: (!before.is(JOINED)).then_some(before.first),
                    previous: (!before.is(JOINED)).then_some(before.last),
                    after: evidence.after,
                    nth: u32::from(before.times),
                    cause,
                });
                let had = self.had(read, index);
                self.repeat(read, index, &record);
                self.note_again(read, &before, cause, evidence.is_first);
                if had && cause != Cause::Copy && !read.is(TcpFlags::SYN) {
                    self.needless(from, at, seen, at.number);
                }
            }
            Err(index) if record.end > una || stream.records.at(index).is_some_and(|next| next.start > una) => {
                let evidence = self.gap_evidence(read, index);
                if classify::is_overtaken(&evidence) {
                    seen.place = Place::Overtaken;
                    self.flow.end_mut(from).overtaken += 1;
                    self.trouble(TroubleKind::Reordered, from, at);
                } else {
                    self.lost_before(read, seen, &record, evidence.after);
                }
                let fresh = self.fill(read, index, record);
                self.count_fresh(from, fresh);
            }
            // What it repeats was sent before the capture began: whether that arrived nobody here knows.
            Err(_) if read.end() <= 1 && self.flow.end(from).isn.is_none() => {
                self.repeat_unseen(read, seen, &record, Duration::ZERO);
            }
            Err(index) if self.is_captured_late(read) => {
                let figures = self.flow.end_mut(from);
                figures.unseen_bytes = figures.unseen_bytes.saturating_sub(read.tcp.len.into());
                if figures.unseen_bytes == 0 {
                    self.flow.troubles.take_back(TroubleKind::CaptureMissed, from);
                }
                let fresh = self.fill(read, index, record);
                self.count_fresh(from, fresh);
            }
            // So long ago that the original is forgotten; but it was acknowledged.
            Err(_) => {
                self.lost_before(read, seen, &record, Duration::ZERO);
                if !read.is(TcpFlags::SYN) {
                    self.needless(from, at, seen, at.number);
                }
            }
        }
        let stream = self.stream_mut(from);
        if record.end > max {
            stream.max = record.end;
            stream.records.push(&Piece { start: max, ..record });
            let fresh = u64::try_from(record.end - max).unwrap_or(0);
            self.count_fresh(from, fresh);
        }
    }

    /// So many numbers are seen for the first time; SYN and FIN are no bytes.
    fn count_fresh(&mut self, from: End, fresh: u64) {
        let end = self.flow.end_mut(from);
        end.unique_bytes = (end.unique_bytes + fresh).min(end.data_bytes);
    }

    /// True if it left before what stands for its first sending: that was the second, and overtook it.
    fn is_late_original(&self, read: &Read<'_>, first: &Piece) -> bool {
        let is_whole = first.times == 1 && first.start == read.seq && first.end == read.end() && !first.is(JOINED);
        let id = read.tcp.ip_id.and_then(|id| is_earlier(id, first.ip_id));
        let stamp = read.options.timestamps.and_then(|(val, _)| is_older(val, first.tsval));
        is_whole
            && !read.is(TcpFlags::SYN)
            && stamp != Some(false)
            && (id == Some(true) || id.is_none() && stamp == Some(true))
    }

    /// True if it is the data whose acknowledgement came by just before: a capture of several queues or interfaces is not in
    /// the order of the wire.
    fn is_captured_late(&self, read: &Read<'_>) -> bool {
        let since_acked = self.stream(read.from).advanced_at.map(|at| Duration::from_nanos(nanos(at, read.at.time)));
        self.flow.end(read.from).unseen_bytes >= u64::from(read.tcp.len.max(1))
            && since_acked.is_some_and(classify::is_captured_late)
    }

    /// True if acknowledgements or SACKs that were seen tell that the other end has all of it.
    fn had(&self, read: &Read<'_>, index: usize) -> bool {
        let stream = self.stream(read.from);
        let rest = (index..).map_while(|index| stream.records.at(index)).take_while(|piece| piece.start < read.end());
        read.end() <= stream.una
            || read.end() <= stream.max && rest.into_iter().all(|piece| piece.is(SACKED) || piece.end <= stream.una)
    }

    /// Marks all pieces that a repetition holds, from the one at `index` on.
    fn repeat(&mut self, read: &Read<'_>, index: usize, new: &Piece) {
        let records = &mut self.stream_mut(read.from).records;
        // Of a large piece a small one may go again.
        let mut index = index + usize::from(records.split(index, new.start));
        while records.at(index).is_some_and(|old| old.start < new.end) {
            records.split(index, new.end);
            records.repeat(index, new);
            index += 1;
        }
    }

    /// Puts a piece into the gap before the one at `index`; answers how many bytes of payload are new.
    fn fill(&mut self, read: &Read<'_>, index: usize, record: Piece) -> u64 {
        let stream = self.stream_mut(read.from);
        let next = stream.records.at(index).map_or(stream.max, |next| next.start);
        let end = record.end.min(next).max(record.start);
        let una = stream.una;
        stream.records.fill(index, &Piece { end, marks: FILLED, ..record }, una);
        u64::try_from(end - record.start).unwrap_or(0).min(u64::from(read.tcp.len))
    }

    fn evidence(&self, read: &Read<'_>, before: &Piece) -> Evidence {
        let stream = self.stream(read.from);
        let same_packet = read
            .tcp
            .ip_id
            .filter(|_| before.ip_id != 0)
            .map(|id| id == before.ip_id && read.options.timestamps.is_none_or(|(val, _)| val == before.tsval));
        Evidence {
            asked_again: self.stream(read.from.peer()).syns > 1,
            nth: u32::from(before.times),
            same_packet,
            too_big: stream.too_big_at.is_some_and(|told| told >= before.last_at),
            ..self.common_evidence(read, Duration::from_nanos(nanos(before.last_at, read.at.time)))
        }
    }

    /// What does not depend on whether an earlier sending was seen.
    fn common_evidence(&self, read: &Read<'_>, after: Duration) -> Evidence {
        let stream = self.stream(read.from);
        let rtt = &self.flow.end(read.from).rtt;
        let mean = rtt.smoothed().zip(rtt.variation());
        Evidence {
            opening: read.is(TcpFlags::SYN),
            asked_again: false,
            after,
            nth: 1,
            hints: stream.hints,
            since_third_hint: stream.third_hint_at.map(|at| Duration::from_nanos(nanos(at, read.at.time))),
            sacked_above: stream.sacked_to > read.seq,
            is_first: read.seq <= stream.una,
            is_tail: read.end() >= stream.max,
            in_recovery: stream.recovery.is_some_and(|point| read.seq < point),
            after_timeout: stream.timeout.is_some_and(|point| read.seq < point),
            after_probe: stream.probed_tail,
            same_packet: None,
            round_trip: mean,
            to_sender: self.flow.end(read.from.peer()).rtt.min().unwrap_or_default(),
            since_progress: stream.advanced_at.map(|at| Duration::from_nanos(nanos(at, read.at.time))),
            may_sack: self.flow.ends.iter().all(|end| end.options.is_none_or(|offer| offer.sack)),
            too_big: false,
        }
    }

    fn gap_evidence(&self, read: &Read<'_>, index: usize) -> GapEvidence {
        let stream = self.stream(read.from);
        let behind = stream.records.at(index);
        let stamp = read.options.timestamps.map(|(val, _)| val);
        let older_timestamp = behind.zip(stamp).and_then(|(next, stamp)| is_older(stamp, next.tsval));
        let earlier_id = behind.zip(read.tcp.ip_id).and_then(|(next, id)| is_earlier(id, next.ip_id));
        GapEvidence {
            after: Duration::from_nanos(nanos(behind.map_or(stream.gap_at, |next| next.first_at), read.at.time)),
            earlier_id,
            older_timestamp,
            hints: stream.hints,
            shortest_round_trip: self.flow.end(read.from).rtt.min(),
        }
    }

    /// What a retransmission leaves behind.
    fn note_again(&mut self, read: &Read<'_>, before: &Piece, cause: Cause, is_first: bool) {
        let (from, at) = (read.from, read.at);
        let figures = self.flow.end_mut(from);
        figures.causes[cause as usize] += 1;
        self.streams[from.index()].repeated += 1;
        let tsval = read.options.timestamps.map_or(0, |(val, _)| val);
        self.stream_mut(from).remember(Pending {
            start: read.seq,
            end: read.end(),
            number: at.number,
            at: at.time,
            tsval,
            earlier_tsval: before.tsval,
            is_settled: cause == Cause::Copy,
        });
        let figures = self.flow.end_mut(from);
        if cause == Cause::Copy {
            // Nobody sent it.
            figures.data_packets = figures.data_packets.saturating_sub(u64::from(read.tcp.len > 0));
            figures.data_bytes = figures.data_bytes.saturating_sub(read.tcp.len.into());
            return self.trouble(TroubleKind::Copies, from, at);
        }
        figures.retransmissions += 1;
        figures.retransmitted_bytes += u64::from(read.tcp.len);
        let small_ones_pass = read.tcp.len > 536 && figures.rtt.samples > 0;
        let stream = self.stream_mut(from);
        let max = stream.max;
        match cause {
            Cause::Rto => (stream.timeout, stream.recovery) = (Some(max), None),
            Cause::Probe => stream.probed_tail = true,
            Cause::Fast | Cause::Rack | Cause::PartialAck => {
                stream.recovery.get_or_insert(max);
            }
            _ => {}
        }
        stream.fruitless += u32::from(is_first);
        let stuck = stream.fruitless == FRUITLESS && small_ones_pass;
        match cause {
            Cause::NoAnswer => self.trouble(TroubleKind::OpeningRetried, from, at),
            Cause::Rto => self.trouble(TroubleKind::Timeouts, from, at),
            _ => self.trouble(TroubleKind::Losses, from, at),
        }
        if stuck && self.is_black_hole(read) {
            self.trouble(TroubleKind::BlackHole, from, at);
        }
    }

    /// True if nothing as large as this was ever acknowledged, while its receiver is alive and smaller ones passed.
    fn is_black_hole(&self, read: &Read<'_>) -> bool {
        let stream = self.stream(read.from);
        stream.largest_acked > 0 && read.tcp.len > stream.largest_acked
            || stream.largest_acked == 0 && self.flow.end(read.from.peer()).data_packets > 0
    }

    /// A retransmission of what was lost before it came by here, or whose original is forgotten.
    fn lost_before(&mut self, read: &Read<'_>, seen: &mut Sighting, record: &Piece, after: Duration) {
        self.flow.end_mut(read.from).lost_before += 1;
        self.repeat_unseen(read, seen, record, after);
    }

    /// A retransmission whose original was not seen.
    fn repeat_unseen(&mut self, read: &Read<'_>, seen: &mut Sighting, record: &Piece, after: Duration) {
        let evidence = Evidence { same_packet: Some(false), ..self.common_evidence(read, after) };
        let cause = classify::cause(&evidence);
        seen.place = Place::Again;
        seen.again = Some(Again { original: None, previous: None, after, nth: 1, cause });
        self.note_again(read, &Piece { tsval: 0, ..*record }, cause, evidence.is_first);
    }
}

/// Whether a timestamp was made before another; `None` if that can't be told.
fn is_older(stamp: u32, than: u32) -> Option<bool> {
    let difference = stamp.wrapping_sub(than) as i32;
    (than != 0 && difference != 0).then_some(difference < 0)
}

/// Whether a packet was numbered before another, by their IP identifications; `None` if they are not counted.
fn is_earlier(id: u16, than: u16) -> Option<bool> {
    (than != 0 && id != 0).then_some((id.wrapping_sub(than) as i16) < 0)
}
