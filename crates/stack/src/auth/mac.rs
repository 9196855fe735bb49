//! Digests and MACs: TCP-MD5's (RFC 2385 §2.0), TCP-AO's (RFC 5925 §5.1), and the keys that the latter are made with
//! (RFC 5926 §3.1).

use super::key::{AoAlgorithm, AoKey};
use aes::Aes128;
use arrayvec::ArrayVec;
use cmac::Cmac;
use hmac::{Hmac, KeyInit, Mac};
use limpid_wire::tcp::header::{CHECKSUM_OFFSET, MIN_HEADER_LEN};
use limpid_wire::tcp::option::kind;
use limpid_wire::{Chunks, IpAddr, SeqNum};
use md5::{Digest, Md5};
use sha1::Sha1;
use sha2::Sha256;

/// A traffic key, or a whole MAC.
pub(super) type Output = ArrayVec<u8, 32>;

/// What of a segment is signed beside its data.
#[derive(Clone, Copy)]
pub(super) struct Signed<'a> {
    pub(super) src: IpAddr,
    pub(super) dst: IpAddr,
    /// The TCP header with its options.
    pub(super) header: &'a [u8],
    pub(super) payload: &'a Chunks,
}

/// One end of a connection, as traffic keys know it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct End {
    pub(super) addr: IpAddr,
    pub(super) port: u16,
    /// Zero where it is not known yet.
    pub(super) isn: SeqNum,
}

/// True if they are the same; how long that takes tells nothing of where they are not.
pub(super) fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differs, (a, b)| core::hint::black_box(differs | (a ^ b))) == 0
}

impl Signed<'_> {
    /// Of addresses and length (RFC 9293 §3.1).
    fn pseudo_header(&self) -> ArrayVec<u8, 40> {
        let len = self.header.len() + self.payload.len();
        let mut bytes = ArrayVec::new();
        match (self.src.as_v4(), self.dst.as_v4()) {
            (Some(src), Some(dst)) => {
                bytes.extend(src);
                bytes.extend(dst);
                bytes.extend([0, 6]);
                bytes.extend((len as u16).to_be_bytes());
            }
            _ => {
                bytes.extend(self.src.octets());
                bytes.extend(self.dst.octets());
                bytes.extend((len as u32).to_be_bytes());
                bytes.extend([0, 0, 0, 6]);
            }
        }
        bytes
    }

    /// The header with no checksum, and no MAC; only TCP-AO's of the options, if the others are not covered.
    fn header_for_ao(&self, exclude_options: bool) -> ArrayVec<u8, 60> {
        let mut bytes: ArrayVec<u8, 60> = self.header.iter().copied().take(60).collect();
        bytes[CHECKSUM_OFFSET..CHECKSUM_OFFSET + 2].fill(0);
        let Some(option) = ao_option(&bytes) else { return bytes };
        bytes[option.start + 4..option.end].fill(0);
        if exclude_options {
            let own: ArrayVec<u8, 40> = bytes[option].iter().copied().collect();
            bytes.truncate(MIN_HEADER_LEN);
            bytes.extend(own);
        }
        bytes
    }
}

/// Where TCP-AO's option lies in a header.
fn ao_option(header: &[u8]) -> Option<core::ops::Range<usize>> {
    let mut at = MIN_HEADER_LEN;
    loop {
        match *header.get(at..)? {
            [kind::NOP, ..] => at += 1,
            [kind::TCP_AO, len, ..] if len >= 4 && at + usize::from(len) <= header.len() => {
                return Some(at..at + usize::from(len));
            }
            [kind::END_OF_LIST, ..] | [] | [_] | [_, 0 | 1, ..] => return None,
            [_, len, ..] => at += usize::from(len),
        }
    }
}

/// TCP-MD5's digest: the options are not covered (RFC 2385 §2.0).
pub(super) fn md5_digest(key: &[u8], signed: &Signed<'_>) -> [u8; 16] {
    let mut fixed = [0; MIN_HEADER_LEN];
    fixed.copy_from_slice(&signed.header[..MIN_HEADER_LEN]);
    fixed[CHECKSUM_OFFSET..CHECKSUM_OFFSET + 2].fill(0);
    let mut md5 = Md5::new();
    md5.update(signed.pseudo_header());
    md5.update(fixed);
    signed.payload.iter().for_each(|chunk| md5.update(chunk.as_slice()));
    md5.update(key);
    md5.finalize().into()
}

/// Runs a MAC over the parts of a message.
fn over<M: KeyInit + Mac>(key: &[u8], parts: &[&[u8]], payload: Option<&Chunks>) -> Output {
    // HMAC takes keys of any length; CMAC's are of 16 bytes here.
    let Ok(mut mac) = <M as KeyInit>::new_from_slice(key) else { return Output::new() };
    parts.iter().for_each(|part| mac.update(part));
    if let Some(payload) = payload {
        payload.iter().for_each(|chunk| mac.update(chunk.as_slice()));
    }
    mac.finalize().into_bytes().iter().copied().collect()
}

fn run(algorithm: AoAlgorithm, key: &[u8], parts: &[&[u8]], payload: Option<&Chunks>) -> Output {
    match algorithm {
        AoAlgorithm::HmacSha1 => over::<Hmac<Sha1>>(key, parts, payload),
        AoAlgorithm::HmacSha256 => over::<Hmac<Sha256>>(key, parts, payload),
        AoAlgorithm::CmacAes128 => over::<Cmac<Aes128>>(key, parts, payload),
    }
}

/// The key that segments from `from` to `to` are signed with (RFC 5926 §3.1.1).
pub(super) fn traffic_key(key: &AoKey, from: &End, to: &End) -> Output {
    let bits: u16 = match key.algorithm {
        AoAlgorithm::HmacSha1 => 160,
        AoAlgorithm::CmacAes128 => 128,
        AoAlgorithm::HmacSha256 => 256,
    };
    let mut input: ArrayVec<u8, 64> = ArrayVec::new();
    input.push(1);
    input.extend(*b"TCP-AO");
    for end in [from, to] {
        match end.addr.as_v4() {
            Some(addr) => input.extend(addr),
            None => input.extend(end.addr.octets()),
        }
    }
    input.extend(from.port.to_be_bytes());
    input.extend(to.port.to_be_bytes());
    input.extend(from.isn.0.to_be_bytes());
    input.extend(to.isn.0.to_be_bytes());
    input.extend(bits.to_be_bytes());
    let master = key.secret.bytes();
    // AES wants a key of its own length (RFC 5926 §3.1.1.2).
    if key.algorithm == AoAlgorithm::CmacAes128 && master.len() != 16 {
        let master = run(AoAlgorithm::CmacAes128, &[0; 16], &[master], None);
        return run(key.algorithm, &master, &[&input], None);
    }
    run(key.algorithm, master, &[&input], None)
}

/// The MAC of a segment whose sequence number is extended by `sne` (RFC 5925 §5.1).
pub(super) fn ao_mac(key: &AoKey, traffic_key: &[u8], sne: u32, signed: &Signed<'_>) -> Output {
    let header = signed.header_for_ao(key.exclude_options);
    let parts: [&[u8]; 3] = [&sne.to_be_bytes(), &signed.pseudo_header(), &header];
    let mut mac = run(key.algorithm, traffic_key, &parts, Some(signed.payload));
    mac.truncate(key.mac_len.into());
    mac
}
