//! A host: a stack of its own, its devices, and the thread that drives them.

use crate::builder::Builder;
use crate::shard::Shard;
use crate::{Clock, driver};
use limpid_event::{Counters, Observer};
use limpid_tcp::Config;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// A TCP/IP host in this process. A process may have several.
///
/// It is a handle: clones name the same host, and sockets hold it as well. When the last of them is dropped the host goes
/// down: connections that are still closing get a bounded time for it ([`Builder::linger`]), then its thread ends. That
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
    pub(crate) shard: Arc<Shard>,
    /// What new sockets start with.
    pub(crate) config: Arc<Config>,
    driver: Mutex<Option<JoinHandle<()>>>,
    linger: Duration,
}

impl Host {
    /// Begins a host that has, so far, only a loopback interface.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn start(shard: Shard, config: Arc<Config>, linger: Duration, name: String) -> io::Result<Host> {
        let shard = Arc::new(shard);
        let driver = driver::start(shard.clone(), name)?;
        let inner = Inner { shard, config, driver: Mutex::new(Some(driver)), linger };
        Ok(Host { inner: Arc::new(inner) })
    }

    /// The clock that events and taps of this host are timed with.
    pub fn clock(&self) -> Clock {
        self.inner.shard.clock()
    }

    /// Begins to tell `observer` of every event, instead of whoever was told before; `None` ends it.
    ///
    /// The observer is called by whichever thread drives the stack, while nobody else can: it should be quick, and must
    /// not use this host.
    ///
    /// # Errors
    /// The host has gone down.
    pub fn set_observer(&self, observer: Option<Box<dyn Observer + Send>>) -> io::Result<()> {
        self.inner.shard.call(|stack, _| {
            *stack.observer() = observer;
            Ok(())
        })
    }

    /// Linux's MIB counters of this host.
    ///
    /// # Errors
    /// The host has gone down.
    pub fn counters(&self) -> io::Result<Counters> {
        self.inner.shard.call(|stack, _| Ok(stack.counters().clone()))
    }

    /// How many connections are open: neither embryonic nor in TIME-WAIT.
    ///
    /// # Errors
    /// The host has gone down.
    pub fn open_connections(&self) -> io::Result<usize> {
        self.inner.shard.call(|stack, _| Ok(stack.open_connections()))
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").finish_non_exhaustive()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shard.stop(self.linger);
        let driver = self.driver.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        // An observer or a tap that holds the last handle would have the thread wait for itself.
        if let Some(driver) = driver.filter(|d| d.thread().id() != std::thread::current().id()) {
            // If it panicked, that was told when it happened.
            let _ = driver.join();
        }
    }
}
