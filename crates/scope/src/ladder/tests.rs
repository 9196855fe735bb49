use super::layout::{Ending, Line};
use super::*;
use crate::story::{CLIENT, SERVER, Story, experiments, seg};
use crate::trace::{Arrival, View, What};
use insta::assert_snapshot;
use limpid_event::{DropReason, Event, FlowId, Instant, LinkFate, TcpState, Timer};
use proptest::prelude::*;
use std::time::Duration;

const INSIDE: [View; 2] = [View::Inside; 2];

fn at_width(width: usize) -> RenderOptions {
    RenderOptions { width, ..RenderOptions::default() }
}

#[test]
fn every_experiment_in_80_columns() {
    for (name, trace) in experiments::all() {
        assert_snapshot!(format!("80_{name}"), render(&trace, &at_width(80)));
    }
}

#[test]
fn wider_terminals_have_more_room() {
    for (name, trace) in experiments::all() {
        if matches!(name, "handshake" | "lost-segment-fast" | "connect-timeout") {
            assert_snapshot!(format!("100_{name}"), render(&trace, &at_width(100)));
            assert_snapshot!(format!("120_{name}"), render(&trace, &at_width(120)));
        }
    }
}

#[test]
fn ascii_says_the_same() {
    for (name, trace) in experiments::all() {
        let text = render(&trace, &RenderOptions { charset: Charset::Ascii, ..at_width(80) });
        assert!(text.is_ascii(), "{name}: {text}");
        if matches!(name, "handshake" | "lost-segment-rto" | "simultaneous-close" | "bulk") {
            assert_snapshot!(format!("ascii_{name}"), text);
        }
    }
}

#[test]
fn colour_adds_escape_sequences_and_nothing_else() {
    for (name, trace) in experiments::all() {
        let plain = render(&trace, &at_width(80));
        let coloured = render(&trace, &RenderOptions { color: true, ..at_width(80) });
        assert_eq!(without_escapes(&coloured), plain, "{name}");
        if matches!(name, "handshake" | "lost-segment-rto") {
            assert_snapshot!(format!("colour_{name}"), coloured.replace('\x1b', "␛"));
        }
    }
}

fn without_escapes(text: &str) -> String {
    let mut pieces = text.split('\x1b');
    let first = pieces.next().unwrap_or("").to_owned();
    pieces.fold(first, |all, piece| all + piece.split_once('m').expect("an SGR sequence ends in m").1)
}

#[test]
fn a_burst_is_one_arrow_but_for_what_was_sent_again() {
    let (_, trace) =
        experiments::all().into_iter().find(|(name, _)| *name == "lost-segment-fast").expect("it is there");
    let ladder = lay_out(&trace, &LadderOptions::default()).remove(0);
    let bundles: Vec<(String, &str, u64)> = (ladder.arrows.iter())
        .filter_map(|arrow| {
            let last = &ladder.arrows[arrow.bundle?];
            assert!(last.label.number.is_none() && last.label.name.is_empty() && last.from == arrow.from);
            assert!(ladder.rows[arrow.departs].at <= ladder.rows[last.departs].at);
            Some((arrow.label.numbers()?, arrow.label.name.as_str(), last.label.last?))
        })
        .collect();
    assert_eq!(bundles, [("6–9".into(), "4 segments", 9), ("11–14".into(), "4 duplicate ACKs", 14)]);
    let unfolded = lay_out(&trace, &LadderOptions::unfolded()).remove(0);
    assert!(unfolded.arrows.iter().all(|arrow| arrow.bundle.is_none()));
    assert_eq!(unfolded.arrows.len(), ladder.arrows.len() + 4);
}

#[test]
fn numbers_can_be_absolute() {
    let trace = experiments::handshake(INSIDE);
    let show = |ladder| render(&trace, &RenderOptions { ladder, ..at_width(80) });
    let syn_only = show(LadderOptions { absolute_syn: true, ..LadderOptions::default() });
    assert!(syn_only.contains("1 SYN seq 3841401858 win 64240"), "{syn_only}");
    assert!(syn_only.contains("4 FIN-ACK seq 1 ack 1"), "{syn_only}");
    let all = show(LadderOptions { absolute: true, ..LadderOptions::default() });
    assert!(all.contains("4 FIN-ACK seq 3841401859"), "{all}");
    // Bundles, too.
    let options = LadderOptions { absolute: true, ..LadderOptions::default() };
    let ladder = lay_out(&experiments::bulk(8), &options).remove(0);
    let bundle = ladder.arrows.iter().find(|arrow| arrow.bundle.is_some()).expect("a burst");
    assert_eq!(bundle.label.fields[0], "seq 3841401859:3841409859");
}

