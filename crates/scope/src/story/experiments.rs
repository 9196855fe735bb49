//! The lab's experiments, as hand-written traces.

use super::{CLIENT, SERVER, Story, seg};
use crate::trace::{Trace, View};
use limpid_event::{DropReason, Error, Event, FlowId, Opening, TcpState, Timer, TxReason};

const INSIDE: [View; 2] = [View::Inside; 2];
const KERNEL: [View; 2] = [View::Inside, View::Observed];

fn inside() -> Story {
    Story::new(INSIDE)
}

/// The article's close: the server closes as soon as it reads 0, so that the ACK rides on its FIN.
pub(crate) fn handshake(views: [View; 2]) -> Trace {
    let mut s = Story::new(views);
    s.handshake(0);
    s.says(20, CLIENT, "connected");
    s.says(7214, CLIENT, "close");
    s.sends(7214, seg(CLIENT, "F.", 1, 1).why(TxReason::Fin));
    s.says(7224, SERVER, "read returned 0: the peer has finished");
    s.sends(7224, seg(SERVER, "F.", 1, 2).why(TxReason::Fin));
    s.sends(7234, seg(CLIENT, ".", 2, 2).why(TxReason::FinAck));
    if views[0] == View::Inside {
        use TcpState::*;
        s.state(0, CLIENT, Closed, SynSent).state(20, CLIENT, SynSent, Established);
        s.state(7214, CLIENT, Established, FinWait1).state(7234, CLIENT, FinWait1, TimeWait);
        s.timer(7234, 67_234, CLIENT, Timer::TimeWait).state(67_234, CLIENT, TimeWait, Closed);
    }
    s.end(67_234)
}

/// The server takes its time: a delayed ACK of its own, then its FIN.
pub(crate) fn close_apart() -> Trace {
    let mut s = inside();
    s.handshake(0);
    s.sends(1000, seg(CLIENT, "F.", 1, 1).why(TxReason::Fin));
    s.timer(1010, 1050, SERVER, Timer::DelayedAck);
    s.sends(1050, seg(SERVER, ".", 1, 2).why(TxReason::DelayedAck));
    s.says(1500, SERVER, "close");
    s.sends(1500, seg(SERVER, "F.", 1, 2).why(TxReason::Fin));
    s.sends(1510, seg(CLIENT, ".", 2, 2).why(TxReason::FinAck));
    s.end(2000)
}

/// The server sends on for a second after the client's FIN.
pub(crate) fn half_close() -> Trace {
    let mut s = inside();
    s.handshake(0);
    s.sends(100, seg(CLIENT, "P.", 1, 1).data(b"what is new?\r\n").why(TxReason::NewData));
    s.says(100, CLIENT, "shutdown of the sending half");
    s.sends(100, seg(CLIENT, "F.", 15, 1).why(TxReason::Fin));
    s.says(110, SERVER, "read returned 0: the peer has finished");
    s.sends(110, seg(SERVER, ".", 1, 16).why(TxReason::FinAck));
    s.sends(400, seg(SERVER, "P.", 1, 16).len(1000).why(TxReason::NewData));
    s.sends(410, seg(CLIENT, ".", 16, 1001).why(TxReason::Ack));
    s.sends(900, seg(SERVER, "P.", 1001, 16).len(500).why(TxReason::NewData));
    s.sends(910, seg(CLIENT, ".", 16, 1501).why(TxReason::Ack));
    s.sends(1200, seg(SERVER, "F.", 1501, 16).why(TxReason::Fin));
    s.says(1210, CLIENT, "read returned 0: the peer has finished");
    s.sends(1210, seg(CLIENT, ".", 16, 1502).why(TxReason::FinAck));
    s.end(2000)
}

