//! Socket options of ours and of this machine's Linux: defaults, what may be set and what is told then, lengths, errnos.
//!
//! Needs Linux 6.15 or later, whose options these are, and a network namespace; elsewhere it says so and passes.

use limpid_device::namespace::Namespace;
use limpid_event::{Instant, Silent};
use limpid_posix::{Call, Errno, Output, Process, Progress, Return, abi};
use limpid_stack::{Config, Secrets, Stack, StackConfig};
use std::fmt::Write;
use std::sync::Arc;

/// Values of an `int` around everything that is a bound of some option.
const VALUES: &[i32] = &[
    i32::MIN,
    -2,
    -1,
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    8,
    10,
    60,
    64,
    87,
    88,
    100,
    119,
    120,
    121,
    127,
    128,
    252,
    255,
    256,
    257,
    536,
    999,
    1000,
    1152,
    1153,
    2048,
    2304,
    4608,
    6144,
    32_767,
    32_768,
    65_535,
    65_536,
    100_000,
    120_000,
    120_001,
    200_000,
    200_001,
    212_992,
    1_000_000,
    i32::MAX,
];

/// Lengths to read into, and to set from.
const LENGTHS: &[usize] = &[0, 1, 2, 3, 4, 5, 8, 12, 16, 36, 64];

/// Options that ours has not built: whatever is not their default is an error there, whatever Linux says.
const NOT_BUILT: &[&str] = &[
    "SO_REUSEPORT",
    "SO_DONTROUTE",
    "SO_PEEK_OFF",
    "SO_BUSY_POLL",
    "SO_MAX_PACING_RATE",
    "SO_INCOMING_CPU",
    "SO_TXTIME",
    "TCP_DEFER_ACCEPT",
    "TCP_MD5SIG",
    "TCP_MD5SIG_EXT",
    "TCP_REPAIR",
    "TCP_SAVE_SYN",
    "TCP_FASTOPEN",
    "TCP_FASTOPEN_CONNECT",
    "TCP_FASTOPEN_KEY",
    "TCP_FASTOPEN_NO_COOKIE",
    "TCP_ZEROCOPY_RECEIVE",
    "TCP_TX_DELAY",
    "TCP_DELACK_MAX_US",
    "TCP_THIN_LINEAR_TIMEOUTS",
    "IP_OPTIONS",
    "IP_TRANSPARENT",
    "IP_BIND_ADDRESS_NO_PORT",
    "IP_RECVERR_RFC4884",
    "IP_LOCAL_PORT_RANGE",
    "IPV6_MTU",
    "IPV6_FLOWLABEL_MGR",
    "SO_TIMESTAMPING",
];

/// Values that no two systems share, or that count in ticks of a kernel's own length: only the errnos are compared.
const OWN_VALUE: &[&str] =
    &["TCP_TIMESTAMP", "SO_COOKIE", "TCP_INFO", "TCP_CC_INFO", "TCP_CONGESTION", "TCP_RTO_MIN_US", "TCP_RTO_MAX_MS"];

/// What is no option although it is called like one.
const NO_OPTION: &[&str] = &["SO_EE_", "TCP_CA_", "IP_PMTUDISC_", "TCP_CM_INQ"];

/// What the test can do with sockets, of ours or of Linux.
trait Sockets {
    fn call(&mut self, call: Call) -> Return;

    fn socket(&mut self, domain: i32) -> i32 {
        let call = Call::Socket { domain, kind: abi::SOCK_STREAM, protocol: 0 };
        self.call(call).value.expect("a socket") as i32
    }

    fn close(&mut self, fd: i32) {
        assert_eq!(self.call(Call::Close { fd }).value, Ok(0));
    }

    fn get(&mut self, fd: i32, (level, name): (i32, i32), len: usize) -> String {
        let ended = self.call(Call::GetSockOpt { fd, level, name, len });
        match (ended.value, ended.output) {
            (Err(errno), _) => format!("{errno:?}"),
            (Ok(_), Output::Bytes(bytes)) => match <[u8; 4]>::try_from(bytes.as_slice()) {
                Ok(int) => i32::from_ne_bytes(int).to_string(),
                Err(_) => format!("{bytes:02x?}"),
            },
            (Ok(_), other) => panic!("an option's value is bytes, not {other:?}"),
        }
    }

    /// Sets an option on a socket of its own, and tells what became of it.
    fn try_to_set(&mut self, domain: i32, (level, name): (i32, i32), value: &[u8]) -> Result<String, Errno> {
        let fd = self.socket(domain);
        let set = self.call(Call::SetSockOpt { fd, level, name, value: value.to_vec() }).value;
        let told = self.get(fd, (level, name), 4);
        self.close(fd);
        set.map(|_| told)
    }
}

struct Ours(Process<Silent>);

impl Sockets for Ours {
    fn call(&mut self, call: Call) -> Return {
        match self.0.call(Instant::from_millis(1000), call) {
            Progress::Done(ended) => ended,
            Progress::Waits(_) => panic!("no call about options waits"),
        }
    }
}

struct Linux(limpid_kernel::Process);

impl Sockets for Linux {
    fn call(&mut self, call: Call) -> Return {
        self.0.call(call).expect("a call that can be made")
    }
}

