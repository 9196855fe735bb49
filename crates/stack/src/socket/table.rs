//! The sockets, and the queue of those to which something newly happened: one entry a socket, however much it was.

use super::{SocketId, Wakes};
use crate::auth::KeyRing;
use crate::demux::{Bind, Reuse};
use crate::listen::Listener;
use crate::slab::Slab;
use crate::{Config, IpConfig, Readiness, SocketFastOpen};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use limpid_event::Error;

/// What a socket is.
pub(crate) enum Kind {
    /// Neither listening nor connected.
    Closed,
    Listener(Box<Listener>),
    /// A connection, by its place.
    Stream(u32),
}

struct Slot {
    generation: u32,
    kind: Option<Kind>,
    /// Settings of its connection, be it there or to come.
    tcp: Arc<Config>,
    /// What most sockets leave as it is.
    rare: Option<Box<Rare>>,
    /// SO_REUSEADDR, SO_REUSEPORT.
    reuse: Reuse,
    /// TCP_SAVE_SYN.
    save_syn: u8,
    /// What newly happened since the last report.
    woke: Readiness,
    /// It stands in the queue of reports, perhaps since the socket before.
    queued: bool,
    wakes: Wakes,
}

/// Settings that few sockets have.
#[derive(Default)]
struct Rare {
    /// At the level of IP.
    ip: IpConfig,
    /// What peers are authenticated with.
    keys: Option<Box<KeyRing>>,
    /// What its application has bound it to.
    bound: Option<Bind>,
    /// What it says of Fast Open.
    fast_open: Option<Box<SocketFastOpen>>,
}

impl Slot {
    fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }
}

/// The sockets of a shard.
pub(crate) struct SocketTable {
    shard: u16,
    slots: Slab<Slot>,
    free: Vec<u32>,
    /// Places of sockets with something to report, each once. May name some that were freed since.
    reports: VecDeque<u32>,
}

/// What counts as news for the reader, and for the writer.
const READ: Readiness = Readiness::READABLE.union(Readiness::READ_CLOSED).union(Readiness::URGENT).union(COMMON);
const WRITE: Readiness = Readiness::WRITABLE.union(COMMON);
const COMMON: Readiness = Readiness::CLOSED.union(Readiness::ERROR).union(Readiness::NOTICE);

impl SocketTable {
    pub(crate) fn new(shard: u16) -> SocketTable {
        SocketTable { shard, slots: Slab::new(), free: Vec::new(), reports: VecDeque::new() }
    }

