use super::accurate::Delivery;
use super::*;
use crate::Config;
use crate::ecn::handshake::reflecting;
use limpid_event::Instant;
use limpid_wire::tcp::AccEcnOption;
use limpid_wire::{Ecn, Segment, SeqNum};
use proptest::prelude::*;

const FIELDS: [Ecn; 4] = [Ecn::NotEct, Ecn::Ect1, Ecn::Ect0, Ecn::Ce];

fn config(accept: EcnLevel, offer: EcnLevel) -> Config {
    Config { ecn: EcnPolicy { accept, offer }, ..Config::default() }
}

fn syn(ace: u8, ecn: Ecn) -> Segment {
    Segment { flags: TcpFlags::SYN | TcpFlags::from_ace(ace), ecn, ..Segment::default() }
}

/// RFC 9768 table 2, seen from the server: what a SYN asks for and what it gets.
#[test]
fn what_a_syn_gets() {
    let granted = |accept, ace, ecn| EcnHandshake::of_syn(&config(accept, EcnLevel::None), &syn(ace, ecn)).level;
    for ace in 0..8 {
        let accurate = match ace {
            0 => EcnLevel::None,
            3 => EcnLevel::Classic,
            _ => EcnLevel::Accurate,
        };
        assert_eq!(granted(EcnLevel::Accurate, ace, Ecn::NotEct), accurate, "{ace}");
        let classic = if ace & 3 == 3 { EcnLevel::Classic } else { EcnLevel::None };
        assert_eq!(granted(EcnLevel::Classic, ace, Ecn::NotEct), classic, "{ace}");
        assert_eq!(granted(EcnLevel::None, ace, Ecn::NotEct), EcnLevel::None);
    }
    // RFC 3168 §6.1.1: a SYN is not ECT; where it is, and knows no more than that RFC, it gets nothing.
    assert_eq!(granted(EcnLevel::Classic, 3, Ecn::Ect0), EcnLevel::None);
    assert_eq!(granted(EcnLevel::Classic, 7, Ecn::Ect0), EcnLevel::Classic);
    assert_eq!(granted(EcnLevel::Accurate, 7, Ecn::Ce), EcnLevel::Accurate);
}

/// RFC 9768 table 2, seen from the client.
#[test]
fn what_a_syn_ack_grants() {
    let got = |asked, ace| EcnHandshake::of_syn_ack(asked, &syn(ace, Ecn::NotEct)).level;
    use EcnLevel::{Accurate, Classic, None};
    let by_accurate = [None, Classic, Accurate, Accurate, Accurate, Accurate, Accurate, None];
    for (ace, expected) in (0..8).zip(by_accurate) {
        assert_eq!(got(Accurate, ace), expected, "{ace}");
        assert_eq!(got(Classic, ace), if ace == 1 { Classic } else { None }, "{ace}");
        assert_eq!(got(None, ace), None);
    }
}

/// RFC 9768 table 2's feedback of the SYN's IP field.
#[test]
fn a_syn_ack_tells_how_the_syn_arrived() {
    for (field, ace) in FIELDS.into_iter().zip([0b010, 0b011, 0b100, 0b110]) {
        let handshake = EcnHandshake::of_syn(&config(EcnLevel::Accurate, EcnLevel::None), &syn(7, field));
        assert_eq!((handshake.granting().ace(), reflecting(field).ace()), (ace, ace));
    }
}

#[test]
fn crossed_syns_agree_on_what_both_ask_for() {
    let level = |asked, ace| EcnHandshake::of_crossed_syn(asked, &syn(ace, Ecn::NotEct)).level;
    assert_eq!(level(EcnLevel::Accurate, 7), EcnLevel::Accurate);
    assert_eq!(level(EcnLevel::Accurate, 3), EcnLevel::Classic);
    assert_eq!(level(EcnLevel::Accurate, 0), EcnLevel::None);
    assert_eq!(level(EcnLevel::Classic, 3), EcnLevel::Classic);
    assert_eq!(level(EcnLevel::None, 7), EcnLevel::None);
}

