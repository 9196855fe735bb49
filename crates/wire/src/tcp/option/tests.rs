use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

fn one(bytes: &[u8]) -> Result<TcpOption<'_>, BadOption<'_>> {
    let mut options = TcpOption::iter(bytes);
    let option = options.next().unwrap();
    assert_eq!(options.next(), None);
    option
}

#[test]
fn every_kind() {
    let sack = [5, 18, 0, 0, 0, 1, 0, 0, 0, 5, 0, 0, 0, 9, 0, 0, 0, 9];
    let ao = [29, 6, 1, 2, 0xaa, 0xbb];
    let list: [(&[u8], TcpOption<'_>); _] = [
        (&[0], TcpOption::EndOfList),
        (&[1], TcpOption::Nop),
        (&[2, 4, 5, 0xb4], TcpOption::Mss(1460)),
        (&[3, 3, 15], TcpOption::WindowScale(15)),
        (&[4, 2], TcpOption::SackPermitted),
        (&sack, TcpOption::Sack(SackList(sack[2..].as_chunks().0))),
        (&[6, 6, 0, 0, 0, 1], TcpOption::Echo(1)),
        (&[7, 6, 0, 0, 0, 2], TcpOption::EchoReply(2)),
        (&[8, 10, 0, 0, 0, 3, 0, 0, 0, 4], TcpOption::Timestamps(Timestamps { val: 3, ecr: 4 })),
        (&[11, 6, 0, 0, 0, 5], TcpOption::Cc(5)),
        (&[12, 6, 0, 0, 0, 6], TcpOption::CcNew(6)),
        (&[13, 6, 0, 0, 0, 7], TcpOption::CcEcho(7)),
        (&[19, 18, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9], TcpOption::Md5([9; 16])),
        (&[20, 4, 0xf0, 3], TcpOption::Scps { capabilities: 0xf0, id: 3 }),
        (&[28, 4, 0x80, 2], TcpOption::UserTimeout(UserTimeout(0x8002))),
        (&ao, TcpOption::TcpAo { key_id: 1, r_next_key_id: 2, mac: &[0xaa, 0xbb] }),
        (&[30, 3, 0x12], TcpOption::Mptcp(&[0x12])),
        (&[34, 2], TcpOption::FastOpen(&[])),
        (&[254, 4, 0xf9, 0x89], TcpOption::Experiment { kind: 254, magic: FAST_OPEN_MAGIC, data: &[] }),
        (&[253, 5, 0, 1, 2], TcpOption::Experiment { kind: 253, magic: 1, data: &[2] }),
        (&[172, 5, 0, 0, 1], TcpOption::AccEcn(AccEcn { ect1_first: false, counters: &[[0, 0, 1]] })),
        (&[174, 2], TcpOption::AccEcn(AccEcn { ect1_first: true, counters: &[] })),
        (&[100, 3, 7], TcpOption::Unknown { kind: 100, data: &[7] }),
    ];
    for (bytes, option) in list {
        assert_eq!(one(bytes), Ok(option));
        assert_eq!(option.kind(), bytes[0]);
    }
}

#[test]
fn sack_blocks_checked_and_unchecked() {
    let bytes = [5, 18, 0, 0, 0, 1, 0, 0, 0, 5, 0, 0, 0, 9, 0, 0, 0, 9];
    let Ok(TcpOption::Sack(list)) = one(&bytes) else { panic!() };
    assert_eq!(list.len(), 2);
    assert_eq!(list.edges().collect::<Vec<_>>(), [(SeqNum(1), SeqNum(5)), (SeqNum(9), SeqNum(9))]);
    assert_eq!(list.blocks().collect::<Vec<_>>(), [SackBlock::new(SeqNum(1), SeqNum(5)).unwrap()]);
}

#[test]
fn a_wrong_length_is_shown_and_stepped_over() {
    for wrong in [
        &[2, 5, 5, 0xb4, 0][..],
        &[3, 2],
        &[4, 3, 0],
        &[5, 9, 0, 0, 0, 0, 0, 0, 0],
        &[8, 2],
        &[19, 3, 1],
        &[20, 3, 1],
        &[28, 3, 1],
        &[29, 3, 1],
        &[30, 2],
        &[172, 4, 1, 1],
        &[253, 3, 1],
        &[6, 2],
        &[7, 2],
        &[11, 2],
        &[12, 2],
        &[13, 2],
    ] {
        let bytes = [wrong, &[1]].concat();
        let bad = BadOption { kind: wrong[0], reason: BadOptionReason::WrongLength, bytes: wrong };
        let all: Vec<_> = TcpOption::iter(&bytes).collect();
        assert_eq!(all, [Err(bad), Ok(TcpOption::Nop)]);
    }
}

#[test]
fn a_senseless_length_ends_the_list() {
    for bad in [&[2][..], &[2, 0, 1, 1], &[2, 1, 1], &[100, 5, 0, 0]] {
        let reason = BadOptionReason::Unreadable;
        assert_eq!(one(bad), Err(BadOption { kind: bad[0], reason, bytes: bad }));
    }
}

#[test]
fn user_timeouts_in_seconds_and_minutes() {
    for (seconds, raw, back) in
        [(0, 0, 0), (32_767, 32_767, 32_767), (32_768, 0x8000 | 547, 32_820), (u32::MAX, 0xffff, 32_767 * 60)]
    {
        assert_eq!(UserTimeout::from_seconds(seconds), UserTimeout(raw));
        assert_eq!(UserTimeout(raw).seconds(), back);
    }
}

proptest! {
    #[test]
    fn nothing_is_lost_and_nothing_panics(bytes in prop::collection::vec(prop_oneof![0..35u8, any::<u8>()], 0..=40)) {
        let mut options = TcpOption::iter(&bytes);
        let mut at = 0;
        while let Some(option) = options.next() {
            prop_assert_eq!(option.map_or_else(|bad| bad.kind, |good| good.kind()), bytes[at]);
            match option {
                Err(bad) => {
                    prop_assert_eq!(bad.bytes, &bytes[at..at + bad.bytes.len()]);
                    at += bad.bytes.len();
                }
                Ok(TcpOption::EndOfList) => at = bytes.len(),
                Ok(TcpOption::Nop) => at += 1,
                Ok(_) => at += usize::from(bytes[at + 1]),
            }
            prop_assert_eq!(options.rest(), &bytes[at..]);
        }
        prop_assert_eq!(at, bytes.len());
    }
}
