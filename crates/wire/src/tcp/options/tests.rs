use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::SeqNum;

fn emitted(options: &TcpOptions) -> Vec<u8> {
    let mut out = [0xee; MAX_OPTIONS_LEN];
    let len = options.emit(&mut out);
    assert_eq!(len, options.encoded_len());
    assert!(len.is_multiple_of(4));
    out[..len].to_vec()
}

fn block(left: u32, right: u32) -> SackBlock {
    SackBlock::new(SeqNum(left), SeqNum(right)).unwrap()
}

fn linux_syn() -> TcpOptions {
    TcpOptions {
        mss: Some(1460),
        window_scale: Some(7),
        sack_permitted: true,
        timestamps: Some(Timestamps { val: 0x44d5_9679, ecr: 0 }),
        ..TcpOptions::default()
    }
}

#[test]
fn a_syn_is_written_as_linux_writes_it() {
    let bytes = [2, 4, 5, 0xb4, 4, 2, 8, 10, 0x44, 0xd5, 0x96, 0x79, 0, 0, 0, 0, 1, 3, 3, 7];
    assert_eq!(emitted(&linux_syn()), bytes);
    assert_eq!(TcpOptions::parse(&bytes), linux_syn());
}

#[test]
fn a_syn_without_timestamps_or_without_sack() {
    let options = TcpOptions { timestamps: None, ..linux_syn() };
    assert_eq!(emitted(&options), [2, 4, 5, 0xb4, 1, 1, 4, 2, 1, 3, 3, 7]);
    let options = TcpOptions { sack_permitted: false, mss: None, window_scale: None, ..linux_syn() };
    assert_eq!(emitted(&options), [1, 1, 8, 10, 0x44, 0xd5, 0x96, 0x79, 0, 0, 0, 0]);
}

#[test]
fn sack_blocks_go_as_far_as_they_fit() {
    let sack: ArrayVec<_, 4> = (0..4).map(|n| block(n * 10, n * 10 + 5)).collect();
    let mut options = TcpOptions { sack, ..TcpOptions::default() };
    assert_eq!(emitted(&options).len(), 36);
    assert_eq!(emitted(&options)[..8], [1, 1, 5, 34, 0, 0, 0, 0]);
    options.timestamps = Some(Timestamps { val: 1, ecr: 2 });
    assert_eq!(options.encoded_sack_blocks(), 3);
    let parsed = TcpOptions::parse(&emitted(&options));
    assert_eq!(parsed.sack[..], options.sack[..3]);
}

#[test]
fn fast_open_in_both_forms() {
    let cookie = FastOpenCookie::new(&[1, 2, 3, 4, 5, 6, 7, 8]).unwrap();
    let native = TcpOptions { fast_open: Some(cookie), ..TcpOptions::default() };
    assert_eq!(emitted(&native), [34, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1]);
    let old = TcpOptions { fast_open: Some(FastOpenCookie { experimental: true, ..cookie }), ..TcpOptions::default() };
    assert_eq!(emitted(&old), [254, 12, 0xf9, 0x89, 1, 2, 3, 4, 5, 6, 7, 8]);
    for options in [native, old] {
        assert_eq!(TcpOptions::parse(&emitted(&options)), options);
    }
    for len in [1, 2, 3, 5, 7, 9, 15, 17, 18] {
        assert_eq!(FastOpenCookie::new(&alloc::vec![0; len]), None, "{len}");
    }
}

#[test]
fn the_user_timeout_gives_way_to_a_long_cookie() {
    let cookie = FastOpenCookie { experimental: true, ..FastOpenCookie::new(&[9; 16]).unwrap() };
    let user_timeout = Some(UserTimeout::from_seconds(30));
    let options = TcpOptions { fast_open: Some(cookie), user_timeout, ..linux_syn() };
    assert_eq!(options.encoded_len(), 40);
    assert_eq!(TcpOptions::parse(&emitted(&options)), TcpOptions { user_timeout: None, ..options });
    let options = TcpOptions { user_timeout, ..linux_syn() };
    assert_eq!(TcpOptions::parse(&emitted(&options)), options);
}

