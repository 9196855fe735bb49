//! What is handed over comes in order, and takes bounded room.

use super::*;
use limpid_wire::Chunk;

fn frame(number: u16) -> Handed {
    Handed::Frame(IfaceId::LOOPBACK, RxFrame::new(Chunk::from_vec(number.to_be_bytes().to_vec())))
}

fn number(handed: &Handed) -> u16 {
    match handed {
        Handed::Frame(_, frame) => u16::from_be_bytes([frame.bytes[0], frame.bytes[1]]),
        Handed::Packet(_) => panic!("a packet"),
    }
}

fn joined(shards: usize) -> Vec<Hands> {
    let bell = Arc::new(Bell::new().unwrap());
    Hands::join(&vec![bell; shards])
}

#[test]
fn what_one_shard_hands_over_comes_in_order() {
    let mut hands = joined(3);
    for n in 0..100 {
        hands[0].over(2, frame(n));
        hands[1].over(2, frame(1_000 + n));
        hands[2].over(2, frame(2_000));
    }
    let came: Vec<u16> = std::iter::from_fn(|| hands[2].take()).map(|handed| number(&handed)).collect();
    let (first, second): (Vec<_>, Vec<_>) = came.into_iter().partition(|n| *n < 1_000);
    assert_eq!(first, (0..100).collect::<Vec<_>>());
    assert_eq!(second, (1_000..1_100).collect::<Vec<_>>());
    assert_eq!(hands[2].count, Handovers::default(), "nothing goes to itself");
}

#[test]
fn the_room_of_a_queue_is_bounded_however_many_shards_there_are() {
    for (shards, share) in [(2, 512), (4, 512), (6, 409), (16, 136), (256, 8)] {
        let mut hands = joined(shards);
        for other in &mut hands[1..] {
            // However much one has to hand over, there is room for what others have.
            (0..1_000).for_each(|n| other.over(0, frame(n)));
            let count = Handovers { delivered: share, lost: 1_000 - share };
            assert_eq!(other.count, count, "{shards} shards");
        }
        let all = share * (shards as u64 - 1);
        assert!(all <= MOST_ARRIVALS as u64);
        assert_eq!(std::iter::from_fn(|| hands[0].take()).count() as u64, all);
        (0..1_000).for_each(|n| hands[1].over(0, frame(n)));
        assert_eq!(hands[1].count.delivered, 2 * share, "what was taken made room");
    }
    assert!(size_of::<Arrival>() <= 136, "{} bytes a place", size_of::<Arrival>());
}
