//! Our host and this machine's Linux as each other's peers, in a private network.
//!
//! Where private networks are not allowed the tests say so and end, unless LIMPID_REQUIRE_TOOLS=1.

use limpid::device::namespace::Namespace;
use limpid::device::{Device, Packet, PacketConfig, TunConfig, Xdp, XdpConfig, XdpMode};
use limpid::{AuthKey, Host, TcpListener, TcpStream};
use rustix::net::{self, AddressFamily, RecvFlags, SendFlags, SocketType, ipproto, sockopt};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(20);

/// Runs a test with a host of ours, at 10.0.0.103 and fd00::103, and Linux at 10.0.0.199 and fd00::199, which std's sockets
/// of the test's thread belong to.
fn with_kernel(config: TunConfig, test: impl FnOnce(Host, Namespace) + Send + 'static) {
    let addresses = ["10.0.0.199/24", "fd00::199/64"].map(|a| a.parse().unwrap()).to_vec();
    let config = TunConfig { kernel_addresses: addresses, ..config };
    let run = move || {
        let (namespace, tun) = match Namespace::enter().and_then(|n| n.tun(&config).map(|tun| (n, tun))) {
            Ok(both) => both,
            Err(error) if std::env::var_os("LIMPID_REQUIRE_TOOLS").is_some_and(|v| v == "1") => panic!("{error}"),
            Err(error) => return eprintln!("skipped: {error}"),
        };
        let host = Host::builder().tun(tun).address("10.0.0.103/24").address("fd00::103/64").build().unwrap();
        test(host, namespace);
    };
    std::thread::spawn(run).join().unwrap();
}

/// The same over a cable, with a device of ours called `ours` at its end. `whole` says whether Linux's super-segments come as they
/// are, `sums` whether its checksums may be left out.
fn with_cable(
    (whole, sums): (bool, bool),
    open: impl FnOnce() -> Box<dyn Device> + Send + 'static,
    test: impl FnOnce(Host) + Send + 'static,
) {
    let set_up = move |namespace: &Namespace| {
        namespace.veth("linux", "ours")?;
        namespace.set_sysctl("net.ipv6.conf.ours.disable_ipv6", "1")?;
        namespace.set_link_up("ours", None)?;
        namespace.set_link_up("linux", None)?;
        namespace.set_segmentation("linux", whole)?;
        namespace.set_checksums("linux", sums)?;
        namespace.add_address("linux", "10.0.0.199/24".parse().unwrap())?;
        namespace.add_address("linux", "fd00::199/64".parse().unwrap())
    };
    let run = move || {
        let namespace = match Namespace::enter().and_then(|n| set_up(&n).map(|()| n)) {
            Ok(namespace) => namespace,
            Err(error) if std::env::var_os("LIMPID_REQUIRE_TOOLS").is_some_and(|v| v == "1") => panic!("{error}"),
            Err(error) => return eprintln!("skipped: {error}"),
        };
        let host =
            Host::builder().device("ours", open()).address("10.0.0.103/24").address("fd00::103/64").build().unwrap();
        test(host);
        drop(namespace);
    };
    std::thread::spawn(run).join().unwrap();
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 31 + i / 251) as u8).collect()
}

/// Sends everything to an echo server and compares what comes back.
fn echo_is_exact<S>(stream: &S, shutdown: impl Fn(&S) + Sync, len: usize)
where
    S: Sync,
    for<'a> &'a S: Read + Write,
{
    let sent = pattern(len);
    let mut received = Vec::with_capacity(len);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut writer = stream;
            writer.write_all(&sent).unwrap();
            shutdown(stream);
        });
        let mut reader = stream;
        reader.read_to_end(&mut received).unwrap();
    });
    assert!(received == sent, "{} bytes of {len}", received.len());
}

fn configs() -> impl Iterator<Item = TunConfig> {
    [(1500, false), (1500, true), (1280, false), (9000, true)].into_iter().map(|(mtu, offload)| TunConfig {
        mtu,
        offload,
        ..TunConfig::default()
    })
}

