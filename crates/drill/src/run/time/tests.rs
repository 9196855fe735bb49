use super::*;
use crate::parse::parse;
use crate::run::Settings;
use crate::script::Script;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn options(lines: &str) -> Options {
    let script = parse(&format!("{lines}\n0 close(3) = 0"), &Default::default()).unwrap_or_else(|e| panic!("{e}"));
    Options::of(&script, &Settings::default()).unwrap()
}

fn script(text: &str) -> Script {
    parse(text, &Default::default()).unwrap_or_else(|e| panic!("{e}"))
}

/// When the events of a script are due, each of which ends so long after its time.
fn dues(text: &str, late: Duration) -> Vec<Duration> {
    let mut past = Past::default();
    let mut now = Duration::ZERO;
    let due = |event| {
        let due = past.next(event, now).unwrap();
        now = due.at + late;
        due.at
    };
    script(text).events.iter().map(due).collect()
}

#[test]
fn relative_times_count_from_the_end_of_the_event_before_but_between_inbound_packets_from_its_time() {
    let text = "0 close(3) = 0\n+.1 close(3) = 0\n+.1 < . 1:1(0) ack 1 win 9\n+.1 < . 1:1(0) ack 1 win 9\n+.1 > . 1:1(0) ack 1\n1 close(3) = 0\n+0 close(3) = 0";
    assert_eq!(dues(text, ms(1)), [0, 101, 202, 302, 403, 1000, 1001].map(ms));
}

#[test]
fn a_blocking_calls_end_counts_as_its_begin_does() {
    let text = script("0...0.5 close(3) = 0\n+.1...0.3 close(3) = 0\n2...2.5 close(3) = 0");
    let mut past = Past::default();
    let ends: Vec<Duration> = [(0, 0, 500), (1, 1000, 300), (2, 2000, 2500)]
        .into_iter()
        .map(|(nth, now, until)| past.next(&text.events[nth], ms(now)).unwrap().end_of_call(ms(until)).at)
        .collect();
    assert_eq!(ends, [500, 1300, 2500].map(ms));
}

#[test]
fn tolerance_is_the_larger_of_the_two() {
    let text = script("0 close(3) = 0\n+1 > . 1:1(0) ack 1");
    let mut past = Past::default();
    past.next(&text.events[0], ms(0)).unwrap();
    let due = past.next(&text.events[1], ms(0)).unwrap();
    for (lines, early, late) in [
        ("", 875, 1125),
        ("--tolerance_percent=0", 996, 1004),
        ("--tolerance_usecs=300000", 700, 1300),
        ("--tolerance_usecs=0\n--tolerance_percent=0", 1000, 1000),
    ] {
        let options = options(lines);
        assert!(due.check(ms(early), "it", &options).is_ok() && due.check(ms(late), "it", &options).is_ok(), "{lines}");
        let step = Duration::from_micros(1);
        assert!(due.check(ms(early) - step, "it", &options).is_err(), "{lines}");
        assert!(due.check(ms(late) + step, "it", &options).is_err(), "{lines}");
    }
    assert_eq!(due.deadline(&options("")), ms(1000 + 125 + 2000));
}

#[test]
fn only_outbound_packets_have_loose_times() {
    for time in ["*", "0~1", "+0~+1"] {
        let text = format!("0 close(3) = 0\n{time} < . 1:1(0) ack 1 win 9");
        // The parser may already refuse it.
        let Ok(script) = parse(&text, &Default::default()) else { continue };
        let mut past = Past::default();
        past.next(&script.events[0], ms(0)).unwrap();
        assert!(matches!(past.next(&script.events[1], ms(0)), Err(Stop::Invalid { .. })), "{time}");
    }
}

#[test]
fn times_at_the_end_of_time_do_not_overflow() {
    let text = script("0 close(3) = 0\n+1 > . 1:1(0) ack 1");
    let mut past = Past::default();
    past.next(&text.events[0], ms(0)).unwrap();
    let due = past.next(&text.events[1], Duration::MAX).unwrap();
    let options = options("--tolerance_percent=1e300");
    assert_eq!(due.deadline(&options), Duration::MAX);
    assert!(due.check(Duration::ZERO, "it", &options).is_ok());
}
