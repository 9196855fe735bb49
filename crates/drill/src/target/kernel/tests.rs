//! Against the real kernel. Where the machine forbids private networks the tests say so and end, unless LIMPID_REQUIRE_TOOLS=1.
//! What they expect of Linux is what it does; of times they expect only what a busy machine can keep.

use super::*;
use limpid_device::namespace::Queue;
use limpid_posix::abi::{
    AF_INET, AF_INET6, EPOLL_CTL_ADD, EPOLLIN, F_GETFL, F_SETFL, O_NONBLOCK, SO_REUSEADDR, SOCK_STREAM, SOL_SOCKET,
    SOL_TCP, TCP_CONGESTION, TCP_MAXSEG,
};
use limpid_posix::{EpollEvent, Errno, Output, Return, Sockaddr};
use limpid_wire::notation::{OptionsText, SegmentText};
use limpid_wire::tcp::TcpHeader;
use limpid_wire::tcp::header::{CHECKSUM_OFFSET, MIN_HEADER_LEN};
use limpid_wire::{Checksum, Endpoint, IpHeader, IpPacket, IpProtocol, SeqNum};

/// The script's port, and Linux's.
const PORTS: (u16, u16) = (4000, 8080);
/// Longer than anything here takes, unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(3);

/// A target, and the script's end of one connection.
struct Scene {
    target: KernelTarget,
    network: Network,
    /// Linux's initial sequence number.
    irs: SeqNum,
}

fn v4() -> Network {
    Network {
        local: "192.168.0.1".parse().unwrap(),
        prefix: 16,
        gateway: "192.168.0.2".parse().unwrap(),
        remote: "192.0.2.1".parse().unwrap(),
        mtu: 1500,
    }
}

fn v6() -> Network {
    Network {
        local: "fd3d:a0b:17d6::1".parse().unwrap(),
        prefix: 48,
        gateway: "fd3d:a0b:17d6::2".parse().unwrap(),
        remote: "fd3d:fa7b:d17d::1".parse().unwrap(),
        mtu: 1520,
    }
}

/// Runs a test on a target of its own, on a thread of its own so that a failure leaves nothing entered.
fn on_linux(network: Network, test: impl FnOnce(Scene) + Send + 'static) {
    let run = move || match KernelTarget::new(&network) {
        Ok(target) => test(Scene { target, network, irs: SeqNum(0) }),
        Err(error) if std::env::var_os("LIMPID_REQUIRE_TOOLS").is_some_and(|v| v == "1") => panic!("{error}"),
        Err(error) => println!("skipped: {error}"),
    };
    std::thread::spawn(run).join().unwrap();
}

impl Scene {
    fn done(&mut self, call: Call) -> Return {
        match self.target.call(call.clone()).unwrap() {
            Started::Done(ended) => ended,
            Started::Waits(_) => panic!("{call:?} waits"),
        }
    }

    fn good(&mut self, call: Call) -> i64 {
        self.done(call.clone()).value.unwrap_or_else(|errno| panic!("{call:?}: {errno:?}"))
    }

    fn waits(&mut self, call: Call) -> CallId {
        match self.target.call(call.clone()).unwrap() {
            Started::Waits(id) => id,
            Started::Done(ended) => panic!("{call:?} ended: {ended:?}"),
        }
    }

    fn sysctl(&mut self, name: &str, value: &str) {
        let setting = Setting::Sysctl { name: name.to_owned(), value: value.to_owned() };
        assert_eq!(self.target.set(&setting).unwrap(), Applied::Done, "{name}");
    }

    fn local(&self) -> Sockaddr {
        Sockaddr::of(Endpoint::new(self.network.local, PORTS.1))
    }

    fn remote(&self) -> Sockaddr {
        Sockaddr::of(Endpoint::new(self.network.remote, PORTS.0))
    }

    fn socket(&mut self) -> i32 {
        let domain = if self.network.local.is_v4() { AF_INET } else { AF_INET6 };
        let fd = self.good(Call::Socket { domain, kind: SOCK_STREAM, protocol: 0 }) as i32;
        let value = 1_i32.to_ne_bytes().to_vec();
        self.good(Call::SetSockOpt { fd, level: SOL_SOCKET, name: SO_REUSEADDR, value });
        self.good(Call::Bind { fd, address: self.local() });
        fd
    }

