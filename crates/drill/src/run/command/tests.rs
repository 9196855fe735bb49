use super::*;
use crate::target::{Applied, Happening, Started, Target, TargetError};
use limpid_device::namespace::{Queue, RouteMetrics};
use limpid_event::Instant;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn command(text: &str) -> Command {
    Command { at: Pos { line: 3, column: 5 }, text: text.into() }
}

fn actions(text: &str) -> Vec<Action> {
    parse(&command(text))
        .unwrap_or_else(|error| panic!("{text}: {error}"))
        .into_iter()
        .map(|step| step.action)
        .collect()
}

fn sysctl(name: &str, value: &str) -> Setting {
    Setting::Sysctl { name: name.into(), value: value.into() }
}

fn set(settings: Vec<Setting>) -> Action {
    Action::Set { settings, lenient: false }
}

#[test]
fn sysctls_in_all_their_forms() {
    let sack = || vec![set(vec![sysctl("net.ipv4.tcp_sack", "0")])];
    for text in [
        "sysctl -q net.ipv4.tcp_sack=0",
        "/sbin/sysctl -w net/ipv4/tcp_sack=0",
        "sysctl -qw 'net.ipv4.tcp_sack=0' > /dev/null 2>&1",
        "echo 0 > /proc/sys/net/ipv4/tcp_sack",
        "echo 0 >/proc/sys/net/ipv4/tcp_sack;",
        "echo -n \"0\" | tee /proc/sys/net/ipv4/tcp_sack >/dev/null",
        "./set_sysctls.py /proc/sys/net/ipv4/tcp_sack=0",
        "# before\n  ../../common/set_sysctls.py \\\n   /proc/sys/net/ipv4/tcp_sack=0 # behind\n",
    ] {
        assert_eq!(actions(text), sack(), "{text}");
    }
    assert_eq!(
        actions("sysctl -e -q net.ipv4.tcp_rmem=\"4096 8192 16384\" a.b=''"),
        [Action::Set {
            settings: vec![sysctl("net.ipv4.tcp_rmem", "4096 8192 16384"), sysctl("a.b", "")],
            lenient: true
        }]
    );
    let module = Setting::Module { module: "tcp_cubic".into(), parameter: "hystart_detect".into(), value: "2".into() };
    assert_eq!(actions("echo 2 > /sys/module/tcp_cubic/parameters/hystart_detect"), [set(vec![module])]);
}

#[test]
fn scripts_that_collections_share() {
    assert_eq!(actions("../common/defaults.sh"), [Action::Defaults]);
    assert_eq!(actions("sh ./defaults.sh"), [Action::Defaults]);
    assert_eq!(actions("/tmp/sysctl_restore_${PPID}.sh"), [Action::Restore]);
    let both = actions("./defaults.sh\n./set_sysctls.py /proc/sys/a=1 /proc/sys/b=2 && sleep 0.5");
    assert_eq!(both[1], set(vec![sysctl("a", "1"), sysctl("b", "2")]));
    assert_eq!(both[2], Action::Sleep(Duration::from_millis(500)));
}

#[test]
fn the_network() {
    let one = |setting| vec![set(vec![setting])];
    assert_eq!(actions("ip tcp_metrics flush all > /dev/null 2>&1"), one(Setting::FlushMetrics));
    let route = |destination, metrics| one(Setting::Route { destination, metrics });
    assert_eq!(
        actions("ip route change 192.0.2.0/24 dev tun0 mtu lock 1000 advmss 900 initcwnd 20 initrwnd 30 rto_min 5ms"),
        route(
            "192.0.2.0/24".parse().ok(),
            RouteMetrics {
                mtu: Some((1000, true)),
                advmss: Some(900),
                initcwnd: Some(20),
                initrwnd: Some(30),
                rto_min: Some(Duration::from_millis(5)),
                ..RouteMetrics::default()
            }
        )
    );
    assert_eq!(
        actions("/sbin/ip -6 route replace default via fe80::1 dev tun0 mtu 1400 features ecn quickack 1 congctl reno"),
        route(
            None,
            RouteMetrics {
                mtu: Some((1400, false)),
                ecn: Some(true),
                quickack: Some(true),
                congctl: Some("reno".into()),
                ..RouteMetrics::default()
            }
        )
    );
    let queue = |queue| one(Setting::Queue(queue));
    assert_eq!(actions("tc qdisc replace dev tun0 root pfifo limit 0"), queue(Queue::Fifo { limit: Some(0) }));
    assert_eq!(actions("tc qdisc add dev tun0 root handle 1: fq"), queue(Queue::Fair));
    assert_eq!(actions("tc qdisc del dev tun0 root 2>/dev/null"), queue(Queue::Default));
    assert_eq!(actions("ethtool -K tun0 tso off gso on"), one(Setting::Segmentation { allowed: false }));
    assert_eq!(actions("ethtool -K tun0 tso on gso on gro off"), one(Setting::Segmentation { allowed: true }));
}

