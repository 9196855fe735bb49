//! Packets for the lab's own tests.

use crate::link::Outgoing;
use limpid_event::FlowId;
use limpid_wire::tcp::{emit_header, header_len, put_checksum};
use limpid_wire::{Chunk, Chunks, IpAddr, IpHeader, IpProtocol, Segment, SeqNum, TcpFlags};

pub(crate) const A: IpAddr = IpAddr::v4([10, 0, 0, 1]);
pub(crate) const B: IpAddr = IpAddr::v4([10, 0, 0, 2]);
pub(crate) const A6: IpAddr = v6(1);
pub(crate) const B6: IpAddr = v6(2);

const fn v6(last: u8) -> IpAddr {
    IpAddr::v6([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last])
}

/// A TCP segment with `data` as an IP packet from `src` to `dst`.
pub(crate) fn packet((src, dst): (IpAddr, IpAddr), flags: TcpFlags, seq: u32, data: &[u8]) -> Vec<u8> {
    let mut payload = Chunks::new();
    if !data.is_empty() {
        assert!(payload.push(Chunk::from_vec(data.to_vec())).is_ok());
    }
    let segment = Segment { seq: SeqNum(seq), flags, window: 1000, payload, ..Segment::default() };
    let mut tcp = vec![0; header_len(&segment)];
    emit_header(&segment, (1000, 2000), &mut tcp);
    put_checksum(src, dst, &mut tcp, &segment.payload, false);
    tcp.extend_from_slice(data);
    let header = IpHeader::new(src, dst, IpProtocol::TCP);
    let mut bytes = vec![0; header.header_len()];
    header.emit(tcp.len(), &mut bytes);
    bytes.extend_from_slice(&tcp);
    bytes
}

/// A packet with ten bytes of data, as a host without an engine of ours would send it.
pub(crate) fn outgoing(seq: u32) -> Outgoing {
    from(packet((A, B), TcpFlags::ACK, seq, b"0123456789"))
}

/// Any packet, as a host without an engine of ours would send it.
pub(crate) fn from(bytes: Vec<u8>) -> Outgoing {
    Outgoing { bytes, flow: FlowId::NONE, why: None }
}
