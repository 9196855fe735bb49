//! Live capture from Linux (packet(7)): every packet that an interface sends or receives, through a ring of shared
//! memory, without copying.
//!
//! The filter is attached before the socket is bound, so that nothing unfiltered slips in. On `any`, and on interfaces
//! whose link layer is strange, packets begin with a Linux cooked header, version 2. VLAN tags that the kernel or the card
//! took away are put back on Ethernet; behind a cooked header there is no place for them. A packet that loops back is seen once. As in libpcap, lengths are those of super-segments
//! where the card is left to cut them.
//!
//! # Bounds
//! The ring has [`CaptureOptions::ring_bytes`]; what does not fit in is dropped by the kernel and counted
//! ([`Statistics::dropped`]).

mod error;
mod interfaces;
pub mod libpcap;
mod program;
mod ring;

#[cfg(test)]
mod tests;

pub use error::CaptureError;
pub use interfaces::{Interface, interfaces};

use crate::packet_socket::{PacketSocket, layout};
use interfaces::{ETHERNET, LINUX_SLL2};
use limpid_wire::bpf::Program;
use limpid_wire::ethernet::EtherType;
use program::{Check, Loopback, SLL2_HEADER, Setting};
use ring::{Place, Ring, half, word};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

/// As good as for ever: no clock overflows by it.
const FOREVER: Duration = Duration::from_secs(365 * 86_400);

/// The name of all interfaces together.
pub const ANY: &str = "any";
/// The most bytes of a packet, as in libpcap.
pub const MAX_SNAPLEN: u32 = 262_144;

/// Where the VLAN tag is in an Ethernet frame, and its length.
const TAG_AT: usize = 12;
const TAG: usize = 4;
/// Room before each packet for what is put there.
const RESERVE: u32 = 32;

/// What to capture, and how.
#[derive(Clone, Debug)]
pub struct CaptureOptions {
    /// The interface's name, or [`ANY`].
    pub interface: String,
    /// Which packets: a program for packets of the interface's [`link_type`].
    pub filter: Option<Program>,
    /// At most so many bytes of each packet, with its link layer.
    pub snaplen: u32,
    /// Take packets for other machines too.
    pub promiscuous: bool,
    /// Bytes of the ring, in whole mebibytes and at least two.
    pub ring_bytes: usize,
    /// How long a packet may wait for others before it is handed out.
    pub latency: Duration,
}

impl Default for CaptureOptions {
    /// All packets of all interfaces, whole; a ring of 16 MiB, 20 ms of latency.
    fn default() -> CaptureOptions {
        CaptureOptions {
            interface: ANY.into(),
            filter: None,
            snaplen: MAX_SNAPLEN,
            promiscuous: false,
            ring_bytes: 16 << 20,
            latency: Duration::from_millis(20),
        }
    }
}

/// Where a packet was going.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Direction {
    /// To this machine, or to all or many.
    In,
    /// To another machine; seen in passing.
    Passing,
    /// Sent by this machine.
    Out,
}

/// A packet, lent until the next is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Frame<'a> {
    /// When it was seen: nanoseconds since 1970-01-01 00:00 UTC.
    pub time: i64,
    /// Its bytes, from the link layer on.
    pub data: &'a [u8],
    /// How long it was, bytes.
    pub original_len: u32,
    /// The number of the interface.
    pub interface: u32,
    /// Where it was going.
    pub direction: Direction,
    /// Its checksum is left to the card, and not there yet.
    pub checksum_pending: bool,
}

/// What became of packets, since the capture began.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Statistics {
    /// Packets that passed the kernel's filter, those dropped included.
    pub received: u64,
    /// Packets dropped because the ring was full.
    pub dropped: u64,
}

/// A running capture.
#[derive(Debug)]
pub struct Capture {
    // Before the socket: fields are dropped in their order.
    ring: Ring,
    socket: PacketSocket,
    interface: String,
    link_type: u16,
    snaplen: u32,
    /// What is asked of packets here.
    filter: Option<(Program, Check)>,
    statistics: Statistics,
}

/// What packets captured on an interface (or [`ANY`]) begin with: a number of pcap's LINKTYPE_ registry.
///
/// # Errors
/// [`CaptureError::UnknownInterface`], with those that there are.
pub fn link_type(interface: &str) -> Result<u16, CaptureError> {
    if interface == ANY {
        return Ok(LINUX_SLL2);
    }
    Ok(find(&interfaces()?, interface)?.link_type)
}

fn find<'a>(all: &'a [Interface], name: &str) -> Result<&'a Interface, CaptureError> {
    all.iter().find(|interface| interface.name == name).ok_or_else(|| CaptureError::UnknownInterface {
        name: name.to_owned(),
        known: all.iter().map(|interface| interface.name.clone()).collect(),
    })
}

