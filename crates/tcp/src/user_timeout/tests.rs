use super::*;
use crate::testing::{Host, plain};
use alloc::vec::Vec;
use limpid_event::Error;

const RTO: Duration = Duration::from_millis(200);

fn on() -> Config {
    Config { user_timeout_option: true, ..plain() }
}

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[test]
fn what_is_advertised_is_what_we_would_wait() {
    assert_eq!(advertised(&plain()), None, "off by default, as Linux has none");
    assert_eq!(advertised(&on()).map(UserTimeout::seconds), Some(925));
    for (own, told) in [(1, 1), (1_500, 2), (30_000, 30), (40_000_000, 40_020), (u64::MAX, 0x7fff * 60)] {
        let config = Config { user_timeout: Some(Duration::from_millis(own)), ..on() };
        assert_eq!(advertised(&config).map(UserTimeout::seconds), Some(told), "{own} ms");
    }
}

/// min(U_LIMIT, max(ADV_UTO, REMOTE_UTO, L_LIMIT)), with an L_LIMIT above the retransmission timeout.
#[test]
fn the_peers_advice_is_obeyed_within_limits() {
    let of = |config: &Config, seconds| in_force(config, Some(UserTimeout::from_seconds(seconds)), RTO);
    assert_eq!(of(&on(), 2000), Some(secs(2000)));
    assert_eq!(of(&on(), 5), Some(secs(925)), "no shorter than what we advertise");
    assert_eq!(of(&on(), 100_000), Some(secs(3600)));
    let short = Config { retries2: 3, ..on() };
    assert_eq!(of(&short, 5), Some(secs(100)));
    assert_eq!(of(&Config { user_timeout_min: secs(20), ..short.clone() }, 5), Some(secs(20)));
    let capped = Config { user_timeout_max: Duration::ZERO, ..short };
    assert_eq!(of(&capped, 5), Some(RTO), "whatever the limits, not before a retransmission");
    assert_eq!(in_force(&on(), None, RTO), None, "a peer that says nothing leaves all as it is");
    let own = Config { user_timeout: Some(secs(7)), ..on() };
    assert_eq!(of(&own, 2000), Some(secs(7)), "the application's own is not changed");
    assert_eq!(of(&plain(), 2000), None);
}

/// SYN, SYN-ACK and the first segment after them carry it, and the first after a change.
#[test]
fn the_option_goes_with_the_opening_and_with_changes() {
    let mut host = Host::connecting(Config { user_timeout: Some(secs(30)), ..on() });
    host.expect(&["S 0:0(0) win 64240 <mss 1460,uto 30>  (open)"]);
    host.inject("S. 0:0(0) ack 1 win 65535 <mss 1460>");
    host.expect(&[". 1:1(0) ack 1 win 64240 <uto 30>  (handshake complete)"]);
    host.write(b"x").unwrap();
    host.expect(&["P. 1:2(1) ack 1 win 64240  (new data)"]);
    host.configure(|config| config.user_timeout = Some(secs(60)));
    host.write(&[0; 5000]).unwrap();
    let told: Vec<_> = host.outbox.iter().map(|t| t.segment.options.user_timeout.map(UserTimeout::seconds)).collect();
    assert_eq!(told[0], Some(60));
    assert!(told[1..].iter().all(Option::is_none), "{told:?}");
    // There was room for it.
    assert_eq!(host.outbox[0].segment.payload.len() % 1456, 0);
}

#[test]
fn who_accepts_tells_too_and_obeys() {
    let mut host = Host::listening(Config { retries2: 3, ..on() });
    host.inject("S 0:0(0) win 65535 <mss 1460,uto 150>");
    assert_eq!(host.outbox[0].segment.options.user_timeout.map(UserTimeout::seconds), Some(3));
    host.inject(". 1:1(0) ack 1 win 65535");
    host.write(b"x").unwrap();
    host.forget();
    host.pass_ms(150_000);
    assert_eq!(host.ended, None, "three retries would be over long ago");
    host.pass_ms(1_000);
    assert_eq!(host.ended, Some(Some(Error::TimedOut)));
}

#[test]
fn advice_that_comes_later_counts_and_zero_does_not() {
    let mut host = Host::established(Config { retries2: 3, ..on() });
    host.inject(". 1:1(0) ack 1 win 65535 <uto 150>");
    host.inject(". 1:1(0) ack 1 win 65535 <uto 0>");
    host.write(b"x").unwrap();
    host.pass_ms(149_000);
    assert_eq!(host.ended, None);
    host.pass_ms(2_000);
    assert_eq!(host.ended, Some(Some(Error::TimedOut)));
}

/// A segment outside the window advises nothing: it may be anybody's.
#[test]
fn advice_of_strangers_is_not_heeded() {
    let mut host = Host::established(Config { retries2: 3, ..on() });
    host.inject(". 100000:100000(0) ack 1 win 65535 <uto 3000>");
    host.write(b"x").unwrap();
    host.pass_ms(10_000);
    assert_eq!(host.ended, Some(Some(Error::TimedOut)));
}
