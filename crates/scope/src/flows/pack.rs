//! Values as few bytes, and back: what a connection that [ended and waits](super::rest) is kept as. The bytes are only read by
//! what wrote them.
//!
//! A value becomes words of eight bytes, and these in a second step their low bytes, behind four bits for each that say how
//! many: most are zero, or small. So what is done for each field is a store, and little code: it runs once in a connection,
//! when none of it is in the cache.

use limpid_wire::SeqNum;
use std::collections::VecDeque;
use std::time::Duration;

#[cfg(test)]
mod tests;

/// Bytes of a word.
const WORD: usize = size_of::<u64>();
/// Bytes that say how many words a part has.
const COUNT: usize = size_of::<u16>();
/// The most words, a power of two.
const MAX_WORDS: usize = 1 << 12;

/// What can be packed.
pub(crate) trait Pack: Sized {
    /// Adds it.
    fn pack(&self, to: &mut Packer);
    /// Takes it out again.
    fn unpack(from: &mut Unpacker) -> Self;
}

/// Takes values in their order. It is used again and again, so that its memory stays.
#[derive(Debug)]
pub(crate) struct Packer {
    words: Box<[u64; MAX_WORDS]>,
    len: usize,
    /// What times are told from.
    since: u64,
    /// What is packed, and behind it what was there before.
    bytes: Vec<u8>,
    filled: usize,
}

impl Default for Packer {
    fn default() -> Packer {
        Packer { words: Box::new([0; MAX_WORDS]), len: 0, since: 0, bytes: Vec::new(), filled: 0 }
    }
}

impl Packer {
    /// Begins anew, behind a header. Times near `since` take little room.
    pub(crate) fn begin(&mut self, header: &[u8], since: i64) {
        self.filled = 0;
        self.room(header.len()).copy_from_slice(header);
        self.filled = header.len();
        (self.len, self.since) = (0, since as u64);
        self.word(self.since);
    }

    #[inline]
    pub(crate) fn word(&mut self, word: u64) {
        self.words[self.len % MAX_WORDS] = word;
        self.len += 1;
    }

    /// Nanoseconds since 1970.
    #[inline]
    pub(crate) fn time(&mut self, time: i64) {
        self.word(time as u64 ^ self.since);
    }

    /// The end of a part that can be read without the next one. `None` if there is too much.
    pub(crate) fn end_part(&mut self) -> Option<()> {
        let count = std::mem::take(&mut self.len);
        // The zero below needs a place, too.
        if count >= MAX_WORDS {
            return None;
        }
        // An odd one has a zero beside it; what is not needed of the last word is written over.
        self.words[count] = 0;
        let tags = count.div_ceil(2);
        self.room(COUNT + tags + (2 * tags + 1) * WORD);
        let room = &mut self.bytes[self.filled..];
        room[..COUNT].copy_from_slice(&(count as u16).to_le_bytes());
        let (tags, data) = room[COUNT..].split_at_mut(tags);
        let mut at = 0;
        for (pair, tag) in self.words.chunks_exact(2).zip(&mut *tags) {
            let [low, high] = [pair[0], pair[1]].map(|word| (u64::BITS - word.leading_zeros()).div_ceil(8) as usize);
            *tag = (low | high << 4) as u8;
            let room = data.get_mut(at..at + 2 * WORD)?;
            room[..WORD].copy_from_slice(&pair[0].to_le_bytes());
            room[low..low + WORD].copy_from_slice(&pair[1].to_le_bytes());
            at += low + high;
        }
        self.filled += COUNT + tags.len() + at;
        Some(())
    }

    /// So many bytes behind what is packed.
    fn room(&mut self, len: usize) -> &mut [u8] {
        let end = self.filled + len;
        if self.bytes.len() < end {
            self.bytes.resize(end.next_power_of_two(), 0);
        }
        &mut self.bytes[self.filled..end]
    }

    /// All parts, behind the header.
    pub(crate) fn finish(&mut self) -> Box<[u8]> {
        Box::from(&self.bytes[..self.filled])
    }

    /// What the scratch memory takes.
    pub(crate) fn size(&self) -> usize {
        MAX_WORDS * WORD + self.bytes.capacity()
    }
}

/// Gives values back in their order. It is used again and again, so that its memory stays.
#[derive(Debug)]
pub(crate) struct Unpacker {
    words: Box<[u64; MAX_WORDS]>,
    next: usize,
    since: u64,
}

impl Default for Unpacker {
    fn default() -> Unpacker {
        Unpacker { words: Box::new([0; MAX_WORDS]), next: 0, since: 0 }
    }
}

