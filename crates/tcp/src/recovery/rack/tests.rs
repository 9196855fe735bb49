use super::*;
use crate::send::{Shape, Snapshot};
use alloc::vec::Vec;
use limpid_wire::tcp::SackBlock;

fn ms(n: u64) -> Instant {
    Instant::from_millis(n)
}

fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

struct Flight {
    records: SentRecords,
    rack: Rack,
}

impl Flight {
    /// Ten segments of 100 numbers, `gap` µs apart.
    fn new(gap: u64) -> Flight {
        let mut records = SentRecords::new(SeqNum(0));
        for i in 0..10 {
            let at = Instant::from_nanos(u64::from(i) * gap * 1000);
            records.on_sent(SeqNum(100 * (i + 1)), at, Snapshot::default(), Shape::SINGLE);
        }
        Flight { records, rack: Rack::new() }
    }

    fn ack(&mut self, now: Instant, una: u32, blocks: &[(u32, u32)]) {
        let blocks: Vec<_> =
            blocks.iter().map(|&(left, right)| SackBlock::new(SeqNum(left), SeqNum(right)).unwrap()).collect();
        let rack = &mut self.rack;
        let min_rtt = Some(millis(20));
        self.records.on_ack_telling(SeqNum(una), &blocks, now, |record, _| {
            rack.on_delivered(record, now, min_rtt);
        });
    }

    fn detect(&mut self, now: Instant, window: Duration) -> Option<Duration> {
        self.rack.detect_on_ack(&mut self.records, now, window)
    }
}

#[test]
fn what_left_before_something_that_arrived_is_lost_after_the_window() {
    let mut flight = Flight::new(1000);
    flight.ack(ms(24), 0, &[(400, 500)]);
    assert_eq!(flight.rack.rtt(), millis(20));
    // The first left 24 ms ago, the fourth 21: the last of them is lost 4 ms later.
    assert_eq!(flight.detect(ms(24), millis(5)), Some(millis(4)));
    assert_eq!(flight.records.lost(), 0);
    assert_eq!(flight.detect(ms(24), millis(5)), None, "nothing new has arrived");
    assert_eq!(flight.rack.detect(&mut flight.records, ms(26), millis(5)), Some(millis(2)));
    assert_eq!(flight.records.lost(), 200, "the timer");
    flight.ack(ms(27), 0, &[(500, 600)]);
    assert_eq!(flight.detect(ms(27), Duration::ZERO), None);
    assert_eq!(flight.records.lost(), 400, "without a window all before it are");
}

/// RFC 8985 §6.2: on a clock that shows one time for all of them, the numbers tell what left first.
#[test]
fn a_coarse_clock_does_not_matter() {
    let mut flight = Flight::new(0);
    flight.ack(ms(20), 0, &[(400, 500)]);
    assert_eq!(flight.detect(ms(20), Duration::ZERO), None);
    assert_eq!(flight.records.lost(), 400);
    let first = (ms(0), SeqNum(100));
    assert!(is_after((ms(0), SeqNum(200)), first) && !is_after(first, first));
    assert!(is_after((ms(1), SeqNum(0)), first) && !is_after((ms(0), SeqNum(u32::MAX)), first));
}

#[test]
fn round_trips_of_microseconds() {
    let mut flight = Flight::new(1);
    let at = |micros: u64| Instant::from_nanos(micros * 1000);
    flight.ack(at(34), 0, &[(400, 500)]);
    assert_eq!(flight.rack.rtt(), Duration::from_micros(30));
    let window = Duration::from_micros(7);
    assert_eq!(flight.detect(at(34), window), Some(Duration::from_micros(6)));
    assert_eq!(flight.records.lost(), 0);
}

/// RFC 8985 §6.2 step 2: an answer sooner than any round trip is the original's.
#[test]
fn an_answer_to_an_earlier_transmission_is_no_reference() {
    let mut flight = Flight::new(0);
    flight.records.mark_lost(SeqNum(0), SeqNum(100));
    flight.records.on_retransmit(SeqNum(0), SeqNum(100), ms(30), Snapshot::default(), 100);
    flight.ack(ms(49), 100, &[]);
    assert_eq!(flight.detect(ms(49), Duration::ZERO), None);
    assert_eq!(flight.records.lost(), 0, "19 ms after the retransmission");
    flight.records.on_retransmit(SeqNum(100), SeqNum(200), ms(60), Snapshot::default(), 100);
    flight.ack(ms(80), 200, &[]);
    assert_eq!(flight.detect(ms(80), Duration::ZERO), None);
    assert_eq!(flight.records.lost(), 800, "20 ms after it all that is older is lost");
}

fn seen() -> WindowInput {
    WindowInput { reordering_seen: true, min_rtt: Some(millis(20)), srtt: Some(millis(30)), ..WindowInput::default() }
}

