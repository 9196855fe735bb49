//! A private network: a namespace with Linux's own TCP in it, joined to a stack of ours by a TUN device.
//!
//! As root the calling thread gets a network namespace of its own. Otherwise the whole process, which must still be
//! single-threaded, gets a user namespace and in it a network namespace; that needs no rights where user namespaces are
//! allowed. Either way nothing of the host's network is read or changed: every operation is a method of [`Namespace`]
//! and refuses to work once its thread is elsewhere.
//!
//! Nothing is left behind. The kernel takes a namespace away, with devices, addresses and sockets, when the last process
//! in it ends; a [`Child`] started in it is killed with its guard, and by the kernel if this process dies first, each with
//! everything that it has started.

mod child;
mod error;
mod link;
mod netlink;
mod route;
#[cfg(test)]
mod tests;
mod veth;

pub use child::Child;
pub use error::NamespaceError;
pub use link::Queue;
pub(crate) use netlink::Netlink;
pub use route::{KernelRoute, RouteMetrics};

use crate::tun::{Tun, TunConfig};
use limpid_wire::{Cidr, IpAddr};
use rustix::io::Errno;
use rustix::thread::{LinkNameSpaceType, UnshareFlags};
use std::fs::{self, File};
use std::io;
use std::marker::PhantomData;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The calling thread's network namespace, seen from itself (`/proc/self` would be the main thread's).
const THREAD_NET: &str = "/proc/thread-self/ns/net";

/// How long Linux may take until a new address is usable.
const ADDRESS_PATIENCE: Duration = Duration::from_secs(5);

/// A private network namespace that the thread holding this value is in.
///
/// Threads and processes started from this thread are in it as well. Dropping it kills the processes that are still in
/// it and, as root, takes the thread back to where it came from; a process that entered a user namespace stays.
#[derive(Debug)]
pub struct Namespace {
    /// The namespace's name for the kernel (`net:[4026532281]`).
    id: PathBuf,
    /// The way back, where there is one.
    origin: Option<File>,
    netlink: Netlink,
    /// Not `Send`: what it says is true of one thread.
    thread: PhantomData<*const ()>,
}

impl Namespace {
    /// Makes a private network namespace, moves the calling thread into it, and sets its loopback up.
    ///
    /// # Errors
    /// [`NamespaceError::NotAllowed`] and [`NamespaceError::SeveralThreads`] say what was tried; their
    /// [`hint`](NamespaceError::hint) says what to do.
    pub fn enter() -> Result<Namespace, NamespaceError> {
        let origin = File::open(THREAD_NET).ok();
        let origin = match unshare(UnshareFlags::NEWNET) {
            Ok(()) => origin,
            Err(direct) => {
                enter_user_namespace(direct)?;
                None
            }
        };
        let netlink = Netlink::open().map_err(NamespaceError::step("netlink"))?;
        let id = fs::read_link(THREAD_NET).map_err(NamespaceError::step(THREAD_NET))?;
        let namespace = Namespace { id, origin, netlink, thread: PhantomData };
        namespace.set_link_up("lo", None)?;
        Ok(namespace)
    }

    /// Makes a TUN device with its addresses on the kernel's side, and sets it up.
    ///
    /// # Errors
    /// [`NamespaceError::NoTun`] if `/dev/net/tun` can't be opened; [`NamespaceError::Left`] if the thread is no longer in the
    /// namespace; [`NamespaceError::Step`] with what else was refused.
    pub fn tun(&self, config: &TunConfig) -> Result<Tun, NamespaceError> {
        let mut queues = self.tun_queues(config, 1)?;
        Ok(queues.swap_remove(0))
    }

    /// The same with several queues, one for each thread. Which packets come by which, [`Tun::attach_queues`] says.
    ///
    /// # Errors
    /// As [`tun`](Self::tun); and if there are 0 queues or more than 256.
    pub fn tun_queues(&self, config: &TunConfig, queues: usize) -> Result<Vec<Tun>, NamespaceError> {
        self.check("TUN device")?;
        let tuns = Tun::create(config, queues)?;
        // Quiet where IPv6 is not asked for; else no autoconfiguration, no router solicitations, no waiting for DAD.
        let v6 = config.kernel_addresses.iter().any(|a| !a.addr.is_v4());
        let name = tuns[0].name();
        if fs::exists("/proc/sys/net/ipv6").unwrap_or(false) {
            let knobs: &[(&str, &str)] = match v6 {
                false => &[("disable_ipv6", "1")],
                true => {
                    &[("addr_gen_mode", "1"), ("router_solicitations", "0"), ("accept_ra", "0"), ("accept_dad", "0")]
                }
            };
            for (knob, value) in knobs {
                self.set_sysctl(&format!("net/ipv6/conf/{name}/{knob}"), value)?;
            }
        }
        self.set_link_up(name, Some(config.mtu))?;
        for address in &config.kernel_addresses {
            self.add_address(name, *address)?;
        }
        Ok(tuns)
    }

