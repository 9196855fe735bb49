//! On interfaces of private networks, with the real tcpdump beside. Where the machine forbids private networks the tests
//! say so and end, unless LIMPID_REQUIRE_TOOLS=1.

use super::libpcap::Libpcap;
use super::program::{Check, Loopback, Setting, for_socket};
use super::*;
use crate::namespace::Namespace;
use limpid_scope::capture::{LinkType, Reader};
use limpid_scope::filter::Filter;
use limpid_wire::Cidr;
use limpid_wire::bpf::Program;
use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};
use std::io::{BufRead, BufReader};
use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};

const PATIENCE: Duration = Duration::from_secs(10);

fn tools_are_required() -> bool {
    std::env::var_os("LIMPID_REQUIRE_TOOLS").is_some_and(|v| v == "1")
}

fn skip(why: impl std::fmt::Display) {
    assert!(!tools_are_required(), "{why}");
    eprintln!("skipped: {why}");
}

/// Runs a test in a private network, on a thread of its own.
fn in_namespace(test: impl FnOnce(Namespace) + Send + 'static) {
    let run = move || match Namespace::enter() {
        Ok(namespace) => test(namespace),
        Err(error) => skip(error),
    };
    std::thread::spawn(run).join().unwrap();
}

fn filter(text: &str, link_type: u16) -> Option<Program> {
    Some(Filter::compile(text, LinkType(link_type)).unwrap().program().clone())
}

fn options(interface: &str, text: &str) -> CaptureOptions {
    let filter = filter(text, link_type(interface).unwrap());
    CaptureOptions { interface: interface.into(), filter, latency: Duration::from_millis(1), ..Default::default() }
}

/// Copies of `count` packets; fails if they don't come.
fn take(capture: &mut Capture, count: usize) -> Vec<(Vec<u8>, u32, Direction)> {
    let deadline = Instant::now() + PATIENCE;
    let mut all = Vec::new();
    while all.len() < count {
        assert!(Instant::now() < deadline, "{} of {count} packets came", all.len());
        if let Some(frame) = capture.next(Duration::from_millis(50)).unwrap() {
            assert!(frame.time > 1_600_000_000_000_000_000);
            all.push((frame.data.to_vec(), frame.original_len, frame.direction));
        }
    }
    all
}

fn nothing_more(capture: &mut Capture) {
    assert!(capture.next(Duration::from_millis(100)).unwrap().is_none());
}

fn send(count: usize, port: u16, payload: &[u8]) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    // Somebody takes them, so that no ICMP error comes back.
    let taker = UdpSocket::bind(("127.0.0.1", port));
    for _ in 0..count {
        socket.send_to(payload, ("127.0.0.1", port)).unwrap();
    }
    drop(taker);
}

/// Sends a frame as it is.
fn send_frame(interface: &str, frame: &[u8]) {
    let index = find(&interfaces().unwrap(), interface).unwrap().index;
    let socket = PacketSocket::new(false).unwrap();
    socket.bind(index.cast_signed()).unwrap();
    rustix::net::send(&socket, frame, rustix::net::SendFlags::empty()).unwrap();
}

/// A broadcast UDP datagram on Ethernet, behind a VLAN tag if there is one.
fn datagram(tag: Option<u16>) -> Vec<u8> {
    let mut frame = vec![0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1];
    if let Some(id) = tag {
        frame.extend([0x81, 0]);
        frame.extend(id.to_be_bytes());
    }
    frame.extend([8, 0, 0x45, 0, 0, 34, 0, 0, 0, 0, 64, 17, 0, 0, 10, 5, 0, 1, 10, 5, 0, 255]);
    frame.extend([0x30, 0x39, 0x1e, 0x61, 0, 14, 0, 0]);
    frame.extend(b"tagged");
    frame
}

