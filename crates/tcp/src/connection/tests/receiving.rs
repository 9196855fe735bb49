//! Receiving: when ACKs leave, what they say, and what the application gets: data, urgent data, the end.

use crate::testing::{Host, Phase, cx, plain, segment};
use crate::{Config, Readiness};
use alloc::format;
use alloc::vec::Vec;
use limpid_event::{Counter, Error};

/// Takes so many full segments from the peer and reads them, which ends the quick ACKs of the beginning.
fn warm_up(host: &mut Host, segments: u32) -> u32 {
    for nth in 0..segments {
        let seq = 1 + nth * 1460;
        host.inject(&format!(". {seq}:{}(1460) ack 1 win 65535", seq + 1460));
        let _ = host.read(2_000);
        host.pass_ms(10);
    }
    host.forget();
    1 + segments * 1460
}

#[test]
fn the_first_segments_are_acknowledged_at_once() {
    let mut host = Host::established(plain());
    host.inject("P. 1:11(10) ack 1 win 65535");
    host.expect(&[". 1:1(0) ack 11 win 64230  (quick ACK)"]);
}

#[test]
fn later_a_lone_segment_waits_40_milliseconds() {
    let mut host = Host::established(plain());
    let seq = warm_up(&mut host, 40);
    host.inject(&format!("P. {seq}:{}(10) ack 1 win 65535", seq + 10));
    host.expect(&[]);
    let wait = host.poll_timeout().unwrap().since(host.now).as_millis();
    assert!((40..=200).contains(&wait), "{wait} ms");
    host.pass_ms(200);
    assert_eq!(host.sent().len(), 1);
    assert!(host.counter(Counter::TcpExtDelayedACKs) >= 1);
}

#[test]
fn every_second_full_segment_is_acknowledged() {
    let mut host = Host::established(plain());
    let mut seq = warm_up(&mut host, 40);
    for nth in 0..6 {
        host.inject(&format!(". {seq}:{}(1460) ack 1 win 65535", seq + 1460));
        host.transcript.lines.clear();
        seq += 1460;
        assert_eq!(host.outbox.len(), nth / 2 + nth % 2, "after segment {nth}");
        let _ = host.read(2_000);
    }
}

/// RFC 9293 §3.10.7.4: all that has come is handled before anything is acknowledged.
#[test]
fn segments_that_come_together_are_acknowledged_together() {
    let mut host = Host::established(plain());
    for nth in 0..8 {
        let seq = 1 + nth * 1460;
        let mut segment = segment(&format!(". {seq}:{}(1460) ack 1 win 65535", seq + 1460));
        let Phase::Connection(connection) = &mut host.phase else { panic!() };
        let _ = connection.handle_segment(cx!(host), &mut segment);
    }
    host.drain();
    assert_eq!(host.sent().len(), 1);
}

/// RFC 9293 §3.5.3, SHLD-2.
#[test]
fn a_reset_may_carry_data() {
    let mut host = Host::established(plain());
    host.inject("R 1:6(5) win 0");
    assert_eq!(host.ended, Some(Some(Error::ConnectionReset)));
    assert_eq!(host.read(10), Err(Error::ConnectionReset), "what it says is not the stream's");
}

#[test]
fn an_answer_carries_the_ack() {
    let mut host = Host::established(plain());
    let seq = warm_up(&mut host, 40);
    host.inject(&format!("P. {seq}:{}(10) ack 1 win 65535", seq + 10));
    host.write(b"answer").unwrap();
    host.expect(&[&format!("P. 1:7(6) ack {} win 65535  (new data)", seq + 10)]);
    host.pass_ms(150);
    host.expect(&[]);
}

#[test]
fn each_segment_after_a_gap_is_answered_and_the_gap_once_filled() {
    let mut host = Host::established(Config { sack: true, ..plain() });
    host.inject(". 11:21(10) ack 1 win 65535");
    host.inject(". 21:31(10) ack 1 win 65535");
    host.inject(". 1:11(10) ack 1 win 65535");
    host.expect(&[
        ". 1:1(0) ack 1 win 64240  (duplicate ACK)",
        ". 1:1(0) ack 1 win 64240  (duplicate ACK)",
        ". 1:1(0) ack 31 win 64210  (ACK)",
    ]);
}

/// The peer counts duplicate ACKs (RFC 5681 §3.2), so those that fell due together leave one by one.
#[test]
fn duplicate_acks_are_not_merged() {
    let mut host = Host::established(plain());
    let Phase::Connection(connection) = &mut host.phase else { panic!() };
    for seq in [11, 21, 31] {
        let mut segment = crate::testing::segment(&format!(". {seq}:{}(10) ack 1 win 65535", seq + 10));
        let _ = connection.handle_segment(cx!(host), &mut segment);
    }
    host.drain();
    assert_eq!(host.outbox.len(), 3);
}