/// The layout of Linux: whole words behind the timestamps, the rest where padding would be.
#[test]
fn accurate_ecn_takes_the_place_of_padding() {
    let with = |options: &TcpOptions, counters: &[u32]| {
        emitted(&TcpOptions { acc_ecn: Some(AccEcnOption::order_1(counters)), ..options.clone() })
    };
    let none = TcpOptions::default();
    assert_eq!(with(&none, &[1, 2, 3]), [174, 11, 0, 0, 1, 0, 0, 2, 0, 0, 3, 1]);
    assert_eq!(with(&none, &[1, 2]), [174, 8, 0, 0, 1, 0, 0, 2]);
    assert_eq!(with(&none, &[0x10203]), [174, 5, 1, 2, 3, 1, 1, 1]);
    assert_eq!(with(&none, &[]), [174, 2, 1, 1]);
    let sack = TcpOptions { sack: [block(1, 2)].into_iter().collect(), ..none.clone() };
    assert_eq!(with(&sack, &[0x10203])[..8], [174, 5, 1, 2, 3, 1, 5, 10]);
    assert_eq!(with(&sack, &[])[..4], [174, 2, 5, 10]);
    let scale = TcpOptions { window_scale: Some(7), ..none.clone() };
    assert_eq!(with(&scale, &[0x10203]), [174, 5, 1, 2, 3, 3, 3, 7]);
    assert_eq!(with(&scale, &[]), [1, 3, 3, 7, 174, 2, 1, 1]);
    let permitted = TcpOptions { sack_permitted: true, ..scale };
    assert_eq!(with(&permitted, &[]), [174, 2, 4, 2, 1, 3, 3, 7]);
    assert_eq!(with(&linux_syn(), &[1, 0, 1])[16..], [174, 11, 0, 0, 1, 0, 0, 0, 0, 0, 1, 1, 1, 3, 3, 7]);
}

#[test]
fn accurate_ecn_as_far_as_it_fits() {
    let option = AccEcnOption::order_1(&[1, 2, 3]);
    let fit = |blocks: u32, required: usize| {
        let sack = (0..blocks).map(|n| block(n * 10, n * 10 + 5)).collect();
        let mut options = TcpOptions { sack, timestamps: Some(Timestamps { val: 1, ecr: 2 }), ..TcpOptions::default() };
        let fits = options.fit_acc_ecn(option, required);
        assert_eq!(fits, options.acc_ecn.is_some());
        assert_eq!(TcpOptions::parse(&emitted(&options)), options);
        (options.acc_ecn.map(|option| option.len()), options.sack.len())
    };
    assert_eq!(fit(0, 0), (Some(3), 0));
    assert_eq!(fit(1, 3), (Some(3), 1));
    assert_eq!(fit(2, 0), (Some(2), 2));
    // Blocks make room where counters are needed, but for two of them.
    assert_eq!(fit(3, 0), (Some(0), 3));
    assert_eq!(fit(3, 1), (Some(2), 2));
    assert_eq!(fit(3, 3), (None, 3));
}

#[test]
fn an_odd_length_of_accurate_ecn_is_read_as_far_as_counters_are_whole() {
    let read = |bytes: &[u8]| TcpOptions::parse(bytes).acc_ecn;
    assert_eq!(read(&[172, 2]), Some(AccEcnOption::order_0(&[])));
    assert_eq!(read(&[172, 7, 0, 0, 9, 1, 1]), Some(AccEcnOption::order_0(&[9])));
    assert_eq!(read(&[174, 14, 0, 0, 1, 0, 0, 2, 0, 0, 3, 0, 0, 4]), Some(AccEcnOption::order_1(&[1, 2, 3])));
    assert_eq!(read(&[174, 14, 0, 0, 1]), None);
    let counters: Vec<_> = read(&[172, 8, 0, 0, 1, 0, 1, 0]).unwrap().counters().collect();
    assert_eq!(counters, [(crate::Ecn::Ect0, 1), (crate::Ecn::Ce, 256)]);
}

#[test]
fn the_last_of_several_wins_and_forbidden_values_do_not_count() {
    let parsed = TcpOptions::parse(&[2, 4, 0, 100, 2, 4, 0, 200, 2, 4, 0, 0, 3, 3, 15]);
    assert_eq!(parsed, TcpOptions { mss: Some(200), window_scale: Some(14), ..TcpOptions::default() });
}

#[test]
fn a_wrong_length_is_skipped_and_a_senseless_one_ends_the_list() {
    assert_eq!(TcpOptions::parse(&[2, 5, 1, 1, 1, 3, 3, 4]).window_scale, Some(4));
    for bad in [&[2, 0, 3, 3, 4][..], &[2, 1, 3, 3, 4], &[100, 40, 3, 3, 4], &[0, 3, 3, 4]] {
        assert_eq!(TcpOptions::parse(bad), TcpOptions::default(), "{bad:?}");
    }
    assert_eq!(TcpOptions::parse(&[3, 3, 4, 2, 4, 5]).window_scale, Some(4));
}