/// SYNs at these times (milliseconds), none of which is answered; the application hears of it at the end.
pub(crate) fn connect_timeout(views: [View; 2], times: &[u64], gives_up: Option<u64>) -> Trace {
    let mut s = Story::new(views);
    for (nth, &at) in times.iter().enumerate() {
        let why = if nth == 0 { TxReason::Syn } else { TxReason::SynRetransmit };
        let syn = seg(CLIENT, "S", 0, 0).why(why);
        match views[1] {
            View::Estimated => s.sends_somewhere(at, syn),
            _ => s.loses(at, syn),
        };
    }
    let last = times.last().copied().unwrap_or(0);
    if let Some(at) = gives_up {
        s.timer(last, at, CLIENT, Timer::Syn);
        s.state(0, CLIENT, TcpState::Closed, TcpState::SynSent);
        s.state(at, CLIENT, TcpState::SynSent, TcpState::Closed);
        s.event(at, CLIENT, Event::Ended { error: Some(Error::TimedOut) });
        s.says(at, CLIENT, &format!("connect failed: ETIMEDOUT after {} s", at / 1000));
    }
    s.end(gives_up.unwrap_or(last))
}

/// The application's own deadline comes before the retries are used up.
pub(crate) fn connect_deadline() -> Trace {
    let mut s = inside();
    for (nth, at) in [0, 1000].into_iter().enumerate() {
        let why = if nth == 0 { TxReason::Syn } else { TxReason::SynRetransmit };
        s.loses(at, seg(CLIENT, "S", 0, 0).why(why));
    }
    s.timer(0, 2500, CLIENT, Timer::ConnectDeadline);
    s.event(2500, CLIENT, Event::Ended { error: Some(Error::TimedOut) });
    s.says(2500, CLIENT, "connect failed: ETIMEDOUT after 2.5 s");
    s.end(2500)
}

/// Nothing listens.
pub(crate) fn refused() -> Trace {
    let mut s = inside();
    s.sends(0, seg(CLIENT, "S", 0, 0).why(TxReason::Syn));
    s.isn[SERVER] = 0;
    s.flow = FlowId::NONE;
    s.sends(10, seg(SERVER, "R.", 0, 1).win(0).why(TxReason::ResetNoConnection));
    s.flow = FlowId(1);
    s.event(20, CLIENT, Event::Ended { error: Some(Error::ConnectionRefused) });
    s.says(20, CLIENT, "connect failed: ECONNREFUSED");
    s.end(20)
}

/// A router knows no way.
pub(crate) fn unreachable() -> Trace {
    let mut s = inside();
    let router = "10.0.0.1".parse().expect("an address");
    let host = s.trace.add_host("router", vec![router], View::Observed);
    s.loses(0, seg(CLIENT, "S", 0, 0).why(TxReason::Syn));
    s.icmp_about_syn(5, host, router, 1);
    s.event(15, CLIENT, Event::Ended { error: Some(Error::HostUnreachable) });
    s.says(15, CLIENT, "connect failed: EHOSTUNREACH");
    s.end(15)
}

/// There is no route at all.
pub(crate) fn no_route() -> Trace {
    let mut s = inside();
    let (local, remote) = (s.ends[CLIENT], s.ends[SERVER]);
    s.event(0, CLIENT, Event::Opened { local, remote, opening: Opening::Active });
    s.event(0, CLIENT, Event::Ended { error: Some(Error::NetworkUnreachable) });
    s.says(0, CLIENT, "connect failed: ENETUNREACH");
    s.end(0)
}

/// Both call each other at once.
pub(crate) fn simultaneous_open() -> Trace {
    let mut s = inside();
    s.sends(0, seg(CLIENT, "S", 0, 0).why(TxReason::Syn));
    s.sends(0, seg(SERVER, "S", 0, 0).why(TxReason::Syn));
    s.sends(10, seg(CLIENT, "S.", 0, 1).why(TxReason::SynAck));
    s.sends(10, seg(SERVER, "S.", 0, 1).why(TxReason::SynAck));
    s.end(100)
}

/// Both close within one flight.
pub(crate) fn simultaneous_close() -> Trace {
    let mut s = inside();
    s.handshake(0);
    s.says(1000, CLIENT, "close").says(1004, SERVER, "close");
    s.sends(1000, seg(CLIENT, "F.", 1, 1).why(TxReason::Fin));
    s.sends(1004, seg(SERVER, "F.", 1, 1).why(TxReason::Fin));
    s.sends(1010, seg(SERVER, ".", 2, 2).why(TxReason::FinAck));
    s.sends(1014, seg(CLIENT, ".", 2, 2).why(TxReason::FinAck));
    s.end(2000)
}

