use crate::testing::{Host, plain};
use crate::{Config, TcpInfo};
use alloc::vec;

fn info(host: &mut Host) -> TcpInfo {
    let now = host.now;
    host.connection().info(now)
}

/// After the handshake, as Linux 6.18 tells it: the client has sent SYN and ACK and received one; its SYN counts as a byte.
#[test]
fn after_the_handshake() {
    let mut client = Host::connecting(plain());
    client.pass_ms(20);
    client.inject("S. 0:0(0) ack 1 win 65535 <mss 1460>");
    let i = info(&mut client);
    assert_eq!((i.segs_out, i.segs_in, i.data_segs_out, i.data_segs_in), (2, 1, 0, 0));
    assert_eq!((i.bytes_acked, i.delivered, i.bytes_sent), (1, 1, 0));
    let mut server = Host::established(plain());
    let i = info(&mut server);
    assert_eq!((i.segs_out, i.segs_in, i.bytes_acked, i.delivered), (0, 2, 0, 1));
}

#[test]
fn data_both_ways_and_again() {
    let mut host = Host::established_after(plain(), 50);
    host.inject("P. 1:11(10) ack 1 win 65535");
    host.inject("P. 21:31(10) ack 1 win 65535");
    host.write(&[0; 3000]).unwrap();
    host.pass_ms(10);
    let i = info(&mut host);
    assert_eq!((i.data_segs_in, i.rcv_ooopack, i.bytes_received), (2, 1, 10));
    assert_eq!((i.data_segs_out, i.bytes_sent, i.bytes_retrans), (3, 3000, 0));
    host.pass_ms(300);
    let i = info(&mut host);
    assert_eq!((i.data_segs_out, i.bytes_sent, i.bytes_retrans), (4, 4460, 1460));
    assert_eq!((i.retrans, i.total_retrans, i.total_rto, i.total_rto_recoveries), (1, 1, 1, 1));
    assert_eq!(i.total_rto_time, 0, "it is not over");
    host.pass_ms(40);
    host.inject(". 11:11(0) ack 3001 win 65535");
    let i = info(&mut host);
    assert_eq!((i.delivered, i.bytes_acked, i.retrans), (4, 3000, 0));
    assert_eq!(i.total_rto_time, 0, "without SACK that is not the end yet (RFC 6582)");
    host.write(&[0; 10]).unwrap();
    host.pass_ms(10);
    host.inject(". 11:11(0) ack 3011 win 65535");
    let i = info(&mut host);
    assert!((1..=150).contains(&i.total_rto_time), "{}", i.total_rto_time);
}

/// Busy from the first byte written until the last is acknowledged.
#[test]
fn the_time_that_sending_takes() {
    let mut host = Host::established_after(plain(), 50);
    host.pass_ms(1000);
    host.write(b"x").unwrap();
    host.pass_ms(30);
    assert_eq!(info(&mut host).busy_time, 30_000, "it runs");
    host.inject(". 1:1(0) ack 2 win 65535");
    host.pass_ms(500);
    let i = info(&mut host);
    assert_eq!((i.busy_time, i.rwnd_limited, i.sndbuf_limited), (30_000, 0, 0));
}

/// The peer's window was in the way for so long.
#[test]
fn the_time_that_the_window_takes() {
    let mut host = Host::established_after(plain(), 50);
    host.inject("P. 1:2(1) ack 1 win 65535");
    host.inject(". 2:2(0) ack 1 win 1460");
    host.write(&vec![0; 2000]).unwrap();
    host.pass_ms(20);
    host.inject(". 2:2(0) ack 1461 win 0");
    host.pass_ms(80);
    let i = info(&mut host);
    assert_eq!((i.busy_time, i.rwnd_limited), (100_000, 100_000));
    host.inject(". 2:2(0) ack 1461 win 65535");
    host.pass_ms(10);
    host.inject(". 2:2(0) ack 2001 win 65535");
    host.pass_ms(100);
    let i = info(&mut host);
    assert_eq!((i.busy_time, i.rwnd_limited), (110_000, 100_000));
}

/// All is sent, more is to come, and the send buffer does not take it: the buffer is what holds sending up.
#[test]
fn the_time_that_the_send_buffer_takes() {
    let mut host = Host::established_after(Config { send_buffer: 8192, send_buffer_fixed: true, ..plain() }, 50);
    // As on Linux, what is begun is taken as a whole.
    assert_eq!(host.write(&vec![0; 60_000]), Ok(46_720));
    host.pass_ms(50);
    host.inject(". 1:1(0) ack 14601 win 65535");
    host.pass_ms(50);
    assert_eq!(info(&mut host).sndbuf_limited, 0, "the congestion window did");
    host.inject(". 1:1(0) ack 29201 win 65535");
    host.pass_ms(50);
    let i = info(&mut host);
    assert_eq!((i.unacked, i.notsent_bytes), (12, 0));
    assert_eq!((i.busy_time, i.sndbuf_limited), (150_000, 50_000));
    host.inject(". 1:1(0) ack 46721 win 65535");
    host.pass_ms(50);
    assert_eq!(info(&mut host).sndbuf_limited, 50_000);
}
