//! The interfaces that packets can be captured on.

use super::CaptureError;
use crate::namespace::Netlink;
use limpid_wire::Cidr;

/// Loopback's hardware type.
const ARPHRD_LOOPBACK: u16 = 772;
const ARPHRD_ETHER: u16 = 1;
/// Hardware types whose packets begin with IP: none, raw IP, tunnels, SIT, GRE, and PPP-less serial lines.
const ARPHRD_RAW: [u16; 7] = [0xfffe, 519, 768, 769, 776, 778, 256];

/// LINKTYPE_ numbers of what frames begin with.
pub(super) const ETHERNET: u16 = 1;
pub(super) const RAW: u16 = 101;
pub(super) const LINUX_SLL2: u16 = 276;

/// A network interface.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its number.
    pub index: u32,
    /// It was set up.
    pub is_up: bool,
    /// It carries packets.
    pub is_running: bool,
    /// It leads back to this machine.
    pub is_loopback: bool,
    /// What its packets begin with (the LINKTYPE_ registry of pcap).
    pub link_type: u16,
    /// Its addresses, each with its network.
    pub addresses: Vec<Cidr>,
}

/// The interfaces of the calling thread's network namespace, by number. It takes no rights.
///
/// # Errors
/// [`CaptureError::Step`] with what the kernel said.
pub fn interfaces() -> Result<Vec<Interface>, CaptureError> {
    let list = || {
        let netlink = Netlink::open()?;
        let mut interfaces: Vec<Interface> = netlink
            .links()?
            .into_iter()
            .map(|(name, hardware, link)| Interface {
                name,
                index: link.index,
                is_up: link.is_up,
                is_running: link.is_running,
                is_loopback: hardware == ARPHRD_LOOPBACK,
                link_type: link_type_of(hardware),
                addresses: Vec::new(),
            })
            .collect();
        for (index, address) in netlink.addresses()? {
            if let Some(interface) = interfaces.iter_mut().find(|interface| interface.index == index) {
                interface.addresses.push(address);
            }
        }
        interfaces.sort_by_key(|interface| interface.index);
        Ok(interfaces)
    };
    list().map_err(CaptureError::step("the list of interfaces"))
}

/// Others are captured as Linux cooks them, without their own headers.
fn link_type_of(hardware: u16) -> u16 {
    match hardware {
        ARPHRD_ETHER | ARPHRD_LOOPBACK => ETHERNET,
        raw if ARPHRD_RAW.contains(&raw) => RAW,
        _ => LINUX_SLL2,
    }
}