#[test]
fn the_window_is_closed_where_numbers_tell_of_a_loss() {
    let rack = Rack::new();
    let unseen = WindowInput { reordering_seen: false, ..seen() };
    assert_eq!(rack.window(&unseen), millis(5));
    assert_eq!(rack.window(&WindowInput { recovering: true, ..unseen }), Duration::ZERO);
    assert_eq!(rack.window(&WindowInput { threshold_reached: true, ..unseen }), Duration::ZERO);
    assert_eq!(rack.window(&WindowInput { recovering: true, threshold_reached: true, ..seen() }), millis(5));
    assert_eq!(rack.window(&WindowInput { min_rtt: None, srtt: None, ..seen() }), Duration::ZERO);
}

/// RFC 8985 §6.2 step 4.
#[test]
fn d_sacks_widen_it_once_a_round_trip() {
    let mut rack = Rack::new();
    rack.on_dsack();
    rack.widen_window(10_000, 5_000);
    assert_eq!(rack.window(&seen()), millis(10));
    rack.on_dsack();
    rack.widen_window(12_000, 9_000);
    assert_eq!(rack.window(&seen()), millis(10), "what arrived was sent before the window was widened");
    rack.on_dsack();
    rack.widen_window(20_000, 10_000);
    assert_eq!(rack.window(&seen()), millis(15));
    for i in 0..20 {
        rack.on_dsack();
        rack.widen_window(30_000 + i, 30_000 + i);
    }
    assert_eq!(rack.window(&seen()), millis(30), "the smoothed round trip at the most");
    for _ in 0..15 {
        rack.on_recovered();
        rack.widen_window(90_000, 80_000);
    }
    assert_eq!(rack.window(&seen()), millis(30));
    rack.on_recovered();
    rack.widen_window(90_000, 80_000);
    assert_eq!(rack.window(&seen()), millis(5), "sixteen recoveries without complaint");
}

#[test]
fn a_timeout_spares_the_young() {
    let mut flight = Flight::new(1000);
    flight.ack(ms(20), 100, &[]);
    assert!(flight.rack.spares_at_timeout(ms(9), ms(28)));
    assert!(!flight.rack.spares_at_timeout(ms(8), ms(28)));
    assert!(!Rack::new().spares_at_timeout(ms(28), ms(28)), "without a sample none is");
}

/// RFC 8985 §5.2 goes by the end where times are equal, which is wrong of what is sent again after new data in one instant: it is no
/// earlier for being lower.
#[test]
fn what_is_sent_again_after_new_data_in_one_instant_is_later() {
    let mut flight = Flight::new(0);
    flight.ack(ms(20), 0, &[(100, 1000)]);
    assert_eq!(flight.detect(ms(20), Duration::ZERO), None);
    assert_eq!(flight.records.lost(), 100);
    // Two ACKs of one instant: new data goes for the first, the lost segment again for the second.
    flight.records.on_sent(SeqNum(1100), ms(20), Snapshot::default(), Shape::SINGLE);
    flight.records.on_retransmit(SeqNum(0), SeqNum(100), ms(20), Snapshot::default(), 100);
    flight.ack(ms(40), 0, &[(100, 1100)]);
    assert_eq!(flight.detect(ms(40), Duration::ZERO), None);
    assert_eq!(flight.records.segments_resent(), 1, "it may be right behind");
    // What left after it tells of its loss.
    flight.records.on_sent(SeqNum(1200), ms(40), Snapshot::default(), Shape::SINGLE);
    flight.ack(ms(60), 0, &[(100, 1200)]);
    flight.detect(ms(60), Duration::ZERO);
    assert_eq!(flight.records.segments_resent(), 0);
    // And sent in the other order, the new data does.
    flight.records.on_retransmit(SeqNum(0), SeqNum(100), ms(60), Snapshot::default(), 100);
    flight.records.on_sent(SeqNum(1300), ms(60), Snapshot::default(), Shape::SINGLE);
    flight.ack(ms(80), 0, &[(100, 1300)]);
    flight.detect(ms(80), Duration::ZERO);
    assert_eq!(flight.records.segments_resent(), 0);
    // The round trip of what is a nanosecond younger is no shorter.
    flight.records.on_sent(SeqNum(1400), ms(80), Snapshot::default(), Shape::SINGLE);
    flight.records.on_retransmit(SeqNum(0), SeqNum(100), ms(80), Snapshot::default(), 100);
    flight.ack(ms(100), 100, &[]);
    assert_eq!(flight.rack.reference(), (ms(80) + Duration::from_nanos(1), SeqNum(100)));
    assert_eq!(flight.rack.rtt(), millis(20));
}
