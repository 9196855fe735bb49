//! The rules, in tables taken from Linux 6.18.

use super::*;

const ADDRS: [(&str, bool); 6] =
    [("0.0.0.0", false), ("127.0.0.1", false), ("127.0.0.2", false), ("::", false), ("::", true), ("::1", false)];

fn bind((addr, v6_only): (&str, bool), reuse: bool) -> Bind {
    Bind { local: Endpoint::new(addr.parse().unwrap(), 8000), v6_only, reuse: flag(reuse) }
}

fn flag(reuse: bool) -> Reuse {
    if reuse { Reuse::ADDR } else { Reuse::empty() }
}

fn end(addr: &str) -> Endpoint {
    Endpoint::new(addr.parse().unwrap(), 8000)
}

/// Which listener (a column) may stand beside which (a row). SO_REUSEADDR makes no difference between listeners.
#[test]
fn listeners_beside_each_other() {
    let linux = [
        ["no", "no", "no", "no", "ok", "ok"],
        ["no", "no", "ok", "no", "ok", "ok"],
        ["no", "ok", "no", "no", "ok", "ok"],
        ["no", "no", "no", "no", "no", "no"],
        ["ok", "ok", "ok", "no", "no", "no"],
        ["ok", "ok", "ok", "no", "no", "no"],
    ];
    for reuse in [false, true] {
        for (first, row) in ADDRS.iter().zip(linux) {
            for (second, expected) in ADDRS.iter().zip(row) {
                let mut table = BindTable::default();
                table.listen(bind(*first, reuse), 1);
                let allowed = table.may_bind(&bind(*second, reuse), None);
                assert_eq!(if allowed { "ok" } else { "no" }, expected, "{first:?} then {second:?}, reuse {reuse}");
                table.unlisten(&bind(*first, reuse), 1);
                assert!(table.may_bind(&bind(*second, reuse), None));
                assert!(table.ports.is_empty());
            }
        }
    }
}

/// A listener on a port that a connection from 127.0.0.1 holds.
#[test]
fn listeners_beside_connections() {
    for (connection, listener) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut table = BindTable::default();
        table.hold(end("127.0.0.1"), flag(connection));
        for (addr, overlaps) in [("127.0.0.1", true), ("0.0.0.0", true), ("127.0.0.2", false), ("::", true)] {
            let allowed = table.may_bind(&bind((addr, false), listener), None);
            assert_eq!(allowed, !overlaps || connection && listener, "{addr} {connection} {listener}");
        }
        table.release(end("127.0.0.1"), flag(connection));
        assert!(table.ports.is_empty());
    }
}

#[test]
fn connections_of_several_addresses_are_counted_apart() {
    let mut table = BindTable::default();
    for addr in ["127.0.0.1", "10.0.0.1", "10.0.0.1", "::1"] {
        table.hold(end(addr), flag(false));
    }
    table.release(end("127.0.0.1"), flag(false));
    table.release(end("10.0.0.1"), flag(false));
    assert!(table.may_bind(&bind(("127.0.0.1", false), false), None));
    assert!(!table.may_bind(&bind(("10.0.0.1", false), false), None));
    assert!(!table.may_bind(&bind(("::1", false), false), None));
    table.release(end("10.0.0.1"), flag(false));
    table.release(end("::1"), flag(false));
    assert!(table.ports.is_empty());
}

#[test]
fn the_narrowest_listener_is_found() {
    let mut table = BindTable::default();
    table.listen(bind(("127.0.0.1", false), false), 1);
    table.listen(bind(("::1", false), false), 2);
    assert!(
        table.listen_transparently(Bind { local: Endpoint::new(IpAddr::UNSPECIFIED, 0), ..bind(ADDRS[0], false) }, 3)
    );
    assert!(table.listen_transparently(bind(("0.0.0.0", false), false), 4));
    assert!(!table.listen_transparently(bind(("0.0.0.0", false), false), 5));
    assert_eq!(table.listener(end("127.0.0.1"), true, || 0), Some(1));
    assert_eq!(table.listener(end("::1"), true, || 0), Some(2));
    assert_eq!(table.listener(end("192.0.2.9"), false, || 0), Some(4));
    assert_eq!(table.listener(Endpoint::new(end("192.0.2.9").addr, 99), false, || 0), Some(3));
    assert_eq!(table.listener(end("2001:db8::1"), false, || 0), Some(3));
    // What belongs to somebody else is not for an ordinary listener.
    assert_eq!(table.listener(end("127.0.0.1"), false, || 0), Some(4));
    table.unlisten(&bind(ADDRS[0], false), 3);
    table.unlisten(&bind(ADDRS[0], false), 4);
    assert_eq!(table.listener(end("192.0.2.9"), false, || 0), None);
    assert_eq!(table.listener(end("127.0.0.1"), true, || 0), Some(1));
}

