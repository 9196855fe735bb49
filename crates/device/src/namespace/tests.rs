//! Against the real kernel. Where the machine forbids private networks the tests say so and end, unless
//! LIMPID_REQUIRE_TOOLS=1.

use super::*;
use crate::Device;
use crate::testing::frame;
use limpid_wire::{Checksum, FramePool};
use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Runs a test in a private network, on a thread of its own so that a failure leaves nothing entered.
pub(super) fn in_namespace(test: impl FnOnce(Namespace) + Send + 'static) {
    let run = move || match Namespace::enter() {
        Ok(namespace) => test(namespace),
        Err(error) if std::env::var_os("LIMPID_REQUIRE_TOOLS").is_some_and(|v| v == "1") => panic!("{error}"),
        Err(error) => eprintln!("skipped: {error}"),
    };
    std::thread::spawn(run).join().unwrap();
}

pub(super) fn cidr(addr: &str, prefix: u8) -> Cidr {
    Cidr { addr: addr.parse().unwrap(), prefix }
}

fn tun_config() -> TunConfig {
    TunConfig {
        kernel_addresses: vec![cidr("10.0.0.199", 24), cidr("fd00::199", 64)],
        mtu: 1400,
        ..TunConfig::default()
    }
}

/// Takes frames until one satisfies `wanted`.
fn recv_until(tun: &mut Tun, wanted: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let (mut pool, mut frames) = (FramePool::default(), Vec::new());
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        frames.clear();
        tun.recv_batch(&mut pool, &mut frames, 16).unwrap();
        if let Some(frame) = frames.iter().find(|f| wanted(f.bytes.as_slice())) {
            return frame.contiguous().into_owned();
        }
        assert!(Instant::now() < deadline, "no such packet came");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// An ICMP echo request from 10.0.0.103 to 10.0.0.199.
fn echo_request() -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0, 32, 0, 0, 0, 0, 64, 1, 0, 0, 10, 0, 0, 103, 10, 0, 0, 199];
    let header = Checksum::of(&packet).finish().to_be_bytes();
    packet[10..12].copy_from_slice(&header);
    packet.extend([8, 0, 0, 0, 0x12, 0x34, 0, 1, b'p', b'i', b'n', b'g']);
    let icmp = Checksum::of(&packet[20..]).finish().to_be_bytes();
    packet[22..24].copy_from_slice(&icmp);
    packet
}

#[test]
fn linux_answers_an_echo_request_on_the_tun_device() {
    in_namespace(|namespace| {
        let mut tun = namespace.tun(&tun_config()).unwrap();
        assert_eq!((tun.name(), tun.caps().mtu), ("limpid0", 1400));
        assert_eq!(tun.send_batch(&[frame(&echo_request())]).unwrap(), 1);
        let reply = recv_until(&mut tun, |p| p[0] >> 4 == 4 && p[9] == 1);
        assert_eq!(reply[12..20], [10, 0, 0, 199, 10, 0, 0, 103]);
        assert_eq!(reply[20], 0, "echo reply");
        assert_eq!(reply[28..], *b"ping");
    });
}

#[test]
fn linux_sends_both_versions_through_the_tun_device() {
    in_namespace(|namespace| {
        let mut tun = namespace.tun(&tun_config()).unwrap();
        UdpSocket::bind("10.0.0.199:0").unwrap().send_to(b"four", "10.0.0.103:9").unwrap();
        let packet = recv_until(&mut tun, |p| p[0] >> 4 == 4);
        assert_eq!(packet[16..20], [10, 0, 0, 103]);
        // The address is usable at once: nodad.
        UdpSocket::bind("[fd00::199]:0").unwrap().send_to(b"six", "[fd00::103]:9").unwrap();
        let packet = recv_until(&mut tun, |p| p[0] >> 4 == 6 && p[6] == 17);
        assert_eq!(packet[packet.len() - 3..], *b"six");
    });
}