#[test]
fn no_line_is_wider_than_asked() {
    for (name, trace) in experiments::all() {
        for width in 60..=132 {
            for line in render(&trace, &at_width(width)).lines() {
                assert!(unicode_width::UnicodeWidthStr::width(line) <= width, "{name} at {width}: {line}");
            }
        }
    }
}

#[test]
fn arrows_have_flight_and_rows_have_order() {
    for (name, trace) in experiments::all() {
        for ladder in lay_out(&trace, &LadderOptions::default()) {
            assert!(ladder.rows.is_sorted_by_key(|row| row.at), "{name}");
            for arrow in &ladder.arrows {
                assert!(arrow.departs <= arrow.arrives && arrow.arrives < ladder.rows.len(), "{name}");
            }
            for bracket in &ladder.brackets {
                assert!(bracket.from < bracket.to && bracket.to < ladder.rows.len(), "{name}");
            }
        }
    }
}

#[test]
fn the_ack_that_rides_on_a_fin_is_a_ghost() {
    let ladder = lay_out(&experiments::handshake(INSIDE), &LadderOptions::default()).remove(0);
    let ghosts: Vec<_> = ladder.arrows.iter().filter(|a| a.line == layout::Line::Ghost).collect();
    assert_eq!(ghosts.len(), 1);
    assert_eq!(ghosts[0].label.name, "no ACK of 4 alone: it rides on 5");
    let apart = lay_out(&experiments::close_apart(), &LadderOptions::default()).remove(0);
    assert!(apart.arrows.iter().all(|a| a.line != layout::Line::Ghost));
}

#[test]
fn timers_are_brackets() {
    let trace = experiments::connect_timeout(INSIDE, &[0, 1000, 3000, 7000, 15_000], Some(31_000));
    let ladder = lay_out(&trace, &LadderOptions::default()).remove(0);
    let texts: Vec<&str> = ladder.brackets.iter().map(|b| b.text.as_str()).collect();
    assert_eq!(texts, ["RTO 1 s", "RTO 2 s", "RTO 4 s", "RTO 8 s", "RTO 16 s"]);
}

#[test]
fn long_runs_fold_and_long_stories_are_cut() {
    let ladder = |n| lay_out(&experiments::bulk(n), &LadderOptions::default()).remove(0);
    let folds: Vec<String> = ladder(60).remarks.into_iter().map(|r| r.text).collect();
    assert_eq!(folds, ["6–91 in 160 ms: → 58 segments, 58,000 B; ← 28 ACKs"]);
    // Nothing can fold where every segment is a retransmission; the middle goes all the same.
    let mut s = Story::new(INSIDE);
    for n in 0..5_000 {
        s.loses(n * 10, seg(CLIENT, "S", 0, 0));
    }
    let ladder = lay_out(&s.end(60_000), &LadderOptions::default()).remove(0);
    let max = LadderOptions::default().max_arrows;
    assert!((max - 2..=max + 2).contains(&ladder.arrows.len()), "{}", ladder.arrows.len());
    assert_eq!(ladder.remarks.len(), 1);
    assert!(ladder.remarks[0].text.contains("; 4,900 lost"), "{}", ladder.remarks[0].text);
}

