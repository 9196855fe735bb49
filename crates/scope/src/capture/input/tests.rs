//! Compressed captures: whole, in pieces, damaged, and made to eat memory.

use super::super::{CaptureError, CapturedPacket, LinkType, PcapWriter, Reader};
use flate2::Compression;
use flate2::write::GzEncoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use std::io::Write;

fn packets() -> Vec<CapturedPacket> {
    let data = |n: u64| (0..200).map(|i| (n.wrapping_mul(2_654_435_761) >> (i % 24)) as u8).collect();
    (1..=3000).map(|n| CapturedPacket::whole(n, n as i64 * 1000, LinkType::RAW, data(n))).collect()
}

fn file() -> Vec<u8> {
    let mut writer = PcapWriter::new(Vec::new(), LinkType::RAW).unwrap();
    packets().iter().for_each(|packet| writer.write(packet).unwrap());
    writer.into_inner()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

/// How many packets are right, and the error after them.
fn read(stored: &[u8]) -> (usize, Option<CaptureError>) {
    let expected = packets();
    let mut reader = match Reader::new(stored) {
        Ok(reader) => reader,
        Err(error) => return (0, Some(error)),
    };
    let mut count = 0;
    loop {
        match reader.next_ref() {
            Ok(Some(packet)) => assert_eq!(packet, expected[count].lend()),
            Ok(None) => {
                assert_eq!(reader.bytes_read(), stored.len() as u64);
                return (count, None);
            }
            Err(error) => return (count, Some(error)),
        }
        count += 1;
    }
}

#[test]
fn compressed_files_are_read() {
    let file = file();
    let (first, rest) = file.split_at(file.len() / 3);
    let skippable = [&[0x53, 0x2a, 0x4d, 0x18, 5, 0, 0, 0][..], b"hello"].concat();
    let named = {
        let mut encoder = flate2::GzBuilder::new().filename("x.pcap").comment("c").extra(vec![1, 2, 3]);
        encoder = encoder.mtime(1);
        let mut encoder = encoder.write(Vec::new(), Compression::fast());
        encoder.write_all(&file).unwrap();
        encoder.finish().unwrap()
    };
    for stored in [
        gzip(&file),
        named,
        [gzip(first), gzip(&[]), gzip(rest)].concat(),
        [&gzip(&file)[..], &[0; 700]].concat(),
        zstd(&file),
        [&skippable, &zstd(first)[..], &skippable, &zstd(rest)].concat(),
    ] {
        let (count, error) = read(&stored);
        assert!(error.is_none(), "{error:?}");
        assert_eq!(count, 3000);
    }
}

/// What stands before a cut is given.
#[test]
fn a_cut_stream_gives_what_stands_before_the_cut() {
    let file = file();
    for (stored, least) in [(gzip(&file), 0.95), (zstd(&file), 0.3)] {
        for part in [0.5, 0.75, 0.999] {
            let cut = (stored.len() as f64 * part) as usize;
            let (count, error) = read(&stored[..cut]);
            match error {
                Some(CaptureError::Compressed { offset, ref problem, .. }) => {
                    assert_eq!(problem, "ends too early");
                    assert_eq!(offset, cut as u64);
                }
                other => panic!("{other:?}"),
            }
            // zstd's blocks are all or nothing, of up to 128 KiB.
            assert!(count as f64 >= 3000.0 * part * least, "{count} of {part}");
        }
    }
}

#[test]
fn damage_is_told() {
    let file = file();
    let mut report = String::new();
    let mut tell = |name: &str, stored: &[u8]| {
        let (_, error) = read(stored);
        let error = error.expect(name);
        report.push_str(&format!("{name}: {error}; {}\n", error.hint()));
    };
    let (zipped, standard) = (gzip(&file), zstd(&file));
    tell("gzip header alone", &zipped[..10]);
    tell("gzip magic alone", &zipped[..4]);
    let mut wrong = zipped.clone();
    let last = wrong.len() - 6;
    wrong[last] ^= 1;
    tell("gzip checksum", &wrong);
    tell("gzip, then text", &[&zipped[..], b"hello"].concat());
    let mut wrong = zipped.clone();
    wrong[10] = 0x07;
    tell("gzip data", &wrong);
    tell("gzip of text", &gzip(b"hello, hello"));
    tell("gzip of nothing", &gzip(&[]));
    tell("zstd magic alone", &standard[..4]);
    tell("zstd, then text", &[&standard[..], b"hello"].concat());
    // A frame header that asks for 3.75 TB.
    tell("zstd window", &[0x28, 0xb5, 0x2f, 0xfd, 0, 0xff, 1, 0, 0]);
    tell("zstd reserved block", &[0x28, 0xb5, 0x2f, 0xfd, 0, 0x50, 7, 0, 0, 0]);
    insta::assert_snapshot!(report);
}

/// 32 MiB out of a kilobyte.
#[test]
fn bombs_are_read_bit_by_bit() {
    // RLE blocks of 128 KiB each, four bytes a block.
    let mut bomb = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 0x58];
    let header = |last: u32| (last | 1 << 1 | (128 * 1024) << 3).to_le_bytes();
    let file = file();
    for _ in 0..255 {
        bomb.extend([&header(0)[..3], &[0]].concat());
    }
    bomb.extend([&header(1)[..3], &[0]].concat());
    // The capture first, so that there is a reader; after it zeros, which are empty packets at 1970.
    let stored = [zstd(&file[..24]), bomb].concat();
    let mut reader = Reader::new(&stored[..]).unwrap();
    let mut count = 0u64;
    while reader.advance().is_ok_and(|more| more) {
        count += 1;
    }
    assert_eq!(count, (256 * 128 * 1024) / 16);
}
