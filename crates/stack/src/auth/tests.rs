//! RFC 9235's test vectors, and what of keys can be tested alone.

use super::ao::{AoFlow, Extended};
use super::key::{AoAlgorithm, AoKey, KeyRing, Secret};
use super::mac::{End, Signed, ao_mac, md5_digest, same, traffic_key};
use crate::demux::FlowKey;
use crate::{IfaceId, ListenConfig, Secrets, Stack, StackConfig};
use alloc::format;
use alloc::vec::Vec;
use limpid_event::{Instant, Silent};
use limpid_wire::tcp::{AoOption, AuthOption, emit_header};
use limpid_wire::{Chunks, Cidr, Endpoint, IpAddr, Segment, SeqNum, TcpFlags};

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn key(algorithm: AoAlgorithm, exclude_options: bool) -> AoKey {
    AoKey {
        peer: "0.0.0.0/0".parse().unwrap(),
        send_id: 61,
        recv_id: 84,
        algorithm,
        mac_len: 12,
        exclude_options,
        secret: Secret::new(b"testvector").unwrap(),
    }
}

/// A packet of RFC 9235: section, key, initial numbers of sender and receiver, the traffic key that is to come of them, and the
/// packet.
struct Vector(&'static str, AoKey, [u32; 2], &'static str, &'static str);

fn vectors() -> [Vector; 10] {
    use AoAlgorithm::{CmacAes128, HmacSha1};
    [
        Vector(
            "4.1.1",
            key(HmacSha1, false),
            [0xfbfb_ab5a, 0],
            "6d63ef1b02fe1509d4b1402707fd7b0416abb74f",
            "45e0004cdd0f4000ff06bf6b0a0b0c0d ac1b1c1de9d700b3fbfbab5a00000000 e002ffffcac40000020405b401030308
             0402080a00155ab7000000001d103d54 2ee437c6f8ede6d7c4d602e7",
        ),
        Vector(
            "4.1.2",
            key(HmacSha1, false),
            [0x11c1_4261, 0xfbfb_ab5a],
            "d9e217e4834a80ca2f3fd8de2e41b8e6797fea96",
            "45e0004c65064000ff063775ac1b1c1d 0a0b0c0d00b3e9d711c14261fbfbab5b e012ffff37760000020405b401030308
             0402080a84a50beb00155ab71d10543d eeab0fe24c3010815116b3be",
        ),
        Vector(
            "4.1.3",
            key(HmacSha1, false),
            [0xfbfb_ab5a, 0x11c1_4261],
            "d2e59c65ffc7b1a39347656463b70edc24a13d71",
            "45e0008736a14000ff06659f0a0b0c0d ac1b1c1de9d700b3fbfbab5b11c14262 c0180104a16200000101080a00155ac1
             84a50beb1d103d547064cf998cc6c315 c2c2e2bfffffffffffffffffffffffff ffffffff00430104dabf00b40a0b0c0d
             26020601040001000102028000020202 0002024200020641040000dabf020840 06006400010100",
        ),
        Vector(
            "4.2.1",
            key(HmacSha1, true),
            [0xcb0e_fbee, 0],
            "30eaa1560cf0be57dab5c045229fb10a423cd7ea",
            "45e0004c53994000ff0648e20a0b0c0d ac1b1c1dff1200b3cb0efbee00000000 e002ffff541f0000020405b401030308
             0402080a00024cce000000001d103d54 80af3cfeb85368937b8f9ec2",
        ),
        Vector(
            "4.2.4",
            key(HmacSha1, true),
            [0xacd5_b5e1, 0xcb0e_fbee],
            "b5b2896bb3664e8176b0edc6e799524101a8307f",
            "45e0008754374000ff064809ac1b1c1d 0a0b0c0d00b3ff12acd5b5e2cb0efc32 c018010046b600000101080a576772f3
             00024cce1d10543d97766e48ac262de9 ae61b4f9ffffffffffffffffffffffff ffffffff00430104dac000b4ac1b1c1d
             26020601040001000102028000020202 0002024200020641040000dac0020840 06006400010100",
        ),
        Vector(
            "5.1.1",
            key(CmacAes128, false),
            [0x787a_1ddf, 0],
            "f5b8b3d5f34fdbb6eb8d4ab9660e60e3",
            "45e0004c7b9f4000ff0620dc0a0b0c0d ac1b1c1dc4fa00b3787a1ddf00000000 e002ffff5a0f0000020405b401030308
             0402080a00017ed0000000001d103d54 e477e99c8040765498e55091",
        ),
        Vector(
            "5.1.3",
            key(CmacAes128, false),
            [0x787a_1ddf, 0xfadd_6de9],
            "8c8ae0e8371ec5cbb97ea79d90418391",
            "45e00087fb4f4000ff06a0f00a0b0c0d ac1b1c1dc4fa00b3787a1de0fadd6dea c0180104950500000101080a00017ed0
             93f4e9e81d103d5477412742fa4dc433 eff0973effffffffffffffffffffffff ffffffff00430104dabf00b40a0b0c0d
             26020601040001000102028000020202 0002024200020641040000dabf020840 06006400010100",
        ),
        Vector(
            "5.2.2",
            key(CmacAes128, true),
            [0xd384_4a6f, 0x389b_ed71],
            "3ce67a551869506b6347b633c50a624a",
            "45e0004c6cc04000ff062fbbac1b1c1d 0a0b0c0d00b3da1cd3844a6f389bed72 e012ffffe4450000020405b401030308
             0402080ace459838000185e11d10543d 3a6abb207e49b1be7136db90",
        ),
        Vector(
            "6.1.1",
            key(HmacSha1, false),
            [0x176a_833f, 0],
            "625ec09d575836edc9b6428418bbf06989a361bb",
            "6e0891dc00380640fd00000000000000 0000000000000001fd00000000000000 0000000000000002f7e400b3176a833f
             00000000e002ffff47210000020405a0 010303080402080a0041d08700000000 1d103d549033ec3d7334b64c5edd039f",
        ),
        Vector(
            "6.1.2",
            key(HmacSha1, false),
            [0x3f51_994b, 0x176a_833f],
            "e4a37ada2a0afca8711434913fe138c771ebcb4a",
            "6e01009e00380640fd00000000000000 0000000000000002fd00000000000000 000000000000000100b3f7e43f51994b
             176a8340e012ffffbfec0000020405a0 010303080402080abd33129b0041d087 1d10543df1cba346c3526163f71f1f55",
        ),
    ]
}

#[test]
fn the_test_vectors_of_rfc_9235() {
    for Vector(section, key, [from_isn, to_isn], traffic, packet) in vectors() {
        let packet = hex(packet);
        let v4 = packet[0] >> 4 == 4;
        let addr = |at: usize| match v4 {
            true => IpAddr::v4(packet[at..at + 4].try_into().unwrap()),
            false => IpAddr::v6(packet[at..at + 16].try_into().unwrap()),
        };
        let (src, dst, tcp) = if v4 { (addr(12), addr(16), &packet[20..]) } else { (addr(8), addr(24), &packet[40..]) };
        let port = |at: usize| u16::from_be_bytes([tcp[at], tcp[at + 1]]);
        let from = End { addr: src, port: port(0), isn: SeqNum(from_isn) };
        let to = End { addr: dst, port: port(2), isn: SeqNum(to_isn) };
        let made = traffic_key(&key, &from, &to);
        assert_eq!(made.as_slice(), hex(traffic), "{section}: traffic key");
        let (header, data) = tcp.split_at(usize::from(tcp[12] >> 4) * 4);
        let payload: Chunks = data.to_vec().into();
        let mac = ao_mac(&key, &made, 0, &Signed { src, dst, header, payload: &payload });
        assert!(header.windows(12).any(|part| part == mac.as_slice()), "{section}: {mac:02x?}");
    }
}

#[test]
fn a_digest_covers_addresses_header_data_and_key() {
    let header = hex("1f900050 00000001 00000002 a0104000 abcd0000 01011312 000000000000000000000000 00000000");
    let payload: Chunks = b"hello".to_vec().into();
    let (src, dst) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
    let signed = Signed { src, dst, header: &header, payload: &payload };
    let digest = md5_digest(b"secret", &signed);
    let mut checksum = header.clone();
    checksum[16] ^= 1;
    assert_eq!(md5_digest(b"secret", &Signed { header: &checksum, ..signed }), digest, "the checksum is not covered");
    let mut options = header.clone();
    options[30] ^= 1;
    assert_eq!(md5_digest(b"secret", &Signed { header: &options, ..signed }), digest, "options are not covered");
    let mut seq = header.clone();
    seq[4] ^= 1;
    assert_ne!(md5_digest(b"secret", &Signed { header: &seq, ..signed }), digest);
    assert_ne!(md5_digest(b"Secret", &signed), digest);
    assert_ne!(md5_digest(b"secret", &Signed { src: dst, dst: src, ..signed }), digest);
    let other: Chunks = b"hellO".to_vec().into();
    assert_ne!(md5_digest(b"secret", &Signed { payload: &other, ..signed }), digest);
}

/// RFC 5925 §6.2.
#[test]
fn sequence_numbers_are_extended_across_zero() {
    let mut numbers = Extended::new(SeqNum(0xffff_ff00));
    assert_eq!((numbers.of(SeqNum(0xffff_fff0)), numbers.of(SeqNum(0x10))), (0, 1));
    numbers.advance(SeqNum(0x10));
    assert_eq!((numbers.of(SeqNum(0x20)), numbers.of(SeqNum(0xffff_fff0))), (1, 0));
    // What comes late does not turn it back.
    numbers.advance(SeqNum(0xffff_fff0));
    assert_eq!(numbers.of(SeqNum(0x10)), 1);
}

/// RFC 5925 §6.2: both ends extend them alike, and the MAC covers the extension.
#[test]
fn a_mac_covers_the_extended_number() {
    let ends = ["10.0.0.1", "10.0.0.2"].map(|addr| Endpoint::new(addr.parse().unwrap(), 179));
    let keys = [(0, 1), (1, 0)].map(|(local, remote)| FlowKey::new(ends[local], ends[remote], IfaceId(0)));
    let isns = [SeqNum(0xffff_ff00), SeqNum(0x1000)];
    let master = AoKey { recv_id: 61, ..key(AoAlgorithm::HmacSha1, false) };
    let mut flows = [0, 1].map(|_| AoFlow::new([master.clone()].into()).unwrap());
    for (nth, flow) in flows.iter_mut().enumerate() {
        let syn = Segment { seq: isns[1 - nth], flags: TcpFlags::SYN, ..Segment::default() };
        flow.answer(&keys[nth], &syn, isns[nth]);
    }
    for (seq, sne) in [(0xffff_ff01, 0), (0xffff_fff0, 0), (0x10, 1), (0x20, 1)] {
        let mut segment = Segment { seq: SeqNum(seq), ack: isns[1] + 1, flags: TcpFlags::ACK, ..Segment::default() };
        flows[0].sign(&keys[0], &mut segment);
        let mut header = [0; 60];
        let len = emit_header(&segment, (179, 179), &mut header);
        assert!(flows[1].check(&keys[1], &segment, &header[..len]).is_ok(), "{seq:#x}");
        let Some(AuthOption::Ao(sent)) = segment.options.auth else { panic!("it is signed") };
        segment.options.auth = Some(AuthOption::Ao(AoOption::new(61, 61, &[0; 12])));
        let len = emit_header(&segment, (179, 179), &mut header);
        let [from, to] = [0, 1].map(|nth| End { addr: ends[nth].addr, port: 179, isn: isns[nth] });
        let signed = Signed { src: from.addr, dst: to.addr, header: &header[..len], payload: &segment.payload };
        let mac = ao_mac(&master, &traffic_key(&master, &from, &to), sne, &signed);
        assert_eq!(sent, AoOption::new(61, 61, &mac), "{seq:#x} with {sne}");
    }
}

#[test]
fn keys_are_never_shown() {
    let key = key(AoAlgorithm::HmacSha1, false);
    let mut ring = KeyRing::default();
    ring.add_ao(key.clone()).unwrap();
    ring.set_md5("::/0".parse().unwrap(), Secret::new(b"testvector").unwrap()).unwrap();
    for text in [format!("{key:?}"), format!("{ring:?}"), format!("{:?}", key.secret)] {
        assert!(!text.contains("testvector") && !text.contains("116"), "{text}");
    }
}

#[test]
fn the_longest_prefix_has_the_key() {
    let mut ring = KeyRing::default();
    for (prefix, key) in [("10.0.0.0/8", b"a"), ("10.1.0.0/16", b"b"), ("10.1.2.3/32", b"c")] {
        ring.set_md5(prefix.parse().unwrap(), Secret::new(key).unwrap()).unwrap();
    }
    let of = |peer: &str| ring.md5_for(peer.parse().unwrap()).map(Secret::bytes);
    assert_eq!(
        [of("10.9.9.9"), of("10.1.9.9"), of("10.1.2.3"), of("11.0.0.1")],
        [Some(&b"a"[..]), Some(&b"b"[..]), Some(&b"c"[..]), None]
    );
    assert!(Secret::new(&[0; 81]).is_none() && Secret::new(&[]).is_none());
}

#[test]
fn equal_is_equal_in_length_and_bytes() {
    assert!(same(b"abc", b"abc") && !same(b"abc", b"abd") && !same(b"abc", b"ab") && same(b"", b""));
}

/// Segments are looked at as long as somebody has keys, be it only a connection that nobody holds any more.
#[test]
fn who_has_keys_is_known_until_the_last_is_gone() {
    let now = Instant::from_millis(1);
    let mut stack = Stack::new(StackConfig::default(), Secrets { seed: [5; 32] }, Silent);
    let secret = || Secret::new(b"secret").unwrap();
    let peers: Cidr = "127.0.0.0/8".parse().unwrap();
    let at: Endpoint = "127.0.0.1:80".parse().unwrap();
    assert!(!stack.auth.is_in_use());

    let idle = stack.socket();
    stack.set_md5_key(idle, peers, secret()).unwrap();
    assert!(stack.auth.is_in_use());
    stack.remove_md5_key(idle, peers).unwrap();
    assert!(!stack.auth.is_in_use(), "its last key");
    assert!(stack.remove_md5_key(idle, peers).is_err());
    assert!(!stack.auth.is_in_use(), "there was none");

    let listener = stack.listen(now, ListenConfig::new(at, 8)).unwrap();
    let client = stack.socket();
    for socket in [listener, client] {
        stack.set_md5_key(socket, peers, secret()).unwrap();
    }
    stack.connect_on(now, client, at).unwrap();
    stack.handle_timeout(now);
    let (server, _) = stack.accept(now, listener).unwrap();
    stack.close(now, listener).unwrap();
    assert!(stack.auth.is_in_use(), "the listener's keys are the connection's, too");
    stack.close(now, client).unwrap();
    stack.handle_timeout(now);
    stack.close(now, server).unwrap();
    stack.handle_timeout(now);
    assert!(stack.auth.is_in_use(), "in TIME-WAIT segments are signed still");
    let later = now + core::time::Duration::from_secs(600);
    stack.handle_timeout(later);
    assert_eq!(stack.open_connections(), 0);
    assert!(!stack.auth.is_in_use());
}