/// Of many events of a kind the first are drawn, the others counted; another kind among them is drawn.
#[test]
fn events_that_come_again_and_again_are_counted() {
    let mut s = Story::new(INSIDE);
    s.handshake(0);
    for n in 0..200_u32 {
        let data = seg(CLIENT, "", 1 + n * 100, 1).len(100);
        match n {
            100 => s.sends(100 + u64::from(n) * 5, seg(CLIENT, "", 1, 1).len(100)),
            n if n % 2 == 0 => s.loses(100 + u64::from(n) * 5, data),
            _ => s.sends(100 + u64::from(n) * 5, data),
        };
    }
    let trace = s.end(60_000);
    let ladder = lay_out(&trace, &LadderOptions::default()).remove(0);
    assert!(ladder.arrows.len() <= 24, "{}", ladder.arrows.len());
    let lost = ladder.arrows.iter().filter(|arrow| matches!(arrow.end, Ending::Lost(_))).count();
    assert_eq!(lost, 2, "the first two, as told in the options");
    assert!(ladder.arrows.iter().any(|arrow| arrow.line == Line::Dashed), "what is sent again once is drawn");
    let folded: String = ladder.remarks.iter().map(|remark| remark.text.as_str()).collect();
    assert!(folded.contains(" lost") && folded.contains(" in "), "{folded}");
    let all = lay_out(&trace, &LadderOptions::unfolded()).remove(0);
    assert!(all.arrows.len() >= 203 && all.remarks.is_empty(), "{}", all.arrows.len());
}

#[test]
fn many_connections_are_counted_not_drawn() {
    let mut s = Story::new(INSIDE);
    for port in 0..100 {
        s.ends[CLIENT].port = 1000 + port;
        s.handshake(u64::from(port) * 100);
        // No two look the same.
        s.sends(u64::from(port) * 100 + 50, seg(CLIENT, "P.", 1, 1).len(1 + usize::from(port)));
    }
    let trace = s.end(20_000);
    let options = at_width(80);
    let text = render(&trace, &options);
    assert_eq!(text.matches("Connection ").count(), options.ladder.max_ladders);
    assert!(text.ends_with("(84 more connections not drawn)\n"), "{text}");
}