#[test]
fn empty_and_backward_sack_blocks_are_left_out() {
    let parsed =
        TcpOptions::parse(&[5, 26, 0, 0, 0, 5, 0, 0, 0, 5, 0, 0, 0, 9, 0, 0, 0, 8, 255, 255, 255, 255, 0, 0, 0, 3]);
    assert_eq!(parsed.sack[..], [block(u32::MAX, 3)]);
}

#[test]
fn small() {
    assert!(size_of::<TcpOptions>() <= 112, "{}", size_of::<TcpOptions>());
}

prop_compose! {
    fn any_options()(
        mss in prop::option::of(1..=u16::MAX),
        window_scale in prop::option::of(0..=MAX_WINDOW_SHIFT),
        sack_permitted: bool,
        timestamps in prop::option::of(any::<(u32, u32)>()),
        user_timeout in prop::option::of(any::<u16>()),
        cookie in prop::option::of((2..=8usize, any::<[u8; 16]>(), any::<bool>())),
        acc_ecn in prop::option::of((any::<bool>(), prop::collection::vec(0..1u32 << 24, 0..=3))),
        sack in prop::collection::vec((any::<u32>(), 1..1u32 << 30), 0..=4),
    ) -> TcpOptions {
        TcpOptions {
            mss,
            window_scale,
            sack_permitted,
            timestamps: timestamps.map(|(val, ecr)| Timestamps { val, ecr }),
            user_timeout: user_timeout.map(UserTimeout),
            fast_open: cookie.map(|(half, bytes, experimental)| {
                FastOpenCookie { experimental, ..FastOpenCookie::new(&bytes[..2 * half]).unwrap() }
            }),
            acc_ecn: acc_ecn.map(|(first, n)| if first { AccEcnOption::order_1(&n) } else { AccEcnOption::order_0(&n) }),
            sack: sack.into_iter().map(|(left, len)| block(left, left.wrapping_add(len))).collect(),
            auth: None,
        }
    }
}

#[test]
fn signatures_stand_first_as_on_linux() {
    let timestamps = Some(Timestamps { val: 1, ecr: 2 });
    let md5 = TcpOptions { auth: Some(AuthOption::Md5([7; 16])), timestamps, ..TcpOptions::default() };
    let bytes = emitted(&md5);
    assert_eq!(bytes[..6], [1, 1, 19, 18, 7, 7]);
    assert_eq!(TcpOptions::parse(&bytes), md5);
    let ao =
        TcpOptions { auth: Some(AuthOption::Ao(AoOption::new(5, 6, &[9; 13]))), timestamps, ..TcpOptions::default() };
    let bytes = emitted(&ao);
    assert_eq!((&bytes[..5], &bytes[16..20]), (&[29, 17, 5, 6, 9][..], &[9, 1, 1, 1][..]));
    assert_eq!(TcpOptions::parse(&bytes), ao);
    let alone = |auth: &TcpOptions| emitted(&TcpOptions { timestamps: None, ..auth.clone() });
    let both = [alone(&md5), alone(&ao)].concat();
    assert_eq!((both.len(), TcpOptions::parse(&both).auth), (40, Some(AuthOption::Several)));
}

proptest! {
    #[test]
    fn what_was_written_is_read(options in any_options()) {
        let parsed = TcpOptions::parse(&emitted(&options));
        let mut expected = options.clone();
        expected.sack.truncate(options.encoded_sack_blocks());
        if parsed.user_timeout.is_none() {
            expected.user_timeout = None;
        }
        if parsed.acc_ecn.is_none() {
            expected.acc_ecn = None;
        }
        prop_assert_eq!(parsed, expected);
    }

    #[test]
    fn hostile_bytes_are_read_to_something_that_can_be_written(bytes in prop::collection::vec(any::<u8>(), 0..=40)) {
        let parsed = TcpOptions::parse(&bytes);
        prop_assert!(parsed.encoded_len() <= MAX_OPTIONS_LEN);
        emitted(&parsed);
    }

    #[test]
    fn hostile_bytes_behind_a_likely_kind(
        parts in prop::collection::vec((prop::sample::select(&[0u8, 1, 2, 3, 4, 5, 8, 28, 34, 172, 254][..]), 0..12u8, any::<[u8; 8]>()), 0..6)
    ) {
        let bytes: Vec<u8> = parts.iter().flat_map(|(kind, len, data)| [&[*kind, *len][..], data].concat()).take(40).collect();
        emitted(&TcpOptions::parse(&bytes));
    }
}
