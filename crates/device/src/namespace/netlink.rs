//! The few rtnetlink requests that setting up a link takes (RFC 3549; rtnetlink(7)), in safe code.
//!
//! A request is a header, a fixed structure and attributes, all in the machine's byte order; the kernel answers with an
//! error number, 0 for success. A netlink socket belongs to the network namespace that its maker was in, for good.

use limpid_wire::{Cidr, IpAddr};
use rustix::io::Errno;
use rustix::net::{self, AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use std::io;
use std::os::fd::OwnedFd;

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const RTM_NEWLINK: u16 = 16;
const RTM_GETLINK: u16 = 18;
const RTM_NEWADDR: u16 = 20;
const RTM_GETADDR: u16 = 22;
const RTM_GETROUTE: u16 = 26;

const NLM_F_REQUEST: u16 = 0x001;
const NLM_F_ACK: u16 = 0x004;
const NLM_F_DUMP: u16 = 0x300;
const NLM_F_REPLACE: u16 = 0x100;
const NLM_F_EXCL: u16 = 0x200;
const NLM_F_CREATE: u16 = 0x400;

const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_F_NODAD: u8 = 0x02;
const RTA_DST: u16 = 1;

const AF_UNSPEC: u8 = 0;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const IFF_UP: u32 = 0x01;
const IFF_RUNNING: u32 = 0x40;
const RT_SCOPE_UNIVERSE: u8 = 0;
const RTN_LOCAL: u8 = 2;

/// Length of `nlmsghdr`, bytes.
const HEADER: usize = 16;
/// Length of `ifinfomsg`, bytes.
const IFINFOMSG: usize = 16;

/// What is asked of a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Link {
    /// Its index.
    pub(crate) index: u32,
    /// Its MTU, bytes.
    pub(crate) mtu: u32,
    /// It was set up.
    pub(crate) is_up: bool,
    /// It carries packets: it is up, and has its carrier.
    pub(crate) is_running: bool,
    /// Its Ethernet address, if it has one of six bytes.
    pub(crate) ethernet: Option<[u8; 6]>,
    /// Its packets are Ethernet frames, on a wire or to this machine itself.
    pub(crate) is_ethernet: bool,
}

/// A rtnetlink socket.
#[derive(Debug)]
pub(crate) struct Netlink {
    socket: OwnedFd,
}

impl Netlink {
    /// A socket in the calling thread's network namespace.
    pub(crate) fn open() -> io::Result<Netlink> {
        // Protocol 0 is NETLINK_ROUTE.
        let socket = net::socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
        Ok(Netlink { socket })
    }

