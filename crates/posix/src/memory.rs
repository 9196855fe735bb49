//! Files that `open` gives: small ones in memory, for programs that send a file. There is no file system behind them.
//!
//! A host program puts files where its program will look for them ([`Process::add_file`]); the program can make others with
//! O_CREAT. `/dev/zero` and `/dev/null` are always there. Together they hold [`MAX_FILE_BYTES`] at most, and there are
//! [`MAX_FILES`] at most; beyond that there is ENOSPC, as on a small disk.

use crate::file::{FileId, Object};
use crate::process::{Process, Progress};
use crate::{Errno, Output, Return, abi};
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use limpid_event::Observer;

/// The bound on the bytes of all files in memory.
pub const MAX_FILE_BYTES: usize = 16 << 20;

/// The bound on files in memory.
pub const MAX_FILES: usize = 1024;

/// The most that one read of an endless file gives.
const MAX_READ: usize = 1 << 20;

/// An open file in memory.
#[derive(Debug)]
pub(crate) struct MemoryFile {
    content: usize,
    position: usize,
}

/// What is in a file.
#[derive(Debug)]
enum Content {
    Bytes(Vec<u8>),
    /// `/dev/zero`
    Zeros,
    /// `/dev/null`
    Null,
}

/// All files, by their names; they stay as long as the process.
#[derive(Debug)]
pub(crate) struct Contents {
    names: BTreeMap<String, usize>,
    contents: Vec<Content>,
    bytes: usize,
}

impl Default for Contents {
    fn default() -> Contents {
        let names = [("/dev/zero".to_string(), 0), ("/dev/null".to_string(), 1)];
        Contents { names: BTreeMap::from(names), contents: vec![Content::Zeros, Content::Null], bytes: 0 }
    }
}

impl Contents {
    fn find(&self, path: &str) -> Option<usize> {
        self.names.get(path).copied()
    }

    fn create(&mut self, path: &str) -> Result<usize, Errno> {
        if self.contents.len() >= MAX_FILES {
            return Err(Errno::ENOSPC);
        }
        self.contents.push(Content::Bytes(Vec::new()));
        let content = self.contents.len() - 1;
        self.names.insert(path.to_string(), content);
        Ok(content)
    }

    fn truncate(&mut self, content: usize) {
        if let Content::Bytes(bytes) = &mut self.contents[content] {
            self.bytes -= bytes.len();
            bytes.clear();
        }
    }

    /// What is there from `position` on, `len` bytes at most.
    fn read(&self, content: usize, position: usize, len: usize) -> Vec<u8> {
        match &self.contents[content] {
            Content::Bytes(bytes) => {
                let rest = bytes.get(position..).unwrap_or_default();
                rest[..len.min(rest.len())].to_vec()
            }
            Content::Zeros => vec![0; len.min(MAX_READ)],
            Content::Null => Vec::new(),
        }
    }

    /// Puts bytes at `position`, or at the end; returns where they end, and how many there was room for.
    fn write(&mut self, content: usize, position: Option<usize>, new: &[u8]) -> Result<(usize, usize), Errno> {
        let room = MAX_FILE_BYTES - self.bytes;
        let Content::Bytes(bytes) = &mut self.contents[content] else { return Ok((0, new.len())) };
        let at = position.unwrap_or(bytes.len());
        if new.is_empty() {
            return Ok((at, 0));
        }
        let limit = bytes.len().saturating_add(room);
        let taken = new.len().min(limit.saturating_sub(at));
        if taken == 0 {
            return Err(Errno::ENOSPC);
        }
        let end = at + taken;
        if end > bytes.len() {
            self.bytes += end - bytes.len();
            bytes.resize(end, 0);
        }
        bytes[at..end].copy_from_slice(&new[..taken]);
        Ok((end, taken))
    }
}

impl<O: Observer> Process<O> {
    /// Puts a file where `open` finds it; what was there under that name is replaced.
    ///
    /// # Errors
    /// ENOSPC beyond [`MAX_FILES`] or [`MAX_FILE_BYTES`].
    pub fn add_file(&mut self, path: &str, bytes: &[u8]) -> Result<(), Errno> {
        let content = match self.contents.find(path) {
            Some(content) => content,
            None => self.contents.create(path)?,
        };
        self.contents.truncate(content);
        let (_, taken) = self.contents.write(content, Some(0), bytes)?;
        if taken < bytes.len() { Err(Errno::ENOSPC) } else { Ok(()) }
    }

    /// open. Modes are passed over: there is one user.
    pub(crate) fn open(&mut self, path: &str, flags: i32) -> Result<Return, Errno> {
        if flags & abi::O_ACCMODE == abi::O_ACCMODE {
            return Err(Errno::EINVAL);
        }
        let writable = flags & abi::O_ACCMODE != abi::O_RDONLY;
        let content = match self.contents.find(path) {
            Some(_) if flags & abi::O_CREAT != 0 && flags & abi::O_EXCL != 0 => return Err(Errno::EEXIST),
            Some(content) => content,
            None if flags & abi::O_CREAT != 0 && !path.is_empty() => self.contents.create(path)?,
            None => return Err(Errno::ENOENT),
        };
        if writable && flags & abi::O_TRUNC != 0 {
            self.contents.truncate(content);
        }
        let kept = flags & !(abi::O_CREAT | abi::O_EXCL | abi::O_TRUNC);
        let fd = self.open_file(Object::Memory(MemoryFile { content, position: 0 }), kept)?;
        Ok(Return::ok(fd.into()))
    }

    /// What a file has from `at` on (or where it is read next), `len` bytes at most; `None` if it is no file in memory.
    pub(crate) fn peek_file(&self, file: FileId, at: Option<usize>, len: usize) -> Option<Vec<u8>> {
        match &self.files.get(file).object {
            Object::Memory(memory) => Some(self.contents.read(memory.content, at.unwrap_or(memory.position), len)),
            _ => None,
        }
    }

    /// So many bytes of a file were read.
    pub(crate) fn advance_file(&mut self, file: FileId, len: usize) {
        if let Object::Memory(memory) = &mut self.files.get_mut(file).object {
            memory.position = memory.position.saturating_add(len);
        }
    }

    pub(crate) fn read_memory(&mut self, file: FileId, len: usize) -> Result<Progress, Errno> {
        let bytes = self.peek_file(file, None, len).ok_or(Errno::EINVAL)?;
        self.advance_file(file, bytes.len());
        Ok(Progress::Done(Return { value: Ok(bytes.len() as i64), output: Output::Bytes(bytes) }))
    }

    /// Writes where the file is written next, or at `at`; returns how many bytes were taken.
    pub(crate) fn write_memory(&mut self, file: FileId, at: Option<usize>, bytes: &[u8]) -> Result<usize, Errno> {
        let open = self.files.get_mut(file);
        let append = open.flags & abi::O_APPEND != 0;
        let Object::Memory(memory) = &mut open.object else { return Err(Errno::EINVAL) };
        let position = if append { None } else { Some(at.unwrap_or(memory.position)) };
        let (end, taken) = self.contents.write(memory.content, position, bytes)?;
        if at.is_none() {
            memory.position = end;
        }
        Ok(taken)
    }
}