/// Work grows with the trace and no faster: each of these takes far less than a second.
#[test]
fn large_traces_take_no_time() {
    let began = std::time::Instant::now();
    let mut lossy = Story::new(INSIDE);
    lossy.handshake(0);
    let mut scan = Story::new(INSIDE);
    for n in 0..20_000u32 {
        let at = 1000 + u64::from(n) * 500;
        lossy
            .loses(at, seg(CLIENT, ".", 1 + n * 10, 1).len(10))
            .sends(at + 300, seg(CLIENT, ".", 1 + n * 10, 1).len(10));
        scan.ends[CLIENT].port = n as u16;
        scan.isn[CLIENT] = n;
        scan.sends(u64::from(n), seg(CLIENT, "S", 0, 0)).sends(u64::from(n) + 1, seg(SERVER, "R.", 0, 1));
    }
    for trace in [lossy.end(0), scan.end(0)] {
        render(&trace, &RenderOptions::default());
        assert!(!crate::verdict::explain(&trace).is_empty());
    }
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

/// No stroke runs over a word, and no word over another.
#[test]
fn words_are_whole() {
    for (name, trace) in experiments::all() {
        for width in [80, 100, 132] {
            let options = RenderOptions { legend: false, ..at_width(width) };
            let text = render(&trace, &options);
            let seen: Vec<&str> = text.split_whitespace().collect();
            for ladder in lay_out(&trace, &options.ladder) {
                let states = ladder.states.iter().map(|mark| mark.state.name().to_owned());
                let words = ladder.arrows.iter().flat_map(|arrow| {
                    let reason = match &arrow.end {
                        layout::Ending::Dropped(why) | layout::Ending::Lost(why) => Some(why.clone()),
                        _ => None,
                    };
                    let label = &arrow.label;
                    std::iter::once(label.name.clone())
                        .chain(label.fields.clone())
                        .chain(label.details.clone())
                        .chain(reason)
                });
                let remarks = ladder.remarks.iter().map(|remark| remark.text.clone());
                for word in words.chain(remarks).chain(states).flat_map(|text| split(&text)) {
                    assert!(seen.iter().any(|s| s.contains(&word)), "{name} at {width}: {word}\n{text}");
                }
            }
        }
    }
}

fn split(text: &str) -> Vec<String> {
    // A fold's parts stand on lines of their own.
    text.split_whitespace().map(|word| word.trim_end_matches(';').to_owned()).collect()
}

/// In real time a state is entered a little after the packet that brings it about was seen: it stands beside it.
#[test]
fn states_of_real_time_stand_at_their_packets() {
    let mut s = Story::new([View::Inside, View::Observed]);
    s.handshake(0);
    let micros = |at: u64| Instant::from_nanos(at * 1000);
    for (at, from, to) in [
        (0, TcpState::Closed, TcpState::SynSent),
        (20_150, TcpState::SynSent, TcpState::Established),
        (99_800, TcpState::Established, TcpState::FinWait1),
        (120_400, TcpState::FinWait1, TcpState::FinWait2),
    ] {
        s.trace.note(micros(at), CLIENT, s.flow, What::Event(Event::State { from, to }));
    }
    s.sends(100, seg(CLIENT, "F.", 1, 1)).sends(110, seg(SERVER, ".", 1, 2));
    let ladder = lay_out(&s.end(200), &LadderOptions::default()).remove(0);
    let rows: Vec<(TcpState, u128)> = (ladder.states.iter().filter(|m| m.side == layout::Side::Left))
        .map(|mark| (mark.state, ladder.rows[mark.row].at.as_millis()))
        .collect();
    use TcpState::*;
    assert_eq!(rows, [(SynSent, 0), (Established, 20), (FinWait1, 100), (FinWait2, 120)]);
}

/// Times of six digits are all absolute; a column of their own has the spans.
#[test]
fn short_times_do_not_mix() {
    let mut s = Story::new(INSIDE);
    s.delay = 0;
    s.handshake(0);
    for (at, arrives) in [(1_000, 1_041), (1_130, 1_170)] {
        let id = s.trace.packet_sent(
            Instant::from_nanos(at * 1000),
            (CLIENT, SERVER),
            s.trace.packets[2].bytes.clone(),
            FlowId::NONE,
            None,
        );
        s.trace.packet_ended(id, Arrival::At(Instant::from_nanos(arrives * 1000)));
    }
    let trace = s.end(10);
    let narrow = render(&trace, &at_width(80));
    assert!(narrow.contains("0.001041") && !narrow.contains('+'), "{narrow}");
    let wide = render(&trace, &at_width(100));
    assert!(wide.contains("0.001041") && wide.contains("+41 µs"), "{wide}");
}

/// A timer's words are whole at any length, on either side.
#[test]
fn timers_have_room() {
    for (millis, text) in [(40, "delay 40 ms"), (1_820, "delay 1.82 s"), (7_875_000, "delay 2 h")] {
        for side in [CLIENT, SERVER] {
            let mut s = Story::new(INSIDE);
            s.handshake(0);
            let fires = 100_000 + millis;
            s.timer(100_000, fires, side, Timer::DelayedAck);
            s.sends(100_000, seg(CLIENT, "P.", 1, 1).len(5)).sends(fires, seg(SERVER, ".", 1, 6));
            s.sends(fires, seg(CLIENT, "P.", 6, 1).len(5));
            let drawn = render(&s.end(fires + 100), &at_width(80));
            assert!(drawn.contains(text), "{drawn}");
        }
    }
}

/// An engine's error and the application's report of it are one thing.
#[test]
fn errors_are_told_once() {
    let error = |app: Option<&str>| {
        let mut s = Story::new(INSIDE);
        s.handshake(0);
        s.sends(100, seg(SERVER, "R.", 1, 1)).event(
            110,
            CLIENT,
            Event::Ended { error: Some(limpid_event::Error::ConnectionReset) },
        );
        if let Some(text) = app {
            s.says(300, CLIENT, text);
        }
        render(&s.end(400), &at_width(80)).matches("ECONNRESET").count()
    };
    assert_eq!(error(None), 1, "nobody else says it");
    assert_eq!(error(Some("read: connection reset by peer (ECONNRESET)")), 1);
    assert_eq!(error(Some("read: something else")), 1);
}

/// The legend explains what is there and nothing else.
#[test]
fn the_legend_tells_losses_from_drops() {
    let legend = |name: &str| {
        let (_, trace) = experiments::all().into_iter().find(|(n, _)| *n == name).expect("an experiment");
        render(&trace, &at_width(80))
    };
    assert!(legend("lost-segment-rto").contains("✕ lost   ") && !legend("lost-segment-rto").contains("thrown away"));
    assert!(legend("backlog-full").contains("✕ thrown away"));
    assert!(!legend("handshake").contains('✕'));
}

#[test]
fn remarks_of_several_connections_find_theirs() {
    let mut s = Story::new(INSIDE);
    for port in [40_001, 40_002] {
        s.ends[CLIENT].port = port;
        s.flow = FlowId(u64::from(port));
        s.handshake(0);
    }
    s.flow = FlowId::NONE;
    s.says(20, CLIENT, "40002: connected").says(30, SERVER, "both are there");
    let ladders = lay_out(&s.end(100), &LadderOptions::default());
    let remarks = |n: usize| ladders[n].remarks.iter().map(|r| r.text.as_str()).collect::<Vec<_>>();
    assert_eq!(remarks(0), ["both are there"]);
    assert_eq!(remarks(1), ["40002: connected", "both are there"]);
}

#[test]
fn hostile_words_stay_in_their_place() {
    let mut s = Story::new(INSIDE);
    s.trace.hosts[CLIENT].name = "\x1b[31mevil\u{202e}\n".into();
    s.handshake(0);
    s.says(5, CLIENT, &format!("\x1b]0;title\x07 宽字符 {} end", "x".repeat(500)));
    let text = render(&s.end(100), &at_width(80));
    assert!(!text.contains('\x1b') && !text.contains('\x07') && !text.contains('\u{202e}'));
    assert!(text.contains("宽字符"), "{text}");
    assert!(text.lines().all(|line| unicode_width::UnicodeWidthStr::width(line) <= 80));
}

#[test]
fn nothing_makes_nothing() {
    assert_eq!(render(&Trace::default(), &RenderOptions::default()), "");
    let mut s = Story::new(INSIDE);
    s.packet(0, (CLIENT, SERVER), vec![0x45, 0, 0]);
    s.packet(0, (CLIENT, SERVER), Vec::new());
    assert_eq!(render(&s.end(10), &RenderOptions::default()), "");
}

/// Any trace at all: hosts that are not there, times in no order, flags that make no sense, and notes about anything.
fn any_trace() -> impl Strategy<Value = Trace> {
    let flags = proptest::sample::select(vec!["S", "S.", ".", "P.", "F.", "FP.", "R", "R.", "SF", "SR.", ""]);
    let packet =
        (any::<bool>(), flags, 0u32..5000, 0u32..5000, 0usize..50, any_time(), 0u64..100, 0u8..6, any::<u16>());
    let note = (any_time(), 0usize..4, 0u64..3, 0u8..9);
    let trace = (proptest::collection::vec(packet, 0..80), proptest::collection::vec(note, 0..20), any::<[bool; 2]>());
    trace.prop_map(|(packets, notes, views)| {
        let mut s = Story::new(views.map(|inside| if inside { View::Inside } else { View::Estimated }));
        for (right, flags, seq, ack, len, at, flight, fate, window) in packets {
            let segment = seg(usize::from(right), flags, seq, ack).len(len).win(window);
            let arrives = at.saturating_add(flight);
            match fate {
                0 => s.loses(at, segment),
                1 => s.sends_somewhere(at, segment),
                2 => s.sends_until(at, at, segment).copied(arrives),
                _ => s.sends_until(at, arrives, segment),
            };
        }
        for (at, host, flow, what) in notes {
            let what = match what {
                0 => What::App("said".into()),
                1 => What::App(String::new()),
                2 => What::Event(Event::State { from: TcpState::Closed, to: TcpState::TimeWait }),
                3 => What::Event(Event::TimerSet { timer: Timer::Rto, after: Duration::MAX }),
                4 => What::Event(Event::TimerFired { timer: Timer::Rto, nth: 1 }),
                5 => What::Event(Event::Dropped { why: DropReason::Paws }),
                6 => What::Event(Event::Ended { error: Some(limpid_event::Error::TimedOut) }),
                7 => What::Event(Event::TimerFired { timer: Timer::TimeWait, nth: 1 }),
                _ => What::Event(Event::Link { fate: LinkFate::Lost }),
            };
            s.trace.note(Instant::ZERO + Duration::from_millis(at), host, FlowId(flow), what);
        }
        s.end(0)
    })
}

fn any_time() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 0u64..1000, 1 => 0u64..10_000_000, 1 => Just(u64::MAX / 1_000_000)]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn no_trace_panics_or_overflows(trace in any_trace(), width in 0usize..200, color: bool, ascii: bool) {
        let charset = if ascii { Charset::Ascii } else { Charset::Utf8 };
        let text = render(&trace, &RenderOptions { width, color, charset, ..RenderOptions::default() });
        let width = width.clamp(60, 132);
        for line in without_escapes(&text).lines() {
            prop_assert!(unicode_width::UnicodeWidthStr::width(line) <= width, "{}", line);
        }
        for verdict in crate::verdict::explain(&trace) {
            prop_assert!(!verdict.sentence.is_empty());
        }
    }

    #[test]
    fn no_bytes_panic(packets in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 0..40)) {
        let mut trace = Trace::default();
        trace.add_host("", Vec::new(), View::Observed);
        for (n, mut bytes) in packets.into_iter().enumerate() {
            // Most random bytes are no IP at all; let some be TCP or ICMP.
            if let [first, .., ] = bytes.as_mut_slice() {
                *first = [0x45, 0x46, 0x60, *first][n % 4];
            }
            if let Some(protocol) = bytes.get_mut(9).filter(|_| n % 4 < 2) {
                *protocol = [6, 1][n / 4 % 2];
            }
            let id = trace.packet_sent(Instant::from_millis(n as u64), (n % 3, n % 2), bytes, FlowId::NONE, None);
            trace.packet_ended(id, Arrival::At(Instant::from_millis(n as u64 / 2)));
        }
        trace.finish(Instant::ZERO);
        render(&trace, &RenderOptions::default());
        crate::verdict::explain(&trace);
    }
}