    /// Gives a link that is up an address and the route to its network. It is usable when this returns: there is no
    /// duplicate address detection (`nodad`).
    ///
    /// # Errors
    /// [`NamespaceError::Step`], with what the kernel said: there is no such link, it has the address, or the address can't be a host's.
    pub fn add_address(&self, link: &str, address: Cidr) -> Result<(), NamespaceError> {
        let index = self.index(link)?;
        let add = || {
            self.netlink.add_address(index, address)?;
            self.wait_until_local(address.addr)
        };
        add().map_err(NamespaceError::step(format!("address {address} on {link}")))
    }

    /// Linux takes IPv6 packets to a new address only once a worker of its own has seen to that.
    fn wait_until_local(&self, address: IpAddr) -> io::Result<()> {
        let deadline = Instant::now() + ADDRESS_PATIENCE;
        while !self.netlink.is_local(address)? {
            if Instant::now() >= deadline {
                return Err(io::ErrorKind::TimedOut.into());
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        Ok(())
    }

    /// Sets a link up, with another MTU (bytes) if one is given.
    ///
    /// # Errors
    /// [`NamespaceError::Step`], with what the kernel said: there is no such link, or it does not take this MTU.
    pub fn set_link_up(&self, link: &str, mtu: Option<u16>) -> Result<(), NamespaceError> {
        let index = self.index(link)?;
        self.netlink.set_up(index, mtu).map_err(NamespaceError::step(format!("link {link} up")))
    }

    /// Sets a network sysctl of this namespace, as `net.ipv4.tcp_syn_retries`; `/` for `.` where an interface's name
    /// has dots.
    ///
    /// # Errors
    /// [`NamespaceError::Left`] if the thread is no longer in the namespace; [`NamespaceError::Step`] with what the kernel said.
    pub fn set_sysctl(&self, name: &str, value: &str) -> Result<(), NamespaceError> {
        let path = self.sysctl_path(name)?;
        fs::write(&path, value).map_err(NamespaceError::step(format!("sysctl {name}={value}")))
    }

    /// Reads a network sysctl of this namespace, without the newline.
    ///
    /// # Errors
    /// [`NamespaceError::Left`] if the thread is no longer in the namespace; [`NamespaceError::Step`] with what the kernel said.
    pub fn sysctl(&self, name: &str) -> Result<String, NamespaceError> {
        let path = self.sysctl_path(name)?;
        let text = fs::read_to_string(&path).map_err(NamespaceError::step(format!("sysctl {name}")))?;
        Ok(text.trim_end().to_owned())
    }

    fn sysctl_path(&self, name: &str) -> Result<PathBuf, NamespaceError> {
        let what = format!("sysctl {name}");
        self.check(&what)?;
        let path = if name.contains('/') { name.to_owned() } else { name.replace('.', "/") };
        if !path.starts_with("net/") || path.split('/').any(|part| part.is_empty() || part == "..") {
            return Err(NamespaceError::step(what)(io::Error::new(io::ErrorKind::InvalidInput, "no network sysctl")));
        }
        Ok(PathBuf::from("/proc/sys").join(path))
    }

    fn index(&self, link: &str) -> Result<u32, NamespaceError> {
        let found = self.netlink.link(link).map_err(NamespaceError::step(format!("link {link}")))?;
        let no_such = || NamespaceError::step(format!("link {link}"))(Errno::NODEV.into());
        found.map(|l| l.index).ok_or_else(no_such)
    }

    /// Is the calling thread still in this namespace?
    fn check(&self, what: &str) -> Result<(), NamespaceError> {
        match fs::read_link(THREAD_NET) {
            Ok(id) if id == self.id => Ok(()),
            _ => Err(NamespaceError::Left { what: what.to_owned() }),
        }
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        child::kill_all_in(&self.id);
        if let Some(origin) = &self.origin
            && self.check("leave").is_ok()
        {
            // If the way back is closed the thread stays in its private network, which does no harm.
            let _ = rustix::thread::move_into_link_name_space(origin.as_fd(), Some(LinkNameSpaceType::Network));
        }
    }
}

fn unshare(flags: UnshareFlags) -> io::Result<()> {
    assert!((UnshareFlags::NEWNET | UnshareFlags::NEWUSER | UnshareFlags::NEWPID).contains(flags));
    // SAFETY: unshare is unsafe because CLONE_FILES splits the table of file descriptors; none of the flags that can be
    // passed here touches it.
    unsafe { rustix::thread::unshare_unsafe(flags) }.map_err(io::Error::from)
}

/// The way without root. `direct` is why the other way is closed.
fn enter_user_namespace(direct: io::Error) -> Result<(), NamespaceError> {
    let not_allowed = |user| NamespaceError::NotAllowed { direct, user };
    if fs::read_dir("/proc/self/task").is_ok_and(|tasks| tasks.count() > 1) {
        return Err(NamespaceError::SeveralThreads);
    }
    let uid = rustix::process::getuid().as_raw();
    let gid = rustix::process::getgid().as_raw();
    let enter = || {
        unshare(UnshareFlags::NEWUSER | UnshareFlags::NEWNET)?;
        // Root inside, so that programs started here keep their rights over this network when they are executed.
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/uid_map", format!("0 {uid} 1"))?;
        fs::write("/proc/self/gid_map", format!("0 {gid} 1"))
    };
    enter().map_err(not_allowed)
}
