//! Bounds hold and nothing panics, whatever comes.

use super::super::records::{MAX_RECORDS, Piece, Records};
use super::super::{ExcerptOptions, FlowNumber, Flows, FlowsOptions, MAX_STALLS, MAX_STATE_CHANGES, MAX_SYNS};
use super::Wire;
use super::wire::{START, Segment, client, icmp, server};
use crate::capture::{CapturedPacket, LinkType, PacketRef};
use crate::diff::{Diff, Finding, Relation, Side, compare};
use crate::explain::{ExplainOptions, Explainer, verdicts};
use crate::export::{CONNECTIONS, SEGMENTS, SegmentRow, json_line};
use crate::flows::listing::{Row, Screen, table};
use crate::trace::Trace;
use crate::verdict;
use proptest::prelude::*;
use std::time::Duration;

#[test]
fn too_many_at_once_are_pushed_out_and_counted() {
    let mut wire = Wire::with(FlowsOptions { max_open: 10, ..FlowsOptions::default() });
    let mut ended = 0;
    for port in 1..=100 {
        wire.after(1_000, client("S", 1, 0, 0).port(port));
        ended += std::iter::from_fn(|| wire.flows.poll_ended()).count();
    }
    assert_eq!((wire.flows.open().count(), ended), (10, 90));
    let totals = wire.flows.totals();
    assert_eq!((totals.flows, totals.pushed_out, totals.unread), (100, 90, 0));
}

#[test]
fn those_that_nobody_polls_are_bounded_too() {
    let mut wire = Wire::with(FlowsOptions { max_open: 10, ..FlowsOptions::default() });
    for port in 1..=100 {
        wire.after(1_000, client("S", 1, 0, 0).port(port));
    }
    assert_eq!(wire.flows.totals().unread, 80);
    assert_eq!(wire.flows.finish().count(), 20);
}

#[test]
fn busy_ones_stay_when_idle_ones_are_pushed_out() {
    let mut wire = Wire::with(FlowsOptions { max_open: 4, ..FlowsOptions::default() });
    let busy = |n: u32| client("P.", 1 + n, 1, 1).port(7_000);
    wire.after(1_000, busy(0));
    for n in 1..200 {
        wire.after(100_000, busy(n));
        wire.after(100_000, client("S", 1, 0, 0).port(n as u16));
    }
    let numbers: Vec<u64> = wire.flows.open().map(|flow| flow.number.0).collect();
    assert!(numbers.contains(&1), "{numbers:?}");
}

#[test]
fn what_ended_leaves_after_a_while_and_what_is_silent_ages_out() {
    let options = FlowsOptions { idle: Duration::from_secs(60), linger: Duration::from_secs(5), ..Default::default() };
    let mut wire = Wire::with(options);
    wire.at(0, client("S", 1, 0, 0));
    wire.after(10, server("S.", 1, 0, 2));
    wire.after(10, client("R.", 2, 0, 2));
    wire.after(10, client("S", 1, 0, 0).port(2));
    wire.after(4_000_000, client("S", 1, 0, 0).port(3));
    assert_eq!(wire.flows.open().count(), 3);
    wire.after(2_000_000, client("S", 1, 0, 0).port(4));
    assert_eq!(wire.flows.poll_ended().map(|flow| flow.number.0), Some(1));
    wire.after(57_000_000, client("S", 1, 0, 0).port(5));
    wire.after(1, client("S", 1, 0, 0).port(5));
    let gone: Vec<u64> = std::iter::from_fn(|| wire.flows.poll_ended()).map(|flow| flow.number.0).collect();
    assert_eq!(gone, [2]);
}

#[test]
fn an_excerpt_keeps_the_first_and_the_last() {
    let excerpt = Some(ExcerptOptions { first: 2, last: 3, snaplen: 30 });
    let mut wire = Wire::with(FlowsOptions { excerpt, ..FlowsOptions::default() });
    for n in 0..10 {
        wire.after(10, client("P.", 1 + n * 100, 100, 1));
    }
    let flow = wire.end();
    let excerpt = flow.excerpt.expect("it was asked for");
    let numbers: Vec<u64> = excerpt.packets().map(|packet| packet.number).collect();
    assert_eq!((numbers, excerpt.left_out()), (vec![1, 2, 8, 9, 10], 5));
    assert!(excerpt.packets().all(|packet| packet.data.len() == 30 && packet.original_len == 140));
}