/// What somebody says who compares stands below everything of its moment, however many remarks there are.
#[test]
fn differences_stand_below_what_they_are_about() {
    let mut s = Story::new(INSIDE);
    s.delay = 0;
    s.handshake(0);
    for n in 0..200 {
        s.says(1 + n, CLIENT, "again");
    }
    s.sends(300, seg(CLIENT, "P.", 1, 1).len(5));
    let at = Instant::from_nanos(300_000_000);
    s.trace.note(at, CLIENT, s.flow, What::Differs("the script expected P. 1:7(6) ack 1".into()));
    s.sends(300, seg(SERVER, ".", 1, 6));
    let text = render(&s.end(400), &at_width(80));
    let lines: Vec<&str> = text.lines().collect();
    let place =
        |what: &str| lines.iter().position(|line| line.contains(what)).unwrap_or_else(|| panic!("{what}\n{text}"));
    assert!(place("≠ the script expected P. 1:7(6) ack 1") > place("ACK ack 6"), "{text}");
    assert!(place("≠ differs") > place("≠ the script"), "{text}");
}

#[test]
fn what_is_painted_for_a_screen_is_what_is_drawn() {
    use super::terminal::{draw, paint};
    for (_, trace) in experiments::all() {
        for ladder in lay_out(&trace, &LadderOptions::default()) {
            let painted = paint(&ladder, 100, Charset::Utf8);
            let line = |runs: &Vec<super::terminal::Run>| runs.iter().map(|run| run.text.as_str()).collect::<String>();
            let text: String = painted.lines.iter().map(|runs| line(runs) + "\n").collect();
            let options = RenderOptions { width: 100, legend: false, ..RenderOptions::default() };
            assert_eq!(text + "\n", draw(std::slice::from_ref(&ladder), &options));
            assert_eq!(painted.arrows.len(), ladder.arrows.len());
            assert!(painted.arrows.iter().flatten().all(|at| *at < painted.lines.len()));
        }
    }
}

