use super::*;
use proptest::prelude::*;

const HOSTS: &str = "127.0.0.1 localhost\n::1 localhost ip6-localhost\n192.0.2.7 web www.example # the server\n";
const SERVICES: &str = "http 80/tcp www\ndomain 53/tcp\ndomain 53/udp\nsyslog 514/udp\n";
const PROTOCOLS: &str = "tcp 6 TCP\nospf 89 OSPFIGP\n";

fn names() -> NameTables {
    NameTables::parse(HOSTS, SERVICES, PROTOCOLS)
}

fn compile(text: &str) -> Result<Filter, FilterError> {
    Expression::parse_with(text, &names())?.compile(LinkType::ETHERNET)
}

fn program(text: &str) -> String {
    compile(text).map_or_else(|error| panic!("{text}: {error}"), |filter| filter.program().to_string())
}

/// The message, the place and the hint.
fn refusal(text: &str) -> String {
    let error = compile(text).expect_err(text);
    format!("{error}; {}\n{}\n", error.hint(), error.excerpt())
}

#[test]
fn programs_are_short() {
    insta::assert_snapshot!(program("tcp port 80 and host 192.0.2.7"));
    insta::assert_snapshot!(program("tcp[tcpflags] & (tcp-syn|tcp-fin) != 0"));
    insta::assert_snapshot!(program("vlan 5 and ip6"));
    assert_eq!(program(""), "(000) ret      #262144");
    assert_eq!(program("1 = 2"), "(000) ret      #0");
}

#[test]
fn a_value_goes_on_with_the_words_before_it() {
    assert_eq!(program("port 80 or 443"), program("port 80 or port 443"));
    assert_eq!(program("tcp src port 80 or 443"), program("tcp src port 80 or tcp src port 443"));
    assert_eq!(program("host web or localhost"), program("host web or host localhost"));
    assert_eq!(program("port (80 or 443)"), program("port 80 or port 443"));
    assert_eq!(program("not host web and localhost"), program("(not host web) and host localhost"));
}

#[test]
fn names_come_from_the_files() {
    assert_eq!(program("host www.example"), program("host 192.0.2.7"));
    assert_eq!(program("host localhost"), program("host 127.0.0.1 or host ::1"));
    assert_eq!(program("ip6 host localhost"), program("host ::1"));
    assert_eq!(program("port www"), program("tcp port 80"));
    assert_eq!(program("port domain"), program("port 53"));
    assert_eq!(program("ip proto ospf"), program("ip proto 89"));
    assert_eq!(program("ip proto tcp"), program("ip proto \\tcp"), "a keyword can't be meant");
}

#[test]
fn and_and_or_bind_alike() {
    assert_eq!(program("tcp or udp and port 53"), program("(tcp or udp) and port 53"));
    assert_eq!(program("not tcp and udp"), program("(not tcp) and udp"));
}

#[test]
fn refusals_say_what_where_and_what_to_do() {
    let wrong = [
        "tpc port 80",
        "tcp port 80 adn host web",
        "tcp 80",
        "10.0.0.1",
        "host nobody",
        "port nothing",
        "udp port http",
        "port 70000",
        "net 10.0.0.1/8",
        "host 10.0.0.0/8",
        "host 300.1.1.1",
        "tcp host web",
        "icmp port 80",
        "tcp and (udp",
        "tcp)",
        "tcp and",
        "tcp[13",
        "tcp[13:3] = 1",
        "tcp[13] & 2",
        "ip[4-1] = 0",
        "ip[0] / 0 = 1",
        "ip[0] << 32 = 1",
        "vlan 5000",
        "gateway web",
        "ip broadcast",
        "ether host web",
        "port 100-200",
        "tcp; udp",
        "host src",
        "portrange http",
    ];
    insta::assert_snapshot!(wrong.map(refusal).join("\n"));
}