    fn listener(&mut self) -> i32 {
        let fd = self.socket();
        self.good(Call::Listen { fd, backlog: 1 });
        fd
    }

    /// A connection that Linux accepted; the script's numbers count from 0.
    fn accepted(&mut self) -> i32 {
        let listener = self.listener();
        self.inject("S 0:0(0) win 32792 <mss 1000>");
        assert_eq!(self.next(), "S. 0:0(0) ack 1");
        self.inject(". 1:1(0) ack 1 win 32792");
        self.good(Call::Accept4 { fd: listener, flags: 0 }) as i32
    }

    /// Sends a segment; its numbers count from 0 and from Linux's initial one.
    fn inject(&mut self, text: &str) {
        self.inject_large(text, 0);
    }

    fn inject_large(&mut self, text: &str, gso_size: u16) {
        let packet = self.packet(text);
        self.target.inject(&packet, gso_size).unwrap();
    }

    fn packet(&self, text: &str) -> Vec<u8> {
        let text: SegmentText = text.parse().unwrap();
        let text = text.shifted(0, self.irs.0);
        let OptionsText::List(options) = &text.options else { panic!("no options") };
        let mut options = options.as_bytes().to_vec();
        options.resize(options.len().next_multiple_of(4), 1);
        let mut tcp = [0; MIN_HEADER_LEN].to_vec();
        let header = TcpHeader {
            src_port: PORTS.0,
            dst_port: PORTS.1,
            seq: text.seq,
            ack: text.ack.unwrap_or_default(),
            header_len: (MIN_HEADER_LEN + options.len()) as u8,
            flags: text.flags,
            window: text.window.unwrap_or_default(),
            checksum: 0,
            urgent: 0,
        };
        header.emit(&mut tcp);
        tcp.extend(options);
        tcp.resize(tcp.len() + text.len as usize, 0);
        let Network { local, remote, .. } = self.network;
        let mut sum = Checksum::pseudo_header(remote, local, IpProtocol::TCP, tcp.len());
        sum.add(&tcp);
        tcp[CHECKSUM_OFFSET..CHECKSUM_OFFSET + 2].copy_from_slice(&sum.finish().to_be_bytes());
        let ip = IpHeader::new(remote, local, IpProtocol::TCP);
        let mut packet = vec![0; ip.header_len()];
        ip.emit(tcp.len(), &mut packet);
        packet.extend(tcp);
        packet
    }

    fn wait(&mut self) -> Happening {
        let until = self.target.now() + PATIENCE;
        self.target.wait(until).unwrap()
    }

    fn sent(&mut self) -> (Instant, SegmentText) {
        match self.wait() {
            Happening::Sent(sent) => {
                let ip = IpPacket::parse(&sent.packet).unwrap();
                assert_eq!((ip.src, ip.dst), (self.network.local, self.network.remote));
                let mut text = SegmentText::from_packet(&sent.packet[ip.payload]).unwrap();
                if text.flags.contains(limpid_wire::TcpFlags::SYN) {
                    self.irs = text.seq;
                }
                text = text.shifted(0_u32.wrapping_sub(self.irs.0), 0);
                (sent.at, text)
            }
            other => panic!("{other:?}"),
        }
    }

    /// The next packet that Linux sends, without window and options.
    fn next(&mut self) -> String {
        let (_, text) = self.sent();
        SegmentText { window: None, options: OptionsText::default(), ..text }.to_string()
    }

    fn ended(&mut self) -> (CallId, Return) {
        match self.wait() {
            Happening::Ended(id, _, ended) => (id, ended),
            other => panic!("{other:?}"),
        }
    }
}

fn a_connection(mut scene: Scene) {
    let fd = scene.accepted();
    scene.inject("P. 1:101(100) ack 1 win 32792");
    assert_eq!(scene.next(), ". 1:1(0) ack 101");
    assert_eq!(scene.done(Call::Read { fd, len: 1000 }).output, Output::Bytes(vec![0; 100]));
    assert_eq!(scene.good(Call::Write { fd, bytes: vec![7; 1500] }), 1500);
    // No super-segments: the device has no offload.
    assert_eq!(scene.next(), ". 1:1001(1000) ack 101");
    assert_eq!(scene.next(), "P. 1001:1501(500) ack 101");
    scene.inject("F. 101:101(0) ack 1501 win 32792");
    assert_eq!(scene.next(), ". 1501:1501(0) ack 102");
    assert_eq!(scene.good(Call::Read { fd, len: 1 }), 0);
    scene.good(Call::Close { fd });
    assert_eq!(scene.next(), "F. 1501:1501(0) ack 102");
    assert_eq!(scene.done(Call::Close { fd }).value, Err(Errno::EBADF));
}

