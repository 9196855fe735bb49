//! A window over a byte stream: what is to be read next, in one piece, and where that is.

use super::CaptureError;
use super::input::Input;
use std::io::Read;

/// What the window holds at first. It grows only as bytes come in: what a file claims is never allocated.
const WINDOW: usize = 256 * 1024;

/// Input with its offset.
pub(super) struct Source<R> {
    input: Input<R>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Of `start` in the (decompressed) capture.
    offset: u64,
    /// The input gives no more.
    ended: bool,
    /// Why; said when what stands before has been taken.
    failure: Option<CaptureError>,
}

impl<R> std::fmt::Debug for Source<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").field("offset", &self.offset).finish_non_exhaustive()
    }
}

impl<R: Read> Source<R> {
    pub(super) fn new(input: Input<R>) -> Source<R> {
        let buffer = vec![0; WINDOW];
        Source { input, buffer, start: 0, end: 0, offset: 0, ended: false, failure: None }
    }

    /// Bytes taken so far.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Offsets are those of the file itself: it is not compressed.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self.input, Input::Plain(_))
    }

    /// Bytes of the input read so far, as they are stored (compressed, perhaps).
    pub(super) fn stored_offset(&self) -> u64 {
        self.input.offset()
    }

    /// How many of `count` bytes there are from here on, fewer only at the end of the input.
    ///
    /// # Errors
    /// If there are fewer because the input failed.
    #[inline]
    pub(super) fn available(&mut self, count: usize) -> Result<usize, CaptureError> {
        if self.end - self.start < count {
            self.fill(count);
        }
        let have = self.end - self.start;
        match self.failure.take_if(|_| have < count) {
            Some(failure) => Err(failure),
            None => Ok(have.min(count)),
        }
    }

    /// `count` bytes of `what`, from here on, without taking them.
    ///
    /// # Errors
    /// If there are fewer.
    #[inline]
    pub(super) fn need(&mut self, count: usize, what: &'static str) -> Result<&[u8], CaptureError> {
        let have = self.available(count)?;
        if have < count {
            let (need, have) = (count as u64, have as u64);
            return Err(CaptureError::Truncated { offset: self.offset, what, need, have });
        }
        Ok(&self.buffer[self.start..self.start + count])
    }

    /// The first `N` bytes from here on, if they stand in the window already.
    #[inline]
    pub(super) fn ahead<const N: usize>(&self) -> Option<[u8; N]> {
        self.buffer.get(self.start..self.end)?.first_chunk().copied()
    }

    /// How many bytes stand in the window already.
    #[inline]
    pub(super) fn ready(&self) -> usize {
        self.end - self.start
    }

    /// The first `N` bytes from here on, which must be available.
    #[inline]
    pub(super) fn head<const N: usize>(&self) -> [u8; N] {
        self.buffer[self.start..self.end].first_chunk().copied().unwrap_or([0; N])
    }

    /// Where in the window the next byte is, for [`Source::bytes`]; good until more is read.
    #[inline]
    pub(super) fn position(&self) -> usize {
        self.start
    }

    /// Bytes of the window, taken or not.
    #[inline]
    pub(super) fn bytes(&self, range: std::ops::Range<usize>) -> &[u8] {
        &self.buffer[range]
    }

    /// Takes `count` bytes, which must be available.
    #[inline]
    pub(super) fn take(&mut self, count: usize) {
        self.start += count;
        self.offset += count as u64;
    }

    /// Takes up to `count` bytes that nobody looks at; fewer only at the end of the input. Answers how many.
    pub(super) fn skip(&mut self, count: u64) -> Result<u64, CaptureError> {
        let mut left = count;
        while left > 0 {
            let step = self.available(usize::try_from(left).unwrap_or(WINDOW).min(WINDOW))?;
            if step == 0 {
                break;
            }
            self.take(step);
            left -= step as u64;
        }
        Ok(count - left)
    }

    #[cold]
    fn fill(&mut self, count: usize) {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        while self.end < count && !self.ended {
            if self.end == self.buffer.len() {
                let room = (self.buffer.len() * 2).min(count.next_multiple_of(WINDOW));
                self.buffer.resize(room, 0);
            }
            match self.input.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.ended = true,
                Ok(n) => self.end += n,
                Err(error) => (self.ended, self.failure) = (true, Some(error)),
            }
        }
    }
}
