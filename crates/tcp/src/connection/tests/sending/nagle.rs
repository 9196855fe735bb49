//! What of small segments waits for company (RFC 9293 §3.7.4).

use super::*;

#[test]
fn one_small_segment_at_a_time() {
    let mut host = Host::established(plain());
    for byte in [b"a", b"b", b"c"] {
        host.write(byte).unwrap();
    }
    host.expect(&["P. 1:2(1) ack 1 win 64240  (new data)"]);
    host.inject(". 1:1(0) ack 2 win 65535");
    host.expect(&["P. 2:4(2) ack 1 win 64240  (new data)"]);
}

/// Minshall's change: what is in flight may be full segments.
#[test]
fn a_small_one_may_follow_full_ones() {
    let mut host = Host::established(plain());
    host.write(&[0; 1460]).unwrap();
    host.write(&[0; 10]).unwrap();
    host.write(&[0; 10]).unwrap();
    host.expect(&["P. 1:1461(1460) ack 1 win 64240  (new data)", "P. 1461:1471(10) ack 1 win 64240  (new data)"]);
}

#[test]
fn the_fin_pushes_what_waits() {
    let mut host = Host::established(plain());
    host.write(b"a").unwrap();
    host.write(b"b").unwrap();
    host.forget();
    host.close();
    host.expect(&["FP. 2:3(1) ack 1 win 64240  (close)"]);
}

#[test]
fn switched_off_all_goes_at_once() {
    let mut host = Host::established(Config { no_delay: true, ..plain() });
    for byte in [b"a", b"b", b"c"] {
        host.write(byte).unwrap();
    }
    assert_eq!(host.outbox.len(), 3);
}
