//! PAWS, and what timestamps are echoed (RFC 7323 §4, §5).

use crate::Config;
use crate::testing::{Host, Phase, cx};
use alloc::format;
use alloc::sync::Arc;
use core::time::Duration;
use limpid_event::{Counter, Error, Instant, TcpState};

fn host() -> Host {
    host_with(Config::default())
}

fn host_with(config: Config) -> Host {
    let mut host = Host::listening(config);
    host.now = Instant::from_millis(1_000);
    host.inject("S 0:0(0) win 65535 <mss 1460,sackOK,TS val 1000 ecr 0,nop,wscale 10>");
    host.inject(". 1:1(0) ack 1 win 500 <nop,nop,TS val 1000 ecr 1000>");
    host.forget();
    host
}

#[test]
fn an_old_timestamp_is_dropped_and_answered() {
    let mut host = host();
    host.inject("P. 1:11(10) ack 1 win 500 <nop,nop,TS val 998 ecr 1000>");
    host.expect(&[". 1:1(0) ack 1 win 64 <nop,nop,TS val 1000 ecr 1000>  (duplicate ACK)"]);
    assert_eq!(host.counter(Counter::TcpExtPAWSEstab), 1);
    assert_eq!(host.read(10), Err(Error::WouldBlock));
}

/// As Linux; what is echoed stays.
#[test]
fn one_tick_too_old_is_still_good() {
    let mut host = host();
    host.inject("P. 1:11(10) ack 1 win 500 <nop,nop,TS val 999 ecr 1000>");
    host.expect(&[". 1:1(0) ack 11 win 64 <nop,nop,TS val 1000 ecr 1000>  (quick ACK)"]);
}

#[test]
fn a_bare_ack_that_was_overtaken_is_not_answered() {
    let mut host = host();
    // By another bare ACK,
    host.inject(". 1:1(0) ack 1 win 500 <nop,nop,TS val 1010 ecr 1000>");
    host.inject(". 1:1(0) ack 1 win 500 <nop,nop,TS val 1005 ecr 1000>");
    host.expect(&[]);
    // by data,
    host.inject("P. 1:11(10) ack 1 win 500 <nop,nop,TS val 1020 ecr 1000>");
    host.forget();
    host.inject(". 1:1(0) ack 1 win 500 <nop,nop,TS val 1015 ecr 1000>");
    host.expect(&[]);
    assert_eq!(host.counter(Counter::TcpExtPAWSOldAck), 1);
    assert_eq!(host.counter(Counter::TcpExtPAWSEstab), 0);
    // but not one that came much too late to be that.
    host.inject(". 11:11(0) ack 1 win 500 <nop,nop,TS val 500 ecr 1000>");
    assert_eq!(host.sent().len(), 1);
}

#[test]
fn after_24_days_of_silence_any_timestamp_is_taken() {
    let mut host = host();
    host.now += Duration::from_secs(24 * 24 * 3600);
    host.inject("P. 1:11(10) ack 1 win 500 <nop,nop,TS val 5 ecr 1000>");
    assert_eq!(host.read(10).unwrap().len(), 10);
}

#[test]
fn a_reset_needs_no_timestamp() {
    let mut host = host();
    host.inject("R. 1:1(0) ack 1 win 0 <nop,nop,TS val 5 ecr 1000>");
    assert_eq!(host.state(), TcpState::Closed);
}

/// RFC 7323 §3.2 would drop it; some peers forget the option in keepalives or after a reboot, and Linux takes it.
#[test]
fn a_segment_without_timestamps_is_taken_unless_they_are_required() {
    let mut lenient = host();
    lenient.inject("P. 1:11(10) ack 1 win 500");
    assert_eq!(lenient.read(10).unwrap().len(), 10);
    let mut strict = host();
    let config = Arc::new(Config { require_timestamps: true, ..Config::default() });
    let Phase::Connection(connection) = &mut strict.phase else { panic!() };
    let _ = connection.configure(cx!(strict), config);
    strict.inject("P. 1:11(10) ack 1 win 500");
    assert_eq!(strict.read(10), Err(Error::WouldBlock));
}

#[test]
fn the_echo_is_of_the_segment_that_the_ack_is_for() {
    let mut host = host();
    host.inject(". 11:21(10) ack 1 win 500 <nop,nop,TS val 1005 ecr 1000>");
    assert!(host.sent()[0].contains("ecr 1000"), "after a gap it does not count");
    host.inject("P. 1:11(10) ack 1 win 500 <nop,nop,TS val 1007 ecr 1000>");
    assert!(host.sent()[0].contains("ecr 1007"));
}

/// 21:31 is held on its way, and what was sent again later fills the first hole before it arrives.
fn overtaken(host: &mut Host, tsval: u32) -> u64 {
    host.inject("P. 11:21(10) ack 1 win 500 <nop,nop,TS val 1001 ecr 1000>");
    host.inject("P. 31:41(10) ack 1 win 500 <nop,nop,TS val 1003 ecr 1000>");
    host.inject("P. 1:11(10) ack 1 win 500 <nop,nop,TS val 1050 ecr 1000>");
    host.inject(&format!("P. 21:31(10) ack 1 win 500 <nop,nop,TS val {tsval} ecr 1000>"));
    host.counter(Counter::TcpExtPAWSEstab)
}

#[test]
fn data_that_was_overtaken_by_what_was_sent_again_is_taken() {
    let mut host = host();
    assert_eq!(overtaken(&mut host, 1002), 0);
    assert_eq!(host.read(100).map(|bytes| bytes.len()), Ok(40));
    // Now that nothing is missing, what is old is old.
    host.inject("P. 41:51(10) ack 1 win 500 <nop,nop,TS val 1010 ecr 1000>");
    assert_eq!(host.counter(Counter::TcpExtPAWSEstab), 1);
}

#[test]
fn data_older_than_the_hole_is_dropped() {
    assert_eq!(overtaken(&mut host(), 998), 1);
}

#[test]
fn as_on_linux_overtaken_data_may_be_dropped() {
    let config = Config { paws_spares_overtaken: false, ..Config::default() };
    assert_eq!(overtaken(&mut host_with(config), 1002), 1);
}