#[test]
fn a_connection_over_ipv4() {
    on_linux(v4(), a_connection);
}

#[test]
fn a_connection_over_ipv6() {
    on_linux(v6(), a_connection);
}

#[test]
fn calls_that_wait_are_told_when_they_end() {
    on_linux(v4(), |mut scene| {
        let fd = scene.listener();
        let accept = scene.waits(Call::Accept4 { fd, flags: 0 });
        scene.inject("S 0:0(0) win 32792 <mss 1000>");
        assert_eq!(scene.next(), "S. 0:0(0) ack 1");
        scene.inject(". 1:1(0) ack 1 win 32792");
        let (id, accepted) = scene.ended();
        assert_eq!((id, accepted.output), (accept, Output::Address(scene.remote())));
        let fd = accepted.value.unwrap() as i32;
        assert!(scene.target.descriptors().contains(&fd));
        let read = scene.waits(Call::Read { fd, len: 10 });
        // While it waits other calls are made.
        assert_eq!(scene.good(Call::Fcntl { fd, command: F_GETFL, argument: 0 }), 2);
        scene.inject("P. 1:4(3) ack 1 win 32792");
        let happened = [scene.wait(), scene.wait()];
        let bytes = Output::Bytes(vec![0; 3]);
        let read = |h: &Happening| matches!(h, Happening::Ended(id, _, ended) if *id == read && ended.output == bytes);
        assert!(happened.iter().any(read), "{happened:?}");
        assert!(happened.iter().any(|h| matches!(h, Happening::Sent(_))), "{happened:?}");
    });
}

#[test]
fn a_connect_without_blocking() {
    on_linux(v4(), |mut scene| {
        let fd = scene.socket();
        scene.good(Call::Fcntl { fd, command: F_SETFL, argument: O_NONBLOCK.into() });
        let connect = Call::Connect { fd, address: scene.remote() };
        assert_eq!(scene.done(connect.clone()).value, Err(Errno::EINPROGRESS));
        assert_eq!(scene.next(), "S 0:0(0)");
        let epfd = scene.good(Call::EpollCreate1 { flags: 0 }) as i32;
        let event = EpollEvent { events: EPOLLIN, data: 5 };
        scene.good(Call::EpollCtl { epfd, operation: EPOLL_CTL_ADD, fd, event: Some(event) });
        let wait = scene.waits(Call::EpollWait { epfd, max: 1, timeout: 2000 });
        scene.inject("R. 0:0(0) ack 1 win 0");
        let (id, ended) = scene.ended();
        assert_eq!((id, ended.value), (wait, Ok(1)));
        assert_eq!(scene.done(connect).value, Err(Errno::ECONNREFUSED));
    });
}

#[test]
fn times_are_those_of_the_machine() {
    on_linux(v4(), |mut scene| {
        let begin = scene.target.now();
        let until = begin + Duration::from_millis(30);
        assert_eq!(scene.target.wait(until).unwrap(), Happening::Reached);
        let now = scene.target.now();
        assert!(now >= until && now.since(until) < Duration::from_millis(500), "{now:?}");
        assert_eq!(scene.target.wait(begin).unwrap(), Happening::Reached, "the past is over");

        let fd = scene.socket();
        scene.good(Call::Fcntl { fd, command: F_SETFL, argument: O_NONBLOCK.into() });
        let _ = scene.done(Call::Connect { fd, address: scene.remote() });
        let (first, _) = scene.sent();
        let (second, text) = scene.sent();
        assert_eq!(text.to_string().split(' ').next(), Some("S"));
        // The retransmission comes after a second; the machine may add what it likes.
        assert!(second.since(first) > Duration::from_millis(990), "{first:?} {second:?}");
    });
}