#[test]
fn addresses_are_usable_at_once() {
    for _ in 0..20 {
        in_namespace(|namespace| {
            let mut tun = namespace.tun(&tun_config()).unwrap();
            // UDP to a closed port from fd00::103: Linux, if it takes the packet for its own, says so (ICMPv6 type 1).
            let mut ip = [0x60, 0, 0, 0, 0, 8, 17, 64].to_vec();
            let (from, to): (IpAddr, IpAddr) = ("fd00::103".parse().unwrap(), "fd00::199".parse().unwrap());
            ip.extend(from.octets());
            ip.extend(to.octets());
            let mut udp = [0, 9, 0, 9, 0, 8, 0, 0];
            let mut sum = Checksum::pseudo_header(from, to, limpid_wire::IpProtocol::UDP, 8);
            sum.add(&udp);
            udp[6..].copy_from_slice(&sum.finish().to_be_bytes());
            ip.extend(udp);
            assert_eq!(tun.send_batch(&[frame(&ip)]).unwrap(), 1);
            recv_until(&mut tun, |p| p[0] >> 4 == 6 && p[6] == 58 && p[40] == 1);
        });
    }
}

#[test]
fn without_ipv6_addresses_the_device_is_quiet() {
    in_namespace(|namespace| {
        let config = TunConfig { kernel_addresses: vec![cidr("10.0.0.199", 24)], ..TunConfig::default() };
        let mut tun = namespace.tun(&config).unwrap();
        std::thread::sleep(Duration::from_millis(50));
        let (mut pool, mut frames) = (FramePool::default(), Vec::new());
        assert_eq!(tun.recv_batch(&mut pool, &mut frames, 16).unwrap(), 0);
    });
}

#[test]
fn a_packet_that_linux_refuses_is_counted() {
    in_namespace(|namespace| {
        let mut tun = namespace.tun(&tun_config()).unwrap();
        assert_eq!(tun.send_batch(&[frame(&[0xff; 40]), frame(&echo_request())]).unwrap(), 2);
        assert_eq!(tun.refused(), 1);
        recv_until(&mut tun, |p| p[0] >> 4 == 4 && p[9] == 1);
    });
}

#[test]
fn routes_lead_through_the_device() {
    in_namespace(|namespace| {
        let mut tun = namespace.tun(&tun_config()).unwrap();
        namespace
            .add_route(&KernelRoute {
                destination: cidr("192.0.2.0", 24),
                gateway: Some("10.0.0.103".parse().unwrap()),
                link: "limpid0".into(),
                metrics: RouteMetrics { congctl: Some("reno".into()), ..RouteMetrics::default() },
            })
            .unwrap();
        UdpSocket::bind("0.0.0.0:0").unwrap().send_to(b"far", "192.0.2.7:9").unwrap();
        let packet = recv_until(&mut tun, |p| p[0] >> 4 == 4);
        assert_eq!(packet[16..20], [192, 0, 2, 7]);

        let error = namespace.add_route(&KernelRoute {
            destination: cidr("192.0.2.0", 24),
            gateway: None,
            link: "nowhere".into(),
            metrics: RouteMetrics::default(),
        });
        assert_eq!(error.unwrap_err().to_string(), "link nowhere: No such device (os error 19)");
    });
}

#[test]
fn a_route_has_metrics_until_it_is_replaced() {
    in_namespace(|namespace| {
        let _tun = namespace.tun(&tun_config()).unwrap();
        let mut route = KernelRoute {
            destination: cidr("192.0.2.0", 24),
            gateway: None,
            link: "limpid0".into(),
            metrics: RouteMetrics {
                mtu: Some((1000, true)),
                advmss: Some(900),
                initcwnd: Some(2),
                initrwnd: Some(3),
                rto_min: Some(Duration::from_millis(40)),
                quickack: Some(true),
                ecn: Some(true),
                ..RouteMetrics::default()
            },
        };
        namespace.add_route(&route).unwrap();
        // Of the metrics this file has only the MSS, with 40 added.
        assert_eq!(mtu_of_route("000200C0").as_deref(), Some("940"));
        route.metrics = RouteMetrics { congctl: Some("no such".into()), ..RouteMetrics::default() };
        assert!(namespace.add_route(&route).unwrap_err().to_string().starts_with("route to 192.0.2.0/24: "));
        route.metrics = RouteMetrics::default();
        namespace.add_route(&route).unwrap();
        assert_eq!(mtu_of_route("000200C0").as_deref(), Some("0"));
    });
}

