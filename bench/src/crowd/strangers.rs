//! The other ends of very many connections, which keep nothing: frames as an ordinary TCP would send them.

use limpid_wire::tcp::{TcpHeader, Timestamps, emit_header, header_len, put_checksum};
use limpid_wire::{Chunks, Endpoint, IpAddr, IpHeader, IpProtocol, Segment, SeqNum, TcpFlags, TcpOptions};

/// The initial sequence number of all strangers.
pub(crate) const ISN: SeqNum = SeqNum(1000);

/// Ports of one address that are used.
const PORTS: u32 = 50_000;

/// The end of stranger number `n`: an address in 10.128.0.0/9.
pub(crate) fn endpoint(n: u32) -> Endpoint {
    let [_, b, c, d] = (n / PORTS + 1).to_be_bytes();
    Endpoint::new(IpAddr::v4([10, 128 | b, c, d]), 10_000 + (n % PORTS) as u16)
}

/// What a stranger learned of the other end from its SYN-ACK.
#[derive(Clone, Copy)]
pub(crate) struct Peer {
    pub(crate) seq: SeqNum,
    pub(crate) timestamp: u32,
}

impl Peer {
    /// From a frame that begins with an IPv4 header without options and carries a segment with timestamps.
    pub(crate) fn read(frame: &[u8]) -> Peer {
        let (header, data) = TcpHeader::parse(&frame[20..]).expect("a segment of ours");
        let options = TcpOptions::parse(&frame[40..20 + data.start]);
        Peer { seq: header.seq, timestamp: options.timestamps.map_or(0, |timestamps| timestamps.val) }
    }
}

/// A SYN with the options of Linux.
pub(crate) fn syn() -> Segment {
    Segment {
        seq: ISN,
        flags: TcpFlags::SYN,
        window: 64_240,
        options: TcpOptions {
            mss: Some(1460),
            sack_permitted: true,
            window_scale: Some(7),
            timestamps: Some(Timestamps { val: 1, ecr: 0 }),
            ..TcpOptions::default()
        },
        ..Segment::default()
    }
}

/// A segment of an open connection: `sent` bytes of ours went before it, `got` bytes of the peer's.
pub(crate) fn segment(peer: Peer, sent: u32, got: u32, payload: Chunks) -> Segment {
    let flags = if payload.is_empty() { TcpFlags::ACK } else { TcpFlags::ACK | TcpFlags::PSH };
    let timestamps = Some(Timestamps { val: 2, ecr: peer.timestamp });
    Segment {
        seq: ISN + 1 + sent,
        ack: peer.seq + 1 + got,
        flags,
        window: 502,
        options: TcpOptions { timestamps, ..TcpOptions::default() },
        payload,
        ..Segment::default()
    }
}

/// The packet with it, from its IP header on.
pub(crate) fn packet(from: Endpoint, to: Endpoint, segment: &Segment) -> Vec<u8> {
    let header_len = header_len(segment);
    let len = header_len + segment.payload.len();
    let mut packet = vec![0; 20 + header_len];
    IpHeader::new(from.addr, to.addr, IpProtocol::TCP).emit(len, &mut packet);
    emit_header(segment, (from.port, to.port), &mut packet[20..]);
    put_checksum(from.addr, to.addr, &mut packet[20..], &segment.payload, false);
    segment.payload.iter().for_each(|chunk| packet.extend_from_slice(chunk.as_slice()));
    packet
}
