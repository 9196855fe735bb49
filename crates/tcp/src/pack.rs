//! Values as few bytes, and back: what a connection [at rest](crate::Resting) is kept as. The bytes never leave the host, and are only
//! read by what wrote them.
//!
//! Numbers take as many bytes as they need; times and sequence numbers are told from those before, of which they mostly are one, or
//! near the last one; and of eight bytes those that are zero cost a bit each.

#[cfg(test)]
mod tests;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;
use limpid_event::Instant;
use limpid_wire::SeqNum;

/// What can be packed.
pub(crate) trait Pack: Sized {
    /// Adds it.
    fn pack(&self, to: &mut Packer);
    /// Takes it out again.
    fn unpack(from: &mut Unpacker<'_>) -> Self;
}

/// Writes values one after the other.
#[derive(Default)]
pub(crate) struct Packer {
    bytes: Vec<u8>,
    times: Recent,
    seqs: Recent,
}

/// Reads them in the same order.
pub(crate) struct Unpacker<'a> {
    /// What is not looked at yet.
    packed: &'a [u8],
    /// Which of the next bytes of a word are not zero, the lowest bit first,
    tag: u8,
    /// how many bytes of it are left,
    left: u8,
    /// and how many words of zeros follow.
    zeros: u8,
    times: Recent,
    seqs: Recent,
}

/// The last few values of a kind, the newest first.
#[derive(Clone, Copy, Default)]
struct Recent([u64; RECENT]);

const RECENT: usize = 6;

impl Recent {
    fn position(&self, value: u64) -> Option<usize> {
        self.0.iter().position(|recent| *recent == value)
    }

    /// The value in a place becomes the newest.
    fn again(&mut self, place: usize) -> u64 {
        let until = place.min(RECENT - 1);
        self.0[..=until].rotate_right(1);
        self.0[0]
    }

    fn add(&mut self, value: u64) {
        self.0.rotate_right(1);
        self.0[0] = value;
    }
}

/// Bytes that share a tag.
const WORD: usize = 8;

impl Packer {
    /// All that was packed: of each word a tag, whose bits say which bytes are not zero, and those bytes; words of zeros are
    /// counted (as Cap'n Proto's packing has it).
    pub(crate) fn finish(self) -> Box<[u8]> {
        let mut packed = Vec::with_capacity(self.bytes.len());
        let mut words = self.bytes.chunks(WORD).peekable();
        while let Some(word) = words.next() {
            let tag = word.iter().enumerate().fold(0, |tag, (n, byte)| tag | u8::from(*byte != 0) << n);
            packed.push(tag);
            packed.extend(word.iter().filter(|byte| **byte != 0));
            if tag == 0 {
                let mut more = 0u8;
                while more < u8::MAX && words.next_if(|word| word.iter().all(|byte| *byte == 0)).is_some() {
                    more += 1;
                }
                packed.push(more);
            }
        }
        packed.into_boxed_slice()
    }

    fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    /// Seven bits a byte, the lowest first.
    fn number(&mut self, mut number: u64) {
        while number >= 1 << 7 {
            self.byte(number as u8 | 1 << 7);
            number >>= 7;
        }
        self.byte(number as u8);
    }

    /// Small ones of either sign are short.
    fn signed(&mut self, number: i64) {
        self.number((number << 1 ^ number >> 63) as u64);
    }
}

impl<'a> Unpacker<'a> {
    pub(crate) fn new(packed: &'a [u8]) -> Unpacker<'a> {
        Unpacker { packed, tag: 0, left: 0, zeros: 0, times: Recent::default(), seqs: Recent::default() }
    }

    fn byte(&mut self) -> u8 {
        if self.left == 0 {
            self.next_word();
        }
        self.left -= 1;
        let is_there = self.tag & 1 != 0;
        self.tag >>= 1;
        if is_there { self.take() } else { 0 }
    }

    fn next_word(&mut self) {
        self.left = WORD as u8;
        if self.zeros > 0 {
            self.zeros -= 1;
            return;
        }
        self.tag = self.take();
        if self.tag == 0 {
            self.zeros = self.take();
        }
    }

    fn take(&mut self) -> u8 {
        let Some((&first, rest)) = self.packed.split_first() else { return 0 };
        self.packed = rest;
        first
    }

    fn number(&mut self) -> u64 {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte();
            number |= u64::from(byte & !(1 << 7)) << shift;
            if byte < 1 << 7 {
                break;
            }
        }
        number
    }

    fn signed(&mut self) -> i64 {
        let number = self.number();
        (number >> 1) as i64 ^ -((number & 1) as i64)
    }
}

macro_rules! numbers {
    ($($number:ty as $signed:ty),*) => {
        $(impl Pack for $number {
            /// The largest of all are as short as small ones: they often mean "none".
            fn pack(&self, to: &mut Packer) {
                to.signed(i64::from(*self as $signed));
            }

            fn unpack(from: &mut Unpacker<'_>) -> $number {
                from.signed() as $number
            }
        })*
    };
}

numbers!(u8 as i8, u16 as i16, u32 as i32, u64 as i64);

impl Pack for usize {
    fn pack(&self, to: &mut Packer) {
        (*self as u64).pack(to);
    }

    fn unpack(from: &mut Unpacker<'_>) -> usize {
        u64::unpack(from) as usize
    }
}

impl Pack for bool {
    fn pack(&self, to: &mut Packer) {
        to.byte(u8::from(*self));
    }