impl Unpacker {
    /// Begins with what [`Packer::finish`] made, without the header; answers what is behind the first part.
    pub(crate) fn begin<'a>(&mut self, packed: &'a [u8]) -> &'a [u8] {
        let rest = self.next_part(packed);
        self.since = self.word();
        rest
    }

    /// Goes on with the next part.
    pub(crate) fn next_part<'a>(&mut self, packed: &'a [u8]) -> &'a [u8] {
        self.next = 0;
        let Some((count, rest)) = packed.split_first_chunk() else { return packed };
        let count = usize::from(u16::from_le_bytes(*count)).min(MAX_WORDS);
        let Some((tags, mut data)) = rest.split_at_checked(count.div_ceil(2)) else { return packed };
        for (pair, tag) in self.words.chunks_exact_mut(2).zip(tags) {
            let (low, high) = (usize::from(tag & 0xf), usize::from(tag >> 4));
            pair[0] = read(data, low);
            data = data.get(low..).unwrap_or_default();
            pair[1] = read(data, high);
            data = data.get(high..).unwrap_or_default();
        }
        data
    }

    #[inline]
    pub(crate) fn word(&mut self) -> u64 {
        let word = self.words[self.next % MAX_WORDS];
        self.next += 1;
        word
    }

    #[inline]
    pub(crate) fn time(&mut self) -> i64 {
        (self.word() ^ self.since) as i64
    }

    /// What the scratch memory takes.
    pub(crate) fn size(&self) -> usize {
        MAX_WORDS * WORD
    }
}

/// A word of `len` bytes.
#[inline]
fn read(bytes: &[u8], len: usize) -> u64 {
    match bytes.first_chunk::<WORD>() {
        Some(word) => u64::from_le_bytes(*word) & MASKS[len & 0xf],
        None => bytes.iter().take(len).rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    }
}

/// The low bytes of a word, by how many.
const MASKS: [u64; 16] = {
    let mut masks = [u64::MAX; 16];
    let mut len = 0;
    while len < WORD {
        masks[len] = (1 << (8 * len)) - 1;
        len += 1;
    }
    masks
};

macro_rules! numbers {
    ($($number:ty)*) => { $(
        impl Pack for $number {
            #[inline]
            fn pack(&self, to: &mut Packer) {
                to.word(*self as u64);
            }
            #[inline]
            fn unpack(from: &mut Unpacker) -> $number {
                from.word() as $number
            }
        }
    )* };
}

numbers!(u8 u16 u32 u64 i64 usize);

impl Pack for bool {
    #[inline]
    fn pack(&self, to: &mut Packer) {
        to.word(u64::from(*self));
    }
    #[inline]
    fn unpack(from: &mut Unpacker) -> bool {
        from.word() != 0
    }
}

impl Pack for SeqNum {
    #[inline]
    fn pack(&self, to: &mut Packer) {
        to.word(self.0.into());
    }
    #[inline]
    fn unpack(from: &mut Unpacker) -> SeqNum {
        SeqNum(u32::unpack(from))
    }
}

impl Pack for Duration {
    #[inline]
    fn pack(&self, to: &mut Packer) {
        // In one word, if it is no longer than five centuries.
        to.word(u64::try_from(self.as_nanos()).unwrap_or(u64::MAX));
    }
    #[inline]
    fn unpack(from: &mut Unpacker) -> Duration {
        Duration::from_nanos(from.word())
    }
}

impl<T: Pack> Pack for Option<T> {
    #[inline]
    fn pack(&self, to: &mut Packer) {
        to.word(u64::from(self.is_some()));
        if let Some(value) = self {
            value.pack(to);
        }
    }
    #[inline]
    fn unpack(from: &mut Unpacker) -> Option<T> {
        (from.word() != 0).then(|| T::unpack(from))
    }
}

impl<A: Pack, B: Pack> Pack for (A, B) {
    #[inline]
    fn pack(&self, to: &mut Packer) {
        self.0.pack(to);
        self.1.pack(to);
    }
    #[inline]
    fn unpack(from: &mut Unpacker) -> (A, B) {
        (A::unpack(from), B::unpack(from))
    }
}

impl<T: Pack, const N: usize> Pack for [T; N] {
    #[inline]
    fn pack(&self, to: &mut Packer) {
        self.iter().for_each(|value| value.pack(to));
    }
    #[inline]
    fn unpack(from: &mut Unpacker) -> [T; N] {
        std::array::from_fn(|_| T::unpack(from))
    }
}

/// True if nothing was ever noted there.
#[inline]
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A list, and what is unpacked in the memory that it has.
pub(crate) trait PackList {
    /// Adds all of it.
    fn pack_list(&self, to: &mut Packer);
    /// Becomes what was packed.
    fn unpack_list(&mut self, from: &mut Unpacker);
}