#[test]
fn what_a_link_type_lacks_is_said() {
    let on_raw = |text| {
        let error = Expression::parse(text).expect(text).compile(LinkType::RAW).expect_err(text);
        assert_eq!(error.kind(), FilterErrorKind::LinkType);
        format!("{error}; {}\n{}\n", error.hint(), error.excerpt())
    };
    insta::assert_snapshot!(["tcp and ether host 2:0:0:0:0:1", "vlan", "inbound", "ifindex 2"].map(on_raw).join("\n"));
    let unknown = Expression::parse("tcp").expect("an expression").compile(LinkType(147)).expect_err("unknown");
    assert_eq!(unknown.to_string(), "packets of link type 147 can't be filtered");
    assert!(Expression::parse(" ").expect("nothing").compile(LinkType(147)).is_ok(), "every packet, whatever it is");
}

#[test]
fn tags_behind_cooked_headers_are_seen() {
    let filter = Filter::compile("vlan 5 and ip", LinkType::LINUX_SLL2).expect("a filter");
    let mut packet = vec![0x81, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 0x20, 5, 8, 0];
    packet.extend([0x45; 20]);
    assert!(filter.matches(&packet, 44));
    packet[21] = 6;
    assert!(!filter.matches(&packet, 44));
}

#[test]
fn far_jumps_are_made_in_two() {
    let hosts: Vec<String> =
        (0..1500_u32).map(|n| format!("dst host 10.{}.{}.1 and src port {}", n >> 8, n & 255, n + 1)).collect();
    let filter = compile(&hosts.iter().map(|h| format!("({h})")).collect::<Vec<_>>().join(" or "));
    let error = filter.expect_err("too long");
    assert_eq!(error.to_string(), "the expression takes more than 4096 instructions");
    let filter = compile(
        &(0..1200_u32).map(|n| format!("ip dst host 10.0.{}.{}", n >> 8, n & 255)).collect::<Vec<_>>().join(" or "),
    );
    let filter = filter.expect("a filter");
    let mut packet = [0; 60];
    packet[12] = 8;
    for (last, chosen) in
        [([10, 0, 0, 0], true), ([10, 0, 4, 175], true), ([10, 0, 4, 176], false), ([10, 0, 2, 77], true)]
    {
        packet[30..34].copy_from_slice(&last);
        assert_eq!(filter.matches(&packet, 60), chosen, "{last:?}");
    }
}

#[test]
fn nesting_is_bounded() {
    let deep =
        |open: &str, inner: &str, close: &str, count| format!("{}{inner}{}", open.repeat(count), close.repeat(count));
    assert!(compile(&deep("(", "tcp", ")", 40)).is_ok());
    for text in [
        deep("(", "tcp", ")", 100_000),
        deep("not ", "tcp", "", 100_000),
        deep("port (", "80", ")", 100_000),
        deep("-", "1 = 1", "", 100_000),
        deep("(", "1", ")", 100_000) + " = 1",
        deep("ip[", "1", "]", 100_000) + " = 1",
        "tcp and udp or ".repeat(50_000) + "tcp",
        "1 ^ ".repeat(50_000) + "1 = 1",
        "(".repeat(100_000),
    ] {
        assert!(compile(&text).is_err());
    }
    let many = |count| "tcp or ".repeat(count) + "tcp";
    assert_eq!(program(&many(1000)), program("tcp"));
    let error = compile(&many(100_000)).expect_err("too much");
    assert_eq!(error.to_string(), "the expression takes more than 4096 instructions");
}

#[test]
fn a_set_compiles_for_each_link_type() {
    let mut set = FilterSet::parse("ip host 10.0.0.1").expect("a filter");
    let mut raw = [0; 20];
    raw[0] = 0x45;
    raw[12..16].copy_from_slice(&[10, 0, 0, 1]);
    let ethernet = [&[0; 12][..], &[8, 0], &raw].concat();
    for _ in 0..2 {
        assert!(set.matches(LinkType::RAW, &raw, 20).expect("raw"));
        assert!(set.matches(LinkType::ETHERNET, &ethernet, 34).expect("Ethernet"));
        assert!(!set.matches(LinkType::ETHERNET, &raw, 20).expect("Ethernet"));
        assert!(set.matches(LinkType(147), &raw, 20).is_err());
    }
    assert!(FilterSet::parse("  ").expect("nothing").is_all());
}

