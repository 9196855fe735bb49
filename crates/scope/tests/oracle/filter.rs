//! Our filters against libpcap's: expressions made from the grammar, both programs run on packets right, wrong and cut.

mod expressions;
mod traffic;

use super::packets::Random;
use super::run::tcpdump_is_here;
use limpid_scope::capture::{LinkType, PcapWriter};
use limpid_scope::filter::Filter;
use limpid_wire::bpf::{Encoded, Instruction, Program};
use std::io::Write;
use std::process::{Command, Stdio};

pub(crate) const LINK_TYPES: [LinkType; 8] = [
    LinkType::ETHERNET,
    LinkType::LINUX_SLL,
    LinkType::LINUX_SLL2,
    LinkType::RAW,
    LinkType::NULL,
    LinkType::LOOP,
    LinkType(9),
    LinkType::ETHERNET,
];

/// The program that tcpdump's libpcap makes for a file of this link type, or what it says instead.
fn libpcap(link_type: LinkType, expression: &str, optimized: bool) -> Result<Program, String> {
    let file = PcapWriter::new(Vec::new(), link_type).expect("a header").into_inner();
    let mut child = Command::new("tcpdump")
        .args(["-r", "-", if optimized { "-ddd" } else { "-Oddd" }, "--", expression])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("tcpdump runs");
    // tcpdump may end before it has read all.
    let _ = child.stdin.take().expect("piped").write_all(&file);
    let output = child.wait_with_output().expect("tcpdump ends");
    let errors = String::from_utf8_lossy(&output.stderr);
    if errors.contains("expression rejects all packets") {
        return Ok(Program::new(vec![Instruction::Return(0)]).expect("a program"));
    }
    if !output.status.success() {
        return Err(errors.into_owned());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let numbers = |line: &str| line.split(' ').map(|n| n.parse::<u32>().expect("a number")).collect::<Vec<_>>();
    let encoded: Vec<Encoded> = text
        .lines()
        .skip(1)
        .map(|line| match numbers(line)[..] {
            [code, jt, jf, k] => Encoded { code: code as u16, jt: jt as u8, jf: jf as u8, k },
            _ => panic!("{line}"),
        })
        .collect();
    Ok(Program::decode(&encoded).expect("libpcap's programs are programs"))
}

/// Both make a program of the expression, and choose the same packets; or both refuse. Adds what is wrong.
///
/// libpcap's optimizer changes which bytes are asked for first, or at all, and so what becomes of a packet that is cut
/// within them: there it is enough to choose as libpcap does with or without it.
fn compare(link_type: LinkType, expression: &str, packets: &[traffic::Captured], problems: &mut Vec<String>) {
    let (ours, theirs) = match (Filter::compile(expression, link_type), libpcap(link_type, expression, true)) {
        (Ok(ours), Ok(theirs)) => (ours, theirs),
        (Err(_), Err(_)) => return,
        (Err(ours), Ok(theirs)) => {
            problems.push(format!("{link_type:?} {expression}: we say {ours}, libpcap makes\n{theirs}"));
            return;
        }
        (Ok(_), Err(theirs)) => {
            problems.push(format!("{link_type:?} {expression}: libpcap says {theirs}"));
            return;
        }
    };
    let plain = libpcap(link_type, expression, false).expect("what can be optimized can be left so");
    let differ = |packet: &&traffic::Captured| {
        let takes = |program: &Program| program.run(&packet.data, packet.original_len) != 0;
        let chosen = ours.matches(&packet.data, packet.original_len);
        chosen != takes(&theirs) && chosen != takes(&plain)
    };
    if let Some(packet) = packets.iter().find(differ) {
        let bytes: String = packet.data.iter().map(|b| format!("{b:02x}")).collect();
        problems.push(format!(
            "{link_type:?} {expression}: we say {} to {bytes} of {}\nours\n{}\nlibpcap's\n{theirs}",
            ours.matches(&packet.data, packet.original_len),
            packet.original_len,
            ours.program(),
        ));
    }
}

fn none(problems: &[String]) {
    let shown = problems.iter().take(5).map(String::as_str).collect::<Vec<_>>().join("\n\n");
    assert!(problems.is_empty(), "{} expressions differ\n{shown}", problems.len());
}

#[test]
fn expressions_that_people_use() {
    if !tcpdump_is_here() {
        return;
    }
    let mut problems = Vec::new();
    for link_type in &LINK_TYPES[..7] {
        let packets = traffic::packets(*link_type, &mut Random::new(7), 600);
        for expression in expressions::WELL_KNOWN {
            // Ours alone: libpcap knows no VLAN tags behind cooked headers.
            if expression.contains("vlan") && matches!(*link_type, LinkType::LINUX_SLL | LinkType::LINUX_SLL2) {
                continue;
            }
            compare(*link_type, expression, &packets, &mut problems);
        }
    }
    none(&problems);
}

#[test]
fn expressions_out_of_the_grammar() {
    if !tcpdump_is_here() {
        return;
    }
    let rounds = std::env::var("LIMPID_ORACLE_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(1);
    let mut problems = Vec::new();
    for round in 0..rounds {
        let mut random = Random::new(1000 + round);
        for link_type in LINK_TYPES {
            let packets = traffic::packets(link_type, &mut random, 400);
            for _ in 0..60 {
                let expression = expressions::random(&mut random, link_type);
                compare(link_type, &expression, &packets, &mut problems);
            }
        }
    }
    none(&problems);
}

#[test]
fn the_corpus_tells_filters_apart() {
    let packets = traffic::packets(LinkType::ETHERNET, &mut Random::new(7), 600);
    for expression in
        ["tcp", "udp", "icmp", "arp", "ip6", "vlan", "port 80", "host 10.0.0.1", "tcp[13] & 2 != 0", "less 80"]
    {
        let filter = Filter::compile(expression, LinkType::ETHERNET).expect(expression);
        let chosen = packets.iter().filter(|packet| filter.matches(&packet.data, packet.original_len)).count();
        assert!(chosen > 5 && chosen < packets.len() - 5, "{expression} chooses {chosen} of {}", packets.len());
    }
}
