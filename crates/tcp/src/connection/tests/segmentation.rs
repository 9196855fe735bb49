//! How writes become segments: sizes, PSH, corks, records, urgent data. Where no RFC says what to do, the segments are those
//! that Linux 6.18 sent for the same calls, segments and times.

use crate::testing::{Host, plain};
use crate::{Config, Readiness, WriteFlags};
use alloc::format;
use alloc::vec::Vec;

/// A connection with this round trip, in ms, and this window.
fn host(rtt: u64, window: u16) -> Host {
    with(plain(), rtt, window)
}

fn with(config: Config, rtt: u64, window: u16) -> Host {
    let mut host = Host::listening(config);
    host.inject(&format!("S 0:0(0) win {window} <mss 1460>"));
    host.pass_ms(rtt);
    host.inject(&format!(". 1:1(0) ack 1 win {window}"));
    host.pass_ms(10);
    host.forget();
    host
}

/// Numbers, flags and urgent pointer of what left.
fn sent(host: &mut Host) -> Vec<alloc::string::String> {
    let short = |line: alloc::string::String| {
        let (segment, _) = line.split_once("  (").unwrap();
        let (numbers, rest) = segment.split_once(" ack ").unwrap();
        let urgent = rest.split_once(" urg ").map_or(alloc::string::String::new(), |(_, n)| format!(" urg {n}"));
        format!("{numbers}{urgent}")
    };
    host.sent().into_iter().map(short).collect()
}

fn acked(host: &mut Host, ack: u32) {
    host.inject(&format!(". 1:1(0) ack {ack} win 65535"));
}

/// Two segments make a super-segment where the round trip is long, and each ends with PSH.
#[test]
fn each_super_segment_is_pushed() {
    let mut host = host(100, 65_535);
    host.write(&[0; 40_000]).unwrap();
    let expected = [
        ". 1:1461(1460)",
        "P. 1461:2921(1460)",
        ". 2921:4381(1460)",
        "P. 4381:5841(1460)",
        ". 5841:7301(1460)",
        "P. 7301:8761(1460)",
        ". 8761:10221(1460)",
        "P. 10221:11681(1460)",
        ". 11681:13141(1460)",
        "P. 13141:14601(1460)",
    ];
    assert_eq!(sent(&mut host), expected);
    host.pass_ms(90);
    acked(&mut host, 2921);
    let expected = [". 14601:16061(1460)", "P. 16061:17521(1460)", ". 17521:18981(1460)", "P. 18981:20441(1460)"];
    assert_eq!(sent(&mut host), expected);
    for ack in [5841, 8761, 11_681] {
        host.pass_ms(2);
        acked(&mut host, ack);
        assert_eq!(sent(&mut host).len(), 4);
    }
    host.pass_ms(2);
    acked(&mut host, 14_601);
    assert_eq!(sent(&mut host), [". 37961:39421(1460)", "P. 39421:40001(580)"]);
}

/// It is the super-segment that says PSH, not its bytes: what goes again one by one says it only where a write ended.
#[test]
fn what_goes_again_of_a_super_segment_is_not_pushed() {
    let mut host = host(100, 65_535);
    host.write(&[0; 1460 * 4]).unwrap();
    sent(&mut host);
    host.pass_ms(300);
    assert_eq!(sent(&mut host), [". 1:1461(1460)"]);
    acked(&mut host, 1461);
    assert_eq!(sent(&mut host), [". 1461:2921(1460)", ". 2921:4381(1460)"]);
    acked(&mut host, 4381);
    assert_eq!(sent(&mut host), ["P. 4381:5841(1460)"]);
}

/// Where the peer is near, half the window is one.
#[test]
fn near_by_a_super_segment_is_half_of_the_window() {
    let mut host = host(0, 65_535);
    host.write(&[0; 40_000]).unwrap();
    let pushed: Vec<usize> = (0..).zip(sent(&mut host)).filter(|(_, s)| s.starts_with('P')).map(|(n, _)| n).collect();
    assert_eq!(pushed, [4, 9]);
}

#[test]
fn the_end_of_a_write_is_pushed_and_its_small_rest_waits() {
    let mut host = host(10, 65_535);
    host.write(&[0; 1000]).unwrap();
    assert_eq!(sent(&mut host), ["P. 1:1001(1000)"]);
    host.pass_ms(20);
    host.write(&[0; 3000]).unwrap();
    assert_eq!(sent(&mut host), [". 1001:2461(1460)", "P. 2461:3921(1460)"]);
    host.write(&[0; 20]).unwrap();
    acked(&mut host, 1001);
    assert_eq!(sent(&mut host), ["P. 3921:4021(100)"], "with what was written behind it");
}

