use super::*;
use proptest::prelude::*;

fn there_and_back<T: Pack>(value: &T) -> T {
    let mut packer = Packer::default();
    value.pack(&mut packer);
    T::unpack(&mut Unpacker::new(&packer.finish()))
}

#[test]
fn zeros_in_a_row_and_what_means_none_are_short() {
    let mut packer = Packer::default();
    (0..1000).for_each(|_| 0u64.pack(&mut packer));
    assert_eq!(packer.finish().len(), 2);
    for none in [u64::MAX, 0, 1] {
        let mut packer = Packer::default();
        none.pack(&mut packer);
        assert!(packer.finish().len() <= 2, "{none}");
    }
}

proptest! {
    #[test]
    fn what_is_unpacked_was_packed(
        numbers in proptest::collection::vec((any::<u64>(), any::<u32>(), any::<u8>(), any::<bool>(), 0u32..3), 0..100),
    ) {
        let mut packer = Packer::default();
        for &(a, b, c, d, small) in &numbers {
            (a, b).pack(&mut packer);
            (c, d).pack(&mut packer);
            small.pack(&mut packer);
            Instant::from_nanos(a >> (b % 64)).pack(&mut packer);
            SeqNum(b).pack(&mut packer);
            d.then_some(Duration::from_nanos(a)).pack(&mut packer);
        }
        let bytes = packer.finish();
        let mut unpacker = Unpacker::new(&bytes);
        for &(a, b, c, d, small) in &numbers {
            prop_assert_eq!(<(u64, u32)>::unpack(&mut unpacker), (a, b));
            prop_assert_eq!(<(u8, bool)>::unpack(&mut unpacker), (c, d));
            prop_assert_eq!(u32::unpack(&mut unpacker), small);
            prop_assert_eq!(Instant::unpack(&mut unpacker), Instant::from_nanos(a >> (b % 64)));
            prop_assert_eq!(SeqNum::unpack(&mut unpacker), SeqNum(b));
            prop_assert_eq!(Option::<Duration>::unpack(&mut unpacker), d.then_some(Duration::from_nanos(a)));
        }
    }

    #[test]
    fn one_alone(at: u64, seq: u32, number: usize) {
        prop_assert_eq!(there_and_back(&Instant::from_nanos(at)), Instant::from_nanos(at));
        prop_assert_eq!(there_and_back(&SeqNum(seq)), SeqNum(seq));
        prop_assert_eq!(there_and_back(&number), number);
    }
}