/// The client aborts with data under way.
pub(crate) fn abort() -> Trace {
    let mut s = inside();
    s.handshake(0);
    s.sends(100, seg(CLIENT, "P.", 1, 1).data(b"hello").why(TxReason::NewData));
    s.sends(110, seg(SERVER, ".", 1, 6).why(TxReason::Ack));
    s.says(500, CLIENT, "abort");
    s.sends(500, seg(CLIENT, "R.", 6, 1).win(0).why(TxReason::ResetAbort));
    s.event(510, SERVER, Event::Ended { error: Some(Error::ConnectionReset) });
    s.says(510, SERVER, "read failed: ECONNRESET");
    s.end(600)
}

/// A new SYN reopens a connection in TIME-WAIT.
pub(crate) fn time_wait_reuse() -> Trace {
    let mut s = inside();
    s.handshake(0);
    s.sends(100, seg(SERVER, "F.", 1, 1).why(TxReason::Fin));
    s.sends(110, seg(CLIENT, "F.", 1, 2).why(TxReason::Fin));
    s.sends(120, seg(SERVER, ".", 2, 2).why(TxReason::FinAck));
    s.flow = FlowId(2);
    s.isn = [s.isn[0] + 1_000_000, s.isn[1] + 2_000_000];
    s.handshake(5000);
    s.end(6000)
}

/// The reader stops reading: zero window, probes, and a window update.
pub(crate) fn zero_window() -> Trace {
    let mut s = inside();
    s.handshake(0);
    s.sends(100, seg(CLIENT, "P.", 1, 1).len(1000).why(TxReason::NewData));
    s.sends(110, seg(SERVER, ".", 1, 1001).win(0).why(TxReason::Ack));
    s.timer(120, 320, CLIENT, Timer::Persist);
    s.sends(320, seg(CLIENT, ".", 1000, 1).why(TxReason::ZeroWindowProbe));
    s.sends(330, seg(SERVER, ".", 1, 1001).win(0).why(TxReason::ProbeAnswer));
    s.timer(340, 740, CLIENT, Timer::Persist);
    s.sends(740, seg(CLIENT, ".", 1000, 1).why(TxReason::ZeroWindowProbe));
    s.sends(750, seg(SERVER, ".", 1, 1001).win(0).why(TxReason::ProbeAnswer));
    s.says(1300, SERVER, "reads again");
    s.sends(1300, seg(SERVER, ".", 1, 1001).win(400).why(TxReason::WindowUpdate));
    s.sends(1310, seg(CLIENT, "P.", 1001, 1).len(1000).why(TxReason::NewData));
    s.sends(1320, seg(SERVER, ".", 1, 2001).why(TxReason::Ack));
    s.end(1400)
}

/// One of ten segments is lost and comes again after three duplicate ACKs.
pub(crate) fn lost_segment_fast() -> Trace {
    let mut s = inside();
    s.handshake(0);
    for n in 0..6 {
        let data = seg(CLIENT, ".", 1 + n * 1000, 1).len(1000).why(TxReason::NewData);
        let at = 100 + u64::from(n);
        if n == 1 {
            s.loses(at, data)
        } else {
            s.sends(at, data)
        };
    }
    s.sends(110, seg(SERVER, ".", 1, 1001).why(TxReason::Ack));
    for n in 2..6 {
        let sack = seg(SERVER, ".", 1, 1001).sack(2001, 2001 + (n - 1) * 1000).why(TxReason::DuplicateAck);
        s.sends(110 + u64::from(n), sack);
    }
    s.sends(124, seg(CLIENT, ".", 1001, 1).len(1000).why(TxReason::FastRetransmit));
    s.sends(134, seg(SERVER, ".", 1, 6001).why(TxReason::Ack));
    s.end(200)
}

