use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

/// RFC 1071's definition, a word at a time.
fn naive(bytes: &[u8]) -> u16 {
    let mut sum = 0u32;
    for pair in bytes.chunks(2) {
        sum += u32::from(u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)]));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// Two one's complement numbers are the same if they differ only in how they write zero.
fn same(a: u16, b: u16) -> bool {
    a == b || (a == 0 && b == 0xffff) || (a == 0xffff && b == 0)
}

#[test]
fn rfc_1071_example() {
    let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
    assert_eq!(Checksum::of(&bytes).partial(), 0xddf2);
    assert_eq!(Checksum::of(&bytes).finish(), !0xddf2);
}

#[test]
fn nothing_sums_to_zero_and_ones_stay_ones() {
    assert_eq!(Checksum::new().finish(), 0xffff);
    for len in 1..200 {
        assert_eq!(Checksum::of(&alloc::vec![0xff; 2 * len]).partial(), 0xffff, "{len}");
    }
}

#[test]
fn a_pseudo_header_of_each_version() {
    // A SYN from a real capture: 10.0.0.103:55570 > 10.0.0.199:6379, as sent.
    let v4 = Checksum::pseudo_header(IpAddr::v4([10, 0, 0, 103]), IpAddr::v4([10, 0, 0, 199]), IpProtocol::TCP, 40);
    assert_eq!(v4.partial(), 0x0a00 + 103 + 0x0a00 + 199 + 6 + 40);
    let v6 = Checksum::pseudo_header(IpAddr::LOCALHOST_V6, IpAddr::LOCALHOST_V6, IpProtocol::ICMPV6, 0x1_0002);
    assert_eq!(v6.partial(), 1 + 1 + 58 + 1 + 2);
}

#[test]
fn a_partial_checksum_is_completed() {
    let (src, dst) = (IpAddr::LOCALHOST_V4, IpAddr::LOCALHOST_V4);
    let mut frame = alloc::vec![0xaa; 5];
    let packet = [1, 2, 3, 4, 0, 0, 7, 8, 9];
    frame.extend_from_slice(&packet);
    let pseudo = Checksum::pseudo_header(src, dst, IpProtocol::TCP, packet.len()).partial();
    put16(&mut frame, 9, pseudo);
    complete_partial(&mut frame, 5, 4).unwrap();
    assert!(verify(src, dst, IpProtocol::TCP, &frame[5..]));
    assert!(complete_partial(&mut frame, 5, 8).is_err());
    assert!(complete_partial(&mut frame, u16::MAX, u16::MAX).is_err());
}

proptest! {
    #[test]
    fn as_the_naive_model(bytes in prop::collection::vec(any::<u8>(), 0..3000)) {
        prop_assert!(same(Checksum::of(&bytes).finish(), naive(&bytes)));
    }

    #[test]
    fn however_it_is_cut(bytes in prop::collection::vec(any::<u8>(), 0..400), cuts in prop::collection::vec(0..400usize, 0..8)) {
        let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(bytes.len())).collect();
        cuts.sort_unstable();
        let (mut slices, mut sums, mut from) = (Checksum::new(), Checksum::new(), 0);
        for to in cuts.into_iter().chain([bytes.len()]) {
            slices.add(&bytes[from..to]);
            sums.add_sum(Checksum::of(&bytes[from..to]));
            from = to;
        }
        prop_assert!(same(slices.finish(), naive(&bytes)));
        prop_assert!(same(sums.finish(), naive(&bytes)));
    }

    #[test]
    fn what_is_written_verifies_and_one_flipped_bit_does_not(
        mut bytes in prop::collection::vec(any::<u8>(), 18..200), flip in any::<prop::sample::Index>()
    ) {
        let (src, dst) = (IpAddr::LOCALHOST_V6, IpAddr::UNSPECIFIED);
        put16(&mut bytes, 16, 0);
        let mut sum = Checksum::pseudo_header(src, dst, IpProtocol::TCP, bytes.len());
        sum.add(&bytes);
        put16(&mut bytes, 16, sum.finish());
        prop_assert!(verify(src, dst, IpProtocol::TCP, &bytes));
        let bit = flip.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(!verify(src, dst, IpProtocol::TCP, &bytes));
    }
}
