//! Small scripts on our own stack, whole: those that hold, and those that must not.

use limpid_drill::run::{Settings, run};
use limpid_drill::target::{Network, OurTarget};
use limpid_drill::{Report, Verdict, parse};
use proptest::prelude::*;

fn play(text: &str) -> Report {
    let script = parse::parse(text, &Default::default()).unwrap_or_else(|e| panic!("{e}"));
    let settings = Settings::default();
    let network = Network::of(&script, &settings).unwrap_or_else(|verdict| panic!("{verdict:?}"));
    let mut target = OurTarget::new(&network, 1).unwrap();
    run(&script, &settings, &mut target)
}

fn passes(text: &str) {
    let report = play(text);
    assert_eq!(report.verdict, Verdict::Pass, "{:#?}", report.trace.packets.len());
}

/// A passive open, without options but the MSS.
const OPEN: &str = "
0   socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0  bind(3, ..., ...) = 0
+0  listen(3, 1) = 0
+0  < S 0:0(0) win 65535 <mss 1000>
+0  > S. 0:0(0) ack 1 <mss 1460>
+.1 < . 1:1(0) ack 1 win 65535
+0  accept(3, ..., ...) = 4
";

#[test]
fn a_passive_open_data_both_ways_and_a_close() {
    passes(&format!(
        "{OPEN}
+0  < P. 1:501(500) ack 1 win 65535
+0  > . 1:1(0) ack 501
+0  read(4, ..., 1000) = 500
+0  write(4, ..., 3000) = 3000
+0  > P. 1:3001(3000) ack 501
+.1 < . 501:501(0) ack 3001 win 65535
+0  close(4) = 0
+0  > F. 3001:3001(0) ack 501
+.1 < F. 501:501(0) ack 3002 win 65535
+0  > . 3002:3002(0) ack 502
"
    ));
}

#[test]
fn a_blocking_connect() {
    passes(
        "
0        socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0...0.1 connect(3, ..., ...) = 0
+0  > S 0:0(0) <mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 7>
+.1 < S. 1000:1000(0) ack 1 win 5792 <mss 1460,sackOK,TS val 700 ecr 100,nop,wscale 7>
+0  > . 1:1(0) ack 1 <nop,nop,TS val 200 ecr 700>
+0  write(3, ..., 10) = 10
+0  > P. 1:11(10) ack 1 <nop,nop,TS val 200 ecr 700>
",
    );
}

/// Linux's timers fire late, never early: what a script does at a moment comes before them.
#[test]
fn the_script_is_before_timers_that_are_due_at_the_same_moment() {
    // Data is acknowledged when the RTO of 1 s is over.
    passes(&format!(
        "{OPEN}
+0  write(4, ..., 500) = 500
+0  > P. 1:501(500) ack 1
+.3 > P. 1:501(500) ack 1
+.6 < . 1:1(0) ack 501 win 65535
+2  write(4, ..., 500) = 500
+0  > P. 501:1001(500) ack 1
"
    ));
}

#[test]
fn over_ipv6() {
    passes(
        "--ip_version=ipv6
0   socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0  bind(3, ..., ...) = 0
+0  listen(3, 1) = 0
+0  < S 0:0(0) win 65535 <mss 1000,sackOK,nop,nop>
+0  > [flowlabel 0x1] S. 0:0(0) ack 1 <mss 1440,nop,nop,sackOK>
+.1 < . 1:1(0) ack 1 win 65535
+0  accept(3, ..., ...) = 4
+0  < P. 1001:2001(1000) ack 1 win 65535
+0  > [flowlabel 0x1] . 1:1(0) ack 1 <nop,nop,sack 1001:2001>
+0  < P. 1:1001(1000) ack 1 win 65535
+0  > . 1:1(0) ack 2001
+0  write(4, ..., 1000) = 1000
+0  > P. 1:1001(1000) ack 2001
+0  < icmp packet_too_big mtu 1280 [1:1001(1000)]
+0  < R 2001:2001(0) win 0
+0  write(4, ..., 10) = -1 ECONNRESET (Connection reset by peer)
",
    );
}