impl Capture {
    /// Begins to capture.
    ///
    /// # Errors
    /// If the process lacks the capability, the interface is unknown or down, or the ring can't be had; the error's
    /// [`hint`](CaptureError::hint) says what to do.
    pub fn open(options: &CaptureOptions) -> Result<Capture, CaptureError> {
        let all = interfaces()?;
        let one = if options.interface == ANY { None } else { Some(find(&all, &options.interface)?) };
        let link_type = one.map_or(LINUX_SLL2, |interface| interface.link_type);
        let cooked = link_type == LINUX_SLL2;
        let snaplen = if options.snaplen == 0 { MAX_SNAPLEN } else { options.snaplen.min(MAX_SNAPLEN) };
        let loopback = match one {
            Some(interface) if interface.is_loopback => Loopback::Here,
            Some(_) => Loopback::Elsewhere,
            None => all
                .iter()
                .find(|interface| interface.is_loopback)
                .map_or(Loopback::Elsewhere, |interface| Loopback::Among(interface.index)),
        };
        let (program, check) = program::for_socket(options.filter.as_ref(), Setting { cooked, loopback, snaplen });
        let index = one.map_or(0, |interface| interface.index.cast_signed());

        let socket = PacketSocket::new(cooked).map_err(CaptureError::step("the packet socket"))?;
        if let Some(interface) = one.filter(|interface| !interface.is_up) {
            return Err(CaptureError::Down { name: interface.name.clone() });
        }
        socket.set_version3().map_err(CaptureError::step("version 3 of the ring"))?;
        socket.set_reserve(RESERVE).map_err(CaptureError::step("the room before packets"))?;
        socket.attach(&program).map_err(CaptureError::step("the filter"))?;
        let ring = Ring::new(&socket, options.ring_bytes, options.latency).map_err(CaptureError::step("the ring"))?;
        if options.promiscuous && one.is_some() {
            socket.set_promiscuous(index).map_err(CaptureError::step("promiscuous mode"))?;
        }
        socket.bind(index).map_err(CaptureError::step("binding to the interface"))?;
        let filter = options.filter.clone().filter(|_| check != Check::Nothing).map(|filter| (filter, check));
        let interface = options.interface.clone();
        Ok(Capture { ring, socket, interface, link_type, snaplen, filter, statistics: Statistics::default() })
    }

    /// What its packets begin with: a number of pcap's LINKTYPE_ registry.
    pub fn link_type(&self) -> u16 {
        self.link_type
    }

    /// The interface's name, or [`ANY`].
    pub fn interface(&self) -> &str {
        &self.interface
    }

