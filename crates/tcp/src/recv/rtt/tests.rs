use super::*;

fn ms(n: u64) -> Instant {
    Instant::from_millis(n)
}

fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[test]
fn without_echoes_a_window_is_a_round_trip_at_most() {
    let mut rtt = RecvRtt::new();
    rtt.on_data(ms(0), SeqNum(0), 1000);
    rtt.on_data(ms(5), SeqNum(500), 1000);
    assert_eq!(rtt.estimate(), Duration::ZERO);
    rtt.on_data(ms(30), SeqNum(1000), 1000);
    assert_eq!(rtt.estimate(), millis(30));
    rtt.on_data(ms(130), SeqNum(2000), 1000);
    assert_eq!(rtt.estimate(), millis(30), "a slower peer says nothing about the path");
    rtt.on_data(ms(140), SeqNum(3000), 1000);
    assert_eq!(rtt.estimate(), millis(10));
}

#[test]
fn with_echoes_it_is_smoothed() {
    let mut rtt = RecvRtt::new();
    rtt.on_echo(1, Some(millis(80)), true);
    assert_eq!(rtt.estimate(), millis(80));
    rtt.on_echo(1, Some(millis(10)), true);
    assert_eq!(rtt.estimate(), millis(80), "each echo counts once");
    rtt.on_echo(2, Some(millis(160)), true);
    assert_eq!(rtt.estimate(), millis(90));
    rtt.on_echo(3, Some(millis(500)), false);
    assert_eq!(rtt.estimate(), millis(90), "a reader that does not keep up slows the peer down");
    rtt.on_echo(4, Some(millis(40)), false);
    assert_eq!(rtt.estimate(), millis(40));
    rtt.on_echo(5, Some(Duration::ZERO), true);
    assert_eq!(rtt.estimate(), millis(40));
}