/// A lone segment is lost twice: only the timer can know.
pub(crate) fn lost_segment_rto() -> Trace {
    let mut s = inside();
    s.handshake(0);
    s.loses(100, seg(CLIENT, "P.", 1, 1).data(b"PING\r\n").why(TxReason::NewData));
    s.loses(320, seg(CLIENT, "P.", 1, 1).data(b"PING\r\n").why(TxReason::RtoRetransmit));
    s.sends(760, seg(CLIENT, "P.", 1, 1).data(b"PING\r\n").why(TxReason::RtoRetransmit));
    s.sends(770, seg(SERVER, "P.", 1, 7).data(b"+PONG\r\n").why(TxReason::NewData));
    s.sends(780, seg(CLIENT, ".", 7, 8).why(TxReason::Ack));
    s.end(800)
}

/// The accept queue is full: two SYNs are dropped, the third gets through.
pub(crate) fn backlog_full() -> Trace {
    let mut s = inside();
    for (nth, at) in [0, 1000, 3000].into_iter().enumerate() {
        let why = if nth == 0 { TxReason::Syn } else { TxReason::SynRetransmit };
        s.sends(at, seg(CLIENT, "S", 0, 0).why(why));
        if nth < 2 {
            s.flow = FlowId::NONE;
            s.event(at + 10, SERVER, Event::Dropped { why: DropReason::AcceptQueueFull });
            s.flow = FlowId(1);
        }
    }
    s.says(2000, SERVER, "accepts one: there is room again");
    s.sends(3010, seg(SERVER, "S.", 0, 1).win(65160).why(TxReason::SynAck));
    s.sends(3020, seg(CLIENT, ".", 1, 1).why(TxReason::HandshakeAck));
    s.end(4000)
}

/// The accept queue is full when the handshake's last ACK comes: the SYN-ACK comes again.
pub(crate) fn final_ack_refused(views: [View; 2]) -> Trace {
    let mut s = Story::new(views);
    s.handshake(0);
    if views[SERVER] == View::Inside {
        use TcpState::*;
        s.state(0, SERVER, Closed, Listen).state(10, SERVER, Listen, SynReceived);
        s.event(30, SERVER, Event::Dropped { why: DropReason::AcceptQueueFull });
        s.state(1040, SERVER, SynReceived, Established);
    }
    s.says(500, SERVER, "accepts one: there is room again");
    s.sends(1010, seg(SERVER, "S.", 0, 1).win(65160).why(TxReason::SynAckRetransmit));
    s.sends(1030, seg(CLIENT, ".", 1, 1).why(TxReason::ChallengeAck));
    s.end(2000)
}

/// The peer is gone: probes, and an end.
pub(crate) fn keepalive_dead_peer(views: [View; 2]) -> Trace {
    let mut s = Story::new(views);
    s.handshake(0);
    s.sends(100, seg(CLIENT, "P.", 1, 1).data(b"hello").why(TxReason::NewData));
    s.sends(110, seg(SERVER, ".", 1, 6).why(TxReason::Ack));
    s.says(200, SERVER, "the cable is cut");
    s.timer(120, 7_200_120, CLIENT, Timer::KeepAlive);
    for n in 0..4 {
        s.loses(7_200_120 + n * 75_000, seg(CLIENT, ".", 5, 1).why(TxReason::KeepAlive));
    }
    let end = 7_200_120 + 4 * 75_000;
    s.loses(end, seg(CLIENT, "R.", 6, 1).win(0).why(TxReason::ResetTimeout));
    s.event(end, CLIENT, Event::Ended { error: Some(Error::TimedOut) });
    s.says(end, CLIENT, "read failed: ETIMEDOUT");
    s.end(end)
}

/// 60,000 bytes, then both close.
pub(crate) fn bulk(segments: u32) -> Trace {
    let mut s = inside();
    s.handshake(0);
    let mut at = 100;
    for n in 0..segments {
        s.sends(at, seg(CLIENT, ".", 1 + n * 1000, 1).len(1000).why(TxReason::NewData));
        if n % 2 == 1 {
            s.sends(at + 10, seg(SERVER, ".", 1, 1 + (n + 1) * 1000).why(TxReason::Ack));
        }
        at += if n % 10 == 9 { 20 } else { 1 };
    }
    let last = 1 + segments * 1000;
    s.sends(at + 100, seg(CLIENT, "F.", last, 1).why(TxReason::Fin));
    s.sends(at + 110, seg(SERVER, "F.", 1, last + 1).why(TxReason::Fin));
    s.sends(at + 120, seg(CLIENT, ".", last + 1, 2).why(TxReason::FinAck));
    s.end(at + 200)
}

