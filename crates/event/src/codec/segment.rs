//! A segment without its bytes, and its options: which are there in one number, then each in turn.

use super::bytes::{Input, put_bytes, put_number};
use crate::SegmentView;
use alloc::vec::Vec;
use limpid_wire::tcp::{AccEcnOption, AoOption, AuthOption, FastOpenCookie, SackBlock, Timestamps, UserTimeout};
use limpid_wire::{Ecn, SeqNum, TcpFlags, TcpOptions};

const MSS: u64 = 1;
const WINDOW_SCALE: u64 = 1 << 1;
const SACK_PERMITTED: u64 = 1 << 2;
const TIMESTAMPS: u64 = 1 << 3;
const USER_TIMEOUT: u64 = 1 << 4;
const FAST_OPEN: u64 = 1 << 5;
const ACC_ECN: u64 = 1 << 6;
const AUTH: u64 = 1 << 7;
/// Three bits: how many SACK blocks.
const SACK: u32 = 8;
/// All that are defined; with another bit set nobody knows what follows.
const DEFINED: u64 = (1 << 11) - 1;

pub(super) fn put_segment(out: &mut Vec<u8>, segment: &SegmentView) {
    let SegmentView { seq, ack, flags, window, urgent, options, ecn, len } = segment;
    out.extend(seq.0.to_be_bytes());
    out.extend(ack.0.to_be_bytes());
    for number in [u64::from(flags.bits()), (*window).into(), (*urgent).into(), ecn.bits().into(), (*len).into()] {
        put_number(out, number);
    }
    put_options(out, &options.all());
}

pub(super) fn segment(input: &mut Input<'_>) -> Option<SegmentView> {
    let (seq, ack) = (SeqNum(input.u32()?), SeqNum(input.u32()?));
    let flags = TcpFlags::from_bits(input.fits()?)?;
    let (window, urgent) = (input.fits()?, input.fits()?);
    let ecn: u8 = input.fits().filter(|bits| *bits < 4)?;
    let len = input.fits()?;
    Some(SegmentView {
        seq,
        ack,
        flags,
        window,
        urgent,
        options: options(input)?.into(),
        ecn: Ecn::from_bits(ecn),
        len,
    })
}

fn put_options(out: &mut Vec<u8>, options: &TcpOptions) {
    let TcpOptions { mss, window_scale, sack_permitted, timestamps, user_timeout, fast_open, acc_ecn, sack, auth } =
        options;
    let there = [
        (mss.is_some(), MSS),
        (window_scale.is_some(), WINDOW_SCALE),
        (*sack_permitted, SACK_PERMITTED),
        (timestamps.is_some(), TIMESTAMPS),
        (user_timeout.is_some(), USER_TIMEOUT),
        (fast_open.is_some(), FAST_OPEN),
        (acc_ecn.is_some(), ACC_ECN),
        (auth.is_some(), AUTH),
    ];
    let bits: u64 = there.into_iter().filter(|(there, _)| *there).map(|(_, bit)| bit).sum();
    put_number(out, bits | (sack.len() as u64) << SACK);
    mss.iter().for_each(|mss| out.extend(mss.to_be_bytes()));
    out.extend(window_scale);
    if let Some(Timestamps { val, ecr }) = timestamps {
        out.extend(val.to_be_bytes());
        out.extend(ecr.to_be_bytes());
    }
    if let Some(UserTimeout(value)) = user_timeout {
        out.extend(value.to_be_bytes());
    }
    if let Some(cookie) = fast_open {
        out.push(u8::from(cookie.experimental));
        put_bytes(out, cookie.as_slice());
    }
    acc_ecn.iter().for_each(|option| put_acc_ecn(out, option));
    for block in sack {
        out.extend(block.left().0.to_be_bytes());
        out.extend(block.right().0.to_be_bytes());
    }
    auth.iter().for_each(|option| put_auth(out, option));
}

fn options(input: &mut Input<'_>) -> Option<TcpOptions> {
    let there = input.number().filter(|bits| bits & !DEFINED == 0)?;
    let has = |bit: u64| there & bit != 0;
    let mut options = TcpOptions { sack_permitted: has(SACK_PERMITTED), ..TcpOptions::default() };
    if has(MSS) {
        options.mss = Some(input.u16()?);
    }
    if has(WINDOW_SCALE) {
        options.window_scale = Some(input.byte()?);
    }
    if has(TIMESTAMPS) {
        options.timestamps = Some(Timestamps { val: input.u32()?, ecr: input.u32()? });
    }
    if has(USER_TIMEOUT) {
        options.user_timeout = Some(UserTimeout(input.u16()?));
    }
    if has(FAST_OPEN) {
        let experimental = input.flag()?;
        options.fast_open = Some(FastOpenCookie::new(input.bytes()?)?.in_form(experimental));
    }
    if has(ACC_ECN) {
        options.acc_ecn = Some(acc_ecn(input)?);
    }
    for _ in 0..there >> SACK {
        let block = SackBlock::new(SeqNum(input.u32()?), SeqNum(input.u32()?))?;
        options.sack.try_push(block).ok()?;
    }
    if has(AUTH) {
        options.auth = Some(auth(input)?);
    }
    Some(options)
}

fn put_acc_ecn(out: &mut Vec<u8>, option: &AccEcnOption) {
    let mut counters = [0; 3];
    for (counter, (_, value)) in counters.iter_mut().zip(option.counters()) {
        *counter = value;
    }
    let counters = &counters[..option.len()];
    out.extend([u8::from(*option == AccEcnOption::order_1(counters)), counters.len() as u8]);
    counters.iter().for_each(|counter| put_number(out, u64::from(*counter)));
}

fn acc_ecn(input: &mut Input<'_>) -> Option<AccEcnOption> {
    let ect1_first = input.flag()?;
    let len = usize::from(input.byte()?);
    let mut counters = [0; 3];
    for counter in counters.get_mut(..len)? {
        *counter = input.fits()?;
    }
    let order = if ect1_first { AccEcnOption::order_1 } else { AccEcnOption::order_0 };
    Some(order(&counters[..len]))
}

fn put_auth(out: &mut Vec<u8>, option: &AuthOption) {
    match option {
        AuthOption::Md5(digest) => {
            out.push(0);
            out.extend(digest);
        }
        AuthOption::Ao(AoOption { key_id, r_next_key_id, mac_len, mac }) => {
            out.extend([1, *key_id, *r_next_key_id, *mac_len]);
            out.extend(mac);
        }
        AuthOption::Several => out.push(2),
    }
}

fn auth(input: &mut Input<'_>) -> Option<AuthOption> {
    Some(match input.byte()? {
        0 => AuthOption::Md5(input.array()?),
        1 => {
            let [key_id, r_next_key_id, mac_len] = input.array()?;
            AuthOption::Ao(AoOption { key_id, r_next_key_id, mac_len, mac: input.array()? })
        }
        2 => AuthOption::Several,
        _ => return None,
    })
}
