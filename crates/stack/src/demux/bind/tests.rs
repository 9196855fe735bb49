//! The rules, in tables taken from Linux 6.18.

use super::*;

const ADDRS: [(&str, bool); 6] =
    [("0.0.0.0", false), ("127.0.0.1", false), ("127.0.0.2", false), ("::", false), ("::", true), ("::1", false)];

fn bind((addr, v6_only): (&str, bool), reuse: bool) -> Bind {
    Bind { local: Endpoint::new(addr.parse().unwrap(), 8000), v6_only, reuse }
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
        table.hold(end("127.0.0.1"), connection);
        for (addr, overlaps) in [("127.0.0.1", true), ("0.0.0.0", true), ("127.0.0.2", false), ("::", true)] {
            let allowed = table.may_bind(&bind((addr, false), listener), None);
            assert_eq!(allowed, !overlaps || connection && listener, "{addr} {connection} {listener}");
        }
        table.release(end("127.0.0.1"), connection);
        assert!(table.ports.is_empty());
    }
}

#[test]
fn connections_of_several_addresses_are_counted_apart() {
    let mut table = BindTable::default();
    for addr in ["127.0.0.1", "10.0.0.1", "10.0.0.1", "::1"] {
        table.hold(end(addr), false);
    }
    table.release(end("127.0.0.1"), false);
    table.release(end("10.0.0.1"), false);
    assert!(table.may_bind(&bind(("127.0.0.1", false), false), None));
    assert!(!table.may_bind(&bind(("10.0.0.1", false), false), None));
    assert!(!table.may_bind(&bind(("::1", false), false), None));
    table.release(end("10.0.0.1"), false);
    table.release(end("::1"), false);
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
    assert_eq!(table.listener(end("127.0.0.1"), true), Some(1));
    assert_eq!(table.listener(end("::1"), true), Some(2));
    assert_eq!(table.listener(end("192.0.2.9"), false), Some(4));
    assert_eq!(table.listener(Endpoint::new(end("192.0.2.9").addr, 99), false), Some(3));
    assert_eq!(table.listener(end("2001:db8::1"), false), Some(3));
    // What belongs to somebody else is not for an ordinary listener.
    assert_eq!(table.listener(end("127.0.0.1"), false), Some(4));
    table.unlisten(&bind(ADDRS[0], false), 3);
    table.unlisten(&bind(ADDRS[0], false), 4);
    assert_eq!(table.listener(end("192.0.2.9"), false), None);
    assert_eq!(table.listener(end("127.0.0.1"), true), Some(1));
}

#[test]
fn wildcards_by_version() {
    let mut table = BindTable::default();
    table.listen(bind(("0.0.0.0", false), false), 1);
    table.listen(bind(("::", true), false), 2);
    assert_eq!(table.listener(end("10.0.0.1"), true), Some(1));
    assert_eq!(table.listener(end("2001:db8::1"), true), Some(2));
    table.unlisten(&bind(("0.0.0.0", false), false), 1);
    assert_eq!(table.listener(end("10.0.0.1"), true), None);
    table.unlisten(&bind(("::", true), false), 2);
    table.listen(bind(("::", false), false), 3);
    assert_eq!(table.listener(end("10.0.0.1"), true), Some(3));
    assert_eq!(table.listener(end("2001:db8::1"), true), Some(3));
    assert!(!table.may_connect(end("10.0.0.1")));
    assert!(table.may_connect(Endpoint::new(end("10.0.0.1").addr, 8001)));
}
