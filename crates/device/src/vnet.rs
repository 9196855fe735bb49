//! The header that TUN and AF_PACKET put before each packet when offloads are negotiated: `virtio_net_hdr` (OASIS
//! virtio 1.2 §5.1.6, in the machine's byte order as `linux/virtio_net.h` says for these devices).

use limpid_stack::{Medium, RxChecksum, TxChecksum, TxFrame};

/// Length of the header, bytes.
pub const VNET_HDR_LEN: usize = 10;

const F_NEEDS_CSUM: u8 = 1;
const F_DATA_VALID: u8 = 2;
const GSO_NONE: u8 = 0;
const GSO_TCPV4: u8 = 1;
const GSO_TCPV6: u8 = 4;
/// Flag in `gso_type`: the first segment carries CWR.
const GSO_ECN: u8 = 0x80;

/// What such a header says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct VnetHeader {
    flags: u8,
    gso_type: u8,
    hdr_len: u16,
    gso_size: u16,
    csum_start: u16,
    csum_offset: u16,
}

impl VnetHeader {
    /// The header for a frame that is sent.
    pub fn for_frame(frame: &TxFrame, medium: Medium) -> VnetHeader {
        let mut header = VnetHeader::default();
        if let TxChecksum::Partial { start, offset } = frame.checksum {
            header.flags = F_NEEDS_CSUM;
            header.csum_start = start;
            header.csum_offset = offset;
        }
        if frame.gso_size > 0 && frame.payload.len() > usize::from(frame.gso_size) {
            let ip = crate::gso::link_header_len(medium);
            let v4 = frame.head.get(ip).is_some_and(|b| b >> 4 == 4);
            header.gso_type = if v4 { GSO_TCPV4 } else { GSO_TCPV6 };
            if crate::gso::says_cwr(frame, medium) {
                header.gso_type |= GSO_ECN;
            }
            header.hdr_len = frame.head.len() as u16;
            header.gso_size = frame.gso_size;
        }
        header
    }

    /// The bytes.
    pub fn to_bytes(self) -> [u8; VNET_HDR_LEN] {
        let VnetHeader { flags, gso_type, hdr_len, gso_size, csum_start, csum_offset } = self;
        let mut bytes = [0; VNET_HDR_LEN];
        bytes[0] = flags;
        bytes[1] = gso_type;
        bytes[2..4].copy_from_slice(&hdr_len.to_ne_bytes());
        bytes[4..6].copy_from_slice(&gso_size.to_ne_bytes());
        bytes[6..8].copy_from_slice(&csum_start.to_ne_bytes());
        bytes[8..10].copy_from_slice(&csum_offset.to_ne_bytes());
        bytes
    }

    /// The header at the beginning of what was read; `None` if that is too short.
    pub fn parse(bytes: &[u8]) -> Option<VnetHeader> {
        let bytes: &[u8; VNET_HDR_LEN] = bytes.first_chunk()?;
        let field = |at: usize| u16::from_ne_bytes([bytes[at], bytes[at + 1]]);
        Some(VnetHeader {
            flags: bytes[0],
            gso_type: bytes[1],
            hdr_len: field(2),
            gso_size: field(4),
            csum_start: field(6),
            csum_offset: field(8),
        })
    }

    /// What it says of a received frame's checksum: one that was never computed is as good as one that was checked,
    /// for the packet never left the machine.
    pub fn rx_checksum(self) -> RxChecksum {
        match self.flags & (F_NEEDS_CSUM | F_DATA_VALID) {
            0 => RxChecksum::Unverified,
            _ => RxChecksum::Verified,
        }
    }

    /// Payload bytes of each wire segment merged in a received frame; 0 if it is one segment, or not TCP.
    pub fn rx_gso_size(self) -> u16 {
        match self.gso_type & !GSO_ECN {
            GSO_NONE => 0,
            GSO_TCPV4 | GSO_TCPV6 => self.gso_size,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests;
