//! Captures that we write or damage, read by the real tcpdump; names, under the same conditions.

use super::packets::*;
use super::run::{compare, options, tcpdump, tcpdump_is_here};
use limpid_scope::capture::{CapturedPacket, LinkType, PcapngWriter, Reader};
use limpid_scope::dump::Printer;

/// A pcapng file with comments, as the lab writes.
fn pcapng(link_type: LinkType, interfaces: &[&str]) -> Vec<u8> {
    let mut writer = PcapngWriter::new(Vec::new()).expect("a header");
    for name in interfaces {
        writer.add_interface(link_type, name).expect("an interface");
    }
    for number in 0..10 {
        let tcp = Tcp { payload: vec![b'x'; number as usize], ..Tcp::default() };
        let time = 1_700_000_000_000_000_000 + number * 1_000_000_007;
        let ip = Ip4::default().tcp(&tcp);
        let data = if link_type == LinkType::ETHERNET { ethernet(0x0800, &ip) } else { ip };
        let packet = CapturedPacket {
            interface: number as u32 % interfaces.len() as u32,
            comment: (number % 3 > 0).then(|| format!("why: retransmission {number} — «timeout»")),
            ..CapturedPacket::whole(number as u64 + 1, time, link_type, data)
        };
        writer.write(&packet).expect("a packet");
    }
    writer.into_inner()
}

fn ours(file: &[u8], flags: &str) -> String {
    let mut printer = Printer::new(options(flags));
    match Reader::new(file) {
        Ok(reader) => reader.map_while(Result::ok).map(|packet| printer.print(&packet) + "\n").collect(),
        Err(_) => String::new(),
    }
}

#[test]
fn our_pcapng_opens_in_tcpdump() {
    if !tcpdump_is_here() {
        return;
    }
    for file in [pcapng(RAW, &["any"]), pcapng(LinkType::ETHERNET, &["client", "server"])] {
        for flags in ["-n", "-n -tt --nano", "-n -ttt -v"] {
            let ours = ours(&file, flags);
            assert_eq!(ours, tcpdump(file.clone(), flags), "{flags}");
            assert!(ours.lines().count() >= 10);
        }
    }
}

#[test]
fn cut_files_print_what_is_before_the_cut() {
    if !tcpdump_is_here() {
        return;
    }
    let file = pcapng(LinkType::ETHERNET, &["client", "server"]);
    for len in (40..file.len()).step_by(37) {
        assert_eq!(ours(&file[..len], "-n"), tcpdump(file[..len].to_vec(), "-n"), "cut at {len}");
    }
}

#[test]
fn names_of_hosts_and_ports() {
    let loopback6 = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    let all_nodes = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    let four = Ip4 { src: [127, 0, 0, 1], dst: [192, 0, 2, 77], ..Ip4::default() };
    let six = Ip6 { src: loopback6, dst: all_nodes, ..Ip6::default() };
    let mut all = Vec::new();
    for port in (1..1024).chain([3306, 5432, 6667, 8080, 50000]) {
        all.push(four.tcp(&Tcp { ports: (port, 50001), payload: Vec::new(), ..Tcp::default() }));
    }
    all.push(six.tcp(&[], &Tcp { ports: (22, 80), ..Tcp::default() }));
    // Ports without a decoder in tcpdump, with and without names.
    for port in [7, 9, 13, 19, 37, 49, 111, 4444, 60001] {
        all.push(four.udp((port, 60002), &[1, 2], None, None));
    }
    all.push(four.icmp(3, 3, &[&[0; 4], &four.tcp(&Tcp { ports: (50000, 443), ..Tcp::default() })[..]].concat()));
    compare("names", RAW, &whole(all), &["", "-N", "-v", "-q"]);
}