#[test]
fn what_is_outstanding_is_followed_within_a_bound() {
    let mut records = Records::default();
    for n in 0..10_000_i64 {
        let piece = Piece {
            start: n * 10,
            end: n * 10 + 10,
            first_at: n,
            last_at: n,
            first: n as u64,
            last: n as u64,
            tsval: 0,
            ip_id: 0,
            times: 1,
            marks: 0,
        };
        records.push(&piece);
    }
    assert_eq!(records.find(99_999), Ok(MAX_RECORDS - 1));
    assert_eq!(records.find(100_000), Err(MAX_RECORDS));
    let taken = records.acknowledge(0, 100_000);
    assert_eq!((taken.unseen, taken.sent_once_at), (0, None), "of what was joined no time is known");
}

/// However a piece is cut, joined and sent again, it is known when it was sent first.
#[test]
fn the_first_sending_of_a_piece_is_kept() {
    let mut records = Records::default();
    let piece = |start, len, n: u64| Piece {
        start,
        end: start + len,
        first_at: n as i64 * 10,
        last_at: n as i64 * 10,
        first: n,
        last: n,
        tsval: n as u32,
        ip_id: 7,
        times: 1,
        marks: 0,
    };
    for n in 0..4 {
        records.push(&piece(n * 100, 100, 1 + n as u64));
    }
    let told = |records: &Records, at| records.at(at).map(|p| (p.start, p.end, p.first, p.first_at, p.last, p.times));
    records.repeat(1, &piece(100, 100, 9));
    records.repeat(1, &piece(100, 100, 11));
    assert_eq!(told(&records, 1), Some((100, 200, 2, 20, 11, 3)));
    assert!(records.split(1, 150) && records.split(3, 250));
    records.repeat(4, &piece(250, 50, 12));
    assert_eq!(told(&records, 1), Some((100, 150, 2, 20, 11, 3)));
    assert_eq!(told(&records, 2), Some((150, 200, 2, 20, 11, 3)));
    assert_eq!(told(&records, 3), Some((200, 250, 3, 30, 3, 1)));
    assert_eq!(told(&records, 4), Some((250, 300, 3, 30, 12, 2)));
    assert_eq!(records.acknowledge(0, 150).sent_once_at, None);
    records.join();
    assert_eq!(told(&records, 0), Some((150, 400, 2, 20, 4, 3)));
    for n in 0..30 {
        records.push(&piece(400 + n * 10, 10, 20 + n as u64));
    }
    assert!(records.of_firsts() > 0);
    records.acknowledge(150, 700);
    assert_eq!(told(&records, 0).map(|told| told.0), Some(460), "24 are remembered");
    assert_eq!(records.find(150), Err(0));
}

/// Numbers as large as they come, and a piece longer than its length can tell.
#[test]
fn large_numbers_are_kept() {
    let mut records = Records::default();
    let (start, number) = ((1 << 46) + 12_345, (1 << 47) + 99);
    let piece = Piece {
        start,
        end: start + 5,
        first_at: i64::MIN,
        last_at: i64::MAX,
        first: 3,
        last: number,
        tsval: u32::MAX,
        ip_id: u16::MAX,
        times: 255,
        marks: 0,
    };
    records.push(&piece);
    let kept = records.at(0).expect("it was pushed");
    assert_eq!((kept.start, kept.end, kept.last, kept.last_at), (start, start + 5, number, i64::MAX));
    assert_eq!((kept.tsval, kept.ip_id, kept.times), (u32::MAX, u16::MAX, 255));
    let long = Piece { start: -4, end: 1 << 40, ..piece };
    let mut records = Records::default();
    records.push(&long);
    assert_eq!(records.at(0).map(|kept| (kept.end, kept.end - kept.start)), Some((1 << 40, u32::MAX.into())));
    // What is not known of it was sent all the same.
    for (una, ack) in [(0, 1 << 20), (1 << 20, 1 << 40)] {
        assert_eq!(records.acknowledge(una, ack).unseen, 0);
    }
}

