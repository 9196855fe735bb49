//! Open files: what descriptors name. Several descriptors, and calls that wait, may share one; it goes with the last of them.

use crate::epoll::{Epoll, Watcher};
use crate::memory::MemoryFile;
use crate::pipe::PipeEnd;
use crate::socket::Socket;
use crate::task::TaskId;
use crate::{Errno, abi};
use alloc::boxed::Box;
use alloc::vec::Vec;
use slab::Slab;

/// The place of an open file. It means the same file as long as a reference to it is held.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct FileId(pub(crate) u32);

/// What an open file is.
#[derive(Debug)]
pub(crate) enum Object {
    Socket(Box<Socket>),
    Pipe(PipeEnd),
    Memory(MemoryFile),
    Epoll(Epoll),
}

/// An open file.
#[derive(Debug)]
pub(crate) struct OpenFile {
    pub(crate) object: Object,
    /// O_NONBLOCK and the other status flags.
    pub(crate) flags: i32,
    references: u32,
    /// Calls that wait for it, the first that came first.
    pub(crate) waiters: Vec<TaskId>,
    /// epoll instances that watch it.
    pub(crate) watchers: Vec<Watcher>,
}

impl OpenFile {
    pub(crate) fn is_nonblocking(&self) -> bool {
        self.flags & abi::O_NONBLOCK != 0
    }

    /// Whether it was opened to be read.
    pub(crate) fn can_read(&self) -> bool {
        self.flags & abi::O_ACCMODE != abi::O_WRONLY
    }

    /// Whether it was opened to be written.
    pub(crate) fn can_write(&self) -> bool {
        self.flags & abi::O_ACCMODE != abi::O_RDONLY
    }
}

/// All open files.
#[derive(Debug, Default)]
pub(crate) struct OpenFiles {
    slab: Slab<OpenFile>,
}

impl OpenFiles {
    /// A new file, with one reference.
    pub(crate) fn insert(&mut self, object: Object, flags: i32) -> FileId {
        let file = OpenFile { object, flags, references: 1, waiters: Vec::new(), watchers: Vec::new() };
        FileId(self.slab.insert(file) as u32)
    }

    /// One more reference.
    pub(crate) fn hold(&mut self, file: FileId) {
        self.slab[file.0 as usize].references += 1;
    }

    /// One reference less; the file itself if that was the last.
    pub(crate) fn release(&mut self, file: FileId) -> Option<OpenFile> {
        let references = &mut self.slab[file.0 as usize].references;
        *references -= 1;
        if *references > 0 { None } else { Some(self.slab.remove(file.0 as usize)) }
    }

    pub(crate) fn get(&self, file: FileId) -> &OpenFile {
        &self.slab[file.0 as usize]
    }

    pub(crate) fn get_mut(&mut self, file: FileId) -> &mut OpenFile {
        &mut self.slab[file.0 as usize]
    }

    /// The socket that a file is, or ENOTSOCK.
    pub(crate) fn socket(&self, file: FileId) -> Result<&Socket, Errno> {
        match &self.get(file).object {
            Object::Socket(socket) => Ok(socket),
            _ => Err(Errno::ENOTSOCK),
        }
    }

    /// The same, to change it.
    pub(crate) fn socket_mut(&mut self, file: FileId) -> Result<&mut Socket, Errno> {
        match &mut self.get_mut(file).object {
            Object::Socket(socket) => Ok(socket),
            _ => Err(Errno::ENOTSOCK),
        }
    }
}
