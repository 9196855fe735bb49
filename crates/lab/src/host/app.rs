//! What an application in the lab can do: sockets, sleep, and words for the record.

use super::{Interest, Machine, Options, SocketKey};
use crate::clock::Clock;
use crate::executor::{JoinHandle, Spawner};
use crate::recorder::Recorder;
use limpid_event::{Counter, Error, Instant};
use limpid_stack::Shutdown;
use limpid_wire::Endpoint;
use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

/// An application's view of its host. Clones are the same application.
#[derive(Clone)]
pub struct App {
    inner: Rc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) machine: Rc<RefCell<dyn Machine>>,
    /// The host, as the recorder counts it.
    pub(crate) host: usize,
    pub(crate) clock: Clock,
    pub(crate) spawner: Spawner,
    pub(crate) recorder: Recorder,
    /// What the application waits for, for the report of a world that is stuck.
    pub(crate) waits_for: Rc<Cell<&'static str>>,
}

impl App {
    pub(crate) fn new(inner: Inner) -> App {
        App { inner: Rc::new(inner) }
    }

    /// Now.
    pub fn now(&self) -> Instant {
        self.inner.clock.now()
    }

    /// Waits.
    pub async fn sleep(&self, duration: Duration) {
        self.inner.waits_for.set("sleep");
        self.inner.clock.sleep(duration).await;
        self.inner.waits_for.set("");
    }

    /// `future`'s output, or `None` if `limit` passes before it is there.
    pub async fn timeout<T>(&self, limit: Duration, future: impl Future<Output = T>) -> Option<T> {
        self.inner.clock.timeout(limit, future).await
    }

    /// Says something for the record: it appears in the ladder beside this host's lifeline.
    pub fn remark(&self, text: impl Into<String>) {
        self.inner.recorder.remark(self.now(), self.inner.host, text);
    }

    /// What a socket's sender is called in pictures.
    pub fn label(&self, socket: &Socket, text: impl Into<String>) {
        if let Ok(local) = socket.local_endpoint() {
            self.inner.recorder.label(local, text);
        }
    }

    /// One of Linux's counters of this host, where it tells of them; else 0.
    pub fn counter(&self, counter: Counter) -> u64 {
        self.inner.machine.borrow().counter(counter)
    }

    /// A packet arrives at this host from outside of the recorded world: a stranger's.
    pub fn inject(&self, packet: Vec<u8>) {
        // A host that can't take it has not got it.
        let _ = self.inner.machine.borrow_mut().deliver(self.now(), packet);
    }

    /// Starts another task of this application.
    pub fn spawn<T: 'static>(&self, name: &str, task: impl Future<Output = T> + 'static) -> JoinHandle<T> {
        self.inner.spawner.spawn(name, task)
    }

    /// Opens a connection.
    pub async fn connect(&self, remote: Endpoint) -> Result<Socket, Error> {
        self.connect_from(None, remote, Options::default()).await
    }

    /// Opens a connection from an address and port of the application's choice.
    ///
    /// # Errors
    /// As `connect(2)`, and `TimedOut` after [`Options::connect_deadline`].
    pub async fn connect_from(
        &self,
        local: Option<Endpoint>,
        remote: Endpoint,
        options: Options,
    ) -> Result<Socket, Error> {
        let machine = &self.inner.machine;
        let key = machine.borrow_mut().connect(self.now(), local, remote, &options)?;
        let socket = Socket { app: self.clone(), key };
        let connected = socket.wait(Interest::Write, "connect", |machine, now| machine.connected(now, key));
        match options.connect_deadline.filter(|_| !machine.borrow().keeps_connect_deadline()) {
            Some(limit) => self.timeout(limit, connected).await.unwrap_or(Err(Error::TimedOut))?,
            None => connected.await?,
        }
        Ok(socket)
    }

    /// Starts listening; the accept queue holds `backlog` + 1.
    pub fn listen(&self, local: Endpoint, backlog: usize) -> Result<Listener, Error> {
        self.listen_with(local, backlog, Options::default())
    }

    /// Starts listening, with options that accepted connections inherit.
    pub fn listen_with(&self, local: Endpoint, backlog: usize, options: Options) -> Result<Listener, Error> {
        let key = self.inner.machine.borrow_mut().listen(self.now(), local, backlog, &options)?;
        Ok(Listener { socket: Socket { app: self.clone(), key } })
    }
}