/// The column MTU of `/proc/net/route`.
fn mtu_of_route(destination: &str) -> Option<String> {
    let table = fs::read_to_string("/proc/thread-self/net/route").unwrap();
    let route = table.lines().find(|line| line.split_whitespace().nth(1) == Some(destination))?;
    route.split_whitespace().nth(8).map(str::to_owned)
}

#[test]
fn a_queue_without_room_drops_everything() {
    in_namespace(|namespace| {
        let mut tun = namespace.tun(&tun_config()).unwrap();
        let send = |text: &[u8]| UdpSocket::bind("0.0.0.0:0").unwrap().send_to(text, "10.0.0.103:9").map(drop);
        namespace.set_queue("limpid0", Queue::Fifo { limit: Some(0) }).unwrap();
        let _ = send(b"lost");
        namespace.set_queue("limpid0", Queue::Fifo { limit: Some(9) }).unwrap();
        send(b"sent").unwrap();
        let packet = recv_until(&mut tun, |p| p[0] >> 4 == 4);
        assert_eq!(&packet[28..], b"sent");
        let error = namespace.set_queue("nowhere", Queue::Fair).unwrap_err();
        assert_eq!(error.to_string(), "link nowhere: No such device (os error 19)");
    });
}

#[test]
fn segmentation_is_switched_and_metrics_are_forgotten() {
    in_namespace(|namespace| {
        let _tun = namespace.tun(&tun_config()).unwrap();
        namespace.set_segmentation("limpid0", false).unwrap();
        namespace.set_segmentation("limpid0", true).unwrap();
        assert!(namespace.set_segmentation("nowhere", false).is_err());
        match namespace.flush_tcp_metrics() {
            Ok(()) => {}
            // Inside a user namespace nobody may.
            Err(error) => assert!(error.to_string().starts_with("TCP metrics: Operation not permitted"), "{error}"),
        }
    });
}

#[test]
fn sysctls_are_the_namespaces_own() {
    let outside = std::fs::read_to_string("/proc/sys/net/ipv4/tcp_syn_retries").unwrap();
    in_namespace(move |namespace| {
        let other = if outside.trim() == "3" { "4" } else { "3" };
        namespace.set_sysctl("net.ipv4.tcp_syn_retries", other).unwrap();
        assert_eq!(namespace.sysctl("net.ipv4.tcp_syn_retries").unwrap(), other);
        for bad in ["kernel.hostname", "net/../kernel/hostname", "net..ipv4"] {
            assert!(namespace.set_sysctl(bad, "x").is_err(), "{bad}");
        }
        drop(namespace);
        assert_eq!(std::fs::read_to_string("/proc/sys/net/ipv4/tcp_syn_retries").unwrap(), outside);
    });
}

#[test]
fn dropping_it_leads_back_as_root() {
    in_namespace(|namespace| {
        let inside = std::fs::read_link(THREAD_NET).unwrap();
        assert_eq!(inside, namespace.id);
        let leads_back = namespace.origin.is_some();
        drop(namespace);
        if leads_back {
            assert_ne!(std::fs::read_link(THREAD_NET).unwrap(), inside);
        }
    });
}

#[test]
fn once_left_it_changes_nothing() {
    in_namespace(|outer| {
        let _inner = Namespace::enter().unwrap();
        assert!(matches!(outer.set_sysctl("net.ipv4.tcp_syn_retries", "3"), Err(NamespaceError::Left { .. })));
        assert!(matches!(outer.tun(&tun_config()), Err(NamespaceError::Left { .. })));
        assert!(matches!(outer.spawn(Command::new("true")), Err(NamespaceError::Left { .. })));
    });
}

#[test]
fn children_live_inside_and_die_with_their_guard() {
    in_namespace(|namespace| {
        let mut command = Command::new("sh");
        command.args(["-c", "readlink /proc/self/ns/net; sleep 1000 & sleep 1000"]);
        command.stdout(Stdio::piped());
        let mut child = namespace.spawn(command).unwrap();
        let mut line = String::new();
        let output = child.process().stdout.take().unwrap();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut line).unwrap();
        assert_eq!(Path::new(line.trim()), namespace.id);
        let group = child.process().id();
        drop(child);
        assert!(gone(|| processes_of_group(group) == 0), "the whole group is gone");
    });
}