#[test]
fn what_an_engine_says_over_and_over_is_said_once() {
    let lines = |marks: u64| {
        let mut s = Story::new(INSIDE);
        s.handshake(0);
        for n in 0..marks {
            let event = Event::Link { fate: LinkFate::Marked };
            s.trace.note(Instant::from_millis(30 + n), CLIENT, s.flow, What::Event(event));
            // What is said at the other side does not come between.
            s.says(30 + n, SERVER, "waits");
        }
        let ladders = lay_out(&s.end(100), &LadderOptions::default());
        let said = ladders[0].remarks.iter().filter(|remark| remark.side == Some(layout::Side::Left));
        said.map(|remark| remark.text.clone()).collect::<Vec<_>>()
    };
    let mark = "the queue fills: marked CE instead of dropped";
    assert_eq!(lines(3), [mark; 3]);
    assert_eq!(lines(30), [format!("{mark}, and 29 times more within 29 ms")]);
}

#[test]
fn of_many_connections_that_look_the_same_one_is_drawn() {
    let mut s = Story::new(INSIDE);
    for port in 0..30 {
        s.ends[CLIENT].port = 40_000 + port;
        s.flow = FlowId(u64::from(port) + 1);
        match port {
            0 | 29 => s.handshake(u64::from(port) * 100),
            _ => s.sends(u64::from(port) * 100, seg(CLIENT, "S", 0, 0)),
        };
        if port == 0 {
            s.sends(40, seg(CLIENT, "P.", 1, 1).len(9)).sends(60, seg(CLIENT, "F.", 10, 1));
        }
    }
    let trace = s.end(4_000);
    let ladders = lay_out(&trace, &LadderOptions::default());
    let told: Vec<_> = ladders.iter().map(|l| (l.pair, l.alike, l.caption.as_deref().unwrap_or_default())).collect();
    let captions = ["Connection 1 of 30", "Connection 2 of 30, and 27 more like it", "Connection 30 of 30"];
    assert_eq!(told, [(0, 0, captions[0]), (1, 27, captions[1]), (29, 0, captions[2])]);
    assert_eq!(drawn_pairs(&trace, &LadderOptions::default()), [0, 1, 29]);
    let few = LadderOptions { max_ladders: 40, ..LadderOptions::default() };
    assert_eq!(lay_out(&trace, &few).len(), 30, "few enough for each");
    assert!(!render(&trace, &at_width(80)).contains("not drawn"));
}

