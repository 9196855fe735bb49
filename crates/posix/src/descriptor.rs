//! The descriptor table: small numbers for open files.

use crate::Errno;
use crate::file::FileId;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

/// The bound on descriptors unless [`Process::set_max_descriptors`](crate::Process::set_max_descriptors) says otherwise
/// (RLIMIT_NOFILE). Beyond it there is EMFILE.
pub const MAX_DESCRIPTORS: usize = 1024;

/// The numbers below are standard input, output and error, which the host program has.
const FIRST: i32 = 3;

/// Gives numbers to descriptors: one that is not in use, and not below the one it is asked for; `None` if there is none.
pub type Allot = Box<dyn FnMut(i32) -> Option<i32> + Send>;

/// An entry of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Descriptor {
    pub(crate) file: FileId,
    /// FD_CLOEXEC.
    pub(crate) close_on_exec: bool,
}

/// The table.
pub(crate) struct Descriptors {
    slots: Vec<Option<Descriptor>>,
    /// No number below is free.
    lowest: usize,
    max: usize,
    allot: Option<Allot>,
}

impl fmt::Debug for Descriptors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl Descriptors {
    pub(crate) fn new() -> Descriptors {
        Descriptors { slots: Vec::new(), lowest: FIRST as usize, max: MAX_DESCRIPTORS, allot: None }
    }

    pub(crate) fn set_max(&mut self, max: usize) {
        self.max = max;
    }

    pub(crate) fn max(&self) -> usize {
        self.max
    }

    pub(crate) fn set_allot(&mut self, allot: Option<Allot>) {
        self.allot = allot;
    }

    /// All descriptors by their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (i32, Descriptor)> + '_ {
        self.slots.iter().enumerate().filter_map(|(fd, slot)| Some((fd as i32, (*slot)?)))
    }

    /// The descriptor with this number.
    pub(crate) fn get(&self, fd: i32) -> Result<Descriptor, Errno> {
        let slot = usize::try_from(fd).ok().and_then(|fd| self.slots.get(fd));
        slot.copied().flatten().ok_or(Errno::EBADF)
    }

    /// The same, to change it.
    pub(crate) fn get_mut(&mut self, fd: i32) -> Result<&mut Descriptor, Errno> {
        let slot = usize::try_from(fd).ok().and_then(|fd| self.slots.get_mut(fd));
        slot.and_then(Option::as_mut).ok_or(Errno::EBADF)
    }

    /// EMFILE if it is known already that there is no number left. A host program is asked only when one is needed.
    pub(crate) fn check_room(&mut self) -> Result<(), Errno> {
        if self.allot.is_none() {
            self.reserve(0)?;
        }
        Ok(())
    }

    /// A number that the next descriptor can have, not below `least`.
    pub(crate) fn reserve(&mut self, least: i32) -> Result<i32, Errno> {
        let fd = match &mut self.allot {
            Some(allot) => allot(least).ok_or(Errno::EMFILE)?,
            None => self.lowest_free(least),
        };
        let usable = usize::try_from(fd).is_ok_and(|fd| fd < self.max) && self.get(fd).is_err();
        if usable { Ok(fd) } else { Err(Errno::EMFILE) }
    }

    fn lowest_free(&mut self, least: i32) -> i32 {
        let least = usize::try_from(least).unwrap_or(0);
        let from = least.max(self.lowest);
        let taken = self.slots.iter().skip(from).take_while(|slot| slot.is_some()).count();
        if from == self.lowest {
            self.lowest += taken;
        }
        i32::try_from(from + taken).unwrap_or(i32::MAX)
    }

    /// Enters a descriptor under a number that [`reserve`](Self::reserve) gave.
    pub(crate) fn insert(&mut self, fd: i32, descriptor: Descriptor) {
        let at = usize::try_from(fd).unwrap_or_default();
        if self.slots.len() <= at {
            self.slots.resize(at + 1, None);
        }
        self.slots[at] = Some(descriptor);
    }

    /// Takes a descriptor out.
    pub(crate) fn remove(&mut self, fd: i32) -> Result<Descriptor, Errno> {
        let at = usize::try_from(fd).map_err(|_| Errno::EBADF)?;
        let descriptor = self.slots.get_mut(at).and_then(Option::take).ok_or(Errno::EBADF)?;
        if at >= FIRST as usize {
            self.lowest = self.lowest.min(at);
        }
        Ok(descriptor)
    }
}