#[test]
fn what_it_has_started_ends_with_it() {
    in_namespace(|namespace| {
        let id = namespace.id.clone();
        // A daemon in a session of its own.
        let mut command = Command::new("sh");
        command.args(["-c", "setsid sleep 1000 & sleep 0.1; readlink /proc/self; exit 0"]).stdout(Stdio::null());
        let mut child = namespace.spawn(command).unwrap();
        assert!(gone(|| processes_in(&id) >= 2), "shell and daemon run");
        assert!(child.wait_timeout(Duration::from_secs(5)).unwrap().is_some());
        assert!(gone(|| processes_in(&id) == 0), "the daemon is gone before the guard");
        drop(child);
    });
}

#[test]
fn it_outlives_the_thread_that_started_it_but_not_its_guard() {
    in_namespace(|namespace| {
        let id = namespace.id.clone();
        let mut command = Command::new("sleep");
        command.arg("1000");
        let mut child = namespace.spawn(command).unwrap();
        std::thread::sleep(Duration::from_millis(20));
        assert!(child.try_wait().unwrap().is_none());
        assert_eq!(processes_in(&id), 1);
        drop(child);
        assert_eq!(processes_in(&id), 0, "it is waited for");
        assert!(namespace.spawn(Command::new("/nonexistent")).is_err());
    });
}

#[test]
fn listeners_are_seen_without_a_packet() {
    in_namespace(|namespace| {
        let short = Duration::from_millis(20);
        assert!(!namespace.wait_for_listener(6379, short, None).unwrap());
        let four = TcpListener::bind("127.0.0.1:6379").unwrap();
        assert!(namespace.wait_for_listener(6379, short, None).unwrap());
        drop(four);
        let _six = TcpListener::bind("[::]:6380").unwrap();
        assert!(namespace.wait_for_listener(6380, short, None).unwrap());

        let mut failing = namespace.spawn(Command::new("false")).unwrap();
        let begin = Instant::now();
        assert!(!namespace.wait_for_listener(1, Duration::from_secs(60), Some(&mut failing)).unwrap());
        assert!(begin.elapsed() < Duration::from_secs(30), "a failed child is not waited for");
    });
}

#[test]
fn only_an_existing_device_can_be_attached_to() {
    in_namespace(|namespace| {
        let error = Tun::attach("absent0", false).unwrap_err().to_string();
        assert_eq!(error, "TUN device absent0: No such device (os error 19)");
        assert!(Tun::attach("lo", false).is_err(), "loopback is no TUN device");
        let tun = namespace.tun(&tun_config()).unwrap();
        assert!(Tun::attach("limpid0", false).is_err(), "it is in use");
        drop(tun);
        assert_eq!(namespace.netlink.link("limpid0").unwrap(), None, "the device went with its owner");
    });
}

fn gone(condition: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + Duration::from_secs(5);
    while Instant::now() < deadline {
        if condition() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    false
}

/// Processes that are alive (no zombies) and satisfy a condition on their pid.
fn count_processes(condition: impl Fn(&Path) -> bool) -> usize {
    let alive = |p: &Path| {
        fs::read_to_string(p.join("stat")).is_ok_and(|s| !s.rsplit(')').next().unwrap_or("").starts_with(" Z"))
    };
    let entries = fs::read_dir("/proc").unwrap().flatten().map(|e| e.path());
    let is_process = |p: &Path| p.file_name().is_some_and(|n| n.as_encoded_bytes().iter().all(u8::is_ascii_digit));
    entries.filter(|p| is_process(p) && alive(p) && condition(p)).count()
}

fn processes_of_group(group: u32) -> usize {
    count_processes(|p| {
        let stat = fs::read_to_string(p.join("stat")).unwrap_or_default();
        // After the command in parentheses: state, parent, group.
        stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(2)) == Some(&group.to_string())
    })
}

fn processes_in(id: &Path) -> usize {
    let me = std::process::id().to_string();
    count_processes(|p| !p.ends_with(&me) && fs::read_link(p.join("ns/net")).is_ok_and(|net| net == id))
}