macro_rules! lists {
    ($($list:ident $push:ident)*) => { $(
        impl<T: Pack> PackList for $list<T> {
            fn pack_list(&self, to: &mut Packer) {
                to.word(self.len() as u64);
                self.iter().for_each(|value| value.pack(to));
            }
            fn unpack_list(&mut self, from: &mut Unpacker) {
                self.clear();
                for _ in 0..from.word() {
                    self.$push(T::unpack(from));
                }
            }
        }
    )* };
}

lists!(Vec push VecDeque push_back);

/// How a structure is packed: of each kind its fields. None can be forgotten.
///
/// `value` stands for what has its own way, `time` for nanoseconds since 1970, `list` for lists. Of `rare` ones all are nearly always
/// zero: then they take one word together.
macro_rules! pack_fields {
    ($type:ty { $(value: $($value:ident)*;)? $(time: $($time:ident)*;)? $(rare: $($rare:ident)*;)? }) => {
        impl $crate::flows::pack::Pack for $type {
            fn pack(&self, to: &mut $crate::flows::pack::Packer) {
                let Self { $($($value,)*)? $($($time,)*)? $($($rare,)*)? } = self;
                $($($crate::flows::pack::Pack::pack($value, to);)*)?
                $($(to.time(*$time);)*)?
                $(
                    let is_zero = true $(&& $crate::flows::pack::is_default($rare))*;
                    to.word(u64::from(!is_zero));
                    if !is_zero {
                        $($crate::flows::pack::Pack::pack($rare, to);)*
                    }
                )?
            }
            fn unpack(from: &mut $crate::flows::pack::Unpacker) -> Self {
                $($(let $value = $crate::flows::pack::Pack::unpack(from);)*)?
                $($(let $time = from.time();)*)?
                $(
                    $(let mut $rare = Default::default();)*
                    if from.word() != 0 {
                        $($rare = $crate::flows::pack::Pack::unpack(from);)*
                    }
                )?
                Self { $($($value,)*)? $($($time,)*)? $($($rare,)*)? }
            }
        }
    };
}

/// The same, unpacked in place. `left` are fields that [`rest`](super::rest) takes care of.
macro_rules! pack_in_place {
    ($type:ty {
        $(value: $($value:ident)*;)? $(time: $($time:ident)*;)? $(rare: $($rare:ident)*;)? $(list: $($list:ident)*;)?
        $(nested: $($nested:ident)*;)? $(left: $($left:ident)*;)?
    }) => {
        impl $type {
            /// Adds all of it.
            pub(super) fn pack_all(&self, to: &mut $crate::flows::pack::Packer) {
                #[allow(unused_imports)]
                use $crate::flows::pack::{Pack, PackList};
                let Self {
                    $($($value,)*)? $($($time,)*)? $($($rare,)*)? $($($list,)*)? $($($nested,)*)? $($($left: _,)*)?
                } = self;
                $($(Pack::pack($value, to);)*)?
                $($(to.time(*$time);)*)?
                $(
                    let is_zero = true $(&& $crate::flows::pack::is_default($rare))*;
                    to.word(u64::from(!is_zero));
                    if !is_zero {
                        $(Pack::pack($rare, to);)*
                    }
                )?
                $($(PackList::pack_list($list, to);)*)?
                $($($nested.pack_all(to);)*)?
            }

            /// Becomes what was packed.
            pub(super) fn unpack_all(&mut self, from: &mut $crate::flows::pack::Unpacker) {
                #[allow(unused_imports)]
                use $crate::flows::pack::{Pack, PackList};
                $($(self.$value = Pack::unpack(from);)*)?
                $($(self.$time = from.time();)*)?
                $(match from.word() {
                    0 => { $(self.$rare = Default::default();)* }
                    _ => { $(self.$rare = Pack::unpack(from);)* }
                })?
                $($(PackList::unpack_list(&mut self.$list, from);)*)?
                $($(self.$nested.unpack_all(from);)*)?
            }
        }
    };
}

/// Names without values, as they are declared.
macro_rules! pack_names {
    ($type:ident: $($name:ident)*) => {
        impl $crate::flows::pack::Pack for $type {
            #[inline]
            fn pack(&self, to: &mut $crate::flows::pack::Packer) {
                to.word(*self as u64);
            }
            #[inline]
            fn unpack(from: &mut $crate::flows::pack::Unpacker) -> $type {
                const ALL: &[$type] = &[$($type::$name),*];
                const _: () = {
                    let mut at = 0;
                    while at < ALL.len() {
                        assert!(ALL[at] as usize == at, "not in the order of the declaration");
                        at += 1;
                    }
                    // All of them, or it does not compile.
                    match ALL[0] { $($type::$name => {})* }
                };
                ALL.get(from.word() as usize).copied().unwrap_or(ALL[0])
            }
        }
    };
}

pub(crate) use {pack_fields, pack_in_place, pack_names};