/// The settings of this machine that are options' defaults and bounds.
fn settings_of_this_machine() -> StackConfig {
    let read = |name: &str| std::fs::read_to_string(format!("/proc/sys/net/{name}")).unwrap_or_default();
    let word = |name: &str, at: usize| read(name).split_whitespace().nth(at).and_then(|word| word.parse().ok());
    let default = StackConfig::default();
    let tcp = Config {
        send_buffer: word("ipv4/tcp_wmem", 1).unwrap_or(16_384),
        recv_buffer: word("ipv4/tcp_rmem", 1).unwrap_or(131_072),
        recv_buffer_max: word("ipv4/tcp_rmem", 2).unwrap_or(33_554_432),
        ..(*default.tcp).clone()
    };
    StackConfig {
        send_buffer_limit: word("core/wmem_max", 0).unwrap_or(212_992) as u32,
        recv_buffer_limit: word("core/rmem_max", 0).unwrap_or(212_992) as u32,
        tcp: Arc::new(tcp),
        ..default
    }
}

fn level_of(name: &str) -> Option<i32> {
    if NO_OPTION.iter().any(|prefix| name.starts_with(prefix)) {
        return None;
    }
    [("SO_", abi::SOL_SOCKET), ("TCP_", abi::IPPROTO_TCP), ("IPV6_", abi::IPPROTO_IPV6), ("IP_", abi::IPPROTO_IP)]
        .into_iter()
        .find_map(|(prefix, level)| name.starts_with(prefix).then_some(level))
}

/// Every option that has a name, with its level and number. States of TCP are called like options.
fn options() -> Vec<(&'static str, (i32, i32))> {
    let states = ["ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE", "CLOSE_WAIT"];
    let is_state = |name: &str| {
        let name = name.strip_prefix("TCP_").unwrap_or("");
        states.contains(&name) || ["LAST_ACK", "LISTEN", "CLOSING"].contains(&name)
    };
    let named = abi::names().filter(|(name, _)| !is_state(name));
    named.filter_map(|(name, number)| Some((name, (level_of(name)?, number as i32)))).collect()
}

/// Where ours and Linux part, one line each.
fn differences(ours: &mut Ours, linux: &mut Linux, domain: i32, name: &str, option: (i32, i32)) -> String {
    let mut out = String::new();
    let mut compare = |what: String, ours: String, linux: String| {
        if ours != linux {
            let family = if domain == abi::AF_INET { "IPv4" } else { "IPv6" };
            writeln!(out, "{name}, {family}, {what}: ours {ours}, Linux {linux}").expect("a string takes it");
        }
    };
    let own_value = OWN_VALUE.contains(&name);
    let (a, b) = (ours.socket(domain), linux.socket(domain));
    for &len in LENGTHS.iter().filter(|_| !own_value) {
        compare(format!("default in {len} bytes"), ours.get(a, option, len), linux.get(b, option, len));
    }
    ours.close(a);
    linux.close(b);
    // Between one and two ticks, which are 1 ms of ours and up to 10 ms of a kernel's.
    let in_ticks = |value: i32| name == "TCP_RTO_MIN_US" && (1001..20_001).contains(&value);
    let ints = VALUES
        .iter()
        .filter(|value| !in_ticks(**value))
        .map(|value| (format!("{value}"), value.to_ne_bytes().to_vec()));
    let bytes = |len: usize| [1].into_iter().chain([0; 63]).take(len).collect();
    let lengths = LENGTHS.iter().map(|&len| (format!("1 in {len} bytes"), bytes(len)));
    for (what, value) in ints.chain(lengths) {
        let set = [ours.try_to_set(domain, option, &value), linux.try_to_set(domain, option, &value)];
        let [a, b] = set.map(|told| told.map(|told| if own_value { String::new() } else { told }));
        compare(format!("set to {what}"), format!("{a:?}"), format!("{b:?}"));
    }
    out
}

fn run() {
    let stack = Stack::new(settings_of_this_machine(), Secrets { seed: [1; 32] }, Silent);
    let (mut ours, mut linux) = (Ours(Process::new(stack)), Linux(limpid_kernel::Process::new()));
    let (mut wrong, mut built) = (String::new(), Vec::new());
    for (name, option) in options() {
        let mut all = String::new();
        for domain in [abi::AF_INET, abi::AF_INET6] {
            all += &differences(&mut ours, &mut linux, domain, name, option);
        }
        if !NOT_BUILT.contains(&name) {
            wrong += &all;
        } else if all.is_empty() {
            built.push(name);
        } else {
            // What is accepted must be what Linux accepts.
            all.lines().filter(|line| line.contains("ours Ok")).for_each(|line| wrong += &format!("{line}\n"));
        }
    }
    assert!(wrong.is_empty(), "{} differences:\n{wrong}", wrong.lines().count());
    assert!(built.is_empty(), "these are built by now: {built:?}");
}

#[test]
fn options_are_as_on_linux() {
    // A thread of its own: it is in another network namespace from then on.
    let in_namespace = || match Namespace::enter() {
        Ok(_namespace) => run(),
        Err(error) => println!("not tested: {error}"),
    };
    std::thread::scope(|scope| scope.spawn(in_namespace).join()).expect("the comparison");
}