    /// The same for generic netlink.
    pub(super) fn generic() -> io::Result<Netlink> {
        let generic = Some(net::netlink::GENERIC);
        let socket = net::socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, generic)?;
        Ok(Netlink { socket })
    }

    /// The link called `name`; `None` if there is none.
    pub(crate) fn link(&self, name: &str) -> io::Result<Option<Link>> {
        let mut request = Request::new(RTM_GETLINK, 0);
        request.bytes(&ifinfomsg(0, 0, 0));
        request.attribute(IFLA_IFNAME, &c_string(name));
        let answer = match self.exchange(request) {
            Err(error) if error.raw_os_error() == Some(Errno::NODEV.raw_os_error()) => return Ok(None),
            other => other?,
        };
        Ok(parse_link(&answer))
    }

    /// All links: names, hardware types (ARPHRD_), and what else is asked of them.
    pub(crate) fn links(&self) -> io::Result<Vec<(String, u16, Link)>> {
        let mut request = Request::new(RTM_GETLINK, NLM_F_DUMP);
        request.bytes(&ifinfomsg(0, 0, 0));
        let parse = |payload: &Vec<u8>| {
            let hardware = u16::from_ne_bytes(*payload.get(2..)?.first_chunk()?);
            let name = attribute(payload.get(IFINFOMSG..)?, IFLA_IFNAME)?;
            let name = String::from_utf8_lossy(name.strip_suffix(&[0]).unwrap_or(name)).into_owned();
            Some((name, hardware, parse_link(payload)?))
        };
        Ok(self.dump(request)?.iter().filter_map(parse).collect())
    }

    /// All addresses, each with its link's index and its network.
    pub(crate) fn addresses(&self) -> io::Result<Vec<(u32, Cidr)>> {
        let mut request = Request::new(RTM_GETADDR, NLM_F_DUMP);
        request.bytes(&[AF_UNSPEC, 0, 0, 0]);
        request.bytes(&0_u32.to_ne_bytes());
        let parse = |payload: &Vec<u8>| {
            let prefix = *payload.get(1)?;
            let index = u32::from_ne_bytes(*payload.get(4..)?.first_chunk()?);
            let attributes = payload.get(8..)?;
            let bytes = attribute(attributes, IFA_LOCAL).or_else(|| attribute(attributes, IFA_ADDRESS))?;
            let addr = match <[u8; 4]>::try_from(bytes) {
                Ok(four) => IpAddr::v4(four),
                Err(_) => IpAddr::v6(bytes.try_into().ok()?),
            };
            Some((index, Cidr { addr, prefix }))
        };
        Ok(self.dump(request)?.iter().filter_map(parse).collect())
    }

    /// Sends a request for all there is: the payloads of the messages that answer it.
    fn dump(&self, request: Request) -> io::Result<Vec<Vec<u8>>> {
        net::send(&self.socket, &request.finish(), SendFlags::empty())?;
        let mut payloads = Vec::new();
        let mut datagram = vec![0; 65_536];
        loop {
            let (length, _) = net::recv(&self.socket, &mut datagram[..], RecvFlags::empty())?;
            let mut rest = &datagram[..length.min(datagram.len())];
            while let Some((kind, payload)) = first_message(rest) {
                match kind {
                    NLMSG_DONE => return Ok(payloads),
                    NLMSG_ERROR => {
                        let errno = payload.first_chunk().map_or(0, |b| i32::from_ne_bytes(*b));
                        return Err(io::Error::from_raw_os_error(-errno));
                    }
                    _ => payloads.push(payload.to_vec()),
                }
                rest = rest.get((HEADER + payload.len()).next_multiple_of(4)..).unwrap_or_default();
            }
            if length == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Sets a link up, with another MTU if one is given.
    pub(crate) fn set_up(&self, index: u32, mtu: Option<u16>) -> io::Result<()> {
        let mut request = Request::acknowledged(RTM_NEWLINK);
        request.bytes(&ifinfomsg(index, IFF_UP, IFF_UP));
        if let Some(mtu) = mtu {
            request.attribute(IFLA_MTU, &u32::from(mtu).to_ne_bytes());
        }
        self.exchange(request).map(drop)
    }

    /// Gives a link an address, usable at once (no duplicate address detection), and with it the route to its network.
    pub(crate) fn add_address(&self, index: u32, address: Cidr) -> io::Result<()> {
        let (family, bytes) = family_and_bytes(address.addr);
        let mut request = Request::replace(RTM_NEWADDR);
        // ifaddrmsg: family, prefix length, flags, scope, index.
        request.bytes(&[family, address.prefix, IFA_F_NODAD, RT_SCOPE_UNIVERSE]);
        request.bytes(&index.to_ne_bytes());
        request.attribute(IFA_LOCAL, &bytes);
        request.attribute(IFA_ADDRESS, &bytes);
        self.exchange(request).map(drop)
    }

    /// Whether packets to `address` are for this machine.
    pub(crate) fn is_local(&self, address: IpAddr) -> io::Result<bool> {
        let (family, bytes) = family_and_bytes(address);
        let mut request = Request::new(RTM_GETROUTE, 0);
        let bits = bytes.len() as u8 * 8;
        request.bytes(&[family, bits, 0, 0, 0, 0, 0, 0]);
        request.bytes(&0_u32.to_ne_bytes());
        request.attribute(RTA_DST, &bytes);
        match self.exchange(request) {
            // The type is the last of rtmsg's eight bytes.
            Ok(answer) => Ok(answer.get(7) == Some(&RTN_LOCAL)),
            Err(error) if error.kind() == io::ErrorKind::NetworkUnreachable => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Sends a request and waits for its answer: the first message's payload, empty for a plain success.
    pub(super) fn exchange(&self, request: Request) -> io::Result<Vec<u8>> {
        let message = request.finish();
        net::send(&self.socket, &message, SendFlags::empty())?;
        let mut answer = vec![0; 16_384];
        let (length, _) = net::recv(&self.socket, &mut answer[..], RecvFlags::empty())?;
        answer.truncate(length);
        let (kind, payload) = first_message(&answer).ok_or(io::ErrorKind::InvalidData)?;
        if kind != NLMSG_ERROR {
            return Ok(payload.to_vec());
        }
        let errno = payload.first_chunk().map(|b| i32::from_ne_bytes(*b)).ok_or(io::ErrorKind::InvalidData)?;
        if errno == 0 { Ok(Vec::new()) } else { Err(io::Error::from_raw_os_error(-errno)) }
    }
}

/// A message in the making.
pub(super) struct Request {
    buf: Vec<u8>,
}

impl Request {
    /// One that makes something, or replaces what is there.
    pub(super) fn replace(kind: u16) -> Request {
        Request::new(kind, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE)
    }

    /// One that makes something that must not be there yet.
    pub(super) fn create(kind: u16) -> Request {
        Request::new(kind, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL)
    }

    /// One that is answered by whether it was done.
    pub(super) fn acknowledged(kind: u16) -> Request {
        Request::new(kind, NLM_F_ACK)
    }

    pub(super) fn new(kind: u16, flags: u16) -> Request {
        let mut request = Request::empty();
        request.bytes(&0_u32.to_ne_bytes());
        request.bytes(&kind.to_ne_bytes());
        request.bytes(&(flags | NLM_F_REQUEST).to_ne_bytes());
        // Sequence number and port: one request at a time, to the kernel.
        request.bytes(&[0; 8]);
        request
    }

    /// Attributes without a message.
    pub(super) fn empty() -> Request {
        Request { buf: Vec::with_capacity(128) }
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.buf.extend_from_slice(bytes);
    }

    /// Adds an attribute: length, type, value, and padding to four bytes.
    pub(super) fn attribute(&mut self, kind: u16, value: &[u8]) {
        let length = u16::try_from(4 + value.len()).expect("attributes are short");
        self.bytes(&length.to_ne_bytes());
        self.bytes(&kind.to_ne_bytes());
        self.bytes(value);
        self.buf.resize(self.buf.len().next_multiple_of(4), 0);
    }

    /// The attributes of one that is [`empty`](Self::empty) otherwise.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.buf
    }

    /// The message, with its length in place.
    fn finish(mut self) -> Vec<u8> {
        let length = self.buf.len() as u32;
        self.buf[..4].copy_from_slice(&length.to_ne_bytes());
        self.buf
    }
}

/// `ifinfomsg`: family, padding, device type, index, flags, and which flags to change.
pub(super) fn ifinfomsg(index: u32, flags: u32, change: u32) -> [u8; IFINFOMSG] {
    let mut message = [0; IFINFOMSG];
    message[0] = AF_UNSPEC;
    message[4..8].copy_from_slice(&index.to_ne_bytes());
    message[8..12].copy_from_slice(&flags.to_ne_bytes());
    message[12..16].copy_from_slice(&change.to_ne_bytes());
    message
}

pub(super) fn family_and_bytes(address: IpAddr) -> (u8, Vec<u8>) {
    match address.as_v4() {
        Some(octets) => (AF_INET, octets.to_vec()),
        None => (AF_INET6, address.octets().to_vec()),
    }
}

pub(super) fn c_string(name: &str) -> Vec<u8> {
    let mut bytes = name.as_bytes().to_vec();
    bytes.push(0);
    bytes
}

/// Type and payload of the first message in a datagram.
fn first_message(datagram: &[u8]) -> Option<(u16, &[u8])> {
    let length = u32::from_ne_bytes(*datagram.first_chunk()?) as usize;
    let kind = u16::from_ne_bytes(*datagram.get(4..)?.first_chunk()?);
    Some((kind, datagram.get(HEADER..length)?))
}

/// What an answer to RTM_GETLINK says.
fn parse_link(payload: &[u8]) -> Option<Link> {
    let hardware = u16::from_ne_bytes(*payload.get(2..)?.first_chunk()?);
    let is_ethernet = matches!(hardware, libc::ARPHRD_ETHER | libc::ARPHRD_LOOPBACK);
    let index = u32::from_ne_bytes(*payload.get(4..)?.first_chunk()?);
    let flags = u32::from_ne_bytes(*payload.get(8..)?.first_chunk()?);
    let attributes = payload.get(IFINFOMSG..)?;
    let mtu = u32::from_ne_bytes(*attribute(attributes, IFLA_MTU)?.first_chunk()?);
    let ethernet = attribute(attributes, IFLA_ADDRESS).and_then(|bytes| bytes.try_into().ok());
    Some(Link { index, mtu, is_up: flags & IFF_UP != 0, is_running: flags & IFF_RUNNING != 0, ethernet, is_ethernet })
}

/// The value of the first attribute of a kind.
pub(super) fn attribute(attributes: &[u8], wanted: u16) -> Option<&[u8]> {
    let mut rest = attributes;
    while let (Some(length), Some(kind)) = (rest.first_chunk(), rest.get(2..).and_then(|r| r.first_chunk())) {
        let length = usize::from(u16::from_ne_bytes(*length));
        if u16::from_ne_bytes(*kind) == wanted {
            return rest.get(4..length);
        }
        rest = rest.get(length.max(4).next_multiple_of(4)..)?;
    }
    None
}
