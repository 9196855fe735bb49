//! What the tests of this crate share.

use limpid_event::FlowId;
use limpid_stack::{TxChecksum, TxFrame};
use limpid_wire::tcp::TcpHeader;
use limpid_wire::{Chunks, IpAddr, IpHeader, IpProtocol, SeqNum, TcpFlags};

/// A frame with these bytes.
pub(crate) fn frame(bytes: &[u8]) -> TxFrame {
    TxFrame {
        head: bytes.iter().copied().collect(),
        payload: Chunks::new(),
        checksum: TxChecksum::Complete,
        gso_size: 0,
        flow: FlowId::NONE,
        why: None,
        mark: 0,
        priority: 0,
    }
}

/// A TCP super-segment, cut every 1000 bytes, with its checksum left to the device: `len` bytes counting 0, 1, 2 …, from
/// sequence number 2^32 - 500 on.
pub(crate) fn super_segment(src: &str, dst: &str, flags: TcpFlags, len: usize) -> TxFrame {
    let (src, dst): (IpAddr, IpAddr) = (src.parse().unwrap(), dst.parse().unwrap());
    let mut ip = IpHeader::new(src, dst, IpProtocol::TCP);
    ip.id = 0xffff;
    let mut bytes = [0; 100];
    let start = ip.emit(20 + len, &mut bytes);
    let tcp = TcpHeader {
        src_port: 6379,
        dst_port: 40_000,
        seq: SeqNum(u32::MAX - 499),
        ack: SeqNum(7),
        header_len: 20,
        flags,
        window: 512,
        checksum: 0,
        urgent: 0,
    };
    let end = start + tcp.emit(&mut bytes[start..]);
    let payload: Vec<u8> = (0..len).map(|i| i as u8).collect();
    TxFrame {
        payload: payload.into(),
        checksum: TxChecksum::Partial { start: start as u16, offset: 16 },
        gso_size: 1000,
        flow: FlowId(3),
        ..frame(&bytes[..end])
    }
}
