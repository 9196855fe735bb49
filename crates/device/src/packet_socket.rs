//! A packet socket (packet(7)): its options, its filter, its binding.

use limpid_wire::bpf::Program;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use std::io;
use std::mem::{offset_of, size_of};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

const ETH_P_ALL: u16 = 3;

/// Options that are an int.
const NUMBERS: [libc::c_int; 4] =
    [libc::PACKET_AUXDATA, libc::PACKET_VNET_HDR, libc::PACKET_FANOUT, libc::PACKET_IGNORE_OUTGOING];

/// A packet socket. Until it is bound, nothing is captured.
#[derive(Debug)]
pub(crate) struct PacketSocket {
    fd: OwnedFd,
}

impl PacketSocket {
    /// A socket of no protocol yet; `cooked` if the link layer's headers are to be left out.
    pub(crate) fn new(cooked: bool) -> io::Result<PacketSocket> {
        let kind = if cooked { SocketType::DGRAM } else { SocketType::RAW };
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        Ok(PacketSocket { fd: socket_with(AddressFamily::PACKET, kind, flags, None)? })
    }

    pub(crate) fn set_version3(&self) -> io::Result<()> {
        let version = libc::tpacket_versions::TPACKET_V3 as libc::c_int;
        // SAFETY: PACKET_VERSION takes an int.
        unsafe { self.set(libc::SOL_PACKET, libc::PACKET_VERSION, &version) }
    }

    /// Room before each packet, bytes.
    pub(crate) fn set_reserve(&self, bytes: u32) -> io::Result<()> {
        // SAFETY: PACKET_RESERVE takes an unsigned int.
        unsafe { self.set(libc::SOL_PACKET, libc::PACKET_RESERVE, &bytes) }
    }

    pub(crate) fn set_ring(&self, request: &libc::tpacket_req3) -> io::Result<()> {
        // SAFETY: with version 3 PACKET_RX_RING takes a tpacket_req3.
        unsafe { self.set(libc::SOL_PACKET, libc::PACKET_RX_RING, request) }
    }

    /// The interface takes packets for other machines too, as long as this socket lives.
    pub(crate) fn set_promiscuous(&self, index: i32) -> io::Result<()> {
        self.join(index, libc::PACKET_MR_PROMISC, &[])
    }

    /// Frames to this Ethernet address are taken too, as long as this socket lives.
    pub(crate) fn add_address(&self, index: i32, address: [u8; 6]) -> io::Result<()> {
        self.join(index, libc::PACKET_MR_UNICAST, &address)
    }

    /// Frames to any group are taken too, as long as this socket lives: a device that filters lets by only those that Linux itself is
    /// in, and neighbour solicitations come to a group of the address asked for.
    pub(crate) fn add_groups(&self, index: i32) -> io::Result<()> {
        self.join(index, libc::PACKET_MR_ALLMULTI, &[])
    }

    fn join(&self, index: i32, kind: libc::c_int, address: &[u8]) -> io::Result<()> {
        let mut request = libc::packet_mreq {
            mr_ifindex: index,
            mr_type: kind as libc::c_ushort,
            mr_alen: address.len() as libc::c_ushort,
            mr_address: [0; 8],
        };
        request.mr_address[..address.len()].copy_from_slice(address);
        // SAFETY: PACKET_ADD_MEMBERSHIP takes a packet_mreq.
        unsafe { self.set(libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, &request) }
    }

    /// Sets an option of packet(7) that is a number.
    pub(crate) fn set_number(&self, option: libc::c_int, value: libc::c_int) -> io::Result<()> {
        debug_assert!(NUMBERS.contains(&option));
        // SAFETY: the options of this list take an int.
        unsafe { self.set(libc::SOL_PACKET, option, &value) }
    }

    /// A number of packet(7) as it is.
    pub(crate) fn number(&self, option: libc::c_int) -> io::Result<libc::c_int> {
        let (mut value, mut length) = (0, size_of::<libc::c_int>() as libc::socklen_t);
        // SAFETY: at most `length` bytes are written to `value`, which has as many.
        let done = unsafe {
            libc::getsockopt(self.fd.as_raw_fd(), libc::SOL_PACKET, option, (&raw mut value).cast(), &mut length)
        };
        if done == 0 { Ok(value) } else { Err(io::Error::last_os_error()) }
    }

