//! Values as few bytes, and back: what a connection [at rest](crate::Resting) is kept as. The bytes never leave the host, and are only
//! read by what wrote them.
//!
//! Numbers take as many bytes as they need, times and sequence numbers are told from the one before, which is near as a
//! rule, and zeros in a row are counted.

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
    /// Zeros that are not written yet.
    zeros: u8,
    before: Before,
}

/// Reads them in the same order.
pub(crate) struct Unpacker<'a> {
    bytes: &'a [u8],
    zeros: u8,
    before: Before,
}

/// The values that the next ones are told from.
#[derive(Clone, Copy, Default)]
struct Before {
    time: u64,
    seq: u32,
}

impl Packer {
    /// All that was packed.
    pub(crate) fn finish(mut self) -> Box<[u8]> {
        self.end_zeros();
        self.bytes.into_boxed_slice()
    }

    fn end_zeros(&mut self) {
        if self.zeros > 0 {
            self.bytes.extend([0, self.zeros]);
            self.zeros = 0;
        }
    }

    fn byte(&mut self, byte: u8) {
        if byte == 0 {
            self.zeros += 1;
            if self.zeros == u8::MAX {
                self.end_zeros();
            }
            return;
        }
        self.end_zeros();
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
    pub(crate) fn new(bytes: &'a [u8]) -> Unpacker<'a> {
        Unpacker { bytes, zeros: 0, before: Before::default() }
    }

    fn byte(&mut self) -> u8 {
        if self.zeros > 0 {
            self.zeros -= 1;
            return 0;
        }
        let byte = self.take();
        if byte == 0 {
            self.zeros = self.take().saturating_sub(1);
        }
        byte
    }

    fn take(&mut self) -> u8 {
        let Some((&first, rest)) = self.bytes.split_first() else { return 0 };
        self.bytes = rest;
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

impl Pack for SeqNum {
    fn pack(&self, to: &mut Packer) {
        self.0.wrapping_sub(to.before.seq).pack(to);
        to.before.seq = self.0;
    }

    fn unpack(from: &mut Unpacker<'_>) -> SeqNum {
        from.before.seq = from.before.seq.wrapping_add(u32::unpack(from));
        SeqNum(from.before.seq)
    }
}

impl Pack for Instant {
    fn pack(&self, to: &mut Packer) {
        match *self {
            Instant::ZERO => to.byte(0),
            Instant::MAX => to.byte(1),
            at => {
                to.byte(2);
                at.as_nanos().wrapping_sub(to.before.time).pack(to);
                to.before.time = at.as_nanos();
            }
        }
    }

    fn unpack(from: &mut Unpacker<'_>) -> Instant {
        match from.byte() {
            0 => Instant::ZERO,
            1 => Instant::MAX,
            _ => {
                from.before.time = from.before.time.wrapping_add(u64::unpack(from));
                Instant::from_nanos(from.before.time)
            }
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