    /// The next packet; `None` if none came within `timeout`. A timeout of zero takes only what is there.
    ///
    /// # Errors
    /// [`CaptureError::Down`] once when the interface goes down; asking goes on, for it may come up again.
    /// [`CaptureError::Gone`] when it is gone for good.
    pub fn next(&mut self, timeout: Duration) -> Result<Option<Frame<'_>>, CaptureError> {
        let mut deadline = None;
        let found = loop {
            if let Some(found) = self.take() {
                break found;
            }
            let deadline = *deadline.get_or_insert_with(|| Instant::now() + timeout.min(FOREVER));
            let left = deadline.saturating_duration_since(Instant::now());
            if !self.wait(left)? {
                // The last block may have been handed over just now.
                match self.take() {
                    Some(found) => break found,
                    None => return Ok(None),
                }
            }
        };
        Ok(Some(self.frame(found)))
    }

    /// The next packet of those that wait already.
    pub fn next_waiting(&mut self) -> Option<Frame<'_>> {
        let found = self.take()?;
        Some(self.frame(found))
    }

    /// What became of packets so far.
    pub fn statistics(&mut self) -> Statistics {
        // A socket that is there has statistics; otherwise those of before are still true.
        if let Ok((received, dropped)) = self.socket.take_statistics() {
            self.statistics.received += u64::from(received);
            self.statistics.dropped += u64::from(dropped);
        }
        self.statistics
    }

    /// Readable when packets wait.
    pub fn poll_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// The next packet that the filter lets through, with its header put in order.
    fn take(&mut self) -> Option<Found> {
        loop {
            let place = self.ring.advance()?;
            let Some(found) = self.dress(place) else { continue };
            let Some((filter, check)) = &self.filter else { return Some(found) };
            if *check == Check::Tagged && !found.tagged {
                return Some(found);
            }
            let data = self.ring.packet_mut(place, found.before).unwrap_or_default();
            if filter.run(data, found.original_len) != 0 {
                return Some(found);
            }
        }
    }

    /// Puts before the packet, or into it, what the kernel keeps beside it.
    fn dress(&mut self, place: Place) -> Option<Found> {
        let header = self.ring.header(place);
        let length = word(header, layout::LENGTH);
        if self.link_type == LINUX_SLL2 {
            let cooked = cooked_header(header);
            let packet = self.ring.packet_mut(place, cooked.len())?;
            packet[..cooked.len()].copy_from_slice(&cooked);
            return Some(Found {
                place,
                before: cooked.len(),
                original_len: length.saturating_add(SLL2_HEADER),
                tagged: false,
            });
        }
        let plain = Found { place, before: 0, original_len: length, tagged: false };
        let Some(tag) = vlan_tag(header).filter(|_| self.link_type == ETHERNET) else { return Some(plain) };
        let packet = self.ring.packet_mut(place, TAG)?;
        if packet.len() < TAG_AT + TAG {
            return Some(plain);
        }
        packet.copy_within(TAG..TAG + TAG_AT, 0);
        packet[TAG_AT..TAG_AT + TAG].copy_from_slice(&tag);
        Some(Found { before: TAG, original_len: length.saturating_add(TAG as u32), tagged: true, ..plain })
    }

    fn frame(&mut self, found: Found) -> Frame<'_> {
        let Found { place, before, original_len, tagged: _ } = found;
        let header = self.ring.header(place);
        let seconds = i64::from(word(header, layout::SECONDS));
        let time = seconds * 1_000_000_000 + i64::from(word(header, layout::NANOS));
        let interface = word(header, layout::INTERFACE);
        let direction = match header.get(layout::PACKET_TYPE) {
            Some(&libc::PACKET_OUTGOING) => Direction::Out,
            Some(&libc::PACKET_OTHERHOST) => Direction::Passing,
            _ => Direction::In,
        };
        let checksum_pending = word(header, layout::STATUS) & libc::TP_STATUS_CSUMNOTREADY != 0;
        let snaplen = self.snaplen as usize;
        let data = self.ring.packet_mut(place, before).unwrap_or_default();
        let data = &data[..data.len().min(snaplen)];
        Frame { time, data, original_len, interface, direction, checksum_pending }
    }

    /// Waits until packets may be there; false if the time is up.
    fn wait(&self, timeout: Duration) -> Result<bool, CaptureError> {
        let mut fds = [PollFd::new(&self.socket, PollFlags::IN | PollFlags::ERR)];
        let timeout =
            Timespec { tv_sec: timeout.as_secs().min(1 << 30) as i64, tv_nsec: timeout.subsec_nanos().into() };
        match poll(&mut fds, Some(&timeout)) {
            Ok(0) => return Ok(false),
            Ok(_) => {}
            // A signal: let the caller look why.
            Err(Errno::INTR) => return Ok(false),
            Err(error) => return Err(CaptureError::step("waiting for packets")(error.into())),
        }
        if fds[0].revents().intersects(PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL) {
            self.socket.take_error().map_err(|error| self.broken(error))?;
        }
        Ok(true)
    }

    fn broken(&self, error: std::io::Error) -> CaptureError {
        let name = self.interface.clone();
        match error.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::NETDOWN) if find(&interfaces().unwrap_or_default(), &name).is_ok() => {
                CaptureError::Down { name }
            }
            Some(Errno::NETDOWN | Errno::NODEV | Errno::NXIO) => CaptureError::Gone { name },
            _ => CaptureError::Step { what: "capturing", source: error },
        }
    }
}

/// A packet in the ring that is in order.
#[derive(Clone, Copy, Debug)]
struct Found {
    place: Place,
    /// Bytes put before it.
    before: usize,
    original_len: u32,
    tagged: bool,
}

/// The header of Linux cooked capture, version 2.
fn cooked_header(header: &[u8]) -> [u8; SLL2_HEADER as usize] {
    let mut cooked = [0; SLL2_HEADER as usize];
    // In network byte order already.
    cooked[0..2].copy_from_slice(&half(header, layout::PROTOCOL).to_ne_bytes());
    cooked[4..8].copy_from_slice(&word(header, layout::INTERFACE).to_be_bytes());
    cooked[8..10].copy_from_slice(&half(header, layout::HARDWARE).to_be_bytes());
    cooked[10] = header.get(layout::PACKET_TYPE).copied().unwrap_or_default();
    cooked[11] = header.get(layout::ADDRESS_LEN).copied().unwrap_or_default();
    if let Some(address) = header.get(layout::ADDRESS_BYTES..layout::ADDRESS_BYTES + 8) {
        cooked[12..20].copy_from_slice(address);
    }
    cooked
}

/// The tag that was taken out of a frame.
fn vlan_tag(header: &[u8]) -> Option<[u8; TAG]> {
    let (status, tci) = (word(header, layout::STATUS), word(header, layout::VLAN_TCI) as u16);
    if tci == 0 && status & libc::TP_STATUS_VLAN_VALID == 0 {
        return None;
    }
    let tpid = half(header, layout::VLAN_TPID);
    let known = tpid != 0 || status & libc::TP_STATUS_VLAN_TPID_VALID != 0;
    let [a, b] = if known { tpid } else { EtherType::VLAN.0 }.to_be_bytes();
    let [c, d] = tci.to_be_bytes();
    Some([a, b, c, d])
}