/// The first connection's time is a year ahead: it leaves, and those behind it leave as they are silent.
#[test]
fn a_time_in_the_future_does_not_stop_the_ageing() {
    const YEAR: i64 = 365 * 86_400 * 1_000_000;
    let options = FlowsOptions { idle: Duration::from_secs(60), linger: Duration::from_secs(5), ..Default::default() };
    for ends in [false, true] {
        let mut wire = Wire::with(options.clone());
        wire.at(YEAR, client("S", 1, 0, 0));
        if ends {
            wire.at(YEAR, server("R.", 0, 0, 2));
        }
        for n in 1..100 {
            wire.at(n * 10_000_000, client("S", 1, 0, 0).port(n as u16));
        }
        let open: Vec<u64> = wire.flows.open().map(|flow| flow.number.0).collect();
        assert!(open.len() <= 8 && !open.contains(&1), "{ends}: {open:?}");
    }
}

/// A million connections of a few packets each: what is held depends on how many are open, and that is bounded.
#[test]
fn a_million_small_connections_take_little() {
    const OPEN: usize = 8_192;
    let mut wire = Wire::with(FlowsOptions { max_open: OPEN, ..FlowsOptions::default() });
    let (mut most, mut ended) = (0, 0);
    for n in 0..1_000_000_u32 {
        let (port, isn) = ((n % 60_000) as u16, n.wrapping_mul(7));
        wire.after(3, client("S", isn, 0, 0).port(port).offers());
        match n % 4 {
            0 => drop(wire.after(3, server("R.", 0, 0, isn.wrapping_add(1)).port(port))),
            1 => {
                wire.after(3, server("S.", n, 0, isn.wrapping_add(1)).port(port).offers());
                wire.after(3, client(".", isn.wrapping_add(1), 0, n.wrapping_add(1)).port(port));
                wire.after(3, client("P.", isn.wrapping_add(1), 100, n.wrapping_add(1)).port(port));
            }
            _ => {}
        }
        ended += std::iter::from_fn(|| wire.flows.poll_ended()).count();
        if n % 50_000 == 0 {
            most = most.max(wire.flows.memory().total());
        }
    }
    assert!(most > 0 && most <= OPEN * 4 * 1024, "{most} bytes");
    assert!(wire.flows.open().count() <= OPEN && ended + OPEN >= 1_000_000, "{ended}");
}

/// What ended and waits for what may come late is small: there may be many times as many of them as are under way.
#[test]
fn those_that_ended_rest_in_little_room() {
    const ENDED: usize = 2_000;
    let mut wire = Wire::new();
    for port in 1..=ENDED as u16 {
        wire.after(3, client("S", 0, 0, 0).port(port).offers());
        wire.after(3, server("S.", 0, 0, 1).port(port).offers());
        for n in 0..40 {
            wire.after(3, client("P.", 1 + n * 10, 10, 1 + n * 100).port(port));
            wire.after(3, server("P.", 1 + n * 100, 100, 11 + n * 10).port(port));
        }
        wire.after(3, client("F.", 401, 0, 4_001).port(port));
        wire.after(3, server("F.", 4_001, 0, 402).port(port));
        wire.after(3, client(".", 402, 0, 4_002).port(port));
    }
    let memory = wire.flows.memory();
    assert!(memory.connections + memory.detail < ENDED * 1024, "{memory:?}");
    // What comes late finds them as they were.
    let late = wire.after(3, server("F.", 4_001, 0, 402).port(1));
    assert_eq!((late.flow, late.again.and_then(|again| again.original)), (FlowNumber(1), Some(84)));
}

