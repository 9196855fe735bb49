use super::*;

fn text(text: &str) -> SegmentText {
    text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn sockets() -> Sockets {
    Sockets::new(8080)
}

/// A listener and the connection that a SYN with number 1000 opens; ours begins at 5000 where the script says 0.
fn passive() -> (Sockets, usize) {
    let mut all = sockets();
    all.opened(7);
    all.bound(7, 8080);
    all.listens(7);
    let syn = text("S 1000:1000(0) win 9");
    let index = all.for_inbound(&syn);
    all.get(index).sends(&syn);
    let syn_ack = text("S. 0:0(0) ack 1001 win 9");
    assert_eq!(all.for_outbound(&syn_ack), Ok(index));
    all.get(index).saw(8080, &text("S. 5000:5000(0) ack 1001 win 9"), &syn_ack);
    (all, index)
}

#[test]
fn numbers_of_a_passive_connection() {
    let (mut all, index) = passive();
    let socket = all.get(index);
    assert_eq!((socket.local_port, socket.remote_port), (8080, 50_000));
    let live = |t: &str| socket.to_live(&text(t)).to_string();
    assert_eq!(
        live("P. 1:11(10) ack 1 win 9 <nop,nop,sack 21:31>"),
        "P. 1001:1011(10) ack 5001 win 9 <nop,nop,sack 5021:5031>"
    );
    assert_eq!(live("R 1:1(0) win 0"), "R 1001:1001(0) win 0");
    let script = |t: &str| socket.to_script(&text(t)).to_string();
    assert_eq!(script("P. 5001:5011(10) ack 1001 win 9"), "P. 1:11(10) ack 1 win 9");
    assert_eq!(script("S. 5000:5000(0) ack 1001 win 9"), "S. 0:0(0) ack 1001 win 9");
    assert_eq!(socket.quoted(1), 5001);
}

#[test]
fn an_active_open_learns_its_port_from_the_syn() {
    let mut all = sockets();
    all.opened(7);
    all.connects(7, Some(8080));
    let syn = text("S 100:100(0) <...>");
    let index = all.for_outbound(&syn).unwrap();
    let live = text("S 9000:9000(0) win 9");
    assert!(all.get(index).owns((45_000, 8080), &live, &syn));
    assert!(!all.get(index).owns((45_000, 80), &live, &syn), "another peer");
    all.get(index).saw(45_000, &live, &syn);
    assert_eq!(all.get(index).to_script(&live).to_string(), "S 100:100(0) win 9");
    let syn_ack = text("S. 300:300(0) ack 101 win 9");
    assert_eq!(all.for_inbound(&syn_ack), index);
    all.get(index).sends(&syn_ack);
    assert_eq!(all.get(index).to_live(&syn_ack).to_string(), "S. 300:300(0) ack 9001 win 9");
    assert_eq!(all.get(index).to_script(&text(". 9001:9001(0) ack 301")).to_string(), ". 1:1(0) ack 1");
    // A SYN from another port is not of this connection any more.
    assert!(!all.get(index).owns((45_001, 8080), &live, &syn));
}

#[test]
fn a_connect_that_failed_may_be_tried_again() {
    let mut all = sockets();
    all.opened(7);
    all.connects(7, Some(8080));
    let syn = text("S 0:0(0) <...>");
    let index = all.for_outbound(&syn).unwrap();
    all.get(index).saw(45_000, &text("S 9000:9000(0) win 9"), &syn);
    all.get(index).sends(&text("R. 0:0(0) ack 1 win 0"));
    all.connects(7, Some(8080));
    let again = text("S 100:100(0) win 9");
    assert_eq!(all.for_outbound(&syn), Ok(index));
    assert!(all.get(index).owns((45_001, 8080), &again, &syn));
    all.get(index).saw(45_001, &again, &syn);
    assert_eq!((all.get(index).local_port, all.get(index).to_script(&again).seq.0), (45_001, 0));
}

#[test]
fn crossed_syns_tell_the_peers_number() {
    let mut all = sockets();
    all.opened(7);
    all.connects(7, Some(8080));
    let syn = text("S 0:0(0) <...>");
    let index = all.for_outbound(&syn).unwrap();
    all.get(index).saw(45_000, &text("S 9000:9000(0) win 9"), &syn);
    all.get(index).sends(&text("S 400:400(0) win 9"));
    assert_eq!(all.get(index).to_script(&text("S. 9000:9000(0) ack 401")).to_string(), "S. 0:0(0) ack 401");
    assert_eq!(all.get(index).to_script(&text(". 9001:9001(0) ack 401")).to_string(), ". 1:1(0) ack 1");
}

#[test]
fn another_syn_between_the_same_ports_begins_another_connection() {
    let (mut all, index) = passive();
    let socket = all.get(index);
    socket.sends(&text(". 1:1(0) ack 1 win 9"));
    let expected = text("S. 0:0(0) ack 7001");
    // The same SYN again is no reason to take another SYN-ACK for ours.
    socket.sends(&text("S 1000:1000(0) win 9"));
    socket.saw(8080, &text("S. 6000:6000(0) ack 1001"), &expected);
    assert_eq!(socket.to_script(&text(". 5001:5001(0) ack 1001")).to_string(), ". 1:1(0) ack 1");
    socket.sends(&text("S 7000:7000(0) win 9"));
    socket.saw(8080, &text("S. 6000:6000(0) ack 7001"), &expected);
    assert_eq!(socket.to_script(&text("S. 6000:6000(0) ack 7001")).to_string(), "S. 0:0(0) ack 7001");
    assert_eq!(socket.to_script(&text(". 6001:6001(0) ack 7001")).to_string(), ". 1:1(0) ack 1");
}

#[test]
fn connections_by_their_ports() {
    let (mut all, first) = passive();
    let second = all.for_inbound(&text("5000 > 8080 S 50:50(0) win 9"));
    assert_ne!(first, second);
    assert_eq!(all.for_outbound(&text("8080 > 5000 S. 0:0(0) ack 51")), Ok(second));
    assert_eq!(all.for_inbound(&text("5000 > 8080 . 1:1(0) ack 1 win 9")), second);
    // What has no ports still is the first one's.
    assert_eq!(all.for_inbound(&text(". 1:1(0) ack 1 win 9")), first);
    assert_eq!(all.for_outbound(&text(". 1:1(0) ack 1")), Ok(first));
    assert_eq!((all.get(second).local_port, all.get(second).remote_port), (8080, 5000));
}

#[test]
fn accepted_connections_are_found_by_their_peer() {
    let (mut all, first) = passive();
    let second = all.for_inbound(&text("5000 > 8080 S 50:50(0) win 9"));
    let peer = |port| Some(Endpoint::new(limpid_wire::IpAddr::LOCALHOST_V4, port));
    assert_eq!(all.accepted(peer(5000), 9), Ok(()));
    assert_eq!((all.get(second).fd, all.get(first).fd), (Some(9), None));
    assert!(all.accepted(peer(5001), 10).is_err());
    assert_eq!(all.accepted(peer(50_000), 10), Ok(()));
    assert_eq!(all.under_test().and_then(|socket| socket.fd), Some(10));
}

#[test]
fn without_a_socket_there_is_nobody_to_expect_anything_from() {
    let mut all = sockets();
    assert_eq!(all.for_outbound(&text(". 1:1(0) ack 1")), Err(NO_SOCKET));
    assert_eq!(all.for_icmp(), Err(NO_SOCKET));
    // But what the script sends makes somebody who may answer with a reset.
    let stray = text(". 10:10(0) ack 1 win 9");
    let index = all.for_inbound(&stray);
    assert_eq!(all.for_outbound(&text("R 1:1(0)")), Ok(index));
    assert_eq!(all.get(index).local_port, 8080);
}

#[test]
fn timestamps_are_translated_once_the_script_has_shown_them() {
    let mut timestamps = Timestamps::default();
    assert_eq!(timestamps.live(100, true), None);
    assert_eq!(timestamps.show(100, 7000), 100);
    assert_eq!(timestamps.show(110, 7012), 112);
    assert_eq!((timestamps.live(100, false), timestamps.live(110, false)), (Some(7000), Some(7012)));
    assert_eq!((timestamps.live(105, false), timestamps.live(105, true)), (None, Some(7005)));
}

#[test]
fn flow_labels_count_by_sameness() {
    let mut label = FlowLabel::default();
    assert!(label.check(1, 0).is_err());
    assert_eq!(label.check(1, 77), Ok(()));
    assert_eq!(label.check(1, 77), Ok(()));
    assert!(label.check(1, 78).is_err());
    assert!(label.check(2, 77).is_err());
    assert_eq!(label.check(2, 78), Ok(()));
}
