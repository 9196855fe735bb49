use super::*;
use limpid_wire::{IpPacket, checksum};

fn v4(class: u8) -> Vec<u8> {
    let mut ip = vec![0x45, class, 0, 20, 0x12, 0x34, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    let sum = checksum::Checksum::of(&ip).finish();
    ip[10..12].copy_from_slice(&sum.to_be_bytes());
    ip
}

fn v6(class: u8) -> Vec<u8> {
    let mut ip = vec![0x60 | class >> 4, class << 4, 0, 0, 0, 0, 59, 64];
    ip.extend([0xfd; 32]);
    ip
}

/// RFC 3168 §5: only what is ECN-capable may be marked; the header stays sound.
#[test]
fn marks_go_on_what_is_ecn_capable() {
    for class in 0..=255 {
        for mut ip in [v4(class), v6(class)] {
            let capable = class & 3 != 0;
            assert_eq!(mark(&mut ip), capable, "{class:#x}");
            let packet = IpPacket::parse(&ip).unwrap();
            assert_eq!(packet.ecn.bits(), if capable { 3 } else { 0 });
            assert_eq!(packet.dscp, class >> 2);
            assert!(ip[0] >> 4 == 6 || checksum::Checksum::of(&ip).finish() == 0);
        }
    }
    for mut junk in [vec![], vec![0x45], vec![0x45, 3], vec![0xff; 40]] {
        mark(&mut junk);
    }
}

fn packet(at_ms: u64, waited_ms: u64) -> Waiting {
    let leaves = Instant::from_millis(at_ms);
    Waiting { leaves, sojourn: Duration::from_millis(waited_ms), packets: 10, nearly_empty: false }
}

/// RFC 8289 §5: nothing during the first interval, then more and more often, and silence as soon as one packet was quick.
#[test]
fn codel_speaks_more_and_more_often() {
    let mut manager = Manager::default();
    let spoke: Vec<u64> = (0..600).filter(|ms| manager.speaks(Aqm::CODEL, &packet(1000 + ms, 20))).collect();
    assert_eq!(spoke, [100, 200, 271, 329, 379, 424, 464, 502, 538, 571]);
    assert!(!manager.speaks(Aqm::CODEL, &packet(1700, 4)));
    assert!(!manager.speaks(Aqm::CODEL, &packet(1701, 20)));
    // It goes on where it was: the queue has not been good for long.
    let again: Vec<u64> = (2..300).filter(|ms| manager.speaks(Aqm::CODEL, &packet(1700 + ms, 20))).collect();
    assert_eq!(again[0], 101);
    assert!(again[1] - again[0] < 40, "{again:?}");
}

#[test]
fn a_threshold_speaks_at_once() {
    let mut manager = Manager::default();
    let speaks =
        |manager: &mut Manager, packets| manager.speaks(Aqm::Threshold(5), &Waiting { packets, ..packet(0, 0) });
    assert!(!speaks(&mut manager, 4) && speaks(&mut manager, 5));
}