#[test]
fn what_we_refuse_by_name_is_left_to_the_fallback() {
    let accept_all = || compile("").expect("all").program().clone();
    let program = accept_all();
    let mut set = FilterSet::parse_or("gateway web", Box::new(move |_, _| Ok(program.clone()))).expect("a filter");
    assert!(set.matches(LinkType::RAW, &[1], 1).expect("a filter"));
    let program = accept_all();
    let wireless = move |_: &str, link_type| match link_type {
        LinkType(105) => Ok(program.clone()),
        _ => Err("not here".to_owned()),
    };
    let mut set = FilterSet::parse_or("wlan type mgt", Box::new(wireless)).expect("a filter for one link type");
    assert!(set.filter(LinkType(105)).is_ok());
    assert!(set.filter(LinkType::ETHERNET).is_err());
    let refused = FilterSet::parse_or("gateway web", Box::new(|_, _| Err("there is no libpcap".into())));
    assert_eq!(refused.expect_err("refused").hint(), "there is no libpcap");
    let not_asked = FilterSet::parse_or("tpc", Box::new(|_, _| panic!("asked about nonsense")));
    assert!(not_asked.is_err());
}

/// Tests that a program can share and skip: it chooses what they choose one by one.
fn any_tests() -> impl Strategy<Value = String> {
    let test = prop_oneof![
        (0..40_u32, 0..4_u32).prop_map(|(at, value)| format!("ether[{at}] = {value}")),
        (0..40_u32, 0..4_u32).prop_map(|(at, value)| format!("ether[{at}:2] > {value}")),
        (0..24_u32, 0..4_u32).prop_map(|(at, value)| format!("tcp[{at}] & {value} != 0")),
        proptest::sample::select(vec!["tcp", "udp", "ip", "ip6", "arp", "tcp port 1", "host 1.1.1.1", "len > 30"])
            .prop_map(str::to_owned),
    ];
    test.prop_recursive(4, 120, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 2..6).prop_map(|parts| format!("({})", parts.join(" and "))),
            proptest::collection::vec(inner.clone(), 2..6).prop_map(|parts| format!("({})", parts.join(" or "))),
            inner.prop_map(|part| format!("not {part}")),
        ]
    })
}

#[test]
fn calculations_have_a_bound() {
    let chain = |signs: usize| format!("ip[0]{} = 5", " + 1".repeat(signs));
    assert!(compile(&chain(500)).is_ok());
    let error = compile(&chain(501)).expect_err("too many");
    assert_eq!(error.to_string(), "more than 500 signs in a calculation");
    let hostile = format!("1{} = 0", " - ip[0]".repeat(100_000));
    assert!(compile(&hostile).is_err());
}

#[test]
fn programs_have_a_bound() {
    let hosts = |count: u32| {
        let host = |n: u32| format!("host 10.{}.{}.{}", n >> 16, n >> 8 & 255, n & 255);
        (0..count).map(host).collect::<Vec<_>>().join(" or ")
    };
    assert!(compile(&hosts(100)).is_ok());
    // What would be shortened to no end is refused before: each of these is a block with other consequences.
    for count in [2_000, 4_000, 20_000] {
        let error = compile(&hosts(count)).expect_err("too long");
        assert_eq!(error.to_string(), "the expression takes more than 4096 instructions");
    }
}

