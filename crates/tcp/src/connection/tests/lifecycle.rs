use crate::Config;
use crate::testing::{Host, Link, Pair};
use core::time::Duration;
use limpid_event::TcpState;

fn pair(link: Link) -> Pair {
    // The article's Linux had smaller buffers.
    let config = Config { recv_buffer_max: 6_291_456, ..Config::default() };
    let mut client = Host::new(config.clone());
    client.connect();
    Pair::new([client, Host::listening(config)], link, 1)
}

const RTT: Duration = Duration::from_millis(20);

#[test]
fn handshake_and_close_are_the_articles_six_segments() {
    let mut pair = pair(Link::default());
    pair.run_for(RTT * 2);
    assert_eq!(pair.hosts[0].state(), TcpState::Established);
    assert_eq!(pair.hosts[1].state(), TcpState::Established);
    pair.hosts[0].close();
    pair.run_for(RTT / 2);
    assert_eq!(pair.hosts[1].read(10), Ok(alloc::vec![]));
    pair.hosts[1].close();
    pair.run_for(RTT * 2);
    insta::assert_snapshot!(pair.hosts[0].story());
}

/// Writes as much as fits, reads all there is, until all of `data` has come.
fn transfer(pair: &mut Pair, data: &[u8]) -> alloc::vec::Vec<u8> {
    let (mut written, mut got) = (0, alloc::vec::Vec::new());
    while got.len() < data.len() {
        while written < data.len() {
            let Ok(n) = pair.hosts[0].write(&data[written..]) else { break };
            written += n;
        }
        assert!(pair.step(), "stuck after {} of {} bytes", got.len(), data.len());
        while let Ok(bytes) = pair.hosts[1].read(10_000) {
            got.extend(bytes);
        }
    }
    got
}

#[test]
fn a_megabyte_arrives() {
    let mut pair = pair(Link::default());
    pair.run_for(RTT * 2);
    let data: alloc::vec::Vec<u8> = (0..1_000_000u32).map(|n| (n % 251) as u8).collect();
    assert!(transfer(&mut pair, &data) == data);
    assert_eq!(pair.hosts[0].counter(limpid_event::Counter::TcpRetransSegs), 0);
}