#[test]
fn what_happens_after_a_moment_is_not_told_before() {
    on_linux(v4(), |mut scene| {
        let fd = scene.listener();
        let before = scene.target.now();
        scene.inject("S 0:0(0) win 32792 <mss 1000>");
        std::thread::sleep(Duration::from_millis(2));
        // Its answer is there, but came later than this.
        assert_eq!(scene.target.wait(before).unwrap(), Happening::Reached);
        assert_eq!(scene.next(), "S. 0:0(0) ack 1");
        scene.good(Call::Close { fd });
    });
}

#[test]
fn a_super_segment_arrives_as_one() {
    on_linux(v4(), |mut scene| {
        let fd = scene.accepted();
        scene.inject_large(". 1:3001(3000) ack 1 win 32792", 1000);
        assert_eq!(scene.next(), ". 1:1(0) ack 3001");
        assert_eq!(scene.good(Call::Read { fd, len: 9000 }), 3000);
    });
}

#[test]
fn settings_hold() {
    on_linux(v4(), |mut scene| {
        scene.sysctl("net.ipv4.tcp_timestamps", "0");
        scene.sysctl("net/ipv4/tcp_rmem", "4096 540000 15728640");
        assert_eq!(scene.target.proc_file("/proc/sys/net/ipv4/tcp_timestamps").unwrap(), "0");
        assert_eq!(scene.target.proc_file("/proc/sys/net/ipv4/tcp_rmem").unwrap(), "4096\t540000\t15728640");
        scene.sysctl("net.ipv4.tcp_congestion_control", "cubic");
        assert_eq!(scene.target.set(&Setting::FlushMetrics).unwrap(), Applied::Done);
        let fd = scene.listener();
        scene.inject("S 0:0(0) win 32792 <mss 1460,sackOK,TS val 1 ecr 0,wscale 7>");
        let (_, text) = scene.sent();
        // Linux's window scale follows from tcp_rmem, and there are no timestamps.
        assert!(text.to_string().ends_with("<mss 1460,nop,nop,sackOK,nop,wscale 8>"), "{text}");
        scene.inject(". 1:1(0) ack 1 win 32792");
        let fd = scene.good(Call::Accept4 { fd, flags: 0 }) as i32;
        let ask = Call::GetSockOpt { fd, level: SOL_TCP, name: TCP_CONGESTION, len: 16 };
        let Output::Bytes(name) = scene.done(ask).output else { panic!("a name") };
        assert!(name.starts_with(b"cubic\0"), "{name:?}");
    });
}

#[test]
fn settings_begin_as_linux_has_them() {
    on_linux(v4(), |mut scene| {
        assert_eq!(scene.target.proc_file("/proc/sys/net/ipv4/tcp_rmem").unwrap(), "4096\t131072\t6291456");
        scene.listener();
        scene.inject("S 0:0(0) win 32792 <mss 1460,wscale 7>");
        let (_, text) = scene.sent();
        assert!(text.to_string().ends_with("win 64240 <mss 1460,nop,wscale 7>"), "{text}");
    });
}

#[test]
fn what_is_not_there_is_unsupported_and_what_is_wrong_refused() {
    on_linux(v4(), |mut scene| {
        let set = |scene: &mut Scene, name: &str, value: &str| {
            scene.target.set(&Setting::Sysctl { name: name.to_owned(), value: value.to_owned() })
        };
        let unsupported = ["net.ipv4.tcp_no_such_thing", "kernel.hostname", "net.ipv4.tcp_mem"];
        for name in unsupported {
            let error = set(&mut scene, name, "7").unwrap_err();
            assert!(matches!(error, TargetError::Unsupported(_)), "{name}: {error:?}");
        }
        let error = set(&mut scene, "net.ipv4.tcp_syn_retries", "1000").unwrap_err();
        assert!(matches!(error, TargetError::Refused(_)), "{error:?}");
        let module = |parameter: &str, value: &str| Setting::Module {
            module: "tcp_cubic".to_owned(),
            parameter: parameter.to_owned(),
            value: value.to_owned(),
        };
        for setting in [module("hystart_detect", "77"), module("../../x", "1"), module("no_such", "1")] {
            assert!(matches!(scene.target.set(&setting), Err(TargetError::Unsupported(_))), "{setting:?}");
        }
        assert!(matches!(scene.target.proc_file("/etc/passwd"), Err(TargetError::Unsupported(_))));
        assert!(matches!(
            scene.target.proc_file("/proc/sys/../../etc/passwd"),
            Err(TargetError::Refused(_) | TargetError::Unsupported(_))
        ));
        let ioctl = Call::Ioctl { fd: 0, request: 0x8912, argument: 0 };
        assert!(matches!(scene.target.call(ioctl), Err(TargetError::Unsupported(_))));
    });
}

