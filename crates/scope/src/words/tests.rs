use super::*;

#[test]
fn durations_have_three_significant_digits_at_most() {
    let cases = [
        (0, "0 s"),
        (999, "999 ns"),
        (1_500, "1.5 µs"),
        (250_000, "250 µs"),
        (999_499, "999 µs"),
        (999_500, "1 ms"),
        (10_000_000, "10 ms"),
        (12_345_678, "12.3 ms"),
        (99_960_000, "100 ms"),
        (1_026_947_000, "1.03 s"),
        (999_600_000, "1 s"),
        (7_200_000_000, "7.2 s"),
        (31_000_000_000, "31 s"),
        (119_999_000_000, "120 s"),
        (125_000_000_000, "2 min 5 s"),
        (7_200_000_000_000, "2 h"),
        (7_875_000_000_000, "2 h 11 min"),
        (u64::MAX, "213503 d 23 h"),
    ];
    for (nanos, text) in cases {
        assert_eq!(duration(Duration::from_nanos(nanos)), text, "{nanos} ns");
    }
}

#[test]
fn rough_durations_are_short() {
    let cases = [
        (0, "0 s"),
        (40_100_000, "40 ms"),
        (225_400_000, "230 ms"),
        (1_820_000_000, "1.8 s"),
        (99_700_000_000, "100 s"),
        (119_999_000_000, "2 min"),
        (7_875_000_000_000, "2 h"),
        (u64::MAX, "213503 d"),
    ];
    for (nanos, text) in cases {
        assert_eq!(rough(Duration::from_nanos(nanos)), text, "{nanos} ns");
    }
}

#[test]
fn numbers_and_lists() {
    assert_eq!(number(0), "0");
    assert_eq!(number(999), "999");
    assert_eq!(bytes(60_000), "60,000 B");
    assert_eq!(number(1_234_567), "1,234,567");
    assert_eq!(count(1, "segment"), "1 segment");
    assert_eq!(count(0, "segment"), "0 segments");
    assert_eq!(list(&["a", "b", "c"]), "a, b and c");
}

#[test]
fn control_characters_are_tamed() {
    assert_eq!(tame("a\x1b[31m\r\nb\u{202e}c"), "a·[31m··b·c");
}

#[test]
fn hosts_named_by_what_they_do_take_an_article() {
    for name in ["client", "server", "Linux server", "router"] {
        assert_eq!(with_article(name), format!("the {name}"));
    }
    for name in ["Linux", "limpid", "redis", "10.0.0.199", "fd00::199"] {
        assert_eq!(with_article(name), name);
    }
}

#[test]
fn applications_name_their_errors() {
    assert_eq!(errno("read: connection timed out (ETIMEDOUT)"), Some(Error::TimedOut));
    assert_eq!(errno("write: EPIPE"), Some(Error::BrokenPipe));
    assert_eq!(errno("read returned 0: the peer has finished"), None);
    assert_eq!(errno("NOTETIMEDOUT"), None);
}

#[test]
fn shares_are_rounded() {
    let cases = [
        ((7, 215), "3.3 %"),
        ((3, 89), "3.4 %"),
        ((2, 72), "2.8 %"),
        ((996, 10_000), "10 %"),
        ((99, 1_000), "9.9 %"),
        ((1, 100), "1 %"),
        ((3, 10_000), "0.03 %"),
        ((1, 1_000_000), "under 0.01 %"),
        ((45, 47), "96 %"),
    ];
    for ((part, whole), text) in cases {
        assert_eq!(percent(part, whole), text, "{part} of {whole}");
    }
}
