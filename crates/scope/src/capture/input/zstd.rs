//! Zstandard (RFC 8878): frames one after the other, skippable ones between them.

use super::{Raw, at_end, failure};
use crate::capture::CaptureError;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use std::io::{self, Read};

const FORMAT: &str = "zstd";
/// The most memory that a frame may ask for: what zstd itself grants without being told to.
const MAX_WINDOW: u64 = 128 * 1024 * 1024;
/// The header of an empty, raw, last block.
const LAST_BLOCK: [u8; 3] = [1, 0, 0];

/// A zstd stream.
pub(in crate::capture) struct Zstd<R> {
    pub(super) raw: Raw<R>,
    decoder: FrameDecoder,
    state: State,
}

enum State {
    /// A frame is to come; the first one must.
    Between {
        first: bool,
    },
    Frame,
    /// The frame can't be read on; what has been decoded of it comes first.
    Damaged(CaptureError),
    Ended,
}

impl<R: Read> Zstd<R> {
    pub(super) fn new(raw: Raw<R>) -> Zstd<R> {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(MAX_WINDOW);
        Zstd { raw, decoder, state: State::Between { first: true } }
    }

    /// Reads some bytes; 0 at the end.
    pub(super) fn read(&mut self, to: &mut [u8]) -> Result<usize, CaptureError> {
        loop {
            match &self.state {
                State::Ended => return Ok(0),
                State::Between { first } => {
                    let first = *first;
                    if let Err(error) = self.begin(first) {
                        self.state = State::Ended;
                        return Err(error);
                    }
                }
                State::Frame | State::Damaged(_) => {
                    let drained = self.decoder.read(to);
                    if let Ok(n @ 1..) = drained {
                        return Ok(n);
                    }
                    match std::mem::replace(&mut self.state, State::Ended) {
                        State::Damaged(error) => return Err(error),
                        _ => self.state = self.block(),
                    }
                }
            }
        }
    }

    /// Reads a frame's header, and what may be skipped before it.
    fn begin(&mut self, first: bool) -> Result<(), CaptureError> {
        match at_end(&mut self.raw) {
            Ok(true) if !first => {
                self.state = State::Ended;
                return Ok(());
            }
            Ok(_) => {}
            Err(error) => return Err(failure(&self.raw, FORMAT, error, "")),
        }
        match self.decoder.reset(&mut self.raw) {
            Ok(()) => self.state = State::Frame,
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                let skipped = io::copy(&mut self.raw.by_ref().take(length.into()), &mut io::sink());
                match skipped {
                    Ok(n) if n == u64::from(length) => self.state = State::Between { first: false },
                    Ok(_) => return Err(failure(&self.raw, FORMAT, io::ErrorKind::UnexpectedEof.into(), "")),
                    Err(error) => return Err(failure(&self.raw, FORMAT, error, "")),
                }
            }
            Err(error) => return Err(self.damage(error)),
        }
        Ok(())
    }

    /// Decodes a block; answers what comes after it.
    fn block(&mut self) -> State {
        if self.decoder.is_finished() {
            let (stored, computed) = (self.decoder.get_checksum_from_data(), self.decoder.get_calculated_checksum());
            return match stored {
                Some(_) if stored != computed => {
                    let error = io::ErrorKind::InvalidData.into();
                    State::Damaged(failure(&self.raw, FORMAT, error, "does not match its checksum"))
                }
                _ => State::Between { first: false },
            };
        }
        match self.decoder.decode_blocks(&mut self.raw, BlockDecodingStrategy::UptoBlocks(1)) {
            Ok(_) => State::Frame,
            Err(error) => {
                let error = self.damage(error);
                // The decoder keeps its window until the frame has ended: so that ends here. There may be no checksum
                // then, which is an error as well, of no interest.
                let _ = self.decoder.decode_blocks(LAST_BLOCK.as_slice(), BlockDecodingStrategy::UptoBlocks(1));
                State::Damaged(error)
            }
        }
    }

    fn damage(&self, error: FrameDecoderError) -> CaptureError {
        let problem = match &error {
            FrameDecoderError::WindowSizeTooBig { .. } | FrameDecoderError::FrameHeaderError(_) => {
                "asks for a window of more than 128 MiB"
            }
            FrameDecoderError::DictNotProvided { .. } => "needs a dictionary",
            FrameDecoderError::ReadFrameHeaderError(_) => "goes on with what is no zstd frame",
            _ => "can't be decompressed",
        };
        failure(&self.raw, FORMAT, io::Error::other(error), problem)
    }
}
