use super::*;

fn ends(address: Option<&str>, peer: Option<&str>, named: Option<&str>) -> Result<(String, String), CliError> {
    let parse = |s: Option<&str>| s.map(|s| s.parse::<Address>().unwrap());
    let args = LiveArgs {
        spawn: Some("true".into()),
        address: parse(address),
        peer_address: parse(peer),
        ..LiveArgs::default()
    };
    args.ends(named.map(|n| n.parse().unwrap())).map(|e| (e.ours.to_string(), e.peer.to_string()))
}

#[test]
fn what_is_not_given_follows_from_what_is() {
    let cases = [
        ((None, None, None), ("10.0.0.103/24", "10.0.0.199/24")),
        ((None, None, Some("10.0.0.199")), ("10.0.0.103/24", "10.0.0.199/24")),
        ((None, None, Some("10.0.0.103")), ("10.0.0.199/24", "10.0.0.103/24")),
        ((Some("192.0.2.7/28"), None, None), ("192.0.2.7/28", "192.0.2.199/28")),
        ((None, Some("fd00::1"), None), ("fd00::103/64", "fd00::1/64")),
        ((Some("10.1.1.1"), Some("10.2.2.2/8"), None), ("10.1.1.1/24", "10.2.2.2/8")),
    ];
    for ((address, peer, named), (ours, theirs)) in cases {
        let found = ends(address, peer, named).unwrap();
        assert_eq!(found, (ours.to_owned(), theirs.to_owned()), "{address:?} {peer:?} {named:?}");
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    assert!(ends(Some("10.0.0.1"), Some("10.0.0.1"), None).is_err());
    assert!(ends(Some("10.0.0.1"), Some("fd00::1"), None).is_err());
    assert!(ends(None, Some("10.0.0.1"), Some("10.0.0.2")).is_err());
    assert!(LiveArgs::default().ends(None).is_err(), "neither --spawn nor --tun");
    for bad in ["10.0.0", "10.0.0.1/33", "fd00::1/129", "host", ""] {
        assert!(bad.parse::<Address>().is_err(), "{bad}");
    }
}
