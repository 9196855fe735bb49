use super::*;

#[test]
fn durations() {
    for (text, micros) in
        [("10ms", 10_000), ("1.5s", 1_500_000), ("200us", 200), ("3s", 3_000_000), ("2m", 120_000_000), ("0", 0)]
    {
        assert_eq!(duration(text), Ok(Duration::from_micros(micros)), "{text}");
    }
    for text in ["", "s", "10", "-1s", "1.2.3s", "5parsec", "1e9s", "9999999h"] {
        assert!(duration(text).is_err(), "{text}");
    }
    assert_eq!(duration("10").unwrap_err(), "no unit: write 10ms or 10s");
}

#[test]
fn a_deadline_is_not_zero() {
    assert_eq!(deadline("3s"), Ok(Duration::from_secs(3)));
    for text in ["0", "0s", "0.0ms"] {
        assert_eq!(deadline(text).unwrap_err(), "no time at all: write 3s or 500ms", "{text}");
    }
}

#[test]
fn probabilities() {
    for (text, p) in [("1%", 0.01), ("0.25", 0.25), ("0", 0.0), ("100%", 1.0), ("1", 1.0)] {
        assert_eq!(probability(text), Ok(p), "{text}");
    }
    for text in ["", "%", "2", "101%", "-1%", "1 percent"] {
        assert!(probability(text).is_err(), "{text}");
    }
}

#[test]
fn rates() {
    for (text, bits) in [("10mbit", 10_000_000), ("64kbit", 64_000), ("1Gbit", 1_000_000_000), ("9600", 9600)] {
        assert_eq!(rate(text), Ok(bits), "{text}");
    }
    for text in ["", "fast", "0", "10mb", "10000gbit"] {
        assert!(rate(text).is_err(), "{text}");
    }
}