/// What is not in the list is named, with its place.
#[test]
fn everything_else_is_not_supported() {
    let mut report = String::new();
    for text in [
        "reboot",
        "true; iptables -A INPUT -j DROP",
        "true\n  rm -f /tmp/x",
        "sleep 1 &",
        "(true)",
        "echo $(id)",
        "echo ${HOME}",
        "echo `id`",
        "echo 'open",
        "echo \"open",
        "echo 1 > /etc/passwd",
        "cat /etc/passwd",
        "cat /proc/sys/../../etc/passwd",
        "grep root /etc/passwd",
        "true | true",
        "nstat | wc -l",
        "nstat -j",
        "nstat | grep '\\(a\\)'",
        "nstat | grep -P a",
        "ip link set dev tun0 mtu 1400",
        "ip route change 192.0.2.0/24 mtu many",
        "ip route change nowhere mtu 1400",
        "tc qdisc add dev tun0 root netem loss 1%",
        "tc qdisc add dev tun0 root fq nopacing",
        "ethtool -K tun0 rx off",
        "sysctl -p",
        "sysctl",
        "sysctl net.ipv4.tcp_sack 0",
        "sleep for ever",
        "sleep -1",
        "sleep 9999999999999",
        "FOO=1 true",
        "if true; then false; fi",
        "true &&",
        "| true",
        "> /dev/null",
        "true < /etc/passwd",
        "true <<EOF",
        "./defaults.sh now",
        "python x.py",
        "sysctl -w a=1 > /tmp/x",
    ] {
        let error = parse(&command(text)).expect_err(text);
        report += &format!("{text:?}\n  {error}\n");
    }
    insta::assert_snapshot!(report);
}

/// A target that remembers, and answers.
#[derive(Default)]
struct Machine {
    sysctls: BTreeMap<String, String>,
    other: Vec<Setting>,
    counters: Vec<(String, u64)>,
    slept: Duration,
    printed: String,
    remarks: Vec<String>,
}

impl Target for Machine {
    fn name(&self) -> &'static str {
        "Machine"
    }

    fn now(&mut self) -> Instant {
        Instant::ZERO
    }

    fn wait(&mut self, _: Instant) -> Result<Happening, TargetError> {
        Ok(Happening::Reached)
    }

    fn inject(&mut self, _: &[u8], _: u16) -> Result<(), TargetError> {
        Err(TargetError::Broken("no packets here".into()))
    }

    fn call(&mut self, _: limpid_posix::Call) -> Result<Started, TargetError> {
        Err(TargetError::Broken("no calls here".into()))
    }

    fn set(&mut self, setting: &Setting) -> Result<Applied, TargetError> {
        let Setting::Sysctl { name, value } = setting else {
            self.other.push(setting.clone());
            return Ok(Applied::Done);
        };
        match (self.sysctls.get_mut(name), value.as_str()) {
            (None, _) => Err(TargetError::Unsupported(format!("{name}: no such setting"))),
            (_, "never") => Err(TargetError::Unsupported(format!("{name} = never: not here"))),
            (_, "bad") => Err(TargetError::Refused(format!("{name}: 'bad' is bad"))),
            (Some(old), value) => {
                *old = value.into();
                Ok(if name == "idle" { Applied::NoEffect("idle: no effect".into()) } else { Applied::Done })
            }
        }
    }

    fn counters(&mut self) -> Result<Vec<(String, u64)>, TargetError> {
        Ok(self.counters.clone())
    }

    fn proc_file(&mut self, path: &str) -> Result<String, TargetError> {
        let name = path.trim_start_matches("/proc/sys/").replace('/', ".");
        let value = self.sysctls.get(&name).map(|value| format!("{value}\n"));
        value.ok_or_else(|| TargetError::Unsupported(format!("{path}: no such file")))
    }
}