/// RFC 9768 table 4, for a SYN-ACK that was sent Not-ECT.
#[test]
fn the_third_ack_shows_who_changes_the_field() {
    let failure = |fallback, ace| {
        let mut handshake = EcnHandshake::default();
        let ack = Segment { flags: TcpFlags::ACK | TcpFlags::from_ace(ace), ..Segment::default() };
        let delivered_ce = handshake.on_third_ack(fallback, &ack);
        (!handshake.failure.is_empty(), delivered_ce)
    };
    for (ace, fails) in (0..8).zip([true, false, false, true, true, false, true, false]) {
        assert_eq!(failure(true, ace), (fails, 0), "{ace}");
    }
    // Whoever does not want to know counts the mark.
    assert_eq!(failure(false, 0b110), (false, 1));
    // No ACK of ours has a field of zero: somebody has cleared it, whoever wants to know (RFC 9768 §3.2.2.4).
    assert_eq!(failure(false, 0), (true, 0));
}

fn accurate() -> Accurate {
    Accurate::new(EcnHandshake { level: EcnLevel::Accurate, ..EcnHandshake::default() })
}

fn delivery(segments: u32, bytes: u32, delivered_ce: u32) -> Delivery {
    Delivery { segments, bytes, is_news: true, syn: false, exact: true, mss: 1000, bytes_sent: 0, delivered_ce }
}

