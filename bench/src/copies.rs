//! The least that a transfer with an application at each end costs: every byte copied in, and out again.

use crate::BULK_BUFFER;
use crate::stopwatch::Stopwatch;
use std::hint::black_box;
use std::time::Duration;

/// How much is copied at a time.
const PIECE: usize = 64 * 1024;

/// Copies `bytes` in pieces into a buffer as large as a socket's and out again; returns how long that took.
pub(crate) fn twice(bytes: u64) -> Duration {
    let source = vec![7u8; PIECE];
    let mut sink = vec![0u8; PIECE];
    let mut buffer = vec![0u8; BULK_BUFFER];
    let start = Stopwatch::start();
    let mut copied = 0u64;
    while copied < bytes {
        for piece in buffer.chunks_exact_mut(PIECE) {
            piece.copy_from_slice(black_box(&source));
        }
        for piece in black_box(&buffer).chunks_exact(PIECE) {
            sink.copy_from_slice(piece);
            black_box(&mut sink);
        }
        copied += BULK_BUFFER as u64;
    }
    start.elapsed()
}