    /// A new socket.
    pub(crate) fn insert(&mut self, kind: Kind, tcp: Arc<Config>) -> SocketId {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.insert(Slot {
                generation: 0,
                kind: None,
                tcp: tcp.clone(),
                rare: None,
                reuse: Reuse::empty(),
                save_syn: 0,
                woke: Readiness::empty(),
                queued: false,
                wakes: Wakes::default(),
            })
        });
        let slot = &mut self.slots[index];
        slot.kind = Some(kind);
        slot.tcp = tcp;
        self.name(index)
    }

    /// Makes something else of a socket, and gives back what it was.
    pub(crate) fn fill(&mut self, id: SocketId, kind: Kind) -> Option<Kind> {
        self.slots[id.index].kind.replace(kind)
    }

    /// Takes a socket away; its name is never used again.
    pub(crate) fn remove(&mut self, id: SocketId) -> Result<Kind, Error> {
        self.check(id)?;
        let slot = &mut self.slots[id.index];
        let kind = slot.kind.take().ok_or(Error::NoSuchSocket)?;
        slot.generation = slot.generation.wrapping_add(1);
        slot.woke = Readiness::empty();
        slot.wakes = Wakes::default();
        slot.reuse = Reuse::empty();
        slot.save_syn = 0;
        slot.rare = None;
        self.free.push(id.index);
        Ok(kind)
    }

    fn check(&self, id: SocketId) -> Result<&Slot, Error> {
        let slot = self.slots.get(id.index).filter(|s| s.generation == id.generation && s.kind.is_some());
        slot.filter(|_| id.shard == self.shard).ok_or(Error::NoSuchSocket)
    }

    /// What a socket is.
    pub(crate) fn kind(&self, id: SocketId) -> Result<&Kind, Error> {
        self.check(id)?.kind.as_ref().ok_or(Error::NoSuchSocket)
    }

    /// Settings of a socket.
    pub(crate) fn tcp(&self, id: SocketId) -> &Arc<Config> {
        &self.slots[id.index].tcp
    }

    /// The same, to change them.
    pub(crate) fn tcp_mut(&mut self, id: SocketId) -> &mut Arc<Config> {
        &mut self.slots[id.index].tcp
    }

    /// SO_REUSEADDR and SO_REUSEPORT of a socket.
    pub(crate) fn reuse(&self, id: SocketId) -> Reuse {
        self.slots[id.index].reuse
    }

    /// The same, to change it.
    pub(crate) fn set_reuse(&mut self, id: SocketId, reuse: Reuse) {
        self.slots[id.index].reuse = reuse;
    }

    /// What the application has bound a socket to.
    pub(crate) fn bound(&self, id: SocketId) -> Option<Bind> {
        self.slots[id.index].rare.as_ref()?.bound
    }

    /// The application has bound a socket, or it is bound no longer.
    pub(crate) fn set_bound(&mut self, id: SocketId, bound: Option<Bind>) {
        let slot = &mut self.slots[id.index];
        if bound.is_some() || slot.rare.is_some() {
            slot.rare_mut().bound = bound;
        }
    }

    /// What a socket says of Fast Open, if anything.
    pub(crate) fn fast_open(&self, id: SocketId) -> Option<&SocketFastOpen> {
        self.check(id).ok()?.rare.as_ref()?.fast_open.as_deref()
    }

    /// The same, to change it.
    pub(crate) fn set_fast_open(&mut self, id: SocketId, said: Option<Box<SocketFastOpen>>) {
        let slot = &mut self.slots[id.index];
        if said.is_some() || slot.rare.is_some() {
            slot.rare_mut().fast_open = said;
        }
    }

    /// A connection has what its listener says, but for what only listeners do.
    pub(crate) fn inherit_fast_open(&mut self, listener: SocketId, child: SocketId) {
        let said = self.fast_open(listener).map(|said| SocketFastOpen { queue: 0, keys: None, ..*said });
        let said = said.filter(|said| *said != SocketFastOpen::default()).map(Box::new);
        self.set_fast_open(child, said);
        self.slots[child.index].save_syn = self.save_syn(listener);
    }

    /// Which headers of a SYN are kept (TCP_SAVE_SYN).
    pub(crate) fn save_syn(&self, id: SocketId) -> u8 {
        self.check(id).map_or(0, |slot| slot.save_syn)
    }

    /// The same, to change it.
    pub(crate) fn set_save_syn(&mut self, id: SocketId, save: u8) {
        self.slots[id.index].save_syn = save;
    }

    /// The connection of a socket.
    pub(crate) fn stream(&self, id: SocketId) -> Result<u32, Error> {
        match self.kind(id)? {
            Kind::Stream(flow) => Ok(*flow),
            Kind::Listener(_) => Err(Error::InvalidArgument),
            Kind::Closed => Err(Error::NotConnected),
        }
    }

    /// The listener with this name, if it is still there.
    pub(crate) fn listener(&self, id: SocketId) -> Option<&Listener> {
        match self.kind(id) {
            Ok(Kind::Listener(listener)) => Some(listener),
            _ => None,
        }
    }

    /// The same, to change it.
    pub(crate) fn listener_mut(&mut self, id: SocketId) -> Option<&mut Listener> {
        self.check(id).ok()?;
        match self.slots[id.index].kind.as_mut() {
            Some(Kind::Listener(listener)) => Some(listener),
            _ => None,
        }
    }

    /// Changes the settings of all sockets.
    pub(crate) fn configure_all(&mut self, change: impl Fn(&mut Config)) {
        for (_, slot) in self.slots.iter_mut().filter(|(_, slot)| slot.kind.is_some()) {
            change(Arc::make_mut(&mut slot.tcp));
            if let Some(Kind::Listener(listener)) = &mut slot.kind {
                listener.tcp = slot.tcp.clone();
            }
        }
    }

    /// All listeners.
    pub(crate) fn listeners(&self) -> impl Iterator<Item = &Listener> {
        self.slots.iter().filter_map(|(_, slot)| match &slot.kind {
            Some(Kind::Listener(listener)) => Some(&**listener),
            _ => None,
        })
    }

    /// The full name of the socket in a place.
    pub(crate) fn name(&self, index: u32) -> SocketId {
        SocketId { shard: self.shard, index, generation: self.slots[index].generation }
    }

    /// Something newly happened to a socket.
    pub(crate) fn wake(&mut self, index: u32, woke: Readiness) {
        let slot = &mut self.slots[index];
        if woke.is_empty() || slot.kind.is_none() {
            return;
        }
        slot.wakes.read = slot.wakes.read.wrapping_add(u32::from(woke.intersects(READ)));
        slot.wakes.write = slot.wakes.write.wrapping_add(u32::from(woke.intersects(WRITE)));
        slot.woke |= woke;
        if !core::mem::replace(&mut slot.queued, true) {
            self.reports.push_back(index);
        }
    }

    /// The next socket with news, and what they are.
    pub(crate) fn next_report(&mut self) -> Option<(SocketId, Readiness)> {
        while let Some(index) = self.reports.pop_front() {
            let slot = &mut self.slots[index];
            slot.queued = false;
            let woke = core::mem::take(&mut slot.woke);
            // Empty if the slot was freed, or used anew without news, since.
            if !woke.is_empty() {
                return Some((self.name(index), woke));
            }
        }
        None
    }

    /// A socket's settings at the level of IP; the default if it is no longer there.
    pub(crate) fn ip(&self, id: SocketId) -> &IpConfig {
        const USUAL: &IpConfig = &IpConfig::new();
        self.check(id).ok().and_then(|slot| slot.rare.as_ref()).map_or(USUAL, |rare| &rare.ip)
    }

    /// Other settings at the level of IP.
    pub(crate) fn keys(&self, id: SocketId) -> Option<&KeyRing> {
        self.check(id).ok()?.rare.as_ref()?.keys.as_deref()
    }

    /// The keys of a socket that is there, to change them.
    pub(crate) fn keys_mut(&mut self, id: SocketId) -> &mut Option<Box<KeyRing>> {
        &mut self.slots[id.index].rare_mut().keys
    }

    pub(crate) fn set_ip(&mut self, id: SocketId, ip: IpConfig) {
        let slot = &mut self.slots[id.index];
        if ip != IpConfig::new() || slot.rare.is_some() {
            slot.rare_mut().ip = ip;
        }
    }

    /// How often a socket had news.
    pub(crate) fn wakes(&self, id: SocketId) -> Result<Wakes, Error> {
        Ok(self.check(id)?.wakes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_not_used_twice() {
        let mut table = SocketTable::new(3);
        let a = table.insert(Kind::Stream(7), Arc::default());
        assert_eq!(table.stream(a), Ok(7));
        assert!(table.remove(a).is_ok());
        let b = table.insert(Kind::Stream(8), Arc::default());
        assert_eq!(b.index, a.index);
        assert_eq!(table.stream(a), Err(Error::NoSuchSocket));
        assert_eq!(table.stream(b), Ok(8));
        assert_eq!(table.stream(SocketId { shard: 4, ..b }), Err(Error::NoSuchSocket));
    }

    #[test]
    fn news_are_coalesced_and_counted() {
        let mut table = SocketTable::new(0);
        let a = table.insert(Kind::Stream(0), Arc::default());
        let b = table.insert(Kind::Stream(1), Arc::default());
        table.wake(a.index, Readiness::READABLE);
        table.wake(b.index, Readiness::WRITABLE);
        table.wake(a.index, Readiness::READABLE | Readiness::READ_CLOSED);
        table.wake(a.index, Readiness::empty());
        assert_eq!(table.wakes(a), Ok(Wakes { read: 2, write: 0 }));
        assert_eq!(table.next_report(), Some((a, Readiness::READABLE | Readiness::READ_CLOSED)));
        table.wake(a.index, Readiness::ERROR);
        assert_eq!(table.wakes(a), Ok(Wakes { read: 3, write: 1 }));
        assert!(table.remove(b).is_ok());
        assert_eq!(table.next_report(), Some((a, Readiness::ERROR)));
        assert_eq!(table.next_report(), None);
    }

    #[test]
    fn the_queue_is_bounded_even_if_nobody_asks() {
        let mut table = SocketTable::new(0);
        for _ in 0..100 {
            let a = table.insert(Kind::Stream(0), Arc::default());
            table.wake(a.index, Readiness::READABLE);
            assert!(table.remove(a).is_ok());
        }
        assert_eq!(table.reports.len(), 1);
        let b = table.insert(Kind::Stream(0), Arc::default());
        table.wake(b.index, Readiness::WRITABLE);
        assert_eq!(table.next_report(), Some((b, Readiness::WRITABLE)));
        assert_eq!(table.next_report(), None);
    }

    #[test]
    fn a_new_socket_does_not_inherit_news() {
        let mut table = SocketTable::new(0);
        let a = table.insert(Kind::Stream(0), Arc::default());
        table.wake(a.index, Readiness::READABLE);
        assert!(table.remove(a).is_ok());
        let b = table.insert(Kind::Stream(1), Arc::default());
        assert_eq!(table.wakes(b), Ok(Wakes::default()));
        assert_eq!(table.next_report(), None);
    }
}
