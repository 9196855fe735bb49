//! What a link on the kernel's side does with packets: its queueing discipline, its segmentation offload.

use super::netlink::{Request, c_string, ifinfomsg};
use super::{Namespace, NamespaceError};
use rustix::ioctl::{self, Updater};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use std::io;

const RTM_SETLINK: u16 = 19;
const IFLA_TXQLEN: u16 = 13;
const RTM_NEWQDISC: u16 = 36;
const RTM_DELQDISC: u16 = 37;
const TCA_KIND: u16 = 1;
const TCA_OPTIONS: u16 = 2;
const TC_H_ROOT: u32 = 0xffff_ffff;

const SIOCETHTOOL: ioctl::Opcode = 0x8946;
const ETHTOOL_STXCSUM: u32 = 0x17;
const ETHTOOL_STSO: u32 = 0x1f;
const ETHTOOL_SGSO: u32 = 0x24;

/// A queueing discipline (`man 8 tc`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Queue {
    /// What the device has where nobody chose.
    Default,
    /// `pfifo`: first in, first out.
    Fifo {
        /// How many packets wait at most, 0 for none at all; if none is given it is as before, or the device's own bound.
        limit: Option<u32>,
    },
    /// `fq`: a queue for each flow, which is held back to its pacing rate.
    Fair,
}

impl Namespace {
    /// Replaces a link's queueing discipline.
    ///
    /// # Errors
    /// [`NamespaceError::Step`], with what the kernel said: there is no such link, or it was built without this discipline
    /// (ENOENT).
    pub fn set_queue(&self, link: &str, queue: Queue) -> Result<(), NamespaceError> {
        let index = self.index(link)?;
        let (name, limit) = match queue {
            Queue::Default => ("default", None),
            Queue::Fifo { limit } => ("pfifo", limit),
            Queue::Fair => ("fq", None),
        };
        let mut request = match queue {
            Queue::Default => Request::acknowledged(RTM_DELQDISC),
            _ => Request::replace(RTM_NEWQDISC),
        };
        // tcmsg: family and padding, index, handle, parent, information.
        request.bytes(&[0; 4]);
        for word in [index, 0, TC_H_ROOT, 0] {
            request.bytes(&word.to_ne_bytes());
        }
        if queue != Queue::Default {
            request.attribute(TCA_KIND, &c_string(name));
        }
        if let Some(limit) = limit {
            request.attribute(TCA_OPTIONS, &limit.to_ne_bytes());
        }
        match self.netlink.exchange(request) {
            // There was none to take away.
            Err(error) if queue == Queue::Default && error.kind() == io::ErrorKind::NotFound => Ok(()),
            set => set.map(drop).map_err(NamespaceError::step(format!("queueing discipline {name} on {link}"))),
        }
    }

    /// Bounds how many packets wait at a link (`ip link set LINK txqueuelen N`). Of a TUN device it is how many wait to be read;
    /// what comes beyond is lost.
    ///
    /// # Errors
    /// [`NamespaceError::Step`], with what the kernel said: there is no such link.
    pub fn set_queue_length(&self, link: &str, packets: u32) -> Result<(), NamespaceError> {
        let mut request = Request::acknowledged(RTM_SETLINK);
        request.bytes(&ifinfomsg(self.index(link)?, 0, 0));
        request.attribute(IFLA_TXQLEN, &packets.to_ne_bytes());
        let set = self.netlink.exchange(request).map(drop);
        set.map_err(NamespaceError::step(format!("queue of {link}")))
    }

    /// Allows or forbids super-segments on their way to a link (`ethtool -K LINK tso on gso on`).
    ///
    /// # Errors
    /// [`NamespaceError::Left`] if the thread is no longer in the namespace; [`NamespaceError::Step`] with what the kernel said.
    pub fn set_segmentation(&self, link: &str, allowed: bool) -> Result<(), NamespaceError> {
        let what = format!("segmentation offload of {link}");
        self.check(&what)?;
        let set = || {
            // Of a device that can't do it TSO stays off, whatever is asked.
            match (set_feature(link, ETHTOOL_STSO, allowed), allowed) {
                (Err(_), true) | (Ok(()), _) => {}
                (Err(error), false) => return Err(error),
            }
            set_feature(link, ETHTOOL_SGSO, allowed)
        };
        set().map_err(NamespaceError::step(what))
    }

    /// Lets checksums be left to a link, or has Linux complete them before it gets a packet (`ethtool -K LINK tx off`).
    ///
    /// # Errors
    /// [`NamespaceError::Left`] if the thread is no longer in the namespace; [`NamespaceError::Step`] with what the kernel said.
    pub fn set_checksums(&self, link: &str, left_out: bool) -> Result<(), NamespaceError> {
        let what = format!("checksum offload of {link}");
        self.check(&what)?;
        set_feature(link, ETHTOOL_STXCSUM, left_out).map_err(NamespaceError::step(what))
    }
}

/// `struct ethtool_value`.
#[repr(C)]
struct EthtoolValue {
    command: u32,
    data: u32,
}

/// `struct ifreq`, whose union is a pointer here.
#[repr(C)]
struct EthtoolRequest {
    name: [u8; 16],
    value: *mut EthtoolValue,
    rest: [usize; 2],
}

fn set_feature(link: &str, command: u32, on: bool) -> io::Result<()> {
    let mut name = [0; 16];
    // The last byte stays NUL.
    name[..15].iter_mut().zip(link.bytes()).for_each(|(to, from)| *to = from);
    let mut value = EthtoolValue { command, data: on.into() };
    let mut request = EthtoolRequest { name, value: &mut value, rest: [0; 2] };
    let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    // SAFETY: SIOCETHTOOL reads one `struct ifreq`, which `request` is in layout and at least in length; its pointer leads to an
    // `ethtool_value` that lives on, which is what both commands read.
    unsafe { ioctl::ioctl(&socket, Updater::<SIOCETHTOOL, EthtoolRequest>::new(&mut request)) }?;
    Ok(())
}