impl Host for Machine {
    fn target(&mut self) -> &mut dyn Target {
        self
    }

    fn sleep(&mut self, time: Duration) -> Result<(), TargetError> {
        self.slept += time;
        Ok(())
    }

    fn print(&mut self, text: &str) {
        self.printed += text;
    }

    fn remark(&mut self, text: String) {
        self.remarks.push(text);
    }
}

fn machine() -> Machine {
    let names = ["a", "b", "idle"];
    Machine {
        sysctls: names.into_iter().map(|name| (name.to_owned(), "0".to_owned())).collect(),
        counters: vec![("TcpOutSegs".into(), 7), ("TcpExtTCPTimeouts".into(), 0), ("TcpActiveOpens".into(), 1)],
        ..Machine::default()
    }
}

fn run(text: &str) -> (Machine, Result<(), Trouble>) {
    let mut machine = machine();
    let result = Shell::default().run(&command(text), &mut machine);
    (machine, result)
}

fn passes(text: &str) -> Machine {
    let (machine, result) = run(text);
    assert_eq!(result, Ok(()), "{text}");
    machine
}

fn failure(text: &str) -> String {
    match run(text).1 {
        Err(Trouble::Failed { what, .. }) => what,
        other => panic!("{text}: {other:?}"),
    }
}

