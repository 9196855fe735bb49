//! gzip (RFC 1952): members one after the other, each with its checksum.
//!
//! flate2's own reader of members drops what it has inflated when it then meets damage; this one gives it first.

use super::{Raw, at_end, failure};
use crate::capture::CaptureError;
use flate2::{Crc, Decompress, FlushDecompress, Status};
use std::io::{self, BufRead, Read};

const FORMAT: &str = "gzip";
const FLAG_HEADER_CRC: u8 = 2;
const FLAG_EXTRA: u8 = 4;
const FLAG_NAME: u8 = 8;
const FLAG_COMMENT: u8 = 16;

/// A gzip stream.
pub(in crate::capture) struct Gzip<R> {
    pub(super) raw: Raw<R>,
    inflate: Decompress,
    crc: Crc,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// The first member is to come: there must be one.
    First,
    Member,
    /// The member's checksum and length are to come.
    Trailer,
    Between,
    Ended,
}

impl<R: Read> Gzip<R> {
    pub(super) fn new(raw: Raw<R>) -> Gzip<R> {
        Gzip { raw, inflate: Decompress::new(false), crc: Crc::new(), state: State::First }
    }

    /// Reads some bytes; 0 at the end.
    pub(super) fn read(&mut self, to: &mut [u8]) -> Result<usize, CaptureError> {
        loop {
            let step = match self.state {
                State::Ended => return Ok(0),
                State::First => self.begin(),
                State::Between => self.next_member(),
                State::Member => match self.inflate(to) {
                    Ok(0) => Ok(()),
                    Ok(n) => return Ok(n),
                    Err(error) => Err((error, "can't be inflated")),
                },
                State::Trailer => self.trailer().map_err(|error| (error, "does not match its checksum")),
            };
            if let Err((error, problem)) = step {
                self.state = State::Ended;
                return Err(failure(&self.raw, FORMAT, error, problem));
            }
        }
    }

    /// After a member: another one, or the end. Tapes and blocks pad with zeros.
    fn next_member(&mut self) -> Result<(), (io::Error, &'static str)> {
        let io = |error| (error, "can't be read");
        while self.raw.fill_buf().map_err(io)?.first() == Some(&0) {
            self.raw.consume(1);
        }
        if at_end(&mut self.raw).map_err(io)? {
            self.state = State::Ended;
            return Ok(());
        }
        self.begin()
    }

    /// Reads a member's header.
    fn begin(&mut self) -> Result<(), (io::Error, &'static str)> {
        let problem = "goes on with what is no gzip header";
        self.header().map_err(|error| (error, problem))?;
        self.inflate.reset(false);
        self.crc.reset();
        self.state = State::Member;
        Ok(())
    }

    fn header(&mut self) -> io::Result<()> {
        if self.array()? != super::GZIP {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let [method, flags, ..] = self.array::<8>()?;
        if method != 8 || flags & 0xe0 != 0 {
            return Err(io::ErrorKind::InvalidData.into());
        }
        if flags & FLAG_EXTRA != 0 {
            for _ in 0..u16::from_le_bytes(self.array()?) {
                self.array::<1>()?;
            }
        }
        for flag in [FLAG_NAME, FLAG_COMMENT] {
            while flags & flag != 0 && self.array::<1>()? != [0] {}
        }
        if flags & FLAG_HEADER_CRC != 0 {
            self.array::<2>()?;
        }
        Ok(())
    }

    /// Inflates some bytes; 0 when the member has ended, or nothing has come of what was read.
    fn inflate(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let stored = self.raw.fill_buf()?;
        let is_last = stored.is_empty();
        let before = (self.inflate.total_in(), self.inflate.total_out());
        let result = self.inflate.decompress(stored, to, FlushDecompress::None);
        let taken = (self.inflate.total_in() - before.0) as usize;
        let made = (self.inflate.total_out() - before.1) as usize;
        self.raw.consume(taken);
        self.crc.update(&to[..made]);
        match result {
            // What came out before the damage is given first; the next call meets the damage again.
            Err(_) if made > 0 => Ok(made),
            Err(error) => Err(error.into()),
            Ok(Status::StreamEnd) => {
                self.state = State::Trailer;
                Ok(made)
            }
            Ok(_) if made == 0 && is_last => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => Ok(made),
        }
    }

    /// The checksum and the length at a member's end.
    fn trailer(&mut self) -> io::Result<()> {
        let (crc, length) = (u32::from_le_bytes(self.array()?), u32::from_le_bytes(self.array()?));
        if (crc, length) != (self.crc.sum(), self.crc.amount()) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        self.state = State::Between;
        Ok(())
    }

    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut array = [0; N];
        self.raw.read_exact(&mut array)?;
        Ok(array)
    }
}
