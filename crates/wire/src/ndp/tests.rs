use alloc::string::ToString;

use proptest::prelude::*;

use super::*;

const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
const ADDR: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0x12, 0x3456);

fn emitted(message: &NdpMessage) -> alloc::vec::Vec<u8> {
    let mut out = [0xee; 200];
    let len = message.emit(&mut out);
    assert_eq!(len, message.emitted_len());
    out[..len].to_vec()
}

#[test]
fn a_neighbor_solicitation_on_the_wire() {
    let message = NdpMessage::NeighborSolicit { target: ADDR, source_link: Some(MAC) };
    let bytes = [
        135, 0, 0, 0, 0, 0, 0, 0, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x12, 0x34, 0x56, 1, 1, 2, 0, 0, 0, 0, 1,
    ];
    assert_eq!(emitted(&message), bytes);
    assert_eq!(NdpMessage::parse(&bytes), Ok(message));
}

#[test]
fn a_solicited_node_address() {
    assert_eq!(solicited_node(ADDR).to_string(), "ff02::1:ff12:3456");
}

#[test]
fn more_prefixes_than_fit_are_left_out() {
    let prefix = PrefixInfo {
        prefix: ADDR,
        prefix_len: 64,
        on_link: true,
        autonomous: false,
        valid_secs: u32::MAX,
        preferred_secs: 7,
    };
    let advert = RouterAdvert { prefixes: [prefix; MAX_PREFIXES].into(), ..RouterAdvert::default() };
    let mut bytes = emitted(&NdpMessage::RouterAdvert(advert.clone()));
    let last = bytes[bytes.len() - 32..].to_vec();
    bytes.extend(last);
    assert_eq!(NdpMessage::parse(&bytes), Ok(NdpMessage::RouterAdvert(advert)));
}

#[test]
fn what_rfc_4861_says_to_discard() {
    let good = emitted(&NdpMessage::NeighborSolicit { target: ADDR, source_link: Some(MAC) });
    let parse = |change: &dyn Fn(&mut alloc::vec::Vec<u8>)| {
        let mut bytes = good.clone();
        change(&mut bytes);
        NdpMessage::parse(&bytes)
    };
    assert!(parse(&|_| ()).is_ok());
    assert_eq!(parse(&|b| b[1] = 1), Err(ParseError::BadField { what: "NDP", field: "code", value: 1 }));
    assert_eq!(parse(&|b| b[25] = 0), Err(ParseError::Option { what: "NDP", kind: 1 }));
    assert_eq!(parse(&|b| b[25] = 2), Err(ParseError::Option { what: "NDP", kind: 1 }));
    assert_eq!(parse(&|b| b.push(14)), Err(ParseError::Option { what: "NDP", kind: 14 }));
    assert_eq!(parse(&|b| b.truncate(23)), Err(ParseError::Truncated { what: "NDP", need: 24, have: 23 }));
    assert!(matches!(parse(&|b| b[8] = 0xff), Err(ParseError::BadField { field: "target", .. })));
    assert!(parse(&|b| b[24] = 99).is_ok(), "unknown options are ignored");
}

fn mac() -> impl Strategy<Value = Option<MacAddr>> {
    prop::option::of(any::<[u8; 6]>().prop_map(MacAddr))
}

fn unicast_addr() -> impl Strategy<Value = Ipv6Addr> {
    any::<u128>().prop_map(|n| Ipv6Addr::from(n >> 1))
}

prop_compose! {
    fn prefix()(n: u128, prefix_len in 0..=128u8, on_link: bool, autonomous: bool, valid_secs: u32, preferred_secs: u32) -> PrefixInfo {
        PrefixInfo { prefix: Ipv6Addr::from(n), prefix_len, on_link, autonomous, valid_secs, preferred_secs }
    }
}

prop_compose! {
    fn advert()(
        (hop_limit, managed, other_config, lifetime_secs) in any::<(u8, bool, bool, u16)>(),
        (reachable_ms, retransmit_ms, mtu) in any::<(u32, u32, Option<u32>)>(),
        source_link in mac(),
        prefixes in prop::collection::vec(prefix(), 0..=MAX_PREFIXES),
    ) -> NdpMessage {
        NdpMessage::RouterAdvert(RouterAdvert {
            hop_limit,
            managed,
            other_config,
            lifetime_secs,
            reachable_ms,
            retransmit_ms,
            source_link,
            mtu,
            prefixes: prefixes.into_iter().collect(),
        })
    }
}

fn any_message() -> impl Strategy<Value = NdpMessage> {
    prop_oneof![
        mac().prop_map(|source_link| NdpMessage::RouterSolicit { source_link }),
        advert(),
        (unicast_addr(), mac()).prop_map(|(target, source_link)| NdpMessage::NeighborSolicit { target, source_link }),
        (any::<(bool, bool, bool)>(), unicast_addr(), mac()).prop_map(
            |((router, solicited, overrides), target, target_link)| NdpMessage::NeighborAdvert {
                router,
                solicited,
                overrides,
                target,
                target_link
            }
        ),
        (unicast_addr(), unicast_addr(), mac()).prop_map(|(target, destination, target_link)| NdpMessage::Redirect {
            target,
            destination,
            target_link
        }),
    ]
}

proptest! {
    #[test]
    fn what_was_written_is_read(message in any_message()) {
        prop_assert_eq!(NdpMessage::parse(&emitted(&message)), Ok(message));
    }

    #[test]
    fn changed_and_truncated_messages(message in any_message(), at: prop::sample::Index, byte: u8, len: prop::sample::Index) {
        let mut bytes = emitted(&message);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(message) = NdpMessage::parse(&bytes) {
            emitted(&message);
        }
        bytes.truncate(len.index(bytes.len()));
        if let Ok(message) = NdpMessage::parse(&bytes) {
            emitted(&message);
        }
    }
}