/// As Linux: who has to wait for room pushes what is there, also what is not full.
#[test]
fn a_writer_without_room_pushes() {
    let mut host = with(Config { send_buffer: 9_000, send_buffer_fixed: true, ..plain() }, 100, 2_000);
    host.write(&[0; 500]).unwrap();
    assert_eq!(sent(&mut host), ["P. 1:501(500)"]);
    // Segments are half of the window: pieces are of 1000 bytes.
    assert_eq!(host.write(&[0; 9_000]), Ok(5_000));
    assert_eq!(sent(&mut host), [". 501:1501(1000)"], "half a window is not more than half");
    host.pass_ms(10);
    host.inject(". 1:1(0) ack 1501 win 65535");
    assert_eq!(sent(&mut host), [". 1501:2961(1460)", "P. 2961:4421(1460)", "P. 4421:5501(1080)"]);
}

mod more {
    use super::*;

    #[test]
    fn what_is_not_full_waits_for_the_persist_timer() {
        let mut host = host(20, 65_535);
        host.write_with(&[0; 400], WriteFlags::MORE).unwrap();
        host.pass_ms(100);
        host.write_with(&[0; 400], WriteFlags::MORE).unwrap();
        assert!(sent(&mut host).is_empty());
        host.pass_ms(119);
        assert!(sent(&mut host).is_empty());
        host.pass_ms(1);
        assert_eq!(sent(&mut host), ["P. 1:801(800)"], "after a timeout of 220 ms");
    }

    #[test]
    fn full_segments_go_and_an_ack_lets_the_rest_go() {
        let mut host = host(20, 65_535);
        host.write_with(&[0; 800], WriteFlags::empty()).unwrap();
        host.forget();
        host.write_with(&[0; 3000], WriteFlags::MORE).unwrap();
        assert_eq!(sent(&mut host), [". 801:2261(1460)", "P. 2261:3721(1460)"]);
        acked(&mut host, 801);
        assert_eq!(sent(&mut host), [". 3721:3801(80)"], "without PSH: it is not the end");
    }

    #[test]
    fn the_last_write_lets_all_go() {
        let mut host = host(20, 65_535);
        host.write_with(&[0; 10], WriteFlags::MORE).unwrap();
        host.write(&[0; 10]).unwrap();
        assert_eq!(sent(&mut host), ["P. 1:21(20)"]);
    }
}

mod cork {
    use super::*;

    fn corked() -> Host {
        with(Config { cork: true, ..plain() }, 20, 65_535)
    }

    #[test]
    fn only_full_segments_go() {
        let mut host = corked();
        host.write(&[0; 1000]).unwrap();
        assert!(sent(&mut host).is_empty());
        host.write(&[0; 1000]).unwrap();
        assert_eq!(sent(&mut host), [". 1:1461(1460)"]);
        acked(&mut host, 1461);
        assert!(sent(&mut host).is_empty(), "an ACK lets nothing go");
        host.pass_ms(220);
        assert_eq!(sent(&mut host), ["P. 1461:2001(540)"], "but the persist timer does");
    }

    #[test]
    fn pulling_it_lets_all_go() {
        let mut host = corked();
        host.write(&[0; 100]).unwrap();
        host.configure(|config| config.cork = false);
        assert_eq!(sent(&mut host), ["P. 1:101(100)"]);
        host.configure(|config| config.cork = true);
        host.write(&[0; 100]).unwrap();
        host.configure(|config| config.cork = false);
        assert!(sent(&mut host).is_empty(), "Nagle's algorithm still holds");
    }

    #[test]
    fn closing_lets_all_go() {
        let mut host = corked();
        host.write(&[0; 100]).unwrap();
        host.close();
        assert_eq!(sent(&mut host), ["FP. 1:101(100)"]);
    }

    #[test]
    fn switching_nagle_off_lets_all_go_once() {
        let mut host = corked();
        host.write(&[0; 100]).unwrap();
        host.configure(|config| config.no_delay = true);
        assert_eq!(sent(&mut host), ["P. 1:101(100)"]);
        host.write(&[0; 100]).unwrap();
        assert!(sent(&mut host).is_empty(), "the cork is still there");
    }
}

#[test]
fn switching_nagle_off_lets_go_what_waits() {
    let mut host = host(20, 65_535);
    host.write(b"a").unwrap();
    host.write(b"b").unwrap();
    assert_eq!(sent(&mut host), ["P. 1:2(1)"]);
    host.configure(|config| config.no_delay = true);
    assert_eq!(sent(&mut host), ["P. 2:3(1)"]);
}

#[test]
fn records_do_not_share_segments_also_when_sent_again() {
    let mut host = with(Config { no_delay: true, ..plain() }, 20, 65_535);
    host.inject(". 1:1(0) ack 1 win 0");
    host.write_with(&[0; 400], WriteFlags::END_OF_RECORD).unwrap();
    host.write(&[0; 400]).unwrap();
    host.write_with(&[0; 400], WriteFlags::END_OF_RECORD).unwrap();
    host.write(&[0; 10]).unwrap();
    acked(&mut host, 1);
    assert_eq!(sent(&mut host), ["P. 1:401(400)", "P. 401:1201(800)", "P. 1201:1211(10)"]);
    host.pass_ms(220);
    assert_eq!(sent(&mut host), ["P. 1:401(400)"]);
    acked(&mut host, 401);
    assert_eq!(sent(&mut host), ["P. 401:1201(800)", "P. 1201:1211(10)"]);
}