fn unsupported(text: &str) -> String {
    match run(text).1 {
        Err(Trouble::Unsupported { what, .. }) => what,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn exit_statuses_are_a_shells() {
    for good in [
        "",
        "true",
        "false; true",
        "false || true",
        "true && false || true",
        "! false",
        "false && false || :",
        "true # x",
    ] {
        passes(good);
    }
    for bad in ["false", "true; false", "false && true", "false || false", "! true", "true && ! true"] {
        assert!(failure(bad).contains("exit status"), "{bad}");
    }
    assert_eq!(passes("false && sleep 9; true || sleep 8\nsleep 1\n\nsleep 0.5s").slept, Duration::from_millis(1500));
}

#[test]
fn settings_are_made_and_restored() {
    let machine = passes("sysctl -q a=1 b=2 && sysctl -w a=3 && echo 5 > /proc/sys/idle");
    assert_eq!(machine.sysctls["a"], "3");
    assert_eq!(machine.remarks, ["idle: no effect"]);
    let machine = passes("sysctl a=1; sysctl a=2 b=2; /tmp/sysctl_restore_1.sh");
    assert_eq!((&*machine.sysctls["a"], &*machine.sysctls["b"]), ("0", "0"));
    assert_eq!(passes("tc qdisc add dev tun0 root fq").other, [Setting::Queue(Queue::Fair)]);
}

#[test]
fn what_a_target_lacks_is_not_supported() {
    assert_eq!(unsupported("sysctl c=1"), "c: no such setting");
    // A name that nobody knows may be passed over by the script's own will; a value that is not there may not.
    passes("sysctl -e c=1");
    passes("sysctl c=1 || true");
    passes("! sysctl c=1");
    assert_eq!(unsupported("sysctl -e a=never"), "a = never: not here");
    assert_eq!(unsupported("sysctl a=never || true"), "a = never: not here");
    assert_eq!(failure("sysctl a=bad"), "`sysctl a=bad`: a: 'bad' is bad");
    // The profile is taken as far as it goes.
    let machine = passes("./defaults.sh");
    assert_eq!(machine.remarks.len(), LINUX_DEFAULTS.len());
    assert_eq!(machine.other, [Setting::FlushMetrics, Setting::Queue(Queue::Fifo { limit: None })]);
}

#[test]
fn questions_are_answered() {
    assert_eq!(passes("echo a  'b  c'; sysctl -n a; cat /proc/sys/b | grep 0").printed, "a b  c\n0\n0\n");
    assert_eq!(passes("echo quiet > /dev/null").printed, "");
    assert_eq!(
        passes("nstat").printed,
        "#kernel\nTcpOutSegs                      7                  0.0\nTcpActiveOpens                  1                  0.0\n"
    );
    passes("nstat -az | grep -q 'TcpExtTCPTimeouts *0 '");
    passes("nstat -n; nstat | grep -v Tcp");
    assert_eq!(passes("nstat -s; nstat -a | grep -c Tcp").printed.lines().last(), Some("2"));
    assert_eq!(failure("nstat | grep TCPTimeouts"), "`nstat | grep TCPTimeouts`: grep found nothing");
    assert_eq!(failure("nstat -n; nstat | grep TcpOutSegs"), "`nstat | grep TcpOutSegs`: grep found nothing");
    assert_eq!(failure("nstat 'TcpOut*' | grep -q 8; false"), "`false`: its exit status is 1");
    assert_eq!(unsupported("nstat | grep TCPFancy"), "Machine has no counter TCPFancy");
    assert_eq!(unsupported("nstat TcpExtTCPFancy"), "Machine has no counter TcpExtTCPFancy");
    assert_eq!(unsupported("cat /proc/net/tcp"), "/proc/net/tcp: no such file");
}

#[test]
fn patterns_are_greps() {
    let matches = |grep: &str, line: &str| {
        let Action::Show { filters, .. } = &actions(&format!("nstat | grep {grep}"))[0] else { panic!("{grep}") };
        filters[0].patterns.iter().any(|pattern| pattern.matches(line)) != filters[0].inverted
    };
    for (grep, line) in [
        ("abc", "xabcx"),
        ("a.c", "a-c"),
        ("'a *1'", "a      1"),
        ("'^TcpExt.*  1 '", "TcpExtX   1  0.0"),
        ("'[0-9][0-9]*$'", "a 12"),
        ("'[^a]b'", "cb"),
        ("'[[:space:]]0A[[:space:]]'", ": 0A "),
        ("'a\\s\\+b'", "a  b"),
        ("-E 'a\\s+b?c'", "a  c"),
        ("-E 'x|^y$'", "y"),
        ("'x\\|y'", "y"),
        ("-i ABC", "abc"),
        ("-F a.c", "a.c"),
        ("-w 1", "a 1 b"),
        ("-v abc", "ab"),
        ("-e a -e b", "b"),
        ("-- -a", "-a"),
        ("'a\\.b'", "a.b"),
        ("'a+'", "a+"),
        ("''", "anything"),
        ("'a*'", ""),
    ] {
        assert!(matches(grep, line), "{grep} in {line}");
    }
    for (grep, line) in [
        ("a.c", "ac"),
        ("'^b'", "ab"),
        ("'b$'", "ba"),
        ("'[^a]b'", "ab"),
        ("-F a.c", "abc"),
        ("-w 1", "a11b"),
        ("-E 'ab+c'", "ac"),
        ("'a\\.b'", "axb"),
        ("-v abc", "abc"),
        ("ABC", "abc"),
    ] {
        assert!(!matches(grep, line), "{grep} in {line}");
    }
    // No pattern takes long.
    assert!(!matches(&format!("-E '{}b'", "a*".repeat(60)), &"a".repeat(300)));
}

proptest! {
    #[test]
    fn no_text_panics(text in r#"[ -~\n]{0,60}|([a-z]{1,5}|[ ;&|<>'"\\$`!#*\n=./-]){0,30}"#) {
        let _ = parse(&command(&text));
        let _ = Shell::default().run(&command(&text), &mut machine());
    }

    #[test]
    fn no_command_of_the_list_panics(
        name in prop::sample::select(vec!["sysctl", "nstat", "grep", "ip", "tc", "ethtool", "echo", "cat", "sleep", "nstat | grep"]),
        words in prop::collection::vec(prop::sample::select(vec![
            "-q", "-e", "-E", "a=1", "route", "change", "default", "mtu", "lock", "10", "-1", "qdisc", "add", "root", "pfifo",
            "limit", "-K", "tun0", "tso", "off", "'[a'", "'a**'", "'[:'", "'\\'", "x\\|", "/proc/sys/a", "--", "é",
        ]), 0..8),
    ) {
        let text = format!("{name} {}", words.join(" "));
        let _ = Shell::default().run(&command(&text), &mut machine());
    }
}
