//! A host: its shards, each a stack with devices and a thread that drives them.

use crate::builder::Builder;
use crate::shard::{Handovers, Shard, observers};
use crate::{Clock, driver};
use limpid_event::{Counters, Observer};
use limpid_stack::SocketId;
use limpid_tcp::Config;
use limpid_wire::Endpoint;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// A TCP/IP host in this process. A process may have several.
///
/// It is a handle: clones name the same host, and sockets hold it as well. When the last of them is dropped the host goes
/// down: connections that are still closing get a bounded time for it ([`Builder::linger`]), then its threads end, one for each shard. That
/// last drop waits so long.
///
/// ```
/// use limpid::{Host, TcpListener, TcpStream};
/// use std::io::{Read, Write};
///
/// // Every host has a loopback network of its own, which nobody else can see.
/// let host = Host::builder().build()?;
/// let listener = TcpListener::bind(&host, "127.0.0.1:7")?;
/// let mut client = TcpStream::connect(&host, listener.local_addr()?)?;
/// let (mut server, peer) = listener.accept()?;
/// assert_eq!(peer, client.local_addr()?);
///
/// client.write_all(b"hello")?;
/// drop(client);
/// let mut text = String::new();
/// server.read_to_string(&mut text)?;
/// assert_eq!(text, "hello");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Host {
    pub(crate) inner: Arc<Inner>,
}

/// What a host's handles and sockets share.
pub(crate) struct Inner {
    shards: Arc<[Arc<Shard>]>,
    /// Which of them the next socket goes to.
    next: AtomicUsize,
    /// What new sockets start with.
    pub(crate) config: Arc<Config>,
    drivers: Mutex<Vec<JoinHandle<()>>>,
    linger: Duration,
}

impl Inner {
    /// All shards, in the order of their numbers.
    pub(crate) fn shards(&self) -> &[Arc<Shard>] {
        &self.shards
    }

    /// The shard that a socket is in.
    pub(crate) fn shard_of(&self, socket: SocketId) -> &Shard {
        &self.shards[usize::from(socket.shard)]
    }

    /// A shard for a new socket: each in its turn.
    pub(crate) fn any_shard(&self) -> &Shard {
        match &*self.shards {
            [one] => one,
            all => &all[self.next.fetch_add(1, Ordering::Relaxed) % all.len()],
        }
    }

    /// The shard that a connection has to be opened in: the one that it belongs to, if all of it is known.
    pub(crate) fn shard_for(&self, local: Option<Endpoint>, remote: Endpoint) -> io::Result<&Shard> {
        match local.filter(|local| local.port != 0 && self.shards.len() > 1) {
            None => Ok(self.any_shard()),
            Some(local) => {
                let owner = self.shards[0].call(|stack, now| stack.owner_of(now, local, remote))?;
                Ok(&self.shards[usize::from(owner)])
            }
        }
    }
}

impl Host {
    /// Begins a host that has, so far, only a loopback interface.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn start(shards: Vec<Shard>, config: Arc<Config>, linger: Duration, name: &str) -> io::Result<Host> {
        let shards: Arc<[Arc<Shard>]> = shards.into_iter().map(Arc::new).collect();
        let count = shards.len();
        let inner = Inner { shards, next: AtomicUsize::new(0), config, drivers: Mutex::default(), linger };
        let host = Host { inner: Arc::new(inner) };
        for which in 0..count {
            let name = if count == 1 { name.to_owned() } else { format!("{name}/{which}") };
            // If one can't be started the others end with the host.
            let driver = driver::start(host.inner.shards.clone(), which, name)?;
            host.inner.drivers.lock().unwrap_or_else(PoisonError::into_inner).push(driver);
        }
        Ok(host)
    }

    /// The clock that events and taps of this host are timed with.
    pub fn clock(&self) -> Clock {
        self.inner.shards[0].clock()
    }

    /// Begins to tell `observer` of every event, instead of whoever was told before; `None` ends it.
    ///
    /// The observer is called by whichever thread drives the stack, while nobody else can: it should be quick, and must
    /// not use this host. Of a host with several shards only one can call it at a time; the others wait meanwhile.
    ///
    /// # Errors
    /// The host has gone down.
    pub fn set_observer(&self, observer: Option<Box<dyn Observer + Send>>) -> io::Result<()> {
        let shards = &self.inner.shards;
        for (shard, observer) in shards.iter().zip(observers(observer, shards.len())) {
            shard.call(|stack, _| {
                *stack.observer() = observer;
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Linux's MIB counters of this host.
    ///
    /// # Errors
    /// The host has gone down.
    pub fn counters(&self) -> io::Result<Counters> {
        let mut sum = Counters::default();
        for shard in &*self.inner.shards {
            let counters = shard.call(|stack, _| Ok(stack.counters().clone()))?;
            counters.iter().for_each(|(counter, value)| sum.add(counter, value));
        }
        Ok(sum)
    }

    /// How many connections are open: neither embryonic nor in TIME-WAIT.
    ///
    /// # Errors
    /// The host has gone down.
    pub fn open_connections(&self) -> io::Result<usize> {
        self.inner.shards.iter().map(|shard| shard.call(|stack, _| Ok(stack.open_connections()))).sum()
    }

    /// How many shards it has ([`Builder::shards`]).
    pub fn shards(&self) -> usize {
        self.inner.shards.len()
    }

    /// How many frames came to another shard than theirs, since the beginning.
    ///
    /// # Errors
    /// The host has gone down.
    pub fn handovers(&self) -> io::Result<Handovers> {
        let mut sum = Handovers::default();
        for shard in &*self.inner.shards {
            let count = shard.handovers()?;
            sum.delivered += count.delivered;
            sum.lost += count.lost;
        }
        Ok(sum)
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").finish_non_exhaustive()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shards.iter().for_each(|shard| shard.stop(self.linger));
        for driver in self.drivers.get_mut().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // An observer or a tap that holds the last handle would have the thread wait for itself.
            if driver.thread().id() != std::thread::current().id() {
                // If it panicked, that was told when it happened.
                let _ = driver.join();
            }
        }
    }
}
