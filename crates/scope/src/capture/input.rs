//! Where a capture's bytes come from: plain, or decompressed on the way (gzip, zstd), told by the first bytes.
//!
//! A decompressor holds a window of bounded size, whatever the stream claims. All that stands before damage is given.

mod gzip;
mod zstd;

#[cfg(test)]
mod tests;

use super::CaptureError;
use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// zstd's skippable frames differ in the lower half of the first byte; pzstd begins with one.
const ZSTD_SKIPPABLE: [u8; 3] = [0x2a, 0x4d, 0x18];

/// How much of the stored bytes is read at once.
const READ: usize = 128 * 1024;

/// Bytes of a capture.
pub(super) enum Input<R> {
    Plain(Raw<R>),
    Gzip(gzip::Gzip<R>),
    Zstd(Box<zstd::Zstd<R>>),
}

/// Bytes as they are stored.
type Raw<R> = BufReader<Counted<Chain<Cursor<Vec<u8>>, R>>>;

/// Counts what is read, and notes the end.
pub(in crate::capture) struct Counted<R> {
    inner: R,
    count: u64,
    ended: bool,
    failed: bool,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.inner.read(to) {
                Ok(n) => {
                    self.count += n as u64;
                    self.ended |= n == 0 && !to.is_empty();
                    return Ok(n);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.failed = true;
                    return Err(error);
                }
            }
        }
    }
}

impl<R: Read> Input<R> {
    /// Looks at the first bytes.
    pub(super) fn new(mut reader: R) -> Result<Input<R>, CaptureError> {
        let mut magic = Vec::new();
        let read = reader.by_ref().take(4).read_to_end(&mut magic);
        if let Err(source) = read {
            return Err(CaptureError::Io { offset: magic.len() as u64, source });
        }
        let first = <[u8; 4]>::try_from(magic.as_slice()).unwrap_or_default();
        let inner = Cursor::new(magic).chain(reader);
        let raw = BufReader::with_capacity(READ, Counted { inner, count: 0, ended: false, failed: false });
        Ok(match first {
            [a, b, ..] if [a, b] == GZIP => Input::Gzip(gzip::Gzip::new(raw)),
            ZSTD => Input::Zstd(Box::new(zstd::Zstd::new(raw))),
            [n, rest @ ..] if n & 0xf0 == 0x50 && rest == ZSTD_SKIPPABLE => Input::Zstd(Box::new(zstd::Zstd::new(raw))),
            _ => Input::Plain(raw),
        })
    }

    /// Reads some bytes; 0 at the end.
    pub(super) fn read(&mut self, to: &mut [u8]) -> Result<usize, CaptureError> {
        match self {
            Input::Plain(raw) => raw.read(to).map_err(|source| CaptureError::Io { offset: offset(raw), source }),
            Input::Gzip(gzip) => gzip.read(to),
            Input::Zstd(zstd) => zstd.read(to),
        }
    }

    /// Stored bytes read so far.
    pub(super) fn offset(&self) -> u64 {
        match self {
            Input::Plain(raw) => raw.get_ref().count,
            Input::Gzip(gzip) => gzip.raw.get_ref().count,
            Input::Zstd(zstd) => zstd.raw.get_ref().count,
        }
    }
}

/// Stored bytes taken so far.
fn offset<R: Read>(raw: &Raw<R>) -> u64 {
    raw.get_ref().count - raw.buffer().len() as u64
}

/// Why a compressed stream can't be read on: the input failed, or ended, or is damaged.
fn failure<R: Read>(raw: &Raw<R>, format: &'static str, error: io::Error, problem: &str) -> CaptureError {
    let (offset, state) = (offset(raw), raw.get_ref());
    if state.failed {
        CaptureError::Io { offset, source: error }
    } else if state.ended && raw.buffer().is_empty() {
        CaptureError::Compressed { format, offset, problem: "ends too early".into() }
    } else {
        CaptureError::Compressed { format, offset, problem: problem.to_owned() }
    }
}

/// Whether the stored bytes have come to their end.
fn at_end<R: Read>(raw: &mut Raw<R>) -> io::Result<bool> {
    raw.fill_buf().map(<[u8]>::is_empty)
}