#[test]
fn linux_as_the_server() {
    for config in configs() {
        with_kernel(config, |host, _namespace| {
            for address in ["10.0.0.199:7", "[fd00::199]:7"] {
                let listener = std::net::TcpListener::bind(address).unwrap();
                let server = std::thread::spawn(move || {
                    let (stream, peer) = listener.accept().unwrap();
                    io::copy(&mut &stream, &mut &stream).unwrap();
                    peer
                });
                let stream = TcpStream::connect(&host, address).unwrap();
                echo_is_exact(&stream, |s| s.shutdown(Shutdown::Write).unwrap(), 2_000_000);
                let local = stream.local_addr().unwrap();
                drop(stream);
                assert_eq!(server.join().unwrap(), local);
            }
        });
    }
}

#[test]
fn linux_as_the_client() {
    for config in configs() {
        with_kernel(config, |host, _namespace| {
            let listener = TcpListener::bind(&host, "[::]:7").unwrap();
            std::thread::spawn(move || {
                for stream in listener.incoming() {
                    let Ok(stream) = stream else { return };
                    std::thread::spawn(move || io::copy(&mut &stream, &mut &stream));
                }
            });
            for address in ["10.0.0.103:7", "[fd00::103]:7"] {
                let stream = std::net::TcpStream::connect(address).unwrap();
                stream.set_read_timeout(Some(LONG)).unwrap();
                echo_is_exact(&stream, |s| s.shutdown(Shutdown::Write).unwrap(), 2_000_000);
            }
        });
    }
}

#[test]
fn both_ways_over_a_cable() {
    for (offload, whole) in [(true, true), (true, false), (false, true)] {
        let open = move || {
            let config = PacketConfig { offload, ..PacketConfig::new("ours") };
            Box::new(Packet::open(&config).unwrap()) as Box<dyn Device>
        };
        with_cable((whole, true), open, echoes_both_ways);
    }
}

#[test]
fn both_ways_over_af_xdp() {
    for mode in [XdpMode::Copy, XdpMode::Generic] {
        let open = move || {
            let config = XdpConfig { mode: Some(mode), ..XdpConfig::new("ours") };
            Box::new(Xdp::open(&config).unwrap()) as Box<dyn Device>
        };
        with_cable((true, false), open, echoes_both_ways);
    }
}

fn echoes_both_ways(host: Host) {
    for address in ["10.0.0.199:7", "[fd00::199]:7"] {
        let listener = std::net::TcpListener::bind(address).unwrap();
        std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            io::copy(&mut &stream, &mut &stream).unwrap();
        });
        let stream = TcpStream::connect(&host, address).unwrap();
        echo_is_exact(&stream, |s| s.shutdown(Shutdown::Write).unwrap(), 2_000_000);
    }
    let listener = TcpListener::bind(&host, "[::]:7").unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { return };
            std::thread::spawn(move || io::copy(&mut &stream, &mut &stream));
        }
    });
    for address in ["10.0.0.103:7", "[fd00::103]:7"] {
        let stream = std::net::TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        echo_is_exact(&stream, |s| s.shutdown(Shutdown::Write).unwrap(), 2_000_000);
    }
    // Linux, whose device it is, has not answered for us.
    let refused = std::net::TcpStream::connect("10.0.0.103:9").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    assert_eq!(host.counters().unwrap().value(limpid::event::Counter::TcpInErrs), 0);
}