/// More values than are remembered on a way: those that are not cost a test more, and mean the same.
#[test]
fn what_is_not_remembered_is_asked_again() {
    let parts: Vec<String> = (0..150).map(|at| format!("ether[{at}] = {}", at % 7)).collect();
    let all = parts.join(" and ");
    let text = format!("({all}) or (ether[140] = 0 and {all}) or (ether[3] = 9 and not ether[149] = 2)");
    let expression = Expression::parse_with(&text, &names()).expect("an expression");
    let filter = expression.compile(LinkType::ETHERNET).expect("a filter");
    let mut packet: Vec<u8> = (0..150).map(|at| (at % 7) as u8).collect();
    assert!(filter.matches(&packet, 150));
    for (at, value) in [(140, 1), (3, 9), (149, 5), (149, 2), (100, 9)] {
        packet[at] = value;
        let asked = expression.ask(LinkType::ETHERNET, &packet, 150).expect("it compiles");
        assert_eq!(filter.matches(&packet, 150), asked, "byte {at} is {value}");
    }
}

proptest! {
    #[test]
    fn a_program_chooses_what_its_tests_choose(
        text in any_tests(),
        packets in proptest::collection::vec(proptest::collection::vec(0..4_u8, 0..60), 8),
        kind in proptest::sample::select(vec![[8, 0], [0x86, 0xdd], [8, 6]]),
    ) {
        let expression = Expression::parse_with(&text, &names()).expect("an expression");
        let filter = expression.compile(LinkType::ETHERNET).expect("a filter");
        for mut packet in packets {
            if packet.len() > 24 {
                packet[12..14].copy_from_slice(&kind);
                (packet[14], packet[23]) = (0x45, 6);
            }
            let asked = expression.ask(LinkType::ETHERNET, &packet, packet.len() as u32).expect("it compiles");
            prop_assert_eq!(filter.matches(&packet, packet.len() as u32), asked, "{} on {:?}", text, packet);
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_a_filter_or_an_error(text in "\\PC{0,60}", data: Vec<u8>) {
        if let Ok(filter) = compile(&text) {
            filter.matches(&data, data.len() as u32);
        }
    }

    #[test]
    fn any_words_are_a_filter_or_an_error(
        words in proptest::collection::vec(proptest::sample::select(vec![
            "tcp", "port", "80", "and", "or", "not", "(", ")", "[", "]", ":", "host", "10.0.0.1", "net", "/", "8", "vlan",
            "src", "dst", "=", "!=", "&", "^", "%", "-", "ip", "ip6", "ether", "len", "proto", "portrange", "1-2", "::1",
            "less", "tcpflags", "tcp-syn", "multicast", "2:0:0:0:0:1", "0", "4294967295", "web", "<<", "*", "/", "\\tcp",
            "mask", "255.0.0.0", "ifindex", "inbound", "gateway",
        ]), 0..30),
        data: Vec<u8>,
        original_len: u32,
    ) {
        let text = words.join(" ");
        for link_type in [LinkType::ETHERNET, LinkType::RAW, LinkType::LINUX_SLL2, LinkType::NULL, LinkType(9)] {
            let expression = Expression::parse_with(&text, &names());
            match expression.and_then(|expression| Ok((expression.compile(link_type)?, expression))) {
                Ok((filter, expression)) => {
                    let asked = expression.ask(link_type, &data, original_len).expect("it compiles");
                    prop_assert_eq!(filter.matches(&data, original_len), asked, "{}", text);
                }
                Err(error) => {
                    error.excerpt();
                    prop_assert!(!error.to_string().is_empty() && !error.hint().is_empty());
                }
            }
        }
    }
}

#[test]
fn filters_that_part_connections_are_known() {
    for text in ["src port 80", "tcp and src host 10.0.0.1", "tcp[13] & 2 != 0", "greater 100", "len > 100", "inbound"]
    {
        assert!(may_part_connections(text), "{text}");
    }
    for text in
        ["", "tcp port 80", "host 10.0.0.1 and (port 443 or 80)", "net 10.0.0.0/8 and not port 22", "host srcb.example"]
    {
        assert!(!may_part_connections(text), "{text}");
    }
}
