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

#[test]
fn bursts_of_losses() {
    let Ok(five) = bursts("1%,5") else { panic!("a share and a length") };
    assert!((five.share() - 0.01).abs() < 1e-12);
    assert_eq!(five.end, 0.2);
    for text in ["", "1%", "1%,", "1%,0", "1%,x", "95%,2", "1%,1e9"] {
        assert!(bursts(text).is_err(), "{text}");
    }
}

#[test]
fn numbers_of_segments() {
    assert_eq!(numbers("3"), Ok(3..=3));
    assert_eq!(numbers("7-9"), Ok(7..=9));
    for text in ["", "0", "-3", "9-7", "a", "3-"] {
        assert!(numbers(text).is_err(), "{text}");
    }
}

#[test]
fn queues() {
    assert_eq!(queue("100"), Ok(Queue::Packets(100)));
    assert_eq!(queue("64kB"), Ok(Queue::Bytes(64_000)));
    assert_eq!(queue("1.5 MB"), Ok(Queue::Bytes(1_500_000)));
    for text in ["", "1.5", "64 parsec", "9999999999", "kB", "9999999GB"] {
        assert!(queue(text).is_err(), "{text}");
    }
}