#[test]
fn errors_come_through() {
    with_kernel(TunConfig::default(), |host, _namespace| {
        let refused = TcpStream::connect(&host, "10.0.0.199:9").unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        let refused = std::net::TcpStream::connect("10.0.0.103:9").unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused, "our host resets what comes to a closed port");

        // Linux closes with data unread: a reset.
        let listener = std::net::TcpListener::bind("10.0.0.199:7").unwrap();
        let mut stream = TcpStream::connect(&host, "10.0.0.199:7").unwrap();
        let (accepted, _) = listener.accept().unwrap();
        stream.write_all(b"unread").unwrap();
        accepted.set_read_timeout(Some(LONG)).unwrap();
        accepted.peek(&mut [0]).unwrap();
        drop(accepted);
        assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(stream.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);

        // And so do we.
        let listener = TcpListener::bind(&host, "10.0.0.103:7").unwrap();
        let mut stream = std::net::TcpStream::connect("10.0.0.103:7").unwrap();
        let (accepted, _) = listener.accept().unwrap();
        stream.write_all(b"unread").unwrap();
        accepted.peek(&mut [0]).unwrap();
        drop(accepted);
        stream.set_read_timeout(Some(LONG)).unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn our_host_answers_echo_requests() {
    with_kernel(TunConfig::default(), |_host, namespace| {
        namespace.set_sysctl("net.ipv4.ping_group_range", "0 2147483647").unwrap();
        // ICMP ping sockets: Linux fills in identifier and checksum.
        let echo = |family, protocol, request: u8, reply: u8, to: &str| {
            let socket = net::socket(family, SocketType::DGRAM, Some(protocol)).unwrap();
            sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(LONG)).unwrap();
            let mut packet = vec![request, 0, 0, 0, 0, 0, 0, 1];
            packet.extend(pattern(1000));
            let to: SocketAddr = to.parse().unwrap();
            net::sendto(&socket, &packet, SendFlags::empty(), &to).unwrap();
            let mut answer = vec![0; 2000];
            let (length, _) = net::recv(&socket, &mut answer[..], RecvFlags::empty()).unwrap();
            assert_eq!((answer[0], length), (reply, packet.len()), "{to}");
            assert_eq!(answer[8..length], packet[8..], "{to}");
        };
        echo(AddressFamily::INET, ipproto::ICMP, 8, 0, "10.0.0.103:0");
        echo(AddressFamily::INET6, ipproto::ICMPV6, 128, 129, "[fd00::103]:0");
    });
}

#[test]
fn a_connect_deadline_counts_for_both_alike() {
    with_kernel(TunConfig::default(), |host, namespace| {
        let timeout = Duration::from_millis(150);
        // Nobody has these addresses: our host drops what is not for it, Linux has a black hole.
        let silent: SocketAddr = "10.0.0.77:1".parse().unwrap();
        let begin = Instant::now();
        let linux = std::net::TcpStream::connect_timeout(&silent, timeout).unwrap_err();
        assert_eq!((linux.kind(), begin.elapsed() >= timeout), (ErrorKind::TimedOut, true));
        let begin = Instant::now();
        let ours = TcpStream::connect_timeout(&host, &silent, timeout).unwrap_err();
        assert_eq!((ours.kind(), begin.elapsed() >= timeout), (ErrorKind::TimedOut, true));
        drop(namespace);
    });
}

#[test]
fn hosts_outlive_the_thread_that_made_them() {
    with_kernel(TunConfig::default(), |host, namespace| {
        let listener = std::net::TcpListener::bind("10.0.0.199:7").unwrap();
        // The thread goes home; its sockets and our device stay in the private network.
        drop(namespace);
        let connecting = std::thread::spawn(move || TcpStream::connect(&host, "10.0.0.199:7"));
        let (mut accepted, _) = listener.accept().unwrap();
        accepted.write_all(b"still there").unwrap();
        drop(accepted);
        let mut text = String::new();
        connecting.join().unwrap().unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "still there");
    });
}

/// Linux's `struct tcp_md5sig` for a peer, set on a socket of std's. False where Linux is built without it.
fn set_linux_md5(socket: &impl std::os::fd::AsRawFd, peer: std::net::IpAddr, key: &[u8]) -> bool {
    let mut sig = [0u8; 216];
    match peer {
        std::net::IpAddr::V4(v4) => {
            sig[..2].copy_from_slice(&(libc::AF_INET as u16).to_ne_bytes());
            sig[4..8].copy_from_slice(&v4.octets());
        }
        std::net::IpAddr::V6(v6) => {
            sig[..2].copy_from_slice(&(libc::AF_INET6 as u16).to_ne_bytes());
            sig[8..24].copy_from_slice(&v6.octets());
        }
    }
    sig[130..132].copy_from_slice(&(key.len() as u16).to_ne_bytes());
    sig[136..136 + key.len()].copy_from_slice(key);
    // SAFETY: the pointer is to 216 bytes that live through the call, which only reads them.
    let result = unsafe {
        libc::setsockopt(socket.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_MD5SIG, sig.as_ptr().cast(), sig.len() as u32)
    };
    result == 0
}

