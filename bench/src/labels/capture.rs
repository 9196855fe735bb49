//! One capture of many worlds, as it would be taken at one place, and what is true of each packet.

use crate::kind::Labels;
use crate::truth;
use limpid_scope::capture::{CapturedPacket, LinkType, PcapWriter};
use limpid_scope::trace::{Trace, Vantage};
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Where captures are taken. The client stands at the left; it sends most of the data.
pub(crate) const PLACES: [(&str, Vantage); 3] =
    [("sender", Vantage::Host(0)), ("receiver", Vantage::Host(1)), ("middle", Vantage::Middle)];

/// Between two worlds.
const PAUSE_NANOS: u64 = 10_000_000_000;

/// A capture, and the truth.
pub(crate) struct Capture {
    pub(crate) packets: Vec<CapturedPacket>,
    pub(crate) truth: Vec<Labels>,
    /// Which world each packet is of.
    pub(crate) world: Vec<usize>,
}

impl Capture {
    /// What is seen of all worlds from `vantage`, one world after the other, each with addresses of its own.
    pub(crate) fn of(traces: &[Trace], vantage: Vantage) -> Capture {
        let mut capture = Capture { packets: Vec::new(), truth: Vec::new(), world: Vec::new() };
        let mut free = 0;
        for (world, trace) in traces.iter().enumerate() {
            let seen = trace.seen_from(vantage);
            capture.truth.extend(truth::of(trace, &seen));
            let shift = free + PAUSE_NANOS;
            for sight in &seen {
                let number = capture.packets.len() as u64 + 1;
                let mut packet = trace.captured(number, &trace.packets[sight.packet], sight.at);
                packet.time = packet.time.saturating_add_unsigned(shift);
                readdress(&mut packet.data, world);
                capture.packets.push(packet);
                capture.world.push(world);
            }
            free = shift + trace.end.as_nanos();
        }
        capture
    }

    /// Writes it as a classic pcap file, which every tool reads.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        let output = BufWriter::new(std::fs::File::create(path)?);
        let mut writer = PcapWriter::new(output, LinkType::RAW)?;
        self.packets.iter().try_for_each(|packet| writer.write(packet))?;
        writer.into_inner().flush()
    }
}

/// Gives an IPv4 packet addresses in 10.x.y.0/24, and both checksums what they need.
fn readdress(bytes: &mut [u8], world: usize) {
    let [high, low] = (world as u16).to_be_bytes();
    let header = usize::from(bytes.first().map_or(0, |b| b & 15)) * 4;
    if bytes.len() < header + 18 || bytes[0] >> 4 != 4 {
        return;
    }
    for at in [12, 16] {
        for (byte, new) in [(at + 1, high), (at + 2, low)] {
            let old = std::mem::replace(&mut bytes[byte], new);
            // The header's bytes and the pseudo-header's are summed the same way (RFC 1624).
            for checksum in [10, header + 16] {
                adjust(bytes, checksum, byte, old, new);
            }
        }
    }
}

fn adjust(bytes: &mut [u8], checksum: usize, at: usize, old: u8, new: u8) {
    let word = |byte: u8| if at.is_multiple_of(2) { u32::from(byte) << 8 } else { u32::from(byte) };
    let sum = u32::from(!u16::from_be_bytes([bytes[checksum], bytes[checksum + 1]]));
    let mut sum = sum + (0xffff - word(old)) + word(new);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    bytes[checksum..checksum + 2].copy_from_slice(&(!(sum as u16)).to_be_bytes());
}