/// As Linux: with SO_REUSEPORT on both sides anything may stand beside anything, listeners and TIME-WAIT included.
#[test]
fn those_that_share_a_port_stand_beside_each_other() {
    let all = [Reuse::empty(), Reuse::ADDR, Reuse::PORT, Reuse::all()];
    for (first, second) in all.iter().flat_map(|a| all.map(|b| (*a, b))) {
        let at = |addr, reuse| Bind { reuse, ..bind((addr, false), false) };
        let both_share = (first & second).contains(Reuse::PORT);
        let mut table = BindTable::default();
        table.listen(at("127.0.0.1", first), 1);
        for addr in ["127.0.0.1", "0.0.0.0", "::"] {
            assert_eq!(table.may_bind(&at(addr, second), None), both_share, "listener {first:?}, {addr} {second:?}");
        }
        let mut table = BindTable::default();
        table.bind(at("127.0.0.1", first), 1);
        assert_eq!(table.may_bind(&at("0.0.0.0", second), None), first.intersects(second), "{first:?}, {second:?}");
        let mut table = BindTable::default();
        table.hold(end("127.0.0.1"), first);
        assert_eq!(table.may_bind(&at("0.0.0.0", second), None), first.intersects(second), "{first:?}, {second:?}");
    }
}

#[test]
fn what_arrives_is_spread_over_those_that_share_a_port() {
    let shared = Bind { reuse: Reuse::PORT, ..bind(("0.0.0.0", false), false) };
    let mut table = BindTable::default();
    for owner in 1..=4 {
        table.listen(shared, owner);
    }
    let whose = |table: &BindTable, hash: u32| table.listener(end("10.0.0.1"), true, || hash);
    let quarters = [0, 1 << 30, 2 << 30, 3 << 30, u32::MAX];
    assert_eq!(quarters.map(|hash| whose(&table, hash)), [Some(1), Some(2), Some(3), Some(4), Some(4)]);
    table.unlisten(&shared, 1);
    table.unlisten(&shared, 3);
    assert_eq!([0, 1 << 30, 2 << 30, 3 << 30].map(|hash| whose(&table, hash)), [Some(2), Some(2), Some(4), Some(4)]);
    table.unlisten(&shared, 4);
    assert_eq!(whose(&table, u32::MAX), Some(2));
    assert!(!table.may_bind(&bind(("0.0.0.0", false), true), None));
    table.unlisten(&shared, 2);
    assert_eq!(whose(&table, 0), None);
    assert!(table.ports.is_empty());
}

#[test]
fn wildcards_by_version() {
    let mut table = BindTable::default();
    table.listen(bind(("0.0.0.0", false), false), 1);
    table.listen(bind(("::", true), false), 2);
    assert_eq!(table.listener(end("10.0.0.1"), true, || 0), Some(1));
    assert_eq!(table.listener(end("2001:db8::1"), true, || 0), Some(2));
    table.unlisten(&bind(("0.0.0.0", false), false), 1);
    assert_eq!(table.listener(end("10.0.0.1"), true, || 0), None);
    table.unlisten(&bind(("::", true), false), 2);
    table.listen(bind(("::", false), false), 3);
    assert_eq!(table.listener(end("10.0.0.1"), true, || 0), Some(3));
    assert_eq!(table.listener(end("2001:db8::1"), true, || 0), Some(3));
    assert!(!table.may_connect(end("10.0.0.1")));
    assert!(table.may_connect(Endpoint::new(end("10.0.0.1").addr, 8001)));
}
