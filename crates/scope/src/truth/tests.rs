//! What is written is read; what others wrote, or somebody damaged, does no harm.

use super::*;
use crate::capture::{LinkType, PcapngWriter, Reader};
use crate::ladder::{self, LadderOptions};
use crate::story::experiments;
use crate::trace::{Trace, Vantage};
use crate::verdict;
use proptest::prelude::*;

fn file(traces: &[Trace]) -> Vec<u8> {
    let mut writer = PcapngWriter::new(Vec::new()).expect("a vector takes it");
    let interface = writer.add_interface(LinkType::RAW, "lab").expect("a vector takes it");
    traces.iter().for_each(|trace| write(&mut writer, interface, trace).expect("a vector takes it"));
    writer.into_inner()
}

fn read(file: &[u8]) -> Found {
    let mut reader = Reader::new(file).expect("a capture");
    Collector::read(&mut reader, |_| true)
}

fn assert_same(read: &Trace, written: &Trace) {
    assert_eq!(read.hosts, written.hosts);
    assert_eq!(read.packets, written.packets);
    assert_eq!(read.notes, written.notes);
    assert_eq!((read.epoch, read.end), (written.epoch, written.end));
}

#[test]
fn every_experiment_is_read_as_it_was_written() {
    for (name, trace) in experiments::all() {
        let found = read(&file(std::slice::from_ref(&trace)));
        assert!(found.error.is_none() && found.left_out == 0 && found.traces.len() == 1, "{name}");
        assert_same(&found.traces[0], &trace);
    }
}

#[test]
fn several_runs_are_kept_apart() {
    let all: Vec<Trace> = experiments::all().into_iter().map(|(_, trace)| trace).collect();
    let found = read(&file(&all));
    assert_eq!(found.traces.len(), all.len());
    let mut before = 0;
    for (read, written) in found.traces.iter().zip(&all) {
        let numbers: Vec<u64> = read.packets.iter().map(|p| p.number - before).collect();
        assert_eq!(numbers, written.packets.iter().map(|p| p.number).collect::<Vec<_>>(), "the file's numbers go on");
        assert_eq!(read.notes, written.notes);
        before += written.packets.len() as u64;
    }
}

#[test]
fn an_excerpt_has_what_was_told_of_it() {
    let (_, trace) = experiments::all().into_iter().find(|(name, _)| *name == "zero-window").expect("it is there");
    let file = file(std::slice::from_ref(&trace));
    let found = Collector::read(&mut Reader::new(&file[..]).expect("a capture"), |packet| packet.number <= 3);
    assert_eq!(found.traces[0].packets, trace.packets[..3]);
    assert_eq!(found.traces[0].notes, trace.notes, "all of one connection");
    let found = Collector::read(&mut Reader::new(&file[..]).expect("a capture"), |_| false);
    assert!(found.traces.iter().all(|trace| trace.notes.is_empty()));
}

#[test]
fn what_nobody_told_of_is_a_plain_capture() {
    let (_, trace) = experiments::all().into_iter().next().expect("there are some");
    let mut writer = PcapngWriter::new(Vec::new()).expect("a vector takes it");
    writer.add_interface(LinkType::RAW, "lab").expect("a vector takes it");
    let packets = trace.captured_from(Vantage::Host(0));
    for packet in &packets {
        // Another's block of the same kind.
        writer.write_block(BLOCK_KIND, b"not ours at all".to_vec()).expect("a vector takes it");
        writer.write(packet).expect("a vector takes it");
    }
    let found = read(&writer.into_inner());
    assert_eq!(found.left_out, packets.len() as u64);
    assert_eq!(found.traces.len(), 1);
    assert_eq!(found.traces[0].packets, Trace::from_capture(packets).packets);
}

