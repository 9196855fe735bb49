//! RFC 9293 §3.10.7 as one table: what each kind of segment does in each state.
//!
//! The numbers of both ends begin at 0, without timestamps, SACK and scaling. Each row starts afresh. `woke` is what an
//! application polling for edges would be told.

use crate::Readiness;
use crate::testing::{Host, plain};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;
use limpid_event::TcpState;

/// What the segments are made from: RCV.NXT, SND.UNA, SND.NXT.
struct Numbers {
    rcv_nxt: u32,
    una: u32,
    nxt: u32,
}

type State = (&'static str, fn() -> Host, Numbers);

fn states() -> Vec<State> {
    let numbers = |rcv_nxt, una, nxt| Numbers { rcv_nxt, una, nxt };
    Vec::from([
        ("CLOSED", closed as fn() -> Host, numbers(1, 1, 1)),
        ("LISTEN", || Host::listening(plain()), numbers(1, 1, 1)),
        ("SYN-SENT", syn_sent, numbers(1, 0, 1)),
        ("SYN-RECEIVED, by a listener", syn_received, numbers(1, 0, 1)),
        ("SYN-RECEIVED, SYNs crossed", syn_crossed, numbers(1, 0, 1)),
        ("ESTABLISHED, 10 bytes in flight", established, numbers(1, 1, 11)),
        ("FIN-WAIT-1", fin_wait_1, numbers(1, 1, 2)),
        ("FIN-WAIT-1, application gone", fin_wait_1_orphan, numbers(1, 1, 2)),
        ("FIN-WAIT-2", fin_wait_2, numbers(1, 2, 2)),
        ("FIN-WAIT-2, application gone", fin_wait_2_orphan, numbers(1, 2, 2)),
        ("CLOSE-WAIT, 10 bytes in flight", close_wait, numbers(2, 1, 11)),
        ("CLOSING", closing, numbers(2, 1, 2)),
        ("LAST-ACK", last_ack, numbers(2, 1, 2)),
        ("TIME-WAIT", time_wait, numbers(2, 2, 2)),
    ])
}

fn closed() -> Host {
    Host::new(plain())
}

fn syn_sent() -> Host {
    let mut host = Host::new(plain());
    host.connect();
    host
}

fn syn_received() -> Host {
    let mut host = Host::listening(plain());
    host.inject("S 0:0(0) win 65535 <mss 1460>");
    host
}

fn syn_crossed() -> Host {
    let mut host = syn_sent();
    host.inject("S 0:0(0) win 65535 <mss 1460>");
    host
}

fn established() -> Host {
    let mut host = Host::established(plain());
    host.write(&[0; 10]).unwrap();
    host
}

fn fin_wait_1() -> Host {
    let mut host = Host::established(plain());
    host.shutdown_write();
    host
}

fn fin_wait_1_orphan() -> Host {
    let mut host = Host::established(plain());
    host.close();
    host
}

fn fin_wait_2() -> Host {
    let mut host = fin_wait_1();
    host.inject(". 1:1(0) ack 2 win 65535");
    host
}

fn fin_wait_2_orphan() -> Host {
    let mut host = fin_wait_1_orphan();
    host.inject(". 1:1(0) ack 2 win 65535");
    host
}

fn close_wait() -> Host {
    let mut host = established();
    host.inject("F. 1:1(0) ack 1 win 65535");
    // The ACK of the FIN is out.
    host.pass_ms(50);
    host
}

fn closing() -> Host {
    let mut host = fin_wait_1();
    host.inject("F. 1:1(0) ack 1 win 65535");
    host
}

fn last_ack() -> Host {
    let mut host = Host::established(plain());
    host.inject("F. 1:1(0) ack 1 win 65535");
    host.close();
    host
}

fn time_wait() -> Host {
    let mut host = fin_wait_2();
    host.inject("F. 1:1(0) ack 2 win 65535");
    host
}

/// The kinds of segments, by how their numbers lie to the receiver's.
fn segments(n: &Numbers) -> Vec<(&'static str, String)> {
    let Numbers { rcv_nxt: r, una, nxt } = *n;
    let window = 65_535;
    let empty = |flags: &str, seq: u32, ack: u32| format!("{flags} {seq}:{seq}(0) ack {ack} win {window}");
    let data = |flags: &str, seq: u32, len: u32, ack: u32| {
        format!("{flags} {seq}:{}({len}) ack {ack} win {window}", seq.wrapping_add(len))
    };
    Vec::from([
        ("SYN, the same again", format!("S 0:0(0) win {window} <mss 1460>")),
        ("SYN, in the window", format!("S {0}:{0}(0) win {window} <mss 1460>", r + 100)),
        ("SYN-ACK, good", format!("S. 0:0(0) ack {nxt} win {window} <mss 1460>")),
        ("SYN-ACK, of what was never sent", format!("S. 0:0(0) ack {} win {window} <mss 1460>", nxt + 1)),
        ("ACK, of all", empty(".", r, nxt)),
        ("ACK, nothing new", empty(".", r, una)),
        ("ACK, long ago", empty(".", r, una.wrapping_sub(70_000))),
        ("ACK, of what was never sent", empty(".", r, nxt + 1)),
        ("ACK, below the window", empty(".", r.wrapping_sub(1), nxt)),
        ("ACK, beyond the window", empty(".", r + 70_000, nxt)),
        ("data, next", data("P.", r, 5, nxt)),
        ("data, after a gap", data("P.", r + 5, 5, nxt)),
        ("data, old", data("P.", r.wrapping_sub(1), 1, nxt)),
        ("data, beyond the window", data("P.", r + 70_000, 5, nxt)),
        ("data, without ACK", format!("P {r}:{}(5) win {window}", r + 5)),
        ("FIN, next", empty("F.", r, nxt)),
        ("FIN, next, our last not acknowledged", empty("F.", r, una)),
        ("FIN, after a gap", empty("F.", r + 5, nxt)),
        ("FIN, the same again", empty("F.", r.wrapping_sub(1), nxt)),
        ("data with FIN, next", data("FP.", r, 5, nxt)),
        ("RST, exactly next", format!("R {r}:{r}(0) win 0")),
        ("RST, with a good ACK", format!("R. {r}:{r}(0) ack {nxt} win 0")),
        ("RST, in the window", format!("R {0}:{0}(0) win 0", r + 100)),
        ("RST, just below", format!("R {0}:{0}(0) win 0", r.wrapping_sub(1))),
        ("RST, beyond the window", format!("R {0}:{0}(0) win 0", r + 70_000)),
        ("nothing set", format!("- {r}:{r}(0) win {window}")),
    ])
}

fn woke(readiness: Readiness) -> String {
    let names: Vec<String> = readiness.iter_names().map(|(name, _)| name.to_lowercase().replace('_', "-")).collect();
    names.join(" ")
}

fn row(table: &mut String, start: fn() -> Host, name: &str, segment: &str) {
    let mut host = start();
    host.transcript.brief = true;
    host.forget();
    host.inject(segment);
    let mut cells = Vec::from([format!("{:<12}", host.state())]);
    cells.extend(host.sent().into_iter().map(|line| format!("> {line}")));
    let dropped = host.transcript.lines.iter().filter_map(|line| line.split("dropped: ").nth(1));
    cells.extend(dropped.map(|why| format!("dropped: {why}")));
    if !host.woke.is_empty() {
        cells.push(format!("woke: {}", woke(host.woke)));
    }
    if let Some(Some(error)) = host.ended {
        cells.push(format!("error: {}", error.errno()));
    }
    writeln!(table, "  {name:<37} {}", cells.join(" | ").trim_end()).unwrap();
}

#[test]
fn every_segment_in_every_state() {
    let mut table = String::new();
    for (name, start, numbers) in states() {
        let begins = name.split(',').next().unwrap();
        assert_eq!(start().state().to_string(), begins, "the set-up of {name}");
        writeln!(table, "{name}: RCV.NXT {}, SND.UNA {}, SND.NXT {}", numbers.rcv_nxt, numbers.una, numbers.nxt)
            .unwrap();
        for (kind, segment) in segments(&numbers) {
            row(&mut table, start, kind, &segment);
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn no_segment_leads_back_to_an_earlier_state() {
    for (name, start, numbers) in states() {
        let before = start().state();
        for (kind, segment) in segments(&numbers) {
            let mut host = start();
            host.inject(&segment);
            let after = host.state();
            let reopened = before == TcpState::TimeWait && after == TcpState::SynReceived;
            let relisten = before == TcpState::SynReceived && after == TcpState::Listen;
            assert!(rank(after) >= rank(before) || reopened || relisten, "{name}, {kind}: {before} -> {after}");
        }
    }
}

fn rank(state: TcpState) -> u8 {
    match state {
        TcpState::Listen => 0,
        TcpState::SynSent => 1,
        TcpState::SynReceived => 2,
        TcpState::Established => 3,
        TcpState::FinWait1 | TcpState::CloseWait => 4,
        TcpState::FinWait2 | TcpState::Closing | TcpState::LastAck => 5,
        TcpState::TimeWait => 6,
        TcpState::Closed => 7,
    }
}
