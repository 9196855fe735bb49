use super::{MAX_WORDS, Pack, PackList, Packer, Unpacker};
use proptest::prelude::*;
use std::time::Duration;

type Values = (u64, Option<i64>, (bool, u8), [u32; 3], Duration);

proptest! {
    #[test]
    fn what_is_unpacked_is_what_was_packed(
        words in prop::collection::vec(prop_oneof![Just(0_u64), 0..300_u64, any::<u64>()], 0..20),
        since: i64,
        time: i64,
        values: (u64, Option<i64>, (bool, u8), [u32; 3], u64),
        header in prop::collection::vec(any::<u8>(), 0..9),
    ) {
        let values: Values = (values.0, values.1, values.2, values.3, Duration::from_nanos(values.4));
        let mut packer = Packer::default();
        // What was packed before is gone.
        packer.begin(&[9], 7);
        packer.word(u64::MAX);
        packer.begin(&header, since);
        words.pack_list(&mut packer);
        packer.time(time);
        (values.0, values.1).pack(&mut packer);
        (values.2, (values.3, values.4)).pack(&mut packer);
        prop_assert!(packer.end_part().is_some());
        let packed = packer.finish();
        prop_assert!(packed.starts_with(&header));

        let mut unpacker = Unpacker::default();
        prop_assert!(unpacker.begin(&packed[header.len()..]).is_empty());
        let mut again = vec![1];
        again.unpack_list(&mut unpacker);
        prop_assert_eq!(again, words);
        prop_assert_eq!(unpacker.time(), time);
        let first = <(u64, Option<i64>)>::unpack(&mut unpacker);
        let second = <((bool, u8), ([u32; 3], Duration))>::unpack(&mut unpacker);
        prop_assert_eq!((first.0, first.1, second.0, second.1.0, second.1.1), values);
    }
}

#[test]
fn zeros_and_what_is_near_take_little_room() {
    let mut packer = Packer::default();
    packer.begin(&[], 1_700_000_000_000_000_000);
    (0..64).for_each(|_| packer.word(0));
    packer.time(1_700_000_000_000_000_999);
    assert!(packer.end_part().is_some());
    // How many words, half a byte for each of 66, where times are told from, and what the time adds.
    assert_eq!(packer.finish().len(), 2 + 33 + 8 + 2);
}

#[test]
fn what_is_too_much_is_not_packed() {
    // Beside where times are told from.
    for (words, fits) in [(MAX_WORDS - 2, true), (MAX_WORDS - 1, false), (MAX_WORDS, false), (2 * MAX_WORDS, false)] {
        let mut packer = Packer::default();
        packer.begin(&[], 5);
        (0..words).for_each(|n| packer.word(n as u64 + 1));
        assert_eq!(packer.end_part().is_some(), fits, "{words}");
        if fits {
            let packed = packer.finish();
            let mut unpacker = Unpacker::default();
            unpacker.begin(&packed);
            assert_eq!(unpacker.time(), 5 ^ 1);
            assert!((1..words).all(|n| unpacker.word() == n as u64 + 1));
        }
    }
}