#[test]
fn sack_blocks_name_the_newest_first_and_three_fit_beside_timestamps() {
    let mut host = Host::listening(Config::default());
    host.inject("S 0:0(0) win 65535 <mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 10>");
    host.inject(". 1:1(0) ack 1 win 500 <nop,nop,TS val 1 ecr 0>");
    for seq in [11, 31, 51, 71] {
        host.inject(&format!(". {seq}:{}(10) ack 1 win 500 <nop,nop,TS val 1 ecr 0>", seq + 10));
    }
    let last = host.sent().pop().unwrap();
    assert!(last.contains("sack 71:81 51:61 31:41>"), "{last}");
}

/// RFC 2883 §4: the first block names what came twice.
#[test]
fn what_came_twice_is_told_once() {
    let mut host = Host::listening(Config { timestamps: false, ..Config::default() });
    host.inject("S 0:0(0) win 65535 <mss 1460,sackOK>");
    host.inject(". 1:1(0) ack 1 win 500");
    host.inject("P. 1:11(10) ack 1 win 500");
    host.inject(". 21:31(10) ack 1 win 500");
    host.forget();
    host.inject("P. 1:11(10) ack 1 win 500");
    host.expect(&[". 1:1(0) ack 11 win 64230 <nop,nop,sack 1:11 21:31>  (duplicate ACK)"]);
    host.inject("P. 21:31(10) ack 1 win 500");
    host.expect(&[". 1:1(0) ack 11 win 64230 <nop,nop,sack 21:31 21:31>  (duplicate ACK)"]);
    host.inject("P. 11:21(10) ack 1 win 500");
    host.expect(&[". 1:1(0) ack 31 win 64210  (ACK)"]);
}

/// RFC 6093 §4, §5: the pointer names the byte after, and the data stays in line.
#[test]
fn urgent_data_is_told_of_and_read_in_line() {
    let mut host = Host::established(plain());
    host.inject("PU. 1:6(5) ack 1 win 65535 urg 3");
    assert!(host.woke.contains(Readiness::URGENT));
    assert_eq!(host.connection().urgent(), Some(3));
    assert_eq!(host.read(2).unwrap().len(), 2);
    assert_eq!(host.connection().urgent(), Some(1));
    assert_eq!(host.read(10).unwrap().len(), 3);
    assert_eq!(host.connection().urgent(), None);
    assert!(!host.connection().readiness().contains(Readiness::URGENT));
}

#[test]
fn urgent_data_once_read_does_not_come_back_when_the_numbers_wrap() {
    let mut host = Host::established(plain());
    host.inject("PU. 1:6(5) ack 1 win 65535 urg 3");
    assert_eq!(host.read(10).unwrap().len(), 5);
    // Nothing is left to compare with numbers that are half the circle on.
    assert_eq!(host.connection().rcv.urgent_end, None);
}

#[test]
fn reading_tells_data_end_and_nothing_yet_apart() {
    let mut host = Host::established(plain());
    assert_eq!(host.read(10), Err(Error::WouldBlock));
    host.inject("FP. 1:4(3) ack 1 win 65535");
    let mut buf = [0; 10];
    assert_eq!(host.connection().peek(&mut buf), Ok(3));
    assert_eq!(host.read(2).unwrap().len(), 2);
    assert_eq!(host.read(2).unwrap().len(), 1);
    assert_eq!(host.read(2), Ok(Vec::new()));
    assert_eq!(host.connection().peek(&mut buf), Ok(0));
}

/// As Linux: whoever has set it owes it once; an answer that comes, or not, decides what follows.
#[test]
fn quick_acks_can_be_switched() {
    let mut host = Host::established(plain());
    host.connection().set_quick_ack(false);
    assert!(!host.connection().quick_ack());
    host.inject("P. 1:11(10) ack 1 win 65535");
    host.expect(&[]);
    host.connection().set_quick_ack(true);
    host.drain();
    host.expect(&[]);
    let _ = host.read(100);
    host.connection().set_quick_ack(true);
    host.drain();
    host.expect(&[". 1:1(0) ack 11 win 64230  (ACK)"]);
    host.inject("P. 11:21(10) ack 1 win 65535");
    host.expect(&[". 1:1(0) ack 21 win 64220  (quick ACK)"]);
}

/// Linux takes a pointer of zero for one to the first byte.
#[test]
fn an_urgent_pointer_of_zero_names_the_first_byte() {
    let mut host = Host::established(plain());
    host.inject("P.U 1:3(2) ack 1 win 65535 urg 0");
    assert_eq!(host.connection().urgent(), Some(1));
    let _ = host.read(1);
    assert_eq!(host.connection().urgent(), None);
}