    fn unpack(from: &mut Unpacker<'_>) -> bool {
        from.byte() != 0
    }
}

/// The codes of sequence numbers and times: after those the recent ones, last one that is told by how far it is from the newest.
const NONE: u8 = 0;
const NEVER: u8 = 1;
const FIRST_RECENT: u8 = 2;
const OTHER: u8 = FIRST_RECENT + RECENT as u8;

impl Pack for SeqNum {
    fn pack(&self, to: &mut Packer) {
        match to.seqs.position(self.0.into()) {
            _ if self.0 == 0 => to.byte(NONE),
            Some(place) => {
                to.byte(FIRST_RECENT + place as u8);
                to.seqs.again(place);
            }
            None => {
                to.byte(OTHER);
                self.0.wrapping_sub(to.seqs.0[0] as u32).pack(to);
                to.seqs.add(self.0.into());
            }
        }
    }

    fn unpack(from: &mut Unpacker<'_>) -> SeqNum {
        match from.byte() {
            NONE => SeqNum(0),
            OTHER => {
                let seq = (from.seqs.0[0] as u32).wrapping_add(u32::unpack(from));
                from.seqs.add(seq.into());
                SeqNum(seq)
            }
            place => SeqNum(from.seqs.again(place.wrapping_sub(FIRST_RECENT).into()) as u32),
        }
    }
}

impl Pack for Instant {
    fn pack(&self, to: &mut Packer) {
        let nanos = self.as_nanos();
        match to.times.position(nanos) {
            _ if *self == Instant::ZERO => to.byte(NONE),
            _ if *self == Instant::MAX => to.byte(NEVER),
            Some(place) => {
                to.byte(FIRST_RECENT + place as u8);
                to.times.again(place);
            }
            None => {
                to.byte(OTHER);
                nanos.wrapping_sub(to.times.0[0]).pack(to);
                to.times.add(nanos);
            }
        }
    }

    fn unpack(from: &mut Unpacker<'_>) -> Instant {
        match from.byte() {
            NONE => Instant::ZERO,
            NEVER => Instant::MAX,
            OTHER => {
                let nanos = from.times.0[0].wrapping_add(u64::unpack(from));
                from.times.add(nanos);
                Instant::from_nanos(nanos)
            }
            place => Instant::from_nanos(from.times.again(place.wrapping_sub(FIRST_RECENT).into())),
        }
    }
}

impl Pack for Duration {
    fn pack(&self, to: &mut Packer) {
        self.as_secs().pack(to);
        self.subsec_nanos().pack(to);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Duration {
        let seconds = u64::unpack(from);
        Duration::new(seconds, u32::unpack(from))
    }
}

impl<T: Pack> Pack for Option<T> {
    fn pack(&self, to: &mut Packer) {
        self.is_some().pack(to);
        if let Some(value) = self {
            value.pack(to);
        }
    }

    fn unpack(from: &mut Unpacker<'_>) -> Option<T> {
        bool::unpack(from).then(|| T::unpack(from))
    }
}

impl<A: Pack, B: Pack> Pack for (A, B) {
    fn pack(&self, to: &mut Packer) {
        self.0.pack(to);
        self.1.pack(to);
    }

    fn unpack(from: &mut Unpacker<'_>) -> (A, B) {
        let first = A::unpack(from);
        (first, B::unpack(from))
    }
}

/// A struct is packed field by field, a simple enum by its place in the list, a set of flags by its bits. Who adds a field to a struct
/// is told by the compiler to add it here.
macro_rules! packed {
    (struct $name:ident { $($field:ident),* $(,)? }) => {
        impl $crate::pack::Pack for $name {
            fn pack(&self, to: &mut $crate::pack::Packer) {
                let $name { $($field),* } = self;
                $($crate::pack::Pack::pack($field, to);)*
            }

            fn unpack(from: &mut $crate::pack::Unpacker<'_>) -> $name {
                $(let $field = $crate::pack::Pack::unpack(from);)*
                $name { $($field),* }
            }
        }
    };
    (struct $name:ident(_)) => {
        impl $crate::pack::Pack for $name {
            fn pack(&self, to: &mut $crate::pack::Packer) {
                let $name(inner) = self;
                $crate::pack::Pack::pack(inner, to);
            }

            fn unpack(from: &mut $crate::pack::Unpacker<'_>) -> $name {
                $name($crate::pack::Pack::unpack(from))
            }
        }
    };
    (enum $name:ident { $($variant:ident),+ $(,)? }) => {
        impl $crate::pack::Pack for $name {
            fn pack(&self, to: &mut $crate::pack::Packer) {
                // All there are.
                let place = match *self { $($name::$variant => $name::$variant as u8),+ };
                $crate::pack::Pack::pack(&place, to);
            }

            fn unpack(from: &mut $crate::pack::Unpacker<'_>) -> $name {
                let place = <u8 as $crate::pack::Pack>::unpack(from);
                let all = [$($name::$variant),+];
                all.into_iter().find(|variant| *variant as u8 == place).unwrap_or(all[0])
            }
        }
    };
    (flags $name:ident) => {
        impl $crate::pack::Pack for $name {
            fn pack(&self, to: &mut $crate::pack::Packer) {
                $crate::pack::Pack::pack(&self.bits(), to);
            }

            fn unpack(from: &mut $crate::pack::Unpacker<'_>) -> $name {
                $name::from_bits_retain($crate::pack::Pack::unpack(from))
            }
        }
    };
}

pub(crate) use packed;
