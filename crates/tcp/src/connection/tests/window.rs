//! The window that is offered as data lies unread (RFC 9293 §3.8.6).

use crate::testing::{Host, plain};
use crate::{Config, Readiness};
use alloc::format;
use limpid_event::{Counter, Error, TcpState};

fn small() -> Host {
    Host::established(Config { recv_buffer: 8_000, recv_buffer_fixed: true, ..plain() })
}

/// The last window that was told.
fn told(host: &mut Host) -> u16 {
    host.outbox.drain(..).next_back().expect("something left").segment.window
}

/// Three segments that nobody reads; as Linux 6.18 with SO_RCVBUF 4000, which it doubles.
fn fill(host: &mut Host) {
    host.inject(". 1:1461(1460) ack 1 win 65535");
    assert_eq!(told(host), 2920, "segments are worth more of their memory than was thought");
    host.inject(". 1461:2921(1460) ack 1 win 65535");
    host.pass_ms(300);
    assert_eq!(told(host), 1460);
    host.inject("P. 2921:4381(1460) ack 1 win 65535");
    host.pass_ms(300);
    assert_eq!(told(host), 0);
}

#[test]
fn it_closes_as_data_lies_unread_and_opens_when_there_is_room_worth_telling() {
    let mut host = small();
    fill(&mut host);
    assert_eq!(host.read(100).unwrap().len(), 100);
    host.expect(&[]);
    assert_eq!(host.read(1_900).unwrap().len(), 1_900);
    host.expect(&[". 1:1(0) ack 4381 win 1460  (window update)"]);
}

#[test]
fn a_probe_of_a_closed_window_is_answered() {
    let mut host = small();
    fill(&mut host);
    host.inject(". 4380:4380(0) ack 1 win 65535");
    host.expect(&[". 1:1(0) ack 4381 win 0  (answer to probe)"]);
    host.pass_ms(600);
    host.inject("P. 4381:4382(1) ack 1 win 65535");
    host.expect(&[". 1:1(0) ack 4381 win 0  (duplicate ACK)"]);
    assert_eq!(host.counter(Counter::TcpExtBeyondWindow), 1);
}

#[test]
fn resets_acks_and_urgent_pointers_count_while_it_is_closed() {
    let mut host = small();
    fill(&mut host);
    host.write(&[0; 10]).unwrap();
    host.inject(".U 4381:4381(0) ack 11 win 65535 urg 5");
    assert!(host.woke.contains(Readiness::URGENT));
    assert_eq!(host.connection().unacknowledged(), 0);
    host.inject("R 4381:4381(0) win 0");
    assert_eq!(host.ended, Some(Some(Error::ConnectionReset)));
}

#[test]
fn a_fin_fits_into_a_closed_window() {
    let mut host = small();
    fill(&mut host);
    host.inject("F. 4381:4381(0) ack 1 win 65535");
    assert_eq!(host.state(), TcpState::CloseWait);
}

#[test]
fn the_right_edge_never_moves_left() {
    let mut host = small();
    let mut edge = 0;
    let mut seq = 1;
    for len in [100, 700, 1, 1, 900, 33, 500, 1, 80] {
        host.inject(&format!("P. {seq}:{}({len}) ack 1 win 65535", seq + len));
        seq += len;
        host.pass_ms(250);
        if len % 2 == 0 {
            let _ = host.read(len as usize / 2);
        }
        for transmit in host.outbox.drain(..) {
            let told = transmit.segment.ack.0 + u32::from(transmit.segment.window);
            assert!(told >= edge, "{told} is left of {edge}");
            edge = told;
        }
    }
}

/// As Linux from 6.17 on.
#[test]
fn what_ends_beyond_the_window_is_taken_only_if_nothing_waits_to_be_read() {
    let mut host = small();
    host.inject(". 1:1461(1460) ack 1 win 65535");
    assert_eq!(told(&mut host), 2920);
    host.inject(". 1461:4462(3001) ack 1 win 65535");
    host.expect(&[". 1:1(0) ack 1461 win 2920  (duplicate ACK)"]);
    assert_eq!(host.connection().readable_len(), 1460);
    assert_eq!(host.read(3_000).unwrap().len(), 1460);
    host.forget();
    host.inject(". 1461:8462(7001) ack 1 win 65535");
    assert_eq!(host.connection().readable_len(), 7001);
    host.pass_ms(300);
    assert_eq!(told(&mut host), 0);
}

#[test]
fn nothing_is_taken_into_a_closed_window() {
    let mut host = small();
    host.inject(". 1:7001(7000) ack 1 win 65535");
    host.pass_ms(300);
    assert_eq!(told(&mut host), 0);
    host.inject("P. 7001:7002(1) ack 1 win 65535");
    assert_eq!(told(&mut host), 0);
    assert_eq!(host.connection().readable_len(), 7000);
}

/// With SO_RCVLOWAT a reader is woken when there is as much as it wants, or when no more will come before it reads.
#[test]
fn a_reader_is_woken_when_there_is_enough() {
    let mut host = Host::established(Config { recv_lowat: 1000, ..plain() });
    host.woke = Readiness::empty();
    host.inject("P. 1:501(500) ack 1 win 65535");
    assert!(!host.woke.contains(Readiness::READABLE));
    assert!(!host.connection().readiness().contains(Readiness::READABLE));
    host.inject("P. 501:1001(500) ack 1 win 65535");
    assert!(host.woke.contains(Readiness::READABLE) && host.connection().readiness().contains(Readiness::READABLE));
}
