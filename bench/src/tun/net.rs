//! Linux networks: each has a thread in it, which does what it is told.

use limpid_device::namespace::{Namespace, NamespaceError};
use std::fs::File;
use std::io;
use std::sync::mpsc::{self, Sender};
use std::thread::JoinHandle;

type Task = Box<dyn FnOnce(&Namespace) + Send>;

/// A private network of Linux. It is gone when this is dropped.
pub(crate) struct Net {
    tasks: Option<Sender<Task>>,
    thread: Option<JoinHandle<()>>,
}

impl Net {
    pub(crate) fn new() -> io::Result<Net> {
        let (tasks, inbox) = mpsc::channel::<Task>();
        let (made, answer) = mpsc::channel();
        let thread = std::thread::spawn(move || match Namespace::enter() {
            Ok(namespace) => {
                let _ = made.send(Ok(()));
                inbox.into_iter().for_each(|task| task(&namespace));
            }
            Err(error) => drop(made.send(Err(error))),
        });
        answer.recv().map_err(io::Error::other)?.map_err(io::Error::other)?;
        Ok(Net { tasks: Some(tasks), thread: Some(thread) })
    }

    /// Does something in this network: what it opens belongs there for good.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        task: impl FnOnce(&Namespace) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let (done, answer) = mpsc::channel();
        let task: Task = Box::new(move |namespace| drop(done.send(task(namespace))));
        self.tasks
            .as_ref()
            .and_then(|tasks| tasks.send(task).ok())
            .ok_or_else(|| io::Error::other("a network is gone"))?;
        answer.recv().map_err(io::Error::other)?
    }

    fn descriptor(&self) -> io::Result<File> {
        self.run(|namespace| namespace.descriptor().map_err(io::Error::other))
    }

    /// A network with one address, joined to another by a cable.
    pub(crate) fn joined(here: &str, there: &str) -> io::Result<(Net, Net)> {
        let (left, right) = (Net::new()?, Net::new()?);
        let to = right.descriptor()?;
        left.run(move |namespace| {
            namespace.veth("veth0", "veth1").and_then(|()| namespace.hand_over("veth1", to)).map_err(io::Error::other)
        })?;
        left.address("veth0", here)?;
        right.address("veth1", there)?;
        Ok((left, right))
    }

    /// Sets a link up, with an address.
    pub(crate) fn address(&self, link: &'static str, address: &str) -> io::Result<()> {
        let address = address.to_owned();
        self.run(move |namespace| set_up(namespace, link, &address).map_err(io::Error::other))
    }
}

fn set_up(namespace: &Namespace, link: &str, address: &str) -> Result<(), NamespaceError> {
    namespace.set_sysctl(&format!("net/ipv6/conf/{link}/disable_ipv6"), "1")?;
    namespace.set_link_up(link, None)?;
    namespace.add_address(link, address.parse().expect("addresses here are well formed"))
}

impl Drop for Net {
    fn drop(&mut self) {
        drop(self.tasks.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