    pub(crate) fn attach(&self, program: &Program) -> io::Result<()> {
        let mut filter: Vec<libc::sock_filter> = program
            .encoded()
            .map(|one| libc::sock_filter { code: one.code, jt: one.jt, jf: one.jf, k: one.k })
            .collect();
        let len = u16::try_from(filter.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        let program = libc::sock_fprog { len, filter: filter.as_mut_ptr() };
        // SAFETY: SO_ATTACH_FILTER takes a sock_fprog; its pointer leads to `len` instructions that outlive the call, which
        // copies them.
        unsafe { self.set(libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program) }
    }

    /// Begins to capture, on one interface or, for 0, on all.
    pub(crate) fn bind(&self, index: i32) -> io::Result<()> {
        // SAFETY: a sockaddr_ll of zeros is one.
        let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        address.sll_family = libc::AF_PACKET as libc::c_ushort;
        address.sll_protocol = ETH_P_ALL.to_be();
        address.sll_ifindex = index;
        let length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
        // SAFETY: `address` is a sockaddr_ll of `length` bytes, which bind reads.
        let done = unsafe { libc::bind(self.fd.as_raw_fd(), (&raw const address).cast(), length) };
        if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// Packets that passed the filter (those dropped with them), and those dropped, since this was asked last.
    pub(crate) fn take_statistics(&self) -> io::Result<(u32, u32)> {
        let mut statistics = libc::tpacket_stats_v3 { tp_packets: 0, tp_drops: 0, tp_freeze_q_cnt: 0 };
        let mut length = size_of::<libc::tpacket_stats_v3>() as libc::socklen_t;
        // SAFETY: PACKET_STATISTICS writes at most `length` bytes, which `statistics` has: a tpacket_stats_v3 with version 3, and
        // with the others a tpacket_stats, which is its first two numbers.
        let done = unsafe {
            libc::getsockopt(
                self.fd.as_raw_fd(),
                libc::SOL_PACKET,
                libc::PACKET_STATISTICS,
                (&raw mut statistics).cast(),
                &mut length,
            )
        };
        if done == 0 { Ok((statistics.tp_packets, statistics.tp_drops)) } else { Err(io::Error::last_os_error()) }
    }

    /// What went wrong since this was asked last.
    pub(crate) fn take_error(&self) -> io::Result<()> {
        rustix::net::sockopt::socket_error(&self.fd)?.map_err(io::Error::from)
    }

    /// # Safety
    /// The option must read a `T`, and what pointers in it lead to must be as the option wants it.
    pub(crate) unsafe fn set<T>(&self, level: libc::c_int, name: libc::c_int, value: &T) -> io::Result<()> {
        let length = size_of::<T>() as libc::socklen_t;
        // SAFETY: `value` is `length` bytes long, and the caller promises that the option reads such a value.
        let done =
            unsafe { libc::setsockopt(self.fd.as_raw_fd(), level, name, std::ptr::from_ref(value).cast(), length) };
        if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

impl AsFd for PacketSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Where things are in what stands before a packet of the ring: a tpacket3_hdr and a sockaddr_ll.
pub(crate) mod layout {
    use super::{offset_of, size_of};

    pub(crate) const NEXT: usize = offset_of!(libc::tpacket3_hdr, tp_next_offset);
    pub(crate) const SECONDS: usize = offset_of!(libc::tpacket3_hdr, tp_sec);
    pub(crate) const NANOS: usize = offset_of!(libc::tpacket3_hdr, tp_nsec);
    pub(crate) const SNAPLEN: usize = offset_of!(libc::tpacket3_hdr, tp_snaplen);
    pub(crate) const LENGTH: usize = offset_of!(libc::tpacket3_hdr, tp_len);
    pub(crate) const STATUS: usize = offset_of!(libc::tpacket3_hdr, tp_status);
    pub(crate) const MAC: usize = offset_of!(libc::tpacket3_hdr, tp_mac);
    const VARIANT: usize = offset_of!(libc::tpacket3_hdr, hv1);
    pub(crate) const VLAN_TCI: usize = VARIANT + offset_of!(libc::tpacket_hdr_variant1, tp_vlan_tci);
    pub(crate) const VLAN_TPID: usize = VARIANT + offset_of!(libc::tpacket_hdr_variant1, tp_vlan_tpid);
    const ADDRESS: usize = size_of::<libc::tpacket3_hdr>().next_multiple_of(libc::TPACKET_ALIGNMENT);
    pub(crate) const PROTOCOL: usize = ADDRESS + offset_of!(libc::sockaddr_ll, sll_protocol);
    pub(crate) const INTERFACE: usize = ADDRESS + offset_of!(libc::sockaddr_ll, sll_ifindex);
    pub(crate) const HARDWARE: usize = ADDRESS + offset_of!(libc::sockaddr_ll, sll_hatype);
    pub(crate) const PACKET_TYPE: usize = ADDRESS + offset_of!(libc::sockaddr_ll, sll_pkttype);
    pub(crate) const ADDRESS_LEN: usize = ADDRESS + offset_of!(libc::sockaddr_ll, sll_halen);
    pub(crate) const ADDRESS_BYTES: usize = ADDRESS + offset_of!(libc::sockaddr_ll, sll_addr);
    /// All of it.
    pub(crate) const END: usize = libc::TPACKET3_HDRLEN;
}