/// Connections that have as much outstanding as one can, both ways, with repetitions: their detail has a bound of its own,
/// those that were silent longest let go of it, and that is said.
#[test]
fn the_detail_of_all_connections_together_is_bounded() {
    const MOST: usize = 1 << 20;
    let mut wire = Wire::with(FlowsOptions { max_detail: MOST, ..FlowsOptions::default() });
    for port in 1..=60_u16 {
        for n in 0..2_200_u32 {
            wire.after(5, client("P.", 1 + n * 10, 10, 1).port(port));
            wire.after(5, server("P.", 1 + n * 10, 10, 1).port(port));
            if n % 50 == 0 {
                wire.after(1_000_000, client("P.", 1 + n * 10, 10, 1).port(port));
            }
        }
    }
    let (memory, totals) = (wire.flows.memory(), wire.flows.totals());
    assert!(memory.detail <= MOST && memory.most_detail <= MOST && memory.most_detail > MOST / 2, "{memory:?}");
    assert!(totals.let_go >= 50, "{totals:?}");
    // What is outstanding is still known to be outstanding, and an acknowledgement of it tells of no gap.
    let first = wire.flow();
    assert!(first.detail_let_go && first.ends[0].in_flight == 22_000);
    let seen = wire.after(10, server(".", 22_001, 0, 22_001).port(1));
    assert_eq!((seen.newly_acked, seen.acks_unseen, seen.rtt), (22_000, false, None));
    let last = wire.flows.flow(FlowNumber(60)).expect("it is followed");
    assert!(!last.detail_let_go, "the newest keeps what it has");
    let unbounded = wire.flows.finish().map(|flow| flow.detail_let_go).filter(|gone| *gone).count();
    assert!(unbounded >= 50, "{unbounded}");
}

/// Many connections opened anew on the same ports: the queues hold no more than there are connections.
#[test]
fn queues_are_swept_of_connections_that_left() {
    let mut wire = Wire::with(FlowsOptions { max_open: 64, ..FlowsOptions::default() });
    let mut tables = 0;
    for n in 0..200_000_u32 {
        let port = (n % 8) as u16;
        wire.after(1, client("S", n.wrapping_mul(99), 0, 0).port(port));
        while wire.flows.poll_ended().is_some() {}
        if n % 1_000 == 999 {
            tables = tables.max(wire.flows.memory().tables);
        }
    }
    assert_eq!(wire.flows.open().count(), 8);
    assert!(tables < 256 * 1024, "{tables} bytes");
}

/// So many connections, one after the other, closed.
fn closed(wire: &mut Wire, ports: std::ops::RangeInclusive<u16>) {
    for port in ports {
        wire.after(3, client("S", 0, 0, 0).port(port));
        wire.after(3, server("S.", 0, 0, 1).port(port));
        wire.after(3, client("P.", 1, 100, 1).port(port));
        wire.after(3, client("F.", 101, 0, 1).port(port));
        wire.after(3, server("F.", 1, 0, 102).port(port));
        wire.after(3, client(".", 102, 0, 2).port(port));
    }
}

/// What ended and is woken again and again: the queues do not grow with it, whether others open meanwhile or not.
#[test]
fn queues_are_swept_of_what_stands_there_twice() {
    let mut wire = Wire::new();
    wire.flows.table.keep_awake(16);
    closed(&mut wire, 1..=40);
    for n in 0..40_000_u16 {
        wire.after(3, server("F.", 1, 0, 102).port(1 + n % 40));
    }
    let tables = wire.flows.memory().tables;
    assert!(tables < 256 * 1024, "{tables} bytes");
    for n in 0..40_000_u16 {
        wire.after(3, server("F.", 1, 0, 102).port(1 + n % 40));
        wire.after(3, client("S", 0, 0, 0).port(1_000 + n % 100));
    }
    let grown = wire.flows.memory().tables;
    assert!(grown < 384 * 1024, "{tables} bytes, then {grown}");
    assert!(wire.flows.table.packed > 40_000, "{}", wire.flows.table.packed);
}

/// Those that go on talking after their end do not pack one another at each packet.
#[test]
fn what_is_woken_stays_awake_for_a_while() {
    let mut wire = Wire::new();
    closed(&mut wire, 1..=500);
    for n in 0..50_000_u16 {
        wire.after(3, server("F.", 1, 0, 102).port(1 + n % 500));
    }
    assert!(wire.flows.table.packed <= 500, "{}", wire.flows.table.packed);
    closed(&mut wire, 1_001..=4_000);
    let before = wire.flows.table.packed;
    for port in 1_001..=4_000 {
        wire.after(3, server("F.", 1, 0, 102).port(port));
    }
    // Of those that were woken some rest again: they are bounded.
    assert!((1_000..=3_000).contains(&(wire.flows.table.packed - before)), "{}", wire.flows.table.packed - before);
}