/// As Linux, `tcp_retrans_collapse`.
#[test]
fn small_segments_share_one_when_sent_again() {
    for (collapse, expected) in [(true, "P. 1:301(300)"), (false, "P. 1:101(100)")] {
        let mut host = with(Config { no_delay: true, retrans_collapse: collapse, ..plain() }, 20, 65_535);
        for _ in 0..3 {
            host.write(&[0; 100]).unwrap();
        }
        assert_eq!(sent(&mut host), ["P. 1:101(100)", "P. 101:201(100)", "P. 201:301(100)"]);
        host.pass_ms(220);
        assert_eq!(sent(&mut host), [expected]);
    }
}

mod urgent {
    use super::*;

    const URGENT: WriteFlags = WriteFlags::URGENT;

    /// RFC 9293 §3.8.5, MUST-30, MUST-62.
    #[test]
    fn segments_before_its_end_tell_of_it() {
        let mut host = host(20, 65_535);
        host.write(&[0; 400]).unwrap();
        host.write_with(b"abc", URGENT).unwrap();
        assert_eq!(sent(&mut host), ["P. 1:401(400)", "P.U 401:404(3) urg 3"], "and it does not wait");
        host.write(&[0; 3000]).unwrap();
        // Full segments, and a small one that does not wait.
        assert_eq!(sent(&mut host), [". 404:1864(1460)", ". 1864:3324(1460)", "P. 3324:3404(80)"]);
        acked(&mut host, 404);
        host.write_with(&[0; 4000], URGENT).unwrap();
        let expected = [".U 3404:4864(1460) urg 4000", ".U 4864:6324(1460) urg 2540", "P.U 6324:7404(1080) urg 1080"];
        assert_eq!(sent(&mut host), expected);
        host.pass_ms(230);
        assert_eq!(sent(&mut host), [".U 404:1864(1460) urg 7000"], "also when sent again");
    }

    /// MUST-66's other side: the peer learns of it though its window is closed.
    #[test]
    fn a_probe_tells_of_it_by_a_segment_of_its_own() {
        let mut host = host(20, 65_535);
        host.inject(". 1:1(0) ack 1 win 0");
        host.write_with(b"abc", URGENT).unwrap();
        assert!(sent(&mut host).is_empty());
        host.pass_ms(220);
        assert_eq!(sent(&mut host), [".U 1:1(0) urg 3", ".U 0:0(0) urg 4"]);
        host.pass_ms(440);
        assert_eq!(sent(&mut host), [".U 1:1(0) urg 3", ".U 0:0(0) urg 4"]);
    }

    #[test]
    fn an_end_that_is_far_ahead_is_told_of_as_far_as_a_pointer_reaches() {
        let mut host = with(Config { send_buffer: 1 << 20, send_buffer_fixed: true, ..plain() }, 20, 65_535);
        host.write_with(&[0; 100_000], URGENT).unwrap();
        let sent = sent(&mut host);
        assert_eq!(sent.first().map(|s| &**s), Some(".U 1:1461(1460) urg 65535"));
        // Where even the largest pointer stays within what was sent, there is none.
        acked(&mut host, 14_601);
        assert_eq!(self::sent(&mut host).first().map(|s| &**s), Some(".U 14601:16061(1460) urg 65535"));
    }
}

/// As Linux's TCP_NOTSENT_LOWAT: what lies unsent bounds a write, and half of it is room worth a wake-up.
#[test]
fn a_writer_that_wants_little_unsent_is_told_when_it_has_left() {
    let mut host =
        with(Config { notsent_lowat: 3000, send_buffer: 1 << 20, send_buffer_fixed: true, ..plain() }, 100, 2920);
    assert_eq!(host.write(&[0; 20_000]), Ok(1460 * 5));
    assert_eq!(host.write(b"x"), Err(limpid_event::Error::WouldBlock));
    assert_eq!(sent(&mut host).len(), 2);
    host.inject(". 1:1(0) ack 2921 win 2920");
    assert_eq!(sent(&mut host).len(), 2);
    assert!(host.woke.contains(Readiness::WRITABLE));
    assert!(host.connection().readiness().contains(Readiness::WRITABLE));
}

/// As Linux 6.18: a FIN needs a number of the window, too, and the segment before it waits for that.
#[test]
fn data_that_fills_the_window_waits_for_the_probe_timer_if_a_fin_follows() {
    let mut host = with(Config { no_delay: true, ..plain() }, 20, 2000);
    host.inject(". 1:1(0) ack 1 win 0");
    host.write(&[0; 1000]).unwrap();
    host.shutdown_write();
    host.inject(". 1:1(0) ack 1 win 1000");
    assert!(sent(&mut host).is_empty());
    host.pass_ms(220);
    assert_eq!(sent(&mut host), ["P. 1:1001(1000)"]);
    host.inject(". 1:1(0) ack 1001 win 1000");
    assert_eq!(sent(&mut host), ["FP. 1001:1001(0)"], "pushed like what it was cut from");
}