#[test]
fn sockets_of_ipv6_and_packets_of_ipv4() {
    passes(&format!(
        "--ip_version=ipv4-mapped-ipv6
{OPEN}
+0  getpeername(4, {{sa_family=AF_INET6, sin6_port=htons(50000), sin6_addr=inet_pton(\"::ffff:192.0.2.1\")}}, ...) = 0
+0  < [ect0] P. 1:11(10) ack 1 win 65535
+0  > [noecn] . 1:1(0) ack 11
"
    ));
}

#[test]
fn two_connections_told_apart_by_their_ports() {
    passes(
        "
0   socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0  bind(3, ..., ...) = 0
+0  listen(3, 5) = 0
+0  < 1000 > 8080 S 0:0(0) win 65535 <mss 1000>
+0  > 8080 > 1000 S. 0:0(0) ack 1 <mss 1460>
+0  < 2000 > 8080 S 500:500(0) win 65535 <mss 1000>
+0  > 8080 > 2000 S. 0:0(0) ack 501 <mss 1460>
+.1 < 2000 > 8080 . 1:1(0) ack 1 win 65535
+0  < 1000 > 8080 . 1:1(0) ack 1 win 65535
+0  accept(3, ..., ...) = 4
+0  accept(3, ..., ...) = 5
+0  write(4, ..., 10) = 10
+0  write(5, ..., 20) = 20
+0  > 8080 > 1000 P. 1:21(20) ack 1
+0  > 8080 > 2000 P. 1:11(10) ack 1
",
    );
}

#[test]
fn a_super_segment_from_the_script() {
    passes(&format!(
        "--mss=1000
{OPEN}
+0  < P. 1:4001(4000) ack 1 win 65535
+0  > . 1:1(0) ack 4001
"
    ));
}

#[test]
fn a_port_where_nobody_listens_and_another_connection_between_the_same_ports() {
    passes(
        "
0   < S 100:100(0) win 1000 <mss 1460>
+0  > R. 0:0(0) ack 1
+0  < P. 5:15(10) ack 77 win 1000
+0  > R 77:77(0)
",
    );
    passes(&format!(
        "{OPEN}
+0  close(4) = 0
+0  > F. 1:1(0) ack 1
+.1 < F. 1:1(0) ack 2 win 65535
+0  > . 2:2(0) ack 2
+1  < S 10000:10000(0) win 65535 <mss 1000>
+0  > S. 0:0(0) ack 10001 <mss 1460>
+.1 < . 1:1(0) ack 1 win 65535
+0  accept(3, ..., ...) = 4
+0  write(4, ..., 1000) = 1000
+0  > P. 1:1001(1000) ack 1
"
    ));
}

/// A run depends on nothing but its script and its seed.
#[test]
fn a_run_can_be_repeated() {
    let script = format!("{OPEN}+0 write(4, ..., 3000) = 3000\n+0 > P. 1:3001(3000) ack 1\n* > . 1:1001(1000) ack 1");
    let bytes = |report: Report| report.trace.packets.into_iter().map(|packet| packet.bytes).collect::<Vec<_>>();
    assert_eq!(bytes(play(&script)), bytes(play(&script)));
}

#[test]
fn what_only_other_stacks_have_is_unsupported() {
    for (line, at) in [
        ("0 socket(..., SOCK_DGRAM, IPPROTO_UDP) = 3", 3),
        ("0 socket(..., SOCK_STREAM, IPPROTO_MPTCP) = 3", 3),
        ("0 < S 0:0(0) win 9\n+0 `tc qdisc add dev tun0 root netem loss 1%`", 32),
    ] {
        let verdict = play(line).verdict;
        let Verdict::Unsupported { at: place, .. } = verdict else { panic!("{line}: {verdict:?}") };
        assert_eq!(place.column, at, "{line}");
    }
}

/// Pieces of scripts, in whatever order: what a hostile script may ask for.
const PIECES: &[&str] = &[
    "socket(..., SOCK_STREAM, IPPROTO_TCP) = 3",
    "socket(..., SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) = 5",
    "bind(3, ..., ...) = 0",
    "listen(3, 1) = 0",
    "accept(3, ..., ...) = 4",
    "connect(3, ..., ...) = 0",
    "connect(5, ..., ...) = -1 EINPROGRESS",
    "fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0",
    "write(4, ..., 3000) = 3000",
    "read(4, ..., 5000) = 1000",
    "shutdown(4, SHUT_WR) = 0",
    "close(4) = 0",
    "close(3) = 0",
    "close(77) = -1 EBADF",
    "poll([{fd=4, events=POLLIN, revents=POLLIN}], 1, 50) = 1",
    "setsockopt(4, SOL_SOCKET, SO_LINGER, {onoff=1, linger=0}, 8) = 0",
    "getsockopt(4, SOL_SOCKET, SO_ERROR, [0], [4]) = 0",
    "pipe([8, 9]) = 0",
    "splice(4, 0, 9, 0, 1000, 0) = 1000",
    "sendto(5, ..., 10, MSG_FASTOPEN, ..., ...) = 10",
    "epoll_create(1) = 6",
    "epoll_ctl(6, EPOLL_CTL_ADD, 4, {events=EPOLLIN, fd=4}) = 0",
    "epoll_wait(6, {events=EPOLLIN, fd=4}, 1, 10) = 1",
    "< S 0:0(0) win 65535 <mss 1000,sackOK,TS val 5 ecr 0,nop,wscale 7>",
    "< S 4294967290:4294967290(0) win 0 <mss 1>",
    "< S. 0:0(0) ack 1 win 1000 <mss 1000>",
    "< . 1:1(0) ack 1 win 65535",
    "< . 1:1(0) ack 1 win 65535 <nop,nop,TS val 6 ecr 100>",
    "< P. 1:1001(1000) ack 1 win 65535",
    "< P. 1001:60001(59000) ack 3001 win 0",
    "< . 1:1(0) ack 4294967295 win 1 <nop,nop,sack 1:1001 5:4294967295>",
    "< FPU. 1:1(0) ack 1 win 1 urg 65535",
    "< R 1:1(0) win 0",
    "< - 1:1(0) win 0",
    "< FSRP.UEWA 1:1(0) ack 1 win 0 <raw 0505>",
    "< [ce] 1 > 8080 S 0:0(0) win 9 <mss 9>",
    "< icmp unreachable frag_needed mtu 1 [1:1461(1460)]",
    "< icmp unreachable port_unreachable [0:0(0)]",
    "< icmp type_255 code_255 [1:1(0)]",
    "> S. 0:0(0) ack 1 <...>",
    "> S 0:0(0) <...>",
    "> . 1:1(0) ack 1 <...>",
    "> P. 1:3001(3000) ack 1 <...>",
    "%{ print(tcpi_state) }%",
    "`sysctl -q net.ipv4.tcp_sack=0`",
];

/// Times of pieces; loose ones are for outbound packets.
const TIMES: &[&str] = &["+0", "+0.2", "+70", "1.5", "+0...0.1"];

proptest! {
    /// Nothing in a script makes the runner, the sockets or the stack panic, run for ever, or break down.
    #[test]
    fn hostile_scripts_end(lines in prop::collection::vec((0..TIMES.len(), 0..PIECES.len()), 1..25), seed: u64) {
        let mut lines: Vec<String> = lines
            .into_iter()
            .map(|(time, piece)| {
                let loose = TIMES[time].contains("...") && !PIECES[piece].contains(" = ");
                format!("{} {}", if loose { "+0" } else { TIMES[time] }, PIECES[piece])
            })
            .collect();
        // An event that ends the run is taken out, so that the next run comes further.
        while !lines.is_empty() {
            let text = format!("0 close(3) = -1 EBADF\n{}", lines.join("\n"));
            let script = parse::parse(&text, &Default::default()).unwrap_or_else(|e| panic!("{e}\n{text}"));
            let settings = Settings::default();
            let mut target = OurTarget::new(&Network::of(&script, &settings).unwrap(), seed).unwrap();
            let at = match run(&script, &settings, &mut target).verdict {
                Verdict::Pass => break,
                Verdict::Fail(failure) => failure.at,
                Verdict::Unsupported { at, .. } | Verdict::Invalid { at, .. } => at,
                Verdict::Broken(what) => panic!("{what}\n{text}"),
            };
            lines.remove((at.line as usize).saturating_sub(2).min(lines.len() - 1));
        }
    }
}
