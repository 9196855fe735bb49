//! Socket options of ours and of this machine's Linux: defaults, what may be set and what is told then, lengths, errnos.
//!
//! Needs Linux 6.15 or later, whose options these are, and a network namespace; elsewhere it says so and passes.

use limpid_device::namespace::Namespace;
use limpid_event::{Instant, Silent};
use limpid_posix::{Call, Errno, Output, Process, Progress, Return, Sockaddr, abi};
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
    "SO_DONTROUTE",
    "SO_BUSY_POLL",
    "SO_INCOMING_CPU",
    "SO_TXTIME",
    "TCP_REPAIR",
    "TCP_ZEROCOPY_RECEIVE",
    "TCP_TX_DELAY",
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
const OWN_VALUE: &[&str] = &[
    "TCP_TIMESTAMP",
    "SO_COOKIE",
    "TCP_INFO",
    "TCP_CC_INFO",
    "TCP_CONGESTION",
    "TCP_RTO_MIN_US",
    "TCP_RTO_MAX_MS",
    "TCP_DELACK_MAX_US",
];

/// Defaults of a connection that loopback's MTU and the machine's speed have a say in.
const OWN_OF_CONNECTIONS: &[&str] =
    &["IP_MTU", "IPV6_MTU", "TCP_MAXSEG", "TCP_WINDOW_CLAMP", "SO_SNDBUF", "SO_RCVBUF", "SO_MEMINFO"];

/// What a connection tells is what it does, whatever was set.
const OWN_OF_CONNECTIONS_ALWAYS: &[&str] = &["TCP_MAXSEG"];

/// What is no option although it is called like one.
const NO_OPTION: &[&str] = &["SO_EE_", "TCP_CA_", "IP_PMTUDISC_", "TCP_CM_INQ"];

/// What a socket is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Fresh,
    Listening,
    Connected,
}

/// What the test can do with sockets, of ours or of Linux.
trait Sockets {
    fn call(&mut self, call: Call) -> Return;

    fn socket(&mut self, domain: i32) -> i32 {
        let call = Call::Socket { domain, kind: abi::SOCK_STREAM, protocol: 0 };
        self.call(call).value.expect("a socket") as i32
    }

    /// A socket in this state, and what else must be closed with it.
    fn socket_in(&mut self, domain: i32, state: State) -> (i32, Vec<i32>) {
        let fd = self.socket(domain);
        if state == State::Fresh {
            return (fd, Vec::new());
        }
        let addr = if domain == abi::AF_INET { "127.0.0.1:0" } else { "[::1]:0" };
        let address = Sockaddr::of(addr.parse().expect("an address"));
        assert_eq!(self.call(Call::Bind { fd, address }).value, Ok(0));
        assert_eq!(self.call(Call::Listen { fd, backlog: 4 }).value, Ok(0));
        if state == State::Listening {
            return (fd, Vec::new());
        }
        let Output::Address(address) = self.call(Call::GetSockName { fd }).output else { panic!("no name") };
        let client = self.socket(domain);
        assert_eq!(self.call(Call::Connect { fd: client, address }).value, Ok(0));
        let accepted = self.call(Call::Accept4 { fd, flags: 0 }).value.expect("a connection") as i32;
        (client, vec![fd, accepted])
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
    fn try_to_set(
        &mut self,
        (domain, state): (i32, State),
        (level, name): (i32, i32),
        value: &[u8],
    ) -> Result<String, Errno> {
        let (fd, others) = self.socket_in(domain, state);
        let set = self.call(Call::SetSockOpt { fd, level, name, value: value.to_vec() }).value;
        let told = self.get(fd, (level, name), 4);
        self.close(fd);
        others.into_iter().for_each(|fd| self.close(fd));
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
        recv_buffer_limit: word("core/rmem_max", 0).unwrap_or(212_992),
        send_buffer_max: word("ipv4/tcp_wmem", 2).unwrap_or(4_194_304),
        ..(*default.tcp).clone()
    };
    StackConfig { send_buffer_limit: word("core/wmem_max", 0).unwrap_or(212_992) as u32, tcp: Arc::new(tcp), ..default }
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
fn differences(
    ours: &mut Ours,
    linux: &mut Linux,
    (domain, state): (i32, State),
    name: &str,
    option: (i32, i32),
) -> String {
    let mut out = String::new();
    let mut compare = |what: String, ours: String, linux: String| {
        if ours != linux {
            let family = if domain == abi::AF_INET { "IPv4" } else { "IPv6" };
            writeln!(out, "{name}, {family}, {state:?}, {what}: ours {ours}, Linux {linux}")
                .expect("a string takes it");
        }
    };
    let connected = state == State::Connected;
    let own_value = OWN_VALUE.contains(&name) || (connected && OWN_OF_CONNECTIONS_ALWAYS.contains(&name));
    let own_default = own_value || (connected && OWN_OF_CONNECTIONS.contains(&name));
    let ((a, more_a), (b, more_b)) = (ours.socket_in(domain, state), linux.socket_in(domain, state));
    for &len in LENGTHS.iter().filter(|_| !own_default) {
        compare(format!("default in {len} bytes"), ours.get(a, option, len), linux.get(b, option, len));
    }
    more_a.into_iter().chain([a]).for_each(|fd| ours.close(fd));
    more_b.into_iter().chain([b]).for_each(|fd| linux.close(fd));
    // Between one and two ticks, which are 1 ms of ours and up to 10 ms of a kernel's.
    let counts_ticks = ["TCP_RTO_MIN_US", "TCP_DELACK_MAX_US"].contains(&name);
    let in_ticks = |value: i32| counts_ticks && (1001..20_001).contains(&value);
    let ints = VALUES
        .iter()
        .filter(|value| !in_ticks(**value))
        .map(|value| (format!("{value}"), value.to_ne_bytes().to_vec()));
    let bytes = |len: usize| [1].into_iter().chain([0; 63]).take(len).collect();
    let lengths = LENGTHS.iter().map(|&len| (format!("1 in {len} bytes"), bytes(len)));
    for (what, value) in ints.chain(lengths) {
        let kind = (domain, state);
        let set = [ours.try_to_set(kind, option, &value), linux.try_to_set(kind, option, &value)];
        let [a, b] = set.map(|told| told.map(|told| if own_value { String::new() } else { told }));
        compare(format!("set to {what}"), format!("{a:?}"), format!("{b:?}"));
    }
    out
}

fn run() {
    let stack = Stack::new(settings_of_this_machine(), Secrets { seed: [1; 32] }, Silent);
    let (mut ours, mut linux) = (Ours(Process::new(stack)), Linux(limpid_kernel::Process::new()));
    let (mut wrong, mut built) = (String::new(), Vec::new());
    // A kernel may be built without TCP-AO, and then knows none of its options.
    let has_ao = {
        let fd = linux.socket(abi::AF_INET);
        let (level, name) = (abi::IPPROTO_TCP, abi::TCP_AO_ADD_KEY);
        let set = linux.call(Call::SetSockOpt { fd, level, name, value: vec![0; 4] }).value;
        linux.close(fd);
        set != Err(Errno::ENOPROTOOPT)
    };
    for (name, option) in options().into_iter().filter(|(name, _)| has_ao || !name.starts_with("TCP_AO_")) {
        let mut all = String::new();
        for state in [State::Fresh, State::Listening, State::Connected] {
            for domain in [abi::AF_INET, abi::AF_INET6] {
                all += &differences(&mut ours, &mut linux, (domain, state), name, option);
            }
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
