//! epoll: who watches what, what is ready, and when an edge counts (`fs/eventpoll.c`).
//!
//! An instance has a list of items that may be ready. Whatever wakes those who wait for a file also puts the items that watch
//! it on this list, if they are interested; `epoll_wait` asks each item on the list for its level, reports what is there, and
//! puts level-triggered ones back. Work is proportional to what is ready, never to what is watched.
//!
//! An instance can't watch another: that is ELOOP, Linux's answer to nesting that is too deep.

use crate::file::{FileId, Object};
use crate::process::{Process, Progress};
use crate::work::{Patience, Work};
use crate::{EpollEvent, Errno, Output, Return, abi};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec;
use alloc::vec::Vec;
use limpid_event::{Instant, Observer};
use limpid_stack::Readiness;

/// Bits that are not events.
const PRIVATE: u32 = abi::EPOLLWAKEUP | abi::EPOLLONESHOT | abi::EPOLLET | abi::EPOLLEXCLUSIVE;

/// What may stand beside EPOLLEXCLUSIVE.
const EXCLUSIVE_OK: u32 = abi::EPOLLIN
    | abi::EPOLLOUT
    | abi::EPOLLERR
    | abi::EPOLLHUP
    | abi::EPOLLWAKEUP
    | abi::EPOLLET
    | abi::EPOLLEXCLUSIVE;

/// The most events that one call may ask for.
const MAX_EVENTS: i32 = i32::MAX / 12;

/// What woke those who wait: events that became possible, or anything.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Key(u32);

impl Key {
    /// The state changed: everybody is woken.
    pub(crate) const ALL: Key = Key(u32::MAX);
    /// Data came.
    pub(crate) const READ: Key = Key(abi::EPOLLIN | abi::EPOLLPRI | abi::EPOLLRDNORM | abi::EPOLLRDBAND);
    /// Room was made.
    pub(crate) const WRITE: Key = Key(abi::EPOLLOUT | abi::EPOLLWRNORM | abi::EPOLLWRBAND);

    /// The key of what newly happened to a socket.
    pub(crate) fn of(woke: Readiness) -> Key {
        let state = Readiness::READ_CLOSED | Readiness::CLOSED | Readiness::ERROR;
        if woke.intersects(state) {
            return Key::ALL;
        }
        let reads = woke.intersects(Readiness::READABLE | Readiness::URGENT);
        let writes = woke.contains(Readiness::WRITABLE);
        Key((u32::from(reads) * Key::READ.0) | (u32::from(writes) * Key::WRITE.0))
    }
}

/// An item of an instance that watches a file, as the file knows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Watcher {
    epoll: FileId,
    fd: i32,
}

/// An item: a file under the number it was added with.
#[derive(Debug)]
struct Item {
    events: u32,
    data: u64,
    /// It is on the list.
    listed: bool,
}

/// An instance.
#[derive(Debug, Default)]
pub(crate) struct Epoll {
    items: BTreeMap<(FileId, i32), Item>,
    /// Items that may be ready, each once.
    ready: VecDeque<(FileId, i32)>,
}

impl Epoll {
    /// Whether some item may be ready.
    pub(crate) fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Puts an item on the list; false if it was there.
    fn list(&mut self, key: (FileId, i32)) -> bool {
        let Some(item) = self.items.get_mut(&key) else { return false };
        let new = !core::mem::replace(&mut item.listed, true);
        if new {
            self.ready.push_back(key);
        }
        new
    }

    fn remove(&mut self, key: (FileId, i32)) -> bool {
        let Some(item) = self.items.remove(&key) else { return false };
        if item.listed {
            self.ready.retain(|other| *other != key);
        }
        true
    }
}

/// An `epoll_wait` that may wait.
#[derive(Debug)]
pub(crate) struct EpollWait {
    file: FileId,
    max: usize,
}

impl EpollWait {
    /// The time is up.
    pub(crate) fn give_up(self) -> Return {
        Return { value: Ok(0), output: Output::Events(Vec::new()) }
    }
}

impl<O: Observer> Process<O> {
    /// epoll_create1
    pub(crate) fn epoll_create(&mut self, flags: i32) -> Result<Return, Errno> {
        if flags & !abi::EPOLL_CLOEXEC != 0 {
            return Err(Errno::EINVAL);
        }
        let fd = self.open_file(Object::Epoll(Epoll::default()), abi::O_RDWR | flags)?;
        Ok(Return::ok(fd.into()))
    }

    fn epoll_mut(&mut self, file: FileId) -> Result<&mut Epoll, Errno> {
        match &mut self.files.get_mut(file).object {
            Object::Epoll(epoll) => Ok(epoll),
            _ => Err(Errno::EINVAL),
        }
    }