#[test]
fn the_route_to_the_script_has_attributes() {
    on_linux(v4(), |mut scene| {
        let destination = Some("192.0.2.0/24".parse().unwrap());
        let metrics =
            RouteMetrics { mtu: Some((1200, true)), advmss: Some(900), initcwnd: Some(2), ..RouteMetrics::default() };
        assert_eq!(scene.target.set(&Setting::Route { destination, metrics }).unwrap(), Applied::Done);
        scene.listener();
        scene.inject("S 0:0(0) win 32792 <mss 1460>");
        let (_, text) = scene.sent();
        assert!(text.to_string().ends_with("<mss 900>"), "{text}");
        let destination = Some("198.51.100.0/24".parse().unwrap());
        let elsewhere = Setting::Route { destination, metrics: RouteMetrics::default() };
        assert_eq!(scene.target.set(&elsewhere).unwrap(), Applied::Done);
    });
}

#[test]
fn the_queue_drops_what_it_has_no_room_for() {
    on_linux(v4(), |mut scene| {
        let fd = scene.accepted();
        let queue = |limit| Setting::Queue(Queue::Fifo { limit });
        assert_eq!(scene.target.set(&queue(Some(0))).unwrap(), Applied::Done);
        scene.good(Call::Write { fd, bytes: vec![7; 10] });
        let until = scene.target.now() + Duration::from_millis(20);
        assert_eq!(scene.target.wait(until).unwrap(), Happening::Reached);
        assert_eq!(scene.target.set(&queue(Some(10))).unwrap(), Applied::Done);
        assert_eq!(scene.next(), "P. 1:11(10) ack 1");
        match scene.target.set(&Setting::Queue(Queue::Fair)) {
            Ok(Applied::Done) | Err(TargetError::Unsupported(_)) => {}
            other => panic!("{other:?}"),
        }
        for allowed in [false, true] {
            assert_eq!(scene.target.set(&Setting::Segmentation { allowed }).unwrap(), Applied::Done);
        }
    });
}

#[test]
fn counters_and_sockets_are_the_networks_own() {
    on_linux(v4(), |mut scene| {
        let counter = |scene: &mut Scene, wanted: &str| {
            let all = scene.target.counters().unwrap();
            all.into_iter().find(|(name, _)| name == wanted).unwrap_or_else(|| panic!("{wanted}")).1
        };
        assert_eq!(counter(&mut scene, "TcpPassiveOpens"), 0);
        assert_eq!(counter(&mut scene, "TcpExtTCPTimeouts"), 0);
        scene.accepted();
        assert_eq!(counter(&mut scene, "TcpPassiveOpens"), 1);
        let sockets = scene.target.proc_file("/proc/net/tcp").unwrap();
        // The listener (0A) and the connection (01) of port 8080.
        assert_eq!(sockets.lines().filter(|line| line.contains(":1F90 ")).count(), 2, "{sockets}");
    });
}

#[test]
fn a_target_goes_with_everything_in_it() {
    on_linux(v4(), |mut scene| {
        let fd = scene.accepted();
        scene.waits(Call::Read { fd, len: 1 });
        let maxseg = Call::GetSockOpt { fd, level: SOL_TCP, name: TCP_MAXSEG, len: 4 };
        assert_eq!(scene.done(maxseg).output, Output::Bytes(1000_i32.to_ne_bytes().to_vec()));
        let (network, inside) = (scene.network.clone(), std::fs::read_link("/proc/thread-self/ns/net").unwrap());
        drop(scene);
        let outside = std::fs::read_link("/proc/thread-self/ns/net").unwrap();
        // Root goes back to where it came from; a user namespace can't be left.
        let is_root = outside != inside;
        let again = KernelTarget::new(&network).unwrap();
        assert!(!is_root || std::fs::read_link("/proc/thread-self/ns/net").unwrap() != outside);
        assert_eq!(again.descriptors(), [0; 0]);
    });
}
