//! What each phase costs in memory, in bytes: who adds to one meets its bound here.

use crate::connection::{rcv::Rcv, snd::Snd};
use crate::testing::{Host, Link, Pair};
use crate::{Config, Connection, SynReceived, SynSent, TimeWait, Transmit};
use core::mem::size_of;
use core::time::Duration;

/// What a busy server keeps of each of its peers.
#[test]
fn a_connection_is_small() {
    let sizes = [size_of::<Connection>(), size_of::<Snd>(), size_of::<Rcv>(), size_of::<Transmit>()];
    let bounds = [1432, 856, 304, 232];
    assert!(sizes.iter().zip(bounds).all(|(size, bound)| *size <= bound), "{sizes:?}, of at most {bounds:?}");
}

/// And of those that are idle: of new ones, and of those that have carried data.
#[test]
fn a_connection_at_rest_is_smaller() {
    let mut client = Host::new(Config::default());
    client.connect();
    let mut pair = Pair::new([client, Host::listening(Config::default())], Link::default(), 1);
    pair.run_for(Duration::from_secs(5));
    let resting = |pair: &mut Pair| {
        let now = pair.now;
        pair.hosts.each_mut().map(|host| {
            let connection = host.connection();
            assert!(connection.can_rest(now, Duration::from_secs(1)), "{connection:?}");
            connection.rest().memory()
        })
    };
    let new = resting(&mut pair);
    for _ in 0..10 {
        for from in [0, 1] {
            pair.hosts[from].write(&[7; 20_000]).unwrap();
            pair.run_for(Duration::from_secs(5));
            while pair.hosts[1 - from].read(100_000).is_ok() {}
            pair.run_for(Duration::from_secs(5));
        }
    }
    let used = resting(&mut pair);
    assert!(new.iter().all(|bytes| *bytes <= 220), "{new:?}, then {used:?}");
    assert!(used.iter().all(|bytes| *bytes <= 300), "{new:?}, then {used:?}");
}

/// The bounds that a SYN flood and a busy server rely on.
#[test]
fn the_small_phases_are_small() {
    assert!(size_of::<SynSent>() <= 256);
    assert!(size_of::<SynReceived>() <= 128);
    assert!(size_of::<TimeWait>() <= 64);
}