/// A listening socket; closed when dropped.
pub struct Listener {
    socket: Socket,
}

impl Listener {
    /// The next connection, and who is at its other end.
    pub async fn accept(&self) -> Result<(Socket, Endpoint), Error> {
        let listener = self.socket.key;
        let (key, peer) =
            self.socket.wait(Interest::Read, "accept", |machine, now| machine.accept(now, listener)).await?;
        Ok((Socket { app: self.socket.app.clone(), key }, peer))
    }

    /// Where it listens.
    pub fn local_endpoint(&self) -> Result<Endpoint, Error> {
        self.socket.local_endpoint()
    }
}

/// A connected socket; closed when dropped, as a process that exits closes its own.
pub struct Socket {
    app: App,
    key: SocketKey,
}

impl Socket {
    /// Reads; 0 is the end of the stream: the peer has finished sending.
    pub async fn read(&self, buf: &mut [u8]) -> Result<usize, Error> {
        let key = self.key;
        self.wait(Interest::Read, "read", |machine, now| machine.read(now, key, buf)).await
    }

    /// Reads exactly as much as `buf` holds, or less if the stream ends first.
    pub async fn read_full(&self, buf: &mut [u8]) -> Result<usize, Error> {
        let mut filled = 0;
        while filled < buf.len() {
            match self.read(&mut buf[filled..]).await? {
                0 => break,
                n => filled += n,
            }
        }
        Ok(filled)
    }

    /// Reads until the peer has finished.
    pub async fn read_to_end(&self) -> Result<Vec<u8>, Error> {
        let (mut all, mut buf) = (Vec::new(), [0; 4096]);
        loop {
            match self.read(&mut buf).await? {
                0 => return Ok(all),
                n => all.extend_from_slice(&buf[..n]),
            }
        }
    }

    /// Writes some of `bytes`.
    pub async fn write(&self, bytes: &[u8]) -> Result<usize, Error> {
        let key = self.key;
        self.wait(Interest::Write, "write", |machine, now| machine.write(now, key, bytes)).await
    }

    /// Writes all of `bytes`.
    pub async fn write_all(&self, mut bytes: &[u8]) -> Result<(), Error> {
        while !bytes.is_empty() {
            let n = self.write(bytes).await?;
            bytes = &bytes[n..];
        }
        Ok(())
    }

    /// Closes one half or both.
    pub fn shutdown(&self, how: Shutdown) -> Result<(), Error> {
        self.machine().borrow_mut().shutdown(self.app.now(), self.key, how)
    }

    /// Closes the socket; the connection ends in the background.
    pub fn close(self) {}

    /// Resets the connection.
    pub fn abort(self) {
        self.machine().borrow_mut().abort(self.app.now(), self.key);
    }

    /// Takes the pending error (SO_ERROR).
    pub fn take_error(&self) -> Option<Error> {
        self.machine().borrow_mut().take_error(self.key)
    }

    /// This end's address and port.
    pub fn local_endpoint(&self) -> Result<Endpoint, Error> {
        self.machine().borrow().local_endpoint(self.key)
    }

    fn machine(&self) -> &Rc<RefCell<dyn Machine>> {
        &self.app.inner.machine
    }

    /// Repeats `attempt` until it gives something else than `WouldBlock`.
    async fn wait<T>(
        &self,
        interest: Interest,
        what: &'static str,
        mut attempt: impl FnMut(&mut dyn Machine, Instant) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let inner = &self.app.inner;
        poll_fn(|cx| {
            let mut machine = inner.machine.borrow_mut();
            match attempt(&mut *machine, inner.clock.now()) {
                Err(Error::WouldBlock) => {
                    machine.register(self.key, interest, cx.waker());
                    inner.waits_for.set(what);
                    Poll::Pending
                }
                done => {
                    inner.waits_for.set("");
                    Poll::Ready(done)
                }
            }
        })
        .await
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Closing a socket that was aborted does nothing: its key names nobody any more.
        self.machine().borrow_mut().close(self.app.now(), self.key);
    }
}
