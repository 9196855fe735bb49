//! A flood of SYNs from everywhere: what it leaves behind is bounded, and those who have a connection go on.

mod common;

use common::{A, B, World, end, tcp_packet};
use limpid_event::TcpState;
use limpid_wire::{Endpoint, IpAddr, Segment, SeqNum, TcpFlags};
use std::time::Duration;

/// SYNs a second.
const RATE: u64 = 100_000;

#[test]
fn a_hundred_thousand_syns_leave_one_backlog_and_a_connection_goes_on() {
    let mut w = World::new();
    let (client, server) = w.connected("10.0.0.2:80");
    w.listen(B, "10.0.0.2:81", 128);
    w.keep_carried = false;
    w.hosts.iter_mut().for_each(|host| host.observer().off = true);
    let data = vec![7; 400_000];
    let (mut written, mut received) = (0, 0);
    let mut most = 0;
    for millisecond in 0..1000 {
        for n in 0..RATE / 1000 {
            let random = w.rng.next().to_be_bytes();
            // From the same network, so that it is answered; never from the client.
            let from = Endpoint::new(
                IpAddr::v4([10, 0, 0, random[0].clamp(3, 250)]),
                1024 | u16::from(random[1]) << 8 | n as u16,
            );
            let syn = Segment { seq: SeqNum(n as u32), flags: TcpFlags::SYN, window: 1000, ..Segment::default() };
            w.inject(B, tcp_packet(from, end("10.0.0.2:81"), &syn));
        }
        if let Ok(n) = w.write(A, client, &data[written..]) {
            written += n;
        }
        w.run(Duration::from_millis(1));
        if let Ok((bytes, _)) = w.read(B, server) {
            received += bytes.len();
        }
        if millisecond % 50 == 0 {
            most = most.max(w.hosts[B].list().filter(|listed| listed.state == TcpState::SynReceived).count());
        }
    }
    w.run(Duration::from_secs(2));
    received += w.read(B, server).map_or(0, |(bytes, _)| bytes.len());
    assert_eq!(received, data.len());
    assert!((1..=129).contains(&most), "{most} embryos");
    assert!(w.counter(B, "TcpExtSyncookiesSent") > 90_000);
}