/// Segments as they might come from anybody.
fn any_segment() -> impl Strategy<Value = Segment> {
    let near = prop_oneof![0..20_u32, any::<u32>(), (u32::MAX - 20)..=u32::MAX];
    let flags = prop::sample::select(vec!["S", "S.", ".", "P.", "F.", "R", "R.", "FS", "", "SEW", "F"]);
    let blocks = prop::collection::vec((0..40_u32, 0..40_u32), 0..4);
    (any::<bool>(), flags, near.clone(), near, 0..30_usize, 0..3_u16, blocks, any::<(u8, u16, bool)>()).prop_map(
        |(from_server, flags, seq, ack, len, port, blocks, (ttl, window, stamps))| {
            let segment = if from_server { server(flags, seq, len, ack) } else { client(flags, seq, len, ack) };
            let segment = segment.port(port).ttl(ttl).window(window % 3 * 1000).id(window);
            let segment = if stamps { segment.stamps(seq, ack) } else { segment };
            if blocks.is_empty() || stamps { segment } else { segment.sack(&blocks) }
        },
    )
}

/// Those, and ICMP errors about them.
fn any_packet() -> impl Strategy<Value = Vec<u8>> {
    let error = prop::sample::select(vec![(3, 1), (3, 3), (3, 4), (3, 13), (11, 0)]);
    (any_segment(), prop::option::weighted(0.15, (error, 0..1_500_u16))).prop_map(|(segment, error)| match error {
        Some(((kind, code), mtu)) => icmp(&segment, kind, code, mtu),
        None => segment.bytes(),
    })
}

/// From one packet to the next, nanoseconds: mostly a little, at times far, as where captures were joined, and back.
fn any_step() -> impl Strategy<Value = i64> {
    const HOUR: i64 = 3_600_000_000_000;
    prop_oneof![20 => -1_000_000..900_000_000_i64, 1 => -HOUR..0, 1 => 0..4 * HOUR]
}

