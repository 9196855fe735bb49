//! Against the real kernel; skipped as the tests beside.

use crate::namespace::tests::{cidr, in_namespace};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;

#[test]
fn a_cable_joins_two_networks() {
    in_namespace(|left| {
        let (there, from_there) = mpsc::channel();
        let (ready, begin) = mpsc::channel::<()>();
        let other = std::thread::spawn(move || {
            in_namespace(move |right| {
                there.send(right.descriptor().unwrap()).unwrap();
                begin.recv().unwrap();
                right.set_link_up("b", Some(9000)).unwrap();
                right.add_address("b", cidr("10.0.0.2", 24)).unwrap();
                right.set_queue_length("b", 77).unwrap();
                let length = std::fs::read_to_string("/proc/thread-self/net/dev").unwrap();
                assert!(length.contains("b:") && !length.contains("a:"));
                let listener = TcpListener::bind("10.0.0.2:7").unwrap();
                there.send(right.descriptor().unwrap()).unwrap();
                let (mut stream, peer) = listener.accept().unwrap();
                assert_eq!(peer.ip().to_string(), "10.0.0.1");
                let mut text = String::new();
                stream.read_to_string(&mut text).unwrap();
                assert_eq!(text, "through the cable");
            });
        });
        let Ok(to) = from_there.recv() else { return };
        left.veth("a", "b").unwrap();
        let again = left.veth("a", "c").unwrap_err().to_string();
        assert!(again.contains("cable a-c") && again.contains("exists"), "{again}");
        let (a, b) = (left.ethernet_address("a").unwrap(), left.ethernet_address("b").unwrap());
        assert!(a != b && a[0] & 1 == 0);
        left.hand_over("b", to).unwrap();
        assert!(left.ethernet_address("b").is_err(), "it is elsewhere");
        left.set_link_up("a", Some(9000)).unwrap();
        left.add_address("a", cidr("10.0.0.1", 24)).unwrap();
        ready.send(()).unwrap();
        let _listens = from_there.recv().unwrap();
        TcpStream::connect("10.0.0.2:7").unwrap().write_all(b"through the cable").unwrap();
        other.join().unwrap();
    });
}