/// The second of three segments overtakes the first; the third comes twice.
pub(crate) fn reordered_and_duplicated() -> Trace {
    let mut s = inside();
    s.handshake(0);
    s.sends_until(100, 116, seg(CLIENT, ".", 1, 1).len(1000).why(TxReason::NewData));
    s.sends_until(101, 111, seg(CLIENT, ".", 1001, 1).len(1000).why(TxReason::NewData));
    s.sends_until(111, 121, seg(SERVER, ".", 1, 1).sack(1001, 2001).why(TxReason::DuplicateAck));
    s.sends_until(116, 126, seg(SERVER, ".", 1, 2001).why(TxReason::Ack));
    s.sends_until(200, 210, seg(CLIENT, "P.", 2001, 1).len(10).why(TxReason::NewData)).copied(215);
    s.sends(210, seg(SERVER, ".", 1, 2011).why(TxReason::Ack));
    s.sends(215, seg(SERVER, ".", 1, 2011).why(TxReason::DuplicateAck));
    s.end(300)
}

/// The article's connection over IPv6, the peer a kernel.
pub(crate) fn ipv6() -> Trace {
    let ends = ["[2001:db8:aaaa:bbbb:cccc:dddd:eeee:103]:55570", "[2001:db8:aaaa:bbbb:cccc:dddd:eeee:199]:6379"];
    let mut s = Story::between(ends, KERNEL);
    s.handshake(0);
    s.sends(100, seg(CLIENT, "P.", 1, 1).data(b"PING\r\n").why(TxReason::NewData));
    s.sends(111, seg(SERVER, "P.", 1, 7).data(b"+PONG\r\n"));
    s.sends(121, seg(CLIENT, ".", 7, 8).why(TxReason::QuickAck));
    s.end(200)
}

/// The recording began too late.
pub(crate) fn mid_stream() -> Trace {
    let mut s = Story::new([View::Observed, View::Estimated]);
    s.sends(0, seg(CLIENT, "P.", 5001, 9001).data(b"GET / HTTP/1.1\r\n\r\n"));
    s.sends(30, seg(SERVER, "P.", 9001, 5019).len(1200));
    s.sends(41, seg(CLIENT, ".", 5019, 10201));
    s.end(100)
}

/// Every experiment by name.
pub(crate) fn all() -> Vec<(&'static str, Trace)> {
    let estimated = [View::Observed, View::Estimated];
    vec![
        ("handshake", handshake(INSIDE)),
        ("handshake-kernel", handshake(KERNEL)),
        ("close-apart", close_apart()),
        ("half-close", half_close()),
        ("connect-timeout", connect_timeout(INSIDE, &[0, 1000, 3000, 7000, 15_000], Some(31_000))),
        (
            "connect-timeout-linear",
            connect_timeout(INSIDE, &[0, 1000, 2000, 3000, 4000, 5000, 7000, 11_000, 19_000], Some(35_000)),
        ),
        ("connect-timeout-capture", connect_timeout(estimated, &[0, 1027, 3107, 7187, 15_507], None)),
        ("connect-deadline", connect_deadline()),
        ("refused", refused()),
        ("unreachable", unreachable()),
        ("no-route", no_route()),
        ("simultaneous-open", simultaneous_open()),
        ("simultaneous-close", simultaneous_close()),
        ("abort", abort()),
        ("time-wait-reuse", time_wait_reuse()),
        ("zero-window", zero_window()),
        ("lost-segment-fast", lost_segment_fast()),
        ("lost-segment-rto", lost_segment_rto()),
        ("backlog-full", backlog_full()),
        ("final-ack-refused", final_ack_refused(INSIDE)),
        ("final-ack-refused-observed", final_ack_refused([View::Inside, View::Observed])),
        ("keepalive-dead-peer", keepalive_dead_peer(INSIDE)),
        ("keepalive-dead-peer-kernel", keepalive_dead_peer(KERNEL)),
        ("bulk", bulk(60)),
        ("reordered-and-duplicated", reordered_and_duplicated()),
        ("ipv6", ipv6()),
        ("mid-stream", mid_stream()),
    ]
}