/// Its band lies across: what is under way when a fold begins arrives above it.
#[test]
fn a_fold_stands_below_what_arrives_while_it_lasts() {
    let mut s = Story::new(INSIDE);
    s.handshake(0);
    for n in 0..60 {
        s.sends(30 + u64::from(n), seg(CLIENT, ".", 1 + n * 10, 1).len(10));
    }
    let options = LadderOptions { bundle_from: usize::MAX, ..LadderOptions::default() };
    let ladder = lay_out(&s.end(400), &options).remove(0);
    let fold = ladder.remarks.iter().find(|remark| remark.voice == layout::Voice::Fold).expect("a fold");
    let before = ladder.arrows.iter().filter(|arrow| arrow.departs < fold.row);
    assert!(before.clone().count() > 3, "{ladder:#?}");
    assert!(before.clone().all(|arrow| arrow.arrives < fold.row));
}

/// Data is under way as a connection is aborted: each packet of it finds nobody, and is answered by a reset.
#[test]
fn what_finds_no_connection_any_more_is_folded_with_its_resets() {
    let mut s = Story::new(INSIDE);
    s.handshake(0);
    s.sends(40, seg(SERVER, "R.", 1, 1));
    for n in 0..20 {
        let at = 60 + u64::from(n) * 2;
        s.sends(at, seg(CLIENT, "P.", 1 + n * 10, 1).len(10));
        let why = limpid_event::DropReason::NoConnection;
        s.trace.note(Instant::from_millis(at + 10), SERVER, FlowId::NONE, What::Event(Event::Dropped { why }));
        s.sends(at + 11, seg(SERVER, "R", 1, 0));
    }
    let ladder = lay_out(&s.end(400), &LadderOptions::default()).remove(0);
    let folds: Vec<_> = ladder.remarks.iter().filter(|remark| remark.voice == layout::Voice::Fold).collect();
    assert!(folds.len() == 1 && folds[0].text.contains("resets"), "{folds:?}");
    assert!(ladder.arrows.len() < 20, "{}", ladder.arrows.len());
}