/// RFC 2385, both ways, with SACK, retransmissions and TIME-WAIT: Linux and we believe each other's digests.
#[test]
fn linux_and_we_believe_each_others_md5_digests() {
    for (ours, theirs, net) in [("10.0.0.103", "10.0.0.199", "10.0.0.0/24"), ("fd00::103", "fd00::199", "fd00::/64")] {
        with_kernel(TunConfig { mtu: 1500, offload: true, ..TunConfig::default() }, move |host, _namespace| {
            let (ours, theirs): (std::net::IpAddr, std::net::IpAddr) = (ours.parse().unwrap(), theirs.parse().unwrap());
            let listener = std::net::TcpListener::bind((theirs, 179)).unwrap();
            if !set_linux_md5(&listener, ours, b"secret") {
                return eprintln!("skipped: Linux has no TCP_MD5SIG");
            }
            let server = std::thread::spawn(move || {
                let (stream, _) = listener.accept().unwrap();
                io::copy(&mut &stream, &mut &stream).unwrap();
            });
            let key = AuthKey::md5(net, b"secret").unwrap();
            let stream = TcpStream::connect_authenticated(&host, (theirs, 179).into(), &[key]).unwrap();
            echo_is_exact(&stream, |s| s.shutdown(Shutdown::Write).unwrap(), 500_000);
            server.join().unwrap();

            let listener = TcpListener::bind(&host, (ours, 1790)).unwrap();
            listener.add_key(AuthKey::md5(net, b"other").unwrap()).unwrap();
            std::thread::spawn(move || {
                let (stream, _) = listener.accept().unwrap();
                io::copy(&mut &stream, &mut &stream)
            });
            let family = if ours.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
            let socket = net::socket(family, SocketType::STREAM, None).unwrap();
            let stream = std::net::TcpStream::from(socket);
            assert!(set_linux_md5(&stream, ours, b"other"));
            net::connect(&stream, &SocketAddr::from((ours, 1790))).unwrap();
            stream.set_read_timeout(Some(LONG)).unwrap();
            echo_is_exact(&stream, |s| s.shutdown(Shutdown::Write).unwrap(), 500_000);
            let counters = host.counters().unwrap();
            for counter in [limpid::event::Counter::TcpExtTCPMD5Failure, limpid::event::Counter::TcpExtTCPMD5NotFound] {
                assert_eq!(counters.value(counter), 0, "{counter:?}");
            }
        });
    }
}

/// Echoes both ways over so many connections at once: Linux serves, then we do.
fn echo_both_ways(host: &Host) {
    const CONNECTIONS: usize = 12;
    let linux = std::net::TcpListener::bind("10.0.0.199:7").unwrap();
    let service = std::thread::spawn(move || {
        let serve = |_| {
            let (stream, _) = linux.accept().unwrap();
            std::thread::spawn(move || io::copy(&mut &stream, &mut &stream).unwrap())
        };
        let all: Vec<_> = (0..CONNECTIONS).map(serve).collect();
        all.into_iter().for_each(|thread| assert_eq!(thread.join().unwrap(), 300_000));
    });
    std::thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                let stream = TcpStream::connect(host, "10.0.0.199:7").unwrap();
                echo_is_exact(&stream, |s| s.shutdown(Shutdown::Write).unwrap(), 300_000);
            });
        }
    });
    service.join().unwrap();

    let listener = TcpListener::bind(host, "10.0.0.103:8").unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { return };
            std::thread::spawn(move || {
                let _ = io::copy(&mut &stream, &mut &stream);
            });
        }
    });
    // Connected here: threads of Linux's sockets are this one's children, and in its network.
    let streams: Vec<_> = (0..CONNECTIONS).map(|_| std::net::TcpStream::connect("10.0.0.103:8").unwrap()).collect();
    std::thread::scope(|scope| {
        for stream in &streams {
            scope.spawn(|| echo_is_exact(stream, |s| s.shutdown(Shutdown::Write).unwrap(), 300_000));
        }
    });
}

