//! Writing.

use super::record::{NotesBlock, Run, put_packet, put_run};
use super::{BLOCK_KIND, NOTES_IN_A_BLOCK};
use crate::capture::{CapturedPacket, PcapngWriter};
use crate::trace::{Arrival, Packet, Trace};
use crate::words;
use limpid_event::TxReason;
use std::io::{self, Write};

/// Appends a trace to a file: its packets on `interface`, which must be of [`LinkType::RAW`](crate::capture::LinkType::RAW), each
/// when it left its sender, with their comments, and the truth beside them.
///
/// # Errors
/// If writing fails, or a packet's time does not fit in the format.
pub fn write<W: Write>(writer: &mut PcapngWriter<W>, interface: u32, trace: &Trace) -> io::Result<()> {
    // Labels are words beside a picture, not what happened.
    let Trace { hosts, packets, notes, epoch, end, labels: _, partial: _ } = trace;
    let run = Run { epoch: *epoch, end: *end, hosts: hosts.iter().take(super::MAX_HOSTS).cloned().collect() };
    writer.write_block(BLOCK_KIND, put_run(&run))?;
    let mut notes = notes.iter().peekable();
    let mut block = NotesBlock::default();
    for packet in packets {
        while let Some(note) = notes.next_if(|note| note.at < packet.sent_at) {
            block.push(note);
            if block.len() >= NOTES_IN_A_BLOCK {
                flush(writer, &mut block)?;
            }
        }
        flush(writer, &mut block)?;
        writer.write_block(BLOCK_KIND, put_packet(packet))?;
        let comment = Some(comment(trace, packet));
        let captured = trace.captured(packet.number, packet, packet.sent_at);
        writer.write(&CapturedPacket { comment, interface, ..captured })?;
    }
    for note in notes {
        block.push(note);
        if block.len() >= NOTES_IN_A_BLOCK {
            flush(writer, &mut block)?;
        }
    }
    flush(writer, &mut block)
}

fn flush<W: Write>(writer: &mut PcapngWriter<W>, block: &mut NotesBlock) -> io::Result<()> {
    block.take().map_or(Ok(()), |block| writer.write_block(BLOCK_KIND, block))
}

/// What a capture says beside a packet: who sent it, why, and what became of it.
pub fn comment(trace: &Trace, packet: &Packet) -> String {
    let mut parts = Vec::new();
    if let Some(host) = trace.hosts.get(packet.from) {
        parts.push(match packet.why {
            Some(why) => format!("{}: {}", host.name, TxReason::text(why)),
            None => host.name.clone(),
        });
    }
    if packet.copy {
        parts.push("a second copy that the link made".into());
    }
    match packet.arrival {
        Arrival::At(at) => parts.push(format!("arrived after {}", words::duration(at.since(packet.sent_at)))),
        Arrival::Lost { fate, .. } => parts.push(format!("never arrived: {}", fate.text())),
        Arrival::Estimated(_) | Arrival::Unknown => {}
    }
    parts.join("; ")
}