/// When packets may be said to have come.
fn any_time() -> impl Strategy<Value = i64> {
    let near = |place: i64| (0..3_i64).prop_map(move |by| if place < 0 { place + by } else { place - by });
    prop_oneof![any::<i64>(), near(i64::MIN), near(i64::MAX), -3..3_i64, START..START + 10_000_000_000]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_segments_keep_the_bounds(segments in prop::collection::vec((any_segment(), 0..2_000_000_i64), 1..200)) {
        let options = FlowsOptions { max_open: 2, excerpt: Some(ExcerptOptions::default()), ..Default::default() };
        let mut wire = Wire::with(options);
        for (segment, micros) in segments {
            let seen = wire.after(micros - 1_000, segment);
            prop_assert!(seen.again.is_none_or(|again| again.original.is_none_or(|original| original < seen.number)));
            while wire.flows.poll_ended().is_some() {}
        }
        for flow in wire.flows.open() {
            prop_assert!(flow.stalls.len() <= MAX_STALLS);
            for end in &flow.ends {
                prop_assert!(end.syns.len() <= MAX_SYNS && end.states.len() <= MAX_STATE_CHANGES);
                prop_assert!(end.unique_bytes <= end.data_bytes, "{} of {}", end.unique_bytes, end.data_bytes);
                prop_assert!(end.retransmissions <= end.packets && end.in_flight <= end.max_in_flight.max(end.in_flight));
            }
        }
        prop_assert!(wire.flows.open().count() <= 2);
        for flow in wire.flows.finish() {
            let _ = (flow.time_wait(), flow.half_close(), flow.round_trip());
        }
    }

    /// What ended rests as a few bytes, and is the same when something wakes it, or when it leaves.
    #[test]
    fn rest_changes_nothing(packets in prop::collection::vec((any_packet(), any_step()), 1..150)) {
        let [mut resting, mut awake] = [1, usize::MAX].map(|most| {
            let mut wire = Wire::with(FlowsOptions::default());
            wire.flows.table.keep_awake(most);
            wire
        });
        let mut left = [Vec::new(), Vec::new()];
        let mut now = START;
        for (bytes, step) in packets {
            now += step;
            let seen = [&mut resting, &mut awake].map(|wire| wire.bytes_at(now, &bytes));
            prop_assert_eq!(seen[0], seen[1]);
            let [of_resting, of_awake] = &mut left;
            of_resting.extend(std::iter::from_fn(|| resting.flows.poll_ended()));
            of_awake.extend(std::iter::from_fn(|| awake.flows.poll_ended()));
            let open = [&resting, &awake].map(|wire| wire.flows.open().map(|flow| flow.into_owned()).collect::<Vec<_>>());
            prop_assert_eq!(&open[0], &open[1]);
        }
        left[0].extend(resting.flows.finish());
        left[1].extend(awake.flows.finish());
        prop_assert_eq!(&left[0], &left[1]);
    }

    /// Times at both ends of the scale, and backwards: everything that is told of connections without a picture.
    #[test]
    fn any_times_do_no_harm(segments in prop::collection::vec((any_segment(), any_time()), 1..60)) {
        let mut flows = Flows::new(FlowsOptions { max_open: 8, max_detail: 4096, ..FlowsOptions::default() });
        let mut explainer = Explainer::new(&ExplainOptions::default());
        let mut sides = [Side::default(), Side::default()];
        let (mut rows, mut objects, mut packets) = (Vec::new(), Vec::new(), Vec::new());
        for (n, (segment, time)) in segments.into_iter().enumerate() {
            let packet = CapturedPacket::whole(n as u64 + 1, time, LinkType::RAW, segment.bytes());
            explainer.handle_packet(&packet.lend());
            if let Some(seen) = flows.handle_packet(&packet.lend())
                && let Some(flow) = flows.flow(seen.flow)
            {
                json_line(&SEGMENTS, &SegmentRow::new(&packet.lend(), seen, &flow), &mut objects);
            }
            rows.extend(std::iter::from_fn(|| flows.poll_ended()));
            sides[n % 2].take(&packet.lend());
            packets.push(packet);
        }
        for relation in [None, Some(Relation::Ends), Some(Relation::Runs)] {
            let findings: Vec<Finding> = match compare(&sides[0], &sides[1], relation) {
                Diff::Ends(ends) => ends.into_iter().flat_map(|ends| ends.findings).collect(),
                Diff::Runs(runs) => runs.into_iter().flat_map(|runs| runs.findings).collect(),
            };
            prop_assert!(findings.iter().all(|finding| !finding.sentence.is_empty()));
        }
        rows.extend(flows.finish());
        rows.iter().for_each(|flow| json_line(&CONNECTIONS, flow, &mut objects));
        let listed: Vec<Row> = rows.iter().map(Row::of).collect();
        let text = table(&listed, packets[0].time, Screen { width: 120, color: true });
        prop_assert_eq!(text.lines().count(), rows.len() + 1);
        let single: crate::explain::CloseLook = verdict::explain(&Trace::from_capture(packets)).into_iter().collect();
        for explained in explainer.finish().worst {
            prop_assert!(verdicts(&explained, &single).iter().all(|verdict| verdict.sentence.ends_with(|c: char| ".:)".contains(c))));
        }
        prop_assert!(std::str::from_utf8(&objects).is_ok());
    }

    #[test]
    fn any_bytes_are_read(
        bytes in prop::collection::vec(any::<u8>(), 0..120),
        link in prop::sample::select(vec![0_u16, 1, 101, 108, 113, 228, 229, 276, 9999]),
        original_len in any::<u32>(),
        mut packet in any_segment().prop_map(|segment| segment.bytes()),
        place in any::<prop::sample::Index>(),
        value: u8,
    ) {
        let mut flows = Flows::new(FlowsOptions::default());
        let index = place.index(packet.len());
        packet[index] = value;
        let cut = place.index(packet.len() + 1);
        for data in [&bytes[..], &packet[..], &packet[..cut]] {
            let link_type = LinkType(link);
            let packet = PacketRef { number: 1, time: 0, link_type, original_len, data, comment: None, interface: 0 };
            flows.handle_packet(&packet);
            flows.handle_packet(&PacketRef { link_type: LinkType::RAW, ..packet });
        }
    }
}
