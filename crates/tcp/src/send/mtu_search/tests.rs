use super::*;

fn searching() -> MtuSearch {
    MtuSearch::new(Instant::ZERO, 1064, 1500)
}

/// Sends a probe of the middle and tells what becomes of it.
fn probe(search: &mut MtuSearch, fits: bool) -> u32 {
    let size = search.middle();
    let (start, end) = (SeqNum(100), SeqNum(100 + size - 40));
    search.on_sent(Probe { size, start, end });
    assert!(search.is_probing() && search.would_lose(start) && !search.would_lose(end));
    assert_eq!(search.on_ack(end - 1), None, "a part of it says nothing");
    assert_eq!(if fits { search.on_ack(end) } else { search.on_lost() }, Some(size));
    assert!(!search.is_probing());
    size
}

#[test]
fn the_range_halves_until_it_is_not_worth_more() {
    for path in [1064, 1100, 1280, 1400, 1499, 1500] {
        let mut search = searching();
        let mut probes = 0;
        while !search.is_narrow(8) {
            let fits = search.middle() <= path;
            probe(&mut search, fits);
            probes += 1;
        }
        assert!(search.low() <= path && path < search.low() + 8, "{path}: {search:?}");
        assert!(probes <= 6, "{probes}");
    }
}

#[test]
fn what_was_sent_again_tells_nothing() {
    let mut search = searching();
    search.on_sent(Probe { size: 1282, start: SeqNum(1), end: SeqNum(1243) });
    search.on_inconclusive();
    assert_eq!(search.on_ack(SeqNum(1243)), None);
    assert_eq!(search.on_lost(), None);
    assert_eq!(search, searching());
}

#[test]
fn a_range_upside_down_is_narrow() {
    let mut search = searching();
    search.bound(600);
    assert!(search.is_narrow(8) && search.is_narrow(0));
    search.lower(512);
    assert!(!search.is_narrow(8));
    assert_eq!(search.middle(), 556);
}

#[test]
fn it_is_outdated_after_the_interval() {
    let search = searching();
    let interval = Duration::from_secs(600);
    assert!(!search.is_outdated(Instant::from_millis(599_999), interval));
    assert!(search.is_outdated(Instant::from_millis(600_000), interval));
}
