//! Virtual cables: pairs of Ethernet devices, whose ends may lie in different private networks (`man 4 veth`).

use super::netlink::{Request, c_string, ifinfomsg};
use super::{Namespace, NamespaceError, THREAD_NET};
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

const RTM_NEWLINK: u16 = 16;
const RTM_SETLINK: u16 = 19;
const IFLA_IFNAME: u16 = 3;
const IFLA_LINKINFO: u16 = 18;
const IFLA_NET_NS_FD: u16 = 28;
/// IFLA_NUM_TX_QUEUES and IFLA_NUM_RX_QUEUES.
const QUEUES: [u16; 2] = [31, 32];
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const VETH_INFO_PEER: u16 = 1;

impl Namespace {
    /// A descriptor that names this network: another one can hand links over to it, from any thread.
    ///
    /// # Errors
    /// [`NamespaceError::Left`] if the thread is no longer in the namespace; [`NamespaceError::Step`] with what the kernel said.
    pub fn descriptor(&self) -> Result<File, NamespaceError> {
        self.check("descriptor")?;
        File::open(THREAD_NET).map_err(NamespaceError::step(THREAD_NET))
    }

    /// Makes a cable: two Ethernet devices in this network, down and without addresses. One is gone with the other.
    ///
    /// # Errors
    /// [`NamespaceError::Step`], with what the kernel said: a name is taken (EEXIST), or there is no veth (EOPNOTSUPP).
    pub fn veth(&self, left: &str, right: &str) -> Result<(), NamespaceError> {
        self.veth_with_queues(left, right, 1)
    }

    /// The same with so many queues each way at either end: what one sends by its third the other gets by its third.
    ///
    /// # Errors
    /// As [`veth`](Self::veth); and with what the kernel said of the number (EINVAL).
    pub fn veth_with_queues(&self, left: &str, right: &str, queues: u32) -> Result<(), NamespaceError> {
        let mut peer = Request::empty();
        peer.bytes(&ifinfomsg(0, 0, 0));
        peer.attribute(IFLA_IFNAME, &c_string(right));
        QUEUES.iter().for_each(|kind| peer.attribute(*kind, &queues.to_ne_bytes()));
        let info =
            nested(&[(IFLA_INFO_KIND, b"veth"), (IFLA_INFO_DATA, &nested(&[(VETH_INFO_PEER, &peer.into_bytes())]))]);
        let mut request = Request::create(RTM_NEWLINK);
        request.bytes(&ifinfomsg(0, 0, 0));
        request.attribute(IFLA_IFNAME, &c_string(left));
        QUEUES.iter().for_each(|kind| request.attribute(*kind, &queues.to_ne_bytes()));
        request.attribute(IFLA_LINKINFO, &info);
        let made = self.netlink.exchange(request).map(drop);
        made.map_err(NamespaceError::step(format!("cable {left}-{right}")))
    }

    /// Hands a link over to the network that `to` names ([`descriptor`](Self::descriptor)). It is down there.
    ///
    /// # Errors
    /// [`NamespaceError::Step`], with what the kernel said: there is no such link, or its name is taken there (EEXIST).
    pub fn hand_over(&self, link: &str, to: impl AsFd) -> Result<(), NamespaceError> {
        let to: BorrowedFd<'_> = to.as_fd();
        let mut request = Request::acknowledged(RTM_SETLINK);
        request.bytes(&ifinfomsg(self.index(link)?, 0, 0));
        request.attribute(IFLA_NET_NS_FD, &to.as_raw_fd().to_ne_bytes());
        let moved = self.netlink.exchange(request).map(drop);
        moved.map_err(NamespaceError::step(format!("link {link} to another network")))
    }

    /// The Ethernet address of a link.
    ///
    /// # Errors
    /// [`NamespaceError::Step`] if there is no such link.
    pub fn ethernet_address(&self, link: &str) -> Result<[u8; 6], NamespaceError> {
        let what = || format!("Ethernet address of {link}");
        let found = self.netlink.link(link).map_err(NamespaceError::step(what()))?;
        let no_such = || NamespaceError::step(what())(std::io::ErrorKind::NotFound.into());
        found.and_then(|link| link.ethernet).ok_or_else(no_such)
    }
}

/// Attributes, to be one's value.
fn nested(attributes: &[(u16, &[u8])]) -> Vec<u8> {
    let mut all = Request::empty();
    attributes.iter().for_each(|(kind, value)| all.attribute(*kind, value));
    all.into_bytes()
}

#[cfg(test)]
mod tests;