/// What comes after the bounds is left out and counted, be it packets, their bytes, their comments or notes.
#[test]
fn what_is_kept_is_bounded() {
    let all = experiments::all().into_iter().map(|(_, trace)| trace);
    let trace = all.max_by_key(|trace| trace.packets.len().min(trace.notes.len())).expect("there are some");
    let file = file(std::slice::from_ref(&trace));
    let read = |most: Most| {
        let found = Collector::bounded(most).read_all(&mut Reader::new(&file[..]).expect("a capture"), |_| true);
        let kept = |f: fn(&Trace) -> usize| found.traces.iter().map(f).sum::<usize>();
        let bytes = kept(|trace| trace.packets.iter().map(|packet| packet.bytes.len()).sum());
        (kept(|trace| trace.packets.len()), kept(|trace| trace.notes.len()), bytes, found.left_out)
    };
    let (packets, notes, bytes, left_out) = read(Most::default());
    assert_eq!((packets, notes, left_out), (trace.packets.len(), trace.notes.len(), 0));
    assert!(packets > 2 && notes > 2, "{packets} packets, {notes} notes");
    let (kept, _, _, left_out) = read(Most { packets: 2, ..Most::default() });
    assert_eq!((kept, left_out), (2, packets as u64 - 2));
    let (_, kept, _, left_out) = read(Most { notes: 2, ..Most::default() });
    assert_eq!((kept, left_out), (2, notes as u64 - 2));
    let largest = trace.packets.iter().map(|packet| packet.bytes.len()).max().unwrap_or(0);
    for most in [0, 100, bytes / 2] {
        let (kept, _, bytes, left_out) = read(Most { bytes: most, ..Most::default() });
        assert!(bytes < most.max(1) + largest && kept < packets, "{kept} packets, {bytes} bytes of {most}");
        assert_eq!(left_out, (packets - kept) as u64);
    }
}

#[test]
fn places_see_what_passes_them() {
    let (_, trace) =
        experiments::all().into_iter().find(|(name, _)| *name == "lost-segment-fast").expect("it is there");
    let lost: Vec<usize> = (0..trace.packets.len()).filter(|i| trace.packets[*i].arrival.is_lost()).collect();
    let seen = |vantage| trace.seen_from(vantage).into_iter().map(|sight| sight.packet).collect::<Vec<_>>();
    assert!(!lost.is_empty());
    let from = trace.packets[lost[0]].from;
    assert!(seen(Vantage::Senders).contains(&lost[0]) && seen(Vantage::Host(from)).contains(&lost[0]));
    assert!(!seen(Vantage::Host(1 - from)).contains(&lost[0]));
    assert_eq!(seen(Vantage::Senders).len(), trace.packets.len());
    for vantage in [Vantage::Host(0), Vantage::Host(1), Vantage::Middle] {
        let times: Vec<_> = trace.seen_from(vantage).iter().map(|sight| sight.at).collect();
        assert!(times.is_sorted() && times.len() + lost.len() >= trace.packets.len(), "{vantage:?}");
    }
}

#[test]
fn comments_are_for_people() {
    let (_, trace) = experiments::all().into_iter().find(|(name, _)| *name == "lost-segment-rto").expect("it is there");
    let comments: Vec<String> = trace.packets.iter().map(|packet| comment(&trace, packet)).collect();
    insta::assert_snapshot!(comments.join("\n"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever somebody did to our blocks, it is read to some trace, and that can be drawn and judged.
    #[test]
    fn hostile_blocks_do_no_harm(
        which: prop::sample::Index,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40),
    ) {
        let all = experiments::all();
        let (_, trace) = &all[which.index(all.len())];
        let mut file = file(std::slice::from_ref(trace));
        for (at, value) in changes {
            let at = at.index(file.len());
            file[at] = value;
        }
        if let Ok(mut reader) = Reader::new(&file[..]) {
            let found = Collector::read(&mut reader, |_| true);
            for trace in found.traces {
                let _ = ladder::lay_out(&trace, &LadderOptions::default());
                let _ = verdict::explain(&trace);
            }
        }
    }

    /// The blocks alone, of nothing but noise behind an honest beginning.
    #[test]
    fn noise_is_left_out(kind in 0u8..4, noise in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut collector = Collector::new();
        collector.block(&[b"limpid\x01", &[kind][..], &noise].concat());
        for trace in collector.finish() {
            prop_assert!(trace.hosts.len() <= noise.len());
        }
    }
}