    /// epoll_ctl
    pub(crate) fn epoll_ctl(
        &mut self,
        epfd: i32,
        operation: i32,
        fd: i32,
        event: Option<EpollEvent>,
    ) -> Result<Return, Errno> {
        let takes_event = operation != abi::EPOLL_CTL_DEL;
        let event = match event {
            None if takes_event => return Err(Errno::EFAULT),
            event => event.unwrap_or(EpollEvent { events: 0, data: 0 }),
        };
        let (file, target) = (self.file(epfd)?, self.file(fd)?);
        if matches!(self.files.get(target).object, Object::Memory(_)) {
            return Err(Errno::EPERM);
        }
        if file == target {
            return Err(Errno::EINVAL);
        }
        let nested = matches!(self.files.get(target).object, Object::Epoll(_));
        let key = (target, fd);
        let known = self.epoll_mut(file)?.items.contains_key(&key);
        if takes_event && event.events & abi::EPOLLEXCLUSIVE != 0 {
            let refused = nested || event.events & !EXCLUSIVE_OK != 0;
            if operation == abi::EPOLL_CTL_MOD || operation == abi::EPOLL_CTL_ADD && refused {
                return Err(Errno::EINVAL);
            }
        }
        match (operation, known) {
            (abi::EPOLL_CTL_ADD, true) => Err(Errno::EEXIST),
            (abi::EPOLL_CTL_ADD, false) if nested => Err(Errno::ELOOP),
            (abi::EPOLL_CTL_MOD | abi::EPOLL_CTL_DEL, false) => Err(Errno::ENOENT),
            (abi::EPOLL_CTL_DEL, true) => {
                self.epoll_mut(file)?.remove(key);
                self.files.get_mut(target).watchers.retain(|w| *w != Watcher { epoll: file, fd });
                Ok(Return::ok(0))
            }
            (abi::EPOLL_CTL_ADD, false) => {
                self.files.get_mut(target).watchers.push(Watcher { epoll: file, fd });
                self.watch(file, key, event)
            }
            (abi::EPOLL_CTL_MOD, true) => self.watch(file, key, event),
            _ => Err(Errno::EINVAL),
        }
    }

    /// Adds or changes an item; what is possible already counts as news.
    fn watch(&mut self, file: FileId, key: (FileId, i32), event: EpollEvent) -> Result<Return, Errno> {
        let events = event.events | abi::EPOLLERR | abi::EPOLLHUP;
        let epoll = self.epoll_mut(file)?;
        match epoll.items.get_mut(&key) {
            Some(item) if item.events & abi::EPOLLEXCLUSIVE != 0 => return Err(Errno::EINVAL),
            Some(item) => {
                item.events = events;
                item.data = event.data;
            }
            None => {
                epoll.items.insert(key, Item { events, data: event.data, listed: false });
            }
        }
        if self.level(key.0) & events != 0 && self.epoll_mut(file)?.list(key) {
            self.notify(file, Key::READ);
        }
        Ok(Return::ok(0))
    }

    /// Something happened to a file that is watched.
    pub(crate) fn notify_watchers(&mut self, file: FileId, key: Key) {
        let mut woke_exclusive = false;
        for at in 0..self.files.get(file).watchers.len() {
            let Watcher { epoll, fd } = self.files.get(file).watchers[at];
            let waited_for = !self.files.get(epoll).waiters.is_empty();
            let Ok(instance) = self.epoll_mut(epoll) else { continue };
            let events = instance.items.get(&(file, fd)).map_or(0, |item| item.events);
            let exclusive = events & abi::EPOLLEXCLUSIVE != 0;
            // An item without events is disabled (EPOLLONESHOT).
            if events & !PRIVATE & key.0 == 0 || exclusive && woke_exclusive {
                continue;
            }
            woke_exclusive |= exclusive && waited_for && key != Key::ALL;
            if instance.list((file, fd)) {
                self.notify(epoll, Key::READ);
            }
        }
    }

    /// A file that was watched is gone.
    pub(crate) fn forget_watched(&mut self, watcher: Watcher, file: FileId) {
        if let Ok(epoll) = self.epoll_mut(watcher.epoll) {
            epoll.remove((file, watcher.fd));
        }
    }

    /// An instance is gone.
    pub(crate) fn close_epoll(&mut self, file: FileId, epoll: Epoll) {
        for ((target, fd), _) in epoll.items {
            self.files.get_mut(target).watchers.retain(|w| *w != Watcher { epoll: file, fd });
        }
    }

    /// epoll_wait
    pub(crate) fn epoll_wait(&mut self, now: Instant, epfd: i32, max: i32, timeout: i32) -> Result<Progress, Errno> {
        if !(1..=MAX_EVENTS).contains(&max) {
            return Err(Errno::EINVAL);
        }
        let file = self.file(epfd)?;
        self.epoll_mut(file)?;
        let wait = EpollWait { file, max: max as usize };
        let patience = Patience::of(now, crate::poll::milliseconds(timeout));
        self.begin(now, Work::EpollWait(wait), vec![file], patience)
    }

    pub(crate) fn step_epoll_wait(&mut self, wait: &EpollWait) -> Option<Result<Return, Errno>> {
        match self.collect(wait) {
            Ok(events) if events.is_empty() => None,
            Ok(events) => Some(Ok(Return { value: Ok(events.len() as i64), output: Output::Events(events) })),
            Err(errno) => Some(Err(errno)),
        }
    }

    /// Asks the items on the list, and takes off those that are not ready, and those of which one edge was reported.
    fn collect(&mut self, wait: &EpollWait) -> Result<Vec<EpollEvent>, Errno> {
        let mut listed = core::mem::take(&mut self.epoll_mut(wait.file)?.ready);
        let mut events = Vec::new();
        let mut again = Vec::new();
        while events.len() < wait.max
            && let Some(key) = listed.pop_front()
        {
            let level = self.level(key.0);
            let Some(item) = self.epoll_mut(wait.file)?.items.get_mut(&key) else { continue };
            item.listed = false;
            let ready = level & item.events & !PRIVATE;
            if ready == 0 {
                continue;
            }
            events.push(EpollEvent { events: ready, data: item.data });
            if item.events & abi::EPOLLONESHOT != 0 {
                item.events &= PRIVATE;
            } else if item.events & abi::EPOLLET == 0 {
                item.listed = true;
                again.push(key);
            }
        }
        listed.extend(again);
        self.epoll_mut(wait.file)?.ready = listed;
        Ok(events)
    }
}
