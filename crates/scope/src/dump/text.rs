//! The text in the making: ASCII in one buffer that is used again, and numbers written without the formatting machinery,
//! which would take most of the time.

use std::fmt;

/// Two decimal digits for each number below 100.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut n = 0;
    while n < 100 {
        pairs[n] = [b'0' + (n / 10) as u8, b'0' + (n % 10) as u8];
        n += 1;
    }
    pairs
};

/// Text, appended to.
#[derive(Debug, Default)]
pub(super) struct Text {
    pub(super) bytes: Vec<u8>,
}

impl Text {
    #[inline]
    pub(super) fn push_str(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// Appends an ASCII character.
    #[inline]
    pub(super) fn push(&mut self, character: char) {
        debug_assert!(character.is_ascii());
        self.bytes.push(character as u8);
    }

    /// Takes back what comes after `len` bytes.
    pub(super) fn truncate(&mut self, len: usize) {
        self.bytes.truncate(len);
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// A number in decimal.
    #[inline]
    pub(super) fn decimal(&mut self, mut n: u32) {
        if n < 10 {
            self.bytes.push(b'0' + n as u8);
            return;
        }
        let mut digits = [0; 10];
        let mut at = digits.len();
        while n >= 100 {
            at -= 2;
            digits[at..at + 2].copy_from_slice(&PAIRS[(n % 100) as usize]);
            n /= 100;
        }
        if n >= 10 {
            at -= 2;
            digits[at..at + 2].copy_from_slice(&PAIRS[n as usize]);
        } else {
            at -= 1;
            digits[at] = b'0' + n as u8;
        }
        self.bytes.extend_from_slice(&digits[at..]);
    }

    /// A number below 10^(2 · `PAIR_COUNT`), with zeros before it.
    #[inline]
    pub(super) fn padded<const PAIR_COUNT: usize>(&mut self, mut n: u32) {
        let mut digits = [[0; 2]; PAIR_COUNT];
        for pair in digits.iter_mut().rev() {
            *pair = PAIRS[(n % 100) as usize];
            n /= 100;
        }
        self.bytes.extend_from_slice(digits.as_flattened());
    }

    /// An IPv4 address.
    #[inline]
    pub(super) fn dotted(&mut self, octets: [u8; 4]) {
        for (i, octet) in octets.into_iter().enumerate() {
            if i > 0 {
                self.bytes.push(b'.');
            }
            self.decimal(octet.into());
        }
    }

    /// A byte as two hexadecimal digits.
    #[inline]
    pub(super) fn hex(&mut self, byte: u8) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        self.bytes.extend_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}

impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push_str(text);
        Ok(())
    }
}