fn ip(arguments: &str) -> bool {
    let done = Command::new("ip").args(arguments.split(' ')).output();
    done.is_ok_and(|output| {
        if !output.status.success() {
            eprintln!("ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
        }
        output.status.success()
    })
}

/// Two interfaces joined; false, with the reason printed, where they can't be had.
fn wire() -> bool {
    let made = ip("link add left type veth peer name right") && ip("link set left up") && ip("link set right up");
    if !made {
        skip("no veth interfaces");
    }
    made
}

/// tcpdump, writing what it captures to its standard output.
struct Tcpdump(Child);

impl Tcpdump {
    fn start(interface: &str, filter: &str) -> Option<Tcpdump> {
        // A short snapshot length and much memory: else its ring has a handful of places, and drops.
        let child = Command::new("timeout")
            .args(["20", "tcpdump", "-i", interface, "-U", "--immediate-mode", "--time-stamp-precision=nano"])
            .args(["-s", "2000", "-B", "16384", "-Z", "root", "-w", "-", filter])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = match child {
            Ok(child) => child,
            Err(error) => {
                skip(format!("tcpdump: {error}"));
                return None;
            }
        };
        let mut line = String::new();
        let mut said = BufReader::new(child.stderr.as_mut().unwrap());
        while !line.contains("listening on") {
            line.clear();
            assert!(said.read_line(&mut line).unwrap() > 0, "tcpdump ended");
        }
        Some(Tcpdump(child))
    }

    /// Its packets: bytes and lengths.
    fn packets(mut self, count: usize) -> Vec<(Vec<u8>, u32)> {
        let mut reader = Reader::new(self.0.stdout.take().unwrap()).unwrap();
        let mut packet = || reader.next_packet().unwrap().map(|packet| (packet.data, packet.original_len));
        (0..count).map_while(|_| packet()).collect()
    }
}

impl Drop for Tcpdump {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_packet_that_loops_back_is_seen_once() {
    in_namespace(|_namespace| {
        let mut capture = Capture::open(&options("lo", "udp dst port 7777")).unwrap();
        assert_eq!(capture.link_type(), 1);
        send(20, 7778, b"others");
        send(20, 7777, b"ours");
        let packets = take(&mut capture, 20);
        nothing_more(&mut capture);
        for (data, original_len, direction) in packets {
            assert_eq!((data.len(), original_len, direction), (14 + 28 + 4, 46, Direction::In));
            assert_eq!((&data[36..38], &data[42..]), (&7777_u16.to_be_bytes()[..], &b"ours"[..]));
        }
        assert_eq!(capture.statistics(), Statistics { received: 20, dropped: 0 });
    });
}

#[test]
fn nothing_unfiltered_slips_in() {
    in_namespace(|_namespace| {
        let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let stopped = stop.clone();
        let noise = std::thread::spawn(move || {
            while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
                send(10, 9, b"noise");
            }
        });
        for _ in 0..20 {
            let mut capture = Capture::open(&options("lo", "udp dst port 7777")).unwrap();
            assert!(capture.next(Duration::from_millis(5)).unwrap().is_none());
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        noise.join().unwrap();
    });
}

#[test]
fn packets_are_cut_and_their_length_is_known() {
    in_namespace(|_namespace| {
        for interface in ["lo", ANY] {
            let options = CaptureOptions { snaplen: 64, ..options(interface, "udp port 7777") };
            let mut capture = Capture::open(&options).unwrap();
            send(3, 7777, &[7; 1000]);
            let header = if interface == ANY { 20 } else { 14 };
            for (data, original_len, _) in take(&mut capture, 3) {
                assert_eq!((data.len(), original_len), (64, header + 1028), "{interface}");
            }
        }
    });
}

#[test]
fn the_same_packets_as_tcpdump_on_loopback_and_any() {
    in_namespace(|_namespace| {
        for (interface, text) in
            [("lo", "udp"), (ANY, "udp and port 7777"), (ANY, "len < 100 and udp"), (ANY, "inbound")]
        {
            let Some(tcpdump) = Tcpdump::start(interface, text) else { return };
            let mut capture = Capture::open(&options(interface, text)).unwrap();
            send(10, 7777, b"hello");
            let ours: Vec<_> = take(&mut capture, 10).into_iter().map(|(data, length, _)| (data, length)).collect();
            assert_eq!(ours, tcpdump.packets(10), "{interface} {text}");
        }
    });
}

#[test]
fn tags_are_put_back_as_libpcap_does() {
    in_namespace(|_namespace| {
        if !wire() {
            return;
        }
        let cases = [
            ("vlan 5 and udp port 7777", Some(5), true),
            ("vlan 6 and udp", Some(5), false),
            ("udp port 7777", None, true),
            ("not vlan and udp", Some(5), false),
            // The tag is beside the packet, not in it, when the kernel asks: as with libpcap.
            ("udp port 7777", Some(5), true),
        ];
        for (text, tag, chosen) in cases {
            let Some(tcpdump) = Tcpdump::start("right", text) else { return };
            let mut capture = Capture::open(&options("right", text)).unwrap();
            for _ in 0..5 {
                send_frame("left", &datagram(tag));
            }
            if !chosen {
                nothing_more(&mut capture);
                continue;
            }
            let ours: Vec<_> = take(&mut capture, 5).into_iter().map(|(data, length, _)| (data, length)).collect();
            assert_eq!(ours[0].0, datagram(tag), "{text}");
            assert_eq!(ours, tcpdump.packets(5), "{text}");
        }
    });
}

#[test]
fn interfaces_are_listed() {
    in_namespace(|namespace| {
        namespace.add_address("lo", Cidr { addr: "10.9.0.1".parse().unwrap(), prefix: 16 }).unwrap();
        let all = interfaces().unwrap();
        let lo = all.iter().find(|interface| interface.name == "lo").unwrap();
        assert!(lo.is_loopback && lo.is_up && lo.link_type == 1);
        let addresses: Vec<String> = lo.addresses.iter().map(|a| format!("{}/{}", a.addr, a.prefix)).collect();
        assert!(addresses.contains(&"127.0.0.1/8".to_owned()), "{addresses:?}");
        assert!(addresses.contains(&"10.9.0.1/16".to_owned()), "{addresses:?}");
        let config = crate::TunConfig { mtu: 1400, ..Default::default() };
        let _tun = namespace.tun(&config).unwrap();
        assert_eq!(link_type("limpid0").unwrap(), 101);
        assert_eq!(link_type(ANY).unwrap(), 276);
    });
}

#[test]
fn what_is_wrong_is_said() {
    in_namespace(|_namespace| {
        let open = |name: &str| Capture::open(&CaptureOptions { interface: name.into(), ..Default::default() });
        let unknown = open("eth7").unwrap_err();
        assert_eq!(unknown.to_string(), "there is no interface 'eth7'");
        assert!(unknown.hint().starts_with("there are: any, lo"), "{}", unknown.hint());
        if !wire() {
            return;
        }
        let mut capture = open("right").unwrap();
        while capture.next(Duration::from_millis(20)).unwrap().is_some() {}
        assert!(ip("link set right down"));
        let down = (0..50).find_map(|_| capture.next(Duration::from_millis(20)).err()).unwrap();
        assert_eq!(down.to_string(), "the interface 'right' is down");
        assert!(matches!(open("right").unwrap_err(), CaptureError::Down { .. }));
        // It goes on when the interface is up again.
        assert!(ip("link set right up"));
        let came = (0..100).any(|_| {
            send_frame("left", &datagram(None));
            capture.next(Duration::from_millis(50)).is_ok_and(|frame| frame.is_some())
        });
        assert!(came);
        assert!(ip("link delete left"));
        let gone = (0..50).find_map(|_| capture.next(Duration::from_millis(20)).err()).unwrap();
        assert_eq!(gone.to_string(), "the interface 'right' is gone");
    });
}

#[test]
fn without_the_capability_it_is_named() {
    in_namespace(|_namespace| {
        let sets = capabilities(None).unwrap();
        let effective = sets.effective.difference(CapabilitySet::NET_RAW);
        set_capabilities(None, CapabilitySets { effective, ..sets }).unwrap();
        let error = Capture::open(&CaptureOptions::default()).unwrap_err();
        assert!(matches!(error, CaptureError::NotAllowed));
        assert!(error.to_string().contains("CAP_NET_RAW"));
        assert!(error.hint().contains("setcap cap_net_raw+ep /"), "{}", error.hint());
        assert!(interfaces().is_ok(), "the list takes no rights");
        set_capabilities(None, sets).unwrap();
    });
}

#[test]
fn a_full_ring_drops_and_says_so() {
    in_namespace(|_namespace| {
        let options = CaptureOptions { ring_bytes: 0, ..options("lo", "udp dst port 7777") };
        let mut capture = Capture::open(&options).unwrap();
        send(200, 7777, &[0; 60_000]);
        let mut seen = 0;
        while let Some(frame) = capture.next(Duration::from_millis(100)).unwrap() {
            assert_eq!(frame.data[42..], [0; 60_000]);
            seen += 1;
        }
        let Statistics { received, dropped } = capture.statistics();
        assert!(dropped > 0);
        assert_eq!((received, seen), (200, 200 - dropped));
    });
}

const HERE: Setting = Setting { cooked: false, loopback: Loopback::Elsewhere, snaplen: MAX_SNAPLEN };
const COOKED: Setting = Setting { cooked: true, loopback: Loopback::Among(1), snaplen: 96 };

#[test]
fn what_the_kernel_can_ask_it_asks() {
    let on = |text: &str, link_type, setting| for_socket(filter(text, link_type).as_ref(), setting);
    assert_eq!(on("tcp port 80", 1, HERE).1, Check::Nothing);
    assert_eq!(on("vlan 5", 1, HERE).1, Check::Tagged);
    assert_eq!(on("ip[0] << ip[1] = 2", 1, HERE).1, Check::Everything, "machines differ in shifts by 32 and more");
    assert_eq!(on("ip[-100] = 2", 1, HERE).1, Check::Everything, "the kernel keeps other things there");
    assert_eq!(on("tcp port 80 and inbound and ifindex 2", 276, COOKED).1, Check::Nothing);
    assert_eq!(on("len > 100", 276, COOKED).1, Check::Everything, "the kernel counts without the header");
    let (program, _) = on("ip", 276, COOKED);
    let expected = "\
(000) ld       [4294963208]
(001) jeq      #0x1             jt 2\tjf 5
(002) ldb      [4294963204]
(003) jeq      #0x4             jt 4\tjf 5
(004) ret      #0
(005) ldh      [4294963200]
(006) jeq      #0x800           jt 7\tjf 8
(007) ret      #76
(008) ret      #0";
    assert_eq!(program.to_string(), expected);
}

#[test]
fn libpcap_compiles_what_we_refuse() {
    let Some(libpcap) = Libpcap::load_from("libpcap.so.1").or_else(|| Libpcap::load_from("libpcap.so.0.8")) else {
        return skip("libpcap is not here");
    };
    assert!(libpcap.version().starts_with("libpcap version"), "{libpcap:?}");
    let mut frame = [0; 64];
    frame[12..14].copy_from_slice(&[0x88, 0x47]);
    let mpls = libpcap.compile("mpls", 1).unwrap();
    assert_ne!(mpls.run(&frame, 64), 0);
    assert!(Filter::compile("mpls", LinkType::ETHERNET).is_err());
    frame[12..14].copy_from_slice(&[8, 0]);
    assert_eq!(mpls.run(&frame, 64), 0);
    // Of each link type's own number.
    let raw = libpcap.compile("ip", 101).unwrap();
    assert_ne!(raw.run(&[0x45; 20], 20), 0);
    assert_eq!(libpcap.compile("tcp port", 1).unwrap_err(), "can't parse filter expression: syntax error");
    assert!(libpcap.compile("ip protochain 6", 1).unwrap_err().contains("can't be used"), "it has a loop");
    assert!(libpcap.compile("tcp\0", 1).is_err());
}

#[test]
fn without_libpcap_there_is_none() {
    assert!(Libpcap::load_from("libpcap-that-is-not-there.so").is_none());
}