/// The ACE field begins with 5 and counts modulo 8.
#[test]
fn the_counter_of_marks_goes_round() {
    let mut counters = accurate();
    let mut told = alloc::vec::Vec::new();
    for _ in 0..10 {
        told.push(counters.tell().ace());
        counters.on_received(Ecn::Ce, 1, 100);
    }
    assert_eq!(told, [5, 6, 7, 0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(counters.received_ce, 10);
}

/// RFC 9768 §3.2.2.5.1: an ACK before the field is ambiguous.
#[test]
fn six_marks_want_an_ack() {
    let mut counters = accurate();
    counters.on_received(Ecn::Ce, 5, 100);
    assert!(!counters.must_tell());
    counters.on_received(Ecn::Ce, 1, 100);
    assert!(counters.must_tell());
    counters.tell();
    assert!(!counters.must_tell());
}

#[test]
fn a_change_of_field_is_news_and_asks_for_two_options() {
    let mut counters = accurate();
    assert!(counters.on_received(Ecn::Ect0, 1, 100));
    assert!(!counters.on_received(Ecn::Ect0, 1, 100));
    for demanded in [true, true, false] {
        assert_eq!(counters.is_demanded(), demanded);
        counters.on_sent(Instant::ZERO, true, None);
    }
    counters.on_received(Ecn::Ect0, 1, 1 << 22);
    assert!(counters.is_demanded(), "RFC 9768 §3.2.3.3: once in 2^22 bytes");
}

#[test]
fn an_option_has_the_counters_that_changed() {
    let mut counters = accurate();
    assert_eq!(counters.option(), (AccEcnOption::order_1(&[1, 0, 1]), 0));
    counters.on_received(Ecn::Ect1, 1, 7);
    assert_eq!(counters.option(), (AccEcnOption::order_1(&[8, 0, 1]), 1));
    counters.on_received(Ecn::Ect0, 1, 9);
    assert_eq!(counters.option(), (AccEcnOption::order_1(&[8, 0, 10]), 3));
    counters.on_sent(Instant::ZERO, true, None);
    counters.on_received(Ecn::Ce, 1, 5);
    assert_eq!(counters.option(), (AccEcnOption::order_1(&[8, 5, 10]), 2));
}

/// RFC 9768 §3.2.2.5.2: what an ACE field means that may have gone round.
#[test]
fn few_packets_are_told_apart_and_many_are_not() {
    let ace = |ce: u32| (ce + 5) as u8 & 7;
    assert_eq!(accurate().on_ack(ace(3), None, delivery(7, 7000, 0)), 3);
    assert_eq!(accurate().on_ack(ace(3), None, delivery(2, 2000, 3)), 0);
    // 10 packets and a field that has not moved: nothing was marked, or 8 were. Without bytes the worse counts.
    assert_eq!(accurate().on_ack(ace(0), None, delivery(10, 10_000, 0)), 8);
    assert_eq!(accurate().on_ack(ace(1), None, delivery(10, 10_000, 0)), 9);
    assert_eq!(accurate().on_ack(ace(3), None, Delivery { is_news: false, ..delivery(2, 0, 0) }), 0, "overtaken");
}

#[test]
fn bytes_say_how_often_the_field_went_round() {
    let ace = |ce: u32| (ce + 5) as u8 & 7;
    let option = |e0: u32, ce: u32| AccEcnOption::order_1(&[1, ce, e0 + 1]);
    let mut counters = accurate();
    // The first option shows which field the packets have.
    assert_eq!(counters.on_ack(ace(0), Some(&option(2000, 0)), delivery(2, 2000, 0)), 0);
    assert_eq!(counters.on_ack(ace(0), Some(&option(12_000, 0)), delivery(10, 10_000, 0)), 0, "no bytes were marked");
    assert_eq!(counters.delivered, [0, 12_000, 0]);
    assert_eq!(counters.seen, AccEcnSeen::Counters);
}

#[test]
fn a_zeroed_option_is_not_believed_any_more() {
    for option in [AccEcnOption::order_0(&[0]), AccEcnOption::order_1(&[1, 0, 0])] {
        let mut counters = accurate();
        counters.on_ack(5, Some(&option), delivery(1, 1000, 0));
        assert_eq!(counters.seen, AccEcnSeen::Zeroed);
        assert_eq!(counters.failure, AccEcnFailure::OPTION_RECEIVE);
        counters.on_ack(5, Some(&AccEcnOption::order_1(&[1, 0, 9000])), delivery(1, 1000, 0));
        assert_eq!(counters.delivered, [0; 3]);
        assert!(counters.is_sound(), "the ACE field still is good");
    }
}

#[test]
fn an_option_that_comes_too_late_is_not_believed() {
    let mut counters = accurate();
    counters.on_ack(5, None, Delivery { bytes_sent: 1 << 23, ..delivery(1, 1000, 0) });
    assert_eq!(counters.failure, AccEcnFailure::OPTION_RECEIVE);
}

#[test]
fn options_that_get_lost_are_given_up() {
    let mut counters = accurate();
    counters.on_sent(Instant::ZERO, false, Some(SeqNum(1)));
    counters.on_old_text(SeqNum(1));
    assert!(counters.failure.is_empty(), "there was none");
    counters.on_sent(Instant::ZERO, true, Some(SeqNum(1)));
    counters.on_old_text(SeqNum(2));
    assert!(counters.failure.is_empty(), "other data");
    counters.on_old_text(SeqNum(1));
    assert_eq!(counters.failure, AccEcnFailure::OPTION_SEND);
}

proptest! {
    /// Whatever a peer says, no more packets were marked than arrived, and nothing overflows.
    #[test]
    fn no_peer_makes_marks_up(acks in prop::collection::vec((0..8u8, 0..40u32, any::<Option<[u32; 3]>>(), any::<bool>()), 1..50)) {
        let mut counters = accurate();
        let mut delivered_ce: u32 = 0;
        for (ace, segments, option, exact) in acks {
            let option = option.map(|n| AccEcnOption::order_0(&n));
            let delivery = Delivery { exact, ..delivery(segments, segments * 1000, delivered_ce) };
            let more = counters.on_ack(ace, option.as_ref(), delivery);
            prop_assert!(more <= segments.max(7), "{more} of {segments}");
            delivered_ce = delivered_ce.wrapping_add(more);
        }
    }

    /// What arrives here is what the other side reads, whatever the fields and however many packets an ACK stands for, as
    /// long as every ACK arrives.
    #[test]
    fn the_two_ends_agree(packets in prop::collection::vec((0..4u8, 1..1500u32), 1..200), per_ack in 1..6usize) {
        let (mut receiver, mut sender) = (accurate(), accurate());
        let mut delivered_ce = 0;
        for chunk in packets.chunks(per_ack) {
            let mut bytes = 0;
            for (field, len) in chunk {
                receiver.on_received(Ecn::from_bits(*field), 1, *len);
                bytes += len;
            }
            let (option, _) = receiver.option();
            let ace = receiver.tell().ace();
            delivered_ce += sender.on_ack(ace, Some(&option), delivery(chunk.len() as u32, bytes, delivered_ce));
        }
        prop_assert_eq!(delivered_ce, receiver.received_ce);
        prop_assert_eq!(sender.delivered, receiver.received);
    }
}
