//! Everything that is written is read again; what is damaged is nothing.

use super::*;
use crate::*;
use alloc::vec;
use core::time::Duration;
use limpid_wire::tcp::{AccEcnOption, AoOption, AuthOption, FastOpenCookie, SackBlock, Timestamps, UserTimeout};
use limpid_wire::{Ecn, Endpoint, IpAddr, SeqNum, TcpFlags, TcpOptions};
use proptest::prelude::*;

fn round_trip(event: &Event) {
    let mut bytes = Vec::new();
    encode(event, &mut bytes);
    assert_eq!(decode(&bytes).as_ref(), Some(event));
    for len in 0..bytes.len() {
        assert_ne!(decode(&bytes[..len]).as_ref(), Some(event), "{len} of {} bytes", bytes.len());
    }
}

/// Every option at once, which no header holds.
fn full_segment() -> SegmentView {
    let block = |left| SackBlock::new(SeqNum(left), SeqNum(left + 1000)).expect("a block");
    SegmentView {
        seq: SeqNum(u32::MAX),
        ack: SeqNum(7),
        flags: TcpFlags::all(),
        window: u16::MAX,
        urgent: 3,
        options: TcpOptions {
            mss: Some(1460),
            window_scale: Some(7),
            sack_permitted: true,
            timestamps: Some(Timestamps { val: 1, ecr: u32::MAX }),
            user_timeout: Some(UserTimeout(0x8005)),
            fast_open: FastOpenCookie::new(&[1, 2, 3, 4]).map(|cookie| cookie.in_form(true)),
            acc_ecn: Some(AccEcnOption::order_1(&[1, 0xff_ffff])),
            sack: [0, 2000, 4000, 6000].map(block).into_iter().collect(),
            auth: Some(AuthOption::Ao(AoOption::new(1, 2, &[9; 12]))),
        }
        .into(),
        ecn: Ecn::Ce,
        len: 65_536,
    }
}

#[test]
fn every_event_comes_back() {
    let segment = full_segment();
    let plain = SegmentView { options: TcpOptions::default().into(), ecn: Ecn::NotEct, ..segment.clone() };
    let endpoint = |port| Endpoint::new(IpAddr::v4([10, 0, 0, 1]), port);
    let span = Duration::from_nanos(1_234_567_890_123);
    let calls = [
        Call::Connect,
        Call::Accept,
        Call::Write(1 << 40),
        Call::Read(0),
        Call::ShutdownWrite,
        Call::ShutdownRead,
        Call::Close,
        Call::Abort,
    ];
    let ecn = [
        EcnEvent::Agreed { accurate: true },
        EcnEvent::MarkReceived { packets: 3 },
        EcnEvent::EchoBegins,
        EcnEvent::EchoEnds,
        EcnEvent::Reported { segments: 400 },
        EcnEvent::Answered,
    ];
    let mut events = vec![
        Event::Opened { local: endpoint(1), remote: endpoint(65_535), opening: Opening::Cookie },
        Event::State { from: TcpState::Closed, to: TcpState::TimeWait },
        Event::Sent { segment: segment.clone(), why: TxReason::RackRetransmit, retransmission: 300 },
        Event::Received { segment },
        Event::Received { segment: plain },
        Event::Dropped { why: DropReason::Signature },
        Event::TimerSet { timer: Timer::Rto, after: span },
        Event::TimerFired { timer: Timer::Linger, nth: 15 },
        Event::RttSample { rtt: span, srtt: span, rto: span },
        Event::Congestion { cwnd: u32::MAX, ssthresh: 2, why: CongestionReason::MtuProbe },
        Event::Flight { in_flight: 0, cwnd: 14_600, pacing_rate: None },
        Event::Flight { in_flight: 1, cwnd: 2, pacing_rate: Some(u64::MAX) },
        Event::RecoveryBegan { why: RecoveryReason::SmallerPath },
        Event::RecoveryEnded,
        Event::Undone { how: UndoReason::NothingResent },
        Event::Ended { error: None },
        Event::Ended { error: Some(Error::TimedOut) },
        Event::SoftError { error: Error::NotSupported },
        Event::PathMtu { mtu: 1400, why: PathMtuReason::SearchAgain },
        Event::Link { fate: LinkFate::DroppedEarly },
    ];
    events.extend(calls.map(Event::Call));
    events.extend(ecn.map(Event::Ecn));
    events.extend(PHASES.map(|phase| Event::ControllerPhase { phase }));
    events.iter().for_each(round_trip);
}

/// Files live longer than programs: a number must not come to mean something else.
#[test]
fn codes_are_what_they_were() {
    assert_eq!(TxReason::from_code(8), Some(TxReason::RtoRetransmit));
    assert_eq!(TxReason::from_code(15), Some(TxReason::TailLossProbe));
    assert_eq!(DropReason::from_code(0), Some(DropReason::Malformed));
    assert_eq!(TcpState::from_code(10), Some(TcpState::TimeWait));
    assert_eq!(Timer::from_code(3), Some(Timer::Rto));
    assert_eq!(LinkFate::from_code(2), Some(LinkFate::QueueFull));
    for code in 0..=u8::MAX {
        if let Some(why) = TxReason::from_code(code) {
            assert_eq!(why.code(), code);
        }
        if let Some(why) = DropReason::from_code(code) {
            assert_eq!(why.code(), code);
        }
    }
}

#[test]
fn numbers_are_read_as_written_and_no_longer() {
    for number in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
        let mut bytes = Vec::new();
        put_number(&mut bytes, number);
        assert_eq!(Input::new(&bytes).number(), Some(number));
    }
    assert_eq!(Input::new(&[0xff; 20]).number(), None, "it never ends");
    assert_eq!(Input::new(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]).number(), None, "65 bits");
}

proptest! {
    /// Whatever the bytes are: an event that would be written again, or none.
    #[test]
    fn hostile_bytes_are_an_event_or_nothing(bytes in proptest::collection::vec(any::<u8>(), 0..120), tag in 0u8..22) {
        let mut bytes = bytes;
        if let Some(first) = bytes.first_mut() {
            *first = tag;
        }
        if let Some(event) = decode(&bytes) {
            let mut again = Vec::new();
            encode(&event, &mut again);
            prop_assert_eq!(decode(&again), Some(event));
        }
    }
}
