//! Why a capture can't be read (on).

use std::io;

/// Why a capture can't be read, or not further.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// The input failed.
    #[error("reading failed at byte {offset}: {source}")]
    Io {
        /// How many bytes had been read.
        offset: u64,
        /// The failure.
        source: io::Error,
    },
    /// There is not one byte.
    #[error("the file is empty")]
    Empty,
    /// The first bytes are not those of a capture.
    #[error("neither pcap nor pcapng{}", .looks_like.map(|l| format!(" ({l})")).unwrap_or_default())]
    NotACapture {
        /// What it seems to be instead.
        looks_like: Option<&'static str>,
    },
    /// A version of the format that nobody has defined.
    #[error("{format} version {major}.{minor} is unknown")]
    Version {
        /// The format.
        format: &'static str,
        /// Its major version.
        major: u16,
        /// Its minor version.
        minor: u16,
    },
    /// The input ends within something.
    #[error("truncated: the {what} at byte {offset} needs {need} bytes, {have} are left")]
    Truncated {
        /// Where it begins, in bytes from the file's start.
        offset: u64,
        /// What is cut off.
        what: &'static str,
        /// Bytes it needs.
        need: u64,
        /// Bytes there.
        have: u64,
    },
    /// The compressed stream that the capture is in can't be read on.
    #[error("the {format} stream {problem}, at byte {offset}")]
    Compressed {
        /// How it is compressed.
        format: &'static str,
        /// Where, in bytes from the compressed file's start.
        offset: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// Something that the format does not allow.
    #[error("damaged: the {what} at byte {offset} {problem}")]
    Malformed {
        /// Where it begins, in bytes from the file's start.
        offset: u64,
        /// What it is.
        what: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

impl CaptureError {
    /// What the user can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            CaptureError::Io { .. } => "check that it is a readable file",
            CaptureError::Empty => "capture again, with 'tcpdump -U' so that packets are written at once",
            CaptureError::NotACapture { looks_like: Some(BZIP2) } => "unpack it first: bunzip2 -c FILE | limpid read -",
            CaptureError::NotACapture { looks_like: Some(XZ) } => "unpack it first: xz -dc FILE | limpid read -",
            CaptureError::NotACapture { looks_like: Some(LZ4) } => "unpack it first: lz4 -dc FILE | limpid read -",
            CaptureError::NotACapture { .. } | CaptureError::Version { .. } => {
                "give a file written by 'tcpdump -w', Wireshark or limpid"
            }
            CaptureError::Truncated { offset: 0, .. } | CaptureError::Malformed { offset: 0, .. } => {
                "there is no packet to be had from it: capture again"
            }
            CaptureError::Compressed { .. } => {
                "the packets before it are whole; copy or compress the file again for the rest"
            }
            CaptureError::Truncated { .. } => "the packets before it are whole; capture again for the rest",
            CaptureError::Malformed { .. } => "the packets before it are whole; the rest can't be found again",
        }
    }
}

const BZIP2: &str = "it is compressed by bzip2";
const XZ: &str = "it is compressed by xz";
const LZ4: &str = "it is compressed by lz4";

/// How many bytes tell what people pass by mistake.
pub(super) const LOOK: usize = 64;
/// So few bytes may be printable by chance.
const LEAST_TEXT: usize = 8;

/// What people pass by mistake, by its first bytes, [`LOOK`] of them or all there are.
pub(super) fn looks_like(start: &[u8]) -> Option<&'static str> {
    let is_text = |start: &[u8]| {
        // A letter in another script may be cut off at the end.
        let text = match str::from_utf8(start) {
            Ok(text) => text,
            Err(error) if error.error_len().is_none() => {
                str::from_utf8(&start[..error.valid_up_to()]).unwrap_or_default()
            }
            Err(_) => return false,
        };
        text.len() >= LEAST_TEXT && !text.contains(|c: char| c.is_control() && !c.is_whitespace())
    };
    match start {
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => Some(BZIP2),
        [0xfd, b'7', b'z', b'X', ..] => Some(XZ),
        [0x04, 0x22, 0x4d, 0x18, ..] => Some(LZ4),
        [b's', b'n', b'o', b'o', b'p', ..] => Some("it is a snoop file"),
        [0x7f, b'E', b'L', b'F', ..] => Some("it is a program"),
        start if is_text(start) => Some("it looks like text"),
        _ => None,
    }
}
