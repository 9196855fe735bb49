//! `docs/knobs.md` is made from the settings' own documentation: `INSTA_UPDATE=always cargo test -p limpid-stack --test knobs`
//! writes it anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Unit and range of what is not merely on or off.
const RANGES: &[(&str, &str)] = &[
    ("syn_retries", "retransmissions, 1–127"),
    ("syn_schedule", "exponential, or so many linear ones first, 0–127"),
    ("syn_ack_retries", "retransmissions, 0–255"),
    ("connect_deadline", "time"),
    ("retries1", "retransmissions, 0–255"),
    ("retries2", "retransmissions, 0–255"),
    ("orphan_retries", "retransmissions, 0–255"),
    ("ecn", "a choice"),
    ("accecn_option", "a choice"),
    ("accecn_beacon", "per round trip"),
    ("recv_buffer", "bytes"),
    ("recv_buffer_min", "bytes"),
    ("recv_buffer_max", "bytes"),
    ("recv_buffer_limit", "bytes, from 2304"),
    ("initial_rwnd", "segments"),
    ("window_clamp", "bytes, from 1152"),
    ("defer_accept", "SYN-ACKs"),
    ("delack_max", "time, 2–200 ms"),
    ("recv_lowat", "bytes, from 1"),
    ("comp_sack_nr", "ACKs, 0–255"),
    ("comp_sack_delay", "time"),
    ("send_buffer", "bytes"),
    ("send_buffer_min", "bytes"),
    ("send_buffer_max", "bytes"),
    ("send_buffer_near", "bytes"),
    ("send_buffer_limit", "bytes, from 4608"),
    ("notsent_lowat", "bytes"),
    ("congestion", "by name"),
    ("controllers", "one's own"),
    ("hystart", "a choice"),
    ("max_pacing_rate", "bytes a second"),
    ("initial_cwnd", "segments"),
    ("min_tso_segs", "segments, 1–255"),
    ("tso_win_divisor", "parts, 0–255"),
    ("tso_rtt_log", "log2 of µs"),
    ("pacing_ss_ratio", "per cent, 0–1000"),
    ("pacing_ca_ratio", "per cent, 0–1000"),
    ("reordering", "segments"),
    ("max_reordering", "segments"),
    ("rto_min", "time, 1 µs–120 s"),
    ("rto_max", "time, 1–120 s"),
    ("min_snd_mss", "bytes, 48–65,535"),
    ("mtu_probing", "a choice"),
    ("base_mss", "bytes"),
    ("mtu_probe_floor", "bytes"),
    ("probe_interval", "time"),
    ("probe_threshold", "bytes"),
    ("invalid_ratelimit", "time"),
    ("max_seg", "bytes, 88–32,767"),
    ("user_timeout", "time"),
    ("user_timeout_min", "time"),
    ("user_timeout_max", "time"),
    ("keepalive_figures", "times 1–32,767 s, count 1–127"),
    ("keepalive", "off, or times 1–32,767 s, count 1–127"),
    ("linger", "off, or time"),
    ("fin_timeout", "time, up to 120 s by TCP_LINGER2"),
    ("time_wait", "time"),
    ("shard", "number, below shards"),
    ("shards", "shards, from 1"),
    ("tcp", "the settings above"),
    ("ephemeral_ports", "ports, 1–65,535"),
    ("memory", "bytes, three rising bounds"),
    ("max_time_wait", "connections"),
    ("time_wait_reuse", "a choice"),
    ("time_wait_reuse_delay", "time"),
    ("max_orphans", "connections"),
    ("rest_after", "time"),
    ("max_syn_backlog", "connections"),
    ("syn_cookies", "a choice"),
    ("fast_open", "see its own documentation"),
    ("path_mtu_discovery", "a choice"),
    ("min_pmtu", "bytes"),
    ("mtu_expires", "time"),
    ("mtu_expires_v6", "time"),
    ("min_adv_mss", "bytes"),
];

/// What begins a name of Linux's.
const PREFIXES: &[&str] = &["tcp_", "net.", "TCP_", "SO_", "IP_", "ip_"];

