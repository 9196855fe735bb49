use alloc::string::ToString;

use proptest::prelude::*;

use super::*;

fn ip(s: &str) -> IpAddr {
    s.parse().unwrap()
}

fn cidr(s: &str) -> Cidr {
    s.parse().unwrap()
}

#[test]
fn a_network_contains_its_own_and_nothing_of_the_other_version() {
    let net = cidr("10.0.0.1/24");
    assert!(net.contains(ip("10.0.0.0")) && net.contains(ip("10.0.0.255")));
    assert!(!net.contains(ip("10.0.1.0")) && !net.contains(ip("::1")));
    assert!(cidr("0.0.0.0/0").contains(ip("255.1.2.3")));
    assert!(!cidr("::/0").contains(ip("1.2.3.4")));
    assert!(!cidr("0.0.0.0/0").contains(ip("::")));
    assert!(cidr("fe80::1/10").contains(ip("febf:ffff::")));
    assert!(!cidr("fe80::1/10").contains(ip("fec0::")));
    assert!(cidr("::1/128").contains(ip("::1")) && !cidr("::1/128").contains(ip("::2")));
}

#[test]
fn network_and_broadcast() {
    assert_eq!(cidr("10.1.2.3/20").network().to_string(), "10.1.0.0/20");
    assert_eq!(cidr("10.1.2.3/20").broadcast(), Some(ip("10.1.15.255")));
    assert_eq!(cidr("10.1.2.3/0").broadcast(), Some(ip("255.255.255.255")));
    assert_eq!(cidr("10.1.2.3/31").broadcast(), None);
    assert_eq!(cidr("10.1.2.3/32").broadcast(), None);
    assert_eq!(cidr("fe80::1/64").broadcast(), None);
    assert_eq!(cidr("2001:db8::1:2:3/64").network().to_string(), "2001:db8::/64");
}

#[test]
fn what_is_no_cidr_says_why() {
    for (text, error) in [
        ("", CidrParseError::Address),
        ("10.0.0/8", CidrParseError::Address),
        ("/8", CidrParseError::Address),
        ("10.0.0.1/", CidrParseError::Prefix { max: 32 }),
        ("10.0.0.1/33", CidrParseError::Prefix { max: 32 }),
        ("10.0.0.1/+8", CidrParseError::Prefix { max: 32 }),
        ("::1/129", CidrParseError::Prefix { max: 128 }),
        ("::1/999", CidrParseError::Prefix { max: 128 }),
    ] {
        assert_eq!(text.parse::<Cidr>(), Err(error), "{text}");
    }
    assert_eq!(cidr("10.0.0.1").prefix, 32);
    assert_eq!(cidr("::1").prefix, 128);
}

#[test]
fn groups_have_a_mac_address() {
    for (addr, mac) in [
        ("224.129.2.3", "01:00:5e:01:02:03"),
        ("255.255.255.255", "ff:ff:ff:ff:ff:ff"),
        ("ff02::1:ff12:3456", "33:33:ff:12:34:56"),
    ] {
        let group = MacAddr::for_group(ip(addr)).unwrap();
        assert_eq!(group.to_string(), mac);
        assert!(group.is_group());
    }
    assert_eq!(MacAddr::for_group(ip("10.0.0.1")), None);
    assert_eq!(MacAddr::for_group(ip("fe80::1")), None);
}

#[test]
fn endpoints() {
    assert_eq!("10.0.0.1:80".parse(), Ok(Endpoint::new(ip("10.0.0.1"), 80)));
    assert_eq!("[fe80::1]:65535".parse(), Ok(Endpoint::new(ip("fe80::1"), 65535)));
    assert!("10.0.0.1".parse::<Endpoint>().is_err());
    assert!("10.0.0.1:65536".parse::<Endpoint>().is_err());
}

proptest! {
    #[test]
    fn what_is_printed_is_parsed(octets: [u8; 16], v4: [u8; 4], port: u16, prefix in 0..=32u8) {
        for addr in [IpAddr::v6(octets), IpAddr::v4(v4)] {
            prop_assert_eq!(addr.to_string().parse::<IpAddr>().unwrap(), addr);
            let cidr = Cidr::new(addr, prefix).unwrap();
            prop_assert_eq!(cidr.to_string().parse::<Cidr>(), Ok(cidr));
            prop_assert!(cidr.contains(addr) && cidr.contains(cidr.network().addr));
            let endpoint = Endpoint::new(addr, port);
            prop_assert_eq!(endpoint.to_string().parse::<Endpoint>().unwrap(), endpoint);
        }
    }

    #[test]
    fn contains_as_the_bits_say(a: u32, b: u32, prefix in 0..=32u8) {
        let same = (0..prefix).all(|n| (a ^ b) & (1 << (31 - n)) == 0);
        let [a, b] = [a, b].map(|n| IpAddr::v4(n.to_be_bytes()));
        prop_assert_eq!(Cidr::new(a, prefix).unwrap().contains(b), same);
    }
}