fn skipped(error: &impl std::fmt::Display) {
    assert!(std::env::var_os("LIMPID_REQUIRE_TOOLS").is_none_or(|v| v != "1"), "{error}");
    eprintln!("skipped: {error}");
}

#[test]
fn shards_over_the_queues_of_a_tun_device() {
    for (queues, shards) in [(2, 2), (4, 4), (1, 3), (3, 2)] {
        let run = move || {
            let addresses = vec!["10.0.0.199/24".parse().unwrap()];
            let config = TunConfig { offload: true, kernel_addresses: addresses, ..TunConfig::default() };
            let both = Namespace::enter().and_then(|n| n.tun_queues(&config, queues).map(|tuns| (n, tuns)));
            let (_namespace, tuns) = match both {
                Ok(both) => both,
                Err(error) => return skipped(&error),
            };
            let host = Host::builder().shards(shards).device_queues("tun", tuns).address("10.0.0.103/24");
            echo_both_ways(&host.build().unwrap());
        };
        std::thread::spawn(run).join().unwrap();
    }
}

#[test]
fn shards_over_a_fanout_of_packet_sockets() {
    let run = || {
        let set_up = |namespace: &Namespace| {
            namespace.veth("linux", "ours")?;
            namespace.set_link_up("ours", None)?;
            namespace.set_link_up("linux", None)?;
            namespace.add_address("linux", "10.0.0.199/24".parse().unwrap())
        };
        let _namespace = match Namespace::enter().and_then(|n| set_up(&n).map(|()| n)) {
            Ok(namespace) => namespace,
            Err(error) => return skipped(&error),
        };
        for (queues, shards) in [(3, 3), (2, 4)] {
            let sockets = Packet::open_queues(&PacketConfig::new("ours"), queues).unwrap();
            let host = Host::builder().shards(shards).device_queues("ours", sockets).address("10.0.0.103/24");
            echo_both_ways(&host.build().unwrap());
        }
    };
    std::thread::spawn(run).join().unwrap();
}

#[test]
fn shards_over_the_queues_of_an_af_xdp_device() {
    // A network each: the kernel lets go of a socket's queue some time after it was closed.
    for (mode, shards) in [(XdpMode::Copy, 3), (XdpMode::Copy, 2), (XdpMode::Generic, 4)] {
        let run = move || {
            let set_up = |namespace: &Namespace| {
                namespace.veth_with_queues("linux", "ours", 3)?;
                namespace.set_link_up("ours", None)?;
                namespace.set_link_up("linux", None)?;
                namespace.set_checksums("linux", false)?;
                namespace.add_address("linux", "10.0.0.199/24".parse().unwrap())
            };
            let _namespace = match Namespace::enter().and_then(|n| set_up(&n).map(|()| n)) {
                Ok(namespace) => namespace,
                Err(error) => return skipped(&error),
            };
            let config = XdpConfig { mode: Some(mode), ..XdpConfig::new("ours") };
            let sockets = match Xdp::open_queues(&config, 3) {
                Ok(sockets) => sockets,
                Err(error) => return skipped(&error),
            };
            let host = Host::builder().shards(shards).device_queues("ours", sockets).address("10.0.0.103/24");
            let host = host.build().unwrap();
            echo_both_ways(&host);
            // Linux spread the flows by a hash of its own.
            assert!(host.handovers().unwrap().delivered > 0, "{mode}, {shards} shards");
        };
        std::thread::spawn(run).join().unwrap();
    }
}
