//! A byte stream that knows where it is, and never allocates more than it has read.

use super::CaptureError;
use std::io::{self, BufReader, Read};

/// Input with its offset.
#[derive(Debug)]
pub(super) struct Source<R> {
    input: BufReader<R>,
    offset: u64,
}

impl<R: Read> Source<R> {
    pub(super) fn new(input: R) -> Source<R> {
        Source { input: BufReader::with_capacity(64 * 1024, input), offset: 0 }
    }

    /// Bytes taken so far.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Appends up to `count` bytes to `to`; fewer only at the end of the input. Answers how many.
    pub(super) fn take(&mut self, count: u64, to: &mut Vec<u8>) -> Result<u64, CaptureError> {
        let before = to.len();
        let result = self.input.by_ref().take(count).read_to_end(to);
        let got = (to.len() - before) as u64;
        self.advance(got, result.err())
    }

    /// Passes over up to `count` bytes; fewer only at the end of the input. Answers how many.
    pub(super) fn skip(&mut self, count: u64) -> Result<u64, CaptureError> {
        match io::copy(&mut self.input.by_ref().take(count), &mut io::sink()) {
            Ok(got) => self.advance(got, None),
            Err(error) => self.advance(0, Some(error)),
        }
    }

    /// Exactly `N` bytes of `what`, which began at `start`; `None` at the very end of the input.
    pub(super) fn array<const N: usize>(
        &mut self,
        what: &'static str,
        start: u64,
    ) -> Result<Option<[u8; N]>, CaptureError> {
        let mut array = [0; N];
        let mut filled = 0;
        while filled < N {
            match self.input.read(&mut array[filled..]) {
                Ok(0) if filled == 0 => return Ok(None),
                Ok(0) => {
                    let need = self.offset - start + N as u64;
                    self.offset += filled as u64;
                    return Err(CaptureError::Truncated { offset: start, what, need, have: self.offset - start });
                }
                Ok(n) => filled += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(CaptureError::Io { offset: self.offset + filled as u64, source: e }),
            }
        }
        self.offset += N as u64;
        Ok(Some(array))
    }

    fn advance(&mut self, got: u64, error: Option<io::Error>) -> Result<u64, CaptureError> {
        self.offset += got;
        match error {
            Some(source) => Err(CaptureError::Io { offset: self.offset, source }),
            None => Ok(got),
        }
    }
}