struct Field {
    name: String,
    kind: String,
    doc: String,
    default: String,
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The fields of a public struct, with their documentation and the defaults that its `impl Default` writes.
fn fields(path: &str, name: &str) -> Vec<Field> {
    let source = fs::read_to_string(root().join(path)).unwrap();
    let part = |from: &str, to: &str| {
        let begin = source.find(from).unwrap_or_else(|| panic!("{from} in {path}")) + from.len();
        let end = source[begin..].find(to).unwrap() + begin;
        source[begin..end].to_owned()
    };
    let defaults: BTreeMap<String, String> = part(&format!("fn default() -> {name} {{"), "\n    }\n")
        .lines()
        .filter_map(|line| line.trim().trim_end_matches(',').split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let (mut all, mut doc) = (Vec::new(), String::new());
    for line in part(&format!("pub struct {name} {{\n"), "\n}\n").lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("///") {
            doc.push_str(text);
        } else if let Some((name, kind)) = line.strip_prefix("pub ").and_then(|field| field.split_once(": ")) {
            let default = defaults.get(name).unwrap_or_else(|| panic!("a default of {name}")).clone();
            let (name, kind) = (name.to_owned(), kind.trim_end_matches(',').to_owned());
            all.push(Field { name, kind, doc: std::mem::take(&mut doc), default });
        }
    }
    all
}

/// Linux's names in a text.
fn names(doc: &str) -> String {
    let ours = |c: char| !(c.is_ascii_alphanumeric() || "_.[]".contains(c));
    let mut found: Vec<String> = Vec::new();
    for word in doc.split(ours).map(|word| word.trim_matches('.')) {
        if PREFIXES.iter().any(|prefix| word.starts_with(prefix)) && !found.iter().any(|known| known.contains(word)) {
            found.push(format!("`{word}`"));
        }
    }
    found.join(", ")
}

/// The documentation as a cell: links become their text.
fn cell(doc: &str) -> String {
    let mut text = String::new();
    let mut rest = doc.trim();
    while let Some((before, after)) = rest.split_once("](") {
        text.push_str(before);
        text.push(']');
        rest = after.split_once(')').map_or("", |(_, after)| after);
    }
    text.push_str(rest);
    text.replace("[`", "`").replace("`]", "`").replace('|', "\\|")
}

fn table(fields: &[Field]) -> String {
    let ranges: BTreeMap<&str, &str> = RANGES.iter().copied().collect();
    let mut text =
        String::from("| setting | Linux's name | default | unit and range | meaning |\n|---|---|---|---|---|\n");
    for Field { name, kind, doc, default } in fields {
        let range = match (ranges.get(name.as_str()), kind.as_str()) {
            (Some(range), _) => range,
            (None, "bool") => "on or off",
            (None, _) => panic!("say unit and range of {name}"),
        };
        let (names, doc) = (names(doc), cell(doc));
        writeln!(text, "| `{name}` | {names} | `{default}` | {range} | {doc} |").unwrap();
    }
    text
}

#[test]
fn every_setting_is_in_the_document() {
    let tcp = fields("crates/tcp/src/config.rs", "Config");
    let stack = fields("crates/stack/src/config.rs", "StackConfig");
    let known = |name: &str| tcp.iter().chain(&stack).any(|field| field.name == name);
    for (name, _) in RANGES {
        assert!(known(name), "there is no setting {name} any more");
    }
    let text = format!(
        "# Settings\n\nEach setting of the engine, with Linux's name for it. This page is made from the code: \
         `INSTA_UPDATE=always cargo test -p limpid-stack --test knobs` writes it, and a test checks it. A program sets \
         them by these fields; a program over `limpid-posix` by Linux's socket options; a script by Linux's sysctls \
         ([packetdrill.md](packetdrill.md) has the list). What a socket has not set for itself follows the stack's, where it \
         does on Linux (`Config::follow`).\n\nTTL, TOS, binding to an interface and the like are in `IpConfig`. MPTCP \
         is not built.\n\n## Of a socket (`Config`)\n\n{}\n## Of a stack (`StackConfig`)\n\n{}",
        table(&tcp),
        table(&stack)
    );
    let path = root().join("docs/knobs.md");
    if std::env::var("INSTA_UPDATE").is_ok_and(|how| how == "always") {
        fs::write(&path, &text).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(written == text, "docs/knobs.md is not what the settings say: run with INSTA_UPDATE=always");
}
